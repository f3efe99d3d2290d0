// Settings: defaults, what each wrong value says, which part gives way to a real one, and joining a running stack.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  SettingsError,
  approvalLimit,
  describeSettings,
  loadSettings,
  requireInstallation,
  stackFilePath,
} from '../../config/settings.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'tranche-settings-'));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

describe('defaults', () => {
  test('without any variable everything is embedded and on this machine only', () => {
    const settings = loadSettings({ DATA_DIR: dataDir });
    expect(settings).toMatchObject({
      mode: 'sandbox',
      sandbox: true,
      host: '127.0.0.1',
      port: 3000,
      publicUrl: 'http://127.0.0.1:3000',
      embedded: { postgres: true, temporal: true, stripe: true },
      ports: { temporal: 7233, temporalUi: 8233, stripeSandbox: 12_111, postgres: 54_320 },
      stripe: { apiBase: 'http://127.0.0.1:12111' },
      platformCountry: 'US',
    });
    expect(settings.temporal).toMatchObject({
      address: '127.0.0.1:7233',
      namespace: 'default',
      taskQueue: 'tranche',
      uiUrl: 'http://127.0.0.1:8233',
    });
  });

  test('an empty variable is an unset one', () => {
    const settings = loadSettings({ DATA_DIR: dataDir, PORT: '', DATABASE_URL: ' ' });
    expect(settings.port).toBe(3000);
    expect(settings.embedded.postgres).toBe(true);
  });

  test('the help names every variable that people set, and no secret default', () => {
    const help = describeSettings();
    for (const name of ['PORT', 'DATABASE_URL', 'TEMPORAL_ADDRESS', 'STRIPE_SECRET_KEY', 'APPROVAL_LIMIT_WRITE_OFF']) {
      expect(help).toContain(name);
    }
    expect(help).not.toContain('TRANCHE_EMBEDDED');
  });
});

describe('a wrong value is one line that names it', () => {
  test.each([
    [{ PORT: 'http' }, /^PORT: "http" is not a port/],
    [{ PORT: '65536' }, /^PORT: "65536" is not a port/],
    [{ DATABASE_URL: 'mysql://u:hidden@h/d' }, /^DATABASE_URL: its value is not a URL such as postgres:/],
    [{ TEMPORAL_ADDRESS: 'https://temporal' }, /^TEMPORAL_ADDRESS: .* is not an address/],
    [{ STRIPE_SECRET_KEY: 'pk_test_x' }, /^STRIPE_SECRET_KEY: its value is not a secret key/],
    [{ STRIPE_SECRET_KEY: 'sk_test_x' }, /^STRIPE_WEBHOOK_SECRETS is missing/],
    [{ STRIPE_SECRET_KEY: 'sk_live_x', STRIPE_API_BASE: 'http://127.0.0.1:1' }, /^STRIPE_API_BASE must not be set/],
    [
      { STRIPE_SECRET_KEY: 'sk_live_x', STRIPE_WEBHOOK_SECRETS: 'whsec_a', PUBLIC_URL: 'http://pay.example.com' },
      /^PUBLIC_URL must be an https:\/\/ address with a live key/,
    ],
    [{ APPROVAL_LIMIT_RULING: 'usd=1.5' }, /^APPROVAL_LIMIT_RULING: .* is not a list of limits/],
    [{ PLATFORM_COUNTRY: 'usa' }, /^PLATFORM_COUNTRY: "usa" is not a country code/],
    [{ NEW_SELLER_FIRST_RELEASE_DELAY: '7' }, /^NEW_SELLER_FIRST_RELEASE_DELAY: "7" "7" is not a period/],
    [{ LOG_LEVEL: 'loud' }, /^LOG_LEVEL: "loud" is not one of/],
    [{ WORKER_STICKY_TIMEOUT: 'soon' }, /^WORKER_STICKY_TIMEOUT: "soon" is not a duration/],
  ])('%j', (env, message) => {
    const load = () => loadSettings({ DATA_DIR: dataDir, ...env });
    expect(load).toThrow(SettingsError);
    expect(load).toThrow(message);
    try {
      load();
    } catch (error) {
      expect((error as Error).message).not.toContain('\n');
      expect((error as Error).message).not.toContain('hidden');
    }
  });
});

