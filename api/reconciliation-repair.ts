// Carrying out the repair of a reconciliation's difference, as a second person approved it. Each may run again: what an
// earlier run did is found by its own key.
import type { Approval } from '../db/approvals.ts';
import type { Tx } from '../db/client.ts';
import { storeEvents } from '../db/inbox-queue.ts';
import { post } from '../db/ledger.ts';
import { project } from '../db/projection.ts';
import { raiseAlert } from '../db/movements.ts';
import { changeDifference, type DifferenceRow, explain, findDifference } from '../db/reconciliation.ts';
import { replayStripeEvent } from '../db/stripe-events.ts';
import { RuleError } from '../domain/errors.ts';
import { snapshotOf } from '../domain/escrow-state.ts';
import { account } from '../domain/postings.ts';
import { PaymentsError } from '../payments/errors.ts';
import type { CommandContext } from './commands.ts';
import { Problem } from './problem.ts';
import { postTransaction, postUnexplained } from './reconciliation-postings.ts';

export type Repaired = { ok: true; what: string } | { ok: false; code: string; detail: string };

const no = (code: string, detail: string): Repaired => ({ ok: false, code, detail });
const done = (what: string): Repaired => ({ ok: true, what });

/** @throws Problem where Stripe or Temporal did not answer: the approval stays and is carried out again. */
export async function runRepair(context: CommandContext, approval: Approval): Promise<Repaired> {
  const { run_id: runId, n, repair } = approval.params;
  const d = await findDifference(context.sql, runId as string, n as number);
  if (d === null) return no('not_found', 'The difference is gone: the next run tells whether it is still there.');
  if (d.status === 'repaired') return done(d.outcome ?? 'repaired');
  try {
    switch (repair) {
      case 'explain':
        return done(`explained: ${approval.params['reason']}`);
      case 'deliver_event':
        return await deliver(context, approval, d);
      case 'post':
        return await postIt(context, approval, d);
      case 'correct':
        return await correct(context, approval, d);
      case 'reverse_transfer':
        return await reverseTransfer(context, approval, d);
      case 'project_again':
        return await projectAgain(context, d);
      default:
        return no('repair_unknown', `There is no repair ${String(repair)}.`);
    }
  } catch (error) {
    if (error instanceof RuleError) return no(error.code, error.message);
    if (!(error instanceof PaymentsError)) throw error;
    if (error.kind === 'refused') return no(error.code, error.message);
    throw new Problem('payments_unavailable', undefined, { cause: error });
  }
}

/** With the approval's end: what became of the difference. */
export async function settleRepair(tx: Tx, approval: Approval, result: Repaired): Promise<void> {
  const { run_id: runId, n, repair, reason } = approval.params;
  const of = { runId: runId as string, n: n as number };
  const d = await findDifference(tx, of.runId, of.n);
  if (d === null || d.status === 'repaired') return;
  if (!result.ok) {
    await changeDifference(tx, of, { outcome: result.detail });
    return;
  }
  if (repair === 'explain') await explain(tx, d, { reason: reason as string, approvalId: approval.id });
  await changeDifference(tx, of, {
    status: 'repaired',
    repair: repair as DifferenceRow['repair'],
    outcome: result.what,
  });
}

const EVENTS: readonly { of: RegExp; type: string; like: string }[] = [
  { of: /^payment_/, type: 'payment_intent.succeeded', like: 'payment_intent.%' },
  { of: /^refund_/, type: 'refund.updated', like: '%refund.%' },
  { of: /^dispute_/, type: 'charge.dispute.updated', like: 'charge.dispute.%' },
  { of: /^seller_payout$/, type: 'payout.updated', like: 'payout.%' },
];

/** A debit that a bank returned is told of its charge. */
const RETURNED = { type: 'charge.failed', like: 'charge.failed' };

/**
 * The event that should have told it, once more; one that never came is written by us. Its handler reads the object anew, so
 * that an event without content does what Stripe's own would.
 */
