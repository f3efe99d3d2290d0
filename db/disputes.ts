// Reading in-product disputes: each stands in its milestone's projected state, its messages in the escrow's timeline.
import type { DisputeStatus, MilestoneState } from '../domain/escrow-state.ts';
import type { Queryable } from './client.ts';
import { type EscrowRecord, findEscrow, type Listed, seesEverything, type Viewer } from './escrows.ts';

export interface DisputeMessage {
  seq: number;
  at: Date;
  type: string;
  actor: { kind: string; id: string | null; role: string | null };
  actor_name: string | null;
  data: Record<string, string | number | boolean | null>;
}

export interface DisputeRecord {
  escrow: EscrowRecord;
  /** Its dispute is there. */
  milestone: MilestoneState;
  messages: DisputeMessage[];
}

interface Place {
  escrow_id: string;
  milestone_id: string;
  dispute_id: string;
}

/** Null when there is none, and when its escrow is not the viewer's. */
export async function findDispute(sql: Queryable, viewer: Viewer, disputeId: string): Promise<DisputeRecord | null> {
  const [place] = await sql<Place[]>`
    SELECT m.escrow_id, m.id AS milestone_id, m.state -> 'dispute' ->> 'id' AS dispute_id
    FROM milestones m WHERE m.state -> 'dispute' ->> 'id' = ${disputeId}`;
  return place ? ((await recordsOf(sql, viewer, [place]))[0] ?? null) : null;
}

/** The dispute over one milestone. */
export async function disputeOver(sql: Queryable, viewer: Viewer, milestoneId: string): Promise<DisputeRecord | null> {
  const [place] = await sql<Place[]>`
    SELECT m.escrow_id, m.id AS milestone_id, m.state -> 'dispute' ->> 'id' AS dispute_id
    FROM milestones m WHERE m.id = ${milestoneId} AND m.state -> 'dispute' ->> 'id' IS NOT NULL`;
  return place ? ((await recordsOf(sql, viewer, [place]))[0] ?? null) : null;
}

export interface DisputeFilter {
  escrowId?: string | undefined;
  status?: DisputeStatus | undefined;
  startingAfter?: string | undefined;
  limit: number;
}

/** Newest first. */
export async function listDisputes(
  sql: Queryable,
  viewer: Viewer,
  filter: DisputeFilter,
): Promise<Listed<DisputeRecord>> {
  const always = sql`true`;
  const id = sql`m.state -> 'dispute' ->> 'id'`;
  const mine = seesEverything(viewer)
    ? always
    : sql`EXISTS (SELECT FROM escrow_parties ep WHERE ep.person_id = ${viewer.id} AND ep.escrow_id = m.escrow_id)`;
  const rows = await sql<Place[]>`
    SELECT m.escrow_id, m.id AS milestone_id, ${id} AS dispute_id FROM milestones m
    JOIN escrows e ON e.id = m.escrow_id AND e.entity_id = ${viewer.entityId}
    WHERE ${id} IS NOT NULL AND ${mine}
      AND ${filter.escrowId === undefined ? always : sql`m.escrow_id = ${filter.escrowId}`}
      AND ${filter.status === undefined ? always : sql`m.state -> 'dispute' ->> 'status' = ${filter.status}`}
      AND ${filter.startingAfter === undefined ? always : sql`${id} < ${filter.startingAfter}`}
    ORDER BY ${id} DESC LIMIT ${filter.limit + 1}`;
  const data = await recordsOf(sql, viewer, rows.slice(0, filter.limit));
  return { data, hasMore: rows.length > filter.limit };
}

async function recordsOf(sql: Queryable, viewer: Viewer, places: readonly Place[]): Promise<DisputeRecord[]> {
  const escrows = new Map<string, EscrowRecord | null>();
  for (const id of new Set(places.map((p) => p.escrow_id))) escrows.set(id, await findEscrow(sql, viewer, id));
  const said = await messagesOf(sql, places);
  return places.flatMap((p): DisputeRecord[] => {
    const escrow = escrows.get(p.escrow_id);
    const milestone = escrow?.state.milestones.find((m) => m.id === p.milestone_id);
    if (!escrow || !milestone?.dispute) return [];
    return [{ escrow, milestone, messages: said.filter((s) => s.data['dispute_id'] === p.dispute_id) }];
  });
}

async function messagesOf(sql: Queryable, places: readonly Place[]): Promise<DisputeMessage[]> {
  return sql<DisputeMessage[]>`
    SELECT ev.seq, ev.at, ev.type, ev.actor, p.name AS actor_name, ev.data
    FROM escrow_events ev LEFT JOIN people p ON p.id = ev.actor ->> 'id'
    WHERE ev.escrow_id IN ${sql(['', ...places.map((p) => p.escrow_id)])} AND ev.type LIKE 'dispute.%'
    ORDER BY ev.escrow_id, ev.seq`;
}

/** True where the milestone's last dispute is this one. */
export async function isDisputeOf(sql: Queryable, milestoneId: string, disputeId: string): Promise<boolean> {
  const rows = await sql`
    SELECT FROM milestones WHERE id = ${milestoneId} AND state -> 'dispute' ->> 'id' = ${disputeId}`;
  return rows.length === 1;
}
