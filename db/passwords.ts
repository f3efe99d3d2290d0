// A new password, by whoever is signed in or by a mailed link: older sessions and links end with it, API keys where the person
// says so, and the person is told.
import { listApiKeys, revokeApiKeys } from './api-keys.ts';
import { record } from './audit.ts';
import type { Sql, Tx } from './client.ts';
import { endLinksOf, takeLink } from './links.ts';
import { queueMessages } from './messages.ts';
import { findPerson, type Person, setPassword } from './people.ts';
import { endSessions } from './sessions.ts';

interface NewPassword {
  password: string;
  /** Programs that hold a key go on otherwise. */
  revokeKeys: boolean;
}

/** `session`: the one that stays. */
export async function setOwnPassword(sql: Sql, person: Person, given: NewPassword, session: string): Promise<void> {
  await sql.begin((tx) => change(tx, person, given, session));
}

/** False: the link was used meanwhile. */
export async function resetPassword(sql: Sql, token: string, given: NewPassword): Promise<boolean> {
  return sql.begin(async (tx) => {
    const link = await takeLink(tx, 'password_reset', token);
    const person = link === null ? null : await findPerson(tx, link.person_id!);
    if (person === null) return false;
    await change(tx, person, given, null);
    return true;
  });
}

/** More are counted. */
const NAMED_KEYS = 10;

async function change(tx: Tx, person: Person, { password, revokeKeys }: NewPassword, session: string | null): Promise<void> {
  await setPassword(tx, person.id, password);
  await endSessions(tx, person.id, { except: session });
  await endLinksOf(tx, person.id);
  const revoked = revokeKeys ? await revokeApiKeys(tx, person.id) : 0;
  const { data: keys, hasMore } = await listApiKeys(tx, person.id, { limit: NAMED_KEYS });
  const live = keys.length === 0 ? null : `${keys.map(({ label }) => `“${label}”`).join(', ')}${hasMore ? ' and more' : ''}`;
  await record(tx, { actor: person, action: 'password', subject: person.id, outcome: 'changed', data: { api_keys_revoked: revoked } });
  await queueMessages(tx, [{ kind: 'password_changed', key: `password_changed:${Date.now()}`, personId: person.id, data: { revoked_keys: revoked, live_keys: live } }]);
} // prettier-ignore

/** Queues the mail; whether the address has an account is for nobody to see. */
export async function askForReset(sql: Sql, email: string): Promise<void> {
  await sql`
    INSERT INTO mails (person_id, kind) SELECT id, 'password_reset' FROM people WHERE lower(email) = lower(${email})`;
}
