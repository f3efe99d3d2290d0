// The timers of an escrow: one coroutine for the escrow, one for each milestone. A timer that fired asks the rules again.
import type { EscrowState, MilestoneState } from '../domain/escrow-state.ts';
import { isEscrowEnd, openAmount } from '../domain/escrow-state.ts';
import { type Deadline, nextEscrowDeadline, nextMilestoneDeadline, reminderTimes } from '../domain/deadlines.ts';
import type { EscrowDeadlineName, MilestoneDeadlineName } from '../domain/deadlines.ts';
import { moveEscrow, moveMilestone } from '../domain/transitions.ts';
import { lapseAmendment } from './amendments.ts';
import { passDispute } from './disputes.ts';
import { giveUp } from './ending.ts';
import { acceptPart, askRefund } from './moves.ts';
import { tellOps } from './proxies.ts';
import { type EscrowRun, type Mark, TIMER } from './run.ts';

const key = (d: Deadline<string> | null) => (d === null ? '' : `${d.name} ${d.subject} ${d.at}`);

/** Agreement, funding, a cancellation asked for, an authentication left. */
export async function escrowClock(run: EscrowRun): Promise<void> {
  const over = () => isEscrowEnd(run.state.status);
  while (!over() && !run.handover) {
    const next = nextEscrowDeadline(run.state);
    const moved = await run.until(() => over() || key(nextEscrowDeadline(run.state)) !== key(next), next?.at, next ? escrowWords(next) : ''); // prettier-ignore
    if (moved || !next) continue;
    await run.changeAndProject((state, mark) => passEscrow(state, mark, next));
    if (next.name === 'risk_overdue') await tellOps({ kind: 'risk_overdue', key: `risk_overdue:${run.state.id}:${next.subject}`, escrowId: run.state.id, detail: { seller_id: next.subject } }); // prettier-ignore
    if (next.name === 'fraud_overdue') await tellOps({ kind: 'fraud_overdue', key: `fraud_overdue:${next.subject}`, escrowId: run.state.id, detail: { warning: next.subject } }); // prettier-ignore
  }
}

const escrowWords = (d: Deadline<EscrowDeadlineName>): string =>
  ({
    expire_proposal: 'proposal expires',
    expire_funding: 'payment expires',
    cancel_request: 'cancel request lapses',
    lapse_amendment: `amendment ${d.subject} lapses`,
    leave_action: `authentication of ${d.subject} expires`,
    risk_overdue: `review of ${d.subject} is ended by ops`,
    fraud_overdue: `fraud warning ${d.subject} is decided by ops`,
  })[d.name];

function passEscrow(state: EscrowState, mark: Mark, d: Deadline<EscrowDeadlineName>): void {
  switch (d.name) {
    case 'expire_proposal':
      moveEscrow(state, 'expire_proposal');
      giveUp(state, mark, 'expired', TIMER);
      return;
    case 'expire_funding':
      giveUp(state, mark, 'expired', TIMER);
      return;
    case 'lapse_amendment':
      lapseAmendment(state, mark);
      return;
    case 'cancel_request':
      state.cancelRequest = null;
      mark.head();
      mark.event('escrow.cancel_request_lapsed', TIMER, null);
      return;
    case 'fraud_overdue':
      // Nothing is guessed: it stays frozen, and ops are told once more.
      for (const f of state.frozen) if (f.detail === d.subject && f.until) f.until = null;
      mark.head();
      mark.event('fraud_warning.overdue', TIMER, null, { warning_id: d.subject });
      return;
    case 'risk_overdue':
      // It stays frozen, and ops are told once more.
      for (const f of state.frozen) if (f.reason === 'risk' && f.subject === d.subject && f.until) f.until = null;
      mark.head();
      return;
    case 'leave_action': {
      // The PaymentIntent is cancelled by the payments coroutine; a webhook that says succeeded still wins.
      const payment = state.payments.find((p) => p.id === d.subject)!;
      payment.actionUntil = null;
      payment.abandoned = true;
      mark.head();
      mark.event('payment.abandoned', TIMER, null, { payment_id: payment.id });
    }
  }
}

