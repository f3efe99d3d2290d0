// Refunds of running escrows that the platform's bank paid, because Stripe cannot refund their payment's method any more.
import type { Tx } from './client.ts';

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
