// Moves that commands, timers and webhooks share: accepting a part, asking a refund, being funded. Each claims its state at
// once, before anything is awaited, so that two that race find one winner.
import { planAcceptance, planRefund } from '../domain/allocation.ts';
import type { Actor, EscrowState, Freeze, Inspection, MilestoneState, RefundPart, WithdrawnPart } from '../domain/escrow-state.ts'; // prettier-ignore
import { freezesOver, openAmount, standingParts } from '../domain/escrow-state.ts';
import type { MilestoneTerms } from '../domain/terms.ts';
import { canMove, moveMilestone } from '../domain/transitions.ts';
import type { Mark } from './run.ts';

/** One more part goes to the seller; the release follows by itself. */
export function addRelease(m: MilestoneState, amount: number, automatic: boolean): void {
  m.releases.push({
    part: m.releases.length + 1,
    amount,
    ...planAcceptance(m, amount),
    status: 'accepted',
    generation: 1,
    transferId: null,
    automatic,
    retryAt: null,
    nudges: 0,
  });
  m.accepted += amount;
}

/** One more part goes back to the buyer. */
export function addRefund(
  state: EscrowState,
  m: MilestoneState,
  amount: number,
  reason: string,
  refundId: string | null,
  before: MilestoneState['status'],
  withdrawn: WithdrawnPart[] = [],
): void {
  const part = m.refunds.length + 1;
  m.refunds.push({
    id: refundId ?? `rfd_${m.id.slice(3)}_${part}`,
    part,
    amount,
    ...planRefund(m, m.funds!.buyerFeeCharged, amount, state.terms.policy.feeReturn),
    status: 'asked',
    generation: 1,
    stripeRefundId: null,
    reason,
    before,
    ...(withdrawn.length > 0 ? { withdrawn } : {}),
    ...(amount < openAmount(m) ? { partial: true as const } : {}),
  });
  m.refunded += amount;
}

/** The same promise under an id of its own: Stripe and the ledger have answered for the first one. */
export function askedAnew(m: MilestoneState, refused: RefundPart): RefundPart {
  const part = m.refunds.length + 1;
  const { bank: _bank, unanswered: _unanswered, ...promise } = refused;
  const again: RefundPart = { ...promise, id: `rfd_${m.id.slice(3)}_${part}`, part, status: 'asked', generation: 1, stripeRefundId: null }; // prettier-ignore
  m.refunds.push(again);
  return again;
}

/** What was accepted for a seller who could not receive it is open again; its pieces are for the posting that says so. */
export function withdrawParts(m: MilestoneState): WithdrawnPart[] {
  return m.releases
    .filter((r) => r.status === 'blocked_kyc')
    .map((r) => {
      const { part, principal, sellerFee, buyerFee } = r;
      m.accepted -= r.amount;
      Object.assign(r, {
        amount: 0,
        principal: 0,
        sellerFee: 0,
        buyerFee: 0,
        payable: 0,
        status: 'withdrawn',
        retryAt: null,
      });
      return { part, principal, sellerFee, buyerFee };
    });
}

/** The buyer, or the end of the inspection, accepts `amount` of what is left. */
export function acceptPart(mark: Mark, m: MilestoneState, amount: number, actor: Actor): void {
  const automatic = actor.kind === 'timer';
  addRelease(m, amount, automatic);
  if (openAmount(m) === 0) {
    moveMilestone(m, automatic ? 'auto_accept' : 'accept');
    m.inspection = null;
    m.refundRequest = null;
  } else {
    moveMilestone(m, 'accept', 'submitted');
    if (m.refundRequest) m.refundRequest.amount = Math.min(m.refundRequest.amount, openAmount(m));
  }
  mark.milestone(m);
  mark.event(automatic ? 'milestone.auto_accepted' : 'milestone.accepted', actor, m.id, {
    amount,
    part: m.releases.length,
  });
}

/** Reserves `amount` for a refund; all that is left takes the milestone with it. */
export function askRefund(
  state: EscrowState,
  mark: Mark,
  m: MilestoneState,
  amount: number,
  reason: string,
  refundId: string | null,
  actor: Actor,
): void {
  addRefund(state, m, amount, reason, refundId, m.status);
  m.refundRequest = null;
  if (openAmount(m) === 0) {
    moveMilestone(m, 'refund');
    m.inspection = pause(m.inspection, Date.now());
  }
  mark.milestone(m);
  mark.event('refund.ordered', actor, m.id, { amount, reason });
}

/** After its last refund: refunded, or released where a part went to the seller before. */
export function endRefund(m: MilestoneState): void {
  // Another part of it came back meanwhile, and is asked again.
  if (m.status !== 'refunding' || openAmount(m) > 0) return;
  const parts = standingParts(m);
  if (parts.length === 0) moveMilestone(m, 'refunded');
  else moveMilestone(m, 'refunded', parts.every((r) => r.status === 'released') ? 'released' : 'accepted');
}

