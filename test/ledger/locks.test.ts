// Two at once over the same money: the second waits for the first and then sees what it left. Each transaction is held open
// on purpose, so that the order is the same every time.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Tx } from '../../db/client.ts';
import { repayDebt, setOffDebts } from '../../db/debts.ts';
import { claimDue, storeEvents } from '../../db/inbox-queue.ts';
import { releasedLeft, reserveRecovery } from '../../db/recoveries.ts';
import { type Book, legsOf, openBook } from './book.ts';

let book: Book;
beforeAll(async () => {
  book = await openBook();
});
afterAll(() => book.close());

/**
 * Runs the first, begins the second while the first's transaction is open, and ends the first when the second waits; before
 * that the first does its `rest`.
 */
async function overlapping<T>(
  work: (tx: Tx, nth: 1 | 2) => Promise<T>,
  rest: (tx: Tx) => Promise<unknown> = async () => {},
): Promise<[T, T]> {
  let second: Promise<T> | undefined;
  let done = false;
  const first = await book.app.begin(async (raw) => {
    const [backend] = await raw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
    const result = await work(raw as Tx, 1);
    second = book.app.begin((tx) => work(tx as Tx, 2)).finally(() => (done = true)) as Promise<T>;
    second.catch(() => {});
    // Either it waits for us, or it did not need to: then the books must agree all the same.
    for (;;) {
      const [waiting] =
        await book.owner`SELECT 1 FROM pg_stat_activity WHERE ${backend!.pid} = ANY (pg_blocking_pids(pid))`;
      if (!waiting && !done) continue;
      await rest(raw as Tx);
      return result;
    }
  });
  return [first as T, await second!];
}

test('two releases take one debt once: the second sees what the first left', async () => {
  await book.post({ legs: legsOf(['seller:usr_1:receivable', 100n], ['stripe:available', -100n]) });
  await book.post({ legs: legsOf(['stripe:available', 160n], ['seller:usr_1:payable', -160n]) });
  await book.owner`INSERT INTO debts (id, seller_id, escrow_id, milestone_id, currency, amount, dedupe_key) VALUES ('dbt_1', 'usr_1', 'esc_1', 'ms_1', 'usd', 100, 'k')`;
  const paid = (nth: 1 | 2) => ({ transferId: `trf_${nth}`, escrowId: `esc_${nth}`, milestoneId: `ms_${nth}`, sellerId: 'usr_1', currency: 'usd', payableMinor: 80n }); // prettier-ignore
  expect(await overlapping((tx, nth) => setOffDebts(tx, paid(nth)))).toEqual([80n, 20n]);
  const [debt] = await book.app`SELECT recovered, status FROM debts WHERE id = 'dbt_1'`;
  expect(debt).toEqual({ recovered: 100n, status: 'recovered' });
});

test('an event claimed by one worker is passed over by the next, whose look does not wait', async () => {
  const event = (id: string) => ({ id, type: 'x', objectId: null, account: null, livemode: false, apiVersion: null, body: '{}' }); // prettier-ignore
  await storeEvents(book.app, [event('evt_1')]);
  const [first, second] = await overlapping((tx) => claimDue(tx, 10, 60_000));
  expect([first.map((e) => e.id), second]).toEqual([['evt_1'], []]);
});

test('two refunds of released money take no more than there is: the second is told what is left', async () => {
  await book.owner.unsafe(`
    INSERT INTO people (id, email, name, role) VALUES ('usr_1', 'a@example.test', 'A', 'seller');
    INSERT INTO escrows (id, buyer_id, title, currency, status, terms_version, terms_hash, revision, state, created_at)
      VALUES ('esc_1', 'usr_1', 'T', 'usd', 'completed', 1, 'h', 1, '{}', now());
    INSERT INTO milestones (id, escrow_id, position, seller_id, status, amount, revision, state)
      VALUES ('ms_1', 'esc_1', 0, 'usr_1', 'released', 100, 1,
        '{"releases": [{"part": 1, "amount": 100, "principal": 100, "sellerFee": 10, "buyerFee": 0, "status": "released"}]}');`);
  const refund = (nth: 1 | 2) => ({ id: `rfd_${nth}`, escrowId: 'esc_1', milestoneId: 'ms_1', amountMinor: 80n, currency: 'usd', reason: '' }); // prettier-ignore
  const [first, second] = await overlapping((tx, nth) => reserveRecovery(tx, refund(nth)));
  expect(first).toMatchObject({ kind: 'reserved', leftMinor: 20n });
  expect(second).toMatchObject({ kind: 'refused', leftMinor: 20n });
  // Also where the first has only looked and not yet taken: what it saw must still be there when it does.
  const later = (nth: number) => ({ ...refund(1), id: `rfd_later_${nth}`, amountMinor: 15n });
  const [seen, told] = await overlapping<unknown>(
    (tx, nth) => (nth === 1 ? releasedLeft(tx, 'esc_1', 'ms_1') : reserveRecovery(tx, later(2))),
    async (tx) => expect(await reserveRecovery(tx, later(1))).toMatchObject({ kind: 'reserved', leftMinor: 5n }),
  );
  expect([seen, told]).toMatchObject([20n, { kind: 'refused', leftMinor: 5n }]);
});

test('a repayment whose command is repeated takes nothing more, and is answered as the first time', async () => {
  await book.post({ legs: legsOf(['seller:usr_2:receivable', 100n], ['stripe:available', -100n]) });
  await book.owner`INSERT INTO debts (id, seller_id, escrow_id, milestone_id, currency, amount, dedupe_key) VALUES ('dbt_2', 'usr_2', 'esc_2', 'ms_2', 'usd', 100, 'k2')`;
  const repay = () => repayDebt(book.app, { id: 'rpy_1', debtId: 'dbt_2', amountMinor: 60n, reference: 'wire 1', by: 'usr_ops' }); // prettier-ignore
  const first = await repay();
  expect(first).toMatchObject({ recovered: 60n, status: 'open' });
  expect(await repay()).toEqual(first);
  expect(await book.app`SELECT amount FROM debt_repayments WHERE debt_id = 'dbt_2'`).toEqual([{ amount: 60n }]);
});
