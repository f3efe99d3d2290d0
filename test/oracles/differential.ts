// Requests that are wrong in one way each, derived from Stripe's OpenAPI spec for the routes that the sandbox has.
import { encode, text } from './client.ts';
import type { Params } from './client.ts';
import { isRecord } from './record.ts';
import type { JsonRecord, JsonValue } from './record.ts';

export type Wrong = {
  route: string;
  method: string;
  path: string;
  /** What is wrong, in a word. */
  flaw: 'unknown' | 'missing' | 'type' | 'nested unknown';
  /** The parameter that it is about. */
  param: string;
  form: string;
};

export type Answer = { status: number; error: JsonRecord };

/** Whether the sandbox's answer refuses the same thing: 400, a message, and the parameter's name. */
export function refusesToo(wrong: Wrong, { status, error }: Answer): boolean {
  const param = text(error['param']);
  const named = param === wrong.param || param.startsWith(`${wrong.param}[`);
  return status === 400 && named && text(error['message']) !== '' && text(error['type']) === 'invalid_request_error';
}

type Property = { name: string; schema: JsonRecord; required: boolean };

const at = (value: JsonValue | undefined, ...steps: string[]): JsonRecord => {
  let here = isRecord(value) ? value : {};
  for (const step of steps) {
    const next = here[step];
    here = isRecord(next) ? next : {};
  }
  return here;
};

/** The parameters of an operation: of its form, or of its query. */
function properties(operation: JsonRecord, method: string): Property[] {
  if (method === 'POST') {
    const schema = at(operation, 'requestBody', 'content', 'application/x-www-form-urlencoded', 'schema');
    const required = Array.isArray(schema['required']) ? schema['required'] : [];
    return Object.entries(at(schema, 'properties')).map(([name, inner]) => ({
      name,
      schema: at(inner),
      required: required.includes(name),
    }));
  }
  const parameters = Array.isArray(operation['parameters']) ? operation['parameters'].filter(isRecord) : [];
  return parameters
    .filter((one) => one['in'] === 'query' && typeof one['name'] === 'string')
    .map((one) => ({ name: text(one['name']), schema: at(one['schema']), required: one['required'] === true }));
}

/** A value that the schema allows, as it goes into a form. */
function valid(schema: JsonRecord, name: string): Params[string] {
  const branches = schema['anyOf'];
  if (Array.isArray(branches)) return valid(at(branches.find(isRecord)), name);
  const values = schema['enum'];
  if (Array.isArray(values)) return text(values.find((value) => value !== ''));
  switch (schema['type']) {
    case 'integer':
      return 1000;
    case 'number':
      return 1;
    case 'boolean':
      return true;
    case 'array':
      return [valid(at(schema['items']), name) as string];
    case 'object': {
      const required = Array.isArray(schema['required']) ? schema['required'] : [];
      const inner = at(schema, 'properties');
      const keys = required.filter((key): key is string => typeof key === 'string');
      return Object.fromEntries(keys.map((key) => [key, valid(at(inner[key]), key)]));
    }
    default:
      return name === 'currency' ? 'usd' : name.endsWith('url') ? 'https://oracles.example/x' : 'some';
  }
}

/** A value of another type, or null where every string will do. */
function wrong(schema: JsonRecord): Params[string] {
  if (Array.isArray(schema['anyOf'])) return null;
  if (Array.isArray(schema['enum'])) return 'neither_of_these';
  switch (schema['type']) {
    case 'integer':
    case 'number':
      return 'many';
    case 'boolean':
      return 'perhaps';
    case 'array':
    case 'object':
      return 'scalar';
    default:
      return null;
  }
}

/** Every wrong request for one route of the spec. */
export function wrongRequests(spec: JsonRecord, method: string, template: string): Wrong[] {
  const operation = at(spec, 'paths', template, method.toLowerCase());
  const all = properties(operation, method);
  const path = template.replaceAll(/\{[^}]+\}/g, 'some_1');
  const base: Params = Object.fromEntries(
    all.filter(({ required }) => required).map(({ name, schema }) => [name, valid(schema, name)]),
  );
  const make = (flaw: Wrong['flaw'], param: string, params: Params): Wrong => {
    return { route: `${method} ${template}`, method, path, flaw, param, form: encode(params).toString() };
  };
  const found = [make('unknown', 'no_such_parameter', { ...base, no_such_parameter: 'x' })];
  for (const { name, schema, required } of all) {
    if (required) {
      const { [name]: _left, ...rest } = base;
      found.push(make('missing', name, rest));
    }
    const value = wrong(schema);
    if (value !== null) found.push(make('type', name, { ...base, [name]: value }));
    if (schema['type'] === 'object' && isRecord(schema['properties']) && name !== 'metadata') {
      const given = at(base as JsonRecord, name) as Params;
      found.push(make('nested unknown', name, { ...base, [name]: { ...given, no_such_parameter: 'x' } }));
    }
  }
  return found;
}
