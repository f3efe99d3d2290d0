// Refunds that were ordered and that Stripe can make no more, whoever ordered them: a ruling, an amendment, a cancellation, a
// timer, a forced decision. Each is promised, says that ops pay it by bank transfer, and ends when two of them have. And the
// races of such a payment with a bank that takes the same money by a dispute: the buyer gets it once, in both orders.
import { Context } from '@temporalio/activity';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { chargeOf, decide, ended, openDispute, untilDispute } from '../chargebacks/acts.ts';
import { disputes, step } from '../disputes/steps.ts';
import { castOf, type EscrowObject, untilEscrow, untilStatus } from '../stack/api.ts';
import { backdatePayment, paidByDebit } from '../stack/backdate.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { recordEscrow } from '../stack/record-history.ts';
import { control, setTransfers, startWorld, type World } from '../stack/world.ts';
import { until } from '../supervisor/wait.ts';
import { accountOf, actPath, amountsOf, expectUnavailable, intentOf, refundsOf, statusesOf, untilMilestone, untilSeller } from '../workflows/steps.ts'; // prettier-ignore
import { type Cast, expectSound } from './steps.ts';

interface Asked {
  approval: { id: string };
}
type Part = { status: string; amount: { amount: number } };

let world: World;
let cast: Cast;
let dies: 'before_call' | 'after_commit' | null = null;
beforeAll(async () => {
  world = await startWorld({
    crashPoint: (point) => {
      if (point === dies && Context.current().info.activityType === 'refundByBank') throw new Error(`died ${point}`);
    },
  });
  cast = castOf(world);
  await topUpFloat(world, 'usd', 1_000_000n);
});
afterAll(() => world.stop());

/** Paid by a US bank account so long ago that Stripe refunds it no more. */
async function paidLongAgo(amounts: number[], more: object = {}): Promise<EscrowObject> {
  const escrow = await paidByDebit(world, cast, amounts, more);
  await backdatePayment(world, escrow.id, 181);
  return escrow;
}

const partsOf = (e: EscrowObject, index = 0) => (e.milestones[index]!['refunds'] as Part[]).map((r) => [r.status, r.amount.amount]); // prettier-ignore
const untilOwed = (e: EscrowObject, index = 0): Promise<EscrowObject> =>
  untilMilestone(cast.buyer, e.id, index, (m) => (m['refunds'] as Part[]).some((r) => r.status === 'needs_bank'));

const ask = (e: EscrowObject, index: number, amount: number, reference: string) =>
  cast.ops.post<Asked>(`/v1/ops/escrows/${e.id}/refund-by-bank`, { milestone_id: e.milestones[index]!.id, amount, reference, reason: 'Stripe refunds it no more' }); // prettier-ignore

async function paidByBank(e: EscrowObject, index: number, amount: number, reference = 'wire 31'): Promise<void> {
  const asked = await ask(e, index, amount, reference);
  expect(asked.status).toBe(202);
  const { body } = await cast.ops2.post(`/v1/ops/approvals/${asked.body.approval.id}/approve`);
  expect(body).toMatchObject({ status: 'executed' });
}

const ofBank = (e: EscrowObject) =>
  world.sql`SELECT amount::int, reference FROM bank_refunds WHERE escrow_id = ${e.id} ORDER BY amount`;
const owedToBuyer = async () => (await world.sql<{ count: number }[]>`SELECT count(*)::int AS count FROM notifications WHERE kind = 'refund_by_bank' AND settled_at IS NULL`)[0]!.count; // prettier-ignore

test('a ruling: the seller has their leg at once, the buyer’s waits for the bank and ends the escrow', async () => {
  const { buyer, seller, ops } = cast;
  const escrow = await paidLongAgo([10_000]);
  const dispute = await disputes(buyer, escrow);
  await step(seller, dispute, 'reply', { message: 'it is as agreed' });
  await step(buyer, dispute, 'escalate');
  await step(ops, dispute, 'rule', { seller_amount: 6000, reason: 'most of it is done' });
  await untilOwed(escrow);
  const waits = await untilEscrow(buyer, escrow.id, (e) => amountsOf(e, 'released')[0]! > 0);
  expect(waits.waiting_for).toMatchObject({ who: 'ops', what: expect.stringContaining('bank transfer') as unknown });
  expect(partsOf(waits)).toEqual([['needs_bank', 4000]]);
  const { body } = await ops.get<{ summary: string }>(`/v1/escrows/${escrow.id}/explanation`);
  expect(body.summary).toMatch(/by bank transfer/);
  expect(await owedToBuyer()).toBeGreaterThan(0);
  const [line] = await refundsOf(buyer, escrow.id);
  expect(line).toMatchObject({ status: 'needs_bank', amount: { amount: 4000 }, milestone_id: escrow.milestones[0]!.id, bank: null }); // prettier-ignore
  await expectSound(world, cast, escrow.id);
  expect(await ask(escrow, 0, 3999, 'wire 30')).toMatchObject({ status: 400, body: { code: 'amount_invalid' } });
  await paidByBank(escrow, 0, 4000);
  const done = await untilStatus(buyer, escrow.id, 'completed');
  expect([statusesOf(done), ...amountsOf(done, 'refunded', 'held')]).toEqual([['released'], 4000, 0]);
  expect(await refundsOf(buyer, escrow.id)).toMatchObject([{ status: 'succeeded', amount: { amount: 4000 }, bank: { reference: 'wire 31' } }]); // prettier-ignore
  await recordEscrow(world, escrow.id, 'ruled-and-paid-by-bank');
  await expectBooksClose(world, escrow.id);
  await expectSound(world, cast, escrow.id);
}, 200_000);

