// Open redirects: an address of ours that leads people who trust it to somebody else's page.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HttpClient } from '../web/http-client.ts';
import { type Issuer, startIssuer } from '../web/oidc-issuer.ts';
import { PASSWORD, somebody, startVictim, type Victim } from './victim.ts';

let victim: Victim;
let issuer: Issuer;
beforeAll(async () => {
  issuer = await startIssuer('tranche', 'a secret');
  victim = await startVictim({ OIDC_ISSUER: issuer.url, OIDC_CLIENT_ID: 'tranche', OIDC_CLIENT_SECRET: 'a secret' });
}, 400_000);
afterAll(async () => {
  await victim?.stop();
  await issuer?.close();
});

const EVIL = [
  'https://evil.example',
  'https:evil.example',
  '//evil.example',
  '///evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  '/\t/evil.example',
  '\n//evil.example',
  ' //evil.example',
  '/\r\nLocation: https://evil.example',
  '//user@evil.example',
  'javascript:alert("evil.example")',
  'data:text/html,evil.example',
  'evil.example',
];

/** Where a browser would be after this answer. */
const leadsTo = (location: string | null) => new URL(location ?? '', `${victim.url}/sign-in`).origin;

describe.each(EVIL)('next=%j', (next) => {
  test('leads nowhere else after signing in', async () => {
    const client = new HttpClient(victim.url);
    const reply = await client.post('/sign-in/as', { person: 'buyer', next });
    expect([reply.status, reply.location]).toEqual([303, '/']);
  });

  test('is not carried along by the pages that ask for password, code or proof', async () => {
    const client = await victim.browserOf('ops');
    const query = `next=${encodeURIComponent(next)}`;
    const pages = [await new HttpClient(victim.url).get(`/sign-in?${query}`), await client.get(`/step-up?${query}`)];
    for (const page of pages) expect([page.status, page.text.includes('evil.example')]).toEqual([200, false]);
  });
});

test('an address of ours is followed', async () => {
  const next = '/escrows?state=done&page=2';
  expect((await new HttpClient(victim.url).post('/sign-in/as', { person: 'buyer', next })).location).toBe(next);
});

test('nor when it is given twice', async () => {
  const body = new URLSearchParams([['person', 'buyer'], ['next', '//evil.example'], ['next', '/escrows']]); // prettier-ignore
  const reply = await fetch(`${victim.url}/sign-in/as`, { method: 'POST', redirect: 'manual', body, headers: { origin: victim.url } }); // prettier-ignore
  expect(leadsTo(reply.headers.get('location'))).toBe(victim.url);
});

test('nor after the proof of who one is', async () => {
  const client = await victim.browserOf(await somebody(victim));
  expect((await client.give('/step-up', { password: PASSWORD, next: '//evil.example' })).location).toBe('/');
});

test('nor from a page that asks to sign in first, whatever its address', async () => {
  for (const path of ['//evil.example/', '/escrows/..//evil.example', '/ops?next=//evil.example']) {
    const response = await fetch(`${victim.url}${path}`, { redirect: 'manual', headers: { accept: 'text/html' } });
    expect(leadsTo(response.headers.get('location') ?? '/')).toBe(victim.url);
  }
});

describe('by an identity provider', () => {
  /** There and back again, as a browser goes; `change` what it keeps meanwhile. */
  async function byProvider(next: string, change: (kept: string) => string = (kept) => kept): Promise<string | null> {
    const { id, email } = await somebody(victim, { role: 'ops' });
    issuer.claims = { sub: id, email, email_verified: true };
    const begun = await fetch(`${victim.url}/sign-in/oidc?next=${encodeURIComponent(next)}`, { redirect: 'manual' });
    const [name, value] = begun.headers.getSetCookie()[0]!.split(';')[0]!.split('=') as [string, string];
    const asked = await fetch(begun.headers.get('location')!, { redirect: 'manual' });
    const back = new URL(asked.headers.get('location')!);
    const cookie = `${name}=${encodeURIComponent(change(decodeURIComponent(value)))}`;
    const signedIn = await fetch(`${victim.url}${back.pathname}${back.search}`, { redirect: 'manual', headers: { cookie } }); // prettier-ignore
    expect(signedIn.status).toBe(303);
    return signedIn.headers.get('location');
  }

  test('the way back leads to our own pages alone', async () => {
    expect(await byProvider('/ops/events')).toBe('/ops/events');
    expect(await byProvider('//evil.example')).toBe('/');
    expect(await byProvider('https://evil.example')).toBe('/');
  });

  test('nor does a value that was planted in the browser meanwhile', async () => {
    expect(await byProvider('/ops', (kept) => kept.replace('"/ops"', '"//evil.example"'))).toBe('/');
  });

  test('the provider is told our own address for the way back, whatever the caller names', async () => {
    const begun = await fetch(`${victim.url}/sign-in/oidc?redirect_uri=https://evil.example`, { redirect: 'manual', headers: { 'x-forwarded-host': 'evil.example' } }); // prettier-ignore
    expect(begun.headers.get('location')).not.toContain('evil.example');
  });
});
