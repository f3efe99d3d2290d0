// The worker's health answer over HTTP, with a real database and stand-ins for Temporal's worker and the pump.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { parse } from 'yaml';
import { z } from 'zod';
import { connect } from '../../db/client.ts';
import type { Sql } from '../../db/client.ts';
import { stripeMetrics, type StripeObserver } from '../../payments/metrics.ts';
import { PaymentsError } from '../../payments/errors.ts';
import { createMetrics } from '../../api/metrics.ts';
import { measureWorker } from '../../worker/metrics.ts';
import { startHealthServer } from '../../worker/health.ts';
import type { HealthParts, HealthServer } from '../../worker/health.ts';
import { createDatabase } from '../stack/database.ts';
import type { TestDatabase } from '../stack/database.ts';

let database: TestDatabase;
let sql: Sql;
let server: HealthServer;
let registry: Registry;
let stripe: StripeObserver;
let state: 'RUNNING' | 'STOPPING' = 'RUNNING';

beforeAll(async () => {
  database = await createDatabase();
  sql = connect(database.appUrl, { max: 1 });
  const worker = {
    getState: () => state,
    getStatus: () => ({ numInFlightActivities: 2, numInFlightWorkflowActivations: 1, numCachedWorkflows: 5 }),
  } as unknown as HealthParts['worker'];
  const pump = { status: () => ({ listening: true, inFlight: 0, done: 3, failed: 0 }) };
  registry = new Registry();
  stripe = stripeMetrics(registry);
  measureWorker(registry, { sql, worker, pump });
  server = await startHealthServer(0, { sql, worker, pump }, registry);
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

test('metrics tell what is held, what waits and how Stripe answers, never by an id', async () => {
  await sql`INSERT INTO stripe_events (id, type, livemode, body, received_at) VALUES ('evt_1', 'x', false, '{}', now() - interval '90 s')`;
  await sql`INSERT INTO alerts (kind, dedupe_key) VALUES ('solvency', 'a'), ('solvency', 'b')`;
  stripe.answered({ method: 'POST', path: '/v1/payment_intents/pi_123/confirm?x=1', status: 200, elapsedMs: 40 });
  stripe.failed(new PaymentsError('declined', 'card_declined', 'no'));
  const lines = (await (await ask('/metrics')).text()).split('\n');
  expect(lines).toContain('tranche_alerts_open{kind="solvency"} 2');
  expect(lines).toContain('tranche_stripe_events{state="received"} 1');
  const lag = lines.find((line) => line.startsWith('tranche_stripe_events_lag_seconds '))!;
  expect(Number(lag.split(' ')[1])).toBeGreaterThanOrEqual(90);
  expect(lines).toContain('tranche_stripe_failures_total{kind="declined",code="card_declined"} 1');
  expect(lines).toContain('tranche_stripe_request_duration_seconds_count{method="POST",operation="/v1/payment_intents/{id}/confirm",status="200"} 1'); // prettier-ignore
  expect(lines.join()).not.toContain('pi_123');
});

test('alert rules and dashboard ask only for figures that exist', async () => {
  const read = (file: string) => readFileSync(new URL(`../../ops/${file}`, import.meta.url), 'utf8');
  const rules = z.object({ groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })) }); // prettier-ignore
  const board = z.object({ panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })) })) });
  const asked = [
    ...rules
      .parse(parse(read('prometheus/alerts.yml')))
      .groups.flatMap((group) => group.rules.map((rule) => rule.expr)),
    ...board
      .parse(JSON.parse(read('grafana/tranche.json')))
      .panels.flatMap((panel) => panel.targets.map((t) => t.expr)),
  ];
  const metrics = [...(await registry.getMetricsAsJSON()), ...(await createMetrics().registry.getMetricsAsJSON())];
  const known = new Set(metrics.flatMap(({ name, type }) => (String(type) === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name]))); // prettier-ignore
  const names = asked.flatMap((expr) => expr.match(/\b(tranche|process|nodejs)_\w+/g) ?? []);
  expect(asked.length).toBeGreaterThan(20);
  expect(names.length).toBeGreaterThanOrEqual(asked.length);
  expect(names.filter((name) => !known.has(name))).toEqual([]);
});

test('503 without a database', async () => {
  await database.drop();
  const response = await ask();
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ ok: false, database: 'down' });
});
