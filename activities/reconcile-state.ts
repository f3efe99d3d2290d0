// The passes of reconciliation that are no list of Stripe's: what is still open, sellers' accounts, the balance, the
// workflows, the invariants.
import { createHash } from 'node:crypto';
import { checkInvariants } from '../db/invariants.ts';
import { ledgerTotals } from '../db/invariants-stripe.ts';
import { workflowsCompared } from '../db/invariants-workflows.ts';
import { raiseAlert } from '../db/movements.ts';
import { driftFound, insertDifferences } from '../db/reconciliation.ts';
import { knownObjects, withEvents } from '../db/reconciliation-known.ts';
import { expectedAtSeller, openDisputes, openMovements, type OpenMovement, paymentOf, payoutsKnown, type SellerAccount, sellersOf } from '../db/reconciliation-open.ts'; // prettier-ignore
import type { EscrowState } from '../domain/escrow-state.ts';
import {
  type BookList,
  type BookObject,
  type Difference,
  eventWords,
  judgeObject,
  type Side,
} from '../domain/reconciliation.ts';
import type { ReconciliationFigures, ReconciliationRunWord } from './reconcile-contract.ts';
import { type ActivityDeps, asFailure, goingOn } from './stripe-call.ts';

export interface ReconcileDeps extends Pick<ActivityDeps, 'sql' | 'payments' | 'logger'> {
  /** What an open escrow's workflow says of itself; null where none runs. */
  escrowState: (escrowId: string) => Promise<EscrowState | null>;
  /** Escrows whose workflow runs. */
  runningEscrows: () => AsyncIterable<string>;
}

const PAGE = 100;
const TRIES = 5;
const PAUSE_MS = 1000;

/** Movements and disputes that have not ended, however old: each is asked of Stripe by its id. */
export function reconcileOpen(deps: ReconcileDeps, run: ReconciliationRunWord): Promise<ReconciliationFigures> {
  const { sql } = deps;
  return goingOn({ movement: '', dispute: '', open: 0 }, async (start, moved) => {
    let cursor = start;
    const judged = async (found: Difference | null, to: Partial<typeof start>): Promise<void> => {
      if (found !== null) await insertDifferences(sql, run.runId, [found]);
      cursor = { ...cursor, ...to, open: cursor.open + 1 };
      moved(cursor);
    };
    for (;;) {
      const movements = await openMovements(sql, cursor.movement, PAGE);
      if (movements.length === 0) break;
      for (const m of movements) {
        const found = m.kind === 'payment' ? await judgeIntent(deps, m) : await judgeById(deps, m.kind, m.stripe_id);
        await judged(found, { movement: m.id });
      }
    }
    for (;;) {
      // Newer ones stand on Stripe's list of this run.
      const disputes = await openDisputes(sql, new Date(run.from), cursor.dispute, PAGE);
      if (disputes.length === 0) return { open: cursor.open };
      for (const { id, stripe_dispute_id } of disputes) {
        await judged(await judgeById(deps, 'dispute', stripe_dispute_id), { dispute: id });
      }
    }
  });
}

async function judgeById({ sql, payments }: ReconcileDeps, list: BookList, id: string): Promise<Difference | null> {
  const object: BookObject | null = await asFailure(() => payments.journal.object(list, id));
  if (object === null) return null;
  const known = await withEvents(sql, [object], await knownObjects(sql, [object]));
  return judgeObject(object, known.get(id)!);
}

async function judgeIntent({ sql, payments }: ReconcileDeps, m: OpenMovement): Promise<Difference | null> {
  const intent = await asFailure(() => payments.retrievePaymentIntent(m.stripe_id));
  const status = intent.status === 'requires_confirmation' ? 'requires_payment_method' : intent.status;
  if (status === m.status) return null;
  const { charge } = intent;
  const object: BookObject = { id: charge?.id ?? intent.id, kind: 'charge', status: intent.rawStatus, amountMinor: intent.amountMinor, currency: intent.currency, createdAt: m.created_at.getTime(), metadata: intent.metadata, chargeId: charge?.id ?? null, paymentIntentId: intent.id, transferId: null, balanceTransactionId: charge?.balanceTransaction?.id ?? null }; // prettier-ignore
  const known = (await withEvents(sql, [object], await knownObjects(sql, [object]))).get(object.id)!;
  return {
    kind: status === 'succeeded' ? 'payment_not_posted' : 'payment_status',
    subject: object.id,
    escrowId: m.escrow_id,
    amountMinor: intent.amountMinor,
    currency: intent.currency,
    stripe: { object: intent.id, status: intent.rawStatus, charge: charge?.id ?? null },
    ours: { id: m.id, kind: 'payment', status: m.status, amount: Number(m.amount) },
    cause: `Stripe says ${intent.rawStatus.replaceAll('_', ' ')}, here the payment is ${m.status.replaceAll('_', ' ')}. ${eventWords(known)}`,
    repairs: ['deliver_event', 'explain'],
    look: { list: 'payment_intent', id: intent.id },
    happenedAt: m.created_at.getTime(),
  };
}

