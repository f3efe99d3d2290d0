// The database holds the ledger together, whoever writes: each constraint is broken here, and each time it says no.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Tx } from '../../db/client.ts';
import { entriesOf, post } from '../../db/ledger.ts';
import { openCharge, reserveMovement, useCharge } from '../../db/movements.ts';
import { account } from '../../domain/postings.ts';
import { type Book, legsOf, newKey, openBook } from './book.ts';

let book: Book;
beforeAll(async () => {
  book = await openBook();
});
afterAll(() => book.close());

const PAIR = legsOf(['stripe:available', 100n], ['fee_revenue', -100n]);
const refused = (code: string, message?: RegExp) =>
  expect.objectContaining({ code, ...(message ? { message: expect.stringMatching(message) } : {}) });
const CHECK = '23514';
const UNIQUE = '23505';
const RESTRICT = '23001';
const NOT_NULL = '23502';
const NO_RIGHT = '42501';

const transactions = async () => (await book.app<{ n: bigint }[]>`SELECT count(*) AS n FROM ledger_transactions`)[0]!.n;

describe('a transaction balances', () => {
  test('legs that do not sum to zero are refused when they are committed, and nothing stays', async () => {
    const before = await transactions();
    await expect(book.post({ legs: legsOf(['stripe:available', 100n], ['fee_revenue', -99n]) })).rejects.toEqual(refused(CHECK, /does not balance: 1 usd/)); // prettier-ignore
    expect(await transactions()).toBe(before);
  });

  test('a header without its legs, or with other than its leg_count, is refused', async () => {
    const header = (tx: Tx, legCount: number) => tx<{ id: string }[]>`
      INSERT INTO ledger_transactions (kind, idempotency_key, params_hash, leg_count) VALUES ('test', ${newKey()}, '', ${legCount}) RETURNING id`;
    await expect(book.owner.begin((tx) => header(tx as Tx, 2))).rejects.toEqual(refused(CHECK, /has 0 legs, its header says 2/)); // prettier-ignore
    await expect(book.owner.begin((tx) => header(tx as Tx, 1))).rejects.toEqual(refused(CHECK));
    const three = book.owner.begin(async (raw) => {
      const tx = raw as Tx;
      const [row] = await header(tx, 3);
      await tx`INSERT INTO ledger_entries (transaction_id, leg, account, account_class, kind, currency, amount)
               VALUES (${row!.id}, 1, 'bank', 'bank', 'test', 'usd', 5), (${row!.id}, 2, 'fx', 'fx', 'test', 'usd', -5)`;
    });
    await expect(three).rejects.toEqual(refused(CHECK, /has 2 legs, its header says 3/));
  });

  test('a balanced pair added to an old transaction is refused', async () => {
    const key = newKey();
    await book.post({ key, legs: PAIR });
    const [row] = await book.owner<{ id: string }[]>`SELECT id FROM ledger_transactions WHERE idempotency_key = ${key}`;
    const later = book.owner`
      INSERT INTO ledger_entries (transaction_id, leg, account, account_class, kind, currency, amount)
      VALUES (${row!.id}, 3, 'bank', 'bank', 'test', 'usd', 5), (${row!.id}, 4, 'fx', 'fx', 'test', 'usd', -5)`;
    await expect(later).rejects.toEqual(refused(CHECK, /has 4 legs, its header says 2/));
  });

  test('a leg of nothing is refused', async () => {
    const posting = legsOf(['stripe:available', 100n], ['fee_revenue', -100n], ['fx', 0n]);
    await expect(book.post({ legs: posting })).rejects.toEqual(refused(CHECK));
  });

  test('an account that has no class is refused', async () => {
    for (const name of ['petty_cash', 'milestone:ms_1:bribes', 'seller:usr_1:', 'stripe:', 'charge:', '']) {
      await expect(book.post({ legs: legsOf(['stripe:available', 1n], [name, -1n]) })).rejects.toEqual(refused(NOT_NULL)); // prettier-ignore
    }
  });

  test('every account that the domain names has a class', async () => {
    const names = Object.values(account).map((name) => (typeof name === 'string' ? name : name('x_1')));
    const rows = await book.app<{ name: string; class: string | null }[]>`
      SELECT name, ledger_account_class(name) AS class FROM unnest(${names}::text[]) AS name`;
    expect(rows.filter((r) => r.class === null)).toEqual([]);
    expect(rows).toHaveLength(names.length);
  });
});

