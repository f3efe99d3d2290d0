// A stack of real parts (PostgreSQL and Temporal): one per DATA_DIR, settings for others to join, and nothing left behind.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import postgres from 'postgres';
import { startStack } from '../../cli/stack.ts';
import type { Stack, StackOptions } from '../../cli/stack.ts';
import { loadSettings } from '../../config/settings.ts';
import { startPostgres } from '../../sandbox/postgres.ts';
import { freePort } from '../stack/free-port.ts';
import { isAlive, until } from './wait.ts';

let dataDir: string;
let stacks: Stack[];
let drivers: ChildProcess[];
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'tranche-stack-'));
  chmodSync(dataDir, 0o755);
  stacks = [];
  drivers = [];
});
afterEach(async () => {
  await Promise.all(stacks.map((stack) => stack.stop()));
  for (const driver of drivers) driver.kill('SIGKILL');
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(options: StackOptions = {}): Promise<Stack> {
  const stack = await startStack({
    env: { DATA_DIR: dataDir },
    freePorts: true,
    parts: ['postgres'],
    quiet: true,
    ...options,
  });
  stacks.push(stack);
  return stack;
}

const one = async (url: string): Promise<unknown> => {
  const sql = postgres(url, { max: 1, connect_timeout: 5 });
  try {
    return (await sql`SELECT 1 AS one`)[0]?.['one'];
  } finally {
    await sql.end({ timeout: 1 });
  }
};

const driverScript = fileURLToPath(new URL('./fixtures/stack-driver.ts', import.meta.url));

/** A stack in a process of its own, once it is ready. */
async function drive(
  command = process.execPath,
  args = ['--import', import.meta.resolve('tsx'), driverScript],
  cwd = dataDir,
): Promise<{ driver: ChildProcess; pids: number[]; env: Record<string, string> }> {
  const env: NodeJS.ProcessEnv = { ...process.env, DATA_DIR: dataDir };
  delete env['npm_lifecycle_event'];
  const driver = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  drivers.push(driver);
  let errors = '';
  driver.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString('utf8');
  });
  const [line] = (await Promise.race([
    once(createInterface({ input: driver.stdout }), 'line'),
    once(driver, 'exit').then(() => {
      throw new Error(errors);
    }),
  ])) as [string];
  const told = JSON.parse(line) as { pids: Record<string, number>; env: Record<string, string> };
  return { driver, pids: Object.values(told.pids), env: told.env };
}

test('others join a running stack by its DATA_DIR; after it has stopped there is none to join', async () => {
  const stack = await start();
  const joined = loadSettings({ DATA_DIR: dataDir });
  expect(await one(joined.databaseUrl)).toBe(1);
  expect(await one(joined.migrationDatabaseUrl)).toBe(1);
  expect(joined.migrationDatabaseUrl).not.toBe(joined.databaseUrl);
  expect(joined.mode).toBe('sandbox');
  expect(joined.stripe.webhookSecrets).toHaveLength(1);
  await stack.stop();
  expect(loadSettings({ DATA_DIR: dataDir }).embedded.postgres).toBe(true);
  await expect(one(joined.databaseUrl)).rejects.toThrow(/ECONNREFUSED/);
});

test('a second start on the same data is refused in one line and leaves the first one alone', async () => {
  const stack = await start();
  await expect(start()).rejects.toThrow(
    `a stack already runs on ${dataDir} (process ${process.pid}, ${stack.urls.pages}): use it, stop it, or set DATA_DIR`,
  );
  expect(await one(stack.env['DATABASE_URL']!)).toBe(1);
});

test('a port in use is one line with its setting, and the lock is free again', async () => {
  const squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
  const port = String((squatter.address() as AddressInfo).port);
  const env = { DATA_DIR: dataDir, POSTGRES_PORT: port };
  await expect(start({ env })).rejects.toThrow(`port ${port} is in use: stop what uses it, or set POSTGRES_PORT`);
  await expect(start({ env: { ...env, PORT: port }, parts: ['postgres', 'api'] })).rejects.toThrow('set PORT');
  await new Promise((resolve) => squatter.close(resolve));
  const stack = await start({ env });
  expect(stack.env['DATABASE_URL']).toContain(`:${port}/`);
});

