// The whole product as `npm start` runs it: ready, a killed worker comes back, and a restart knows the same people.
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { startStack } from '../../cli/stack.ts';
import type { Stack } from '../../cli/stack.ts';
import { isAlive } from './wait.ts';

let dataDir: string;
let stacks: Stack[];
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'tranche-whole-'));
  chmodSync(dataDir, 0o755);
  stacks = [];
});
afterEach(async () => {
  await Promise.all(stacks.map((stack) => stack.stop()));
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(): Promise<Stack> {
  const stack = await startStack({ env: { DATA_DIR: dataDir }, freePorts: true, quiet: true });
  stacks.push(stack);
  return stack;
}

const status = async (url: string): Promise<number> => (await fetch(url)).status;
const buyer = () => {
  const people = JSON.parse(readFileSync(path.join(dataDir, 'people.json'), 'utf8')) as Record<string, unknown>;
  return people['buyer'] as { id: string; api_key: string };
};
const escrows = async (stack: Stack): Promise<number> => {
  const response = await fetch(`${stack.urls.pages}/v1/escrows`, {
    headers: { authorization: `Bearer ${buyer().api_key}` },
  });
  return response.status;
};

test('starts without any setting, brings a killed worker back, and keeps its people over a restart', async () => {
  const first = await start();
  expect(await status(`${first.urls.pages}/healthz`)).toBe(200);
  expect(await status(first.urls.temporalUi!)).toBe(200);
  expect(await status(first.urls.stripeSandbox!)).toBe(200);
  expect(await escrows(first)).toBe(200);
  const pids = first.pids();
  expect(Object.keys(pids).sort()).toEqual(['api', 'postgres', 'stripe', 'temporal', 'worker']);

  await first.kill('worker');
  await first.untilReady('worker');
  expect(first.pids()['worker']).not.toBe(pids['worker']);

  const { id } = buyer();
  await first.stop();
  expect(Object.values(pids).filter(isAlive)).toEqual([]);
  const second = await start();
  expect(buyer().id).toBe(id);
  expect(await escrows(second)).toBe(200);
}, 400_000);
