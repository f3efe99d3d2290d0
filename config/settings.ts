// Every setting of the installation: read from the environment, checked once by zod, one clear line for a wrong value.
// Parts take a `Settings`; nothing else in the product reads process.env.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { ClientConnectConfig } from '@temporalio/envconfig';
import { z } from 'zod';
import type { CodecKey } from '../codec/payload-codec.ts';
import { DAY_MS } from '../domain/periods.ts';
import { settingDefinitions } from './definitions.ts';
import type { SettingDefinition, SettingValues } from './definitions.ts';

export { describeSettings } from './definitions.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
export type Mode = 'sandbox' | 'test' | 'live';
export type ApprovalKind = 'refund' | 'ruling' | 'release' | 'write_off';
export type EmbeddedPart = 'postgres' | 'temporal' | 'stripe';

export interface Settings {
  /** sandbox: the local Stripe; test: Stripe with a test key; live: real money. */
  mode: Mode;
  /** True when Stripe is the local sandbox. */
  sandbox: boolean;
  host: string;
  port: number;
  /** Where people reach the pages, without a slash at its end. */
  publicUrl: string;
  /** Absolute. */
  dataDir: string;
  /** Which parts this installation runs by itself instead of a real one. */
  embedded: { postgres: boolean; temporal: boolean; stripe: boolean };
  ports: { temporal: number; temporalUi: number; stripeSandbox: number; postgres: number };
  /** The application's role. */
  databaseUrl: string;
  /** The role that owns the schema; the application's when only DATABASE_URL is given. */
  migrationDatabaseUrl: string;
  temporal: {
    address: string;
    namespace: string;
    /** For Connection.connect and NativeConnection.connect: address, tls, apiKey, metadata. */
    connection: ClientConnectConfig['connectionOptions'];
    taskQueue: string;
    /** Absent when there is none to link to. */
    uiUrl: string | undefined;
    /** The first encrypts, all decrypt; none: payloads are stored as readable JSON. */
    codecKeys: readonly CodecKey[];
  };
  stripe: {
    secretKey: string;
    /** Absent: no card can be entered on our pages. */
    publishableKey: string | undefined;
    /** Absent: Stripe itself. */
    apiBase: string | undefined;
    webhookSecrets: readonly string[];
  };
  /** loopback: outgoing webhooks may go to this machine; in the sandbox alone. */
  webhooks: { loopback: boolean };
  /** Absent: no mail is sent, and the outbox page shows each. */
  smtpUrl: string | undefined;
  mailFrom: string;
  /** Absent: everybody signs in by password. */
  oidc: { issuer: string; clientId: string; clientSecret: string } | undefined;
  /** Whose X-Forwarded-For is believed; absent: it is not known whether the address that calls is a person's. */
  trustedProxies: string[] | undefined;
  platformCountry: string;
  /** Funded and cancelled escrows of one buyer in 24 hours; more are refused. */
  fundCancelLimit: number;
  /** How long the first release to a seller whom the platform has never paid waits after it was accepted. */
  firstReleaseDelayMs: number;
  /** Amounts in minor units per currency; see approvalLimit. */
  approvalLimits: Record<ApprovalKind, ReadonlyMap<string, bigint>>;
  worker: {
    stickyTimeout: string;
    shutdownGrace: string;
    shutdownForce: string;
    /** 0: no health server. */
    healthPort: number;
    /** A prebuilt bundle; absent: the worker bundles at start. */
    workflowBundle: string | undefined;
    /** Never set with real money. */
    crashPoints: string | undefined;
  };
  logLevel: SettingValues['LOG_LEVEL'];
}

/** A setting that cannot be used. Its message is one line for the person who starts the process. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}

/** A week: most fraud warnings and second thoughts of card holders come before a stranger is paid. */
const FIRST_RELEASE_DELAY_MS = 7 * DAY_MS;

/** The key that the Stripe sandbox is used with: it takes any `sk_test_…`. */
export const SANDBOX_SECRET_KEY = 'sk_test_sandbox';

/** What a running stack writes into DATA_DIR, so that `npm run demo`, `verify` and single parts find it. */
const stackFileSchema = z.object({ pid: z.number().int(), env: z.record(z.string(), z.string()) });

export function stackFilePath(dataDir: string): string {
  return path.join(dataDir, 'stack.json');
}

export interface LoadOptions {
  /** False for the supervisor itself, which must not take a former stack's settings for its own. */
  joinRunningStack?: boolean;
}

export function loadSettings(env: Environment = process.env, options: LoadOptions = {}): Settings {
  const own = parseValues(env);
  const dataDir = path.resolve(own.DATA_DIR);
  const inherited = options.joinRunningStack === false ? {} : runningStack(dataDir);
  // What is set wins over what a running stack of the same DATA_DIR says.
  const merged = { ...inherited, ...withoutBlanks(env) };
  const values = Object.keys(inherited).length > 0 ? parseValues(merged) : own;
  return assemble(values, merged, dataDir);
}

