// The embedded PostgreSQL as a process of its own, under the supervisor.
import { parseArgs } from 'node:util';
import { runEmbedded } from './embedded-main.ts';
import { startPostgres } from './postgres.ts';

const { values } = parseArgs({ options: { port: { type: 'string' }, data: { type: 'string' } } });
if (values.port === undefined || values.data === undefined) throw new Error('usage: postgres-main --port P --data DIR');
const options = { port: Number(values.port), dataDir: values.data };

await runEmbedded(
  // The supervisor holds the lock on DATA_DIR, so a server on this data can only be a leftover.
  (onProgress) => startPostgres({ ...options, onProgress, takeOver: true }),
  (server) => ({ DATABASE_URL: server.appUrl, MIGRATION_DATABASE_URL: server.ownerUrl }),
);
