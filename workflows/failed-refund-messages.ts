// The contract of workflow failed-refund/<id>: a refund of an ended escrow that the bank sent back. Names and types only.
import type { FailedRefundWord } from '../activities/failed-refund-contract.ts';

export const FAILED_REFUND_WORKFLOW = 'failedRefund';
export const failedRefundWorkflowId = (refundId: string): string => `failed-refund/${refundId}`;

export interface FailedRefundInput {
  /** The refund that failed first; its later attempts are told to the same workflow. */
  refundId: string;
  escrowId: string;
}

/** `retry`: ops try it once more now. Answers when Stripe has. */
export const FAILED_REFUND_UPDATES = { retry: 'retry' } as const;
/** `news`: something changed at Stripe or in the database, read it again. */
export const FAILED_REFUND_SIGNALS = { news: 'news' } as const;
export const FAILED_REFUND_QUERIES = { word: 'word' } as const;

export type { FailedRefundWord };
