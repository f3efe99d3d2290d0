// The workflow bundle, made once per run: `Worker.create({ workflowBundle: workflowBundle(), … })`.
import type { DataConverter } from '@temporalio/common';
import { bundleWorkflows } from '../../worker/workflow-bundle.ts';
import { sharedStack } from './shared-stack.ts';

export function workflowBundle(): { codePath: string } {
  const { bundlePath } = sharedStack();
  if (bundlePath === undefined) throw new Error('there was no workflows/index.ts when the run began');
  return { codePath: bundlePath };
}

/** One of its own for workflows whose payloads are encrypted. */
export const bundleWith = async ({ failureConverterPath }: DataConverter): Promise<{ code: string }> => ({
  code: await bundleWorkflows({ failureConverterPath }),
});
