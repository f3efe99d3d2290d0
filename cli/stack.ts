// The whole product on this machine: which parts there are, in which order, with which settings; embedded where no real
// one is given. Used by `npm start`, and by whatever needs a stack of its own (tests, chaos).
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SANDBOX_SECRET_KEY, SettingsError, loadSettings, stackFilePath } from '../config/settings.ts';
import type { Environment, Settings } from '../config/settings.ts';
import { checkPort, freePorts } from '../sandbox/ports.ts';
import { lockDataDir } from './stack-lock.ts';
import { createSupervisor } from './supervisor.ts';
import type { Facts, Stage, Supervisor } from './supervisor.ts';

const allParts = ['postgres', 'temporal', 'stripe', 'bundle', 'migrate', 'seed', 'api', 'worker'] as const;
export type PartName = (typeof allParts)[number];
/** A process of its own: a part, or a further one of it. */
export type ProcessName = PartName | `api-${number}` | `worker-${number}`;

export interface StackOptions {
  env?: Environment;
  /** Ports that the environment does not set are chosen freely instead of by their defaults. */
  freePorts?: boolean;
  /** Only these; default all. An embedded part is left out too when a real one is given. */
  parts?: readonly PartName[];
  /** How many processes of these run beside each other (default 1 each): `api-2`, `worker-2` and so on. */
  copies?: { api?: number; worker?: number };
  /** The longest wait before a part that died again and again is started again. */
  maxBackoffMs?: number;
  quiet?: boolean;
  say?: (line: string) => void;
}

export interface Stack {
  settings: Settings;
  urls: { pages: string; docs: string; temporalUi: string | undefined; stripeSandbox: string | undefined };
  /** Every process of the API, the one that pages and webhooks go to first. */
  apiUrls: readonly string[];
  /** The environment with which another process of the product joins this stack. */
  env: Record<string, string>;
  /** Per part, the process of the server itself. */
  pids(): Record<string, number>;
  kill(part: ProcessName, signal?: NodeJS.Signals): Promise<void>;
  untilReady(part: ProcessName): Promise<void>;
  stop(): Promise<void>;
  force(): void;
}

export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const prepared = await prepareStack(options);
  return prepared.start();
}

export interface PreparedStack {
  settings: Settings;
  start(): Promise<Stack>;
  /** Also before or while it starts. */
  stop(): Promise<void>;
  force(): void;
}

/** Checks everything that can be checked, takes the lock, and starts nothing yet. */
export async function prepareStack(options: StackOptions = {}): Promise<PreparedStack> {
  const given = options.env ?? process.env;
  const env = options.freePorts === true ? { ...(await freePortSettings()), ...given } : given;
  const settings = loadSettings(env, { joinRunningStack: false });
  const say = options.quiet === true ? () => {} : (options.say ?? ((line: string) => console.log(line)));
  const wanted = new Set<PartName>(options.parts ?? allParts);
  for (const part of ['postgres', 'temporal', 'stripe'] as const) {
    if (!settings.embedded[part]) wanted.delete(part);
  }
  // A bundle that was chosen for the worker is not made anew.
  if (settings.worker.workflowBundle !== undefined) wanted.delete('bundle');
  // People are made up for the sandbox; a live installation gets none.
  if (settings.mode === 'live') wanted.delete('seed');

  try {
    mkdirSync(path.join(settings.dataDir, 'logs'), { recursive: true });
  } catch (error) {
    throw new SettingsError(`DATA_DIR: ${settings.dataDir} cannot be made: ${(error as Error).message}`);
  }
  const lock = lockDataDir(settings.dataDir, settings.publicUrl);
  let supervisor: Supervisor;
  let furtherApis: number[];
  try {
    await checkPorts(settings, wanted);
    rmSync(stackFilePath(settings.dataDir), { force: true });
    furtherApis = await freePorts(Math.max(0, (options.copies?.api ?? 1) - 1));
    const furtherWorkers = await freePorts(Math.max(0, (options.copies?.worker ?? 1) - 1));
    const stages = await stagesOf(settings, wanted, env, { api: furtherApis, worker: furtherWorkers });
    supervisor = createSupervisor(stages, {
      logDir: path.join(settings.dataDir, 'logs'),
      say,
      ...(options.maxBackoffMs === undefined ? {} : { maxBackoffMs: options.maxBackoffMs }),
    });
  } catch (error) {
    lock.release();
    throw error;
  }
  let ended: Promise<void> | undefined;
  const stop = () =>
    (ended ??= supervisor.stop().finally(() => {
      rmSync(stackFilePath(settings.dataDir), { force: true });
      lock.release();
    }));
  const start = async (): Promise<Stack> => {
    let facts: Facts;
    try {
      facts = await supervisor.start();
    } catch (error) {
      await stop();
      throw error;
    }
    const joined = { ...baseEnvironment(settings), ...facts };
    writeFileSync(stackFilePath(settings.dataDir), `${JSON.stringify({ pid: process.pid, env: joined }, null, 2)}\n`, {
      mode: 0o600,
    });
    const effective = loadSettings({ ...env, ...joined }, { joinRunningStack: false });
    return {
      settings: effective,
      urls: {
        pages: effective.publicUrl,
        docs: `${effective.publicUrl}/docs`,
        temporalUi: effective.temporal.uiUrl,
        stripeSandbox: wanted.has('stripe') ? `http://127.0.0.1:${settings.ports.stripeSandbox}` : undefined,
      },
      apiUrls: [settings.port, ...furtherApis].map((port) => apiUrlOf(settings, port)),
      env: joined,
      pids: () => supervisor.pids(),
      kill: (part, signal) => supervisor.kill(part, signal),
      untilReady: (part) => supervisor.untilReady(part),
      stop,
      force: () => supervisor.force(),
    };
  };
  return { settings, start, stop, force: () => supervisor.force() };
}

