// Starts what every suite of the `stack` project shares: one PostgreSQL with a migrated template, one Temporal server,
// one workflow bundle. Everything lies in a directory that goes with the run.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate } from '../../db/migrate.ts';
import { startPostgres } from '../../sandbox/postgres.ts';
import { findTemporal, startTemporal } from '../../sandbox/temporal.ts';
import { bundleWorkflows } from '../../worker/workflow-bundle.ts';
import { freePorts } from './free-port.ts';
import { publishSharedStack } from './shared-stack.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const workflowsPath = path.join(root, 'workflows', 'index.ts');

export async function startSharedStack(): Promise<() => Promise<void>> {
  const directory = mkdtempSync(path.join(tmpdir(), 'tranche-test-'));
  // mkdtemp makes it private; PostgreSQL may run as another user, who must be able to enter.
  chmodSync(directory, 0o755);
  const started: (() => Promise<void>)[] = [];
  const stop = async () => {
    await Promise.all(started.map((end) => end()));
    rmSync(directory, { recursive: true, force: true });
  };
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  try {
    const [postgresPort, temporalPort] = (await freePorts(2)) as [number, number];
    mkdirSync(path.join(directory, 'logs'));
    const [database, temporal, bundlePath] = await settled([
      startPostgres({ dataDir: directory, port: postgresPort, onProgress: say, throwaway: true }).then(
        async (server) => {
          started.push(server.stop);
          await migrate(server.ownerUrl);
          return server;
        },
      ),
      findTemporal(say).then(async (binary) => {
        const logFile = path.join(directory, 'logs', 'temporal.log');
        const server = await startTemporal({ binary: binary.path, port: temporalPort, logFile });
        started.push(server.stop);
        return server;
      }),
      bundle(directory),
    ]);
    publishSharedStack({
      adminUrl: database.adminUrl,
      templateOwnerUrl: database.ownerUrl,
      templateAppUrl: database.appUrl,
      temporalAddress: temporal.address,
      bundlePath,
    });
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Like Promise.all, but only after each has ended: what did start can then be stopped. */
async function settled<T extends readonly unknown[]>(promises: {
  readonly [K in keyof T]: Promise<T[K]>;
}): Promise<{ -readonly [K in keyof T]: T[K] }> {
  const results = await Promise.allSettled(promises);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as {
    -readonly [K in keyof T]: T[K];
  };
}

async function bundle(directory: string): Promise<string | undefined> {
  if (!existsSync(workflowsPath)) return undefined;
  const file = path.join(directory, 'workflow-bundle.js');
  await writeBundle(file);
  return file;
}

export async function writeBundle(file: string): Promise<void> {
  writeFileSync(file, await bundleWorkflows());
}