async function deliver({ sql, payments, settings }: CommandContext, approval: Approval, d: DifferenceRow): Promise<Repaired> {
  const ofCharge = d.subject.startsWith('ch_') || d.subject.startsWith('py_');
  const kind = ofCharge && d.kind === 'dispute_not_posted' ? RETURNED : EVENTS.find((e) => e.of.test(d.kind));
  if (kind === undefined) return no('repair_unknown', `No event tells of a difference of kind ${d.kind}.`);
  const objectId = ofCharge && kind !== RETURNED ? ((await payments.journal.object('charge', d.subject))?.paymentIntentId ?? null) : d.subject;
  if (objectId === null) return no('object_missing', `Stripe knows no PaymentIntent of ${d.subject}.`);
  const live = settings.mode === 'live';
  const [known] = await sql<{ id: string }[]>`
    SELECT id FROM stripe_events WHERE object_id = ${objectId} AND type LIKE ${kind.like} AND livemode = ${live} AND state <> 'ignored'
    ORDER BY received_at DESC LIMIT 1`;
  if (known !== undefined) {
    await replayStripeEvent(sql, known.id, live);
    return done(`event ${known.id} replayed`);
  }
  const id = `evt_repair_${approval.id}`;
  const account = (d.stripe?.['account'] as string | undefined) ?? null;
  const body = JSON.stringify({ id, type: kind.type, livemode: live, data: { object: { id: objectId } }, repair: approval.id });
  await storeEvents(sql, [{ id, type: kind.type, objectId, account, livemode: live, apiVersion: null, body }]);
  return done(`event ${id} written for ${objectId}`);
} // prettier-ignore

async function postIt({ sql, payments }: CommandContext, approval: Approval, d: DifferenceRow): Promise<Repaired> {
  const id = d.stripe?.['balance_transaction'];
  const bt = typeof id === 'string' ? await payments.journal.transaction(id) : null;
  if (bt === null) return no('object_missing', 'Stripe has no balance transaction of it: there is nothing to post.');
  const what = await sql.begin((tx) => postTransaction(tx, bt, { difference: d.kind, approval: approval.id }));
  return done(`${bt.id} ${what}`);
}

async function correct({ sql }: CommandContext, approval: Approval, d: DifferenceRow): Promise<Repaired> {
  const { amount, currency, subject } = d;
  if (amount === null || currency === null) return no('amount_unknown', 'The difference has no amount.');
  await sql.begin(async (tx) => {
    await post(tx, {
      key: `corrected:${subject}:${approval.id}`,
      kind: 'correction',
      currency,
      balanceTransactionId: subject,
      cause: { approval: approval.id },
      legs: [
        { account: account.stripeAvailable, amountMinor: amount },
        { account: account.unexplained, amountMinor: -amount },
      ],
    });
    await raiseAlert(tx, { kind: 'unexplained_posting', key: `corrected:${subject}`, detail: { balance_transaction: subject, amount: Number(amount), currency } }); // prettier-ignore
  });
  return done(`${amount} posted as a correction`);
}

/** The whole rest comes back; both of Stripe's bookings are posted, and end as nothing. */
async function reverseTransfer({ sql, payments }: CommandContext, approval: Approval, d: DifferenceRow): Promise<Repaired> {
  const transfer = await payments.retrieveTransfer(d.subject);
  const left = transfer.amountMinor - transfer.reversedMinor;
  if (left > 0n) {
    await payments.createTransferReversal(d.subject, { amountMinor: left, metadata: { approval_id: approval.id } }, `repair:${approval.id}`);
  }
  const reversals = await payments.listTransferReversals(d.subject);
  const booked = [transfer, ...reversals].map((each) => each.balanceTransaction);
  if (booked.some((bt) => bt === null)) throw new Problem('payments_unavailable');
  await sql.begin(async (tx) => {
    for (const bt of booked) await postUnexplained(tx, bt!, { difference: d.kind, approval: approval.id });
  });
  return done(`transfer ${d.subject} reversed`);
} // prettier-ignore

async function projectAgain({ sql, workflows }: CommandContext, d: DifferenceRow): Promise<Repaired> {
  const escrowId = d.escrow_id ?? d.subject;
  const state = await workflows.stateOf(escrowId);
  if (state === null) return no('no_workflow', 'No workflow of this escrow runs: there is nothing to project.');
  await sql.begin((tx) => project(tx, snapshotOf(state)));
  const [row] = await sql<{ status: string; revision: number }[]>`SELECT status, revision FROM escrows WHERE id = ${escrowId}`;
  if (row?.status === state.status && row.revision === state.headRevision) return done('projected again');
  return no('newer_projection', 'The row claims to be newer than its workflow: it was written by hand. Restore it from a backup.');
} // prettier-ignore
