// From proposal to held money: who must agree, how it is paid, what is declined, left, too late or given up.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answer, type Api, castOf, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { recordEscrow } from '../stack/record-history.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import { until } from '../supervisor/wait.ts';
import { actPath, amountsOf, atBank, countEvents, expectUnavailable, intentOf, paymentsOf, refundsOf, statusesOf, transfersOf, untilMilestone } from './steps.ts'; // prettier-ignore

const SCA = 'pm_card_threeDSecure2Required';
const DELAYED = 'pm_usBankAccount_success';

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

async function agreed(policy: object = {}, amounts = [10_000]): Promise<string> {
  const { id } = await buyer.propose(proposal(sellerId, amounts, { policy }));
  const escrow = await seller.agree(id);
  expect(escrow.status).toBe('agreed');
  expect(statusesOf(escrow)).toEqual(amounts.map(() => 'awaiting_funding'));
  return id;
}

const pay = (id: string, method: string): Promise<Answer<{ code: string; decline_code: string }>> =>
  buyer.post(`/v1/escrows/${id}/fund`, { payment_method: method });

/** Stripe knows before anybody is told. */
async function withSlowWebhooks(work: () => Promise<void>): Promise<void> {
  await control(world.sandbox.url, 'webhooks', { delay_ms: 3000 });
  try {
    await work();
  } finally {
    await control(world.sandbox.url, 'webhooks', { delay_ms: 0 });
  }
}

describe('agreement', () => {
  test('every seller signs for themself; nobody signs twice, and the author has signed', async () => {
    const sellers = [cast.seller, cast.seller2, cast.seller3];
    const milestones = sellers.map((s, i) => ({ title: `Part ${i}`, amount: 5000, seller_id: s.person.id }));
    const { id } = await buyer.propose({ title: 'A house', currency: 'usd', funding: 'upfront', milestones });
    expectUnavailable(await buyer.post(`/v1/escrows/${id}/agree`));
    expect((await cast.seller.agree(id)).status).toBe('proposed');
    expectUnavailable(await cast.seller.post(`/v1/escrows/${id}/agree`));
    expect((await cast.seller2.agree(id)).status).toBe('proposed');
    expectUnavailable(await buyer.post(`/v1/escrows/${id}/fund`, { payment_method: 'pm_card_visa' }));
    expect((await cast.seller3.agree(id)).status).toBe('agreed');
    await expectBooksClose(world, id);
  });

  test('an agreement to other terms is refused, and the right hash is taken', async () => {
    const { id, terms_hash: hash } = await buyer.propose(proposal(sellerId, [10_000]));
    const stale = await seller.post(`/v1/escrows/${id}/agree`, { terms_hash: 'a'.repeat(64) });
    expectUnavailable(stale, 'terms_changed');
    expect((await seller.agree(id, hash)).status).toBe('agreed');
    await expectBooksClose(world, id);
  });

  test('a seller proposes too, and then it is the buyer who agrees', async () => {
    const { id } = await seller.propose(proposal(sellerId, [10_000], { buyer_id: world.people.buyer.id }));
    expectUnavailable(await seller.post(`/v1/escrows/${id}/agree`));
    expect((await buyer.agree(id)).status).toBe('agreed');
    await expectBooksClose(world, id);
  });

  test('a proposal that nobody answers expires, and stays expired', async () => {
    const { id } = await buyer.propose(proposal(sellerId, [10_000], { policy: { agree: 'PT1S' } }));
    const over = await untilStatus(buyer, id, 'expired');
    expect(statusesOf(over)).toEqual(['cancelled']);
    expectUnavailable(await seller.post(`/v1/escrows/${id}/agree`));
    await expectBooksClose(world, id);
  });
});

