// What webhooks would have told and did not: every lost one is found with its cause, delivered by two of ops, and then done.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { castOf, type EscrowObject, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { topUpFloat } from '../stack/books.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import { untilDispute } from '../chargebacks/acts.ts';
import { accountOf, amountsOf, atBank, intentOf, paymentsOf, refundsOf } from '../workflows/steps.ts';
import { dashboard, expectClean, loseWebhooks, only, reconcile, repair, untilQuiet } from './runs.ts';

let world: World;
let as: ReturnType<typeof castOf>;
beforeAll(async () => {
  world = await startWorld();
  as = castOf(world);
  await topUpFloat(world, 'usd', 500_000n);
});
afterAll(() => world.stop());

const proposed = () => proposal(as.seller.person.id, [20_000]);

/** Agreed, and paid by a debit that takes days. */
async function debited(): Promise<EscrowObject> {
  const escrow = await as.buyer.propose(proposed());
  await as.seller.agree(escrow.id, escrow.terms_hash);
  await as.buyer.fund(escrow.id, { payment_method: 'pm_usBankAccount_success' });
  const processing = await untilEscrow(as.buyer, escrow.id, (e) => e.milestones[0]!.status === 'processing');
  // The event of its beginning makes the workflow read the payment once more: that must not see how it ends.
  await untilQuiet(world);
  const workflow = world.client.workflow.getHandle(`escrow/${escrow.id}`);
  const busy = async () => {
    const { raw } = await workflow.describe();
    return (raw.pendingActivities ?? []).length > 0 || Boolean(raw.pendingWorkflowTask);
  };
  while (await busy()) await new Promise((resolve) => setImmediate(resolve));
  return processing;
}

test('a debit that was settled days later: its event is written anew, and the escrow goes on', async () => {
  const escrow = await debited();
  await loseWebhooks(world, true);
  await atBank(world, await intentOf(as.buyer, escrow.id), { settle: 'succeeded' });
  await loseWebhooks(world, false);
  const { run, found } = await reconcile(as.ops);
  const d = only(found, 'payment_not_posted');
  expect(d).toMatchObject({ escrow_id: escrow.id, repairs: ['deliver_event', 'explain'] });
  expect(d.cause).toContain('succeeded at Stripe, here it is processing');
  expect(await repair(as, run, d, 'deliver_event')).toMatchObject({ status: 'executed' });
  await untilEscrow(as.buyer, escrow.id, (e) => amountsOf(e, 'held')[0]! > 0);
  await expectClean(as.ops);
});

test('an event that was parked is named with its error, and replayed itself', async () => {
  const escrow = await debited();
  const intent = await intentOf(as.buyer, escrow.id);
  await loseWebhooks(world, true);
  await atBank(world, intent, { settle: 'succeeded' });
  await loseWebhooks(world, false);
  await world.sql`
    INSERT INTO stripe_events (id, type, object_id, livemode, body, state, error, next_try_at)
    VALUES ('evt_parked', 'payment_intent.succeeded', ${intent}, false, '{}', 'parked', 'Temporal was down', 'infinity')`;
  const { run, found } = await reconcile(as.ops);
  const d = only(found, 'payment_not_posted');
  expect(d.cause).toContain('Its event evt_parked is parked: Temporal was down.');
  expect((await repair(as, run, d, 'deliver_event')).outcome).toMatchObject({ repaired: 'event evt_parked replayed' });
  await untilEscrow(as.buyer, escrow.id, (e) => amountsOf(e, 'held')[0]! > 0);
  await expectClean(as.ops);
});

test('a debit that failed, and nobody heard', async () => {
  const escrow = await debited();
  await loseWebhooks(world, true);
  await atBank(world, await intentOf(as.buyer, escrow.id), { settle: 'failed' });
  await loseWebhooks(world, false);
  const { run, found } = await reconcile(as.ops);
  const d = only(found, 'payment_status');
  expect(d.cause).toContain('Stripe says requires payment method, here the payment is processing');
  await repair(as, run, d, 'deliver_event');
  await untilEscrow(as.buyer, escrow.id, (e) => e.milestones[0]!.status === 'awaiting_funding');
  await expectClean(as.ops);
});

test('a refund that failed a day after its money had left', async () => {
  const escrow = await as.buyer.propose(proposal(as.seller.person.id, [20_000, 10_000]));
  await as.seller.agree(escrow.id, escrow.terms_hash);
  await as.buyer.fund(escrow.id, { payment_method: 'pm_card_refundFail' });
  await untilStatus(as.buyer, escrow.id, 'active');
  await as.seller.act(escrow.id, escrow.milestones[0]!.id, 'refund', { reason: 'cannot do it' });
  await as.buyer.act(escrow.id, escrow.milestones[0]!.id, 'refund', { reason: 'agreed' });
  await untilEscrow(as.buyer, escrow.id, (e) => e.milestones[0]!.status === 'refunded');
  await expectClean(as.ops);
  await loseWebhooks(world, true);
  await control(world.sandbox.url, 'clock', { advance: 'P2D' });
  await loseWebhooks(world, false);
  const [refund] = await refundsOf(as.buyer, escrow.id);
  const { run, found } = await reconcile(as.ops);
  const d = only(found, 'refund_status');
  expect(d).toMatchObject({ subject: refund!.stripe_refund_id, escrow_id: escrow.id, repairs: ['deliver_event', 'explain'] }); // prettier-ignore
  await repair(as, run, d, 'deliver_event');
  await untilEscrow(as.buyer, escrow.id, (e) => amountsOf(e, 'refunded')[0] === 0);
  await expectClean(as.ops);
});

