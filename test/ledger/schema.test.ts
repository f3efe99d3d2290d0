// What the schema refuses, whoever writes: one row for each constraint that keeps something single, owed or unchanged. (The
// ledger's own constraints are in constraints.test.ts.)
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Book, openBook } from './book.ts';

let book: Book;

const HASH = "repeat('a', 64)";
const MOVEMENT = 'id, kind, escrow_id, amount, currency, status';
const DEBT =
  'id, seller_id, escrow_id, milestone_id, currency, amount, recovered, written_off, cancelled, status, dedupe_key';
const APPROVAL = 'id, kind, params, params_hash, requested_by, approved_by, denied_by, status, expires_at';

/** What is there: one of each. */
const GIVEN = `
  INSERT INTO people (id, email, name, role) VALUES ('usr_a', 'a@example.test', 'A', 'seller'), ('usr_b', 'b@example.test', 'B', 'ops');
  INSERT INTO api_keys (id, person_id, key_hash) VALUES ('key_1', 'usr_b', 'hash');
  INSERT INTO sessions (token_hash, person_id, csrf_token, expires_at) VALUES ('token', 'usr_a', 'c', now());
  INSERT INTO sellers (id, stripe_account_id, country) VALUES ('usr_a', 'acct_1', 'US');
  INSERT INTO escrows (id, buyer_id, title, currency, status, terms_version, terms_hash, revision, state, created_at)
    VALUES ('esc_1', 'usr_b', 'T', 'usd', 'active', 1, 'h', 1, '{}', now());
  INSERT INTO escrow_terms (escrow_id, version, hash, body) VALUES ('esc_1', 1, 'h', '{}');
  INSERT INTO milestones (id, escrow_id, position, seller_id, status, amount, revision, state)
    VALUES ('ms_1', 'esc_1', 0, 'usr_a', 'disputed', 100, 1, '{"dispute": {"id": "dsp_1"}}');
  INSERT INTO escrow_events (escrow_id, seq, at, type, actor) VALUES ('esc_1', 1, now(), 'x', '{}');
  INSERT INTO notifications (person_id, dedupe_key, kind) VALUES ('usr_a', 'told', 'x');
  INSERT INTO alerts (kind, dedupe_key) VALUES ('x', 'told');
  INSERT INTO stripe_events (id, type, livemode, body) VALUES ('evt_1', 'x', false, '{}');
  INSERT INTO idempotency_keys (owner_id, key, route, body_hash, update_id, locked_until) VALUES ('o', 'k', 'r', 'h', 'u', now());
  INSERT INTO movements (${MOVEMENT}, stripe_id) VALUES ('pay_1', 'payment', 'esc_1', 100, 'usd', 'succeeded', 'pi_1'), ('trf_1', 'transfer', 'esc_1', 90, 'usd', 'succeeded', 'tr_1');
  INSERT INTO movement_attempts (movement_id, generation, idempotency_key, params_hash) VALUES ('trf_1', 1, 'key-1', 'h');
  INSERT INTO charge_funds (charge_id, payment_id, escrow_id, currency, captured, transferred) VALUES ('ch_1', 'pay_1', 'esc_1', 'usd', 100, 90);
  INSERT INTO debts (${DEBT}) VALUES ('dbt_1', 'usr_a', 'esc_1', 'ms_1', 'usd', 50, 0, 0, 0, 'open', 'refund-1');
  INSERT INTO set_offs (transfer_id, debt_id, amount) VALUES ('trf_1', 'dbt_1', 10);
  INSERT INTO debt_repayments (id, debt_id, amount, reference, taken_by) VALUES ('rep_1', 'dbt_1', 10, 'r', 'usr_b');
  INSERT INTO recovered_parts (milestone_id, part, amount, principal, seller_fee, buyer_fee) VALUES ('ms_1', 1, 100, 90, 10, 5);
  INSERT INTO recoveries (id, escrow_id, milestone_id, amount, currency, status, reason) VALUES ('rfd_1', 'esc_1', 'ms_1', 10, 'usd', 'asked', 'r');
  INSERT INTO disputes (id, kind, escrow_id, stripe_dispute_id, status, amount, currency) VALUES ('dsp_c', 'card', 'esc_1', 'dp_1', 'lost', 10, 'usd');
  INSERT INTO payouts (id, seller_id, amount, currency, status, arrives_at, created_at) VALUES ('po_1', 'usr_a', 10, 'usd', 'paid', now(), now());
  INSERT INTO approvals (${APPROVAL}) VALUES ('apr_1', 'refund', '{}', ${HASH}, 'usr_b', NULL, NULL, 'pending', now());
  INSERT INTO audit_log (action, outcome) VALUES ('x', 'y');
  INSERT INTO audit_seals (seq, entry_id, prev_hash, hash) VALUES (1, 1, '', 'h1');
`;

