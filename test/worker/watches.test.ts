// What is watched day and night: payouts that fail, money near its holding limit, and solvency.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Stripe } from 'stripe';
import { DAY_MS } from '../../domain/periods.ts';
import { warnOfHoldingLimits, watchSolvency } from '../../worker/sweeps.ts';
import { connect, type Sql } from '../../db/client.ts';
import { type Api, apiOf, fundedEscrow, proposal, untilStatus } from '../stack/api.ts';
import { control, startWorld, type World } from '../stack/world.ts';

let world: World;
let owner: Sql;
let buyer: Api;
let seller: Api;
beforeAll(async () => {
  world = await startWorld();
  owner = connect(world.ownerUrl, { max: 1 });
  buyer = apiOf(world, world.people.buyer);
  seller = apiOf(world, world.people.seller);
});
afterAll(async () => {
  await owner.end();
  await world.stop();
});

test('a failed payout reaches its seller with what to do, and ops', async () => {
  const escrow = await fundedEscrow(buyer, [seller], proposal(world.people.seller.id, [50_000]));
  const m = escrow.milestones[0]!;
  await seller.act(escrow.id, m.id, 'submit');
  await buyer.act(escrow.id, m.id, 'accept');
  await untilStatus(buyer, escrow.id, 'completed');
  await control(world.sandbox.url, 'clock', { advance: 'P10D' });
  const [row] = await world.sql<
    { stripe_account_id: string }[]
  >`SELECT stripe_account_id FROM sellers WHERE id = ${world.people.seller.id}`;
  const port = Number(new URL(world.sandbox.url).port);
  const stripe = new Stripe('sk_test_x', { host: '127.0.0.1', port, protocol: 'http' });
  await control(world.sandbox.url, `accounts/${row!.stripe_account_id}`, { onboarded: true, balance: { usd: 20_000 } });
  const payout = await stripe.payouts.create(
    { amount: 10_000, currency: 'usd' },
    { stripeAccount: row!.stripe_account_id },
  );
  await control(world.sandbox.url, `payouts/${payout.id}`, { fail: 'account_closed' });
  type Payouts = { data: { id: string; status: string; failure_code: string | null; what_to_do: string | null }[] };
  const failed = async () =>
    (await seller.get<Payouts>('/v1/payouts')).body.data.find((p) => p.id === payout.id && p.status === 'failed');
  const end = Date.now() + 120_000;
  let found = await failed();
  while (!found && Date.now() < end) {
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    found = await failed();
  }
  expect(found).toMatchObject({ failure_code: 'account_closed' });
  expect(found!.what_to_do).toMatch(/another bank account/);
  const alerts = await world.sql`SELECT detail FROM alerts WHERE kind = 'payout_failed'`;
  expect(alerts).toHaveLength(1);
  const others = apiOf(world, world.people.seller2);
  expect((await others.get<Payouts>('/v1/payouts')).body.data).toEqual([]);
});

test('ops are told 30 and 15 days before the holding limit and at it, once each', async () => {
  const escrow = await fundedEscrow(buyer, [seller], proposal(world.people.seller.id, [10_000]));
  const limit = 730 * DAY_MS;
  const inDays = (days: number) => new Date(Date.now() + days * DAY_MS);
  const alertsOf = () => world.sql<{ days: number }[]>`
    SELECT (detail ->> 'days_left')::int AS days FROM alerts WHERE kind = 'holding_limit' AND escrow_id = ${escrow.id} ORDER BY id`;
  await warnOfHoldingLimits(world.sql, limit, inDays(699));
  expect(await alertsOf()).toHaveLength(0);
  await warnOfHoldingLimits(world.sql, limit, inDays(701));
  await warnOfHoldingLimits(world.sql, limit, inDays(702));
  expect((await alertsOf()).map((a) => a.days)).toEqual([30]);
  await warnOfHoldingLimits(world.sql, limit, inDays(716));
  await warnOfHoldingLimits(world.sql, limit, inDays(731));
  expect((await alertsOf()).map((a) => a.days)).toEqual([30, 15, 0]);
});

test('a shortfall of what lies at Stripe against what is owed is told once', async () => {
  const post = (key: string, stripe: number) => owner`SELECT ledger_post(${key}, 'test', 'usd', ${owner.json([
    { account: 'stripe:available', amount: stripe },
    { account: 'platform_float', amount: -stripe },
  ])})`; // prettier-ignore
  expect(await watchSolvency(world.sql)).toBe(0);
  // As if the platform's own payouts had taken buyers' money along.
  await post('taken', -1_000_000);
  expect(await watchSolvency(world.sql)).toBe(1);
  expect(await watchSolvency(world.sql)).toBe(0);
  const [alert] = await world.sql<
    { detail: { currency: string; short_by: number } }[]
  >`SELECT detail FROM alerts WHERE kind = 'insolvent'`;
  expect(alert!.detail.currency).toBe('usd');
  expect(alert!.detail.short_by).toBeGreaterThan(0);
  await post('brought back', 1_000_000);
  await owner`DELETE FROM alerts WHERE kind = 'insolvent'`;
  expect(await watchSolvency(world.sql)).toBe(0);
});
