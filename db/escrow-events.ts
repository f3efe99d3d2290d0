// Lines of the timeline that come after an escrow's end: its workflow has closed, so the database gives the numbers.
import type { Tx } from './client.ts';

export interface LateEvent {
  escrowId: string;
  type: string;
  milestoneId: string | null;
  data: Record<string, string | number | boolean | null>;
}

/** Appends under a lock of the escrow, which has ended: nobody else gives numbers any more. */
export async function appendEvent(tx: Tx, e: LateEvent): Promise<void> {
  await tx`SELECT FROM escrows WHERE id = ${e.escrowId} FOR UPDATE`;
  await tx`
    INSERT INTO escrow_events (escrow_id, seq, at, type, actor, milestone_id, data)
    SELECT ${e.escrowId}, coalesce(max(seq), 0) + 1, now(), ${e.type}, ${tx.json({ kind: 'platform', id: null, role: null })},
           ${e.milestoneId}, ${tx.json(e.data)}
    FROM escrow_events WHERE escrow_id = ${e.escrowId}`;
}
