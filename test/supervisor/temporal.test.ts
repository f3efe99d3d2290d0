// The embedded Temporal server: what it is set up with, and that a kill and a restart keep a running workflow.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import {
  SEARCH_ATTRIBUTES,
  TEMPORAL_VERSION,
  findTemporal,
  locateTemporal,
  startTemporal,
} from '../../sandbox/temporal.ts';
import type { RunningTemporal, TemporalOptions } from '../../sandbox/temporal.ts';
import { freePorts } from '../stack/free-port.ts';

let dataDir: string;
let servers: RunningTemporal[];
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'tranche-temporal-'));
  servers = [];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(options: Omit<TemporalOptions, 'binary'>): Promise<RunningTemporal> {
  const binary = await findTemporal((line) => process.stderr.write(`${line}\n`));
  const server = await startTemporal({ binary: binary.path, ...options });
  servers.push(server);
  return server;
}

async function connected<T>(server: RunningTemporal, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: server.address });
  try {
    return await use(new Client({ connection, namespace: server.namespace }));
  } finally {
    await connection.close();
  }
}

test('a kill -9 and a restart keep workflows, search attributes and retention; the UI answers', async () => {
  const [port, uiPort] = (await freePorts(2)) as [number, number];
  const first = await start({ port, uiPort, dataDir, namespace: 'tranche-test' });
  await connected(first, (client) =>
    client.workflow.start('escrow', { workflowId: 'escrow/kept', taskQueue: 'nobody-listens' }),
  );
  process.kill(first.pid, 'SIGKILL');
  await first.exited;

  const second = await start({ port, uiPort, dataDir, namespace: 'tranche-test' });
  await connected(second, async (client) => {
    const description = await client.workflow.getHandle('escrow/kept').describe();
    expect(description.status.name).toBe('RUNNING');
    const { config } = await client.connection.workflowService.describeNamespace({ namespace: second.namespace });
    expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(90 * 86_400);
    const { customAttributes } = await (client.connection as Connection).operatorService.listSearchAttributes({
      namespace: second.namespace,
    });
    expect(Object.keys(customAttributes)).toEqual(expect.arrayContaining(Object.keys(SEARCH_ATTRIBUTES)));
  });
  const ui = await fetch(second.uiUrl!);
  expect(ui.status).toBe(200);
  expect(await ui.text()).toContain('<html');
});

test('a port in use is one line with the setting that moves it', async () => {
  const [port, uiPort] = (await freePorts(2)) as [number, number];
  await start({ port });
  await expect(start({ port })).rejects.toThrow(`port ${port} is in use: stop what uses it, or set TEMPORAL_PORT`);
  await expect(start({ port: uiPort, uiPort: port })).rejects.toThrow('or set TEMPORAL_UI_PORT');
});

test('a usable temporal on PATH comes before the cache; another program of that name does not count', async () => {
  const program = (directory: string, script: string) => {
    mkdirSync(directory, { recursive: true });
    const file = path.join(directory, 'temporal');
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return file;
  };
  const other = program(path.join(dataDir, 'other'), 'echo something else');
  const usable = program(path.join(dataDir, 'usable'), 'echo "--search-attribute --sqlite-pragma"');
  const cached = program(path.join(dataDir, 'cache', 'tranche', 'temporal', TEMPORAL_VERSION), 'exit 1');
  const found = (...directories: string[]) =>
    locateTemporal({
      PATH: directories.map((file) => path.dirname(file)).join(path.delimiter),
      XDG_CACHE_HOME: path.join(dataDir, 'cache'),
    });
  expect(await found(other, usable)).toEqual({ path: usable, source: 'path' });
  expect(await found(other)).toEqual({ path: cached, source: 'cache' });
  rmSync(cached);
  expect(await found(other)).toBeUndefined();
});
