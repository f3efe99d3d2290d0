// A bank debit that the bank returns after it had succeeded: no dispute at Stripe, and a loss by the same rule.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { castOf, type EscrowObject, proposal, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { recordEscrow, recordHistory } from '../stack/record-history.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import { type Cast, debtsOf, expectSound, releasedEscrow, setSellerBalance } from '../recovery/steps.ts';
import { actPath, amountsOf, atBank, countEvents, expectUnavailable, intentOf, statusesOf, untilMilestone } from '../workflows/steps.ts'; // prettier-ignore
import { chargeOf, type DisputeRow, ended, untilDispute } from './acts.ts';

let world: World;
let cast: Cast;
beforeAll(async () => {
  world = await startWorld();
  cast = castOf(world);
  await topUpFloat(world, 'usd', 1_000_000n);
});
afterAll(() => world.stop());

/** Agreed, and paid by a bank debit that has settled. */
async function debited(milestones: object[], more: object = {}): Promise<EscrowObject> {
  const { buyer, seller, seller2 } = cast;
  const terms = { title: 'A roof', currency: 'usd', funding: 'upfront', milestones, ...more };
  const { id } = await buyer.propose(terms);
  await seller.agree(id);
  if (milestones.length > 1) await seller2.agree(id);
  await buyer.fund(id, { payment_method: 'pm_usBankAccount_success' });
  await atBank(world, await intentOf(buyer, id), { settle: 'succeeded' });
  return untilStatus(buyer, id, 'active');
}

/** The bank's return, and the row that stands for it. */
async function returned(escrow: EscrowObject): Promise<DisputeRow> {
  const charge = await chargeOf(cast.buyer, escrow.id);
  await control(world.sandbox.url, `payment_intents/${await intentOf(cast.buyer, escrow.id)}`, { returned: 'insufficient_funds' }); // prettier-ignore
  return untilDispute(world, charge, () => true);
}

test('held money first, then a reversal, then a debt: nobody pays for another, and every event may come twice', async () => {
  const { buyer, seller, seller2 } = cast;
  const part = (s: typeof seller, i: number) => ({ title: `Part ${i}`, amount: 10_000, seller_id: s.person.id });
  const escrow = await debited([part(seller, 0), part(seller2, 1), part(seller, 2)]);
  for (const [i, s] of [seller, seller2].entries()) {
    await s.post(actPath(escrow, i, 'submit'));
    await buyer.post(actPath(escrow, i, 'accept'));
    await untilMilestone(buyer, escrow.id, i, 'released');
  }
  await setSellerBalance(world, seller2.person.id, 0);
  await control(world.sandbox.url, 'webhooks', { duplicate: 1 });
  const row = await returned(escrow);
  expect(await ended(world, row)).toMatchObject({ status: 'lost', phase: 'settled' });
  await control(world.sandbox.url, 'webhooks', { duplicate: 0 });
  const done = await untilStatus(buyer, escrow.id, 'completed');
  expect(statusesOf(done)).toEqual(['released', 'released', 'refunded']);
  expect(amountsOf(done, 'charged', 'charged_back', 'released', 'owed', 'held', 'fees', 'absorbed')).toEqual([30_000, 30_000, 9000, 9000, 0, 0, 0]); // prettier-ignore
  expect((await debtsOf(world, seller2.person.id)).map((d) => [d.kind, d.amount])).toEqual([['principal', 9000n]]);
  expect(await debtsOf(world, seller.person.id)).toEqual([]);
  expect(await countEvents(buyer, escrow.id, 'payment.taken_back', 'payment.loss_divided', 'card_dispute.opened', 'card_dispute.lost')).toEqual([1, 1, 0, 0]); // prettier-ignore
  const kinds = await world.sql`SELECT kind FROM ledger_transactions WHERE cause ->> 'dispute' = ${row.id} ORDER BY id`;
  expect(kinds.map((t) => t['kind'])).toEqual(['dispute_withdrawn', 'dispute_lost']);
  const shown = await buyer.get(`/v1/disputes/${row.id}`);
  expect(shown.body).toMatchObject({ status: 'lost', reason: 'insufficient_funds', available_actions: [] });
  await expectSound(world, cast, escrow.id);
  await expectBooksClose(world, escrow.id);
  await recordEscrow(world, escrow.id, 'escrow-returned-debit');
  await recordHistory(world, `chargeback/${row.id}`, 'chargeback-returned-debit');
  // The debt is netted from the seller's next release, as any other.
  const paying = await releasedEscrow(cast, [20_000], {}, 'seller2');
  expect(amountsOf(paying, 'released', 'fees')).toEqual([18_000, 2000]);
  expect(amountsOf(await cast.ops.escrow(escrow.id), 'owed')).toEqual([0]);
  await expectSound(world, cast, escrow.id, paying.id);
});

test('weeks after completion, by the terms at the platform’s expense: the escrow stays completed, and no refund comes on top', async () => {
  const { buyer, seller } = cast;
  const { milestones } = proposal(seller.person.id, [5000]) as { milestones: object[] };
  const escrow = await debited(milestones, { policy: { chargeback_loss: 'platform' } });
  await seller.post(actPath(escrow, 0, 'submit'));
  await buyer.post(actPath(escrow, 0, 'accept'));
  await untilStatus(buyer, escrow.id, 'completed');
  await world.client.workflow.getHandle(`escrow/${escrow.id}`).result();
  await ended(world, await returned(escrow));
  const done = await buyer.escrow(escrow.id);
  expect([done.status, ...amountsOf(done, 'charged', 'charged_back', 'released', 'absorbed')]).toEqual(['completed', 5000, 5000, 4500, 4500]); // prettier-ignore
  expectUnavailable(await seller.post(actPath(escrow, 0, 'refund'), { reason: 'sorry' }));
  await expectSound(world, cast, escrow.id);
  await expectBooksClose(world, escrow.id);
});
