// API keys: hashed, shown once, with scopes, revocable. The key itself is in no table: whoever asks for one keeps it.
import { randomBytes } from 'node:crypto';
import { record } from './audit.ts';
import type { Queryable, Sql } from './client.ts';
import type { Listed, Page } from './escrows.ts';
import { newId } from './ids.ts';
import { type Person, personColumns, type PersonRow, sha256, toPerson } from './people.ts';

/** read: every GET; write: what changes something; ops: staff's own calls, beside the two others. */
export const SCOPES = ['read', 'write', 'ops'] as const;
export type Scope = (typeof SCOPES)[number];

export interface ApiKey {
  id: string;
  label: string;
  scopes: Scope[];
  created_at: Date;
  last_used_at: Date | null;
}

/** Of one person; revoked ones are none. */
export const MOST_KEYS = 50;

const PREFIX = 'sk_tranche_';
export const newApiKey = (): string => `${PREFIX}${randomBytes(32).toString('base64url')}`;

const columns = (sql: Queryable) => sql`id, label, scopes, created_at, last_used_at`;

/** Made again with the same id before its answer was stored, it is another key: nobody has seen the first. */
export async function insertApiKey(
  sql: Queryable,
  key: { id: string; personId: string; key: string; label: string; scopes: readonly Scope[] },
): Promise<ApiKey> {
  const [row] = await sql<ApiKey[]>`
    INSERT INTO api_keys (id, person_id, key_hash, label, scopes)
    VALUES (${key.id}, ${key.personId}, ${sha256(key.key)}, ${key.label}, ${[...key.scopes]})
    ON CONFLICT (id) DO UPDATE SET key_hash = EXCLUDED.key_hash RETURNING ${columns(sql)}`;
  return row!;
}

/** For the sandbox's people and tests: a key that may be given, and is the same one when it is made again. */
export async function createApiKey(
  sql: Queryable,
  personId: string,
  options: { label?: string; key?: string; scopes?: readonly Scope[] } = {},
): Promise<{ id: string; key: string }> {
  const { key = newApiKey(), label = '', scopes = SCOPES } = options;
  const [row] = await sql<{ id: string }[]>`
    INSERT INTO api_keys (id, person_id, key_hash, label, scopes)
    VALUES (${newId('apiKey')}, ${personId}, ${sha256(key)}, ${label}, ${[...scopes]})
    ON CONFLICT (key_hash) DO UPDATE SET label = EXCLUDED.label WHERE api_keys.person_id = ${personId} RETURNING id`;
  if (!row) throw new Error('this API key belongs to somebody else');
  return { id: row.id, key };
}

export async function findByKey(
  sql: Queryable,
  key: string,
): Promise<{ person: Person; keyId: string; scopes: Scope[] } | null> {
  if (!key.startsWith(PREFIX)) return null;
  const [row] = await sql<(PersonRow & { key_id: string; scopes: Scope[]; stale: boolean })[]>`
    SELECT ${personColumns(sql)}, k.id AS key_id, k.scopes, coalesce(k.last_used_at < now() - interval '1 minute', true) AS stale
    FROM api_keys k JOIN people p ON p.id = k.person_id
    WHERE k.key_hash = ${sha256(key)} AND k.revoked_at IS NULL`;
  if (!row) return null;
  // To the minute: a busy key must not write a row for every call.
  if (row.stale) await sql`UPDATE api_keys SET last_used_at = now() WHERE id = ${row.key_id}`;
  return { person: toPerson(row), keyId: row.key_id, scopes: row.scopes };
}

/** Oldest first; revoked ones are gone. */
export async function listApiKeys(sql: Queryable, personId: string, page: Page): Promise<Listed<ApiKey>> {
  const rows = await sql<ApiKey[]>`
    SELECT ${columns(sql)} FROM api_keys
    WHERE person_id = ${personId} AND revoked_at IS NULL AND id > ${page.startingAfter ?? ''}
    ORDER BY id LIMIT ${page.limit + 1}`;
  return { data: rows.slice(0, page.limit), hasMore: rows.length > page.limit };
}

/** Every one of the person's: answers how many there were. */
export async function revokeApiKeys(sql: Queryable, personId: string): Promise<number> {
  const rows = await sql`UPDATE api_keys SET revoked_at = now() WHERE person_id = ${personId} AND revoked_at IS NULL`;
  return rows.count;
}

/** Each of the person's own, at once: for whoever does not know which of them somebody else has. */
export async function revokeOwnKeys(sql: Sql, person: Person): Promise<number> {
  return sql.begin(async (tx) => {
    const revoked = await revokeApiKeys(tx, person.id);
    await record(tx, { actor: person, action: 'api_keys', subject: person.id, outcome: 'revoked', data: { api_keys_revoked: revoked } }); // prettier-ignore
    return revoked;
  });
}

/** False: not theirs, or revoked already. */
export async function revokeApiKey(sql: Queryable, personId: string, id: string): Promise<boolean> {
  const rows = await sql`
    UPDATE api_keys SET revoked_at = now() WHERE id = ${id} AND person_id = ${personId} AND revoked_at IS NULL`;
  return rows.count === 1;
}
