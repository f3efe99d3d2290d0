// `npm test`: jest with whatever arguments are given, its output as it comes, and as the very last line alone
// `Tests: N passed, N failed`. A suite that could not run counts as one failed test. Every answer that any suite received
// from the Stripe sandbox is kept and, at the end, held against Stripe's OpenAPI spec: one more test.
// With RETRY_FAILED=1 (`.ci/run`) suites that failed run once more, alone: what passes then was about time or load. It is named
// as UNSTABLE, with its first failure above it, and is somebody's work; what fails twice fails.
import { type ChildProcess, spawn } from 'node:child_process';
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
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ status: z.string(), fullName: z.string() })),
    }),
  ),
});
type Results = z.output<typeof resultsSchema>;

/** More suites than this are no accident. */
const RETRIED_AT_MOST = 4;

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const directory = mkdtempSync(path.join(tmpdir(), 'tranche-results-'));
const resultsFile = path.join(directory, 'results.json');

// ESM in jest stands behind a flag of Node, which warns of itself in every worker.
const tap = pathToFileURL(path.join(root, 'test/oracles/tap.js')).href;
const traffic = path.join(directory, 'traffic');
mkdirSync(traffic);
const nodeOptions = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', `--import=${tap}`];
let running: ChildProcess | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void running?.kill(signal));

const first = await run(process.argv.slice(2));
const suites = await again(first);
const agrees = await trafficAgrees();
const passed = suites.passed + (agrees === true ? 1 : 0);
const failed = suites.failed + (agrees === false ? 1 : 0);
rmSync(directory, { recursive: true, force: true });
process.exitCode = failed > 0 ? 1 : 0;
process.stdout.write(`\nTests: ${passed} passed, ${failed} failed\n`);

interface Run {
  passed: number;
  failed: number;
  results: Results | null;
}

async function run(jestArguments: readonly string[]): Promise<Run> {
  const jest = spawn(
    process.execPath,
    [require.resolve('jest/bin/jest'), ...jestArguments, '--json', `--outputFile=${resultsFile}`],
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
  running = jest;
  jest.stderr.pipe(process.stdout, { end: false });
  const code = await new Promise<number>((resolve) => {
    jest.once('error', () => resolve(1));
    jest.once('close', (exitCode) => resolve(exitCode ?? 1));
  });
  try {
    const results = resultsSchema.parse(JSON.parse(readFileSync(resultsFile, 'utf8')));
    const failures = results.numFailedTests + results.numRuntimeErrorTestSuites;
    // An end that no test explains, such as a setup that failed, is a failure all the same.
    return { passed: results.numPassedTests, failed: failures === 0 && code !== 0 ? 1 : failures, results };
  } catch {
    return { passed: 0, failed: 1, results: null };
  } finally {
    rmSync(resultsFile, { force: true });
  }
}

/** Runs the suites that failed once more, where that is asked for and says something. */
async function again(before: Run): Promise<{ passed: number; failed: number }> {
  const red = before.results?.testResults.filter(({ status }) => status === 'failed') ?? [];
  if (process.env['RETRY_FAILED'] !== '1' || red.length === 0 || red.length > RETRIED_AT_MOST) return before;
  console.log(
    `\n${red.length} suites failed; once more, alone: ${red.map(({ name }) => path.relative(root, name)).join(', ')}`,
  );
  const second = await run(['--maxWorkers=1', '--runTestsByPath', ...red.map(({ name }) => name)]);
  if (second.failed > 0) return { passed: before.passed, failed: before.failed };
  for (const { name, assertionResults } of red) {
    const tests = assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
    console.log(`UNSTABLE ${path.relative(root, name)}: ${tests.join('; ') || 'the suite could not run'}`);
  }
  const passedBefore = red
    .flatMap((suite) => suite.assertionResults)
    .filter(({ status }) => status === 'passed').length;
  return { passed: before.passed - passedBefore + second.passed, failed: 0 };
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
