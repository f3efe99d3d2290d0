// Inputs and answers of reconciliation's activities, as plain data.
import type { ReconciliationInput } from '../domain/reconciliation.ts';

/** In this order: balance transactions first, so that a difference has its exact amount. */
export const RECONCILIATION_PASSES = [
  'transactions', 'charge', 'refund', 'transfer', 'dispute', 'payout', 'topup', 'open', 'sellers', 'balance', 'workflows', 'invariants',
] as const; // prettier-ignore
export type ReconciliationPass = (typeof RECONCILIATION_PASSES)[number];

export interface ReconciliationRunWord {
  runId: string;
  /** Milliseconds. */
  from: number;
  to: number;
}

/** How much of each list was compared. */
export type ReconciliationFigures = Record<string, number>;

export interface ReconciliationActivities {
  beginReconciliation(input: ReconciliationInput & { workflowId: string }): Promise<ReconciliationRunWord>;
  /** Resumes from its last heartbeat. */
  reconcilePass(run: ReconciliationRunWord, pass: ReconciliationPass): Promise<ReconciliationFigures>;
  /** How many differences there are by now. */
  countDifferences(runId: string): Promise<number>;
  /** Looks at each again, and drops what was only on its way. */
  confirmDifferences(runId: string): Promise<ReconciliationFigures>;
  finishReconciliation(runId: string, figures: ReconciliationFigures, error: string | null): Promise<'clean' | 'differences' | 'failed'>; // prettier-ignore
}
