// PaymentMethods: made from test tokens, raw test numbers, IBANs and bank accounts; attach, detach, list, update.
import { behaviourOf, passesLuhn, tokenOfBankAccount, tokenOfIban, tokenOfNumber } from './behaviours.ts';
import type { Behaviour } from './behaviours.ts';
import { invalid, missing, StripeError } from './errors.ts';
import { integer, isObject, object, text } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import { page } from './lists.ts';
import { expand, free, hash, int, known, LIST, mergeMetadata, metadata, NONE, oneOf, str } from './params.ts';
import type { Spec } from './params.ts';
import type { PaymentMethod } from './records.ts';
import { get, post } from './route.ts';
import type { Route } from './route.ts';
import { METHOD_CREATE, METHOD_TYPES, BILLING, REDISPLAY } from './shared-params.ts';
import { unsupported } from './world.ts';
import type { World } from './world.ts';

export const EMPTY_ADDRESS: JsonObject = {
  city: null,
  country: null,
  line1: null,
  line2: null,
  postal_code: null,
  state: null,
};

/** Addresses are shown with all their fields. */
export function shipping(given: Json | undefined): JsonObject | null {
  if (!isObject(given)) return null;
  return {
    carrier: null,
    phone: null,
    tracking_number: null,
    ...given,
    address: { ...EMPTY_ADDRESS, ...object(given.address) },
  };
}

export function billingDetails(given: JsonObject): JsonObject {
  return {
    address: { ...EMPTY_ADDRESS, ...object(given.address) },
    email: text(given.email),
    name: text(given.name),
    phone: text(given.phone),
    tax_id: text(given.tax_id),
  };
}

const CARD_EXPIRY_YEARS = 3;

function details(world: World, behaviour: Behaviour, given: JsonObject): JsonObject {
  const year = new Date(world.nowMs).getUTCFullYear();
  const { last4, country } = behaviour;
  switch (behaviour.type) {
    case 'card':
      return {
        card: {
          brand: behaviour.brand,
          checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'unchecked' },
          country,
          display_brand: behaviour.brand,
          exp_month: integer(given.exp_month) ?? 11,
          exp_year: integer(given.exp_year) ?? year + CARD_EXPIRY_YEARS,
          fingerprint: `fp${behaviour.brand}${last4}`.padEnd(16, '0').slice(0, 16),
          funding: behaviour.funding,
          generated_from: null,
          last4,
          networks: { available: [behaviour.brand], preferred: null },
          regulated_status: 'unregulated',
          three_d_secure_usage: { supported: true },
          wallet: null,
        },
      };
    case 'sepa_debit':
      return {
        sepa_debit: {
          bank_code: '19043',
          branch_code: '',
          country,
          fingerprint: `fpsepa${last4}`.padEnd(16, '0'),
          generated_from: { charge: null, setup_attempt: null },
          last4,
        },
      };
    case 'us_bank_account':
      return {
        us_bank_account: {
          account_holder_type: text(given.account_holder_type) ?? 'individual',
          account_type: text(given.account_type) ?? 'checking',
          bank_name: behaviour.brand,
          financial_connections_account: null,
          fingerprint: `fpbank${last4}`.padEnd(16, '0'),
          last4,
          networks: { preferred: 'ach', supported: ['ach'] },
          routing_number: text(given.routing_number) ?? '110000000',
          status_details: {},
        },
      };
    case 'ideal':
      return { ideal: { bank: text(given.bank) ?? 'rabobank', bic: 'RABONL2U' } };
  }
}

export function makePaymentMethod(
  world: World,
  token: string,
  given: { billing?: JsonObject; metadata?: JsonObject; data?: JsonObject } = {},
): PaymentMethod {
  const behaviour = behaviourOf(token);
  if (!behaviour) throw missing('PaymentMethod', token, 'payment_method');
  return world.store.put('payment_method', {
    id: world.id('pm'),
    object: 'payment_method',
    _account: world.account,
    allow_redisplay: 'unspecified',
    billing_details: billingDetails(given.billing ?? {}),
    created: world.now,
    customer: null,
    customer_account: null,
    livemode: false,
    metadata: mergeMetadata({}, given.metadata ?? {}),
    type: behaviour.type,
    ...details(world, behaviour, given.data ?? {}),
    _behaviour: token,
  });
}

/** From `payment_method_data` or the parameters of a direct creation. */
export function fromData(world: World, data: JsonObject): PaymentMethod {
  const type = text(data.type) ?? 'card';
  const given = { billing: object(data.billing_details), metadata: object(data.metadata), data: object(data[type]) };
  if (type === 'sepa_debit') return makePaymentMethod(world, tokenOfIban(text(given.data.iban) ?? ''), given);
  if (type === 'us_bank_account') {
    return makePaymentMethod(world, tokenOfBankAccount(text(given.data.account_number) ?? ''), given);
  }
  if (type === 'ideal') return makePaymentMethod(world, 'pm_ideal', given);
  if (type !== 'card') throw unsupported(`the payment method type \`${type}\``);
  const token = text(given.data.token);
  if (token) return makePaymentMethod(world, token, given);
  const number = text(given.data.number);
  if (number === null) {
    throw invalid('Missing required param: card[number].', {
      code: 'parameter_missing',
      param: 'card[number]',
      reading: true,
    });
  }
  const known = tokenOfNumber(number);
  if (!known || !passesLuhn(number)) {
    throw new StripeError(402, 'Your card number is incorrect.', {
      type: 'card_error',
      code: 'incorrect_number',
      param: 'number',
    });
  }
  return makePaymentMethod(world, known, given);
}

