// What the ledger says of the money of one charge: of each milestone that it paid for, and what could be taken back of it.
import type { MilestoneMoney } from '../domain/chargeback.ts';
import type { Queryable } from './client.ts';

/** What the ledger says of a milestone now. What its seller owes already is not theirs to give again. */
export async function moneyOfMilestone(sql: Queryable, m: { id: string; sellerId: string }): Promise<MilestoneMoney> {
  const [row] = await sql<{ held: bigint; unearned: bigint; payable: bigint; paid: bigint; earned: bigint }[]>`
    SELECT coalesce(-sum(amount) FILTER (WHERE account_class = 'held'), 0)::bigint AS held,
           coalesce(-sum(amount) FILTER (WHERE account_class = 'fee_unearned'), 0)::bigint AS unearned,
           coalesce(-sum(amount) FILTER (WHERE account_class = 'fee_revenue'), 0)::bigint AS earned,
           greatest(0, coalesce(-sum(amount) FILTER (WHERE account_class = 'payable'), 0))::bigint AS payable,
           greatest(0, - coalesce(sum(amount) FILTER (WHERE kind IN ('transfer', 'transfer_reversed', 'transferred_again')
                 AND account_class IN ('stripe_pending', 'stripe_available')), 0)
             + coalesce(sum(amount) FILTER (WHERE kind = 'debt_recovered' AND account_class = 'payable'), 0)
             - coalesce(sum(amount) FILTER (WHERE kind <> 'debt_recovered' AND account_class = 'receivable'), 0))::bigint AS paid
    FROM ledger_entries WHERE milestone_id = ${m.id}`;
  return {
    milestoneId: m.id,
    sellerId: m.sellerId,
    heldMinor: row!.held,
    feeUnearnedMinor: row!.unearned,
    payableMinor: row!.payable,
    paidMinor: row!.paid,
    feeEarnedMinor: row!.earned > 0n ? row!.earned : 0n,
  };
}

/** Of what was transferred for a milestone: not reversed yet, nor about to be. */
export async function reversibleOf(sql: Queryable, m: { id: string; sellerId: string }): Promise<bigint> {
  const [row] = await sql<{ total: bigint }[]>`
    SELECT coalesce(sum(t.amount - coalesce((
      SELECT sum(r.amount) FROM movements r WHERE r.reverses = t.id AND r.status NOT IN ('failed', 'canceled')), 0)), 0)::bigint AS total
    FROM movements t WHERE t.kind = 'transfer' AND t.status = 'succeeded' AND t.milestone_id = ${m.id} AND t.seller_id = ${m.sellerId}`;
  return row!.total;
}

/** A charge in two currencies: what the buyer paid, and what it brought. Disputed: Stripe knows a dispute of it. */
export async function chargeFacts(
  sql: Queryable,
  chargeId: string,
): Promise<{ chargedMinor: bigint; capturedMinor: bigint; disputed: boolean } | null> {
  const [row] = await sql<{ chargedMinor: bigint; capturedMinor: bigint; disputed: boolean }[]>`
    SELECT m.amount AS "chargedMinor", c.captured AS "capturedMinor",
           EXISTS (SELECT FROM disputes d WHERE d.kind = 'card' AND d.charge_id = c.charge_id) AS disputed
    FROM charge_funds c JOIN movements m ON m.id = c.payment_id WHERE c.charge_id = ${chargeId}`;
  return row ?? null;
}
