// How much of released money was taken back: asked, reserved under a lock of its parts, given back when it failed. Refunds
// after release and chargebacks pass through here, so that no two take the same money.
import type { Role } from '../domain/escrow-state.ts';
import { type ReleasedPart, takeFrom } from '../domain/recovery.ts';
import type { Queryable, Tx } from './client.ts';
import { queueMessages } from './messages.ts';

export type RecoveryStatus = 'asked' | 'reserved' | 'refunded' | 'undone' | 'lapsed' | 'refused';

export interface Recovery {
  id: string;
  escrow_id: string;
  milestone_id: string;
  amount: bigint;
  currency: string;
  status: RecoveryStatus;
  asked_by: string | null;
  asked_role: Role | null;
  reason: string;
  expires_at: Date | null;
  pieces: StoredPiece[];
}

type StoredPiece = Record<'part' | 'amount' | 'principal' | 'sellerFee' | 'buyerFee', number>;

export interface NewRecovery {
  /** A refund's id, or a dispute's. */
  id: string;
  escrowId: string;
  milestoneId: string;
  /** Principal, terms' currency. */
  amountMinor: bigint;
  currency: string;
  reason: string;
  by?: { id: string; role: Role } | undefined;
}

interface PartRow {
  part: number;
  amount: bigint;
  principal: bigint;
  seller_fee: bigint;
  buyer_fee: bigint;
}

/** What of each released part was not taken back yet. The rows are made from what the release itself has projected. */
async function lockParts(tx: Tx, escrowId: string, milestoneId: string): Promise<ReleasedPart[]> {
  await tx`
    INSERT INTO recovered_parts (milestone_id, part, amount, principal, seller_fee, buyer_fee)
    SELECT m.id, (r ->> 'part')::integer, (r ->> 'amount')::bigint, (r ->> 'principal')::bigint,
           (r ->> 'sellerFee')::bigint, (r ->> 'buyerFee')::bigint
    FROM milestones m, jsonb_array_elements(m.state -> 'releases') r
    WHERE m.id = ${milestoneId} AND m.escrow_id = ${escrowId} AND r ->> 'status' = 'released'
    ORDER BY 2 ON CONFLICT DO NOTHING`;
  const rows = await tx<PartRow[]>`
    SELECT part, amount - recovered_amount AS amount, principal - recovered_principal AS principal,
           seller_fee - recovered_seller_fee AS seller_fee, buyer_fee - recovered_buyer_fee AS buyer_fee
    FROM recovered_parts WHERE milestone_id = ${milestoneId} ORDER BY part FOR UPDATE`;
  return rows.map((r) => ({
    part: r.part,
    amountMinor: r.amount,
    principalMinor: r.principal,
    sellerFeeMinor: r.seller_fee,
    buyerFeeMinor: r.buyer_fee,
  }));
}

/** The same without a lock and without a row: for a look. */
export async function releasedParts(sql: Queryable, escrowId: string, milestoneId: string): Promise<ReleasedPart[]> {
  return sql<ReleasedPart[]>`
    SELECT (r ->> 'part')::integer AS part,
           coalesce(p.amount - p.recovered_amount, (r ->> 'amount')::bigint) AS "amountMinor",
           coalesce(p.principal - p.recovered_principal, (r ->> 'principal')::bigint) AS "principalMinor",
           coalesce(p.seller_fee - p.recovered_seller_fee, (r ->> 'sellerFee')::bigint) AS "sellerFeeMinor",
           coalesce(p.buyer_fee - p.recovered_buyer_fee, (r ->> 'buyerFee')::bigint) AS "buyerFeeMinor"
    FROM milestones m CROSS JOIN LATERAL jsonb_array_elements(m.state -> 'releases') r
    LEFT JOIN recovered_parts p ON p.milestone_id = m.id AND p.part = (r ->> 'part')::integer
    WHERE m.id = ${milestoneId} AND m.escrow_id = ${escrowId} AND r ->> 'status' = 'released' ORDER BY 1`;
}

const sumOf = (parts: readonly ReleasedPart[]): bigint => parts.reduce((a, p) => a + p.amountMinor, 0n);

