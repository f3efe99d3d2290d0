// Refunds of running escrows that the platform's bank paid, because Stripe cannot refund their payment's method any more.
import type { Queryable, Tx } from './client.ts';

export interface BankRefund {
  /** rfd_, as the milestone's state has it. */
  id: string;
  escrowId: string;
  milestoneId: string;
  paymentId: string;
  chargeId: string;
  /** What the bank paid, terms' currency. */
  amountMinor: bigint;
  currency: string;
  /** What of the charge it stands for, settlement currency. */
  settledMinor: bigint;
  settlementCurrency: string;
  /** Of the bank transfer. */
  reference: string;
  /** By which two of ops let it be recorded. */
  approvalId: string;
}

/**
 * True where a bank was first: the loss of one of the charge's disputes is divided, takes of this milestone's unreleased money,
 * and is not among those that the escrow has `heard` of. The caller holds the charge.
 */
export async function isTakenByLoss(
  tx: Tx,
  { chargeId, milestoneId, heard }: { chargeId: string; milestoneId: string; heard: readonly string[] },
): Promise<boolean> {
  const [taken] = await tx`
    SELECT FROM disputes d, jsonb_array_elements(d.state -> 'plan' -> 'parts') p
    WHERE d.charge_id = ${chargeId} AND NOT d.id = ANY(${[...heard]}) AND p ->> 'milestoneId' = ${milestoneId}
      AND (p ->> 'heldMinor')::bigint + (p ->> 'feeUnearnedMinor')::bigint + coalesce((p ->> 'payableMinor')::bigint, 0) > 0 LIMIT 1`;
  return taken !== undefined;
}

/** False: it was recorded before. */
export async function recordBankRefund(tx: Tx, r: BankRefund): Promise<boolean> {
  const rows = await tx`
    INSERT INTO bank_refunds (id, escrow_id, milestone_id, payment_id, charge_id, amount, currency, settled_amount,
                              settlement_currency, reference, approval_id)
    VALUES (${r.id}, ${r.escrowId}, ${r.milestoneId}, ${r.paymentId}, ${r.chargeId}, ${r.amountMinor}, ${r.currency},
            ${r.settledMinor}, ${r.settlementCurrency}, ${r.reference}, ${r.approvalId})
    ON CONFLICT (id) DO NOTHING RETURNING id`;
  return rows.length > 0;
}

/** What the platform's bank has paid to buyers: of running escrows, and of ended ones whose refund came back. */
export const bankPayments = (sql: Queryable) => sql`
  SELECT id, escrow_id, milestone_id, payment_id, charge_id, amount, currency, settled_amount, settlement_currency, reference,
         approval_id, created_at AS at
  FROM bank_refunds
  UNION ALL
  SELECT id || '_bank', escrow_id, milestone_id, payment_id, charge_id, amount, currency, principal + buyer_fee_returned,
         settlement_currency, reference, approval_id, updated_at
  FROM failed_refunds WHERE status = 'paid_by_bank'`;

/**
 * The refunds of an escrow that are no movements at Stripe, in the columns of `movementsOf`: paid by bank transfer, or waiting
 * for it (`needs_bank`; `pending` while what two of ops approved is booked).
 */
export const bankRefundLines = (sql: Queryable, escrowId: string) => sql`
  SELECT p.id, 'refund', p.escrow_id, p.milestone_id, NULL, NULL::int, p.amount, p.currency, p.settled_amount, p.settlement_currency,
         'succeeded', p.payment_id, NULL, p.charge_id, a.params ->> 'reason', NULL, NULL, p.at, p.at,
         p.reference, a.id, a.requested_by, a.approved_by
  FROM (${bankPayments(sql)}) p JOIN approvals a ON a.id = p.approval_id WHERE p.escrow_id = ${escrowId}
  UNION ALL
  SELECT r ->> 'id', 'refund', m.escrow_id, m.id, NULL, NULL, (r ->> 'chargeAmount')::bigint, e.currency,
         (r ->> 'principal')::bigint + (r ->> 'buyerFeeReturned')::bigint, e.settlement_currency,
         CASE WHEN r ? 'bank' THEN 'pending' ELSE 'needs_bank' END, m.state -> 'funds' ->> 'paymentId', NULL,
         m.state -> 'funds' ->> 'chargeId', r ->> 'reason', NULL, NULL, since.at, since.at,
         a.params ->> 'reference', a.id, a.requested_by, a.approved_by
  FROM milestones m JOIN escrows e ON e.id = m.escrow_id
  CROSS JOIN LATERAL jsonb_array_elements(m.state -> 'refunds') r
  LEFT JOIN approvals a ON a.id = r -> 'bank' ->> 'approvalId'
  CROSS JOIN LATERAL (
    SELECT coalesce(max(ev.at), a.created_at, e.created_at) AS at FROM escrow_events ev
    WHERE ev.escrow_id = m.escrow_id AND ev.type = 'refund.needs_bank' AND ev.data ->> 'refund_id' = r ->> 'id'
  ) since
  WHERE m.escrow_id = ${escrowId} AND r ->> 'status' = 'asked' AND (r -> 'needsBank' = 'true' OR r ? 'bank')
    AND NOT EXISTS (SELECT FROM bank_refunds b WHERE b.id = r ->> 'id')`;
