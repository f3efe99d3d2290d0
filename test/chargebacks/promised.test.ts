// A refund that was promised and a chargeback of the same money: the buyer gets it once. And a refund that Stripe refuses
// because a bank is at the payment, which is an answer.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import pino from 'pino';
import type { PlannedLoss } from '../../activities/chargeback-contract.ts';
import type { TransferAnswer } from '../../activities/contract.ts';
import { createActivities } from '../../activities/index.ts';
import { findOrMakeDispute } from '../../db/card-disputes.ts';
import { snapshotOf } from '../../domain/escrow-state.ts';
import type { Payments } from '../../payments/port.ts';
import { type Api, castOf, type EscrowObject, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat, workflowState } from '../stack/books.ts';
import { control, setTransfers, startWorld, type World } from '../stack/world.ts';
import { until } from '../supervisor/wait.ts';
import { accountOf, amountsOf, countEvents, refundsOf, statusesOf, untilSeller } from '../workflows/steps.ts';
import { chargeOf, decide, type DisputeRow, ended, openDispute, untilDispute } from './acts.ts';

let world: World;
let cast: ReturnType<typeof castOf>;
let buyer: Api;
let failAt: string | null = null;
beforeAll(async () => {
  world = await startWorld({
    crashPoint: (name) => {
      if (name !== failAt) return;
      failAt = null;
      throw ApplicationFailure.nonRetryable('gave up', 'GaveUp');
    },
  });
  cast = castOf(world);
  buyer = cast.buyer;
  await topUpFloat(world, 'usd', 1_000_000n);
});
afterAll(() => world.stop());

const funded = (): Promise<EscrowObject> =>
  fundedEscrow(buyer, [cast.seller], proposal(cast.seller.person.id, [10_000]));

/** A refund whose activity gave up at `point`, long enough ago that nobody is at it any more. */
async function unanswered(point: 'before_call' | 'after_effect', amount: number): Promise<EscrowObject> {
  const escrow = await funded();
  failAt = point;
  await buyer.act(escrow.id, escrow.milestones[0]!.id, 'refund', { amount, reason: 'not needed any more' });
  await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('ops'));
  const ids = world.sql`SELECT id FROM movements WHERE escrow_id = ${escrow.id} AND kind = 'refund'`;
  await world.sql`UPDATE movements SET created_at = now() - interval '1 hour' WHERE id IN (${ids})`;
  await world.sql`UPDATE movement_attempts SET last_call_at = now() - interval '1 hour' WHERE movement_id IN (${ids})`;
  return escrow;
}

async function lose(escrow: EscrowObject, amount?: number): Promise<void> {
  const dispute = await openDispute(world, buyer, escrow, amount === undefined ? {} : { amount });
  await decide(world, dispute, 'losing_evidence');
  await ended(world, dispute);
  await untilEscrow(buyer, escrow.id, (e) => !e.frozen.includes('card_dispute') && amountsOf(e, 'charged_back')[0]! > 0); // prettier-ignore
}

describe('a promise that Stripe never had', () => {
  test('the chargeback keeps it: nothing is refunded, and nothing is retried', async () => {
    const escrow = await unanswered('before_call', 10_000);
    await lose(escrow);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect([statusesOf(done), ...amountsOf(done, 'charged_back', 'refunded', 'held', 'absorbed')]).toEqual([['refunded'], 10_000, 0, 0, 0]); // prettier-ignore
    expect((done.milestones[0]!['refunds'] as { status: string }[]).map((r) => r.status)).toEqual(['charged_back']);
    await expectBooksClose(world, escrow.id);
  });

  test('a part of it is kept by the chargeback; Stripe refuses the rest for good, and it waits for a bank transfer', async () => {
    const escrow = await unanswered('before_call', 4000);
    await lose(escrow, 3000);
    await cast.ops.unfreeze(escrow.id, escrow.milestones[0]!.id);
    const after = await untilEscrow(buyer, escrow.id, (e) => (e.milestones[0]!['refunds'] as { status: string }[]).some((r) => r.status === 'needs_bank')); // prettier-ignore
    expect((after.milestones[0]!['refunds'] as { status: string; amount: { amount: number } }[]).map((r) => [r.status, r.amount.amount])).toEqual([['charged_back', 3000], ['failed', 1000], ['needs_bank', 1000]]); // prettier-ignore
    expect([after.frozen, ...amountsOf(after, 'charged_back', 'refunded', 'held')]).toEqual([[], 3000, 0, 7000]);
    const paid = {
      milestone_id: escrow.milestones[0]!.id,
      amount: 1000,
      reference: 'wire 51',
      reason: 'Stripe refunds it no more',
    };
    const asked = await cast.ops.post<{ approval: { id: string } }>(
      `/v1/ops/escrows/${escrow.id}/refund-by-bank`,
      paid,
    );
    expect((await cast.ops2.post(`/v1/ops/approvals/${asked.body.approval.id}/approve`)).body).toMatchObject({ status: 'executed' }); // prettier-ignore
    await untilEscrow(buyer, escrow.id, (e) => amountsOf(e, 'refunded', 'held').join() === '1000,6000');
    await expectBooksClose(world, escrow.id);
  });
});

