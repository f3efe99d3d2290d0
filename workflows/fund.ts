// The command `fund`: the buyer pays for milestones. Whatever else could still be paid for them is closed first, so that one way
// to pay is open at a time. What becomes of the payment afterwards is funding.ts.
import { CancellationScope } from '@temporalio/workflow';
import type { PaymentState } from '../domain/escrow-state.ts';
import { fundable } from '../domain/guards.ts';
import { toInteger } from '../domain/money.ts';
import { chargeMinor } from '../domain/terms.ts';
import { moveEscrow, permit } from '../domain/transitions.ts';
import { applyAnswer, MAY_CANCEL, orderFor, readAgain, settled, withdraw } from './funding.ts';
import type { EscrowCommands, PaymentResult } from './messages.ts';
import { money } from './proxies.ts';
import { refuse } from './refuse.ts';
import { type EscrowRun, person } from './run.ts';

/** Temporal's own cancellation does nothing here either: a charge under way would be left half asked, and its payment busy. */
export const fund = (run: EscrowRun, i: EscrowCommands['fund']): Promise<PaymentResult> =>
  CancellationScope.nonCancellable(() => pay(run, i));

async function pay(run: EscrowRun, i: EscrowCommands['fund']): Promise<PaymentResult> {
  const beside = openBeside(run, i);
  const there = begunOnStripesPage(run, i);
  if (beside.length + there.length > 0) {
    const chosen = chosenIds(run, i);
    await Promise.all([
      ...beside.map((p) => withdraw(run, p, covers(p, chosen))),
      ...there.map((p) => readAgain(run, p)),
    ]);
    // Time has passed: the table is asked again, and the claim follows without another await.
    const no = permit(run.state, 'fund', i.principal, null, { milestoneIds: i.milestoneIds }, Date.now());
    if (no) refuse(no);
    if (openBeside(run, i).length > 0) refuse({ code: 'action_not_available', message: 'Another payment for this is still open: try again in a moment.' }); // prettier-ignore
  }
  const payment = claimPayment(run, i);
  if (payment.status === 'requires_action') return resultOf(payment, null);
  // Without a method the buyer confirms an open PaymentIntent on the payment page, or pays on Stripe's: nothing to ask of it.
  const open = payment.checkout === undefined ? payment.paymentIntentId !== null : payment.checkout.sessionId !== null;
  if (open && i.paymentMethod === undefined) return resultOf(payment, null);
  payment.busy = true;
  const order = orderFor(run.state, payment, i.paymentMethod ?? null, i.returnUrl ?? null);
  const answer = await settled(money(`charge ${payment.id}`).createPayment(order));
  run.change((state, mark) => applyAnswer(state, mark, payment, answer, order.allocate));
  return resultOf(payment, answer);
}

/**
 * Open payments over some of these milestones and others, or to be paid another way: they must not be paid beside the new one,
 * so they are cancelled first.
 */
function openBeside(run: EscrowRun, i: EscrowCommands['fund']): PaymentState[] {
  const chosen = chosenIds(run, i);
  return run.state.payments.filter(
    (p) =>
      MAY_CANCEL.has(p.status) &&
      (!covers(p, chosen) || isAnotherWay(p, i)) &&
      p.milestoneIds.some((id) => chosen.includes(id)),
  );
}

/** A session ends by itself, and its webhook may be late: it is read before the buyer is led there again. */
function begunOnStripesPage(run: EscrowRun, i: EscrowCommands['fund']): PaymentState[] {
  const chosen = chosenIds(run, i);
  return run.state.payments.filter(
    (p) => MAY_CANCEL.has(p.status) && Boolean(p.checkout?.sessionId) && covers(p, chosen) && !isAnotherWay(p, i),
  );
}

const chosenIds = (run: EscrowRun, i: EscrowCommands['fund']): string[] =>
  fundable(run.state, i.milestoneIds).map((m) => m.id);

/** A PaymentIntent is not paid on Stripe's page, and a session takes no method of ours. */
function isAnotherWay(p: PaymentState, i: EscrowCommands['fund']): boolean {
  const there = p.checkout !== undefined;
  if (i.paymentMethod !== undefined) return there;
  return i.checkout !== undefined && i.checkout !== there;
}

const covers = (p: PaymentState, chosen: string[]): boolean =>
  p.milestoneIds.length === chosen.length && p.milestoneIds.every((id) => chosen.includes(id));

/** The open payment over exactly these milestones, or a new one; each attempt after a definite answer is a new generation. */
function claimPayment(run: EscrowRun, i: EscrowCommands['fund']): PaymentState {
  const { state } = run;
  const chosen = chosenIds(run, i);
  const open = state.payments.find((p) => covers(p, chosen) && !['succeeded', 'canceled'].includes(p.status));
  if (open) {
    if (open.status !== 'creating' && open.status !== 'requires_action') open.generation += 1;
    return open;
  }
  const amount = toInteger(chargeMinor(state.terms.milestones.filter((m) => chosen.includes(m.id))));
  const payment: PaymentState = {
    id: i.paymentId,
    milestoneIds: chosen,
    amount,
    status: 'creating',
    generation: 1,
    paymentIntentId: null,
    ...(i.checkout === true && i.paymentMethod === undefined ? { checkout: { sessionId: null } } : {}),
    chargeId: null,
    methodType: null,
    paidAt: null,
    declineCode: null,
    actionUntil: null,
    busy: false,
    abandoned: false,
    returned: null,
    returnGeneration: 1,
  };
  run.change((s, mark) => {
    s.payments.push(payment);
    moveEscrow(s, 'fund', s.status === 'active' || s.status === 'amending' ? s.status : 'funding');
    mark.head();
    mark.event('payment.created', person(i.principal), null, { payment_id: payment.id, amount });
  });
  return payment;
}

function resultOf(
  payment: PaymentState,
  answer: { status: string; declineCode: string | null; message: string | null } | null,
): PaymentResult {
  const declined = answer?.status === 'declined' || answer?.status === 'refused';
  return {
    id: payment.id,
    status: declined ? 'declined' : payment.status,
    paymentIntentId: payment.paymentIntentId,
    ...(payment.checkout === undefined ? {} : { checkoutSessionId: payment.checkout.sessionId }),
    declineCode: declined ? payment.declineCode : null,
    message: declined ? (answer?.message ?? null) : null,
  };
}
