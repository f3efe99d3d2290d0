// The worker's own port: /healthz is 200 while it polls, pumps and reaches the database, else 503 with what is wrong;
// /metrics is Prometheus'.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Worker } from '@temporalio/worker';
import type { Registry } from 'prom-client';
import type { Sql } from '../db/client.ts';
import type { PumpStatus } from './pump.ts';

export interface HealthParts {
  sql: Sql;
  worker: Pick<Worker, 'getState' | 'getStatus'>;
  pump: { status(): PumpStatus };
}

export interface Health {
  ok: boolean;
  worker: string;
  database: 'ok' | 'down';
  pump: PumpStatus;
  activities: number;
  workflow_tasks: number;
  cached_workflows: number;
}

export async function checkHealth({ sql, worker, pump }: HealthParts): Promise<Health> {
  const database = await sql`SELECT 1`.then(
    () => 'ok' as const,
    () => 'down' as const,
  );
  const state = worker.getState();
  const status = worker.getStatus();
  const pumping = pump.status();
  return {
    ok: database === 'ok' && state === 'RUNNING' && pumping.listening,
    worker: state,
    database,
    pump: pumping,
    activities: status.numInFlightActivities,
    workflow_tasks: status.numInFlightWorkflowActivations,
    cached_workflows: status.numCachedWorkflows,
  };
}

export interface HealthServer {
  port: number;
  close(): Promise<void>;
}

export async function startHealthServer(port: number, parts: HealthParts, registry: Registry): Promise<HealthServer> {
  const server = createServer((request, response) => {
    if (request.url === '/metrics') {
      registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        (error: unknown) => response.writeHead(503, { 'content-type': 'text/plain' }).end(`${String(error)}\n`),
      );
      return;
    }
    if (request.url !== '/healthz') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('GET /healthz or /metrics\n');
      return;
    }
    void checkHealth(parts).then((health) => {
      response.writeHead(health.ok ? 200 : 503, { 'content-type': 'application/json' }).end(JSON.stringify(health));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
