// Writes the histories that `npm run replay` replays, when a test run asks for it: RECORD_HISTORIES=1.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import proto from '@temporalio/proto';
import type { World } from './world.ts';

const DIRECTORY = fileURLToPath(new URL('../histories/', import.meta.url));
const recording = process.env['RECORD_HISTORIES'] === '1';

/** What names a machine or a process of it: every history says the same. */
const WHO: Readonly<Record<string, string>> = { identity: 'recorded', requestId: 'recorded', workerInstanceKey: 'recorded', binaryChecksum: 'recorded' }; // prettier-ignore

/** Stores the newest run of a workflow (or the run that is named) as `test/histories/<name>.json`, with nothing of the machine that ran it. */
export async function recordHistory(world: World, workflowId: string, name: string, runId?: string): Promise<void> {
  if (!recording) return;
  const history = await world.client.workflow.getHandle(workflowId, runId).fetchHistory();
  mkdirSync(DIRECTORY, { recursive: true });
  // Not the SDK's historyToJSON: it fails where npm installs protobufjs more than once ("type must be a Type").
  const { History } = proto.temporal.api.history.v1;
  const plain = History.toObject(History.fromObject(history), { longs: String, enums: String, bytes: String });
  const text = JSON.stringify({ workflowId, history: plain }, scrub);
  writeFileSync(`${DIRECTORY}${name}.json`, `${text}\n`);
}

export const recordEscrow = (world: World, escrowId: string, name: string): Promise<void> =>
  recordHistory(world, `escrow/${escrowId}`, name);

function scrub(key: string, value: unknown): unknown {
  if (typeof value === 'string' && key in WHO) return WHO[key];
  // A worker's own queue is named after its process and machine.
  if (typeof value === 'string' && /^\d+@/.test(value)) return 'recorded';
  // A failure's stack holds the paths of this machine.
  return key === 'stackTrace' ? '' : value;
}
