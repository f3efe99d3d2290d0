// The ordinary life of an escrow on the real server, and what it costs in events and billable actions.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Api, apiOf, expectMoneyAddsUp, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { costOf } from '../stack/cost.ts';
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

describe('three milestones, accepted', () => {
  test('each is transferred to its seller, the fee stays, and it costs at most 24 actions and 100 events', async () => {
    const escrow = await fundedEscrow(buyer, [seller], proposal(world.people.seller.id, [10_000, 10_000, 10_000]));
    expect(escrow.status).toBe('active');
    expect(escrow.money['held']).toEqual({ amount: 30_000, currency: 'usd' });
    for (const m of escrow.milestones) {
      await seller.act(escrow.id, m.id, 'submit', { note: 'done' });
      await buyer.act(escrow.id, m.id, 'accept');
      await untilEscrow(buyer, escrow.id, (e) => e.milestones.find((x) => x.id === m.id)!.status === 'released');
    }
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(done.money['released']!.amount).toBe(27_000);
    expect(done.money['fees']!.amount).toBe(3000);
    expect(done.money['held']!.amount).toBe(0);
    expectMoneyAddsUp(done);
    const transfers = await buyer.list<{ status: string; amount: { amount: number }; stripe_transfer_id: string }>(
      escrow.id,
      'transfers',
    );
    expect(transfers.map((t) => [t.status, t.amount.amount])).toEqual([['succeeded', 9000], ['succeeded', 9000], ['succeeded', 9000]]); // prettier-ignore
    const cost = await costOf(world.client, `escrow/${escrow.id}`);
    process.stderr.write(`cost ${JSON.stringify(cost)}\n`);
    await recordEscrow(world, escrow.id, 'accepted');
    expect(cost.actions).toBeLessThanOrEqual(24);
    expect(cost.events).toBeLessThanOrEqual(100);
  });
});

describe('three milestones, let pass', () => {
  // Temporal's timers tick in whole seconds: reminders two seconds apart are three of their own, as days apart they are.
  test('reminders come, the money goes by itself, and it costs at most 36 actions and 125 events', async () => {
    const escrow = await fundedEscrow(buyer, [seller], proposal(world.people.seller.id, [10_000, 10_000, 10_000], { policy: { remind: [0.3, 0.6, 0.8] } }, { inspection_period: 'PT10S' })); // prettier-ignore
    for (const m of escrow.milestones) await seller.act(escrow.id, m.id, 'submit');
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(done.money['released']!.amount).toBe(27_000);
    const timeline = await buyer.list<{ type: string }>(escrow.id, 'timeline');
    expect(timeline.filter((e) => e.type === 'milestone.inspection_reminder')).toHaveLength(9);
    expect(timeline.filter((e) => e.type === 'milestone.auto_accepted')).toHaveLength(3);
    const cost = await costOf(world.client, `escrow/${escrow.id}`);
    process.stderr.write(`cost ${JSON.stringify(cost)}\n`);
    await recordEscrow(world, escrow.id, 'automatic');
    expect(cost.actions).toBeLessThanOrEqual(36);
    expect(cost.events).toBeLessThanOrEqual(125);
  });
});
