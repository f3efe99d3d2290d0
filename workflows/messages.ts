// The contract of the escrow workflow: its name, updates, signals and queries, as plain names and types.
// No import of the SDK here, so that API, pump and pages can read it without a workflow context.
import type { EscrowSnapshot, PaymentStatus, Principal } from '../domain/escrow-state.ts';
import type { Terms } from '../domain/terms.ts';

export const ESCROW_WORKFLOW = 'escrow';

/** Every command names who gives it and carries the id that makes its repetition harmless. */
interface Command {
  commandId: string;
  principal: Principal;
}

export interface OnMilestone extends Command {
  milestoneId: string;
}

/** Updates of the escrow workflow, by name; each answers a CommandResult. */
export interface EscrowCommands {
  create: Command & { terms: Terms; termsHash: string };
  agree: Command & { termsHash?: string | undefined };
  fund: Command & {
    paymentId: string;
    milestoneIds?: string[] | undefined;
    paymentMethod?: string | undefined;
    returnUrl?: string | undefined;
    /** True: on Stripe's own page; false: not there; left out: the way that is open already, or ours. */
    checkout?: boolean | undefined;
  };
  cancel: Command & { reason?: string | undefined };
  amend: Command & { amendmentId: string; terms: Terms; termsHash: string };
  signAmendment: Command & { amendmentId: string; termsHash?: string | undefined };
  rejectAmendment: Command & { amendmentId: string };
  start: OnMilestone;
  submit: OnMilestone & { note?: string | undefined; deliverableSha256?: string | undefined };
  accept: OnMilestone & { amount?: number | undefined };
  requestChanges: OnMilestone & { note: string };
  extend: OnMilestone & { until?: number | undefined };
  refund: OnMilestone & { refundId: string; amount?: number | undefined; reason: string };
  refundByBank: OnMilestone & {
    refundId: string;
    amount: number;
    reason: string;
    reference: string;
    approvalId: string;
  };
  forceRelease: OnMilestone & { amount: number; reason: string; delivered?: boolean };
  forceRefund: OnMilestone & { refundId: string; amount: number; reason: string };
  dispute: OnMilestone & { disputeId: string; reason: string; amount?: number | undefined };
  reply: OnMilestone & { message: string };
  offer: OnMilestone & { sellerAmount: number };
  acceptOffer: OnMilestone;
  escalate: OnMilestone;
  rule: OnMilestone & { sellerAmount: number; reason: string };
  freeze: Command & { scope: 'milestone' | 'escrow'; subject: string; reason: string };
  unfreeze: Command & { scope: 'milestone' | 'escrow'; subject: string };
}
export type EscrowCommandName = keyof EscrowCommands;

/** What the caller of `fund` learns of its payment; the client secret never passes through a workflow. */
export interface PaymentResult {
  id: string;
  status: PaymentStatus | 'declined';
  paymentIntentId: string | null;
  /** Of a payment on Stripe's own page. */
  checkoutSessionId?: string | null;
  declineCode: string | null;
  message: string | null;
}

export interface CommandResult {
  snapshot: EscrowSnapshot;
  payment?: PaymentResult;
}

/** Type of the ApplicationFailure with which a validator refuses; its first detail is a Refusal. */
export const REFUSED = 'Refused';

/** A webhook, as the pump tells it: the object was fetched again just now, so `status` is Stripe's present word. */
export type StripeSignal =
  | { kind: 'checkout_session'; sessionId: string; paymentId: string | null; status: string; eventId: string }
  | { kind: 'payment_intent'; paymentIntentId: string; paymentId: string | null; status: string; eventId: string }
  | { kind: 'refund'; stripeRefundId: string; refundId: string | null; status: string; eventId: string };

/** A card dispute over one of this escrow's charges, as the chargeback's workflow tells it; repeating one is harmless. */
export type CardDisputeSignal =
  /** `round` (from 1) rises when a bank takes its decision back; `returned`: a bank debit that came back, and no dispute. */
  | { kind: 'opened'; disputeId: string; chargeId: string; milestoneIds: string[]; round?: number; returned?: true }
  /**
   * Released money that is held while the bank decides, what of it was paid to its sellers again, and Stripe's fees that the
   * terms pass on to them; settlement currency.
   */
  | {
      kind: 'clawed_back' | 'paid_again' | 'fee_passed';
      disputeId: string;
      round: number;
      milestones: { milestoneId: string; amount: number }[];
    }
  /** Won, withdrawn or prevented: as before. */
  | { kind: 'lifted'; disputeId: string; round?: number }
  /**
   * Lost: what of each milestone's held money (settlement currency) is gone; `refunded` are the charge's refunds that Stripe
   * has made, whether or not their answers have come here.
   */
  | {
      kind: 'lost';
      disputeId: string;
      round?: number;
      taken: { milestoneId: string; principal: number; buyerFee: number }[];
      refunded?: string[];
      /** What of release parts that were not transferred is gone. */
      accepted?: { milestoneId: string; part: number; payable: number }[];
    };

/** The issuer suspects fraud: what the charge paid for stands still until ops look. */
export interface FraudWarningSignal {
  warningId: string;
  chargeId: string;
}

/** Buyer and this seller may be one party; `key` names the match, so that one that ops have lifted does not come back. */
export interface RiskSignal {
  sellerId: string;
  key: string;
}

/** A refund of released money by workflow `refund/<id>`, told to the escrow while it is open. */
export type RecoverySignal = {
  refundId: string;
  milestoneId: string;
  status: 'recovering' | 'refunded' | 'released';
  amount: number;
};

/** A seller's transfers capability changed. */
export interface SellerSignal {
  sellerId: string;
  transfers: 'active' | 'pending' | 'inactive';
}

export const SIGNALS = {
  stripeEvent: 'stripeEvent',
  sellerChanged: 'sellerChanged',
  cardDispute: 'cardDispute',
  fraudWarning: 'fraudWarning',
  risk: 'risk',
  recovery: 'recovery',
} as const;
export const QUERIES = { state: 'state' } as const;
