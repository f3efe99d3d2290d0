// `npm run simulate -- --seeds N [--seed S] [--processes P]`: seeded schedules of the real workflow bundle on virtual time.
// With --seed and without --seeds, that one schedule is told line by line.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ESCROW_TRANSITIONS, MILESTONE_TRANSITIONS } from '../domain/transitions.ts';
import { createIsolate, LOCAL_ACTIVITIES } from '../simulation/isolate.ts';
import { newTally, runSeed, SeedFailed } from '../simulation/schedule.ts';
import { runSeeds } from '../simulation/processes.ts';
import { bundleWorkflows } from '../worker/workflow-bundle.ts';
import { finishWith, table } from './report.ts';

/** Rows and faults that these schedules need not visit, with the reason. */
const ELSEWHERE: Record<string, string> = {
  'milestone.new_due_date':
    'needs an overdue milestone in an amendment that gives it time and is signed by all: shown by test/amendments',
};
/** From so many schedules on they go everywhere: what none has visited is not proven. */
const GOES_EVERYWHERE = 10_000;

const rows = [...ESCROW_TRANSITIONS.map((r) => `escrow.${r.name}`), ...MILESTONE_TRANSITIONS.map((r) => `milestone.${r.name}`)]; // prettier-ignore

/** One schedule, line by line. */
async function tell(seed: number): Promise<void> {
  const isolate = createIsolate(await bundleWorkflows(), LOCAL_ACTIVITIES);
  try {
    const state = await runSeed(isolate, seed, newTally(rows), { tell: (line) => console.log(line) });
    finishWith({ ok: true, seed, status: state.status });
  } catch (error) {
    if (!(error instanceof SeedFailed)) throw error;
    console.log(error.cause);
    finishWith({ ok: false, seed, failed: error.message });
  }
}

async function simulate(first: number, seeds: number, processes: number): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'tranche-simulate-'));
  const file = path.join(directory, 'workflow-bundle.js');
  writeFileSync(file, await bundleWorkflows());
  const began = performance.now();
  const { ran, tally, failed, cpuSeconds } = await runSeeds(
    { file, rows },
    { first, seeds, processes },
    (chunk, ran) => {
      for (const { message } of chunk.failed) console.log(`FAILED ${message.slice(0, 1500)}`);
      if (ran % 1000 === 0) console.log(`${ran} schedules`);
    },
  ).finally(() => rmSync(directory, { recursive: true, force: true }));
  const seconds = (performance.now() - began) / 1000;
  const rate = (over: number) => Math.round((ran / over) * 10) / 10;
  const figures = (of: Record<string, number>) => table(['', 'visits'], Object.entries(of).map(([name, n]) => [name, String(n)])); // prettier-ignore
  console.log(`\n${figures(tally.transitions)}\n\n${figures(tally.faults)}\n\n${figures(tally.branches)}\n`);
  const never = [
    ...Object.entries(tally.transitions),
    ...Object.entries(tally.faults),
    ...Object.entries(tally.branches),
  ]
    .filter(([name, n]) => n === 0 && !(name in ELSEWHERE))
    .map(([name]) => name);
  finishWith({
    ok: failed.length === 0 && ran === seeds && (seeds < GOES_EVERYWHERE || never.length === 0),
    seeds,
    processes,
    per_second: rate(seconds),
    per_cpu_second: rate(cpuSeconds),
    failed: failed.map((f) => f.seed),
    never_visited: never,
    shown_elsewhere: ELSEWHERE,
    tasks: tally.tasks,
    ends: tally.ends,
    transitions: tally.transitions,
    faults: tally.faults,
    branches: tally.branches,
  });
}

const { values } = parseArgs({
  options: { seeds: { type: 'string' }, seed: { type: 'string' }, processes: { type: 'string' } },
});
const whole = (name: 'seeds' | 'seed' | 'processes', fallback: number): number => {
  const value = Number(values[name] ?? fallback);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`--${name} must be a whole number above 0: npm run simulate -- --seeds N [--seed S] [--processes P]`);
};
try {
  if (values.seed !== undefined && values.seeds === undefined) await tell(whole('seed', 1));
  else await simulate(whole('seed', 1), whole('seeds', 1000), whole('processes', availableParallelism()));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  console.error(message);
  finishWith({ ok: false, error: message });
}
