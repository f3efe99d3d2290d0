// `npm run replay`: runs every stored history through the present workflow code. One that does not fit means that a running
// escrow would stop at the next deploy: the change needs `patched`. Also what they cost, and what a workflow takes of a
// worker's memory, each against its budget.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import proto from '@temporalio/proto';
import { DefaultLogger, type ReplayWorkerOptions, Runtime, Worker } from '@temporalio/worker';
import { bundleSizeKb, kbPerCachedWorkflow } from '../simulation/footprint.ts';
import { bundleWorkflows } from '../worker/workflow-bundle.ts';
import { type Cost, costOfHistory } from './history-cost.ts';
import { finishWith, table } from './report.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A history as it is stored: whose it was, and its events as plain JSON, written by test/stack/record-history.ts. */
export interface StoredHistory {
  name: string;
  workflowId: string;
  history: { events: Record<string, unknown>[] };
}

export interface Replayed {
  name: string;
  /** What did not fit, or null. */
  error: string | null;
}

export function storedHistories(directory = path.join(root, 'test/histories')): StoredHistory[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => {
      const { workflowId, history } = JSON.parse(readFileSync(path.join(directory, file), 'utf8')) as StoredHistory;
      return { name: path.basename(file, '.json'), workflowId, history };
    });
}

/** Replays one after the other; `code` is a prebuilt bundle or the path of the workflows. */
export async function* replay(
  code: Pick<ReplayWorkerOptions, 'workflowBundle' | 'workflowsPath'>,
  histories: readonly StoredHistory[],
): AsyncGenerator<Replayed> {
  // By its own id each: two runs of one escrow may be stored.
  const named = histories.map(({ name, history }) => ({
    workflowId: name,
    history: proto.temporal.api.history.v1.History.fromObject(history),
  }));
  for await (const { workflowId: name, error } of Worker.runReplayHistories({ ...code, replayName: 'stored' }, named)) {
    yield { name, error: error?.message ?? null };
  }
}

/** What the two ordinary paths may cost: three milestones, accepted, or let pass with three reminders each. */
export const BUDGETS: Readonly<Record<string, { actions: number; events: number }>> = {
  accepted: { actions: 24, events: 100 },
  automatic: { actions: 36, events: 125 },
};
const BUNDLE_KB = 1024;
const CACHED_KB = 400;

async function main(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const histories = storedHistories();
  const code = await bundleWorkflows();
  const failed: Replayed[] = [];
  for await (const result of replay({ workflowBundle: { code } }, histories)) {
    console.log(`${result.error === null ? '  ok  ' : 'BROKEN'}  ${result.name}`);
    if (result.error !== null) {
      console.log(`        ${result.error}`);
      failed.push(result);
    }
  }
  const { History } = proto.temporal.api.history.v1;
  const costs = new Map(histories.map(({ name, history }) => [name, costOfHistory(History.fromObject(history))]));
  const rows = [...costs].map(([name, cost]) => [name, cost.actions, cost.events, Math.ceil(cost.bytes / 1024)].map(String)); // prettier-ignore
  console.log(`\n${table(['path', 'actions', 'events', 'KB'], rows)}\n`);
  const bundleKb = bundleSizeKb(code);
  const cachedKb = await kbPerCachedWorkflow(code);
  const over = [
    ...Object.entries(BUDGETS).filter(([name, budget]) => !within(costs.get(name), budget)).map(([name]) => name), // prettier-ignore
    ...(bundleKb > BUNDLE_KB ? ['bundle_kb'] : []),
    ...(cachedKb > CACHED_KB ? ['kb_per_cached_workflow'] : []),
  ];
  finishWith({
    ok: failed.length === 0 && histories.length > 0 && over.length === 0,
    histories: histories.length,
    broken: failed.map((f) => f.name),
    over_budget: over,
    bundle_kb: bundleKb,
    bundle_kb_budget: BUNDLE_KB,
    kb_per_cached_workflow: cachedKb,
    kb_per_cached_workflow_budget: CACHED_KB,
    budgets: BUDGETS,
    paths: Object.fromEntries([...costs].map(([name, { actions, events, bytes }]) => [name, { actions, events, bytes }])), // prettier-ignore
  });
}

/** A path that is not stored is over its budget: nobody has looked. */
const within = (cost: Cost | undefined, budget: { actions: number; events: number }): boolean =>
  cost !== undefined && cost.actions <= budget.actions && cost.events <= budget.events;

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
