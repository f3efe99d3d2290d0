// Who is signed in, over plain HTTP: codes, recovery codes, mailed links, invitations, an identity provider, old proofs, and
// how often somebody may try.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import pino from 'pino';
import { createApp } from '../../api/app.ts';
import type { Settings } from '../../config/settings.ts';
import { createApiKey } from '../../db/api-keys.ts';
import { createPerson } from '../../db/people.ts';
import { stepAt, totpAt } from '../../db/totp.ts';
import { mailLinks } from '../../worker/mail-links.ts';
import { type MailerParts, sendDue } from '../../worker/mailer.ts';
import { smtpTransport } from '../../worker/smtp.ts';
import { mountPages } from '../../web/pages.ts';
import { startMailServer } from '../messages/mail-server.ts';
import { apiOf, fundedEscrow, proposal } from '../stack/api.ts';
import { HttpClient, type Reply, signInAs } from './http-client.ts';
import { type Issuer, startIssuer } from './oidc-issuer.ts';
import { type PagesWorld, startPagesWorld } from './pages-world.ts';

let pages: PagesWorld;
let issuer: Issuer;
let mailer: MailerParts;
const servers: Server[] = [];

beforeAll(async () => {
  issuer = await startIssuer('tranche', 'a secret');
  pages = await startPagesWorld({ OIDC_ISSUER: issuer.url, OIDC_CLIENT_ID: 'tranche', OIDC_CLIENT_SECRET: 'a secret' });
  const { sql } = pages.world;
  mailer = { sql, transport: null, publicUrl: pages.url, sandbox: true, linkFor: mailLinks(sql, pages.url), logger: pino({ level: 'silent' }) }; // prettier-ignore
}, 400_000);
afterAll(async () => {
  for (const server of servers) await new Promise((resolve) => server.close(resolve).closeAllConnections());
  await pages?.stop();
  await issuer?.close();
});
// Each test tries as often as it may.
afterEach(() => pages.world.sql`DELETE FROM rate_limits`);

let made = 0;
const PASSWORD = 'a rather long sentence';

/** A person of their own for a test that changes how they sign in. */
async function somebody(role: 'buyer' | 'ops' | 'auditor' = 'buyer') {
  made += 1;
  const email = `somebody${made}@example.test`;
  return (await createPerson(pages.world.sql, { email, name: `Somebody ${made}`, role, password: PASSWORD }))!;
}

async function signIn(email: string, password = PASSWORD, url = pages.url): Promise<{ client: HttpClient; reply: Reply }> {
  const client = new HttpClient(url);
  return { client, reply: await client.post('/sign-in', { email, password }) };
} // prettier-ignore

/** The last mail to an address, with the link in it. */
async function mailTo(address: string): Promise<{ text: string; path: string }> {
  while ((await sendDue(mailer)) > 0);
  const [mail] = await pages.world.sql<{ body_text: string }[]>`
    SELECT body_text FROM mails WHERE address = ${address} ORDER BY id DESC LIMIT 1`;
  const text = mail?.body_text ?? '';
  return { text, path: new RegExp(`${pages.url}(\\S+token=\\S+)`).exec(text)?.[1] ?? '' };
}

const secretIn = (html: string) => /<code class="id">([A-Z2-7 ]+)<\/code>/.exec(html)![1]!.replaceAll(' ', '');
const codesIn = (html: string) => [...html.matchAll(/<code class="id">([0-9a-f-]+)<\/code>/g)].map((match) => match[1]!); // prettier-ignore

async function enrolled(role: 'buyer' | 'ops' = 'buyer') {
  const person = await somebody(role);
  const { client } = await signIn(person.email);
  await client.give('/security/second-factor/begin');
  const secret = secretIn((await client.get('/security/second-factor')).text);
  const done = await client.give('/security/second-factor', { code: totpAt(secret, stepAt(Date.now())) });
  expect(done.status).toBe(200);
  return { person, secret, codes: codesIn(done.text), client };
}

/** Steps whose codes are taken in time and rise: the enrolment used the present one. */
const nextCode = (secret: string) => totpAt(secret, stepAt(Date.now()) + 1);

