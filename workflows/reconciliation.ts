// Reconciliation as a workflow: list after list is compared, what differs is looked at again once everything had time to
// settle, and what stays is put before ops. It changes no money.
import { defineQuery, log, proxyActivities, setHandler, sleep, workflowInfo } from '@temporalio/workflow';
import { RECONCILIATION_PASSES, type ReconciliationActivities, type ReconciliationFigures } from '../activities/reconcile-contract.ts'; // prettier-ignore
import type { ReconciliationInput } from '../domain/reconciliation.ts';
import { RECONCILIATION_QUERIES, type ReconciliationProgress } from './reconciliation-messages.ts';

const books = proxyActivities<ReconciliationActivities>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

/** A pass may page for hours; it beats with each page and goes on from there. */
const pages = proxyActivities<ReconciliationActivities>({
  startToCloseTimeout: '4h',
  heartbeatTimeout: '2m',
  retry: { initialInterval: '2s', backoffCoefficient: 2, maximumInterval: '5m', maximumAttempts: 30 },
});

export async function reconciliation(input: ReconciliationInput): Promise<'clean' | 'differences' | 'failed'> {
  const progress: ReconciliationProgress = { runId: null, at: 'starting' };
  setHandler(defineQuery<ReconciliationProgress>(RECONCILIATION_QUERIES.progress), () => progress);
  const run = await books.beginReconciliation({ ...input, workflowId: workflowInfo().workflowId });
  progress.runId = run.runId;
  const figures: ReconciliationFigures = {};
  let error: string | null = null;
  try {
    for (const pass of RECONCILIATION_PASSES) {
      progress.at = pass;
      Object.assign(figures, await pages.reconcilePass(run, pass));
    }
    if ((await books.countDifferences(run.runId)) > 0) {
      progress.at = 'settling';
      await sleep(input.settleMs);
      Object.assign(figures, await pages.confirmDifferences(run.runId));
    }
  } catch (failure) {
    // A run that fails is a row that says so, and an alert: never a night that nobody looked at.
    log.error('reconciliation failed', { at: progress.at });
    error = `${progress.at}: ${messageOf(failure)}`;
  }
  progress.at = 'done';
  return books.finishReconciliation(run.runId, figures, error);
}

/** The innermost message: what an activity failed of, not that it failed. */
function messageOf(failure: unknown): string {
  const { cause, message } = failure as Error;
  return cause instanceof Error ? messageOf(cause) : message;
}