beforeAll(async () => {
  book = await openBook();
  await book.owner.unsafe(GIVEN);
});
afterAll(() => book.close());

const movement = (values: string, more = ''): string => `INSERT INTO movements (${MOVEMENT}${more}) VALUES (${values})`;
const debt = (values: string): string => `INSERT INTO debts (${DEBT}) VALUES ('dbt_2', 'usr_a', 'esc_1', 'ms_1', 'usd', ${values})`; // prettier-ignore
const approval = (values: string): string => `INSERT INTO approvals (${APPROVAL}) VALUES ('apr_2', 'refund', '{}', ${values}, now())`; // prettier-ignore
const part = (column: string, value: number): string => `UPDATE recovered_parts SET ${column} = ${value}`;

describe('there is one', () => {
  test.each([
    ['movement of an id', 'movements_pkey', movement(`'pay_1', 'payment', 'esc_2', 1, 'usd', 'reserved'`)],
    ['movement of an object of Stripe', 'movements_stripe_id_key', movement(`'pay_2', 'payment', 'esc_2', 1, 'usd', 'succeeded', 'pi_1'`, ', stripe_id')],
    ['use of a key given to Stripe', 'movement_attempts_idempotency_key_key', `INSERT INTO movement_attempts (movement_id, generation, idempotency_key, params_hash) VALUES ('pay_1', 1, 'key-1', 'h')`],
    ['attempt of a generation', 'movement_attempts_pkey', `INSERT INTO movement_attempts (movement_id, generation, idempotency_key, params_hash) VALUES ('trf_1', 1, 'key-2', 'h')`],
    ['row of funds for a charge', 'charge_funds_pkey', `INSERT INTO charge_funds (charge_id, payment_id, escrow_id, currency, captured) VALUES ('ch_1', 'pay_1', 'esc_1', 'usd', 100)`],
    ['debt of a refund', 'debts_dedupe_key_key', debt(`1, 0, 0, 0, 'open', 'refund-1'`)],
    ['set-off of a debt in a transfer', 'set_offs_pkey', `INSERT INTO set_offs (transfer_id, debt_id, amount) VALUES ('trf_1', 'dbt_1', 1)`],
    ['repayment of a command', 'debt_repayments_pkey', `INSERT INTO debt_repayments (id, debt_id, amount, reference, taken_by) VALUES ('rep_1', 'dbt_1', 1, 'r', 'usr_b')`],
    ['row of a released part', 'recovered_parts_pkey', `INSERT INTO recovered_parts (milestone_id, part, amount, principal, seller_fee, buyer_fee) VALUES ('ms_1', 1, 1, 1, 0, 0)`],
    ['open question about a milestone', 'one_recovery_asked', `INSERT INTO recoveries (id, escrow_id, milestone_id, amount, currency, status, reason) VALUES ('rfd_2', 'esc_1', 'ms_1', 1, 'usd', 'asked', 'r')`],
    ['row of a card dispute', 'disputes_stripe_dispute_id_key', `INSERT INTO disputes (id, kind, escrow_id, stripe_dispute_id, status, amount, currency) VALUES ('dsp_d', 'card', 'esc_1', 'dp_1', 'lost', 10, 'usd')`],
    ['milestone in a dispute of an id', 'milestones_by_dispute', `INSERT INTO milestones (id, escrow_id, position, seller_id, status, amount, revision, state) VALUES ('ms_2', 'esc_1', 1, 'usr_a', 'disputed', 100, 1, '{"dispute": {"id": "dsp_1"}}')`],
    ['milestone at a place', 'milestones_escrow_id_position_key', `INSERT INTO milestones (id, escrow_id, position, seller_id, status, amount, revision, state) VALUES ('ms_2', 'esc_1', 0, 'usr_a', 'planned', 100, 1, '{}')`],
    ['version of terms of a hash', 'escrow_terms_pkey', `INSERT INTO escrow_terms (escrow_id, version, hash, body) VALUES ('esc_1', 2, 'h', '{}')`],
    ['line of the timeline of a number', 'escrow_events_pkey', `INSERT INTO escrow_events (escrow_id, seq, at, type, actor) VALUES ('esc_1', 1, now(), 'y', '{}')`],
    ['person of an address, however it is written', 'people_email', `INSERT INTO people (id, email, name, role) VALUES ('usr_c', 'A@Example.test', 'C', 'buyer')`],
    ['owner of an API key', 'api_keys_key_hash_key', `INSERT INTO api_keys (id, person_id, key_hash) VALUES ('key_2', 'usr_a', 'hash')`],
    ['owner of a session', 'sessions_pkey', `INSERT INTO sessions (token_hash, person_id, csrf_token, expires_at) VALUES ('token', 'usr_b', 'c', now())`],
    ['seller of a Stripe account', 'sellers_stripe_account_id_key', `INSERT INTO sellers (id, stripe_account_id, country) VALUES ('usr_b', 'acct_1', 'US')`],
    ['notice of a thing', 'notifications_dedupe_key_key', `INSERT INTO notifications (person_id, dedupe_key, kind) VALUES ('usr_a', 'told', 'x')`],
    ['alert of a thing', 'alerts_dedupe_key_key', `INSERT INTO alerts (kind, dedupe_key) VALUES ('x', 'told')`],
    ['row of an event', 'stripe_events_pkey', `INSERT INTO stripe_events (id, type, livemode, body) VALUES ('evt_1', 'x', false, '{}')`],
    ['row of an owner’s key', 'idempotency_keys_pkey', `INSERT INTO idempotency_keys (owner_id, key, route, body_hash, update_id, locked_until) VALUES ('o', 'k', 'r2', 'h', 'u', now())`],
    ['request of a thing that waits', 'one_pending_approval', approval(`${HASH}, 'usr_a', NULL, NULL, 'pending'`)],
    ['seal of an entry', 'audit_seals_entry_id_key', `INSERT INTO audit_seals (seq, entry_id, prev_hash, hash) VALUES (2, 1, '', 'h2')`],
    ['seal of a hash', 'audit_seals_hash_key', `INSERT INTO audit_seals (seq, entry_id, prev_hash, hash) VALUES (2, 2, '', 'h1')`],
  ])('%s', async (_what, constraint, statement) => {
    await expect(book.owner.unsafe(statement)).rejects.toMatchObject({ code: '23505', constraint_name: constraint });
  }); // prettier-ignore
});

