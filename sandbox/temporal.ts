// The embedded Temporal server: `temporal server start-dev` on a durable SQLite file, with our search attributes and
// retention, ready when its health service and the namespace answer.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { msNumberToTs } from '@temporalio/common/lib/time.js';
import { spawnGuarded } from './guarded-process.ts';
import type { GuardedProcess } from './guarded-process.ts';
import { checkPort } from './ports.ts';
import { StartProblem } from './problem.ts';

export { TEMPORAL_VERSION, findTemporal, locateTemporal, temporalCacheDir } from './temporal-binary.ts';
export type { TemporalBinary } from './temporal-binary.ts';

export interface TemporalOptions {
  /** Path of `temporal`, from findTemporal. */
  binary: string;
  port: number;
  /** Without it the server has no UI. */
  uiPort?: number;
  /** Where the UI has encrypted payloads decrypted. */
  codecEndpoint?: string | undefined;
  /** Holds temporal/temporal.db; without it everything is in memory. */
  dataDir?: string;
  namespace?: string;
  logFile?: string;
  timeoutMs?: number;
}

export interface RunningTemporal {
  address: string;
  namespace: string;
  uiUrl: string | undefined;
  pid: number;
  exited: Promise<string>;
  stop(): Promise<void>;
}

/** Closed escrows stay visible this long; the database keeps them for ever. */
const RETENTION_DAYS = 90;

/** What operators search escrows by. Values are set by the workflow; none holds personal data. */
export const SEARCH_ATTRIBUTES = {
  EscrowStatus: 'Keyword',
  WaitingFor: 'Keyword',
  BuyerId: 'Keyword',
  SellerIds: 'KeywordList',
  Currency: 'Keyword',
  Frozen: 'KeywordList',
  AmountMinor: 'Int',
} as const;

export async function startTemporal(options: TemporalOptions): Promise<RunningTemporal> {
  const namespace = options.namespace ?? 'default';
  await checkPort(options.port, 'TEMPORAL_PORT');
  if (options.uiPort !== undefined) await checkPort(options.uiPort, 'TEMPORAL_UI_PORT');
  const address = `127.0.0.1:${options.port}`;
  const server = await spawnGuarded(options.binary, serverArguments(options, namespace), {
    env: environmentWithoutTemporal(),
    logFile: options.logFile,
    stopSignal: 'SIGTERM',
    killSignal: 'SIGKILL',
    // Every write is in SQLite's log before it is answered, so that an end by force loses nothing.
    graceMs: 3000,
  });
  try {
    await untilReady(address, namespace, server, options);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    address,
    namespace,
    uiUrl: options.uiPort === undefined ? undefined : `http://127.0.0.1:${options.uiPort}`,
    pid: server.pid,
    exited: server.exited,
    stop: () => server.stop(),
  };
}

function serverArguments(options: TemporalOptions, namespace: string): string[] {
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(options.port), '--namespace', namespace];
  args.push('--log-level', 'warn', '--log-format', 'json');
  if (options.uiPort === undefined) args.push('--headless');
  else args.push('--ui-port', String(options.uiPort));
  if (options.codecEndpoint !== undefined) args.push('--ui-codec-endpoint', options.codecEndpoint);
  if (options.dataDir !== undefined) {
    const directory = path.join(options.dataDir, 'temporal');
    mkdirSync(directory, { recursive: true });
    args.push('--db-filename', path.join(directory, 'temporal.db'));
    // Twice as many escrows a second; a killed process loses nothing, a power cut may lose the last moments.
    args.push('--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL');
  }
  for (const [name, type] of Object.entries(SEARCH_ATTRIBUTES)) args.push('--search-attribute', `${name}=${type}`);
  return args;
}

async function untilReady(
  address: string,
  namespace: string,
  server: GuardedProcess,
  options: TemporalOptions,
): Promise<void> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const deadline = Date.now() + timeoutMs;
  const see = options.logFile === undefined ? '' : `: see ${options.logFile}`;
  let connection: Connection | undefined;
  try {
    for (;;) {
      try {
        connection ??= await Connection.connect({ address, connectTimeout: '1s' });
        await connection.healthService.check({});
        await keepClosedWorkflows(connection, namespace);
        return;
      } catch {
        if (server.hasExited()) throw new StartProblem(`Temporal ended (${await server.exited})${see}`);
        if (Date.now() > deadline) throw new StartProblem(`Temporal did not answer in ${timeoutMs / 1000} s${see}`);
      }
      await delay(100);
    }
  } finally {
    await connection?.close();
  }
}

/** The dev server makes its namespace with 24 h, after which a closed escrow could not be looked at any more. */
async function keepClosedWorkflows(connection: Connection, namespace: string): Promise<void> {
  await connection.workflowService.updateNamespace({
    namespace,
    config: { workflowExecutionRetentionTtl: msNumberToTs(RETENTION_DAYS * 86_400_000) },
  });
}

/** TEMPORAL_* of the person who starts us are for clients, and the command would take them for its own flags. */
function environmentWithoutTemporal(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_')));
}
