// Refunds of released money: confirmed, taken back, given to the buyer; short, failed, raced; during the escrow and after.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Api, castOf, fundedEscrow, proposal, untilEscrow } from '../stack/api.ts';
import { topUpFloat } from '../stack/books.ts';
import { recordEscrow, recordHistory } from '../stack/record-history.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import { amountsOf, countEvents, expectUnavailable, refundsOf, statusesOf, untilMilestone } from '../workflows/steps.ts'; // prettier-ignore
import { type Cast, debtsOf, expectSound, movementsOf, refundBy, releasedEscrow, setSellerBalance, untilMoney, untilMovement, untilRefundWorkflow } from './steps.ts'; // prettier-ignore

let world: World;
let cast: Cast;
let buyer: Api;
let seller: Api;
let ops: Api;
beforeAll(async () => {
  world = await startWorld();
  cast = castOf(world);
  ({ buyer, seller, ops } = cast);
  await topUpFloat(world, 'usd', 1_000_000n);
});
afterAll(() => world.stop());

describe('with the money still in the seller’s balance', () => {
  test('the buyer asks, the seller confirms: reversed, refunded, the fee given back', async () => {
    const escrow = await releasedEscrow(cast, [10_000]);
    const offers = async (api: Api) => (await api.escrow(escrow.id)).milestones[0]!.available_actions;
    for (const api of [buyer, seller, ops]) expect(await offers(api)).toEqual(['refund']);
    expect(await offers(cast.auditor)).toEqual([]);
    const asked = await refundBy(buyer, escrow);
    expect([await offers(buyer), await offers(seller)]).toEqual([[], ['refund']]);
    expect(asked).toMatchObject({ status: 200, body: { status: 'completed', milestones: [{ refund_request: { role: 'buyer', amount: { amount: 10_000 } } }] } }); // prettier-ignore
    expect(amountsOf(asked.body, 'released', 'refunded')).toEqual([9000, 0]);
    expectUnavailable(await refundBy(buyer, escrow));
    expect(await refundBy(seller, escrow, { amount: 9999 })).toMatchObject({ status: 400, body: { code: 'amount_invalid' } }); // prettier-ignore
    expect((await refundBy(seller, escrow)).status).toBe(200);
    const done = await untilMoney(cast, escrow.id, { refunded: 10_000, released: 0, fees: 0, owed: 0, held: 0 });
    await untilRefundWorkflow(world, escrow.id, 'refunded');
    expect([done.status, done.milestones[0]!.refunded.amount]).toEqual(['completed', 10_000]);
    expect(await movementsOf(world, escrow.id, 'reversal')).toMatchObject([{ amount: 9000n, status: 'succeeded' }]);
    expect(await refundsOf(buyer, escrow.id)).toMatchObject([{ status: 'succeeded', amount: { amount: 10_000 } }]);
    expect(await debtsOf(world, seller.person.id)).toEqual([]);
    const [back] = await world.sql<{ id: string }[]>`SELECT id FROM recoveries WHERE escrow_id = ${escrow.id}`;
    await recordHistory(world, `refund/${back!.id}`, 'refund-after-completion');
    await expectSound(world, cast, escrow.id);
    expectUnavailable(await refundBy(ops, escrow));
    for (const api of [buyer, seller, ops]) expect(await offers(api)).toEqual([]);
  });

  test('in parts, under a policy that keeps fees: the seller bears the fee, the pieces sum to the whole', async () => {
    const escrow = await releasedEscrow(cast, [10_001], { policy: { fee_return: 'none' } }, 'seller3');
    expect((await refundBy(ops, escrow, { amount: 3333 })).status).toBe(200);
    await untilMoney(cast, escrow.id, { refunded: 3333, released: 9001 - 3333, fees: 1000 });
    await expectSound(world, cast, escrow.id);
    expect(await refundBy(ops, escrow, { amount: 6669 })).toMatchObject({ status: 400, body: { code: 'amount_invalid' } }); // prettier-ignore
    expect((await refundBy(ops, escrow)).status).toBe(200);
    // The fee stays with the platform, so the last thousand is more than the transfer was: owed.
    await untilMoney(cast, escrow.id, { refunded: 10_001, released: 0, fees: 1000, owed: 1000 });
    expect(await debtsOf(world, cast.seller3.person.id)).toMatchObject([{ amount: 1000n, status: 'open' }]);
    await expectSound(world, cast, escrow.id);
  });

  test('while the escrow goes on: the milestone is recovering, then refunded, and the rest completes', async () => {
    const escrow = await fundedEscrow(buyer, [seller], proposal(seller.person.id, [5000, 6000], { fee_payer: 'buyer' })); // prettier-ignore
    await seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
    await buyer.act(escrow.id, escrow.milestones[0]!.id, 'accept');
    await untilMilestone(buyer, escrow.id, 0, 'released');
    const key = randomUUID();
    const first = await refundBy(buyer, escrow, {}, 0, key);
    expect(await refundBy(buyer, escrow, {}, 0, key)).toMatchObject({ status: 200, body: first.body });
    expect((await refundBy(seller, escrow)).status).toBe(200);
    await untilMilestone(buyer, escrow.id, 0, 'refunded');
    // Price and buyer's fee of the first milestone.
    const half = await untilMoney(cast, escrow.id, { refunded: 5500, released: 0, fees: 0, held: 6600 });
    expect(statusesOf(half)).toEqual(['refunded', 'funded']);
    await expectSound(world, cast, escrow.id);
    await seller.act(escrow.id, escrow.milestones[1]!.id, 'submit');
    await buyer.act(escrow.id, escrow.milestones[1]!.id, 'accept');
    const done = await untilEscrow(buyer, escrow.id, (e) => e.status === 'completed');
    expect(amountsOf(done, 'charged', 'released', 'refunded', 'fees', 'held')).toEqual([12_100, 6000, 5500, 600, 0]);
    expect(await countEvents(buyer, escrow.id, 'milestone.recovering', 'milestone.refunded')).toEqual([1, 1]);
    await expectSound(world, cast, escrow.id);
    await recordEscrow(world, escrow.id, 'released-then-refunded');
  });

  test('nothing happens where the other side lets the request lapse', async () => {
    const escrow = await releasedEscrow(cast, [4000], { policy: { confirm: 'PT2S' } });
    const { body } = await refundBy(seller, escrow);
    expect(body.milestones[0]).toMatchObject({ refund_request: { role: 'seller' } });
    const lapsed = await untilEscrow(buyer, escrow.id, (e) => e.milestones[0]!['refund_request'] === null);
    expect(amountsOf(lapsed, 'released', 'refunded')).toEqual([3600, 0]);
    expect(await movementsOf(world, escrow.id, 'reversal')).toEqual([]);
    await expectSound(world, cast, escrow.id);
  });

  test('two orders at once take no more than there is: one wins, the other is told', async () => {
    const escrow = await releasedEscrow(cast, [8000]);
    const answers = await Promise.all([0, 1].map(() => refundBy(ops, escrow, { amount: 5000 })));
    expect(answers.map((a) => a.status).sort((a, b) => a - b)).toEqual([200, 409]);
    expectUnavailable(answers.find((a) => a.status === 409)!);
    await untilMoney(cast, escrow.id, { refunded: 5000, released: 2700, fees: 300 });
    // What is left may still go, in as many orders as fit.
    const rest = await Promise.all([1000, 2000].map((amount) => refundBy(ops, escrow, { amount })));
    expect(rest.map((a) => a.status)).toEqual([200, 200]);
    await untilMoney(cast, escrow.id, { refunded: 8000, released: 0, fees: 0, owed: 0 });
    await expectSound(world, cast, escrow.id);
  });

  test('a stranger is not told, an auditor and another seller may not', async () => {
    const escrow = await releasedEscrow(cast, [1000]);
    expect((await refundBy(cast.buyer2, escrow)).status).toBe(404);
    expect((await refundBy(cast.seller2, escrow)).status).toBe(404);
    expectUnavailable(await refundBy(cast.auditor, escrow));
  });
});