describe('never', () => {
  test.each([
    ['a movement of nothing', movement(`'pay_2', 'payment', 'esc_2', 0, 'usd', 'reserved'`)],
    ['a movement of an unknown kind', movement(`'pay_2', 'gift', 'esc_2', 1, 'usd', 'reserved'`)],
    ['a movement in an unknown status', movement(`'pay_2', 'payment', 'esc_2', 1, 'usd', 'perhaps'`)],
    ['a charge that captured nothing', `UPDATE charge_funds SET captured = 0, transferred = 0`],
    ['less than nothing transferred', `UPDATE charge_funds SET transferred = -1`],
    ['less than nothing refunded', `UPDATE charge_funds SET refunded = -1`],
    ['less than nothing reversed', `UPDATE charge_funds SET reversed = -1`],
    ['less than nothing withdrawn', `UPDATE charge_funds SET withdrawn = -1`],
    ['an allowance below nothing', `UPDATE charge_funds SET allowance = -1`],
    ['a debt of nothing', debt(`0, 0, 0, 0, 'recovered', 'd'`)],
    ['more recovered than was owed', debt(`10, 11, 0, 0, 'recovered', 'd'`)],
    ['recovered, written off and cancelled beyond the debt', debt(`10, 4, 4, 4, 'recovered', 'd'`)],
    ['a debt open with nothing left', debt(`10, 10, 0, 0, 'open', 'd'`)],
    ['a debt closed with something left', debt(`10, 5, 0, 0, 'repaid', 'd'`)],
    ['less than nothing recovered', debt(`10, -1, 0, 0, 'open', 'd'`)],
    ['a set-off of nothing', `INSERT INTO set_offs (transfer_id, debt_id, amount) VALUES ('trf_2', 'dbt_1', 0)`],
    ['a repayment of nothing', `INSERT INTO debt_repayments (id, debt_id, amount, reference, taken_by) VALUES ('rep_2', 'dbt_1', 0, 'r', 'usr_b')`],
    ['more of a part taken back than was released', part('recovered_amount', 101)],
    ['more principal taken back than was released', part('recovered_principal', 91)],
    ['more of the seller’s fee given back than was taken', part('recovered_seller_fee', 11)],
    ['more of the buyer’s fee given back than was taken', part('recovered_buyer_fee', 6)],
    ['an event in an unknown state', `UPDATE stripe_events SET state = 'perhaps'`],
    ['an approval by the one who asked', approval(`repeat('b', 64), 'usr_b', 'usr_b', NULL, 'approved'`)],
    ['a denial by the one who asked', approval(`repeat('b', 64), 'usr_b', NULL, 'usr_b', 'denied'`)],
    ['approved by nobody', approval(`repeat('b', 64), 'usr_b', NULL, NULL, 'approved'`)],
    ['denied by nobody', approval(`repeat('b', 64), 'usr_b', NULL, NULL, 'denied'`)],
    ['an approval without the hash of its parameters', approval(`'', 'usr_b', NULL, NULL, 'pending'`)],
    ['a milestone of nothing', `UPDATE milestones SET amount = 0`],
  ])('%s', async (_what, statement) => {
    await expect(book.owner.unsafe(statement)).rejects.toMatchObject({ code: '23514' });
  }); // prettier-ignore
});