test('an amendment to less: what stays goes on and is released, the difference is paid by bank', async () => {
  const { buyer, seller } = cast;
  const escrow = await paidLongAgo([10_000]);
  const [m] = escrow.milestones;
  await amendedTo(escrow, 6000);
  const waits = await untilOwed(escrow);
  expect([statusesOf(waits), partsOf(waits)]).toEqual([['funded'], [['needs_bank', 4000]]]);
  await seller.act(escrow.id, m!.id, 'submit');
  await buyer.act(escrow.id, m!.id, 'accept');
  const released = await untilEscrow(buyer, escrow.id, (e) => amountsOf(e, 'released')[0]! > 0);
  expect([released.status, released.waiting_for.who]).toEqual(['active', 'ops']);
  await paidByBank(escrow, 0, 4000);
  const done = await untilStatus(buyer, escrow.id, 'completed');
  expect([statusesOf(done), ...amountsOf(done, 'refunded', 'held')]).toEqual([['released'], 4000, 0]);
  await expectBooksClose(world, escrow.id);
}, 200_000);

async function amendedTo(escrow: EscrowObject, amount: number): Promise<void> {
  const { buyer, seller } = cast;
  const milestones = [{ id: escrow.milestones[0]!.id, amount }];
  const proposed = await seller.post<EscrowObject>(`/v1/escrows/${escrow.id}/amendments`, { milestones });
  const { id, terms_hash } = proposed.body['amendment'] as { id: string; terms_hash: string };
  expect((await buyer.post(`/v1/amendments/${id}/sign`, { terms_hash })).status).toBe(200);
}

test('a cancellation: the escrow settles until the bank has paid each, and ends', async () => {
  const { buyer } = cast;
  const escrow = await paidLongAgo([5000, 6000]);
  await buyer.post(`/v1/escrows/${escrow.id}/cancel`, { reason: 'not needed any more' });
  for (const index of [0, 1]) await untilOwed(escrow, index);
  const waits = await buyer.escrow(escrow.id);
  expect([waits.status, ...statusesOf(waits), waits.waiting_for.who]).toEqual(['settling', 'refunding', 'refunding', 'ops']); // prettier-ignore
  // What ops freeze stays where it is; what they only review may go back.
  await cast.ops.freeze(escrow.id);
  expectUnavailable(await ask(escrow, 0, 5000, 'wire 32'));
  await cast.ops.unfreeze(escrow.id);
  await paidByBank(escrow, 0, 5000, 'wire 32');
  await untilMilestone(buyer, escrow.id, 0, 'refunded');
  await expectSound(world, cast, escrow.id);
  await paidByBank(escrow, 1, 6000, 'wire 33');
  const done = await untilStatus(buyer, escrow.id, 'cancelled');
  expect([statusesOf(done), ...amountsOf(done, 'refunded', 'held')]).toEqual([['refunded', 'refunded'], 11_000, 0]);
  expect(await ofBank(escrow)).toEqual([{ amount: 5000, reference: 'wire 32' }, { amount: 6000, reference: 'wire 33' }]); // prettier-ignore
  expect(await owedToBuyer()).toBe(0);
  await recordEscrow(world, escrow.id, 'cancelled-and-paid-by-bank');
  await expectBooksClose(world, escrow.id);
}, 200_000);

