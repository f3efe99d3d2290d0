// What a workflow costs, read off its history: events, billable actions as Temporal's documentation counts them, and bytes.
import proto from '@temporalio/proto';

export interface Cost {
  events: number;
  actions: number;
  /** Of the history as it is stored. */
  bytes: number;
  /** Actions by what they are for. */
  byKind: Record<string, number>;
}

const { History } = proto.temporal.api.history.v1;
type HistoryMessage = proto.temporal.api.history.v1.History;
const T = proto.temporal.api.enums.v1.EventType;

/** One action each: start, continue-as-new, timer, signal, update, upsert, activity attempt; update-with-start counts two. */
export function costOfHistory(history: Pick<HistoryMessage, 'events'>): Cost {
  const byKind: Record<string, number> = {};
  const count = (kind: string, n = 1) => {
    byKind[kind] = (byKind[kind] ?? 0) + n;
  };
  const tasksWithMarkers = new Set<string>();
  for (const e of history.events) {
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
  return {
    events: history.events.length,
    actions: Object.values(byKind).reduce((a, n) => a + n, 0),
    bytes: History.encode(history as HistoryMessage).finish().length,
    byKind,
  };
}