describe('a posting happens once', () => {
  test('the same key and parameters return the same transaction', async () => {
    const key = newKey();
    const before = await transactions();
    const again = () => book.app<{ id: string }[]>`SELECT ledger_post(${key}, 'test', 'usd', ${book.app.json([{ account: 'bank', amount: '7' }, { account: 'fx', amount: '-7' }])}) AS id`; // prettier-ignore
    const ids = (await Promise.all([again(), again(), again()])).map((rows) => rows[0]!.id);
    expect(new Set(ids).size).toBe(1);
    expect(await transactions()).toBe(before + 1n);
  });

  test.each([
    ['another amount', { legs: legsOf(['stripe:available', 101n], ['fee_revenue', -101n]) }],
    ['another account', { legs: legsOf(['stripe:pending', 100n], ['fee_revenue', -100n]) }],
    ['another kind', { kind: 'other' }],
    ['another currency', { currency: 'eur' }],
    ['another escrow', { escrowId: 'esc_other' }],
    ['another balance transaction', { balanceTransactionId: 'txn_other' }],
  ])('the same key with %s is refused', async (_what, change) => {
    const key = newKey();
    await book.post({ key, legs: PAIR });
    await expect(book.post({ key, legs: PAIR, ...change })).rejects.toEqual(refused(UNIQUE, /with other parameters/));
  });

  test('one balance transaction is posted once for each kind, under whatever key', async () => {
    const balanceTransactionId = `txn_${newKey()}`;
    await book.post({ legs: PAIR, kind: 'charge_captured', balanceTransactionId });
    await book.post({ legs: legsOf(['stripe:available', 5n], ['stripe:pending', -5n]), kind: 'matured', balanceTransactionId }); // prettier-ignore
    await expect(book.post({ legs: PAIR, kind: 'charge_captured', balanceTransactionId })).rejects.toEqual(refused(UNIQUE)); // prettier-ignore
  });
});

describe('what was written stays', () => {
  const statements = [
    `UPDATE ledger_entries SET amount = amount + 1`,
    `UPDATE ledger_transactions SET kind = 'other'`,
    `DELETE FROM ledger_entries`,
    `DELETE FROM ledger_transactions`,
    `TRUNCATE ledger_entries`,
    `TRUNCATE ledger_transactions CASCADE`,
  ];

  test.each(statements)('the owner is refused by trigger: %s', async (statement) => {
    await book.post({ legs: PAIR });
    // The table's own trigger, not that of another to which it cascades.
    const table = /ledger_\w+/.exec(statement)![0];
    await expect(book.owner.unsafe(statement)).rejects.toEqual(refused(RESTRICT, new RegExp(`append-only: .* on ${table} is`))); // prettier-ignore
  });

  test.each(statements)('the application has no right: %s', async (statement) => {
    await expect(book.app.unsafe(statement)).rejects.toEqual(refused(NO_RIGHT));
  });

  test('the application cannot insert past ledger_post, nor touch a balance', async () => {
    const header = book.app`INSERT INTO ledger_transactions (kind, idempotency_key, params_hash, leg_count) VALUES ('test', 'direct', '', 2)`;
    await expect(header).rejects.toEqual(refused(NO_RIGHT));
    const entry = book.app`
      INSERT INTO ledger_entries (transaction_id, leg, account, account_class, kind, currency, amount)
      SELECT id, 3, 'bank', 'bank', 'test', 'usd', 1 FROM ledger_transactions LIMIT 1`;
    await expect(entry).rejects.toEqual(refused(NO_RIGHT));
    await expect(book.app`UPDATE ledger_balances SET amount = 0`).rejects.toEqual(refused(NO_RIGHT));
    await expect(book.app`INSERT INTO ledger_balances VALUES ('bank', 'usd', 'bank', 1)`).rejects.toEqual(refused(NO_RIGHT)); // prettier-ignore
    await expect(book.app`ALTER TABLE ledger_entries DISABLE TRIGGER ALL`).rejects.toEqual(refused(NO_RIGHT));
  });
});

