// Each open debt has its workflow debt/<id>, whoever opened it: a refund, a lost chargeback.
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { Sql } from '../db/client.ts';
import { unwatchedDebts } from '../db/debts.ts';
import { DEBT_WORKFLOW, type DebtInput, debtWorkflowId } from '../workflows/debt-messages.ts';

/** The part of Temporal's Client that is used here. */
export interface StartClient {
  workflow: {
    start(workflow: string, options: { workflowId: string; taskQueue: string; args: [DebtInput]; workflowIdReusePolicy: 'REJECT_DUPLICATE'; staticSummary: string }): Promise<unknown>; // prettier-ignore
  };
}

const AT_ONCE = 100;

/** Starts what was not started yet; answers how many. Safe to repeat. */
export async function watchDebts(
  sql: Sql,
  client: StartClient,
  options: { taskQueue: string; remindEveryMs?: number },
): Promise<number> {
  const ids = await unwatchedDebts(sql, AT_ONCE);
  for (const debtId of ids) {
    try {
      const { taskQueue, remindEveryMs } = options;
      const args: [DebtInput] = [{ debtId, ...(remindEveryMs === undefined ? {} : { remindEveryMs }) }];
      await client.workflow.start(DEBT_WORKFLOW, { workflowId: debtWorkflowId(debtId), taskQueue, args, workflowIdReusePolicy: 'REJECT_DUPLICATE', staticSummary: `debt ${debtId} of a seller` }); // prettier-ignore
    } catch (error) {
      // Started by one that died before it wrote that down.
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    await sql`UPDATE debts SET watched_at = now() WHERE id = ${debtId}`;
  }
  return ids.length;
}
