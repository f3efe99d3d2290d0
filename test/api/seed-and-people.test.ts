// People prove who they are; the seed makes them once; migrations are applied once and never edited.
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { seed } from '../../cli/seed.ts';
import { loadSettings } from '../../config/settings.ts';
import { connect, type Sql } from '../../db/client.ts';
import { migrate } from '../../db/migrate.ts';
import { createApiKey, findByKey } from '../../db/api-keys.ts';
import { createPerson, verifyPassword } from '../../db/people.ts';
import { createSession, endSession, findSession } from '../../db/sessions.ts';
import { stripePayments } from '../../payments/stripe.ts';
import { startStripeSandbox, type StripeSandbox } from '../../sandbox/stripe/server.ts';
import { createDatabase, type TestDatabase } from '../stack/database.ts';

let database: TestDatabase;
let sql: Sql;
let directory: string;
beforeAll(async () => {
  database = await createDatabase();
  sql = connect(database.appUrl, { max: 4 });
  directory = mkdtempSync(path.join(tmpdir(), 'tranche-seed-'));
});
afterAll(async () => {
  await sql.end({ timeout: 5 });
  await database.drop();
  rmSync(directory, { recursive: true, force: true });
});

describe('people', () => {
  test('sign in by a password that is nowhere in the database', async () => {
    const person = await createPerson(sql, { email: 'Ana@example.test', name: 'Ana', role: 'seller', password: 'correct horse' }); // prettier-ignore
    expect(await verifyPassword(sql, 'ana@EXAMPLE.test', 'correct horse')).toEqual(person);
    expect(await verifyPassword(sql, 'ana@example.test', 'correct horses')).toBeNull();
    expect(await verifyPassword(sql, 'nobody@example.test', 'correct horse')).toBeNull();
    const [row] = await sql<{ password_hash: string }[]>`SELECT password_hash FROM people WHERE id = ${person!.id}`;
    expect(row!.password_hash).toMatch(/^scrypt\$/);
    expect(row!.password_hash).not.toContain('correct horse');
    expect(await createPerson(sql, { email: 'ANA@example.test', name: 'Other', role: 'buyer' })).toBeNull();
  });

  test('are known by an API key until it is revoked', async () => {
    const person = (await createPerson(sql, { email: 'key@example.test', name: 'Key', role: 'ops' }))!;
    const { id, key } = await createApiKey(sql, person.id);
    expect(await findByKey(sql, key)).toEqual({ person, keyId: id, scopes: ['read', 'write', 'ops'] });
    expect(await findByKey(sql, `${key}x`)).toBeNull();
    const [row] = await sql<{ key_hash: string; last_used_at: Date | null }[]>`SELECT * FROM api_keys WHERE id = ${id}`;
    expect(row!.key_hash).not.toContain(key.slice('sk_tranche_'.length));
    expect(row!.last_used_at).not.toBeNull();
    await sql`UPDATE api_keys SET revoked_at = now() WHERE id = ${id}`;
    expect(await findByKey(sql, key)).toBeNull();
  });

  test('have sessions that end', async () => {
    const person = (await createPerson(sql, { email: 'session@example.test', name: 'S', role: 'buyer' }))!;
    const { token, csrfToken } = await createSession(sql, person.id);
    expect(await findSession(sql, token)).toMatchObject({ person, csrfToken });
    await endSession(sql, token);
    expect(await findSession(sql, token)).toBeNull();
    const expired = await createSession(sql, person.id, { lifetimeMs: -1000 });
    expect(await findSession(sql, expired.token)).toBeNull();
  });
});

