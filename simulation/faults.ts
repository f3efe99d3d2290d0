// What may happen to an escrow in a schedule. Each is counted: over thousands of seeds none may be missing.
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** When every schedule begins. */
export const BEGIN = Date.UTC(2026, 0, 1);

export const FAULTS = [
  'crash_before_effect', 'crash_after_effect', 'crash_after_commit', 'late_attempt', 'activity_gave_up', 'local_activity_failed',
  'eviction', 'continue_as_new', 'signal_duplicate', 'signal_late', 'signal_lost', 'answer_lost', 'command_refused', 'simultaneous',
  'seller_incapable', 'balance_short', 'frozen_by_ops', 'shared_party', 'cancel_request_of_temporal', 'checkout_expired',
  'refund_failed_late', 'refund_refunded', 'refund_undone', 'refund_lapsed', 'refund_refused', 'refund_short',
] as const; // prettier-ignore
export type Fault = (typeof FAULTS)[number];

/** Where the workflows beside the escrow may go, and what may come to them: `<workflow> <branch>`. */
export const BRANCHES = [
  // What it tells the escrow, and that it finds the escrow ended.
  'chargeback tells opened', 'chargeback tells lifted', 'chargeback tells lost', 'chargeback tells clawed_back',
  'chargeback tells paid_again', 'chargeback tells fee_passed', 'chargeback untold', 'chargeback noteClawback',
  // Evidence: staged, sent by a person, by itself, given up; refused; the loss accepted.
  'chargeback stageDisputeEvidence', 'chargeback submitDisputeEvidence', 'chargeback acceptDisputeLoss',
  'chargeback update completed', 'chargeback update refused', 'chargeback alert dispute_evidence_failed',
  // Released money: held while the bank decides, taken back, owed, paid again.
  'chargeback planClawback', 'chargeback clawback waits', 'chargeback takeBack', 'chargeback alert reversal_unknown',
  'chargeback payAgain', 'chargeback loss waits', 'chargeback settleDisputeLoss',
  'chargeback owed by a seller', 'chargeback borne by the platform', 'chargeback beyond the charge', 'chargeback returned after loss',
  // How a bank ended it, and that it spoke again after the workflow's end.
  'chargeback ended won', 'chargeback ended lost', 'chargeback ended prevented', 'chargeback ended warning_closed',
  'chargeback ended lost in another round', 'chargeback ended won in another round',
  'chargeback of a returned debit', 'chargeback started again', 'chargeback after the end', 'chargeback word unknown',
  // What came back after the escrow's end: read, tried by itself or by ops, refused, without an answer; how the buyer got it, and
  // that it came back once more.
  'failedRefund readFailedRefund', 'failedRefund refundAgain', 'failedRefund update completed', 'failedRefund update refused',
  'failedRefund alert refund_owed', 'failedRefund alert refund_unknown', 'failedRefund bank payment refused',
  'failedRefund ended repaid', 'failedRefund ended paid_by_bank', 'failedRefund started again',
  'failedRefund charged back', 'failedRefund charged back in part',
  // A seller's debt: reminded of; paid, given up, or none after all.
  'debt remindOfDebt', 'debt repaid', 'debt repaid in part', 'debt repayment refused', 'debt written off', 'debt write-off refused',
  'debt ended repaid', 'debt ended written_off', 'debt ended cancelled', 'debt paid in vain',
  'debt set off', 'debt set off against a whole part', 'debt ended recovered',
] as const; // prettier-ignore
