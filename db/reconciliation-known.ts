// What our books know of a page of Stripe's objects: a few look-ups by index for the whole page, never one for each.
import type { BookedTransaction, BookObject, Known } from '../domain/reconciliation.ts';
import { NOTHING_KNOWN } from '../domain/reconciliation.ts';
import type { Queryable, Sql } from './client.ts';

/** What the ledger's stripe accounts got of each balance transaction; one that is not in the map has no posting. */
export async function postedOf(sql: Queryable, ids: readonly string[]): Promise<Map<string, bigint>> {
  const rows = await sql<{ id: string; posted: bigint }[]>`
    SELECT t.stripe_balance_transaction_id AS id,
           coalesce(sum(e.amount) FILTER (WHERE e.account_class IN ('stripe_pending', 'stripe_available', 'stripe_reserved')), 0)::bigint AS posted
    FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id
    WHERE t.stripe_balance_transaction_id = ANY (${[...ids]}) AND t.kind <> 'matured'
    GROUP BY 1`;
  return new Map(rows.map((row) => [row.id, row.posted]));
}

interface OursRow {
  id: string;
  net: bigint;
  currency: string;
  created_at: Date;
  escrow_id: string | null;
}

/** Balance transactions that we recorded in (above, upTo], newest first, in batches. */
export async function* recordedBetween(sql: Sql, above: number, upTo: number): AsyncIterable<OursRow[]> {
  let last: OursRow | undefined;
  for (;;) {
    const rows: OursRow[] = await sql<OursRow[]>`
      SELECT b.id, b.net, b.currency, b.created_at,
             (SELECT t.escrow_id FROM ledger_transactions t WHERE t.stripe_balance_transaction_id = b.id AND t.kind <> 'matured' LIMIT 1) AS escrow_id
      FROM balance_transactions b
      WHERE b.created_at > ${new Date(above)} AND b.created_at <= ${new Date(upTo)}
        AND ${last === undefined ? sql`true` : sql`(b.created_at, b.id) < (${last.created_at}, ${last.id})`}
      ORDER BY b.created_at DESC, b.id DESC LIMIT 500`;
    if (rows.length > 0) yield rows;
    last = rows.at(-1);
    if (rows.length < 500) return;
  }
}

interface MovementRow {
  id: string;
  kind: string;
  status: string;
  escrow_id: string;
  amount: bigint;
  stripe_id: string | null;
  stripe_charge_id: string | null;
  balance_transaction_id: string | null;
}

/** What is known of these objects, by their id. */
export async function knownObjects(sql: Queryable, objects: readonly BookObject[]): Promise<Map<string, Known>> {
  if (objects.length === 0) return new Map();
  const ids = objects.map((o) => o.id);
  const charges = objects.flatMap((o) => (o.chargeId === null ? [] : [o.chargeId]));
  const ours = objects.flatMap((o) => ourIdOf(o) ?? []);
  const transactions = objects.flatMap((o) => o.balanceTransactionId ?? []);
  const intents = objects.flatMap((o) => o.paymentIntentId ?? []);
  const movements = await sql<MovementRow[]>`
    SELECT id, kind, status, escrow_id, amount, stripe_id, stripe_charge_id, balance_transaction_id FROM movements
    WHERE stripe_id = ANY (${[...ids, ...intents]}) OR id = ANY (${ours}) OR balance_transaction_id = ANY (${transactions})
    UNION
    SELECT id, kind, status, escrow_id, amount, stripe_id, stripe_charge_id, balance_transaction_id FROM movements
    WHERE stripe_charge_id = ANY (${charges}) AND kind = 'payment'`;
  const disputes = await sql<{ id: string; status: string; escrow_id: string; stripe_dispute_id: string }[]>`
    SELECT id, status, escrow_id, stripe_dispute_id FROM disputes WHERE stripe_dispute_id = ANY (${ids})`;
  return new Map(
    objects.map((o): [string, Known] => {
      const mine = movements.find((m) => isOf(m, o));
      const charge = movements.find((m) => m.kind === 'payment' && isPaymentOf(m, o));
      const dispute = disputes.find((d) => d.stripe_dispute_id === o.id);
      return [
        o.id,
        {
          movement: mine === undefined ? null : { id: mine.id, kind: mine.kind, status: mine.status, escrowId: mine.escrow_id, amountMinor: mine.amount }, // prettier-ignore
          posted: false,
          arrived: false,
          dispute: dispute === undefined ? null : { id: dispute.id, status: dispute.status, escrowId: dispute.escrow_id }, // prettier-ignore
          chargeEscrowId: charge?.escrow_id ?? null,
          event: null,
        },
      ];
    }),
  );
}

