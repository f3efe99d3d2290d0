// `npm run staff -- you@example.com "Your name"`: the first person of ops, who may approve, and a link to set the
// password, good for one hour. Everybody else is invited on the pages. Repeated, it gives the same person a new link.
import { loadSettings, requireInstallation } from '../config/settings.ts';
import { record } from '../db/audit.ts';
import { connect } from '../db/client.ts';
import { createLink } from '../db/links.ts';
import { createPerson, findPersonByEmail } from '../db/people.ts';

async function main(): Promise<void> {
  const [email, name] = process.argv.slice(2);
  if (email === undefined || !/^\S+@\S+$/.test(email)) throw new Error('say whom: npm run staff -- you@example.com "Your name"'); // prettier-ignore
  const settings = loadSettings();
  requireInstallation(settings, ['postgres']);
  const sql = connect(settings.databaseUrl, { applicationName: 'tranche-staff', max: 1 });
  try {
    const token = await sql.begin(async (tx) => {
      const person =
        (await createPerson(tx, { email, name: name ?? email.split('@')[0]!, role: 'ops', approver: true })) ??
        (await findPersonByEmail(tx, email))!;
      if (person.role !== 'ops')
        throw new Error(`${email} is a ${person.role} here: staff need an address of their own`);
      await record(tx, { actor: null, action: 'staff_added', subject: person.id, outcome: 'link made' });
      return createLink(tx, 'password_reset', { personId: person.id });
    });
    console.log(`${email} sets a password within the hour, here:\n${settings.publicUrl}/reset?token=${token}`);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
