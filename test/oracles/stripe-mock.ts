// Stripe's own stripe-mock: its module holds the OpenAPI spec, its program is the differential. Both come with Go once and
// stay under the user's cache. Without Go the oracles fail, unless ALLOW_NO_GO=1 says otherwise outside CI.
import { execFile, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';

const VERSION = 'v0.203.0';
const MODULE = `github.com/stripe/stripe-mock@${VERSION}`;

const cache = path.join(
  process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'),
  'tranche',
  'stripe-mock',
  VERSION,
);
const specFile = path.join(cache, 'spec3.json');
const fixturesFile = path.join(cache, 'fixtures3.json');
const program = path.join(cache, process.platform === 'win32' ? 'stripe-mock.exe' : 'stripe-mock');

class NoGo extends Error {}

/** Runs the go command outside any module; says in one line when there is none. */
async function go(args: string[], more: Record<string, string> = {}): Promise<string> {
  const cwd = mkdtempSync(path.join(tmpdir(), 'tranche-go-'));
  try {
    return await new Promise<string>((resolve, reject) => {
      const env = { ...process.env, GOFLAGS: '', GO111MODULE: 'on', ...more };
      execFile('go', args, { cwd, env, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
        if (!error) resolve(stdout);
        else if (error.code === 'ENOENT') {
          reject(new NoGo(`Go is needed once to get ${MODULE} (install Go, or set ALLOW_NO_GO=1 outside CI)`));
        } else reject(new Error(`go ${args.join(' ')} failed: ${(stderr || stdout).trim()}`));
      });
    });
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** Null only where no Go was allowed and none is there. */
async function unlessAllowed<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    const allowed = process.env['ALLOW_NO_GO'] === '1' && !process.env['CI'];
    if (error instanceof NoGo && allowed) return null;
    throw error;
  }
}

/** Copies under a name of its own first: a suite beside this one may do the same. */
function place(from: string, to: string): void {
  const own = `${to}.${process.pid}`;
  copyFileSync(from, own);
  renameSync(own, to);
}

export async function readOpenApi(): Promise<unknown> {
  return unlessAllowed(async () => {
    if (!existsSync(specFile) || !existsSync(fixturesFile)) {
      mkdirSync(cache, { recursive: true });
      const { Dir } = JSON.parse(await go(['mod', 'download', '-json', MODULE])) as { Dir: string };
      place(path.join(Dir, 'embedded', 'openapi', 'fixtures3.json'), fixturesFile);
      place(path.join(Dir, 'embedded', 'openapi', 'spec3.json'), specFile);
    }
    return JSON.parse(readFileSync(specFile, 'utf8')) as unknown;
  });
}

async function build(): Promise<void> {
  if (existsSync(program)) return;
  mkdirSync(cache, { recursive: true });
  const own = mkdtempSync(path.join(cache, 'build-'));
  try {
    await go(['install', MODULE], { GOBIN: own });
    renameSync(path.join(own, path.basename(program)), program);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

export type StripeMock = { url: string; close(): Promise<void> };

/** Starts the program on free ports of this host alone. */
export async function startStripeMock(): Promise<StripeMock | null> {
  return unlessAllowed(async () => {
    await build();
    const [http, https] = [await freePort(), await freePort()];
    const child = spawn(program, ['-http-addr', `127.0.0.1:${http}`, '-https-addr', `127.0.0.1:${https}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    await new Promise<void>((resolve, reject) => {
      let said = '';
      const hear = (chunk: Buffer): void => {
        said += chunk.toString('utf8');
        if (said.includes(`Listening for HTTP at address: 127.0.0.1:${http}`)) resolve();
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`stripe-mock ended with ${code}: ${said.trim()}`)));
    });
    return {
      url: `http://127.0.0.1:${http}`,
      async close() {
        child.kill();
        await ended;
      },
    };
  });
}