/** Principal released and not taken back, terms' currency. */
export async function releasedLeft(tx: Tx, escrowId: string, milestoneId: string): Promise<bigint> {
  return sumOf(await lockParts(tx, escrowId, milestoneId));
}

export type Reserved =
  | { kind: 'reserved'; pieces: ReleasedPart[]; leftMinor: bigint }
  | { kind: 'refused'; status: RecoveryStatus | null; leftMinor: bigint };

/**
 * Takes `amountMinor` of what was released, or refuses where less is left. Of several at once each sees what the others
 * took. A repetition answers the pieces of the first time.
 */
export async function reserveRecovery(tx: Tx, r: NewRecovery): Promise<Reserved> {
  await tx`
    INSERT INTO recoveries (id, escrow_id, milestone_id, amount, currency, status, asked_by, asked_role, reason)
    VALUES (${r.id}, ${r.escrowId}, ${r.milestoneId}, ${r.amountMinor}, ${r.currency}, 'refused',
            ${r.by?.id ?? null}, ${r.by?.role ?? null}, ${r.reason})
    ON CONFLICT (id) DO NOTHING`;
  const known = (await lockRecovery(tx, r.id))!;
  const parts = await lockParts(tx, r.escrowId, r.milestoneId);
  if (known.status === 'reserved' || known.status === 'refunded') {
    return { kind: 'reserved', pieces: known.pieces.map(fromStored), leftMinor: sumOf(parts) };
  }
  if (known.status === 'undone' || known.status === 'lapsed') {
    return { kind: 'refused', status: known.status, leftMinor: sumOf(parts) };
  }
  const pieces = takeFrom(parts, known.amount);
  if (pieces === null) {
    await setRecoveryStatus(tx, r.id, 'refused');
    return { kind: 'refused', status: null, leftMinor: sumOf(parts) };
  }
  for (const p of pieces) await take(tx, r.milestoneId, p, 1n);
  await tx`
    UPDATE recoveries SET status = 'reserved', pieces = ${tx.json(pieces.map(toStored))}, updated_at = now() WHERE id = ${r.id}`;
  return { kind: 'reserved', pieces, leftMinor: sumOf(parts) - known.amount };
}

/** It failed, and its seller has the money again: others may take it back. */
export async function undoRecovery(tx: Tx, id: string): Promise<void> {
  const known = await lockRecovery(tx, id);
  if (known === null || (known.status !== 'reserved' && known.status !== 'refunded')) return;
  for (const piece of known.pieces) await take(tx, known.milestone_id, fromStored(piece), -1n);
  await setRecoveryStatus(tx, id, 'undone');
}

async function take(tx: Tx, milestoneId: string, p: ReleasedPart, sign: bigint): Promise<void> {
  await tx`
    UPDATE recovered_parts SET recovered_amount = recovered_amount + ${sign * p.amountMinor},
      recovered_principal = recovered_principal + ${sign * p.principalMinor},
      recovered_seller_fee = recovered_seller_fee + ${sign * p.sellerFeeMinor},
      recovered_buyer_fee = recovered_buyer_fee + ${sign * p.buyerFeeMinor}
    WHERE milestone_id = ${milestoneId} AND part = ${p.part}`;
}

/** Writes the question that the other side answers. Null: there is another open one for the milestone. */
export async function askRecovery(tx: Tx, r: NewRecovery & { expiresAt: Date }): Promise<Recovery | null> {
  const [made] = await tx<Recovery[]>`
    INSERT INTO recoveries (id, escrow_id, milestone_id, amount, currency, status, asked_by, asked_role, reason, expires_at)
    VALUES (${r.id}, ${r.escrowId}, ${r.milestoneId}, ${r.amountMinor}, ${r.currency}, 'asked', ${r.by?.id ?? null},
            ${r.by?.role ?? null}, ${r.reason}, ${r.expiresAt})
    ON CONFLICT DO NOTHING RETURNING *`;
  if (made) await tellOtherSide(tx, made);
  return made ?? findRecovery(tx, r.id);
}

