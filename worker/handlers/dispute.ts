// charge.dispute.*, debits that a bank returns, and early fraud warnings: found by the charge's payment, told to the dispute's own workflow, which reads
// Stripe again; an early fraud warning freezes the escrow for ops.
import { findOrMakeDispute } from '../../db/card-disputes.ts';
import { raiseAlert } from '../../db/movements.ts';
import { returnedDebit } from '../../payments/returned-debit.ts';
import type { Handler } from './context.ts';
import { objectIdOf, orMissing } from './context.ts';

export const dispute: Handler = async (event, { sql, stripe, signals }) => {
  const fetched = await orMissing(stripe.retrieveDispute(objectIdOf(event)));
  if (fetched === null) return { state: 'ignored', reason: 'Stripe knows no such dispute' };
  const found = await findOrMakeDispute(sql, fetched);
  // The dispute may be quicker than its charge: the event is tried again, and in the end a person looks.
  if (found === null) throw new Error(`charge ${fetched.chargeId} of dispute ${fetched.id} is not known here yet`);
  const input = { disputeId: found.id, escrowId: found.escrowId };
  await signals.disputeEvent(input, { status: fetched.status, eventId: event.id });
  return { state: 'done', escrowId: found.escrowId };
};

/**
 * charge.failed: an attempt to pay that failed is the PaymentIntent's matter. One that had succeeded, such as a bank debit that
 * the bank returns, is a loss of that charge, and the workflow of a dispute that is lost already divides it.
 */
export const chargeFailed: Handler = async (event, { sql, stripe, signals }) => {
  const fetched = await orMissing(stripe.retrieveFailedCharge(objectIdOf(event)));
  if (fetched === null) return { state: 'ignored', reason: 'Stripe knows no such charge' };
  if (fetched.failureBalanceTransaction === null) return { state: 'ignored', reason: 'the charge had never succeeded' };
  const escrowId = fetched.metadata['escrow_id'] ?? null;
  const facts = returnedDebit(fetched);
  if (facts === null || escrowId === null) {
    await raiseAlert(sql, {
      kind: 'charge_failed_late',
      key: `charge_failed_late:${fetched.id}`,
      escrowId,
      detail: { charge: fetched.id, status: fetched.status, balance_transaction: fetched.failureBalanceTransaction.id },
    });
    return { state: 'done', escrowId };
  }
  const found = await findOrMakeDispute(sql, facts);
  // As for a dispute: its success may not be posted yet.
  if (found === null) throw new Error(`charge ${fetched.id}, which failed late, is not known here yet`);
  await signals.disputeEvent(
    { disputeId: found.id, escrowId: found.escrowId },
    { status: facts.status, eventId: event.id },
  );
  return { state: 'done', escrowId: found.escrowId };
};

/** Hours that ops have to refund what is unreleased, or to clear it. */
const OPS_WITHIN_HOURS = 24;

export const fraudWarning: Handler = async (event, { sql, stripe, signals }) => {
  const warning = await orMissing(stripe.retrieveFraudWarning(objectIdOf(event)));
  if (warning === null) return { state: 'ignored', reason: 'Stripe knows no such warning' };
  const [payment] = await sql<{ escrow_id: string }[]>`
    SELECT escrow_id FROM movements WHERE kind = 'payment' AND stripe_charge_id = ${warning.chargeId}`;
  if (!payment) throw new Error(`charge ${warning.chargeId} of warning ${warning.id} is not known here yet`);
  const escrowId = payment.escrow_id;
  // Refunded or disputed meanwhile: nothing is left to decide.
  if (!warning.actionable) return { state: 'done', escrowId };
  await raiseAlert(sql, {
    kind: 'fraud_warning',
    key: `fraud_warning:${warning.id}`,
    escrowId,
    detail: { warning: warning.id, charge: warning.chargeId, decide_within_hours: OPS_WITHIN_HOURS },
  });
  await signals.fraudWarning(escrowId, { warningId: warning.id, chargeId: warning.chargeId });
  return { state: 'done', escrowId };
};
