// Mass assignment: a body names what is not its sender's to say: a role, whose account it is, a status, an amount.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { EXAMPLES, THINGS, thingsOfPath } from '../../api/examples.ts';
import { ROUTES } from '../../api/routes/index.ts';
import { createLink } from '../../db/links.ts';
import { HttpClient } from '../web/http-client.ts';
import { PASSWORD, somebody, startVictim, type Victim } from './victim.ts';

let victim: Victim;
beforeAll(async () => {
  victim = await startVictim();
}, 400_000);
afterAll(() => victim?.stop());

interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  $defs?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
}

/** Where a schema takes members that it does not name. */
function openings(schema: Schema, at: string): string[] {
  const below = [
    ...Object.entries(schema.properties ?? {}),
    ...Object.entries(schema.$defs ?? {}),
    ...[schema.items, ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])].map((each) => ['', each] as const), // prettier-ignore
  ].flatMap(([name, each]) => (each === undefined ? [] : openings(each, name === '' ? at : `${at}.${name}`)));
  const open = schema.type === 'object' && schema.additionalProperties !== false;
  return open ? [at, ...below] : below;
}

const WITH_BODY = ROUTES.filter(({ method }) => method === 'post');

test('every body of the API is closed, however deep; only metadata is what its writer makes of it', () => {
  const found = WITH_BODY.flatMap(({ operationId, body }) =>
    body === undefined ? [] : openings(z.toJSONSchema(body, { io: 'input', unrepresentable: 'any' }) as Schema, operationId),
  ); // prettier-ignore
  expect(found).toEqual(['proposeEscrow.EscrowProposal.metadata']);
});

/** What an attacker would like to say about themself and about money. */
const WANTED = {
  role: 'ops', approver: true, scopes_granted: ['ops'], person_id: 'usr_1', owner_id: 'usr_1', entity_id: 'other', account_id: 'acct_1', stripe_account_id: 'acct_1',
  actor: { role: 'ops' }, principal: { id: 'usr_1', role: 'ops' }, status_: 'completed', state: 'released', revision: 99, created_at: '2001-01-01T00:00:00Z',
  released: 1, refunded: 1, accepted: 1, fee_minor: 0, held: 0, verified: true, password_hash: 'x',
}; // prettier-ignore

test.each(WITH_BODY)('$operationId takes nothing that it does not name', async ({ operationId, path, bodyType }) => {
  const example = EXAMPLES[operationId]!;
  const things = thingsOfPath(path);
  const real = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => THINGS[things[name]!]);
  const asked = victim.workflows.asked.length;
  const key = randomUUID();
  const headers = { authorization: `Bearer ${victim.people[example.by].apiKey}`, 'idempotency-key': key };
  const fields = { ...(example.body as Record<string, unknown> | undefined), ...WANTED };
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, name === 'file' ? new File(['x'], 'x.txt') : JSON.stringify(value)); // prettier-ignore
  const reply = await fetch(`${victim.url}${real}`, {
    method: 'POST',
    headers: bodyType === undefined ? { ...headers, 'content-type': 'application/json' } : headers,
    body: bodyType === undefined ? JSON.stringify(fields) : form,
  });
  const { code, param } = (await reply.json()) as { code: string; param: string };
  expect([reply.status, code, param]).toEqual([400, 'parameter_unknown', Object.keys(WANTED)[0]]);
  expect(await victim.sql`SELECT 1 FROM idempotency_keys WHERE key = ${key}`).toHaveLength(0);
  expect(victim.workflows.asked).toHaveLength(asked);
});

test('a prototype is no way around it', async () => {
  const proposal = JSON.stringify(victim.proposal()).slice(1);
  for (const start of ['{"__proto__":{"role":"ops","buyer_id":"x"},', '{"constructor":{"prototype":{"role":"ops"}},']) {
    const reply = await victim.post('/v1/escrows', { body: `${start}${proposal}` });
    expect([reply.status, reply.body['code']]).toEqual([400, 'parameter_unknown']);
  }
  expect(({} as Record<string, unknown>)['role']).toBeUndefined();
});

