// What leaks by itself: secrets in the log, answers in caches, pages in other sites' frames.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pino from 'pino';
import { servedRoutes } from '../authorization/routes.ts';
import { ROWS } from '../authorization/rows.ts';
import { HttpClient } from '../web/http-client.ts';
import { somebody, startVictim, type Victim } from './victim.ts';

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

test('the log says who was let in nowhere and who was refused, and not what they typed', async () => {
  const lines = (message: string) => log.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line['msg'] === message); // prettier-ignore
  const person = await somebody(victim);
  const nobody = new HttpClient(victim.url);
  log.length = 0;
  await nobody.post('/sign-in', { email: person.email.toUpperCase(), password: 'SeCrEt words' });
  await nobody.post('/sign-in', { email: 'SeCrEt@typed.in.the.wrong.field', password: 'x' });
  const client = await victim.browserOf(person);
  await client.give('/step-up', { password: 'SeCrEt words' });
  const refused = lines('sign-in refused');
  const hash = (email: string) => createHash('sha256').update(email.toLowerCase()).digest('hex').slice(0, 16);
  expect(refused.map((line) => [line['factor'], line['email_sha256'], line['address']])).toEqual([
    ['password', hash(person.email), expect.stringContaining('127.0.0.1')],
    ['password', hash('SeCrEt@typed.in.the.wrong.field'), expect.stringContaining('127.0.0.1')],
    ['password', hash(person.email), expect.stringContaining('127.0.0.1')],
  ]);
  expect(refused.every((line) => String(line['request_id']).startsWith('req_'))).toBe(true);
  // Of pages and of the API alike: who asked for what is not theirs.
  await client.get('/ops');
  await victim.get('/v1/ops/alerts', 'buyer');
  const asked = lines('request completed').map((line) => [(line['req'] as { url: string }).url, (line['res'] as { status: number }).status, line['person_id']]); // prettier-ignore
  expect(asked).toContainEqual(['/ops', 404, person.id]);
  expect(asked).toContainEqual(['/v1/ops/alerts', 403, victim.people.buyer.id]);
  expect(log.join('').toLowerCase()).not.toContain('secret');
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
