// The contract of workflow chargeback/<dispute>: names and types only, as in messages.ts.
import type { DisputePhase } from '../domain/chargeback.ts';
import type { Principal } from '../domain/escrow-state.ts';

export const CHARGEBACK_WORKFLOW = 'chargeback';
export const chargebackWorkflowId = (disputeId: string): string => `chargeback/${disputeId}`;

export interface ChargebackInput {
  disputeId: string;
  escrowId: string;
}

/** Something changed at Stripe: the workflow reads it again. */
export interface DisputeSignal {
  status: string;
  eventId: string;
}

export interface StageEvidence {
  by: Principal;
  text: string;
  /** Uploads, each with its field of evidence. */
  files?: { id: string; field: string }[] | undefined;
}

export interface OnDispute {
  by: Principal;
}

/** What its updates and its query answer. */
export interface ChargebackWord {
  disputeId: string;
  status: string;
  phase: DisputePhase | 'new' | 'settled';
  /** Until when the sellers may add evidence. */
  until: number | null;
  submitted: boolean;
  /** Sellers who accepted the loss, and those who must. */
  accepted: string[];
  sellers: string[];
}

export const CHARGEBACK_UPDATES = { stage: 'stageEvidence', submit: 'submitEvidence', accept: 'acceptLoss' } as const;
export const CHARGEBACK_SIGNALS = { stripeEvent: 'stripeEvent' } as const;
export const CHARGEBACK_QUERIES = { word: 'word' } as const;
