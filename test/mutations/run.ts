// `npm run mutate`: takes out one guard after another, each in a copy of the project, and runs the test that must then
// fail. A guard whose loss no test notices is a survivor, and the command fails. The last line is JSON.
//   --group NAMES   these groups alone, by their names, with commas between
//   --only WORDS    groups or guards whose name has these words
//   --unit          only what needs neither a database nor a server
//   --jobs N        copies at work at once (2)
//   --no-baseline   does not run the tests unharmed first
//   --new           only what no run has found yet as it stands: new guards, changed ones, survivors
//   --write         notes what was found, guard by guard, also in docs/guards.md
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { finishWith } from '../../cli/report.ts';
import { type Copy, makeCopy, startStackOfCopies } from './copies.ts';
import { type Found, GUARDS_FILE, guardsDocument, noteRuns, staleMutations, unfound } from './document.ts';
import { runTests } from './jest-run.ts';
import { GROUPS } from './list.ts';
import { type Mutation, projectOf } from './mutation.ts';

/** A mutation whose test neither fails nor ends in this time is not counted as found. */
const LIMIT_MS = 300_000;

const { values } = parseArgs({
  options: {
    group: { type: 'string' },
    only: { type: 'string' },
    unit: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '2' },
    'no-baseline': { type: 'boolean', default: false },
    new: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});

interface Verdict extends Found {
  why: string;
}

const began = Date.now();
const seconds = (): number => Number(((Date.now() - began) / 1000).toFixed(1));
const wanted = values.group?.split(',');
const unknown = wanted?.filter((name) => !GROUPS.some((group) => group.name === name)) ?? [];
if (unknown.length > 0) throw new Error(`There is no group ${unknown.join(', ')}: ${GROUPS.map((g) => g.name).join(', ')}`); // prettier-ignore
const named = GROUPS.filter((group) => wanted?.includes(group.name) ?? true).flatMap((group) =>
  group.mutations.filter((m) => {
    if (values.unit && projectOf(m.test[0]) !== 'unit') return false;
    return values.only === undefined || group.name.includes(values.only) || m.guard.includes(values.only);
  }),
);
const chosen = values.new ? unfound(named) : named;

/** Runs each piece of work by whichever copy is free. */
async function share<T>(work: readonly T[], each: (item: T, copy: Copy) => Promise<void>): Promise<void> {
  const waiting = [...work];
  const copies = Array.from({ length: Math.max(1, Math.min(Number(values.jobs) || 1, work.length)) }, makeCopy);
  try {
    await Promise.all(
      copies.map(async (copy) => {
        for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await each(item, copy);
      }),
    );
  } finally {
    for (const copy of copies) copy.remove();
  }
}

/** The named tests as they are: each must be there and pass, or its failing says nothing. */
async function baseline(): Promise<string[]> {
  const names = new Map<string, Set<string>>();
  for (const { test } of chosen) names.set(test[0], (names.get(test[0]) ?? new Set()).add(test[1]));
  const faults: string[] = [];
  await share([...names], async ([file, wanted], copy) => {
    const run = await runTests(copy.directory, { file, names: [...wanted] }, process.env, 3 * LIMIT_MS);
    const missing = [...wanted].filter((name) => !run.passed.some((full) => full.includes(name)));
    if (run.broken !== null || run.timedOut) faults.push(`${file}: ${run.broken ?? 'did not end'}`);
    for (const name of run.failed) faults.push(`${file}: fails unharmed: ${name}`);
    for (const name of missing) faults.push(`${file}: no test passes that is named ${name}`);
    console.log(`${String(seconds()).padStart(7)} s  unharmed  ${file}: ${run.passed.length} passed`);
  });
  return faults;
}

async function judge(mutation: Mutation, copy: Copy): Promise<Verdict> {
  const [file, name] = mutation.test;
  try {
    const { env, undo } = await copy.mutate(mutation);
    try {
      const run = await runTests(copy.directory, { file, names: [name] }, { ...process.env, ...env }, LIMIT_MS);
      if (run.failed.length > 0) return { mutation, killed: true, why: run.failed[0]! };
      const why = run.timedOut ? 'the test did not end' : (run.broken ?? 'the test passes without it');
      return { mutation, killed: false, why };
    } finally {
      await undo();
    }
  } catch (error) {
    return {
      mutation,
      killed: false,
      why: `could not be made: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

async function main(): Promise<void> {
  // Before anything has run: a list that does not fit the code any more.
  const stale = staleMutations();
  for (const line of stale) console.log(line);
  if (stale.length > 0) return finishWith({ ok: false, mutations: chosen.length, killed: 0, stale: stale.length });
  const needsStack = chosen.some((m) => projectOf(m.test[0]) === 'stack');
  const stop = needsStack ? await startStackOfCopies() : async () => {};
  try {
    const faults = values['no-baseline'] ? [] : await baseline();
    for (const fault of faults) console.log(fault);
    if (faults.length > 0) return finishWith({ ok: false, mutations: chosen.length, killed: 0, baseline: faults });
    const verdicts: Verdict[] = [];
    await share(chosen, async (mutation, copy) => {
      const verdict = await judge(mutation, copy);
      verdicts.push(verdict);
      if (values.write) noteRuns([verdict]);
      const word = verdict.killed ? 'killed  ' : 'SURVIVED';
      console.log(
        `${String(seconds()).padStart(7)} s  ${word}  ${mutation.guard}\n                     ${verdict.why}`,
      );
    });
    const survivors = verdicts.filter((v) => !v.killed).map((v) => v.mutation.guard);
    const ok = survivors.length === 0 && named.length > 0;
    if (values.write) writeFileSync(GUARDS_FILE, await guardsDocument());
    finishWith({
      ok,
      mutations: chosen.length,
      killed: chosen.length - survivors.length,
      survivors,
      seconds: seconds(),
    });
  } finally {
    await stop();
  }
}

await main();
// A pool of a library that does not end by itself must not keep the command.
process.exit();
