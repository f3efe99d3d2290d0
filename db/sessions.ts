// Sessions of pages: an opaque token whose hash alone is stored, seen and ended by its owner; and a proof of who one is
// that grows old.
import { randomBytes } from 'node:crypto';
import type { Queryable } from './client.ts';
import { forgetDevices } from './risks.ts';
import { type Person, personColumns, type PersonRow, sha256, toPerson } from './people.ts';

const SESSION_MS = 12 * 3_600_000;
/** Without a request it ends before: where somebody left their browser, another sits down. Staff see and move everybody's money. */
const IDLE = { staff: '30 minutes', others: '2 hours' };
const notIdle = (sql: Queryable) =>
  sql`s.last_seen_at > now() - CASE WHEN p.role IN ('ops', 'auditor') THEN ${IDLE.staff}::interval ELSE ${IDLE.others}::interval END`;
/** Between the password and the code. */
const PENDING_MS = 10 * 60_000;

export type SignInMethod = 'password' | 'totp' | 'oidc' | 'sandbox';

export interface Session {
  id: string;
  person: Person;
  csrfToken: string;
  expiresAt: Date;
  method: SignInMethod;
  /** When the person last showed who they are: at sign-in, or again since. */
  provenAt: Date;
}

export interface NewSession {
  lifetimeMs?: number;
  method?: SignInMethod;
  /** The password was right, the second factor is still to be shown. */
  pending?: boolean;
  /** As the browser names itself. */
  device?: string;
}

export async function createSession(
  sql: Queryable,
  personId: string,
  options: NewSession = {},
): Promise<{ token: string; csrfToken: string; expiresAt: Date }> {
  const token = randomBytes(32).toString('base64url');
  const csrfToken = randomBytes(32).toString('base64url');
  const pending = options.pending ?? false;
  const expiresAt = new Date(Date.now() + (options.lifetimeMs ?? (pending ? PENDING_MS : SESSION_MS)));
  await sql`
    INSERT INTO sessions (token_hash, person_id, csrf_token, expires_at, method, pending, device)
    VALUES (${sha256(token)}, ${personId}, ${csrfToken}, ${expiresAt}, ${options.method ?? 'password'}, ${pending},
            ${(options.device ?? '').slice(0, 200)})`;
  return { token, csrfToken, expiresAt };
}

interface SessionRow extends PersonRow {
  session_id: string;
  csrf_token: string;
  expires_at: Date;
  method: SignInMethod;
  proven_at: Date;
  stale: boolean;
}

/** Null where it has ended, is somebody's who has not shown the second factor yet, or never was. */
export async function findSession(sql: Queryable, token: string): Promise<Session | null> {
  return find(sql, token, false);
}

/** Of whoever has given the password and not yet the code. */
export async function findPendingSession(sql: Queryable, token: string): Promise<Session | null> {
  return find(sql, token, true);
}

async function find(sql: Queryable, token: string, pending: boolean): Promise<Session | null> {
  const hash = sha256(token);
  const [row] = await sql<SessionRow[]>`
    SELECT ${personColumns(sql)}, s.id AS session_id, s.csrf_token, s.expires_at, s.method, s.proven_at,
           s.last_seen_at < now() - interval '1 minute' AS stale
    FROM sessions s JOIN people p ON p.id = s.person_id
    WHERE s.token_hash = ${hash} AND s.expires_at > now() AND s.pending = ${pending} AND ${notIdle(sql)}`;
  if (!row) return null;
  // To the minute: not every page writes.
  if (row.stale) await sql`UPDATE sessions SET last_seen_at = now() WHERE token_hash = ${hash}`;
  return {
    id: row.session_id,
    person: toPerson(row),
    csrfToken: row.csrf_token,
    expiresAt: row.expires_at,
    method: row.method,
    provenAt: row.proven_at,
  };
}

export async function endSession(sql: Queryable, token: string): Promise<void> {
  await sql`DELETE FROM sessions WHERE token_hash = ${sha256(token)}`;
}

export interface OwnSession {
  id: string;
  device: string;
  method: SignInMethod;
  created_at: Date;
  last_seen_at: Date;
}

/** Last used first. */
export async function sessionsOf(sql: Queryable, personId: string): Promise<OwnSession[]> {
  return sql<OwnSession[]>`
    SELECT s.id, s.device, s.method, s.created_at, s.last_seen_at FROM sessions s JOIN people p ON p.id = s.person_id
    WHERE s.person_id = ${personId} AND s.expires_at > now() AND NOT s.pending AND ${notIdle(sql)}
    ORDER BY s.last_seen_at DESC LIMIT 100`;
}

/** One of the person's own, or every one but `except`. Answers how many ended. */
export async function endSessions(sql: Queryable, personId: string, which: { id: string } | { except: string | null }): Promise<number> {
  const ended = await sql`
    DELETE FROM sessions WHERE person_id = ${personId}
      AND ${'id' in which ? sql`id = ${which.id}` : sql`id IS DISTINCT FROM ${which.except}`}`;
  return ended.count;
} // prettier-ignore

/** The same session under a new token, which is answered; the former is worth nothing. `proven`: the person has shown again who they are. */
export async function renewSession(sql: Queryable, id: string, { proven }: { proven: boolean }): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  await sql`
    UPDATE sessions SET token_hash = ${sha256(token)}, proven_at = ${proven ? sql`now()` : sql`proven_at`} WHERE id = ${id}`;
  return token;
} // prettier-ignore

/** Ended sessions, used links and old counts; answers how many rows went. */
export async function forgetExpired(sql: Queryable): Promise<number> {
  const gone = await Promise.all([
    sql`DELETE FROM sessions WHERE expires_at < now() - interval '1 day'`,
    sql`DELETE FROM links WHERE expires_at < now() - interval '7 days'`,
    sql`DELETE FROM rate_limits WHERE resets_at < now() - interval '1 hour'`,
    forgetDevices(sql).then((count) => ({ count })),
  ]);
  return gone.reduce((sum, { count }) => sum + count, 0);
}
