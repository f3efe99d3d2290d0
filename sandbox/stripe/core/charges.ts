// Charges: what a payment attempt leaves behind, its money on the balance, capture, and the read side of charges.
import { behaviourOf } from './behaviours.ts';
import type { Behaviour, Decline } from './behaviours.ts';
import { invalid } from './errors.ts';
import { integer, object, text } from './json.ts';
import type { JsonObject } from './json.ts';
import { balanceGrew, book } from './ledger.ts';
import { page } from './lists.ts';
import { convert, exchangeRate, processingFee, settlementCurrency } from './money.ts';
import { amount, CREATED, expand, int, LIST, mergeMetadata, metadata, NONE, str, hash, oneOf } from './params.ts';
import { SHIPPING } from './shared-params.ts';
import { shipping } from './payment-methods.ts';
import type { Charge, PaymentIntent, PaymentMethod } from './records.ts';
import { defineIncludable, defineView, embeddedList } from './render.ts';
import { get, post } from './route.ts';
import type { Route } from './route.ts';
import { DAY_SECONDS } from './world.ts';
import type { World } from './world.ts';

/** Charges settle after two days, at midnight UTC, as Stripe's own `available_on` does. */
export function settlementTime(world: World): number {
  return Math.floor((world.now + 2 * DAY_SECONDS) / DAY_SECONDS) * DAY_SECONDS;
}

function methodDetails(
  world: World,
  method: PaymentMethod,
  charge: { amount: number; authenticated: boolean },
): JsonObject {
  if (method.type === 'card') {
    const card = object(method.card);
    return {
      type: 'card',
      card: {
        amount_authorized: charge.amount,
        authorization_code: world.ids.random.next().toString().slice(2, 8),
        brand: card.brand,
        checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
        country: card.country,
        electronic_commerce_indicator: charge.authenticated ? '05' : null,
        exp_month: card.exp_month,
        exp_year: card.exp_year,
        extended_authorization: { status: 'disabled' },
        fingerprint: card.fingerprint,
        funding: card.funding,
        incremental_authorization: { status: 'unavailable' },
        installments: null,
        last4: card.last4,
        mandate: null,
        multicapture: { status: 'unavailable' },
        network: card.brand,
        network_token: { used: false },
        network_transaction_id: world.ids.random.next().toString().slice(2, 17),
        overcapture: { maximum_amount_capturable: charge.amount, status: 'unavailable' },
        regulated_status: 'unregulated',
        three_d_secure: charge.authenticated
          ? {
              authentication_flow: 'challenge',
              electronic_commerce_indicator: '05',
              exemption_indicator: null,
              result: 'authenticated',
              result_reason: null,
              transaction_id: world.ids.token('3ds', 16),
              version: '2.2.0',
            }
          : null,
        transaction_link_id: null,
        wallet: null,
      },
    };
  }
  const given = object(method[method.type]);
  if (method.type === 'sepa_debit') {
    const { bank_code, branch_code, country, fingerprint, last4 } = given;
    return {
      type: 'sepa_debit',
      sepa_debit: { bank_code, branch_code, country, fingerprint, last4, mandate: world.ids.token('mandate', 24) },
    };
  }
  if (method.type === 'us_bank_account') {
    const { account_holder_type, account_type, bank_name, fingerprint, last4, routing_number } = given;
    return {
      type: 'us_bank_account',
      us_bank_account: {
        account_holder_type,
        account_type,
        bank_name,
        fingerprint,
        last4,
        mandate: world.ids.token('mandate', 24),
        payment_reference: null,
        routing_number,
      },
    };
  }
  return {
    type: 'ideal',
    ideal: {
      bank: given.bank ?? null,
      bic: given.bic ?? null,
      generated_sepa_debit: null,
      generated_sepa_debit_mandate: null,
      iban_last4: '5264',
      transaction_id: world.ids.random.chars(16),
      verified_name: 'Jenny Rosen',
    },
  };
}

