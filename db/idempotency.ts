// Idempotency keys: one row per owner and key, written before a command runs and completed with its answer. The row
// decides what a repetition gets; open rows carry their command, so that a sweep can ask for its outcome again.
import type { Queryable, Sql } from './client.ts';

export interface KeyRequest {
  ownerId: string;
  key: string;
  route: string;
  bodyHash: string;
  updateId: string;
  /** Given out before the command runs; a repetition gets the first ones. */
  ids: Record<string, string>;
  command: unknown;
  /** How long whoever holds the row may take before another may go on with it. */
  lockMs: number;
}

export interface StoredCommand {
  ownerId: string;
  key: string;
  route: string;
  updateId: string;
  ids: Record<string, string>;
  command: unknown;
}

export type Claim =
  | { kind: 'run'; stored: StoredCommand }
  | { kind: 'done'; status: number; response: unknown }
  | { kind: 'running'; retryAfterSeconds: number }
  | { kind: 'conflict' };

const KEPT = '24 hours';

interface KeyRow {
  owner_id: string;
  key: string;
  route: string;
  body_hash: string;
  update_id: string;
  ids: Record<string, string>;
  command: unknown;
  status: number | null;
  response: unknown;
  locked_until: Date;
}

const toStored = (row: KeyRow): StoredCommand => ({
  ownerId: row.owner_id,
  key: row.key,
  route: row.route,
  updateId: row.update_id,
  ids: row.ids,
  command: row.command,
});

/** Takes the row, or says why not. */
export async function claimKey(sql: Sql, request: KeyRequest): Promise<Claim> {
  const { ownerId, key, lockMs } = request;
  // An answer is kept for so long; after that the key is free again.
  const [created] = await sql<KeyRow[]>`
    INSERT INTO idempotency_keys AS k (owner_id, key, route, body_hash, update_id, ids, command, locked_until)
    VALUES (${ownerId}, ${key}, ${request.route}, ${request.bodyHash}, ${request.updateId}, ${sql.json(request.ids)},
            ${request.command === null ? null : sql.json(request.command as never)}, now() + ${lockMs} * interval '1 millisecond')
    ON CONFLICT (owner_id, key) DO UPDATE SET
      route = EXCLUDED.route, body_hash = EXCLUDED.body_hash, update_id = EXCLUDED.update_id, ids = EXCLUDED.ids,
      command = EXCLUDED.command, locked_until = EXCLUDED.locked_until, status = NULL, response = NULL, created_at = now()
    WHERE k.status IS NOT NULL AND k.created_at < now() - ${KEPT}::interval RETURNING *`;
  if (created) return { kind: 'run', stored: toStored(created) };

  const [known] = await sql<KeyRow[]>`SELECT * FROM idempotency_keys WHERE owner_id = ${ownerId} AND key = ${key}`;
  // Given back between the two statements: the caller's repetition finds it free.
  if (!known) return { kind: 'running', retryAfterSeconds: 1 };
  if (known.route !== request.route || known.body_hash !== request.bodyHash) return { kind: 'conflict' };
  if (known.status !== null) return { kind: 'done', status: known.status, response: known.response };
  const [taken] = await sql<KeyRow[]>`
    UPDATE idempotency_keys SET locked_until = now() + ${lockMs} * interval '1 millisecond'
    WHERE owner_id = ${ownerId} AND key = ${key} AND status IS NULL AND locked_until <= now() RETURNING *`;
  if (taken) return { kind: 'run', stored: toStored(taken) };
  const seconds = Math.ceil((known.locked_until.getTime() - Date.now()) / 1000);
  return { kind: 'running', retryAfterSeconds: Math.min(30, Math.max(1, seconds)) };
}

/** The first answer stays: false when there was one already. */
export async function completeKey(
  tx: Queryable,
  ownerId: string,
  key: string,
  status: number,
  response: unknown,
): Promise<boolean> {
  const rows = await tx`
    UPDATE idempotency_keys SET status = ${status}, response = ${tx.json(response as never)}, locked_until = now()
    WHERE owner_id = ${ownerId} AND key = ${key} AND status IS NULL`;
  return rows.count === 1;
}

export async function storedAnswer(
  sql: Queryable,
  ownerId: string,
  key: string,
): Promise<{ status: number; response: unknown } | null> {
  const [row] = await sql<{ status: number; response: unknown }[]>`
    SELECT status, response FROM idempotency_keys WHERE owner_id = ${ownerId} AND key = ${key} AND status IS NOT NULL`;
  return row ?? null;
}

/** The outcome is not known: a repetition gets in at once, and so does the sweep. */
export async function unlockKey(sql: Queryable, ownerId: string, key: string): Promise<void> {
  await sql`
    UPDATE idempotency_keys SET locked_until = now() WHERE owner_id = ${ownerId} AND key = ${key} AND status IS NULL`;
}

/** Nothing was done: the key is free again. */
export async function forgetKey(sql: Queryable, ownerId: string, key: string): Promise<void> {
  await sql`DELETE FROM idempotency_keys WHERE owner_id = ${ownerId} AND key = ${key} AND status IS NULL`;
}

/** Takes open commands whose holder let go or died, oldest first; each is locked for the one who asks. */
export async function takeOpenCommands(sql: Sql, limit: number, lockMs: number): Promise<StoredCommand[]> {
  const rows = await sql<KeyRow[]>`
    UPDATE idempotency_keys k SET locked_until = now() + ${lockMs} * interval '1 millisecond'
    FROM (SELECT owner_id, key FROM idempotency_keys
          WHERE status IS NULL AND command IS NOT NULL AND locked_until <= now()
          ORDER BY created_at LIMIT ${limit} FOR UPDATE SKIP LOCKED) open
    WHERE k.owner_id = open.owner_id AND k.key = open.key RETURNING k.*`;
  return rows.map(toStored);
}

export async function deleteExpiredKeys(sql: Sql): Promise<number> {
  const rows = await sql`
    DELETE FROM idempotency_keys
    WHERE created_at < now() - ${KEPT}::interval AND (status IS NOT NULL OR command IS NULL)`;
  return rows.count;
}
