// What an escrow's workflow says of itself, for those who hold it against the projection.
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { EscrowState } from '../domain/escrow-state.ts';
import { escrowWorkflowId } from '../domain/ids.ts';
import { ESCROW_WORKFLOW, QUERIES } from '../workflows/messages.ts';

const QUERY_DEADLINE_MS = 10_000;

/** The `state` query needs a worker; null where no workflow of the escrow runs. */
export function workflowStates(client: Client): (escrowId: string) => Promise<EscrowState | null> {
  return async (escrowId) => {
    const handle = client.workflow.getHandle(escrowWorkflowId(escrowId));
    try {
      return await client.withDeadline(Date.now() + QUERY_DEADLINE_MS, async () => {
        const { status } = await handle.describe();
        return status.name === 'RUNNING' ? handle.query<EscrowState | null>(QUERIES.state) : null;
      });
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return null;
      throw error;
    }
  };
}

/** The escrows whose workflow runs on this task queue, as Temporal's visibility lists them. */
export async function* runningEscrows(client: Client, taskQueue: string): AsyncIterable<string> {
  const query = `WorkflowType = '${ESCROW_WORKFLOW}' AND ExecutionStatus = 'Running' AND TaskQueue = '${taskQueue}'`;
  for await (const { workflowId } of client.workflow.list({ query })) yield workflowId.slice('escrow/'.length);
}
