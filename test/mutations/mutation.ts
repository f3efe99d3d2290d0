// A guard taken out: one piece of text of the product, what stands there instead, and the test that must then fail.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Mutation {
  /** What is lost, in words: a row of docs/guards.md. */
  guard: string;
  /** Of the product, from its root. */
  file: string;
  /** Stands in the file exactly once. */
  find: string;
  replace: string;
  /** The test that must fail: its file, and its own name or a part of it (a regular expression is not meant). */
  test: readonly [file: string, name: string];
}

export interface Group {
  /** As `--only` takes it. */
  name: string;
  title: string;
  mutations: readonly Mutation[];
}

/** The file's text without the guard. @throws where the text does not stand there exactly once: the list is out of date */
export function mutated(m: Mutation, root = ROOT): string {
  const text = readFileSync(path.join(root, m.file), 'utf8');
  const times = text.split(m.find).length - 1;
  if (times !== 1) {
    throw new Error(
      `"${m.guard}": its text stands ${times} times in ${m.file}, not once. Mend its line in test/mutations/: ${m.find}`,
    );
  }
  return text.replace(m.find, () => m.replace);
}

const UNIT_FOLDERS = ['domain', 'sandbox', 'config', 'oracles', 'simulation', 'mutations'];
const PROCESS_FOLDERS = ['supervisor', 'chaos'];

/** The project of jest.config.js that a test file belongs to. */
export function projectOf(file: string): 'unit' | 'stack' | 'processes' {
  const folder = file.split('/')[1] ?? '';
  if (UNIT_FOLDERS.includes(folder)) return 'unit';
  return PROCESS_FOLDERS.includes(folder) ? 'processes' : 'stack';
}

/** A condition that is never met. */
export const never = (condition: string): Pick<Mutation, 'find' | 'replace'> => ({
  find: `if (${condition})`,
  replace: `if (false && (${condition}))`,
});
