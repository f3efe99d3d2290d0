// What a handler of a Stripe event is given, what it answers, and the little of Stripe and Temporal that it needs.
import type { Logger } from 'pino';
import type { Sql } from '../../db/client.ts';
import type { InboxEvent } from '../../db/inbox-queue.ts';
import type { AlertKind } from '../../domain/alerts.ts';
import { PaymentsError } from '../../payments/errors.ts';
import type { Payments } from '../../payments/port.ts';
import type { ChargebackInput, DisputeSignal } from '../../workflows/chargeback-messages.ts';
import type { FailedRefundInput } from '../../workflows/failed-refund-messages.ts';
import type { FraudWarningSignal, RiskSignal, SellerSignal, StripeSignal } from '../../workflows/messages.ts';

/** The reads of Stripe with which events are checked. */
export type StripeReads = Pick<
  Payments,
  | 'retrieveDispute'
  | 'retrieveFailedCharge'
  | 'retrieveFraudWarning'
  | 'retrievePaymentIntent'
  | 'retrieveCheckoutSession'
  | 'retrieveRefund'
  | 'listRefunds'
  | 'retrieveTransfer'
  | 'retrieveAccount'
  | 'externalAccounts'
  | 'retrievePayout'
>;

/** Tells workflows; `closed`: there is no running workflow of that escrow. */
export interface EscrowSignals {
  stripeEvent(escrowId: string, signal: StripeSignal): Promise<'told' | 'closed'>;
  /** To workflow refund/<id>: a refund of released money. */
  refundEvent(refundId: string, signal: StripeSignal): Promise<'told' | 'closed'>;
  /** Starts workflow failed-refund/<id> where it does not run: a refund of an ended escrow came back. */
  failedRefund(input: FailedRefundInput): Promise<'told' | 'closed'>;
  /** Starts workflow refund-sent-back/<id> where it does not run: a refund of released money came back after its workflow's end. */
  refundSentBack(input: FailedRefundInput, signal: StripeSignal): Promise<'told' | 'closed'>;
  /** Starts workflow chargeback/<id> where it does not run. */
  disputeEvent(input: ChargebackInput, signal: DisputeSignal): Promise<'told' | 'closed'>;
  fraudWarning(escrowId: string, signal: FraudWarningSignal): Promise<'told' | 'closed'>;
  risk(escrowId: string, signal: RiskSignal): Promise<'told' | 'closed'>;
  sellerChanged(escrowId: string, signal: SellerSignal): Promise<'told' | 'closed'>;
}

export interface HandlerContext {
  sql: Sql;
  stripe: StripeReads;
  signals: EscrowSignals;
  logger: Logger;
}

export type Outcome =
  | { state: 'done'; escrowId: string | null }
  | { state: 'ignored'; reason: string }
  /** Of an account that is not ours: never run. */
  | { state: 'quarantined'; account: string; reason: string }
  | { state: 'parked'; alert: AlertKind; reason: string; escrowId: string | null };

/** Must be harmless when it runs again for the same event: a worker may die at any line of it. */
export type Handler = (event: InboxEvent, context: HandlerContext) => Promise<Outcome>;

/** The object that an event is about. Every event that has a handler names one. */
export function objectIdOf(event: InboxEvent): string {
  if (event.object_id === null) throw new Error(`event ${event.id} of type ${event.type} names no object`);
  return event.object_id;
}

/** The object as it is at Stripe now; null where Stripe knows none of that id. */
export async function orMissing<T>(fetching: Promise<T>): Promise<T | null> {
  try {
    return await fetching;
  } catch (error) {
    if (error instanceof PaymentsError && error.kind === 'refused' && MISSING.has(error.code)) return null;
    throw error;
  }
}

/** v1 says resource_missing, v2 not_found. */
const MISSING = new Set(['resource_missing', 'not_found']);
