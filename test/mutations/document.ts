// docs/guards.md as the list of mutations says it now, and what the last whole run found.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { GROUPS } from './list.ts';
import { type Group, type Mutation, mutated, ROOT } from './mutation.ts';

export const GUARDS_FILE = path.join(ROOT, 'docs/guards.md');
const RUN_FILE = path.join(ROOT, 'test/mutations/last-run.json');

const INTRODUCTION = `# Guards, each of them proven

Written from the list in [test/mutations/](../test/mutations/list.ts) by \`npx tsx cli/docs-diagram.ts --write\`, and held to it by \`npm run check:docs\`.

A guard that no test would miss is only an intention. \`npm run mutate\` takes out one after another: a piece of text of the product is
replaced in a copy of the project (never in the project itself, and by no switch in the product), the one test named beside it runs, and it
must fail. First every named test runs unharmed and must pass. A copy in which no test can run, or whose test does not end, does not count as
found. A guard of the database is taken out of the migrations, and its test runs on a database made of them. When a text is no longer there exactly
once, \`npm run check\` says so: the list cannot fall behind the code.

Left out is what only makes the refusal of another guard come sooner or in better words, and the second of two guards that hold the same thing where no
test can tell them apart.`;

const cell = (text: string): string => text.replaceAll('|', String.raw`\|`);
const row = (m: Mutation): string =>
  `| ${cell(m.guard)} | \`${m.file}\` | ${cell(m.test[1])} | \`${m.test[0].replace(/^test\//, '')}\` |`;

const section = (group: Group): string =>
  [
    `## ${group.title}`,
    '',
    '| Without it | Taken out of | Then fails | In `test/` |',
    '| --- | --- | --- | --- |',
    ...group.mutations.map(row),
  ].join('\n');

export interface WholeRun {
  /** YYYY-MM-DD. */
  date: string;
  mutations: number;
  killed: number;
  minutes: number;
}

export const noteRun = (run: WholeRun): void => writeFileSync(RUN_FILE, `${JSON.stringify(run, null, 2)}\n`);

function lastRun(): string {
  if (!existsSync(RUN_FILE)) return '';
  const { date, mutations, killed, minutes } = JSON.parse(readFileSync(RUN_FILE, 'utf8')) as WholeRun;
  return `The last whole run (\`npm run mutate -- --write\`, ${date}): ${mutations} taken out, ${killed} found, ${minutes} minutes on two cores.`;
}

/** One line for each mutation whose text is no longer there exactly once. */
export const staleMutations = (): string[] =>
  GROUPS.flatMap((group) => group.mutations).flatMap((m) => {
    try {
      mutated(m);
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  });

export async function guardsDocument(): Promise<string> {
  const count = GROUPS.reduce((sum, group) => sum + group.mutations.length, 0);
  const summary = `${count} guards in ${GROUPS.length} groups. ${lastRun()}`.trim();
  const text = [INTRODUCTION, summary, ...GROUPS.map(section)].join('\n\n');
  return format(text, { ...(await resolveConfig(GUARDS_FILE)), filepath: GUARDS_FILE });
}
