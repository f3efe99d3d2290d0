// Products and prices, as far as checkout sessions need them.
import { invalid } from './errors.ts';
import { integer, isObject, object, text } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import { page } from './lists.ts';
import { checkCurrency } from './money.ts';
import {
  array,
  bool,
  CREATED,
  currency,
  expand,
  int,
  LIST,
  mergeMetadata,
  metadata,
  NONE,
  oneOf,
  required,
  str,
  hash,
  known,
  map,
  number,
} from './params.ts';
import type { Plain } from './records.ts';
import { PRODUCT_DATA } from './shared-params.ts';
import { del, get, post } from './route.ts';
import type { Route } from './route.ts';
import type { World } from './world.ts';

export function makeProduct(world: World, params: JsonObject): Plain {
  const product = world.store.put('product', {
    id: text(params.id) ?? world.ids.token('prod', 14),
    object: 'product',
    _account: world.account,
    active: params.active ?? true,
    created: world.now,
    default_price: null,
    description: params.description ?? null,
    images: params.images ?? [],
    livemode: false,
    marketing_features: params.marketing_features ?? [],
    metadata: mergeMetadata({}, params.metadata),
    name: params.name ?? '',
    package_dimensions: params.package_dimensions ?? null,
    shippable: params.shippable ?? null,
    statement_descriptor: params.statement_descriptor ?? null,
    tax_code: params.tax_code ?? null,
    tax_details: null,
    type: 'service',
    unit_label: params.unit_label ?? null,
    updated: world.now,
    url: params.url ?? null,
  });
  world.emit('product.created', product);
  return product;
}

function recurring(given: Json | undefined): JsonObject | null {
  if (!isObject(given)) return null;
  return {
    interval: given.interval,
    interval_count: Number(given.interval_count ?? 1),
    meter: given.meter ?? null,
    trial_period_days: null,
    usage_type: given.usage_type ?? 'licensed',
  };
}

export function makePrice(world: World, params: JsonObject): Plain {
  const code = text(params.currency) ?? '';
  checkCurrency(code);
  const given = isObject(params.product_data) ? makeProduct(world, params.product_data).id : text(params.product);
  if (given === null) {
    throw invalid('Missing required param: product.', { code: 'parameter_missing', param: 'product', reading: true });
  }
  const product = world.find('product', given, 'product', 'product');
  const decimal = text(params.unit_amount_decimal);
  const amount = integer(params.unit_amount) ?? (decimal === null ? null : Math.round(Number(decimal)));
  if (amount === null) {
    throw invalid('Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.', { reading: true });
  }
  const price = world.store.put('price', {
    id: world.id('price'),
    object: 'price',
    _account: world.account,
    active: params.active ?? true,
    billing_scheme: 'per_unit',
    created: world.now,
    currency: code,
    custom_unit_amount: null,
    livemode: false,
    lookup_key: params.lookup_key ?? null,
    metadata: mergeMetadata({}, params.metadata),
    nickname: params.nickname ?? null,
    product: product.id,
    recurring: recurring(params.recurring),
    tax_behavior: params.tax_behavior ?? 'unspecified',
    tiers_mode: null,
    transform_quantity: null,
    type: isObject(params.recurring) ? 'recurring' : 'one_time',
    unit_amount: amount,
    unit_amount_decimal: String(amount),
  });
  world.emit('price.created', price);
  return price;
}

const PRODUCT = {
  active: bool(),
  default_price: str(),
  description: str({ unset: true }),
  expand,
  images: array(str(), { unset: true }),
  marketing_features: array(hash({ name: str(required) }), { unset: true }),
  metadata,
  name: str(),
  package_dimensions: hash(
    { height: number(required), length: number(required), weight: number(required), width: number(required) },
    { unset: true },
  ),
  shippable: bool(),
  statement_descriptor: str({ max: 22 }),
  tax_code: str({ unset: true }),
  tax_details: map({ unset: true }),
  unit_label: str({ unset: true }),
  url: str({ unset: true }),
};
const INTERVAL = oneOf(['day', 'month', 'week', 'year']);
const USAGE = oneOf(['licensed', 'metered']);
const RECURRING = hash({
  interval: { ...INTERVAL, ...required },
  interval_count: int({ min: 1 }),
  meter: str(),
  trial_period_days: int({ min: 1 }),
  usage_type: USAGE,
});
const TAX_BEHAVIOR = oneOf(['exclusive', 'inclusive', 'unspecified']);

