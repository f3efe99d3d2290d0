// What leaks by itself: secrets in the log, answers in caches, pages in other sites' frames.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pino from 'pino';
import { servedRoutes } from '../authorization/routes.ts';
import { ROWS } from '../authorization/rows.ts';
import { startVictim, type Victim } from './victim.ts';

let victim: Victim;
const log: string[] = [];
beforeAll(async () => {
  victim = await startVictim({}, pino({ level: 'trace' }, { write: (line) => void log.push(line) }));
}, 400_000);
afterAll(() => victim?.stop());

test('the log holds no key, cookie, password, link or client secret', async () => {
  const client = await victim.browserOf('buyer');
  const [secret, key, cookie] = ['SeCrEt', victim.people.buyer.apiKey, client.cookie.slice('tranche='.length)];
  const csrf = await client.csrf();
  log.length = 0;
  for (const path of [
    `/reset?token=${secret}`,
    `/invitation?x=1&token=${secret}`,
    `/sign-in?next=%2Freset%3Ftoken%3D${secret}%26x%3D1`,
    `/sign-in/oidc/return?code=${secret}&state=${secret}`,
    `/pay/pay_1?payment_intent=pi_1&payment_intent_client_secret=pi_1_secret_${secret}&redirect_status=succeeded`,
    `/sign-in?next=%2Fpay%2Fx%3Fpayment_intent_client_secret%3D${secret}`,
  ]) {
    await client.get(path);
  }
  await client.post('/sign-in', { email: 'buyer@example.test', password: secret });
  await client.post('/reset', { token: secret, password: secret });
  await client.post('/security/password', { csrf, password: secret });
  await victim.post('/v1/api_keys', { body: { label: 'l', scopes: ['read'], secret } });
  await victim.post('/webhooks/stripe', { body: { secret }, headers: { 'stripe-signature': secret } });
  await victim.get('/v1/escrows', null, { authorization: `Bearer sk_tranche_${secret}` });
  const text = log.join('');
  expect(log.length).toBeGreaterThan(11);
  expect(text).toContain('redirect_status=succeeded');
  for (const each of [secret, key, cookie, csrf])
    expect(text.split('\n').filter((line) => line.includes(each))).toEqual([]);
});

/** What anybody may read and keep. */
const OPEN = ['GET /openapi.json', 'GET /docs', 'GET /docs/errors', 'GET /healthz', 'GET /metrics'];
const READS = servedRoutes().filter((route) => route.startsWith('GET ') && !OPEN.includes(route));

test.each(READS)('%s is kept by no cache, guessed by no browser and shown in no frame', async (route) => {
  const as = ROWS[route]!.roles[0] as 'buyer';
  const { cookie } = await victim.browserOf(as);
  const path = route.slice('GET '.length).replaceAll(/:\w+|\{\w+\}/g, 'nothing');
  const stop = new AbortController();
  const { status, headers } = await fetch(`${victim.url}${path}`, {
    redirect: 'manual',
    signal: stop.signal,
    headers: {
      accept: path.startsWith('/v1/') ? 'application/json' : 'text/html',
      cookie,
      authorization: `Bearer ${victim.people[as].apiKey}`,
    },
  });
  stop.abort();
  expect(status).not.toBe(500);
  if (status !== 303) expect(headers.get('cache-control')).toContain('no-store');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('content-security-policy')).toMatch(/frame-ancestors '(none|self)'/);
  expect(headers.get('content-security-policy')).not.toMatch(/script-src[^;]*unsafe/);
  expect(headers.get('x-powered-by')).toBeNull();
});
