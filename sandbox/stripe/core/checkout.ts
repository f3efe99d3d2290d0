// Checkout sessions in payment mode: created open, paid on the sandbox's page (or by the CLI), completed or expired.
import { readLineItem } from './catalog.ts';
import { CHECKOUT_CREATE, LINE_ITEM } from './checkout-params.ts';
import { invalid } from './errors.ts';
import { integer, list, object, text } from './json.ts';
import type { JsonObject } from './json.ts';
import { page } from './lists.ts';
import {
  int,
  LIST,
  CREATED,
  mergeMetadata,
  metadata,
  NONE,
  oneOf,
  required,
  str,
  expand,
  array,
  hash,
  known,
  map,
} from './params.ts';
import { cancel, confirm, createIntent } from './payment-intents.ts';
import { takePaymentMethod } from './payment-methods.ts';
import type { PaymentIntent, Plain } from './records.ts';
import { defineIncludable, embeddedList, present } from './render.ts';
import { get, post } from './route.ts';
import type { Route } from './route.ts';
import { DAY_SECONDS } from './world.ts';
import type { World } from './world.ts';

defineIncludable('checkout.session', 'line_items', (world, record) => {
  const session = world.store.get('checkout_session', text(record.id) ?? '');
  const rows = list(session?._lines).map((line) => object(line));
  return embeddedList(world, rows, `/v1/checkout/sessions/${text(record.id) ?? ''}/line_items`, 20);
});

function createSession(world: World, params: JsonObject): Plain {
  const mode = text(params.mode) ?? 'payment';
  if (mode !== 'payment') {
    throw invalid(`This sandbox has checkout sessions in \`payment\` mode only, not \`${mode}\`.`, {
      param: 'mode',
      reading: true,
    });
  }
  const items = list(params.line_items).map((item) => readLineItem(world, object(item)));
  if (items.length === 0) {
    throw invalid('`line_items` are required in `payment` mode.', {
      param: 'line_items',
      code: 'parameter_missing',
      reading: true,
    });
  }
  const hosted = (text(params.ui_mode) ?? 'hosted').startsWith('hosted');
  if (hosted && params.success_url === undefined) {
    throw invalid('Missing required param: success_url.', {
      code: 'parameter_missing',
      param: 'success_url',
      reading: true,
    });
  }
  const currency = text(items[0]?.price.currency) ?? 'usd';
  const total = items.reduce((sum, { price, quantity }) => sum + (integer(price.unit_amount) ?? 0) * quantity, 0);
  const id = world.ids.token('cs_test', 58);
  const customer = text(params.customer);
  if (customer) world.find('customer', customer, 'customer', 'customer');
  const types = list(params.payment_method_types ?? params.allowed_payment_method_types);
  const session = world.store.put('checkout_session', {
    id,
    object: 'checkout.session',
    _account: world.account,
    adaptive_pricing: { enabled: false },
    after_expiration: null,
    allow_promotion_codes: null,
    allowed_payment_method_types: params.allowed_payment_method_types ?? null,
    amount_subtotal: total,
    amount_total: total,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    billing_address_collection: params.billing_address_collection ?? null,
    cancel_url: params.cancel_url ?? null,
    client_reference_id: params.client_reference_id ?? null,
    client_secret: null,
    collected_information: null,
    consent: null,
    consent_collection: null,
    created: world.now,
    currency,
    currency_conversion: null,
    custom_fields: [],
    custom_text: { after_submit: null, shipping_address: null, submit: null, terms_of_service_acceptance: null },
    customer,
    customer_account: null,
    customer_creation: 'if_required',
    customer_details: null,
    customer_email: params.customer_email ?? null,
    discounts: [],
    expires_at: integer(params.expires_at) ?? world.now + DAY_SECONDS,
    integration_identifier: null,
    invoice: null,
    invoice_creation: null,
    livemode: false,
    locale: params.locale ?? null,
    managed_payments: null,
    metadata: mergeMetadata({}, params.metadata),
    mode,
    origin_context: null,
    payment_intent: null,
    payment_link: null,
    payment_method_collection: 'if_required',
    payment_method_configuration_details: null,
    payment_method_options: { card: { request_three_d_secure: 'automatic' } },
    payment_method_types: types.length > 0 ? types : ['card', 'link'],
    payment_status: 'unpaid',
    permissions: null,
    phone_number_collection: { enabled: false },
    recovered_from: null,
    saved_payment_method_options: null,
    setup_intent: null,
    shipping_address_collection: null,
    shipping_cost: null,
    shipping_options: [],
    status: 'open',
    submit_type: params.submit_type ?? null,
    subscription: null,
    success_url: params.success_url ?? null,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: params.ui_mode ?? 'hosted_page',
    url: `${world.settings.baseUrl}/_sandbox/checkout/${id}`,
    wallet_options: null,
    _lines: items.map(({ price, quantity }) => {
      const amount = (integer(price.unit_amount) ?? 0) * quantity;
      return {
        id: world.ids.token('li', 24),
        object: 'item',
        adjustable_quantity: null,
        amount_discount: 0,
        amount_subtotal: amount,
        amount_tax: 0,
        amount_total: amount,
        currency,
        description: world.store.get('product', text(price.product) ?? '')?.name ?? null,
        metadata: {},
        price: present(world, price),
        quantity,
      };
    }),
    _intent_data: object(params.payment_intent_data),
  });
  world.schedule('checkout.expire', id, integer(session.expires_at) ?? world.now + DAY_SECONDS);
  return session;
}

