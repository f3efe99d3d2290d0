// What an answer of Stripe must look like, twice: by Stripe's OpenAPI spec (types, enums, lengths) and by the `stripe`
// package's declarations (every property that is not optional is there, and none that nobody declared).
import path from 'node:path';

import { Ajv } from 'ajv';
import type { ErrorObject, ValidateFunction } from 'ajv';

import { Declarations } from './dts.ts';
import type { Declaration, Type } from './dts.ts';
import { isRecord } from './record.ts';
import type { Exchange, JsonRecord, JsonValue } from './record.ts';

/** The resources that the sandbox has; a reference to any other must be an id, null or absent. */
const RESOURCES = new Set(
  `account account_link account_session application balance balance_settings balance_transaction bank_account capability card charge
  checkout.session customer dispute event file file_link item list mandate payment_intent payment_method payout person
  price product radar.early_fraud_warning refund review setup_intent topup transfer transfer_reversal webhook_endpoint
  v2.core.account v2.core.account_link v2.core.event v2.core.event_destination v2.deleted_object`.split(/\s+/),
);

/** What Stripe's own answers of today carry although neither spec nor declarations name it (seen in recordings). */
const UNDECLARED: Record<string, readonly string[]> = {
  charge: ['destination', 'dispute', 'order'],
  payment_intent: ['shared_payment_granted_token'],
  payment_method: ['shared_payment_granted_token'],
};

export type Problem = { request: string; oracle: 'openapi' | 'sdk' | 'shape'; at: string; message: string };

type Schema = JsonRecord;
const NEVER: Schema = { not: {} };

function schemaOf(value: JsonValue | undefined): Schema {
  return isRecord(value) ? value : {};
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function child(schema: Schema, ...steps: string[]): Schema {
  return steps.reduce((at, step) => schemaOf(at[step]), schema);
}

/** The resource that a component is, by its `object` property. */
function resourceOf(component: Schema): string | null {
  const names = child(component, 'properties', 'object')['enum'];
  const name = Array.isArray(names) ? names[0] : null;
  return typeof name === 'string' ? name : null;
}

class OpenApi {
  private readonly components: Schema;
  private readonly defs: Schema = {};
  readonly operations: { method: string; pattern: RegExp; template: string; answer: Schema }[] = [];
  readonly version: string;

  constructor(spec: JsonRecord) {
    this.components = child(spec, 'components', 'schemas');
    this.version = text(child(spec, 'info')['version']);
    for (const [template, methods] of Object.entries(child(spec, 'paths'))) {
      const pattern = new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{[^}]+\}/g, '[^/]+')}$`);
      for (const [method, operation] of Object.entries(schemaOf(methods))) {
        const answer = child(schemaOf(operation), 'responses', '200', 'content', 'application/json', 'schema');
        this.operations.push({ method: method.toUpperCase(), pattern, template, answer });
      }
    }
    // A literal path wins over one with a name.
    this.operations.sort((a, b) => a.template.split('{').length - b.template.split('{').length);
  }

  /** A component and all that it refers to, under `#/$defs`. */
  reach(name: string): Schema {
    if (this.defs[name] === undefined) {
      this.defs[name] = {};
      this.defs[name] = this.convert(child(this.components, name));
    }
    return { $ref: `stripe#/$defs/${name}` };
  }

  private ref(target: string): Schema | null {
    const name = target.slice('#/components/schemas/'.length);
    const resource = resourceOf(child(this.components, name));
    if (resource !== null && !RESOURCES.has(resource)) return null;
    return this.reach(name);
  }

  convert(schema: Schema): Schema {
    if (typeof schema['$ref'] === 'string') return this.ref(schema['$ref']) ?? NEVER;
    const out: Schema = {};
    for (const [key, value] of Object.entries(schema)) {
      if (key.startsWith('x-') || ['format', 'nullable', 'description', 'title'].includes(key)) continue;
      if (key === 'properties') {
        out[key] = Object.fromEntries(
          Object.entries(schemaOf(value)).map(([name, inner]) => [name, this.convert(schemaOf(inner))]),
        );
      } else if (key === 'anyOf' || key === 'oneOf') {
        const branches = Array.isArray(value) ? value.map((inner) => this.convert(schemaOf(inner))) : [];
        const kept = branches.filter((inner) => inner !== NEVER);
        if (kept.length === 0) Object.assign(out, NEVER);
        else out['anyOf'] = kept;
      } else if (key === 'items' || (key === 'additionalProperties' && isRecord(value))) {
        out[key] = this.convert(schemaOf(value));
      } else {
        out[key] = value;
      }
    }
    return schema['nullable'] === true ? { anyOf: [out, { type: 'null' }] } : out;
  }

  definitions(): Schema {
    return { $id: 'stripe', $defs: this.defs };
  }

  /** The component that shows a resource (`deleted` ones apart). */
  componentOf(resource: string): string | null {
    const names = Object.keys(this.components).filter((name) => resourceOf(child(this.components, name)) === resource);
    const plain = names.filter((name) => !name.startsWith('deleted_'));
    return plain.find((name) => name === resource) ?? plain[0] ?? null;
  }
}

