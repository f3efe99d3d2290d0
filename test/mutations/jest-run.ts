// Runs chosen tests of a copy of the project by jest, and reads what came of each.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { projectOf } from './mutation.ts';

const require = createRequire(import.meta.url);

export interface TestsRun {
  passed: string[];
  failed: string[];
  /** Why no test could be run, where none could. */
  broken: string | null;
  timedOut: boolean;
}

export interface TestsWanted {
  file: string;
  /** Parts of names. */
  names: readonly string[];
}

const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);

interface JestResults {
  testResults: {
    message: string;
    assertionResults: { fullName: string; status: string }[];
  }[];
}

/** `limitMs` bounds the whole run: what hangs is ended with the processes that it started. */
export async function runTests(
  directory: string,
  { file, names }: TestsWanted,
  env: NodeJS.ProcessEnv,
  limitMs: number,
): Promise<TestsRun> {
  const output = path.join(directory, '.mutation-results.json');
  rmSync(output, { force: true });
  const child = spawn(
    process.execPath,
    [
      require.resolve('jest/bin/jest'),
      '--selectProjects', projectOf(file),
      '--runTestsByPath', file,
      '-t', names.map(literal).join('|'),
      '--runInBand', '--forceExit', '--json', `--outputFile=${output}`,
      `--cacheDirectory=${path.join(directory, '.jest-cache')}`,
    ],
    {
      cwd: directory,
      stdio: 'ignore',
      detached: true,
      env: { ...env, NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning' },
    },
  ); // prettier-ignore
  let timedOut = false;
  const limit = setTimeout(() => {
    timedOut = true;
    endGroup(child.pid);
  }, limitMs);
  await new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
  clearTimeout(limit);
  return { ...read(output), timedOut };
}

/** Its own group: jest and whatever a test of it started. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function read(output: string): Omit<TestsRun, 'timedOut'> {
  let results: JestResults;
  try {
    results = JSON.parse(readFileSync(output, 'utf8')) as JestResults;
  } catch {
    return { passed: [], failed: [], broken: 'jest wrote no results' };
  }
  const all = results.testResults.flatMap((suite) => suite.assertionResults);
  const named = (status: string) => all.filter((t) => t.status === status).map((t) => t.fullName);
  const passed = named('passed');
  const failed = named('failed');
  const broken = passed.length + failed.length > 0 ? null : (results.testResults[0]?.message ?? 'no test was run');
  return { passed, failed, broken };
}
