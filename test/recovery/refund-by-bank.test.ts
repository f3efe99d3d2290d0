// Refunds of running escrows after the time in which Stripe can make them: paid from the platform's bank by two of ops; the
// books close at every step, also where the worker dies between its commit and its answer.
import { Context } from '@temporalio/activity';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buyerStatement } from '../../db/statements.ts';
import { type Answer, castOf, type EscrowObject, untilEscrow, untilStatus } from '../stack/api.ts';
import { backdatePayment, paidByDebit } from '../stack/backdate.ts';
import { expectBooksClose, topUpFloat, workflowState } from '../stack/books.ts';
import { recordEscrow } from '../stack/record-history.ts';
import { startWorld, type World } from '../stack/world.ts';
import { amountsOf, expectUnavailable, refundsOf, statusesOf } from '../workflows/steps.ts';
import { type Cast, expectSound } from './steps.ts';

interface Approval {
  id: string;
  status: string;
  params: Record<string, unknown>;
  outcome: Record<string, unknown> | null;
}
interface Asked {
  approval: { id: string; status: string };
}

let world: World;
let cast: Cast;
let dies = false;
beforeAll(async () => {
  world = await startWorld({
    crashPoint: (point) => {
      if (!dies || Context.current().info.activityType !== 'refundByBank' || point !== 'after_commit') return;
      dies = false;
      throw new Error('died after its commit');
    },
  });
  cast = castOf(world);
  await topUpFloat(world, 'usd', 1_000_000n);
});
afterAll(() => world.stop());

const FEES = { fee_payer: 'buyer', policy: { fee_return: 'full' } };

const ask = (e: EscrowObject, index: number, amount: number, reference = 'wire 19', key?: string): Promise<Answer<Asked>> =>
  cast.ops.post<Asked>(`/v1/ops/escrows/${e.id}/refund-by-bank`, { milestone_id: e.milestones[index]!.id, amount, reference, reason: '180 days have passed' }, key); // prettier-ignore
const approve = (id: string) => cast.ops2.post<Approval>(`/v1/ops/approvals/${id}/approve`);
const ofBank = (escrowId: string) =>
  world.sql`SELECT milestone_id, amount::int, settled_amount::int, reference, approval_id FROM bank_refunds WHERE escrow_id = ${escrowId}`;

