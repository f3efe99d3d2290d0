// Makes the workflow bundle into a file, so that a worker starts, and starts again, without the seconds that it takes:
// WORKFLOW_BUNDLE names the file. `tsx cli/bundle.ts FILE`
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { failureConverterPath } from '../codec/data-converter.ts';
import { loadSettings } from '../config/settings.ts';
import { bundleWorkflows } from '../worker/workflow-bundle.ts';

const file = process.argv[2];
if (file === undefined) {
  console.error('usage: bundle.ts FILE');
  process.exit(1);
}
// The workflows' side of the codec is part of the bundle.
const { codecKeys } = loadSettings().temporal;
const code = await bundleWorkflows({ failureConverterPath: failureConverterPath(codecKeys) });
mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
// Moved into place, so that a worker never reads half of it.
writeFileSync(`${file}.new`, code);
renameSync(`${file}.new`, file);
