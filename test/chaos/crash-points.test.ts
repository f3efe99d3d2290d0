// The crash-point matrix: each activity that moves money, in a worker process that kill -9 ends before its call to Stripe,
// after the effect, after the ledger's commit, and before its completion. One effect each, by Stripe's lists and the books.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from '../../db/client.ts';
import type { Deal } from '../../cli/demo/deal.ts';
import { until } from '../supervisor/wait.ts';
import { ONE_PART, type StackUnderTest, startStackUnderTest } from './stack-under-test.ts';

const POINTS = ['before_call', 'after_effect', 'after_commit', 'before_completion'] as const;
/** Of what only reads Stripe and books it. */
const BOOKING = ['after_commit', 'before_completion'] as const;

/** How often each list of Stripe has something of the escrow, and each kind of movement succeeded. */
interface Effects {
  payments: number;
  transfers: number;
  reversals: number;
  refunds: number;
}

interface Row {
  activity: string;
  points: readonly (typeof POINTS)[number][];
  /** Up to where the next step is the activity. */
  prepare(deal: Deal): Promise<void>;
  /** What makes it run. */
  begin(deal: Deal): Promise<unknown>;
  ended(deal: Deal): Promise<void>;
  money: Record<string, number>;
  effects: Effects;
}

const delivered = async (deal: Deal): Promise<void> => {
  await deal.agreed(ONE_PART);
  await deal.fund();
  await deal.deliver(0);
};
const released = async (deal: Deal): Promise<void> => {
  await delivered(deal);
  await deal.accept(0);
  await deal.until('completed');
};
const refundByOps = (deal: Deal): Promise<unknown> =>
  deal.cast.ops.api.refundMilestone({ ...deal.milestoneAt(0), body: { reason: 'Not as agreed.' } });
const recovery = (status: string) => (deal: Deal) =>
  deal.untilTrue(`the refund to be ${status}`, async ({ id }) => {
    const rows = await s.sql<{ status: string }[]>`SELECT status FROM recoveries WHERE escrow_id = ${id}`;
    return rows.length === 1 && rows[0]!.status === status;
  });

async function disputeCharge(deal: Deal): Promise<void> {
  await deal.control('disputes', { charge: await deal.stripeIdOf('stripe_charge_id'), due_in: 'P9D' });
}
async function disputeOf(deal: Deal): Promise<{ id: string } | undefined> {
  const { data } = await deal.cast.ops.api.listDisputes({ escrow_id: deal.escrow.id });
  return data.find((d) => d.kind === 'card');
}
async function acceptLoss(deal: Deal): Promise<void> {
  await deal.cast.ops.api.acceptLoss({ id: (await disputeOf(deal))!.id });
}

let s: StackUnderTest;

// payAgain comes first: its refunds are refused by a fault that would hit the other rows' refunds.
const ROWS: readonly Row[] = [
  {
    activity: 'payAgain',
    points: POINTS,
    prepare: released,
    begin: async (deal) => {
      await deal.control('faults', { match: { method: 'POST', path: '/v1/refunds' }, kind: 'status', status: 400, times: 1 }); // prettier-ignore
      return refundByOps(deal);
    },
    ended: (deal) => recovery('undone')(deal),
    money: { charged: 10_000, released: 9000, refunded: 0, fees: 1000, owed: 0, held: 0 },
    effects: { payments: 1, transfers: 2, reversals: 1, refunds: 0 },
  },
  {
    activity: 'createPayment',
    points: POINTS,
    prepare: (deal) => deal.agreed(ONE_PART),
    begin: (deal) => deal.fund(),
    ended: (deal) => deal.until('active'),
    money: { charged: 10_000, held: 10_000 },
    effects: { payments: 1, transfers: 0, reversals: 0, refunds: 0 },
  },
  {
    activity: 'transferToSeller',
    points: POINTS,
    prepare: delivered,
    begin: (deal) => deal.accept(0),
    ended: (deal) => deal.until('completed'),
    money: { charged: 10_000, released: 9000, fees: 1000, held: 0 },
    effects: { payments: 1, transfers: 1, reversals: 0, refunds: 0 },
  },
  {
    activity: 'refundToBuyer',
    points: POINTS,
    prepare: delivered,
    begin: refundByOps,
    ended: (deal) => deal.until('completed'),
    money: { charged: 10_000, refunded: 10_000, released: 0, fees: 0, held: 0 },
    effects: { payments: 1, transfers: 0, reversals: 0, refunds: 1 },
  },
  {
    activity: 'takeBack',
    points: POINTS,
    prepare: released,
    begin: refundByOps,
    ended: (deal) => recovery('refunded')(deal),
    money: { charged: 10_000, refunded: 10_000, released: 0, fees: 0, owed: 0, held: 0 },
    effects: { payments: 1, transfers: 1, reversals: 1, refunds: 1 },
  },
  {
    activity: 'refundReleased',
    points: POINTS,
    prepare: released,
    begin: refundByOps,
    ended: (deal) => recovery('refunded')(deal),
    money: { charged: 10_000, refunded: 10_000, released: 0, fees: 0, owed: 0, held: 0 },
    effects: { payments: 1, transfers: 1, reversals: 1, refunds: 1 },
  },
  {
    activity: 'recordDispute',
    points: BOOKING,
    prepare: delivered,
    begin: disputeCharge,
    ended: async (deal) => {
      await deal.untilTrue('the chargeback', (e) => e.frozen.includes('card_dispute'));
      await acceptLoss(deal);
      await deal.until('completed');
    },
    money: { charged: 10_000, charged_back: 10_000, released: 0, refunded: 0, fees: 0, held: 0 },
    effects: { payments: 1, transfers: 0, reversals: 0, refunds: 0 },
  },
  {
    activity: 'settleDisputeLoss',
    points: BOOKING,
    prepare: async (deal) => {
      await released(deal);
      await disputeCharge(deal);
      await deal.untilTrue('the chargeback', async () => (await disputeOf(deal)) !== undefined);
    },
    begin: acceptLoss,
    ended: (deal) => deal.untilTrue('the loss', (e) => e.money.charged_back!.amount === 10_000),
    money: { charged: 10_000, charged_back: 10_000, released: 0, refunded: 0, fees: 0, held: 0, owed: 0 },
    effects: { payments: 1, transfers: 1, reversals: 1, refunds: 0 },
  },
];
const CELLS = ROWS.flatMap((row) => row.points.map((point) => ({ row, point, name: `${row.activity} ${point}` })));

