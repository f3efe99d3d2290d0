// The contract of workflow reconciliation/<…>: names only, as in messages.ts.
export const RECONCILIATION_WORKFLOW = 'reconciliation';
export const reconciliationWorkflowId = (id: string): string => `reconciliation/${id}`;
export const RECONCILIATION_QUERIES = { progress: 'progress' } as const;

/** What its query answers. */
export interface ReconciliationProgress {
  runId: string | null;
  /** The pass under way, `settling` or `done`. */
  at: string;
}
