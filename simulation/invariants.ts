// What must hold when a schedule has come to its end: the money adds up, nothing happened twice, and books, workflows, Stripe and
// projection say the same.
import { isFinal, phaseOf } from '../domain/chargeback.ts';
import { type EscrowState, isEscrowEnd, type MilestoneState, snapshotOf, standingParts } from '../domain/escrow-state.ts'; // prettier-ignore
import { CHARGEBACK_WORKFLOW, type ChargebackWord } from '../workflows/chargeback-messages.ts';
import { REFUND_WORKFLOW, type ReleasedRefundWord, refundWorkflowId } from '../workflows/refund-messages.ts';
import type { Beside } from './beside.ts';
import { Broken, type HeldMilestone } from './books.ts';
import { openRest } from './debts.ts';
import { againIdOf } from './recoveries.ts';
import type { World } from './world.ts';

const broken = (holds: boolean, what: string): void => {
  if (!holds) throw new Broken(what);
};

/** @throws Broken */
export function invariants(world: World, state: EscrowState): void {
  const { store, stripe } = world;
  broken(isEscrowEnd(state.status), `ended as ${state.status}`);
  // No effect twice: one transfer for each part, one refund for each id, one charge for each payment.
  const twice = (ids: string[], what: string) => broken(new Set(ids).size === ids.length, `two ${what} for one: ${ids.join(' ')}`); // prettier-ignore
  twice(stripe.transfers.map((t) => t.transferId), 'transfers'); // prettier-ignore
  twice(stripe.refunds.map((r) => r.refundId), 'refunds'); // prettier-ignore
  twice([...stripe.intents.values()].filter((i) => i.status === 'succeeded').map((i) => i.paymentId), 'charges'); // prettier-ignore
  for (const [id, m] of store.milestones) {
    broken(m.funded + m.owed + m.absorbed === m.held + m.feeUnearned + m.payable + m.transferred + m.setOff - m.takenBack + m.onHold + m.refunded + m.chargedBack + m.fees, `the money of ${id} does not add up: ${JSON.stringify(m)}`); // prettier-ignore
    broken(m.held + m.feeUnearned + m.payable + m.onHold === 0, `${id} ended with money left: ${JSON.stringify(m)}`);
    const sent = stripe.transfers.filter((t) => t.transferId.startsWith(`trf_${id.slice(3)}_`)).reduce((sum, t) => sum + t.amount, 0); // prettier-ignore
    broken(sent === m.transferred, `${id}: Stripe transferred ${sent}, the books say ${m.transferred}`);
    const reversals = stripe.reversals.filter((r) => r.milestoneId === id);
    const again = stripe.transfers.filter((t) => t.transferId.endsWith('_again') && store.movements.get(t.transferId)?.milestoneId === id); // prettier-ignore
    const sum = (all: { amount: number }[]) => all.reduce((total, x) => total + x.amount, 0);
    const back = sum(reversals) - sum(again);
    broken(back === m.takenBack - m.paidInVain, `${id}: Stripe took ${back} back, the books say ${m.takenBack}`);
    pieces(
      state.milestones.find((x) => x.id === id),
      id,
      m,
    );
  }
  for (const intent of stripe.intents.values()) {
    if (intent.status !== 'succeeded') continue;
    const charge = store.charges.get(intent.chargeId!);
    broken(charge !== undefined, `charge ${intent.chargeId} is not in the books`);
    const back = stripe.refunds.filter((r) => r.intentId === intent.id && r.status !== 'failed');
    const byBank = [...world.failedRefunds.rows.values()].some((f) => f.made.milestone === null && f.made.chargeId === intent.chargeId && f.status === 'paid_by_bank'); // prettier-ignore
    if (!charge!.allocated) broken(back.reduce((sum, r) => sum + r.amount, 0) === (byBank ? 0 : intent.amount), `a late payment was not given back: ${JSON.stringify(charge)}`); // prettier-ignore
  }
  for (const [id, beside] of world.besides.all) {
    broken(beside.over, `${id} does not end`);
    if (beside.type === REFUND_WORKFLOW) refundEnded(world, id, beside);
    if (beside.type === CHARGEBACK_WORKFLOW) disputeEnded(world, id, beside);
  }
  cameBack(world);
  for (const d of world.debts.rows.values()) broken(d.status !== 'open' && openRest(d) === 0, `${d.id} has ended with an open rest: ${JSON.stringify(d)}`); // prettier-ignore
  for (const [id, d] of world.bank.disputes) broken(world.chargebacks.rows.has(id), `nobody heard of dispute ${id}, which is ${d.status}`); // prettier-ignore
  projection(store, state);
}

/** A refund of released money has ended, and Stripe's word of it is the workflow's. */
function refundEnded({ stripe, debts }: World, workflowId: string, { result }: Beside): void {
  const { refundId, status } = result as ReleasedRefundWord;
  broken(['refunded', 'undone', 'lapsed', 'refused'].includes(status), `${workflowId} ended ${status}`);
  const given = stripe.refunds.filter((r) => r.refundId === refundId && r.status !== 'failed').length;
  broken(given === (status === 'refunded' ? 1 : 0), `${workflowId} ended ${status}, and Stripe knows ${given} refunds of it`); // prettier-ignore
  const reversed = stripe.reversals.filter((r) => r.recoveryId === refundId).length;
  const again = stripe.transfers.filter((t) => t.transferId === againIdOf(refundId)).length;
  // What the seller had paid of its debt comes to them with what was reversed.
  const due = reversed > 0 || (debts.rows.get(`recovery:${refundId}`)?.recovered ?? 0) > 0 ? 1 : 0;
  broken(again === (status === 'refunded' ? 0 : due), `${workflowId} ended ${status} with ${reversed} reversals, and its seller was paid again ${again} times`); // prettier-ignore
}

