// Paying on Stripe's own page: its PaymentIntent finds its escrow, and no two ways to pay are ever open beside each other.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Stripe } from 'stripe';
import { type Answer, type EscrowObject, proposal, untilEscrow } from '../stack/api.ts';
import { expectBooksClose } from '../stack/books.ts';
import { control } from '../stack/world.ts';
import { countEvents, expectUnavailable, intentOf, paymentsOf, type Stage, stage, statusesOf, untilMilestone } from './steps.ts'; // prettier-ignore

let on: Stage;
let stripe: Stripe;
let crash = false;

beforeAll(async () => {
  on = await stage({
    crashPoint: (name) => {
      if (!crash || name !== 'after_effect') return;
      crash = false;
      throw new Error('the answer is lost');
    },
  });
  const { hostname, port } = new URL(on.world.sandbox.url);
  stripe = new Stripe('sk_test_sandbox', { host: hostname, port: Number(port), protocol: 'http' });
}, 400_000);
afterAll(() => on?.world.stop());

interface Funded {
  payment: { id: string; status: string; url: string | null; client_secret: string | null };
  escrow: EscrowObject;
}

async function agreed(amount = 10_000): Promise<string> {
  const { id } = await on.buyer.propose(proposal(on.sellerId, [amount], { title: 'On Stripe’s page' }));
  await on.seller.agree(id);
  return id;
}

const fund = (id: string, body: object): Promise<Answer<Funded & { code: string }>> => on.buyer.post(`/v1/escrows/${id}/fund`, body); // prettier-ignore
const BACK = 'http://127.0.0.1:1/pay/{payment_id}';
const checkout = async (id: string): Promise<Funded['payment']> => (await fund(id, { checkout: true, return_url: BACK })).body.payment; // prettier-ignore

/** The buyer on the sandbox's page of a session. */
const choose = (url: string, method: string): Promise<Response> =>
  fetch(url, { method: 'POST', body: new URLSearchParams({ method }), redirect: 'manual' });

const sessionOf = (url: string): string => new URL(url).pathname.split('/').at(-1)!;
const isFunded = (e: EscrowObject): boolean => e.status === 'active';

async function chargesOf(id: string): Promise<{ status: string; metadata: Stripe.Metadata }[]> {
  const all = await stripe.paymentIntents.list({ limit: 100 });
  return all.data.filter((intent) => intent.metadata['escrow_id'] === id);
}

test('a declined card leaves it open, a good one pays: the PaymentIntent is bound like one of ours, and the books close', async () => {
  const id = await agreed();
  const payment = await checkout(id);
  expect([payment.status, payment.client_secret]).toEqual(['requires_payment_method', null]);
  expect(await (await choose(payment.url!, 'pm_card_chargeDeclined')).text()).toContain('declined');
  // Asked again, the buyer is led to the page that is open.
  expect(await checkout(id)).toEqual(payment);
  const paid = await choose(payment.url!, 'pm_card_visa');
  expect(paid.headers.get('location')).toBe(`http://127.0.0.1:1/pay/${payment.id}?redirect_status=returned`);
  const escrow = await untilEscrow(on.buyer, id, isFunded);
  expect(escrow.money['held']).toEqual({ amount: 10_000, currency: 'usd' });
  const intents = await chargesOf(id);
  expect(intents).toMatchObject([{ status: 'succeeded', transfer_group: id, metadata: { escrow_id: id, payment_id: payment.id } }]); // prettier-ignore
  expect(await intentOf(on.buyer, id)).toBe((intents[0] as Stripe.PaymentIntent).id);
  await expectBooksClose(on.world, id);

  // Held money by this way is released like any other.
  const mid = escrow.milestones[0]!.id;
  await on.seller.act(id, mid, 'submit');
  await on.buyer.act(id, mid, 'accept');
  await untilEscrow(on.buyer, id, (e) => e.status === 'completed');
  await expectBooksClose(on.world, id);
}, 120_000);

