// docs/guards.md as the list of mutations says it now, and what was found of each group when it was last run whole.
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

/** What came of one mutation. */
export interface Found {
  mutation: Mutation;
  killed: boolean;
}

interface GroupRun {
  /** YYYY-MM-DD. */
  date: string;
  mutations: number;
  killed: number;
}

/** By the group's name: when it was last run whole. */
const lastRuns = (): Record<string, GroupRun> =>
  existsSync(RUN_FILE) ? (JSON.parse(readFileSync(RUN_FILE, 'utf8')) as Record<string, GroupRun>) : {};

/** Notes each group of which every guard was taken out. */
export function noteRuns(found: readonly Found[]): void {
  const runs = lastRuns();
  const date = new Date().toISOString().slice(0, 10);
  for (const { name, mutations } of GROUPS) {
    const verdicts = found.filter((f) => mutations.includes(f.mutation));
    if (verdicts.length < mutations.length) continue;
    runs[name] = { date, mutations: verdicts.length, killed: verdicts.filter((v) => v.killed).length };
  }
  writeFileSync(RUN_FILE, `${JSON.stringify(runs, null, 2)}\n`);
}

/** The groups with their counts: how many there are, and what was found when they were last run. */
function overview(): string {
  const runs = lastRuns();
  const rows = GROUPS.map(({ name, title, mutations }) => {
    const run = runs[name];
    return `| ${title} | ${mutations.length} | ${run ? `${run.killed} of ${run.mutations}` : 'not run'} | ${run?.date ?? ''} | \`npm run mutate -- --group ${name}\` |`;
  });
  const known = GROUPS.flatMap(({ name }) => runs[name] ?? []);
  const sum = (of: readonly number[]) => of.reduce((a, b) => a + b, 0);
  const killed = sum(known.map((r) => r.killed));
  const taken = sum(known.map((r) => r.mutations));
  return [
    '| Group | Guards | Found when taken out | Last whole run | Run it |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    `| **All** | **${sum(GROUPS.map((g) => g.mutations.length))}** | **${killed} of ${taken}** | | \`npm run mutate\` |`,
  ].join('\n');
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
  const text = [INTRODUCTION, overview(), ...GROUPS.map(section)].join('\n\n');
  return format(text, { ...(await resolveConfig(GUARDS_FILE)), filepath: GUARDS_FILE });
}
