// Every route × every role × one's own and another's × signed out. Complete by construction: the routes are read from the app,
// and one without a row fails.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Given, Thing } from '../../api/examples.ts';
import { createApiKey } from '../../db/api-keys.ts';
import { createPerson } from '../../db/people.ts';
import { createSession, findSession } from '../../db/sessions.ts';
import { givens } from '../examples/givens.ts';
import { castOf } from '../stack/api.ts';
import type { PersonName } from '../stack/world.ts';
import { type PagesWorld, startPagesWorld } from '../web/pages-world.ts';
import { faultsOfMatrix } from './routes.ts';
import { type Row, ROWS } from './rows.ts';
import { amendmentOf, type Deal, dealOf, personalOf } from './things.ts';

type Side = 'own' | 'other';
/** refused: who are you? forbidden: not for your role. hidden: not there for you. in: it was let in, whatever came of it. */
type Outcome = 'refused' | 'forbidden' | 'hidden' | 'in' | `broken ${number}`;

const GROUPS = { own: { buyer: 'buyer', seller: 'seller' }, other: { buyer: 'buyer2', seller: 'seller2' } } as const;
/** Each role's caller, and somebody else of whom a thing is tried. `ops` asks and does not decide. */
const OTHERS = { buyer: 'buyer2', seller: 'seller2', ops: 'ops2', 'ops-approver': 'ops2', auditor: 'ops' } as const satisfies Record<string, PersonName>; // prettier-ignore
type Role = keyof typeof OTHERS;
const ROLES = Object.keys(OTHERS) as Role[];

let pages: PagesWorld;
let deals: Record<Side, Deal>;
let callers: Record<Role, { id: string; apiKey: string }>;
const sessions = new Map<Role, { token: string; csrfToken: string }>();

beforeAll(async () => {
  pages = await startPagesWorld();
  const { sql, people } = pages.world;
  const given = givens(pages.world, castOf(pages.world));
  for (const [collection, [state, thing]] of Object.entries(STAFFS)) {
    const real = await given(state);
    ofStaff.set(collection, { id: real[thing]!, n: real.difference ?? '' });
  }
  deals = { own: await dealOf(pages.world, GROUPS.own), other: await dealOf(pages.world, GROUPS.other) };
  const asks = (await createPerson(sql, { email: 'asks@example.test', name: 'Asks', role: 'ops', approver: false }))!;
  const { buyer, seller, ops, auditor } = people;
  callers = { buyer, seller, ops: { id: asks.id, apiKey: (await createApiKey(sql, asks.id)).key }, 'ops-approver': ops, auditor }; // prettier-ignore
}, 600_000);
afterAll(() => pages?.stop());

test('every route has a row, and every row a route', () => expect(faultsOfMatrix()).toEqual([]));

