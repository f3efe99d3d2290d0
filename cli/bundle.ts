// Makes the workflow bundle into a file, so that a worker starts, and starts again, without the seconds that it takes:
// WORKFLOW_BUNDLE names the file. `tsx cli/bundle.ts FILE`
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { failureConverterPath } from '../codec/data-converter.ts';
import { loadSettings } from '../config/settings.ts';
import { bundleWorkflowCode } from '@temporalio/worker';

const file = process.argv[2];
if (file === undefined) {
  console.error('usage: bundle.ts FILE');
  process.exit(1);
}
const workflowsPath = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));
const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };
// The workflows' side of the codec is part of the bundle.
const { codecKeys } = loadSettings().temporal;
const { code } = await bundleWorkflowCode({
  workflowsPath,
  logger: quiet,
  failureConverterPath: failureConverterPath(codecKeys),
});
mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
// Moved into place, so that a worker never reads half of it.
writeFileSync(`${file}.new`, code);
renameSync(`${file}.new`, file);
