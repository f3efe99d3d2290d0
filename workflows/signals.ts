// What the world tells an escrow: Stripe's webhooks as the pump hands them on, sellers' accounts, and the workflows beside it.
// Handlers only note, or change what no awaited work stands between: the coroutines read Stripe again and act.
import { defineSignal, setHandler } from '@temporalio/workflow';
import type { EscrowState } from '../domain/escrow-state.ts';
import type { Birth } from './commands.ts';
import { returnId } from './funding.ts';
import type { CardDisputeSignal, FraudWarningSignal, RecoverySignal, RiskSignal, SellerSignal, StripeSignal } from './messages.ts'; // prettier-ignore
import { SIGNALS } from './messages.ts';
import { unblock } from './moves.ts';
import { cardDispute, fraudWarning, recovery } from './outside.ts';
import { review } from './review.ts';

/** Webhooks, as the pump tells them. Handlers only note: the coroutines read Stripe again and act. */
export function registerSignals(birth: Birth): void {
  setHandler(defineSignal<[StripeSignal]>(SIGNALS.stripeEvent), (signal) => {
    const run = birth.run;
    if (run === null) return;
    if (signal.kind === 'refund') {
      if (signal.refundId !== null && isNews(run.state, signal.refundId, signal.status)) {
        reopenReturn(run.state, signal.refundId);
        run.inbox.refunds.push(signal.refundId);
      }
      return;
    }
    if (signal.kind === 'checkout_session') {
      const paid = run.state.payments.find((p) => p.id === signal.paymentId && p.checkout !== undefined);
      if (paid === undefined || paid.status === 'succeeded') return;
      paid.checkout!.sessionId ??= signal.sessionId;
      run.inbox.payments.push(signal.sessionId);
      return;
    }
    const payment = run.state.payments.find(
      (p) => p.id === signal.paymentId || p.paymentIntentId === signal.paymentIntentId,
    );
    if (!payment) return;
    // The webhook may be quicker than the answer to the call that made it.
    payment.paymentIntentId ??= signal.paymentIntentId;
    if (payment.status !== 'succeeded') run.inbox.payments.push(payment.paymentIntentId);
  });
  setHandler(defineSignal<[CardDisputeSignal]>(SIGNALS.cardDispute), (signal) => {
    const run = birth.run;
    if (run !== null) run.later((state, mark) => cardDispute(state, mark, signal));
  });
  setHandler(defineSignal<[FraudWarningSignal]>(SIGNALS.fraudWarning), (signal) => {
    const run = birth.run;
    if (run !== null) run.later((state, mark) => fraudWarning(state, mark, signal));
  });
  setHandler(defineSignal<[RiskSignal]>(SIGNALS.risk), (signal) => {
    const run = birth.run;
    if (run !== null && !run.state.risks?.includes(signal.key)) run.later((state, mark) => review(state, mark, signal));
  });
  setHandler(defineSignal<[RecoverySignal]>(SIGNALS.recovery), (signal) => {
    const run = birth.run;
    if (run !== null) run.later((state, mark) => recovery(state, mark, signal));
  });
  setHandler(defineSignal<[SellerSignal]>(SIGNALS.sellerChanged), (signal) => {
    const run = birth.run;
    if (run === null || signal.transfers !== 'active') return;
    run.activations.set(signal.sellerId, (run.activations.get(signal.sellerId) ?? 0) + 1);
    run.change((state, mark) => unblock(state, mark, signal.sellerId));
  });
}

/** A late payment that had gone back whole comes back from the bank: the escrow does not end before it is read again. */
function reopenReturn(state: EscrowState, refundId: string): void {
  const payment = state.payments.find((p) => returnId(p) === refundId && p.returned === 'succeeded');
  if (payment) payment.returned = 'pending';
}

/** A refund is read again when Stripe's word differs from ours; a success may be taken back days later. */
function isNews(state: EscrowState, refundId: string, status: string): boolean {
  const returned = state.payments.find((p) => returnId(p) === refundId)?.returned;
  if (returned === 'succeeded' && status !== 'failed' && status !== 'canceled') return false;
  const part = state.milestones.flatMap((m) => m.refunds).find((r) => r.id === refundId);
  if (part?.status === 'failed' || part?.status === status) return false;
  return part?.status !== 'succeeded' || status === 'failed' || status === 'canceled';
}
