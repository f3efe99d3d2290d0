// Giving an escrow up: what is unpaid is dropped, open payments are cancelled, what is held goes back to the buyer.
import type { Actor, EscrowState } from '../domain/escrow-state.ts';
import { openAmount } from '../domain/escrow-state.ts';
import { canMove, moveEscrow, moveMilestone } from '../domain/transitions.ts';
import { askRefund } from './moves.ts';
import type { Mark } from './run.ts';

const MAY_STILL_PAY = new Set(['creating', 'requires_payment_method', 'requires_action', 'processing']);

/** Cancels or expires an escrow from wherever it is; money under way is waited for in `settling`. */
export function giveUp(state: EscrowState, mark: Mark, end: 'cancelled' | 'expired', actor: Actor): void {
  state.ending = end;
  state.cancelRequest = null;
  mark.head();
  // A payment that an activity is at work on decides over its milestones when its answer is there.
  const undecided = new Set(state.payments.filter((p) => p.busy).flatMap((p) => p.milestoneIds));
  for (const m of state.milestones) {
    if (canMove(m, 'give_up') && !undecided.has(m.id)) {
      moveMilestone(m, 'give_up');
      mark.milestone(m);
    }
  }
  const open = state.payments.some((p) => MAY_STILL_PAY.has(p.status));
  if (state.status === 'active') {
    moveEscrow(state, 'cancel_active', 'settling');
    returnHeld(state, mark, actor);
  } else if (state.status !== 'expired') {
    const row = end === 'expired' ? 'expire_funding' : 'cancel_unfunded';
    moveEscrow(state, row, open ? 'settling' : end);
  }
  mark.event(end === 'expired' ? 'escrow.expiring' : 'escrow.cancelling', actor, null);
  if (state.status === end) mark.event(`escrow.${end}`, actor, null);
}

/** Everything that is still held for nobody's accepted work goes back. */
export function returnHeld(state: EscrowState, mark: Mark, actor: Actor): void {
  for (const m of state.milestones) {
    if (canMove(m, 'refund') && openAmount(m) > 0)
      askRefund(state, mark, m, openAmount(m), `escrow ${state.ending}`, null, actor);
  }
}