test('a promise that Stripe has made without an answer stands, and the chargeback takes the rest', async () => {
  const escrow = await unanswered('after_effect', 4000);
  await lose(escrow, 6000);
  await cast.ops.unfreeze(escrow.id, escrow.milestones[0]!.id);
  const done = await untilStatus(buyer, escrow.id, 'completed');
  expect([statusesOf(done), ...amountsOf(done, 'charged_back', 'refunded', 'held', 'absorbed')]).toEqual([['refunded'], 6000, 4000, 0, 0]); // prettier-ignore
  await expectBooksClose(world, escrow.id);
});

describe('a refund that Stripe had made pending, and whose answer was lost, so that its escrow reads no word of it', () => {
  async function pendingUnheard(amount: number): Promise<EscrowObject> {
    const { id } = await buyer.propose(proposal(cast.seller.person.id, [10_000]));
    await cast.seller.agree(id);
    const { escrow } = await buyer.fund(id, { payment_method: 'pm_card_pendingRefund' });
    failAt = 'after_commit';
    await buyer.act(escrow.id, escrow.milestones[0]!.id, 'refund', { amount, reason: 'not needed any more' });
    await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('ops'));
    expect(await statusOf(escrow)).toEqual(['pending']);
    return escrow;
  }
  const statusOf = async (e: EscrowObject) => (await world.sql<{ status: string }[]>`SELECT status FROM movements WHERE escrow_id = ${e.id} AND kind = 'refund'`).map((m) => m.status); // prettier-ignore

  test('succeeded at Stripe meanwhile: the loss is divided over the rest, and waits for nobody', async () => {
    const escrow = await pendingUnheard(4000);
    await control(world.sandbox.url, 'clock', { advance: 'P1D' });
    await lose(escrow, 6000);
    expect(await statusOf(escrow)).toEqual(['succeeded']);
    await cast.ops.unfreeze(escrow.id, escrow.milestones[0]!.id);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect([statusesOf(done), ...amountsOf(done, 'charged_back', 'refunded', 'held', 'absorbed')]).toEqual([['refunded'], 6000, 4000, 0, 0]); // prettier-ignore
    await expectBooksClose(world, escrow.id);
  });

  test('failed at Stripe meanwhile: the chargeback keeps the promise', async () => {
    const escrow = await pendingUnheard(10_000);
    const [refund] = await world.sql<{ stripe_id: string }[]>`SELECT stripe_id FROM movements WHERE escrow_id = ${escrow.id} AND kind = 'refund'`; // prettier-ignore
    await control(world.sandbox.url, `refunds/${refund!.stripe_id}`, { fail: 'expired_or_canceled_card' });
    await lose(escrow);
    expect(await statusOf(escrow)).toEqual(['failed']);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect([statusesOf(done), ...amountsOf(done, 'charged_back', 'refunded', 'held', 'absorbed')]).toEqual([['refunded'], 10_000, 0, 0, 0]); // prettier-ignore
    await expectBooksClose(world, escrow.id);
  });
});

