// The shared stack itself: databases are apart from each other, the application's role owns nothing, Temporal knows our
// search attributes and keeps closed escrows.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Connection } from '@temporalio/client';
import postgres from 'postgres';
import { SEARCH_ATTRIBUTES } from '../../sandbox/temporal.ts';
import { createDatabase } from './database.ts';
import type { TestDatabase } from './database.ts';
import { temporalAddress, temporalNamespace, uniqueTaskQueue } from './temporal.ts';

describe('databases', () => {
  let databases: TestDatabase[];
  beforeAll(async () => {
    databases = await Promise.all([createDatabase(), createDatabase()]);
  });
  afterAll(async () => {
    await Promise.all(databases.map((database) => database.drop()));
  });

  test('two suites do not see each other', async () => {
    const [first, second] = databases.map((database) => postgres(database.ownerUrl, { max: 1 }));
    await first!`CREATE TABLE only_here (id int)`;
    const seen = await second!`SELECT to_regclass('only_here') AS found`;
    expect(seen[0]).toEqual({ found: null });
    await Promise.all([first!.end(), second!.end()]);
  });

  test("the application's role may connect but not make tables", async () => {
    const sql = postgres(databases[0]!.appUrl, { max: 1 });
    expect((await sql`SELECT current_user AS name`)[0]).toEqual({ name: 'tranche' });
    expect((await sql`SELECT pg_has_role('tranche', 'tranche_app', 'member') AS member`)[0]).toEqual({ member: true });
    await expect(sql`CREATE TABLE mine (id int)`.execute()).rejects.toThrow(/permission denied/);
    await sql.end();
  });

  test('text is UTF-8 and time is UTC whatever the machine says', async () => {
    const sql = postgres(databases[0]!.ownerUrl, { max: 1 });
    const [row] = await sql`SELECT current_setting('server_encoding') AS encoding, current_setting('timezone') AS zone,
      uuid_extract_version(uuidv7()) AS version`;
    expect(row).toEqual({ encoding: 'UTF8', zone: 'UTC', version: 7 });
    await sql.end();
  });
});

describe('Temporal', () => {
  let connection: Connection;
  beforeAll(async () => {
    connection = await Connection.connect({ address: temporalAddress() });
  });
  afterAll(() => connection.close());

  test('has our search attributes with their types', async () => {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace: temporalNamespace,
    });
    expect(
      Object.keys(customAttributes)
        .filter((name) => name in SEARCH_ATTRIBUTES)
        .sort(),
    ).toEqual(Object.keys(SEARCH_ATTRIBUTES).sort());
  });

  test('keeps closed workflows for 90 days', async () => {
    const { config } = await connection.workflowService.describeNamespace({ namespace: temporalNamespace });
    expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(90 * 86_400);
  });

  test('task queues are never the same', () => {
    expect(uniqueTaskQueue()).not.toBe(uniqueTaskQueue());
  });
});