describe('payment upfront', () => {
  test('a declined card charges nothing; another one pays under a key of its own', async () => {
    const id = await agreed();
    const declined = await pay(id, 'pm_card_chargeDeclinedInsufficientFunds');
    expect(declined).toMatchObject({ status: 402, body: { code: 'payment_declined', decline_code: 'insufficient_funds' } }); // prettier-ignore
    const open = await buyer.escrow(id);
    expect([open.status, ...statusesOf(open), ...amountsOf(open, 'charged')]).toEqual(['funding', 'awaiting_funding', 0]); // prettier-ignore
    expect((await pay(id, 'pm_card_visa')).status).toBe(200);
    const active = await untilStatus(buyer, id, 'active');
    expect(amountsOf(active, 'charged', 'held')).toEqual([10_000, 10_000]);
    const attempts = await world.sql<{ generation: number; idempotency_key: string }[]>`
      SELECT a.generation, a.idempotency_key FROM movement_attempts a JOIN movements m ON m.id = a.movement_id
      WHERE m.escrow_id = ${id} ORDER BY a.generation`;
    expect(attempts.map((a) => a.generation)).toEqual([1, 2]);
    expect(new Set(attempts.map((a) => a.idempotency_key)).size).toBe(2);
    expect(await countEvents(buyer, id, 'payment.failed', 'payment.succeeded')).toEqual([1, 1]);
    await expectBooksClose(world, id);
  });

  test('a refusal that left no PaymentIntent is said, and the next attempt is a new payment', async () => {
    const id = await agreed();
    await control(world.sandbox.url, 'faults', { match: { method: 'POST', path: '/v1/payment_intents' }, kind: 'status', status: 400, times: 1 }); // prettier-ignore
    expect(await pay(id, 'pm_card_visa')).toMatchObject({ status: 402, body: { code: 'payment_declined' } });
    expect((await pay(id, 'pm_card_visa')).status).toBe(200);
    await untilStatus(buyer, id, 'active');
    expect((await paymentsOf(buyer, id)).map((p) => p.status)).toEqual(['failed', 'succeeded']);
    await expectBooksClose(world, id);
  });

  test('the buyer authenticates at the bank, and the webhook brings the money', async () => {
    const id = await agreed();
    const { payment, escrow } = await buyer.fund(id, { payment_method: SCA });
    expect(payment.status).toBe('requires_action');
    expect(payment.url).toContain('authenticate');
    expect(statusesOf(escrow)).toEqual(['requires_action']);
    await atBank(world, await intentOf(buyer, id), { authenticate: true });
    const active = await untilStatus(buyer, id, 'active');
    expect(statusesOf(active)).toEqual(['funded']);
    await expectBooksClose(world, id);
  });

  test('an authentication that fails leaves the payment open for another card', async () => {
    const id = await agreed();
    await buyer.fund(id, { payment_method: SCA });
    await atBank(world, await intentOf(buyer, id), { authenticate: false });
    await untilMilestone(buyer, id, 0, 'awaiting_funding');
    expect((await pay(id, 'pm_card_visa')).status).toBe(200);
    await untilStatus(buyer, id, 'active');
    expect(await paymentsOf(buyer, id)).toHaveLength(1);
    await expectBooksClose(world, id);
  });

  test('an authentication that is left is cancelled in time, and the buyer pays anew', async () => {
    const id = await agreed({ sca: 'PT2S' });
    await buyer.fund(id, { payment_method: SCA });
    await untilMilestone(buyer, id, 0, 'awaiting_funding');
    expect(await countEvents(buyer, id, 'payment.abandoned', 'payment.canceled')).toEqual([1, 1]);
    expect((await pay(id, 'pm_card_visa')).status).toBe(200);
    await untilStatus(buyer, id, 'active');
    expect((await paymentsOf(buyer, id)).map((p) => p.status)).toEqual(['canceled', 'succeeded']);
    await expectBooksClose(world, id);
    await recordEscrow(world, id, 'authentication-left');
  });

  test('without a method the buyer gets what the payment page needs, and pays there', async () => {
    const id = await agreed();
    const { payment } = await buyer.fund(id, {});
    expect(payment.status).toBe('requires_payment_method');
    expect(payment.client_secret).toMatch(/_secret_/);
    expect(payment.url).toContain(payment.id);
    await world.payments.confirmPaymentIntent(await intentOf(buyer, id), { paymentMethod: 'pm_card_visa', returnUrl: 'https://example.invalid/' }, `page:${id}`); // prettier-ignore
    await untilStatus(buyer, id, 'active');
    await expectBooksClose(world, id);
  });

  test('a delayed method lets nobody work before it succeeds; when it fails the buyer pays again', async () => {
    const id = await agreed();
    const { payment, escrow } = await buyer.fund(id, { payment_method: DELAYED });
    expect([payment.status, ...statusesOf(escrow)]).toEqual(['processing', 'processing']);
    expectUnavailable(await seller.post(actPath(escrow, 0, 'submit')));
    await atBank(world, await intentOf(buyer, id), { settle: 'failed' });
    await untilMilestone(buyer, id, 0, 'awaiting_funding');
    await buyer.fund(id, { payment_method: DELAYED });
    await atBank(world, await intentOf(buyer, id), { settle: 'succeeded' });
    const active = await untilStatus(buyer, id, 'active');
    expect(amountsOf(active, 'charged')).toEqual([10_000]);
    await expectBooksClose(world, id);
  });

  test('nobody pays in time: the escrow expires with nothing charged', async () => {
    const id = await agreed({ fund: 'PT1S' });
    const over = await untilStatus(buyer, id, 'expired');
    expect([...statusesOf(over), ...amountsOf(over, 'charged')]).toEqual(['cancelled', 0]);
    expectUnavailable(await buyer.post(`/v1/escrows/${id}/fund`, { payment_method: 'pm_card_visa' }));
    await expectBooksClose(world, id);
  });

  test('an open authentication does not outlive the time for paying', async () => {
    const id = await agreed({ fund: 'PT2S' });
    await buyer.fund(id, { payment_method: SCA });
    await untilStatus(buyer, id, 'expired');
    expect((await paymentsOf(buyer, id)).map((p) => p.status)).toEqual(['canceled']);
    await expectBooksClose(world, id);
  });

  test('money that arrives after the expiry goes back whole and was never allocated', async () => {
    const id = await agreed({ fund: 'PT2S' }, [6000, 4000]);
    await buyer.fund(id, { payment_method: DELAYED });
    await untilStatus(buyer, id, 'settling');
    await atBank(world, await intentOf(buyer, id), { settle: 'succeeded' });
    const over = await untilStatus(buyer, id, 'expired');
    expect(amountsOf(over, 'charged', 'refunded', 'held', 'released', 'fees')).toEqual([10_000, 10_000, 0, 0, 0]);
    const allocated =
      await world.sql`SELECT FROM ledger_transactions WHERE escrow_id = ${id} AND kind = 'charge_allocated'`;
    expect(allocated).toHaveLength(0);
    expect((await refundsOf(buyer, id)).map((r) => [r.status, r.amount.amount])).toEqual([['succeeded', 10_000]]);
    await expectBooksClose(world, id);
    await recordEscrow(world, id, 'late-money-returned');
  });
});

