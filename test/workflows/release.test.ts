// From delivered work to the seller's money: accepted whole or in parts, let pass, extended, changed, blocked, refused.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Api, castOf, type EscrowObject, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat, workflowState } from '../stack/books.ts';
import { recordEscrow } from '../stack/record-history.ts';
import { escrowSignals } from '../../worker/escrow-signals.ts';
import { tryWaitingSellers } from '../../worker/waiting-sellers.ts';
import { control, setTransfers, startWorld, type World } from '../stack/world.ts';
import { accountOf, actPath, amountsOf, countEvents, expectUnavailable, refundsOf, statusesOf, transfersOf, untilMilestone } from './steps.ts'; // prettier-ignore

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
  await topUpFloat(world, 'usd', 100_000n);
});
afterAll(() => world.stop());

const funded = (amounts: number[], more: object = {}, milestone: object = {}): Promise<EscrowObject> =>
  fundedEscrow(buyer, [seller], proposal(sellerId, amounts, more, milestone));

async function submitted(amount: number, more: object = {}, milestone: object = {}): Promise<EscrowObject> {
  const escrow = await funded([amount], more, milestone);
  return seller.act(escrow.id, escrow.milestones[0]!.id, 'submit', { note: 'done' });
}

const accept = (e: EscrowObject, amount?: number): Promise<EscrowObject> =>
  buyer.act(e.id, e.milestones[0]!.id, 'accept', amount === undefined ? {} : { amount });

