// The embedded PostgreSQL: makes its cluster, starts it, recovers from a kill, and ensures the database and its roles:
// tranche_owner migrates, tranche_app holds the application's rights, tranche logs in with them.
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import postgres from 'postgres';
import { isProcessAlive, spawnGuarded } from './guarded-process.ts';
import type { GuardedProcess } from './guarded-process.ts';
import { placeOfData, serverUser, usableBinaries } from './postgres-files.ts';
import type { Binaries, PostgresState, ServerUser } from './postgres-files.ts';
import { checkPort } from './ports.ts';
import { StartProblem } from './problem.ts';

export interface PostgresOptions {
  dataDir: string;
  port: number;
  onProgress?: (line: string) => void;
  /** Tests only: no fsync, so a power cut may lose or break everything. */
  throwaway?: boolean;
  /** A server that still runs on this data is a leftover of ours (the caller holds the lock on DATA_DIR): stop it. */
  takeOver?: boolean;
  /** Ready when it answers, but give up after this. */
  timeoutMs?: number;
}

export interface RunningPostgres {
  /** Role tranche_owner: runs migrations. */
  ownerUrl: string;
  /** Role tranche, member of tranche_app. */
  appUrl: string;
  /** The superuser on database `postgres`: for tests that make databases. */
  adminUrl: string;
  port: number;
  /** Of the PostgreSQL server itself. */
  pid: number;
  /** Resolves with the reason when the server ends, however it does. */
  exited: Promise<string>;
  stop(): Promise<void>;
}

const DATABASE = 'tranche';
const OWNER = 'tranche_owner';
const APP_GROUP = 'tranche_app';
const APP = 'tranche';

export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const say = options.onProgress ?? (() => {});
  const dataDir = path.resolve(options.dataDir);
  mkdirSync(path.join(dataDir, 'logs'), { recursive: true });
  const user = serverUser();
  const binaries = usableBinaries(user, say);
  const state = placeOfData(dataDir, user);
  await clearLeftover(state.cluster, options.takeOver === true);
  if (!existsSync(path.join(state.cluster, 'PG_VERSION'))) {
    say('creating the PostgreSQL cluster');
    createCluster(binaries, state, user, options.throwaway === true);
  }
  checkVersion(binaries, state.cluster);
  await checkPort(options.port, 'POSTGRES_PORT');

  const server = await spawnServer(binaries, state.cluster, user, options, path.join(dataDir, 'logs', 'postgres.log'));
  const url = (role: string, password: string, database = DATABASE) =>
    `postgres://${role}:${password}@127.0.0.1:${options.port}/${database}`;
  const adminUrl = url('postgres', state.superuserPassword, 'postgres');
  try {
    await untilReady(adminUrl, server, options.timeoutMs ?? 60_000, path.join(dataDir, 'logs', 'postgres.log'));
    await ensureRoles(adminUrl, state);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    ownerUrl: url(OWNER, state.ownerPassword),
    appUrl: url(APP, state.appPassword),
    adminUrl,
    port: options.port,
    pid: server.pid,
    exited: server.exited,
    stop: () => server.stop(),
  };
}

