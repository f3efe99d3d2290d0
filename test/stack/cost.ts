// What a workflow cost on the server that ran it.
import type { Client } from '@temporalio/client';
import { type Cost, costOfHistory } from '../../cli/history-cost.ts';

export async function costOf(client: Client, workflowId: string): Promise<Cost> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId },
    maximumPageSize: 1000,
  });
  return costOfHistory({ events: (history?.events ?? []) as never });
}
