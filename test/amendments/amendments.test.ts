// Amendments on the real stack: more money, less money, new dates, new milestones; rejected, lapsed, refused.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type Api,
  apiOf,
  type EscrowObject,
  expectMoneyAddsUp,
  fundedEscrow,
  proposal,
  untilEscrow,
  untilStatus,
} from '../stack/api.ts';
import { recordEscrow } from '../stack/record-history.ts';
import { startWorld, type World } from '../stack/world.ts';

let world: World;
let buyer: Api;
let seller: Api;
beforeAll(async () => {
  world = await startWorld();
  buyer = apiOf(world, world.people.buyer);
  seller = apiOf(world, world.people.seller);
});
afterAll(() => world.stop());

const amendmentOf = (e: EscrowObject) =>
  e['amendment'] as { id: string; terms_hash: string; total: { amount: number } };
const twoParts = () =>
  fundedEscrow(buyer, [seller], proposal(world.people.seller.id, [10_000, 20_000], { fee_payer: 'buyer' }));

async function amend(by: Api, escrow: EscrowObject, milestones: object[]): Promise<EscrowObject> {
  const answer = await by.post<EscrowObject>(`/v1/escrows/${escrow.id}/amendments`, { milestones });
  expect(answer.status).toBe(200);
  expect(answer.body.status).toBe('amending');
  return answer.body;
}

test('less money is refunded with its fee when all have signed, and the rest runs to its end', async () => {
  const escrow = await twoParts();
  expect(escrow.money['charged']!.amount).toBe(33_000);
  const [first, second] = escrow.milestones as [EscrowObject['milestones'][number], EscrowObject['milestones'][number]];
  const proposed = await amend(seller, escrow, [{ id: first.id }, { id: second.id, amount: 15_000 }]);
  expect(proposed.money['refunded']!.amount).toBe(0);
  const signed = await buyer.post<EscrowObject>(`/v1/amendments/${amendmentOf(proposed).id}/sign`, {
    terms_hash: amendmentOf(proposed).terms_hash,
  });
  expect([signed.status, signed.body.status, signed.body['terms_version']]).toEqual([200, 'active', 2]);
  await untilEscrow(buyer, escrow.id, (e) => e.money['refunded']!.amount === 5500);
  for (const m of [first, second]) {
    await seller.act(escrow.id, m.id, 'submit');
    await buyer.act(escrow.id, m.id, 'accept');
  }
  const done = await untilStatus(buyer, escrow.id, 'completed');
  expect([done.money['released']!.amount, done.money['fees']!.amount, done.money['refunded']!.amount]).toEqual([
    25_000, 2500, 5500,
  ]);
  await recordEscrow(world, escrow.id, 'amended-to-less');
});

test('more money is a new milestone with a payment of its own', async () => {
  const escrow = await twoParts();
  const [first, second] = escrow.milestones as [EscrowObject['milestones'][number], EscrowObject['milestones'][number]];
  const proposed = await amend(buyer, escrow, [{ id: first.id, amount: 12_500 }, { id: second.id }]);
  const { body } = await seller.post<EscrowObject>(`/v1/amendments/${amendmentOf(proposed).id}/sign`);
  expect(body.milestones.map((m) => [m.amount.amount, m.status])).toEqual([[10_000, 'funded'], [20_000, 'funded'], [2500, 'awaiting_funding']]); // prettier-ignore
  const { escrow: paid } = await buyer.fund(escrow.id);
  expect(paid.money['charged']!.amount).toBe(35_750);
  expect(await buyer.list(escrow.id, 'payments')).toHaveLength(2);
  const added = paid.milestones[2]!;
  await seller.act(escrow.id, added.id, 'submit');
  await buyer.act(escrow.id, added.id, 'accept');
  await untilEscrow(buyer, escrow.id, (e) => e.milestones[2]!.status === 'released');
  await buyer.cancel(escrow.id).catch(() => undefined);
  expectMoneyAddsUp(await buyer.escrow(escrow.id));
});

