// Inputs and answers of the activities, as plain data: the workflow imports these types and nothing else from here.
// Amounts are safe integers; a business answer (declined, blocked) is a value, not a failure.
import type { AlertKind } from '../domain/alerts.ts';
import type { BankTransfer, EscrowSnapshot, PaymentStatus, WithdrawnPart } from '../domain/escrow-state.ts';
import type { ChargeAllocation } from '../domain/allocation.ts';
import type { MilestoneTerms } from '../domain/terms.ts';
import type { ChargebackActivities } from './chargeback-contract.ts';
import type { DebtActivities } from './debt.ts';
import type { FailedRefundActivities } from './failed-refund-contract.ts';
import type { RecoveryActivities } from './recover-contract.ts';
import type { WebhookActivities } from './webhook-contract.ts';

export interface PaymentOrder {
  escrowId: string;
  paymentId: string;
  generation: number;
  amount: number;
  currency: string;
  paymentIntentId: string | null;
  paymentMethod: string | null;
  /** `{payment_id}` in it is filled in. */
  returnUrl: string | null;
  /** Paid on Stripe's own page: its session, and what the buyer reads there. */
  checkout?: { sessionId: string | null; title: string };
  /** The milestones that it pays for; the captured amount is divided over them. */
  milestones: MilestoneTerms[];
  /** False when the escrow was given up: what arrives is not allocated but goes back. */
  allocate: boolean;
}

export interface PaymentAnswer {
  status: PaymentStatus | 'declined' | 'refused';
  paymentIntentId: string | null;
  checkoutSessionId?: string;
  chargeId: string | null;
  methodType: string | null;
  declineCode: string | null;
  message: string | null;
  settlementCurrency: string | null;
  allocations: ChargeAllocation[];
  /** Sellers of this escrow who may be the buyer: their part is frozen before anybody works on it. */
  risks?: { sellerId: string; key: string }[];
}

export interface TransferOrder {
  escrowId: string;
  milestoneId: string;
  sellerId: string;
  part: number;
  generation: number;
  chargeId: string;
  paymentId: string;
  currency: string;
  principal: number;
  sellerFee: number;
  buyerFee: number;
  payable: number;
  /** The projection to write with the posting, when the transfer succeeds. */
  after: EscrowSnapshot;
}

export type TransferAnswer =
  | { outcome: 'released'; transferId: string; stripeTransferId: string | null }
  | { outcome: 'blocked_kyc' }
  | { outcome: 'blocked_funds' }
  /** The platform has never paid this seller: not before `until`, ms. */
  | { outcome: 'held_first_release'; until: number }
  /** A lost dispute took the part before Stripe was asked: there is nothing to transfer. */
  | { outcome: 'charged_back' }
  | { outcome: 'refused'; code: string; message: string };

export interface RefundOrder {
  escrowId: string;
  refundId: string;
  generation: number;
  paymentId: string;
  paymentIntentId: string;
  chargeId: string;
  /** What Stripe is asked for, terms' currency. */
  amount: number;
  currency: string;
  settlementCurrency: string;
  reason: string;
  /** Null: the whole charge, never allocated. */
  milestone: { id: string; sellerId: string; principal: number; buyerFee: number; buyerFeeReturned: number } | null;
  /** Accepted parts that are taken back from their seller's payable in the same transaction. */
  withdrawn?: WithdrawnPart[];
  after: EscrowSnapshot;
}

/** A refund that the platform's bank has paid, because Stripe cannot make it any more. */
export type BankRefundOrder = RefundOrder & {
  bank: BankTransfer;
  /** Lost disputes whose loss the escrow knows: what it orders is what they have left. */
  heard?: string[];
};

export interface RefundAnswer {
  outcome: 'succeeded' | 'pending' | 'failed' | 'refused';
  stripeRefundId: string | null;
  code: string | null;
}

export interface AlertOrder {
  kind: AlertKind;
  key: string;
  escrowId: string;
  detail: Record<string, string | number | null>;
}

/** What the workflow sees. */
export interface Activities
  extends RecoveryActivities, DebtActivities, FailedRefundActivities, ChargebackActivities, WebhookActivities {
  /** Creates or confirms a PaymentIntent; posts the charge when it succeeded. */
  createPayment(order: PaymentOrder): Promise<PaymentAnswer>;
  /** Reads the PaymentIntent again and posts the charge when it succeeded. */
  recordPayment(order: PaymentOrder): Promise<PaymentAnswer>;
  /** Cancels the PaymentIntent; a success that came first is posted instead. */
  cancelPayment(order: PaymentOrder): Promise<PaymentAnswer>;
  /** Earns the fee, reserves, transfers to the seller, posts and projects. */
  transferToSeller(order: TransferOrder): Promise<TransferAnswer>;
  /** Takes out of held, refunds the buyer, posts and projects. */
  refundToBuyer(order: RefundOrder): Promise<RefundAnswer>;
  /** Takes out of held what the platform's bank paid the buyer, posts and projects: Stripe is not asked. */
  refundByBank(order: BankRefundOrder): Promise<RefundAnswer>;
  /** Reads a pending refund again; settles it or undoes its posting. */
  recordRefund(order: RefundOrder): Promise<RefundAnswer>;
  /** Writes the projection of a change that no command and no movement of money carried. */
  project(snapshot: EscrowSnapshot): Promise<void>;
  raiseAlert(alert: AlertOrder): Promise<void>;
}
