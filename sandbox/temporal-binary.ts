// Finds or gets the Temporal server: on PATH, in the project's cache, by the SDK's own download, or built with Go.
import { execFile, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { StartProblem } from './problem.ts';

const run = promisify(execFile);

/** The newest tag that `go install` takes: later ones carry a `replace`. Server 1.29. */
export const TEMPORAL_VERSION = 'v1.5.1';
const SDK_DOWNLOAD = 'sdk';
const DOWNLOAD_LIMIT_MS = 120_000;
const BUILD_LIMIT_MS = 30 * 60_000;

const executable = process.platform === 'win32' ? 'temporal.exe' : 'temporal';

export interface TemporalBinary {
  path: string;
  source: 'path' | 'cache' | 'download' | 'go';
}

export function temporalCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache');
  return path.join(base, 'tranche', 'temporal');
}

/** What is there already, without fetching anything. */
export async function locateTemporal(env: NodeJS.ProcessEnv = process.env): Promise<TemporalBinary | undefined> {
  for (const directory of (env['PATH'] ?? '').split(path.delimiter).filter((entry) => path.isAbsolute(entry))) {
    const candidate = path.join(directory, executable);
    if (isExecutable(candidate) && (await isUsable(candidate))) return { path: candidate, source: 'path' };
  }
  for (const version of [TEMPORAL_VERSION, SDK_DOWNLOAD]) {
    const candidate = path.join(temporalCacheDir(env), version, executable);
    if (isExecutable(candidate)) return { path: candidate, source: 'cache' };
  }
  return undefined;
}

export async function findTemporal(
  onProgress: (line: string) => void = () => {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<TemporalBinary> {
  const known = await locateTemporal(env);
  if (known !== undefined) return known;
  onProgress('no Temporal server on this machine yet: downloading it (about 50 MB, at most two minutes)');
  const reasons: string[] = [];
  for (const get of [download, build]) {
    try {
      return await get(onProgress, env);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      reasons.push(reason);
      onProgress(reason);
    }
  }
  throw new StartProblem(
    `no Temporal server (${reasons.join('; ')}): put \`temporal\` on PATH (https://docs.temporal.io/cli), install Go 1.24 or newer, or set TEMPORAL_ADDRESS`,
  );
}

/** The SDK's ephemeral server downloads Temporal's own release; it runs in a process of its own so that it can be ended. */
async function download(onProgress: (line: string) => void, env: NodeJS.ProcessEnv): Promise<TemporalBinary> {
  const directory = path.join(temporalCacheDir(env), SDK_DOWNLOAD);
  const unfinished = `${directory}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  const script = fileURLToPath(new URL('./temporal-download.ts', import.meta.url));
  try {
    await run(process.execPath, ['--import', import.meta.resolve('tsx'), script, unfinished], {
      timeout: DOWNLOAD_LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    const file = readdirSync(unfinished).find((name) => isExecutable(path.join(unfinished, name)));
    if (file === undefined) throw new Error('nothing was downloaded');
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    renameSync(path.join(unfinished, file), path.join(directory, executable));
    onProgress('downloaded the Temporal server');
    return { path: path.join(directory, executable), source: 'download' };
  } catch (error) {
    const killed = (error as { killed?: boolean }).killed === true;
    // The same address stands in its message twice, with all its parameters.
    const said = (error as { stderr?: string }).stderr
      ?.trim()
      .split('\n')
      .at(-1)
      ?.replaceAll(/error sending request for url \(\S+\): /g, '');
    const why = killed ? `not done after ${DOWNLOAD_LIMIT_MS / 1000} s` : said || 'failed';
    throw new Error(`the download of Temporal did not work: ${why.slice(0, 200)}`, { cause: error });
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

async function build(onProgress: (line: string) => void, env: NodeJS.ProcessEnv): Promise<TemporalBinary> {
  const go = [...(env['PATH'] ?? '').split(path.delimiter), '/usr/local/go/bin']
    .map((directory) => path.join(directory, process.platform === 'win32' ? 'go.exe' : 'go'))
    .find(isExecutable);
  if (go === undefined) throw new Error('there is no Go to build it with');
  const directory = path.join(temporalCacheDir(env), TEMPORAL_VERSION);
  const unfinished = `${directory}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  onProgress(`building the Temporal server with Go: 4 to 5 minutes on two cores, once; kept in ${directory}`);
  const started = Date.now();
  const ticker = setInterval(() => {
    onProgress(`still building the Temporal server (${Math.round((Date.now() - started) / 1000)} s)`);
  }, 20_000);
  try {
    await runToEnd(
      go,
      [
        'install',
        // Without these modules it builds in half the memory; the dev server does not use them.
        '-tags',
        'disable_grpc_modules',
        '-ldflags',
        '-s -w',
        `github.com/temporalio/cli/cmd/temporal@${TEMPORAL_VERSION}`,
      ],
      { ...env, CGO_ENABLED: '0', GOBIN: unfinished, GOFLAGS: '-modcacherw' },
    );
    rmSync(directory, { recursive: true, force: true });
    renameSync(unfinished, directory);
    onProgress(`built the Temporal server in ${Math.round((Date.now() - started) / 1000)} s`);
    return { path: path.join(directory, executable), source: 'go' };
  } finally {
    clearInterval(ticker);
    rmSync(unfinished, { recursive: true, force: true });
  }
}

async function runToEnd(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'], timeout: BUILD_LIMIT_MS });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-2000);
  });
  // Ctrl-C in the middle of a build must not leave the compiler at work.
  const end = () => void child.kill('SIGTERM');
  process.once('exit', end);
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        const last = said.trim().split('\n').at(-1) ?? '';
        if (code === 0) resolve();
        else reject(new Error(`building Temporal with Go did not work: ${last.slice(0, 300)}`));
      });
    });
  } finally {
    process.removeListener('exit', end);
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return existsSync(file);
  } catch {
    return false;
  }
}

/** Other programs are called `temporal` too, and old releases lack what we start it with. */
async function isUsable(file: string): Promise<boolean> {
  try {
    const { stdout } = await run(file, ['server', 'start-dev', '--help'], { timeout: 10_000 });
    return stdout.includes('--search-attribute') && stdout.includes('--sqlite-pragma');
  } catch {
    return false;
  }
}
