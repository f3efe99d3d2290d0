// `npm run replay`: runs every stored history through the present workflow code. One that does not fit means that a running
// escrow would stop at the next deploy: the change needs `patched`.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import proto from '@temporalio/proto';
import { DefaultLogger, type ReplayWorkerOptions, Runtime, Worker } from '@temporalio/worker';
import { finishWith } from './report.ts';

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

async function main(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const histories = storedHistories();
  const failed: Replayed[] = [];
  for await (const result of replay({ workflowsPath: path.join(root, 'workflows/index.ts') }, histories)) {
    console.log(`${result.error === null ? '  ok  ' : 'BROKEN'}  ${result.name}`);
    if (result.error !== null) {
      console.log(`        ${result.error}`);
      failed.push(result);
    }
  }
  finishWith({
    ok: failed.length === 0 && histories.length > 0,
    histories: histories.length,
    broken: failed.map((f) => f.name),
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
