// The worker process: Temporal worker, inbox pump, sender of mails and sweeps over one database pool; health over HTTP; a graceful stop.
import { existsSync } from 'node:fs';
import { Client } from '@temporalio/client';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { WorkerOptions } from '@temporalio/worker';
import pino from 'pino';
import { Registry } from 'prom-client';
import { createActivities } from '../activities/index.ts';
import { reconcileActivities } from '../activities/reconcile.ts';
import { dataConverter } from '../codec/data-converter.ts';
import { sweepApprovals } from '../api/approvals.ts';
import { sweepOpenCommands } from '../api/commands.ts';
import { temporalEscrows } from '../api/workflow-port.ts';
import { runningEscrows } from '../api/workflow-states.ts';
import { loadSettings, requireInstallation, SettingsError } from '../config/settings.ts';
import { connect } from '../db/client.ts';
import { watchPool } from '../db/pool-watch.ts';
import { holdingLimitMs } from '../domain/policy.ts';
import { stripeMetrics } from '../payments/metrics.ts';
import { stripePayments } from '../payments/stripe.ts';
import { crashPoints } from './crash-points.ts';
import { watchDebts } from './debts.ts';
import { escrowSignals } from './escrow-signals.ts';
import { handlers } from './handlers/index.ts';
import { startHealthServer } from './health.ts';
import { measureWorker } from './metrics.ts';
import { mailLinks } from './mail-links.ts';
import { startMailer } from './mailer.ts';
import { watchSolvency } from './platform-payouts.ts';
import { startPump } from './pump.ts';
import { smtpTransport } from './smtp.ts';
import { ensureNightlyReconciliation } from './schedules.ts';
import { watchRisks } from './risks.ts';
import { allSweeps, startSweeps } from './sweeps.ts';
import { tryWaitingSellers } from './waiting-sellers.ts';
import { startDispatcher } from './webhook-dispatcher.ts';
import { workflowsOfWorker } from './workflow-bundle.ts';

async function main(): Promise<void> {
  const settings = loadSettings();
  requireInstallation(settings);
  const logger = pino({ level: settings.logLevel, base: { part: 'worker', pid: process.pid } });
  // A stop is asked of us by the supervisor below; the SDK must not take signals for itself first.
  Runtime.install({ shutdownSignals: [] });

  const sql = connect(settings.databaseUrl, { max: 20, applicationName: 'tranche-worker' });
  const watch = watchPool(sql, settings.databaseUrl, logger);
  const registry = new Registry();
  const payments = stripePayments(settings.stripe, stripeMetrics(registry));
  const { address, tls, apiKey, metadata } = settings.temporal.connection ?? {};
  const connection = await NativeConnection.connect({ address, tls, apiKey, metadata });
  const converter = dataConverter(settings.temporal.codecKeys);
  const client = new Client({ connection, namespace: settings.temporal.namespace, ...converter });

  const workflows = temporalEscrows(client, { taskQueue: settings.temporal.taskQueue });

  const crash = settings.worker.crashPoints === undefined ? undefined : crashPoints(settings.worker.crashPoints);

  const worker = await Worker.create({
    connection,
    ...converter,
    namespace: settings.temporal.namespace,
    taskQueue: settings.temporal.taskQueue,
    activities: {
      ...createActivities({
        sql,
        payments,
        logger,
        webhooks: settings.webhooks,
        firstReleaseDelayMs: settings.firstReleaseDelayMs,
        ...(crash ? { crashPoint: crash.at } : {}),
      }),
      ...reconcileActivities({
        sql,
        payments,
        logger,
        escrowState: (id) => workflows.stateOf(id),
        runningEscrows: () => runningEscrows(client, settings.temporal.taskQueue),
      }),
    },
    ...(crash ? { interceptors: { activity: [crash.interceptor] } } : {}),
    stickyQueueScheduleToStartTimeout: settings.worker
      .stickyTimeout as WorkerOptions['stickyQueueScheduleToStartTimeout'],
    shutdownGraceTime: settings.worker.shutdownGrace as WorkerOptions['shutdownGraceTime'],
    shutdownForceTime: settings.worker.shutdownForce as WorkerOptions['shutdownForceTime'],
    ...workflowCode(settings.worker.workflowBundle, logger),
  });
  const running = worker.run();

  await ensureNightlyReconciliation(client, settings.temporal.taskQueue);

  const signals = escrowSignals(client, settings.temporal.taskQueue);
  const pump = await startPump({ sql, stripe: payments, signals, logger }, handlers);
  const dispatcher = await startDispatcher({ sql, client, taskQueue: settings.temporal.taskQueue, logger });
  const sweeper = startSweeps(
    sql,
    allSweeps({
      payments,
      watchSolvency: () => watchSolvency(sql, payments),
      watchDebts: () => watchDebts(sql, client, { taskQueue: settings.temporal.taskQueue }),
      watchRisks: () => watchRisks(sql, payments, signals),
      tryWaitingSellers: () => tryWaitingSellers(sql, payments, signals),
      holdingLimitMs: holdingLimitMs(settings.platformCountry),
      sweepOpenCommands: () => sweepOpenCommands({ sql, payments, settings, logger, workflows }),
      sweepApprovals: () => sweepApprovals({ sql, payments, settings, logger, workflows }),
    }),
    logger,
  );
  measureWorker(registry, { sql, worker, pump });
  const mailer = startMailer({
    sql,
    transport: settings.smtpUrl === undefined ? null : smtpTransport(settings.smtpUrl, settings.mailFrom),
    publicUrl: settings.publicUrl,
    sandbox: settings.sandbox,
    linkFor: mailLinks(sql, settings.publicUrl),
    logger,
  });
  const health =
    settings.worker.healthPort === 0
      ? undefined
      : await startHealthServer(settings.worker.healthPort, { sql, worker, pump }, registry);
  logger.info({ task_queue: settings.temporal.taskQueue, health_port: health?.port ?? null }, 'worker runs');

  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'worker stops: it ends what is in work');
    if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));

  try {
    await running;
  } finally {
    await Promise.all([pump.stop(), dispatcher.stop(), sweeper.stop(), mailer.stop()]);
    await health?.close();
    await connection.close();
    watch.stop();
    await sql.end({ timeout: 5 });
  }
  logger.info('worker stopped');
}

/** A bundle that was made before is loaded in no time; without one it is made now, which takes seconds. */
function workflowCode(
  bundle: string | undefined,
  logger: pino.Logger,
): Pick<WorkerOptions, 'workflowBundle'> | typeof workflowsOfWorker {
  if (bundle !== undefined) {
    // No silent fallback: a worker must run the code that was chosen for it.
    if (!existsSync(bundle)) throw new SettingsError(`WORKFLOW_BUNDLE: ${bundle} does not exist`);
    logger.info({ bundle }, 'workflows come from a prebuilt bundle');
    return { workflowBundle: { codePath: bundle } };
  }
  logger.info('WORKFLOW_BUNDLE is not set: workflows are bundled now, at start');
  return workflowsOfWorker;
}

main().catch((error: unknown) => {
  if (error instanceof SettingsError) console.error(`worker: ${error.message}`);
  else console.error(error);
  process.exit(1);
});
