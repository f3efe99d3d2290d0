// PaymentIntents: creation, update, confirmation, capture and cancellation by their statuses.
import { capture } from './charges.ts';
import { invalid, missing } from './errors.ts';
import { integer, isObject, isTrue, list, object, text } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import { page } from './lists.ts';
import { checkAmount, checkMinimum } from './money.ts';
import { mergeMetadata } from './params.ts';
import { attempt, unexpected } from './payment-attempts.ts';
import { CANCEL, CAPTURE, CONFIRM, CREATE, LIST_INTENTS, RETRIEVE, UPDATE } from './payment-intent-params.ts';
import { fromData, shipping, takePaymentMethod } from './payment-methods.ts';
import type { PaymentIntent } from './records.ts';
import { get, post } from './route.ts';
import type { Route } from './route.ts';
import { unsupported } from './world.ts';
import type { World } from './world.ts';

const CANCELABLE = [
  'requires_payment_method',
  'requires_capture',
  'requires_confirmation',
  'requires_action',
  'processing',
];

function methodTypes(currency: string): string[] {
  if (currency === 'eur') return ['card', 'ideal', 'link', 'sepa_debit'];
  if (currency === 'usd') return ['card', 'link', 'us_bank_account'];
  return ['card', 'link'];
}

function methodOptions(types: readonly string[], given: Json | undefined): JsonObject {
  const defaults: Record<string, JsonObject> = {
    card: { installments: null, mandate_options: null, network: null, request_three_d_secure: 'automatic' },
    link: { persistent_token: null },
    us_bank_account: { mandate_options: {}, verification_method: 'automatic' },
    sepa_debit: {},
    ideal: {},
  };
  const options: JsonObject = {};
  for (const type of types) options[type] = { ...defaults[type], ...object(object(given)[type]) };
  return options;
}

/** The settings of a PaymentIntent that creation, update and confirmation share. */
function fields(world: World, params: JsonObject): Partial<PaymentIntent> {
  const out: JsonObject = {};
  for (const key of [
    'description',
    'receipt_email',
    'setup_future_usage',
    'statement_descriptor',
    'statement_descriptor_suffix',
    'transfer_group',
    'customer',
    'customer_account',
    'application_fee_amount',
    'capture_method',
  ]) {
    const value = params[key];
    if (value !== undefined) out[key] = value;
  }
  if (params.shipping !== undefined) out.shipping = shipping(params.shipping);
  const customer = text(params.customer);
  if (customer) world.find('customer', customer, 'customer', 'customer');
  if (params.payment_method_data !== undefined) {
    out.payment_method = fromData(world, object(params.payment_method_data)).id;
  }
  const method = text(params.payment_method);
  if (method) out.payment_method = takePaymentMethod(world, method).id;
  if (params.return_url !== undefined) out._return_url = text(params.return_url);
  return out as Partial<PaymentIntent>;
}

export function createIntent(world: World, params: JsonObject): PaymentIntent {
  const amount = integer(params.amount) ?? 0;
  const currency = text(params.currency) ?? '';
  checkAmount(amount, currency);
  checkMinimum(amount, currency);
  const destination = text(object(params.transfer_data).destination);
  if (integer(params.application_fee_amount)) throw unsupported('application fees: keep the fee by transferring less');
  if (destination && !world.store.get('account', destination)) {
    throw missing('destination', destination, 'transfer_data[destination]');
  }
  const given = params.payment_method_types ?? params.allowed_payment_method_types;
  const automatic =
    given === undefined
      ? object(params.automatic_payment_methods ?? { enabled: world.automaticMethodsByDefault() })
      : null;
  const enabled = automatic !== null && automatic.enabled === true;
  const types = list(given).filter((type): type is string => typeof type === 'string');
  const shownTypes = types.length > 0 ? types : enabled ? methodTypes(currency) : ['card'];
  const stem = world.ids.stem(world.now, world.account);
  const id = world.ids.ofStem('pi', stem);
  const common = fields(world, params);
  const intent: PaymentIntent = {
    id,
    object: 'payment_intent',
    _account: world.account,
    allowed_payment_method_types: params.allowed_payment_method_types ?? null,
    amount,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: enabled
      ? { allow_redirects: text(automatic.allow_redirects) ?? 'always', enabled: true }
      : null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: 'automatic_async',
    client_secret: `${id}_secret_${world.ids.random.chars(25)}`,
    confirmation_method: text(params.confirmation_method) ?? 'automatic',
    created: world.now,
    currency,
    customer: null,
    customer_account: null,
    description: null,
    excluded_payment_method_types: params.excluded_payment_method_types ?? null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: mergeMetadata({}, params.metadata),
    next_action: null,
    on_behalf_of: params.on_behalf_of ?? null,
    payment_method: null,
    payment_method_configuration_details: enabled ? { id: 'pmc_1TrancheSandboxDefault', parent: null } : null,
    payment_method_options: methodOptions(shownTypes, params.payment_method_options),
    payment_method_types: shownTypes,
    payment_record: null,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: 'requires_payment_method',
    transfer_data: params.transfer_data ?? null,
    transfer_group: null,
    _stem: stem,
    _return_url: null,
    ...common,
  };
  if (intent.payment_method !== null) intent.status = 'requires_confirmation';
  world.store.put('payment_intent', intent);
  world.emit('payment_intent.created', intent);
  return intent;
}