test('a refund that is still under way is waited for before the loss is divided', async () => {
  const escrow = await funded();
  failAt = 'before_call';
  await buyer.act(escrow.id, escrow.milestones[0]!.id, 'refund', { amount: 10_000, reason: 'not needed any more' });
  await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('ops'));
  const dispute = await openDispute(world, buyer, escrow);
  await decide(world, dispute, 'losing_evidence');
  await untilDispute(world, dispute.stripe_dispute_id, (d) => d.status === 'lost');
  const handle = world.client.workflow.getHandle(`chargeback/${dispute.id}`);
  const [refund] = await world.sql<{ id: string }[]>`
    SELECT id FROM movements WHERE escrow_id = ${escrow.id} AND kind = 'refund'`;
  expect(await world.sql`SELECT FROM ledger_transactions WHERE idempotency_key = ${`dispute_lost:${dispute.id}`}`).toHaveLength(0); // prettier-ignore
  // Nobody has called for long: it is looked up, and withdrawn.
  await world.sql`UPDATE movements SET created_at = now() - interval '1 hour' WHERE id = ${refund!.id}`;
  await world.sql`UPDATE movement_attempts SET last_call_at = now() - interval '1 hour' WHERE movement_id = ${refund!.id}`; // prettier-ignore
  await handle.signal('stripeEvent', { status: 'lost' });
  await ended(world, dispute);
  const done = await untilStatus(buyer, escrow.id, 'completed');
  expect(amountsOf(done, 'charged_back', 'refunded', 'absorbed')).toEqual([10_000, 0, 0]);
  await expectBooksClose(world, escrow.id);
});

test.each([
  ['before_call', 'never had', []],
  ['after_effect', 'has made', [9000]],
] as const)('a transfer that is under way (%s: Stripe %s it) is waited for, and what came of it is looked up', async (point, _had, reversals) => {
  const escrow = await funded();
  await cast.seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
  failAt = point;
  await buyer.act(escrow.id, escrow.milestones[0]!.id, 'accept');
  await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('ops'));
  const dispute = await openDispute(world, buyer, escrow);
  await decide(world, dispute, 'losing_evidence');
  await untilDispute(world, dispute.stripe_dispute_id, (d) => d.status === 'lost');
  const handle = world.client.workflow.getHandle(`chargeback/${dispute.id}`);
  const planned = async () => (await world.sql<{ planned: boolean }[]>`SELECT state ? 'plan' AS planned FROM disputes WHERE id = ${dispute.id}`)[0]!.planned; // prettier-ignore
  // It has looked at what is under way, and come to no plan.
  await until(async () => {
    const events = (await handle.fetchHistory()).events ?? [];
    const looks = events.filter((e) => e.activityTaskScheduledEventAttributes?.activityType?.name === 'planDisputeLoss');
    return events.some((e) => looks.some((look) => String(e.activityTaskCompletedEventAttributes?.scheduledEventId) === String(look.eventId)));
  }, 'the loss is looked at');
  expect(await planned()).toBe(false);
  // Nobody has called for long: it is looked up.
  await world.sql`UPDATE movements SET created_at = now() - interval '1 hour' WHERE escrow_id = ${escrow.id} AND kind = 'transfer'`; // prettier-ignore
  await world.sql`UPDATE movement_attempts SET last_call_at = now() - interval '1 hour' WHERE movement_id IN (SELECT id FROM movements WHERE escrow_id = ${escrow.id} AND kind = 'transfer')`; // prettier-ignore
  await handle.signal('stripeEvent', { status: 'lost' });
  await ended(world, dispute);
  await untilEscrow(buyer, escrow.id, (e) => amountsOf(e, 'charged_back')[0] === 10_000);
  // The part that paid its seller is still asked about; one that never did has ended with its money.
    if (reversals.length > 0) await cast.ops.unfreeze(escrow.id, escrow.milestones[0]!.id);
  const done = await untilStatus(buyer, escrow.id, 'completed');
  expect(amountsOf(done, 'charged_back', 'released', 'owed', 'absorbed')).toEqual([10_000, 0, 0, 0]);
  if (reversals.length === 0) expect(await transferAgain(escrow)).toEqual([{ outcome: 'charged_back' }, 0]);
  const reversed = await world.sql<{ amount: bigint }[]>`SELECT amount FROM movements WHERE escrow_id = ${escrow.id} AND kind = 'reversal'`; // prettier-ignore
  expect(reversed.map((m) => Number(m.amount))).toEqual(reversals);
  await expectBooksClose(world, escrow.id);
}); // prettier-ignore