class SdkTypes {
  readonly declarations = new Declarations();
  private readonly defs: Schema = {};
  private readonly ids = new Map<string, string>();

  reach(declaration: Declaration): Schema {
    let id = this.ids.get(declaration.id);
    if (id === undefined) {
      id = `${declaration.name}_${this.ids.size}`;
      this.ids.set(declaration.id, id);
      this.defs[id] = this.declared(declaration);
    }
    return { $ref: `sdk#/$defs/${id}` };
  }

  private declared(declaration: Declaration): Schema {
    const shape = this.declarations.members(declaration);
    if (!shape) return this.convert(declaration.body, declaration);
    if (declaration.name === 'EventBase' || declaration.name === 'Data') {
      // The resource inside an event is validated by itself.
      shape.members = shape.members.map((member) =>
        ['object', 'previous_attributes'].includes(member.name) && declaration.name === 'Data'
          ? { ...member, type: { kind: 'primitive', name: 'unknown' } }
          : member,
      );
    }
    for (const name of UNDECLARED[this.resourceOf(declaration) ?? ''] ?? []) {
      shape.members.push({ name, optional: true, type: { kind: 'primitive', name: 'unknown' } });
    }
    return this.object(shape.members, shape.index, declaration);
  }

  private object(
    members: { name: string; optional: boolean; type: Type }[],
    index: Type | null,
    at: Declaration,
  ): Schema {
    // v2 answers null for what is not there or not included.
    const v2 = at.file.includes(`${path.sep}V2${path.sep}`);
    const shown = (member: { optional: boolean; type: Type }): Schema => {
      const schema = this.convert(member.type, at);
      return v2 && member.optional ? { anyOf: [schema, { type: 'null' }] } : schema;
    };
    return {
      type: 'object',
      properties: Object.fromEntries(members.map((member) => [member.name, shown(member)])),
      required: members.filter((member) => !member.optional).map((member) => member.name),
      additionalProperties: index ? this.convert(index, at) : false,
    };
  }

  private convert(type: Type, at: Declaration): Schema {
    switch (type.kind) {
      case 'literal':
        return { const: type.value };
      case 'array':
        return { type: 'array', items: this.convert(type.of, at) };
      case 'object':
        return this.object(type.members, type.index, at);
      case 'both':
        return {};
      case 'union':
        return this.union(type.of, at);
      case 'primitive':
        if (['string', 'number', 'boolean', 'null'].includes(type.name)) return { type: type.name };
        return type.name === 'undefined' ? NEVER : {};
      default:
        return this.named(type, at);
    }
  }

  private union(types: readonly Type[], at: Declaration): Schema {
    const of = types.map((type) => this.convert(type, at)).filter((schema) => schema !== NEVER);
    const constants = of.flatMap((schema) => (schema['const'] === undefined ? [] : [schema['const']]));
    const others = of.filter((schema) => schema['const'] === undefined);
    const all = constants.length > 0 ? [{ enum: constants }, ...others] : others;
    if (all.length === 0) return NEVER;
    return all.length === 1 && all[0] ? all[0] : { anyOf: all };
  }

