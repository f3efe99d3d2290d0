// When the next timer of an escrow or a milestone ends, and what passes then. Pure: the workflow waits, this says until when.
import { type EscrowState, freezesOver, isMilestoneEnd, type MilestoneState } from './escrow-state.ts';

export type MilestoneDeadlineName = 'remind' | 'auto_accept' | 'overdue' | 'give_up' | 'refund_request' | 'retry_release' | 'nudge_kyc' | 'dispute'; // prettier-ignore
export type EscrowDeadlineName =
  'expire_proposal' | 'expire_funding' | 'cancel_request' | 'leave_action' | 'lapse_amendment' | 'fraud_overdue' | 'risk_overdue'; // prettier-ignore

export interface Deadline<Name extends string> {
  at: number;
  name: Name;
  /** What it is about, beside the milestone: a payment id, a reminder's number. */
  subject: string;
}

const earliest = <N extends string>(all: Deadline<N>[]): Deadline<N> | null =>
  all.reduce<Deadline<N> | null>((a, b) => (a === null || b.at < a.at ? b : a), null);

/** When the reminders of a running inspection are due: fractions of its period, counted back from its end. */
export function reminderTimes(state: EscrowState, m: MilestoneState): number[] {
  const { endsAt, periodMs } = m.inspection!;
  return state.terms.policy.remind.map((fraction) => Math.round(endsAt - (1 - fraction) * periodMs));
}

/** The next deadline of a milestone, or null while none runs (a freeze stops them). */
export function nextMilestoneDeadline(state: EscrowState, m: MilestoneState): Deadline<MilestoneDeadlineName> | null {
  if (isMilestoneEnd(m.status)) return null;
  const freezes = freezesOver(state, m);
  // A dispute freezes its milestone, and its own stages run on; any other freeze stops them too.
  if (m.dispute && m.dispute.status !== 'settled') {
    const suspended = freezes.some((f) => f.reason !== 'in_product_dispute');
    return suspended ? null : { at: m.dispute.until, name: 'dispute', subject: m.dispute.status };
  }
  if (freezes.length > 0) return null;
  const all: Deadline<MilestoneDeadlineName>[] = [];
  const add = (name: MilestoneDeadlineName, at: number | null, subject = '') => {
    if (at !== null) all.push({ at, name, subject });
  };
  // What Stripe is being asked about at this moment decides first.
  const asked = state.payments.some((p) => p.busy && p.milestoneIds.includes(m.id));
  if (m.status === 'awaiting_funding' && !asked) add('give_up', m.fundBy);
  if (m.status === 'funded' || m.status === 'started' || m.status === 'changes_requested') add('overdue', m.dueAt);
  if (m.status === 'submitted' && m.inspection) {
    add('auto_accept', m.inspection.endsAt);
    const times = reminderTimes(state, m);
    add('remind', times[m.inspection.reminded] ?? null, String(m.inspection.reminded));
  }
  if (m.refundRequest) add('refund_request', m.refundRequest.expiresAt);
  for (const part of m.releases) {
    if (part.status === 'blocked_funds' || part.status === 'held_first_release')
      add('retry_release', part.retryAt, String(part.part));
    if (part.status === 'blocked_kyc') add('nudge_kyc', part.retryAt, String(part.part));
  }
  return earliest(all);
}

/** The next deadline above the milestones, or null. */
export function nextEscrowDeadline(state: EscrowState): Deadline<EscrowDeadlineName> | null {
  const all: Deadline<EscrowDeadlineName>[] = [];
  if (state.status === 'proposed') all.push({ at: state.agreeUntil, name: 'expire_proposal', subject: '' });
  if ((state.status === 'agreed' || state.status === 'funding') && state.fundUntil !== null) {
    all.push({ at: state.fundUntil, name: 'expire_funding', subject: '' });
  }
  if (state.amendment) all.push({ at: state.amendment.until, name: 'lapse_amendment', subject: state.amendment.id });
  if (state.cancelRequest) all.push({ at: state.cancelRequest.expiresAt, name: 'cancel_request', subject: '' });
  for (const p of state.payments) {
    if (p.status === 'requires_action' && p.actionUntil !== null)
      all.push({ at: p.actionUntil, name: 'leave_action', subject: p.id });
  }
  for (const f of state.frozen) {
    if (typeof f.until !== 'number') continue;
    if (f.reason === 'risk') all.push({ at: f.until, name: 'risk_overdue', subject: f.subject });
    else all.push({ at: f.until, name: 'fraud_overdue', subject: f.detail });
  }
  return earliest(all);
}

/** A per-milestone escrow gives a milestone up when it is still unpaid 14 days (policy `fund`) after it was due to start. */
export function fundBy(state: EscrowState, m: MilestoneState, now: number): number {
  return Math.max(now, m.startsAt ?? now) + Math.max(state.terms.policy.fundMs, 1);
}

/** For Temporal's NextDeadline and lists: the earliest of all. */
export function nextDeadlineAt(state: EscrowState): number | null {
  const all = [nextEscrowDeadline(state), ...state.milestones.map((m) => nextMilestoneDeadline(state, m))];
  const times = all.flatMap((d) => (d ? [d.at] : []));
  return times.length > 0 ? Math.min(...times) : null;
}
