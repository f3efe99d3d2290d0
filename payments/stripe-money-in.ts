// Money in: PaymentIntents, and Checkout's page for whoever has no scripts.
import type { Stripe } from 'stripe';
import { excludedTypes } from '../domain/methods.ts';
import {
  type ChargeFacts,
  type CheckoutSessionFacts,
  INTENT_STATUSES,
  type PaymentIntentFacts,
  type Payments,
  SESSION_STATUSES,
} from './port.ts';
import { PAGE, type StripeCalls } from './stripe-calls.ts';
import { balanceTransaction, idOf } from './stripe-facts.ts';

const INTENT_EXPAND = ['latest_charge.balance_transaction'];

/** PaymentIntents and Checkout sessions. */
export const moneyIn = ({
  stripe,
  guard,
}: StripeCalls): Pick<
  Payments,
  | 'createPaymentIntent'
  | 'confirmPaymentIntent'
  | 'cancelPaymentIntent'
  | 'retrievePaymentIntent'
  | 'findPaymentIntent'
  | 'createCheckoutSession'
  | 'expireCheckoutSession'
  | 'retrieveCheckoutSession'
  | 'findCheckoutSession'
> => ({
  createPaymentIntent: (input, key) =>
    guard(async () => {
      const intent = await stripe.paymentIntents.create(
        {
          amount: Number(input.amountMinor),
          currency: input.currency,
          transfer_group: input.transferGroup,
          metadata: input.metadata,
          automatic_payment_methods: { enabled: true },
          // The default (automatic_async) answers before there is a balance transaction; amounts come from that one.
          capture_method: 'automatic',
          ...(excludedTypes(input.currency).length === 0
            ? {}
            : {
                excluded_payment_method_types: excludedTypes(
                  input.currency,
                ) as Stripe.PaymentIntentCreateParams.ExcludedPaymentMethodType[],
              }),
          ...(input.paymentMethod === undefined
            ? {}
            : { confirm: true, payment_method: input.paymentMethod, return_url: input.returnUrl }),
          expand: INTENT_EXPAND,
        },
        { idempotencyKey: key },
      );
      return intentFacts(intent);
    }),
  confirmPaymentIntent: (id, input, key) =>
    guard(async () =>
      intentFacts(
        await stripe.paymentIntents.confirm(
          id,
          { payment_method: input.paymentMethod, return_url: input.returnUrl, expand: INTENT_EXPAND },
          { idempotencyKey: key },
        ),
      ),
    ),
  cancelPaymentIntent: (id, key) =>
    guard(async () =>
      intentFacts(await stripe.paymentIntents.cancel(id, { expand: INTENT_EXPAND }, { idempotencyKey: key })),
    ),
  retrievePaymentIntent: (id) =>
    guard(async () => intentFacts(await stripe.paymentIntents.retrieve(id, { expand: INTENT_EXPAND }))),
  findPaymentIntent: (paymentId, createdAfter) =>
    guard(async () => {
      const gte = Math.floor(createdAfter.getTime() / 1000) - 60;
      for await (const intent of stripe.paymentIntents.list({ created: { gte }, limit: PAGE })) {
        if (intent.metadata['payment_id'] === paymentId) {
          return intentFacts(await stripe.paymentIntents.retrieve(intent.id, { expand: INTENT_EXPAND }));
        }
      }
      return null;
    }),

  createCheckoutSession: (input, key) =>
    guard(async () =>
      sessionFacts(
        await stripe.checkout.sessions.create(
          {
            mode: 'payment',
            line_items: [
              {
                quantity: 1,
                price_data: {
                  currency: input.currency,
                  unit_amount: Number(input.amountMinor),
                  product_data: { name: input.title },
                },
              },
            ],
            metadata: input.metadata,
            payment_intent_data: {
              capture_method: 'automatic',
              transfer_group: input.transferGroup,
              metadata: input.metadata,
            },
            ...(excludedTypes(input.currency).length === 0
              ? {}
              : {
                  excluded_payment_method_types: excludedTypes(
                    input.currency,
                  ) as Stripe.Checkout.SessionCreateParams.ExcludedPaymentMethodType[],
                }),
            success_url: input.returnUrl,
            cancel_url: input.cancelUrl,
          },
          { idempotencyKey: key },
        ),
      ),
    ),
  expireCheckoutSession: (id, key) =>
    guard(async () => sessionFacts(await stripe.checkout.sessions.expire(id, {}, { idempotencyKey: key }))),
  retrieveCheckoutSession: (id) => guard(async () => sessionFacts(await stripe.checkout.sessions.retrieve(id))),
  findCheckoutSession: (paymentId, createdAfter) =>
    guard(async () => {
      const gte = Math.floor(createdAfter.getTime() / 1000) - 60;
      for await (const session of stripe.checkout.sessions.list({ created: { gte }, limit: PAGE })) {
        if (session.metadata?.['payment_id'] === paymentId) return sessionFacts(session);
      }
      return null;
    }),
});

function paidWith(details: Stripe.Charge.PaymentMethodDetails | null): ChargeFacts['paidWith'] {
  const card = details?.card?.fingerprint;
  if (card) return { method: 'card', fingerprint: card };
  const bank = details?.sepa_debit?.fingerprint ?? details?.us_bank_account?.fingerprint;
  return bank ? { method: 'bank', fingerprint: bank } : null;
}

function intentFacts(intent: Stripe.PaymentIntent): PaymentIntentFacts {
  const charge = typeof intent.latest_charge === 'string' ? null : intent.latest_charge;
  const error = intent.last_payment_error;
  return {
    id: intent.id,
    status: INTENT_STATUSES.find((x) => x === intent.status) ?? 'unknown',
    rawStatus: intent.status,
    amountMinor: BigInt(intent.amount),
    currency: intent.currency,
    metadata: intent.metadata,
    clientSecret: intent.client_secret,
    actionUrl: intent.next_action?.redirect_to_url?.url ?? null,
    methodType: charge?.payment_method_details?.type ?? null,
    charge: charge
      ? {
          id: charge.id,
          status: charge.status,
          capturedMinor: BigInt(charge.amount_captured),
          currency: charge.currency,
          balanceTransaction: balanceTransaction(charge.balance_transaction),
          paidWith: paidWith(charge.payment_method_details),
        }
      : null,
    lastError: error
      ? { code: error.code ?? error.type, declineCode: error.decline_code ?? null, message: error.message ?? '' }
      : null,
  };
}

function sessionFacts(s: Stripe.Checkout.Session): CheckoutSessionFacts {
  return {
    id: s.id,
    status: SESSION_STATUSES.find((x) => x === s.status) ?? 'unknown',
    rawStatus: s.status ?? '',
    url: s.url,
    paymentIntentId: idOf(s.payment_intent),
    metadata: s.metadata ?? {},
  };
}
