// The merge over many pages: what either side lacks is found wherever it stands, a pass that dies goes on where it stood, and
// its memory does not grow with the lists.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pino from 'pino';
import { reconcileActivities } from '../../activities/reconcile.ts';
import { type Charges, fillCharges, type ListServer, oldestS, serveLists } from '../../bench/many-charges.ts';
import { connect, type Sql } from '../../db/client.ts';
import { differencesOf, insertRun } from '../../db/reconciliation.ts';
import { stripePayments } from '../../payments/stripe.ts';
import { createDatabase, type TestDatabase } from '../stack/database.ts';
import { attempts } from './attempts.ts';

// On borders of pages (100) and of seconds (3), at both ends, and neighbours of each other.
const charges: Charges = {
  count: 2_000,
  newestS: Math.floor(Date.now() / 1000),
  lostHere: [0, 98, 99, 100, 101, 1_000, 1_999],
  unknownThere: [1, 102, 299, 300, 301, 1_500, 1_998],
};
let database: TestDatabase;
let sql: Sql;
let lists: ListServer;
beforeAll(async () => {
  database = await createDatabase();
  sql = connect(database.appUrl, { max: 4 });
  const owner = connect(database.ownerUrl, { max: 1 });
  await fillCharges(owner, charges);
  await owner.end();
  lists = await serveLists(charges);
});
afterAll(async () => {
  await lists.close();
  await sql.end();
  await database.drop();
});

const window = () => ({ from: oldestS(charges) * 1000, to: charges.newestS * 1000 });

/** One pass in an activity of its own; at page `dieAt` its worker dies. */
async function pass(runId: string, dieAt: number): Promise<{ pages: number; figures: Record<string, number> }> {
  const payments = stripePayments({ secretKey: 'sk_test_many', apiBase: lists.url, webhookSecrets: [] });
  const { answer, asked } = await attempts((ask) => {
    const transactions: typeof payments.journal.transactions = async (page) => {
      ask(page.after ?? 'first');
      return payments.journal.transactions(page);
    };
    const activities = reconcileActivities({
      sql,
      payments: { ...payments, journal: { ...payments.journal, transactions } },
      logger: pino({ level: 'silent' }),
      escrowState: () => Promise.resolve(null),
      runningEscrows: async function* () {},
    });
    return activities.reconcilePass({ runId, ...window() }, 'transactions');
  }, dieAt);
  return { pages: asked.length, figures: answer };
}

async function newRun(id: string): Promise<string> {
  const { from, to } = window();
  await insertRun(sql, { id, workflowId: id, trigger: 'schedule', requestedBy: null, from: new Date(from), to: new Date(to) }); // prettier-ignore
  return id;
}

const found = async (runId: string) => {
  const rows = await differencesOf(sql, runId, { limit: 1000 });
  const of = (kind: string) => rows.filter((d) => d.kind === kind).map((d) => Number(d.subject.split('_')[1])).sort((a, b) => a - b); // prettier-ignore
  return { total: rows.length, lostHere: of('charge_outside'), unknownThere: of('unknown_to_stripe') };
};
const expected = { total: 14, lostHere: charges.lostHere, unknownThere: charges.unknownThere };

describe.each([Infinity, 1, 7, 19])('cut after %s pages', (dieAt) => {
  test('what either side lacks is found, once, and no page is read a second time', async () => {
    const run = await newRun(`rec_${dieAt}`);
    const { pages, figures } = await pass(run, dieAt);
    expect(await found(run)).toEqual(expected);
    expect(figures['balance_transactions']).toBe(charges.count - charges.unknownThere.length);
    expect(pages).toBe(Math.ceil((charges.count - charges.unknownThere.length) / 100));
  });
});