  private named(type: Type & { kind: 'name' }, at: Declaration): Schema {
    const name = type.path.join('.');
    if (name === 'OtherString') return { type: 'string' };
    if (name === 'Decimal') return { type: ['string', 'number'] };
    if (name === 'ApiList' && type.args[0]) {
      return {
        type: 'object',
        properties: {
          object: { const: 'list' },
          data: { type: 'array', items: this.convert(type.args[0], at) },
          has_more: { type: 'boolean' },
          url: { type: 'string' },
          total_count: { type: 'number' },
        },
        required: ['object', 'data', 'has_more', 'url'],
        additionalProperties: false,
      };
    }
    const found = this.declarations.find(type.path, at);
    if (!found) return {};
    const resource = found.space.length === 0 ? this.resourceOf(found) : null;
    if (resource !== null && !RESOURCES.has(resource)) return NEVER;
    return this.reach(found);
  }

  private resourceOf(declaration: Declaration): string | null {
    const type = this.declarations.members(declaration)?.members.find(({ name }) => name === 'object')?.type;
    return type?.kind === 'literal' && typeof type.value === 'string' ? type.value : null;
  }

  /** The declaration of the object that `body` says it is. */
  of(body: JsonRecord): Declaration | null {
    const event = this.declarations.byEventType.get(text(body['type']));
    if (event && body['object'] === 'v2.core.event') return event;
    const all = this.declarations.byObject.get(text(body['object'])) ?? [];
    const deleted = all.find(({ name }) => name.startsWith('Deleted'));
    return (body['deleted'] === true ? deleted : undefined) ?? all.find((one) => one !== deleted) ?? null;
  }

  definitions(): Schema {
    return { $id: 'sdk', $defs: this.defs };
  }

  /** The properties that every one of these resources must have. */
  required(resource: string): string[] {
    const declaration = this.of({ object: resource });
    const members = (declaration && this.declarations.members(declaration)?.members) ?? [];
    return members.filter(({ optional }) => !optional).map(({ name }) => name);
  }
}

/** The deepest complaints: of a union's branches, the one that came furthest. */
function furthest(errors: readonly ErrorObject[] | null | undefined): ErrorObject[] {
  const real = (errors ?? []).filter(({ keyword }) => keyword !== 'anyOf' && keyword !== 'if');
  const depth = (error: ErrorObject): number => error.instancePath.split('/').length;
  const deepest = Math.max(...real.map(depth));
  const there = real.filter((error) => depth(error) === deepest);
  const telling = there.filter(({ keyword }) => keyword !== 'type');
  return (telling.length > 0 ? telling : there).slice(0, 3);
}

/** The same complaint about many objects, said once. */
export function describe({ request, oracle, at, message }: Problem): string {
  const place = request.replaceAll(/(?<=\/)[a-z]+_\w*\d\w*/g, ':id');
  return `${place} [${oracle}] ${at.replaceAll(/\/\d+/g, '/*')}: ${message}`;
}

export class Validator {
  readonly sdk = new SdkTypes();
  private readonly api: OpenApi;
  private readonly ajv = new Ajv({ strict: false, validateSchema: false, validateFormats: false, allErrors: true });
  private readonly compiled = new Map<string, ValidateFunction>();
  readonly figures = { responses: 0, objects: 0, errors: 0, outside: 0 };

  constructor(spec: unknown) {
    this.api = new OpenApi(spec as JsonRecord);
    for (const resource of RESOURCES) {
      const component = this.api.componentOf(resource);
      if (component !== null) this.api.reach(component);
      for (const declaration of this.sdk.declarations.byObject.get(resource) ?? []) this.sdk.reach(declaration);
    }
    for (const [type, declaration] of this.sdk.declarations.byEventType) {
      if (type.startsWith('v2.core.account')) this.sdk.reach(declaration);
    }
    this.api.reach('error');
    for (const { method, template, answer } of this.api.operations) {
      const key = `${method} ${template}`;
      this.answers.set(key, this.api.convert(answer));
    }
    this.ajv.addSchema(this.api.definitions());
    this.ajv.addSchema(this.sdk.definitions());
  }

