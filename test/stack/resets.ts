// What an operator may do to any workflow, and must move no money: reset it to its workflow tasks, from the first to the last.
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { until } from '../supervisor/wait.ts';

export interface Resets {
  /** The workflow tasks that it was reset to, by their events' numbers. */
  tasks: string[];
  /** The activities that the new runs scheduled by themselves, behind the events that they were reset to. */
  activities: string[];
  /** How many of the new runs came to their end; the others wait for people, or for time. */
  ended: number;
}

/**
 * Resets the workflow's present run to each of its workflow tasks; `rested` is called when a new run does nothing more:
 * when it has ended, or, unless `ends` says that each must, when it waits for people and time alone.
 */
export async function resetToEachTask(
  client: Client,
  workflowId: string,
  rested: (task: string) => Promise<void>,
  ends = false,
): Promise<Resets> {
  const events = async (runId: string) => (await client.workflow.getHandle(workflowId, runId).fetchHistory()).events ?? []; // prettier-ignore
  const { runId } = await client.workflow.getHandle(workflowId).describe();
  const tasks = (await events(runId)).filter((e) => e.workflowTaskCompletedEventAttributes).map((e) => String(e.eventId)); // prettier-ignore
  const resets: Resets = { tasks, activities: [], ended: 0 };
  for (const task of tasks) {
    const answer = await client.workflowService.resetWorkflowExecution({
      namespace: client.options.namespace,
      workflowExecution: { workflowId, runId },
      reason: 'a test of reset',
      workflowTaskFinishEventId: task as never,
      requestId: randomUUID(),
    });
    await until(
      () => rests(client, workflowId, ends),
      `the run of ${workflowId} reset to event ${task} rests`,
      120_000,
    );
    const later = (await events(answer.runId!)).filter((e) => Number(e.eventId) > Number(task));
    resets.activities.push(...later.flatMap((e) => e.activityTaskScheduledEventAttributes?.activityType?.name ?? []));
    resets.ended += later.some((e) => e.workflowExecutionCompletedEventAttributes) ? 1 : 0;
    await rested(task);
  }
  return resets;
}

async function rests(client: Client, workflowId: string, ends: boolean): Promise<boolean> {
  const { status, raw } = await client.workflow.getHandle(workflowId).describe();
  if (status.name !== 'RUNNING') return true;
  return !ends && (raw.pendingActivities ?? []).length === 0 && !raw.pendingWorkflowTask;
}