function outcome(behaviour: Behaviour | null, decline: Decline | null): JsonObject {
  const blocked = decline !== null;
  return {
    advice_code: decline?.advice ?? null,
    network_advice_code: decline?.networkAdvice ?? null,
    network_decline_code: decline?.network ?? null,
    network_status: blocked ? 'declined_by_network' : 'approved_by_network',
    reason: decline?.declineCode ?? null,
    risk_level: behaviour?.riskLevel ?? 'normal',
    risk_score: behaviour?.riskLevel === 'elevated' ? 65 : 24,
    seller_message: blocked ? 'The bank did not return any further details with this decline.' : 'Payment complete.',
    type: blocked ? 'issuer_declined' : 'authorized',
  };
}

export type Attempt = {
  status: 'succeeded' | 'pending' | 'failed';
  captured: boolean;
  authenticated: boolean;
  decline: Decline | null;
};

export function makeCharge(world: World, intent: PaymentIntent, method: PaymentMethod, attempt: Attempt): Charge {
  const behaviour = behaviourOf(method._behaviour);
  const id = world.ids.ofStem(behaviour?.type === 'card' ? 'ch' : 'py', intent._stem);
  const paid = attempt.status !== 'failed';
  return world.store.put('charge', {
    id,
    object: 'charge',
    _account: world.account,
    amount: intent.amount,
    amount_captured: attempt.captured ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: intent.application_fee_amount,
    balance_transaction: null,
    billing_details: method.billing_details,
    calculated_statement_descriptor: 'TRANCHE',
    captured: attempt.captured,
    created: world.now,
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: attempt.decline?.code ?? null,
    failure_message: attempt.decline?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: intent.metadata,
    on_behalf_of: intent.on_behalf_of,
    outcome: outcome(behaviour, attempt.decline),
    paid: paid && attempt.status === 'succeeded',
    payment_intent: intent.id,
    payment_method: method.id,
    payment_method_details: methodDetails(world, method, {
      amount: intent.amount,
      authenticated: attempt.authenticated,
    }),
    radar_options: {},
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: paid ? `${world.settings.baseUrl}/_sandbox/receipts/${id}` : null,
    refunded: false,
    review: null,
    shipping: intent.shipping,
    source: null,
    source_transfer: null,
    statement_descriptor: intent.statement_descriptor,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    status: attempt.status,
    transfer_data: null,
    transfer_group: intent.transfer_group,
    _stem: intent._stem,
    _behaviour: method._behaviour,
  });
}

/** Puts a captured charge's money on the balance: gross less Stripe's fee, pending until it settles. */
export function bookCharge(world: World, charge: Charge, captured: number): Charge {
  const settled = settlementCurrency(charge.currency);
  const rate = exchangeRate(charge.currency, settled, world.now);
  const gross = convert(captured, rate);
  const behaviour = behaviourOf(charge._behaviour);
  const transaction = book(world, {
    type: behaviour?.type === 'card' ? 'charge' : 'payment',
    category: 'charge',
    amount: gross,
    fee: processingFee(gross, settled),
    currency: settled,
    source: charge.id,
    description: text(charge.description),
    availableOn: behaviour?.bypassPending ? world.now : settlementTime(world),
    rate,
    stem: charge._stem,
  });
  balanceGrew(world, charge._account, settled);
  return world.store.patch('charge', charge.id, {
    balance_transaction: transaction.id,
    captured: true,
    amount_captured: captured,
    paid: true,
    status: 'succeeded',
  });
}

/** `automatic_async`: the charge succeeds now, its balance transaction comes a moment later with `charge.updated`. */
export function bookLater(world: World, id: string): void {
  const charge = world.store.get('charge', id);
  if (charge) ensureBooked(world, charge);
}

/** What moves money of a charge needs its balance transaction now. */
export function ensureBooked(world: World, charge: Charge): Charge {
  if (charge.status !== 'succeeded' || !charge.captured || charge.balance_transaction !== null) return charge;
  const booked = bookCharge(world, charge, charge.amount_captured);
  world.emit('charge.updated', booked, { balance_transaction: null });
  return booked;
}

export function capture(world: World, charge: Charge, captured: number): Charge {
  if (captured > charge.amount) {
    throw invalid(
      `The amount you are trying to capture (${captured}) is greater than the amount authorized (${charge.amount}).`,
      { code: 'amount_too_large', param: 'amount_to_capture' },
    );
  }
  const after = bookCharge(world, charge, captured);
  world.emit('charge.captured', after);
  return after;
}

