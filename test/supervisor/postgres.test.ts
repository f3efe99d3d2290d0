// The embedded PostgreSQL: a private home, data that outlives restarts and kills, leftovers, and clear refusals.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import postgres from 'postgres';
import { startPostgres } from '../../sandbox/postgres.ts';
import type { PostgresOptions, RunningPostgres } from '../../sandbox/postgres.ts';
import { freePort } from '../stack/free-port.ts';
import { isAlive, until } from './wait.ts';

let parent: string;
let dataDir: string;
let port: number;
let servers: RunningPostgres[];
beforeEach(async () => {
  // Private like a home directory: as root, PostgreSQL's own user cannot enter it.
  parent = mkdtempSync(path.join(tmpdir(), 'tranche-private-'));
  chmodSync(parent, 0o700);
  dataDir = path.join(parent, 'data');
  mkdirSync(dataDir);
  port = await freePort();
  servers = [];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  const { cluster } = state();
  if (!cluster.startsWith(parent)) rmSync(cluster, { recursive: true, force: true });
  rmSync(parent, { recursive: true, force: true });
});

const state = () => {
  const file = path.join(dataDir, 'postgres.json');
  if (!existsSync(file)) return { cluster: parent };
  return JSON.parse(readFileSync(file, 'utf8')) as { cluster: string };
};

async function start(options: Partial<PostgresOptions> = {}): Promise<RunningPostgres> {
  const server = await startPostgres({ dataDir, port, ...options });
  servers.push(server);
  return server;
}

async function query(url: string, text: string): Promise<unknown[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return [...(await sql.unsafe(text))];
  } finally {
    await sql.end();
  }
}

test('runs under a private directory and keeps its data over a restart', async () => {
  const first = await start();
  await query(first.ownerUrl, `CREATE TABLE kept AS SELECT 42 AS answer`);
  await first.stop();
  expect(isAlive(first.pid)).toBe(false);
  const second = await start();
  expect(second.ownerUrl).toBe(first.ownerUrl);
  expect(await query(second.ownerUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  expect(statSync(path.join(dataDir, 'postgres.json')).mode & 0o077).toBe(0);
});

test('after kill -9 the next start recovers what was committed', async () => {
  const first = await start();
  await query(first.ownerUrl, `CREATE TABLE kept AS SELECT 7 AS answer`);
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  expect(existsSync(path.join(state().cluster, 'postmaster.pid'))).toBe(true);
  const second = await start();
  expect(await query(second.ownerUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 7 }]);
});

test('a postmaster.pid whose number now belongs to another program does not stop it', async () => {
  const first = await start();
  await first.stop();
  const file = path.join(state().cluster, 'postmaster.pid');
  writeFileSync(file, `${process.pid}\n${state().cluster}\n0\n${port}\n\n127.0.0.1\n`);
  const second = await start();
  expect(await query(second.appUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('a second server on the same data is refused in one line; the holder of the lock takes over', async () => {
  const first = await start();
  const second = await start({ port: await freePort() }).catch((error: Error) => error);
  expect(second).toBeInstanceOf(Error);
  expect((second as Error).message).toMatch(/^PostgreSQL already runs on .* \(process \d+\): stop the other/);
  expect((second as Error).message).toContain(String(first.pid));
  const takenOver = await start({ takeOver: true });
  expect(isAlive(first.pid)).toBe(false);
  expect(takenOver.pid).not.toBe(first.pid);
});

test('a port in use is one line with the setting that moves it', async () => {
  const squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(port, '127.0.0.1', resolve));
  await expect(start()).rejects.toThrow(
    `port ${port} is in use: stop what uses it, or set POSTGRES_PORT to another one`,
  );
  await new Promise((resolve) => squatter.close(resolve));
});

test('only this machine can connect, and only with a password', async () => {
  const server = await start();
  const addresses = await query(server.adminUrl, `SHOW listen_addresses`);
  expect(addresses).toEqual([{ listen_addresses: '127.0.0.1' }]);
  const url = new URL(server.appUrl);
  url.password = 'wrong';
  await expect(query(url.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
});

test('its end is seen, whoever causes it', async () => {
  const server = await start();
  process.kill(server.pid, 'SIGKILL');
  expect(await server.exited).toMatch(/signal|137/);
  await until(() => !isAlive(server.pid), 'the server is gone');
});
