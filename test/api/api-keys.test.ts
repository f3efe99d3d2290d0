// API keys: shown once, kept as a hash, with scopes that reach as far as they say, and worth nothing once they are revoked.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { scopesOf } from '../../api/route.ts';
import { ROUTES } from '../../api/routes/index.ts';
import { type ApiUnderTest, freshKey, startApi } from './api-under-test.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });

async function make(as: 'buyer' | 'ops', scopes: string[]): Promise<{ id: string; key: string }> {
  const reply = await api.post('/v1/api_keys', { as, body: { label: 'test', scopes } });
  expect(reply.status).toBe(201);
  expect(reply.body['scopes']).toEqual(scopes);
  return reply.body as { id: string; key: string };
}

test('a key is shown once: a repeated call, the list and the database do not hold it', async () => {
  const key = freshKey();
  const body = { label: 'CI' };
  const first = await api.post('/v1/api_keys', { key, body });
  const again = await api.post('/v1/api_keys', { key, body });
  expect(first.body['key']).toMatch(/^sk_tranche_[\w-]{43}$/);
  expect([again.status, again.body['id'], again.body['key']]).toEqual([201, first.body['id'], undefined]);
  const secret = first.body['key'] as string;
  const list = await api.get('/v1/api_keys');
  expect(list.text).toContain(first.body['id'] as string);
  expect(list.text).not.toContain('sk_tranche_');
  const rows = await api.sql`
    SELECT 1 FROM api_keys k, idempotency_keys i WHERE k::text LIKE ${`%${secret}%`} OR i::text LIKE ${`%${secret}%`}`;
  expect(rows).toHaveLength(0);
});

test('a revoked key is nobody, and only its owner revokes it', async () => {
  const { id, key } = await make('buyer', ['read', 'write']);
  expect((await api.post('/v1/escrows', { as: null, headers: bearer(key), body: api.proposal() })).status).toBe(201);
  expect((await api.delete(`/v1/api_keys/${id}`, 'stranger')).status).toBe(404);
  expect((await api.delete(`/v1/api_keys/${id}`)).status).toBe(204);
  expect((await api.delete(`/v1/api_keys/${id}`)).status).toBe(404);
  const refused = await api.post('/v1/escrows', { as: null, headers: bearer(key), body: api.proposal() });
  expect([refused.status, refused.body['code']]).toEqual([401, 'unauthorized']);
});

test('a key makes no key that reaches further, and ops is for staff', async () => {
  const { key } = await make('buyer', ['write']);
  const wider = await api.post('/v1/api_keys', { as: null, headers: bearer(key), body: { label: 'x', scopes: ['read'] } }); // prettier-ignore
  expect([wider.status, wider.body['code']]).toEqual([403, 'scope_missing']);
  const staff = await api.post('/v1/api_keys', { body: { label: 'x', scopes: ['read', 'ops'] } });
  expect([staff.status, staff.body['param']]).toEqual([400, 'scopes']);
});

describe.each(ROUTES.map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const))('%s', (_name, route) => {
  test.each([['read'], ['write'], ['read', 'write'], ['read', 'ops'], ['write', 'ops']])('with a key for %s %s', async (...scopes) => {
    const given = scopes.filter((scope) => scope !== undefined);
    const key = await keyFor(given);
    const path = route.path.replaceAll(/\{\w+\}/g, 'nothing');
    const headers = bearer(key);
    const reply = route.method === 'get' ? await api.get(path, null, headers) : route.method === 'delete' ? await api.delete(path, null, headers) : await api.post(path, { as: null, headers });
    if (!route.roles.includes('ops')) {
      expect(reply.status).toBe(403);
      return;
    }
    const allowed = scopesOf(route).every((scope) => given.includes(scope));
    expect(reply.body['code'] === 'scope_missing').toBe(!allowed);
    expect(scopesOf(route).includes('write')).toBe(route.method !== 'get');
  });
}); // prettier-ignore

const made = new Map<string, Promise<string>>();
/** One key of ops per set of scopes. */
function keyFor(scopes: string[]): Promise<string> {
  const name = scopes.join();
  if (!made.has(name))
    made.set(
      name,
      make('ops', scopes).then(({ key }) => key),
    );
  return made.get(name)!;
}