test('nobody proposes in another’s name, nor signs for the other side', async () => {
  const { stranger, seller } = victim.people;
  const other = await victim.post('/v1/escrows', { body: victim.proposal({ buyer_id: stranger.id }) });
  expect([other.status, other.body['param']]).toEqual([400, 'buyer_id']);
  const id = await victim.propose({ buyer_id: victim.people.buyer.id });
  const { args } = victim.workflows.asked.at(-1)!.command as unknown as { args: { terms: { buyerId: string }; principal: { id: string; role: string } } }; // prettier-ignore
  expect([args.terms.buyerId, args.principal.id, args.principal.role]).toEqual([victim.people.buyer.id, victim.people.buyer.id, 'buyer']); // prettier-ignore
  const signed = await victim.post(`/v1/escrows/${id}/agree`, { body: { seller_id: seller.id } });
  expect([signed.status, signed.body['param']]).toEqual([400, 'seller_id']);
});

describe('a form', () => {
  test('of an invitation makes an account of the invited kind, address and id', async () => {
    const inviter = await victim.browserOf('seller');
    const email = 'ina@example.test';
    await inviter.give('/invitations', { email, as: 'buyer', role: 'ops', approver: 'true', entity_id: 'other', person_id: 'usr_1', invited_by: victim.people.ops.id }); // prettier-ignore
    const [invitation] = await victim.sql<{ id: string; person_id: string }[]>`
      SELECT id, person_id FROM invitations WHERE email = ${email} AND role = 'buyer' AND NOT approver
        AND entity_id = 'default' AND invited_by = ${victim.people.seller.id}`;
    const token = await createLink(victim.sql, 'invitation', { invitationId: invitation!.id });
    const guest = new HttpClient(victim.url);
    const accepted = await guest.post('/invitation', { token, name: 'Ina', password: PASSWORD, role: 'ops', approver: 'true', email: 'ops2@example.test', id: victim.people.ops.id, person_id: 'usr_1', entity_id: 'other' }); // prettier-ignore
    expect(accepted.location).toBe('/');
    const people = await victim.sql`SELECT id, email, role, approver, entity_id FROM people WHERE name = 'Ina'`;
    expect(people).toEqual([
      { id: invitation!.person_id, email, role: 'buyer', approver: false, entity_id: 'default' },
    ]);
  });

  test('of a password changes one’s own', async () => {
    const [me, other] = [await somebody(victim), await somebody(victim)];
    const hashes = async () => (await victim.sql<{ password_hash: string }[]>`SELECT password_hash FROM people WHERE id = ${other.id}`)[0]!; // prettier-ignore
    const before = await hashes();
    const client = await victim.browserOf(me);
    const reply = await client.give('/security/password', { password: 'yet another sentence', person_id: other.id, id: other.id, email: other.email }); // prettier-ignore
    expect([reply.status, await hashes()]).toEqual([303, before]);
  });

  test('of a key makes one for oneself, without staff’s scope', async () => {
    const client = await victim.browserOf('buyer');
    const { id } = victim.people.ops;
    const reply = await client.give('/api-keys', { label: 'mine', scopes: 'ops', person_id: id, owner_id: id, role: 'ops' }); // prettier-ignore
    expect(reply.status).toBe(422);
    await client.give('/api-keys', { label: 'mine', scopes: 'read', person_id: id, owner_id: id, key: randomUUID() });
    const keys = await victim.sql`SELECT person_id, scopes FROM api_keys WHERE label = 'mine'`;
    expect(keys).toEqual([{ person_id: victim.people.buyer.id, scopes: ['read'] }]);
  });

  test('of an endpoint makes one for oneself', async () => {
    const client = await victim.browserOf('buyer');
    await client.give('/webhook-endpoints', { url: 'https://example.com/mine', person_id: victim.people.ops.id, entity_id: 'other', secret: 'whsec_known', status: 'disabled' }); // prettier-ignore
    const rows = await victim.sql<{ person_id: string; secret: string; status: string }[]>`
      SELECT person_id, secret, status FROM webhook_endpoints WHERE url = 'https://example.com/mine'`;
    expect(rows.map((row) => [row.person_id, row.secret === 'whsec_known', row.status])).toEqual([[victim.people.buyer.id, false, 'enabled']]); // prettier-ignore
  });

  test('of a command gives the command what its page has, as the person that the session is', async () => {
    const id = await victim.propose();
    const seller = await victim.browserOf('seller');
    const reply = await seller.give(`/escrows/${id}/agree`, { role: 'ops', principal: 'ops', buyer_id: 'x', status: 'completed', amount: '1', milestone_id: 'x' }); // prettier-ignore
    expect(reply.status).toBe(303);
    const { name, args } = victim.workflows.asked.at(-1)!.command as unknown as {
      name: string;
      args: { principal: object };
    };
    expect([name, args.principal]).toMatchObject(['agree', { id: victim.people.seller.id, role: 'seller' }]);
    expect(JSON.stringify(args)).not.toContain('completed');
  });
});