const deals = new Map<string, Deal>();

beforeAll(async () => {
  s = await startStackUnderTest(2, 1_000_000);
  const cells = CELLS.map((cell) => ({ ...cell, deal: s.deal() }));
  await Promise.all(cells.map(({ row, deal }) => row.prepare(deal)));
  const begun: Promise<unknown>[] = [];
  for (const { row, name, deal } of cells) {
    s.arm(name);
    begun.push(row.begin(deal));
    await until(() => readFileSync(s.crashFile, 'utf8') === '', `a worker dies at ${name}`, 300_000);
    deals.set(name, deal);
  }
  await Promise.all(begun);
  await Promise.all(cells.map(({ row, deal }) => row.ended(deal)));
}, 1_200_000);
afterAll(() => s.stop(), 60_000);

test('each cell of the matrix killed a worker process', async () => {
  await until(() => s.deaths() >= CELLS.length, 'the deaths are seen');
  expect(s.deaths()).toBeGreaterThanOrEqual(CELLS.length);
});

describe.each(ROWS.map((row) => [row.activity, row] as const))('%s', (activity, row) => {
  test.each(row.points)('killed %s: one effect', async (point) => {
    const deal = deals.get(`${activity} ${point}`)!;
    expect(await deal.prove().then((faults) => faults.filter((f) => f.startsWith('identity')))).toEqual([]);
    expect(() => deal.expect(row.money)).not.toThrow();
    const { payments, transfers, reversals, refunds } = await s.atStripe(deal.escrow.id);
    expect({ payments: payments.length, transfers: transfers.length, reversals: reversals.length, refunds: refunds.length }).toEqual(row.effects); // prettier-ignore
    const posted = await s.sql<{ kind: string; count: bigint }[]>`
      SELECT kind, count(*) FROM movements WHERE escrow_id = ${deal.escrow.id} AND status = 'succeeded' GROUP BY kind`;
    const of = (kind: string) => Number(posted.find((p) => p.kind === kind)?.count ?? 0);
    expect({ payments: of('payment'), transfers: of('transfer'), reversals: of('reversal'), refunds: of('refund') }).toEqual(row.effects); // prettier-ignore
  });
});

test('a release that overtakes one whose completion was lost: the escrow ends, and is seen to have ended', async () => {
  const deal = s.deal();
  const part = ONE_PART.milestones[0]!;
  await deal.agreed({ ...ONE_PART, milestones: [part, part] });
  await deal.fund();
  for (const index of [0, 1]) await deal.deliver(index);
  s.arm('transferToSeller before_completion');
  await deal.accept(0);
  await until(() => readFileSync(s.crashFile, 'utf8') === '', 'a worker dies', 60_000);
  await deal.accept(1);
  await deal.until('completed');
  deal.expect({ charged: 20_000, released: 18_000, fees: 2000, held: 0 });
  expect(await s.broken([deal.escrow.id], 20_000)).toEqual([]);
}, 400_000);

test('a timer that fires while the database refuses its change does not end the escrow: it is told later', async () => {
  const owner = connect(s.stack.env['MIGRATION_DATABASE_URL']!, { max: 1, applicationName: 'refusing' });
  const deal = s.deal();
  try {
    await deal.propose({ ...ONE_PART, policy: { agree: 'PT2S' } });
    await owner`REVOKE UPDATE ON escrows FROM tranche_app`;
    const workflow = s.client.workflow.getHandle(`escrow/${deal.escrow.id}`);
    // The local activity has given up, and an activity of its own goes on.
    await until(async () => ((await workflow.describe()).raw.pendingActivities ?? []).length > 0, 'it is tried by an activity'); // prettier-ignore
    expect((await workflow.describe()).status.name).toBe('RUNNING');
  } finally {
    await owner`GRANT UPDATE ON escrows TO tranche_app`;
    await owner.end();
  }
  await deal.until('expired');
  expect(await s.broken([deal.escrow.id], 20_000)).toEqual([]);
}, 400_000);

test('every invariant holds, with Stripe’s own books and the workflows', async () => {
  expect(await s.broken([], 40_000)).toEqual([]);
}, 400_000);
