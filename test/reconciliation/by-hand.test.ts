// Money moved by hand in Stripe's dashboard: each is found with what it is, repaired by two of ops, and gone from the next run.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { checkInvariants } from '../../db/invariants.ts';
import { castOf, type EscrowObject, fundedEscrow, proposal, untilStatus } from '../stack/api.ts';
import { topUpFloat } from '../stack/books.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import { postMatured } from '../../worker/sweeps.ts';
import { accountOf, intentOf, transfersOf } from '../workflows/steps.ts';
import { dashboard, expectClean, only, type Outcome, reconcile, repair } from './runs.ts';

let world: World;
let as: ReturnType<typeof castOf>;
let held: EscrowObject;
let paid: EscrowObject;
beforeAll(async () => {
  world = await startWorld();
  as = castOf(world);
  await topUpFloat(world, 'usd', 500_000n);
  held = await fundedEscrow(as.buyer, [as.seller], proposal(as.seller.person.id, [30_000]));
  paid = await fundedEscrow(as.buyer, [as.seller], proposal(as.seller.person.id, [20_000]));
  await as.seller.act(paid.id, paid.milestones[0]!.id, 'submit');
  await as.buyer.act(paid.id, paid.milestones[0]!.id, 'accept');
  await untilStatus(as.buyer, paid.id, 'completed');
});
afterAll(() => world.stop());

const stripe = () => dashboard(world);
const kinds = ({ found }: Outcome) => found.map((d) => d.kind).sort();

test('where everything went through the product a run is clean, and says how much it compared', async () => {
  const run = await expectClean(as.ops);
  expect(run.figures).toMatchObject({ balance_transactions: 4, charges: 2, transfers: 1, topups: 1, sellers: 1, invariants: 13 }); // prettier-ignore
  expect(run.figures['workflows']).toBe(1);
});

test('a refund: its escrow is named; posted, the books agree again', async () => {
  const made = await stripe().refunds.create({ payment_intent: await intentOf(as.buyer, held.id), amount: 5_000 });
  const outcome = await reconcile(as.ops);
  expect(kinds(outcome)).toEqual(['refund_outside']);
  const d = only(outcome.found, 'refund_outside');
  expect(d).toMatchObject({ subject: made.id, escrow_id: held.id, amount: { amount: -5_000, currency: 'usd' }, repairs: ['post', 'explain'], status: 'open' }); // prettier-ignore
  expect(d.cause).toContain("by hand in Stripe's dashboard");
  expect(d.cause).toContain(held.id);
  expect(await repair(as, outcome.run, d, 'post')).toMatchObject({ status: 'executed' });
  await expectClean(as.ops);
  // The escrow itself is untouched: it still holds what its buyer has back, and ops were told so.
  expect((await as.buyer.escrow(held.id)).money['held']!.amount).toBe(30_000);
  expect(await world.sql`SELECT 1 FROM alerts WHERE kind = 'unexplained_posting'`).toHaveLength(1);
});

test('a transfer: reversed by us, both bookings posted, and the seller is left with nothing of it', async () => {
  const account = await accountOf(world, as.seller.person.id);
  const made = await stripe().transfers.create({ amount: 7_000, currency: 'usd', destination: account });
  const outcome = await reconcile(as.ops);
  expect(kinds(outcome)).toEqual(['seller_balance', 'transfer_outside']);
  const d = only(outcome.found, 'transfer_outside');
  expect(d).toMatchObject({ subject: made.id, amount: { amount: -7_000 }, repairs: ['reverse_transfer', 'post', 'explain'] }); // prettier-ignore
  expect(only(outcome.found, 'seller_balance')).toMatchObject({ subject: `${as.seller.person.id}:usd`, amount: { amount: 7_000 } }); // prettier-ignore
  expect(await repair(as, outcome.run, d, 'reverse_transfer')).toMatchObject({ status: 'executed' });
  expect((await world.payments.retrieveTransfer(made.id)).reversedMinor).toBe(7_000n);
  await expectClean(as.ops);
});

test('a reversal of a release: the money waits on hold for its seller, and the escrow says so', async () => {
  const [transfer] = await transfersOf(as.seller, paid.id);
  const made = await stripe().transfers.createReversal(transfer!.stripe_transfer_id!, { amount: 4_000 });
  const outcome = await reconcile(as.ops);
  expect(kinds(outcome)).toEqual(['reversal_outside', 'seller_balance']);
  const d = only(outcome.found, 'reversal_outside');
  expect(d).toMatchObject({ subject: made.balance_transaction, amount: { amount: 4_000 } });
  expect(d.cause).toContain('reversed by hand');
  expect(await repair(as, outcome.run, d, 'post')).toMatchObject({ status: 'executed' });
  const after = await as.buyer.escrow(paid.id);
  expect(after.money['held']!.amount).toBe(4_000);
  expect(after.money['released']!.amount).toBe(paid.money['charged']!.amount - after.money['fees']!.amount - 4_000);
  await expectClean(as.ops);
});