describe('cancelled before it is paid', () => {
  test.each([
    ['the buyer, while it is proposed', 'buyer', false],
    ['the seller, while it is proposed', 'seller', false],
    ['the buyer, once it is agreed', 'buyer', true],
    ['the seller, once it is agreed', 'seller', true],
  ] as const)('%s', async (_who, who, afterAgreement) => {
    const { id } = await buyer.propose(proposal(sellerId, [10_000]));
    if (afterAgreement) await seller.agree(id);
    const over = await cast[who].cancel(id);
    expect([over.status, ...statusesOf(over)]).toEqual(['cancelled', 'cancelled']);
    expectUnavailable(await seller.post(`/v1/escrows/${id}/cancel`));
    await expectBooksClose(world, id);
  });

  test('an open payment is cancelled with it', async () => {
    const id = await agreed();
    await buyer.fund(id, { payment_method: SCA });
    await seller.cancel(id);
    await untilStatus(buyer, id, 'cancelled');
    expect((await paymentsOf(buyer, id)).map((p) => p.status)).toEqual(['canceled']);
    await expectBooksClose(world, id);
  });

  test('a success that the cancellation could not stop is refunded whole', async () => {
    const id = await agreed();
    await buyer.fund(id, { payment_method: SCA });
    await withSlowWebhooks(async () => {
      await atBank(world, await intentOf(buyer, id), { authenticate: true });
      await buyer.cancel(id);
      const over = await untilStatus(buyer, id, 'cancelled');
      expect(amountsOf(over, 'charged', 'refunded', 'held')).toEqual([10_000, 10_000, 0]);
    });
    await expectBooksClose(world, id);
  });

  test('a bank debit under way cannot be cancelled: its failure leaves nothing, its success is refunded', async () => {
    const ids = [await agreed(), await agreed()];
    for (const id of ids) {
      await buyer.fund(id, { payment_method: DELAYED });
      expect((await buyer.cancel(id)).status).toBe('settling');
    }
    await atBank(world, await intentOf(buyer, ids[0]!), { settle: 'failed' });
    await atBank(world, await intentOf(buyer, ids[1]!), { settle: 'succeeded' });
    expect(amountsOf(await untilStatus(buyer, ids[0]!, 'cancelled'), 'charged', 'refunded')).toEqual([0, 0]);
    expect(amountsOf(await untilStatus(buyer, ids[1]!, 'cancelled'), 'charged', 'refunded')).toEqual([10_000, 10_000]);
    for (const id of ids) await expectBooksClose(world, id);
  });
});

