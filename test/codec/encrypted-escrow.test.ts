// An escrow whose history is encrypted: nobody without the key reads it, and staff read it in Temporal UI by the codec server.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
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

const decode = (payloads: Stored[], headers: Record<string, string>) =>
  fetch(`${world.url}/codec/decode`, {
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
});