test("a payout of the platform's own, a top-up, and a charge: each to its account", async () => {
  const payout = await stripe().payouts.create({ amount: 12_000, currency: 'usd' });
  const topUp = await stripe().topups.create({ amount: 9_000, currency: 'usd', description: 'by hand' });
  const charge = await stripe().paymentIntents.create({ amount: 2_500, currency: 'usd', confirm: true, payment_method: 'pm_card_visa', automatic_payment_methods: { enabled: true, allow_redirects: 'never' } }); // prettier-ignore
  const outcome = await reconcile(as.ops);
  expect(kinds(outcome)).toEqual(['charge_outside', 'payout_not_posted', 'top_up_not_posted']);
  expect(only(outcome.found, 'payout_not_posted')).toMatchObject({ subject: payout.id, amount: { amount: -12_000 } });
  expect(only(outcome.found, 'top_up_not_posted')).toMatchObject({ subject: topUp.id, amount: { amount: 9_000 } });
  expect(only(outcome.found, 'charge_outside')).toMatchObject({ subject: charge.latest_charge });
  for (const d of outcome.found) {
    expect(await repair(as, outcome.run, d, 'post')).toMatchObject({ status: 'executed' });
  }
  const posted = await world.sql`
    SELECT account, sum(amount)::bigint AS amount FROM ledger_entries e
    WHERE account IN ('bank:in_transit', 'platform_float') GROUP BY account ORDER BY account`;
  expect(posted).toEqual([{ account: 'bank:in_transit', amount: 12_000n }, { account: 'platform_float', amount: -509_000n }]); // prettier-ignore
  await expectClean(as.ops);
});

test('a payout that was on its way has arrived, and one fails after that: the bank’s account follows', async () => {
  const inBank = async () =>
    (await world.sql<{ amount: bigint }[]>`SELECT coalesce(sum(amount), 0)::bigint AS amount FROM ledger_entries WHERE account = 'bank'`)[0]!.amount; // prettier-ignore
  const [before] = await world.sql<{ id: string }[]>`SELECT cause ->> 'stripe' AS id FROM ledger_transactions WHERE kind = 'platform_payout'`; // prettier-ignore
  await control(world.sandbox.url, 'clock', { advance: 'P3D' });
  const arrived = await reconcile(as.ops);
  expect(only(arrived.found, 'payout_status')).toMatchObject({ subject: before!.id });
  expect(await repair(as, arrived.run, only(arrived.found, 'payout_status'), 'post')).toMatchObject({ status: 'executed' }); // prettier-ignore
  expect(await inBank()).toBe(12_000n);
  await control(world.sandbox.url, `payouts/${before!.id}`, { fail: 'account_closed' });
  const failed = await reconcile(as.ops);
  expect(await repair(as, failed.run, only(failed.found, 'payout_not_posted'), 'post')).toMatchObject({ status: 'executed' }); // prettier-ignore
  expect(await inBank()).toBe(0n);
  expect(await world.sql`SELECT sum(amount)::bigint AS amount FROM ledger_entries WHERE account = 'bank:in_transit'`).toEqual([{ amount: 0n }]); // prettier-ignore
  await postMatured(world.sql);
});

test('what Stripe books by itself: its own fee is an expense, what it returns of a refund by hand waits for an explanation', async () => {
  const balanceOf = async (name: string) =>
    (await world.sql<{ amount: bigint }[]>`SELECT coalesce(sum(amount), 0)::bigint AS amount FROM ledger_entries WHERE account = ${name}`)[0]!.amount; // prettier-ignore
  const before = [await balanceOf('stripe_fees'), await balanceOf('unexplained')];
  const fee = (await control(world.sandbox.url, 'fees', { amount: 200 })) as { id: string };
  const [refund] = (await stripe().refunds.list({ payment_intent: await intentOf(as.buyer, held.id) })).data;
  await control(world.sandbox.url, `refunds/${refund!.id}`, { fail: 'expired_or_canceled_card' });
  const outcome = await reconcile(as.ops);
  expect(kinds(outcome)).toEqual(['transaction_not_posted', 'transaction_not_posted']);
  const own = outcome.found.find((d) => d.subject === fee.id)!;
  expect(own).toMatchObject({ escrow_id: null, amount: { amount: -200, currency: 'usd' }, repairs: ['post', 'explain'] }); // prettier-ignore
  expect(own.cause).toContain('Stripe booked stripe fee by itself');
  const back = outcome.found.find((d) => d.subject !== fee.id)!;
  expect(back).toMatchObject({ escrow_id: held.id, amount: { amount: 5_000 }, repairs: ['post', 'explain'] });
  expect(back.cause).toContain('made by hand failed');
  for (const d of outcome.found) expect(await repair(as, outcome.run, d, 'post')).toMatchObject({ status: 'executed' });
  // The money that had left and came back: nothing of either is unexplained any more.
  expect([await balanceOf('stripe_fees'), await balanceOf('unexplained')]).toEqual([before[0]! + 200n, before[1]! - 5_000n]); // prettier-ignore
  await expectClean(as.ops);
});

test('every run that found something has told ops, and the thirteen invariants hold over Stripe’s own books', async () => {
  const alerts = await world.sql`SELECT 1 FROM alerts WHERE kind = 'reconciliation_differences'`;
  expect(alerts).toHaveLength(7);
  const broken = (await checkInvariants(world.sql, { stripe: world.payments })).filter((i) => !i.holds);
  expect(broken).toEqual([]);
});
