// An operator resets the workflows beside an escrow, when they have ended, to each of their workflow tasks: a refund of
// released money that the bank sent back, a refund made again, one that the platform's bank paid, a lost chargeback, a debt. No money moves a second time.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { watchDebts } from '../../worker/debts.ts';
import { ended as untilSettled, openDispute } from '../chargebacks/acts.ts';
import { backdatePayment, paidByDebit } from '../stack/backdate.ts';
import { castOf, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { topUpFloat } from '../stack/books.ts';
import { type Resets, resetToEachTask } from '../stack/resets.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import { until } from '../supervisor/wait.ts';
import { actPath, refundsOf } from '../workflows/steps.ts';
import { type Cast, debtsOf, expectSound, refundBy, releasedEscrow, setSellerBalance, untilRefundWorkflow } from './steps.ts'; // prettier-ignore

let world: World;
let cast: Cast;
beforeAll(async () => {
  world = await startWorld();
  cast = castOf(world);
  await topUpFloat(world, 'usd', 1_000_000n);
});
afterAll(() => world.stop());

/** Every movement of the platform's balance at Stripe, and every leg of the ledger. */
async function allMoney(): Promise<{ atStripe: string[]; posted: object[] }> {
  const atStripe: string[] = [];
  for await (const { id, type, amountMinor } of world.payments.listBalanceTransactions()) atStripe.push(`${id} ${type} ${amountMinor}`); // prettier-ignore
  const posted = await world.sql`
    SELECT t.kind, e.account, e.amount::text FROM ledger_entries e JOIN ledger_transactions t ON t.id = e.transaction_id
    ORDER BY t.kind, e.account, e.amount`;
  return { atStripe: atStripe.toSorted(), posted: [...posted] };
}

/** Each new run comes to its end, unless it may wait for people: also where what came from outside is there from its beginning. */
async function resets(workflowId: string, ends = true): Promise<Resets> {
  await world.client.workflow.getHandle(workflowId).result();
  const before = await allMoney();
  const unmoved = async (task: string): Promise<void> =>
    expect({ workflowId, task, ...(await allMoney()) }).toEqual({ workflowId, task, ...before });
  return resetToEachTask(world.client, workflowId, unmoved, ends);
}

test('a refund of released money that the bank sent back: taken back, refunded and paid again once', async () => {
  const escrow = await releasedEscrow(cast, [10_000]);
  expect((await refundBy(cast.ops, escrow)).status).toBe(200);
  await untilRefundWorkflow(world, escrow.id, 'refunded');
  const [refund] = await refundsOf(cast.ops, escrow.id);
  await control(world.sandbox.url, `refunds/${refund!.stripe_refund_id}`, { fail: 'declined' });
  await untilRefundWorkflow(world, escrow.id, 'undone');
  const [recovery] = await world.sql<{ id: string }[]>`SELECT id FROM recoveries WHERE escrow_id = ${escrow.id}`;
  const { activities } = await resets(`refund/${recovery!.id}`);
  expect(activities).toEqual(expect.arrayContaining(['reserveRecovery', 'takeBack', 'refundReleased', 'payAgain']));
  await expectSound(world, cast, escrow.id);
});

test('a refund that came back and was made again: given to the buyer once', async () => {
  const { buyer, seller } = cast;
  const escrow = await fundedEscrow(buyer, [seller], proposal(seller.person.id, [10_000]));
  await buyer.post(actPath(escrow, 0, 'refund'), { reason: 'not needed' });
  await untilStatus(buyer, escrow.id, 'completed');
  const [refund] = await refundsOf(cast.ops, escrow.id);
  await control(world.sandbox.url, `refunds/${refund!.stripe_refund_id}`, { fail: 'expired_or_canceled_card' });
  await untilEscrow(buyer, escrow.id, (e) => e.money['refunded']!.amount === 0);
  const [owed] = await world.sql<{ id: string }[]>`SELECT id FROM failed_refunds WHERE escrow_id = ${escrow.id}`;
  expect(await cast.ops.post(`/v1/ops/failed-refunds/${owed!.id}/retry`)).toMatchObject({ status: 200, body: { status: 'repaid' } }); // prettier-ignore
  const { activities } = await resets(`failed-refund/${owed!.id}`);
  expect(activities).toEqual(expect.arrayContaining(['readFailedRefund', 'refundAgain']));
  await expectSound(world, cast, escrow.id);
});

test('a refund that Stripe could make no more and the platform’s bank paid: booked once', async () => {
  const { buyer, ops, ops2 } = cast;
  const escrow = await paidByDebit(world, cast, [10_000]);
  await backdatePayment(world, escrow.id, 181);
  await buyer.post(`/v1/escrows/${escrow.id}/cancel`, { reason: 'not needed' });
  const [m] = escrow.milestones;
  await untilEscrow(buyer, escrow.id, (e) => e.waiting_for.who === 'ops');
  const paid = { milestone_id: m!.id, amount: 10_000, reference: 'wire 61', reason: 'Stripe refunds it no more' };
  const asked = await ops.post<{ approval: { id: string } }>(`/v1/ops/escrows/${escrow.id}/refund-by-bank`, paid);
  expect((await ops2.post(`/v1/ops/approvals/${asked.body.approval.id}/approve`)).body).toMatchObject({ status: 'executed' }); // prettier-ignore
  await untilStatus(buyer, escrow.id, 'cancelled');
  const { activities } = await resets(`escrow/${escrow.id}`, false);
  expect(activities).toContain('refundByBank');
  expect(await world.sql`SELECT FROM bank_refunds WHERE escrow_id = ${escrow.id}`).toHaveLength(1);
  await expectSound(world, cast, escrow.id);
});

test('a lost chargeback of a seller who has too little, and the debt that it leaves: taken back and owed once', async () => {
  const { ops, seller2 } = cast;
  const escrow = await releasedEscrow(cast, [10_000], {}, 'seller2');
  await setSellerBalance(world, seller2.person.id, 4000);
  const dispute = await openDispute(world, ops, escrow);
  await until(async () => (await ops.post(`/v1/disputes/${dispute.id}/accept-loss`)).status === 200, 'the loss is accepted'); // prettier-ignore
  await untilSettled(world, dispute);
  const chargeback = await resets(`chargeback/${dispute.id}`);
  expect(chargeback.activities).toEqual(expect.arrayContaining(['recordDispute', 'acceptDisputeLoss', 'takeBack', 'settleDisputeLoss'])); // prettier-ignore
  const [debt] = await debtsOf(world, seller2.person.id);
  expect(debt).toMatchObject({ status: 'open', amount: 5000n });
  await expectSound(world, cast, escrow.id);

  await watchDebts(world.sql, world.client, { taskQueue: world.taskQueue, remindEveryMs: 300 });
  const reminders = async () => (await debtsOf(world, seller2.person.id))[0]!.reminders;
  await until(async () => (await reminders()) >= 2, 'two reminders');
  expect((await ops.post(`/v1/ops/debts/${debt!.id}/repay`, { reference: 'wire' })).status).toBe(200);
  const repaid = await resets(`debt/${debt!.id}`);
  expect(new Set(repaid.activities)).toEqual(new Set(['remindOfDebt']));
  await expectSound(world, cast, escrow.id);
});