async function untilSellerIs(id: string, transfers: string): Promise<void> {
  const end = Date.now() + 120_000;
  for (;;) {
    const { body } = await cast.ops.get<{ transfers: string }>(`/v1/sellers/${id}`);
    if (body.transfers === transfers) return;
    if (Date.now() > end) throw new Error(`seller ${id} did not become ${transfers}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}

describe('accepted by the buyer', () => {
  test('in parts: the rest keeps its deadline, and the parts lose no unit', async () => {
    const escrow = await submitted(10_001);
    const deadline = escrow.milestones[0]!.inspection_ends_at;
    expect(deadline).not.toBeNull();
    for (const amount of [3333, 3333]) {
      const after = await accept(escrow, amount);
      expect([after.milestones[0]!.status, after.milestones[0]!.inspection_ends_at]).toEqual(['submitted', deadline]);
    }
    await untilEscrow(buyer, escrow.id, (e) => e.money['released']!.amount > 0);
    expect(await buyer.post(actPath(escrow, 0, 'accept'), { amount: 3336 })).toMatchObject({ status: 400, body: { code: 'amount_invalid', param: 'amount' } }); // prettier-ignore
    await accept(escrow);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(amountsOf(done, 'charged', 'released', 'fees', 'held')).toEqual([10_001, 9001, 1000, 0]);
    const transfers = await transfersOf(buyer, escrow.id);
    expect(transfers.map((t) => [t.part, t.status])).toEqual([[1, 'succeeded'], [2, 'succeeded'], [3, 'succeeded']]); // prettier-ignore
    expect(transfers.reduce((sum, t) => sum + t.amount.amount, 0)).toBe(9001);
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'accepted-in-parts');
  });

  test('twice at once by two keys: one wins, the other is told, and one transfer is made', async () => {
    const escrow = await submitted(10_000);
    const answers = await Promise.all([0, 1].map(() => buyer.post(actPath(escrow, 0, 'accept'))));
    expect(answers.map((a) => a.status).sort((a, b) => a - b)).toEqual([200, 409]);
    expectUnavailable(answers.find((a) => a.status === 409)!);
    await untilStatus(buyer, escrow.id, 'completed');
    expect(await transfersOf(buyer, escrow.id)).toHaveLength(1);
    await expectBooksClose(world, escrow.id);
  });

  test('twice by one key: the same answer, one part', async () => {
    const escrow = await submitted(10_000);
    const key = randomUUID();
    const first = await buyer.post<EscrowObject>(actPath(escrow, 0, 'accept'), { amount: 4000 }, key);
    const again = await buyer.post<EscrowObject>(actPath(escrow, 0, 'accept'), { amount: 4000 }, key);
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect((await buyer.post(actPath(escrow, 0, 'accept'), { amount: 4001 }, key)).body).toMatchObject({ code: 'idempotency_conflict' }); // prettier-ignore
    const after = await untilEscrow(buyer, escrow.id, (e) => e.money['released']!.amount === 3600);
    expect(after.milestones[0]!['accepted']).toMatchObject({ amount: 4000 });
    expect(await transfersOf(buyer, escrow.id)).toHaveLength(1);
    await expectBooksClose(world, escrow.id);
  });

  test('after changes, at most as many rounds as agreed', async () => {
    const escrow = await submitted(10_000, { policy: { max_rounds: 1 } });
    const changed = await buyer.act(escrow.id, escrow.milestones[0]!.id, 'request-changes', { note: 'darker' });
    expect(changed.milestones[0]).toMatchObject({ status: 'changes_requested', rounds: 1, changes_note: 'darker', inspection_ends_at: null }); // prettier-ignore
    expectUnavailable(await buyer.post(actPath(escrow, 0, 'accept')));
    const again = await seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
    expect(again.milestones[0]!.inspection_ends_at).not.toBeNull();
    expectUnavailable(await buyer.post(actPath(escrow, 0, 'request-changes'), { note: 'lighter' }));
    await accept(escrow);
    await untilStatus(buyer, escrow.id, 'completed');
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'changes-requested');
  });
});

describe('let pass', () => {
  test('the money goes by itself when the inspection ends', async () => {
    const escrow = await submitted(10_000, { policy: { remind: [] } }, { inspection_period: 'PT3S' });
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(amountsOf(done, 'released', 'fees')).toEqual([9000, 1000]);
    expect(await countEvents(buyer, escrow.id, 'milestone.auto_accepted', 'milestone.accepted')).toEqual([1, 0]);
    await expectBooksClose(world, escrow.id);
  });

  test('a part that was accepted is not paid twice when the rest passes', async () => {
    const escrow = await submitted(10_000, { policy: { remind: [] } }, { inspection_period: 'PT3S' });
    await accept(escrow, 2500);
    await untilStatus(buyer, escrow.id, 'completed');
    expect((await transfersOf(buyer, escrow.id)).map((t) => t.amount.amount)).toEqual([2250, 6750]);
    await expectBooksClose(world, escrow.id);
  });

  test('extended once, at most the first period again, and then it passes', async () => {
    const escrow = await submitted(10_000, { policy: { remind: [] } }, { inspection_period: 'PT4S' });
    const endsAt = Date.parse(escrow.milestones[0]!.inspection_ends_at!);
    const path = actPath(escrow, 0, 'extend');
    expectUnavailable(await buyer.post(path, { until: new Date(endsAt + 4001).toISOString() }));
    expectUnavailable(await seller.post(path, {}));
    const until = new Date(endsAt + 2000).toISOString();
    const extended = await buyer.act(escrow.id, escrow.milestones[0]!.id, 'extend', { until });
    expect(extended.milestones[0]!.inspection_ends_at).toBe(until);
    expectUnavailable(await buyer.post(path, { until: new Date(endsAt + 3000).toISOString() }));
    await untilStatus(buyer, escrow.id, 'completed');
    const accepted = (await buyer.list<{ type: string; at: string }>(escrow.id, 'timeline')).find((e) => e.type === 'milestone.auto_accepted')!; // prettier-ignore
    expect(Date.parse(accepted.at)).toBeGreaterThanOrEqual(endsAt + 2000);
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'extended-then-passed');
  });

  test('a freeze stops the inspection, and the time that was left runs on after it', async () => {
    const escrow = await submitted(10_000, { policy: { remind: [] } }, { inspection_period: 'PT4S' });
    const endsAt = Date.parse(escrow.milestones[0]!.inspection_ends_at!);
    const frozen = await cast.ops.freeze(escrow.id, escrow.milestones[0]!.id);
    expect([frozen.frozen, frozen.milestones[0]!.inspection_ends_at]).toEqual([['ops'], null]);
    expectUnavailable(await buyer.post(actPath(escrow, 0, 'accept')));
    // A second freeze on top of the first costs no time either, and both must end.
    await cast.ops.freeze(escrow.id);
    await untilEscrow(buyer, escrow.id, () => Date.now() > endsAt + 1500);
    await cast.ops.unfreeze(escrow.id);
    expect((await buyer.escrow(escrow.id)).milestones[0]!.status).toBe('submitted');
    const thawed = await cast.ops.unfreeze(escrow.id, escrow.milestones[0]!.id);
    const left = Date.parse(thawed.milestones[0]!.inspection_ends_at!) - Date.now();
    expect(left).toBeGreaterThan(1000);
    expect(left).toBeLessThanOrEqual(4000);
    await untilStatus(buyer, escrow.id, 'completed');
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'frozen-inspection');
  });
});

describe('the agreed start', () => {
  test('neither start nor delivery comes before it', async () => {
    const startsAt = Date.now() + 4000;
    const escrow = await funded([10_000], {}, { starts_at: new Date(startsAt).toISOString() });
    expectUnavailable(await seller.post(actPath(escrow, 0, 'start')));
    expectUnavailable(await seller.post(actPath(escrow, 0, 'submit')));
    const open = await untilEscrow(seller, escrow.id, (e) => e.milestones[0]!.available_actions.includes('submit'));
    expect(Date.now()).toBeGreaterThanOrEqual(startsAt);
    await seller.act(open.id, open.milestones[0]!.id, 'start');
    const after = await seller.act(open.id, open.milestones[0]!.id, 'submit');
    expect(statusesOf(after)).toEqual(['submitted']);
    await expectBooksClose(world, escrow.id);
  });
});

describe('a release that is held up', () => {
  test('one of three sellers cannot receive: the others are paid, and the third is when Stripe allows it', async () => {
    const sellers = [cast.seller, cast.seller2, cast.seller3];
    const milestones = sellers.map((s, i) => ({ title: `Part ${i}`, amount: 5000, seller_id: s.person.id }));
    const account = await accountOf(world, cast.seller2.person.id);
    const escrow = await fundedEscrow(buyer, sellers, { title: 'A house', currency: 'usd', funding: 'upfront', milestones }); // prettier-ignore
    await setTransfers(world.sandbox.url, account, 'inactive');
    await untilSellerIs(cast.seller2.person.id, 'inactive');
    for (const [i, s] of sellers.entries()) {
      await s.post(actPath(escrow, i, 'submit'));
      expect((await buyer.post(actPath(escrow, i, 'accept'))).status).toBe(200);
    }
    const blocked = await untilEscrow(
      buyer,
      escrow.id,
      (e) => statusesOf(e).join() === 'released,blocked_kyc,released',
    );
    expect([blocked.status, ...amountsOf(blocked, 'released', 'held', 'fees')]).toEqual(['active', 9000, 4500, 1500]);
    expect(blocked.waiting_for.who).toBe('seller');
    expectUnavailable(await buyer.post(`/v1/escrows/${escrow.id}/cancel`));
    await expectBooksClose(world, escrow.id);
    await setTransfers(world.sandbox.url, account, 'active');
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(amountsOf(done, 'released', 'held')).toEqual([13_500, 0]);
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'three-sellers-one-blocked');
  });

  test('Stripe knows better than our books that a seller cannot receive, and the seller is paid later all the same', async () => {
    const escrow = await fundedEscrow(buyer, [cast.seller3], proposal(cast.seller3.person.id, [10_000]));
    const account = await accountOf(world, cast.seller3.person.id);
    await control(world.sandbox.url, 'webhooks', { lose: 1 });
    try {
      await setTransfers(world.sandbox.url, account, 'inactive');
    } finally {
      await control(world.sandbox.url, 'webhooks', { lose: 0 });
    }
    await cast.seller3.post(actPath(escrow, 0, 'submit'));
    await accept(escrow);
    await untilMilestone(buyer, escrow.id, 0, 'blocked_kyc');
    await setTransfers(world.sandbox.url, account, 'active');
    await untilStatus(buyer, escrow.id, 'completed');
    expect(await transfersOf(buyer, escrow.id)).toHaveLength(1);
    await expectBooksClose(world, escrow.id);
  });

  test('refused by Stripe though the account reads active: reminded of, told to ops, and tried again', async () => {
    const escrow = await submitted(10_000);
    // Twice: the first transfer, and the first time that it is tried again.
    await control(world.sandbox.url, 'faults', { match: { method: 'POST', path: '/v1/transfers' }, kind: 'status', status: 400, code: 'insufficient_capabilities_for_transfer', times: 2 }); // prettier-ignore
    await accept(escrow);
    await untilMilestone(buyer, escrow.id, 0, 'blocked_kyc');
    expect(await world.sql`SELECT FROM alerts WHERE kind = 'active_seller_refused'`).toHaveLength(1);
    const signals = escrowSignals(world.client, world.taskQueue);
    expect(await tryWaitingSellers(world.sql, world.payments, signals)).toBe(1);
    const attempts = () => world.sql`
      SELECT FROM movement_attempts a JOIN movements m ON m.id = a.movement_id
      WHERE m.escrow_id = ${escrow.id} AND m.kind = 'transfer' AND a.error_code IS NOT NULL`;
    const end = Date.now() + 120_000;
    while ((await attempts()).length < 2) {
      if (Date.now() > end) throw new Error('it was not tried again');
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
    }
    await untilMilestone(buyer, escrow.id, 0, 'blocked_kyc');
    await tryWaitingSellers(world.sql, world.payments, signals);
    await untilStatus(buyer, escrow.id, 'completed');
    expect(await transfersOf(buyer, escrow.id)).toHaveLength(1);
    expect(await countEvents(buyer, escrow.id, 'milestone.blocked_kyc')).toEqual([1]);
  });

  test('frozen by ops while its seller could not receive: it is not paid before they lift it', async () => {
    const escrow = await fundedEscrow(buyer, [cast.seller2], proposal(cast.seller2.person.id, [10_000]));
    const account = await accountOf(world, cast.seller2.person.id);
    await setTransfers(world.sandbox.url, account, 'inactive');
    await untilSellerIs(cast.seller2.person.id, 'inactive');
    await cast.seller2.post(actPath(escrow, 0, 'submit'));
    await accept(escrow);
    await untilMilestone(buyer, escrow.id, 0, 'blocked_kyc');
    await cast.ops.freeze(escrow.id, escrow.milestones[0]!.id);
    await setTransfers(world.sandbox.url, account, 'active');
    // The seller could be paid now, and is not.
    await untilSellerIs(cast.seller2.person.id, 'active');
    const part = async () => (await workflowState(world, escrow.id)).milestones[0]!.releases[0]!;
    while ((await part()).status === 'blocked_kyc') await untilSellerIs(cast.seller2.person.id, 'active');
    expect(await part()).toMatchObject({ status: 'accepted' });
    expect(await transfersOf(buyer, escrow.id)).toEqual([]);
    await cast.ops.unfreeze(escrow.id, escrow.milestones[0]!.id);
    await untilStatus(buyer, escrow.id, 'completed');
    expect(await transfersOf(buyer, escrow.id)).toHaveLength(1);
    await expectBooksClose(world, escrow.id);
  });

  test('refused for another reason: frozen for ops, and released under a new key when they lift it', async () => {
    const escrow = await submitted(10_000);
    await control(world.sandbox.url, 'faults', { match: { method: 'POST', path: '/v1/transfers' }, kind: 'status', status: 400, times: 1 }); // prettier-ignore
    await accept(escrow);
    const frozen = await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('ops'));
    expect(statusesOf(frozen)).toEqual(['releasing']);
    expect(amountsOf(frozen, 'released', 'held', 'fees')).toEqual([0, 9000, 1000]);
    expect(await world.sql`SELECT FROM alerts WHERE escrow_id = ${escrow.id} AND kind = 'transfer_refused'`).toHaveLength(1); // prettier-ignore
    await cast.ops.unfreeze(escrow.id, escrow.milestones[0]!.id);
    await untilStatus(buyer, escrow.id, 'completed');
    const attempts = await world.sql<{ generation: number }[]>`
      SELECT a.generation FROM movement_attempts a JOIN movements m ON m.id = a.movement_id
      WHERE m.escrow_id = ${escrow.id} AND m.kind = 'transfer' ORDER BY 1`;
    expect(attempts.map((a) => a.generation)).toEqual([1, 2]);
    expect(await transfersOf(buyer, escrow.id)).toHaveLength(1);
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'transfer-refused');
  });

  test("the platform's balance is short: it is tried again by itself under a new key after the top-up", async () => {
    const poor = await startWorld();
    try {
      const cast = castOf(poor);
      // 3.5 % of 1000 is less than the card's own fee: what is left of the charge does not cover the seller's part.
      const body = proposal(poor.people.seller.id, [1000], { vertical: 'construction', policy: { top_up: 'PT3S' } });
      const { id } = await cast.buyer.propose(body);
      await cast.seller.agree(id);
      const { escrow } = await cast.buyer.fund(id, { payment_method: 'pm_card_bypassPending' });
      await cast.seller.post(actPath(escrow, 0, 'submit'));
      await cast.buyer.post(actPath(escrow, 0, 'accept'));
      const blocked = await untilMilestone(cast.buyer, id, 0, 'blocked_funds');
      expect(blocked.waiting_for.who).toBe('ops');
      expect(amountsOf(blocked, 'released', 'held', 'fees')).toEqual([0, 965, 35]);
      await topUpFloat(poor, 'usd', 10_000n);
      const done = await untilStatus(cast.buyer, id, 'completed');
      expect(amountsOf(done, 'released', 'held', 'fees')).toEqual([965, 0, 35]);
      expect(await transfersOf(cast.buyer, id)).toHaveLength(1);
      await expectBooksClose(poor, id);
      await recordEscrow(poor, id, 'balance-short');
    } finally {
      await poor.stop();
    }
  });
});

describe('other currencies', () => {
  test('JPY has no minor unit, and its parts lose none', async () => {
    const escrow = await submitted(1001, { currency: 'jpy' });
    for (const amount of [333, 334]) await accept(escrow, amount);
    await accept(escrow);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(done.settlement_currency).toBe('jpy');
    expect(amountsOf(done, 'charged', 'released', 'fees', 'held')).toEqual([1001, 901, 100, 0]);
    await expectBooksClose(world, escrow.id);
  });

  test('SEK settles in USD: a part accepted and the rest refunded lose no unit', async () => {
    const escrow = await submitted(100_001, { currency: 'sek' });
    expect([escrow.currency, escrow.settlement_currency]).toEqual(['sek', 'usd']);
    const [charged] = amountsOf(escrow, 'charged');
    await accept(escrow, 33_333);
    await untilEscrow(buyer, escrow.id, (e) => e.money['released']!.amount > 0);
    await seller.act(escrow.id, escrow.milestones[0]!.id, 'refund', { reason: 'the rest was not needed' });
    await buyer.act(escrow.id, escrow.milestones[0]!.id, 'refund', { reason: 'agreed' });
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(statusesOf(done)).toEqual(['released']);
    const [released, refunded, fees, held, absorbed] = amountsOf(done, 'released', 'refunded', 'fees', 'held', 'absorbed'); // prettier-ignore
    expect([released! + refunded! + fees!, held]).toEqual([charged! + absorbed!, 0]);
    expect((await refundsOf(buyer, escrow.id)).map((r) => r.amount)).toEqual([{ amount: 66_668, currency: 'sek' }]);
    expect((await transfersOf(buyer, escrow.id)).map((t) => t.amount.currency)).toEqual(['usd']);
    await expectBooksClose(world, escrow.id);
  });
});