/** The ids in a path, of one's own things or of another's. */
async function filled(route: string, row: Row, role: Role, side: Side): Promise<{ path: string; ids: Record<string, string> }> {
  const deal = deals[side];
  const personId = side === 'own' ? callers[role].id : pages.world.people[OTHERS[role]].id;
  const own = ['personal', 'owner'].includes(row.kind) ? await personalOf(pages.world, personId) : null;
  const path = route.split(' ')[1]!;
  const ids: Record<string, string> = { mid: deal.milestone, action: path.includes(':mid') ? 'accept' : 'cancel', delivery_id: own?.delivery ?? '', delivery: own?.delivery ?? '', id: 'nothing', n: '1', payment: deal.payment }; // prettier-ignore
  if (row.kind === 'staff') Object.assign(ids, side === 'own' ? (ofStaff.get(/\/ops\/([\w-]+)\//.exec(path)![1]!) ?? { id: deal.escrow }) : NOBODYS);
  else if (path === '/escrows/:id/amend') ids['id'] = deal.untouched;
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
  else if (/^\/(v1\/api_keys|api-keys)\//.test(path) && own !== null) ids['id'] = own.key;
  else if (/\/notifications\//.test(path) && own !== null) ids['id'] = own.notification;
  else if (path === '/security/sessions/:id/end') ids['id'] = own!.session;
  else if (path.startsWith('/invitations/')) ids['id'] = own!.invitation;
  return { path: path.replaceAll(/\{(\w+)\}|:(\w+)/g, (_all, a?: string, b?: string) => ids[a ?? b ?? '']!), ids };
} // prettier-ignore

/** Ids as things have them, of nothing that there is. */
const NOBODYS = { id: '999999999999', n: '999' };
const STAFFS: Readonly<Record<string, readonly [Given, Thing]>> = {
  approvals: ['an approval that waits', 'approval'],
  debts: ['a debt', 'debt'],
  alerts: ['an alert', 'alert'],
  events: ['an event of Stripe', 'stripeEvent'],
  'failed-refunds': ['a refund that came back', 'failedRefund'],
  reconciliations: ['a reconciliation', 'reconciliation'],
};
/** One thing of each kind, for all that is tried on it. */
const ofStaff = new Map<string, Record<string, string>>();

function bodyOf(row: Row, side: Side, role: Role | null): Record<string, unknown> {
  const $counterpart = role === 'buyer' ? 'seller' : 'buyer';
  const real: Record<string, string> = {
    $seller: deals[side].seller,
    $escrow: deals[side].escrow,
    $milestone: deals[side].milestone,
    $counterpart,
  };
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
      ...(role === null ? {} : { authorization: `Bearer ${callers[role].apiKey}` }),
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
    headers: {
      accept: 'text/html',
      origin: pages.url,
      ...(session === null ? {} : { cookie: `tranche=${session.token}` }),
    },
    ...(method === 'POST'
      ? { body: new URLSearchParams({ ...(bodyOf(row, side, role) as Record<string, string>), key: randomUUID(), csrf: session?.csrfToken ?? '' }) } // prettier-ignore
      : {}),
  });
  // A live stream would go on.
  stop.abort();
  return outcomeOf(response);
}

/** Signed in anew where the session was ended by what was tried. */
async function sessionOf(role: Role): Promise<{ token: string; csrfToken: string }> {
  const { sql } = pages.world;
  const known = sessions.get(role);
  if (known !== undefined && (await findSession(sql, known.token)) !== null) return known;
  const session = await createSession(sql, callers[role].id);
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

function expected(route: string, row: Row, role: Role | null, side: Side): Outcome {
  if (row.kind === 'public') return row.answers ?? 'in';
  // It leads to the page for signing in, whoever asks.
  if (route === 'POST /sign-out') return 'refused';
  if (role === null) return 'refused';
  const own = side === 'own';
  const ops = role === 'ops' || role === 'ops-approver';
  if (role === 'ops' && row.roles.includes('ops-approver')) return own ? 'forbidden' : 'hidden';
  if (!row.roles.includes(role) && !(ops && row.roles.includes('ops'))) return isApi(route) ? 'forbidden' : 'hidden';
  switch (row.kind) {
    case 'none':
      return 'in';
    case 'staff':
    case 'personal':
      return own ? 'in' : 'hidden';
    case 'escrow':
      return ops || role === 'auditor' || own ? 'in' : 'hidden';
    case 'owner':
      return ops || own ? 'in' : 'hidden';
    case 'seller':
      return ops || role === 'auditor' || (role === 'seller' && own) ? 'in' : 'hidden';
  }
}

const isApi = (route: string) => route.includes(' /v1/');

describe.each(Object.entries(ROWS))('%s', (route, row) => {
  // Another's first: one's own may be ended by the call.
  test.each(['other', 'own'] as const)('%s: each role is let in exactly where it should be', async (side) => {
    const outcomes = await Promise.all(
      [null, ...ROLES].map(async (role): Promise<[name: string, found: Outcome, wanted: Outcome]> => {
        const { path } = await filled(route, row, role ?? 'buyer', side);
        const found = await (isApi(route) ? callApi : callPage)(route, path, row, side, role);
        return [role ?? 'signed out', found, expected(route, row, role, side)];
      }),
    );
    const found = Object.fromEntries(outcomes.map(([name, outcome]) => [name, outcome]));
    const wanted = Object.fromEntries(outcomes.map(([name, , outcome]) => [name, outcome]));
    expect(found).toEqual(wanted);
  });
});
