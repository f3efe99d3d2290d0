// Temporal as staff's pages show it: links into its UI, filtered by search attributes, and what a workflow says of itself.
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Settings } from '../config/settings.ts';
import { escrowWorkflowId } from '../domain/ids.ts';
import type { WorkflowFacts } from './pages/all-sides.tsx';

const DEADLINE_MS = 2_000;
type Link = readonly [href: string, label: string];

/** Of one escrow, or the lists that ops look at. None where there is no UI. */
export function temporalLinks({ uiUrl, namespace }: Settings['temporal'], escrowId?: string): Link[] {
  if (uiUrl === undefined) return [];
  const base = `${uiUrl}/namespaces/${namespace}/workflows`;
  const list = (query: string, label: string): Link => [`${base}?query=${encodeURIComponent(query)}`, label];
  if (escrowId !== undefined) {
    const id = escrowWorkflowId(escrowId);
    return [[`${base}/${encodeURIComponent(id)}`, 'This workflow'], list(`WorkflowId="${id}"`, 'All of its runs')];
  }
  return [
    list('ExecutionStatus="Running" AND WaitingFor="ops"', 'What waits for ops'),
    list('ExecutionStatus="Running" AND WaitingFor="stripe"', 'What waits for Stripe'),
    list('ExecutionStatus="Running" AND Frozen IN ("card_dispute", "fraud_warning", "ops", "risk")', 'What is frozen'),
    list('WorkflowType="chargeback" AND ExecutionStatus="Running"', 'Open chargebacks'),
    list('WorkflowType="refund" AND ExecutionStatus="Running"', 'Refunds of released money'),
    list('ExecutionStatus="Failed" OR ExecutionStatus="Terminated" OR ExecutionStatus="TimedOut"', 'What ended as it never should'), // prettier-ignore
    [base, 'All workflows'],
  ];
}

/** Null: it is not known there any more, or Temporal did not answer. */
export async function workflowFacts(temporal: Client, logger: Logger, id: string): Promise<WorkflowFacts | null> {
  try {
    const handle = temporal.workflow.getHandle(id);
    const facts = await temporal.withDeadline(Date.now() + DEADLINE_MS, () => handle.describe());
    return {
      id,
      status: facts.status.name.toLowerCase().replaceAll('_', ' '),
      historyLength: facts.historyLength,
      started: facts.startTime,
      pending: (facts.raw.pendingActivities ?? []).map((a) => ({
        name: a.activityType?.name ?? 'an activity',
        attempt: a.attempt ?? 1,
        failure: a.lastFailure?.message ?? null,
      })),
      attributes: facts.typedSearchAttributes
        .getAll()
        // The server's own are of no use to ops.
        .filter(({ key }) => !/^(Build|Temporal)/.test(key.name))
        .map(({ key, value }) => [key.name, Array.isArray(value) ? value.join(', ') : String(value)]),
    };
  } catch (error) {
    logger.warn({ err: error, workflow_id: id }, 'a workflow could not be described');
    return null;
  }
}
