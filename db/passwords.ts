// A new password, by whoever is signed in or by a mailed link: older sessions and links end with it, and the person is told.
import { record } from './audit.ts';
import type { Sql, Tx } from './client.ts';
import { endLinksOf, takeLink } from './links.ts';
import { queueMessages } from './messages.ts';
import { findPerson, type Person, setPassword } from './people.ts';
import { endSessions } from './sessions.ts';

/** `session`: the one that stays. */
export async function setOwnPassword(sql: Sql, person: Person, password: string, session: string): Promise<void> {
  await sql.begin((tx) => change(tx, person, password, session));
}

/** False: the link was used meanwhile. */
export async function resetPassword(sql: Sql, token: string, password: string): Promise<boolean> {
  return sql.begin(async (tx) => {
    const link = await takeLink(tx, 'password_reset', token);
    const person = link === null ? null : await findPerson(tx, link.person_id!);
    if (person === null) return false;
    await change(tx, person, password, null);
    return true;
  });
}

async function change(tx: Tx, person: Person, password: string, session: string | null): Promise<void> {
  await setPassword(tx, person.id, password);
  await endSessions(tx, person.id, { except: session });
  await endLinksOf(tx, person.id);
  await record(tx, { actor: person, action: 'password', subject: person.id, outcome: 'changed' });
  await queueMessages(tx, [{ kind: 'password_changed', key: `password_changed:${Date.now()}`, personId: person.id, data: {} }]); // prettier-ignore
}

/** Queues the mail; whether the address has an account is for nobody to see. */
export async function askForReset(sql: Sql, email: string): Promise<void> {
  await sql`
    INSERT INTO mails (person_id, kind) SELECT id, 'password_reset' FROM people WHERE lower(email) = lower(${email})`;
}
