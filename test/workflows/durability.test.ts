// What must not matter: runs that continue as new, and workers that end. Each leaves one effect, and the books close.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import { fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { expectBooksClose } from '../stack/books.ts';
import { recordHistory } from '../stack/record-history.ts';
import { control } from '../stack/world.ts';
import { actPath, amountsOf, atBank, expectUnavailable, intentOf, NO_REMINDERS, stage, type Stage, statusesOf, submitted, transfersOf, untilMilestone } from './steps.ts'; // prettier-ignore

describe.each([1, 3])('continued as new after every %i commands', (continueAfter) => {
  let s: Stage;
  beforeAll(async () => {
    s = await stage({ continueAfter });
  });
  afterAll(() => s.world.stop());

  /** Ids of all runs, the newest first. */
  async function runsOf(escrowId: string): Promise<string[]> {
    const { workflowService, options } = s.world.client;
    const workflowId = `escrow/${escrowId}`;
    const runs: string[] = [];
    let runId: string | undefined = (await s.world.client.workflow.getHandle(workflowId).describe()).runId;
    while (runId) {
      runs.push(runId);
      const answer: temporal.api.workflowservice.v1.GetWorkflowExecutionHistoryResponse =
        await workflowService.getWorkflowExecutionHistory({
          namespace: options.namespace,
          execution: { workflowId, runId },
          maximumPageSize: 1,
        });
      runId =
        answer.history?.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
    }
    return runs;
  }

  test('a whole escrow: authentication, changes, a part, an extension, a refund, and time', async () => {
    const { world, buyer, seller, sellerId } = s;
    const { id } = await buyer.propose(
      proposal(sellerId, [10_000, 5000, 4000], NO_REMINDERS, { inspection_period: 'PT5S' }),
    );
    await seller.agree(id);
    const { escrow } = await buyer.fund(id, { payment_method: 'pm_card_threeDSecure2Required' });
    await atBank(world, await intentOf(buyer, id), { authenticate: true });
    await untilStatus(buyer, id, 'active');
    const [first, second, third] = escrow.milestones.map((m) => m.id) as [string, string, string];
    await seller.act(id, first, 'start');
    await seller.act(id, first, 'submit');
    await buyer.act(id, first, 'request-changes', { note: 'darker' });
    await seller.act(id, first, 'submit');
    await buyer.act(id, first, 'accept', { amount: 3333 });
    await seller.act(id, second, 'start');
    await buyer.act(id, second, 'refund', { reason: 'plans changed' });
    await seller.act(id, second, 'refund', { reason: 'agreed' });
    await seller.act(id, third, 'submit');
    await buyer.act(id, third, 'extend');
    const done = await untilStatus(buyer, id, 'completed');
    expect(statusesOf(done)).toEqual(['released', 'refunded', 'released']);
    expect(amountsOf(done, 'charged', 'released', 'refunded', 'fees', 'held')).toEqual([19_000, 12_600, 5000, 1400, 0]);
    expect(await transfersOf(buyer, id)).toHaveLength(3);
    const runs = await runsOf(id);
    expect(runs.length).toBeGreaterThanOrEqual(Math.floor(9 / continueAfter));
    await expectBooksClose(world, id);
    if (continueAfter === 1) return;
    await recordHistory(world, `escrow/${id}`, 'continued-first', runs.at(-1));
    await recordHistory(world, `escrow/${id}`, 'continued-last', runs[0]);
  });

  test('a command that is repeated to a later run is known there and does nothing again', async () => {
    const { world, buyer, seller } = s;
    const escrow = await submitted(s, 10_000);
    await buyer.post(actPath(escrow, 0, 'accept'), { amount: 4000 });
    await untilEscrow(buyer, escrow.id, (e) => e.money['released']!.amount === 3600);
    const [row] = await world.sql<{ command: { name: string; args: object } }[]>`
      SELECT command FROM idempotency_keys WHERE route LIKE ${`%${escrow.id}%accept`}`;
    const { name, args } = row!.command;
    const handle = world.client.workflow.getHandle(`escrow/${escrow.id}`);
    // Another update id: a run that knows the command by its id alone must not take it for a new one.
    await handle.executeUpdate(name, { updateId: randomUUID(), args: [args] });
    const again = await buyer.escrow(escrow.id);
    expect(again.milestones[0]!['accepted']).toMatchObject({ amount: 4000 });
    expectUnavailable(await seller.post(actPath(escrow, 0, 'start')));
    await buyer.post(actPath(escrow, 0, 'accept'));
    await untilStatus(buyer, escrow.id, 'completed');
    expect(await transfersOf(buyer, escrow.id)).toHaveLength(2);
    await expectBooksClose(world, escrow.id);
  });

  test('an escrow exists once: its workflow cannot be started again', async () => {
    const { world } = s;
    const escrow = await submitted(s, 2000);
    const again = world.client.workflow.start('escrow', { workflowId: `escrow/${escrow.id}`, taskQueue: world.taskQueue, args: [{ escrowId: escrow.id }], workflowIdReusePolicy: 'REJECT_DUPLICATE' }); // prettier-ignore
    await expect(again).rejects.toThrow(WorkflowExecutionAlreadyStartedError);
    await expectBooksClose(world, escrow.id);
  });
});

describe('a worker that ends', () => {
  let s: Stage;
  beforeAll(async () => {
    s = await stage();
  });
  afterAll(() => s.world.stop());

  test('between any two steps, and while an inspection runs', async () => {
    const { world, buyer, seller, sellerId } = s;
    const escrow = await fundedEscrow(buyer, [seller], proposal(sellerId, [10_000, 5000], NO_REMINDERS, { inspection_period: 'PT4S' })); // prettier-ignore
    await world.restartWorker();
    for (const m of escrow.milestones) await seller.act(escrow.id, m.id, 'submit');
    await buyer.act(escrow.id, escrow.milestones[0]!.id, 'accept');
    await world.restartWorker();
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(amountsOf(done, 'released', 'fees')).toEqual([13_500, 1500]);
    expect(await transfersOf(buyer, escrow.id)).toHaveLength(2);
    await expectBooksClose(world, escrow.id);
  });

  test('while Stripe is at work on its transfer', async () => {
    const { world, buyer } = s;
    const escrow = await submitted(s, 10_000);
    await control(world.sandbox.url, 'faults', { match: { method: 'POST', path: '/v1/transfers' }, kind: 'delay', effect: 'after', delay_ms: 1500, times: 1 }); // prettier-ignore
    await buyer.post(actPath(escrow, 0, 'accept'));
    await untilMilestone(buyer, escrow.id, 0, (m) => m.status !== 'submitted');
    await world.restartWorker();
    await untilStatus(buyer, escrow.id, 'completed', 120_000);
    expect(await transfersOf(buyer, escrow.id)).toHaveLength(1);
    await expectBooksClose(world, escrow.id);
  });
});
