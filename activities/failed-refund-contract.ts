// Answers of the activities of workflow failed-refund/<id>, as plain data.

export interface FailedRefundWord {
  status: 'owed' | 'trying' | 'repaid' | 'paid_by_bank';
  /** What the buyer is to get, terms' currency. */
  amount: number;
  currency: string;
  /** 1 is the refund itself. */
  attempt: number;
  /** Why the last attempt failed. */
  code: string | null;
}

export interface FailedRefundActivities {
  /** Reads the last attempt at Stripe again: posts its failure, or its success. */
  readFailedRefund(refundId: string): Promise<FailedRefundWord>;
  /** One attempt more, or the answer of one that is under way. */
  refundAgain(refundId: string): Promise<FailedRefundWord>;
}
