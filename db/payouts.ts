// Sellers' payouts as Stripe tells them, and what a failed one asks of the seller.
import type { PayoutFacts } from '../payments/port.ts';
import type { Queryable } from './client.ts';

export interface Payout {
  id: string;
  seller_id: string;
  amount: bigint;
  currency: string;
  status: string;
  failure_code: string | null;
  failure_text: string | null;
  arrives_at: Date;
  created_at: Date;
}

/** What Stripe says now replaces what it said before: the object was fetched again, so nothing is ordered by events. */
export async function storePayout(sql: Queryable, sellerId: string, p: PayoutFacts): Promise<void> {
  await sql`
    INSERT INTO payouts (id, seller_id, amount, currency, status, failure_code, failure_text, arrives_at, created_at)
    VALUES (${p.id}, ${sellerId}, ${p.amountMinor}, ${p.currency}, ${p.status}, ${p.failureCode}, ${p.failureMessage},
            ${new Date(p.arrivesAt)}, ${new Date(p.createdAt)})
    ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status, failure_code = EXCLUDED.failure_code,
      failure_text = EXCLUDED.failure_text, arrives_at = EXCLUDED.arrives_at, updated_at = now()`;
}

/** Newest first; of one seller, or of all for staff. */
export async function listPayouts(
  sql: Queryable,
  sellerId: string | null,
  page: { startingAfter?: string | undefined; status?: string | undefined; limit: number },
): Promise<Payout[]> {
  return sql<Payout[]>`
    SELECT * FROM payouts p
    WHERE (${sellerId}::text IS NULL OR p.seller_id = ${sellerId})
      AND (${page.status ?? null}::text IS NULL OR p.status = ${page.status ?? null})
      AND (${page.startingAfter ?? null}::text IS NULL
           OR (p.created_at, p.id) < (SELECT a.created_at, a.id FROM payouts a WHERE a.id = ${page.startingAfter ?? null}))
    ORDER BY p.created_at DESC, p.id DESC LIMIT ${page.limit + 1}`;
}

export async function findPayout(sql: Queryable, sellerId: string, id: string): Promise<Payout | null> {
  const [row] = await sql<Payout[]>`SELECT * FROM payouts WHERE id = ${id} AND seller_id = ${sellerId}`;
  return row ?? null;
}

/** What the seller does next, in words; null while nothing is wrong. */
export function payoutAdvice(p: Pick<Payout, 'status' | 'failure_code'>): string | null {
  if (p.status !== 'failed') return null;
  switch (p.failure_code) {
    case 'account_closed':
    case 'bank_account_restricted':
    case 'no_account':
    case 'invalid_account_number':
      return 'The bank refused this account. Give Stripe another bank account (your verification link opens it); the money is back in your Stripe balance and goes out with the next payout.';
    case 'insufficient_funds':
      return 'Your Stripe balance was short, for example after a refund. The next payout takes what is there.';
    default:
      return 'The bank sent the payout back. Check your bank details with Stripe; the money is back in your Stripe balance and goes out with the next payout.';
  }
}