const settingOf = { postgres: 'DATABASE_URL', temporal: 'TEMPORAL_ADDRESS', stripe: 'STRIPE_SECRET_KEY' } as const;

/** For entry points that need these parts: says what to do when there is neither a setting nor a running stack. */
export function requireInstallation(
  settings: Settings,
  needed: readonly EmbeddedPart[] = ['postgres', 'temporal', 'stripe'],
): void {
  const missing = needed.filter((part) => settings.embedded[part]).map((part) => settingOf[part]);
  if (missing.length === 0) return;
  throw new SettingsError(
    `no stack is running on ${settings.dataDir} and ${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} not set: run \`npm start\`, or set ${missing.length > 1 ? 'them' : 'it'}`,
  );
}

/** Above this amount a second person must approve. A currency without a stated limit always asks for one. */
export function approvalLimit(settings: Settings, kind: ApprovalKind, currency: string): bigint {
  return settings.approvalLimits[kind].get(currency.toLowerCase()) ?? 0n;
}

function assemble(values: SettingValues, env: Environment, dataDir: string): Settings {
  // A child of the supervisor has every address set: for it no part is its own to run.
  const embedded = {
    postgres: values.DATABASE_URL === undefined,
    temporal: values.TEMPORAL_ADDRESS === undefined && !hasTemporalProfile(values),
    stripe: values.STRIPE_SECRET_KEY === undefined,
  };
  const mode = modeOf(values);
  if (mode === 'live' && values.STRIPE_API_BASE !== undefined) {
    throw new SettingsError('STRIPE_API_BASE must not be set with a live STRIPE_SECRET_KEY: unset one of them');
  }
  if ((mode === 'live') !== (values.STRIPE_PUBLISHABLE_KEY?.startsWith('pk_live_') ?? mode === 'live')) {
    throw new SettingsError('STRIPE_PUBLISHABLE_KEY is of another mode than STRIPE_SECRET_KEY: take both from the same page of Stripe’s dashboard'); // prettier-ignore
  }
  if (mode !== 'sandbox' && values.WEBHOOKS_TO_LOOPBACK === 'yes') {
    throw new SettingsError('WEBHOOKS_TO_LOOPBACK must not be "yes" with a key of Stripe: unset it');
  }
  if (!embedded.stripe && mode !== 'sandbox' && values.STRIPE_WEBHOOK_SECRETS.length === 0) {
    throw new SettingsError(
      'STRIPE_WEBHOOK_SECRETS is missing: set the signing secrets (whsec_…) of the endpoints, separated by commas',
    );
  }
  const databaseUrl = values.DATABASE_URL ?? `postgres://tranche@127.0.0.1:${values.POSTGRES_PORT}/tranche`;
  const publicUrl = (values.PUBLIC_URL ?? `http://127.0.0.1:${values.PORT}`).replace(/\/+$/, '');
  checkPublicUrl(publicUrl, mode);
  const temporal = temporalConnection(values, env);
  return {
    mode,
    sandbox: mode === 'sandbox',
    host: values.HOST,
    port: values.PORT,
    publicUrl,
    dataDir,
    embedded,
    ports: {
      temporal: values.TEMPORAL_PORT,
      temporalUi: values.TEMPORAL_UI_PORT,
      stripeSandbox: values.STRIPE_SANDBOX_PORT,
      postgres: values.POSTGRES_PORT,
    },
    databaseUrl,
    migrationDatabaseUrl: values.MIGRATION_DATABASE_URL ?? databaseUrl,
    temporal: {
      ...temporal,
      taskQueue: values.TEMPORAL_TASK_QUEUE,
      codecKeys: values.TEMPORAL_CODEC_KEYS,
      uiUrl: values.TEMPORAL_UI_URL ?? (embedded.temporal ? `http://127.0.0.1:${values.TEMPORAL_UI_PORT}` : undefined),
    },
    stripe: {
      secretKey: values.STRIPE_SECRET_KEY ?? SANDBOX_SECRET_KEY,
      publishableKey: values.STRIPE_PUBLISHABLE_KEY,
      apiBase:
        values.STRIPE_API_BASE?.replace(/\/+$/, '') ??
        (embedded.stripe ? `http://127.0.0.1:${values.STRIPE_SANDBOX_PORT}` : undefined),
      webhookSecrets: values.STRIPE_WEBHOOK_SECRETS,
    },
    webhooks: { loopback: values.WEBHOOKS_TO_LOOPBACK === 'yes' },
    smtpUrl: values.SMTP_URL,
    mailFrom: values.MAIL_FROM ?? `Tranche <no-reply@${new URL(publicUrl).hostname}>`,
    oidc: oidcOf(values),
    trustedProxies: values.TRUSTED_PROXIES?.filter((proxy) => proxy !== 'none'),
    platformCountry: values.PLATFORM_COUNTRY,
    fundCancelLimit: values.FUND_CANCEL_LIMIT,
    firstReleaseDelayMs: values.NEW_SELLER_FIRST_RELEASE_DELAY ?? (mode === 'sandbox' ? 0 : FIRST_RELEASE_DELAY_MS),
    approvalLimits: {
      refund: values.APPROVAL_LIMIT_REFUND,
      ruling: values.APPROVAL_LIMIT_RULING,
      release: values.APPROVAL_LIMIT_RELEASE,
      write_off: values.APPROVAL_LIMIT_WRITE_OFF,
    },
    worker: {
      stickyTimeout: values.WORKER_STICKY_TIMEOUT,
      shutdownGrace: values.WORKER_SHUTDOWN_GRACE,
      shutdownForce: values.WORKER_SHUTDOWN_FORCE,
      healthPort: values.WORKER_HEALTH_PORT,
      workflowBundle: values.WORKFLOW_BUNDLE,
      crashPoints: mode === 'sandbox' ? values.TRANCHE_CRASH_POINTS : undefined,
    },
    logLevel: values.LOG_LEVEL,
  };
}

