// The declarative parameter tables: one spec per route says which parameters exist, their types and which are required.
// v1 values arrive as strings (form encoding), v2 values as JSON; both are coerced here, with Stripe's refusals.
import { invalid } from './errors.ts';
import { isObject } from './json.ts';
import type { Json, JsonObject } from './json.ts';

type Base = {
  required?: boolean;
  /** The empty string unsets it (answers null) instead of being refused. */
  unset?: boolean;
  nullable?: boolean;
};
export type Param = Base &
  (
    | { kind: 'string'; max?: number; pattern?: RegExp }
    | { kind: 'currency' }
    | { kind: 'int'; min?: number; max?: number }
    | { kind: 'number' }
    | { kind: 'bool' }
    | { kind: 'enum'; of: readonly string[] }
    | { kind: 'hash'; of: Spec }
    | { kind: 'array'; of: Param }
    | { kind: 'metadata' }
    | { kind: 'range' }
    | { kind: 'free'; shape?: 'object' }
  );
export type Spec = { readonly [name: string]: Param };

export const str = (more: Base & { max?: number; pattern?: RegExp } = {}): Param => ({ kind: 'string', ...more });
export const int = (more: Base & { min?: number; max?: number } = {}): Param => ({ kind: 'int', ...more });
export const amount = (more: Base = {}): Param => ({ kind: 'int', min: 1, max: 99_999_999_99, ...more });
export const bool = (more: Base = {}): Param => ({ kind: 'bool', ...more });
export const number = (more: Base = {}): Param => ({ kind: 'number', ...more });
export const currency = (more: Base = {}): Param => ({ kind: 'currency', ...more });
export const oneOf = (of: readonly string[], more: Base = {}): Param => ({ kind: 'enum', of, ...more });
export const hash = (of: Spec, more: Base = {}): Param => ({ kind: 'hash', of, ...more });
export const array = (of: Param, more: Base = {}): Param => ({ kind: 'array', of, ...more });
/** Accepted whole: deep settings that the sandbox keeps or ignores, but does not act on. */
export const free = (more: Base = {}): Param => ({ kind: 'free', ...more });
/** An object with keys of the caller's own. */
export const map = (more: Base = {}): Param => ({ kind: 'free', shape: 'object', ...more });
/** An object whose keys are known, and whose values are accepted as they are. */
export const known = (names: string, more: Base = {}): Param =>
  hash(Object.fromEntries(names.split(' ').map((name) => [name, free()])), more);
export const metadata: Param = { kind: 'metadata', unset: true };
export const expand: Param = array(str());
export const required: Base = { required: true };

export const LIST: Spec = {
  limit: int({ min: 1, max: 100 }),
  starting_after: str(),
  ending_before: str(),
  expand,
};
export const CREATED: Spec = { created: { kind: 'range' } };
export const NONE: Spec = { expand };

function bad(message: string, param: string, code?: string): never {
  throw invalid(message, { param, reading: true, ...(code ? { code } : {}) });
}

function asInteger(raw: Json, spec: { min?: number; max?: number }, at: string): number {
  const value = typeof raw === 'string' && /^-?\d+$/.test(raw.trim()) ? Number(raw) : raw;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    return bad(`Invalid integer: ${show(raw)}`, at, 'parameter_invalid_integer');
  }
  if (spec.min !== undefined && value < spec.min) {
    return bad(`This value must be greater than or equal to ${spec.min}.`, at, 'parameter_invalid_integer');
  }
  if (spec.max !== undefined && value > spec.max) {
    return bad(`This value must be less than or equal to ${spec.max}.`, at, 'parameter_invalid_integer');
  }
  return value;
}

function show(raw: Json): string {
  return typeof raw === 'string' ? raw : JSON.stringify(raw);
}

function entries(raw: Json): Json[] | null {
  if (Array.isArray(raw)) return raw;
  // `a[0]=x` decodes to an object with numeric keys.
  if (isObject(raw) && Object.keys(raw).every((key) => /^\d+$/.test(key))) {
    return Object.values(raw).filter((value): value is Json => value !== undefined);
  }
  return null;
}

function words(of: readonly string[]): string {
  return of.length < 2 ? of.join('') : `${of.slice(0, -1).join(', ')}, or ${of.at(-1) ?? ''}`;
}

