// An escrow whose history is encrypted: nobody without the key reads it, and staff read it in Temporal UI by the codec server.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pino from 'pino';
import { createApp } from '../../api/app.ts';
import { createApiKey, type Scope } from '../../db/api-keys.ts';
import { findPerson } from '../../db/people.ts';
import { beginSecondFactor, confirmSecondFactor, secondFactorOf } from '../../db/second-factor.ts';
import { createSession, type SignInMethod } from '../../db/sessions.ts';
import { stepAt, totpAt } from '../../db/totp.ts';
import { mountPages } from '../../web/pages.ts';
import { apiOf, fundedEscrow, proposal, untilStatus } from '../stack/api.ts';
import { expectBooksClose, workflowState } from '../stack/books.ts';
import { startWorld, type World } from '../stack/world.ts';

const UI = 'http://127.0.0.1:8233';
let world: World;

beforeAll(async () => {
  const key = randomBytes(32).toString('base64');
  world = await startWorld({
    pages: true,
    settings: { TEMPORAL_CODEC_KEYS: `k1=${key}`, TEMPORAL_UI_URL: UI },
  });
});
afterAll(() => world?.stop());

interface Stored {
  metadata: Record<string, string>;
  data: string;
}

const base64 = (value: Uint8Array): string => Buffer.from(value).toString('base64');

/** Every payload of a history, as protobuf's JSON. */
function payloadsOf(value: unknown): Stored[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  const { metadata, data } = value as { metadata?: Record<string, Uint8Array>; data?: Uint8Array };
  if (metadata && data instanceof Uint8Array) {
    const named = Object.entries(metadata).map(([name, bytes]) => [name, base64(bytes)]);
    return [{ metadata: Object.fromEntries(named), data: base64(data) }];
  }
  return Object.values(value).flatMap(payloadsOf);
}

const decode = (payloads: Stored[], headers: Record<string, string>, url = world.url) =>
  fetch(`${url}/codec/decode`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ payloads }),
  });

test('is released as any other, and only staff read its history', async () => {
  const { buyer, seller, ops } = world.people;
  const body = proposal(seller.id, [10_000], { title: 'A very private matter' });
  const escrow = await fundedEscrow(apiOf(world, buyer), [apiOf(world, seller)], body);
  const mid = escrow.milestones[0]!.id;
  await apiOf(world, seller).act(escrow.id, mid, 'submit', { note: 'a private note' });
  await apiOf(world, buyer).act(escrow.id, mid, 'accept');
  await untilStatus(apiOf(world, buyer), escrow.id, 'completed');
  await expectBooksClose(world, escrow.id);
  expect((await workflowState(world, escrow.id)).status).toBe('completed');

  const history = await world.client.workflow.getHandle(`escrow/${escrow.id}`).fetchHistory();
  const contents = payloadsOf(history);
  expect(contents.length).toBeGreaterThan(20);
  // Search attributes are an index and never encrypted: they hold ids, states and the amount.
  const encrypted = contents.filter(({ metadata }) => Buffer.from(metadata['encoding']!, 'base64').toString() === 'binary/encrypted'); // prettier-ignore
  expect(encrypted.length).toBeGreaterThan(20);
  const readable = contents.filter((payload) => !encrypted.includes(payload)).map(({ data }) => Buffer.from(data, 'base64').toString()).join(); // prettier-ignore
  for (const word of ['private matter', 'private note']) {
    expect(readable).not.toContain(word);
  }

  const answer = await decode(encrypted, { Origin: UI, Authorization: `Bearer ${ops.apiKey}` });
  expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, UI]);
  const { payloads } = (await answer.json()) as { payloads: Stored[] };
  const text = payloads.map(({ data }) => Buffer.from(data, 'base64').toString()).join('\n');
  expect(text).toContain('A very private matter');
  expect(text).toContain('a private note');

  const sample = encrypted.slice(0, 1);
  expect((await decode(sample, { Origin: UI })).status).toBe(401);
  expect((await decode(sample, { Authorization: `Bearer ${buyer.apiKey}` })).status).toBe(403);
  const elsewhere = await decode(sample, { Origin: 'https://evil.example', Authorization: `Bearer ${ops.apiKey}` });
  expect(elsewhere.headers.get('access-control-allow-origin')).toBeNull();
  const forged = [{ ...sample[0]!, data: Buffer.from('no such thing at all, of some length').toString('base64') }];
  expect((await decode(forged, { Authorization: `Bearer ${ops.apiKey}` })).status).toBe(400);
  const of = async (scopes: Scope[]) => `Bearer ${(await createApiKey(world.sql, ops.id, { scopes })).key}`;
  expect((await decode(sample, { Authorization: await of(['read', 'write']) })).status).toBe(403);
  expect((await decode(sample, { Authorization: await of(['read', 'ops']) })).status).toBe(200);
});

test('with real money ops read with a second factor alone, by the session of the browser that Temporal UI runs in', async () => {
  const { sql, client, payments, commands, people } = world;
  const settings = { ...commands.settings, mode: 'live', sandbox: false } as const;
  const { handle } = createApp({ sql, temporal: client, workflows: commands.workflows, settings, payments, logger: pino({ level: 'silent' }), mountPages }); // prettier-ignore
  const server = createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cookieOf = async (id: string, method: SignInMethod) => ({ Origin: UI, Cookie: `tranche=${(await createSession(sql, id, { method })).token}` }); // prettier-ignore

  const byPassword = await cookieOf(people.ops.id, 'password');
  const refused = await decode([], byPassword, url);
  // Temporal UI can read why: its origin is answered to in a refusal, too.
  expect([refused.status, refused.headers.get('access-control-allow-origin'), refused.headers.get('access-control-allow-credentials')]).toEqual([403, UI, 'true']); // prettier-ignore
  expect(await refused.text()).toContain('second factor');
  expect((await decode([], await cookieOf(people.ops2.id, 'oidc'), url)).status).toBe(200);
  await beginSecondFactor(sql, people.ops.id);
  const { secret } = await secondFactorOf(sql, people.ops.id);
  const person = (await findPerson(sql, people.ops.id))!;
  const now = Date.now();
  expect(await sql.begin((tx) => confirmSecondFactor(tx, person, totpAt(secret!, stepAt(now)), now))).not.toBeNull();
  expect((await decode([], byPassword, url)).status).toBe(200);
  // Between the password and the code a session reads nothing.
  const half = `tranche=${(await createSession(sql, people.ops.id, { pending: true })).token}`;
  expect((await decode([], { Cookie: half }, url)).status).toBe(401);
  expect((await decode([], await cookieOf(people.buyer.id, 'password'), url)).status).toBe(403);

  const guesses: number[] = [];
  for (let i = 0; i < 62; i += 1) guesses.push((await decode([], { Authorization: 'Bearer x' }, url)).status);
  expect(guesses).toEqual([...Array.from({ length: 60 }, () => 401), 429, 429]);
  await new Promise((resolve) => server.close(resolve).closeAllConnections());
});
