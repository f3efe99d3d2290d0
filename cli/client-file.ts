// client/generated.ts as it should be: the types and the table of operations, written from the OpenAPI document.
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { openApiDocument } from '../api/openapi.ts';
import { ROUTES } from '../api/routes/index.ts';

export const CLIENT_FILE = fileURLToPath(new URL('../client/generated.ts', import.meta.url));

interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  format?: string;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  additionalProperties?: boolean | Schema;
}

interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
  'x-error-codes': Record<string, { status: number; help: string }>;
}

const nameOf = (ref: string) => ref.split('/').at(-1)!;
const literal = (value: unknown) => JSON.stringify(value);
const union = (types: readonly string[]) => [...new Set(types)].join(' | ');
const comment = (text: string | undefined) =>
  text === undefined || text === '' ? '' : `/** ${text.replaceAll('*/', '*∕').replaceAll(/\s*\n+\s*/g, ' ')} */\n`;

/** A schema as a type, in the document's own words. */
function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return nameOf(schema.$ref);
  if (schema.enum !== undefined) return union(schema.enum.map(literal));
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants !== undefined) return union(variants.map(typeOf));
  if (schema.allOf !== undefined) throw new Error(`the generator knows no allOf: ${JSON.stringify(schema)}`);
  if (schema.type === undefined) return 'unknown';
  return union([schema.type].flat().map((type) => simple(type, schema)));
}

function simple(type: string, schema: Schema): string {
  switch (type) {
    case 'integer':
    case 'number':
      return 'number';
    case 'string':
      return schema.format === 'binary' ? 'Blob' : 'string';
    case 'array':
      return `(${typeOf(schema.items ?? {})})[]`;
    case 'object':
      return objectOf(schema);
    case 'boolean':
    case 'null':
      return type;
    default:
      throw new Error(`the generator knows no type ${type}`);
  }
}

function objectOf({ properties = {}, required = [], additionalProperties: rest }: Schema): string {
  const members = Object.entries(properties).map(([name, schema]) => member(name, schema, required.includes(name)));
  if (members.length > 0) return `{ ${members.join('')} }`;
  if (rest === false) return 'Record<string, never>';
  return `Record<string, ${typeof rest === 'object' ? typeOf(rest) : 'unknown'}>`;
}

const member = (name: string, schema: Schema, needed: boolean): string =>
  `${comment(schema.description)}${/^[A-Za-z_]\w*$/.test(name) ? name : literal(name)}${needed ? '' : '?'}: ${typeOf(schema)};\n`;

interface Written {
  /** In the interface of methods. */
  method: string;
  /** In the table that the client reads when it runs. */
  entry: string;
  /** Of one that has pages. */
  list: string;
}

function operationOf(method: string, path: string, operation: Operation): Written {
  const { operationId: id, parameters = [], requestBody } = operation;
  const inputs = parameters.filter((p) => p.in !== 'header');
  const query = inputs.filter((p) => p.in === 'query').map((p) => p.name);
  const [bodyType, body] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  const bodyNeeded = (body?.schema.required ?? []).length > 0 || body?.schema.$ref !== undefined;
  if (inputs.some((p) => p.name === 'body')) throw new Error(`${id} has a parameter named body`);
  const members = [
    ...inputs.map((p) => member(p.name, p.schema, p.required === true)),
    ...(body === undefined ? [] : [member('body', body.schema, bodyNeeded)]),
  ];
  const needed = bodyNeeded || inputs.some((p) => p.required === true);
  const input = members.length === 0 ? 'Record<string, never>' : `{ ${members.join('')} }`;
  const answers = Object.entries(operation.responses)
    .filter(([status]) => status.startsWith('2'))
    .map(([, { content }]) => Object.entries(content ?? {})[0]);
  const answer = union(answers.map((of) => (of === undefined ? 'void' : typeOf(of[1].schema))));
  const binary = answers.some((of) => of !== undefined && !of[0].includes('json'));
  const items = query.includes('starting_after') ? answers[0]![1].schema.properties!['data']!.items! : null;
  // Numbered within another thing, or else known by their ids.
  const cursor = items === null ? null : path.endsWith('/differences') ? 'n' : 'id';
  const table = { method: method.toUpperCase(), path, ...(query.length > 0 ? { query } : {}), ...(bodyType === 'multipart/form-data' ? { multipart: true } : {}), ...(binary ? { binary } : {}), ...(cursor === null ? {} : { cursor }) }; // prettier-ignore
  const words = `${operation.summary}.${operation.description === undefined ? '' : ` ${operation.description}`}`;
  return {
    method: `${comment(words)}${id}(input${needed ? '' : '?'}: ${input}, options?: CallOptions): Promise<${answer}>;\n`,
    entry: `${id}: ${JSON.stringify(table)},\n`,
    list: items === null ? '' : `${id}: { input: NonNullable<Parameters<Operations['${id}']>[0]>; item: ${typeOf(items)} };\n`,
  };
} // prettier-ignore

export async function clientFile(): Promise<string> {
  const document = openApiDocument(ROUTES) as unknown as Document;
  const schemas = Object.entries(document.components.schemas).map(
    ([name, schema]) => `${comment(schema.description)}export type ${name} = ${typeOf(schema)};\n`,
  );
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => operationOf(method, path, operation)),
  );
  const text = `// Written by \`npm run openapi\` from the OpenAPI document: change the routes instead.
import type { CallOptions } from './http.ts';

/** Of problem documents; \`/docs/errors\` says what to do about each. */
export type ErrorCode = ${union(Object.keys(document['x-error-codes']).map(literal))};

${schemas.join('\n')}
/** Each takes the ids of its path and its query by name, and its body as \`body\`. */
export interface Operations {
${operations.map(({ method }) => method).join('\n')}}

/** Those that \`each\` goes through. */
export interface Lists {
${operations.map(({ list }) => list).join('')}}

export const OPERATIONS = {
${operations.map(({ entry }) => entry).join('')}} as const;
`;
  return format(text, { ...(await resolveConfig(CLIENT_FILE)), filepath: CLIENT_FILE });
}