/** Fields that the API still shows although the SDK's types no longer name them. */
defineView('charge', (world, record, shown) => ({
  ...shown,
  destination: text(object(record.transfer_data).destination),
  dispute: world.store.by('dispute', 'charge', text(record.id) ?? '').at(-1)?.id ?? null,
  order: null,
}));
defineIncludable('charge', 'refunds', (world, record) => {
  const id = text(record.id) ?? '';
  return embeddedList(world, world.store.by('refund', 'charge', id).reverse(), `/v1/charges/${id}/refunds`);
});
defineIncludable('charge', 'transfer', (world, record) => {
  const id = text(record.id) ?? '';
  return world.store.by('transfer', 'source_transaction', id)[0]?.id ?? null;
});

/** Charges of one group that can still be listed; Stripe refuses larger groups. */
const MOST_IN_GROUP = 100;

export const chargeRoutes: Route[] = [
  get('/v1/charges/:id', NONE, ({ world, path }) => world.find('charge', path('id'), 'charge')),
  get(
    '/v1/charges',
    { ...LIST, ...CREATED, customer: str(), payment_intent: str(), transfer_group: str() },
    ({ world, params }) => {
      const group = text(params.transfer_group);
      if (group && world.store.by('charge', 'transfer_group', group).length > MOST_IN_GROUP) {
        throw invalid(`Too many charges with transfer group: \`${group}\``, { param: 'transfer_group' });
      }
      return page(world, {
        table: 'charge',
        url: '/v1/charges',
        params,
        where: {
          payment_intent: params.payment_intent,
          transfer_group: params.transfer_group,
          customer: params.customer,
        },
      });
    },
  ),
  post(
    '/v1/charges/:id',
    {
      customer: str(),
      description: str({ unset: true }),
      fraud_details: hash({ user_report: oneOf(['fraudulent', 'safe'], { unset: true, required: true }) }),
      metadata,
      receipt_email: str({ unset: true }),
      shipping: SHIPPING,
      transfer_group: str(),
      expand,
    },
    ({ world, path, params }) => {
      const charge = world.find('charge', path('id'), 'charge');
      const after = world.store.patch('charge', charge.id, {
        metadata: mergeMetadata(charge.metadata, params.metadata),
        ...(params.description === undefined ? {} : { description: params.description }),
        ...(params.receipt_email === undefined ? {} : { receipt_email: params.receipt_email }),
        ...(params.transfer_group === undefined ? {} : { transfer_group: text(params.transfer_group) }),
        ...(params.fraud_details === undefined ? {} : { fraud_details: object(params.fraud_details) }),
        ...(params.shipping === undefined ? {} : { shipping: shipping(params.shipping) }),
      });
      world.emitUpdate('charge.updated', charge, after);
      return after;
    },
  ),
  post(
    '/v1/charges/:id/capture',
    {
      amount: amount(),
      application_fee: int(),
      application_fee_amount: amount(),
      receipt_email: str(),
      statement_descriptor: str(),
      statement_descriptor_suffix: str(),
      transfer_data: hash({ amount: amount() }),
      transfer_group: str(),
      expand,
    },
    ({ world, path, params }) => {
      const charge = world.find('charge', path('id'), 'charge');
      if (charge.captured || charge.status !== 'succeeded') {
        throw invalid(`Charge ${charge.id} has already been captured.`, { code: 'charge_already_captured' });
      }
      const captured = integer(params.amount) ?? charge.amount;
      const after = capture(world, charge, captured);
      const intentId = charge.payment_intent;
      if (intentId) {
        const intent = world.store.patch('payment_intent', intentId, {
          status: 'succeeded',
          amount_received: captured,
          amount_capturable: 0,
        });
        world.emit('payment_intent.succeeded', intent);
      }
      return after;
    },
  ),
  get('/v1/charges/:charge/refunds', LIST, ({ world, path, params }) =>
    page(world, {
      table: 'refund',
      url: `/v1/charges/${path('charge')}/refunds`,
      params,
      where: { charge: path('charge') },
    }),
  ),
];
