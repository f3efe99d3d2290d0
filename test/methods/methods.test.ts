// Payment methods on the real stack: delayed debits that succeed or fail days later, iDEAL, and what is left out.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Api, apiOf, type EscrowObject, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { control, startWorld, type World } from '../stack/world.ts';

let world: World;
let buyer: Api;
let seller: Api;
beforeAll(async () => {
  world = await startWorld();
  buyer = apiOf(world, world.people.buyer);
  seller = apiOf(world, world.people.seller);
});
afterAll(() => world.stop());

async function agreed(currency: string): Promise<EscrowObject> {
  const escrow = await buyer.propose(proposal(world.people.seller.id, [10_000], { currency }));
  return seller.agree(escrow.id);
}

/** The days that a bank takes, by the sandbox's control call. */
async function settle(escrowId: string, outcome: 'succeeded' | 'failed'): Promise<void> {
  const [payment] = await buyer.list<{ stripe_payment_intent_id: string }>(escrowId, 'payments');
  await control(world.sandbox.url, `payment_intents/${payment!.stripe_payment_intent_id}`, { settle: outcome });
}

test.each([
  ['eur', 'pm_sepa_debit'],
  ['usd', 'pm_usBankAccount_success'],
])('%s by %s: no work and no transfer while the bank is at it, then the ordinary way', async (currency, method) => {
  const escrow = await agreed(currency);
  const { payment } = await buyer.fund(escrow.id, { payment_method: method });
  expect(payment.status).toBe('processing');
  const waiting = await buyer.escrow(escrow.id);
  const [m] = waiting.milestones as [EscrowObject['milestones'][number]];
  expect([m.status, waiting.money['charged']!.amount, m.available_actions]).toEqual(['processing', 0, []]);
  const early = await seller.post<{ code: string }>(`/v1/escrows/${escrow.id}/milestones/${m.id}/submit`);
  expect([early.status, early.body.code]).toEqual([409, 'action_not_available']);
  await settle(escrow.id, 'succeeded');
  await untilStatus(buyer, escrow.id, 'active');
  await seller.act(escrow.id, m.id, 'submit');
  await buyer.act(escrow.id, m.id, 'accept');
  const done = await untilStatus(buyer, escrow.id, 'completed');
  expect(done.money['released']!.amount).toBe(9000);
});

test('a debit that fails days later goes back to awaiting funding, and a card pays for it', async () => {
  const escrow = await agreed('eur');
  await buyer.fund(escrow.id, { payment_method: 'pm_sepa_debit' });
  await settle(escrow.id, 'failed');
  const back = await untilEscrow(buyer, escrow.id, (e) => e.milestones[0]!.status === 'awaiting_funding');
  expect([back.status, back.money['charged']!.amount]).toEqual(['funding', 0]);
  const { escrow: paid } = await buyer.fund(escrow.id);
  expect([paid.status, paid.money['held']!.amount]).toEqual(['active', 10_000]);
});

test('a debit that succeeds after its escrow was cancelled goes back whole', async () => {
  const escrow = await agreed('eur');
  await buyer.fund(escrow.id, { payment_method: 'pm_sepa_debit' });
  expect((await buyer.cancel(escrow.id)).status).toBe('settling');
  await settle(escrow.id, 'succeeded');
  const done = await untilStatus(buyer, escrow.id, 'cancelled');
  expect([done.money['charged']!.amount, done.money['refunded']!.amount, done.money['held']!.amount]).toEqual([10_000, 10_000, 0]); // prettier-ignore
});

test('the methods of a currency are listed, and Boleto is left out with its reason', async () => {
  const { body } = await buyer.get<{ data: { type: string; delayed: boolean; excluded: string | null }[] }>(
    '/v1/payment-methods?currency=brl',
  );
  const boleto = body.data.find((m) => m.type === 'boleto')!;
  expect(boleto.excluded).toMatch(/cannot be refunded/);
  const escrow = await agreed('brl');
  await buyer.fund(escrow.id, {});
  const [payment] = await buyer.list<{ stripe_payment_intent_id: string }>(escrow.id, 'payments');
  const answer = await fetch(`${world.sandbox.url}/v1/payment_intents/${payment!.stripe_payment_intent_id}`, { headers: { authorization: 'Bearer sk_test_x' } }); // prettier-ignore
  expect(((await answer.json()) as { excluded_payment_method_types: string[] }).excluded_payment_method_types).toEqual([
    'boleto',
  ]);
  const eur = await buyer.get<{ data: { type: string }[] }>('/v1/payment-methods?currency=eur');
  expect(eur.body.data.map((m) => m.type)).toEqual(['card', 'ideal', 'sepa_debit']);
});
