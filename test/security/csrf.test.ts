// Cross-site request forgery: another site makes the browser of somebody who is signed in send a form, or call the API.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ROUTES } from '../../api/routes/index.ts';
import { servedRoutes } from '../authorization/routes.ts';
import { ROWS } from '../authorization/rows.ts';
import type { HttpClient } from '../web/http-client.ts';
import { startVictim, type Victim } from './victim.ts';

let victim: Victim;
const browsers = new Map<string, HttpClient>();

beforeAll(async () => {
  victim = await startVictim();
  for (const name of ['buyer', 'seller', 'ops', 'auditor'] as const) browsers.set(name, await victim.browserOf(name));
}, 400_000);
afterAll(() => victim?.stop());

/** Where a form of another site comes from, as browsers say it. */
const ELSEWHERE: [string, Record<string, string>][] = [
  ['another site', { origin: 'https://evil.example' }],
  ['a site whose name begins as ours', { origin: 'http://127.0.0.1.evil.example' }],
  ['a frame without an origin', { origin: 'null' }],
  ['nowhere', {}],
  ['nowhere, by the browser’s word from another site', { 'sec-fetch-site': 'cross-site' }],
  ['nowhere, by the browser’s word from a neighbour', { 'sec-fetch-site': 'same-site' }],
];

/** Every form that a page has. Stripe’s events are signed, and come from no browser. */
const FORMS = servedRoutes().filter((route) => route.startsWith('POST /') && !/ \/(v1|webhooks)\//.test(route));

async function send(client: HttpClient, path: string, form: Record<string, string>, headers: Record<string, string>): Promise<number> {
  const response = await fetch(`${victim.url}${path}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { accept: 'text/html', cookie: client.cookie, ...headers },
    body: new URLSearchParams(form),
  });
  await response.body?.cancel();
  return response.status;
} // prettier-ignore

describe.each(FORMS)('%s', (route) => {
  const { kind, roles } = ROWS[route]!;
  // Of ops, the one who is here decides what others asked for, too.
  const who = (roles[0] === 'ops-approver' ? 'ops' : roles[0]) as 'buyer';
  const path = route.slice('POST '.length).replaceAll(/:\w+/g, 'nothing');

  test('is taken from our own pages alone', async () => {
    const client = browsers.get(who)!;
    const csrf = await client.csrf();
    const answers = await Promise.all(
      ELSEWHERE.map(async ([where, headers]) => [
        where,
        await send(client, path, { csrf, key: randomUUID() }, headers),
      ]),
    );
    expect(answers).toEqual(ELSEWHERE.map(([where]) => [where, 403]));
  });

  if (kind !== 'public') {
    test('is taken with the token of this very session alone', async () => {
      const client = browsers.get(who)!;
      const another = await (await victim.browserOf(who)).csrf();
      const here = { origin: victim.url };
      const answers = await Promise.all(
        ['', 'x', another].map((csrf) => send(client, path, { key: randomUUID(), csrf }, here)),
      );
      expect(answers).toEqual([403, 403, 403]);
    });
  }
});

test('there are forms, and one with all that it takes does what it says', async () => {
  expect(FORMS.length).toBeGreaterThan(40);
  const id = await victim.propose();
  const seller = browsers.get('seller')!;
  const agreed = () => victim.workflows.asked.filter(({ command }) => command.name === 'agree').length;
  const csrf = await seller.csrf();
  for (const [, headers] of ELSEWHERE) await send(seller, `/escrows/${id}/agree`, { csrf, key: randomUUID() }, headers);
  expect(agreed()).toBe(0);
  const own: Record<string, string>[] = [{ origin: victim.url }, { 'sec-fetch-site': 'same-origin' }];
  for (const headers of own) {
    expect(await send(seller, `/escrows/${id}/agree`, { csrf, key: randomUUID() }, headers)).toBe(303);
  }
  expect(agreed()).toBe(2);
});

describe('the API', () => {
  test('knows nobody by a cookie, so that no site can call it with somebody’s browser', async () => {
    const client = browsers.get('ops')!;
    const answers = await Promise.all(
      ROUTES.map(async ({ method, path }) => {
        const response = await fetch(`${victim.url}${path.replaceAll(/\{\w+\}/g, 'nothing')}`, {
          method: method.toUpperCase(),
          headers: { cookie: client.cookie, origin: victim.url, 'idempotency-key': randomUUID() },
        });
        await response.body?.cancel();
        return `${response.status} ${method} ${path}`;
      }),
    );
    expect(answers.filter((answer) => !answer.startsWith('401 '))).toEqual([]);
  });

  test('lets no other site’s script read it or send a key', async () => {
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }; // prettier-ignore
    for (const path of ['/v1/escrows', '/v1/api_keys', '/escrows', '/files/x']) {
      const asked = await fetch(`${victim.url}${path}`, { method: 'OPTIONS', headers });
      const read = await fetch(`${victim.url}${path}`, {
        headers: { origin: 'https://evil.example' },
        redirect: 'manual',
      });
      for (const response of [asked, read]) expect(response.headers.get('access-control-allow-origin')).toBeNull();
    }
  });
});