describe('a loss that is planned and not settled', () => {
  /** Of a dispute whose events are lost until it is decided: nobody but the test looks and plans. */
  async function unheard(escrow: EscrowObject, amount: number) {
    await control(world.sandbox.url, 'webhooks', { lose: 1 });
    const charge = await chargeOf(buyer, escrow.id);
    const opened = (await control(world.sandbox.url, 'disputes', { charge, amount })) as { id: string };
    const { id } = (await findOrMakeDispute(world.sql, await world.payments.retrieveDispute(opened.id)))!;
    const run = <T>(act: (of: ReturnType<typeof createActivities>) => Promise<T>, listTransfers = world.payments.listTransfers) => {
      const activities = createActivities({ sql: world.sql, payments: { ...world.payments, listTransfers }, logger: pino({ level: 'silent' }) });
      return new MockActivityEnvironment().run(() => act(activities)) as Promise<T>;
    };
    await run((of) => of.recordDispute(id));
    return {
      plan: (listTransfers?: Payments['listTransfers']): Promise<PlannedLoss> => run((of) => of.planDisputeLoss(id), listTransfers),
      settle: async () => {
        await control(world.sandbox.url, 'webhooks', { lose: 0 });
        const dispute = { id, status: '', stripe_dispute_id: opened.id };
        await decide(world, dispute, 'losing_evidence');
        await ended(world, dispute);
        await untilEscrow(buyer, escrow.id, (e) => amountsOf(e, 'charged_back')[0] === amount);
      },
    };
  }

  test.each([
    ['all', 10_000],
    ['a piece', 4_000],
  ] as const)('takes %s of a transfer: called for since the look it is waited for, and after the plan it is not called for', async (_of, amount) => {
    const escrow = await funded();
    await cast.seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
    failAt = 'before_call';
    await buyer.act(escrow.id, escrow.milestones[0]!.id, 'accept');
    await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('ops'));
    const [transfer] = await world.sql<{ id: string }[]>`SELECT id FROM movements WHERE escrow_id = ${escrow.id} AND kind = 'transfer'`;
    const longAgo = () => world.sql`UPDATE movement_attempts SET last_call_at = now() - interval '1 hour' WHERE movement_id = ${transfer!.id}`;
    await world.sql`UPDATE movements SET created_at = now() - interval '1 hour' WHERE id = ${transfer!.id}`;
    await longAgo();
    const loss = await unheard(escrow, amount);
    // Stripe has none while it is asked, and its call is noted before the loss is divided.
    const looked = await loss.plan(async (escrowId) => {
      const none = await world.payments.listTransfers(escrowId);
      await world.sql`UPDATE movement_attempts SET last_call_at = now(), calls = calls + 1 WHERE movement_id = ${transfer!.id}`;
      return none;
    });
    expect(looked).toMatchObject({ waitsFor: [transfer!.id], taken: [] });
    await longAgo();
    expect((await loss.plan()).waitsFor).toBeUndefined();
    if (amount === 10_000) expect(await transferAgain(escrow)).toEqual([{ outcome: 'charged_back' }, 0]);
    else await expect(transferAgain(escrow)).rejects.toThrow('tried again when that is settled');
    await loss.settle();
    if (amount < 10_000) await cast.ops.unfreeze(escrow.id, escrow.milestones[0]!.id);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    const [released, fees] = amountsOf(done, 'released', 'fees');
    expect(released! + fees!).toBe(10_000 - amount);
    await expectBooksClose(world, escrow.id);
  });

  test('takes a part that had no transfer yet: its seller, who can receive from now on, gets none', async () => {
    const { id: sellerId } = cast.seller2.person;
    const account = await accountOf(world, sellerId);
    await setTransfers(world.sandbox.url, account, 'inactive');
    await untilSeller(world, sellerId, 'inactive');
    const escrow = await fundedEscrow(buyer, [cast.seller2], proposal(sellerId, [10_000]));
    await cast.seller2.act(escrow.id, escrow.milestones[0]!.id, 'submit');
    await buyer.act(escrow.id, escrow.milestones[0]!.id, 'accept');
    await untilEscrow(buyer, escrow.id, (e) => statusesOf(e)[0] === 'blocked_kyc');
    const loss = await unheard(escrow, 10_000);
    expect((await loss.plan()).waitsFor).toBeUndefined();
    await setTransfers(world.sandbox.url, account, 'active');
    expect(await transferAgain(escrow)).toEqual([{ outcome: 'charged_back' }, 0]);
    expect(await world.sql`SELECT FROM movements WHERE escrow_id = ${escrow.id} AND kind = 'transfer'`).toHaveLength(0);
    await loss.settle();
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(amountsOf(done, 'charged_back', 'released', 'fees', 'owed')).toEqual([10_000, 0, 0, 0]);
    await expectBooksClose(world, escrow.id);
  });
}); // prettier-ignore

