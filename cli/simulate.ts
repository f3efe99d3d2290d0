// `npm run simulate -- --seeds N [--seed S]`: seeded schedules of the real workflow bundle on virtual time. With --seed and
// without --seeds, that one schedule is told line by line.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundleWorkflowCode } from '@temporalio/worker';
import { ESCROW_TRANSITIONS, MILESTONE_TRANSITIONS } from '../domain/transitions.ts';
import { createIsolate, LOCAL_ACTIVITIES } from '../simulation/isolate.ts';
import { newTally, runSeed, SeedFailed } from '../simulation/schedule.ts';
import { finishWith, table } from './report.ts';

/** Rows and faults that these schedules need not visit, with the reason. */
const ELSEWHERE: Record<string, string> = {
  'milestone.new_due_date':
    'needs an overdue milestone in an amendment that gives it time and is signed by all: shown by test/amendments',
};

const { values } = parseArgs({ options: { seeds: { type: 'string' }, seed: { type: 'string' } } });
const first = Number(values.seed ?? 1);
const seeds = Number(values.seeds ?? (values.seed === undefined ? 1000 : 1));
const told = values.seed !== undefined && values.seeds === undefined;

const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };
const { code } = await bundleWorkflowCode({
  workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
  logger: quiet,
});
const isolate = createIsolate(code, LOCAL_ACTIVITIES);
const rows = [...ESCROW_TRANSITIONS.map((r) => `escrow.${r.name}`), ...MILESTONE_TRANSITIONS.map((r) => `milestone.${r.name}`)]; // prettier-ignore
const tally = newTally(rows);
const failed: SeedFailed[] = [];
const began = performance.now();
const usedBefore = process.cpuUsage();
let ran = 0;
for (let seed = first; seed < first + seeds; seed++) {
  ran += 1;
  try {
    const state = await runSeed(isolate, seed, tally, told ? { tell: (line) => console.log(line) } : {});
    if (told) console.log(state.status);
  } catch (error) {
    if (!(error instanceof SeedFailed)) throw error;
    failed.push(error);
    console.log(`FAILED ${error.message.slice(0, 1500)}`);
    if (told) console.log(error.cause);
    if (failed.length >= 20) break;
  }
  if ((seed - first + 1) % 1000 === 0) console.log(`${seed - first + 1} schedules`);
}
const seconds = (performance.now() - began) / 1000;
const used = process.cpuUsage(usedBefore);
const cpuSeconds = (used.user + used.system) / 1e6;
const rate = (over: number) => Math.round((ran / over) * 10) / 10;
const figures = (of: Record<string, number>) => table(['', 'visits'], Object.entries(of).map(([name, n]) => [name, String(n)])); // prettier-ignore
console.log(`\n${figures(tally.transitions)}\n\n${figures(tally.faults)}\n`);
// Enough schedules go everywhere: what none has visited is not proven.
const never = [...Object.entries(tally.transitions), ...Object.entries(tally.faults)]
  .filter(([name, n]) => n === 0 && !(name in ELSEWHERE))
  .map(([name]) => name);
finishWith({
  ok: failed.length === 0 && ran === seeds && (seeds < 2000 || never.length === 0),
  seeds,
  per_second: rate(seconds),
  per_cpu_second: rate(cpuSeconds),
  failed: failed.map((f) => f.seed),
  never_visited: never,
  shown_elsewhere: ELSEWHERE,
  tasks: tally.tasks,
  ends: tally.ends,
  transitions: tally.transitions,
  faults: tally.faults,
});
