// Customers: enough of them for payments to be filed under a buyer.
import { isObject, object, text } from './json.ts';
import type { JsonObject } from './json.ts';
import { missing } from './errors.ts';
import { page } from './lists.ts';
import {
  array,
  CREATED,
  expand,
  free,
  int,
  LIST,
  mergeMetadata,
  metadata,
  NONE,
  oneOf,
  str,
  hash,
  required,
} from './params.ts';
import type { Spec } from './params.ts';
import { EMPTY_ADDRESS, takePaymentMethod } from './payment-methods.ts';
import type { Customer } from './records.ts';
import { del, get, post } from './route.ts';
import type { Route } from './route.ts';
import { ADDRESS, ADDRESS_FIELDS } from './shared-params.ts';
import type { World } from './world.ts';

const COMMON: Spec = {
  address: ADDRESS,
  balance: int(),
  business_name: str({ unset: true }),
  cash_balance: hash({ settings: hash({ reconciliation_mode: oneOf(['automatic', 'manual', 'merchant_default']) }) }),
  description: str({ unset: true }),
  email: str({ unset: true }),
  expand,
  individual_name: str({ unset: true }),
  invoice_prefix: str(),
  invoice_settings: hash({
    custom_fields: free(),
    default_payment_method: str(),
    footer: str(),
    rendering_options: free(),
  }),
  metadata,
  name: str({ unset: true }),
  next_invoice_sequence: int(),
  phone: str({ unset: true }),
  preferred_locales: array(str()),
  shipping: hash({ address: hash(ADDRESS_FIELDS, required), name: str(required), phone: str() }, { unset: true }),
  source: str(),
  tax: hash({ ip_address: str({ unset: true }), validate_location: oneOf(['deferred', 'immediately', 'auto']) }),
  tax_exempt: oneOf(['exempt', 'none', 'reverse'], { unset: true }),
};
const KEPT = [
  'address',
  'balance',
  'description',
  'email',
  'name',
  'phone',
  'preferred_locales',
  'shipping',
  'tax_exempt',
];

function fields(params: JsonObject): JsonObject {
  const out = Object.fromEntries(KEPT.filter((key) => params[key] !== undefined).map((key) => [key, params[key]]));
  if (isObject(out.address)) out.address = { ...EMPTY_ADDRESS, ...out.address };
  if (isObject(out.shipping)) {
    out.shipping = { phone: null, ...out.shipping, address: { ...EMPTY_ADDRESS, ...object(out.shipping.address) } };
  }
  return out;
}

/** A default card, from a test token or an existing PaymentMethod, is attached. */
function attach(world: World, customer: Customer, params: JsonObject): Customer {
  const token = text(params.payment_method) ?? text(params.source);
  if (token === null) return customer;
  const method = takePaymentMethod(world, token);
  const attached = world.store.patch('payment_method', method.id, { customer: customer.id });
  world.emit('payment_method.attached', attached);
  if (params.source === undefined) return customer;
  return world.store.patch('customer', customer.id, { default_source: null });
}

function find(world: World, id: string): Customer {
  const customer = world.store.get('customer', id);
  if (!customer || customer._account !== world.account) throw missing('customer', id);
  return customer;
}

export const customerRoutes: Route[] = [
  post(
    '/v1/customers',
    {
      ...COMMON,
      payment_method: str(),
      tax_id_data: array(hash({ type: str(required), value: str(required) })),
      test_clock: str(),
      validate: free(),
    },
    ({ world, params }) => {
      const settings = object(params.invoice_settings);
      const customer = world.store.put('customer', {
        id: world.ids.token('cus', 14),
        object: 'customer',
        _account: world.account,
        address: null,
        balance: 0,
        created: world.now,
        currency: null,
        customer_account: null,
        default_source: null,
        delinquent: false,
        description: null,
        discount: null,
        email: null,
        invoice_prefix: world.ids.random.chars(8).toUpperCase(),
        invoice_settings: {
          custom_fields: null,
          default_payment_method: text(settings.default_payment_method),
          footer: text(settings.footer),
          rendering_options: null,
        },
        livemode: false,
        metadata: mergeMetadata({}, params.metadata),
        name: null,
        next_invoice_sequence: 1,
        phone: null,
        preferred_locales: [],
        shipping: null,
        tax_exempt: 'none',
        test_clock: null,
        ...fields(params),
      });
      const after = attach(world, customer, params);
      world.emit('customer.created', after);
      return after;
    },
  ),
  get('/v1/customers', { ...LIST, ...CREATED, email: str(), test_clock: str() }, ({ world, params }) =>
    page(world, {
      table: 'customer',
      url: '/v1/customers',
      params,
      where: { email: params.email },
      keep: (row) => row._deleted !== true,
    }),
  ),
  get('/v1/customers/:id', NONE, ({ world, path }) => {
    const customer = find(world, path('id'));
    return customer._deleted === true ? { id: customer.id, object: 'customer', deleted: true } : customer;
  }),
  post('/v1/customers/:id', { ...COMMON, default_source: str(), validate: free() }, ({ world, path, params }) => {
    const customer = find(world, path('id'));
    const settings = object(params.invoice_settings);
    const patched = world.store.patch('customer', customer.id, {
      ...fields(params),
      metadata: mergeMetadata(customer.metadata, params.metadata),
      ...(params.invoice_settings === undefined
        ? {}
        : { invoice_settings: { ...object(customer.invoice_settings), ...settings } }),
    });
    const after = attach(world, patched, params);
    world.emitUpdate('customer.updated', customer, after);
    return after;
  }),
  del('/v1/customers/:id', {}, ({ world, path }) => {
    const customer = find(world, path('id'));
    world.store.patch('customer', customer.id, { _deleted: true });
    world.emit('customer.deleted', customer);
    return { id: customer.id, object: 'customer', deleted: true };
  }),
];
