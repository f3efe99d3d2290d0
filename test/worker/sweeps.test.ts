// Sweeps over a real PostgreSQL, with Stripe's list of undelivered events injected.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { connect } from '../../db/client.ts';
import type { Sql, Tx } from '../../db/client.ts';
import { post } from '../../db/ledger.ts';
import { recordBalanceTransaction } from '../../db/movements.ts';
import { chargeCaptured } from '../../domain/postings.ts';
import type { BalanceTransaction } from '../../domain/postings.ts';
import { allSweeps, postMatured, runSweep, startSweeps, storeUndelivered } from '../../worker/sweeps.ts';
import type { Sweep } from '../../worker/sweeps.ts';
import { createDatabase } from '../stack/database.ts';
import type { TestDatabase } from '../stack/database.ts';
import { silent } from './fakes.ts';

let database: TestDatabase;
let owner: Sql;
let sql: Sql;
beforeAll(async () => {
  database = await createDatabase();
  owner = connect(database.ownerUrl, { max: 1 });
  sql = connect(database.appUrl, { max: 6 });
});
afterAll(async () => {
  await Promise.all([sql.end(), owner.end()]);
  await database.drop();
});
beforeEach(async () => {
  await owner`TRUNCATE stripe_events, idempotency_keys, balance_transactions, alerts`;
});

const undelivered = (...ids: string[]) => ({
  since: null as Date | null,
  async *listUndeliveredEvents(since: Date) {
    this.since = since;
    for (const id of ids) {
      yield {
        id,
        type: 'payment_intent.succeeded',
        objectId: 'pi_1',
        account: null,
        livemode: false,
        apiVersion: 'v',
        body: '{}',
      };
    }
  },
});

const sweepNamed = (name: string): Sweep =>
  allSweeps({ payments: undelivered(), sweepOpenCommands: () => Promise.resolve(0), holdingLimitMs: 1 }).find(
    (s) => s.name === name,
  )!;

async function capture(id: string, netMinor: bigint, availableOn: number): Promise<void> {
  const bt: BalanceTransaction = {
    id,
    type: 'charge',
    amountMinor: netMinor,
    feeMinor: 0n,
    netMinor,
    currency: 'usd',
    status: 'pending',
    availableOn,
    createdAt: 0,
    sourceId: null,
  };
  await sql.begin(async (tx) => {
    await recordBalanceTransaction(tx as Tx, bt);
    await post(tx as Tx, {
      key: `charge:${id}`,
      kind: 'charge_captured',
      currency: 'usd',
      legs: chargeCaptured(id, bt),
      balanceTransactionId: id,
    });
  });
}

const atStripe = async () => {
  const rows = await sql<{ account: string; total: bigint }[]>`
    SELECT account, sum(amount)::bigint AS total FROM ledger_entries WHERE account LIKE 'stripe:%' GROUP BY account`;
  return Object.fromEntries(rows.map((row) => [row.account, row.total]));
};

test('money whose day has come is moved to available once, by however many sweeps at the same time', async () => {
  await capture('txn_due', 1_000n, Date.now() - 1000);
  await capture('txn_later', 70n, Date.now() + 3_600_000);
  const moved = await Promise.all([postMatured(sql), postMatured(sql), postMatured(sql)]);
  expect(moved.reduce((a, b) => a + b, 0)).toBe(1);
  expect(await postMatured(sql)).toBe(0);
  expect(await atStripe()).toEqual({ 'stripe:available': 1_000n, 'stripe:pending': 70n });
});

test('what Stripe could not deliver is stored, and what was there already stays as it is', async () => {
  await sql`INSERT INTO stripe_events (id, type, livemode, body, state) VALUES ('evt_known', 'refund.updated', false, '{}', 'done')`;
  const payments = undelivered('evt_known', 'evt_a', 'evt_b');
  expect(await storeUndelivered(sql, payments, 1_700_000_000_000)).toBe(2);
  expect(payments.since).toEqual(new Date(1_700_000_000_000));
  expect([...(await sql`SELECT id, state FROM stripe_events ORDER BY id`)]).toEqual([
    { id: 'evt_a', state: 'received' },
    { id: 'evt_b', state: 'received' },
    { id: 'evt_known', state: 'done' },
  ]);
});

