// Every example of the OpenAPI document, sent to the running product as it stands there, ids aside: the status that is documented, an
// answer of the documented shape, and nothing in it that is not documented.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { EXAMPLES, faultsOfExamples, requestOf, type ShownOperation, THINGS } from '../../api/examples.ts';
import { openApiDocument } from '../../api/openapi.ts';
import { ROUTES } from '../../api/routes/index.ts';
import { castOf } from '../stack/api.ts';
import { topUpFloat } from '../stack/books.ts';
import { startWorld, type World } from '../stack/world.ts';
import { givens, type Real, withReal } from './givens.ts';

interface Operation extends ShownOperation {
  operationId: string;
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}

const document = JSON.parse(JSON.stringify(openApiDocument(ROUTES))) as {
  paths: Record<string, Record<string, Operation>>;
};
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
); // prettier-ignore

let world: World;
let given: ReturnType<typeof givens>;
/** OpenAPI's formats and own words are no matter of ajv's; what is required and of which type is. */
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });

beforeAll(async () => {
  ajv.addSchema(closed({ $id: 'api', ...document }) as object);
  world = await startWorld();
  await topUpFloat(world, 'usd', 1_000_000n);
  given = givens(world, castOf(world));
}, 600_000);
afterAll(() => world?.stop());

/** Objects that list their members have no others, so that an answer says nothing that is not documented. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const members = Object.entries(schema).map(([name, value]) => [name, closed(value)] as const);
  const lists = 'properties' in schema && 'type' in schema && !('additionalProperties' in schema);
  return { ...Object.fromEntries(members), ...(lists ? { additionalProperties: false } : {}) };
}

/** The request as the document shows it, with real things. */
function realRequestOf(path: string, operation: Operation, real: Real) {
  const { address, mediaType, body } = requestOf(path, operation);
  const text = withReal(JSON.stringify(body), real);
  const isForm = mediaType === 'multipart/form-data';
  return {
    url: withReal(address, real),
    type: isForm ? null : mediaType,
    body: isForm ? formOf(JSON.parse(text) as Record<string, string>) : text,
  };
}

function formOf(fields: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    form.set(name, name === 'file' ? new File(['%PDF-1.7\n%%EOF\n'], value, { type: 'application/pdf' }) : value);
  }
  return form;
}

test('each operation has an example, and each example an operation that takes it', () => {
  expect(faultsOfExamples(ROUTES)).toEqual([]);
  const { agreeToEscrow, ...others } = EXAMPLES;
  expect(agreeToEscrow).toBeDefined();
  const lacking = ROUTES.filter(({ operationId }) => operationId !== 'agreeToEscrow');
  expect(Object.keys(others)).toHaveLength(lacking.length);
  expect(faultsOfExamples(lacking)).toEqual(['api/examples.ts has an example of agreeToEscrow, which is no operation.']);
  const renamed = ROUTES.map((r) => (r.operationId === 'agreeToEscrow' ? { ...r, operationId: 'signTerms' } : r));
  expect(faultsOfExamples(renamed)).toContain('api/examples.ts has no example of signTerms: write one, and run it by test/examples.'); // prettier-ignore
}); // prettier-ignore

test.each(operations)('$method $path', async ({ path, method, operation }) => {
  const example = EXAMPLES[operation.operationId]!;
  const { url, type, body } = realRequestOf(path, operation, await given(example.given));
  // No id of the examples is left: each stood for a real thing.
  for (const id of Object.values(THINGS)) if (id.length > 10) expect(`${url} ${typeof body === 'string' ? body : ''}`).not.toContain(id); // prettier-ignore
  const response = await fetch(`${world.url}${url}`, {
    method,
    headers: {
      authorization: `Bearer ${world.people[example.by].apiKey}`,
      ...(method === 'POST' ? { 'idempotency-key': randomUUID(), ...(type && { 'content-type': type }) } : {}),
    },
    ...(method === 'POST' ? { body } : {}),
  });
  const text = await response.text();
  const statuses = Object.keys(operation.responses).filter((status) => status.startsWith('2'));
  if (!statuses.includes(String(response.status))) throw new Error(`${response.status} ${text}`);
  const documented = Object.entries(operation.responses[response.status]!.content ?? {})[0];
  if (documented === undefined) {
    expect(text).toBe('');
    return;
  }
  const [mediaType] = documented;
  if (!mediaType.includes('json')) {
    expect(text).toBe('delivered\n');
    return;
  }
  expect(response.headers.get('content-type')).toContain(mediaType);
  const at = [
    'paths',
    path,
    method.toLowerCase(),
    'responses',
    String(response.status),
    'content',
    mediaType,
    'schema',
  ];
  const pointer = at.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
  const validate = ajv.compile({ $ref: `api#/${pointer}` });
  const answer = JSON.parse(text) as { data?: unknown[] };
  if (!validate(answer)) throw new Error(`${ajv.errorsText(validate.errors)}\n${text.slice(0, 4000)}`);
  // A list that is empty shows nothing of its shape.
  if (Array.isArray(answer.data) && !['listRefunds', 'listTransfers', 'listPayouts'].includes(operation.operationId)) {
    expect(answer.data.length).toBeGreaterThan(0);
  }
});
