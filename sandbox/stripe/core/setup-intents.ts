// SetupIntents: a card kept for later, with the same behaviours as payments but no money.
import { behaviourOf } from './behaviours.ts';
import { invalid, StripeError } from './errors.ts';
import { isObject, list, object, text } from './json.ts';
import type { JsonObject } from './json.ts';
import { page } from './lists.ts';
import {
  array,
  bool,
  CREATED,
  expand,
  hash,
  LIST,
  mergeMetadata,
  metadata,
  oneOf,
  required,
  str,
  currency,
  int,
} from './params.ts';
import type { Spec } from './params.ts';
import { fromData, takePaymentMethod } from './payment-methods.ts';
import type { Plain } from './records.ts';
import { present } from './render.ts';
import { get, post } from './route.ts';
import type { Route } from './route.ts';
import { MANDATE_DATA, METHOD_DATA, METHOD_OPTIONS } from './shared-params.ts';
import type { World } from './world.ts';

function methodOf(world: World, params: JsonObject): string | null {
  if (isObject(params.payment_method_data)) return fromData(world, params.payment_method_data).id;
  const given = text(params.payment_method);
  return given === null ? null : takePaymentMethod(world, given).id;
}

function confirm(world: World, intent: Plain): Plain {
  const method = world.store.get('payment_method', text(intent.payment_method) ?? '');
  if (!method) {
    throw invalid("You cannot confirm this SetupIntent because it's missing a payment method.", {
      code: 'setup_intent_unexpected_state',
      extra: { setup_intent: present(world, intent) },
    });
  }
  const behaviour = behaviourOf(method._behaviour);
  if (behaviour?.decline) {
    const { decline } = behaviour;
    const failed = world.store.patch('setup_intent', intent.id, {
      status: 'requires_payment_method',
      payment_method: null,
      last_setup_error: {
        code: decline.code,
        decline_code: decline.declineCode,
        message: decline.message,
        payment_method: present(world, method),
        type: 'card_error',
      },
    });
    world.emit('setup_intent.setup_failed', failed);
    throw new StripeError(402, decline.message, {
      type: 'card_error',
      code: decline.code,
      keepWrites: true,
      ...(decline.param ? { param: decline.param } : {}),
      extra: {
        ...(decline.declineCode ? { decline_code: decline.declineCode } : {}),
        payment_method: present(world, method),
        setup_intent: present(world, failed),
      },
    });
  }
  if (behaviour?.authenticate === 'always') {
    const waiting = world.store.patch('setup_intent', intent.id, {
      status: 'requires_action',
      next_action: { type: 'use_stripe_sdk', use_stripe_sdk: { type: 'three_d_secure_redirect' } },
    });
    world.emit('setup_intent.requires_action', waiting);
    return waiting;
  }
  const customer = text(intent.customer);
  if (customer !== null) world.store.patch('payment_method', method.id, { customer });
  const done = world.store.patch('setup_intent', intent.id, { status: 'succeeded', next_action: null });
  world.emit('setup_intent.succeeded', done);
  return done;
}

const CONFIRMATION: Spec = {
  confirmation_token: str(),
  expand,
  mandate_data: MANDATE_DATA,
  payment_method: str(),
  payment_method_data: hash(METHOD_DATA),
  payment_method_options: METHOD_OPTIONS,
  return_url: str(),
  use_stripe_sdk: bool(),
};
const CREATE: Spec = {
  ...CONFIRMATION,
  allowed_payment_method_types: array(str()),
  attach_to_self: bool(),
  automatic_payment_methods: hash({ enabled: bool(required), allow_redirects: oneOf(['always', 'never']) }),
  confirm: bool(),
  customer: str(),
  customer_account: str(),
  description: str(),
  excluded_payment_method_types: array(str()),
  flow_directions: array(str()),
  metadata,
  on_behalf_of: str(),
  payment_method_configuration: str(),
  payment_method_types: array(str()),
  single_use: hash({ amount: int({ ...required, min: 1 }), currency: currency(required) }),
  usage: oneOf(['off_session', 'on_session']),
};

const UPDATE: Spec = {
  allowed_payment_method_types: array(str(), { unset: true }),
  attach_to_self: bool(),
  customer: str(),
  customer_account: str(),
  description: str(),
  excluded_payment_method_types: array(str(), { unset: true }),
  expand,
  flow_directions: array(str()),
  metadata,
  payment_method: str(),
  payment_method_configuration: str(),
  payment_method_data: hash(METHOD_DATA),
  payment_method_options: METHOD_OPTIONS,
  payment_method_types: array(str()),
};