describe('nobody is paid what is not there', () => {
  test.each(['held', 'fee_unearned'])('milestone:…:%s is not overdrawn', async (what) => {
    const name = `milestone:ms_${newKey()}:${what}`;
    await book.post({ legs: legsOf(['charge:pay_1', 100n], [name, -100n]) });
    await expect(book.post({ legs: legsOf([name, 101n], ['fee_revenue', -101n]) })).rejects.toEqual(refused(CHECK, /not_overdrawn/)); // prettier-ignore
    expect(await book.balance(name)).toBe(-100n);
    await book.post({ legs: legsOf([name, 100n], ['fee_revenue', -100n]) });
    expect(await book.balance(name)).toBe(0n);
  });

  test.each(['payable', 'on_hold'])('seller:…:%s is not overdrawn, and not paid in another currency', async (what) => {
    const name = `seller:usr_${newKey()}:${what}`;
    await book.post({ legs: legsOf(['stripe:available', 100n], [name, -100n]) });
    await expect(book.post({ legs: legsOf([name, 101n], ['stripe:available', -101n]) })).rejects.toEqual(refused(CHECK)); // prettier-ignore
    await expect(book.post({ currency: 'eur', legs: legsOf([name, 1n], ['stripe:available', -1n]) })).rejects.toEqual(refused(CHECK)); // prettier-ignore
  });

  test('a charge gives no more than it captured', async () => {
    const chargeId = `ch_${newKey()}`;
    const paymentId = `pay_${newKey()}`;
    const use = (transferred: bigint, refunded: bigint) => book.app.begin((tx) => useCharge(tx as Tx, chargeId, { transferred, refunded })); // prettier-ignore
    await book.app.begin(async (raw) => {
      const tx = raw as Tx;
      await reserveMovement(tx, { id: paymentId, kind: 'payment', escrowId: 'esc_1', amountMinor: 300n, currency: 'usd' }); // prettier-ignore
      await openCharge(tx, { chargeId, paymentId, escrowId: 'esc_1', currency: 'usd', capturedMinor: 300n });
    });
    await use(180n, 100n);
    await expect(use(21n, 0n)).rejects.toEqual(refused(CHECK, /charge_not_overdrawn/));
    await expect(use(0n, 21n)).rejects.toEqual(refused(CHECK, /charge_not_overdrawn/));
    await use(0n, -100n);
    await use(120n, 0n);
    await expect(use(0n, 1n)).rejects.toEqual(refused(CHECK));
  });

  test('one release part has one live transfer; after a failed one another may follow', async () => {
    const transfer = (id: string, part = 1) =>
      book.app.begin((tx) =>
        reserveMovement(tx as Tx, { id, kind: 'transfer', escrowId: 'esc_1', milestoneId: 'ms_live', sellerId: 'usr_1', part, amountMinor: 90n, currency: 'usd' }),
      ); // prettier-ignore
    await transfer('trf_a');
    await expect(transfer('trf_b')).rejects.toEqual(refused(UNIQUE));
    await transfer('trf_c', 2);
    await book.app`UPDATE movements SET status = 'failed' WHERE id = 'trf_a'`;
    await transfer('trf_d');
    await book.app`UPDATE movements SET status = 'succeeded' WHERE id = 'trf_d'`;
    await expect(transfer('trf_e')).rejects.toEqual(refused(UNIQUE));
  });
});

describe('many at once', () => {
  test('postings over the same accounts, in every order of legs, neither wait for each other for ever nor lose a unit', async () => {
    const run = newKey();
    const milestones = [1, 2, 3, 4].map((i) => `milestone:ms_${run}_${i}:held`);
    const sellers = [1, 2, 3].map((i) => `seller:usr_${run}_${i}:payable`);
    await book.post({ legs: legsOf([`charge:pay_${run}`, 4000n], ...milestones.map((m): [string, bigint] => [m, -1000n])) }); // prettier-ignore
    const work = Array.from({ length: 20 }, (_, i) => {
      const pairs = [0, 1, 2].flatMap((k): [string, bigint][] => [
        [milestones[(i + k) % 4]!, 7n],
        [sellers[(i * k) % 3]!, -7n],
      ]);
      const turned = [...pairs.slice(i % 6), ...pairs.slice(0, i % 6)];
      return book.post({ legs: legsOf(...(i % 2 ? turned : turned.toReversed())) });
    });
    await Promise.all(work);
    const balances = await Promise.all([...milestones, ...sellers].map((name) => book.balance(name)));
    const total = (from: number, to: number) => balances.slice(from, to).reduce((a, b) => a + b, 0n);
    expect(total(0, 4)).toBe(-4000n + 20n * 21n);
    expect(total(4, 7)).toBe(-20n * 21n);
    const [entries] = await book.app<{ sum: bigint }[]>`
      SELECT sum(amount)::bigint FROM ledger_entries WHERE account IN ${book.app(sellers)}`;
    expect(entries!.sum).toBe(-20n * 21n);
  });

  test('of twenty who take one unit of ten, ten get it', async () => {
    const held = `milestone:ms_${newKey()}:held`;
    await book.post({ legs: legsOf(['charge:pay_2', 10n], [held, -10n]) });
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => book.post({ legs: legsOf([held, 1n], ['fee_revenue', -1n]) }))); // prettier-ignore
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(10);
    for (const r of results) if (r.status === 'rejected') expect(r.reason).toEqual(refused(CHECK, /not_overdrawn/));
    expect(await book.balance(held)).toBe(0n);
  });

  test('of twenty with one key, one posts and all are told so', async () => {
    const key = newKey();
    const before = await transactions();
    await Promise.all(Array.from({ length: 20 }, () => book.post({ key, legs: PAIR })));
    expect(await transactions()).toBe(before + 1n);
  });
});

test('entries of an escrow are read in the order in which they were posted', async () => {
  const escrowId = `esc_${newKey()}`;
  await book.post({ escrowId, kind: 'first', legs: PAIR });
  await book.post({ escrowId, kind: 'second', legs: PAIR });
  const lines = await entriesOf(book.app, escrowId);
  expect(lines.map((l) => [l.kind, l.account, l.amount])).toEqual([
    ['first', 'stripe:available', 100n],
    ['first', 'fee_revenue', -100n],
    ['second', 'stripe:available', 100n],
    ['second', 'fee_revenue', -100n],
  ]);
});

test('a posting whose legs were all nothing is not written', async () => {
  const before = await transactions();
  await book.app.begin((tx) => post(tx as Tx, { key: newKey(), kind: 'test', currency: 'usd', legs: [] }));
  expect(await transactions()).toBe(before);
});
