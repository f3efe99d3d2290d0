// Money back to the buyer out of what is held: alone, by both sides, in parts, pending, failing; and cancelled escrows.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Api, castOf, type EscrowObject, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { recordEscrow } from '../stack/record-history.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import { actPath, amountsOf, countEvents, expectUnavailable, refundsOf, statusesOf, transfersOf, untilMilestone } from './steps.ts'; // prettier-ignore

let world: World;
let cast: ReturnType<typeof castOf>;
let buyer: Api;
let seller: Api;
let sellerId: string;
beforeAll(async () => {
  world = await startWorld();
  cast = castOf(world);
  ({ buyer, seller } = cast);
  sellerId = world.people.seller.id;
  await topUpFloat(world, 'usd', 500_000n);
});
afterAll(() => world.stop());

const funded = (amounts: number[], more: object = {}, milestone: object = {}): Promise<EscrowObject> =>
  fundedEscrow(buyer, [seller], proposal(sellerId, amounts, more, milestone));

async function started(amounts: number[], more: object = {}): Promise<EscrowObject> {
  const escrow = await funded(amounts, more);
  return seller.act(escrow.id, escrow.milestones[0]!.id, 'start');
}

/** Paid with a card whose refunds behave in their own way. */
async function paidWith(method: string, amounts: number[]): Promise<EscrowObject> {
  const { id } = await buyer.propose(proposal(sellerId, amounts));
  await seller.agree(id);
  return (await buyer.fund(id, { payment_method: method })).escrow;
}

const refund = (who: Api, e: EscrowObject, index = 0, more: object = {}): Promise<EscrowObject> =>
  who.act(e.id, e.milestones[index]!.id, 'refund', { reason: 'plans changed', ...more });