test('a forced decision over a seller who never got verified: what was accepted is taken back with the bank’s payment', async () => {
  const { buyer, seller, ops, ops2 } = cast;
  const account = await accountOf(world, seller.person.id);
  const escrow = await paidByDebit(world, cast, [10_000], { fee_payer: 'shared' });
  await setTransfers(world.sandbox.url, account, 'inactive');
  await untilSeller(world, seller.person.id, 'inactive');
  await seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
  await buyer.act(escrow.id, escrow.milestones[0]!.id, 'accept');
  await untilMilestone(buyer, escrow.id, 0, 'blocked_kyc');
  await backdatePayment(world, escrow.id, 701);
  await world.sql`UPDATE movements SET created_at = now() - interval '701 days' WHERE escrow_id = ${escrow.id} AND kind = 'payment'`; // prettier-ignore
  const decision = { milestone_id: escrow.milestones[0]!.id, decision: 'refund', reason: 'never verified' };
  const forced = await ops.post<Asked>(`/v1/ops/escrows/${escrow.id}/force-decision`, decision);
  expect(forced.status).toBe(202);
  expect((await ops2.post(`/v1/ops/approvals/${forced.body.approval.id}/approve`)).body).toMatchObject({ status: 'executed' }); // prettier-ignore
  const waits = await untilOwed(escrow);
  expect([...statusesOf(waits), waits.waiting_for.who]).toEqual(['refunding', 'ops']);
  await paidByBank(escrow, 0, 10_000);
  const done = await untilStatus(buyer, escrow.id, 'completed');
  expect([statusesOf(done), ...amountsOf(done, 'charged', 'refunded', 'fees', 'held')]).toEqual([['refunded'], 10_500, 10_500, 0, 0]); // prettier-ignore
  await setTransfers(world.sandbox.url, account, 'active');
  await untilSeller(world, seller.person.id, 'active');
  await expectBooksClose(world, escrow.id);
  await expectSound(world, cast, escrow.id);
}, 200_000);

test('overdue work whose seller is silent: the timer orders the refund, and the bank pays it', async () => {
  const { buyer } = cast;
  const due = new Date(Date.now() + 4000).toISOString();
  const escrow = await paidByDebit(world, cast, [5000], { policy: { overdue: 'PT2S' } }, { due_at: due });
  await untilMilestone(buyer, escrow.id, 0, 'overdue');
  await backdatePayment(world, escrow.id, 181);
  expect((await buyer.post(actPath(escrow, 0, 'refund'), { reason: 'too late' })).status).toBe(200);
  await untilOwed(escrow);
  await paidByBank(escrow, 0, 5000);
  expect(statusesOf(await untilStatus(buyer, escrow.id, 'completed'))).toEqual(['refunded']);
  await expectBooksClose(world, escrow.id);
}, 200_000);

/** A promise of 4000 out of 10,000 that two of ops say is paid, while its booking dies at that point again and again. */
async function bookingDies(at: 'before_call' | 'after_commit'): Promise<EscrowObject> {
  const escrow = await paidLongAgo([10_000]);
  await amendedTo(escrow, 6000);
  await untilOwed(escrow);
  dies = at;
  await paidByBank(escrow, 0, 4000, 'wire 41');
  return escrow;
}

async function bankTakes(escrow: EscrowObject, amount: number): Promise<void> {
  const dispute = await openDispute(world, cast.buyer, escrow, { amount });
  const [row] = await world.sql<{ status: string }[]>`SELECT status FROM disputes WHERE id = ${dispute.id}`;
  if (row!.status !== 'lost') await decide(world, dispute, 'losing_evidence');
  await ended(world, dispute);
  await untilEscrow(cast.buyer, escrow.id, (e) => amountsOf(e, 'charged_back')[0] === amount);
}

test('the bank’s payment is booked and its answer is lost, then a dispute is: the promise stays paid, the loss takes the rest', async () => {
  const escrow = await bookingDies('after_commit');
  await untilBooked(escrow);
  await bankTakes(escrow, 6000);
  dies = null;
  const done = await untilStatus(cast.buyer, escrow.id, 'completed');
  expect([statusesOf(done), partsOf(done)]).toEqual([
    ['refunded'],
    [
      ['succeeded', 4000],
      ['succeeded', 6000],
    ],
  ]);
  expect(amountsOf(done, 'refunded', 'charged_back', 'held', 'absorbed', 'owed')).toEqual([4000, 6000, 0, 0, 0]);
  await expectBooksClose(world, escrow.id);
  await expectSound(world, cast, escrow.id);
}, 200_000);

