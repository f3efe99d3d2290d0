// Statements: what happened between the platform and one person, as lines that sum to a balance.
import { bankPayments } from './bank-refunds.ts';
import type { Queryable } from './client.ts';

export interface Period {
  /** Inclusive and exclusive. */
  from: Date;
  to: Date;
}

export interface SellerLine {
  at: Date;
  kind: string;
  escrow_id: string | null;
  escrow_title: string | null;
  milestone_title: string | null;
  currency: string;
  /** Signed: plus is owed to the seller, minus went to them or is owed by them. */
  amount: bigint;
  /** After this line: what the platform owes the seller; below zero the seller owes the platform. */
  balance: bigint;
  stripe_id: string | null;
}

/**
 * The ledger's accounts of one seller (payable, on hold, less what they owe) as a running balance, oldest first. The balance
 * counts from the beginning, whatever the period.
 */
export async function sellerStatement(sql: Queryable, sellerId: string, period: Period): Promise<SellerLine[]> {
  const accounts = ['payable', 'on_hold', 'receivable', 'costs_receivable'].map((kind) => `seller:${sellerId}:${kind}`);
  return sql<SellerLine[]>`
    SELECT * FROM (
      SELECT l.*, sum(l.amount) OVER (PARTITION BY l.currency ORDER BY l.at, l.id)::bigint AS balance FROM (
        SELECT t.id, t.created_at AS at, t.kind, e.escrow_id, es.title AS escrow_title,
               min(m.state ->> 'title') AS milestone_title, e.currency, (-sum(e.amount))::bigint AS amount,
               t.stripe_balance_transaction_id AS stripe_id
        FROM ledger_entries e JOIN ledger_transactions t ON t.id = e.transaction_id
        LEFT JOIN escrows es ON es.id = e.escrow_id LEFT JOIN milestones m ON m.id = e.milestone_id
        WHERE e.account IN ${sql(accounts)}
        GROUP BY t.id, t.created_at, t.kind, e.escrow_id, es.title, e.currency, t.stripe_balance_transaction_id
        HAVING sum(e.amount) <> 0
      ) l
    ) s
    WHERE s.at >= ${period.from} AND s.at < ${period.to} ORDER BY s.at, s.id`;
}

export interface BuyerLine {
  at: Date;
  kind: 'payment' | 'refund' | 'chargeback';
  id: string;
  escrow_id: string;
  escrow_title: string;
  currency: string;
  /** Signed: minus was paid, plus came back. */
  amount: bigint;
  stripe_id: string | null;
  /** Of a bank transfer, where Stripe could not refund. */
  bank_reference: string | null;
}

/** What a buyer paid and got back, oldest first. */
export async function buyerStatement(sql: Queryable, buyerId: string, period: Period): Promise<BuyerLine[]> {
  return sql<BuyerLine[]>`
    SELECT x.updated_at AS at, x.kind, x.id, x.escrow_id, e.title AS escrow_title, x.currency,
           CASE x.kind WHEN 'payment' THEN -x.amount ELSE x.amount END AS amount, coalesce(x.stripe_charge_id, x.stripe_id) AS stripe_id,
           NULL AS bank_reference
    FROM movements x JOIN escrows e ON e.id = x.escrow_id
    WHERE e.buyer_id = ${buyerId} AND x.kind IN ('payment', 'refund') AND x.status = 'succeeded'
      AND x.updated_at >= ${period.from} AND x.updated_at < ${period.to}
    UNION ALL
    SELECT p.at, 'refund', p.id, p.escrow_id, e.title, p.currency, p.amount, NULL, p.reference
    FROM (${bankPayments(sql)}) p JOIN escrows e ON e.id = p.escrow_id
    WHERE e.buyer_id = ${buyerId} AND p.at >= ${period.from} AND p.at < ${period.to}
    UNION ALL
    SELECT d.updated_at, 'chargeback', d.id, d.escrow_id, e.title, d.currency, d.amount, d.stripe_dispute_id, NULL
    FROM disputes d JOIN escrows e ON e.id = d.escrow_id
    WHERE e.buyer_id = ${buyerId} AND d.kind = 'card' AND d.status = 'lost'
      AND d.updated_at >= ${period.from} AND d.updated_at < ${period.to}
    ORDER BY at, id`;
}

/** A refund's principal or the whole of a payment, as its receipt shows it. */
export interface ReceiptRow {
  id: string;
  kind: 'payment' | 'refund';
  amount: bigint;
  currency: string;
  status: string;
  stripe_charge_id: string | null;
  stripe_id: string | null;
  created_at: Date;
  updated_at: Date;
  reason: string | null;
}

/** A payment and every refund of it. Whose escrow it is was asked before. */
export async function receiptRows(sql: Queryable, escrowId: string, paymentId: string): Promise<ReceiptRow[]> {
  return sql<ReceiptRow[]>`
    SELECT id, kind, amount, currency, status, stripe_charge_id, stripe_id, created_at, updated_at, reason FROM movements
    WHERE escrow_id = ${escrowId} AND (id = ${paymentId} OR (kind = 'refund' AND payment_id = ${paymentId}))
    UNION ALL
    SELECT id, 'refund', amount, currency, 'succeeded', charge_id, NULL, at, at, 'by bank transfer: ' || reference
    FROM (${bankPayments(sql)}) p WHERE escrow_id = ${escrowId} AND payment_id = ${paymentId}
    ORDER BY kind, created_at, id`;
}
