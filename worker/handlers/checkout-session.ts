// checkout.session.expired: the page where the buyer could have paid is gone. What is paid there comes as payment_intent.*.
import type { Handler } from './context.ts';
import { objectIdOf, orMissing } from './context.ts';

export const checkoutSession: Handler = async (event, { stripe, signals }) => {
  const session = await orMissing(stripe.retrieveCheckoutSession(objectIdOf(event)));
  if (session === null) return { state: 'ignored', reason: 'Stripe knows no such Checkout Session' };
  const escrowId = session.metadata['escrow_id'];
  if (escrowId === undefined) return { state: 'ignored', reason: 'the Checkout Session belongs to no escrow' };
  // Where the escrow has ended, a session that took no money leaves nothing to do.
  await signals.stripeEvent(escrowId, {
    kind: 'checkout_session',
    sessionId: session.id,
    paymentId: session.metadata['payment_id'] ?? null,
    status: session.rawStatus,
    eventId: event.id,
  });
  return { state: 'done', escrowId };
};
