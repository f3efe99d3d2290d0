// Signed webhooks as Stripe sends them: a charge of ordinary size, each with ids of its own.
import { randomBytes } from 'node:crypto';
import { Stripe } from 'stripe';

const stripe = new Stripe('sk_test_bench');

export interface SignedEvent {
  id: string;
  body: string;
  headers: Record<string, string>;
}

/** Makes signed `charge.succeeded` events; `run` sets the ids of one measurement apart. */
export function eventMaker(secret: string, run = randomBytes(5).toString('hex')): () => SignedEvent {
  let made = 0;
  const created = Math.floor(Date.now() / 1000);
  return () => {
    const n = ++made;
    const id = `evt_${run}${String(n).padStart(8, '0')}`;
    const body = JSON.stringify(charge(id, `ch_${run}${n}`, created));
    const signature = stripe.webhooks.generateTestHeaderString({ payload: body, secret });
    return { id, body, headers: { 'content-type': 'application/json', 'stripe-signature': signature } };
  };
}

const charge = (id: string, chargeId: string, created: number) => ({
  id,
  object: 'event',
  api_version: '2026-01-28.clover',
  created,
  livemode: false,
  pending_webhooks: 1,
  request: { id: null, idempotency_key: null },
  type: 'charge.succeeded',
  data: {
    object: {
      id: chargeId,
      object: 'charge',
      amount: 30_000,
      amount_captured: 30_000,
      amount_refunded: 0,
      application: null,
      application_fee: null,
      application_fee_amount: null,
      balance_transaction: `txn_${chargeId}`,
      billing_details: { address: { city: null, country: null, line1: null, line2: null, postal_code: null, state: null }, email: null, name: null, phone: null, tax_id: null }, // prettier-ignore
      calculated_statement_descriptor: 'TRANCHE',
      captured: true,
      created,
      currency: 'usd',
      customer: null,
      description: null,
      disputed: false,
      failure_balance_transaction: null,
      failure_code: null,
      failure_message: null,
      fraud_details: {},
      livemode: false,
      metadata: {
        escrow_id: 'esc_00000000000000000000000000000000',
        payment_id: 'pay_00000000000000000000000000000000',
      },
      on_behalf_of: null,
      outcome: { advice_code: null, network_advice_code: null, network_decline_code: null, network_status: 'approved_by_network', reason: null, risk_level: 'normal', risk_score: 12, seller_message: 'Payment complete.', type: 'authorized' }, // prettier-ignore
      paid: true,
      payment_intent: `pi_${chargeId}`,
      payment_method: `pm_${chargeId}`,
      payment_method_details: { card: { amount_authorized: 30_000, authorization_code: null, brand: 'visa', checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' }, country: 'US', exp_month: 12, exp_year: 2034, extended_authorization: { status: 'disabled' }, fingerprint: 'Xt5EWLLDS7FJjR1c', funding: 'credit', incremental_authorization: { status: 'unavailable' }, installments: null, last4: '4242', mandate: null, multicapture: { status: 'unavailable' }, network: 'visa', network_token: { used: false }, overcapture: { maximum_amount_capturable: 30_000, status: 'unavailable' }, three_d_secure: null, wallet: null }, type: 'card' }, // prettier-ignore
      receipt_email: null,
      receipt_number: null,
      receipt_url: `https://pay.stripe.com/receipts/payment/${chargeId}`,
      refunded: false,
      review: null,
      shipping: null,
      source: null,
      source_transfer: null,
      statement_descriptor: null,
      statement_descriptor_suffix: null,
      status: 'succeeded',
      transfer_data: null,
      transfer_group: 'esc_00000000000000000000000000000000',
    },
  },
});