/** A payment's difference, once more. */
export async function judgeIntentAgain(deps: ReconcileDeps, intentId: string): Promise<Difference | null> {
  const payment = await paymentOf(deps.sql, intentId);
  return payment === null ? null : judgeIntent(deps, payment);
}

/** Sellers whose money moved: payouts as Stripe has them, and their balance against what they should have left. */
export function reconcileSellers(
  deps: ReconcileDeps,
  { runId, from }: ReconciliationRunWord,
): Promise<ReconciliationFigures> {
  const { sql } = deps;
  return goingOn({ after: '', sellers: 0, payouts: 0 }, async (start, moved) => {
    let { after, sellers, payouts } = start;
    for (;;) {
      const page = await sellersOf(sql, new Date(from), after, PAGE);
      if (page.length === 0) return { sellers, seller_payouts: payouts };
      for (const seller of page) {
        const found = await payoutsOf(deps, seller, from);
        await insertDifferences(sql, runId, found.differences);
        await insertDifferences(sql, runId, await sellerBalance(deps, seller, found.unknown));
        [after, sellers, payouts] = [seller.id, sellers + 1, payouts + found.seen];
        moved({ after, sellers, payouts });
      }
    }
  });
}

/** What Stripe paid out to a bank that our memo does not have, per currency; it explains a part of the balance. */
type Unknown = Map<string, bigint>;

async function payoutsOf(
  { sql, payments }: ReconcileDeps,
  seller: SellerAccount,
  from: number,
): Promise<{ differences: Difference[]; unknown: Unknown; seen: number }> {
  const differences: Difference[] = [];
  const unknown: Unknown = new Map();
  let seen = 0;
  let after: string | undefined;
  for (;;) {
    const page = await asFailure(() => payments.journal.objects('payout', { from, after, account: seller.account })); // prettier-ignore
    const known = await payoutsKnown(sql, page.data.map((p) => p.id)); // prettier-ignore
    const events = await withEvents(sql, page.data, new Map());
    for (const p of page.data) {
      const status = known.get(p.id) ?? null;
      if (status === p.status) continue;
      if (status === null && !['failed', 'canceled'].includes(p.status)) unknown.set(p.currency, (unknown.get(p.currency) ?? 0n) + p.amountMinor); // prettier-ignore
      differences.push({
        kind: 'seller_payout',
        subject: p.id,
        escrowId: null,
        amountMinor: p.amountMinor,
        currency: p.currency,
        stripe: { object: p.id, status: p.status, amount: Number(p.amountMinor), account: seller.account },
        ours: status === null ? null : { id: p.id, kind: 'payout', status },
        cause: `A payout to seller ${seller.id} is ${p.status.replaceAll('_', ' ')} at Stripe, ${status === null ? 'and not known here' : `here it is ${status.replaceAll('_', ' ')}`}. ${eventWords({ event: events.get(p.id)?.event ?? null })}`,
        repairs: ['deliver_event', 'explain'],
        look: null,
        happenedAt: p.createdAt,
      });
    }
    seen += page.data.length;
    after = page.data.at(-1)?.id;
    if (!page.more) return { differences, unknown, seen };
  }
}

/** Transferred − reversed − paid out is what a seller's balance at Stripe should hold. */
async function sellerBalance({ sql, payments }: ReconcileDeps, seller: SellerAccount, unknown: Unknown): Promise<Difference[]> {
  for (let attempt = 1; ; attempt += 1) {
    const expected = await expectedAtSeller(sql, seller.id);
    const balances = await asFailure(() => payments.retrieveConnectedBalance(seller.account));
    const differences = [...expected].flatMap(([currency, minor]): Difference[] => {
      const should = minor - (unknown.get(currency) ?? 0n);
      const b = balances.find((each) => each.currency === currency);
      const has = b === undefined ? 0n : b.availableMinor + b.pendingMinor;
      if (has === should) return [];
      return [
        {
          kind: 'seller_balance',
          subject: `${seller.id}:${currency}`,
          escrowId: null,
          amountMinor: has - should,
          currency,
          stripe: { account: seller.account, balance: Number(has) },
          ours: { seller: seller.id, expected: Number(should) },
          cause: `Seller ${seller.id} has ${has} at Stripe where transfers less reversals less payouts leave ${should}: money moved on the account outside of them, such as a transfer or adjustment by hand, a fee for an instant payout, a debit for a negative balance, or a conversion into another currency.`,
          repairs: ['explain'],
          look: null,
          happenedAt: null,
        },
      ];
    });
    // A transfer may be at Stripe and not yet in our rows.
    if (differences.length === 0 || attempt === TRIES) return differences;
    await pause();
  }
} // prettier-ignore

