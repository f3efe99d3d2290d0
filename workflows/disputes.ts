// The in-product dispute of one milestone: claim, reply, negotiation, mediation, ruling, and what silence means at each
// stage. Settling it lifts its freeze first, then both legs run, each resumed by itself.
import type { Actor, DisputeState, EscrowState, MilestoneState, Principal } from '../domain/escrow-state.ts';
import { openAmount } from '../domain/escrow-state.ts';
import { type MilestoneMove, moveMilestone } from '../domain/transitions.ts';
import type { EscrowCommands } from './messages.ts';
import { addRefund, addRelease, freeze, unfreeze } from './moves.ts';
import { type Mark, person, TIMER } from './run.ts';

const sideOf = (p: Principal): 'buyer' | 'seller' => (p.role === 'seller' ? 'seller' : 'buyer');

export function openDispute(state: EscrowState, mark: Mark, m: MilestoneState, i: EscrowCommands['dispute']): void {
  const now = Date.now();
  const openedRole = sideOf(i.principal);
  const amount = openAmount(m);
  const claimed = i.amount ?? amount;
  m.dispute = {
    id: i.disputeId,
    openedBy: i.principal.id,
    openedRole,
    reason: i.reason,
    amount,
    claim: openedRole === 'buyer' ? amount - claimed : claimed,
    status: 'open',
    offers: { buyer: null, seller: null },
    until: now + state.terms.policy.replyMs,
    before: m.status,
    outcome: null,
  };
  m.refundRequest = null;
  moveMilestone(m, 'dispute');
  freeze(state, mark, {
    reason: 'in_product_dispute',
    scope: 'milestone',
    subject: m.id,
    detail: i.disputeId,
    since: now,
  });
  mark.event('dispute.opened', person(i.principal), m.id, { dispute_id: i.disputeId, reason: i.reason, claimed });
}

export function replyToDispute(state: EscrowState, mark: Mark, m: MilestoneState, i: EscrowCommands['reply']): void {
  moveMilestone(m, 'reply');
  stage(m.dispute!, 'negotiating', state.terms.policy.negotiateMs);
  mark.milestone(m);
  mark.event('dispute.replied', person(i.principal), m.id, { dispute_id: m.dispute!.id, message: i.message });
}

export function offerInDispute(state: EscrowState, mark: Mark, m: MilestoneState, i: EscrowCommands['offer']): void {
  const dispute = m.dispute!;
  moveMilestone(m, 'offer');
  dispute.offers[sideOf(i.principal)] = i.sellerAmount;
  // An offer of the respondent is a reply.
  if (dispute.status === 'open' && sideOf(i.principal) !== dispute.openedRole) {
    stage(dispute, 'negotiating', state.terms.policy.negotiateMs);
  }
  mark.milestone(m);
  mark.event('dispute.offered', person(i.principal), m.id, { dispute_id: dispute.id, seller_amount: i.sellerAmount });
}

export function acceptOffer(state: EscrowState, mark: Mark, m: MilestoneState, principal: Principal): void {
  const other = sideOf(principal) === 'buyer' ? 'seller' : 'buyer';
  settle(
    state,
    mark,
    m,
    'accept_offer',
    { sellerAmount: m.dispute!.offers[other]!, how: 'agreed', by: principal.id, reason: '' },
    person(principal),
  );
}

export function escalate(
  state: EscrowState,
  mark: Mark,
  m: MilestoneState,
  actor: Actor,
  move: 'escalate' | 'end_negotiation',
): void {
  moveMilestone(m, move);
  stage(m.dispute!, 'mediation', state.terms.policy.rulingMs);
  mark.milestone(m);
  mark.event('dispute.in_mediation', actor, m.id, { dispute_id: m.dispute!.id });
}

export function rule(state: EscrowState, mark: Mark, m: MilestoneState, i: EscrowCommands['rule']): void {
  settle(
    state,
    mark,
    m,
    'rule',
    { sellerAmount: i.sellerAmount, how: 'ruled', by: i.principal.id, reason: i.reason },
    person(i.principal),
  );
}

/** The stage's time is over: what the terms say of silence happens. */
export function passDispute(state: EscrowState, mark: Mark, m: MilestoneState): void {
  const dispute = m.dispute!;
  switch (dispute.status) {
    case 'open':
      settle(
        state,
        mark,
        m,
        'claim_by_silence',
        { sellerAmount: dispute.claim, how: 'silence', by: null, reason: 'no reply in time' },
        TIMER,
      );
      return;
    case 'negotiating':
      escalate(state, mark, m, TIMER, 'end_negotiation');
      return;
    case 'mediation':
      moveMilestone(m, 'end_mediation');
      stage(dispute, 'second_arbiter', state.terms.policy.appealMs);
      mark.milestone(m);
      mark.event('dispute.second_arbiter', TIMER, m.id, { dispute_id: dispute.id });
      return;
    case 'second_arbiter': {
      const respondent = dispute.openedRole === 'buyer' ? 'seller' : 'buyer';
      const sellerAmount = dispute.offers[respondent] ?? dispute.offers[dispute.openedRole] ?? dispute.claim;
      settle(
        state,
        mark,
        m,
        'default_outcome',
        { sellerAmount, how: 'default', by: null, reason: 'no ruling in time' },
        TIMER,
      );
      return;
    }
    case 'settled':
      return;
  }
}

function stage(dispute: DisputeState, status: DisputeState['status'], periodMs: number): void {
  dispute.status = status;
  dispute.until = Date.now() + periodMs;
}

function settle(
  state: EscrowState,
  mark: Mark,
  m: MilestoneState,
  move: MilestoneMove,
  outcome: Omit<NonNullable<DisputeState['outcome']>, 'at'>,
  actor: Actor,
): void {
  const dispute = m.dispute!;
  // What a chargeback took meanwhile is not there to divide any more.
  const left = openAmount(m);
  const sellerAmount = Math.min(outcome.sellerAmount, left);
  dispute.status = 'settled';
  dispute.outcome = { ...outcome, sellerAmount, at: Date.now() };
  unfreeze(state, mark, (f) => f.reason === 'in_product_dispute' && f.detail === dispute.id);
  m.inspection = null;
  moveMilestone(m, move, sellerAmount > 0 ? 'accepted' : 'refunding');
  if (sellerAmount > 0) addRelease(m, sellerAmount, false);
  if (left > sellerAmount) addRefund(state, m, left - sellerAmount, `dispute ${dispute.id}`, null, 'refunding');
  mark.milestone(m);
  mark.event('dispute.settled', actor, m.id, {
    dispute_id: dispute.id,
    seller_amount: sellerAmount,
    how: outcome.how,
    reason: outcome.reason,
  });
}
