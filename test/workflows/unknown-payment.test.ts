// A payment whose creation gave up without an answer: ops are asked, and lifting the freeze looks up what became of it.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { checkInvariants } from '../../db/invariants.ts';
import { type Api, apiOf, expectMoneyAddsUp, proposal, untilEscrow } from '../stack/api.ts';
import { topUpFloat } from '../stack/books.ts';
import { startWorld, type World } from '../stack/world.ts';

let world: World;
let buyer: Api;
let seller: Api;
let ops: Api;
let failAt: string | null = null;
beforeAll(async () => {
  world = await startWorld({
    crashPoint: (name) => {
      if (name !== failAt) return;
      failAt = null;
      throw ApplicationFailure.nonRetryable('gave up', 'GaveUp');
    },
  });
  buyer = apiOf(world, world.people.buyer);
  seller = apiOf(world, world.people.seller);
  ops = apiOf(world, world.people.ops);
  await topUpFloat(world, 'usd', 100_000n);
});
afterAll(() => world.stop());

async function unanswered(point: string): Promise<string> {
  const { id } = await buyer.propose(proposal(world.people.seller.id, [10_000]));
  await seller.agree(id);
  failAt = point;
  const { escrow } = await buyer.fund(id);
  expect(escrow.frozen).toEqual(['ops']);
  expect(escrow.money['charged']!.amount).toBe(0);
  return id;
}

test('what Stripe had made is found and counts once', async () => {
  const id = await unanswered('after_effect');
  await ops.post(`/v1/ops/escrows/${id}/unfreeze`, {});
  const paid = await untilEscrow(buyer, id, (e) => e.status === 'active');
  expect(paid.money['held']!.amount).toBe(10_000);
  expect(await buyer.list(id, 'payments')).toHaveLength(1);
  expectMoneyAddsUp(paid);
});

test('what Stripe never made is given up, and the buyer pays anew', async () => {
  const id = await unanswered('before_call');
  await ops.post(`/v1/ops/escrows/${id}/unfreeze`, {});
  await untilEscrow(buyer, id, (e) => (e['payments'] as { status: string }[])[0]!.status === 'canceled');
  const { escrow } = await buyer.fund(id);
  expect([escrow.status, escrow.money['charged']!.amount]).toEqual(['active', 10_000]);
});

test('booked and allocated without an answer, then cancelled: all of it goes back, out of nobody’s held money', async () => {
  const { id } = await buyer.propose(proposal(world.people.seller.id, [10_000]));
  await seller.agree(id);
  failAt = 'after_commit';
  const { escrow } = await buyer.fund(id);
  expect([escrow.frozen, escrow.money['held']!.amount]).toEqual([['ops'], 10_000]);
  await buyer.cancel(id);
  await ops.post(`/v1/ops/escrows/${id}/unfreeze`, {});
  const done = await untilEscrow(buyer, id, (e) => e.status === 'cancelled');
  expect([done.money['charged']!.amount, done.money['refunded']!.amount, done.money['held']!.amount]).toEqual([
    10_000, 10_000, 0,
  ]);
  const [payment] = await buyer.list<{ id: string }>(id, 'payments');
  const clearing = await world.sql`SELECT amount FROM ledger_balances WHERE account = ${`charge:${payment!.id}`}`;
  expect(clearing[0]).toEqual({ amount: 0n });
  const milestone =
    await world.sql`SELECT amount FROM ledger_balances WHERE account = ${`milestone:${done.milestones[0]!.id}:held`}`;
  expect(milestone[0]).toEqual({ amount: 0n });
  expect((await checkInvariants(world.sql)).filter((i) => !i.holds)).toEqual([]);
});
