// Lines of the timeline that come after an escrow's end: its workflow has closed, so the database gives the numbers.
import type { Actor } from '../domain/escrow-state.ts';
import type { Tx } from './client.ts';
import { tellOfProjection } from './messages.ts';

export interface LateEvent {
  escrowId: string;
  type: string;
  milestoneId: string | null;
  data: Record<string, string | number | boolean | null>;
}

/** Appends under a lock of the escrow, which has ended: nobody else gives numbers any more. */
export async function appendEvent(tx: Tx, e: LateEvent): Promise<void> {
  await tx`SELECT FROM escrows WHERE id = ${e.escrowId} FOR UPDATE`;
  const actor: Actor = { kind: 'platform', id: null, role: null };
  const [row] = await tx<{ seq: number; at: Date }[]>`
    INSERT INTO escrow_events (escrow_id, seq, at, type, actor, milestone_id, data)
    SELECT ${e.escrowId}, coalesce(max(seq), 0) + 1, now(), ${e.type}, ${tx.json(actor as never)},
           ${e.milestoneId}, ${tx.json(e.data)}
    FROM escrow_events WHERE escrow_id = ${e.escrowId} RETURNING seq, at`;
  const { type, milestoneId, data } = e;
  await tellOfProjection(tx, e.escrowId, [{ seq: row!.seq, at: row!.at.getTime(), type, actor, milestoneId, data }]);
}
