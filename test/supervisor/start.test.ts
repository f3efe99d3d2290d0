// `npm start` and `npm run doctor` as people meet them: help, and one line for each thing that is wrong.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { freePorts } from '../stack/free-port.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'tranche-start-'));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

async function freeSettings(): Promise<Record<string, string>> {
  const names = ['PORT', 'POSTGRES_PORT', 'TEMPORAL_PORT', 'TEMPORAL_UI_PORT', 'STRIPE_SANDBOX_PORT'];
  const ports = await freePorts(names.length);
  return Object.fromEntries(names.map((name, index) => [name, String(ports[index])]));
}

function run(command: string, args: string[], env: Record<string, string>) {
  const script = fileURLToPath(new URL(`../../cli/${command}.ts`, import.meta.url));
  const machine = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(
      process.execPath,
      ['--import', import.meta.resolve('tsx'), script, ...args],
      { env: { ...machine, DATA_DIR: dataDir, ...env } },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

test('--help lists the settings and starts nothing', async () => {
  const { code, stdout, stderr } = await run('start', ['--help'], {});
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const name of ['PORT', 'DATABASE_URL', 'TEMPORAL_ADDRESS', 'STRIPE_WEBHOOK_SECRETS', 'PLATFORM_COUNTRY']) {
    expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  }
});

test('a wrong setting, an unknown argument and a directory that cannot be made are one line each', async () => {
  expect(await run('start', [], { PORT: 'eighty' })).toEqual({
    code: 1,
    stdout: '',
    stderr: 'cannot start: PORT: "eighty" is not a port: a number from 1 to 65535\n',
  });
  expect((await run('start', ['--now'], {})).stderr).toMatch(/^cannot start: unknown argument --now: .*\n$/);
  expect((await run('start', [], { DATA_DIR: '/dev/null/data' })).stderr).toMatch(
    /^cannot start: DATA_DIR: \/dev\/null\/data cannot be made: .*\n$/,
  );
});

test('a port in use is one line and nothing is left running', async () => {
  const squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
  const { port } = squatter.address() as AddressInfo;
  const env = { ...(await freeSettings()), TEMPORAL_UI_PORT: String(port) };
  expect(await run('start', [], env)).toEqual({
    code: 1,
    stdout: '',
    stderr: `cannot start: port ${port} is in use: stop what uses it, or set TEMPORAL_UI_PORT to another one\n`,
  });
  const doctor = await run('doctor', [], env);
  expect(doctor.code).toBe(1);
  expect(doctor.stdout).toContain(`missing  port ${port} is in use: stop what uses it, or set TEMPORAL_UI_PORT`);
  await new Promise((resolve) => squatter.close(resolve));
});

test('doctor finds what is needed and is content', async () => {
  const { code, stdout } = await run('doctor', [], await freeSettings());
  expect(stdout).toContain(`ok       Node ${process.versions.node}`);
  expect(stdout).toContain('PostgreSQL) 18.');
  expect(stdout).toContain('npm start will run here.');
  expect(code).toBe(0);
});