const onThisMachine = (hostname: string): boolean => ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);

/** Sessions and passwords of people who move real money go over nothing that others can read. */
function checkPublicUrl(url: string, mode: Mode): void {
  const { protocol, hostname } = new URL(url);
  if (mode === 'live' && protocol !== 'https:' && !onThisMachine(hostname)) {
    throw new SettingsError(
      'PUBLIC_URL must be an https:// address with a live key: passwords and sessions go over it',
    );
  }
}

function oidcOf(values: SettingValues): Settings['oidc'] {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret } = values;
  if (issuer === undefined && clientId === undefined && clientSecret === undefined) return undefined;
  if (issuer === undefined || clientId === undefined || clientSecret === undefined) {
    throw new SettingsError(
      'OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET belong together: set all of them or none',
    );
  }
  const { protocol, hostname } = new URL(issuer);
  if (protocol !== 'https:' && !onThisMachine(hostname)) {
    throw new SettingsError('OIDC_ISSUER must be an https:// address: who signs in is told over it');
  }
  return { issuer, clientId, clientSecret };
}

function modeOf(values: SettingValues): Mode {
  const key = values.STRIPE_SECRET_KEY;
  if (key === undefined || values.TRANCHE_EMBEDDED.includes('stripe')) return 'sandbox';
  if (/^(sk|rk)_live_/.test(key)) return 'live';
  // A test key against another address than Stripe's is a sandbox: `npm run sandbox` somewhere else.
  return values.STRIPE_API_BASE === undefined ? 'test' : 'sandbox';
}

function hasTemporalProfile(values: SettingValues): boolean {
  return values.TEMPORAL_PROFILE !== undefined || values.TEMPORAL_CONFIG_FILE !== undefined;
}

function temporalConnection(
  values: SettingValues,
  env: Environment,
): Pick<Settings['temporal'], 'address' | 'namespace' | 'connection'> {
  const ecosystem = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => {
      return entry[0].startsWith('TEMPORAL_') && entry[1] !== undefined && entry[1] !== '';
    }),
  );
  let config: ClientConnectConfig;
  try {
    config = loadClientConnectConfig({
      overrideEnvVars: ecosystem,
      // The user's default profile may point at a cluster of their work: it counts only when it is asked for.
      disableFile: !hasTemporalProfile(values),
    });
  } catch (error) {
    throw new SettingsError(`TEMPORAL_* settings cannot be used: ${oneLine(error)}`, { cause: error });
  }
  const address = config.connectionOptions.address ?? `127.0.0.1:${values.TEMPORAL_PORT}`;
  return {
    address,
    namespace: config.namespace ?? 'default',
    connection: { ...config.connectionOptions, address },
  };
}

function parseValues(env: Environment): SettingValues {
  const given = withoutBlanks(env);
  const values: Record<string, unknown> = {};
  const definitions: [string, SettingDefinition][] = Object.entries(settingDefinitions);
  for (const [name, definition] of definitions) {
    const result = definition.schema.safeParse(given[name] ?? definition.default);
    if (!result.success) {
      const shown = definition.secret === true ? 'its value' : JSON.stringify(given[name]);
      throw new SettingsError(`${name}: ${shown} ${result.error.issues[0]?.message ?? 'cannot be used'}`);
    }
    values[name] = result.data;
  }
  return values as SettingValues;
}

/** An empty variable is an unset one, as in most shells' and containers' configuration. */
function withoutBlanks(env: Environment): Record<string, string> {
  const entries = Object.entries(env).filter((entry): entry is [string, string] => (entry[1] ?? '').trim() !== '');
  return Object.fromEntries(entries);
}

function runningStack(dataDir: string): Record<string, string> {
  const file = stackFilePath(dataDir);
  if (!existsSync(file)) return {};
  try {
    const stack = stackFileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    return isAlive(stack.pid) ? stack.env : {};
  } catch {
    return {};
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();
}