describe('payment per milestone', () => {
  const perMilestone = (amounts: number[], more: object = {}) => proposal(sellerId, amounts, { funding: 'per_milestone', ...more }); // prettier-ignore

  test('active at the first one; without ids the first unpaid one is paid; one left unpaid is given up', async () => {
    const { id } = await buyer.propose(perMilestone([3000, 4000, 5000], { policy: { fund: 'PT6S' } }));
    await seller.agree(id);
    const { escrow: first } = await buyer.fund(id);
    expect([first.status, ...statusesOf(first)]).toEqual(['active', 'funded', 'awaiting_funding', 'awaiting_funding']);
    expect(first.milestones[1]!['fund_by']).not.toBeNull();
    const { escrow: third } = await buyer.fund(id, { milestone_ids: [first.milestones[2]!.id], payment_method: 'pm_card_visa' }); // prettier-ignore
    expect(statusesOf(third)).toEqual(['funded', 'awaiting_funding', 'funded']);
    expectUnavailable(await buyer.post(`/v1/escrows/${id}/fund`, { milestone_ids: [first.milestones[0]!.id], payment_method: 'pm_card_visa' })); // prettier-ignore
    const left = await untilMilestone(buyer, id, 1, 'cancelled');
    expect([left.status, ...amountsOf(left, 'held')]).toEqual(['active', 8000]);
    for (const i of [0, 2]) {
      await seller.post(actPath(left, i, 'submit'));
      await buyer.post(actPath(left, i, 'accept'));
    }
    const done = await untilStatus(buyer, id, 'completed');
    expect(statusesOf(done)).toEqual(['released', 'cancelled', 'released']);
    expect((await transfersOf(buyer, id)).map((t) => t.amount.amount)).toEqual([2700, 4500]);
    await expectBooksClose(world, id);
    await recordEscrow(world, id, 'per-milestone-given-up');
  });

  test('several at once are one payment, and a later one is another', async () => {
    const { id, milestones } = await buyer.propose(perMilestone([3000, 4000, 5000]));
    await seller.agree(id);
    await buyer.fund(id, { milestone_ids: [milestones[0]!.id, milestones[1]!.id], payment_method: 'pm_card_visa' });
    const { escrow } = await buyer.fund(id);
    expect(statusesOf(escrow)).toEqual(['funded', 'funded', 'funded']);
    expect((await paymentsOf(buyer, id)).map((p) => p.amount.amount)).toEqual([7000, 5000]);
    expectUnavailable(await buyer.post(`/v1/escrows/${id}/fund`, { payment_method: 'pm_card_visa' }));
    await expectBooksClose(world, id);
  });

  test('a payment over some of the same milestones takes the place of an open one', async () => {
    const { id, milestones } = await buyer.propose(perMilestone([3000, 4000, 5000]));
    await seller.agree(id);
    await buyer.fund(id);
    const [, second, third] = milestones.map((m) => m.id) as [string, string, string];
    await buyer.fund(id, { milestone_ids: [second, third], payment_method: SCA });
    const left = await intentOf(buyer, id);
    const { escrow } = await buyer.fund(id, { milestone_ids: [third], payment_method: 'pm_card_visa' });
    expect(statusesOf(escrow)).toEqual(['funded', 'awaiting_funding', 'funded']);
    await expect(atBank(world, left, { authenticate: true })).rejects.toThrow(/canceled/);
    await buyer.fund(id);
    expect((await paymentsOf(buyer, id)).map((p) => [p.status, p.amount.amount])).toEqual([['succeeded', 3000], ['canceled', 9000], ['succeeded', 5000], ['succeeded', 4000]]); // prettier-ignore
    expect(amountsOf(await buyer.escrow(id), 'charged', 'held')).toEqual([12_000, 12_000]);
    await expectBooksClose(world, id);
  });

  test('where the open one had succeeded unseen, nothing is paid twice', async () => {
    const { id, milestones } = await buyer.propose(perMilestone([3000, 4000, 5000]));
    await seller.agree(id);
    await buyer.fund(id);
    const [, second, third] = milestones.map((m) => m.id) as [string, string, string];
    await buyer.fund(id, { milestone_ids: [second, third], payment_method: SCA });
    await withSlowWebhooks(async () => {
      await atBank(world, await intentOf(buyer, id), { authenticate: true });
      expectUnavailable(await buyer.post(`/v1/escrows/${id}/fund`, { milestone_ids: [third], payment_method: 'pm_card_visa' })); // prettier-ignore
    });
    const paid = await buyer.escrow(id);
    expect([...statusesOf(paid), ...amountsOf(paid, 'charged', 'held')]).toEqual(['funded', 'funded', 'funded', 12_000, 12_000]); // prettier-ignore
    await expectBooksClose(world, id);
  });

  test('money for a milestone that was given up meanwhile goes back, and the escrow goes on', async () => {
    const { id, milestones } = await buyer.propose(perMilestone([3000, 4000], { policy: { fund: 'PT4S' } }));
    await seller.agree(id);
    await buyer.fund(id);
    await buyer.fund(id, { milestone_ids: [milestones[1]!.id] });
    await withSlowWebhooks(async () => {
      const intent = await intentOf(buyer, id);
      const funds = Date.parse((await buyer.escrow(id)).milestones[1]!['fund_by'] as string);
      await untilEscrow(buyer, id, () => Date.now() > funds - 800);
      await world.payments.confirmPaymentIntent(intent, { paymentMethod: 'pm_card_visa', returnUrl: 'https://example.invalid/' }, `page:${id}`); // prettier-ignore
      const after = await untilEscrow(buyer, id, (e) => e.money['refunded']!.amount > 0);
      expect([after.status, ...statusesOf(after), ...amountsOf(after, 'charged', 'refunded', 'held')]).toEqual(['active', 'funded', 'cancelled', 7000, 4000, 3000]); // prettier-ignore
    });
    // The bank sends it back later: it is read again, and made anew when ops have looked.
    await until(async () => (await refundsOf(buyer, id))[0]?.status === 'succeeded', 'Stripe has refunded it');
    const [late] = await refundsOf(buyer, id);
    await control(world.sandbox.url, `refunds/${late!.stripe_refund_id}`, { fail: 'declined' });
    const back = await untilEscrow(buyer, id, (e) => e.frozen.includes('ops'));
    expect(amountsOf(back, 'refunded', 'held')).toEqual([0, 7000]);
    await cast.ops.unfreeze(id);
    await untilEscrow(buyer, id, (e) => amountsOf(e, 'refunded')[0] === 4000 && e.frozen.length === 0);
    await seller.act(id, milestones[0]!.id, 'submit');
    await buyer.act(id, milestones[0]!.id, 'accept');
    await untilStatus(buyer, id, 'completed');
    await expectBooksClose(world, id);
  });

  test('a milestone that was never paid can still be cancelled with the escrow, and the paid one goes back', async () => {
    const { id } = await buyer.propose(perMilestone([3000, 4000]));
    await seller.agree(id);
    await buyer.fund(id);
    await buyer.cancel(id);
    const over = await untilStatus(buyer, id, 'cancelled');
    expect(statusesOf(over)).toEqual(['refunded', 'cancelled']);
    expect(amountsOf(over, 'charged', 'refunded')).toEqual([3000, 3000]);
    await expectBooksClose(world, id);
  });
});

