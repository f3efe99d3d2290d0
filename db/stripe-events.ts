// The inbox of Stripe's events: stored as they came, listed for ops, replayed. What is due is claimed in inbox-queue.ts.
import type { Queryable, Sql } from './client.ts';

export const EVENT_STATES = ['received', 'done', 'ignored', 'parked', 'quarantined'] as const;
export type EventState = (typeof EVENT_STATES)[number];

export interface StripeEventRow {
  id: string;
  type: string;
  object_id: string | null;
  account: string | null;
  livemode: boolean;
  api_version: string | null;
  state: EventState;
  attempts: number;
  next_try_at: Date;
  error: string | null;
  escrow_id: string | null;
  received_at: Date;
  done_at: Date | null;
}

const columns = (sql: Queryable) =>
  sql`id, type, object_id, account, livemode, api_version, state, attempts, next_try_at, error, escrow_id, received_at, done_at`;

/** Newest first. */
export async function listStripeEvents(
  sql: Sql,
  options: { state?: EventState | undefined; startingAfter?: string | undefined; limit: number },
): Promise<StripeEventRow[]> {
  return sql<StripeEventRow[]>`
    SELECT ${columns(sql)} FROM stripe_events
    WHERE ${options.state === undefined ? sql`true` : sql`state = ${options.state}`}
      AND ${
        options.startingAfter === undefined
          ? sql`true`
          : sql`(received_at, id) < (SELECT received_at, id FROM stripe_events WHERE id = ${options.startingAfter})`
      }
    ORDER BY received_at DESC, id DESC LIMIT ${options.limit}`;
}

export async function findStripeEvent(sql: Queryable, id: string): Promise<StripeEventRow | null> {
  const [row] = await sql<StripeEventRow[]>`SELECT ${columns(sql)} FROM stripe_events WHERE id = ${id}`;
  return row ?? null;
}

/**
 * Puts an event back into the queue, now. Null for one of the wrong mode: it is never run. One that was quarantined for its
 * account is judged again; for its version, a person has looked.
 */
export async function replayStripeEvent(sql: Sql, id: string, live: boolean): Promise<StripeEventRow | null> {
  return sql.begin(async (tx) => {
    const [row] = await tx<StripeEventRow[]>`
      UPDATE stripe_events SET state = 'received', next_try_at = now(), attempts = 0, error = NULL, done_at = NULL
      WHERE id = ${id} AND livemode = ${live} RETURNING ${columns(tx)}`;
    if (!row) return null;
    await tx`SELECT pg_notify('stripe_events', '')`;
    return row;
  });
}
