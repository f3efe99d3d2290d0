// A database of its own for a suite: a clone of the migrated template, so that suites run beside each other.
import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { holdToEachStep, watchEachStep } from './each-step.ts';
import { sharedStack } from './shared-stack.ts';

export interface TestDatabase {
  /** Role tranche_owner. */
  ownerUrl: string;
  /** Role tranche: the application's rights only. */
  appUrl: string;
  /** Ends whatever is still connected. */
  drop(): Promise<void>;
}

/** `unwatched`: why the steps of this suite are not those of a product, and so are not looked at (each-step.ts). */
export async function createDatabase(options: { unwatched?: string } = {}): Promise<TestDatabase> {
  const { adminUrl, templateOwnerUrl, templateAppUrl } = sharedStack();
  const name = `test_${randomBytes(6).toString('hex')}`;
  const template = new URL(templateOwnerUrl).pathname.slice(1);
  await asAdmin(adminUrl, [
    `CREATE DATABASE ${name} TEMPLATE ${template} OWNER tranche_owner`,
    `REVOKE ALL ON DATABASE ${name} FROM PUBLIC`,
    `GRANT CONNECT ON DATABASE ${name} TO tranche_app`,
  ]);
  const ownerUrl = onDatabase(templateOwnerUrl, name);
  const held = options.unwatched === undefined ? holdToEachStep(await watchEachStep(ownerUrl)) : undefined;
  return {
    ownerUrl,
    appUrl: onDatabase(templateAppUrl, name),
    drop: async () => {
      try {
        await held?.letGo();
      } finally {
        await asAdmin(adminUrl, [`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`]);
      }
    },
  };
}

async function asAdmin(adminUrl: string, statements: string[]): Promise<void> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} });
  try {
    for (const statement of statements) await sql.unsafe(statement);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function onDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
