// Where mutations are made: copies of the project in a temporary directory, never the project itself. The tests of the
// `stack` project share one PostgreSQL and one Temporal server; a mutation of the schema gets a database of its own, one of
// the workflows a bundle of its own.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { startSharedStack } from '../stack/global-setup.ts';
import { type SharedStack, sharedStack, STACK_VARIABLE } from '../stack/shared-stack.ts';
import { type Mutation, mutated, projectOf, ROOT } from './mutation.ts';

const run = promisify(execFile);
const LEFT_OUT = new Set(['node_modules', '.git', '.data', 'dist']);

export interface Copy {
  directory: string;
  /** Makes the mutation and what has to be made anew for it; `undo` takes it back. */
  mutate(m: Mutation): Promise<{ env: NodeJS.ProcessEnv; undo: () => Promise<void> }>;
}

export function makeCopy(): Copy & { remove(): void } {
  const directory = mkdtempSync(path.join(tmpdir(), 'tranche-mutation-'));
  cpSync(ROOT, directory, {
    recursive: true,
    filter: (from) => !LEFT_OUT.has(path.relative(ROOT, from)),
  });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(directory, 'node_modules'));
  return {
    directory,
    remove: () => rmSync(directory, { recursive: true, force: true }),
    async mutate(m) {
      const file = path.join(directory, m.file);
      writeFileSync(file, mutated(m));
      const undone: (() => Promise<void>)[] = [];
      const undo = async () => {
        cpSync(path.join(ROOT, m.file), file);
        for (const step of undone) await step();
      };
      try {
        return { env: projectOf(m.test[0]) === 'stack' ? await changedStack(directory, m, undone) : {}, undo };
      } catch (error) {
        await undo();
        throw error;
      }
    },
  };
}

/** The shared stack, with its template or its bundle made from the copy where the mutation lies in them. */
async function changedStack(
  directory: string,
  m: Mutation,
  undone: (() => Promise<void>)[],
): Promise<NodeJS.ProcessEnv> {
  const stack: SharedStack = { ...sharedStack() };
  if (m.file.startsWith('migrations/')) {
    const template = `mutant_${Math.random().toString(36).slice(2)}`;
    await asAdmin(stack, `CREATE DATABASE ${template} OWNER tranche_owner`);
    undone.push(() => asAdmin(stack, `DROP DATABASE IF EXISTS ${template} WITH (FORCE)`));
    stack.templateOwnerUrl = onDatabase(stack.templateOwnerUrl, template);
    stack.templateAppUrl = onDatabase(stack.templateAppUrl, template);
    await script(directory, 'test/mutations/migrate-copy.ts', stack.templateOwnerUrl);
  }
  if (m.file.startsWith('domain/') || m.file.startsWith('workflows/')) {
    stack.bundlePath = path.join(directory, '.mutant-bundle.js');
    await script(directory, 'test/mutations/bundle-copy.ts', stack.bundlePath);
  }
  return { [STACK_VARIABLE]: JSON.stringify(stack) };
}

/** In a process of its own, because it loads the copy's code. */
const script = (directory: string, file: string, argument: string) =>
  run(process.execPath, ['--import', 'tsx', file, argument], { cwd: directory });

async function asAdmin({ adminUrl }: SharedStack, statement: string): Promise<void> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function onDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

/** Once for all copies; jest's own setup sees by the environment that it is there. */
export const startStackOfCopies = startSharedStack;
