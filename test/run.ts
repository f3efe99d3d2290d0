// `npm test`: jest with whatever arguments are given, its output as it comes, and as the very last line alone
// `Tests: N passed, N failed`. A suite that could not run counts as one failed test. Every answer that any suite received
// from the Stripe sandbox is kept and, at the end, held against Stripe's OpenAPI spec: one more test.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import { validateTraffic } from './oracles/recorded-traffic.ts';

const resultsSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numRuntimeErrorTestSuites: z.number(),
});

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const directory = mkdtempSync(path.join(tmpdir(), 'tranche-results-'));
const resultsFile = path.join(directory, 'results.json');

// ESM in jest stands behind a flag of Node, which warns of itself in every worker.
const tap = pathToFileURL(path.join(root, 'test/oracles/tap.js')).href;
const traffic = path.join(directory, 'traffic');
mkdirSync(traffic);
const nodeOptions = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', `--import=${tap}`];
const jest = spawn(
  process.execPath,
  [require.resolve('jest/bin/jest'), ...process.argv.slice(2), '--json', `--outputFile=${resultsFile}`],
  {
    cwd: root,
    // With --json jest prints its results to stdout too; people read its report on stderr.
    stdio: ['inherit', 'ignore', 'pipe'],
    env: {
      ...process.env,
      STRIPE_SANDBOX_RECORD: traffic,
      NODE_OPTIONS: [process.env['NODE_OPTIONS'], ...nodeOptions].filter(Boolean).join(' '),
    },
  },
);
jest.stderr.pipe(process.stdout, { end: false });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void jest.kill(signal));

const code = await new Promise<number>((resolve) => {
  jest.once('error', () => resolve(1));
  jest.once('close', (exitCode) => resolve(exitCode ?? 1));
});

const suites = count();
const agrees = await trafficAgrees();
const passed = suites.passed + (agrees === true ? 1 : 0);
const failed = suites.failed + (agrees === false ? 1 : 0);
rmSync(directory, { recursive: true, force: true });
process.exitCode = failed > 0 ? 1 : code;
process.stdout.write(`\nTests: ${passed} passed, ${failed} failed\n`);

function count(): { passed: number; failed: number } {
  try {
    const results = resultsSchema.parse(JSON.parse(readFileSync(resultsFile, 'utf8')));
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    // An end that no test explains, such as a setup that failed, is a failure all the same.
    return { passed: results.numPassedTests, failed: failed === 0 && code !== 0 ? 1 : failed };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

/** True or false where suites spoke to the sandbox; null where none did, or where the spec cannot be had (the oracles say so). */
async function trafficAgrees(): Promise<boolean | null> {
  try {
    const { responses, distinct, problems } = await validateTraffic(traffic);
    if (responses === 0) return null;
    for (const problem of problems) console.log(`sandbox answer against Stripe's OpenAPI spec: ${problem}`);
    console.log(
      `\nsandbox answers held against Stripe's OpenAPI spec: ${responses}, ${distinct} distinct, ${problems.length} problems`,
    );
    return problems.length === 0;
  } catch (error) {
    console.log(
      `the sandbox's answers could not be held against Stripe's spec: ${error instanceof Error ? error.message : String(error)}`,
    );
    return null;
  }
}
