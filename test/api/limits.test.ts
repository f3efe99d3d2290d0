// How much one caller may ask of the API: calls by key, credentials that nobody has by address, sellers by person and day.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createApiKey } from '../../db/api-keys.ts';
import { type ApiUnderTest, type Reply, startApi } from './api-under-test.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi({ TRUSTED_PROXIES: 'loopback' }, { limits: { wrongCredentials: 3, calls: 8 } });
});
afterAll(() => api?.stop());

const from = (address: string, authorization?: string) =>
  api.get('/v1/escrows', null, { 'X-Forwarded-For': address, ...(authorization && { Authorization: authorization }) });
const inTurn = async (calls: (() => Promise<Reply>)[]): Promise<Reply[]> => {
  const replies: Reply[] = [];
  for (const call of calls) replies.push(await call());
  return replies;
};
const statuses = (replies: Reply[]) => replies.map(({ status }) => status);

describe('credentials that nobody has', () => {
  test('are limited per address, whatever they are, and the answer says when to try again', async () => {
    const guesses = ['Bearer sk_tranche_a', `Bearer sk_tranche_${'b'.repeat(43)}`, 'Basic YTpi', 'Bearer', 'Bearer sk_tranche_e'];
    const replies = await inTurn(guesses.map((guess) => () => from('203.0.113.1', guess)));
    expect(statuses(replies)).toEqual([401, 401, 401, 429, 429]);
    const refused = replies[3]!;
    expect(refused.body['code']).toBe('rate_limited');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    expect(refused.headers.get('ratelimit')).toContain('"wrong-credentials"; r=0');
    // Also where there is no such call, and by any method.
    expect((await api.post('/v1/nothing', { as: null, headers: { 'X-Forwarded-For': '203.0.113.1', Authorization: 'Bearer x' } })).status).toBe(429); // prettier-ignore
    // Another address is another count, and an IPv6 customer one, not one for each of their addresses.
    expect((await from('203.0.113.2', 'Bearer sk_tranche_a')).status).toBe(401);
    const net = await inTurn([1, 2, 3, 4].map((host) => () => from(`2001:db8:1:100::${host}`, 'Bearer x')));
    expect(statuses(net)).toEqual([401, 401, 401, 429]);
  }); // prettier-ignore

  test('do not lock out a key from the same address, and no credential at all is none of them', async () => {
    const wrong = await inTurn([1, 2, 3, 4].map(() => () => from('203.0.113.3', 'Bearer x')));
    expect(statuses(wrong)).toEqual([401, 401, 401, 429]);
    const none = await inTurn([1, 2, 3, 4].map(() => () => from('203.0.113.3')));
    expect(statuses(none)).toEqual([401, 401, 401, 401]);
    const { key } = await createApiKey(api.sql, api.people.stranger.id);
    expect((await from('203.0.113.3', `Bearer ${key}`)).status).toBe(200);
  });

  test('an address is what the proxy says, and only a proxy that is trusted', async () => {
    const direct = await startApi({}, { limits: { wrongCredentials: 2 } });
    const guess = (address: string) =>
      direct.get('/v1/escrows', null, { 'X-Forwarded-For': address, Authorization: 'Bearer x' });
    const replies = await inTurn(['203.0.113.5', '203.0.113.6', '203.0.113.7'].map((address) => () => guess(address)));
    expect(statuses(replies)).toEqual([401, 401, 429]);
    await direct.stop();
  });
});

test('the calls of one key are limited; another key, and its owner’s other key, are not', async () => {
  const keys = await Promise.all([1, 2].map(() => createApiKey(api.sql, api.people.auditor.id)));
  const call = (key: string) => from('203.0.113.9', `Bearer ${key}`);
  const replies = await inTurn(Array.from({ length: 9 }, () => () => call(keys[0]!.key)));
  expect(statuses(replies)).toEqual([...Array.from({ length: 8 }, () => 200), 429]);
  expect(Number(replies[8]!.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await call(keys[1]!.key)).status).toBe(200);
});

describe('registering sellers', () => {
  // A taken address is refused before Stripe is asked, and is a try: it tells that somebody has it.
  const tries = async (as: 'buyer' | 'ops', headers: Record<string, string>) =>
    api.post('/v1/sellers', { as: null, headers, body: { email: `${as}@example.test`, country: 'US' } });

  test('is for so many within a day, of a person and not of a key', async () => {
    const keys = await Promise.all(Array.from({ length: 9 }, () => createApiKey(api.sql, api.people.buyer.id)));
    const by = (n: number) => ({ Authorization: `Bearer ${keys[n]!.key}` });
    const replies = await inTurn(Array.from({ length: 52 }, (_, i) => () => tries('buyer', by(Math.floor(i / 7)))));
    expect(statuses(replies)).toEqual([...Array.from({ length: 50 }, () => 409), 429, 429]);
    const refused = replies[50]!;
    expect([refused.body['code'], refused.body['detail']]).toEqual(['rate_limited', expect.stringContaining('50 sellers within a day')]); // prettier-ignore
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(86_000);
    // Nobody else’s, and theirs again when the day is over.
    const { key } = await createApiKey(api.sql, api.people.ops.id);
    expect((await tries('ops', { Authorization: `Bearer ${key}` })).status).toBe(409);
    await api.sql`UPDATE rate_limits SET resets_at = now() WHERE key LIKE 'sellers:%'`;
    expect((await tries('buyer', by(8))).status).toBe(409);
  });

  test('is not a seller’s: they invite buyers', async () => {
    const { key } = await createApiKey(api.sql, api.people.seller.id);
    expect((await tries('buyer', { Authorization: `Bearer ${key}` })).status).toBe(403);
  });
});
