// Which handler an event's type has. A type that is not here is ignored: Stripe adds types at any time.
import { account, accountDeauthorized, externalAccount } from './account.ts';
import { checkoutSession } from './checkout-session.ts';
import type { Handler } from './context.ts';
import { chargeFailed, dispute, fraudWarning } from './dispute.ts';
import { forOps } from './for-ops.ts';
import { payout } from './payout.ts';
import { paymentIntent } from './payment-intent.ts';
import { chargeRefunded, refund } from './refund.ts';
import { transfer } from './transfer.ts';

const review = forOps('review');

export const handlers: Readonly<Record<string, Handler>> = {
  'payment_intent.succeeded': paymentIntent,
  'payment_intent.payment_failed': paymentIntent,
  'payment_intent.processing': paymentIntent,
  'payment_intent.canceled': paymentIntent,
  'payment_intent.requires_action': paymentIntent,

  'checkout.session.expired': checkoutSession,

  'refund.created': refund,
  'refund.updated': refund,
  'refund.failed': refund,
  'charge.refund.updated': refund,
  'charge.refunded': chargeRefunded,

  'transfer.created': transfer,
  'transfer.updated': transfer,
  'transfer.reversed': transfer,

  'account.updated': account,
  'account.application.deauthorized': accountDeauthorized,
  'account.external_account.created': externalAccount,
  'account.external_account.updated': externalAccount,
  'v2.core.account.updated': account,
  'v2.core.account.closed': account,
  'v2.core.account[requirements].updated': account,
  'v2.core.account[configuration.recipient].updated': account,
  'v2.core.account[configuration.recipient].capability_status_updated': account,

  'charge.dispute.created': dispute,
  'charge.dispute.updated': dispute,
  'charge.dispute.closed': dispute,
  'charge.dispute.funds_withdrawn': dispute,
  'charge.dispute.funds_reinstated': dispute,

  'charge.failed': chargeFailed,

  'radar.early_fraud_warning.created': fraudWarning,
  'review.opened': review,
  'review.closed': review,

  'payout.created': payout,
  'payout.updated': payout,
  'payout.paid': payout,
  'payout.failed': payout,
  'payout.canceled': payout,
  'payout.reconciliation_completed': payout,
};
