// An operator resets the workflow of an escrow that has ended to its workflow tasks, from the first to the last: whatever
// the new run does, no money moves a second time, and the books stay as they were.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Deal } from '../../cli/demo/deal.ts';
import { resetToEachTask } from '../stack/resets.ts';
import { ONE_PART, type StackUnderTest, startStackUnderTest } from './stack-under-test.ts';

let s: StackUnderTest;
beforeAll(async () => {
  s = await startStackUnderTest(1, 200_000);
}, 400_000);
afterAll(() => s.stop(), 60_000);

/** Paid, a part given back, a part accepted, the rest accepted: three movements and what they left at Stripe. */
async function lived(): Promise<Deal> {
  const deal = s.deal();
  const part = ONE_PART.milestones[0]!;
  await deal.agreed({ ...ONE_PART, milestones: [part, { ...part, amount: 20_000, seller: 'seller2' }] });
  await deal.fund();
  await deal.refund(0, 3000);
  await deal.untilRefunded(1);
  for (const index of [0, 1]) await deal.deliver(index);
  await deal.accept(0);
  await deal.accept(1, 5000);
  await deal.accept(1);
  await deal.until('completed');
  return deal;
}

test('reset to any of its workflow tasks, a completed escrow moves no money twice', async () => {
  const deal = await lived();
  const { id } = deal.escrow;
  const workflowId = `escrow/${id}`;
  const atStripe = await s.atStripe(id);
  expect([atStripe.payments.length, atStripe.transfers.length, atStripe.refunds.length]).toEqual([1, 3, 1]);
  const ledger = () => s.sql`
    SELECT t.kind, e.account, e.amount FROM ledger_entries e JOIN ledger_transactions t ON t.id = e.transaction_id
    WHERE e.escrow_id = ${id} ORDER BY t.kind, e.account, e.amount`;
  const posted = [...(await ledger())];
  const { tasks, activities, ended } = await resetToEachTask(s.client, workflowId, async (task) => {
    expect({ task, ...(await s.atStripe(id)) }).toEqual({ task, ...atStripe });
  });
  expect(tasks.length).toBeGreaterThan(10);
  // The runs did ask for money to be moved: that it was not is the work of keys, reservations and rows.
  expect(activities).toEqual(expect.arrayContaining(['createPayment', 'refundToBuyer', 'transferToSeller']));
  // Reset to its first tasks it gets all later commands at once, refuses those that come too early, and waits.
  expect(ended).toBeGreaterThan(tasks.length / 2);
  expect([...(await ledger())]).toEqual(posted);
  const broken = await s.broken([], 20_000);
  expect(broken).toEqual([]);
}, 400_000);