/**
 * Twice node's own, as `npm run api` has it: what a request leaves is gone before it is copied as if it would stay. In
 * docs/performance.md by how much.
 */
const API_YOUNG_GENERATION = '--max-semi-space-size=32';

/** What every part is told, whatever is embedded. */
function baseEnvironment(settings: Settings): Record<string, string> {
  const embedded = Object.entries(settings.embedded).filter(([, isEmbedded]) => isEmbedded);
  return {
    DATA_DIR: settings.dataDir,
    PORT: String(settings.port),
    HOST: settings.host,
    PUBLIC_URL: settings.publicUrl,
    TRANCHE_EMBEDDED: embedded.map(([name]) => name).join(',') || 'none',
    ...(settings.embedded.stripe
      ? {
          STRIPE_SECRET_KEY: SANDBOX_SECRET_KEY,
          STRIPE_API_BASE: `http://127.0.0.1:${settings.ports.stripeSandbox}`,
          STRIPE_WEBHOOK_SECRETS: webhookSecret(settings.dataDir),
        }
      : {}),
  };
}

const apiUrlOf = (settings: Settings, port: number): string => `http://${reachable(settings.host)}:${port}`;

/** `further`: the ports of second and later processes, the worker's for its health. */
async function stagesOf(
  settings: Settings,
  wanted: Set<PartName>,
  env: Environment,
  further: { api: readonly number[]; worker: readonly number[] },
): Promise<Stage[]> {
  const { ports, dataDir } = settings;
  const healthPort = settings.worker.healthPort || (await freePorts(1))[0]!;
  const bundleFile = path.join(dataDir, 'workflow-bundle.js');
  const apiUrl = apiUrlOf(settings, settings.port);
  const inherited = Object.fromEntries(
    Object.entries({ ...machineEnvironment(), ...env }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
  const envOf = (facts: Facts): Record<string, string> => {
    const all = {
      ...inherited,
      ...baseEnvironment(settings),
      ...facts,
      // The API asks the worker for its health there.
      WORKER_HEALTH_PORT: String(healthPort),
    };
    // Only migrations get the role that owns the schema.
    return Object.fromEntries(Object.entries(all).filter(([name]) => name !== 'MIGRATION_DATABASE_URL'));
  };
  const migrationUrl = (facts: Facts) => facts['MIGRATION_DATABASE_URL'] ?? env['MIGRATION_DATABASE_URL'];

  const stages: [PartName, Stage[number]][][] = [
    [
      [
        'postgres',
        () => ({
          name: 'postgres',
          script: 'sandbox/postgres-main.ts',
          args: ['--port', String(ports.postgres), '--data', dataDir],
          env: inherited,
          ready: 'report',
        }),
      ],
      [
        'temporal',
        () => ({
          name: 'temporal',
          script: 'sandbox/temporal-main.ts',
          args: [
            '--port',
            String(ports.temporal),
            '--ui-port',
            String(ports.temporalUi),
            '--data',
            dataDir,
            '--namespace',
            settings.temporal.namespace,
            ...(settings.temporal.codecKeys.length === 0 ? [] : ['--codec-endpoint', `${settings.publicUrl}/codec`]),
          ],
          env: inherited,
          ready: 'report',
          // Longer than the wait for a download that never answers.
          timeoutMs: 180_000,
        }),
      ],
      [
        'stripe',
        () => ({
          name: 'stripe',
          script: 'sandbox/stripe/main.ts',
          args: [
            '--port',
            String(ports.stripeSandbox),
            '--data',
            path.join(dataDir, 'stripe'),
            '--webhook',
            `${apiUrl}/webhooks/stripe`,
            ...further.api.flatMap((port) => ['--webhook-also', `${apiUrlOf(settings, port)}/webhooks/stripe`]),
            '--webhook-secret',
            webhookSecret(dataDir),
          ],
          env: inherited,
          ready: { url: `http://127.0.0.1:${ports.stripeSandbox}/_sandbox/state` },
        }),
      ],
      // Beside the servers it costs no time, and a worker that dies is back sooner.
      [
        'bundle',
        () => ({ name: 'bundle', script: 'cli/bundle.ts', args: [bundleFile], env: inherited, ready: 'exit' }),
      ],
    ],
    [
      [
        'migrate',
        (facts) => {
          const url = migrationUrl(facts);
          return {
            name: 'migrate',
            script: 'cli/migrate.ts',
            env: { ...envOf(facts), ...(url === undefined ? {} : { MIGRATION_DATABASE_URL: url }) },
            ready: 'exit',
          };
        },
      ],
    ],
    [['seed', (facts) => ({ name: 'seed', script: 'cli/seed.ts', env: envOf(facts), ready: 'exit' })]],
    [
      ...[settings.port, ...further.api].map((port, index): [PartName, Stage[number]] => [
        'api',
        (facts) => ({
          name: index === 0 ? 'api' : `api-${index + 1}`,
          script: 'api/main.ts',
          nodeArgs: [API_YOUNG_GENERATION],
          env: { ...envOf(facts), PORT: String(port) },
          ready: { url: `${apiUrlOf(settings, port)}/healthz` },
        }),
      ]),
      ...[healthPort, ...further.worker].map((port, index): [PartName, Stage[number]] => [
        'worker',
        (facts) => ({
          name: index === 0 ? 'worker' : `worker-${index + 1}`,
          script: 'worker/main.ts',
          env: {
            ...envOf(facts),
            WORKER_HEALTH_PORT: String(port),
            ...(wanted.has('bundle') ? { WORKFLOW_BUNDLE: bundleFile } : {}),
          },
          ready: { url: `http://127.0.0.1:${port}/healthz` },
        }),
      ]),
    ],
  ];
  return stages
    .map((stage) => stage.filter(([name]) => wanted.has(name)).map(([, define]) => define))
    .filter((stage) => stage.length > 0);
}

/** What any program needs of the machine, for callers that name only settings. */
function machineEnvironment(): Environment {
  const names = ['PATH', 'HOME', 'USER', 'LANG', 'TMPDIR', 'XDG_CACHE_HOME', 'SystemRoot', 'TEMP', 'USERPROFILE'];
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

/** Named before anything starts, each with the setting that moves it. */
async function checkPorts(settings: Settings, wanted: Set<PartName>): Promise<void> {
  const { ports } = settings;
  const needed: [PartName, number, string][] = [
    ['api', settings.port, 'PORT'],
    ['postgres', ports.postgres, 'POSTGRES_PORT'],
    ['temporal', ports.temporal, 'TEMPORAL_PORT'],
    ['temporal', ports.temporalUi, 'TEMPORAL_UI_PORT'],
    ['stripe', ports.stripeSandbox, 'STRIPE_SANDBOX_PORT'],
  ];
  const taken = new Map<number, string>();
  for (const [part, port, setting] of needed) {
    if (!wanted.has(part)) continue;
    const other = taken.get(port);
    if (other !== undefined) throw new SettingsError(`${setting} and ${other} are both ${port}: set them apart`);
    taken.set(port, setting);
    await checkPort(port, setting, part === 'api' ? settings.host : '127.0.0.1');
  }
}

/** Made once: the sandbox signs with it, the API verifies with it. */
function webhookSecret(dataDir: string): string {
  const file = path.join(dataDir, 'webhook-secret');
  if (!existsSync(file)) writeFileSync(file, `whsec_${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}

/** Where this machine reaches what listens on that address. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

async function freePortSettings(): Promise<Record<string, string>> {
  const names = ['PORT', 'POSTGRES_PORT', 'TEMPORAL_PORT', 'TEMPORAL_UI_PORT', 'STRIPE_SANDBOX_PORT'];
  const ports = await freePorts(names.length);
  return Object.fromEntries(names.map((name, index) => [name, String(ports[index])]));
}
