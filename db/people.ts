// People and their passwords, by scrypt. Keys: api-keys.ts; sessions: sessions.ts; codes: second-factor.ts.
import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { Role } from '../domain/escrow-state.ts';
import type { Queryable } from './client.ts';
import { newId } from './ids.ts';

export interface Person {
  id: string;
  entityId: string;
  email: string;
  name: string;
  role: Role;
  /** Of ops: may decide what others of ops asked for. */
  approver: boolean;
  timeZone: string;
  locale: string;
}

export interface NewPerson {
  id?: string | undefined;
  email: string;
  name: string;
  role: Role;
  /** Of ops; true unless said otherwise. */
  approver?: boolean | undefined;
  password?: string | undefined;
}

/** As the database's `mailbox` reads an address: `a.b+shop@x` and `ab@x` are one. */
export async function shareMailbox(sql: Queryable, one: string, other: string): Promise<boolean> {
  const found = await sql`
    SELECT FROM people a JOIN people b ON mailbox(a.email) = mailbox(b.email) WHERE a.id = ${one} AND b.id = ${other}`;
  return found.length > 0;
}

export interface PersonRow {
  id: string;
  entity_id: string;
  email: string;
  name: string;
  role: Role;
  approver: boolean;
  time_zone: string;
  locale: string;
}

export const toPerson = (row: PersonRow): Person => ({
  id: row.id,
  entityId: row.entity_id,
  email: row.email,
  name: row.name,
  role: row.role,
  approver: row.approver,
  timeZone: row.time_zone,
  locale: row.locale,
});

export const personColumns = (sql: Queryable) =>
  sql`p.id, p.entity_id, p.email, p.name, p.role, p.approver, p.time_zone, p.locale`;

/** Null when the address belongs to somebody already. */
export async function createPerson(sql: Queryable, person: NewPerson): Promise<Person | null> {
  const id = person.id ?? newId('person');
  const hash = person.password === undefined ? null : await hashPassword(person.password);
  const [row] = await sql<PersonRow[]>`
    INSERT INTO people AS p (id, email, name, role, approver, password_hash)
    VALUES (${id}, ${person.email}, ${person.name}, ${person.role}, ${person.role === 'ops' && (person.approver ?? true)}, ${hash})
    ON CONFLICT DO NOTHING RETURNING ${personColumns(sql)}`;
  return row ? toPerson(row) : null;
}

export async function findPerson(sql: Queryable, id: string): Promise<Person | null> {
  const [row] = await sql<PersonRow[]>`SELECT ${personColumns(sql)} FROM people p WHERE p.id = ${id}`;
  return row ? toPerson(row) : null;
}

export async function findPersonByEmail(sql: Queryable, email: string): Promise<Person | null> {
  const [row] = await sql<
    PersonRow[]
  >`SELECT ${personColumns(sql)} FROM people p WHERE lower(p.email) = lower(${email})`;
  return row ? toPerson(row) : null;
}

/** Those of the ids that no seller has, in the order in which they were given. */
export async function unknownSellers(sql: Queryable, ids: readonly string[]): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    SELECT id FROM people WHERE role = 'seller' AND id IN ${sql(['', ...ids])}`;
  const known = new Set(rows.map((row) => row.id));
  return ids.filter((id) => !known.has(id));
}

// ---- passwords --------------------------------------------------------------------------------------------------

/** OWASP's choice for scrypt: N 2^17 would take 128 MB a sign-in; 2^15 with p 3 costs the same time in 32 MB. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 };
const KEY_BYTES = 32;

const derive = (password: string, salt: Buffer, cost: { N: number; r: number; p: number }): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, KEY_BYTES, { ...cost, maxmem: SCRYPT.maxmem }, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });

/** "scrypt$N$r$p$salt$hash": the cost travels along, so that it can be raised later. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, SCRYPT);
  return ['scrypt', SCRYPT.N, SCRYPT.r, SCRYPT.p, salt.toString('base64url'), key.toString('base64url')].join('$');
}

async function passwordMatches(password: string, stored: string): Promise<boolean> {
  const [scheme, n, r, p, salt = '', hash = ''] = stored.split('$');
  if (scheme !== 'scrypt') return false;
  const expected = Buffer.from(hash, 'base64url');
  const key = await derive(password, Buffer.from(salt, 'base64url'), { N: Number(n), r: Number(r), p: Number(p) });
  return expected.length === key.length && timingSafeEqual(expected, key);
}

/** Takes the same time for an address that nobody has. */
export async function verifyPassword(sql: Queryable, email: string, password: string): Promise<Person | null> {
  const [row] = await sql<(PersonRow & { password_hash: string | null })[]>`
    SELECT ${personColumns(sql)}, p.password_hash FROM people p WHERE lower(p.email) = lower(${email})`;
  if (!row?.password_hash) {
    await derive(password, randomBytes(16), SCRYPT);
    return null;
  }
  return (await passwordMatches(password, row.password_hash)) ? toPerson(row) : null;
}

export async function setPassword(sql: Queryable, personId: string, password: string): Promise<void> {
  const hash = await hashPassword(password);
  await sql`UPDATE people SET password_hash = ${hash} WHERE id = ${personId}`;
}

/** What it hashes has 256 random bits: a plain hash is enough, there is nothing to guess. */
export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