const find = (world: World, id: string): Plain => world.find('setup_intent', id, 'setupintent', 'intent');

export const setupIntentRoutes: Route[] = [
  post('/v1/setup_intents', CREATE, ({ world, params }) => {
    const id = world.id('seti');
    const types = list(params.payment_method_types);
    const method = methodOf(world, params);
    const intent = world.store.put('setup_intent', {
      id,
      object: 'setup_intent',
      _account: world.account,
      allowed_payment_method_types: params.allowed_payment_method_types ?? null,
      application: null,
      automatic_payment_methods: types.length > 0 ? null : { allow_redirects: 'always', enabled: true },
      cancellation_reason: null,
      client_secret: `${id}_secret_${world.ids.random.chars(30)}`,
      created: world.now,
      customer: params.customer ?? null,
      customer_account: null,
      description: params.description ?? null,
      excluded_payment_method_types: null,
      flow_directions: null,
      last_setup_error: null,
      latest_attempt: null,
      livemode: false,
      mandate: null,
      metadata: mergeMetadata({}, params.metadata),
      next_action: null,
      on_behalf_of: params.on_behalf_of ?? null,
      payment_method: method,
      payment_method_configuration_details: null,
      payment_method_options: { card: { mandate_options: null, network: null, request_three_d_secure: 'automatic' } },
      payment_method_types: types.length > 0 ? types : ['card', 'link'],
      single_use_mandate: null,
      status: method === null ? 'requires_payment_method' : 'requires_confirmation',
      usage: params.usage ?? 'off_session',
    });
    world.emit('setup_intent.created', intent);
    return params.confirm === true ? confirm(world, intent) : intent;
  }),
  get(
    '/v1/setup_intents',
    { ...LIST, ...CREATED, attach_to_self: bool(), customer: str(), customer_account: str(), payment_method: str() },
    ({ world, params }) =>
      page(world, {
        table: 'setup_intent',
        url: '/v1/setup_intents',
        params,
        where: { customer: params.customer, payment_method: params.payment_method },
      }),
  ),
  get('/v1/setup_intents/:id', { client_secret: str(), expand }, ({ world, path }) => find(world, path('id'))),
  post('/v1/setup_intents/:id', UPDATE, ({ world, path, params }) => {
    const intent = find(world, path('id'));
    const method = methodOf(world, params);
    return world.store.patch('setup_intent', intent.id, {
      metadata: mergeMetadata(intent.metadata ?? {}, params.metadata),
      ...(params.description === undefined ? {} : { description: params.description }),
      ...(params.customer === undefined ? {} : { customer: params.customer }),
      ...(method === null ? {} : { payment_method: method, status: 'requires_confirmation' }),
    });
  }),
  post(
    '/v1/setup_intents/:id/confirm',
    { ...CONFIRMATION, allowed_payment_method_types: array(str()), client_secret: str() },
    ({ world, path, params }) => {
      const intent = find(world, path('id'));
      const method = methodOf(world, params);
      const ready = method === null ? intent : world.store.patch('setup_intent', intent.id, { payment_method: method });
      return confirm(world, ready);
    },
  ),
  post(
    '/v1/setup_intents/:id/cancel',
    { cancellation_reason: oneOf(['abandoned', 'duplicate', 'requested_by_customer']), expand },
    ({ world, path, params }) => {
      const intent = find(world, path('id'));
      const status = text(intent.status) ?? '';
      if (status === 'succeeded' || status === 'canceled') {
        throw invalid(
          status === 'canceled'
            ? // Stripe's own spelling.
              'You cannot cancel this SetupIntent because it it already canceled.'
            : `You cannot cancel this SetupIntent because it has a status of ${status}. Only a SetupIntent with one of the following statuses may be canceled: requires_payment_method, requires_confirmation, requires_action.`,
          { code: 'setup_intent_unexpected_state', extra: { setup_intent: present(world, object(intent)) } },
        );
      }
      const after = world.store.patch('setup_intent', intent.id, {
        status: 'canceled',
        cancellation_reason: params.cancellation_reason ?? null,
        next_action: null,
      });
      world.emit('setup_intent.canceled', after);
      return after;
    },
  ),
];