test('ops over their limit need another of ops; what was approved is done once', async () => {
  const escrow = await releasedEscrow(cast, [150_000]);
  const key = randomUUID();
  expectUnavailable(await refundBy(cast.auditor, escrow));
  expect(await refundBy(ops, escrow, { amount: 150_001 })).toMatchObject({ status: 400, body: { code: 'amount_invalid' } }); // prettier-ignore
  const asked = await refundBy<{ approval: { id: string } }>(ops, escrow, {}, 0, key);
  expect(asked.status).toBe(202);
  expect(await movementsOf(world, escrow.id, 'reversal')).toEqual([]);
  const path = `/v1/ops/approvals/${asked.body.approval.id}/approve`;
  expect((await ops.post(path)).status).toBe(403);
  expect(await cast.ops2.post(path)).toMatchObject({ status: 200, body: { status: 'executed' } });
  await untilMoney(cast, escrow.id, { refunded: 150_000, released: 0, fees: 0, owed: 0 });
  expect(await refundBy(ops, escrow, {}, 0, key)).toMatchObject({ status: 202, body: asked.body });
  expect(await movementsOf(world, escrow.id, 'reversal')).toHaveLength(1);
  await expectSound(world, cast, escrow.id);
});

test('a refund that Stripe keeps pending is settled when it says so', async () => {
  const escrow = await releasedEscrow(cast, [7000], { payment_method: 'pm_card_pendingRefund' });
  expect((await refundBy(ops, escrow)).status).toBe(200);
  const pending = await untilMoney(cast, escrow.id, { refunded: 7000, released: 0, fees: 0 });
  expect(pending.milestones[0]).toMatchObject({ refunds: [{ status: 'pending' }] });
  await untilMovement(world, escrow.id, 'refund', 'pending');
  await expectSound(world, cast, escrow.id);
  await control(world.sandbox.url, 'clock', { advance: 'P2D' });
  await untilMovement(world, escrow.id, 'refund', 'succeeded');
  await untilRefundWorkflow(world, escrow.id, 'refunded');
  await expectSound(world, cast, escrow.id);
});