function isOf(m: MovementRow, o: BookObject): boolean {
  if (o.kind === 'charge') return m.kind === 'payment' && (isPaymentOf(m, o) || m.id === ourIdOf(o));
  if (m.kind !== MOVEMENT_OF[o.kind]) return false;
  return m.stripe_id === o.id || m.id === ourIdOf(o) || (o.balanceTransactionId !== null && m.balance_transaction_id === o.balanceTransactionId); // prettier-ignore
}

const isPaymentOf = (m: MovementRow, { chargeId, paymentIntentId }: BookObject): boolean =>
  (chargeId !== null && m.stripe_charge_id === chargeId) ||
  (paymentIntentId !== null && m.stripe_id === paymentIntentId);

const MOVEMENT_OF: Partial<Record<BookObject['kind'], string>> = {
  refund: 'refund',
  transfer: 'transfer',
  transfer_reversal: 'reversal',
};

/** The movement that an object's own metadata names. */
function ourIdOf({ kind, metadata }: BookObject): string | null {
  switch (kind) {
    case 'charge':
      return metadata['payment_id'] ?? null;
    case 'refund':
      return metadata['refund_id'] ?? null;
    case 'transfer':
      return metadata['transfer_id'] ?? metadata['movement_id'] ?? null;
    case 'transfer_reversal':
      return metadata['reversal_id'] ?? metadata['movement_id'] ?? null;
    default:
      return null;
  }
}

/** Of the posting that takes a payout of the platform's own from its way to the bank. */
export const payoutArrivedKey = (payoutId: string): string => `payout_arrived:${payoutId}`;

/** Whether the balance transaction of each has a posting. */
export async function withPostings(
  sql: Queryable,
  objects: readonly BookObject[],
  known: Map<string, Known>,
): Promise<Map<string, Known>> {
  const posted = await postedOf(sql, objects.flatMap((o) => o.balanceTransactionId ?? [])); // prettier-ignore
  const payouts = objects.flatMap((o) => (o.kind === 'payout' ? [payoutArrivedKey(o.id)] : []));
  const rows = payouts.length === 0 ? [] : await sql<{ key: string }[]>`SELECT idempotency_key AS key FROM ledger_transactions WHERE idempotency_key = ANY (${payouts})`; // prettier-ignore
  const arrived = new Set(rows.map((row) => row.key));
  for (const o of objects) {
    const of = known.get(o.id) ?? NOTHING_KNOWN;
    known.set(o.id, { ...of, posted: o.balanceTransactionId !== null && posted.has(o.balanceTransactionId), arrived: arrived.has(payoutArrivedKey(o.id)) }); // prettier-ignore
  }
  return known;
}

/** The newest event about each of these objects, those that wait for somebody first; a charge is told by its PaymentIntent. */
export async function withEvents(
  sql: Queryable,
  objects: readonly BookObject[],
  known: Map<string, Known>,
): Promise<Map<string, Known>> {
  const ids = objects.map((o) => o.id);
  const tellers = objects.map((o) => (o.kind === 'charge' ? o.paymentIntentId : null) ?? o.id);
  const rows = await sql<{ object_id: string; id: string; type: string; state: string; error: string | null }[]>`
    SELECT DISTINCT ON (o.id) o.id AS object_id, e.id, e.type, e.state, e.error
    FROM unnest(${ids}::text[], ${tellers}::text[]) AS o (id, teller)
    JOIN stripe_events e ON e.object_id = o.teller AND e.state <> 'ignored'
    ORDER BY o.id, e.state IN ('parked', 'quarantined', 'received') DESC, e.received_at DESC`;
  for (const { object_id, id, type, state, error } of rows) {
    const of = known.get(object_id) ?? NOTHING_KNOWN;
    known.set(object_id, { ...of, event: { id, type, state, error } });
  }
  return known;
}

/** What is known of the objects behind these balance transactions, by the transaction's id. */
export async function knownTransactions(
  sql: Queryable,
  transactions: readonly BookedTransaction[],
): Promise<Map<string, Known>> {
  const objects = transactions.flatMap((bt) => (bt.source === null ? [] : [{ ...bt.source, balanceTransactionId: bt.id }])); // prettier-ignore
  const known = await withEvents(sql, objects, await knownObjects(sql, objects));
  return new Map(transactions.map((bt) => [bt.id, (bt.source === null ? undefined : known.get(bt.source.id)) ?? NOTHING_KNOWN])); // prettier-ignore
}