test('the bank asks on Stripe’s page too, and the webhook brings the money', async () => {
  const id = await agreed();
  const { url } = await checkout(id);
  const bank = await choose(url!, 'pm_card_authenticationRequired');
  await untilMilestone(on.buyer, id, 0, 'requires_action');
  await fetch(new URL(bank.headers.get('location')!, url!), { method: 'POST', body: new URLSearchParams({ result: 'complete' }), redirect: 'manual' }); // prettier-ignore
  await untilEscrow(on.buyer, id, isFunded);
  await expectBooksClose(on.world, id);
}, 120_000);

test('each way is closed before the other opens, and only one charge is made', async () => {
  const id = await agreed();
  const here = (await fund(id, {})).body.payment;
  const first = await intentOf(on.buyer, id);
  const there = await checkout(id);
  expect(there.id).not.toBe(here.id);
  expect((await stripe.paymentIntents.retrieve(first)).status).toBe('canceled');
  // Begun with a card there, and left: a card here closes it first.
  await choose(there.url!, 'pm_card_authenticationRequired');
  await untilMilestone(on.buyer, id, 0, 'requires_action');
  const card = await fund(id, { payment_method: 'pm_card_visa' });
  expect([card.status, card.body.payment.status, card.body.escrow.status]).toEqual([200, 'succeeded', 'active']);
  expect((await stripe.checkout.sessions.retrieve(sessionOf(there.url!))).status).toBe('expired');
  expect((await choose(there.url!, 'pm_card_visa')).status).toBe(200);
  const charges = await chargesOf(id);
  expect(charges.map((intent) => intent.status).sort()).toEqual(['canceled', 'canceled', 'succeeded']);
  expect((await paymentsOf(on.buyer, id)).map((p) => p.status)).toEqual(['canceled', 'canceled', 'succeeded']);
  // Whoever pays another way is not told that a payment failed.
  const told = await on.world.sql`SELECT 1 FROM notifications WHERE escrow_id = ${id} AND kind = 'payment_failed'`;
  expect([await countEvents(on.buyer, id, 'payment.canceled'), told.length]).toEqual([[2], 0]);
  await expectBooksClose(on.world, id);
}, 120_000);

test('what was paid there before its webhook came is found when the buyer would pay here', async () => {
  const id = await agreed();
  const { url } = await checkout(id);
  await control(on.world.sandbox.url, 'webhooks', { delay_ms: 3000 });
  try {
    await choose(url!, 'pm_card_visa');
    expectUnavailable(await fund(id, { payment_method: 'pm_card_visa' }));
  } finally {
    await control(on.world.sandbox.url, 'webhooks', { delay_ms: 0 });
  }
  await untilEscrow(on.buyer, id, isFunded);
  expect((await chargesOf(id)).map((intent) => intent.status)).toEqual(['succeeded']);
  await expectBooksClose(on.world, id);
}, 120_000);