test('a milestone is taken out, its money goes back; a new seller is added and signs', async () => {
  const escrow = await twoParts();
  const [first] = escrow.milestones as [EscrowObject['milestones'][number]];
  const proposed = await amend(buyer, escrow, [
    { id: first.id },
    { title: 'Photos', amount: 5000, seller_id: world.people.seller2.id },
  ]);
  const seller2 = apiOf(world, world.people.seller2);
  await seller.post(`/v1/amendments/${amendmentOf(proposed).id}/sign`);
  const still = await buyer.escrow(escrow.id);
  expect(still.status).toBe('amending');
  const { body, status } = await seller2.post<EscrowObject>(`/v1/amendments/${amendmentOf(proposed).id}/sign`);
  expect([status, body.status]).toEqual([200, 'active']);
  const after = await untilEscrow(buyer, escrow.id, (e) => e.milestones[1]!.status === 'refunded');
  expect(after.milestones.map((m) => m.status)).toEqual(['funded', 'refunded', 'awaiting_funding']);
  expect(after.money['refunded']!.amount).toBe(22_000);
});

test('rejected or not signed in time, the old terms stay', async () => {
  const policy = { amend: 'PT2S' };
  const escrow = await fundedEscrow(buyer, [seller], proposal(world.people.seller.id, [10_000], { policy }));
  const only = [{ id: escrow.milestones[0]!.id, amount: 8000 }];
  const first = await amend(buyer, escrow, only);
  const rejected = await seller.post<EscrowObject>(`/v1/amendments/${amendmentOf(first).id}/reject`);
  expect([rejected.body.status, rejected.body['amendment'], rejected.body.terms_hash]).toEqual([
    'active',
    null,
    escrow.terms_hash,
  ]);
  await amend(buyer, escrow, only);
  const lapsed = await untilStatus(buyer, escrow.id, 'active');
  expect([lapsed.terms_hash, lapsed.money['refunded']!.amount]).toEqual([escrow.terms_hash, 0]);
  await recordEscrow(world, escrow.id, 'amendment-lapsed');
});

test('what cannot be is refused with words and changes nothing', async () => {
  const escrow = await twoParts();
  const [first, second] = escrow.milestones as [EscrowObject['milestones'][number], EscrowObject['milestones'][number]];
  const post = (milestones: object[]) =>
    buyer.post<{ code: string; param: string }>(`/v1/escrows/${escrow.id}/amendments`, { milestones });
  expect((await post([{ id: first.id }, { id: second.id }])).body.code).toBe('milestones_invalid');
  expect((await post([{ id: first.id, seller_id: world.people.seller2.id }])).body.code).toBe('party_invalid');
  expect((await post([{ id: 'ms_nobody' }])).body).toMatchObject({
    code: 'milestones_invalid',
    param: 'milestones[0].id',
  });
  // Work that was submitted meanwhile keeps its money: the signature is refused, not guessed.
  const proposed = await amend(buyer, escrow, [{ id: first.id, amount: 8000 }, { id: second.id }]);
  await seller.act(escrow.id, first.id, 'submit');
  const signed = await seller.post<{ code: string; detail: string }>(`/v1/amendments/${amendmentOf(proposed).id}/sign`);
  expect([signed.status, signed.body.code]).toEqual([409, 'action_not_available']);
  expect((await buyer.escrow(escrow.id)).money['refunded']!.amount).toBe(0);
});

test('overdue work gets a new date, and goes on', async () => {
  const due = (ms: number) => new Date(Date.now() + ms).toISOString();
  const escrow = await fundedEscrow(
    buyer,
    [seller],
    proposal(world.people.seller.id, [10_000], {}, { due_at: due(2000) }),
  );
  const { id } = escrow.milestones[0]!;
  await seller.act(escrow.id, id, 'start');
  await untilEscrow(buyer, escrow.id, (e) => e.milestones[0]!.status === 'overdue');
  const proposed = await amend(seller, escrow, [{ id, due_at: due(86_400_000) }]);
  const { body } = await buyer.post<EscrowObject>(`/v1/amendments/${amendmentOf(proposed).id}/sign`);
  expect([body.status, body.milestones[0]!.status]).toEqual(['active', 'started']);
  await seller.act(escrow.id, id, 'submit');
  await buyer.act(escrow.id, id, 'accept');
  await untilStatus(buyer, escrow.id, 'completed');
});
