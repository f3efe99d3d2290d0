// The workflow bundle in the SDK's isolate, made once for each test file.
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { ESCROW_TRANSITIONS, MILESTONE_TRANSITIONS } from '../../domain/transitions.ts';
import { createIsolate, type Isolate, LOCAL_ACTIVITIES } from '../../simulation/isolate.ts';
import { newTally } from '../../simulation/schedule.ts';

const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };

export async function isolateForTests(): Promise<Isolate> {
  const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: quiet });
  return createIsolate(code, LOCAL_ACTIVITIES);
}

export const tallyForTests = () =>
  newTally([...ESCROW_TRANSITIONS.map((r) => `escrow.${r.name}`), ...MILESTONE_TRANSITIONS.map((r) => `milestone.${r.name}`)]); // prettier-ignore
