// Mutations of single fields, found by walking the answers of the scripted run: each field taken away, and each given a
// value of another type. `tsx test/oracles/field-mutations.ts --write` renews the committed list.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { text } from './client.ts';
import { isRecord } from './record.ts';
import type { Exchange, JsonRecord, JsonValue } from './record.ts';
import { runScenario } from './scenario.ts';
import { Validator } from './spec.ts';
import { readOpenApi } from './stripe-mock.ts';

/** Per object: the paths whose absence, and whose wrong type, the validator names; and those that nobody holds. */
export type FieldList = { [object: string]: { missing: string[]; mistyped: string[]; unheld: string[] } };

export const LIST_FILE = fileURLToPath(new URL('mutated-fields.json', import.meta.url));

/** Dictionaries of the user's own, and an event's resource, which is validated by itself. */
const FREE = new Set(['metadata', 'previous_attributes']);

type Spot = { object: string; path: string; exchange: Exchange };

function spots(exchange: Exchange, body: JsonRecord, value: JsonValue, steps: string[]): Spot[] {
  const inside = isRecord(value) || Array.isArray(value) ? Object.entries(value) : [];
  const wanted = Array.isArray(value) ? inside.slice(0, 1) : inside;
  return wanted.flatMap(([name, inner]) => {
    const path = [...steps, name];
    const here = { object: text(body['object']), path: path.join('.'), exchange };
    const nested = isRecord(inner) && typeof inner['object'] === 'string' && inner['object'] !== 'list';
    const deeper = FREE.has(name) || nested ? [] : spots(exchange, body, inner as JsonValue, path);
    return [here, ...deeper];
  });
}

/** One answer for each path of each object: the first and smallest that shows it. */
export function allSpots(validator: Validator, exchanges: readonly Exchange[]): Map<string, Spot> {
  const found = new Map<string, Spot>();
  const plain = exchanges.filter((exchange) => {
    const { status, body, path } = exchange;
    // What stands outside the spec (the CLI's private pages) is held by nobody.
    if (!path.startsWith('/v2/') && validator.operation(exchange) === null) return false;
    if (exchange.method === 'DELETE') return false;
    return status === 200 && isRecord(body) && typeof body['object'] === 'string' && body['deleted'] !== true;
  });
  const size = new Map(plain.map((exchange) => [exchange, JSON.stringify(exchange.body).length]));
  for (const exchange of plain.toSorted((a, b) => (size.get(a) ?? 0) - (size.get(b) ?? 0))) {
    const { body } = exchange;
    if (!isRecord(body) || body['object'] === 'list') continue;
    for (const spot of spots(exchange, body, body, [])) {
      const key = `${spot.object} ${spot.path}`;
      if (!found.has(key)) found.set(key, spot);
    }
  }
  return found;
}

function changed(value: JsonValue, steps: readonly string[], change: 'missing' | 'mistyped'): JsonValue {
  const [name = '', ...rest] = steps;
  if (Array.isArray(value)) return value.map((item, i) => (String(i) === name ? next(item, rest, change) : item));
  if (!isRecord(value)) return value;
  if (rest.length === 0 && change === 'missing') {
    const { [name]: _gone, ...kept } = value;
    return kept;
  }
  return { ...value, [name]: next(value[name] ?? null, rest, change) };
}

function next(value: JsonValue, rest: readonly string[], change: 'missing' | 'mistyped'): JsonValue {
  return rest.length === 0 ? anotherType(value) : changed(value, rest, change);
}

function anotherType(value: JsonValue): JsonValue {
  if (typeof value === 'string') return { mutated: true };
  if (typeof value === 'object' && value !== null) return 7;
  return ['mutated'];
}

export function isNamed(validator: Validator, spot: Spot, change: 'missing' | 'mistyped'): boolean {
  const body = changed(spot.exchange.body, spot.path.split('.'), change);
  // An array's element can only be mistyped.
  if (change === 'missing' && JSON.stringify(body) === JSON.stringify(spot.exchange.body)) return false;
  return validator.validate({ ...spot.exchange, body }).length > 0;
}

export function fieldList(validator: Validator, exchanges: readonly Exchange[]): FieldList {
  const list: FieldList = {};
  for (const spot of allSpots(validator, exchanges).values()) {
    const entry = (list[spot.object] ??= { missing: [], mistyped: [], unheld: [] });
    const [missing, mistyped] = [isNamed(validator, spot, 'missing'), isNamed(validator, spot, 'mistyped')];
    if (missing) entry.missing.push(spot.path);
    if (mistyped) entry.mistyped.push(spot.path);
    if (!missing && !mistyped) entry.unheld.push(spot.path);
  }
  return list;
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv.includes('--write')) {
  const validator = new Validator(await readOpenApi());
  const { exchanges } = await runScenario();
  const list = fieldList(validator, exchanges);
  const sorted = Object.fromEntries(
    Object.keys(list)
      .toSorted()
      .map((object) => [object, list[object]]),
  );
  writeFileSync(LIST_FILE, `${JSON.stringify(sorted, null, 1)}\n`);
}
