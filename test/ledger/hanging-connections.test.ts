// Connections to PostgreSQL that hang, with no answer and no RST: the process is told to end only where a new one would help.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect, type Sql } from '../../db/client.ts';
import { watchPool } from '../../db/pool-watch.ts';
import { createDatabase, type TestDatabase } from '../stack/database.ts';
import { type HangingProxy, startHangingProxy } from '../stack/hanging-proxy.ts';
import { until } from '../supervisor/wait.ts';

let database: TestDatabase;
let proxy: HangingProxy;
let sql: Sql;
beforeAll(async () => {
  database = await createDatabase();
  proxy = await startHangingProxy(database.appUrl);
  sql = connect(proxy.url, { max: 1 });
});
afterAll(async () => {
  await sql.end({ timeout: 0 });
  await proxy.stop();
  await database.drop();
});

test('a pool that hangs is noticed when the database answers others again, and not before', async () => {
  const said: string[] = [];
  let stuck = 0;
  const logger = { fatal: (_: object, line: string) => said.push(line) } as never;
  const watch = watchPool(sql, proxy.url, logger, { everyMs: 100, looks: 10, stuck: () => (stuck += 1) });
  try {
    await sql`SELECT 1`;
    const hung = proxy.hangAfter(0);
    const lost = Promise.allSettled([sql`SELECT 1`]);
    await hung;
    // It looks by connections of its own, none of which gets an answer.
    const before = proxy.connections();
    await until(() => proxy.connections() > before + 3, 'it has looked several times');
    expect([stuck, said]).toEqual([0, []]);
    proxy.heal();
    await until(() => stuck > 0, 'it is noticed');
    expect(said).toEqual([expect.stringContaining('connections to PostgreSQL hang')]);
    void lost;
  } finally {
    watch.stop();
  }
});

test('a pool that answers, late or with a refusal, is left alone', async () => {
  const own = connect(database.appUrl, { max: 1 });
  let stuck = 0;
  let asked = 0;
  const slow = new Proxy(own, {
    apply: (target, _, [strings, ...rest]: [TemplateStringsArray, ...never[]]) => {
      asked += 1;
      return asked % 2 === 0 ? target`SELECT 1 / 0` : target(strings, ...rest);
    },
  });
  const watch = watchPool(slow, database.appUrl, { fatal() {} } as never, {
    everyMs: 50,
    looks: 40,
    stuck: () => (stuck += 1),
  });
  try {
    // Held by others for some looks, fewer than would be too many.
    await own.begin((tx) => tx`SELECT pg_sleep(0.5)`);
    await until(() => asked > 4, 'it has asked several times');
    expect(stuck).toBe(0);
  } finally {
    watch.stop();
    await own.end({ timeout: 5 });
  }
});

test('the database gives up a client whose machine is gone within a minute, with the locks that it held', async () => {
  const own = connect(database.appUrl, { max: 1 });
  try {
    const [set] = await own`
      SELECT current_setting('tcp_keepalives_idle')::int + current_setting('tcp_keepalives_interval')::int * current_setting('tcp_keepalives_count')::int AS seconds`;
    expect(set).toEqual({ seconds: 60 });
  } finally {
    await own.end({ timeout: 5 });
  }
});
