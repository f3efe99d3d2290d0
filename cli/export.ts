// `npm run export`: the ledger as a journal in CSV, for an accounting system or a warehouse. Changes nothing.
import { createWriteStream, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { loadSettings, requireInstallation, SettingsError } from '../config/settings.ts';
import { connect, type Sql } from '../db/client.ts';
import { eachJournalLine, type JournalLine, type Span } from '../db/journal.ts';
import { csvLine, LAYOUTS, type LayoutName } from './export/layouts.ts';
import { finishWith } from './report.ts';

const HELP = `npm run export -- --out FILE [--layout plain|netsuite|sage] [--from DATE] [--to DATE] [--accounts FILE]

  --out       the CSV to write
  --layout    plain (default): everything; netsuite: journal entries for its CSV import; sage: Sage Intacct's journal import
  --from      first day, UTC, such as 2026-11-01 (default: the beginning)
  --to        the day after the last (default: now)
  --accounts  a JSON object from account classes to your account numbers, such as {"held": "2100"}`;

export interface Exported {
  lines: number;
  transactions: number;
  /** Debits and credits per currency in minor units: equal, or the export is not ok. */
  totals: Record<string, { debit: bigint; credit: bigint }>;
  /** Classes that the accounts file does not name. */
  unmapped: string[];
}

/** Writes the journal of a span; `accounts` maps account classes to the reader's own numbers. */
export async function exportJournal(
  sql: Sql,
  span: Span,
  layoutName: LayoutName,
  accounts: ReadonlyMap<string, string> | null,
  write: (text: string) => Promise<void>,
): Promise<Exported> {
  const layout = LAYOUTS[layoutName];
  const unmapped = new Set<string>();
  const totals: Exported['totals'] = {};
  let [lines, transactions, last] = [0, 0, ''];
  const accountOf = ({ accountClass }: JournalLine): string => {
    const number = accounts?.get(accountClass);
    if (accounts !== null && number === undefined) unmapped.add(accountClass);
    return number ?? accountClass;
  };
  await write(csvLine(layout.header));
  await eachJournalLine(sql, span, async (batch) => {
    for (const line of batch) {
      lines += 1;
      if (line.transactionId !== last) transactions += 1;
      last = line.transactionId;
      const total = (totals[line.currency] ??= { debit: 0n, credit: 0n });
      if (line.amount > 0n) total.debit += line.amount;
      else total.credit -= line.amount;
    }
    await write(batch.map((line) => csvLine(layout.row(line, accountOf))).join(''));
  });
  return { lines, transactions, totals, unmapped: [...unmapped].sort() };
}

/** @throws SettingsError in words */
function instant(name: string, given: string | undefined, otherwise: Date): Date {
  if (given === undefined) return otherwise;
  const at = new Date(given);
  if (Number.isNaN(at.getTime()))
    throw new SettingsError(`--${name}: ${JSON.stringify(given)} is not a date such as 2026-11-01`);
  return at;
}

/** @throws SettingsError in words */
function accountsOf(file: string | undefined): ReadonlyMap<string, string> | null {
  if (file === undefined) return null;
  try {
    return new Map(Object.entries(z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(file, 'utf8')))));
  } catch (error) {
    throw new SettingsError(`--accounts: ${file} is not a JSON object from account classes to account numbers`, {
      cause: error,
    });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      layout: { type: 'string', default: 'plain' },
      from: { type: 'string' },
      to: { type: 'string' },
      accounts: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || values.out === undefined) {
    console.log(HELP);
    process.exitCode = values.help ? 0 : 1;
    return;
  }
  const layout = z.enum(['plain', 'netsuite', 'sage']).safeParse(values.layout);
  if (!layout.success)
    throw new SettingsError(`--layout: ${JSON.stringify(values.layout)} is not one of plain, netsuite, sage`);
  const span = { from: instant('from', values.from, new Date(0)), to: instant('to', values.to, new Date()) };
  const accounts = accountsOf(values.accounts);
  const settings = loadSettings();
  requireInstallation(settings, ['postgres']);
  const sql = connect(settings.databaseUrl, { max: 1, applicationName: 'tranche-export' });
  const file = createWriteStream(values.out, { flags: 'w' });
  try {
    const result = await exportJournal(sql, span, layout.data, accounts, async (text) => {
      if (!file.write(text)) await once(file, 'drain');
    });
    file.end();
    await once(file, 'finish');
    const balanced = Object.values(result.totals).every(({ debit, credit }) => debit === credit);
    if (result.unmapped.length > 0) console.error(`no account number for: ${result.unmapped.join(', ')}`);
    finishWith({ ok: balanced && result.unmapped.length === 0, file: values.out, ...result });
  } finally {
    await sql.end({ timeout: 5 });
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main().catch((error: unknown) => {
    console.error(
      error instanceof SettingsError || (error instanceof TypeError && 'code' in error) ? error.message : error,
    );
    process.exitCode = 1;
  });
}