/** The buyer pays: the PaymentIntent is made now, as Stripe does. A declined card leaves the session open. */
export function payCheckout(world: World, session: Plain, method: string): Plain {
  if (session.status !== 'open') {
    throw invalid(`This Checkout Session is ${text(session.status) ?? ''} and can no longer be paid.`);
  }
  const data = object(session._intent_data);
  const intent = openIntent(world, session, data);
  const taken = takePaymentMethod(world, method);
  const paid = confirm(world, intent, { payment_method: taken.id, return_url: session.success_url ?? null });
  if (paid.status === 'requires_action') {
    return world.store.patch('checkout_session', session.id, { payment_intent: paid.id });
  }
  return complete(world, session.id, paid);
}

function openIntent(world: World, session: Plain, data: JsonObject): PaymentIntent {
  const existing = text(session.payment_intent);
  const before = existing ? world.store.get('payment_intent', existing) : undefined;
  if (before) return before;
  const { metadata: given, ...rest } = data;
  const intent = createIntent(world, {
    ...rest,
    amount: session.amount_total,
    currency: session.currency,
    payment_method_types: session.payment_method_types,
    ...(session.customer === null ? {} : { customer: session.customer }),
    ...(given === undefined ? {} : { metadata: given }),
  });
  world.store.patch('checkout_session', session.id, { payment_intent: intent.id });
  return intent;
}

/** After the payment, or after its authentication: the session is complete, and paid unless the method is delayed. */
export function complete(world: World, id: string, intent: PaymentIntent): Plain {
  const method = intent.payment_method ? world.store.get('payment_method', intent.payment_method) : undefined;
  const billing = object(method?.billing_details);
  const after = world.store.patch('checkout_session', id, {
    payment_intent: intent.id,
    status: 'complete',
    payment_status: intent.status === 'processing' ? 'unpaid' : 'paid',
    customer_details: {
      address: billing.address ?? null,
      business_name: null,
      email: billing.email ?? null,
      individual_name: null,
      name: billing.name ?? null,
      phone: billing.phone ?? null,
      tax_exempt: 'none',
      tax_ids: [],
    },
    url: null,
  });
  world.emit('checkout.session.completed', after);
  return after;
}

