// Whether the database already holds the end that Stripe tells of: then an event for a closed workflow has no work left.
import type { Sql } from '../../db/client.ts';

const ENDS: Readonly<Record<string, string>> = { succeeded: 'succeeded', failed: 'failed', canceled: 'canceled' };

export async function settledMovement(
  sql: Sql,
  stripeId: string,
  movementId: string | null,
  stripeStatus: string,
): Promise<boolean> {
  const end = ENDS[stripeStatus];
  if (end === undefined) return false;
  const found = await sql`
    SELECT 1 FROM movements
    WHERE (stripe_id = ${stripeId} OR id = ${movementId}) AND status = ${end} LIMIT 1`;
  return found.length > 0;
}