describe('of one milestone', () => {
  test('by the buyer alone before work starts; the other milestone goes on', async () => {
    const escrow = await funded([3000, 4000]);
    await refund(buyer, escrow);
    const after = await untilMilestone(buyer, escrow.id, 0, 'refunded');
    expect([after.status, ...statusesOf(after), ...amountsOf(after, 'refunded', 'held')]).toEqual(['active', 'refunded', 'funded', 3000, 4000]); // prettier-ignore
    expectUnavailable(await seller.post(actPath(escrow, 0, 'start')));
    await seller.act(escrow.id, escrow.milestones[1]!.id, 'submit');
    await buyer.act(escrow.id, escrow.milestones[1]!.id, 'accept');
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(amountsOf(done, 'charged', 'refunded', 'released', 'fees')).toEqual([7000, 3000, 3600, 400]);
    await expectBooksClose(world, escrow.id);
  });

  test.each([
    ['the buyer asks and the seller confirms', 'buyer', 'seller'],
    ['the seller asks and the buyer confirms', 'seller', 'buyer'],
  ] as const)('after work started: %s', async (_how, first, second) => {
    const escrow = await started([5000]);
    const asked = await refund(cast[first], escrow);
    expect(statusesOf(asked)).toEqual(['started']);
    expect(asked.milestones[0]!['refund_request']).toMatchObject({ role: first, amount: { amount: 5000 } });
    expect(asked.waiting_for.who).toBe(second);
    expectUnavailable(await cast[first].post(actPath(escrow, 0, 'refund'), { reason: 'again' }));
    expect(await cast[second].post(actPath(escrow, 0, 'refund'), { reason: 'less', amount: 4000 })).toMatchObject({ status: 400, body: { code: 'amount_invalid' } }); // prettier-ignore
    await refund(cast[second], escrow);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect([...statusesOf(done), ...amountsOf(done, 'refunded', 'held', 'fees')]).toEqual(['refunded', 5000, 0, 0]);
    expect(await refundsOf(buyer, escrow.id)).toHaveLength(1);
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'refund-confirmed');
  });

  test('a request that nobody answers lapses, and may be made again', async () => {
    const escrow = await started([5000], { policy: { confirm: 'PT1S' } });
    await refund(buyer, escrow);
    const lapsed = await untilEscrow(buyer, escrow.id, (e) => e.milestones[0]!['refund_request'] === null);
    expect([...statusesOf(lapsed), ...amountsOf(lapsed, 'refunded')]).toEqual(['started', 0]);
    expect(await countEvents(buyer, escrow.id, 'refund.request_lapsed')).toEqual([1]);
    expect((await refund(buyer, escrow)).milestones[0]!['refund_request']).not.toBeNull();
    await expectBooksClose(world, escrow.id);
  });

  test('a freeze does not use up the time to answer a request', async () => {
    const escrow = await started([5000], { policy: { confirm: 'PT3S' } });
    const asked = await refund(buyer, escrow);
    const expires = (e: EscrowObject) => Date.parse((e.milestones[0]!['refund_request'] as { expires_at: string }).expires_at); // prettier-ignore
    await cast.ops.freeze(escrow.id, escrow.milestones[0]!.id);
    await untilEscrow(buyer, escrow.id, () => Date.now() > expires(asked) + 500);
    const thawed = await cast.ops.unfreeze(escrow.id, escrow.milestones[0]!.id);
    expect(expires(thawed)).toBeGreaterThan(Date.now() + 1000);
    await refund(seller, escrow);
    await untilStatus(buyer, escrow.id, 'completed');
    await expectBooksClose(world, escrow.id);
  });

  test('the delivery answers a request for a refund', async () => {
    const escrow = await started([5000]);
    await refund(buyer, escrow);
    const after = await seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
    expect([after.milestones[0]!.status, after.milestones[0]!['refund_request']]).toEqual(['submitted', null]);
    await expectBooksClose(world, escrow.id);
  });

  test('a part before the start leaves the rest to be delivered', async () => {
    const escrow = await funded([9999], { fee_payer: 'buyer' });
    await refund(buyer, escrow, 0, { amount: 3333 });
    const after = await untilEscrow(buyer, escrow.id, (e) => e.money['refunded']!.amount > 0);
    expect(statusesOf(after)).toEqual(['funded']);
    await seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
    await buyer.act(escrow.id, escrow.milestones[0]!.id, 'accept');
    const done = await untilStatus(buyer, escrow.id, 'completed');
    const [charged, refunded, released, fees, held] = amountsOf(done, 'charged', 'refunded', 'released', 'fees', 'held'); // prettier-ignore
    expect([charged, released, held]).toEqual([10_999, 6666, 0]);
    expect(refunded! + fees!).toBe(10_999 - 6666);
    expect(statusesOf(done)).toEqual(['released']);
    await expectBooksClose(world, escrow.id);
  });

  test('the rest after a part was accepted: it ends released', async () => {
    const escrow = await funded([10_001]);
    await seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
    await buyer.act(escrow.id, escrow.milestones[0]!.id, 'accept', { amount: 3333 });
    await refund(seller, escrow);
    await refund(buyer, escrow);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(statusesOf(done)).toEqual(['released']);
    const [released, refunded, fees, held] = amountsOf(done, 'released', 'refunded', 'fees', 'held');
    expect([refunded, held, released! + fees!]).toEqual([6668, 0, 3333]);
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'part-then-refund');
  });

  test('ops alone may refund what is held', async () => {
    const escrow = await started([5000]);
    await refund(cast.ops, escrow);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(amountsOf(done, 'refunded')).toEqual([5000]);
    await expectBooksClose(world, escrow.id);
  });

  test('work that is overdue: the buyer asks, the seller is silent, the money goes back', async () => {
    const body = { due_at: new Date(Date.now() + 2500).toISOString() };
    const escrow = await funded([5000], { policy: { overdue: 'PT2S' } }, body);
    await untilMilestone(buyer, escrow.id, 0, 'overdue');
    await refund(buyer, escrow);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect([...statusesOf(done), ...amountsOf(done, 'refunded')]).toEqual(['refunded', 5000]);
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'overdue-refunded');
  });
});

