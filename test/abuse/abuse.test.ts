// What the product refuses, line by line of "abuse to refuse" in the rules; each changes nothing.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createApiKey } from '../../db/api-keys.ts';
import { createPerson } from '../../db/people.ts';
import { insertSeller } from '../../db/sellers.ts';
import { buildPolicy } from '../../domain/policy.ts';
import { parsePeriod } from '../../domain/periods.ts';
import { buildTerms } from '../../domain/terms.ts';
import { context, milestone, proposal as terms } from '../domain/fixtures.ts';
import { type Api, apiOf, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { startWorld, type World } from '../stack/world.ts';

let world: World;
let buyer: Api;
let seller: Api;
beforeAll(async () => {
  world = await startWorld({ settings: { FUND_CANCEL_LIMIT: '3' } });
  buyer = apiOf(world, world.people.buyer);
  seller = apiOf(world, world.people.seller);
});
afterAll(() => world.stop());

interface Refused {
  code: string;
  detail: string;
  param?: string;
}

test('a second extension, and one beyond the first period again', async () => {
  const escrow = await fundedEscrow(
    buyer,
    [seller],
    proposal(world.people.seller.id, [10_000], {}, { inspection_period: 'P2D' }),
  );
  const m = escrow.milestones[0]!;
  const submitted = await seller.act(escrow.id, m.id, 'submit');
  const end = Date.parse(submitted.milestones[0]!.inspection_ends_at!);
  const extend = (until?: number) =>
    buyer.post<Refused>(
      `/v1/escrows/${escrow.id}/milestones/${m.id}/extend`,
      until ? { until: new Date(until).toISOString() } : {},
    );
  const beyond = await extend(end + parsePeriod('P2D') + 60_000);
  expect([beyond.status, beyond.body.code]).toEqual([409, 'action_not_available']);
  expect((await buyer.escrow(escrow.id)).milestones[0]!.inspection_ends_at).toBe(
    submitted.milestones[0]!.inspection_ends_at,
  );
  expect((await extend()).status).toBe(200);
  expect((await extend()).status).toBe(409);
});

test('an inspection too short to look, and a policy too short to answer, in live mode', () => {
  const built = (period: string, live: boolean) => () =>
    buildTerms(terms({ milestones: [milestone({ inspection_period: period })] }), context({ live }));
  expect(built('P2DT23H', true)).toThrow(/too short to look at the work/);
  expect(built('P3D', true)).not.toThrow();
  expect(built('PT2S', false)).not.toThrow();
  expect(() => buildPolicy({ reply: 'PT1H' }, true)).toThrow(/shorter than live mode allows/);
  expect(() => buildPolicy({ reply: 'PT1H' }, false)).not.toThrow();
});

test('work before its agreed start', async () => {
  const startsAt = new Date(Date.now() + 3_600_000).toISOString();
  const escrow = await fundedEscrow(
    buyer,
    [seller],
    proposal(world.people.seller.id, [10_000], {}, { starts_at: startsAt }),
  );
  for (const action of ['start', 'submit']) {
    const answer = await seller.post<Refused>(
      `/v1/escrows/${escrow.id}/milestones/${escrow.milestones[0]!.id}/${action}`,
    );
    expect([answer.status, answer.body.code]).toEqual([409, 'action_not_available']);
    expect(answer.body.detail).toMatch(/agreed start/);
  }
});

test('funding and cancelling again and again', async () => {
  const other = apiOf(world, world.people.buyer2);
  for (let i = 0; i < 3; i++) {
    const escrow = await fundedEscrow(other, [seller], proposal(world.people.seller.id, [1000]));
    await other.cancel(escrow.id);
    await untilStatus(other, escrow.id, 'cancelled');
  }
  const next = await other.propose(proposal(world.people.seller.id, [1000]));
  await seller.agree(next.id);
  const answer = await other.post<Refused>(`/v1/escrows/${next.id}/fund`, { payment_method: 'pm_card_visa' });
  expect([answer.status, answer.body.code]).toEqual([429, 'fund_cancel_limit']);
  expect((await other.escrow(next.id)).money['charged']!.amount).toBe(0);
});

test('a seller in a country that Stripe does not transfer to, before anybody agrees', async () => {
  const person = await createPerson(world.sql, { email: 'rio@example.test', name: 'Rio', role: 'seller', password: 'x'.repeat(12) }); // prettier-ignore
  const of = (country: string) => ({ id: person!.id, stripeAccountId: 'acct_rio', country, transfers: 'active' as const, requirements: [] }); // prettier-ignore
  await insertSeller(world.sql, of('BR'));
  const answer = await buyer.post<Refused>('/v1/escrows', proposal(person!.id, [1000]));
  expect([answer.status, answer.body.code, answer.body.param]).toEqual([400, 'cross_border_unsupported', 'milestones[0].seller_id']); // prettier-ignore
  expect(answer.body.detail).toMatch(/from US.*to BR.*Choose a seller in US/);
  await world.sql`UPDATE sellers SET country = 'DE' WHERE id = ${person!.id}`;
  expect((await buyer.post('/v1/escrows', proposal(person!.id, [1000]))).status).toBe(201);
});

test('buyer and seller who are one mailbox', async () => {
  const person = await createPerson(world.sql, {
    email: 'b.uyer+shop@example.test',
    name: 'The same',
    role: 'seller',
    password: 'x'.repeat(12),
  });
  await createApiKey(world.sql, person!.id, { label: 'test' });
  await insertSeller(world.sql, {
    id: person!.id,
    stripeAccountId: 'acct_same',
    country: 'US',
    transfers: 'active',
    requirements: [],
  });
  const answer = await buyer.post<Refused>('/v1/escrows', proposal(person!.id, [1000]));
  expect([answer.status, answer.body.code, answer.body.param]).toEqual([
    400,
    'party_invalid',
    'milestones[0].seller_id',
  ]);
});

test('silence stalls nobody: the buyer’s releases the work, the seller’s on overdue work refunds it', async () => {
  const silentBuyer = await fundedEscrow(
    buyer,
    [seller],
    proposal(world.people.seller.id, [1000], {}, { inspection_period: 'PT2S' }),
  );
  await seller.act(silentBuyer.id, silentBuyer.milestones[0]!.id, 'submit');
  const dueAt = new Date(Date.now() + 2000).toISOString();
  const silentSeller = await fundedEscrow(
    buyer,
    [seller],
    proposal(world.people.seller.id, [1000], { policy: { overdue: 'PT2S' } }, { due_at: dueAt }),
  );
  await seller.act(silentSeller.id, silentSeller.milestones[0]!.id, 'start');
  await untilEscrow(buyer, silentSeller.id, (e) => e.milestones[0]!.status === 'overdue');
  await buyer.act(silentSeller.id, silentSeller.milestones[0]!.id, 'refund', { reason: 'late' });
  const [released, refunded] = await Promise.all([
    untilStatus(buyer, silentBuyer.id, 'completed'),
    untilStatus(buyer, silentSeller.id, 'completed'),
  ]);
  expect([released.money['released']!.amount, refunded.money['refunded']!.amount]).toEqual([900, 1000]);
});

test('a seller who objects to a refund of overdue work: it is disputed, and no silence refunds it', async () => {
  const dueAt = new Date(Date.now() + 2000).toISOString();
  const escrow = await fundedEscrow(
    buyer,
    [seller],
    proposal(world.people.seller.id, [1000], { policy: { overdue: 'PT4S' } }, { due_at: dueAt }),
  );
  const m = escrow.milestones[0]!.id;
  const path = `/v1/escrows/${escrow.id}/milestones/${m}/dispute`;
  await untilEscrow(buyer, escrow.id, (e) => e.milestones[0]!.status === 'overdue');
  expect((await seller.post(path, { reason: 'the buyer never answered' })).status).toBe(201);
  expect((await buyer.post<Refused>(`/v1/escrows/${escrow.id}/milestones/${m}/refund`, { reason: 'late' })).status).toBe(409); // prettier-ignore
  const after = await buyer.escrow(escrow.id);
  expect([after.milestones[0]!.status, after.frozen]).toEqual(['disputed', ['in_product_dispute']]);
});
