// What the wire shows of a record: fields with an underscore stay inside, embedded lists and computed fields are added,
// `expand[]` paths are followed.
import { invalid } from './errors.ts';
import { isObject, list, text } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import type { TableName } from './store.ts';
import type { World } from './world.ts';

/** The table of each id prefix, for expansion. */
const BY_PREFIX: Record<string, TableName> = {
  acct: 'account',
  ba: 'external_account',
  ch: 'charge',
  py: 'charge',
  cs: 'checkout_session',
  cus: 'customer',
  dp: 'dispute',
  du: 'dispute',
  evt: 'event',
  file: 'file',
  issfr: 'early_fraud_warning',
  mandate: 'mandate',
  pi: 'payment_intent',
  pm: 'payment_method',
  po: 'payout',
  price: 'price',
  prod: 'product',
  prv: 'review',
  pyr: 'refund',
  re: 'refund',
  seti: 'setup_intent',
  tr: 'transfer',
  trr: 'transfer_reversal',
  tu: 'topup',
  txn: 'balance_transaction',
};

type View = (world: World, record: JsonObject, shown: JsonObject) => JsonObject;
const views = new Map<string, View>();
/** Fields that exist only when expanded (charge.refunds). */
const includable = new Map<string, (world: World, record: JsonObject) => Json | undefined>();

export function defineView(objectName: string, view: View): void {
  views.set(objectName, view);
}

export function defineIncludable(
  objectName: string,
  field: string,
  value: (world: World, record: JsonObject) => Json | undefined,
): void {
  includable.set(`${objectName}.${field}`, value);
}

export function strip(record: JsonObject): JsonObject {
  const shown: JsonObject = {};
  for (const key in record) if (key.charCodeAt(0) !== 95) shown[key] = record[key];
  return shown;
}

export function present(world: World, record: JsonObject): JsonObject {
  const shown = strip(record);
  const view = typeof record.object === 'string' ? views.get(record.object) : undefined;
  return view ? view(world, record, shown) : shown;
}

export function embeddedList(world: World, records: readonly JsonObject[], url: string, limit = 10): JsonObject {
  return {
    object: 'list',
    data: records.slice(0, limit).map((record) => present(world, record)),
    has_more: records.length > limit,
    total_count: records.length,
    url,
  };
}

export function resolve(world: World, id: string): JsonObject | null {
  const prefix = id.slice(0, id.indexOf('_'));
  const table = BY_PREFIX[prefix];
  return (table && world.store.get(table, id)) ?? null;
}

function refuse(path: string): never {
  throw invalid(
    `This property cannot be expanded (${path}). You may want to try expanding 'data.${path}' if this is a list.`,
    { reading: true, param: 'expand' },
  );
}

function expandPath(world: World, shown: Json, path: readonly string[], whole: string): Json {
  const [field, ...rest] = path;
  if (field === undefined) return shown;
  if (Array.isArray(shown)) return shown.map((item) => expandPath(world, item, path, whole));
  if (!isObject(shown)) return shown;
  const extra = includable.get(`${text(shown.object) ?? ''}.${field}`);
  let value = shown[field];
  if (value === undefined && extra) {
    const id = text(shown.id);
    value = extra(world, (id && resolve(world, id)) || shown);
  }
  if (value === undefined) {
    // Known, and absent for now: it stays absent.
    if (extra) return shown;
    // A list without entries cannot tell whether the path is right.
    return shown.object === undefined ? shown : refuse(whole);
  }
  if (typeof value === 'string') {
    const record = resolve(world, value);
    if (record) value = present(world, record);
    else if (field === 'client_secret' || field === 'status' || field === 'id') refuse(whole);
  }
  return { ...shown, [field]: rest.length === 0 ? expandItems(world, value) : expandPath(world, value, rest, whole) };
}

/** The last step of a path may be an array of ids. */
function expandItems(world: World, value: Json): Json {
  if (!Array.isArray(value)) return value;
  return value.map((item) => {
    const record = typeof item === 'string' ? resolve(world, item) : null;
    return record ? present(world, record) : item;
  });
}

export function expandAll(world: World, shown: JsonObject, paths: Json | undefined): JsonObject {
  let out: Json = shown;
  for (const path of list(paths)) {
    if (typeof path !== 'string') continue;
    const steps = path.split('.');
    if (steps.length > 4) {
      throw invalid(`You cannot expand more than 4 levels of a property. Property: ${path}`, { reading: true });
    }
    out = expandPath(world, out, steps, path);
  }
  return isObject(out) ? out : shown;
}
