// Work in batches whose process dies in the middle: what it committed stands, the next one goes on from there, and nothing is
// done twice or left out.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { record, sealAudit, verifyAudit } from '../../db/audit.ts';
import { connect, type Sql, type Tx } from '../../db/client.ts';
import { numberEvents } from '../../db/events.ts';
import { post } from '../../db/ledger.ts';
import { recordBalanceTransaction } from '../../db/movements.ts';
import { chargeCaptured } from '../../domain/postings.ts';
import { archiveOldEvents, postMatured, runSweep, storeUndelivered } from '../../worker/sweeps.ts';
import { createDatabase, type TestDatabase } from '../stack/database.ts';

const CUT = 'the process is gone';

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

/** Of a process that ends when its batch number `n` has been written and not committed. */
function dyingIn(n: number): Sql {
  let batches = 0;
  return new Proxy(sql, {
    get(target, name, receiver) {
      if (name !== 'begin') return Reflect.get(target, name, receiver) as unknown;
      return (work: (tx: Tx) => Promise<unknown>) =>
        target.begin(async (tx) => {
          batches += 1;
          const answer = await work(tx as Tx);
          // postgres.js itself does not live through a connection that is cut here; the transaction ends in the same way.
          if (batches === n) throw new Error(CUT);
          return answer;
        });
    },
  });
}
test('the seals of the audit log: the chain goes on behind the last whole batch', async () => {
  const [{ first }] = (await sql`SELECT count(*)::int AS first FROM audit_log`) as unknown as [{ first: number }];
  await sql.begin(async (tx) => {
    for (let n = first; n < 1300; n += 1) await record(tx, { actor: null, action: 'test', subject: `thing_${n}`, outcome: 'done' }); // prettier-ignore
  });
  await expect(sealAudit(dyingIn(2))).rejects.toThrow(CUT);
  const cut = await verifyAudit(sql);
  expect(cut).toMatchObject({ holds: true, sealed: 500, unsealed: 800 });
  expect(await sealAudit(sql)).toBe(800);
  expect(await verifyAudit(sql, cut.head!)).toMatchObject({ holds: true, sealed: 1300, unsealed: 0 });
});

test('money that became available: each amount is moved once', async () => {
  const net = 10n;
  for (let n = 0; n < 250; n += 1) {
    const id = `txn_${n}`;
    const bt = { id, type: 'charge' as const, amountMinor: net, feeMinor: 0n, netMinor: net, currency: 'usd', status: 'pending' as const, availableOn: n, createdAt: 0, sourceId: null }; // prettier-ignore
    await sql.begin(async (tx) => {
      await recordBalanceTransaction(tx as Tx, bt);
      await post(tx as Tx, { key: `charge:${id}`, kind: 'charge_captured', currency: 'usd', legs: chargeCaptured(id, bt), balanceTransactionId: id }); // prettier-ignore
    });
  }
  const available = async () => {
    const rows = await sql<{ account: string; total: bigint }[]>`
      SELECT account, sum(amount)::bigint AS total FROM ledger_entries WHERE account LIKE 'stripe:%' GROUP BY account`;
    return Object.fromEntries(rows.map((row) => [row.account, row.total]));
  };
  await expect(postMatured(dyingIn(2))).rejects.toThrow(CUT);
  expect(await available()).toEqual({ 'stripe:available': 200n * net, 'stripe:pending': 50n * net });
  expect(await postMatured(sql)).toBe(50);
  expect(await available()).toEqual({ 'stripe:available': 250n * net, 'stripe:pending': 0n });
});

test('old events: each is in the inbox or in the archive, and in the end in the archive', async () => {
  await owner`
    INSERT INTO stripe_events (id, type, livemode, body, state, received_at)
    SELECT 'evt_old_' || n, 'x', false, '{}', 'done', now() - interval '91 days' FROM generate_series(1, 450) n`;
  // A trigger of the test's own ends the second batch, after its rows were written.
  await owner.unsafe(`
    CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF (SELECT count(*) FROM stripe_events_archive) > 200 THEN RAISE EXCEPTION '${CUT}'; END IF;
      RETURN NULL; END $$;
    CREATE TRIGGER cut AFTER INSERT ON stripe_events_archive FOR EACH STATEMENT EXECUTE FUNCTION cut();`);
  await expect(archiveOldEvents(sql)).rejects.toThrow(CUT);
  await owner`DROP TRIGGER cut ON stripe_events_archive`;
  const counts = async () => {
    const [row] = await sql`
      SELECT (SELECT count(*)::int FROM stripe_events) AS inbox, (SELECT count(*)::int FROM stripe_events_archive) AS archive`;
    return row;
  };
  expect(await counts()).toEqual({ inbox: 250, archive: 200 });
  expect(await archiveOldEvents(sql)).toBe(250);
  expect(await counts()).toEqual({ inbox: 0, archive: 450 });
});