async function tellOtherSide(tx: Tx, r: Recovery): Promise<void> {
  const [of] = await tx<{ title: string; milestone: string; buyer_id: string; seller_id: string }[]>`
    SELECT e.title, m.state ->> 'title' AS milestone, e.buyer_id, m.seller_id
    FROM milestones m JOIN escrows e ON e.id = m.escrow_id WHERE m.id = ${r.milestone_id}`;
  const personId = r.asked_role === 'buyer' ? of!.seller_id : of!.buyer_id;
  const data = { title: of!.title, milestone: of!.milestone, amount: Number(r.amount), currency: r.currency, until: r.expires_at?.getTime() ?? null }; // prettier-ignore
  await queueMessages(tx, [{ kind: 'released_refund_request', key: `recovery:${r.id}`, personId, escrowId: r.escrow_id, data }]); // prettier-ignore
}

export async function setRecoveryStatus(tx: Tx, id: string, status: RecoveryStatus): Promise<void> {
  await tx`UPDATE recoveries SET status = ${status}, updated_at = now() WHERE id = ${id} AND status <> ${status}`;
}

async function lockRecovery(tx: Tx, id: string): Promise<Recovery | null> {
  const [row] = await tx<Recovery[]>`SELECT * FROM recoveries WHERE id = ${id} FOR UPDATE`;
  return row ?? null;
}

export async function findRecovery(sql: Queryable, id: string): Promise<Recovery | null> {
  const [row] = await sql<Recovery[]>`SELECT * FROM recoveries WHERE id = ${id}`;
  return row ?? null;
}

export interface RefundOfReleased {
  escrow_id: string;
  milestone_id: string;
  seller_id: string;
  payment_id: string;
  payment_intent_id: string;
  charge_id: string;
  /** What the buyer got, terms' currency. */
  amount: bigint;
  currency: string;
  settlement_currency: string;
  /** Principal, terms' currency. */
  principal: bigint;
  reason: string;
  /** As it was posted, settlement currency: taken back, owed, and given back of the fees. */
  reversed: bigint;
  shortfall: bigint;
  fee_returned: bigint;
}

/** A refund of released money as it was made. Null: no such refund, or one that was undone already. */
export async function refundOfReleased(sql: Queryable, id: string): Promise<RefundOfReleased | null> {
  const [row] = await sql<RefundOfReleased[]>`
    SELECT m.escrow_id, m.milestone_id, m.seller_id, m.payment_id, p.stripe_id AS payment_intent_id, m.stripe_charge_id AS charge_id,
           m.amount, m.currency, m.settlement_currency, r.amount AS principal, r.reason,
           coalesce(sum(e.amount) FILTER (WHERE e.account_class = 'on_hold'), 0)::bigint AS reversed,
           coalesce(sum(e.amount) FILTER (WHERE e.account_class = 'receivable'), 0)::bigint AS shortfall,
           coalesce(sum(e.amount) FILTER (WHERE e.account_class = 'fee_revenue'), 0)::bigint AS fee_returned
    FROM movements m
    JOIN movements p ON p.id = m.payment_id
    JOIN recoveries r ON r.id = m.id AND r.status = 'refunded'
    JOIN ledger_transactions t ON t.idempotency_key = 'refund_asked:' || m.id
    JOIN ledger_entries e ON e.transaction_id = t.id
    WHERE m.id = ${id} AND m.kind = 'refund'
    GROUP BY m.id, p.stripe_id, r.amount, r.reason`;
  return row ?? null;
}

/** The question about this milestone that waits for an answer. */
export async function openQuestion(sql: Queryable, escrowId: string, milestoneId: string): Promise<Recovery | null> {
  const [row] = await sql<Recovery[]>`
    SELECT * FROM recoveries WHERE escrow_id = ${escrowId} AND milestone_id = ${milestoneId} AND status = 'asked'`;
  return row ?? null;
}

const toStored = (p: ReleasedPart): StoredPiece => ({
  part: p.part,
  amount: Number(p.amountMinor),
  principal: Number(p.principalMinor),
  sellerFee: Number(p.sellerFeeMinor),
  buyerFee: Number(p.buyerFeeMinor),
});

const fromStored = (p: StoredPiece): ReleasedPart => ({
  part: p.part,
  amountMinor: BigInt(p.amount),
  principalMinor: BigInt(p.principal),
  sellerFeeMinor: BigInt(p.sellerFee),
  buyerFeeMinor: BigInt(p.buyerFee),
});
