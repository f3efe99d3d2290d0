// The contract of workflow refund/<id>: a refund of released money, asked by one side and confirmed by the other. Names and
// types only, as in messages.ts.
import type { RecoveryRequest } from '../activities/recover-contract.ts';
import type { Principal } from '../domain/escrow-state.ts';
import type { RecoverySignal } from './messages.ts';

export const REFUND_WORKFLOW = 'refund';
export const refundWorkflowId = (refundId: string): string => `refund/${refundId}`;

/** One that the bank sent back after its workflow had ended. */
export const REFUND_SENT_BACK_WORKFLOW = 'refundSentBack';
export const refundSentBackWorkflowId = (refundId: string): string => `refund-sent-back/${refundId}`;

export interface AskReleasedRefund extends RecoveryRequest {
  sellerId: string;
  paymentId: string;
  paymentIntentId: string;
  settlementCurrency: string;
  /** How long the other side has to confirm. */
  confirmMs: number;
}

export interface ConfirmReleasedRefund {
  by: Principal;
  /** Exactly what was asked, or left out. */
  amount?: number | undefined;
}

export type ReleasedRefundStatus = 'asked' | 'running' | 'refunded' | 'undone' | 'lapsed' | 'refused';

/** What its updates and its query answer, and how it ends. */
export interface ReleasedRefundWord {
  refundId: string;
  status: ReleasedRefundStatus;
  /** Principal, terms' currency. */
  amount: number;
  /** While asked: when it lapses. */
  until: number | null;
  /** When refused: what may still be taken back, and whether another question is open. */
  left: number | null;
  otherAsked: boolean;
  /** When refused: a bank is at the payment, and decides first. */
  disputed?: true;
  /** Why it was undone. */
  code: string | null;
}

export const REFUND_UPDATES = { ask: 'ask', confirm: 'confirm' } as const;
export const REFUND_SIGNALS = { stripeEvent: 'stripeEvent' } as const;
export const REFUND_QUERIES = { state: 'state' } as const;

/** As the escrow is told: `left` is the principal released and not taken back, so 0 makes the milestone refunded. */
export type RecoveryWord = RecoverySignal & { left?: number };