describe('that Stripe does not make at once', () => {
  test('pending: the milestone waits, and ends when the bank has paid', async () => {
    const escrow = await paidWith('pm_card_pendingRefund', [5000]);
    await refund(buyer, escrow);
    const waiting = await untilMilestone(buyer, escrow.id, 0, (m) => (m['refunds'] as { status: string }[])[0]?.status === 'pending'); // prettier-ignore
    expect([waiting.status, ...statusesOf(waiting), ...amountsOf(waiting, 'refunded', 'held')]).toEqual(['active', 'refunding', 5000, 0]); // prettier-ignore
    expectUnavailable(await buyer.post(actPath(escrow, 0, 'refund'), { reason: 'again' }));
    await control(world.sandbox.url, 'clock', { advance: 'P1D' });
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(statusesOf(done)).toEqual(['refunded']);
    expect(await countEvents(buyer, escrow.id, 'refund.pending', 'refund.succeeded')).toEqual([1, 1]);
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'refund-pending');
  });

  test('failed after it had succeeded: held as before, frozen for ops, and made again when they say so', async () => {
    const escrow = await paidWith('pm_card_refundFail', [5000, 6000]);
    await refund(buyer, escrow);
    await untilMilestone(buyer, escrow.id, 0, 'refunded');
    await control(world.sandbox.url, 'clock', { advance: 'P1D' });
    const failed = await untilMilestone(buyer, escrow.id, 0, 'funded');
    expect([failed.status, failed.frozen, ...amountsOf(failed, 'refunded', 'held')]).toEqual(['active', ['ops'], 0, 11_000]); // prettier-ignore
    expect(await world.sql`SELECT FROM alerts WHERE escrow_id = ${escrow.id} AND kind = 'refund_failed'`).toHaveLength(1); // prettier-ignore
    expectUnavailable(await buyer.post(actPath(escrow, 0, 'refund'), { reason: 'again' }));
    await expectBooksClose(world, escrow.id);
    await cast.ops.unfreeze(escrow.id, escrow.milestones[0]!.id);
    for (const i of [0, 1]) {
      await seller.act(escrow.id, escrow.milestones[i]!.id, 'submit');
      await buyer.act(escrow.id, escrow.milestones[i]!.id, 'accept');
    }
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(amountsOf(done, 'charged', 'released', 'fees', 'refunded')).toEqual([11_000, 9900, 1100, 0]);
    expect((await refundsOf(buyer, escrow.id)).map((r) => r.status)).toEqual(['failed']);
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'refund-failed-later');
  });

  test('a part that comes back after the rest was accepted: it stays the buyer’s, and is made again when ops say so', async () => {
    const escrow = await funded([5000, 6000]);
    const mid = escrow.milestones[0]!.id;
    await seller.act(escrow.id, mid, 'submit');
    await refund(cast.ops, escrow, 0, { amount: 2000 });
    await buyer.act(escrow.id, mid, 'accept');
    await untilMilestone(buyer, escrow.id, 0, 'released');
    const [part] = await refundsOf(buyer, escrow.id);
    await control(world.sandbox.url, `refunds/${part!.stripe_refund_id}`, { fail: 'declined' });
    const failed = await untilMilestone(buyer, escrow.id, 0, 'accepted');
    expect([failed.frozen, ...amountsOf(failed, 'released', 'refunded', 'held')]).toEqual([['ops'], 2700, 0, 8000]);
    await expectBooksClose(world, escrow.id);
    await cast.ops.unfreeze(escrow.id, mid);
    const again = await untilMilestone(buyer, escrow.id, 0, 'released');
    expect(amountsOf(again, 'released', 'refunded', 'held')).toEqual([2700, 2000, 6000]);
    await expectBooksClose(world, escrow.id);
  });

  test('a part that comes back while the rest is on its way: the milestone waits for both', async () => {
    const escrow = await paidWith('pm_card_pendingRefund', [5000, 6000]);
    const settledBy = async (status: string, wanted: number) => {
      await control(world.sandbox.url, 'clock', { advance: 'P1D' });
      return untilMilestone(buyer, escrow.id, 0, (m) => m.status === status && (m['refunds'] as { status: string }[]).filter((r) => r.status === 'succeeded').length === wanted); // prettier-ignore
    };
    await refund(buyer, escrow, 0, { amount: 2000 });
    await untilMilestone(buyer, escrow.id, 0, (m) => (m['refunds'] as { status: string }[])[0]?.status === 'pending');
    await settledBy('funded', 1);
    await refund(buyer, escrow);
    await untilMilestone(buyer, escrow.id, 0, (m) => (m['refunds'] as { status: string }[])[1]?.status === 'pending');
    const part = (await refundsOf(buyer, escrow.id)).find((r) => r.amount.amount === 2000)!;
    await control(world.sandbox.url, `refunds/${part.stripe_refund_id}`, { fail: 'declined' });
    const failed = await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('ops'));
    expect([statusesOf(failed)[0], ...amountsOf(failed, 'refunded', 'held')]).toEqual(['refunding', 3000, 8000]);
    // The rest has gone back, and 2,000 of it have not.
    await settledBy('refunding', 1);
    await cast.ops.unfreeze(escrow.id, escrow.milestones[0]!.id);
    await untilMilestone(buyer, escrow.id, 0, (m) => (m['refunds'] as { status: string }[])[2]?.status === 'pending');
    const done = await settledBy('refunded', 2);
    expect(amountsOf(done, 'refunded', 'held')).toEqual([5000, 6000]);
    await expectBooksClose(world, escrow.id);
  });

  test('refused by Stripe: held as before, and the cancellation goes on when ops lift the freeze', async () => {
    const escrow = await funded([5000]);
    await control(world.sandbox.url, 'faults', { match: { method: 'POST', path: '/v1/refunds' }, kind: 'status', status: 400, times: 1 }); // prettier-ignore
    await buyer.cancel(escrow.id);
    const frozen = await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('ops'));
    expect([frozen.status, ...statusesOf(frozen), ...amountsOf(frozen, 'held', 'refunded')]).toEqual(['settling', 'funded', 5000, 0]); // prettier-ignore
    await expectBooksClose(world, escrow.id);
    await cast.ops.unfreeze(escrow.id, escrow.milestones[0]!.id);
    const over = await untilStatus(buyer, escrow.id, 'cancelled');
    expect([...statusesOf(over), ...amountsOf(over, 'held', 'refunded')]).toEqual(['refunded', 0, 5000]);
    await expectBooksClose(world, escrow.id);
  });
});

