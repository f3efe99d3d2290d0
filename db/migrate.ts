// Brings a database to the schema of migrations/: numbered SQL files, each once, in order, in a transaction of its own.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import postgres from 'postgres';

const DIRECTORY = new URL('../migrations/', import.meta.url);
/** Any number that no other program uses for its advisory lock: two migrations at once take turns. */
const LOCK = 7_264_110_539;

/** What stops a migration; its message is one line for the person who runs it. */
export class MigrationError extends Error {
  override name = 'MigrationError';
}

interface MigrationFile {
  name: string;
  text: string;
  checksum: string;
}

/** @throws MigrationError, with nothing of the failing file applied */
export async function migrate(ownerUrl: string, directory: URL = DIRECTORY): Promise<{ applied: string[] }> {
  const files = readMigrations(directory);
  const sql = postgres(ownerUrl, { max: 1, connect_timeout: 10, onnotice: () => {} });
  try {
    await sql`SELECT pg_advisory_lock(${LOCK})`;
    await sql`CREATE TABLE IF NOT EXISTS schema_migrations (
      name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`;
    const known = await sql<{ name: string; checksum: string }[]>`SELECT name, checksum FROM schema_migrations`;
    const waiting = pending(files, new Map(known.map((row) => [row.name, row.checksum])));
    for (const file of waiting) await apply(sql, file);
    return { applied: waiting.map((file) => file.name) };
  } catch (error) {
    if (error instanceof MigrationError) throw error;
    throw new MigrationError(`the database cannot be migrated: ${reason(error)}`, { cause: error });
  } finally {
    // Ending the connection gives the advisory lock back.
    await sql.end({ timeout: 5 });
  }
}

function readMigrations(directory: URL): MigrationFile[] {
  const names = readdirSync(directory)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  const numbers = new Set<string>();
  return names.map((name) => {
    const number = /^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1];
    if (number === undefined) throw new MigrationError(`migrations/${name} is not named like 0001_name.sql`);
    if (numbers.has(number)) throw new MigrationError(`two migrations have the number ${number}`);
    numbers.add(number);
    const text = readFileSync(new URL(name, directory), 'utf8').replaceAll('\r\n', '\n');
    return { name, text, checksum: createHash('sha256').update(text).digest('hex') };
  });
}

function pending(files: MigrationFile[], known: Map<string, string>): MigrationFile[] {
  const ours = new Set(files.map((file) => file.name));
  const foreign = [...known.keys()].find((name) => !ours.has(name));
  if (foreign !== undefined) {
    throw new MigrationError(
      `the database has migration ${foreign}, which this version does not know: run a newer one`,
    );
  }
  for (const file of files) {
    const checksum = known.get(file.name);
    if (checksum !== undefined && checksum !== file.checksum) {
      throw new MigrationError(
        `migrations/${file.name} was changed after it was applied: restore it, and write a new one`,
      );
    }
  }
  return files.filter((file) => !known.has(file.name));
}

async function apply(sql: postgres.Sql, file: MigrationFile): Promise<void> {
  try {
    await sql.begin(async (tx) => {
      // The row first: whoever comes without the lock is stopped here before anything of the file has run.
      await tx`INSERT INTO schema_migrations (name, checksum) VALUES (${file.name}, ${file.checksum})`;
      await tx.unsafe(file.text);
    });
  } catch (error) {
    throw new MigrationError(`migrations/${file.name} failed and was undone: ${reason(error)}`, { cause: error });
  }
}

function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();
}