describe('the seed', () => {
  let sandbox: StripeSandbox;
  beforeAll(async () => {
    sandbox = await startStripeSandbox({ port: 0, webhooks: [] });
  });
  afterAll(() => sandbox.close());

  const parts = (secretKey: string) => {
    const live = secretKey.startsWith('sk_live');
    const settings = loadSettings(
      {
        DATA_DIR: directory,
        DATABASE_URL: database.appUrl,
        TEMPORAL_ADDRESS: '127.0.0.1:1',
        STRIPE_SECRET_KEY: secretKey,
        STRIPE_WEBHOOK_SECRETS: 'whsec_x',
        ...(live ? {} : { STRIPE_API_BASE: sandbox.url }),
      },
      { joinRunningStack: false },
    );
    return { sql, payments: stripePayments(settings.stripe), settings };
  };

  test('makes people who can log in, sellers who can be paid, and a float; and changes nothing the second time', async () => {
    const people = await seed(parts('sk_test_x'));
    expect(Object.keys(people).sort()).toEqual(['auditor', 'buyer', 'ops', 'ops2', 'seller', 'seller2', 'seller3']);
    const file = path.join(directory, 'people.json');
    const text = readFileSync(file, 'utf8');
    expect(JSON.parse(text)).toEqual(people);
    expect(statSync(file).mode & 0o077).toBe(0);
    expect(await verifyPassword(sql, people.buyer.email, people.buyer.password)).toMatchObject({ id: people.buyer.id });
    expect((await findByKey(sql, people.ops2.api_key))?.person).toMatchObject({ id: people.ops2.id, role: 'ops' });
    const sellers = await sql`SELECT transfers, status FROM sellers`;
    expect([...sellers]).toEqual([1, 2, 3].map(() => ({ transfers: 'active', status: 'active' })));
    const count = async () =>
      (
        await sql`SELECT (SELECT count(*) FROM people) AS people, (SELECT count(*) FROM api_keys) AS keys,
        (SELECT count(*) FROM ledger_transactions) AS postings, (SELECT count(*) FROM balance_transactions) AS stripe`
      )[0];
    const before = await count();
    expect(before).toMatchObject({ postings: 4n, stripe: 4n });
    expect(await seed(parts('sk_test_x'))).toEqual(people);
    expect(await count()).toEqual(before);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  test('posts the float that Stripe holds', async () => {
    const stripe = await parts('sk_test_x').payments.balance();
    const ledger = await sql<{ currency: string; amount: bigint }[]>`
      SELECT currency, sum(amount)::bigint AS amount FROM ledger_entries
      WHERE account_class IN ('stripe_available', 'stripe_pending') GROUP BY currency ORDER BY currency`;
    const held = stripe
      .map((b) => ({ currency: b.currency, amount: b.availableMinor + b.pendingMinor }))
      .filter((b) => b.amount !== 0n)
      .sort((a, b) => a.currency.localeCompare(b.currency));
    expect([...ledger]).toEqual(held);
    expect(held).toHaveLength(4);
  });

  test('never runs against live Stripe', async () => {
    await expect(seed(parts('sk_live_x'))).rejects.toThrow('never seeded with a live');
  });
});

describe('migrations', () => {
  const MIGRATIONS = new URL('../../migrations/', import.meta.url);
  let copy: URL;
  const write = (name: string, text: string) => writeFileSync(new URL(name, copy), text);
  beforeAll(() => {
    const target = path.join(directory, 'migrations');
    cpSync(MIGRATIONS, target, { recursive: true });
    copy = pathToFileURL(`${target}/`);
  });

  test('are applied once, also by two at the same time', async () => {
    write('9001_thing.sql', 'CREATE TABLE thing (id integer);');
    const results = await Promise.all([migrate(database.ownerUrl, copy), migrate(database.ownerUrl, copy)]);
    expect(results.flatMap((r) => r.applied)).toEqual(['9001_thing.sql']);
    expect(await migrate(database.ownerUrl, copy)).toEqual({ applied: [] });
  });

  test('that fail leave nothing behind and say which', async () => {
    write('9002_bad.sql', 'CREATE TABLE half (id integer); SELECT nothing;');
    await expect(migrate(database.ownerUrl, copy)).rejects.toThrow(
      /^migrations\/9002_bad\.sql failed and was undone: /,
    );
    expect((await sql`SELECT to_regclass('half') AS found`)[0]).toEqual({ found: null });
    rmSync(new URL('9002_bad.sql', copy));
  });

  test('that were edited after they were applied are refused', async () => {
    write('9001_thing.sql', 'CREATE TABLE thing (id bigint);');
    await expect(migrate(database.ownerUrl, copy)).rejects.toThrow(/9001_thing\.sql was changed after it was applied/);
  });

  test('of a newer version are not ignored', async () => {
    rmSync(new URL('9001_thing.sql', copy));
    await expect(migrate(database.ownerUrl, copy)).rejects.toThrow(/9001_thing\.sql, which this version does not know/);
  });
});