test('a parked event gets one more try when its hour has come; one that waits for a person does not', async () => {
  await sql`INSERT INTO stripe_events (id, type, livemode, body, state, attempts, next_try_at) VALUES
    ('evt_hour', 't', false, '{}', 'parked', 12, now()), ('evt_soon', 't', false, '{}', 'parked', 12, now() + interval '1 hour'),
    ('evt_person', 't', false, '{}', 'parked', 1, 'infinity')`;
  expect(await runSweep(sql, sweepNamed('parked-events'))).toBe(1);
  expect([...(await sql`SELECT id, attempts FROM stripe_events WHERE state = 'received'`)]).toEqual([
    { id: 'evt_hour', attempts: 11 },
  ]);
});

test('events that ended are archived after 90 days with all they say, what waits for a person is not, and none can be dropped early', async () => {
  await owner`
    INSERT INTO stripe_events (id, type, livemode, body, state, received_at) VALUES
      ('evt_old', 'refund.updated', false, '{"old": 1}', 'done', now() - interval '91 days'),
      ('evt_old_ignored', 'x', false, '{}', 'ignored', now() - interval '91 days'),
      ('evt_old_foreign', 'x', true, '{}', 'quarantined', now() - interval '91 days'),
      ('evt_old_parked', 'x', false, '{}', 'parked', now() - interval '91 days'),
      ('evt_old_waiting', 'x', false, '{}', 'received', now() - interval '91 days'),
      ('evt_young', 'x', false, '{}', 'done', now() - interval '89 days')`;
  expect(await runSweep(sql, sweepNamed('old-events'))).toBe(3);
  expect(await runSweep(sql, sweepNamed('old-events'))).toBe(0);
  const ids = (rows: readonly { id: string }[]) => rows.map((row) => row.id);
  expect(ids(await sql<{ id: string }[]>`SELECT id FROM stripe_events ORDER BY id`)).toEqual(['evt_old_parked', 'evt_old_waiting', 'evt_young']); // prettier-ignore
  expect(await sql`SELECT id, type, body, state FROM stripe_events_archive WHERE id = 'evt_old'`).toEqual([{ id: 'evt_old', type: 'refund.updated', body: '{"old": 1}', state: 'done' }]); // prettier-ignore
  await expect(sql`SELECT archive_stripe_events(now(), 10)`).rejects.toThrow('kept for at least 30 days');
  await expect(sql`DELETE FROM stripe_events`).rejects.toThrow('permission denied');
});

test('answers older than a day are forgotten, open commands are not', async () => {
  await sql`INSERT INTO idempotency_keys (owner_id, key, route, body_hash, update_id, locked_until, status, response, created_at) VALUES
    ('o', 'old', 'r', 'h', 'u1', now(), 200, '{}', now() - interval '25 hours'),
    ('o', 'new', 'r', 'h', 'u2', now(), 200, '{}', now() - interval '23 hours'),
    ('o', 'open', 'r', 'h', 'u3', now(), NULL, NULL, now() - interval '25 hours')`;
  expect(await runSweep(sql, sweepNamed('old-idempotency-keys'))).toBe(1);
  const left = await sql<{ key: string }[]>`SELECT key FROM idempotency_keys ORDER BY key`;
  expect(left.map((row) => row.key)).toEqual(['new', 'open']);
});

test('one process sweeps at a time, and a failed sweep gives its lock back', async () => {
  let release: (() => void) | undefined;
  let began: (() => void) | undefined;
  const running = new Promise<void>((resolve) => (began = resolve));
  const slow: Sweep = {
    name: 'slow',
    everyMs: 1,
    run: () =>
      new Promise((resolve) => {
        began!();
        release = () => resolve(1);
      }),
  };
  const first = runSweep(sql, slow);
  await running;
  expect(await runSweep(sql, slow)).toBeNull();
  release!();
  expect(await first).toBe(1);
  const failing: Sweep = { name: 'slow', everyMs: 1, run: () => Promise.reject(new Error('Stripe is down')) };
  await expect(runSweep(sql, failing)).rejects.toThrow('Stripe is down');
  expect(await runSweep(sql, { ...slow, run: () => Promise.resolve(3) })).toBe(3);
});

test('sweeps go on after a failure and end when told', async () => {
  let runs = 0;
  let third: (() => void) | undefined;
  const thrice = new Promise<void>((resolve) => (third = resolve));
  const sweeper = startSweeps(
    sql,
    [
      {
        name: 'flaky',
        everyMs: 1,
        run: () => {
          runs += 1;
          if (runs === 3) third!();
          return runs === 1 ? Promise.reject(new Error('once')) : Promise.resolve(0);
        },
      },
    ],
    silent,
  );
  await thrice;
  await sweeper.stop();
  const after = runs;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(runs).toBe(after);
});
