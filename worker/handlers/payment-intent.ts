// payment_intent.*: the workflow is told the PaymentIntent's present status.
import type { Handler } from './context.ts';
import { objectIdOf, orMissing } from './context.ts';
import type { Sql } from '../../db/client.ts';
import { settledMovement } from './settled.ts';

export const paymentIntent: Handler = async (event, { sql, stripe, signals }) => {
  const fetched = await orMissing(stripe.retrievePaymentIntent(objectIdOf(event)));
  if (fetched === null) return { state: 'ignored', reason: 'Stripe knows no such PaymentIntent' };
  const escrowId = fetched.metadata['escrow_id'];
  if (escrowId === undefined) return { state: 'ignored', reason: 'the PaymentIntent belongs to no escrow' };
  const paymentId = fetched.metadata['payment_id'] ?? null;
  if (fetched.status === 'succeeded' && (await postedByItsCall(sql, paymentId))) return { state: 'done', escrowId };
  const told = await signals.stripeEvent(escrowId, {
    kind: 'payment_intent',
    paymentIntentId: fetched.id,
    paymentId,
    status: fetched.status,
    eventId: event.id,
  });
  if (told === 'told') return { state: 'done', escrowId };
  // A PaymentIntent that took no money leaves nothing to do after the escrow's end.
  const tookMoney = ['processing', 'requires_capture', 'succeeded'].includes(fetched.status);
  if (!tookMoney || (await settledMovement(sql, fetched.id, paymentId, fetched.status))) {
    return { state: 'done', escrowId };
  }
  return {
    state: 'parked',
    alert: 'stripe_event_without_workflow',
    reason: `the escrow's workflow is closed, and PaymentIntent ${fetched.id} is ${fetched.status} at Stripe but not in the database`,
    escrowId,
  };
};

const LOOKS = 5;
const LOOK_EVERY_MS = 100;

/**
 * A card's success comes twice: as the answer to the call that charged it, and as this event, often the quicker of the two.
 * What the call's activity has posted its workflow learns from that activity, so a signal would only cost an action.
 */
async function postedByItsCall(sql: Sql, paymentId: string | null): Promise<boolean> {
  for (let look = 1; ; look++) {
    const [payment] = await sql<{ status: string }[]>`SELECT status FROM movements WHERE id = ${paymentId}`;
    if (payment?.status === 'succeeded') return true;
    // Reserved: the call is on its way at this moment. Any other state is news to the workflow.
    if (payment?.status !== 'reserved' || look === LOOKS) return false;
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_EVERY_MS);
    });
  }
}