  private readonly answers = new Map<string, Schema>();

  get version(): string {
    return this.api.version;
  }

  private run(key: string, schema: () => Schema, value: JsonValue): ErrorObject[] {
    let check = this.compiled.get(key);
    if (!check) {
      check = this.ajv.compile(schema());
      this.compiled.set(key, check);
    }
    return check(value) ? [] : furthest(check.errors);
  }

  /** The template of the spec that this request's path is of. */
  operation(exchange: Pick<Exchange, 'method' | 'path'>): string | null {
    const found = this.api.operations.find(
      ({ method, pattern }) => method === exchange.method && pattern.test(exchange.path),
    );
    return found ? `${found.method} ${found.template}` : null;
  }

  validate(exchange: Exchange): Problem[] {
    const { method, path: url, status, body } = exchange;
    const request = `${method} ${url} ${status}`;
    const problems: Problem[] = [];
    const add = (oracle: Problem['oracle'], at: string, errors: readonly ErrorObject[]): void => {
      for (const { instancePath, message, params } of errors) {
        problems.push({ request, oracle, at: `${at}${instancePath}`, message: `${message} ${JSON.stringify(params)}` });
      }
    };
    const operation = this.operation(exchange);
    this.figures.responses += 1;
    if (!isRecord(body)) return [{ request, oracle: 'shape', at: '', message: 'the body is no JSON object' }];
    if (status >= 400) {
      this.figures.errors += 1;
      const error = body['error'];
      if (!isRecord(error) || typeof error['type'] !== 'string' || typeof error['message'] !== 'string') {
        return [
          { request, oracle: 'shape', at: '/error', message: 'an error needs an error object, type and message' },
        ];
      }
      if (!url.startsWith('/v2/'))
        add(
          'openapi',
          '',
          this.run('error', () => this.api.reach('error'), body),
        );
      return problems;
    }
    if (operation !== null) {
      add(
        'openapi',
        '',
        this.run(operation, () => schemaOf(this.answers.get(operation)), body),
      );
    } else if (!url.startsWith('/v2/')) {
      this.figures.outside += 1;
      return problems;
    }
    if (method === 'DELETE' && url.startsWith('/v2/')) {
      const ok = typeof body['id'] === 'string' && Object.keys(body).every((key) => key === 'id' || key === 'object');
      return ok ? [] : [{ request, oracle: 'sdk', at: '', message: 'must be a deleted object: id and object' }];
    }
    for (const { at, value } of shownIn(body)) {
      this.figures.objects += 1;
      const declaration = this.sdk.of(value);
      if (!declaration) {
        problems.push({ request, oracle: 'sdk', at, message: `no declaration for object ${text(value['object'])}` });
        continue;
      }
      add(
        'sdk',
        at,
        this.run(declaration.id, () => this.sdk.reach(declaration), value),
      );
      const component = at === '' || value['deleted'] === true ? null : this.api.componentOf(text(value['object']));
      if (component !== null)
        add(
          'openapi',
          at,
          this.run(`object ${component}`, () => this.api.reach(component), value),
        );
    }
    return problems;
  }
}

/** The objects that an answer shows: itself, a list's, an event's. */
function shownIn(body: JsonRecord, at = ''): { at: string; value: JsonRecord }[] {
  const data = body['data'];
  if (Array.isArray(data)) {
    return data.flatMap((item, i) => (isRecord(item) ? shownIn(item, `${at}/data/${i}`) : []));
  }
  const inner = isRecord(data) && body['object'] === 'event' ? data['object'] : undefined;
  return [{ at, value: body }, ...(isRecord(inner) ? shownIn(inner, `${at}/data/object`) : [])];
}