/** The ledger's stripe accounts against Stripe's Balance; what the differences above do not explain is one of its own. */
export async function reconcileBalance({ sql, payments }: ReconcileDeps, { runId }: ReconciliationRunWord): Promise<ReconciliationFigures> {
  for (let attempt = 1; ; attempt += 1) {
    const [ledger, balances, found] = [await ledgerTotals(sql), await asFailure(() => payments.balance()), await driftFound(sql, runId)];
    const currencies = new Set([...ledger.keys(), ...balances.map((b) => b.currency)]);
    const rests = [...currencies].flatMap((currency) => {
      const b = balances.find((each) => each.currency === currency);
      const atStripe = b === undefined ? 0n : b.availableMinor + b.pendingMinor;
      const ours = ledger.get(currency) ?? 0n;
      const rest = atStripe - ours - (found.get(currency) ?? 0n);
      return rest === 0n ? [] : [{ currency, atStripe, ours, rest }];
    });
    if (rests.length > 0 && attempt < TRIES) {
      await pause();
      continue;
    }
    await insertDifferences(sql, runId, rests.map(({ currency, atStripe, ours, rest }): Difference => ({
      kind: 'balance_drift',
      subject: currency,
      escrowId: null,
      amountMinor: rest,
      currency,
      stripe: { balance: Number(atStripe) },
      ours: { ledger: Number(ours), explained: Number(found.get(currency) ?? 0n) },
      cause: 'Stripe’s balance and the ledger are apart by more than the differences of this run explain: something older than its window is not posted, or money moves at this very moment. Run again over more days; `npm run verify` compares the whole history.',
      repairs: ['explain'],
      look: null,
      happenedAt: null,
    })));
    for (const { currency, rest } of rests) {
      await raiseAlert(sql, { kind: 'balance_drift', key: `balance_drift:${runId}:${currency}`, detail: { run: runId, currency, drift: Number(rest) } });
    }
    return { currencies: currencies.size };
  }
} // prettier-ignore

/** The projection of every open escrow against its workflow. */
export function reconcileWorkflows(
  { sql, escrowState, runningEscrows }: ReconcileDeps,
  { runId }: ReconciliationRunWord,
): Promise<ReconciliationFigures> {
  return goingOn({ after: '', found: 0 }, async (start, moved) => {
    let { found } = start;
    const again = { tries: TRIES, pauseMs: PAUSE_MS };
    for await (const { after, broken } of workflowsCompared(sql, escrowState, again, runningEscrows, start)) {
      await insertDifferences(sql, runId, broken.map(workflowDiffers));
      found += broken.length;
      moved({ after, found });
    }
    const [row] = await sql<{ open: number }[]>`SELECT count(*)::integer AS open FROM escrows WHERE status NOT IN ('completed', 'cancelled', 'expired')`; // prettier-ignore
    return { workflows: row!.open };
  });
}

function workflowDiffers(row: object): Difference {
  const { escrow_id: escrowId, milestone_id: milestoneId, ...more } = row as { escrow_id: string; milestone_id?: string } & Side; // prettier-ignore
  return {
    kind: 'workflow_differs',
    subject: milestoneId ?? escrowId,
    escrowId,
    amountMinor: null,
    currency: null,
    stripe: null,
    ours: more,
    cause: 'What pages show of this escrow is not what its workflow says: the last projection was lost, a row was changed by hand, or its workflow was ended from outside.',
    repairs: ['project_again', 'explain'],
    look: null,
    happenedAt: null,
  };
} // prettier-ignore

/** The thirteen invariants over the database; Stripe and the workflows are asked by the passes before. */
export async function reconcileInvariants({ sql }: ReconcileDeps, { runId }: ReconciliationRunWord): Promise<ReconciliationFigures> {
  const results = await checkInvariants(sql);
  await insertDifferences(sql, runId, results.flatMap(({ number, name, rows }) => rows.map((row): Difference => {
    const plain = JSON.parse(JSON.stringify(row, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))) as Side;
    const digest = createHash('sha256').update(JSON.stringify(plain)).digest('hex').slice(0, 16);
    return {
      kind: 'invariant',
      subject: `${number}:${digest}`,
      escrowId: typeof plain['escrow_id'] === 'string' ? plain['escrow_id'] : null,
      amountMinor: null,
      currency: null,
      stripe: null,
      ours: plain,
      cause: `Invariant ${number} is broken: ${name}. The row says where; docs/architecture.md says what should have held it.`,
      repairs: ['explain'],
      look: null,
      happenedAt: null,
    };
  })));
  return { invariants: results.length };
} // prettier-ignore

const pause = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, PAUSE_MS);
  });
