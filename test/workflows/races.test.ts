// Commands and timers that meet: one of them wins, the others are told what is left to do, and no unit is moved twice.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answer, type Api, castOf, type EscrowObject, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts'; // prettier-ignore
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { startWorld, type World } from '../stack/world.ts';
import { actPath, amountsOf, countEvents, expectUnavailable, paymentsOf, refundsOf, statusesOf, transfersOf } from './steps.ts'; // prettier-ignore

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

const funded = (amounts: number[], inspection = 'P14D'): Promise<EscrowObject> =>
  fundedEscrow(buyer, [seller], proposal(sellerId, amounts, { policy: { remind: [] } }, { inspection_period: inspection })); // prettier-ignore

async function submitted(amount: number, inspection?: string): Promise<EscrowObject> {
  const escrow = await funded([amount], inspection);
  return seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
}

const refundBody = { reason: 'raced' };
const untilTime = (e: EscrowObject, at: number): Promise<EscrowObject> =>
  untilEscrow(buyer, e.id, () => Date.now() >= at);

/** All at once; each is taken, or refused with what may be done instead. Answers who was taken. */
async function race<Name extends string>(calls: Record<Name, () => Promise<Answer<unknown>>>): Promise<Name[]> {
  const names = Object.keys(calls) as Name[];
  const answers = await Promise.all(names.map((name) => calls[name]()));
  for (const answer of answers) if (answer.status !== 200) expectUnavailable(answer);
  return names.filter((_name, i) => answers[i]!.status === 200);
}

describe('at the delivery', () => {
  test.each([1, 2, 3])('accept × refund by ops: one of them, round %i', async () => {
    const escrow = await submitted(10_000);
    const won = await race({
      refund: () => cast.ops.post(actPath(escrow, 0, 'refund'), refundBody),
      accept: () => buyer.post(actPath(escrow, 0, 'accept')),
    });
    expect(won).toHaveLength(1);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(statusesOf(done)).toEqual([won[0] === 'accept' ? 'released' : 'refunded']);
    expect(amountsOf(done, 'released', 'refunded')).toEqual(won[0] === 'accept' ? [9000, 0] : [0, 10_000]);
    expect((await transfersOf(buyer, escrow.id)).length + (await refundsOf(buyer, escrow.id)).length).toBe(1);
    await expectBooksClose(world, escrow.id);
  });

  test('five accepts of a part at once: as many are taken as there is money for', async () => {
    const escrow = await submitted(10_000);
    const accept = () => buyer.post<{ code: string }>(actPath(escrow, 0, 'accept'), { amount: 3000 });
    const answers = await Promise.all([accept(), accept(), accept(), accept(), accept()]);
    expect(answers.map((a) => a.status).sort((a, b) => a - b)).toEqual([200, 200, 200, 400, 400]);
    expect(answers.filter((a) => a.status === 400).map((a) => a.body.code)).toEqual(['amount_invalid', 'amount_invalid']); // prettier-ignore
    const after = await untilEscrow(buyer, escrow.id, (e) => e.money['released']!.amount === 8100);
    expect([...statusesOf(after), ...amountsOf(after, 'held', 'fees')]).toEqual(['submitted', 1000, 900]);
    await expectBooksClose(world, escrow.id);
  });

  test('everything at once, at the very end of the inspection: the money goes one way, once', async () => {
    const escrows = await Promise.all([0, 1, 2, 3, 4, 5].map(() => submitted(10_000, 'PT3S')));
    const outcomes = await Promise.all(
      escrows.map(async (escrow, i) => {
        await untilTime(escrow, Date.parse(escrow.milestones[0]!.inspection_ends_at!) - 200 + i * 60);
        return race({
          extend: () => buyer.post(actPath(escrow, 0, 'extend')),
          accept: () => buyer.post(actPath(escrow, 0, 'accept')),
          refund: () => cast.ops.post(actPath(escrow, 0, 'refund'), refundBody),
          changes: () => buyer.post(actPath(escrow, 0, 'request-changes'), { note: 'darker' }),
          cancel: () => buyer.post(`/v1/escrows/${escrow.id}/cancel`),
        });
      }),
    );
    for (const [i, escrow] of escrows.entries()) {
      const won = outcomes[i]!;
      // Accepted by the buyer, by time, or refunded by ops: two of these never meet.
      expect(won.includes('accept') && won.includes('refund')).toBe(false);
      const now = await buyer.escrow(escrow.id);
      if (now.milestones[0]!.available_actions.includes('accept')) await buyer.post(actPath(escrow, 0, 'accept'));
      if (statusesOf(now)[0] === 'changes_requested') await cast.ops.post(actPath(escrow, 0, 'refund'), refundBody);
      const done = await untilEscrow(buyer, escrow.id, (e) => ['completed', 'cancelled'].includes(e.status));
      const [automatic, accepted] = await countEvents(buyer, escrow.id, 'milestone.auto_accepted', 'milestone.accepted'); // prettier-ignore
      const [released, refunded, held] = amountsOf(done, 'released', 'refunded', 'held');
      expect(held).toBe(0);
      const times = automatic! + accepted!;
      expect(times).toBeLessThanOrEqual(1);
      expect([released, refunded]).toEqual(times === 1 ? [9000, 0] : [0, 10_000]);
      expect((await transfersOf(buyer, escrow.id)).length + (await refundsOf(buyer, escrow.id)).length).toBe(1);
      await expectBooksClose(world, escrow.id);
    }
  });

  test('an extension and the end of the inspection: the later end counts, or the money has gone', async () => {
    const escrow = await submitted(10_000, 'PT2S');
    const endsAt = Date.parse(escrow.milestones[0]!.inspection_ends_at!);
    await untilTime(escrow, endsAt - 60);
    const won = await race({ extend: () => buyer.post(actPath(escrow, 0, 'extend')) });
    await untilStatus(buyer, escrow.id, 'completed');
    const timeline = await buyer.list<{ type: string; at: string }>(escrow.id, 'timeline');
    const passed = timeline.filter((e) => e.type === 'milestone.auto_accepted').map((e) => Date.parse(e.at));
    expect(passed).toHaveLength(1);
    expect(passed[0]).toBeGreaterThanOrEqual(won.length === 1 ? endsAt + 2000 : endsAt);
    await expectBooksClose(world, escrow.id);
  });
});

