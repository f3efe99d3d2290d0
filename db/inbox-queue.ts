// The inbox `stripe_events` as a queue: claimed by a lease, finished, tried again later, or parked with an alert for ops.
import type { AlertKind } from '../domain/alerts.ts';
import type { Queryable, Sql, Tx } from './client.ts';
import { raiseAlert } from './movements.ts';

export interface InboxEvent {
  id: string;
  type: string;
  object_id: string | null;
  account: string | null;
  body: string;
  /** This try counted: above 1, an earlier one failed or died. */
  attempts: number;
}

/** An event to be stored, as Stripe lists it. */
export interface NewEvent {
  id: string;
  type: string;
  objectId: string | null;
  account: string | null;
  livemode: boolean;
  apiVersion: string | null;
  body: string;
  /** Why it is kept apart and not run. */
  quarantined?: string | undefined;
}

/**
 * Takes due events for `leaseMs`: a worker that dies gives them back by the lease's end, without an open transaction that
 * would span calls to Stripe. The try is counted now, so that an event that kills its worker is parked in the end too.
 */
export async function claimDue(sql: Queryable, limit: number, leaseMs: number): Promise<InboxEvent[]> {
  return sql<InboxEvent[]>`
    UPDATE stripe_events e
    SET attempts = e.attempts + 1, next_try_at = now() + ${`${leaseMs} milliseconds`}::interval
    FROM (
      SELECT id FROM stripe_events
      WHERE state = 'received' AND next_try_at <= now()
      ORDER BY next_try_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
    ) due
    WHERE e.id = due.id
    RETURNING e.id, e.type, e.object_id, e.account, e.body, e.attempts`;
}

/** Ends an event. Whoever is second (its lease had run out) changes nothing. */
export async function finish(
  sql: Queryable,
  id: string,
  state: 'done' | 'ignored',
  escrowId: string | null,
  note: string | null = null,
): Promise<void> {
  await sql`
    UPDATE stripe_events SET state = ${state}, escrow_id = ${escrowId}, error = ${note}, done_at = now()
    WHERE id = ${id} AND state = 'received'`;
}

/** Gives a claimed event back for later. A claim made since then is left alone: it has counted on. */
export async function tryLater(sql: Queryable, event: InboxEvent, delayMs: number, error: string): Promise<void> {
  await sql`
    UPDATE stripe_events SET next_try_at = now() + ${`${delayMs} milliseconds`}::interval, error = ${error}
    WHERE id = ${event.id} AND state = 'received' AND attempts = ${event.attempts}`;
}

/** Gives a claimed event back unharmed, as if it had not been claimed: the worker is stopping. */
export async function unclaim(sql: Queryable, event: InboxEvent): Promise<void> {
  await sql`
    UPDATE stripe_events SET next_try_at = now(), attempts = attempts - 1
    WHERE id = ${event.id} AND state = 'received' AND attempts = ${event.attempts}`;
}

export interface Parking {
  /** The alert's kind. */
  kind: AlertKind;
  reason: string;
  escrowId: string | null;
  /** Milliseconds after which `reviveParked` tries once more; absent: only a person does. */
  reviveAfterMs?: number | undefined;
}

/** Parks an event and tells ops, together. */
export async function park(sql: Sql, event: InboxEvent, parking: Parking): Promise<void> {
  await sql.begin(async (tx) => {
    const revive = parking.reviveAfterMs === undefined ? null : `${parking.reviveAfterMs} milliseconds`;
    const parked = await tx`
      UPDATE stripe_events
      SET state = 'parked', error = ${parking.reason}, escrow_id = ${parking.escrowId},
          next_try_at = coalesce(now() + ${revive}::interval, 'infinity')
      WHERE id = ${event.id} AND state = 'received' AND attempts = ${event.attempts}`;
    if (parked.count === 0) return;
    await raiseAlert(tx, {
      kind: parking.kind,
      key: `stripe_event:${event.id}`,
      escrowId: parking.escrowId,
      detail: { event_id: event.id, type: event.type, object_id: event.object_id, reason: parking.reason },
    });
  });
}

