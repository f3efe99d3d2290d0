// The contract of workflow debt/<id>: a seller's debt and its reminders. Names and types only.
export const DEBT_WORKFLOW = 'debt';
export const debtWorkflowId = (debtId: string): string => `debt/${debtId}`;

export interface DebtInput {
  debtId: string;
  /** Milliseconds between reminders; 30 days where it is left out. Tests want to see them. */
  remindEveryMs?: number;
}