describe('a refund that fails after the reversal', () => {
  test('refused by Stripe: the seller is paid again, and it may be tried again', async () => {
    const escrow = await releasedEscrow(cast, [10_000]);
    await control(world.sandbox.url, 'faults', { match: { method: 'POST', path: '/v1/refunds' }, kind: 'status', status: 400, times: 1 }); // prettier-ignore
    expect((await refundBy(ops, escrow)).status).toBe(200);
    await untilRefundWorkflow(world, escrow.id, 'undone');
    const after = await untilMoney(cast, escrow.id, { released: 9000, refunded: 0, fees: 1000, held: 0, owed: 0 });
    expect(after.milestones[0]).toMatchObject({ refunded: { amount: 0 }, refunds: [{ status: 'failed' }] });
    expect(await movementsOf(world, escrow.id, 'transfer')).toMatchObject([{ part: 1, amount: 9000n }, { part: null, amount: 9000n, status: 'succeeded' }]); // prettier-ignore
    await expectSound(world, cast, escrow.id);
    expect((await refundBy(ops, escrow)).status).toBe(200);
    await untilMoney(cast, escrow.id, { released: 0, refunded: 10_000, fees: 0, held: 0, owed: 0 });
    await expectSound(world, cast, escrow.id);
  });

  test('with a debt that the next release has paid meanwhile: the seller gets that back too', async () => {
    const { seller2 } = cast;
    const first = await releasedEscrow(cast, [10_000], { payment_method: 'pm_card_refundFail' }, 'seller2');
    await setSellerBalance(world, seller2.person.id, 2000);
    expect((await refundBy(ops, first)).status).toBe(200);
    await untilMoney(cast, first.id, { refunded: 10_000, released: 7000, owed: 7000, fees: 0 });
    const next = await releasedEscrow(cast, [5000], {}, 'seller2');
    expect(amountsOf(next, 'released', 'fees')).toEqual([4500, 500]);
    await untilMoney(cast, first.id, { owed: 2500, released: 2500 });
    await expectSound(world, cast, first.id, next.id);
    // The bank sends the refund back a day later.
    await control(world.sandbox.url, 'clock', { advance: 'P2D' });
    await untilRefundWorkflow(world, first.id, 'undone');
    await untilMoney(cast, first.id, { refunded: 0, released: 9000, owed: 0, held: 0, fees: 1000 });
    expect(await debtsOf(world, seller2.person.id)).toMatchObject([{ amount: 7000n, recovered: 4500n, cancelled: 2500n, status: 'cancelled' }]); // prettier-ignore
    expect((await movementsOf(world, first.id, 'transfer')).map((t) => t.amount)).toEqual([9000n, 6500n]);
    await expectSound(world, cast, first.id, next.id);
  });

  test('months later, when its workflow has ended: undone all the same, once, and the seller is paid again', async () => {
    const escrow = await releasedEscrow(cast, [10_000]);
    expect((await refundBy(ops, escrow)).status).toBe(200);
    await untilMoney(cast, escrow.id, { released: 0, refunded: 10_000, fees: 0, held: 0, owed: 0 });
    await untilMovement(world, escrow.id, 'refund', 'succeeded');
    const { id, stripe_refund_id } = (await refundsOf(ops, escrow.id)).at(-1)!;
    await world.client.workflow.getHandle(`refund/${id}`).terminate('its 45 days are over');
    await control(world.sandbox.url, `refunds/${stripe_refund_id}`, { fail: 'expired_or_canceled_card' });
    const after = await untilMoney(cast, escrow.id, { released: 9000, refunded: 0, fees: 1000, held: 0, owed: 0 });
    expect(after).toMatchObject({ status: 'completed', milestones: [{ refunds: [{ status: 'failed' }] }] });
    const again = world.client.workflow.getHandle(`refund-sent-back/${id}`);
    expect(await again.result()).toBe('undone');
    await recordHistory(world, again.workflowId, 'refund-sent-back');
    expect((await movementsOf(world, escrow.id, 'transfer')).map((t) => [t.amount, t.status])).toEqual([[9000n, 'succeeded'], [9000n, 'succeeded']]); // prettier-ignore
    await expectSound(world, cast, escrow.id);
    // The buyer's money is the seller's again: it may be asked back anew.
    expect((await refundBy(ops, escrow)).status).toBe(200);
    await untilMoney(cast, escrow.id, { released: 0, refunded: 10_000, fees: 0, held: 0, owed: 0 });
  });
});
