// The workflow bundle, made once per run: `Worker.create({ workflowBundle: workflowBundle(), … })`.
import { sharedStack } from './shared-stack.ts';

export function workflowBundle(): { codePath: string } {
  const { bundlePath } = sharedStack();
  if (bundlePath === undefined) throw new Error('there was no workflows/index.ts when the run began');
  return { codePath: bundlePath };
}