function createCluster(
  binaries: Binaries,
  state: PostgresState,
  user: ServerUser | undefined,
  throwaway: boolean,
): void {
  // Made beside its place and moved there, so that an interrupted initdb never looks like a cluster.
  const unfinished = `${state.cluster}.new`;
  const passwordFile = `${state.cluster}.password`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  writeFileSync(passwordFile, `${state.superuserPassword}\n`, { mode: 0o600 });
  if (user !== undefined) {
    chownSync(unfinished, user.uid, user.gid);
    chownSync(passwordFile, user.uid, user.gid);
  }
  try {
    execFileSync(
      binaries.initdb,
      [
        `--pgdata=${unfinished}`,
        '--username=postgres',
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        // Without these a machine with no LANG gets SQL_ASCII.
        '--encoding=UTF8',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        ...(throwaway ? ['--no-sync'] : []),
      ],
      { ...user, cwd: '/', env: serverEnvironment(), stdio: ['ignore', 'ignore', 'pipe'] },
    );
  } catch (error) {
    const reason = (error as { stderr?: Buffer }).stderr?.toString('utf8').trim() ?? String(error);
    throw new StartProblem(`PostgreSQL could not make its cluster in ${state.cluster}: ${lastLine(reason)}`);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(unfinished, state.cluster);
}

async function spawnServer(
  binaries: Binaries,
  cluster: string,
  user: ServerUser | undefined,
  options: PostgresOptions,
  logFile: string,
): Promise<GuardedProcess> {
  const configuration: Record<string, string | number> = {
    listen_addresses: '127.0.0.1',
    // No socket file: nothing in /tmp for two stacks to quarrel about.
    unix_socket_directories: '',
    max_connections: 200,
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_min_messages: 'warning',
    ...(options.throwaway === true
      ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', autovacuum: 'off' }
      : {}),
  };
  const flags = Object.entries(configuration).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  chmodSync(cluster, 0o700);
  return spawnGuarded(binaries.postgres, ['-D', cluster, '-p', String(options.port), ...flags], {
    ...user,
    cwd: '/',
    env: serverEnvironment(),
    logFile,
    // SIGINT is PostgreSQL's fast shutdown: it ends connections and writes everything down.
    stopSignal: 'SIGINT',
    killSignal: 'SIGQUIT',
    graceMs: 15_000,
  });
}

/** None of our own variables: PG* of the person who starts us would steer the server. */
function serverEnvironment(): Record<string, string | undefined> {
  return { PATH: process.env['PATH'], SystemRoot: process.env['SystemRoot'], LC_ALL: 'C', TZ: 'UTC' };
}

/**
 * After kill -9 postmaster.pid stays. PostgreSQL itself sees when that process is gone, but not when its number has been
 * given to another program since, and it does not wait for backends that are still noticing that their parent died.
 */
async function clearLeftover(cluster: string, takeOver: boolean): Promise<void> {
  const file = path.join(cluster, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
  if (!Number.isInteger(pid) || pid <= 0) {
    rmSync(file, { force: true });
    return;
  }
  if (!isProcessAlive(pid)) return;
  if (!isPostgres(pid)) {
    rmSync(file, { force: true });
    return;
  }
  if (!takeOver) {
    throw new StartProblem(
      `PostgreSQL already runs on ${cluster} (process ${pid}): stop the other \`npm start\`, or set DATA_DIR to another directory`,
    );
  }
  process.kill(pid, 'SIGINT');
  for (const signal of ['SIGQUIT', 'SIGKILL'] as const) {
    for (let waited = 0; waited < 10_000 && isProcessAlive(pid); waited += 50) await delay(50);
    if (!isProcessAlive(pid)) return;
    process.kill(pid, signal);
  }
}

function isPostgres(pid: number): boolean {
  if (process.platform === 'win32') return true;
  try {
    return /postgres/.test(execFileSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' }));
  } catch {
    // No `ps`: PostgreSQL decides itself.
    return true;
  }
}

function checkVersion(binaries: Binaries, cluster: string): void {
  const made = readFileSync(path.join(cluster, 'PG_VERSION'), 'utf8').trim();
  const major = binaries.version.split('.')[0];
  if (made === major) return;
  throw new StartProblem(
    `${cluster} was made by PostgreSQL ${made}, this one is ${major}: set DATA_DIR to another directory, or bring the data over with pg_dump`,
  );
}

async function untilReady(url: string, server: GuardedProcess, timeoutMs: number, logFile: string): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
    try {
      await sql`SELECT 1`;
      return;
    } catch (error) {
      if (server.hasExited()) {
        throw new StartProblem(`PostgreSQL ended (${await server.exited}): see ${logFile}`);
      }
      if ((error as { code?: string }).code === '28P01') {
        throw new StartProblem(`PostgreSQL refuses its own password: DATA_DIR/postgres.json is of another cluster`);
      }
      if (Date.now() > deadline)
        throw new StartProblem(`PostgreSQL did not answer in ${timeoutMs / 1000} s: see ${logFile}`);
    } finally {
      await sql.end({ timeout: 1 });
    }
    await delay(40);
  }
}

async function ensureRoles(adminUrl: string, state: PostgresState): Promise<void> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} });
  try {
    const roles = await sql<{ rolname: string }[]>`SELECT rolname FROM pg_roles WHERE rolname LIKE 'tranche%'`;
    const known = new Set(roles.map((role) => role.rolname));
    // Passwords are ours: base64url, so that they need no quoting.
    // CREATEROLE: migrations ensure the application's group by themselves, as they must on a database of one's own.
    if (!known.has(OWNER)) await sql.unsafe(`CREATE ROLE ${OWNER} LOGIN CREATEROLE PASSWORD '${state.ownerPassword}'`);
    if (!known.has(APP_GROUP)) await sql.unsafe(`CREATE ROLE ${APP_GROUP} NOLOGIN`);
    if (!known.has(APP))
      await sql.unsafe(`CREATE ROLE ${APP} LOGIN PASSWORD '${state.appPassword}' IN ROLE ${APP_GROUP}`);
    const databases = await sql`SELECT 1 FROM pg_database WHERE datname = ${DATABASE}`;
    if (databases.length === 0) {
      await sql.unsafe(`CREATE DATABASE ${DATABASE} OWNER ${OWNER}`);
      await sql.unsafe(`REVOKE ALL ON DATABASE ${DATABASE} FROM PUBLIC`);
    }
    await sql.unsafe(`GRANT CONNECT ON DATABASE ${DATABASE} TO ${APP_GROUP}`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? text;
}
