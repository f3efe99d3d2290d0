// PostgreSQL is restored from a backup while Stripe and Temporal are ahead of it: what is missing is named, the workflow is
// reset to before it and asks again under the same keys, and the books are as Stripe's.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect, type Sql } from '../../db/client.ts';
import { until } from '../supervisor/wait.ts';
import { ONE_PART, type StackUnderTest, startStackUnderTest } from './stack-under-test.ts';

let s: StackUnderTest;
let owner: Sql;
beforeAll(async () => {
  s = await startStackUnderTest(1, 1_000_000);
  owner = connect(s.stack.env['MIGRATION_DATABASE_URL']!, { max: 1, applicationName: 'restoring' });
}, 400_000);
afterAll(async () => {
  await owner?.end({ timeout: 5 });
  await s?.stop();
}, 60_000);

const tables = async (): Promise<string[]> => {
  const rows = await owner<{ name: string }[]>`
    SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_migrations' ORDER BY 1`;
  return rows.map((row) => row.name);
};

async function backUp(): Promise<void> {
  const names = await tables();
  await owner.begin(async (tx) => {
    // All of one moment.
    await tx`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`;
    await tx`CREATE SCHEMA backup`;
    for (const name of names) await tx.unsafe(`CREATE TABLE backup.${name} AS TABLE public.${name}`);
  });
}

/** As an operator with the owner's rights does it: the triggers that keep the ledger are off meanwhile. */
async function restore(): Promise<void> {
  const names = await tables();
  await owner.begin(async (tx) => {
    for (const name of names) await tx.unsafe(`ALTER TABLE ${name} DISABLE TRIGGER USER`);
    await tx.unsafe(`TRUNCATE ${names.join(', ')}`);
    // Referenced rows before those that refer to them.
    let waiting = names;
    while (waiting.length > 0) {
      const refused: string[] = [];
      for (const name of waiting) {
        const copied = await tx.savepoint((at) => at.unsafe(`INSERT INTO ${name} OVERRIDING SYSTEM VALUE SELECT * FROM backup.${name}`)).catch(() => null); // prettier-ignore
        if (copied === null) refused.push(name);
      }
      if (refused.length === waiting.length) throw new Error(`cannot be restored: ${refused.join(', ')}`);
      waiting = refused;
    }
    for (const name of names) await tx.unsafe(`ALTER TABLE ${name} ENABLE TRIGGER USER`);
    await tx`DROP SCHEMA backup CASCADE`;
  });
}

/** The workflow task that ordered an activity: a reset to it makes it anew. */
async function taskThatOrdered(workflowId: string, activity: string): Promise<string> {
  const events = (await s.client.workflow.getHandle(workflowId).fetchHistory()).events ?? [];
  const order = events.find((e) => e.activityTaskScheduledEventAttributes?.activityType?.name === activity);
  return String(order!.activityTaskScheduledEventAttributes!.workflowTaskCompletedEventId);
}

test('restored from before a release, the books miss it and say so; the reset workflow posts it and transfers nothing twice', async () => {
  const deal = s.deal();
  await deal.agreed(ONE_PART);
  await deal.fund();
  await deal.deliver(0);
  await backUp();
  await deal.accept(0);
  await deal.until('completed');
  const { id } = deal.escrow;
  const workflowId = `escrow/${id}`;
  const before = await s.atStripe(id);
  expect([before.payments.length, before.transfers.length]).toEqual([1, 1]);

  await restore();
  const [movement] = await s.sql`SELECT 1 FROM movements WHERE escrow_id = ${id} AND kind = 'transfer'`;
  expect(movement).toBeUndefined();
  const missing = await s.broken([], 0);
  expect(missing.map((b) => b.what)).toEqual(expect.arrayContaining([3, 8]));

  await s.client.workflowService.resetWorkflowExecution({
    namespace: s.client.options.namespace,
    workflowExecution: { workflowId, runId: (await s.client.workflow.getHandle(workflowId).describe()).runId },
    reason: 'PostgreSQL was restored',
    workflowTaskFinishEventId: (await taskThatOrdered(workflowId, 'transferToSeller')) as never,
    requestId: randomUUID(),
  });
  await until(async () => (await s.client.workflow.getHandle(workflowId).describe()).status.name === 'COMPLETED', 'the reset run ends', 300_000); // prettier-ignore
  await deal.until('completed');
  deal.expect({ charged: 10_000, released: 9000, fees: 1000, held: 0 });
  expect(await s.atStripe(id)).toEqual(before);
  expect(await s.broken([id], 120_000)).toEqual([]);
}, 1_200_000);
