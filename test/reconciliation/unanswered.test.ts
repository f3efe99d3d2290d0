// Movements that Stripe has made and whose answer was lost, while their activities do not come through: each is found with its
// cause, posted by two of ops as its activity would, and once.
import { Context } from '@temporalio/activity';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { castOf, type EscrowObject, fundedEscrow, proposal, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import { expectSound, movementsOf, refundBy, releasedEscrow, untilMoney, untilRefundWorkflow } from '../recovery/steps.ts'; // prettier-ignore
import { expectClean, reconcile, repair } from './runs.ts';

/** Activities that die each time when Stripe has done what they asked; resolved when they do. */
const stuck = new Map<string, () => void>();
const untilStuck = (activity: string): Promise<void> => new Promise((resolve) => stuck.set(activity, resolve));

let world: World;
let as: ReturnType<typeof castOf>;
beforeAll(async () => {
  world = await startWorld({
    crashPoint: (point) => {
      const { activityType } = Context.current().info;
      const died = point === 'after_effect' ? stuck.get(activityType) : undefined;
      if (died === undefined) return;
      died();
      throw new Error(`died ${activityType}`);
    },
  });
  as = castOf(world);
  await topUpFloat(world, 'usd', 500_000n);
});
afterAll(() => world.stop());

async function submitted(): Promise<EscrowObject> {
  const escrow = await fundedEscrow(as.buyer, [as.seller], proposal(as.seller.person.id, [9000]));
  await as.seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
  return escrow;
}

/** As ops may in Temporal: without the pause before the next try. */
async function tryNow(workflowId: string): Promise<void> {
  const { client } = world;
  const { raw } = await client.workflow.getHandle(workflowId).describe();
  for (const { activityId } of raw.pendingActivities ?? []) {
    await client.workflowService.resetActivity({ namespace: client.options.namespace, execution: { workflowId }, id: activityId }); // prettier-ignore
  }
}

test('a transfer, a refund, a reversal and a transfer that pays again: each is posted once, and its activity finds it done', async () => {
  const paidAgain = await releasedEscrow(as, [8000], {}, 'seller2');
  const takenBack = await releasedEscrow(as, [5000], {}, 'seller3');
  const [accepted, refunded] = [await submitted(), await submitted()];

  // Stripe refuses this refund, so that its seller is to be paid again.
  await control(world.sandbox.url, 'faults', { match: { method: 'POST', path: '/v1/refunds' }, kind: 'status', status: 400, times: 1 }); // prettier-ignore
  const died = [untilStuck('payAgain')];
  await refundBy(as.ops, paidAgain);
  await died[0];
  died.push(untilStuck('takeBack'), untilStuck('transferToSeller'), untilStuck('refundToBuyer'));
  await Promise.all([
    refundBy(as.ops, takenBack),
    as.buyer.act(accepted.id, accepted.milestones[0]!.id, 'accept'),
    refundBy(as.ops, refunded),
    ...died,
  ]);

  const { run, found } = await reconcile(as.ops);
  const lost = found.filter((d) => d.kind !== 'seller_balance');
  expect(lost.map((d) => `${d.kind} ${d.escrow_id}`).sort()).toEqual([
    `refund_not_posted ${refunded.id}`,
    `reversal_not_posted ${takenBack.id}`,
    ...[accepted.id, paidAgain.id].sort().map((id) => `transfer_not_posted ${id}`),
  ]);
  for (const d of lost) {
    expect(d.cause).toContain(
      'not in the ledger: the answer to the call was lost, and its activity has not come through',
    );
    expect(d.repairs).toEqual(['post', 'explain']);
    expect(await repair(as, run, d, 'post')).toMatchObject({ status: 'executed' });
  }
  await expectClean(as.ops);

  // The activities come through again: nothing is made or posted a second time, and the escrows go on.
  stuck.clear();
  const workflows = [`escrow/${accepted.id}`, `escrow/${refunded.id}`];
  for (const { id } of [takenBack, paidAgain]) workflows.push(`refund/${(await movementsOf(world, id, 'reversal'))[0]!.recovery_id}`); // prettier-ignore
  for (const workflow of workflows) await tryNow(workflow);
  await untilStatus(as.buyer, accepted.id, 'completed');
  await untilStatus(as.buyer, refunded.id, 'completed');
  await untilRefundWorkflow(world, takenBack.id, 'refunded');
  await untilMoney(as, takenBack.id, { refunded: 5000, released: 0 });
  await untilRefundWorkflow(world, paidAgain.id, 'undone');
  await untilMoney(as, paidAgain.id, { refunded: 0, released: 7200, held: 0 });
  const made = async (id: string, kind: string) => (await movementsOf(world, id, kind)).map((m) => [m.status, m.amount]); // prettier-ignore
  expect(await made(accepted.id, 'transfer')).toEqual([['succeeded', 8100n]]);
  expect(await made(refunded.id, 'refund')).toEqual([['succeeded', 9000n]]);
  expect(await made(takenBack.id, 'reversal')).toEqual([['succeeded', 4500n]]);
  expect(await made(paidAgain.id, 'transfer')).toEqual([['succeeded', 7200n], ['succeeded', 7200n]]); // prettier-ignore
  await expectSound(world, as, accepted.id, refunded.id, takenBack.id, paidAgain.id);
  for (const { id } of [accepted, refunded]) await expectBooksClose(world, id);
});