/** A PaymentIntent moved on by itself (SCA done, a debit settled): its session follows. */
export function checkoutFollows(world: World, intent: PaymentIntent): void {
  for (const session of world.store.by('checkout_session', 'payment_intent', intent.id)) {
    if (session.status === 'open' && (intent.status === 'succeeded' || intent.status === 'processing')) {
      complete(world, session.id, intent);
    } else if (session.status === 'complete' && session.payment_status === 'unpaid' && intent.status === 'succeeded') {
      const paid = world.store.patch('checkout_session', session.id, { payment_status: 'paid' });
      world.emit('checkout.session.async_payment_succeeded', paid);
    } else if (session.status === 'complete' && intent.status === 'requires_payment_method') {
      world.emit('checkout.session.async_payment_failed', session);
    }
  }
}

/** What was begun there ends with it: its PaymentIntent is cancelled. */
export function expireCheckout(world: World, id: string): void {
  const session = world.store.get('checkout_session', id);
  if (session?.status !== 'open') return;
  const intent = world.store.get('payment_intent', text(session.payment_intent) ?? '');
  if (intent !== undefined && ['requires_payment_method', 'requires_action'].includes(intent.status)) cancel(world, intent, null); // prettier-ignore
  const after = world.store.patch('checkout_session', id, { status: 'expired', url: null });
  world.emit('checkout.session.expired', after);
}

const find = (world: World, id: string): Plain => world.find('checkout_session', id, 'checkout.session');

export const checkoutRoutes: Route[] = [
  post('/v1/checkout/sessions', CHECKOUT_CREATE, ({ world, params }) => createSession(world, params)),
  get(
    '/v1/checkout/sessions',
    {
      ...LIST,
      ...CREATED,
      customer: str(),
      customer_account: str(),
      customer_details: hash({ email: str(required) }),
      payment_intent: str(),
      payment_link: str(),
      status: oneOf(['complete', 'expired', 'open']),
      subscription: str(),
    },
    ({ world, params }) =>
      page(world, {
        table: 'checkout_session',
        url: '/v1/checkout/sessions',
        params,
        where: { payment_intent: params.payment_intent, status: params.status, customer: params.customer },
      }),
  ),
  get('/v1/checkout/sessions/:id', NONE, ({ world, path }) => find(world, path('id'))),
  post(
    '/v1/checkout/sessions/:id',
    {
      collected_information: known('shipping_details'),
      expand,
      line_items: array(hash({ ...LINE_ITEM, id: str() })),
      metadata,
      payment_intent_data: map(),
      shipping_options: array(known('shipping_rate shipping_rate_data'), { unset: true }),
    },
    ({ world, path, params }) => {
      const session = find(world, path('id'));
      return world.store.patch('checkout_session', session.id, {
        metadata: mergeMetadata(session.metadata ?? {}, params.metadata),
      });
    },
  ),
  get('/v1/checkout/sessions/:id/line_items', LIST, ({ world, path }) => {
    const session = find(world, path('id'));
    return {
      object: 'list',
      data: list(session._lines),
      has_more: false,
      url: `/v1/checkout/sessions/${session.id}/line_items`,
    };
  }),
  post('/v1/checkout/sessions/:id/expire', NONE, ({ world, path }) => {
    const session = find(world, path('id'));
    if (session.status !== 'open') {
      throw invalid(
        `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of \`${text(session.status) ?? ''}\`.`,
      );
    }
    expireCheckout(world, session.id);
    return find(world, session.id);
  }),
  // What the hosted page itself calls; Stripe's CLI pays sessions by it.
  get('/v1/payment_pages/:id', NONE, ({ world, path }) => find(world, path('id'))),
  post(
    '/v1/payment_pages/:id/confirm',
    { payment_method: str(required), expected_amount: int(), expand },
    ({ world, path, params }) => payCheckout(world, find(world, path('id')), text(params.payment_method) ?? ''),
  ),
];