test('a session that runs out leaves the milestone to be paid anew', async () => {
  const id = await agreed();
  const { url } = await checkout(id);
  await stripe.checkout.sessions.expire(sessionOf(url!));
  await untilEscrow(on.buyer, id, () => true);
  const end = Date.now() + 120_000;
  while ((await paymentsOf(on.buyer, id))[0]?.status !== 'canceled') {
    if (Date.now() > end) throw new Error('the expired session was never noticed');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const again = await untilEscrow(on.buyer, id, (e) => e.available_actions.includes('fund'));
  expect(statusesOf(again)).toEqual(['awaiting_funding']);
  const second = await checkout(id);
  expect(second.url).not.toBe(url);
  await choose(second.url!, 'pm_card_visa');
  await untilEscrow(on.buyer, id, isFunded);
  await expectBooksClose(on.world, id);
}, 120_000);

test('a page that is over before its webhook comes is not led to again: the buyer gets a new one at once', async () => {
  const id = await agreed();
  const first = await checkout(id);
  await control(on.world.sandbox.url, 'webhooks', { delay_ms: 60_000 });
  try {
    await stripe.checkout.sessions.expire(sessionOf(first.url!));
    const second = await checkout(id);
    expect([second.id === first.id, second.status]).toEqual([false, 'requires_payment_method']);
    expect((await paymentsOf(on.buyer, id)).map((p) => p.status)).toEqual(['canceled', 'requires_payment_method']);
    await choose(second.url!, 'pm_card_visa');
    // Paid there as well before the webhook: it is found when the buyer would go there again.
    expectUnavailable(await fund(id, { checkout: true, return_url: BACK }));
  } finally {
    await control(on.world.sandbox.url, 'webhooks', { delay_ms: 0 });
  }
  await untilEscrow(on.buyer, id, isFunded);
  expect((await chargesOf(id)).map((intent) => intent.status)).toEqual(['succeeded']);
  await expectBooksClose(on.world, id);
}, 120_000);

test('a bank debit begun there that fails days later ends with its page, and the buyer pays anew', async () => {
  const id = await agreed();
  const first = await checkout(id);
  await choose(first.url!, 'pm_usBankAccount_success');
  await untilMilestone(on.buyer, id, 0, 'processing');
  expectUnavailable(await fund(id, { payment_method: 'pm_card_visa' }));
  await control(on.world.sandbox.url, `payment_intents/${(await intentOf(on.buyer, id))!}`, { settle: 'failed' });
  await untilMilestone(on.buyer, id, 0, 'awaiting_funding');
  expect((await paymentsOf(on.buyer, id)).map((p) => p.status)).toEqual(['canceled']);
  const told = await on.world.sql`SELECT 1 FROM notifications WHERE escrow_id = ${id} AND kind = 'payment_failed'`;
  expect(told).toHaveLength(1);
  const second = await checkout(id);
  await choose(second.url!, 'pm_card_visa');
  await untilEscrow(on.buyer, id, isFunded);
  await expectBooksClose(on.world, id);
}, 120_000);

test('an escrow that is cancelled closes the page, and nothing can be paid there', async () => {
  const id = await agreed();
  const { url } = await checkout(id);
  await on.buyer.cancel(id);
  await untilEscrow(on.buyer, id, (e) => e.status === 'cancelled');
  expect((await stripe.checkout.sessions.retrieve(sessionOf(url!))).status).toBe('expired');
  expect(await chargesOf(id)).toEqual([]);
  await expectBooksClose(on.world, id);
}, 120_000);

test('a session whose answer is lost is made once', async () => {
  const id = await agreed();
  crash = true;
  // No word in time says so; the same key brings the outcome.
  const asked = () =>
    on.buyer.post<Funded>(`/v1/escrows/${id}/fund`, { checkout: true, return_url: BACK }, `lost-${id}`);
  const end = Date.now() + 120_000;
  let answer = await asked();
  while (answer.status >= 500 || answer.status === 409) {
    if (Date.now() > end) throw new Error(`no outcome: ${answer.status}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    answer = await asked();
  }
  const { id: paymentId, url } = answer.body.payment;
  const sessions = await stripe.checkout.sessions.list({ limit: 100 });
  expect(crash).toBe(false);
  expect(sessions.data.filter((s) => s.metadata?.['payment_id'] === paymentId).map((s) => s.id)).toEqual([
    sessionOf(url!),
  ]);
  await choose(url!, 'pm_card_visa');
  await untilEscrow(on.buyer, id, isFunded);
  await expectBooksClose(on.world, id);
}, 300_000);

test('a checkout without the way back, or with a method of ours, is refused in words', async () => {
  const id = await agreed();
  const without = await fund(id, { checkout: true });
  expect([without.status, (without.body as { param?: string }).param]).toEqual([400, 'return_url']);
  const both = await fund(id, { checkout: true, return_url: BACK, payment_method: 'pm_card_visa' });
  expect([both.status, (both.body as { param?: string }).param]).toEqual([400, 'payment_method']);
});
