// Activities of recovery that die at every point: each money step happens once, and the books close.
import { Context } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pino from 'pino';
import { createActivities } from '../../activities/index.ts';
import { snapshotOf } from '../../domain/escrow-state.ts';
import { PaymentsError } from '../../payments/errors.ts';
import { castOf } from '../stack/api.ts';
import { topUpFloat, workflowState } from '../stack/books.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import { type Cast, debtsOf, expectSound, movementsOf, refundBy, releasedEscrow, setSellerBalance, untilMoney, untilRefundWorkflow } from './steps.ts'; // prettier-ignore

const POINTS = ['before_call', 'after_effect', 'after_commit'] as const;
const armed = new Set<string>();
const arm = (...activities: string[]): void => {
  for (const activity of activities) for (const point of POINTS) armed.add(`${activity} ${point}`);
};

let world: World;
let cast: Cast;
beforeAll(async () => {
  world = await startWorld({
    crashPoint: (point) => {
      const name = `${Context.current().info.activityType} ${point}`;
      if (armed.delete(name)) throw new Error(`died ${name}`);
    },
  });
  cast = castOf(world);
  await topUpFloat(world, 'usd', 1_000_000n);
});
afterAll(() => world.stop());

const several = <T>(count: number, make: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, make));

test('a reversal and its refund are made once each', async () => {
  const escrows = await several(4, () => releasedEscrow(cast, [5000]));
  arm('takeBack', 'refundReleased');
  const answers = await Promise.all(escrows.map((e) => refundBy(cast.ops, e)));
  expect(answers.map((a) => a.status)).toEqual([200, 200, 200, 200]);
  for (const { id } of escrows) {
    await untilMoney(cast, id, { refunded: 5000, released: 0, fees: 0, owed: 0 });
    await untilRefundWorkflow(world, id, 'refunded');
    expect(await movementsOf(world, id, 'reversal')).toHaveLength(1);
  }
  expect([...armed]).toEqual([]);
  await expectSound(world, cast, ...escrows.map((e) => e.id));
}, 400_000);

test('the seller is paid again once', async () => {
  const escrows = await several(3, () => releasedEscrow(cast, [5000], {}, 'seller2'));
  arm('payAgain');
  await control(world.sandbox.url, 'faults', { match: { method: 'POST', path: '/v1/refunds' }, kind: 'status', status: 400, times: 3 }); // prettier-ignore
  await Promise.all(escrows.map((e) => refundBy(cast.ops, e)));
  for (const { id } of escrows) {
    await untilRefundWorkflow(world, id, 'undone');
    await untilMoney(cast, id, { refunded: 0, released: 4500, fees: 500, held: 0 });
    expect((await movementsOf(world, id, 'transfer')).map((t) => t.amount)).toEqual([4500n, 4500n]);
  }
  expect([...armed]).toEqual([]);
  await expectSound(world, cast, ...escrows.map((e) => e.id));
}, 400_000);

test('a seller whom Stripe refuses to be paid again is one alert, and another only when ops have closed it', async () => {
  const escrow = await releasedEscrow(cast, [5000], {}, 'seller2');
  const [m] = (await workflowState(world, escrow.id)).milestones;
  const payments = { ...world.payments, createTransfer: () => Promise.reject(new PaymentsError('refused', 'account_closed', 'It is closed.')) }; // prettier-ignore
  const { payAgain } = createActivities({ sql: world.sql, payments, logger: pino({ level: 'silent' }) });
  const order = { recoveryId: `rfd_${escrow.id.slice(4)}`, escrowId: escrow.id, milestoneId: m!.id, sellerId: m!.sellerId, chargeId: m!.funds!.chargeId, currency: 'usd', amount: 1 }; // prettier-ignore
  const refused = () => expect(new MockActivityEnvironment().run(() => payAgain(order))).rejects.toMatchObject({ type: 'account_closed', nonRetryable: false }); // prettier-ignore
  const told = async () => (await world.sql`SELECT FROM alerts WHERE escrow_id = ${escrow.id} AND kind = 'pay_again_refused'`).length; // prettier-ignore
  await refused();
  await refused();
  expect(await told()).toBe(1);
  await world.sql`UPDATE alerts SET resolved_at = now() WHERE escrow_id = ${escrow.id} AND kind = 'pay_again_refused'`;
  await refused();
  await refused();
  expect(await told()).toBe(2);
});

test('a debt is taken out of a release once, also where nothing is left to transfer', async () => {
  const { seller3 } = cast;
  const debtor = await releasedEscrow(cast, [8000], {}, 'seller3');
  await setSellerBalance(world, seller3.person.id, 0);
  await refundBy(cast.ops, debtor);
  await untilMoney(cast, debtor.id, { refunded: 8000, owed: 7200 });
  const whole = await releasedEscrow(cast, [5000], {}, 'seller3');
  const posted = () => world.sql`SELECT id FROM ledger_transactions ORDER BY id`;
  const before = await posted();

  // The same order again, as after a worker that died before its answer was known.
  const state = await workflowState(world, whole.id);
  const [m] = state.milestones;
  const { principal, sellerFee, buyerFee, payable, part } = m!.releases[0]!;
  const activities = createActivities({ sql: world.sql, payments: world.payments, logger: pino({ level: 'silent' }) });
  const answer = await activities.transferToSeller({
    escrowId: whole.id,
    milestoneId: m!.id,
    sellerId: m!.sellerId,
    part,
    generation: 1,
    chargeId: m!.funds!.chargeId,
    paymentId: m!.funds!.paymentId,
    currency: 'usd',
    principal,
    sellerFee,
    buyerFee,
    payable,
    after: snapshotOf(state),
  });
  expect(answer).toMatchObject({ outcome: 'released', stripeTransferId: null });
  expect(await posted()).toEqual(before);
  await untilMoney(cast, debtor.id, { owed: 2700, released: 2700 });

  // 2700 for the rest of the debt, 900 to the seller, though the worker dies on the way.
  armed.add('transferToSeller after_effect');
  const rest = await releasedEscrow(cast, [4000], {}, 'seller3');
  expect((await movementsOf(world, rest.id, 'transfer')).map((t) => t.amount)).toEqual([900n]);
  await untilMoney(cast, debtor.id, { owed: 0, released: 0 });
  expect(await debtsOf(world, seller3.person.id)).toMatchObject([{ amount: 7200n, recovered: 7200n, status: 'recovered' }]); // prettier-ignore
  expect([...armed]).toEqual([]);
  await expectSound(world, cast, debtor.id, whole.id, rest.id);
}, 400_000);
