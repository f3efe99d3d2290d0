// Inputs and answers of the activities of chargebacks, as plain data; amounts are safe integers.
import type { DisputePhase } from '../domain/chargeback.ts';
import type { PayAgainOrder, TakeBackOrder } from './recover-contract.ts';

/** A dispute as Stripe has it now, and what its workflow must know of its escrow. */
export interface DisputeWord {
  disputeId: string;
  escrowId: string;
  chargeId: string;
  /** Stripe's own word, and what it means. */
  status: string;
  phase: DisputePhase;
  /** From 1; rises when the bank takes a decision back. Absent in histories from before. */
  round?: number;
  amount: number;
  currency: string;
  dueAt: number | null;
  openedAt: number;
  /** How long the sellers have, by the terms. */
  evidenceMs: number;
  submitted: boolean;
  staged: boolean;
  /** Milestones that the buyer named; none: the whole charge. */
  named: string[];
  /** What stands still meanwhile: the named ones where their money covers the dispute, else (none) the whole charge. */
  frozen?: string[];
  /** Sellers whose milestones the charge paid for. */
  sellers: string[];
  worthDefending: boolean;
  /** No dispute at Stripe: a bank debit that came back after it had succeeded. */
  returned?: boolean;
  /** By the terms, released money is taken back and held while it is open; only once the bank has taken it. */
  clawsBack?: true;
}

export interface PlannedClawback {
  /** One per milestone whose seller has released money of it. */
  takeBacks: TakeBackOrder[];
  /** Not planned yet: movements of the charge's money that must come to their end first. */
  waitsFor?: string[];
}

/** What a timeline says of money that was taken back or paid again; settlement currency. */
export interface ClawbackNote {
  disputeId: string;
  escrowId: string;
  round: number;
  type: 'card_dispute.clawed_back' | 'card_dispute.paid_again' | 'card_dispute.fee_passed';
  milestones: { milestoneId: string; amount: number }[];
}

export interface ClawbackActivities {
  /** What is taken back while the dispute is open, decided once per round. */
  planClawback(of: { disputeId: string; round: number }): Promise<PlannedClawback>;
  /** Tells it on the timeline of an escrow that has ended. */
  noteClawback(note: ClawbackNote): Promise<void>;
}

export interface StagedEvidence {
  disputeId: string;
  text: string;
  by: string;
  /** Uploads, each with the field of evidence in which it is sent; they take the place of those staged before. */
  files?: { id: string; field: string }[] | undefined;
}

export interface TakenOfHeld {
  milestoneId: string;
  /** Settlement currency. */
  principal: number;
  buyerFee: number;
}

/** Of a release part that was not transferred, settlement currency. */
export interface TakenOfPart {
  milestoneId: string;
  part: number;
  payable: number;
}

export interface PlannedLoss {
  /** One per milestone whose seller gives released money. */
  takeBacks: TakeBackOrder[];
  taken: TakenOfHeld[];
  /** Absent: nothing of them. */
  accepted?: TakenOfPart[];
  /** Held back, and more than the loss takes: paid again. Absent: nothing. */
  payAgain?: PayAgainOrder[];
  /** Refunds of the charge that Stripe has made. */
  refunded: string[];
  /** Not planned yet: movements of the charge's money that must come to their end first. */
  waitsFor?: string[];
}

/** Absent in histories from before: the timeline did not say it. */
export type SettledLoss = { fees: { milestoneId: string; amount: number }[] } | undefined;

export interface ChargebackActivities extends ClawbackActivities {
  /** Fetches the dispute and writes down its status and every balance transaction that is new. */
  recordDispute(disputeId: string): Promise<DisputeWord>;
  /** Who bears what, decided once out of the ledger of that moment. */
  planDisputeLoss(disputeId: string): Promise<PlannedLoss>;
  /** Posts the loss, opens the debts for what was not taken back; answers what of Stripe's fees the terms pass on. */
  settleDisputeLoss(disputeId: string, reversed: { milestoneId: string; amount: number }[]): Promise<SettledLoss>;
  stageDisputeEvidence(order: StagedEvidence): Promise<void>;
  submitDisputeEvidence(disputeId: string): Promise<void>;
  /** Irreversible. */
  acceptDisputeLoss(disputeId: string): Promise<void>;
}
