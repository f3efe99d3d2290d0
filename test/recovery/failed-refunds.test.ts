// Refunds that the bank sends back after their escrow has ended: owed to the buyer, tried again, paid by bank transfer; the
// books close at every step.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Api, castOf, type EscrowObject, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { recordHistory } from '../stack/record-history.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import { connect } from '../../db/client.ts';
import {
  FAILED_REFUND_SIGNALS,
  FAILED_REFUND_UPDATES,
  type FailedRefundWord,
  failedRefundWorkflowId,
} from '../../workflows/failed-refund-messages.ts';
import { actPath, amountsOf, atBank, expectUnavailable, intentOf, refundsOf } from '../workflows/steps.ts';
import { decide, ended, openDispute } from '../chargebacks/acts.ts';
import { type Cast, expectSound } from './steps.ts';

let world: World;
let cast: Cast;
let buyer: Api;
let seller: Api;
beforeAll(async () => {
  world = await startWorld();
  cast = castOf(world);
  ({ buyer, seller } = cast);
  await topUpFloat(world, 'usd', 1_000_000n);
});
afterAll(() => world.stop());

interface FailedRefund {
  id: string;
  escrow_id: string;
  milestone_id: string | null;
  status: string;
  amount: { amount: number };
  attempts: number;
  code: string | null;
  reference: string | null;
}

const failedRefunds = async (escrowId: string): Promise<FailedRefund[]> =>
  (await cast.auditor.get<{ data: FailedRefund[] }>('/v1/ops/failed-refunds')).body.data.filter((f) => f.escrow_id === escrowId); // prettier-ignore

/** The bank sends back the escrow's newest refund. */
async function sendBack(escrow: EscrowObject, code = 'expired_or_canceled_card'): Promise<void> {
  const stripeId = (await refundsOf(cast.ops, escrow.id)).at(-1)!.stripe_refund_id!;
  await control(world.sandbox.url, `refunds/${stripeId}`, { fail: code });
}

const untilRefunded = (id: string, refunded: number, held: number): Promise<EscrowObject> =>
  untilEscrow(buyer, id, (e) => e.money['refunded']!.amount === refunded && e.money['held']!.amount === held);

/** Paid with both fees, refunded in full, at its end. */
async function refundedEscrow(amount: number): Promise<EscrowObject> {
  const body = proposal(seller.person.id, [amount], { fee_payer: 'buyer', policy: { fee_return: 'full' } });
  const escrow = await fundedEscrow(buyer, [seller], body);
  expect((await buyer.post(actPath(escrow, 0, 'refund'), { reason: 'not needed' })).status).toBe(200);
  return untilStatus(buyer, escrow.id, 'completed');
}

