// The worker's health answer over HTTP, with a real database and stand-ins for Temporal's worker and the pump.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect } from '../../db/client.ts';
import type { Sql } from '../../db/client.ts';
import { startHealthServer } from '../../worker/health.ts';
import type { HealthParts, HealthServer } from '../../worker/health.ts';
import { createDatabase } from '../stack/database.ts';
import type { TestDatabase } from '../stack/database.ts';

let database: TestDatabase;
let sql: Sql;
let server: HealthServer;
let state: 'RUNNING' | 'STOPPING' = 'RUNNING';

beforeAll(async () => {
  database = await createDatabase();
  sql = connect(database.appUrl, { max: 1 });
  const worker = {
    getState: () => state,
    getStatus: () => ({ numInFlightActivities: 2, numInFlightWorkflowActivations: 1, numCachedWorkflows: 5 }),
  } as unknown as HealthParts['worker'];
  const pump = { status: () => ({ listening: true, inFlight: 0, done: 3, failed: 0 }) };
  server = await startHealthServer(0, { sql, worker, pump });
});
afterAll(async () => {
  await server.close();
  await sql.end({ timeout: 1 });
  await database.drop();
});

const ask = (path = '/healthz') => fetch(`http://127.0.0.1:${server.port}${path}`);

test('200 while everything runs, 503 once the worker stops', async () => {
  const healthy = await ask();
  expect(healthy.status).toBe(200);
  expect(await healthy.json()).toMatchObject({ ok: true, worker: 'RUNNING', database: 'ok', activities: 2 });
  expect((await ask('/')).status).toBe(404);
  state = 'STOPPING';
  expect((await ask()).status).toBe(503);
  state = 'RUNNING';
});

test('503 without a database', async () => {
  await database.drop();
  const response = await ask();
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ ok: false, database: 'down' });
});
