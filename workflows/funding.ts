// Money in: the payments of an escrow, from the buyer's command and from what Stripe says later. Success, failure,
// authentication left, and money that arrives after the escrow was given up.
import { ActivityFailure, condition } from '@temporalio/workflow';
import type { PaymentAnswer, PaymentOrder, RefundAnswer, RefundOrder } from '../activities/contract.ts';
import { fundBy } from '../domain/deadlines.ts';
import { type EscrowState, isEscrowEnd, type PaymentState } from '../domain/escrow-state.ts';
import { plainMoney } from '../domain/money.ts';
import { canMove, moveEscrow, moveMilestone } from '../domain/transitions.ts';
import { returnHeld } from './ending.ts';
import { backToAwaiting } from './moves.ts';
import { money } from './proxies.ts';
import { review } from './review.ts';
import { type EscrowRun, type Mark, PLATFORM, STRIPE } from './run.ts';

export const MAY_CANCEL: ReadonlySet<string> = new Set(['requires_payment_method', 'requires_action']);

type Work =
  { kind: 'record' | 'cancel'; payment: PaymentState } | { kind: 'return' | 'record_return'; payment: PaymentState };

/** Why ops look at the escrow: until they have, this payment is not read again. */
const unanswered = (payment: PaymentState): string => `payment ${payment.id} got no answer`;

function nextWork(run: EscrowRun): Work | null {
  const { state, inbox } = run;
  // After a call without an answer ops look first: trying on by itself would never end.
  const stopped = state.frozen.some((f) => f.scope === 'escrow');
  for (const payment of state.payments) {
    if (payment.busy) continue;
    const told = handlesOf(payment).some((id) => inbox.payments.includes(id));
    if (told && !state.frozen.some((f) => f.detail === unanswered(payment))) return { kind: 'record', payment };
    // Its creation got no answer, and ops have lifted the freeze: what became of it is looked up.
    if (payment.status === 'creating' && !stopped) return { kind: 'record', payment };
    const unwanted =
      payment.abandoned ||
      state.ending !== null ||
      payment.milestoneIds.every((id) => run.milestone(id).status === 'cancelled');
    if (unwanted && MAY_CANCEL.has(payment.status) && !stopped) return { kind: 'cancel', payment };
    if (payment.returned === 'asked' && state.frozen.length === 0) return { kind: 'return', payment };
    if (payment.returned === 'pending' && !stopped && inbox.refunds.includes(returnId(payment)))
      return { kind: 'record_return', payment };
  }
  return null;
}

/** By what Stripe speaks of it. */
const handlesOf = ({ paymentIntentId, checkout }: PaymentState): string[] =>
  [paymentIntentId, checkout?.sessionId ?? null].filter((id) => id !== null);

/** Reads again what Stripe spoke of, cancels what is not wanted any longer, gives back what came too late. */
export async function payments(run: EscrowRun): Promise<void> {
  const over = () => isEscrowEnd(run.state.status);
  while (!over() && !run.handover) {
    const work = nextWork(run);
    if (!work) {
      await run.until(() => over() || nextWork(run) !== null);
      continue;
    }
    const { payment } = work;
    if (work.kind === 'return' || work.kind === 'record_return') {
      await giveBack(run, payment, work.kind);
      continue;
    }
    run.inbox.payments = run.inbox.payments.filter((id) => !handlesOf(payment).includes(id));
    if (work.kind === 'record' && (payment.status === 'succeeded' || payment.status === 'canceled')) continue;
    await ask(run, payment, work.kind);
  }
}

async function ask(run: EscrowRun, payment: PaymentState, kind: 'record' | 'cancel'): Promise<void> {
  payment.busy = true;
  // A cancellation is an attempt of its own: its key must be neither the charge's nor an earlier cancellation's.
  if (kind === 'cancel') payment.generation += 1;
  const order = orderFor(run.state, payment);
  const stripe = money(`${kind} ${handlesOf(payment)[0] ?? null}`);
  const answer = await settled(kind === 'record' ? stripe.recordPayment(order) : stripe.cancelPayment(order));
  // What Stripe spoke of is still unread: it is read when ops have lifted the freeze.
  if (answer === null && kind === 'record') run.inbox.payments.push(...handlesOf(payment).slice(0, 1));
  await run.changeAndProject((state, mark) =>
    applyAnswer(state, mark, paymentOf(state, payment.id), answer, order.allocate),
  );
}

/**
 * Cancels a payment that another one takes the place of; where it succeeded first, it counts. `sameMilestones`: the buyer pays
 * for the very same another way.
 */
export async function withdraw(run: EscrowRun, payment: PaymentState, sameMilestones: boolean): Promise<void> {
  await condition(() => !payment.busy);
  if (!MAY_CANCEL.has(payment.status) || handlesOf(payment).length === 0) return;
  if (sameMilestones) payment.replaced = true;
  await ask(run, payment, 'cancel');
}