describe('one-time passwords', () => {
  // RFC 6238, appendix B: the ASCII secret 12345678901234567890, eight digits.
  test.each([[59, '94287082'], [1_111_111_109, '07081804'], [1_234_567_890, '89005924'], [20_000_000_000, '65353130']])(
    'at %d s it is %s',
    (seconds, code) => {
      expect(totpAt('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', Math.floor(seconds / 30), 8)).toBe(code);
    },
  ); // prettier-ignore
});

describe('a second factor', () => {
  test('is on after its first right code, and from then on a password opens only the page for the code', async () => {
    const { person, secret, codes } = await enrolled();
    expect([codes.length, new Set(codes).size]).toEqual([10, 10]);
    const { client, reply } = await signIn(person.email);
    expect(reply.location).toBe('/sign-in/code');
    expect((await client.get('/escrows')).location).toContain('/sign-in');
    expect((await client.post('/sign-in/code', { code: '000000' })).status).toBe(422);
    const half = client.cookie;
    const code = nextCode(secret);
    expect((await client.post('/sign-in/code', { code })).location).toBe('/');
    expect(client.cookie).not.toBe(half);
    expect((await client.get('/escrows')).status).toBe(200);
    // The same code a second time, and the half session, are worth nothing.
    const again = await signIn(person.email);
    expect((await again.client.post('/sign-in/code', { code })).status).toBe(422);
    const [stored] = await pages.world.sql<{ kind: string }[]>`
      SELECT kind FROM mails WHERE person_id = ${person.id} ORDER BY id DESC LIMIT 1`;
    expect(stored!.kind).toBe('second_factor_changed');
  });

  test('a recovery code works once, and its use is told', async () => {
    const { person, codes } = await enrolled();
    const first = await signIn(person.email);
    expect((await first.client.post('/sign-in/code', { code: codes[0]! })).location).toBe('/');
    const second = await signIn(person.email);
    expect((await second.client.post('/sign-in/code', { code: codes[0]! })).status).toBe(422);
    while ((await sendDue(mailer)) > 0);
    const mails = await pages.world.sql<{ body_text: string }[]>`SELECT body_text FROM mails WHERE person_id = ${person.id} AND kind = 'recovery_code_used'`; // prettier-ignore
    expect(mails.map((mail) => mail.body_text.includes('9 are left'))).toEqual([true]);
    const hashes = await pages.world.sql<{ code_hash: string }[]>`SELECT code_hash FROM recovery_codes WHERE person_id = ${person.id}`; // prettier-ignore
    expect(hashes.some(({ code_hash: hash }) => codes.includes(hash))).toBe(false);
  });

  test('five wrong codes a minute are all, whatever the session', async () => {
    const { person, secret } = await enrolled();
    // Passwords first: they take long on purpose, and the tries must fall into one minute.
    const halves = await Promise.all(Array.from({ length: 7 }, async () => (await signIn(person.email)).client));
    const statuses: number[] = [];
    for (const client of halves.slice(1)) {
      statuses.push((await client.post('/sign-in/code', { code: '000000' })).status);
    }
    expect(statuses).toEqual([422, 422, 422, 422, 422, 429]);
    expect((await halves[0]!.post('/sign-in/code', { code: nextCode(secret) })).status).toBe(429);
  });

  test('turned off, a password is enough again; its key is shown no more once it is on', async () => {
    const { person, client } = await enrolled();
    expect((await client.get('/security/second-factor')).location).toBe('/security');
    expect((await client.give('/security/second-factor/off')).location).toBe('/security?done=second_factor_off');
    expect((await signIn(person.email)).reply.location).toBe('/');
  });
});

