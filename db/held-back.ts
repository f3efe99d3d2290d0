// What was taken back of released money while a dispute is open: on hold until the bank has decided.
import type { CardDispute } from './card-disputes.ts';
import type { Queryable } from './client.ts';

export interface HeldBack {
  milestoneId: string;
  sellerId: string;
  recoveryId: string;
  /** On hold now: reversed, less what was paid again. */
  minor: bigint;
}

/** One for each milestone and round of the dispute: its reversals, and the transfer that pays again. */
export const heldBackId = (disputeId: string, milestoneId: string, round: number): string =>
  `${disputeId}_${milestoneId}_h${round}`;

/** Read while nothing of it is under way. */
export async function heldBackOf(sql: Queryable, dispute: Pick<CardDispute, 'id' | 'escrow_id'>): Promise<HeldBack[]> {
  return sql<HeldBack[]>`
    SELECT milestone_id AS "milestoneId", seller_id AS "sellerId", recovery_id AS "recoveryId",
           sum(CASE kind WHEN 'reversal' THEN amount ELSE -amount END)::bigint AS minor
    FROM movements
    WHERE escrow_id = ${dispute.escrow_id} AND starts_with(recovery_id, ${`${dispute.id}_`}) AND recovery_id ~ '_h[0-9]+$'
      AND CASE kind WHEN 'reversal' THEN status = 'succeeded' ELSE status NOT IN ('failed', 'canceled') END
    GROUP BY 1, 2, 3 HAVING sum(CASE kind WHEN 'reversal' THEN amount ELSE -amount END) > 0 ORDER BY 3`;
}
