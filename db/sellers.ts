// Sellers' Stripe accounts, and the platform's fee schedules.
import type { FeeSchedule } from '../domain/fees.ts';
import type { Queryable } from './client.ts';

export type Transfers = 'active' | 'pending' | 'inactive';

export interface Seller {
  id: string;
  email: string;
  name: string;
  stripeAccountId: string;
  country: string;
  transfers: Transfers;
  status: string;
  requirements: string[];
  createdAt: Date;
}

interface SellerRow {
  id: string;
  email: string;
  name: string;
  stripe_account_id: string;
  country: string;
  transfers: Transfers;
  status: string;
  requirements: string[];
  created_at: Date;
}

const statusOf = (transfers: Transfers): string => (transfers === 'active' ? 'active' : 'onboarding');

/** Safe to repeat: the first account stays. */
export async function insertSeller(
  sql: Queryable,
  seller: { id: string; stripeAccountId: string; country: string; transfers: Transfers; requirements: string[] },
): Promise<void> {
  await sql`
    INSERT INTO sellers (id, stripe_account_id, country, transfers, status, requirements)
    VALUES (${seller.id}, ${seller.stripeAccountId}, ${seller.country}, ${seller.transfers}, ${statusOf(seller.transfers)},
            ${sql.json(seller.requirements)})
    ON CONFLICT (id) DO NOTHING`;
}

export async function findSeller(sql: Queryable, id: string): Promise<Seller | null> {
  const [row] = await sql<SellerRow[]>`
    SELECT s.id, p.email, p.name, s.stripe_account_id, s.country, s.transfers, s.status, s.requirements, s.created_at
    FROM sellers s JOIN people p ON p.id = s.id WHERE s.id = ${id}`;
  if (!row) return null;
  const { stripe_account_id: stripeAccountId, created_at: createdAt, ...rest } = row;
  return { ...rest, stripeAccountId, createdAt };
}

/** What Stripe says of the account now. A seller who was active and is not any more is restricted, not new. */
export async function updateSellerCapability(
  sql: Queryable,
  id: string,
  transfers: Transfers,
  requirements: readonly string[],
): Promise<void> {
  await sql`
    UPDATE sellers SET transfers = ${transfers}, requirements = ${sql.json([...requirements])}, updated_at = now(),
      status = CASE WHEN ${transfers} = 'active' THEN 'active' WHEN status = 'active' THEN 'restricted' ELSE status END
    WHERE id = ${id}`;
}

/** The first acceptance for a seller starts the delay of their first release. Of several at once all wait by the same moment. */
export async function noteFirstAcceptance(sql: Queryable, id: string): Promise<void> {
  await sql`UPDATE sellers SET first_accepted_at = now() WHERE id = ${id} AND first_accepted_at IS NULL`;
}

/**
 * Until when a first release to this seller waits, ms; null: none does, because they were paid before or its time has passed.
 * A transfer that was reserved before goes on: what became of it at Stripe may not be known.
 */
export async function firstReleaseWaitsUntil(sql: Queryable, id: string, delayMs: number, transferId: string | null = null): Promise<number | null> {
  if (delayMs === 0) return null;
  const [row] = await sql<{ until: Date }[]>`
    WITH wait AS (
      SELECT id, coalesce(first_accepted_at, now()) + make_interval(secs => ${delayMs / 1000}) AS until FROM sellers WHERE id = ${id}
    )
    SELECT until FROM wait WHERE until > now() AND NOT EXISTS (
      SELECT FROM movements m WHERE m.seller_id = wait.id AND m.kind = 'transfer' AND (m.status = 'succeeded' OR m.id = ${transferId}))`;
  return row === undefined ? null : row.until.getTime() + 1;
} // prettier-ignore

export interface SellerBalance {
  currency: string;
  payable: bigint;
  onHold: bigint;
  debt: bigint;
}

/** What the ledger says of one seller, per currency: accepted and on its way, held back, and owed to the platform. */
export async function sellerBalances(sql: Queryable, id: string): Promise<SellerBalance[]> {
  return sql<SellerBalance[]>`
    SELECT currency,
      coalesce(-sum(amount) FILTER (WHERE account_class = 'payable'), 0)::bigint AS payable,
      coalesce(-sum(amount) FILTER (WHERE account_class = 'on_hold'), 0)::bigint AS "onHold",
      coalesce(sum(amount) FILTER (WHERE account_class IN ('receivable', 'costs_receivable')), 0)::bigint AS debt
    FROM ledger_balances
    WHERE account IN ${sql(['payable', 'on_hold', 'receivable', 'costs_receivable'].map((kind) => `seller:${id}:${kind}`))}
    GROUP BY currency ORDER BY currency`;
}

/** What is held for the seller's milestones that nobody has accepted yet, and what was transferred and not reversed, per currency. */
export async function sellerTotals(
  sql: Queryable,
  id: string,
): Promise<{ currency: string; held: bigint; transferred: bigint }[]> {
  return sql<{ currency: string; held: bigint; transferred: bigint }[]>`
    SELECT currency,
      coalesce(-sum(amount) FILTER (WHERE account_class = 'held'), 0)::bigint AS held,
      coalesce(sum(amount) FILTER (WHERE (account_class, kind) IN (('payable', 'transfer'), ('on_hold', 'transfer_reversed'), ('on_hold', 'transferred_again'))), 0)::bigint AS transferred
    FROM ledger_entries WHERE seller_id = ${id} GROUP BY currency ORDER BY currency`;
}

/** The row in force now; a row of this very currency goes before the one for all. */
export async function feeScheduleFor(
  sql: Queryable,
  entityId: string,
  vertical: string,
  currency: string,
  now: Date,
): Promise<FeeSchedule | null> {
  const [row] = await sql<{ id: string; vertical: string; rate_bps: number; floor_minor: bigint }[]>`
    SELECT id, vertical, rate_bps, floor_minor FROM fee_schedules
    WHERE entity_id = ${entityId} AND vertical = ${vertical} AND (currency = ${currency} OR currency IS NULL)
      AND effective_from <= ${now} AND (effective_to IS NULL OR effective_to > ${now})
    ORDER BY currency IS NULL, effective_from DESC LIMIT 1`;
  return row ? { id: row.id, vertical: row.vertical, rateBps: row.rate_bps, floor: Number(row.floor_minor) } : null;
}

export async function verticals(sql: Queryable, entityId: string): Promise<string[]> {
  const rows = await sql<{ vertical: string }[]>`
    SELECT DISTINCT vertical FROM fee_schedules WHERE entity_id = ${entityId} ORDER BY vertical`;
  return rows.map((row) => row.vertical);
}

/** The seller of a connected account; null where it is none of ours. */
export async function findSellerByAccount(sql: Queryable, stripeAccountId: string): Promise<Seller | null> {
  const [row] = await sql<{ id: string }[]>`SELECT id FROM sellers WHERE stripe_account_id = ${stripeAccountId}`;
  return row ? findSeller(sql, row.id) : null;
}