describe('real parts', () => {
  test('each takes the place of its embedded part by itself', () => {
    const database = loadSettings({ DATA_DIR: dataDir, DATABASE_URL: 'postgres://app:pw@db/tranche' });
    expect(database.embedded).toEqual({ postgres: false, temporal: true, stripe: true });
    expect(database.migrationDatabaseUrl).toBe('postgres://app:pw@db/tranche');

    const temporal = loadSettings({
      DATA_DIR: dataDir,
      TEMPORAL_ADDRESS: 'eu.example.com:7233',
      TEMPORAL_NAMESPACE: 'tranche.prod',
      TEMPORAL_API_KEY: 'key',
    });
    expect(temporal.embedded).toEqual({ postgres: true, temporal: false, stripe: true });
    expect(temporal.temporal).toMatchObject({ address: 'eu.example.com:7233', namespace: 'tranche.prod' });
    expect(temporal.temporal.connection).toMatchObject({ address: 'eu.example.com:7233', apiKey: 'key', tls: true });
    expect(temporal.temporal.uiUrl).toBeUndefined();

    const stripe = loadSettings({
      DATA_DIR: dataDir,
      STRIPE_SECRET_KEY: 'sk_test_1',
      STRIPE_WEBHOOK_SECRETS: 'whsec_a, whsec_b',
    });
    expect(stripe.embedded).toEqual({ postgres: true, temporal: true, stripe: false });
    expect(stripe.mode).toBe('test');
    expect(stripe.stripe).toEqual({
      secretKey: 'sk_test_1',
      apiBase: undefined,
      webhookSecrets: ['whsec_a', 'whsec_b'],
    });
  });

  test('the mode follows the key', () => {
    const mode = (env: Record<string, string>) =>
      loadSettings({ DATA_DIR: dataDir, STRIPE_WEBHOOK_SECRETS: 'whsec_a', ...env }).mode;
    expect(mode({ STRIPE_SECRET_KEY: 'sk_live_1' })).toBe('live');
    expect(mode({ STRIPE_SECRET_KEY: 'rk_live_1', PUBLIC_URL: 'https://pay.example.com' })).toBe('live');
    expect(mode({ STRIPE_SECRET_KEY: 'rk_test_1' })).toBe('test');
    expect(mode({ STRIPE_SECRET_KEY: 'sk_test_1', STRIPE_API_BASE: 'http://127.0.0.1:12111' })).toBe('sandbox');
  });
});

test('a new seller’s first release waits a week, in the sandbox only where it is asked for', () => {
  const delay = (env: Record<string, string>) =>
    loadSettings({ DATA_DIR: dataDir, STRIPE_WEBHOOK_SECRETS: 'whsec_a', ...env }).firstReleaseDelayMs;
  expect(delay({})).toBe(0);
  expect(delay({ NEW_SELLER_FIRST_RELEASE_DELAY: 'PT5S' })).toBe(5000);
  expect(delay({ STRIPE_SECRET_KEY: 'sk_live_1' })).toBe(7 * 86_400_000);
  expect(delay({ STRIPE_SECRET_KEY: 'sk_live_1', NEW_SELLER_FIRST_RELEASE_DELAY: 'PT0S' })).toBe(0);
});

test('a currency without a stated approval limit always asks for a second person', () => {
  const settings = loadSettings({ DATA_DIR: dataDir, APPROVAL_LIMIT_REFUND: 'usd=5,jpy=7' });
  expect(approvalLimit(settings, 'refund', 'USD')).toBe(5n);
  expect(approvalLimit(settings, 'refund', 'jpy')).toBe(7n);
  expect(approvalLimit(settings, 'refund', 'chf')).toBe(0n);
});

describe('joining a running stack', () => {
  const stack = (pid: number) =>
    writeFileSync(
      stackFilePath(dataDir),
      JSON.stringify({
        pid,
        env: {
          DATABASE_URL: 'postgres://tranche:pw@127.0.0.1:5/tranche',
          TEMPORAL_ADDRESS: '127.0.0.1:6',
          STRIPE_SECRET_KEY: 'sk_test_sandbox',
          STRIPE_API_BASE: 'http://127.0.0.1:7',
          STRIPE_WEBHOOK_SECRETS: 'whsec_a',
          TRANCHE_EMBEDDED: 'postgres,temporal,stripe',
        },
      }),
    );

  test('takes its addresses while it lives; what is set wins', () => {
    stack(process.pid);
    const settings = loadSettings({ DATA_DIR: dataDir, STRIPE_API_BASE: 'http://127.0.0.1:8' });
    expect(settings.databaseUrl).toBe('postgres://tranche:pw@127.0.0.1:5/tranche');
    expect(settings.temporal.address).toBe('127.0.0.1:6');
    expect(settings.stripe.apiBase).toBe('http://127.0.0.1:8');
    expect(settings.mode).toBe('sandbox');
    expect(() => requireInstallation(settings)).not.toThrow();
  });

  test('a stack that is gone does not count, nor does it for the supervisor', () => {
    stack(2_147_483_646);
    const settings = loadSettings({ DATA_DIR: dataDir });
    expect(settings.embedded.postgres).toBe(true);
    expect(() => requireInstallation(settings)).toThrow(/run `npm start`/);
    stack(process.pid);
    expect(loadSettings({ DATA_DIR: dataDir }, { joinRunningStack: false }).embedded.postgres).toBe(true);
  });
});
