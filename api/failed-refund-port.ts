// Workflow failed-refund/<id> as the API speaks to it: try again, and what was paid by bank transfer.
import { createHash } from 'node:crypto';
import { type Client, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { FAILED_REFUND_SIGNALS, FAILED_REFUND_UPDATES, failedRefundWorkflowId } from '../workflows/failed-refund-messages.ts'; // prettier-ignore
import { REFUSED } from '../workflows/messages.ts';
import { Problem } from './problem.ts';
import { isGone, within } from './update-call.ts';

const DEADLINE_MS = 10_000;

export interface FailedRefunds {
  /** Tries it once more; `key` names the command, so that a repetition joins the first. @throws Problem */
  retryFailedRefund(refundId: string, key: string): Promise<void>;
  /** It was paid otherwise: its workflow reads that and ends. */
  failedRefundSettled(refundId: string): Promise<void>;
}

export function failedRefunds(client: Client): FailedRefunds {
  return {
    retryFailedRefund: async (refundId, key) => {
      const updateId = createHash('sha256').update(`${refundId}:${key}`).digest('hex');
      const handle = client.workflow.getHandle(failedRefundWorkflowId(refundId));
      try {
        await within(client, DEADLINE_MS, () => handle.executeUpdate(FAILED_REFUND_UPDATES.retry, { updateId }));
      } catch (error) {
        // Over by this very attempt, whose answer was lost on its way, or before: the object says which.
        if (!isGone(error)) throw toProblem(error);
      }
    },
    failedRefundSettled: async (refundId) => {
      const handle = client.workflow.getHandle(failedRefundWorkflowId(refundId));
      try {
        await within(client, DEADLINE_MS, () => handle.signal(FAILED_REFUND_SIGNALS.news));
      } catch (error) {
        if (!isGone(error)) throw toProblem(error);
      }
    },
  };
}

function toProblem(error: unknown): Problem {
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  if (cause instanceof ApplicationFailure && cause.type === REFUSED) {
    return new Problem('action_not_available', cause.message, { cause: error, extra: { available_actions: [] } });
  }
  return new Problem('outcome_unknown', undefined, { headers: { 'Retry-After': '1' }, cause: error });
}