/** Keeps an event apart for good, and tells ops once about where such events come from. */
export async function quarantine(
  sql: Sql,
  event: InboxEvent,
  { kind, reason, of }: { kind: string; reason: string; of: string },
): Promise<void> {
  await sql.begin(async (tx) => {
    const kept = await tx`
      UPDATE stripe_events SET state = 'quarantined', error = ${reason}, done_at = now()
      WHERE id = ${event.id} AND state = 'received' AND attempts = ${event.attempts}`;
    if (kept.count === 0) return;
    await alertQuarantine(tx, { kind, reason, of, eventId: event.id, type: event.type });
  });
}

/** One alert for all events of one wrong account, mode or version. */
export async function alertQuarantine(
  sql: Sql | Tx,
  q: { kind: string; of: string; reason: string; eventId: string; type: string },
): Promise<void> {
  await raiseAlert(sql, {
    kind: 'stripe_event_quarantined',
    key: `stripe_event_quarantined:${q.kind}:${q.of}`,
    escrowId: null,
    detail: { why: q.kind, of: q.of, reason: q.reason, event_id: q.eventId, type: q.type },
  });
}

/** Events whose tries ran out are tried once more, hour after hour: what was down for long may be up again. */
export async function reviveParked(sql: Queryable, triesLeft: { attempts: number }): Promise<number> {
  const revived = await sql`
    UPDATE stripe_events SET state = 'received', attempts = ${triesLeft.attempts}, next_try_at = now()
    WHERE state = 'parked' AND next_try_at <= now()`;
  return revived.count;
}

/**
 * Stands between bodies, which are JSON and cannot hold it unescaped (RFC 7464 uses it so). As the array of texts that the rest is,
 * each quotation mark in them would be escaped here and unescaped there.
 */
const SEPARATOR = '\u001e';

/**
 * Stores events that are not there yet, in one statement; answers the ids that were new. Stripe's word: at least once; the
 * key makes it once.
 */
export async function storeEvents(sql: Queryable, events: readonly NewEvent[]): Promise<Set<string>> {
  if (events.length === 0) return new Set();
  const column = <T>(of: (event: NewEvent) => T): T[] => events.map(of);
  const stored = await sql<{ id: string }[]>`
    INSERT INTO stripe_events (id, type, object_id, account, livemode, api_version, body, state, error)
    SELECT id, type, object_id, account, livemode::boolean, api_version, body, state, error FROM unnest(
      ${column((e) => e.id)}::text[], ${column((e) => e.type)}::text[], ${column((e) => e.objectId)}::text[],
      ${column((e) => e.account)}::text[], ${column((e) => String(e.livemode))}::text[], ${column((e) => e.apiVersion)}::text[],
      string_to_array(${column((e) => e.body).join(SEPARATOR)}, chr(30)), ${column((e) => (e.quarantined === undefined ? 'received' : 'quarantined'))}::text[],
      ${column((e) => e.quarantined ?? null)}::text[])
      AS e (id, type, object_id, account, livemode, api_version, body, state, error)
    ON CONFLICT (id) DO NOTHING RETURNING id`;
  return new Set(stored.map((row) => row.id));
}

/** Moves ended events that arrived before `before` out of the way; answers how many. */
export async function archiveEvents(sql: Queryable, before: Date, limit: number): Promise<number> {
  const [row] = await sql<{ moved: number }[]>`SELECT archive_stripe_events(${before}, ${limit}) AS moved`;
  return row!.moved;
}

/** Behind which event the sweep goes on; undefined: from the newest. */
export async function cursorOf(sql: Queryable, sweep: string): Promise<string | undefined> {
  const [row] = await sql<{ after: string }[]>`SELECT after FROM sweep_cursors WHERE name = ${sweep}`;
  return row?.after;
}

export async function setCursor(sql: Queryable, sweep: string, after: string | undefined): Promise<void> {
  if (after === undefined) await sql`DELETE FROM sweep_cursors WHERE name = ${sweep}`;
  else {
    await sql`
      INSERT INTO sweep_cursors (name, after) VALUES (${sweep}, ${after})
      ON CONFLICT (name) DO UPDATE SET after = EXCLUDED.after, updated_at = now()`;
  }
}
