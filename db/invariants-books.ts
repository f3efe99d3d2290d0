// Parts of invariants 6 and 8 that look at money beside Stripe: what the bank paid, and what an ended escrow may still hold.
import type { Tx } from './client.ts';

/**
 * Of 6: money that went through the bank has no Stripe object. Its intent is a refund that was paid by bank transfer (by two
 * of ops, after the escrow's end or while it runs), a repayment of a debt, or a payout of the platform's own, and each has one posting of just that amount. Columns: what, id,
 * stripe_id, balance_transaction.
 */
export const byBank = (tx: Tx) => tx`
  SELECT 'refund paid by bank without its posting' AS what, f.id, f.reference, NULL
  FROM failed_refunds f
  LEFT JOIN ledger_transactions t ON t.idempotency_key = 'refund_paid_by_bank:' || f.id || '_bank'
  LEFT JOIN ledger_entries e ON e.transaction_id = t.id AND e.account = 'bank'
  WHERE f.status = 'paid_by_bank' AND e.amount IS DISTINCT FROM -(f.principal + f.buyer_fee_returned)
  UNION ALL
  SELECT 'refund of a milestone paid by bank without its posting', r.id, r.reference, NULL
  FROM bank_refunds r
  LEFT JOIN ledger_transactions t ON t.idempotency_key = 'refund_paid_by_bank:' || r.id
  LEFT JOIN ledger_entries e ON e.transaction_id = t.id AND e.account = 'bank'
  WHERE e.amount IS DISTINCT FROM -r.settled_amount
  UNION ALL
  SELECT 'refund of a milestone paid by bank without its two people', r.id, r.reference, NULL
  FROM bank_refunds r JOIN approvals a ON a.id = r.approval_id
  WHERE a.approved_by IS NULL OR a.escrow_id IS DISTINCT FROM r.escrow_id
     OR a.params ->> 'milestone_id' IS DISTINCT FROM r.milestone_id OR a.params ->> 'reference' IS DISTINCT FROM r.reference
  UNION ALL
  SELECT 'repayment by bank without its posting', r.id, r.reference, NULL
  FROM debt_repayments r
  LEFT JOIN ledger_transactions t ON t.idempotency_key = 'debt_repaid:' || r.id
  LEFT JOIN ledger_entries e ON e.transaction_id = t.id AND e.account = 'bank'
  WHERE e.amount IS DISTINCT FROM r.amount
  UNION ALL
  SELECT 'money of the bank without what caused it', t.idempotency_key, NULL, NULL
  FROM ledger_entries e JOIN ledger_transactions t ON t.id = e.transaction_id
  WHERE e.account = 'bank' AND NOT CASE t.kind
    WHEN 'refund_paid_by_bank' THEN EXISTS (
      SELECT FROM failed_refunds f WHERE t.idempotency_key = 'refund_paid_by_bank:' || f.id || '_bank' AND f.status = 'paid_by_bank'
      UNION ALL
      SELECT FROM bank_refunds r WHERE t.idempotency_key = 'refund_paid_by_bank:' || r.id)
    WHEN 'debt_recovered' THEN EXISTS (SELECT FROM debt_repayments r WHERE t.idempotency_key = 'debt_repaid:' || r.id)
    -- Named by the payout that reconciliation found.
    ELSE t.kind IN ('payout_arrived', 'payout_returned') END`;

/**
 * Of 8: an escrow that the projection calls ended holds nothing and owes no seller anything, once its last posting is older
 * than `convergence`. A refund that came back from the bank is the buyer's, and stands in a row of its own.
 */
export async function endedHoldNothing(tx: Tx, convergence: string): Promise<object[]> {
  return tx`
    SELECT 'ended, and money is left' AS what, e.id AS escrow_id, e.status, l.account_class, l.amount
    FROM escrows e
    JOIN (
      SELECT l.escrow_id, l.account_class, -sum(l.amount)::bigint AS amount, max(t.created_at) AS posted_at
      FROM ledger_entries l JOIN ledger_transactions t ON t.id = l.transaction_id
      WHERE l.escrow_id IS NOT NULL AND l.account_class IN ('charge_clearing', 'held', 'fee_unearned', 'payable')
      GROUP BY l.escrow_id, l.account_class HAVING sum(l.amount) <> 0
    ) l ON l.escrow_id = e.id
    WHERE e.status IN ('completed', 'cancelled', 'expired') AND l.posted_at < now() - ${convergence}::interval
      AND NOT EXISTS (SELECT FROM failed_refunds f WHERE f.escrow_id = e.id AND f.status IN ('owed', 'trying'))
    LIMIT 100`;
}

/** Of 2: what the ledger says that sellers owe is what their open debts say, principal and costs apart. */
export const receivablesAreDebts = (tx: Tx) => tx`
  SELECT 'receivable and open debts differ' AS what, coalesce(b.account, d.account) AS account,
         coalesce(b.currency, d.currency) AS currency, coalesce(b.amount, 0) AS receivable, coalesce(d.open, 0) AS open_debts
  FROM (
    SELECT account, currency, amount FROM ledger_balances WHERE account_class IN ('receivable', 'costs_receivable')
  ) b
  FULL JOIN (
    SELECT 'seller:' || seller_id || CASE kind WHEN 'costs' THEN ':costs_receivable' ELSE ':receivable' END AS account,
           currency, sum(amount - recovered - written_off - cancelled)::bigint AS open
    FROM debts GROUP BY 1, 2
  ) d ON d.account = b.account AND d.currency = b.currency
  WHERE coalesce(b.amount, 0) <> coalesce(d.open, 0) LIMIT 100`;