/** A worker that comes back after long with the order of then: its answer, and how often Stripe was asked. */
async function transferAgain(escrow: EscrowObject): Promise<[TransferAnswer, number]> {
  let asked = 0;
  const payments: Payments = {
    ...world.payments,
    createTransfer: (...of) => ((asked += 1), world.payments.createTransfer(...of)),
  };
  const { transferToSeller } = createActivities({ sql: world.sql, payments, logger: pino({ level: 'silent' }) });
  const state = await workflowState(world, escrow.id);
  const [m] = state.milestones;
  const { part, generation, principal, sellerFee, buyerFee, payable } = m!.releases[0]!;
  const { chargeId, paymentId } = m!.funds!;
  const order = { escrowId: escrow.id, milestoneId: m!.id, sellerId: m!.sellerId, part, generation, chargeId, paymentId, currency: 'usd', principal, sellerFee, buyerFee, payable, after: snapshotOf(state) }; // prettier-ignore
  return [await new MockActivityEnvironment().run(() => transferToSeller(order)), asked];
}

describe('a refund that Stripe refuses because a bank is at the payment', () => {
  /** The dispute's own events are lost: the refusal is the first that speaks of it. */
  async function refusedFirst(): Promise<{ escrow: EscrowObject; stripeId: string }> {
    const escrow = await funded();
    const charge = await chargeOf(buyer, escrow.id);
    await control(world.sandbox.url, 'webhooks', { lose: 1 });
    const { id } = (await control(world.sandbox.url, 'disputes', { charge })) as { id: string };
    await buyer.act(escrow.id, escrow.milestones[0]!.id, 'refund', { reason: 'not needed any more' });
    const waits = await untilEscrow(buyer, escrow.id, (e) => e.frozen.length > 0);
    expect([waits.frozen, statusesOf(waits), waits.waiting_for.who]).toEqual([['card_dispute'], ['refunding'], 'stripe']); // prettier-ignore
    expect(await countEvents(buyer, escrow.id, 'refund.waits', 'refund.failed')).toEqual([1, 0]);
    expect(await world.sql`SELECT FROM alerts WHERE escrow_id = ${escrow.id} AND kind = 'refund_failed'`).toHaveLength(0); // prettier-ignore
    await control(world.sandbox.url, 'webhooks', { lose: 0 });
    return { escrow, stripeId: id };
  }

  async function decided(stripeId: string, evidence: 'winning_evidence' | 'losing_evidence'): Promise<DisputeRow> {
    await decide(world, { id: stripeId, status: '', stripe_dispute_id: stripeId }, evidence);
    return untilDispute(world, stripeId, () => true);
  }

  test('won: it is asked again by itself, and succeeds', async () => {
    const { escrow, stripeId } = await refusedFirst();
    await ended(world, await decided(stripeId, 'winning_evidence'));
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect([statusesOf(done), ...amountsOf(done, 'refunded', 'charged_back')]).toEqual([['refunded'], 10_000, 0]);
    expect((await refundsOf(buyer, escrow.id)).map((r) => r.status)).toEqual(['failed', 'succeeded']);
    await expectBooksClose(world, escrow.id);
  });

  test('lost: the bank has given it back', async () => {
    const { escrow, stripeId } = await refusedFirst();
    await ended(world, await decided(stripeId, 'losing_evidence'));
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect([statusesOf(done), ...amountsOf(done, 'refunded', 'charged_back')]).toEqual([['refunded'], 0, 10_000]);
    expect((await refundsOf(buyer, escrow.id)).map((r) => r.status)).toEqual(['failed']);
    await expectBooksClose(world, escrow.id);
  });
});