describe('what was taken for debts is kept', () => {
  test.each(['set_offs', 'debt_repayments'])('%s: not changed, not deleted, not emptied, by nobody', async (table) => {
    for (const statement of [`UPDATE ${table} SET amount = 1`, `DELETE FROM ${table}`, `TRUNCATE ${table}`]) {
      await expect(book.owner.unsafe(statement)).rejects.toMatchObject({ code: '23001' });
      await expect(book.app.unsafe(statement)).rejects.toMatchObject({ code: '42501' });
    }
  });

  test('approvals are not deleted, not emptied', async () => {
    await expect(book.owner`DELETE FROM approvals`).rejects.toThrow('approvals are kept');
    await expect(book.owner`TRUNCATE approvals CASCADE`).rejects.toThrow('approvals are kept');
  });
});

describe('the application has no right', () => {
  test.each([
    'UPDATE escrow_events SET seq = 9',
    'UPDATE escrow_terms SET version = 9',
    'UPDATE escrow_parties SET role = role',
    'UPDATE fee_schedules SET rate_bps = 0',
    'UPDATE audit_log SET outcome = outcome',
    'UPDATE audit_seals SET hash = hash',
    'DELETE FROM movements',
    'DELETE FROM movement_attempts',
    'DELETE FROM charge_funds',
    'DELETE FROM balance_transactions',
    'DELETE FROM debts',
    'DELETE FROM recoveries',
    'DELETE FROM recovered_parts',
    'DELETE FROM disputes',
    'DELETE FROM approvals',
    'DELETE FROM alerts',
    'DELETE FROM people',
    'CREATE TABLE mine (id text)',
  ])('%s', async (statement) => {
    await expect(book.app.unsafe(statement)).rejects.toMatchObject({ code: '42501' });
  });
});
