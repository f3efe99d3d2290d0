// `npm run verify`: every invariant of the running installation, over database, Stripe and workflows. Changes nothing.
import { Client, Connection } from '@temporalio/client';
import { dataConverter } from '../codec/data-converter.ts';
import { runningEscrows, workflowStates } from '../api/workflow-states.ts';
import { loadSettings, requireInstallation, SettingsError } from '../config/settings.ts';
import { connect } from '../db/client.ts';
import { verifyAudit } from '../db/audit.ts';
import type { Sql } from '../db/client.ts';
import { checkInvariants } from '../db/invariants.ts';
import { stripePayments } from '../payments/stripe.ts';
import { finishWith, toJson } from './report.ts';

const SHOWN = 5;

async function main(): Promise<void> {
  const settings = loadSettings();
  requireInstallation(settings);
  const began = Date.now();
  const sql = connect(settings.databaseUrl, { max: 4, applicationName: 'tranche-verify' });
  const connection = await Connection.connect({ ...settings.temporal.connection, connectTimeout: 10_000 });
  try {
    const client = new Client({
      connection,
      namespace: settings.temporal.namespace,
      ...dataConverter(settings.temporal.codecKeys),
    });
    const results = await checkInvariants(sql, {
      stripe: stripePayments(settings.stripe),
      workflows: workflowStates(client),
      running: () => runningEscrows(client, settings.temporal.taskQueue),
    });
    for (const { number, name, holds, rows } of results) {
      console.log(`${holds ? '  ok  ' : 'BROKEN'}  ${String(number).padStart(2)}  ${name}`);
      for (const row of rows.slice(0, SHOWN)) console.log(`            ${toJson(row)}`);
      if (rows.length > SHOWN) console.log(`            … ${rows.length} rows`);
    }
    const audit = await verifyAudit(sql);
    console.log(
      `${audit.holds ? '  ok  ' : 'BROKEN'}      the audit log’s chain: ${audit.sealed} sealed, ${audit.unsealed} not yet`,
    );
    if (audit.broken) console.log(`            ${toJson(audit.broken)}`);
    const broken = results.filter((result) => !result.holds);
    finishWith({
      ok: broken.length === 0 && audit.holds,
      invariants: results.length,
      broken: broken.map((result) => result.number),
      audit: { holds: audit.holds, sealed: audit.sealed, head: audit.head?.hash ?? null },
      ...(await figures(sql)),
      mode: settings.mode,
      seconds: Number(((Date.now() - began) / 1000).toFixed(1)),
    });
  } finally {
    await Promise.all([connection.close(), sql.end({ timeout: 5 })]);
  }
}

async function figures(sql: Sql): Promise<Record<string, number | bigint>> {
  const [row] = await sql<Record<string, bigint>[]>`
    SELECT (SELECT count(*) FROM escrows) AS escrows,
           (SELECT count(*) FROM escrow_money) AS escrows_with_money,
           (SELECT count(*) FROM ledger_transactions) AS ledger_transactions,
           (SELECT count(*) FROM ledger_entries) AS ledger_entries,
           (SELECT count(*) FROM movements) AS movements,
           (SELECT count(*) FROM stripe_events) AS events,
           (SELECT count(*) FROM stripe_events WHERE state = 'parked') AS events_parked,
           (SELECT count(*) FROM alerts WHERE resolved_at IS NULL) AS open_alerts`;
  return row!;
}

try {
  await main();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  console.error(error instanceof SettingsError ? message : error);
  finishWith({ ok: false, error: message });
}
