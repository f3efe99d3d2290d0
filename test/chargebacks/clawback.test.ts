// Terms that say `clawback: at_opening`: what was released is held while the bank decides, and goes back when it is won; what a
// loss does not take goes back too. By default nothing is touched before the decision.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type Api,
  castOf,
  type EscrowObject,
  fundedEscrow,
  type MoneyObject,
  untilEscrow,
  untilStatus,
} from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { recordEscrow, recordHistory } from '../stack/record-history.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import {
  type Cast,
  debtsOf,
  expectSound,
  movementsOf,
  refundBy,
  setSellerBalance,
  untilMoney,
} from '../recovery/steps.ts';
import { actPath, amountsOf, countEvents, untilMilestone } from '../workflows/steps.ts';
import { decide, type DisputeRow, ended, openDispute, untilDispute } from './acts.ts';

let world: World;
let cast: Cast;
beforeAll(async () => {
  world = await startWorld();
  cast = castOf(world);
  await topUpFloat(world, 'usd', 1_000_000n);
});
afterAll(() => world.stop());

type Seller = 'seller' | 'seller2' | 'seller3';

/** One milestone of 100 USD for each, and those of `released` paid out, 90 each. */
async function escrowOf(sellers: Seller[], released: number, policy: object = { clawback: 'at_opening' }): Promise<EscrowObject> {
  const { buyer } = cast;
  const milestones = sellers.map((s, i) => ({ title: `Part ${i}`, amount: 10_000, seller_id: cast[s].person.id }));
  const escrow = await fundedEscrow(buyer, sellers.map((s) => cast[s]), { title: 'A mill', currency: 'usd', funding: 'upfront', milestones, policy }); // prettier-ignore
  for (let i = 0; i < released; i += 1) {
    await cast[sellers[i]!].post(actPath(escrow, i, 'submit'));
    await buyer.post(actPath(escrow, i, 'accept'));
    await untilMilestone(buyer, escrow.id, i, 'released');
  }
  return escrow;
} // prettier-ignore

