// The merge over many pages: what either side lacks is found wherever it stands, a pass that dies goes on where it stood, and
// its memory does not grow with the lists.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import pino from 'pino';
import { reconcileActivities } from '../../activities/reconcile.ts';
import { type Charges, fillCharges, type ListServer, oldestS, serveLists } from '../../bench/many-charges.ts';
import { connect, type Sql } from '../../db/client.ts';
import { differencesOf, insertRun } from '../../db/reconciliation.ts';
import { PaymentsError } from '../../payments/errors.ts';
import { stripePayments } from '../../payments/stripe.ts';
import { createDatabase, type TestDatabase } from '../stack/database.ts';

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

/** One pass in an activity of its own; `dieAfter` pages Stripe is gone, and the next attempt gets the last heartbeat. */
async function pass(runId: string, dieAfter: number): Promise<{ pages: number; figures: Record<string, number> }> {
  const payments = stripePayments({ secretKey: 'sk_test_many', apiBase: lists.url, webhookSecrets: [] });
  let heartbeatDetails: unknown;
  let pages = 0;
  for (let alive = dieAfter; ; alive = Infinity) {
    let left = alive;
    const journal = {
      ...payments.journal,
      transactions: (asked: Parameters<typeof payments.journal.transactions>[0]) => {
        if (left === 0) return Promise.reject(new PaymentsError('unknown', 'gone', 'Stripe is gone'));
        left -= 1;
        pages += 1;
        return payments.journal.transactions(asked);
      },
    };
    const activities = reconcileActivities({
      sql,
      payments: { ...payments, journal },
      logger: pino({ level: 'silent' }),
      escrowState: () => Promise.resolve(null),
      runningEscrows: async function* () {},
    });
    const environment = new MockActivityEnvironment(
      { heartbeatDetails },
      { logger: new DefaultLogger('ERROR', () => {}) },
    );
    environment.on('heartbeat', (details: unknown) => {
      heartbeatDetails = details;
    });
    try {
      let figures: Record<string, number> = {};
      await environment.run(async () => {
        figures = await activities.reconcilePass({ runId, ...window() }, 'transactions');
      });
      return { pages, figures };
    } catch (error) {
      if (left !== 0) throw error;
    }
  }
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

describe.each([Infinity, 1, 7, 19])('Stripe is gone after %s pages', (dieAfter) => {
  test('what either side lacks is found, once, and no page is read a second time', async () => {
    const run = await newRun(`rec_${dieAfter}`);
    const { pages, figures } = await pass(run, dieAfter);
    expect(await found(run)).toEqual(expected);
    expect(figures['balance_transactions']).toBe(charges.count - charges.unknownThere.length);
    expect(pages).toBe(Math.ceil((charges.count - charges.unknownThere.length) / 100));
  });
});