/** Until the workflow itself knows that its first milestone was refunded. */
async function untilHeard(escrowId: string): Promise<void> {
  const end = Date.now() + 120_000;
  while ((await workflowState(world, escrowId)).milestones[0]!.status !== 'refunded') {
    if (Date.now() > end) throw new Error(`the workflow of ${escrowId} never heard of its refund`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

test('refused while Stripe can refund; after it by two of ops, once, though the worker dies and everybody clicks twice', async () => {
  const escrow = await paidByDebit(world, cast, [10_000, 4000], FEES);
  const early = await ask(escrow, 0, 10_000);
  expectUnavailable(early as Answer<unknown>);
  expect(early.body).toMatchObject({ detail: expect.stringContaining('refund it at Stripe') as unknown });

  await backdatePayment(world, escrow.id, 181);
  expect(await ask(escrow, 0, 9000)).toMatchObject({ status: 400, body: { code: 'amount_invalid' } });
  expect((await cast.buyer.post(`/v1/ops/escrows/${escrow.id}/refund-by-bank`, {})).status).toBe(403);

  // A double click asks one approval; asked again by another click it is the same one.
  const clicks = await Promise.all([ask(escrow, 0, 10_000, 'wire 19', 'click'), ask(escrow, 0, 10_000, 'wire 19'), ask(escrow, 0, 10_000, 'wire 19', 'click')]); // prettier-ignore
  const asked = clicks.filter((c) => c.status === 202).map((c) => c.body.approval.id);
  expect(new Set(asked).size).toBe(1);
  const id = asked[0]!;
  expect((await cast.ops.post(`/v1/ops/approvals/${id}/approve`)).status).toBe(403);
  expect(await ofBank(escrow.id)).toEqual([]);
  await expectSound(world, cast, escrow.id);

  dies = true;
  const approved = await Promise.all([approve(id), approve(id)]);
  expect(approved.map((a) => a.status)).toContain(200);
  const after = await untilEscrow(cast.buyer, escrow.id, (e) => e.milestones[0]!.status === 'refunded');
  // Committed, and died: the workflow hears of it by the repetition alone.
  await untilHeard(escrow.id);
  expect(dies).toBe(false);
  expect(amountsOf(after, 'charged', 'refunded', 'held')).toEqual([15_400, 11_000, 4400]);
  expect(after.milestones[0]).toMatchObject({ refunded: { amount: 11_000 }, refunds: [{ status: 'succeeded', amount: { amount: 11_000 } }] }); // prettier-ignore
  expect(await ofBank(escrow.id)).toEqual([{ milestone_id: escrow.milestones[0]!.id, amount: 11_000, settled_amount: 11_000, reference: 'wire 19', approval_id: id }]); // prettier-ignore
  const [bank] =
    await world.sql`SELECT sum(amount)::int AS paid FROM ledger_entries WHERE escrow_id = ${escrow.id} AND account = 'bank'`;
  expect(bank).toEqual({ paid: -11_000 });
  const [charge] =
    await world.sql`SELECT refunded::int, transferred::int FROM charge_funds WHERE escrow_id = ${escrow.id}`;
  expect(charge).toEqual({ refunded: 11_000, transferred: 0 });
  // Nothing was asked of Stripe, and what the bank paid stands among the refunds, with who let it be recorded.
  expect(await world.sql`SELECT FROM movements WHERE escrow_id = ${escrow.id} AND kind = 'refund'`).toHaveLength(0);
  const two = { requested_by: cast.ops.person.id, approved_by: cast.ops2.person.id };
  expect(await refundsOf(cast.buyer, escrow.id)).toMatchObject([
    { status: 'succeeded', amount: { amount: 11_000 }, reason: '180 days have passed', stripe_refund_id: null, bank: { reference: 'wire 19', approval_id: id, ...two } }, // prettier-ignore
  ]);
  const period = { from: new Date(0), to: new Date(Date.now() + 60_000) };
  const lines = await buyerStatement(world.sql, cast.buyer.person.id, period);
  expect(lines.filter((l) => l.escrow_id === escrow.id).map((l) => [l.kind, Number(l.amount), l.bank_reference])).toEqual([['payment', -15_400, null], ['refund', 11_000, 'wire 19']]); // prettier-ignore
  const timeline = (await cast.buyer.list<{ type: string }>(escrow.id, 'timeline')).map((e) => e.type);
  expect(timeline.filter((t) => t.startsWith('refund.'))).toEqual(['refund.ordered', 'refund.paid_by_bank']);
  const [told] =
    await world.sql`SELECT count(*)::int AS count FROM notifications WHERE escrow_id = ${escrow.id} AND person_id = ${cast.buyer.person.id} AND kind = 'refunded'`;
  expect(told).toEqual({ count: 1 });
  await expectSound(world, cast, escrow.id);
  expectUnavailable((await ask(escrow, 0, 10_000)) as Answer<unknown>);

  // The rest goes its ordinary way: the seller gets it of the same charge.
  await cast.seller.act(escrow.id, escrow.milestones[1]!.id, 'submit');
  await cast.buyer.act(escrow.id, escrow.milestones[1]!.id, 'accept');
  const done = await untilStatus(cast.buyer, escrow.id, 'completed');
  expect(statusesOf(done)).toEqual(['refunded', 'released']);
  await recordEscrow(world, escrow.id, 'refunded-by-bank');
  await expectBooksClose(world, escrow.id);
  await expectSound(world, cast, escrow.id);
}, 200_000);

test('not what is frozen, nor what was accepted meanwhile: the approval fails and says why, and no unit moves', async () => {
  const escrow = await paidByDebit(world, cast, [5000, 6000]);
  await backdatePayment(world, escrow.id, 181);
  const first = (await ask(escrow, 0, 5000)).body.approval.id;
  const second = (await ask(escrow, 1, 6000)).body.approval.id;
  await cast.ops.freeze(escrow.id);
  expect((await approve(first)).body).toMatchObject({ status: 'failed', outcome: { detail: expect.stringContaining('frozen') as unknown } }); // prettier-ignore
  expect((await cast.ops.post(`/v1/ops/escrows/${escrow.id}/unfreeze`, {})).status).toBe(200);
  await cast.seller.act(escrow.id, escrow.milestones[1]!.id, 'submit');
  await cast.buyer.act(escrow.id, escrow.milestones[1]!.id, 'accept');
  expect((await approve(second)).body).toMatchObject({ status: 'failed' });
  expect(await ofBank(escrow.id)).toEqual([]);
  await untilEscrow(cast.buyer, escrow.id, (e) => e.milestones[1]!.status === 'released');
  await expectSound(world, cast, escrow.id);
  // Asked again under its own reference, it closes the escrow.
  const again = (await ask(escrow, 0, 5000, 'wire 20')).body.approval.id;
  expect((await approve(again)).body).toMatchObject({ status: 'executed' });
  const done = await untilStatus(cast.buyer, escrow.id, 'completed');
  expect(statusesOf(done)).toEqual(['refunded', 'released']);
  await expectBooksClose(world, escrow.id);
}, 200_000);

test('money that has gone another way is not booked a second time: held as before, frozen, and ops are told which transfer it was', async () => {
  const escrow = await paidByDebit(world, cast, [5000]);
  await backdatePayment(world, escrow.id, 181);
  const taken = (by: number) =>
    world.sql`UPDATE charge_funds SET withdrawn = withdrawn + ${by} WHERE escrow_id = ${escrow.id}`;
  await taken(4000);
  const refused = (await ask(escrow, 0, 5000, 'wire 21')).body.approval.id;
  expect((await approve(refused)).body).toMatchObject({ status: 'executed' });
  const frozen = await untilEscrow(cast.buyer, escrow.id, (e) => e.frozen.includes('ops'));
  expect(amountsOf(frozen, 'refunded', 'held')).toEqual([0, 5000]);
  expect(statusesOf(frozen)).toEqual(['funded']);
  expect(await ofBank(escrow.id)).toEqual([]);
  const alerts = await world.sql`SELECT kind, detail FROM alerts WHERE escrow_id = ${escrow.id}`;
  expect(alerts).toMatchObject([
    { kind: 'refund_failed', detail: { code: 'charge_not_overdrawn', reference: 'wire 21' } },
  ]);
  await taken(-4000);
  await expectSound(world, cast, escrow.id);
  await cast.ops.post(`/v1/ops/escrows/${escrow.id}/unfreeze`, {
    scope: 'milestone',
    milestone_id: escrow.milestones[0]!.id,
  });
  expect((await approve((await ask(escrow, 0, 5000, 'wire 21')).body.approval.id)).body).toMatchObject({ status: 'executed' }); // prettier-ignore
  await untilStatus(cast.buyer, escrow.id, 'completed');
  expect(await ofBank(escrow.id)).toHaveLength(1);
  await expectBooksClose(world, escrow.id);
}, 200_000);
