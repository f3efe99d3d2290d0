// What happened, as integrators read it. Rows are written by triggers in the transaction that changes a thing
// (migrations/0070_events.sql); here they get their ids, in one order for everybody, and are read.
import { randomBytes } from 'node:crypto';
import { idFromUuid } from '../domain/ids.ts';
import type { Queryable, Sql, Tx } from './client.ts';
import { type Listed, seesEverything, type Viewer } from './escrows.ts';

export interface EventRow {
  id: string;
  type: string;
  at: Date;
  data: Record<string, unknown>;
}

const BATCH = 500;

/** A UUIDv7 of now, or the number after `last` where the clock stands still or went back: ids only rise. */
function idAfter(last: string | null, now: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const fresh = idFromUuid('event', bytes.toString('hex'));
  if (last === null || fresh > last) return fresh;
  const next = BigInt(`0x${last.slice('evt_'.length)}`) + 1n;
  return idFromUuid('event', next.toString(16).padStart(32, '0'));
}

/**
 * Numbers what is not numbered yet, in the order in which it was written, and calls `then` with the new ids in the same
 * transaction. One at a time over all processes: a batch commits before the next one begins, so that whoever sees an id
 * sees every lower one. Answers how many.
 */
export async function numberEvents(
  sql: Sql,
  then: (tx: Tx, ids: readonly string[]) => Promise<unknown>,
  now = Date.now,
): Promise<number> {
  let total = 0;
  for (;;) {
    const numbered = await sql.begin((tx) => numberBatch(tx, then, now));
    total += numbered;
    if (numbered < BATCH) return total;
  }
}

async function numberBatch(tx: Tx, then: (tx: Tx, ids: readonly string[]) => Promise<unknown>, now: () => number) {
  // Sent together; the second begins when the first has its lock, and so sees what whoever had it before has numbered.
  const [, waiting] = await Promise.all([
    tx`SELECT pg_advisory_xact_lock(hashtextextended('event-numbers', 0))`,
    tx<{ seq: bigint; newest: string | null }[]>`
      SELECT seq, (SELECT max(id) FROM events) AS newest FROM events WHERE id IS NULL ORDER BY seq LIMIT ${BATCH}`,
  ]);
  if (waiting.length === 0) return 0;
  let last = waiting[0]!.newest;
  const rows = waiting.map(({ seq }) => {
    last = idAfter(last, now());
    return { seq: seq.toString(), id: last };
  });
  await tx`
    UPDATE events e SET id = n.id
    FROM jsonb_to_recordset(${tx.json(rows)}) AS n(seq bigint, id text) WHERE e.seq = n.seq`;
  await then(
    tx,
    rows.map((row) => row.id),
  );
  return rows.length;
}

/** Own rows only: of escrows that the viewer is a party of, and of the viewer; staff see all. */
const readable = (sql: Queryable, viewer: Viewer) =>
  seesEverything(viewer)
    ? sql`e.entity_id = ${viewer.entityId}`
    : sql`e.entity_id = ${viewer.entityId} AND (e.person_id = ${viewer.id} OR EXISTS (
          SELECT FROM escrow_parties p WHERE p.escrow_id = e.escrow_id AND p.person_id = ${viewer.id}))`;

export interface EventFilter {
  startingAfter?: string | undefined;
  type?: string | undefined;
  escrowId?: string | undefined;
  limit: number;
}

/** Oldest first, so that a reader goes on from the last id that it has. */
export async function listEvents(sql: Queryable, viewer: Viewer, filter: EventFilter): Promise<Listed<EventRow>> {
  const { startingAfter = '', type, escrowId, limit } = filter;
  const rows = await sql<EventRow[]>`
    SELECT e.id, e.type, e.at, e.data FROM events e
    WHERE e.id > ${startingAfter} AND ${readable(sql, viewer)}
      AND ${type === undefined ? sql`true` : sql`e.type = ${type}`}
      AND ${escrowId === undefined ? sql`true` : sql`e.escrow_id = ${escrowId}`}
    ORDER BY e.id LIMIT ${limit + 1}`;
  return { data: rows.slice(0, limit), hasMore: rows.length > limit };
}

/** Newest first, for people; `before`: the id of the last one that they have seen. */
export async function latestEvents(
  sql: Queryable,
  viewer: Viewer,
  { before, type, limit }: { before?: string | undefined; type?: string | undefined; limit: number },
): Promise<Listed<EventRow>> {
  const rows = await sql<EventRow[]>`
    SELECT e.id, e.type, e.at, e.data FROM events e
    WHERE e.id IS NOT NULL AND ${readable(sql, viewer)}
      AND ${before === undefined ? sql`true` : sql`e.id < ${before}`}
      AND ${type === undefined ? sql`true` : sql`e.type = ${type}`}
    ORDER BY e.id DESC LIMIT ${limit + 1}`;
  return { data: rows.slice(0, limit), hasMore: rows.length > limit };
}

/** Null when there is none, and when it is not the viewer's. */
export async function findEvent(sql: Queryable, viewer: Viewer, id: string): Promise<EventRow | null> {
  const [row] = await sql<EventRow[]>`
    SELECT e.id, e.type, e.at, e.data FROM events e WHERE e.id = ${id} AND ${readable(sql, viewer)}`;
  return row ?? null;
}

/** As the API shows it and webhooks carry it: one form for both. */
export const eventObject = (row: EventRow) => ({
  id: row.id,
  object: 'event' as const,
  type: row.type,
  timestamp: row.at.toISOString(),
  data: row.data,
});
