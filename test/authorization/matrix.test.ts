// Every route × every role × one's own and another's × signed out. Complete by construction: the routes are read from the app,
// and one without a row fails.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { PersonName } from '../stack/world.ts';
import { type PagesWorld, startPagesWorld } from '../web/pages-world.ts';
import { type HttpClient, signInAs } from '../web/http-client.ts';
import { faultsOfMatrix } from './routes.ts';
import { type Row, ROWS } from './rows.ts';
import { amendmentOf, type Deal, dealOf, personalOf } from './things.ts';

type Side = 'own' | 'other';
/** refused: who are you? forbidden: not for your role. hidden: not there for you. in: it was let in, whatever came of it. */
type Outcome = 'refused' | 'forbidden' | 'hidden' | 'in' | `broken ${number}`;

const GROUPS = { own: { buyer: 'buyer', seller: 'seller' }, other: { buyer: 'buyer2', seller: 'seller2' } } as const;
const PEOPLE = { buyer: ['buyer', 'buyer2'], seller: ['seller', 'seller2'], ops: ['ops', 'ops2'], auditor: ['auditor', 'ops'] } as const; // prettier-ignore
type Role = keyof typeof PEOPLE;
const ROLES = Object.keys(PEOPLE) as Role[];

let pages: PagesWorld;
let deals: Record<Side, Deal>;
const sessions = new Map<Role, { client: HttpClient; csrf: string }>();

beforeAll(async () => {
  pages = await startPagesWorld();
  deals = { own: await dealOf(pages.world, GROUPS.own), other: await dealOf(pages.world, GROUPS.other) };
}, 600_000);
afterAll(() => pages?.stop());

test('every route has a row, and every row a route', () => expect(faultsOfMatrix()).toEqual([]));

