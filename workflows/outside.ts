// What other workflows tell an escrow: card disputes (chargeback/<id>) and refunds of released money (refund/<id>). Each
// message may come twice and in any order; an ended dispute stays ended.
import type { EscrowState, MilestoneState } from '../domain/escrow-state.ts';
import { openAmount } from '../domain/escrow-state.ts';
import { canMove, moveMilestone } from '../domain/transitions.ts';
import type { CardDisputeSignal, FraudWarningSignal } from './messages.ts';
import { freeze, unfreeze } from './moves.ts';
import { endRelease } from './payout.ts';
import type { RecoveryWord } from './refund-messages.ts';
import { type Mark, STRIPE } from './run.ts';

export function cardDispute(state: EscrowState, mark: Mark, signal: CardDisputeSignal): void {
  const known = state.cardDisputes.find((d) => d.id === signal.disputeId);
  if (known && (known.state !== 'open' || signal.kind === 'opened')) return;
  const dispute = known ?? { id: signal.disputeId, state: 'open' as const };
  if (!known) state.cardDisputes.push(dispute);
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
    mark.event('card_dispute.opened', STRIPE, null, { dispute_id: signal.disputeId, charge_id: signal.chargeId });
    return;
  }
  dispute.state = signal.kind;
  unfreeze(state, mark, (f) => f.reason === 'card_dispute' && f.detail === signal.disputeId);
  if (signal.kind === 'lost') {
    for (const taken of signal.taken) take(state, mark, signal.disputeId, taken);
  }
  mark.event(`card_dispute.${signal.kind}`, STRIPE, null, { dispute_id: signal.disputeId });
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
  });
  mark.event('fraud_warning.received', STRIPE, null, { warning_id: signal.warningId, charge_id: signal.chargeId });
}

interface Taken {
  milestoneId: string;
  principal: number;
  buyerFee: number;
}

/**
 * The bank gave the buyer held money back: it is not there to be released or refunded again. First what nobody accepted, then
 * parts on their way, the last ones first; a part that is not taken whole becomes smaller.
 */
function take(state: EscrowState, mark: Mark, disputeId: string, taken: Taken): void {
  const m = state.milestones.find((x) => x.id === taken.milestoneId);
  if (!m || m.funds === null) return;
  const standing = [...m.releases, ...m.refunds.filter((r) => r.status !== 'failed')];
  const openPrincipal = m.funds.principal - standing.reduce((sum, p) => sum + p.principal, 0);
  const fromOpen = Math.min(taken.principal, openPrincipal);
  let left = taken.principal - fromOpen;
  const amount = fromOpen === openPrincipal ? openAmount(m) : Math.floor((openAmount(m) * fromOpen) / openPrincipal);
  const openFee = m.funds.buyerFee - standing.reduce((sum, p) => sum + p.buyerFee, 0);
  let fee = left > 0 ? Math.min(taken.buyerFee, openFee) : taken.buyerFee;
  if (fromOpen > 0 || fee > 0) give(m, disputeId, { amount, principal: fromOpen, buyerFee: fee });
  fee = taken.buyerFee - fee;
  for (const part of [...m.releases].reverse()) {
    if (left <= 0 || part.status === 'released' || part.status === 'charged_back') continue;
    const whole = part.principal <= left;
    const principal = whole ? part.principal : left;
    const of = (n: number) => (whole ? n : Math.floor((n * principal) / part.principal));
    const piece = { amount: of(part.amount), principal, buyerFee: Math.min(fee, part.buyerFee) };
    left -= principal;
    fee -= piece.buyerFee;
    m.accepted -= piece.amount;
    if (whole) {
      part.status = 'charged_back';
      m.refunded += piece.amount;
      continue;
    }
    const sellerFee = of(part.sellerFee);
    part.amount -= piece.amount;
    part.principal -= principal;
    part.buyerFee -= piece.buyerFee;
    part.sellerFee -= sellerFee;
    part.payable = part.principal - part.sellerFee;
    give(m, disputeId, piece);
  }
  mark.milestone(m);
  // Beside a release that has come through, what was left was all that kept it open.
  endRelease(m);
  if (openAmount(m) > 0 || !canMove(m, 'charged_back')) return;
  m.inspection = null;
  if (m.dispute) m.dispute.status = 'settled';
  moveMilestone(m, 'charged_back', endOf(m));
}

/** Recorded as what it is to the milestone: money that went back to the buyer, so that later pieces are cut from the rest. */
function give(m: MilestoneState, disputeId: string, p: { amount: number; principal: number; buyerFee: number }): void {
  m.refunded += p.amount;
  m.refunds.push({
    id: `${disputeId}_${m.refunds.length + 1}`,
    part: m.refunds.length + 1,
    chargeAmount: p.amount + p.buyerFee,
    buyerFeeReturned: p.buyerFee,
    status: 'succeeded',
    generation: 1,
    stripeRefundId: null,
    reason: `chargeback ${disputeId}`,
    before: m.status,
    ...p,
  });
}

function endOf(m: MilestoneState): 'refunded' | 'released' | 'accepted' {
  const live = m.releases.filter((r) => r.status !== 'charged_back');
  if (live.length === 0) return 'refunded';
  return live.every((r) => r.status === 'released') ? 'released' : 'accepted';
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
