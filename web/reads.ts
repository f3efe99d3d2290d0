// What only pages read: the escrow of a payment, ops' alerts, frozen escrows, how full the event inbox is.
import type { Sql } from '../db/client.ts';
import type { Viewer } from '../db/escrows.ts';
import type { EventState } from '../db/stripe-events.ts';

/** Whose it is, is asked when the escrow is read. */
export async function escrowOfPayment(sql: Sql, paymentId: string): Promise<string | null> {
  const [row] = await sql<{ escrow_id: string }[]>`
    SELECT escrow_id FROM movements WHERE id = ${paymentId} AND kind = 'payment'`;
  return row?.escrow_id ?? null;
}

export interface Alert {
  id: bigint;
  kind: string;
  escrow_id: string | null;
  detail: Record<string, unknown>;
  created_at: Date;
}

/** Oldest first: what waits longest comes first. */
export async function openAlerts(sql: Sql, limit: number): Promise<Alert[]> {
  return sql<Alert[]>`
    SELECT id, kind, escrow_id, detail, created_at FROM alerts WHERE resolved_at IS NULL ORDER BY created_at LIMIT ${limit}`;
}

export interface FrozenEscrow {
  id: string;
  title: string;
  frozen: { reason: string; scope: string; subject: string; detail: string; since: number }[];
}

/** What still lives and stands still, the longest first. */
export async function frozenEscrows(sql: Sql, viewer: Viewer, limit: number): Promise<FrozenEscrow[]> {
  return sql<FrozenEscrow[]>`
    SELECT id, title, state -> 'frozen' AS frozen FROM escrows
    WHERE entity_id = ${viewer.entityId} AND jsonb_array_length(state -> 'frozen') > 0
      AND status NOT IN ('completed', 'cancelled', 'expired')
    ORDER BY state -> 'frozen' -> 0 -> 'since' LIMIT ${limit}`;
}

export interface EventCount {
  state: EventState;
  count: number;
  oldest: Date;
}

export async function eventCounts(sql: Sql): Promise<EventCount[]> {
  return sql<EventCount[]>`
    SELECT state, count(*)::int AS count, min(received_at) AS oldest FROM stripe_events GROUP BY state ORDER BY state`;
}

/** The escrow to which an id belongs: its own, a milestone's, a movement's or one of Stripe's. Ops only. */
export async function escrowOfAnyId(sql: Sql, id: string): Promise<string | null> {
  const [row] = await sql<{ escrow_id: string }[]>`
    SELECT id AS escrow_id FROM escrows WHERE id = ${id} OR external_id = ${id}
    UNION ALL SELECT escrow_id FROM milestones WHERE id = ${id}
    UNION ALL SELECT escrow_id FROM movements WHERE id = ${id} OR stripe_id = ${id} OR stripe_charge_id = ${id}
    UNION ALL SELECT escrow_id FROM stripe_events WHERE id = ${id} AND escrow_id IS NOT NULL
    LIMIT 1`;
  return row?.escrow_id ?? null;
}

/** Name of each person, by id. */
export type Names = ReadonlyMap<string, string>;

/** Of those among the values that are people. */
export async function namesOf(sql: Sql, values: readonly unknown[]): Promise<Names> {
  const ids = [...new Set(values.filter((value) => typeof value === 'string'))];
  const rows = await sql<{ id: string; name: string }[]>`SELECT id, name FROM people WHERE id IN ${sql(['', ...ids])}`;
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** The escrow of each transfer, by its id at Stripe. */
export async function escrowsOfTransfers(
  sql: Sql,
  transferIds: readonly string[],
): Promise<ReadonlyMap<string, { id: string; title: string }>> {
  const rows = await sql<{ stripe_id: string; id: string; title: string }[]>`
    SELECT x.stripe_id, e.id, e.title FROM movements x JOIN escrows e ON e.id = x.escrow_id
    WHERE x.kind = 'transfer' AND x.stripe_id IN ${sql(['', ...transferIds])}`;
  return new Map(rows.map(({ stripe_id: transfer, id, title }) => [transfer, { id, title }]));
}