/** A PaymentMethod by id, or a fresh one for a test token. */
export function takePaymentMethod(world: World, id: string): PaymentMethod {
  if (behaviourOf(id)) return makePaymentMethod(world, id);
  const method = world.store.get('payment_method', id);
  if (!method || method._account !== world.account) {
    const message = `No such PaymentMethod: '${id}'`;
    throw new StripeError(
      method ? 400 : 404,
      method
        ? `${message}; OAuth key or Stripe-Account header was used but API request was provided with a platform-owned payment method ID. Please ensure that the provided payment method matches the specified account.`
        : `${message}; It's possible this PaymentMethod exists on one of your connected accounts, in which case you should retry this request on that connected account. Learn more at https://stripe.com/docs/connect/authentication`,
      { code: 'resource_missing', param: 'payment_method', reading: true },
    );
  }
  return method;
}

const CREATE: Spec = {
  ...METHOD_CREATE,
  customer: str(),
  customer_account: str(),
  payment_method: str(),
  expand,
};

/** A card that the bank declines is declined when it is saved as well; `chargeCustomerFail` only when it is charged. */
function checkAtAttach(method: PaymentMethod): void {
  const decline = behaviourOf(method._behaviour)?.decline;
  if (!decline || method._behaviour.endsWith('chargeCustomerFail')) return;
  throw new StripeError(402, decline.message, {
    type: 'card_error',
    code: decline.code,
    param: decline.param ?? '',
    extra: {
      advice_code: decline.advice,
      decline_code: decline.declineCode,
      ...(decline.networkAdvice === undefined ? {} : { network_advice_code: decline.networkAdvice }),
      ...(decline.network === undefined ? {} : { network_decline_code: decline.network }),
    },
  });
}

export const paymentMethodRoutes: Route[] = [
  post('/v1/payment_methods', CREATE, ({ world, params }) => fromData(world, params)),
  // Stripe's test tokens can be retrieved too: each time a new PaymentMethod.
  get('/v1/payment_methods/:id', NONE, ({ world, path }) => takePaymentMethod(world, path('id'))),
  post(
    '/v1/payment_methods/:id',
    {
      allow_redisplay: REDISPLAY,
      billing_details: BILLING,
      card: hash({ exp_month: int({ min: 1, max: 12 }), exp_year: int(), networks: free() }),
      payto: known('account_number bsb_number pay_id'),
      us_bank_account: hash({
        account_holder_type: oneOf(['company', 'individual']),
        account_type: oneOf(['checking', 'savings']),
      }),
      metadata,
      expand,
    },
    ({ world, path, params }) => {
      const method = world.find('payment_method', path('id'), 'PaymentMethod', 'payment_method');
      const after = world.store.patch('payment_method', method.id, {
        ...(params.billing_details === undefined
          ? {}
          : {
              billing_details: billingDetails({ ...object(method.billing_details), ...object(params.billing_details) }),
            }),
        ...(params.card === undefined ? {} : { card: { ...object(method.card), ...expiry(object(params.card)) } }),
        metadata: mergeMetadata(method.metadata, params.metadata),
      });
      world.emitUpdate('payment_method.updated', method, after);
      return after;
    },
  ),
  get(
    '/v1/payment_methods',
    { ...LIST, customer: str(), customer_account: str(), type: oneOf(METHOD_TYPES), allow_redisplay: REDISPLAY },
    ({ world, params }) =>
      page(world, {
        table: 'payment_method',
        url: '/v1/payment_methods',
        params,
        where: { customer: params.customer, type: params.type },
        what: 'PaymentMethod',
        keep: (row) => params.customer !== undefined || row.customer !== null,
      }),
  ),
  get(
    '/v1/customers/:customer/payment_methods',
    { ...LIST, type: oneOf(METHOD_TYPES), allow_redisplay: REDISPLAY },
    ({ world, params, path }) =>
      page(world, {
        table: 'payment_method',
        url: `/v1/customers/${path('customer')}/payment_methods`,
        params,
        where: { customer: path('customer'), type: params.type },
      }),
  ),
  post(
    '/v1/payment_methods/:id/attach',
    { customer: str(), customer_account: str(), expand },
    ({ world, params, path }) => {
      const customer = world.find('customer', text(params.customer) ?? '', 'customer', 'customer');
      const method = takePaymentMethod(world, path('id'));
      if (method.customer !== null && method.customer !== customer.id) {
        throw invalid('The payment method you provided has already been attached to a customer.');
      }
      checkAtAttach(method);
      const after = world.store.patch('payment_method', method.id, { customer: customer.id });
      world.emit('payment_method.attached', after);
      return after;
    },
  ),
  post('/v1/payment_methods/:id/detach', NONE, ({ world, path }) => {
    const method = world.find('payment_method', path('id'), 'PaymentMethod', 'payment_method');
    if (method.customer === null) {
      throw invalid('The payment method you provided is not attached to a customer so detachment is impossible.', {
        param: 'payment_method',
      });
    }
    const after = world.store.patch('payment_method', method.id, { customer: null });
    world.emit('payment_method.detached', after, { customer: method.customer });
    return after;
  }),
];

function expiry(card: JsonObject): JsonObject {
  return {
    ...(card.exp_month === undefined ? {} : { exp_month: Number(card.exp_month) }),
    ...(card.exp_year === undefined ? {} : { exp_year: Number(card.exp_year) }),
  };
}