describe('before the delivery', () => {
  test.each([1, 2, 3])(
    'cancel × start × submit: what the buyer may do alone ends with the start, round %i',
    async () => {
      const escrow = await funded([10_000]);
      const won = await race({
        start: () => seller.post(actPath(escrow, 0, 'start')),
        cancel: () => buyer.post(`/v1/escrows/${escrow.id}/cancel`),
        submit: () => seller.post(actPath(escrow, 0, 'submit')),
      });
      const after = await untilEscrow(buyer, escrow.id, (e) => e.status !== 'settling');
      if (after.status === 'cancelled') {
        expect(won).toEqual(['cancel']);
        expect(amountsOf(after, 'refunded', 'held')).toEqual([10_000, 0]);
      } else {
        // A cancellation that came after the start is a request, and holds up a delivery that came after it.
        expect(after['cancel_request'] !== null).toBe(won.includes('cancel'));
        expect(won.includes('cancel') && won.includes('submit')).toBe(false);
        expect(amountsOf(after, 'refunded', 'held')).toEqual([0, 10_000]);
      }
      await expectBooksClose(world, escrow.id);
    },
  );

  test('the answer to a refund × the delivery: one of them', async () => {
    const escrow = await funded([10_000]);
    await seller.act(escrow.id, escrow.milestones[0]!.id, 'start');
    await buyer.act(escrow.id, escrow.milestones[0]!.id, 'refund', refundBody);
    const won = await race({
      submit: () => seller.post(actPath(escrow, 0, 'submit')),
      refund: () => seller.post(actPath(escrow, 0, 'refund'), refundBody),
    });
    // A delivery that came first took the buyer's request with it: the seller's refund is then a new request.
    const after = await untilEscrow(buyer, escrow.id, (e) => ['submitted', 'refunded'].includes(statusesOf(e)[0]!));
    expect(amountsOf(after, 'refunded')).toEqual([won.includes('submit') ? 0 : 10_000]);
    expect(statusesOf(after)).toEqual([won.includes('submit') ? 'submitted' : 'refunded']);
    await expectBooksClose(world, escrow.id);
  });
});

describe('at the payment', () => {
  test('two payments at once by two keys: the buyer is charged once', async () => {
    const { id } = await buyer.propose(proposal(sellerId, [10_000]));
    await seller.agree(id);
    const pay = () => buyer.post(`/v1/escrows/${id}/fund`, { payment_method: 'pm_card_visa' });
    expect(await race({ one: pay, two: pay })).toHaveLength(1);
    const active = await untilStatus(buyer, id, 'active');
    expect(amountsOf(active, 'charged')).toEqual([10_000]);
    expect(await paymentsOf(buyer, id)).toHaveLength(1);
    await expectBooksClose(world, id);
  });

  test.each([1, 2, 3, 4, 5, 6])('fund × cancel by the seller: cancelled with nothing kept, round %i', async () => {
    const { id } = await buyer.propose(proposal(sellerId, [10_000]));
    await seller.agree(id);
    const won = await race({
      fund: () => buyer.post(`/v1/escrows/${id}/fund`, { payment_method: 'pm_card_visa' }),
      cancel: () => seller.post(`/v1/escrows/${id}/cancel`),
    });
    expect(won.length).toBeGreaterThan(0);
    const after = await untilEscrow(buyer, id, (e) => e.status === 'cancelled' || e['cancel_request'] !== null);
    const [charged, refunded, held] = amountsOf(after, 'charged', 'refunded', 'held');
    expect(refunded! + held!).toBe(charged);
    // Paid before the cancellation came: then a seller only asks for it.
    if (after.status === 'cancelled') expect(held).toBe(0);
    else expect(after.status).toBe('active');
    await expectBooksClose(world, id);
  });

  test('cancel by both sides at once: one end', async () => {
    const escrow = await funded([10_000]);
    await seller.act(escrow.id, escrow.milestones[0]!.id, 'start');
    const cancel = (who: Api) => () => who.post(`/v1/escrows/${escrow.id}/cancel`);
    await race({ buyer: cancel(buyer), seller: cancel(seller) });
    const over = await untilStatus(buyer, escrow.id, 'cancelled');
    expect(amountsOf(over, 'refunded')).toEqual([10_000]);
    expect(await refundsOf(buyer, escrow.id)).toHaveLength(1);
    await expectBooksClose(world, escrow.id);
  });
});