describe('a forgotten password', () => {
  test('a mailed link sets a new one, once, and ends every session', async () => {
    const person = await somebody();
    const { client } = await signIn(person.email);
    const stranger = new HttpClient(pages.url);
    expect((await stranger.post('/reset/ask', { email: person.email.toUpperCase() })).location).toBe('/reset/ask?done=reset_asked'); // prettier-ignore
    const { path } = await mailTo(person.email);
    const token = new URL(path, pages.url).searchParams.get('token')!;
    // Mail programs look at links: looking uses nothing up.
    expect([(await stranger.get(path)).status, (await stranger.get(path)).status]).toEqual([200, 200]);
    expect((await stranger.post('/reset', { token, password: 'short' })).status).toBe(422);
    const twice = await Promise.all([1, 2].map(() => stranger.post('/reset', { token, password: 'another long sentence' }))); // prettier-ignore
    expect(twice.map((reply) => reply.status).sort((a, b) => a - b)).toEqual([303, 410]);
    expect((await stranger.get(path)).status).toBe(410);
    expect((await client.get('/escrows')).location).toContain('/sign-in');
    expect((await signIn(person.email)).reply.status).toBe(422);
    expect((await signIn(person.email, 'another long sentence')).reply.location).toBe('/');
    expect((await mailTo(person.email)).text).toContain('Your password was changed');
    const stored = await pages.world.sql`SELECT 1 FROM links WHERE token_hash = ${token}`;
    expect(stored).toHaveLength(0);
  });

  test('whether an address has an account is not told, and asking is limited', async () => {
    const client = new HttpClient(pages.url);
    const replies: (string | null)[] = [];
    for (let i = 0; i < 4; i += 1) replies.push((await client.post('/reset/ask', { email: 'nobody@nowhere.test' })).location); // prettier-ignore
    expect(replies).toEqual([...Array.from({ length: 3 }, () => '/reset/ask?done=reset_asked'), null]);
    const mails = await pages.world.sql`SELECT 1 FROM mails WHERE address = 'nobody@nowhere.test'`;
    expect(mails).toHaveLength(0);
  });

  test('API keys outlive a new password unless the person says otherwise: the page and the mail name them', async () => {
    const { sql } = pages.world;
    const [person, neighbour] = await Promise.all([somebody(), somebody()]);
    const keyOf = async (label: string, of = person) => (await createApiKey(sql, of.id, { label })).key;
    const [shop, ci, others] = [await keyOf('Shop'), await keyOf('CI'), await keyOf('Other', neighbour)];
    const works = async (key: string) => (await fetch(`${pages.url}/v1/escrows`, { headers: { authorization: `Bearer ${key}` } })).status; // prettier-ignore
    const stranger = new HttpClient(pages.url);
    const reset = async (form: Record<string, string>) => {
      await stranger.post('/reset/ask', { email: person.email });
      const { path } = await mailTo(person.email);
      const page = (await stranger.get(path)).text;
      const token = new URL(path, pages.url).searchParams.get('token')!;
      // What is refused asks for the same again.
      expect((await stranger.post('/reset', { token, password: 'short' })).text.includes('name="revoke_keys"')).toBe(page.includes('name="revoke_keys"')); // prettier-ignore
      expect((await stranger.post('/reset', { token, password: 'another long sentence', ...form })).location).toBe('/sign-in?done=password_set'); // prettier-ignore
      return { page, mail: (await mailTo(person.email)).text };
    };
    const kept = await reset({});
    expect([kept.page.includes('“Shop”, “CI”'), kept.page.includes('Other')]).toEqual([true, false]);
    expect([await works(shop), await works(ci)]).toEqual([200, 200]);
    expect(kept.mail).toContain('Your API keys work on: “Shop”, “CI”');
    expect(kept.mail).toContain(`${pages.url}/api-keys`);
    const gone = await reset({ revoke_keys: 'yes' });
    expect([await works(shop), await works(ci), await works(others)]).toEqual([401, 401, 200]);
    expect(gone.mail).toContain('your API keys were revoked with it');
    expect(gone.mail).not.toContain('work on');
    const audited = await sql<{ data: unknown }[]>`
      SELECT data FROM audit_log WHERE action = 'password' AND subject = ${person.id} ORDER BY id`;
    expect(audited.map(({ data }) => data)).toEqual([{ api_keys_revoked: 0 }, { api_keys_revoked: 2 }]);

    // Signed in: with a change of the password, and by itself.
    const { client } = await signIn(person.email, 'another long sentence');
    expect((await client.get('/security')).text).not.toContain('revoke_keys');
    const third = await keyOf('Third');
    expect((await client.get('/security')).text).toContain('“Third”');
    await client.give('/security/password', { password: 'a sentence for the third time', revoke_keys: 'yes' });
    expect(await works(third)).toBe(401);
    const [fourth, fifth] = [await keyOf('Fourth'), await keyOf('Fifth')];
    expect((await client.get('/api-keys')).text).toContain('action="/api-keys/revoke-all"');
    expect((await client.give('/api-keys/revoke-all')).location).toBe('/api-keys?done=keys_revoked');
    expect([await works(fourth), await works(fifth), await works(others)]).toEqual([401, 401, 200]);
  });

  test('with a mail server the link is in the mail alone', async () => {
    const person = await somebody();
    const server = await startMailServer();
    const transport = smtpTransport(server.url, 'Tranche <no-reply@pay.example>');
    await new HttpClient(pages.url).post('/reset/ask', { email: person.email });
    while ((await sendDue({ ...mailer, sandbox: false })) > 0);
    expect(server.received).toHaveLength(0);
    while ((await sendDue({ ...mailer, sandbox: false, transport })) > 0);
    transport.close();
    await server.close();
    const mail = server.received.find(({ to }) => to.includes(person.email))!;
    expect(mail.body).toMatch(/\/reset\?token=[\w-]{43}/);
    const [stored] = await pages.world.sql<{ body_text: string; body_html: string }[]>`
      SELECT body_text, body_html FROM mails WHERE address = ${person.email}`;
    expect(stored!.body_text + stored!.body_html).not.toContain('token=');
  });
});

