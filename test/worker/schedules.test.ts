// The nightly reconciliation stands in Temporal once per task queue, as this version wants it, however many workers start.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { ensureNightlyReconciliation, nightlyReconciliationId } from '../../worker/schedules.ts';
import { startWorld, type World } from '../stack/world.ts';
import { temporalAddress, temporalNamespace, uniqueTaskQueue } from '../stack/temporal.ts';

let client: Client;
let world: World;
beforeAll(async () => {
  client = new Client({ connection: await Connection.connect({ address: temporalAddress() }), namespace: temporalNamespace }); // prettier-ignore
  world = await startWorld();
});
afterAll(async () => {
  await world.stop();
  await client.connection.close();
});

test('made once, brought up to date by each start, and left paused by who paused it', async () => {
  const taskQueue = uniqueTaskQueue();
  await Promise.all([1, 2, 3].map(() => ensureNightlyReconciliation(client, taskQueue)));
  const handle = client.schedule.getHandle(nightlyReconciliationId(taskQueue));
  await handle.pause('stocktaking');
  await handle.update((known) => ({ ...known, spec: { intervals: [{ every: '1 day' }] } }));
  await ensureNightlyReconciliation(client, taskQueue);
  const { spec, action, state } = await handle.describe();
  expect(spec.calendars?.map(({ hour, minute }) => ({ hour, minute }))).toEqual([{ hour: [{ start: 3, end: 3, step: 1 }], minute: [{ start: 30, end: 30, step: 1 }] }]); // prettier-ignore
  expect(action).toMatchObject({ workflowType: 'reconciliation', taskQueue, args: [{ days: 7, settleMs: 120_000 }] });
  expect([state.paused, state.note]).toEqual([true, 'stocktaking']);
  await handle.delete();
});

test('what it starts is a run of its own, kept under the workflow’s id', async () => {
  await ensureNightlyReconciliation(world.client, world.taskQueue);
  const handle = world.client.schedule.getHandle(nightlyReconciliationId(world.taskQueue));
  await handle.trigger();
  const end = Date.now() + 120_000;
  for (;;) {
    const rows = await world.sql`SELECT trigger, status, workflow_id, requested_by FROM reconciliation_runs`;
    if (rows.length > 0 && rows[0]!['status'] !== 'running') {
      expect(rows).toMatchObject([{ trigger: 'schedule', status: 'clean', requested_by: null }]);
      expect(rows[0]!['workflow_id']).toContain(`reconciliation/nightly/${world.taskQueue}-`);
      break;
    }
    if (Date.now() > end) throw new Error('the schedule started nothing');
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
  await handle.delete();
});