test('owed to the buyer, made again, back again, and paid by bank transfer by two of ops', async () => {
  const escrow = await refundedEscrow(10_000);
  expect(amountsOf(escrow, 'charged', 'refunded', 'held')).toEqual([11_000, 11_000, 0]);
  await sendBack(escrow);
  const owed = await untilRefunded(escrow.id, 0, 11_000);
  expect(owed).toMatchObject({
    status: 'completed',
    waiting_for: { who: 'ops', milestone_id: owed.milestones[0]!.id },
    milestones: [{ status: 'refunded', refunded: { amount: 0 }, refunds: [{ status: 'failed' }] }],
  });
  const [failed] = await failedRefunds(escrow.id);
  expect(failed).toMatchObject({ status: 'owed', amount: { amount: 11_000 }, attempts: 1, code: 'expired_or_canceled_card' }); // prettier-ignore
  expect(await world.sql`SELECT FROM alerts WHERE escrow_id = ${escrow.id} AND kind = 'refund_failed'`).toHaveLength(1);
  await expectSound(world, cast, escrow.id);
  const path = `/v1/ops/failed-refunds/${failed!.id}`;
  expect((await buyer.post(`${path}/retry`)).status).toBe(403);

  const key = 'retry-1';
  const again = await cast.ops.post<FailedRefund>(`${path}/retry`, {}, key);
  expect(again).toMatchObject({ status: 200, body: { status: 'repaid', attempts: 2 } });
  expect((await cast.ops.post(`${path}/retry`, {}, key)).body).toEqual(again.body);
  const repaid = await untilRefunded(escrow.id, 11_000, 0);
  expect(repaid).toMatchObject({ waiting_for: { who: 'nobody' }, milestones: [{ refunded: { amount: 11_000 } }] });
  await expectBooksClose(world, escrow.id);
  expectUnavailable(await cast.ops.post(`${path}/paid-by-bank`, { reference: 'wire', reason: 'twice' }));

  // The second attempt comes back too, long after its workflow has ended.
  await sendBack(escrow);
  await untilRefunded(escrow.id, 0, 11_000);
  expect(await failedRefunds(escrow.id)).toMatchObject([{ status: 'owed', attempts: 2 }]);
  await expectSound(world, cast, escrow.id);
  const asked = await cast.ops.post<{ approval: { id: string } }>(`${path}/paid-by-bank`, { reference: 'wire 7', reason: 'her card is gone' }); // prettier-ignore
  expect(asked.status).toBe(202);
  const approve = `/v1/ops/approvals/${asked.body.approval.id}/approve`;
  expect((await cast.ops.post(approve)).status).toBe(403);
  expect(amountsOf(await buyer.escrow(escrow.id), 'refunded', 'held')).toEqual([0, 11_000]);
  expect(await cast.ops2.post(approve)).toMatchObject({ status: 200, body: { status: 'executed' } });
  await untilRefunded(escrow.id, 11_000, 0);
  expect(await failedRefunds(escrow.id)).toMatchObject([{ status: 'paid_by_bank', reference: 'wire 7' }]);
  const timeline = (await buyer.list<{ type: string }>(escrow.id, 'timeline')).map((e) => e.type);
  expect(timeline.filter((t) => t.startsWith('refund.') && !['refund.ordered', 'refund.succeeded'].includes(t))).toEqual(['refund.came_back', 'refund.repaid', 'refund.came_back', 'refund.paid_by_bank']); // prettier-ignore
  // It learns that it is over, and ends.
  await world.client.workflow.getHandle(`failed-refund/${failed!.id}`).result();
  await recordHistory(world, `failed-refund/${failed!.id}`, 'failed-refund-paid-by-bank');
  await expectBooksClose(world, escrow.id);
});

test('a late payment that had gone back whole: the unallocated money waits for the buyer', async () => {
  const { id } = await buyer.propose(proposal(seller.person.id, [10_000], { policy: { fund: 'PT3S' } }));
  await seller.agree(id);
  await buyer.post(`/v1/escrows/${id}/fund`, { payment_method: 'pm_usBankAccount_processing' });
  await untilStatus(buyer, id, 'settling');
  await atBank(world, await intentOf(buyer, id), { settle: 'succeeded' });
  const over = await untilStatus(buyer, id, 'expired');
  expect(amountsOf(over, 'charged', 'refunded', 'held')).toEqual([10_000, 10_000, 0]);
  await sendBack(over, 'declined');
  const owed = await untilRefunded(id, 0, 10_000);
  expect(owed.waiting_for.who).toBe('ops');
  const [failed] = await failedRefunds(id);
  expect(failed).toMatchObject({ status: 'owed', milestone_id: null, amount: { amount: 10_000 } });
  await expectSound(world, cast, id);
  expect((await cast.ops.post(`/v1/ops/failed-refunds/${failed!.id}/retry`)).status).toBe(200);
  await untilRefunded(id, 10_000, 0);
  await expectBooksClose(world, id);
});