describe('who pays the fee', () => {
  test.each([
    ['seller', { charged: 10_010, released: 9009, fees: 1001 }],
    ['buyer', { charged: 11_011, released: 10_010, fees: 1001 }],
    // Half up to 1001: the odd unit is the seller's.
    ['shared', { charged: 10_510, released: 9509, fees: 1001 }],
  ] as const)('%s', async (payer, expected) => {
    const escrow = await fundedEscrow(buyer, [seller], proposal(sellerId, [10_010], { fee_payer: payer }));
    expect(escrow.quote['total']!.amount).toBe(expected.charged);
    await seller.post(actPath(escrow, 0, 'submit'));
    await buyer.post(actPath(escrow, 0, 'accept'));
    const done = await untilStatus(buyer, escrow.id, 'completed');
    const { charged, released, fees } = expected;
    expect(amountsOf(done, 'charged', 'released', 'fees', 'held')).toEqual([charged, released, fees, 0]);
    await expectBooksClose(world, escrow.id);
  });

  test.each([
    ['goes back with a refund', 'full', 11_000, 0],
    ['stays where the terms keep it', 'none', 10_000, 1000],
  ] as const)("the buyer's fee %s", async (_what, feeReturn, refunded, fees) => {
    const body = proposal(sellerId, [10_000], { fee_payer: 'buyer', policy: { fee_return: feeReturn } });
    const escrow = await fundedEscrow(buyer, [seller], body);
    await buyer.cancel(escrow.id);
    const over = await untilEscrow(buyer, escrow.id, (e) => e.status === 'cancelled');
    expect(amountsOf(over, 'charged', 'refunded', 'fees', 'held')).toEqual([11_000, refunded, fees, 0]);
    await expectBooksClose(world, escrow.id);
  });
});
