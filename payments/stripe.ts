// The payments port over the unchanged `stripe` package: one adapter for each matter. Nothing else in the product calls Stripe.
import { Stripe } from 'stripe';
import type { StripeObserver } from './metrics.ts';
import type { Payments } from './port.ts';
import { sellerAccounts } from './stripe-accounts.ts';
import { stripeJournal } from './stripe-books.ts';
import { stripeCalls, type StripeOptions } from './stripe-calls.ts';
import { bankDisputes } from './stripe-disputes.ts';
import { stripeEvents } from './stripe-events.ts';
import { moneyIn } from './stripe-money-in.ts';
import { moneyOut } from './stripe-money-out.ts';
import { platformBalance } from './stripe-platform.ts';

/** Opens the port. */
export function stripePayments(options: StripeOptions, observer?: StripeObserver): Payments {
  const calls = stripeCalls(options, observer);
  return {
    apiVersion: Stripe.API_VERSION,
    journal: stripeJournal(calls.stripe),
    ...moneyIn(calls),
    ...moneyOut(calls),
    ...bankDisputes(calls),
    ...sellerAccounts(calls),
    ...platformBalance(calls),
    ...stripeEvents(calls.stripe, options.webhookSecrets),
  };
}
