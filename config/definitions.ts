// The list of settings: name, schema, default and the words that `npm start -- --help` prints.
import { z } from 'zod';
import { parsePeriod } from '../domain/periods.ts';

export interface SettingDefinition {
  schema: z.ZodType;
  /** As it would be written in the environment. */
  default?: string;
  help: string;
  group: string;
  /** Its value is never shown. */
  secret?: boolean;
  /** Set by the supervisor for its children, not by people. */
  internal?: boolean;
}

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'is not a port: a number from 1 to 65535')
  .transform(Number)
  .refine((n) => n >= 1 && n <= 65_535, 'is not a port: a number from 1 to 65535');

/** 0 stands for none. */
const portOrNone = z
  .string()
  .regex(/^\d{1,5}$/, 'is not a port: a number from 0 (none) to 65535')
  .transform(Number)
  .refine((n) => n <= 65_535, 'is not a port: a number from 0 (none) to 65535');

function url(protocols: readonly string[], example: string) {
  return z.string().refine(
    (text) => {
      return URL.canParse(text) && protocols.includes(new URL(text).protocol);
    },
    { message: `is not a URL such as ${example}` },
  );
}

const postgresUrl = url(['postgres:', 'postgresql:'], 'postgres://user:password@host:5432/tranche');
const httpUrl = url(['http:', 'https:'], 'https://pay.example.com');

const text = z.string().min(1, 'is empty');

const list = z.string().transform((value) => {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
});

const isProxy = (text: string): boolean =>
  /^(none|loopback|linklocal|uniquelocal|[\da-fA-F.:]+(\/\d{1,3})?)$/.test(text);

const duration = z.string().regex(/^\d+(\.\d+)?\s?(ms|s|m|h)$/, "is not a duration such as '2s', '500ms' or '1m'");

