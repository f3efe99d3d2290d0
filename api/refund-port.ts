// Questions and answers to workflow refund/<id>, a refund of released money: updates with a deadline, as in workflow-port.ts.
import { createHash } from 'node:crypto';
import { type Client, WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { plainMoney } from '../domain/money.ts';
import { REFUSED } from '../workflows/messages.ts';
import { type AskReleasedRefund, type ConfirmReleasedRefund, REFUND_UPDATES, REFUND_WORKFLOW, type ReleasedRefundWord, refundWorkflowId } from '../workflows/refund-messages.ts'; // prettier-ignore
import { Problem } from './problem.ts';
import { isGone, within } from './update-call.ts';

const DEADLINE_MS = 10_000;

export interface ReleasedRefunds {
  /** Starts the refund's workflow with its question; the same refund id joins it. @throws Problem outcome_unknown */
  askReleasedRefund(ask: AskReleasedRefund): Promise<ReleasedRefundWord>;
  /** The other side's answer; `key` names it, so that a repetition gets the first outcome. @throws Problem */
  confirmReleasedRefund(refundId: string, confirm: ConfirmReleasedRefund, key: string): Promise<ReleasedRefundWord>;
}

export function releasedRefunds(client: Client, taskQueue: string): ReleasedRefunds {
  return {
    askReleasedRefund: (ask) => {
      const workflowId = refundWorkflowId(ask.refundId);
      return orJoined(client, workflowId, REFUND_UPDATES.ask, () =>
        client.workflow.executeUpdateWithStart<never, ReleasedRefundWord, [AskReleasedRefund]>(REFUND_UPDATES.ask, {
          updateId: REFUND_UPDATES.ask,
          args: [ask],
          startWorkflowOperation: new WithStartWorkflowOperation(REFUND_WORKFLOW, {
            workflowId,
            taskQueue,
            args: [{ refundId: ask.refundId }],
            workflowIdConflictPolicy: 'USE_EXISTING',
            workflowIdReusePolicy: 'REJECT_DUPLICATE',
            staticSummary: `refund of ${plainMoney(ask.amount, ask.currency)} after release`,
          }) as never,
        }),
      );
    },
    confirmReleasedRefund: (refundId, confirm, key) => {
      const workflowId = refundWorkflowId(refundId);
      const updateId = createHash('sha256').update(`${refundId}:${key}`).digest('hex');
      return orJoined(
        client,
        workflowId,
        updateId,
        () =>
        client.workflow
          .getHandle(workflowId)
          .executeUpdate<ReleasedRefundWord, [ConfirmReleasedRefund]>(REFUND_UPDATES.confirm, { updateId, args: [confirm] }), // prettier-ignore
      );
    },
  };
}

async function orJoined(
  client: Client,
  workflowId: string,
  updateId: string,
  call: () => Promise<ReleasedRefundWord>,
): Promise<ReleasedRefundWord> {
  try {
    return await within(client, DEADLINE_MS, call);
  } catch (error) {
    if (!isGone(error)) throw toProblem(error);
  }
  // Over already: perhaps by this very update, whose answer was lost on its way.
  try {
    const handle = client.workflow.getHandle(workflowId).getUpdateHandle<ReleasedRefundWord>(updateId);
    return await within(client, DEADLINE_MS, () => handle.result());
  } catch (error) {
    if (isGone(error)) throw new Problem('action_not_available', 'This refund does not wait for an answer any more.', { cause: error }); // prettier-ignore
    throw toProblem(error);
  }
}

function toProblem(error: unknown): Problem {
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure) {
    const { type, message } = error.cause;
    if (type === REFUSED || type === 'AcceptedUpdateCompletedWorkflow') return new Problem('action_not_available', message, { cause: error }); // prettier-ignore
    return new Problem('command_failed', message, { cause: error });
  }
  return new Problem('outcome_unknown', undefined, { headers: { 'Retry-After': '1' }, cause: error });
}