test('a debit that the bank returned, and nobody heard', async () => {
  const escrow = await debited();
  await atBank(world, await intentOf(as.buyer, escrow.id), { settle: 'succeeded' });
  await untilEscrow(as.buyer, escrow.id, (e) => amountsOf(e, 'held')[0]! > 0);
  await untilQuiet(world);
  const charge = (await paymentsOf(as.buyer, escrow.id))[0]!.stripe_charge_id!;
  await loseWebhooks(world, true);
  await control(world.sandbox.url, `payment_intents/${await intentOf(as.buyer, escrow.id)}`, {
    returned: 'no_account',
  });
  await loseWebhooks(world, false);
  const { run, found } = await reconcile(as.ops);
  const d = only(found, 'dispute_not_posted');
  expect(d).toMatchObject({ subject: charge, escrow_id: escrow.id, repairs: ['deliver_event', 'explain'] });
  expect(d.cause).toContain('came back after it had succeeded');
  expect(await repair(as, run, d, 'deliver_event')).toMatchObject({ status: 'executed' });
  await untilDispute(world, charge, ({ status }) => status === 'lost');
  expect(amountsOf(await untilStatus(as.buyer, escrow.id, 'completed'), 'charged_back', 'held')).toEqual([20_000, 0]);
  await expectClean(as.ops);
});

test('a card dispute whose every event was lost', async () => {
  const escrow = await fundedEscrow(as.buyer, [as.seller], proposed());
  const charge = (await paymentsOf(as.buyer, escrow.id))[0]!.stripe_charge_id!;
  await loseWebhooks(world, true);
  const { id } = (await control(world.sandbox.url, 'disputes', { charge })) as { id: string };
  await loseWebhooks(world, false);
  const { run, found } = await reconcile(as.ops);
  const d = only(found, 'dispute_not_posted');
  expect(d).toMatchObject({ subject: id, escrow_id: escrow.id });
  expect(d.cause).toContain('the webhook was lost');
  await repair(as, run, d, 'deliver_event');
  const row = await untilDispute(world, id, (each) => each.status === 'needs_response');
  await untilEscrow(as.buyer, escrow.id, (e) => e.frozen.includes('card_dispute') && amountsOf(e, 'disputed')[0]! > 0);
  await expectClean(as.ops);

  await loseWebhooks(world, true);
  await world.payments.updateDispute(id, { evidence: { uncategorized_text: 'winning_evidence' }, submit: true }, 'decide');
  await control(world.sandbox.url, 'clock', { advance: 'PT2S' });
  await loseWebhooks(world, false);
  const second = await reconcile(as.ops);
  // Its money came back and its status changed: both are told by the one event.
  const differences = second.found.filter((each) => each.subject === id);
  expect(differences.map((each) => each.kind).sort()).toEqual(['dispute_not_posted', 'dispute_status']);
  await repair(as, second.run, differences[0]!, 'deliver_event');
  await untilDispute(world, id, (each) => each.status === 'won' && each.id === row.id);
  await world.client.workflow.getHandle(`chargeback/${row.id}`).result();
  await expectClean(as.ops);
}); // prettier-ignore

test('payouts of sellers against what is expected: a lost event, and money that came from elsewhere', async () => {
  const escrow = await fundedEscrow(as.buyer, [as.seller], proposed());
  await as.seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
  await as.buyer.act(escrow.id, escrow.milestones[0]!.id, 'accept');
  await untilStatus(as.buyer, escrow.id, 'completed');
  await expectClean(as.ops);
  const account = await accountOf(world, as.seller.person.id);
  await control(world.sandbox.url, 'clock', { advance: 'P10D' });
  await control(world.sandbox.url, `accounts/${account}`, { onboarded: true });
  await loseWebhooks(world, true);
  const payout = await dashboard(world).payouts.create({ amount: 6_000, currency: 'usd' }, { stripeAccount: account });
  await loseWebhooks(world, false);
  const { run, found } = await reconcile(as.ops);
  const d = only(found, 'seller_payout');
  expect(d).toMatchObject({ subject: payout.id, amount: { amount: 6_000 } });
  // The payout itself is no drift: it is where the money went.
  expect(found.filter((each) => each.kind === 'seller_balance')).toEqual([]);
  await repair(as, run, d, 'deliver_event');
  await untilPayout(payout.id);
  await expectClean(as.ops);

  const balance = await world.payments.retrieveConnectedBalance(account);
  const has = Number(balance[0]!.availableMinor);
  await control(world.sandbox.url, `accounts/${account}`, { balance: { usd: has + 1 } });
  const drifted = await reconcile(as.ops);
  const drift = only(drifted.found, 'seller_balance');
  // One cent is a drift.
  expect(drift).toMatchObject({ amount: { amount: 1, currency: 'usd' }, repairs: ['explain'] });
  await repair(as, drifted.run, drift, 'explain', 'interest, see ticket 12');
  await expectClean(as.ops);
  await control(world.sandbox.url, `accounts/${account}`, { balance: { usd: has + 2 } });
  // Another amount is another difference.
  expect(only((await reconcile(as.ops)).found, 'seller_balance')).toMatchObject({ amount: { amount: 2 } });
});

async function untilPayout(id: string): Promise<void> {
  const end = Date.now() + 120_000;
  while ((await world.sql`SELECT 1 FROM payouts WHERE id = ${id}`).length === 0) {
    if (Date.now() > end) throw new Error(`payout ${id} was never stored`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}