/** ISO 8601 → milliseconds. */
const period = z.string().transform((text, check) => {
  try {
    return parsePeriod(text);
  } catch (error) {
    check.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});

const limits = z
  .string()
  .regex(
    /^([a-z]{3}=\d{1,15})(,[a-z]{3}=\d{1,15})*$/,
    'is not a list of limits in minor units such as usd=100000,jpy=150000',
  )
  .transform((value) => {
    const pairs = value.split(',').map((pair): [string, bigint] => [pair.slice(0, 3), BigInt(pair.slice(4))]);
    return new Map(pairs) as ReadonlyMap<string, bigint>;
  });

const codecKeys = z
  .string()
  .regex(
    /^([\w-]{1,40}=[A-Za-z0-9+/]{43}=(,(?!$)|$))*$/,
    'is not a list of id=KEY with 32 bytes in base64 each (make one: openssl rand -base64 32)',
  )
  .transform((value) =>
    value
      .split(',')
      .filter((pair) => pair !== '')
      .map((pair) => ({
        id: pair.slice(0, pair.indexOf('=')),
        key: Buffer.from(pair.slice(pair.indexOf('=') + 1), 'base64'),
      })),
  )
  .refine((keys) => new Set(keys.map(({ id }) => id)).size === keys.length, 'names a key twice');

const secretKey = z
  .string()
  .regex(/^(sk|rk)_(test|live)_\S+$/, 'is not a secret key of Stripe (sk_test_…, sk_live_…, rk_test_… or rk_live_…)');

const address = z.string().regex(/^[^\s:/]+:\d{1,5}$/, 'is not an address such as temporal.example.com:7233');

const define = <T extends Record<string, SettingDefinition>>(definitions: T): T => definitions;

export const settingDefinitions = define({
  PORT: { group: 'Addresses', schema: port, default: '3000', help: 'API and pages' },
  HOST: { group: 'Addresses', schema: text, default: '127.0.0.1', help: 'address that API and pages listen on' },
  PUBLIC_URL: {
    group: 'Addresses',
    schema: httpUrl.optional(),
    help: 'where people reach the pages (default http://127.0.0.1:PORT)',
  },
  DATA_DIR: { group: 'Addresses', schema: text, default: '.data', help: 'everything the embedded parts keep' },
  TRUSTED_PROXIES: {
    group: 'Addresses',
    schema: list.pipe(z.array(z.string().refine(isProxy, { error: 'is neither none, loopback nor an address such as 10.0.0.0/8' }))).optional(), // prettier-ignore
    help: 'whose X-Forwarded-For is believed (none: people reach it directly); until it is set, devices are not compared',
  },

  DATABASE_URL: {
    group: 'PostgreSQL',
    schema: postgresUrl.optional(),
    secret: true,
    help: "a PostgreSQL of your own, the application's role; replaces the embedded one",
  },
  MIGRATION_DATABASE_URL: {
    group: 'PostgreSQL',
    schema: postgresUrl.optional(),
    secret: true,
    help: 'the role that owns the schema and migrates it (default DATABASE_URL)',
  },
  POSTGRES_PORT: { group: 'PostgreSQL', schema: port, default: '54320', help: 'port of the embedded PostgreSQL' },

  TEMPORAL_ADDRESS: {
    group: 'Temporal',
    schema: address.optional(),
    help: 'a Temporal of your own; replaces the embedded one. The other TEMPORAL_* of its SDKs count too (TLS, profile)',
  },
  TEMPORAL_NAMESPACE: { group: 'Temporal', schema: text.optional(), help: 'namespace (default: default)' },
  TEMPORAL_API_KEY: { group: 'Temporal', schema: text.optional(), secret: true, help: 'API key of Temporal Cloud' },
  TEMPORAL_PROFILE: {
    group: 'Temporal',
    schema: text.optional(),
    help: "profile of Temporal's own configuration file",
  },
  TEMPORAL_CONFIG_FILE: {
    group: 'Temporal',
    schema: text.optional(),
    help: 'that file, when it is not in its usual place',
  },
  TEMPORAL_TASK_QUEUE: { group: 'Temporal', schema: text, default: 'tranche', help: 'task queue of the worker' },
  TEMPORAL_CODEC_KEYS: {
    group: 'Temporal',
    schema: codecKeys,
    default: '',
    secret: true,
    help: 'encrypts what Temporal stores: id=KEY,… (32 bytes in base64 each); the first encrypts, all decrypt. Default: none',
  },
  TEMPORAL_UI_URL: { group: 'Temporal', schema: httpUrl.optional(), help: 'Temporal UI that pages link to' },
  TEMPORAL_PORT: { group: 'Temporal', schema: port, default: '7233', help: 'port of the embedded Temporal' },
  TEMPORAL_UI_PORT: { group: 'Temporal', schema: port, default: '8233', help: 'port of its UI' },

  STRIPE_SECRET_KEY: {
    group: 'Stripe',
    schema: secretKey.optional(),
    secret: true,
    help: 'your key of Stripe; replaces the sandbox (sk_test_… = test mode, sk_live_… = real money)',
  },
  STRIPE_PUBLISHABLE_KEY: {
    group: 'Stripe',
    schema: z
      .string()
      .regex(/^pk_(test|live)_\w+$/, 'is not a publishable key: pk_test_… or pk_live_…')
      .optional(),
    help: 'lets buyers enter a card on the payment page (Stripe’s Payment Element); of the same mode as STRIPE_SECRET_KEY',
  },
  STRIPE_WEBHOOK_SECRETS: {
    group: 'Stripe',
    schema: list,
    default: '',
    secret: true,
    help: 'signing secrets whsec_…, separated by commas: platform, connected and thin endpoints, and rotation',
  },
  STRIPE_API_BASE: {
    group: 'Stripe',
    schema: httpUrl.optional(),
    help: 'a Stripe sandbox that runs elsewhere (default: Stripe itself, or the embedded sandbox)',
  },
  STRIPE_SANDBOX_PORT: { group: 'Stripe', schema: port, default: '12111', help: 'port of the embedded Stripe sandbox' },

  OIDC_ISSUER: {
    group: 'Sign-in',
    schema: httpUrl.optional(),
    help: 'identity provider by which ops and auditors may sign in (OpenID Connect); its return address is PUBLIC_URL/sign-in/oidc/return',
  },
  OIDC_CLIENT_ID: { group: 'Sign-in', schema: text.optional(), help: 'our id there' },
  OIDC_CLIENT_SECRET: { group: 'Sign-in', schema: text.optional(), secret: true, help: 'our secret there' },

  PLATFORM_COUNTRY: {
    group: 'Rules',
    schema: z.string().regex(/^[A-Z]{2}$/, 'is not a country code such as US'),
    default: 'US',
    help: "country of the platform's Stripe account: decides how long money may be held",
  },
  FUND_CANCEL_LIMIT: {
    group: 'Rules',
    schema: z
      .string()
      .regex(/^\d{1,6}$/, 'is not a number')
      .transform(Number),
    default: '20',
    help: 'escrows that a buyer may fund and cancel within a day before funding is refused: each costs processing fees',
  },
  NEW_SELLER_FIRST_RELEASE_DELAY: {
    group: 'Rules',
    schema: period.optional(),
    help: 'how long the first release to a seller whom the platform has never paid waits after it was accepted; ISO 8601 (default: P7D, none in the sandbox)',
  },
  APPROVAL_LIMIT_REFUND: {
    group: 'Rules',
    schema: limits,
    default: 'usd=100000,eur=100000,gbp=100000,jpy=150000',
    help: 'refunds by ops above it need a second person; minor units, a currency that is not listed always does',
  },
  APPROVAL_LIMIT_RULING: {
    group: 'Rules',
    schema: limits,
    default: 'usd=500000,eur=500000,gbp=500000,jpy=750000',
    help: 'the same for rulings on disputes',
  },
  APPROVAL_LIMIT_RELEASE: {
    group: 'Rules',
    schema: limits,
    default: 'usd=100000,eur=100000,gbp=100000,jpy=150000',
    help: 'the same for releases by hand',
  },
  APPROVAL_LIMIT_WRITE_OFF: {
    group: 'Rules',
    schema: limits,
    default: 'usd=0,eur=0,gbp=0,jpy=0',
    help: "the same for writing off a seller's debt",
  },

  WEBHOOKS_TO_LOOPBACK: {
    group: 'Rules',
    schema: z.enum(['yes', 'no'], { error: 'is neither yes nor no' }),
    default: 'no',
    help: 'sandbox only: outgoing webhooks may go to this machine itself (http://127.0.0.1:…), to try a receiver',
  },

  SMTP_URL: {
    group: 'Processes',
    schema: url(['smtp:', 'smtps:'], 'smtp://user:password@mail.example.com:587').optional(),
    secret: true,
    help: 'mail server (default: no mail is sent, and the outbox page shows each)',
  },
  MAIL_FROM: {
    group: 'Processes',
    schema: z
      .string()
      .regex(/^[^\r\n@]+@[^\r\n@\s]+$/, 'is not a sender such as Tranche <pay@example.com>')
      .optional(),
    help: 'sender of mails (default: Tranche <no-reply@ the host of PUBLIC_URL>)',
  },
  LOG_LEVEL: {
    group: 'Processes',
    schema: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'is not one of fatal, error, warn, info, debug, trace, silent',
    }),
    default: 'info',
    help: 'what the logs hold',
  },
  WORKER_STICKY_TIMEOUT: {
    group: 'Processes',
    schema: duration,
    default: '2s',
    help: "how long a dead worker's escrows wait before another one takes them",
  },
  WORKER_SHUTDOWN_GRACE: {
    group: 'Processes',
    schema: duration,
    default: '10s',
    help: 'how long running activities may finish when the worker stops',
  },
  WORKER_SHUTDOWN_FORCE: {
    group: 'Processes',
    schema: duration,
    default: '20s',
    help: 'after this long the worker stops whatever still runs',
  },
  WORKER_HEALTH_PORT: {
    group: 'Processes',
    schema: portOrNone,
    default: '0',
    help: "port of the worker's health answer (0: none; npm start chooses one)",
  },
  WORKFLOW_BUNDLE: {
    group: 'Processes',
    schema: text.optional(),
    help: 'prebuilt workflow bundle of the worker (default: bundled at its start; npm start makes one)',
  },
  TRANCHE_CRASH_POINTS: {
    group: 'Processes',
    schema: text.optional(),
    internal: true,
    help: 'file of the points at which a worker ends itself, for the crash tests; the sandbox alone heeds it',
  },
  TRANCHE_EMBEDDED: {
    group: 'Processes',
    schema: list.pipe(z.array(z.enum(['postgres', 'temporal', 'stripe', 'none'], { error: 'is not a list of parts' }))),
    default: '',
    internal: true,
    help: 'which addresses belong to embedded parts',
  },
});

export type SettingValues = {
  [K in keyof typeof settingDefinitions]: z.output<(typeof settingDefinitions)[K]['schema']>;
};

const WIDTH = 26;

/** The settings as text, grouped, with their defaults. */
export function describeSettings(): string {
  const definitions: [string, SettingDefinition][] = Object.entries(settingDefinitions);
  const lines: string[] = ['Settings (environment variables):'];
  let group = '';
  for (const [name, definition] of definitions) {
    if (definition.internal === true) continue;
    if (definition.group !== group) {
      group = definition.group;
      lines.push('', group);
    }
    const fallback = definition.default === undefined || definition.default === '' ? '' : ` [${definition.default}]`;
    lines.push(`  ${name.padEnd(WIDTH)}${definition.help}${fallback}`);
  }
  return lines.join('\n');
}
