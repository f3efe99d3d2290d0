// The typed client against the API itself: what its types promise comes, and errors carry the API's own codes.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ApiError, createClient, type EscrowProposal, type Tranche } from '../../client/index.ts';
import { type ApiUnderTest, startApi } from './api-under-test.ts';

let api: ApiUnderTest;
let buyer: Tranche;
let seller: Tranche;

beforeAll(async () => {
  api = await startApi();
  buyer = createClient({ baseUrl: api.url, apiKey: api.people.buyer.apiKey });
  seller = createClient({ baseUrl: api.url, apiKey: api.people.seller.apiKey });
});
afterAll(() => api?.stop());

const proposal = (title: string): EscrowProposal => ({
  title,
  currency: 'usd',
  funding: 'upfront',
  milestones: [{ title: 'Design', amount: 10_000, seller_id: api.people.seller.id }],
});

test('an escrow is proposed and agreed to; the same key gives the same escrow', async () => {
  const idempotencyKey = randomUUID();
  const escrow = await buyer.proposeEscrow({ body: proposal('One') }, { idempotencyKey });
  expect(await buyer.proposeEscrow({ body: proposal('One') }, { idempotencyKey })).toEqual(escrow);
  const agreed = await seller.agreeToEscrow({ id: escrow.id, body: { terms_hash: escrow.terms_hash } });
  expect(agreed).toMatchObject({ id: escrow.id, milestones: [{ amount: { amount: 10_000, currency: 'usd' } }] });
});

test('every page of a list', async () => {
  const made = await Promise.all([1, 2, 3, 4, 5].map((n) => buyer.proposeEscrow({ body: proposal(`Page ${n}`) })));
  const found: string[] = [];
  for await (const { id } of buyer.each('listEscrows', { limit: 2 })) found.push(id);
  expect(found).toHaveLength(new Set(found).size);
  expect(found).toEqual(expect.arrayContaining(made.map(({ id }) => id)));
});

test('errors are the API’s', async () => {
  const refused = (call: Promise<unknown>): Promise<unknown> => call.then(() => null, (e: unknown) => e); // prettier-ignore
  const idempotencyKey = randomUUID();
  await buyer.proposeEscrow({ body: proposal('A') }, { idempotencyKey });
  const conflict = await refused(buyer.proposeEscrow({ body: proposal('B') }, { idempotencyKey }));
  expect(conflict).toBeInstanceOf(ApiError);
  expect(conflict).toMatchObject({ status: 409, code: 'idempotency_conflict', idempotencyKey });
  const small = await refused(buyer.proposeEscrow({ body: { ...proposal('C'), milestones: [] } }));
  expect(small).toMatchObject({ status: 400, code: 'milestones_invalid', requestId: expect.stringMatching(/^req_/) });
  expect(await refused(buyer.getEscrow({ id: '../api_keys' }))).toMatchObject({ status: 404, code: 'not_found' });
  const nobody = createClient({ baseUrl: api.url, apiKey: 'sk_tranche_nobody' });
  expect(await refused(nobody.listEscrows())).toMatchObject({ status: 401, code: 'unauthorized' });
});

test('a key is made, used within its scopes, and revoked', async () => {
  const made = await buyer.createApiKey({ body: { label: 'reader', scopes: ['read'] } });
  const reader = createClient({ baseUrl: api.url, apiKey: made.key! });
  expect((await reader.listApiKeys()).data.map(({ id }) => id)).toContain(made.id);
  await expect(reader.revokeApiKey({ id: made.id })).rejects.toMatchObject({ code: 'scope_missing' });
  expect(await buyer.revokeApiKey({ id: made.id })).toBeUndefined();
  await expect(reader.listApiKeys()).rejects.toMatchObject({ status: 401 });
});
