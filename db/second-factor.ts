// The second factor of a person: begun, confirmed by a first code, asked for at sign-in, each code good once; and recovery
// codes for who has lost the app.
import { randomBytes } from 'node:crypto';
import { record } from './audit.ts';
import type { Queryable, Tx } from './client.ts';
import { queueMessages } from './messages.ts';
import { type Person, sha256 } from './people.ts';
import { matchingStep, newTotpSecret } from './totp.ts';

export interface SecondFactor {
  /** Null: nothing was begun. */
  secret: string | null;
  /** Asked for at every sign-in. */
  on: boolean;
  recoveryCodes: number;
}

export async function secondFactorOf(sql: Queryable, personId: string): Promise<SecondFactor> {
  const [row] = await sql<{ secret: string | null; on: boolean; codes: number }[]>`
    SELECT totp_secret AS secret, totp_since IS NOT NULL AS on,
           (SELECT count(*)::int FROM recovery_codes c WHERE c.person_id = p.id) AS codes
    FROM people p WHERE id = ${personId}`;
  return { secret: row?.secret ?? null, on: row?.on ?? false, recoveryCodes: row?.codes ?? 0 };
}

/** A new secret that nothing asks for until it is confirmed. One that is on stays. */
export async function beginSecondFactor(sql: Queryable, personId: string): Promise<void> {
  await sql`
    UPDATE people SET totp_secret = ${newTotpSecret()}, totp_last_step = NULL WHERE id = ${personId} AND totp_since IS NULL`;
}

/** Turned on by the first right code; answers the recovery codes, which are shown once. Null: the code is wrong. */
export async function confirmSecondFactor(tx: Tx, person: Person, code: string, now: number): Promise<string[] | null> {
  const [row] = await tx<{ secret: string | null }[]>`
    SELECT totp_secret AS secret FROM people WHERE id = ${person.id} AND totp_since IS NULL FOR UPDATE`;
  const step = row?.secret ? matchingStep(row.secret, code, now) : null;
  if (step === null) return null;
  await tx`UPDATE people SET totp_since = now(), totp_last_step = ${step} WHERE id = ${person.id}`;
  await changed(tx, person, true);
  return newRecoveryCodes(tx, person.id);
}

export async function endSecondFactor(tx: Tx, person: Person): Promise<void> {
  await tx`UPDATE people SET totp_secret = NULL, totp_since = NULL, totp_last_step = NULL WHERE id = ${person.id}`;
  await tx`DELETE FROM recovery_codes WHERE person_id = ${person.id}`;
  await changed(tx, person, false);
}

async function changed(tx: Tx, person: Person, on: boolean): Promise<void> {
  await record(tx, { actor: person, action: 'second_factor', subject: person.id, outcome: on ? 'on' : 'off' });
  await queueMessages(tx, [{ kind: 'second_factor_changed', key: `second_factor:${Date.now()}:${on}`, personId: person.id, data: { on } }]); // prettier-ignore
}

const CODES = 10;
/** 80 random bits each, stored as plain hashes. */
const newCode = () => randomBytes(10).toString('hex').replaceAll(/(.{5})(?=.)/g, '$1-'); // prettier-ignore

/** The old ones are good no more. */
export async function newRecoveryCodes(tx: Tx, personId: string): Promise<string[]> {
  const codes = Array.from({ length: CODES }, newCode);
  await tx`DELETE FROM recovery_codes WHERE person_id = ${personId}`;
  await tx`INSERT INTO recovery_codes ${tx(codes.map((code) => ({ person_id: personId, code_hash: sha256(code) })))}`;
  return codes;
}

/** A code of the app, or a recovery code; either is good once. */
export async function passSecondFactor(tx: Tx, personId: string, given: string, now: number): Promise<boolean> {
  const code = given.trim().toLowerCase();
  const [row] = await tx<{ secret: string; last: bigint | null }[]>`
    SELECT totp_secret AS secret, totp_last_step AS last FROM people WHERE id = ${personId} AND totp_since IS NOT NULL FOR UPDATE`;
  if (!row) return false;
  const step = matchingStep(row.secret, code, now);
  if (step !== null) {
    if (row.last !== null && BigInt(step) <= row.last) return false;
    await tx`UPDATE people SET totp_last_step = ${step} WHERE id = ${personId}`;
    return true;
  }
  const used = await tx`DELETE FROM recovery_codes WHERE person_id = ${personId} AND code_hash = ${sha256(code)}`;
  if (used.count === 0) return false;
  const { recoveryCodes: left } = await secondFactorOf(tx, personId);
  await queueMessages(tx, [{ kind: 'recovery_code_used', key: `recovery_code:${personId}:${left}:${now}`, personId, data: { left } }]); // prettier-ignore
  return true;
}
