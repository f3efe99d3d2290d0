// How the workflows are bundled: one way for the worker, replays, the simulation and the tests.
import { fileURLToPath } from 'node:url';
import { type BundleOptions, bundleWorkflowCode, type WorkerOptions } from '@temporalio/worker';

const workflowsPath = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));

/**
 * Modules that a worker evaluates once, frozen, for all of its workflows, instead of once for each: all of them, because none holds
 * state of its own (test/simulation/modules.test.ts). It spares each start, replay and continue-as-new a sixth of its time, and
 * each workflow in the cache its copies.
 */
const preloadModules = [workflowsPath];

/** For a worker that bundles at its start. */
export const workflowsOfWorker = { workflowsPath, bundlerOptions: { preloadModules } } satisfies Partial<WorkerOptions>;

/** The bundle's code, with its source map. Silent but for warnings and errors. */
export async function bundleWorkflows(options: Pick<BundleOptions, 'failureConverterPath'> = {}): Promise<string> {
  const logger = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };
  return (await bundleWorkflowCode({ workflowsPath, preloadModules, logger, ...options })).code;
}