async function untilBooked(escrow: EscrowObject): Promise<void> {
  const end = Date.now() + 120_000;
  while ((await ofBank(escrow)).length === 0) {
    if (Date.now() > end) throw new Error(`nothing is booked of ${escrow.id}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}

const untilOpsAreTold = (escrow: EscrowObject): Promise<void> =>
  until(async () => (await told(escrow)).length > 0, 'ops are told that the books refuse what the bank has paid');
const told = (escrow: EscrowObject) =>
  world.sql<{ detail: object }[]>`SELECT detail FROM alerts WHERE escrow_id = ${escrow.id} AND kind = 'refund_failed'`;

test('the debit itself comes back first, and no dispute tells of it: nothing is booked, and ops are told which transfer it was', async () => {
  const escrow = await bookingDies('before_call');
  const charge = await chargeOf(cast.buyer, escrow.id);
  await control(world.sandbox.url, `payment_intents/${await intentOf(cast.buyer, escrow.id)}`, { returned: 'insufficient_funds' }); // prettier-ignore
  await ended(world, await untilDispute(world, charge, () => true));
  await untilEscrow(cast.buyer, escrow.id, (e) => amountsOf(e, 'charged_back')[0] === 10_000);
  dies = null;
  await untilOpsAreTold(escrow);
  expect(await told(escrow)).toMatchObject([{ detail: { code: 'charge_lost', reference: 'wire 41' } }]);
  expect(await ofBank(escrow)).toEqual([]);
  const done = await untilStatus(cast.buyer, escrow.id, 'completed');
  expect([statusesOf(done), ...amountsOf(done, 'refunded', 'charged_back', 'held', 'absorbed')]).toEqual([['refunded'], 0, 10_000, 0, 0]); // prettier-ignore
  await expectBooksClose(world, escrow.id);
  await expectSound(world, cast, escrow.id);
}, 200_000);

test('refused by the books alone: the promise stands, frozen until ops have looked, and is paid by another transfer', async () => {
  const escrow = await paidLongAgo([10_000]);
  await amendedTo(escrow, 6000);
  await untilOwed(escrow);
  const gone = (by: number) => world.sql`UPDATE charge_funds SET withdrawn = withdrawn + ${by} WHERE escrow_id = ${escrow.id}`; // prettier-ignore
  await gone(7000);
  await paidByBank(escrow, 0, 4000, 'wire 51');
  const frozen = await untilEscrow(cast.buyer, escrow.id, (e) => e.frozen.includes('ops'));
  expect([statusesOf(frozen), partsOf(frozen)]).toEqual([['funded'], [['failed', 4000], ['needs_bank', 4000]]]); // prettier-ignore
  expect(amountsOf(frozen, 'refunded', 'held')).toEqual([0, 10_000]);
  expect(await told(escrow)).toMatchObject([{ detail: { code: 'charge_not_overdrawn', reference: 'wire 51' } }]);
  expect(await ofBank(escrow)).toEqual([]);
  await gone(-7000);
  await expectSound(world, cast, escrow.id);
  await cast.ops.unfreeze(escrow.id, escrow.milestones[0]!.id);
  await paidByBank(escrow, 0, 4000, 'wire 52');
  await cast.seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
  await cast.buyer.act(escrow.id, escrow.milestones[0]!.id, 'accept');
  const done = await untilStatus(cast.buyer, escrow.id, 'completed');
  expect([statusesOf(done), ...amountsOf(done, 'refunded', 'held')]).toEqual([['released'], 4000, 0]);
  expect(await ofBank(escrow)).toEqual([{ amount: 4000, reference: 'wire 52' }]);
  await expectBooksClose(world, escrow.id);
  await expectSound(world, cast, escrow.id);
}, 200_000);

test('the loss is divided first: the payment is not booked, ops are told which transfer it was, and the rest of the promise stands', async () => {
  const escrow = await bookingDies('before_call');
  await bankTakes(escrow, 3000);
  dies = null;
  await untilOpsAreTold(escrow);
  expect(await told(escrow)).toMatchObject([{ detail: { code: 'charge_lost', reference: 'wire 41' } }]);
  expect(await ofBank(escrow)).toEqual([]);
  const waits = await untilOwed(escrow);
  expect(partsOf(waits)).toEqual([['charged_back', 3000], ['needs_bank', 1000]]); // prettier-ignore
  expect(amountsOf(waits, 'refunded', 'charged_back', 'held')).toEqual([0, 3000, 7000]);
  await expectSound(world, cast, escrow.id);
  // What is left of the promise is paid by a transfer of its own.
  await paidByBank(escrow, 0, 1000, 'wire 42');
  await cast.seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
  await cast.buyer.act(escrow.id, escrow.milestones[0]!.id, 'accept');
  const done = await untilStatus(cast.buyer, escrow.id, 'completed');
  expect([statusesOf(done), ...amountsOf(done, 'refunded', 'charged_back', 'held', 'absorbed')]).toEqual([['released'], 1000, 3000, 0, 0]); // prettier-ignore
  expect(await ofBank(escrow)).toEqual([{ amount: 1000, reference: 'wire 42' }]);
  await expectBooksClose(world, escrow.id);
  await expectSound(world, cast, escrow.id);
}, 200_000);