/** Stripe's refusal of a refund speaks of a dispute that its own event has not told yet. */
export const untold = (chargeId: string): string => `charge ${chargeId}`;

/** The escrow's freezes changed: the inspections under them stop, or go on with the time that was left. */
export function freeze(state: EscrowState, mark: Mark, f: Freeze): void {
  // What stands still already keeps the time that it had left.
  const running = state.milestones.filter((m) => m.status !== 'refunding' && freezesOver(state, m).length === 0);
  state.frozen.push(f);
  mark.head();
  for (const m of covered(state, f)) {
    if (running.includes(m)) {
      m.inspection = pause(m.inspection, Date.now());
      m.frozenAt = Date.now();
    }
    mark.milestone(m);
  }
}

/** Lifts freezes: timers go on, and what ops had to look at is tried again (a definite refusal under a new generation). */
export function unfreeze(state: EscrowState, mark: Mark, which: (f: Freeze) => boolean): void {
  const lifted = state.frozen.filter(which);
  state.frozen = state.frozen.filter((f) => !which(f));
  mark.head();
  for (const m of new Set(lifted.flatMap((f) => covered(state, f)))) {
    suspendedDispute(m, lifted, Date.now());
    if (freezesOver(state, m).length === 0) thaw(m, Date.now());
    for (const part of m.releases) {
      if (part.status !== 'blocked_ops') continue;
      part.status = 'accepted';
      part.generation += 1;
    }
    mark.milestone(m);
  }
  for (const p of state.payments) {
    if (p.returned !== 'failed') continue;
    p.returned = 'asked';
    p.returnGeneration += 1;
  }
}

/** A dispute's own freeze does not stop its stages; another freeze over it did, for as long as it stood. */
function suspendedDispute(m: MilestoneState, lifted: readonly Freeze[], now: number): void {
  const others = lifted.filter((f) => f.reason !== 'in_product_dispute').map((f) => f.since);
  if (m.dispute && m.dispute.status !== 'settled' && others.length > 0) m.dispute.until += now - Math.min(...others);
}

/** Timers keep the active time that they had left: nobody's silence counts while nothing could be done. */
function thaw(m: MilestoneState, now: number): void {
  m.inspection = resume(m.inspection, now);
  const stoodMs = m.frozenAt === null ? 0 : now - m.frozenAt;
  m.frozenAt = null;
  const later = (at: number | null) => (at === null ? null : at + stoodMs);
  if (m.refundRequest) m.refundRequest.expiresAt += stoodMs;
  m.dueAt = later(m.dueAt);
  m.fundBy = later(m.fundBy);
  for (const part of m.releases) part.retryAt = later(part.retryAt);
}

const covered = (state: EscrowState, f: Freeze): MilestoneState[] =>
  state.milestones.filter((m) => f.scope === 'escrow' || f.subject === m.id || f.subject === m.sellerId || f.subject === m.funds?.chargeId); // prettier-ignore

export function pause(i: Inspection | null, now: number): Inspection | null {
  return i === null ? null : { ...i, remainingMs: Math.max(1, i.endsAt - now) };
}

export function resume(i: Inspection | null, now: number): Inspection | null {
  return i === null ? null : { ...i, since: now, endsAt: now + i.remainingMs };
}

/** A seller who can receive again, as Stripe says: what waited for that is tried again. The next reminder stays due. */
export function unblock(state: EscrowState, mark: Mark, sellerId: string): void {
  for (const m of state.milestones) {
    if (m.sellerId !== sellerId) continue;
    for (const part of m.releases) {
      if (part.status !== 'blocked_kyc') continue;
      part.status = 'accepted';
      part.generation += 1;
      mark.milestone(m);
    }
  }
}

/** Back to waiting for money, after a payment that failed or was left. */
export function backToAwaiting(m: MilestoneState, mark: Mark): void {
  if (!canMove(m, 'payment_failed')) return;
  moveMilestone(m, 'payment_failed');
  mark.milestone(m);
}

/** A milestone as its terms begin it. */
export function plannedMilestone(m: MilestoneTerms): MilestoneState {
  return {
    id: m.id,
    revision: 0,
    status: 'planned',
    sellerId: m.sellerId,
    title: m.title,
    amount: m.amount,
    accepted: 0,
    refunded: 0,
    funds: null,
    startsAt: m.startsAt === null ? null : Date.parse(m.startsAt),
    dueAt: m.dueAt === null ? null : Date.parse(m.dueAt),
    inspectionMs: m.inspectionMs,
    startedAt: null,
    submittedAt: null,
    note: null,
    deliverableSha256: null,
    changesNote: null,
    rounds: 0,
    inspection: null,
    fundBy: null,
    releases: [],
    refunds: [],
    refundRequest: null,
    frozenAt: null,
    dispute: null,
  };
}
