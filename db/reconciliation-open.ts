// What reconciliation asks of our books beside Stripe's lists: what is still open, and what sellers should have.
import type { Queryable } from './client.ts';

export interface OpenMovement {
  id: string;
  kind: 'payment' | 'refund';
  status: string;
  escrow_id: string;
  amount: bigint;
  stripe_id: string;
  created_at: Date;
}

/** Payments and refunds that Stripe knows and that have not ended, by id. */
export async function openMovements(sql: Queryable, after: string, limit: number): Promise<OpenMovement[]> {
  return sql<OpenMovement[]>`
    SELECT id, kind, status, escrow_id, amount, stripe_id, created_at FROM movements
    WHERE kind IN ('payment', 'refund') AND stripe_id IS NOT NULL AND id > ${after}
      AND status IN ('reserved', 'requires_payment_method', 'requires_action', 'processing', 'pending')
    ORDER BY id LIMIT ${limit}`;
}

export async function paymentOf(sql: Queryable, intentId: string): Promise<OpenMovement | null> {
  const [row] = await sql<OpenMovement[]>`
    SELECT id, kind, status, escrow_id, amount, stripe_id, created_at FROM movements
    WHERE kind = 'payment' AND stripe_id = ${intentId}`;
  return row ?? null;
}

/** Card disputes from before `before` that Stripe has not closed, as far as we know, by id. */
export async function openDisputes(
  sql: Queryable,
  before: Date,
  after: string,
  limit: number,
): Promise<{ id: string; stripe_dispute_id: string }[]> {
  return sql<{ id: string; stripe_dispute_id: string }[]>`
    SELECT id, stripe_dispute_id FROM disputes
    WHERE kind = 'card' AND status NOT IN ('won', 'lost', 'warning_closed', 'prevented') AND created_at < ${before}
      AND id > ${after} ORDER BY id LIMIT ${limit}`;
}

export interface SellerAccount {
  id: string;
  account: string;
}

/** Sellers whose money moved since, or whose payouts are on their way, by id. */
export async function sellersOf(sql: Queryable, since: Date, after: string, limit: number): Promise<SellerAccount[]> {
  return sql<SellerAccount[]>`
    SELECT s.id, s.stripe_account_id AS account FROM sellers s
    WHERE s.id > ${after} AND s.status <> 'disconnected' AND (
      EXISTS (SELECT FROM movements m WHERE m.seller_id = s.id AND m.kind IN ('transfer', 'reversal') AND m.updated_at >= ${since})
      OR EXISTS (SELECT FROM payouts p WHERE p.seller_id = s.id AND (p.updated_at >= ${since} OR p.status IN ('pending', 'in_transit'))))
    ORDER BY s.id LIMIT ${limit}`;
}

/** Status of each payout that our memo has. */
export async function payoutsKnown(sql: Queryable, ids: readonly string[]): Promise<Map<string, string>> {
  const rows = await sql<{ id: string; status: string }[]>`SELECT id, status FROM payouts WHERE id = ANY (${[...ids]})`;
  return new Map(rows.map((row) => [row.id, row.status]));
}

/** Transferred − reversed − paid out, per currency: what a seller's balance should hold. */
export async function expectedAtSeller(sql: Queryable, sellerId: string): Promise<Map<string, bigint>> {
  const rows = await sql<{ currency: string; expected: bigint }[]>`
    SELECT currency, sum(amount)::bigint AS expected FROM (
      SELECT coalesce(settlement_currency, currency) AS currency,
             CASE kind WHEN 'transfer' THEN coalesce(settled_amount, amount) ELSE -coalesce(settled_amount, amount) END AS amount
      FROM movements WHERE seller_id = ${sellerId} AND kind IN ('transfer', 'reversal') AND status = 'succeeded'
      UNION ALL
      SELECT currency, -amount FROM payouts WHERE seller_id = ${sellerId} AND status NOT IN ('failed', 'canceled')
    ) moved GROUP BY currency`;
  return new Map(rows.map((row) => [row.currency, row.expected]));
}