describe('of the whole escrow, by cancelling it', () => {
  test('by the buyer alone while nothing is started', async () => {
    const escrow = await funded([3000, 4000]);
    expectUnavailable(await seller.post(actPath(escrow, 0, 'accept')));
    await buyer.cancel(escrow.id);
    const over = await untilStatus(buyer, escrow.id, 'cancelled');
    expect([...statusesOf(over), ...amountsOf(over, 'charged', 'refunded', 'held')]).toEqual(['refunded', 'refunded', 7000, 7000, 0]); // prettier-ignore
    expect(await refundsOf(buyer, escrow.id)).toHaveLength(2);
    await expectBooksClose(world, escrow.id);
  });

  test('by both after work started, and what was released before stays released', async () => {
    const escrow = await funded([3000, 4000]);
    await seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
    await buyer.act(escrow.id, escrow.milestones[0]!.id, 'accept');
    await untilMilestone(buyer, escrow.id, 0, 'released');
    const asked = await buyer.cancel(escrow.id);
    expect([asked.status, asked.waiting_for.who]).toEqual(['active', 'seller']);
    expect(asked['cancel_request']).toMatchObject({ role: 'buyer' });
    expectUnavailable(await buyer.post(`/v1/escrows/${escrow.id}/cancel`));
    expectUnavailable(await seller.post(actPath(escrow, 1, 'submit')));
    await seller.cancel(escrow.id);
    const over = await untilStatus(buyer, escrow.id, 'cancelled');
    expect([...statusesOf(over), ...amountsOf(over, 'released', 'refunded', 'fees')]).toEqual(['released', 'refunded', 2700, 4000, 300]); // prettier-ignore
    expect(await transfersOf(buyer, escrow.id)).toHaveLength(1);
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'cancelled-by-both');
  });

  test('a request to cancel lapses, and the escrow goes on', async () => {
    const escrow = await started([3000], { policy: { confirm: 'PT1S' } });
    await seller.cancel(escrow.id);
    const lapsed = await untilEscrow(buyer, escrow.id, (e) => e['cancel_request'] === null);
    expect([lapsed.status, ...amountsOf(lapsed, 'held')]).toEqual(['active', 3000]);
    await expectBooksClose(world, escrow.id);
  });

  test('not while delivered work waits for its buyer', async () => {
    const escrow = await funded([3000, 4000]);
    await seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
    for (const who of [buyer, seller]) expectUnavailable(await who.post(`/v1/escrows/${escrow.id}/cancel`));
    expect((await buyer.escrow(escrow.id)).status).toBe('active');
    await expectBooksClose(world, escrow.id);
  });
});