/** What became of a payment that Stripe may have ended by itself. */
export async function readAgain(run: EscrowRun, payment: PaymentState): Promise<void> {
  await condition(() => !payment.busy);
  if (MAY_CANCEL.has(payment.status)) await ask(run, payment, 'record');
}

const paymentOf = (state: EscrowState, id: string): PaymentState => state.payments.find((p) => p.id === id)!;

/**
 * The order of an activity about this payment. What arrives is allocated unless the escrow, or a milestone that it pays
 * for, was given up before: then all of it goes back.
 */
export function orderFor(
  state: EscrowState,
  payment: PaymentState,
  method: string | null = null,
  returnUrl: string | null = null,
): PaymentOrder {
  return {
    escrowId: state.id,
    paymentId: payment.id,
    generation: payment.generation,
    amount: payment.amount,
    currency: state.terms.currency,
    paymentIntentId: payment.paymentIntentId,
    paymentMethod: method,
    returnUrl,
    ...(payment.checkout === undefined ? {} : { checkout: { ...payment.checkout, title: state.terms.title } }),
    milestones: state.terms.milestones.filter((m) => payment.milestoneIds.includes(m.id)),
    allocate: isWanted(state, payment),
  };
}

/** Neither the escrow nor a milestone that it pays for was given up. */
const isWanted = (state: EscrowState, payment: PaymentState): boolean =>
  state.ending === null &&
  state.milestones.every((m) => m.status !== 'cancelled' || !payment.milestoneIds.includes(m.id));

/** An activity that gave up is an answer too: the payment waits for ops, nothing is guessed. */
export async function settled(work: Promise<PaymentAnswer>): Promise<PaymentAnswer | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ActivityFailure) return null;
    throw error;
  }
}

/** What Stripe's word makes of the payment, its milestones and the escrow. */
export function applyAnswer(
  state: EscrowState,
  mark: Mark,
  payment: PaymentState,
  answer: PaymentAnswer | null,
  allocated: boolean,
): void {
  payment.busy = false;
  // A word that was read before the success is old, whenever it comes.
  if (payment.status === 'succeeded') return;
  // Said before: what it was to pay for may be paid another way by now.
  if (payment.status === 'canceled' && answer?.status === 'canceled') return;
  mark.head();
  // Two attempts at once: the other's answer let the escrow be given up. Read again as unwanted, its allocation is undone.
  if (answer?.status === 'succeeded' && allocated && !isWanted(state, payment)) {
    payment.abandoned = true;
    return;
  }
  if (answer === null) {
    state.frozen.push({
      reason: 'ops',
      scope: 'escrow',
      subject: state.id,
      detail: unanswered(payment),
      since: Date.now(),
    });
    mark.event('payment.unknown', PLATFORM, null, { payment_id: payment.id });
    return;
  }
  payment.paymentIntentId ??= answer.paymentIntentId;
  if (payment.checkout !== undefined) payment.checkout.sessionId ??= answer.checkoutSessionId ?? null;
  payment.methodType = answer.methodType ?? payment.methodType;
  payment.declineCode = answer.declineCode;
  const milestones = state.milestones.filter((m) => payment.milestoneIds.includes(m.id));
  const said = (type: string, data = {}) =>
    mark.event(type, STRIPE, null, { payment_id: payment.id, amount: payment.amount, ...data });
  switch (answer.status) {
    case 'succeeded':
      payment.status = 'succeeded';
      payment.chargeId = answer.chargeId;
      payment.paidAt = Date.now();
      state.settlementCurrency ??= answer.settlementCurrency;
      said('payment.succeeded', { charge_id: answer.chargeId });
      if (allocated) {
        funded(state, mark, payment, answer);
        for (const risk of answer.risks ?? []) review(state, mark, risk);
      } else {
        payment.returned = 'asked';
        for (const m of milestones) backToAwaiting(m, mark);
      }
      break;
    case 'processing':
      payment.status = 'processing';
      for (const m of milestones) {
        if (!canMove(m, 'process')) continue;
        moveMilestone(m, 'process');
        mark.milestone(m);
      }
      said('payment.processing');
      break;
    case 'requires_action':
      if (payment.status !== 'requires_action') {
        payment.status = 'requires_action';
        payment.actionUntil = Date.now() + state.terms.policy.scaMs;
        said('payment.requires_action', { until: payment.actionUntil });
      }
      for (const m of milestones) {
        if (!canMove(m, 'require_action')) continue;
        moveMilestone(m, 'require_action');
        mark.milestone(m);
      }
      break;
    case 'canceled':
      payment.status = 'canceled';
      for (const m of milestones) backToAwaiting(m, mark);
      said('payment.canceled', payment.replaced === true ? { reason: 'replaced' } : {});
      break;
    case 'declined':
    case 'refused':
    case 'requires_payment_method':
    case 'creating': {
      const failed =
        answer.status !== 'requires_payment_method' ||
        payment.status === 'processing' ||
        payment.status === 'requires_action';
      payment.status = handlesOf(payment).length === 0 ? 'canceled' : 'requires_payment_method';
      for (const m of milestones) backToAwaiting(m, mark);
      if (failed) said('payment.failed', { code: answer.declineCode, message: answer.message });
      break;
    }
  }
  if (state.ending !== null) drop(state, mark, payment);
}

