// Charges by the hundred thousand without making them: a server that answers Stripe's lists of charges and balance transactions by
// counting, and the same charges written into our tables by SQL. Charge i is three to a second, newest first.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Sql } from '../db/client.ts';

export interface Charges {
  count: number;
  /** Of the newest, whole seconds. */
  newestS: number;
  /** Charges that Stripe has and we have not, by number; and the other way round. */
  lostHere: readonly number[];
  unknownThere: readonly number[];
}

const AMOUNT = 10_000;
const FEE = 320;
const PER_SECOND = 3;

const createdOf = ({ newestS }: Charges, i: number): number => newestS - Math.floor(i / PER_SECOND);

/** Oldest second of all. */
export const oldestS = (c: Charges): number => createdOf(c, c.count - 1);

function charge(c: Charges, i: number) {
  return { id: `ch_${i}`, object: 'charge', status: 'succeeded', amount: AMOUNT, amount_captured: AMOUNT, currency: 'usd', created: createdOf(c, i), metadata: { payment_id: `pay_${i}` }, payment_intent: `pi_${i}`, balance_transaction: `txn_${i}` }; // prettier-ignore
}

function transaction(c: Charges, i: number) {
  const created = createdOf(c, i);
  return { id: `txn_${i}`, object: 'balance_transaction', type: 'charge', amount: AMOUNT, fee: FEE, net: AMOUNT - FEE, currency: 'usd', status: 'available', available_on: created, created, source: charge(c, i) }; // prettier-ignore
}

export interface ListServer {
  url: string;
  requests(): number;
  close(): Promise<void>;
}

export async function serveLists(c: Charges): Promise<ListServer> {
  const missing = new Set(c.unknownThere);
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    const url = new URL(request.url ?? '/', 'http://lists');
    const make = url.pathname === '/v1/balance_transactions' ? transaction : charge;
    const after = url.searchParams.get('starting_after');
    const data: object[] = [];
    let i = after === null ? 0 : Number(after.split('_')[1]) + 1;
    for (; i < c.count && data.length < 100; i += 1) if (!missing.has(i)) data.push(make(c, i));
    response.setHeader('content-type', 'application/json');
    // It stands in for Stripe's lists alone: its answers are not the sandbox's, and are not held against Stripe's spec.
    response.setHeader('x-oracle-proxy', 'lists');
    response.end(JSON.stringify({ object: 'list', data, has_more: i < c.count, url: url.pathname }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** By the schema's owner, past the triggers that check each row: a hundred thousand are checked by the numbers they come from. */
export async function fillCharges(owner: Sql, c: Charges): Promise<void> {
  const lost = [...c.lostHere];
  await owner.begin(async (tx) => {
    await tx`SET LOCAL statement_timeout = '10min'`;
    for (const table of ['ledger_transactions', 'ledger_entries']) await tx.unsafe(`ALTER TABLE ${table} DISABLE TRIGGER USER`); // prettier-ignore
    const numbers = tx`SELECT i, to_timestamp(${c.newestS} - i / ${PER_SECOND}::integer) AS at FROM generate_series(0, ${c.count - 1}::integer) i WHERE i <> ALL (${lost}::integer[])`; // prettier-ignore
    await tx`
      INSERT INTO movements (id, kind, escrow_id, amount, currency, settled_amount, settlement_currency, status, stripe_id, stripe_charge_id, balance_transaction_id)
      SELECT 'pay_' || i, 'payment', 'esc_' || i, ${AMOUNT}, 'usd', ${AMOUNT}, 'usd', 'succeeded', 'pi_' || i, 'ch_' || i, 'txn_' || i FROM (${numbers}) n`;
    await tx`
      INSERT INTO balance_transactions (id, type, source_id, amount, fee, net, currency, status, available_on, created_at)
      SELECT 'txn_' || i, 'charge', 'ch_' || i, ${AMOUNT}, ${FEE}, ${AMOUNT - FEE}, 'usd', 'available', at, at FROM (${numbers}) n`;
    await tx`
      INSERT INTO ledger_transactions (kind, escrow_id, idempotency_key, params_hash, leg_count, stripe_balance_transaction_id)
      SELECT 'charge_captured', 'esc_' || i, 'charge:pay_' || i, 'filled', 3, 'txn_' || i FROM (${numbers}) n`;
    await tx`
      INSERT INTO ledger_entries (transaction_id, leg, account, account_class, kind, currency, amount, escrow_id)
      SELECT t.id, l.leg, CASE WHEN l.leg = 3 THEN 'charge:' || substr(t.idempotency_key, 8) ELSE l.account END, l.class, t.kind, 'usd', l.amount, t.escrow_id
      FROM ledger_transactions t CROSS JOIN (VALUES
        (1, 'stripe:available', 'stripe_available', ${AMOUNT - FEE}::bigint), (2, 'stripe_fees', 'stripe_fees', ${FEE}::bigint),
        (3, '', 'charge_clearing', ${-AMOUNT}::bigint)) AS l (leg, account, class, amount)
      WHERE t.params_hash = 'filled'`;
    for (const table of ['ledger_transactions', 'ledger_entries']) await tx.unsafe(`ALTER TABLE ${table} ENABLE TRIGGER USER`); // prettier-ignore
  });
  await owner`ANALYZE movements, balance_transactions, ledger_transactions, ledger_entries`;
}