/** What came back after the escrow's end has reached the buyer once: by Stripe, or by the platform's bank. */
function cameBack({ failedRefunds, stripe, store, besides }: World): void {
  for (const f of failedRefunds.rows.values()) {
    broken(f.status === 'repaid' || f.status === 'paid_by_bank', `refund ${f.id} came back, and is ${f.status}`);
    const given = stripe.refunds.filter((r) => r.status !== 'failed' && (r.refundId === f.id || failedRefunds.originOf(r.refundId) === f.id)).length; // prettier-ignore
    broken(
      given === (f.status === 'repaid' && f.code !== 'charged_back' ? 1 : 0),
      `refund ${f.id} is ${f.status}, and Stripe made ${given}`,
    );
  }
  for (const r of stripe.refunds) {
    const movement = store.movements.get(r.refundId)!;
    broken(besides.all.has(refundWorkflowId(r.refundId)) || movement.status === r.status, `refund ${r.refundId} is ${r.status} at Stripe and ${movement.status} in the books`); // prettier-ignore
  }
}

/** A bank has decided: its money is in the books to the unit, borne by somebody or given back, and each loss once. */
function disputeEnded({ bank, chargebacks, store }: World, workflowId: string, { result }: Beside): void {
  const { disputeId, status, phase } = result as ChargebackWord;
  const d = bank.disputes.get(disputeId)!;
  const row = chargebacks.rows.get(disputeId)!;
  broken(phase === 'settled' && status === d.status && isFinal(phaseOf(status)), `${workflowId} ended ${phase} at ${status}, and Stripe says ${d.status}`); // prettier-ignore
  broken(d.money.every((bt) => store.postings.has(`dispute:${bt.id}`)), `${workflowId}: not all that the bank moved is in the books`); // prettier-ignore
  // What comes back after the loss was divided waits for a person.
  broken(row.receivable === 0 || (row.plan !== undefined && row.receivable < 0), `${workflowId} ended ${status}, and nobody has borne ${row.receivable}`); // prettier-ignore
  broken(status !== 'lost' || row.settled, `${workflowId} is lost, and its loss is not settled`);
  for (const [id, r] of chargebacks.recoveriesOf(disputeId)) broken(r.status !== 'reserved', `${workflowId}: reversal ${id} has no outcome`); // prettier-ignore
}

/** The workflow's pieces of a milestone are what the books moved. */
function pieces(m: MilestoneState | undefined, id: string, booked: HeldMilestone): void {
  if (m === undefined) throw new Broken(`the books know ${id}, the workflow does not`);
  const sum = (all: readonly number[]) => all.reduce((a, b) => a + b, 0);
  const live = standingParts(m);
  broken(sum(live.map((r) => r.payable)) === booked.transferred + booked.setOff, `${id}: the workflow released ${sum(live.map((r) => r.payable))}, the books ${booked.transferred} and ${booked.setOff}`); // prettier-ignore
  broken(
    live.every((r) => r.status === 'released'),
    `${id} ended with a part ${live.map((r) => r.status).join(', ')}`,
  );
  const standing = m.refunds.filter((r) => r.status !== 'failed');
  const taken = sum(standing.map((r) => r.principal)) + sum(live.map((r) => r.principal));
  const gone = sum(m.releases.filter((r) => r.status === 'charged_back').map((r) => r.principal));
  broken(
    taken + gone === (m.funds?.principal ?? 0),
    `${id}: pieces of ${taken} and ${gone} do not make ${m.funds?.principal}`,
  );
  broken(
    m.accepted + m.refunded === m.amount,
    `${id}: ${m.accepted} accepted and ${m.refunded} refunded of ${m.amount}`,
  );
}

/** Nothing is in flight: the projection is the workflow's state. */
function projection(store: World['store'], state: EscrowState): void {
  const { milestones, events, revision, eventSeq, ...head } = snapshotOf(state);
  const { milestones: _m, events: _e, revision: _r, eventSeq: _s, ...shown } = store.head!;
  broken(JSON.stringify(head) === JSON.stringify(shown), `the projection's head differs: ${JSON.stringify(shown).slice(0, 900)} — ${JSON.stringify(head).slice(0, 900)}`); // prettier-ignore
  for (const m of milestones) {
    const known = store.projected.get(m.id);
    broken(JSON.stringify(known) === JSON.stringify(m), `the projection of ${m.id} differs: ${JSON.stringify(known)} — ${JSON.stringify(m)}`); // prettier-ignore
  }
  broken(events.every((e) => store.events.has(e.seq)), `events that are not projected: ${events.map((e) => e.type).join(' ')}`); // prettier-ignore
  broken(revision >= 0 && eventSeq >= 0, 'revisions rise');
}
