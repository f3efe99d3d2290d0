// What every measurement of a run shares: one stack of its own, connections to it, and processes beside it that end with it.
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import postgres from 'postgres';
import { type PartDefinition, type PartProcess, startPart } from '../cli/part-process.ts';
import type { Seeded } from '../cli/seed.ts';
import { type Stack, startStack } from '../cli/stack.ts';
import { connect, type Sql } from '../db/client.ts';
import { freePorts } from '../sandbox/ports.ts';

export interface Bench {
  stack: Stack;
  /** As the application's role, with the application's own settings. */
  sql: Sql;
  /** As the schema's owner, without a statement time-out: fills tables and makes those of the floors. */
  owner: Sql;
  /** The cluster's superuser on the same database: a peer's migrations give things to it. */
  superuserUrl: string;
  client: Client;
  people: Record<string, Seeded>;
  quick: boolean;
  say: (line: string) => void;
  /** While parts die on purpose, what they complain of is no news. */
  expectFaults(expected: boolean): void;
  /** A process beside the stack, ended with the run at the latest. */
  start(definition: Omit<PartDefinition, 'env'>, env?: Record<string, string>): Promise<PartProcess>;
  /** The product's worker: runs only where a measurement asks for it, so that it takes no time from the others. */
  startWorker(): Promise<PartProcess & { healthUrl: string }>;
  stop(): Promise<void>;
}

export async function startBench(options: { quick: boolean; say: (line: string) => void }): Promise<Bench> {
  const { say } = options;
  let faultsExpected = false;
  const dataDir = mkdtempSync(path.join(tmpdir(), 'tranche-bench-'));
  // PostgreSQL's own user must be able to enter it where we are root.
  chmodSync(dataDir, 0o755);
  const stack = await startStack({
    // Each log line of a part passes through this process, which is also the one that makes the load.
    env: { DATA_DIR: dataDir, LOG_LEVEL: 'error', FUND_CANCEL_LIMIT: '999999' },
    freePorts: true,
    parts: ['postgres', 'temporal', 'stripe', 'bundle', 'migrate', 'seed', 'api'],
    maxBackoffMs: 500,
    say: (line) => faultsExpected || say(line),
  });
  const { settings } = stack;
  const ends: (() => Promise<unknown>)[] = [() => stack.stop()];
  const sql = connect(settings.databaseUrl, { max: 8, applicationName: 'bench' });
  ends.push(() => sql.end({ timeout: 5 }));
  const owner: Sql = postgres(stack.env['MIGRATION_DATABASE_URL']!, { max: 8, types: { bigint: postgres.BigInt }, onnotice: () => {} }); // prettier-ignore
  ends.push(() => owner.end({ timeout: 5 }));
  const connection = await Connection.connect({ address: settings.temporal.address });
  ends.push(() => connection.close());
  const machineEnv = Object.fromEntries(['PATH', 'HOME', 'TMPDIR', 'LANG'].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))); // prettier-ignore
  const start = async (definition: Omit<PartDefinition, 'env'>, env: Record<string, string> = {}) => {
    const part = await startPart(
      { ...definition, env: { ...machineEnv, ...stack.env, LOG_LEVEL: 'error', ...env } },
      { logDir: path.join(dataDir, 'logs'), stopSignal: new AbortController().signal, onProgress: say, onErrorLine: (line) => say(`${definition.name}: ${line}`) }, // prettier-ignore
    );
    ends.push(() => part.stop());
    return part;
  };
  return {
    stack,
    sql,
    owner,
    superuserUrl: superuserUrl(stack, dataDir),
    client: new Client({ connection, namespace: settings.temporal.namespace }),
    people: JSON.parse(readFileSync(path.join(dataDir, 'people.json'), 'utf8')) as Record<string, Seeded>,
    quick: options.quick,
    say,
    expectFaults: (expected) => void (faultsExpected = expected),
    start,
    startWorker: async () => {
      const [port] = (await freePorts(1)) as [number];
      const healthUrl = `http://127.0.0.1:${port}/healthz`;
      const part = await start(
        { name: 'worker', script: 'worker/main.ts', ready: { url: healthUrl } },
        { WORKER_HEALTH_PORT: String(port), WORKFLOW_BUNDLE: path.join(dataDir, 'workflow-bundle.js') },
      );
      return Object.assign(part, { healthUrl });
    },
    stop: async () => {
      for (const end of ends.reverse()) await end();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function superuserUrl(stack: Stack, dataDir: string): string {
  const { superuserPassword } = JSON.parse(readFileSync(path.join(dataDir, 'postgres.json'), 'utf8')) as { superuserPassword: string }; // prettier-ignore
  const url = new URL(stack.env['MIGRATION_DATABASE_URL']!);
  url.username = 'postgres';
  url.password = superuserPassword;
  return url.href;
}
