// Buyer and seller who may be one: a card, a bank account or a device on both sides freezes the seller's part for ops, who end
// the review or give the money back.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createApiKey } from '../../db/api-keys.ts';
import { createPerson } from '../../db/people.ts';
import { escrowSignals } from '../../worker/escrow-signals.ts';
import { watchRisks } from '../../worker/risks.ts';
import { type Api, apiOf, castOf, type EscrowObject, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts'; // prettier-ignore
import { control, startWorld, type World } from '../stack/world.ts';
import { HttpClient } from '../web/http-client.ts';

let world: World;
let as: ReturnType<typeof castOf>;
beforeAll(async () => {
  world = await startWorld({ settings: { TRUSTED_PROXIES: 'loopback' } });
  as = castOf(world);
});
afterAll(() => world.stop());

interface Review {
  freezes: { reason: string; scope: string; subject: string; detail: string }[];
}

const underReview = (id: string) =>
  untilEscrow(as.buyer, id, (e) => e.status === 'active' && e.frozen.includes('risk')) as Promise<
    EscrowObject & Review
  >;
const alertsOf = (id: string) => world.sql<{ kind: string; detail: Record<string, string> }[]>`
  SELECT kind, detail FROM alerts WHERE escrow_id = ${id} AND kind LIKE 'risk%' ORDER BY id`;
const watch = () => watchRisks(world.sql, world.payments, escrowSignals(world.client, world.taskQueue));

/** The bank account that `pm_usBankAccount_success` stands for, as one that the seller is paid to. */
async function paidTo(seller: Api): Promise<void> {
  const [row] = await world.sql<{ account: string }[]>`SELECT stripe_account_id AS account FROM sellers WHERE id = ${seller.person.id}`; // prettier-ignore
  const bank = { object: 'bank_account', country: 'US', currency: 'usd', account_number: '000123456789', routing_number: '110000000' }; // prettier-ignore
  const answer = await fetch(`${world.sandbox.url}/v1/accounts/${row!.account}/external_accounts`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk_test_sandbox', 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(Object.entries(bank).map(([k, v]): [string, string] => [`external_account[${k}]`, v])),
  });
  expect(answer.status).toBe(200);
}

/** Paid from that bank account, whose bank has answered. */
async function paidFromBank(seller: Api): Promise<string> {
  const { id } = await as.buyer.propose(proposal(seller.person.id, [10_000]));
  await seller.agree(id);
  await as.buyer.fund(id, { payment_method: 'pm_usBankAccount_success' });
  const [payment] = await as.buyer.list<{ stripe_payment_intent_id: string }>(id, 'payments');
  await control(world.sandbox.url, `payment_intents/${payment!.stripe_payment_intent_id}`, { settle: 'succeeded' });
  await untilStatus(as.buyer, id, 'active');
  return id;
}

test('the bank account that the seller is paid to: frozen with the payment, and lifted once by ops', async () => {
  await paidTo(as.seller2);
  const known = () => world.sql`SELECT FROM seller_fingerprints WHERE seller_id = ${as.seller2.person.id} AND fingerprint LIKE 'fpbank%'`; // prettier-ignore
  const end = Date.now() + 120_000;
  while ((await known()).length === 0 && Date.now() < end) await watch();

  const id = await paidFromBank(as.seller2);
  const frozen = await underReview(id);
  expect(frozen.freezes).toMatchObject([{ reason: 'risk', scope: 'seller', subject: as.seller2.person.id, detail: 'under review' }]); // prettier-ignore
  expect(frozen.waiting_for).toMatchObject({ who: 'ops', until: expect.stringMatching(/^20/) as unknown });
  expect(JSON.stringify([frozen, await as.seller2.list(id, 'timeline')])).not.toMatch(/same_bank|bank account/);
  expect(await alertsOf(id)).toMatchObject([{ kind: 'risk_match', detail: { why: 'same_bank', seller_id: as.seller2.person.id } }]); // prettier-ignore

  const m = frozen.milestones[0]!.id;
  await as.seller2.act(id, m, 'submit');
  expect(await as.buyer.post(`/v1/escrows/${id}/milestones/${m}/accept`)).toMatchObject({ status: 409 });
  await as.ops.unfreeze(id);
  // Told again, by the sweep that had not heard of the answer: ops have looked.
  await world.sql`UPDATE risk_matches SET told_at = NULL WHERE escrow_id = ${id}`;
  await watch();
  expect((await as.buyer.act(id, m, 'accept')).frozen).toEqual([]);
  expect((await untilStatus(as.buyer, id, 'completed')).money['released']!.amount).toBe(9_000);
});