/** Waits until what is held back is told of so many milestones. */
const untilTold = async (escrow: EscrowObject, kind: 'clawed_back' | 'paid_again', times: number): Promise<void> => {
  const end = Date.now() + 120_000;
  while ((await countEvents(cast.buyer, escrow.id, `card_dispute.${kind}`))[0] !== times) {
    if (Date.now() > end) throw new Error(`${kind} was not told ${times} times`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
};

const says = (dispute: DisputeRow, word: object): Promise<unknown> =>
  control(world.sandbox.url, `disputes/${dispute.stripe_dispute_id}`, word);

const money = async (escrow: EscrowObject): Promise<number[]> =>
  amountsOf(await cast.buyer.escrow(escrow.id), 'released', 'held', 'charged_back', 'owed', 'fees');

/** The policy, and of each milestone: taken back, lost, paid again, held now, comes back if won. */
async function held(by: Api, disputeId: string) {
  type Part = Record<'taken_back' | 'taken_by_loss' | 'paid_again' | 'held_back' | 'comes_back_if_won', MoneyObject>;
  const { body } = await by.get<{ clawback: { policy: string; milestones: Part[] } }>(`/v1/disputes/${disputeId}`);
  const rows = body.clawback.milestones.map((p) => [p.taken_back, p.taken_by_loss, p.paid_again, p.held_back, p.comes_back_if_won].map((m) => m.amount)); // prettier-ignore
  return [body.clawback.policy, ...rows.sort((a, b) => b[0]! - a[0]!)];
}

test('won: held meanwhile, as far as a seller’s balance went, and paid again; the terms say so to both sides', async () => {
  const escrow = await escrowOf(['seller', 'seller2', 'seller3'], 2);
  expect(escrow['policy']).toMatchObject({ clawback: expect.stringContaining('taken back from its sellers and held') });
  await setSellerBalance(world, cast.seller2.person.id, 3000);
  const dispute = await openDispute(world, cast.buyer, escrow);
  await untilTold(escrow, 'clawed_back', 2);
  // 90 and 30 on hold beside the 100 that nobody delivered; what the second seller's balance lacks is no debt yet.
  expect(await money(escrow)).toEqual([6000, 22_000, 0, 0, 2000]);
  expect(await debtsOf(world, cast.seller2.person.id)).toEqual([]);
  await expectSound(world, cast, escrow.id);
  expect(await held(cast.ops, dispute.id)).toEqual(['at_opening', [9000, 0, 0, 9000, 9000], [3000, 0, 0, 3000, 3000]]);
  // A seller reads of their own money alone.
  expect(await held(cast.seller2, dispute.id)).toEqual(['at_opening', [3000, 0, 0, 3000, 3000]]);
  await decide(world, dispute, 'winning_evidence');
  await ended(world, dispute);
  await untilTold(escrow, 'paid_again', 2);
  expect(await held(cast.ops, dispute.id)).toEqual(['at_opening', [9000, 0, 9000, 0, 0], [3000, 0, 3000, 0, 0]]);
  expect(await money(escrow)).toEqual([18_000, 10_000, 0, 0, 2000]);
  await expectSound(world, cast, escrow.id);
  await cast.seller3.post(actPath(escrow, 2, 'submit'));
  await cast.buyer.post(actPath(escrow, 2, 'accept'));
  await untilStatus(cast.buyer, escrow.id, 'completed');
  await expectBooksClose(world, escrow.id);
  await recordEscrow(world, escrow.id, 'escrow-clawback-won');
  await recordHistory(world, `chargeback/${dispute.id}`, 'chargeback-clawback-won');
});

test('lost, after completion: what is held covers it, only the rest is reversed or owed', async () => {
  const escrow = await escrowOf(['seller', 'seller2'], 2);
  await untilStatus(cast.buyer, escrow.id, 'completed');
  await world.client.workflow.getHandle(`escrow/${escrow.id}`).result();
  await setSellerBalance(world, cast.seller2.person.id, 3000);
  const dispute = await openDispute(world, cast.buyer, escrow);
  await untilTold(escrow, 'clawed_back', 2);
  expect(await money(escrow)).toEqual([6000, 12_000, 0, 0, 2000]);
  await expectSound(world, cast, escrow.id);
  // Earned meanwhile: asked for again, before anything is owed.
  await setSellerBalance(world, cast.seller2.person.id, 1000);
  await decide(world, dispute, 'losing_evidence');
  await ended(world, dispute);
  expect(await money(escrow)).toEqual([5000, 0, 20_000, 5000, 0]);
  const reversals = await movementsOf(world, escrow.id, 'reversal');
  const made = reversals.filter((m) => m.status === 'succeeded').map((m) => Number(m.amount));
  expect(made.sort((a, b) => a - b)).toEqual([1000, 3000, 9000]);
  expect((await debtsOf(world, cast.seller2.person.id)).map((d) => d.amount)).toEqual([5000n]);
  expect(await countEvents(cast.buyer, escrow.id, 'card_dispute.paid_again')).toEqual([0]);
  await expectSound(world, cast, escrow.id);
  await expectBooksClose(world, escrow.id);
  await recordHistory(world, `chargeback/${dispute.id}`, 'chargeback-clawback-lost');
});

test('partly lost: what the loss does not take goes to its seller again', async () => {
  const escrow = await escrowOf(['seller'], 1);
  await untilStatus(cast.buyer, escrow.id, 'completed');
  const dispute = await openDispute(world, cast.buyer, escrow);
  await untilTold(escrow, 'clawed_back', 1);
  await says(dispute, { status: 'lost', give_back: 6000 });
  await ended(world, dispute);
  await untilTold(escrow, 'paid_again', 1);
  expect(await held(cast.ops, dispute.id)).toEqual(['at_opening', [9000, 3600, 5400, 0, 0]]);
  expect(await money(escrow)).toEqual([5400, 0, 4000, 0, 600]);
  await expectSound(world, cast, escrow.id);
  await expectBooksClose(world, escrow.id);
  await recordHistory(world, `chargeback/${dispute.id}`, 'chargeback-clawback-partly-lost');
});

test('a refund of released money is refused while a bank is at it, with the reason; asked before, it is not confirmed; afterwards it is made', async () => {
  const { buyer, seller, ops, ops2 } = cast;
  const escrow = await escrowOf(['seller'], 1, {});
  await untilStatus(buyer, escrow.id, 'completed');
  expect((await refundBy(buyer, escrow)).status).toBe(200);
  const dispute = await openDispute(world, buyer, escrow, { amount: 4000 });
  await untilEscrow(buyer, escrow.id, (e) => amountsOf(e, 'disputed')[0] === 4000);
  const refused = { status: 409, body: { code: 'action_not_available', detail: expect.stringContaining('bank disputes this payment') } }; // prettier-ignore
  expect(await refundBy(seller, escrow)).toMatchObject(refused);
  for (const api of [buyer, ops]) expect(await refundBy(api, escrow)).toMatchObject(refused);
  expect(await movementsOf(world, escrow.id, 'reversal')).toEqual([]);
  expect(await world.sql`SELECT status FROM recoveries WHERE escrow_id = ${escrow.id}`).toEqual([
    { status: 'refused' },
  ]);
  await decide(world, dispute, 'winning_evidence');
  await ended(world, dispute);
  expect((await refundBy(ops2, escrow)).status).toBe(200);
  await untilMoney(cast, escrow.id, { refunded: 10_000, released: 0 });
  await expectSound(world, cast, escrow.id);
});

test('won, then taken back by the bank: held anew as another round, then lost', async () => {
  const escrow = await escrowOf(['seller', 'seller2'], 1);
  const dispute = await openDispute(world, cast.buyer, escrow, { amount: 20_000 });
  await untilTold(escrow, 'clawed_back', 1);
  await decide(world, dispute, 'winning_evidence');
  await untilTold(escrow, 'paid_again', 1);
  await says(dispute, { status: 'under_review', withdraw: 20_000 });
  await untilTold(escrow, 'clawed_back', 2);
  expect(await money(escrow)).toEqual([0, 19_000, 0, 0, 1000]);
  await expectSound(world, cast, escrow.id);
  await says(dispute, { status: 'lost' });
  await ended(world, await untilDispute(world, dispute.stripe_dispute_id, ({ status }) => status === 'lost'));
  await untilStatus(cast.buyer, escrow.id, 'completed');
  expect(await money(escrow)).toEqual([0, 0, 20_000, 0, 0]);
  const keys = (await movementsOf(world, escrow.id, 'reversal')).map((m) => m.recovery_id!.slice(-3));
  expect(new Set(keys)).toEqual(new Set(['_h1', '_h2']));
  expect(keys).toHaveLength(2);
  await expectSound(world, cast, escrow.id);
  await expectBooksClose(world, escrow.id);
});

test.each([{}, { clawback: 'at_opening', chargeback_loss: 'platform' }])('by %j nothing is taken back while the bank decides', async (policy) => {
  const escrow = await escrowOf(['seller3'], 1, policy);
  const dispute = await openDispute(world, cast.buyer, escrow);
  await untilEscrow(cast.buyer, escrow.id, (e) => amountsOf(e, 'disputed')[0] === 10_000);
  const busy = async () => {
    const { raw } = await world.client.workflow.getHandle(`chargeback/${dispute.id}`).describe();
    return (raw.pendingActivities ?? []).length > 0 || Boolean(raw.pendingWorkflowTask);
  };
  while (await busy()) await new Promise((resolve) => setImmediate(resolve));
  await decide(world, dispute, 'winning_evidence');
  await ended(world, dispute);
  await untilEscrow(cast.buyer, escrow.id, (e) => amountsOf(e, 'disputed')[0] === 0);
  expect(await movementsOf(world, escrow.id, 'reversal')).toEqual([]);
  expect(await money(escrow)).toEqual([9000, 0, 0, 0, 1000]);
}); // prettier-ignore