test('the numbers of events: a batch that was not committed is numbered again, and passed on once', async () => {
  await owner`
    INSERT INTO events (type, entity_id, data, at)
    SELECT 'test', 'default', jsonb_build_object('n', n), now() FROM generate_series(1, 700) n`;
  const passedOn: string[] = [];
  const pass = async (_: Tx, ids: readonly string[]) => void passedOn.push(...ids);
  await expect(numberEvents(dyingIn(2), pass)).rejects.toThrow(CUT);
  const lost = passedOn.splice(500);
  expect(lost).toHaveLength(200);
  expect(await numberEvents(sql, pass)).toBe(200);
  const rows = await sql<{ id: string }[]>`SELECT id FROM events WHERE type = 'test' ORDER BY seq`;
  expect(passedOn).toEqual(rows.map(({ id }) => id));
  expect(passedOn).toEqual([...passedOn].sort());
  expect(new Set(passedOn).size).toBe(700);
});

test('the turn of a sweep whose process is gone is the next one’s', async () => {
  const dying = connect(database.appUrl, { max: 2, applicationName: 'dying' });
  let began = () => {};
  const isAtIt = new Promise<void>((resolve) => (began = resolve));
  const sweep = (run: () => Promise<number>) => ({ name: 'turns', everyMs: 1, run });
  const lost = runSweep(dying, sweep(() => (began(), new Promise(() => {})))); // prettier-ignore
  void lost.catch(() => {});
  await isAtIt;
  expect(await runSweep(sql, sweep(() => Promise.resolve(1)))).toBeNull(); // prettier-ignore
  await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dying' AND datname = current_database()`;
  let did: number | null = null;
  while (did === null) did = await runSweep(sql, sweep(() => Promise.resolve(2))); // prettier-ignore
  expect(did).toBe(2);
  void dying.end({ timeout: 0 });
});

/** Stripe's list of undelivered events, newest first; gone after so many of one run. */
function undelivered(count: number) {
  const all = Array.from({ length: count }, (_, n) => `evt_lost_${String(n).padStart(3, '0')}`);
  const stripe = {
    goneAfter: Infinity,
    asked: [] as (string | undefined)[],
    async *listUndeliveredEvents(_since: Date, after?: string) {
      stripe.asked.push(after);
      if (after !== undefined && !all.includes(after)) throw new Error('No such event');
      for (const [n, id] of all.slice(after === undefined ? 0 : all.indexOf(after) + 1).entries()) {
        if (n >= stripe.goneAfter) throw new Error('Stripe is gone');
        yield { id, type: 't', objectId: null, account: null, livemode: false, apiVersion: 'v', body: '{}' };
      }
    },
  };
  return stripe;
}
const lostStored = async (): Promise<number> =>
  Number((await sql`SELECT count(*) AS n FROM stripe_events WHERE id LIKE 'evt_lost_%'`)[0]!['n']);

test('undelivered events: runs that all end on their way come to the end of the list, and then begin anew', async () => {
  const stripe = undelivered(350);
  stripe.goneAfter = 130;
  for (const stored of [100, 200, 300]) {
    await expect(storeUndelivered(sql, stripe, 0)).rejects.toThrow('gone');
    expect(await lostStored()).toBe(stored);
  }
  expect(await storeUndelivered(sql, stripe, 0)).toBe(50);
  stripe.goneAfter = Infinity;
  expect(await storeUndelivered(sql, stripe, 0)).toBe(0);
  expect(stripe.asked).toEqual([undefined, 'evt_lost_099', 'evt_lost_199', 'evt_lost_299', undefined]);
});

test('undelivered events: where Stripe has forgotten the one it stood at, the next run begins anew', async () => {
  const before = undelivered(120);
  before.goneAfter = 110;
  await expect(storeUndelivered(sql, before, 0)).rejects.toThrow('gone');
  const after = undelivered(20);
  await expect(storeUndelivered(sql, after, 0)).rejects.toThrow('No such event');
  await storeUndelivered(sql, after, 0);
  expect(after.asked).toEqual(['evt_lost_099', undefined]);
});
