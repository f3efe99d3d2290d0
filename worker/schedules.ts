// What runs by Temporal's own clock: one schedule for each task queue, brought up to date by every worker that starts.
import { type Client, ScheduleAlreadyRunning, type ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import type { ReconciliationInput } from '../domain/reconciliation.ts';
import { RECONCILIATION_WORKFLOW, reconciliationWorkflowId } from '../workflows/reconciliation-messages.ts';

/** 03:30 UTC: after the day in Stripe's reports has ended everywhere that it counts. */
const AT = { hour: 3, minute: 30 };
const DAYS = 7;
/** What is younger may still be on its way. */
export const SETTLE_MS = 120_000;

export const nightlyReconciliationId = (taskQueue: string): string => `reconciliation/${taskQueue}`;

export async function ensureNightlyReconciliation(client: Client, taskQueue: string): Promise<void> {
  const input: ReconciliationInput = { days: DAYS, settleMs: SETTLE_MS };
  const options: ScheduleOptions = {
    scheduleId: nightlyReconciliationId(taskQueue),
    spec: { calendars: [{ ...AT, comment: 'every night' }], timezone: 'UTC' },
    action: {
      type: 'startWorkflow',
      workflowType: RECONCILIATION_WORKFLOW,
      // The time of the run is added to it.
      workflowId: reconciliationWorkflowId(`nightly/${taskQueue}`),
      taskQueue,
      args: [input],
    },
    // One at a time; a night that was missed is made up for within a day.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 day' },
  };
  try {
    await client.schedule.create(options);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const { spec, action, policies } = options;
    // Whether somebody has paused it is theirs to say.
    await client.schedule.getHandle(options.scheduleId).update(({ state }) => ({ spec, action, policies, state }));
  }
}
