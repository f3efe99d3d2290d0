// What other workflows tell an escrow: card disputes (chargeback/<id>) and refunds of released money (refund/<id>). Each
// message may come twice and in any order; an ended dispute stays ended.
import type { EscrowState } from '../domain/escrow-state.ts';
import { DAY_MS } from '../domain/periods.ts';
import { canMove, moveMilestone } from '../domain/transitions.ts';
import type { CardDisputeSignal, FraudWarningSignal } from './messages.ts';
import { freeze, untold, unfreeze } from './moves.ts';
import type { RecoveryWord } from './refund-messages.ts';
import { type Mark, STRIPE } from './run.ts';
import { take, takePart } from './taken.ts';

export function cardDispute(state: EscrowState, mark: Mark, signal: CardDisputeSignal): void {
  const known = state.cardDisputes.find((d) => d.id === signal.disputeId);
  if ('milestones' in signal) return perMilestone(known, mark, signal);
  if (signal.kind === 'opened') told(state, mark, signal.disputeId, signal.chargeId);
  const round = signal.round ?? 1;
  const of = known?.round ?? 1;
  // A decision that the bank took back: the dispute goes on as a new round, and what was told of the old one is old.
  const reopened = known !== undefined && round > of;
  if (known && !reopened && (round < of || known.state !== 'open' || signal.kind === 'opened')) return;
  const chargeId = signal.kind === 'opened' ? signal.chargeId : undefined;
  const dispute = known ?? { id: signal.disputeId, state: 'open' as const, ...(chargeId ? { chargeId } : {}) };
  if (!known) state.cardDisputes.push(dispute);
  if (round > 1) dispute.round = round;
  if (reopened) dispute.state = 'open';
  mark.head();
  if (signal.kind === 'opened') {
    const detail = signal.disputeId;
    const since = Date.now();
    // The buyer named milestones: only those are frozen; else everything that the charge paid for.
    if (signal.milestoneIds.length === 0) {
      freeze(state, mark, { reason: 'card_dispute', scope: 'charge', subject: signal.chargeId, detail, since });
    }
    for (const subject of signal.milestoneIds)
      freeze(state, mark, { reason: 'card_dispute', scope: 'milestone', subject, detail, since });
    if (signal.returned) dispute.returned = true;
    const type = dispute.returned ? 'payment.taken_back' : 'card_dispute.opened';
    mark.event(type, STRIPE, null, { dispute_id: signal.disputeId, charge_id: signal.chargeId });
    return;
  }
  dispute.state = signal.kind;
  unfreeze(state, mark, (f) => f.reason === 'card_dispute' && f.detail === signal.disputeId);
  if (signal.kind === 'lost' && !dispute.taken) {
    dispute.taken = true;
    for (const part of signal.accepted ?? []) takePart(state, mark, signal.disputeId, part);
    for (const taken of signal.taken) take(state, mark, signal.disputeId, taken, signal.refunded);
  }
  mark.event(dispute.returned ? 'payment.loss_divided' : `card_dispute.${signal.kind}`, STRIPE, null, {
    dispute_id: signal.disputeId,
  });
}

/** What is on hold while the bank decides, or not any more, and fees passed on: a line of the timeline each, once. */
function perMilestone(
  dispute: EscrowState['cardDisputes'][number] | undefined,
  mark: Mark,
  { kind, disputeId, round, milestones }: Extract<CardDisputeSignal, { milestones: object[] }>,
): void {
  if (dispute === undefined) return;
  const told = (dispute.told ??= []);
  for (const { milestoneId, amount } of milestones) {
    const line = `${kind}:${round}:${milestoneId}`;
    if (told.includes(line)) continue;
    told.push(line);
    mark.head();
    mark.event(`card_dispute.${kind}`, STRIPE, milestoneId, { dispute_id: disputeId, amount, round });
  }
}

/** What a refused refund knew of the dispute before its own word came ends with it. */
function told(state: EscrowState, mark: Mark, disputeId: string, chargeId: string): void {
  const known = state.cardDisputes.find((d) => d.id === disputeId);
  if (known) known.chargeId = chargeId;
  const early = (f: EscrowState['frozen'][number]) => f.reason === 'card_dispute' && f.detail === untold(chargeId);
  if (state.frozen.some(early)) unfreeze(state, mark, early);
}

/** An early fraud warning: frozen once, until ops refund what is unreleased or clear it. */
export function fraudWarning(state: EscrowState, mark: Mark, signal: FraudWarningSignal): void {
  if (state.frozen.some((f) => f.reason === 'fraud_warning' && f.detail === signal.warningId)) return;
  freeze(state, mark, {
    reason: 'fraud_warning',
    scope: 'charge',
    subject: signal.chargeId,
    detail: signal.warningId,
    since: Date.now(),
    until: Date.now() + (state.terms.policy.fraudMs ?? DAY_MS),
  });
  mark.event('fraud_warning.received', STRIPE, null, { warning_id: signal.warningId, charge_id: signal.chargeId });
}

export function recovery(state: EscrowState, mark: Mark, signal: RecoveryWord): void {
  const m = state.milestones.find((x) => x.id === signal.milestoneId);
  if (!m) return;
  // Another refund of the same milestone may have brought it back meanwhile.
  if (signal.status === 'refunded' && m.status === 'released') moveMilestone(m, 'recover');
  if (signal.status === 'recovering' && m.status === 'released') moveMilestone(m, 'recover');
  else if (signal.status === 'refunded' && m.status === 'recovering')
    moveMilestone(m, 'recovered', (signal.left ?? m.accepted - signal.amount) <= 0 ? 'refunded' : 'released');
  else if (signal.status === 'released' && canMove(m, 'not_recovered')) moveMilestone(m, 'not_recovered');
  else return;
  mark.milestone(m);
  mark.event(`milestone.${signal.status === 'released' ? 'not_recovered' : signal.status}`, STRIPE, m.id, {
    refund_id: signal.refundId,
    amount: signal.amount,
  });
}