/** The ids in a path, of one's own things or of another's. */
async function filled(route: string, row: Row, role: Role, side: Side): Promise<{ path: string; ids: Record<string, string> }> {
  const deal = deals[side];
  const person: PersonName = PEOPLE[role][side === 'own' ? 0 : 1];
  const own = row.kind === 'personal' ? await personalOf(pages.world, person) : null;
  const path = route.split(' ')[1]!;
  const ids: Record<string, string> = { mid: deal.milestone, action: path.includes(':mid') ? 'accept' : 'cancel', delivery_id: own?.delivery ?? '', delivery: own?.delivery ?? '', id: 'nothing', n: '1', payment: deal.payment }; // prettier-ignore
  if (path === '/escrows/:id/amend') ids['id'] = deal.untouched;
  else if (/^(\/v1)?(\/ops)?\/escrows\//.test(path)) ids['id'] = deal.escrow;
  else if (/^\/v1\/disputes\/.*(evidence|accept-loss)/.test(path)) ids['id'] = deal.cardDispute;
  else if (path.startsWith('/v1/disputes/')) ids['id'] = deal.dispute;
  else if (path.startsWith('/v1/amendments/')) ids['id'] = side === 'own' ? await amendmentOf(pages.world, GROUPS.own) : deal.amendment; // prettier-ignore
  else if (path.startsWith('/disputes/')) ids['id'] = deal.cardDispute;
  else if (path.startsWith('/money/payouts/')) ids['id'] = deal.payout;
  else if (/\/files\//.test(path)) ids['id'] = deal.file;
  else if (/^(\/v1)?\/events\//.test(path)) ids['id'] = deal.event;
  else if (path.startsWith('/v1/sellers/')) ids['id'] = deal.seller;
  else if (path.startsWith('/pay/')) ids['id'] = deal.payment;
  else if (/^\/(v1\/webhook_endpoints|webhook-endpoints)\//.test(path)) ids['id'] = own!.endpoint;
  else if (/^\/(v1\/api_keys|api-keys)\//.test(path)) ids['id'] = own!.key;
  else if (/\/notifications\//.test(path) && own !== null) ids['id'] = own.notification;
  return { path: path.replaceAll(/\{(\w+)\}|:(\w+)/g, (_all, a?: string, b?: string) => ids[a ?? b ?? '']!), ids };
} // prettier-ignore

function bodyOf(row: Row, side: Side, role: Role | null): Record<string, unknown> {
  const $counterpart = role === 'buyer' ? 'seller' : 'buyer';
  const real: Record<string, string> = { $seller: deals[side].seller, $escrow: deals[side].escrow, $counterpart };
  return JSON.parse(JSON.stringify(row.body), (_key, value: unknown) => typeof value === 'string' ? (real[value] ?? value) : value) as Record<string, unknown>; // prettier-ignore
}

async function callApi(route: string, path: string, row: Row, side: Side, role: Role | null): Promise<Outcome> {
  const method = route.split(' ')[0]!;
  const body = bodyOf(row, side, role);
  const form = new FormData();
  for (const [name, value] of Object.entries(body)) {
    form.set(name, value === '$file' ? new File(['text\n'], 'a.txt', { type: 'text/plain' }) : String(value));
  }
  const isForm = body['file'] !== undefined;
  const response = await fetch(`${pages.url}${path}`, {
    method,
    redirect: 'manual',
    headers: {
      ...(role === null ? {} : { authorization: `Bearer ${pages.world.people[PEOPLE[role][0]].apiKey}` }),
      ...(method === 'POST' ? { 'idempotency-key': randomUUID(), ...(isForm ? {} : { 'content-type': 'application/json' }) } : {}), // prettier-ignore
    },
    ...(method === 'POST' ? { body: isForm ? form : JSON.stringify(body) } : {}),
  });
  await response.body?.cancel();
  return outcomeOf(response);
}

async function callPage(route: string, path: string, row: Row, side: Side, role: Role | null): Promise<Outcome> {
  const method = route.split(' ')[0]!;
  const session = role === null ? null : await sessionOf(role);
  const stop = new AbortController();
  const response = await fetch(`${pages.url}${path}`, {
    method,
    redirect: 'manual',
    signal: stop.signal,
    headers: { accept: 'text/html', origin: pages.url, ...(session === null ? {} : { cookie: session.client.cookie }) },
    ...(method === 'POST'
      ? { body: new URLSearchParams({ ...(bodyOf(row, side, role) as Record<string, string>), key: randomUUID(), csrf: session?.csrf ?? '' }) } // prettier-ignore
      : {}),
  });
  // A live stream would go on.
  stop.abort();
  return outcomeOf(response);
}

/** Signed in anew where the session was ended by what was tried. */
async function sessionOf(role: Role): Promise<{ client: HttpClient; csrf: string }> {
  const known = sessions.get(role);
  if (known !== undefined && (await known.client.csrf()) === known.csrf) return known;
  const client = await signInAs(pages.url, PEOPLE[role][0]);
  const session = { client, csrf: await client.csrf() };
  sessions.set(role, session);
  return session;
}

function outcomeOf(response: Response): Outcome {
  const { status } = response;
  if (status === 401 || response.headers.get('location')?.startsWith('/sign-in?') || response.headers.get('location') === '/sign-in') return 'refused'; // prettier-ignore
  if (status === 403) return 'forbidden';
  if (status === 404) return 'hidden';
  // The payment processor's and the engine's own words are theirs, not ours to judge here.
  return status >= 500 && ![502, 503].includes(status) ? `broken ${status}` : 'in';
}

function expected(route: string, row: Row, role: Role | null, side: Side): Outcome[] {
  if (row.kind === 'public') return ['in', 'hidden', 'refused', 'forbidden'];
  // It leads to the page for signing in, whoever asks.
  if (route === 'POST /sign-out') return ['refused'];
  if (role === null) return ['refused'];
  if (!row.roles.includes(role)) return [isApi(route) ? 'forbidden' : 'hidden'];
  const staff = role === 'ops' || role === 'auditor';
  switch (row.kind) {
    case 'none':
      return ['in'];
    case 'staff':
      return ['in', 'hidden'];
    case 'escrow':
      return staff || side === 'own' ? ['in'] : ['hidden'];
    case 'personal':
      return side === 'own' ? ['in'] : ['hidden'];
    case 'seller':
      return staff || (role === 'seller' && side === 'own') ? ['in'] : ['hidden'];
  }
}

const isApi = (route: string) => route.includes(' /v1/');

describe.each(Object.entries(ROWS))('%s', (route, row) => {
  // Another's first: one's own may be ended by the call.
  test.each(['other', 'own'] as const)('%s: each role is let in exactly where it should be', async (side) => {
    const found: Record<string, Outcome> = {};
    const wanted: Record<string, Outcome> = {};
    for (const role of [null, ...ROLES]) {
      const name = role ?? 'signed out';
      const { path } = await filled(route, row, role ?? 'buyer', side);
      const outcome = await (isApi(route) ? callApi : callPage)(route, path, row, side, role);
      const allowed = expected(route, row, role, side);
      found[name] = outcome;
      wanted[name] = allowed.includes(outcome) ? outcome : allowed[0]!;
    }
    expect(found).toEqual(wanted);
  });
});