test('a lock left by a killed stack does not count, even when its number was given to another process', async () => {
  const lock = path.join(dataDir, 'lock');
  for (const pid of [2_147_483_646, process.ppid]) {
    writeFileSync(lock, JSON.stringify({ pid, born: 'Thu Jan  1 00:00:00 1970', url: 'http://127.0.0.1:1' }));
    const stack = await start();
    await stack.stop();
    expect(existsSync(lock)).toBe(false);
  }
});

test('PostgreSQL killed under a running stack comes back on the same address with its data', async () => {
  const said: string[] = [];
  const stack = await start({ quiet: false, say: (line) => said.push(line) });
  const url = stack.env['DATABASE_URL']!;
  const before = stack.pids()['postgres']!;
  await stack.kill('postgres');
  await stack.untilReady('postgres');
  expect(stack.pids()['postgres']).not.toBe(before);
  expect(await one(url)).toBe(1);
  expect(said).toContain('postgres ended (signal SIGKILL): starting it again');
});

test('only the server killed, not its wrapper: seen as well', async () => {
  const stack = await start();
  const before = stack.pids()['postgres']!;
  process.kill(before, 'SIGKILL');
  await until(() => (stack.pids()['postgres'] ?? before) !== before, 'a new PostgreSQL runs');
  expect(await one(stack.env['DATABASE_URL']!)).toBe(1);
});

test('real parts take the place of embedded ones by settings alone, and the database is migrated', async () => {
  const directory = path.join(dataDir, 'elsewhere');
  const own = await startPostgres({ dataDir: directory, port: await freePort(), throwaway: true });
  try {
    const database = { DATABASE_URL: own.appUrl, MIGRATION_DATABASE_URL: own.ownerUrl };
    const others = {
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      STRIPE_SECRET_KEY: 'sk_test_1',
      STRIPE_WEBHOOK_SECRETS: 'whsec_1',
    };
    const env = { DATA_DIR: dataDir, ...database, ...others };
    const stack = await start({ env, parts: ['postgres', 'temporal', 'stripe', 'migrate'] });
    expect(stack.pids()).toEqual({});
    expect(existsSync(path.join(dataDir, 'postgres.json'))).toBe(false);
    const sql = postgres(own.appUrl, { max: 1 });
    expect((await sql`SELECT count(*)::int AS escrows FROM escrows`)[0]).toEqual({ escrows: 0 });
    await sql.end();
  } finally {
    await own.stop();
  }
});

test('SIGTERM stops everything and leaves nothing behind; the next start finds the data', async () => {
  const first = await drive();
  expect(first.pids).toHaveLength(2);
  const sql = postgres(first.env['MIGRATION_DATABASE_URL']!, { max: 1 });
  await sql`CREATE TABLE kept AS SELECT 5 AS answer`;
  await sql.end();
  first.driver.kill('SIGTERM');
  const [code] = (await once(first.driver, 'exit')) as [number];
  expect(code).toBe(0);
  expect(first.pids.map(isAlive)).toEqual([false, false]);
  expect(existsSync(path.join(dataDir, 'lock'))).toBe(false);

  const stack = await start();
  const again = postgres(stack.env['MIGRATION_DATABASE_URL']!, { max: 1 });
  expect([...(await again`SELECT answer FROM kept`)]).toEqual([{ answer: 5 }]);
  await again.end();
});

test('kill -9 of the supervisor: its parts notice and end, and the next start works', async () => {
  const first = await drive();
  first.driver.kill('SIGKILL');
  await once(first.driver, 'exit');
  await until(() => !first.pids.some(isAlive), 'no part is left');
  const stack = await start();
  expect(await one(stack.env['DATABASE_URL']!)).toBe(1);
});

test.each(['SIGTERM', 'SIGKILL'] as const)('%s to npm alone stops what it started', async (signal) => {
  const tsx = fileURLToPath(new URL('../../node_modules/tsx/dist/cli.mjs', import.meta.url));
  const start = `"${process.execPath}" "${tsx}" "${driverScript}"`;
  writeFileSync(path.join(dataDir, 'package.json'), JSON.stringify({ name: 'driver', scripts: { start } }));
  const { driver, pids } = await drive('npm', ['start', '--silent']);
  driver.kill(signal);
  await once(driver, 'exit');
  await until(() => !pids.some(isAlive) && !existsSync(path.join(dataDir, 'lock')), 'no part is left');
});
