// Every invariant is broken on purpose, in a database whose guards were taken out where they would refuse, and must be
// named with the rows that break it. A sound installation breaks none.
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { connect } from '../../db/client.ts';
import type { Sql } from '../../db/client.ts';
import { checkInvariants, type InvariantOptions, type InvariantResult } from '../../db/invariants.ts';
import type { EscrowState } from '../../domain/escrow-state.ts';
import type { BalanceTransaction } from '../../domain/postings.ts';
import { createDatabase } from '../stack/database.ts';
import type { TestDatabase } from '../stack/database.ts';
import { buildSound, bt, ESCROW, stripeTransactions } from './sound.ts';

let database: TestDatabase;
let owner: Sql;
let sql: Sql;
const databases: TestDatabase[] = [];

beforeEach(async () => {
  database = await createDatabase({ unwatched: 'they are broken on purpose' });
  databases.push(database);
  owner = connect(database.ownerUrl, { max: 1 });
  // The application's role: what verify runs with.
  sql = connect(database.appUrl, { max: 2 });
  await buildSound(owner);
});
afterEach(() => Promise.all([owner.end({ timeout: 1 }), sql.end({ timeout: 1 })]));
afterAll(() => Promise.all(databases.map((each) => each.drop())));

/** The owner's way past the guards: an attacker, a restored backup or a bug could have written the same. */
async function tamper(...statements: string[]): Promise<void> {
  await owner.begin(async (tx) => {
    for (const table of ['ledger_transactions', 'ledger_entries'])
      await tx.unsafe(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
    for (const statement of statements) await tx.unsafe(statement);
    for (const table of ['ledger_transactions', 'ledger_entries'])
      await tx.unsafe(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
  });
}

const books = (transactions: BalanceTransaction[], more = 0n) => ({
  async *listBalanceTransactions() {
    yield* transactions;
  },
  balance: () =>
    Promise.resolve([
      { currency: 'usd', availableMinor: transactions.reduce((sum, t) => sum + t.netMinor, more), pendingMinor: 0n },
    ]),
});

const workflowState = (
  change: (state: { status: string; headRevision: number; milestones: object[] }) => void = () => {},
) => {
  const state = {
    status: 'active',
    headRevision: 7,
    milestones: [
      { id: 'ms_1', status: 'released', revision: 6 },
      { id: 'ms_2', status: 'started', revision: 7 },
    ],
  };
  change(state);
  return () => Promise.resolve(state as unknown as EscrowState);
};

const quick = { tries: 2, pauseMs: 1 };
async function broken(options: InvariantOptions = {}): Promise<InvariantResult[]> {
  return (await checkInvariants(sql, { ...quick, ...options })).filter((result) => !result.holds);
}
const numbers = (results: InvariantResult[]) => results.map((result) => result.number);
const rowsOf = (results: InvariantResult[], number: number) => results.find((r) => r.number === number)?.rows ?? [];

test('a sound installation holds all thirteen, with Stripe and the workflows asked too', async () => {
  const results = await checkInvariants(sql, {
    ...quick,
    stripe: books(stripeTransactions()),
    workflows: workflowState(),
  });
  expect(results.filter((result) => !result.holds)).toEqual([]);
  expect(numbers(results)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
});

test('an empty installation holds all thirteen', async () => {
  const fresh = await createDatabase();
  const empty = connect(fresh.appUrl, { max: 1 });
  const results = await checkInvariants(empty);
  expect(numbers(results)).toHaveLength(13);
  expect(results.filter((result) => !result.holds)).toEqual([]);
  await empty.end();
  await fresh.drop();
});

describe('broken on purpose', () => {
  test('1: one leg changed', async () => {
    await tamper(`UPDATE ledger_entries SET amount = amount + 1 WHERE account = 'fee_revenue'`);
    const found = await broken();
    expect(rowsOf(found, 1)).toMatchObject([{ kind: 'part_accepted', idempotency_key: 'accept', total: 1n }]);
  });

  test('1: a balanced pair added to a posting that was made before', async () => {
    await tamper(`
      INSERT INTO ledger_entries (transaction_id, leg, account, account_class, kind, currency, amount)
      SELECT id, leg, account, account, kind, 'usd', amount
      FROM ledger_transactions, (VALUES (98, 'fee_revenue', -5), (99, 'stripe_fees', 5)) AS added(leg, account, amount)
      WHERE idempotency_key = 'topup'`);
    expect(rowsOf(await broken(), 1)).toMatchObject([{ idempotency_key: 'topup', total: 0n, leg_count: 2, legs: 4 }]);
  });

  test('1: a header without legs', async () => {
    await tamper(`DELETE FROM ledger_entries WHERE kind = 'topup'`);
    expect(rowsOf(await broken(), 1)).toMatchObject([{ idempotency_key: 'topup', legs: 0 }]);
  });

  test('2: a balance that is not the sum of its entries, and one that is missing', async () => {
    await tamper(
      `UPDATE ledger_balances SET amount = amount - 1 WHERE account = 'milestone:ms_2:held'`,
      `DELETE FROM ledger_balances WHERE account = 'milestone:ms_1:held'`,
    );
    const found = await broken();
    expect(numbers(found)).toEqual([2]);
    expect(rowsOf(found, 2)).toEqual([
      { account: 'milestone:ms_2:held', currency: 'usd', balance: -20_001n, entries: -20_000n },
    ]);
    await tamper(`DELETE FROM ledger_balances WHERE account = 'milestone:ms_2:held'`);
    expect(rowsOf(await broken(), 2)).toEqual([
      { account: 'milestone:ms_2:held', currency: 'usd', balance: null, entries: -20_000n },
    ]);
  });

  test('2: a debt that the ledger does not have, one of another amount, and a receivable without a debt', async () => {
    await owner`ALTER TABLE debts DISABLE TRIGGER USER`;
    const debt = (seller: string, kind: string, amount: number) => owner`
      INSERT INTO debts (id, seller_id, escrow_id, milestone_id, currency, kind, amount, cause, dedupe_key)
      VALUES (${`debt_${seller}`}, ${seller}, ${ESCROW}, 'ms_1', 'usd', ${kind}, ${amount}, '{}', ${seller})`;
    await debt('usr_a', 'principal', 500);
    await debt('usr_b', 'costs', 700);
    await tamper(`
      WITH t AS (
        INSERT INTO ledger_transactions (kind, idempotency_key, params_hash, leg_count, escrow_id) VALUES ('dispute_lost', 'owed', '\\x00', 3, '${ESCROW}') RETURNING id
      ) INSERT INTO ledger_entries (transaction_id, leg, account, account_class, kind, currency, amount)
        SELECT t.id, leg, account, class, 'dispute_lost', 'usd', amount FROM t, (VALUES
          (0, 'seller:usr_b:costs_receivable', 'costs_receivable', 600), (1, 'seller:usr_c:receivable', 'receivable', 100), (2, 'dispute_loss', 'dispute_loss', -700)) AS l(leg, account, class, amount)`,
      `INSERT INTO ledger_balances (account, account_class, currency, amount) VALUES ('seller:usr_b:costs_receivable', 'costs_receivable', 'usd', 600), ('seller:usr_c:receivable', 'receivable', 'usd', 100)`);
    const found = await broken();
    const row = (account: string, receivable: bigint, open_debts: bigint) => ({ what: 'receivable and open debts differ', account, currency: 'usd', receivable, open_debts }); // prettier-ignore
    const rows = rowsOf(found, 2) as ReturnType<typeof row>[];
    expect(rows.sort((a, b) => a.account.localeCompare(b.account))).toEqual([
      row('seller:usr_a:receivable', 0n, 500n),
      row('seller:usr_b:costs_receivable', 600n, 700n),
      row('seller:usr_c:receivable', 100n, 0n),
    ]);
  }); // prettier-ignore

  test('3: a recorded balance transaction that differs from its posting', async () => {
    await tamper(`UPDATE balance_transactions SET net = net - 7 WHERE id = 'txn_charge'`);
    const found = await broken();
    expect(numbers(found)).toEqual([3]);
    expect(rowsOf(found, 3)).toEqual([{ currency: 'usd', ledger: 70_100n, recorded_balance_transactions: 70_093n }]);
  });

  test('3: Stripe moved money that the ledger never saw', async () => {
    const found = await broken({ stripe: books([...stripeTransactions(), bt('txn_hand', 'transfer', -250n)]) });
    expect(numbers(found)).toEqual([3]);
    expect(rowsOf(found, 3)).toMatchObject([
      { currency: 'usd', ledger: 70_100n, stripe_balance_transactions: 69_850n, stripe_balance: 69_850n },
      { balance_transaction: 'txn_hand', type: 'transfer', net: -250n },
    ]);
  });

  test("3: Stripe's Balance is not what its transactions say", async () => {
    const found = await broken({ stripe: books(stripeTransactions(), 1n) });
    expect(rowsOf(found, 3)).toEqual([
      { currency: 'usd', ledger: 70_100n, stripe_balance_transactions: 70_100n, stripe_balance: 70_101n },
    ]);
  });

  test('3: books that agree only at the second look are believed', async () => {
    let looks = 0;
    const late = {
      async *listBalanceTransactions() {
        looks += 1;
        yield* looks === 1 ? stripeTransactions().slice(1) : stripeTransactions();
      },
      balance: () => Promise.resolve([{ currency: 'usd', availableMinor: 70_000n, pendingMinor: 100n }]),
    };
    expect(await broken({ stripe: late })).toEqual([]);
    expect(looks).toBe(2);
  });

  test('4: a charge that gave more than it captured, and a row that its movements contradict', async () => {
    await tamper(
      'ALTER TABLE charge_funds DROP CONSTRAINT charge_not_overdrawn',
      `UPDATE movements SET settled_amount = 31000 WHERE id = 'trf_1'`,
      `UPDATE charge_funds SET transferred = 31000`,
    );
    expect(rowsOf(await broken(), 4)).toMatchObject([
      { charge_id: 'ch_1', captured: 30_000n, moved_to_sellers: 31_000n },
    ]);
    await tamper(`UPDATE movements SET settled_amount = 9000 WHERE id = 'trf_1'`);
    expect(rowsOf(await broken(), 4)).toMatchObject([{ transferred: 31_000n, moved_to_sellers: 9_000n }]);
  });

  test('5: two live transfers of one part', async () => {
    await tamper(
      'DROP INDEX one_live_transfer',
      `INSERT INTO movements (id, kind, escrow_id, milestone_id, seller_id, part, amount, currency, status)
       VALUES ('trf_2', 'transfer', '${ESCROW}', 'ms_1', 'usr_s', 1, 9000, 'usd', 'reserved')`,
    );
    const found = await broken();
    expect(numbers(found)).toEqual([5]);
    expect(rowsOf(found, 5)).toEqual([
      { milestone_id: 'ms_1', seller_id: 'usr_s', part: 1, transfers: 2, ids: ['trf_1', 'trf_2'] },
    ]);
  });

  test.each([
    [
      'a movement without its Stripe object',
      `UPDATE movements SET stripe_id = NULL WHERE id = 'trf_1'`,
      { what: 'movement succeeded without a posting of its balance transaction', id: 'trf_1' },
    ],
    [
      'a movement without its posting',
      `UPDATE movements SET balance_transaction_id = 'txn_none' WHERE id = 'trf_1'`,
      { id: 'trf_1', balance_transaction: 'txn_none' },
    ],
    [
      'a balance transaction without a posting',
      `INSERT INTO balance_transactions SELECT 'txn_lost', type, source_id, 0, 0, 0, currency, status, available_on, matured_at, created_at FROM balance_transactions WHERE id = 'txn_topup'`,
      { what: 'balance transaction without a posting', id: 'txn_lost' },
    ],
    [
      'a posting without its balance transaction',
      `UPDATE ledger_transactions SET stripe_balance_transaction_id = 'txn_never' WHERE idempotency_key = 'topup'`,
      { what: 'posting of a balance transaction that was never recorded', id: 'topup' },
    ],
    [
      'two movements of one balance transaction',
      `UPDATE movements SET balance_transaction_id = 'txn_charge' WHERE id = 'trf_1'`,
      { what: 'balance transaction of several movements', balance_transaction: 'txn_charge' },
    ],
  ])('6: %s', async (_what, statement, row) => {
    await tamper(statement);
    const found = await broken();
    expect(numbers(found)).toEqual([6]);
    expect(rowsOf(found, 6)).toEqual(expect.arrayContaining([expect.objectContaining(row)]));
  });

  test('6: money of the bank without what caused it, and what the bank paid without its posting', async () => {
    const posting = (key: string, kind: string, amount: number) =>
      owner.unsafe(`SELECT ledger_post('${key}', '${kind}', 'usd', '${JSON.stringify([{ account: 'bank', amount: String(amount) }, { account: 'unexplained', amount: String(-amount) }])}', '${ESCROW}')`); // prettier-ignore
    await owner.unsafe(
      `INSERT INTO approvals (id, kind, params, params_hash, requested_by, expires_at) VALUES ('apr_1', 'refund', '{}', '${'0'.repeat(64)}', 'usr_b', now())`,
    );
    await owner.unsafe(
      `INSERT INTO failed_refunds (id, escrow_id, payment_id, payment_intent_id, charge_id, amount, currency, principal, buyer_fee, buyer_fee_returned, settlement_currency, status, reference, approval_id)
       VALUES ('rfd_b1', '${ESCROW}', 'pay_1', 'pi_1', 'ch_1', 700, 'usd', 700, 0, 0, 'usd', 'paid_by_bank', 'wire 1', 'apr_1'),
              ('rfd_b2', '${ESCROW}', 'pay_1', 'pi_1', 'ch_1', 500, 'usd', 500, 0, 0, 'usd', 'paid_by_bank', 'wire 2', 'apr_1')`,
    );
    await posting('refund_paid_by_bank:rfd_b1_bank', 'refund_paid_by_bank', -700);
    await posting('refund_paid_by_bank:rfd_gone_bank', 'refund_paid_by_bank', -5);
    await posting('by_hand', 'debt_recovered', 9);
    await posting('payout_arrived:po_1', 'payout_arrived', 40);
    expect(rowsOf(await broken(), 6)).toEqual([
      { what: 'refund paid by bank without its posting', id: 'rfd_b2', stripe_id: 'wire 2', balance_transaction: null },
      { what: 'money of the bank without what caused it', id: 'refund_paid_by_bank:rfd_gone_bank', stripe_id: null, balance_transaction: null }, // prettier-ignore
      { what: 'money of the bank without what caused it', id: 'by_hand', stripe_id: null, balance_transaction: null },
    ]);
    // The right wire, and another amount than was owed.
    await posting('refund_paid_by_bank:rfd_b2_bank', 'refund_paid_by_bank', -499);
    expect(rowsOf(await broken(), 6)).toMatchObject([{ id: 'rfd_b2' }, { id: 'refund_paid_by_bank:rfd_gone_bank' }, { id: 'by_hand' }]); // prettier-ignore
  });

  test('6 and 4: a refund of a running escrow that the bank paid: without its posting, without its two people, and not in its charge', async () => {
    const approval = (id: string, approvedBy: string, milestone: string) =>
      owner.unsafe(
        `INSERT INTO approvals (id, kind, params, params_hash, escrow_id, requested_by, approved_by, status, expires_at)
         VALUES ('${id}', 'refund', '{"milestone_id": "${milestone}", "reference": "wire 5"}', '${id.padEnd(64, '0').replace(/[^0-9a-f]/g, '0')}', '${ESCROW}', 'usr_b', ${approvedBy}, ${approvedBy === 'NULL' ? "'pending'" : "'executed'"}, now())`,
      );
    await approval('apr_a1', "'usr_s'", 'ms_2');
    await approval('apr_a2', 'NULL', 'ms_2');
    await approval('apr_a3', "'usr_s'", 'ms_1');
    const refund = (id: string, approvalId: string) =>
      owner.unsafe(`INSERT INTO bank_refunds (id, escrow_id, milestone_id, payment_id, charge_id, amount, currency, settled_amount, settlement_currency, reference, approval_id) VALUES ('${id}', '${ESCROW}', 'ms_2', 'pay_1', 'ch_1', 700, 'usd', 700, 'usd', 'wire 5', '${approvalId}')`); // prettier-ignore
    const posting = (id: string) =>
      owner.unsafe(`SELECT ledger_post('refund_paid_by_bank:${id}', 'refund_paid_by_bank', 'usd', '[{"account":"bank","amount":"-700"},{"account":"unexplained","amount":"700"}]', '${ESCROW}')`); // prettier-ignore
    await refund('rfd_n1', 'apr_a1');
    expect(rowsOf(await broken(), 6)).toEqual([{ what: 'refund of a milestone paid by bank without its posting', id: 'rfd_n1', stripe_id: 'wire 5', balance_transaction: null }]); // prettier-ignore
    expect(rowsOf(await broken(), 4)).toMatchObject([{ charge_id: 'ch_1', moved_to_buyer: 700n }]);
    await posting('rfd_n1');
    await owner.unsafe(`UPDATE charge_funds SET refunded = refunded + 700 WHERE charge_id = 'ch_1'`);
    const held = await broken();
    expect([...rowsOf(held, 4), ...rowsOf(held, 6)]).toEqual([]);
    for (const [id, approvalId] of [['rfd_n2', 'apr_a2'], ['rfd_n3', 'apr_a3']] as const) {
      await refund(id, approvalId);
      await posting(id);
    } // prettier-ignore
    const two = 'refund of a milestone paid by bank without its two people';
    expect(rowsOf(await broken(), 6)).toMatchObject([
      { what: two, id: 'rfd_n2' },
      { what: two, id: 'rfd_n3' },
    ]);
  });

  test('6: a repayment of a debt without its posting', async () => {
    await owner.unsafe(
      `INSERT INTO debts (id, seller_id, escrow_id, milestone_id, currency, amount, dedupe_key) VALUES ('dbt_1', 'usr_s', '${ESCROW}', 'ms_1', 'usd', 900, 'd1')`,
    );
    await owner.unsafe(`INSERT INTO debt_repayments (id, debt_id, amount, reference, taken_by) VALUES ('evt_r1', 'dbt_1', 300, 'wire 3', 'usr_b')`); // prettier-ignore
    expect(rowsOf(await broken(), 6)).toMatchObject([{ what: 'repayment by bank without its posting', id: 'evt_r1' }]);
  });

  test('7: money left in clearing after its time, not before', async () => {
    const legs = JSON.stringify([
      { account: 'charge:pay_1', amount: '500' },
      { account: 'milestone:ms_2:held', amount: '-500', milestone_id: 'ms_2' },
    ]);
    await owner.unsafe(`SELECT ledger_post('stray', 'charge_allocated', 'usd', '${legs}', '${ESCROW}')`);
    expect(rowsOf(await broken(), 7)).toEqual([]);
    await tamper(`UPDATE movements SET updated_at = now() - interval '1 hour'`);
    expect(rowsOf(await broken(), 7)).toMatchObject([{ account: 'charge:pay_1', amount: 500n, movement: 'succeeded' }]);
  });

  test('8: a milestone at its end with money still held, and one released that was never transferred', async () => {
    await tamper(`UPDATE milestones SET status = 'cancelled' WHERE id = 'ms_2'`);
    const found = await broken();
    expect(numbers(found)).toEqual([8]);
    expect(rowsOf(found, 8)).toMatchObject([{ milestone_id: 'ms_2', status: 'cancelled', ledger_held: 20_000n }]);
    await tamper(
      `UPDATE milestones SET status = 'started' WHERE id = 'ms_2'`,
      `UPDATE milestones SET state = '{"releases": []}' WHERE id = 'ms_1'`,
    );
    expect(rowsOf(await broken(), 8)).toMatchObject([
      { milestone_id: 'ms_1', ledger_transferred: 9_000n, projected_released: 0n },
    ]);
  });

  test('8: a projection that is not what the workflow says', async () => {
    const ahead = workflowState((state) => {
      state.status = 'settling';
      state.headRevision = 9;
      state.milestones[1] = { id: 'ms_2', status: 'submitted', revision: 8 };
    });
    const found = await broken({ workflows: ahead });
    expect(numbers(found)).toEqual([8]);
    expect(rowsOf(found, 8)).toMatchObject([
      { escrow_id: ESCROW, what: 'escrow', projection: 'active', workflow: 'settling' },
      { milestone_id: 'ms_2', projection: 'started', workflow: 'submitted' },
    ]);
    expect(rowsOf(await broken({ workflows: () => Promise.resolve(null) }), 8)).toMatchObject([
      { escrow_id: ESCROW, what: 'open in the projection, without a running workflow' },
    ]);
  });

  test('8: an escrow that has ended and still holds money, or owes its seller, once its postings are old', async () => {
    await tamper(
      `UPDATE escrows SET status = 'completed'`,
      `UPDATE milestones SET status = 'started' WHERE id = 'ms_2'`,
    );
    expect(rowsOf(await broken(), 8)).toEqual([]);
    await tamper(`UPDATE ledger_transactions SET created_at = now() - interval '1 hour'`);
    expect(rowsOf(await broken(), 8)).toMatchObject([
      { what: 'ended, and money is left', escrow_id: ESCROW, status: 'completed', account_class: 'held', amount: 20_000n }, // prettier-ignore
    ]);
  });

  test('8: a workflow that runs on where the projection has ended, and one that the projection does not have', async () => {
    await tamper(`UPDATE escrows SET status = 'completed'`);
    const running = async function* (): AsyncIterable<string> {
      yield ESCROW;
      yield 'esc_unknown';
      yield 'esc_never_created';
    };
    const known = workflowState();
    const workflows = async (id: string): Promise<EscrowState | null> => {
      if (id === ESCROW) return known();
      return id === 'esc_unknown' ? ({ id, status: 'active' } as unknown as EscrowState) : null;
    };
    expect(rowsOf(await broken({ workflows }), 8)).toEqual([]);
    expect(rowsOf(await broken({ workflows, running }), 8)).toMatchObject([
      { escrow_id: ESCROW, what: 'escrow', projection: 'completed', workflow: 'active' },
      { escrow_id: 'esc_unknown', what: 'a running workflow without a projection', workflow: 'active' },
    ]);
  });

  test('9: an event that nobody ended, and a balance transaction posted twice', async () => {
    await tamper(
      `INSERT INTO stripe_events (id, type, livemode, body, next_try_at) VALUES ('evt_2', 'refund.updated', false, '{}', now() - interval '1 hour'),
                                                                            ('evt_3', 'refund.updated', false, '{}', now())`,
    );
    const found = await broken();
    expect(numbers(found)).toEqual([9]);
    expect(rowsOf(found, 9)).toMatchObject([{ id: 'evt_2', what: 'event not ended' }]);
    await tamper(
      'ALTER TABLE ledger_transactions DROP CONSTRAINT ledger_transactions_stripe_balance_transaction_id_kind_key',
      `UPDATE ledger_transactions SET kind = 'topup', stripe_balance_transaction_id = 'txn_topup' WHERE idempotency_key = 'matured'`,
    );
    expect(rowsOf(await broken(), 9)).toMatchObject([{ id: 'evt_2' }, { id: 'txn_topup', count: 2n }]);
  });

  test('10: a command answered without an answer, and one that ran under two keys', async () => {
    await tamper(
      `INSERT INTO idempotency_keys (owner_id, key, route, body_hash, update_id, locked_until, status, response)
       VALUES ('key_1', 'k2', 'r', 'h', 'u1', now(), 200, '{}'), ('key_1', 'k3', 'r', 'h', 'u3', now(), 200, NULL)`,
    );
    const found = await broken();
    expect(numbers(found)).toEqual([10]);
    expect(rowsOf(found, 10)).toMatchObject([
      { what: 'answered without an answer', key: 'k3' },
      { what: 'one command under several keys', update_id: 'u1' },
    ]);
  });

  test('11: what stays half done', async () => {
    await tamper(
      `INSERT INTO movements (id, kind, escrow_id, milestone_id, amount, currency, status, updated_at)
       VALUES ('rfd_1', 'refund', '${ESCROW}', 'ms_2', 5, 'usd', 'reserved', now() - interval '1 hour'),
              ('rfd_2', 'refund', '${ESCROW}', 'ms_2', 5, 'usd', 'reserved', now())`,
      `INSERT INTO idempotency_keys (owner_id, key, route, body_hash, update_id, locked_until, created_at)
       VALUES ('key_1', 'k9', 'r', 'h', 'u9', now(), now() - interval '1 hour')`,
      `UPDATE balance_transactions SET status = 'pending', available_on = now() - interval '1 hour' WHERE id = 'txn_charge'`,
    );
    const found = await broken();
    expect(numbers(found)).toEqual([11]);
    expect(rowsOf(found, 11).map((row) => (row as { id: string }).id)).toEqual(['rfd_1', 'k9', 'txn_charge']);
  });

  test('12: an escrow whose money does not add up', async () => {
    await tamper(`UPDATE ledger_entries SET amount = -999 WHERE account = 'fee_revenue'`);
    const found = await broken();
    expect(numbers(found)).toEqual([1, 12]);
    expect(rowsOf(found, 12)).toMatchObject([{ escrow_id: ESCROW, charged: 30_000n, fees: 999n }]);
  });

  test('12: an escrow with money in two currencies', async () => {
    const legs = JSON.stringify([
      { account: 'charge:pay_9', amount: '-5' },
      { account: 'stripe:available', amount: '5' },
    ]);
    await owner.unsafe(`SELECT ledger_post('second', 'charge_captured', 'eur', '${legs}', '${ESCROW}')`);
    expect(rowsOf(await broken(), 12)).toMatchObject([{ escrow_id: ESCROW, what: expect.stringContaining('and in') }]);
  });

  test('13: less at Stripe than is owed', async () => {
    const legs = JSON.stringify([
      { account: 'bank', amount: '60000' },
      { account: 'stripe:available', amount: '-60000' },
    ]);
    await owner.unsafe(`SELECT ledger_post('drain', 'payout', 'usd', '${legs}')`);
    const found = await broken();
    expect(rowsOf(found, 13)).toEqual([{ currency: 'usd', at_stripe: 10_100n, liabilities: 20_000n }]);
  });
});