/** The milestones are paid for; the escrow becomes active when all are that must be. */
function funded(state: EscrowState, mark: Mark, payment: PaymentState, answer: PaymentAnswer): void {
  for (const a of answer.allocations) {
    const m = state.milestones.find((x) => x.id === a.milestoneId)!;
    moveMilestone(m, 'funded');
    m.fundBy = null;
    m.funds = {
      paymentId: payment.id,
      chargeId: answer.chargeId!,
      principal: a.principal,
      buyerFee: a.buyerFee,
      sellerFee: a.sellerFee,
      buyerFeeCharged: state.terms.milestones.find((t) => t.id === m.id)!.buyerFee,
    };
    mark.milestone(m);
    mark.event('milestone.funded', STRIPE, m.id, { amount: m.amount });
  }
  const missing = state.milestones.filter((m) => m.funds === null && m.status !== 'cancelled');
  if (state.status !== 'funding' || (state.terms.funding === 'upfront' && missing.length > 0)) return;
  moveEscrow(state, 'activate');
  for (const m of missing) {
    m.fundBy = fundBy(state, m, Date.now());
    mark.milestone(m);
  }
  mark.event('escrow.active', STRIPE, null);
}

/** The escrow was given up while this payment was under way: its milestones follow now. */
function drop(state: EscrowState, mark: Mark, payment: PaymentState): void {
  for (const m of state.milestones.filter((x) => payment.milestoneIds.includes(x.id) && canMove(x, 'give_up'))) {
    moveMilestone(m, 'give_up');
    mark.milestone(m);
  }
  returnHeld(state, mark, PLATFORM);
}

/** The refund of a whole late payment. */
export const returnId = (payment: PaymentState): string => `rfd_${payment.id.slice(4)}_${payment.returnGeneration}`;

/** Success after the escrow was given up: the whole charge goes back, never having been allocated. */
async function giveBack(run: EscrowRun, payment: PaymentState, kind: 'return' | 'record_return'): Promise<void> {
  const refundId = returnId(payment);
  // As for a milestone's refund: only a reading takes note of the webhook.
  if (kind === 'record_return') run.inbox.refunds = run.inbox.refunds.filter((id) => id !== refundId);
  const returned = (status: PaymentState['returned']) => (state: EscrowState, mark: Mark) => {
    const p = paymentOf(state, payment.id);
    p.returned = status;
    mark.head();
    mark.event('payment.returned', PLATFORM, null, { payment_id: p.id, amount: p.amount, status });
  };
  const { after, arrived } = run.foresee(returned('succeeded'));
  const order: RefundOrder = {
    escrowId: run.state.id,
    refundId,
    generation: 1,
    paymentId: payment.id,
    paymentIntentId: payment.paymentIntentId!,
    chargeId: payment.chargeId!,
    amount: payment.amount,
    currency: run.state.terms.currency,
    settlementCurrency: run.state.settlementCurrency!,
    reason: run.state.ending === null ? 'milestone cancelled' : `escrow ${run.state.ending}`,
    milestone: null,
    after,
  };
  const stripe = money(`give back ${plainMoney(payment.amount, run.state.terms.currency)}`);
  const answer = await refundSettled(kind === 'return' ? stripe.refundToBuyer(order) : stripe.recordRefund(order));
  if (answer.outcome === 'succeeded') return arrived();
  if (answer.outcome === 'pending') return run.changeAndProject(returned('pending'));
  if (answer.outcome === 'unknown' && kind === 'record_return') run.inbox.refunds.push(refundId);
  await run.changeAndProject((state, mark) => {
    if (answer.outcome !== 'unknown') returned('failed')(state, mark);
    state.frozen.push({
      reason: 'ops',
      scope: 'escrow',
      subject: state.id,
      detail: `refund of the late payment: ${answer.code ?? 'no answer'}`,
      since: Date.now(),
    });
    mark.head();
  });
}

const UNKNOWN = { outcome: 'unknown', stripeRefundId: null, code: null } as const;

/** A refund whose activity gave up: what became of it is not known, ops look at it. */
export async function refundSettled(work: Promise<RefundAnswer>): Promise<RefundAnswer | typeof UNKNOWN> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    return UNKNOWN;
  }
}