function readScalar(spec: Param, raw: Json, at: string): Json {
  switch (spec.kind) {
    case 'string':
      if (typeof raw === 'number') return String(raw);
      if (typeof raw !== 'string') return bad(`Invalid string: ${show(raw)}`, at);
      if (spec.max !== undefined && raw.length > spec.max) {
        return bad(
          `Invalid string: ${raw.slice(0, 9)}...${raw.slice(-9)}; must be at most ${spec.max} characters`,
          at,
          'parameter_invalid_string_blank',
        );
      }
      if (spec.pattern !== undefined && !spec.pattern.test(raw)) return bad(`Invalid ${at}: ${raw}`, at);
      return raw;
    case 'currency':
      if (typeof raw !== 'string') return bad(`Invalid string: ${show(raw)}`, at);
      return raw.toLowerCase();
    case 'int':
      return asInteger(raw, spec, at);
    case 'number': {
      const value = typeof raw === 'string' ? Number(raw) : raw;
      return typeof value === 'number' && Number.isFinite(value) ? value : bad(`Invalid decimal: ${show(raw)}`, at);
    }
    case 'bool':
      if (raw === true || raw === 'true' || raw === '1') return true;
      if (raw === false || raw === 'false' || raw === '0') return false;
      return bad(`Invalid boolean: ${show(raw)}`, at);
    case 'enum':
      if (typeof raw !== 'string' || !spec.of.includes(raw)) {
        return bad(`Invalid ${at}: must be one of ${words(spec.of)}`, at);
      }
      return raw;
    default:
      return raw;
  }
}

function readMetadata(raw: Json, at: string): JsonObject {
  if (!isObject(raw)) return bad(`Invalid object`, at);
  const out: JsonObject = {};
  for (const [key, value] of Object.entries(raw)) {
    const spot = `${at}[${key}]`;
    if (key.length > 40) {
      bad(`Metadata keys must be 40 characters or less; you passed '${key}' which has ${key.length} characters.`, spot);
    }
    if (value === null || value === undefined) {
      out[key] = '';
    } else if (typeof value === 'object') {
      bad(`Metadata values must be strings, but for key \`${key}\` you passed in a value of type \`hash\``, spot);
    } else {
      const string = String(value);
      if (string.length > 500) {
        bad(
          `Metadata values can have up to 500 characters; you passed in a value with ${string.length} characters for key \`${key}\`.`,
          spot,
        );
      }
      out[key] = string;
    }
  }
  return out;
}

function read(spec: Param, raw: Json, at: string): Json {
  if (raw === '') {
    if (spec.unset) return null;
    if (spec.kind === 'free') return raw;
    return bad(
      `You passed an empty string for '${at}'. We assume empty values are an attempt to unset a parameter; however '${at}' cannot be unset. You should remove '${at}' from your request or supply a non-empty value.`,
      at,
      'parameter_invalid_empty',
    );
  }
  if (raw === null) {
    if (spec.nullable || spec.unset || spec.kind === 'free') return null;
    return bad(`Invalid value for '${at}': null`, at);
  }
  switch (spec.kind) {
    case 'free':
      return spec.shape === 'object' && !isObject(raw) ? bad('Invalid object', at) : raw;
    case 'metadata':
      return readMetadata(raw, at);
    case 'hash':
      if (!isObject(raw)) return bad('Invalid object', at);
      return readSpec(spec.of, raw, at);
    case 'array': {
      const items = entries(raw);
      if (!items) return bad('Invalid array', at);
      return items.map((item, i) => read(spec.of, item, `${at}[${i}]`));
    }
    case 'range': {
      if (!isObject(raw)) return { gte: asInteger(raw, {}, at), lte: asInteger(raw, {}, at) };
      return readSpec({ gt: int(), gte: int(), lt: int(), lte: int() }, raw, at);
    }
    default:
      return readScalar(spec, raw, at);
  }
}

function readSpec(spec: Spec, raw: JsonObject, prefix: string): JsonObject {
  const name = (key: string): string => (prefix === '' ? key : `${prefix}[${key}]`);
  const unknown = Object.keys(raw).filter((key) => raw[key] !== undefined && !Object.hasOwn(spec, key));
  const first = unknown[0];
  if (first !== undefined) {
    const names = unknown.map(name);
    bad(
      `Received unknown parameter${names.length > 1 ? 's' : ''}: ${names.join(', ')}`,
      name(first),
      'parameter_unknown',
    );
  }
  const out: JsonObject = {};
  for (const [key, param] of Object.entries(spec)) {
    const value = raw[key];
    if (value !== undefined) out[key] = read(param, value, name(key));
  }
  for (const [key, param] of Object.entries(spec)) {
    if (param.required && raw[key] === undefined) {
      bad(`Missing required param: ${name(key)}.`, name(key), 'parameter_missing');
    }
  }
  return out;
}

export function readParams(spec: Spec, raw: JsonObject): JsonObject {
  return readSpec(spec, raw, '');
}

/** Merges metadata as Stripe does: '' removes a key, '' for the whole clears all. */
export function mergeMetadata(before: { [key: string]: string }, patch: Json | undefined): { [key: string]: string } {
  if (patch === undefined) return before;
  if (!isObject(patch)) return {};
  const merged = { ...before };
  for (const [key, value] of Object.entries(patch)) {
    if (typeof value !== 'string') continue;
    if (value === '') delete merged[key];
    else merged[key] = value;
  }
  return merged;
}
