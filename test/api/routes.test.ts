// What every route has in common, tried on every route that is declared: the rights matrix is complete by construction.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openApiDocument } from '../../api/openapi.ts';
import { PROBLEMS } from '../../api/problem.ts';
import type { Route } from '../../api/route.ts';
import { ROUTES } from '../../api/routes/index.ts';
import { type ApiUnderTest, type Name, startApi } from './api-under-test.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

const NOBODYS = { id: `esc_${'0'.repeat(32)}`, mid: `ms_${'0'.repeat(32)}` };
const pathOf = (path: string) => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => NOBODYS[name as 'id']);
const call = (route: Pick<Route, 'method' | 'path'>, as: Name | null, key?: null) =>
  route.method === 'get' ? api.get(pathOf(route.path), as) : route.method === 'delete' ? api.delete(pathOf(route.path), as) : api.post(pathOf(route.path), { as, ...(key === null ? { key } : {}) }); // prettier-ignore

const PEOPLE: [Name, 'buyer' | 'seller' | 'ops' | 'auditor'][] = [['buyer', 'buyer'], ['seller', 'seller'], ['ops', 'ops'], ['auditor', 'auditor']]; // prettier-ignore

describe.each(ROUTES.map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const))(
  '%s',
  (_name, route) => {
    test('asks who you are', async () => {
      const reply = await call(route, null);
      expect([reply.status, reply.body['code']]).toEqual([401, 'unauthorized']);
      expect(reply.headers.get('www-authenticate')).toBe('Bearer');
    });

    test.each(PEOPLE)('is for %s exactly if it says so', async (name, role) => {
      const reply = await call(route, name);
      expect(reply.status === 403).toBe(!route.roles.includes(role));
      // Nothing of nobody's is ever shown or done, whoever asks.
      if (route.path.includes('{id}')) expect([400, 403, 404]).toContain(reply.status);
      expect(reply.status).toBeLessThan(500);
    });

    test('names its version and its limit, and wants a key for every POST', async () => {
      const [name] = PEOPLE.find(([, role]) => route.roles.includes(role))!;
      const reply = await call(route, name, null);
      expect(reply.headers.get('api-version')).toMatch(/^\d{4}-\d\d-\d\d$/);
      expect(reply.headers.get('ratelimit')).toContain('r=');
      if (route.method === 'post') expect(reply.body['code']).toBe('idempotency_key_required');
    });
  },
);

describe('the documents', () => {
  test('hold every route, and every reference in them resolves', async () => {
    const reply = await api.get('/openapi.json', null);
    expect(reply.body).toEqual(JSON.parse(JSON.stringify(openApiDocument(ROUTES))));
    expect(reply.body['openapi']).toBe('3.1.0');
    const paths = reply.body['paths'] as Record<string, Record<string, unknown>>;
    for (const { path, method } of ROUTES) expect(paths[path]?.[method]).toBeDefined();
    const schemas = Object.keys((reply.body['components'] as { schemas: object }).schemas);
    const references = [...reply.text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1]!);
    expect(references.length).toBeGreaterThan(20);
    expect(references.filter((name) => !schemas.includes(name))).toEqual([]);
    const ids = ROUTES.map((route) => route.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('are readable without anything from elsewhere', async () => {
    const docs = await api.get('/docs', null);
    expect(docs.status).toBe(200);
    for (const { path, summary } of ROUTES) {
      expect(docs.text).toContain(path);
      expect(docs.text).toContain(summary.replaceAll('&', '&amp;'));
    }
    expect(docs.text).not.toMatch(/<script|(src|href)="http/);
    const errors = await api.get('/docs/errors', null);
    for (const code of Object.keys(PROBLEMS)) expect(errors.text).toContain(`id="${code}"`);
  });
});

test('health names the part that does not answer', async () => {
  const reply = await api.get('/healthz', null);
  expect([reply.status, reply.body]).toEqual([503, { ok: false, database: true, temporal: false }]);
});

test('metrics count by route and never by id', async () => {
  await api.get(`/v1/escrows/${NOBODYS.id}`);
  const { text } = await api.get('/metrics', null);
  expect(text).toContain('route="/v1/escrows/:id"');
  expect(text).not.toContain(NOBODYS.id);
});

test('a call that does not exist and another version of the API are refused', async () => {
  expect((await api.get('/v1/nothing')).body['code']).toBe('not_found');
  const reply = await api.post('/v1/escrows', { headers: { 'API-Version': '1999-01-01' }, body: api.proposal() });
  expect([reply.status, reply.body['code']]).toEqual([400, 'api_version_unknown']);
});
