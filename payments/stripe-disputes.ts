// What comes back by the bank: disputes and their evidence, failed charges, warnings of fraud.
import type { Stripe } from 'stripe';
import type { DisputeFacts, Payments } from './port.ts';
import type { StripeCalls } from './stripe-calls.ts';
import { balanceTransaction, idOf } from './stripe-facts.ts';

/** Disputes, failed charges and early fraud warnings. */
export const bankDisputes = ({
  stripe,
  guard,
}: StripeCalls): Pick<
  Payments,
  | 'retrieveDispute'
  | 'updateDispute'
  | 'createEvidenceFile'
  | 'closeDispute'
  | 'retrieveFailedCharge'
  | 'retrieveFraudWarning'
> => ({
  retrieveDispute: (id) => guard(async () => disputeFacts(await stripe.disputes.retrieve(id))),
  updateDispute: (id, input, key) =>
    guard(async () =>
      disputeFacts(
        await stripe.disputes.update(id, { evidence: input.evidence, submit: input.submit }, { idempotencyKey: key }),
      ),
    ),
  createEvidenceFile: (file, key) =>
    guard(async () => {
      const { id } = await stripe.files.create(
        { purpose: 'dispute_evidence', file: { data: file.content, name: file.name, type: file.mediaType } },
        { idempotencyKey: key },
      );
      return { id };
    }),
  closeDispute: (id, key) => guard(async () => disputeFacts(await stripe.disputes.close(id, {}, { idempotencyKey: key }))), // prettier-ignore
  retrieveFailedCharge: (id) =>
    guard(async () => {
      const charge = await stripe.charges.retrieve(id, { expand: ['failure_balance_transaction'] });
      return {
        id: charge.id,
        status: charge.status,
        amountMinor: BigInt(charge.amount),
        currency: charge.currency,
        metadata: charge.metadata,
        failureCode: charge.failure_code,
        failureBalanceTransaction: balanceTransaction(charge.failure_balance_transaction),
      };
    }),
  retrieveFraudWarning: (id) =>
    guard(async () => {
      const warning = await stripe.radar.earlyFraudWarnings.retrieve(id);
      return { id: warning.id, chargeId: idOf(warning.charge) ?? '', actionable: warning.actionable };
    }),
});

function disputeFacts(d: Stripe.Dispute): DisputeFacts {
  const dueBy = d.evidence_details.due_by;
  return {
    id: d.id,
    chargeId: idOf(d.charge) ?? '',
    status: d.status,
    reason: d.reason,
    amountMinor: BigInt(d.amount),
    currency: d.currency,
    dueAt: dueBy === null ? null : dueBy * 1000,
    createdAt: d.created * 1000,
    submissions: d.evidence_details.submission_count,
    metadata: d.metadata,
    // Stripe shows them in full without being asked.
    balanceTransactions: d.balance_transactions.map((bt) => balanceTransaction(bt)!),
  };
}
