// `npm run bench:reconciliation -- [--charges N]`: the passes over balance transactions and charges, at a tenth of N and at N
// (100,000): seconds, and the most heap that was alive (after a collection). Linear in time and constant in memory is what both must show.
import { mkdtempSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { reconcileActivities } from '../activities/reconcile.ts';
import { finishWith } from '../cli/report.ts';
import { connect } from '../db/client.ts';
import { migrate } from '../db/migrate.ts';
import { insertRun } from '../db/reconciliation.ts';
import { stripePayments } from '../payments/stripe.ts';
import { startPostgres } from '../sandbox/postgres.ts';
import { freePorts } from '../sandbox/ports.ts';
import { fillCharges, oldestS, serveLists } from './many-charges.ts';

interface Figure {
  charges: number;
  seconds: number;
  per_second: number;
  heap_mb: number;
  found: number;
}

const asked = process.argv.indexOf('--charges');
const most = asked === -1 ? 100_000 : Number(process.argv[asked + 1]);
const dataDir = mkdtempSync(path.join(tmpdir(), 'tranche-bench-'));
chmodSync(dataDir, 0o755);
try {
  const small = await measure(most / 10);
  const large = await measure(most);
  const linear = large.seconds / small.seconds / 10;
  const ok = linear < 1.5 && large.heap_mb < small.heap_mb + 20 && large.found === 2;
  finishWith({ ok, small, large, time_over_linear: Number(linear.toFixed(2)) });
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}

async function measure(count: number): Promise<Figure> {
  const charges = { count, newestS: Math.floor(Date.now() / 1000), lostHere: [Math.floor(count / 2)], unknownThere: [Math.floor(count / 3)] }; // prettier-ignore
  const directory = path.join(dataDir, String(count));
  const server = await startPostgres({ dataDir: directory, port: (await freePorts(1))[0]!, onProgress: () => {}, throwaway: true }); // prettier-ignore
  const lists = await serveLists(charges);
  await migrate(server.ownerUrl);
  const owner = connect(server.ownerUrl, { max: 1, statementTimeoutMs: 600_000 });
  const sql = connect(server.appUrl, { max: 4 });
  try {
    await fillCharges(owner, charges);
    const payments = stripePayments({ secretKey: 'sk_test_bench', apiBase: lists.url, webhookSecrets: [] });
    const logger = { info: () => {}, warn: () => {} };
    const activities = reconcileActivities({ sql, payments, logger, escrowState: () => Promise.resolve(null), runningEscrows: async function* () {} }); // prettier-ignore
    const run = { runId: `rec_${count}`, from: oldestS(charges) * 1000, to: charges.newestS * 1000 };
    await insertRun(sql, { id: run.runId, workflowId: run.runId, trigger: 'schedule', requestedBy: null, from: new Date(run.from), to: new Date(run.to) }); // prettier-ignore
    let heap = 0;
    // What is alive, not what waits to be collected.
    const sampler = setInterval(() => {
      globalThis.gc?.();
      heap = Math.max(heap, process.memoryUsage().heapUsed);
    }, 1000);
    const began = performance.now();
    for (const pass of ['transactions', 'charge'] as const) {
      await new MockActivityEnvironment().run(() => activities.reconcilePass(run, pass));
    }
    const seconds = (performance.now() - began) / 1000;
    clearInterval(sampler);
    const found = await activities.countDifferences(run.runId);
    const figure = { charges: count, seconds: Number(seconds.toFixed(1)), per_second: Math.round(count / seconds), heap_mb: Math.round(heap / 1e6), found }; // prettier-ignore
    console.log(JSON.stringify(figure));
    return figure;
  } finally {
    await Promise.all([sql.end({ timeout: 5 }), owner.end({ timeout: 5 }), lists.close()]);
    await server.stop();
  }
}