export function confirm(world: World, intent: PaymentIntent, params: JsonObject): PaymentIntent {
  if (intent.status === 'succeeded') {
    throw unexpected(
      world,
      intent,
      'You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.',
    );
  }
  if (!['requires_payment_method', 'requires_confirmation', 'requires_action'].includes(intent.status)) {
    throw unexpected(
      world,
      intent,
      `This PaymentIntent's status is ${intent.status}; it cannot be confirmed. Only a PaymentIntent with one of the following statuses may be confirmed: requires_payment_method, requires_confirmation, requires_action.`,
    );
  }
  const prepared = world.store.patch('payment_intent', intent.id, fields(world, params));
  if (prepared.payment_method === null) {
    throw unexpected(
      world,
      intent,
      "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
    );
  }
  const automatic = prepared.automatic_payment_methods;
  if (isObject(automatic) && automatic.allow_redirects !== 'never' && prepared._return_url === null) {
    throw invalid(
      "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents.",
    );
  }
  const method = world.store.get('payment_method', prepared.payment_method);
  if (!method) throw missing('PaymentMethod', prepared.payment_method, 'payment_method');
  const offSession =
    isTrue(params.off_session) || params.off_session === 'one_off' || params.off_session === 'recurring';
  return attempt(world, prepared, method, { authenticated: false, offSession });
}

export function cancel(world: World, intent: PaymentIntent, reason: Json): PaymentIntent {
  if (!CANCELABLE.includes(intent.status)) {
    throw unexpected(
      world,
      intent,
      `You cannot cancel this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be canceled: ${CANCELABLE.join(', ')}.`,
    );
  }
  const charge = intent.latest_charge ? world.store.get('charge', intent.latest_charge) : undefined;
  if (charge && intent.status === 'requires_capture') {
    const released = world.store.patch('charge', charge.id, { refunded: true, amount_refunded: charge.amount });
    world.emit('charge.refunded', released);
  }
  if (charge && intent.status === 'processing') {
    const failed = world.store.patch('charge', charge.id, { status: 'failed', captured: false, amount_captured: 0 });
    world.emit('charge.failed', failed);
  }
  const after = world.store.patch('payment_intent', intent.id, {
    status: 'canceled',
    canceled_at: world.now,
    cancellation_reason: reason,
    amount_capturable: 0,
    next_action: null,
  });
  world.emit('payment_intent.canceled', after);
  return after;
}

const find = (world: World, id: string): PaymentIntent => world.find('payment_intent', id, 'payment_intent', 'intent');

export const paymentIntentRoutes: Route[] = [
  post('/v1/payment_intents', CREATE, ({ world, params }) => {
    const intent = createIntent(world, params);
    return params.confirm === true ? confirm(world, intent, params) : intent;
  }),
  get('/v1/payment_intents', LIST_INTENTS, ({ world, params }) =>
    page(world, {
      table: 'payment_intent',
      url: '/v1/payment_intents',
      params,
      where: { customer: params.customer, customer_account: params.customer_account },
      what: 'payment_intent',
    }),
  ),
  get('/v1/payment_intents/:id', RETRIEVE, ({ world, path }) => find(world, path('id'))),
  post('/v1/payment_intents/:id', UPDATE, ({ world, path, params }) => {
    const intent = find(world, path('id'));
    const open = ['requires_payment_method', 'requires_confirmation', 'requires_action'].includes(intent.status);
    if (
      !open &&
      (params.amount !== undefined || params.currency !== undefined || params.payment_method !== undefined)
    ) {
      throw unexpected(
        world,
        intent,
        `This PaymentIntent's amount could not be updated because it has a status of ${intent.status}. You may only update the amount of a PaymentIntent with one of the following statuses: requires_payment_method, requires_confirmation, requires_action.`,
      );
    }
    const amount = integer(params.amount) ?? intent.amount;
    const currency = text(params.currency) ?? intent.currency;
    if (params.amount !== undefined || params.currency !== undefined) {
      checkAmount(amount, currency);
      checkMinimum(amount, currency);
    }
    const next = fields(world, params);
    const status =
      open && (next.payment_method ?? intent.payment_method) !== null ? 'requires_confirmation' : intent.status;
    return world.store.patch('payment_intent', intent.id, {
      ...next,
      amount,
      currency,
      status: open ? status : intent.status,
      ...(open ? { next_action: null } : {}),
      metadata: mergeMetadata(intent.metadata, params.metadata),
    });
  }),
  post('/v1/payment_intents/:id/confirm', CONFIRM, ({ world, path, params }) =>
    confirm(world, find(world, path('id')), params),
  ),
  post('/v1/payment_intents/:id/cancel', CANCEL, ({ world, path, params }) => {
    const intent = find(world, path('id'));
    if (world.store.by('checkout_session', 'payment_intent', intent.id).some((s) => s.status === 'open')) {
      throw unexpected(
        world,
        intent,
        'You cannot cancel the PaymentIntent of a Checkout Session. Expire the Checkout Session instead.',
      );
    }
    return cancel(world, intent, params.cancellation_reason ?? null);
  }),
  post('/v1/payment_intents/:id/capture', CAPTURE, ({ world, path, params }) => {
    const intent = find(world, path('id'));
    const charge = intent.latest_charge ? world.store.get('charge', intent.latest_charge) : undefined;
    if (intent.status !== 'requires_capture' || !charge) {
      throw unexpected(
        world,
        intent,
        `This PaymentIntent could not be captured because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.`,
      );
    }
    const captured = integer(params.amount_to_capture) ?? intent.amount;
    capture(world, charge, captured);
    const done = world.store.patch('payment_intent', intent.id, {
      status: 'succeeded',
      amount_received: captured,
      amount_capturable: 0,
      metadata: mergeMetadata(intent.metadata, params.metadata),
    });
    world.emit('payment_intent.succeeded', done);
    return done;
  }),
];
