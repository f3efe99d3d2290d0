// What every sandbox suite needs: a sandbox of its own in process, real Stripe clients on it, and the control API.
import { Stripe } from 'stripe';

import { startStripeSandbox } from '../../sandbox/stripe/server.ts';
import type { StripeSandbox, StripeSandboxOptions } from '../../sandbox/stripe/server.ts';

export type Harness = {
  sandbox: StripeSandbox;
  stripe: Stripe;
  control: (path: string, body: Record<string, unknown>) => Promise<Record<string, unknown>>;
  /** A connected account that can receive transfers. */
  seller: (country?: string) => Promise<string>;
  pay: (more?: Partial<Stripe.PaymentIntentCreateParams>) => Promise<Paid>;
  close: () => Promise<void>;
};
export type Paid = { intent: Stripe.PaymentIntent; charge: Stripe.Charge; transaction: Stripe.BalanceTransaction };

export function client(port: number): Stripe {
  return new Stripe('sk_test_x', { host: '127.0.0.1', port, protocol: 'http', maxNetworkRetries: 0, telemetry: false });
}

export const CARD_ONLY = { automatic_payment_methods: { enabled: true, allow_redirects: 'never' as const } };

export async function openSandbox(options: Partial<StripeSandboxOptions> = {}): Promise<Harness> {
  const sandbox = await startStripeSandbox({ port: 0, ...options });
  const stripe = client(sandbox.port);
  const control: Harness['control'] = async (path, body) => {
    const response = await fetch(`${sandbox.url}/_sandbox/${path}`, { method: 'POST', body: JSON.stringify(body) });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Error(`control ${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  return {
    sandbox,
    stripe,
    control,
    async seller(country = 'US') {
      const account = await stripe.v2.core.accounts.create({
        contact_email: 'seller@example.com',
        dashboard: 'express',
        identity: { country: country.toLowerCase() as 'us', entity_type: 'individual' },
        configuration: {
          recipient: { capabilities: { stripe_balance: { stripe_transfers: { requested: true } } } },
        },
        defaults: { responsibilities: { fees_collector: 'application', losses_collector: 'application' } },
      });
      await control(`accounts/${account.id}`, { transfers: 'active' });
      return account.id;
    },
    async pay(more = {}) {
      const intent = await stripe.paymentIntents.create({
        amount: 30_000,
        currency: 'usd',
        confirm: true,
        payment_method: 'pm_card_visa',
        ...CARD_ONLY,
        ...more,
        expand: ['latest_charge.balance_transaction'],
      });
      const charge = intent.latest_charge as Stripe.Charge;
      return { intent, charge, transaction: charge.balance_transaction as Stripe.BalanceTransaction };
    },
    close: () => sandbox.close(),
  };
}

/** The refusal of a call, as the SDK raises it. */
export async function refusal(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error;
    throw error;
  }
  throw new Error('the call was expected to be refused');
}

export async function amounts(
  stripe: Stripe,
  currency = 'usd',
  stripeAccount?: string,
): Promise<{ available: number; pending: number }> {
  const balance = await stripe.balance.retrieve({}, stripeAccount === undefined ? {} : { stripeAccount });
  const pick = (lines: { amount: number; currency: string }[]): number =>
    lines.find((line) => line.currency === currency)?.amount ?? 0;
  return { available: pick(balance.available), pending: pick(balance.pending) };
}