test('several of one escrow, events twice and out of order: each is owed once', async () => {
  const escrow = await fundedEscrow(buyer, [seller], proposal(seller.person.id, [3000, 4000]));
  await buyer.cancel(escrow.id);
  await untilStatus(buyer, escrow.id, 'cancelled');
  await control(world.sandbox.url, 'webhooks', { duplicate: 1, reorder: 1 });
  try {
    const refunds = await refundsOf(cast.ops, escrow.id);
    await Promise.all(refunds.map((r) => control(world.sandbox.url, `refunds/${r.stripe_refund_id}`, { fail: 'declined' }))); // prettier-ignore
    await untilRefunded(escrow.id, 0, 7000);
  } finally {
    await control(world.sandbox.url, 'webhooks', { duplicate: 0, reorder: 0 });
  }
  const failed = await failedRefunds(escrow.id);
  expect(failed.map((f) => [f.status, f.attempts])).toEqual([['owed', 1], ['owed', 1]]); // prettier-ignore
  await expectSound(world, cast, escrow.id);
  // Both at once, and each a second time: one attempt each.
  await Promise.all(failed.flatMap((f) => [1, 2].map(() => cast.ops.post(`/v1/ops/failed-refunds/${f.id}/retry`))));
  await untilRefunded(escrow.id, 7000, 0);
  expect((await failedRefunds(escrow.id)).map((f) => [f.status, f.attempts])).toEqual([['repaid', 2], ['repaid', 2]]); // prettier-ignore
  await expectBooksClose(world, escrow.id);
});

test('what is owed when a bank gives it back by a dispute is owed no more, and is not paid by ops meanwhile', async () => {
  for (const [lost, left] of [
    [4_000, 7_000],
    [11_000, 0],
  ] as const) {
    // prettier-ignore
    const escrow = await refundedEscrow(10_000);
    await sendBack(escrow, 'declined');
    await untilRefunded(escrow.id, 0, 11_000);
    const [failed] = await failedRefunds(escrow.id);
    const dispute = await openDispute(world, buyer, escrow, { amount: lost });
    const path = `/v1/ops/failed-refunds/${failed!.id}/paid-by-bank`;
    expectUnavailable(await cast.ops.post(path, { reference: 'wire 1', reason: 'she waits' }));
    await decide(world, dispute, 'losing_evidence');
    await ended(world, dispute);
    expect(await failedRefunds(escrow.id)).toMatchObject([left > 0 ? { status: 'owed', amount: { amount: left } } : { status: 'repaid', code: 'charged_back' }]); // prettier-ignore
    const timeline = await buyer.list<{ type: string; data: { amount?: number } }>(escrow.id, 'timeline');
    expect(timeline.find((e) => e.type === 'refund.charged_back')?.data.amount).toBe(lost);
    if (left > 0) {
      const asked = await cast.ops.post<{ approval: { id: string } }>(path, {
        reference: 'wire 2',
        reason: 'the rest',
      });
      expect((await cast.ops2.post(`/v1/ops/approvals/${asked.body.approval.id}/approve`)).body).toMatchObject({ status: 'executed' }); // prettier-ignore
    } else await world.client.workflow.getHandle(failedRefundWorkflowId(failed!.id)).signal(FAILED_REFUND_SIGNALS.news);
    await world.client.workflow.getHandle(failedRefundWorkflowId(failed!.id)).result();
    await expectBooksClose(world, escrow.id);
  }
});

test('what ops ask for while Stripe’s word is read is done, not forgotten', async () => {
  const escrow = await refundedEscrow(5_000);
  await sendBack(escrow);
  await untilRefunded(escrow.id, 0, 5_500);
  const [failed] = await failedRefunds(escrow.id);
  const workflow = world.client.workflow.getHandle(failedRefundWorkflowId(failed!.id));
  const owner = connect(world.ownerUrl, { max: 1, applicationName: 'test-lock' });
  const asked = await owner.begin(async (tx) => {
    // The reading waits here.
    await tx`LOCK TABLE failed_refunds IN ACCESS EXCLUSIVE MODE`;
    await workflow.signal(FAILED_REFUND_SIGNALS.news);
    while (((await workflow.describe()).raw.pendingActivities ?? []).length === 0);
    return workflow.startUpdate<FailedRefundWord, []>(FAILED_REFUND_UPDATES.retry, { waitForStage: 'ACCEPTED' });
  });
  await owner.end();
  expect(await asked.result()).toMatchObject({ status: 'repaid', attempt: 2 });
  await untilRefunded(escrow.id, 5_500, 0);
  await expectBooksClose(world, escrow.id);
});
