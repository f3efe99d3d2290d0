// The workflow bundle in the SDK's isolate, made once for each test file.
import { ESCROW_TRANSITIONS, MILESTONE_TRANSITIONS } from '../../domain/transitions.ts';
import { createIsolate, type Isolate, LOCAL_ACTIVITIES } from '../../simulation/isolate.ts';
import { newTally } from '../../simulation/schedule.ts';
import { bundleWorkflows } from '../../worker/workflow-bundle.ts';

export async function isolateForTests(): Promise<Isolate> {
  return createIsolate(await bundleWorkflows(), LOCAL_ACTIVITIES);
}

export const tallyForTests = () =>
  newTally([...ESCROW_TRANSITIONS.map((r) => `escrow.${r.name}`), ...MILESTONE_TRANSITIONS.map((r) => `milestone.${r.name}`)]); // prettier-ignore