test('the same, where the seller names the account after the payment', async () => {
  const id = await paidFromBank(as.seller3);
  expect((await as.buyer.escrow(id)).frozen).toEqual([]);
  await paidTo(as.seller3);
  await underReview(id);
});

test('a card with which the seller’s own party pays elsewhere: ops give it back while it is frozen, the buyer does not', async () => {
  const person = await createPerson(world.sql, { email: 's.eller+other@example.test', name: 'The same', role: 'buyer', password: 'x'.repeat(12) }); // prettier-ignore
  const { key } = await createApiKey(world.sql, person!.id, { label: 'test' });
  const second = apiOf(world, { id: person!.id, email: '', password: '', apiKey: key });
  const elsewhere = await second.propose(proposal(as.seller2.person.id, [1_000]));
  await as.seller2.agree(elsewhere.id);
  expect((await second.fund(elsewhere.id, { payment_method: 'pm_card_mastercard' })).escrow.frozen).toEqual([]);

  const { id } = await as.buyer.propose(proposal(as.seller.person.id, [10_000], { policy: { fraud: 'PT1S' } }));
  await as.seller.agree(id);
  const { escrow } = await as.buyer.fund(id, { payment_method: 'pm_card_mastercard' });
  expect([escrow.status, escrow.frozen]).toEqual(['active', ['risk']]);
  const m = escrow.milestones[0]!.id;
  // Their time passes: they are told once more, and it stays frozen.
  const end = Date.now() + 120_000;
  while ((await alertsOf(id)).length < 2 && Date.now() < end)
    await new Promise((resolve) => void setTimeout(resolve, 100));
  expect((await alertsOf(id)).map((a) => [a.kind, a.detail['why']])).toEqual([['risk_match', 'same_card'], ['risk_overdue', undefined]]); // prettier-ignore
  const refund = (by: Api) => by.post(`/v1/escrows/${id}/milestones/${m}/refund`, { reason: 'one party' });
  expect(await refund(as.buyer)).toMatchObject({ status: 409 });
  expect(await refund(as.ops)).toMatchObject({ status: 200 });
  const done = await untilStatus(as.buyer, id, 'completed');
  expect([done.money['refunded']!.amount, done.money['released']!.amount]).toEqual([10_000, 0]);
});

test('one address and one browser on both sides; another address is nobody’s', async () => {
  const signIn = async (who: 'buyer2' | 'seller' | 'seller2', address: string) => {
    const { email, password } = world.people[who];
    const headers = { 'x-forwarded-for': address, 'user-agent': 'Browser 1' };
    expect((await new HttpClient(world.url).post('/sign-in', { email, password }, headers)).status).toBe(303);
  };
  const { id } = await fundedEscrow(as.buyer2, [as.seller, as.seller2], {
    ...proposal(as.seller.person.id, [5_000, 6_000]),
    milestones: [as.seller, as.seller2].map((s, i) => ({ title: `Part ${i}`, amount: 5_000, seller_id: s.person.id })),
  });
  await signIn('buyer2', '203.0.113.7');
  await signIn('seller2', '203.0.113.8');
  await watch();
  expect((await as.buyer2.escrow(id)).frozen).toEqual([]);
  await signIn('seller', '203.0.113.7');
  await watch();
  const frozen = (await untilEscrow(as.buyer2, id, (e) => e.frozen.length > 0)) as EscrowObject & Review;
  expect(frozen.freezes.map((f) => f.subject)).toEqual([as.seller.person.id]);
  expect(await alertsOf(id)).toMatchObject([{ detail: { why: 'same_device' } }]);
  expect(await world.sql`SELECT FROM person_devices WHERE device_hash ~ '203'`).toHaveLength(0);
});
