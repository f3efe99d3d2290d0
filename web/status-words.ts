// What states, freezes, people and terms of an escrow are called. No page shows an enum.
import type { DisputePhase } from '../domain/chargeback.ts';
import type { EvidenceFileField } from '../payments/port.ts';
import type { EscrowStatus, FreezeReason, MilestoneStatus, Role } from '../domain/escrow-state.ts';

/** How a chip looks; its words say the same, so that nothing depends on colour. */
export type Tone = 'plain' | 'waiting' | 'held' | 'good' | 'bad';

export interface StatusWords {
  label: string;
  tone: Tone;
}

/** Never a bare code: what is not known here is said as such. */
export const statusWords = (words: Record<string, StatusWords>, status: string): StatusWords =>
  words[status] ?? { label: `Unknown (${status})`, tone: 'bad' };

export const ESCROW_STATUS: Record<EscrowStatus, StatusWords> = {
  proposed: { label: 'Waiting for agreement', tone: 'waiting' },
  agreed: { label: 'Agreed, not paid yet', tone: 'waiting' },
  funding: { label: 'Being paid', tone: 'waiting' },
  active: { label: 'Work under way', tone: 'held' },
  amending: { label: 'Terms being changed', tone: 'waiting' },
  settling: { label: 'Being settled', tone: 'waiting' },
  completed: { label: 'Completed', tone: 'good' },
  cancelled: { label: 'Cancelled', tone: 'plain' },
  expired: { label: 'Expired', tone: 'plain' },
};

/** A refunded milestone whose money the buyer's bank took. */
export const CHARGED_BACK: Record<'whole' | 'part', StatusWords> = {
  whole: { label: 'Charged back by the buyer’s bank', tone: 'bad' },
  part: { label: 'Refunded, and charged back in part', tone: 'bad' },
};

export const MILESTONE_STATUS: Record<MilestoneStatus, StatusWords> = {
  planned: { label: 'Planned', tone: 'plain' },
  awaiting_funding: { label: 'Not paid yet', tone: 'waiting' },
  requires_action: { label: 'Waiting for the bank’s confirmation', tone: 'waiting' },
  processing: { label: 'The bank is processing the payment', tone: 'waiting' },
  funded: { label: 'Paid, held', tone: 'held' },
  started: { label: 'Work has begun', tone: 'held' },
  submitted: { label: 'Delivered, to be reviewed', tone: 'waiting' },
  changes_requested: { label: 'Changes asked for', tone: 'waiting' },
  overdue: { label: 'Overdue', tone: 'bad' },
  accepted: { label: 'Accepted', tone: 'good' },
  releasing: { label: 'On its way to the seller', tone: 'waiting' },
  blocked_kyc: { label: 'Accepted; waits for the seller’s verification', tone: 'bad' },
  blocked_funds: { label: 'Accepted; the transfer is delayed', tone: 'bad' },
  refunding: { label: 'Refund on its way', tone: 'waiting' },
  recovering: { label: 'Being taken back for a refund', tone: 'waiting' },
  disputed: { label: 'Disputed', tone: 'bad' },
  released: { label: 'Paid to the seller', tone: 'good' },
  refunded: { label: 'Refunded to the buyer', tone: 'plain' },
  cancelled: { label: 'Cancelled', tone: 'plain' },
};

export const FREEZE_REASON: Record<FreezeReason, string> = {
  in_product_dispute: 'buyer and seller are in dispute',
  card_dispute: 'it is disputed at the buyer’s bank',
  fraud_warning: 'the card network warns of fraud',
  risk: 'it is under review',
  seller_restricted: 'the seller’s account is restricted',
  ops: 'stopped by our staff',
};

export const ROLE_WORDS: Record<Role, string> = { buyer: 'Buyer', seller: 'Seller', ops: 'Staff', auditor: 'Auditor' };

export const CARD_DISPUTE_PHASE: Record<DisputePhase, StatusWords> = {
  inquiry: { label: 'The bank asks questions', tone: 'waiting' },
  inquiry_review: { label: 'The bank looks at the answer', tone: 'waiting' },
  open: { label: 'Waits for evidence', tone: 'bad' },
  review: { label: 'The bank decides', tone: 'waiting' },
  appeal: { label: 'Decided, and may be appealed; staff look at it', tone: 'bad' },
  appeal_review: { label: 'The bank decides over the appeal', tone: 'waiting' },
  won: { label: 'Won', tone: 'good' },
  lost: { label: 'Lost', tone: 'bad' },
  lifted: { label: 'Ended without loss', tone: 'good' },
  unknown: { label: 'Unknown; staff look at it', tone: 'bad' },
};

/** Stripe’s fields of evidence that take a file, as people understand them. */
export const EVIDENCE_FIELDS: Record<EvidenceFileField, string> = {
  customer_communication: 'Messages with the buyer',
  service_documentation: 'Proof that the work was done',
  receipt: 'Receipt or invoice',
  customer_signature: 'Signature or acceptance of the buyer',
  refund_policy: 'Refund policy',
  cancellation_policy: 'Cancellation policy',
  uncategorized_file: 'Anything else',
};

export const FUNDING_WORDS = {
  upfront: 'Everything is paid before work starts',
  per_milestone: 'Each milestone is paid before its work starts',
} as const;

export const CLAWBACK_WORDS = {
  at_loss: 'When the bank has decided against the seller',
  at_opening: 'At once; held while the bank decides',
};

export const DISPUTE_FEE_WORDS = {
  platform: 'Tranche',
  seller: 'The seller, by their share of the loss',
};

export const FEE_PAYER_WORDS = {
  seller: 'The seller pays the fee',
  buyer: 'The buyer pays the fee',
  shared: 'Buyer and seller share the fee',
} as const;
