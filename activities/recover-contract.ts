// Inputs and answers of the activities that take released money back, as plain data; amounts are safe integers.
import type { Role } from '../domain/escrow-state.ts';
import type { RecoveryPlan } from '../domain/recovery.ts';
import type { RefundAnswer, RefundOrder } from './contract.ts';

/** Whom it is about; of a refund and of a lost dispute alike. */
export interface RecoverySubject {
  /** A refund's id, or a dispute's. */
  recoveryId: string;
  escrowId: string;
  milestoneId: string;
  sellerId: string;
  chargeId: string;
  /** Settlement currency. */
  currency: string;
}

export interface TakeBackOrder extends RecoverySubject {
  /** What the seller should give, settlement currency. */
  amount: number;
}

export interface PayAgainOrder extends RecoverySubject {
  /** Absent: all that was taken back. */
  amount?: number | undefined;
}

export interface TakeBackAnswer {
  /** On hold now. */
  reversed: number;
  /** What the seller's balance, or their transfers, did not cover. */
  shortfall: number;
}

export interface RecoveryRequest {
  refundId: string;
  escrowId: string;
  milestoneId: string;
  chargeId: string;
  /** Principal, terms' currency. */
  amount: number;
  currency: string;
  reason: string;
  by: { id: string; role: Role };
  terms: { feeReturn: 'full' | 'none'; milestoneAmount: number; buyerFee: number; converted: boolean };
}

export type RecoveryAnswer =
  | { outcome: 'reserved'; plan: RecoveryPlan }
  /** `disputed`: a bank is at the payment, and decides first. */
  | { outcome: 'refused'; left: number; asked: boolean; disputed?: true };

export interface ReleasedRefundOrder extends Omit<RefundOrder, 'milestone' | 'withdrawn' | 'after'> {
  milestoneId: string;
  sellerId: string;
  /** Settlement currency: on hold, owed, and given back of the fees; their sum leaves the charge. */
  reversed: number;
  shortfall: number;
  feeReturned: number;
}

export interface RecoveryActivities {
  /** Writes the question that the other side answers until `expiresAt`; refused where less is left or one is open. */
  askRecovery(request: RecoveryRequest & { expiresAt: number }): Promise<{ outcome: 'asked' | 'refused'; left: number; asked: boolean; disputed?: true }>; // prettier-ignore
  /** Takes the amount out of what was released, under the lock of its parts. */
  reserveRecovery(request: RecoveryRequest): Promise<RecoveryAnswer>;
  /** Nobody answered in time. */
  lapseRecovery(refundId: string): Promise<void>;
  /** Reverses the milestone's transfers, as far as the seller's balance goes. */
  takeBack(order: TakeBackOrder): Promise<TakeBackAnswer>;
  /** Asks in the ledger, opens the debt, refunds the buyer, settles or undoes. */
  refundReleased(order: ReleasedRefundOrder): Promise<RefundAnswer>;
  /** Reads a pending one again. */
  recordReleasedRefund(order: ReleasedRefundOrder): Promise<RefundAnswer>;
  /** A refund that was made, as it was ordered; null where it was undone already. */
  refundAsReleased(refundId: string): Promise<{ order: ReleasedRefundOrder; amount: number } | null>;
  /** The compensation: what was taken back goes to the seller again, and may be taken back by others. */
  payAgain(subject: PayAgainOrder): Promise<{ paid: number }>;
}
