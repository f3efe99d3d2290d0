// The API process: puts the parts together, listens, and stops without dropping a request.
import { createServer, type Server } from 'node:http';
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { dataConverter } from '../codec/data-converter.ts';
import { loadSettings, requireInstallation, SettingsError } from '../config/settings.ts';
import { connect } from '../db/client.ts';
import { watchPool } from '../db/pool-watch.ts';
import { stripeMetrics } from '../payments/metrics.ts';
import { stripePayments } from '../payments/stripe.ts';
import { mountPages } from '../web/pages.ts';
import { createApp } from './app.ts';

const SHUTDOWN_MS = 12_000;

async function main(): Promise<void> {
  const settings = loadSettings();
  requireInstallation(settings);
  const logger = pino({ level: settings.logLevel, base: { part: 'api' } });
  const sql = connect(settings.databaseUrl, { applicationName: 'tranche-api', max: 20 });
  const watch = watchPool(sql, settings.databaseUrl, logger);
  // Lazy: the API starts, and /healthz says what is missing, while Temporal is still on its way.
  const connection = Connection.lazy(settings.temporal.connection);
  const registry = new Registry();
  const { handle } = createApp({
    sql,
    temporal: new Client({
      connection,
      namespace: settings.temporal.namespace,
      ...dataConverter(settings.temporal.codecKeys),
    }),
    settings,
    payments: stripePayments(settings.stripe, stripeMetrics(registry)),
    registry,
    logger,
    mountPages,
  });
  const server = createServer(handle).listen(settings.port, settings.host, () =>
    logger.info(`listening on ${settings.publicUrl}`),
  );
  server.once('error', (error) => {
    logger.fatal({ err: error }, `the API cannot listen on ${settings.host}:${settings.port} (PORT): ${error.message}`);
    process.exit(1);
  });

  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) return;
    stopping = true;
    watch.stop();
    logger.info({ signal }, 'stopping');
    // An update that waits for its workflow has 10 s; after that its idempotency row is the sweep's.
    setTimeout(() => process.exit(1), SHUTDOWN_MS).unref();
    void closed(server)
      .then(() => Promise.all([sql.end({ timeout: 2 }), connection.close()]))
      .catch((error: unknown) => logger.error({ err: error }, 'while stopping'))
      .finally(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

main().catch((error: unknown) => {
  console.error(error instanceof SettingsError ? error.message : error);
  process.exit(1);
});
