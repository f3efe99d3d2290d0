// What a workflow cost: its events, and its billable actions as Temporal's documentation counts them.
import type { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';

export interface Cost {
  events: number;
  actions: number;
  byKind: Record<string, number>;
}

const T = temporal.api.enums.v1.EventType;

/** One action each: start, continue-as-new, timer, signal, update, upsert, activity attempt; update-with-start counts two. */
export async function costOf(client: Client, workflowId: string): Promise<Cost> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId },
    maximumPageSize: 1000,
  });
  const byKind: Record<string, number> = {};
  const count = (kind: string, n = 1) => {
    byKind[kind] = (byKind[kind] ?? 0) + n;
  };
  const events = history?.events ?? [];
  const tasksWithMarkers = new Set<string>();
  for (const e of events) {
    switch (e.eventType) {
      case T.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
        count('start');
        break;
      case T.EVENT_TYPE_TIMER_STARTED:
        count('timer');
        break;
      case T.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
        count('signal');
        break;
      case T.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
        count('update');
        break;
      case T.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
        count('upsert');
        break;
      case T.EVENT_TYPE_MARKER_RECORDED:
        tasksWithMarkers.add(String(e.markerRecordedEventAttributes?.workflowTaskCompletedEventId));
        break;
      case T.EVENT_TYPE_ACTIVITY_TASK_STARTED:
        count('activity', e.activityTaskStartedEventAttributes?.attempt ?? 1);
        break;
      default:
        break;
    }
  }
  // The local activities of one workflow task are one action together.
  count('local activities', tasksWithMarkers.size);
  return { events: events.length, actions: Object.values(byKind).reduce((a, n) => a + n, 0), byKind };
}
