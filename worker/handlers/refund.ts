// refund.* and charge.refunded: the workflow is told each refund's present status; a refund without our metadata is found
// by its PaymentIntent's.
import type { Sql } from '../../db/client.ts';
import { refundAsMade } from '../../db/failed-refunds.ts';
import type { InboxEvent } from '../../db/inbox-queue.ts';
import { refundOfReleased } from '../../db/recoveries.ts';
import type { RefundFacts } from '../../payments/port.ts';
import type { Handler, HandlerContext, Outcome } from './context.ts';
import { objectIdOf, orMissing } from './context.ts';
import { settledMovement } from './settled.ts';

/** The event's object is the refund. */
export const refund: Handler = async (event, context) => {
  const fetched = await orMissing(context.stripe.retrieveRefund(objectIdOf(event)));
  if (fetched === null) return { state: 'ignored', reason: 'Stripe knows no such refund' };
  return tellRefund(event, fetched, context);
};

/** The event's object is the charge: all refunds of its PaymentIntent are told. */
export const chargeRefunded: Handler = async (event, context) => {
  const paymentIntentId = paymentIntentOf(event);
  if (paymentIntentId === null) return { state: 'ignored', reason: 'the charge has no PaymentIntent: not one of ours' };
  const refunds = (await orMissing(context.stripe.listRefunds(paymentIntentId))) ?? [];
  let outcome: Outcome = { state: 'ignored', reason: 'the charge has no refunds' };
  for (const fetched of refunds) {
    const next = await tellRefund(event, fetched, context);
    if (rank(next) > rank(outcome)) outcome = next;
  }
  return outcome;
};

/** Which PaymentIntent a charge is of never changes: the event's own word does. */
function paymentIntentOf(event: InboxEvent): string | null {
  const body = JSON.parse(event.body) as { data?: { object?: { payment_intent?: string | { id: string } | null } } };
  const of = body.data?.object?.payment_intent ?? null;
  return typeof of === 'object' ? (of?.id ?? null) : of;
}

/** The gravest answer of several is the event's. */
const rank = (outcome: Outcome): number => ['ignored', 'done', 'parked'].indexOf(outcome.state);

async function tellRefund(event: InboxEvent, fetched: RefundFacts, context: HandlerContext): Promise<Outcome> {
  const { sql, stripe, signals } = context;
  const escrowId = fetched.metadata['escrow_id'] ?? (await escrowOfPayment(fetched, stripe));
  if (escrowId === undefined) return { state: 'ignored', reason: 'the refund belongs to no escrow' };
  const refundId = fetched.metadata['refund_id'] ?? null;
  const signal = {
    kind: 'refund' as const,
    stripeRefundId: fetched.id,
    refundId,
    status: fetched.status,
    eventId: event.id,
  };
  // A further attempt of a refund that came back after its escrow's end.
  const failedRefund = fetched.metadata['failed_refund'];
  if (failedRefund !== undefined) {
    if (!(await settledMovement(sql, fetched.id, refundId, fetched.status))) {
      await signals.failedRefund({ refundId: failedRefund, escrowId });
    }
    return { state: 'done', escrowId };
  }
  // A refund of released money has a workflow of its own, also after the escrow's end.
  const told =
    refundId !== null && fetched.metadata['workflow'] === 'refund'
      ? await signals.refundEvent(refundId, signal)
      : await signals.stripeEvent(escrowId, signal);
  if (await settledMovement(sql, fetched.id, refundId, fetched.status)) return { state: 'done', escrowId };
  if (told === 'told') {
    await untilNoted(sql, fetched, refundId);
    return { state: 'done', escrowId };
  }
  if (refundId !== null && (fetched.status === 'failed' || fetched.status === 'canceled')) {
    // We hold it for done, and the bank sent it back: what a refund was is known, so it can be made again, or undone.
    if ((await refundAsMade(sql, refundId)) !== null) {
      await signals.failedRefund({ refundId, escrowId });
      return { state: 'done', escrowId };
    }
    if ((await refundOfReleased(sql, refundId)) !== null) {
      await signals.refundSentBack({ refundId, escrowId }, signal);
      return { state: 'done', escrowId };
    }
  }
  return {
    state: 'parked',
    alert: 'stripe_event_without_workflow',
    reason: `its workflow is closed, and refund ${fetched.id} is ${fetched.status} at Stripe but not in the database`,
    escrowId,
  };
}

/**
 * A refund that we hold for made was sent back, and its workflow was told. One that closes at this very moment hears nothing any
 * more: the event is kept until the failure is in the books, or the workflow is closed and another way is taken.
 *
 * @throws Error while it is not: tried again later
 */
async function untilNoted(sql: Sql, { id, status }: RefundFacts, refundId: string | null): Promise<void> {
  if (status !== 'failed' && status !== 'canceled') return;
  const made = await sql`
    SELECT FROM movements WHERE (stripe_id = ${id} OR id = ${refundId}) AND kind = 'refund' AND status = 'succeeded'`;
  if (made.length > 0) throw new Error(`refund ${id} is ${status}: its workflow was told, and has not written it down yet`); // prettier-ignore
}

async function escrowOfPayment(fetched: RefundFacts, stripe: HandlerContext['stripe']): Promise<string | undefined> {
  if (fetched.paymentIntentId === null) return undefined;
  return (await orMissing(stripe.retrievePaymentIntent(fetched.paymentIntentId)))?.metadata['escrow_id'];
}