describe('sessions', () => {
  test('are listed, and ended one by one or all others; nobody ends another’s', async () => {
    const person = await somebody();
    const [one, two, three] = await Promise.all([1, 2, 3].map(async () => (await signIn(person.email)).client));
    const page = (await one!.get('/security')).text;
    const others = [...page.matchAll(/\/security\/sessions\/(ses_\w+)\/end"/g)].map((match) => match[1]!);
    expect([others.length, page.includes('This one')]).toEqual([2, true]);
    const stranger = await signInAs(pages.url, 'buyer');
    await stranger.give(`/security/sessions/${others[0]!}/end`);
    expect((await two!.get('/escrows')).status + (await three!.get('/escrows')).status).toBe(400);
    await one!.give(`/security/sessions/${others[0]!}/end`);
    expect((await two!.get('/escrows')).status + (await three!.get('/escrows')).status).toBe(503);
    await one!.give('/security/sessions/end-others');
    expect([(await one!.get('/escrows')).status, (await two!.get('/escrows')).status, (await three!.get('/escrows')).status]).toEqual([200, 303, 303]); // prettier-ignore
  });

  test('end by themselves where nobody asks for a page: staff’s after half an hour, others’ after two', async () => {
    const [ops, auditor, buyer] = await Promise.all([somebody('ops'), somebody('auditor'), somebody('buyer')]);
    const left = async (id: string, minutes: number) =>
      pages.world
        .sql`UPDATE sessions SET last_seen_at = now() - ${minutes} * interval '1 minute' WHERE person_id = ${id}`;
    const after = async (person: { id: string; email: string }, minutes: number) => {
      const { client } = await signIn(person.email);
      const other = (await signIn(person.email)).client;
      await left(person.id, minutes);
      const status = (await client.get('/preferences')).status;
      // Whoever was here goes on, and what has ended is shown to nobody as signed in.
      if (status === 200) await left(person.id, minutes - 1);
      return [status, (await other.get('/preferences')).status];
    };
    expect(await after(ops, 29)).toEqual([200, 200]);
    expect(await after(ops, 31)).toEqual([303, 303]);
    expect(await after(auditor, 31)).toEqual([303, 303]);
    expect(await after(buyer, 31)).toEqual([200, 200]);
    expect(await after(buyer, 121)).toEqual([303, 303]);
    const { client } = await signIn(buyer.email);
    expect((await client.get('/security')).text).not.toContain('End it');
  });

  test('a new password ends the others and keeps this one', async () => {
    const person = await somebody();
    const [one, two] = await Promise.all([1, 2].map(async () => (await signIn(person.email)).client));
    expect((await one!.give('/security/password', { password: person.email })).status).toBe(422);
    expect((await one!.give('/security/password', { password: 'yet another sentence' })).location).toBe('/security?done=password_changed'); // prettier-ignore
    expect([(await one!.get('/escrows')).status, (await two!.get('/escrows')).status]).toEqual([200, 303]);
  });
});

describe('an old proof', () => {
  const age = (id: string) => pages.world.sql`UPDATE sessions SET proven_at = now() - interval '16 minutes' WHERE person_id = ${id}`; // prettier-ignore

  test('ops show again who they are before anything moves; nothing was done meanwhile', async () => {
    const ops = await somebody('ops');
    const { client } = await signIn(ops.email);
    const { buyer, seller } = pages.world.people;
    const { id } = await fundedEscrow(apiOf(pages.world, buyer), [apiOf(pages.world, seller)], proposal(seller.id, [10_000])); // prettier-ignore
    const csrf = await client.csrf();
    const freeze = () => client.post(`/escrows/${id}/freeze`, { csrf, key: `k${made}`, reason: 'look' }, { referer: `${pages.url}/escrows/${id}/freeze` }); // prettier-ignore
    await age(ops.id);
    expect((await freeze()).location).toBe(`/step-up?next=${encodeURIComponent(`/escrows/${id}/freeze`)}`);
    expect((await apiOf(pages.world, buyer).escrow(id)).frozen).toEqual([]);
    // Reading goes on.
    expect((await client.get('/ops')).status).toBe(200);
    expect((await client.post('/step-up', { csrf, password: 'wrong', next: '/ops' })).status).toBe(422);
    expect((await client.post('/step-up', { csrf, password: PASSWORD, next: `/escrows/${id}/freeze` })).location).toBe(`/escrows/${id}/freeze`); // prettier-ignore
    expect((await freeze()).status).toBe(303);
    expect((await apiOf(pages.world, buyer).escrow(id)).frozen).toEqual(['ops']);
  });

  test('everybody does before their security changes, with the code where there is one', async () => {
    const { person, client, secret } = await enrolled();
    await age(person.id);
    for (const path of ['/security/password', '/security/second-factor/off', '/security/recovery-codes']) {
      expect((await client.give(path, { password: 'a sentence of another' })).location).toContain('/step-up?next=');
    }
    expect((await client.give('/step-up', { password: PASSWORD, next: '/security' })).status).toBe(422);
    expect((await client.give('/step-up', { code: nextCode(secret), next: '//evil.example' })).location).toBe('/');
    expect((await client.give('/security/recovery-codes')).status).toBe(200);
  });

  test('a buyer’s own business needs none', async () => {
    const person = await somebody();
    const { client } = await signIn(person.email);
    await age(person.id);
    expect((await client.give('/notifications/read')).location).toBe('/notifications?done=all_read');
    expect((await client.give('/escrows/new', { intent: 'preview' })).status).toBe(422);
  });
});

describe('invitations', () => {
  test('a buyer invites a seller by mail, who makes the account and can be paid after verification', async () => {
    const buyer = await signInAs(pages.url, 'buyer');
    const email = 'invited@example.test';
    expect((await buyer.give('/invitations', { email, as: 'ops' })).status).toBe(403);
    expect((await buyer.give('/invitations', { email: 'not an address', as: 'seller' })).status).toBe(422);
    expect((await buyer.give('/invitations', { email, as: 'seller', note: 'For <b>you</b>\nBcc: x@y.test' })).location).toBe('/invitations?done=invited'); // prettier-ignore
    const { path, text } = await mailTo(email);
    expect(text).toContain('invites you as a seller');
    const guest = new HttpClient(pages.url);
    expect((await guest.get(path)).text).toContain(email);
    const token = new URL(path, pages.url).searchParams.get('token')!;
    const form = { token, name: 'Ina Invited', country: 'us', password: PASSWORD };
    expect((await guest.post('/invitation', { ...form, country: '' })).status).toBe(422);
    expect((await guest.post('/invitation', { ...form, role: 'ops', email: 'other@example.test' })).location).toBe('/verification'); // prettier-ignore
    expect((await guest.get('/verification')).text).toContain('Ina Invited');
    const [person] = await pages.world.sql<{ role: string; email: string; country: string }[]>`
      SELECT p.role, p.email, s.country FROM people p JOIN sellers s ON s.id = p.id WHERE p.name = 'Ina Invited'`;
    expect(person).toEqual({ role: 'seller', email, country: 'US' });
    expect((await new HttpClient(pages.url).post('/invitation', form)).status).toBe(410);
    expect((await buyer.give('/invitations', { email, as: 'seller' })).text).toContain('has an account already');
  });

  test('ops invite staff; who does not approve neither approves nor makes approvers', async () => {
    const ops = await signInAs(pages.url, 'ops');
    const email = 'new-ops@example.test';
    await ops.give('/invitations', { email, as: 'ops' });
    const token = new URL((await mailTo(email)).path, pages.url).searchParams.get('token')!;
    const guest = new HttpClient(pages.url);
    expect((await guest.post('/invitation', { token, name: 'Nia New', password: PASSWORD })).location).toBe('/');
    expect((await guest.give('/invitations', { email: 'z@example.test', as: 'ops-approver' })).status).toBe(403);

    const { buyer, seller } = pages.world.people;
    const { id, milestones } = await fundedEscrow(apiOf(pages.world, buyer), [apiOf(pages.world, seller)], proposal(seller.id, [200_000])); // prettier-ignore
    const asked = await apiOf(pages.world, pages.world.people.ops).post<{ approval: { id: string } }>(`/v1/escrows/${id}/milestones/${milestones[0]!.id}/refund`, { reason: 'r' }); // prettier-ignore
    const [row] = await pages.world.sql<{ id: string }[]>`SELECT id FROM people WHERE email = ${email}`;
    const { key } = await createApiKey(pages.world.sql, row!.id);
    const nia = apiOf(pages.world, { ...pages.world.people.ops, id: row!.id, apiKey: key });
    const refused = await nia.post<{ detail: string }>(`/v1/ops/approvals/${asked.body.approval.id}/approve`);
    expect([refused.status, refused.body.detail.includes('somebody of ops who approves')]).toEqual([403, true]);
    expect((await apiOf(pages.world, pages.world.people.ops2).post(`/v1/ops/approvals/${asked.body.approval.id}/approve`)).status).toBe(200); // prettier-ignore
  });

  test('one that is taken back opens nothing, and only who invited, or ops, take it back', async () => {
    const buyer = await signInAs(pages.url, 'buyer');
    const email = 'taken-back@example.test';
    await buyer.give('/invitations', { email, as: 'seller' });
    const { path } = await mailTo(email);
    const id = /\/invitations\/(inv_\w+)\/revoke/.exec((await buyer.get('/invitations')).text)![1]!;
    const other = await signInAs(pages.url, 'buyer2');
    expect((await other.give(`/invitations/${id}/revoke`)).status).toBe(404);
    expect((await other.give('/invitations', { email, as: 'seller' })).status).toBe(422);
    expect((await new HttpClient(pages.url).get(path)).status).toBe(200);
    expect((await buyer.give(`/invitations/${id}/revoke`)).status).toBe(303);
    expect((await new HttpClient(pages.url).get(path)).status).toBe(410);
  });
});

describe('an identity provider', () => {
  /** As a browser goes: to the provider, back with its answer, with the cookies on the way. */
  async function byProvider(path = '/sign-in/oidc', change: (back: URL) => void = () => {}): Promise<Response> {
    const begun = await fetch(`${pages.url}${path}`, { redirect: 'manual' });
    const cookie = begun.headers.getSetCookie().map((each) => each.split(';')[0]).join('; '); // prettier-ignore
    const asked = await fetch(begun.headers.get('location')!, { redirect: 'manual' });
    const back = new URL(asked.headers.get('location')!);
    change(back);
    return fetch(back, { redirect: 'manual', headers: { cookie, accept: 'text/html' } });
  }

  test('signs staff in whose verified e-mail it names, and afterwards by its subject alone', async () => {
    const ops = await somebody('ops');
    issuer.claims = { sub: `s-${ops.id}`, email: ops.email.toUpperCase(), email_verified: true };
    const reply = await byProvider('/sign-in/oidc?next=/ops/events');
    expect([reply.status, reply.headers.get('location')]).toEqual([303, '/ops/events']);
    expect(issuer.asked.get('code_challenge_method')).toBe('S256');
    issuer.claims = { ...issuer.claims, email: 'changed@example.test', email_verified: false };
    expect((await byProvider()).status).toBe(303);
    // Another subject with the same e-mail is somebody else.
    issuer.claims = { sub: 'other', email: ops.email, email_verified: true };
    expect((await byProvider()).status).toBe(403);
    await byProvider('/sign-in/oidc?again=yes');
    expect(issuer.asked.get('prompt')).toBe('login');
  });

  test('signs in nobody else: unverified, unknown, a buyer, or an answer of another browser', async () => {
    const [ops, buyer] = await Promise.all([somebody('ops'), somebody('buyer')]);
    issuer.claims = { sub: 'u', email: ops.email, email_verified: false };
    expect((await byProvider()).status).toBe(403);
    issuer.claims = { sub: 'u', email: 'unknown@example.test', email_verified: true };
    expect((await byProvider()).status).toBe(403);
    issuer.claims = { sub: 'u', email: buyer.email, email_verified: true };
    expect((await byProvider()).status).toBe(403);
    issuer.claims = { sub: 'u', email: ops.email, email_verified: true };
    expect((await byProvider(undefined, (back) => back.searchParams.set('state', 'forged'))).status).toBe(403);
    expect((await byProvider(undefined, (back) => back.searchParams.set('code', 'forged'))).status).toBe(403);
    expect((await fetch(`${pages.url}/sign-in/oidc/return?code=x&state=y`, { redirect: 'manual' })).status).toBe(403);
  });
});

describe('other installations', () => {
  async function appWith(changed: Partial<Settings>): Promise<string> {
    const { world } = pages;
    const { workflows } = world.commands;
    const { handle } = createApp({ sql: world.sql, temporal: world.client, workflows, settings: { ...pages.settings, ...changed }, payments: world.payments, logger: pino({ level: 'silent' }), mountPages }); // prettier-ignore
    const server = await new Promise<Server>((resolve) => {
      const started: Server = createServer(handle).listen(0, '127.0.0.1', () => resolve(started));
    });
    servers.push(server);
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test('with real money nobody of the staff works without a second factor; others do', async () => {
    const url = await appWith({ mode: 'live', sandbox: false });
    const [ops, buyer] = await Promise.all([somebody('ops'), somebody('buyer')]);
    const staff = (await signIn(ops.email, PASSWORD, url)).client;
    expect((await staff.get('/ops')).location).toBe('/security?done=second_factor_needed');
    const auditor = (await signIn((await somebody('auditor')).email, PASSWORD, url)).client;
    expect((await auditor.get('/ops')).location).toBe('/security?done=second_factor_needed');
    expect((await (await signIn(buyer.email, PASSWORD, url)).client.get('/escrows')).status).toBe(200);
    const { person, secret } = await enrolled('ops');
    const { client } = await signIn(person.email, PASSWORD, url);
    await client.post('/sign-in/code', { code: nextCode(secret) });
    expect((await client.get('/ops')).status).toBe(200);
    expect((await client.post('/sign-in/as', { person: 'ops' })).status).toBe(404);
  });

  test('over https the cookie is bound to the host', async () => {
    const url = await appWith({ publicUrl: 'https://pay.example' });
    const person = await somebody();
    const { reply } = await signIn(person.email, PASSWORD, url);
    expect(reply.headers.getSetCookie().join()).toMatch(/^__Host-tranche=[\w-]{43}; Path=\/; .*HttpOnly; Secure; SameSite=Lax$/); // prettier-ignore
  });

  test('tries are counted over every process', async () => {
    const second = await appWith({});
    const ask = async (url: string) => (await new HttpClient(url).post('/reset/ask', { email: 'many@nowhere.test' })).status; // prettier-ignore
    const statuses: number[] = [];
    for (const url of [pages.url, second, pages.url, second]) statuses.push(await ask(url));
    expect(statuses).toEqual([303, 303, 303, 429]);
  });
});
