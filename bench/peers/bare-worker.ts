// The bare workflow's worker: the product's own activities and pump around it, so that all but the escrow itself is the same.
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import pino from 'pino';
import { createActivities } from '../../activities/index.ts';
import { loadSettings } from '../../config/settings.ts';
import { connect } from '../../db/client.ts';
import { stripePayments } from '../../payments/stripe.ts';
import { escrowSignals } from '../../worker/escrow-signals.ts';
import { handlers } from '../../worker/handlers/index.ts';
import { startPump } from '../../worker/pump.ts';
import type { EmptyActivities } from './bare-workflow.ts';

export const BARE_TASK_QUEUE = 'bench-bare';

if (process.env['PEER_PORT'] !== undefined) {
  const settings = loadSettings();
  const logger = pino({ level: settings.logLevel });
  Runtime.install({ shutdownSignals: [] });
  const sql = connect(settings.databaseUrl, { max: 20, applicationName: 'bench-bare' });
  const payments = stripePayments(settings.stripe);
  const connection = await NativeConnection.connect({ address: settings.temporal.address });
  const client = new Client({ connection, namespace: settings.temporal.namespace });
  const nothing: EmptyActivities = { nothing: (order) => Promise.resolve(order) };
  const worker = await Worker.create({
    connection,
    namespace: settings.temporal.namespace,
    taskQueue: BARE_TASK_QUEUE,
    workflowsPath: fileURLToPath(new URL('./bare-workflow.ts', import.meta.url)),
    activities: { ...createActivities({ sql, payments, logger }), ...nothing },
  });
  const running = worker.run();
  const signals = escrowSignals(client, settings.temporal.taskQueue);
  const pump = await startPump({ sql, stripe: payments, signals, logger }, handlers);
  const health = createServer((_request, response) => response.writeHead(pump.status().listening ? 200 : 503).end());
  health.listen(Number(process.env['PEER_PORT']), '127.0.0.1');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => worker.shutdown());
  await running;
  process.exit(0);
}
