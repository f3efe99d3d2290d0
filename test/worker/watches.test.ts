// What is watched day and night: payouts that fail, money near its holding limit, and solvency.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Stripe } from 'stripe';
import { DAY_MS } from '../../domain/periods.ts';
import { keepsBack, watchSolvency } from '../../worker/platform-payouts.ts';
import { warnOfHoldingLimits } from '../../worker/sweeps.ts';
import { connect, type Sql } from '../../db/client.ts';
import { type Api, apiOf, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import { accountOf } from '../workflows/steps.ts';

let world: World;
let owner: Sql;
let buyer: Api;
let seller: Api;
beforeAll(async () => {
  world = await startWorld({ unwatched: 'money is taken away, so that a shortfall is seen' });
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

test('a seller’s own states: restricted, active again, disconnected; what was accepted waits, and goes to nobody else', async () => {
  const [gone, other] = [apiOf(world, world.people.seller3), apiOf(world, world.people.seller2)];
  const milestones = [gone, other].map((s) => ({ title: s.person.email, amount: 5000, seller_id: s.person.id }));
  const escrow = await fundedEscrow(buyer, [gone, other], { ...proposal('', []), milestones });
  const account = await accountOf(world, gone.person.id);
  const ops = apiOf(world, world.people.ops);
  const become = async (change: object, status: string): Promise<void> => {
    await control(world.sandbox.url, `accounts/${account}`, change);
    const end = Date.now() + 120_000;
    const now = async () => (await ops.get<{ status: string }>(`/v1/sellers/${gone.person.id}`)).body.status;
    while ((await now()) !== status && Date.now() < end) await new Promise((resolve) => void setTimeout(resolve, 100));
    expect(await now()).toBe(status);
  };
  await become({ transfers: 'inactive' }, 'restricted');
  await become({ transfers: 'active' }, 'active');
  await become({ deauthorized: true }, 'disconnected');
  for (const [i, s] of [gone, other].entries()) {
    await s.act(escrow.id, escrow.milestones[i]!.id, 'submit');
    await buyer.act(escrow.id, escrow.milestones[i]!.id, 'accept');
  }
  const waits = await untilEscrow(buyer, escrow.id, (e) => e.milestones.map((m) => m.status).join() === 'blocked_kyc,released'); // prettier-ignore
  expect([waits.money['held']!.amount, waits.money['released']!.amount]).toEqual([4500, 4500]);
  await expectBooksClose(world, escrow.id);
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

describe('the platform’s own payouts', () => {
  const stripeOf = () => new Stripe('sk_test_x', { host: '127.0.0.1', port: Number(new URL(world.sandbox.url).port), protocol: 'http' }); // prettier-ignore
  const told = async () => (await world.sql<{ detail: Record<string, unknown> }[]>`SELECT detail FROM alerts WHERE kind IN ('held_money_may_leave', 'insolvent') ORDER BY id`).map((a) => a.detail); // prettier-ignore
  const schedule = (interval: 'daily' | 'manual', minimum: number | '') =>
    stripeOf().balanceSettings.update({ payments: { payouts: { schedule: { interval }, minimum_balance_by_currency: { usd: minimum } } } }); // prettier-ignore
  const again = () => owner`DELETE FROM alerts WHERE kind IN ('held_money_may_leave', 'insolvent')`;

  test('automatic ones without a minimum balance may take held money along: told once; manual or enough kept back, not', async () => {
    await topUpFloat(world, 'usd', 100_000n);
    await fundedEscrow(buyer, [seller], proposal(world.people.seller.id, [30_000]));
    await again();
    await schedule('daily', '');
    expect(await world.payments.balanceSettings()).toEqual({ interval: 'daily', payoutStatus: 'enabled', minimumBalances: {} }); // prettier-ignore
    expect(await watchSolvency(world.sql, world.payments)).toBe(1);
    expect(await watchSolvency(world.sql, world.payments)).toBe(0);
    expect(await told()).toMatchObject([{ currency: 'usd', platform_payouts: 'daily', minimum_balance: 0 }]);
    const owed = Number((await told())[0]!['owed_to_others']);
    expect(owed).toBeGreaterThanOrEqual(30_000);

    await again();
    await schedule('daily', owed - 1);
    expect(await watchSolvency(world.sql, world.payments)).toBe(1);
    await again();
    await schedule('daily', owed);
    expect(await watchSolvency(world.sql, world.payments)).toBe(0);
    await schedule('manual', '');
    expect(await watchSolvency(world.sql, world.payments)).toBe(0);
    expect(await told()).toEqual([]);
  });

  test('a shortfall stops them', async () => {
    await again();
    await schedule('daily', 1_000_000);
    const [cover] = await world.sql<{ extra: bigint }[]>`
      SELECT sum(amount)::bigint AS extra FROM ledger_entries WHERE currency = 'usd'
        AND account_class IN ('stripe_pending', 'stripe_available', 'stripe_reserved', 'held', 'fee_unearned', 'payable', 'on_hold', 'tax')`;
    const taken = Number(cover!.extra) + 1;
    const post = (key: string, amount: number) => owner`SELECT ledger_post(${key}, 'test', 'usd', ${owner.json([
      { account: 'stripe:available', amount },
      { account: 'platform_float', amount: -amount },
    ])})`; // prettier-ignore
    await post('gone', -taken);
    expect(await watchSolvency(world.sql, world.payments)).toBe(1);
    expect(await told()).toMatchObject([{ short_by: 1, payouts_stopped: 'yes', platform_payouts: 'manual' }]);
    expect((await world.payments.balanceSettings()).interval).toBe('manual');
    await post('found', taken);
    await again();
    expect(await watchSolvency(world.sql, world.payments)).toBe(0);
  });

  test('a schedule that this version does not know is no promise', () => {
    const unknown = { interval: 'hourly', payoutStatus: 'enabled', minimumBalances: {} };
    expect(keepsBack(unknown, { currency: 'usd', liabilities: 1n })).toBe(false);
    expect(keepsBack({ ...unknown, minimumBalances: { usd: 1n } }, { currency: 'usd', liabilities: 1n })).toBe(true);
    expect(keepsBack({ ...unknown, payoutStatus: 'disabled' }, { currency: 'usd', liabilities: 1n })).toBe(true);
  });
});