export const catalogRoutes: Route[] = [
  post(
    '/v1/products',
    {
      ...PRODUCT,
      name: str(required),
      id: str(),
      default_price_data: known(
        'currency currency_options custom_unit_amount metadata recurring tax_behavior unit_amount unit_amount_decimal',
      ),
      type: oneOf(['good', 'service']),
    },
    ({ world, params }) => makeProduct(world, params),
  ),
  get(
    '/v1/products',
    { ...LIST, ...CREATED, active: bool(), ids: array(str()), shippable: bool(), type: str(), url: str() },
    ({ world, params }) =>
      page(world, { table: 'product', url: '/v1/products', params, where: { active: params.active } }),
  ),
  get('/v1/products/:id', NONE, ({ world, path }) => world.find('product', path('id'), 'product')),
  post('/v1/products/:id', PRODUCT, ({ world, path, params }) => {
    const product = world.find('product', path('id'), 'product');
    const { metadata: given, default_price_data: _data, ...rest } = params;
    const after = world.store.patch('product', product.id, {
      ...rest,
      metadata: mergeMetadata(product.metadata ?? {}, given),
      updated: world.now,
    });
    world.emitUpdate('product.updated', product, after);
    return after;
  }),
  del('/v1/products/:id', {}, ({ world, path }) => {
    const product = world.find('product', path('id'), 'product');
    const priced = [...world.store.all('price')].some((price) => price.product === product.id);
    if (priced) throw invalid('This product cannot be deleted because it has one or more user-created prices.');
    world.store.remove('product', product.id);
    world.emit('product.deleted', product);
    return { id: product.id, object: 'product', deleted: true };
  }),
  post(
    '/v1/prices',
    {
      currency: currency(required),
      active: bool(),
      billing_scheme: oneOf(['per_unit', 'tiered']),
      currency_options: map({ unset: true }),
      custom_unit_amount: hash({ enabled: bool(required), maximum: int(), minimum: int(), preset: int() }),
      expand,
      lookup_key: str(),
      metadata,
      nickname: str(),
      product: str(),
      product_data: PRODUCT_DATA,
      recurring: RECURRING,
      tax_behavior: TAX_BEHAVIOR,
      tiers: array(known('flat_amount flat_amount_decimal unit_amount unit_amount_decimal up_to')),
      tiers_mode: oneOf(['graduated', 'volume']),
      transfer_lookup_key: bool(),
      transform_quantity: hash({ divide_by: int(required), round: oneOf(['down', 'up'], required) }),
      unit_amount: int({ min: 0 }),
      unit_amount_decimal: str(),
    },
    ({ world, params }) => makePrice(world, params),
  ),
  get(
    '/v1/prices',
    {
      ...LIST,
      ...CREATED,
      active: bool(),
      currency: currency(),
      lookup_keys: array(str()),
      product: str(),
      recurring: RECURRING,
      type: oneOf(['one_time', 'recurring']),
    },
    ({ world, params }) =>
      page(world, {
        table: 'price',
        url: '/v1/prices',
        params,
        where: { active: params.active, currency: params.currency, product: params.product, type: params.type },
      }),
  ),
  get('/v1/prices/:id', NONE, ({ world, path }) => world.find('price', path('id'), 'price')),
  post(
    '/v1/prices/:id',
    {
      active: bool(),
      currency_options: map({ unset: true }),
      expand,
      lookup_key: str(),
      metadata,
      nickname: str(),
      tax_behavior: TAX_BEHAVIOR,
      transfer_lookup_key: bool(),
    },
    ({ world, path, params }) => {
      const price = world.find('price', path('id'), 'price');
      const { metadata: given, ...rest } = params;
      const after = world.store.patch('price', price.id, {
        ...rest,
        metadata: mergeMetadata(price.metadata ?? {}, given),
      });
      world.emitUpdate('price.updated', price, after);
      return after;
    },
  ),
];

export type LineItem = { price: Plain; quantity: number };

/** A line of a checkout session: an existing price, or one made from `price_data`. */
export function readLineItem(world: World, given: JsonObject): LineItem {
  const quantity = Number(given.quantity ?? 1);
  if (!Number.isSafeInteger(quantity) || quantity < 1) {
    throw invalid('This value must be greater than or equal to 1.', {
      code: 'parameter_invalid_integer',
      param: 'line_items[0][quantity]',
      reading: true,
    });
  }
  const id = text(given.price);
  if (id !== null) return { price: world.find('price', id, 'price', 'line_items[0][price]'), quantity };
  const data = object(given.price_data);
  return {
    price: makePrice(world, {
      ...data,
      currency: (text(data.currency) ?? '').toLowerCase(),
      unit_amount: data.unit_amount === undefined ? undefined : Number(data.unit_amount),
    }),
    quantity,
  };
}
