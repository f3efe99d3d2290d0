// The workflow bundle, made once per run: `Worker.create({ workflowBundle: workflowBundle(), … })`.
import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { sharedStack } from './shared-stack.ts';

export function workflowBundle(): { codePath: string } {
  const { bundlePath } = sharedStack();
  if (bundlePath === undefined) throw new Error('there was no workflows/index.ts when the run began');
  return { codePath: bundlePath };
}

/** One of its own for workflows whose payloads are encrypted. */
export function bundleWith({ failureConverterPath }: DataConverter): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    failureConverterPath,
    logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error: console.error },
  });
}
