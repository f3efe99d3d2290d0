// docs/guards.md as the list of mutations says it now, and what was found of each guard when it was last taken out.
import { createHash } from 'node:crypto';
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
once, \`npm run check\` says so: the list cannot fall behind the code. Every result is noted by its guard, so that \`npm run mutate -- --new --write\` takes out
only what no run has found yet; a guard whose text or test changes is new again.

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

interface LastRun {
  /** The guard and its test as they were taken out: `fingerprint`. */
  of: string;
  /** YYYY-MM-DD. */
  date: string;
  killed: boolean;
}

/** Of what is taken out and what must notice: a guard whose text or test changes counts as not taken out yet. */
export const fingerprint = (m: Mutation): string =>
  createHash('sha256')
    .update(JSON.stringify([m.file, m.find, m.replace, m.test]))
    .digest('hex')
    .slice(0, 12);

/** By the guard's words: what came of it when it was last taken out. */
const lastRuns = (): Record<string, LastRun> =>
  existsSync(RUN_FILE) ? (JSON.parse(readFileSync(RUN_FILE, 'utf8')) as Record<string, LastRun>) : {};

/** The last run of the guard as it stands now; undefined where none has taken it out so. */
function runOf(m: Mutation, runs: Record<string, LastRun>): LastRun | undefined {
  const run = runs[m.guard];
  return run?.of === fingerprint(m) ? run : undefined;
}

/** What no run has found yet, as it stands now: `--new` takes these out. */
export function unfound(mutations: readonly Mutation[]): Mutation[] {
  const runs = lastRuns();
  return mutations.filter((m) => !runOf(m, runs)?.killed);
}

/** Notes each verdict beside those of former runs, and forgets guards that the list has no more. */
export function noteRuns(found: readonly Found[]): void {
  const runs = lastRuns();
  const date = new Date().toISOString().slice(0, 10);
  for (const { mutation, killed } of found) runs[mutation.guard] = { of: fingerprint(mutation), date, killed };
  const listed = GROUPS.flatMap((group) => group.mutations.map((m) => m.guard)).filter((guard) => runs[guard]);
  const kept = Object.fromEntries(listed.map((guard) => [guard, runs[guard]]));
  writeFileSync(RUN_FILE, `${JSON.stringify(kept, null, 2)}\n`);
}

/** The groups with their counts: how many there are, and what was found when each was last taken out as it stands. */
function overview(): string {
  const runs = lastRuns();
  const counts = GROUPS.map(({ name, title, mutations }) => {
    const known = mutations.flatMap((m) => runOf(m, runs) ?? []);
    const killed = known.filter((r) => r.killed).length;
    const date = known.map((r) => r.date).sort().at(-1) ?? ''; // prettier-ignore
    return { name, title, guards: mutations.length, killed, open: mutations.length - known.length, date };
  });
  const sum = (of: 'guards' | 'killed' | 'open') => counts.reduce((a, group) => a + group[of], 0);
  return [
    '| Group | Guards | Found when taken out | Not taken out yet | Last run | Run it |',
    '| --- | --- | --- | --- | --- | --- |',
    ...counts.map(
      (g) =>
        `| ${g.title} | ${g.guards} | ${g.killed} | ${g.open} | ${g.date} | \`npm run mutate -- --group ${g.name}\` |`,
    ),
    `| **All** | **${sum('guards')}** | **${sum('killed')}** | **${sum('open')}** | | \`npm run mutate\` |`,
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
