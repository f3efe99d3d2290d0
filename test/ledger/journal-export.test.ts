// `npm run export`: the ledger as a journal that an accounting system takes.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { exportJournal } from '../../cli/export.ts';
import { csvLine, decimal, type LayoutName } from '../../cli/export/layouts.ts';
import { connect, type Sql } from '../../db/client.ts';
import { chargeCaptured } from '../../domain/postings.ts';
import { createDatabase } from '../stack/database.ts';
import { post } from '../../db/ledger.ts';
import { booked } from './book.ts';

let sql: Sql;
let drop: () => Promise<void>;
beforeAll(async () => {
  const database = await createDatabase();
  sql = connect(database.appUrl, { max: 2, applicationName: 'export-test' });
  drop = () => database.drop();
});
afterAll(async () => {
  await sql.end();
  await drop();
});

const always = { from: new Date(0), to: new Date('2100-01-01') };

async function exported(layout: LayoutName, accounts: ReadonlyMap<string, string> | null = null, span = always) {
  let text = '';
  const result = await exportJournal(sql, span, layout, accounts, async (part) => {
    text += part;
  });
  return {
    ...result,
    rows: text
      .split('\r\n')
      .slice(0, -1)
      .map((line) => line.split(',')),
  };
}

describe('the journal', () => {
  beforeAll(async () => {
    // More than one batch of the cursor.
    for (let i = 0; i < 400; i += 1) {
      const currency = i % 2 === 0 ? 'usd' : 'jpy';
      await sql.begin((tx) => post(tx, { key: `k${i}`, kind: 'charge_captured', currency, escrowId: `esc_${i}`, legs: chargeCaptured(`pay_${i}`, booked(1_234n, 34n)) })); // prettier-ignore
    }
  });

  test('has every entry once, debits equal to credits in each currency, in exact decimals', async () => {
    const { lines, transactions, totals, rows, unmapped } = await exported('plain');
    const [stored] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM ledger_entries`;
    expect([lines, transactions, rows.length, unmapped]).toEqual([stored!.n, 400, stored!.n + 1, []]);
    expect(Object.keys(totals).sort()).toEqual(['jpy', 'usd']);
    for (const { debit, credit } of Object.values(totals))
      expect([debit, credit]).toEqual([200n * 1_234n, 200n * 1_234n]);
    const [header, ...body] = rows;
    const at = (name: string) => header!.indexOf(name);
    expect(new Set(body.map((row) => `${row[at('transaction_id')]} ${row[at('leg')]}`)).size).toBe(stored!.n);
    const credits = new Set(body.map((row) => `${row[at('currency')]} ${row[at('credit')]}`));
    expect([...credits].sort()).toEqual(['jpy ', 'jpy 1234', 'usd ', 'usd 12.34']);
  });

  test.each(['netsuite', 'sage'] as const)('takes the accounts of the reader in the layout of %s', async (layout) => {
    const accounts = new Map([['stripe_available', '1010'], ['stripe_fees', '6010']]); // prettier-ignore
    const { rows, unmapped } = await exported(layout, accounts);
    const column = rows[0]!.findIndex((name) => name === 'Account' || name === 'ACCT_NO');
    expect(new Set(rows.slice(1).map((row) => row[column]))).toEqual(new Set(['1010', '6010', 'charge_clearing']));
    expect(unmapped).toEqual(['charge_clearing']);
  });

  test('ends before its last day', async () => {
    expect((await exported('plain', null, { from: new Date(0), to: new Date('2020-01-01') })).lines).toBe(0);
  });
});

test('amounts and cells are written exactly', () => {
  expect([decimal(5n, 'usd'), decimal(-5n, 'usd'), decimal(12_345n, 'kwd'), decimal(7n, 'jpy')]).toEqual(['0.05', '-0.05', '12.345', '7']); // prettier-ignore
  expect(csvLine(['a', 'b,c', 'say "d"'])).toBe('a,"b,c","say ""d"""\r\n');
});