/** Inspection and its reminders, the due date, a refund asked for, an unpaid milestone, a blocked release. */
export async function milestoneClock(run: EscrowRun, m: MilestoneState): Promise<void> {
  const next = () => nextMilestoneDeadline(run.state, m);
  // Not the milestone's own end: a refund that fails later brings it back.
  const over = () => isEscrowEnd(run.state.status);
  while (!over() && !run.handover) {
    const deadline = next();
    const moved = await run.until(() => over() || key(next()) !== key(deadline), deadline?.at, deadline ? milestoneWords(deadline, m) : ''); // prettier-ignore
    if (moved || !deadline) continue;
    if (deadline.name === 'auto_accept' || deadline.name === 'retry_release') {
      // The transfer that follows at once carries the projection.
      run.change((state, mark) => passMilestone(state, mark, at(state, m), deadline));
    } else {
      await run.changeAndProject((state, mark) => passMilestone(state, mark, at(state, m), deadline));
    }
  }
}

const at = (state: EscrowState, m: MilestoneState): MilestoneState => state.milestones.find((x) => x.id === m.id)!;

const milestoneWords = (d: Deadline<MilestoneDeadlineName>, m: MilestoneState): string => {
  const words: Record<MilestoneDeadlineName, string> = {
    remind: 'inspection reminder',
    auto_accept: 'inspection ends, then release',
    overdue: 'due date',
    give_up: 'payment expires',
    refund_request: 'refund request lapses',
    retry_release: 'transfer is tried again',
    nudge_kyc: 'verification reminder',
    dispute: `dispute (${d.subject.replaceAll('_', ' ')})`,
  };
  return `${words[d.name]} ${m.id}`;
};

function passMilestone(state: EscrowState, mark: Mark, m: MilestoneState, d: Deadline<MilestoneDeadlineName>): void {
  switch (d.name) {
    case 'remind': {
      const inspection = m.inspection!;
      const times = reminderTimes(state, m);
      inspection.reminded += 1;
      while (inspection.reminded < times.length && times[inspection.reminded]! <= Date.now()) inspection.reminded += 1;
      mark.milestone(m);
      mark.event('milestone.inspection_reminder', TIMER, m.id, {
        number: inspection.reminded,
        ends_at: inspection.endsAt,
      });
      return;
    }
    case 'auto_accept':
      acceptPart(mark, m, openAmount(m), TIMER);
      return;
    case 'overdue':
      moveMilestone(m, 'overdue');
      mark.milestone(m);
      mark.event('milestone.overdue', TIMER, m.id);
      return;
    case 'give_up':
      moveMilestone(m, 'give_up');
      mark.milestone(m);
      mark.event('milestone.cancelled', TIMER, m.id, { why: 'not paid in time' });
      return;
    case 'refund_request': {
      const request = m.refundRequest!;
      m.refundRequest = null;
      mark.milestone(m);
      // Silence of the seller on overdue work is an answer.
      if (m.status === 'overdue' && request.role === 'buyer') {
        askRefund(state, mark, m, Math.min(request.amount, openAmount(m)), request.reason, null, TIMER);
      } else {
        mark.event('refund.request_lapsed', TIMER, m.id);
      }
      return;
    }
    case 'dispute':
      passDispute(state, mark, m);
      return;
    case 'retry_release': {
      const part = m.releases.find((r) => r.part === Number(d.subject))!;
      part.status = 'accepted';
      part.generation += 1;
      part.retryAt = null;
      mark.milestone(m);
      return;
    }
    case 'nudge_kyc': {
      const part = m.releases.find((r) => r.part === Number(d.subject))!;
      part.nudges += 1;
      part.retryAt = part.nudges < 2 ? Date.now() + state.terms.policy.kycNudgeMs : null;
      mark.milestone(m);
      mark.event('milestone.verification_reminder', TIMER, m.id, { number: part.nudges });
    }
  }
}
