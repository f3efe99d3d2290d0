// Invariant 3 with Stripe's own books: ledger = Σ net of its balance transactions = its Balance, per currency.
import type { BalanceTransaction } from '../domain/postings.ts';
import type { Sql } from './client.ts';

/** Read over HTTP; satisfied by the payments port. */
export interface StripeBooks {
  listBalanceTransactions(): AsyncIterable<BalanceTransaction>;
  balance(): Promise<{ currency: string; availableMinor: bigint; pendingMinor: bigint }[]>;
}

export interface Again {
  tries: number;
  pauseMs: number;
}

const BATCH = 500;
const MAX_ORPHANS = 100;

/**
 * Books that money runs through at this moment cannot agree: a difference is believed only when the ledger stood still
 * around it, or when it stays for all tries.
 */
export async function stripeAgrees(sql: Sql, books: StripeBooks, again: Again): Promise<object[]> {
  for (let attempt = 1; ; attempt += 1) {
    const before = await ledgerTotals(sql);
    const rows = await compare(sql, books, before);
    if (rows.length === 0 || attempt >= again.tries) return rows;
    await new Promise((resolve) => setTimeout(resolve, again.pauseMs));
  }
}

async function compare(sql: Sql, books: StripeBooks, ledger: Map<string, bigint>): Promise<object[]> {
  const nets = new Map<string, bigint>();
  const orphans: object[] = [];
  let batch: BalanceTransaction[] = [];
  const check = async (): Promise<void> => {
    if (orphans.length < MAX_ORPHANS) orphans.push(...(await unposted(sql, batch)));
    batch = [];
  };
  for await (const bt of books.listBalanceTransactions()) {
    nets.set(bt.currency, (nets.get(bt.currency) ?? 0n) + bt.netMinor);
    batch.push(bt);
    if (batch.length === BATCH) await check();
  }
  await check();
  const balances = new Map<string, bigint>();
  for (const b of await books.balance()) balances.set(b.currency, b.availableMinor + b.pendingMinor);
  const rows: object[] = [];
  for (const currency of new Set([...ledger.keys(), ...nets.keys(), ...balances.keys()])) {
    const [ours, transactions, balance] = [ledger, nets, balances].map((totals) => totals.get(currency) ?? 0n);
    if (ours !== transactions || ours !== balance) {
      rows.push({ currency, ledger: ours, stripe_balance_transactions: transactions, stripe_balance: balance });
    }
  }
  return [...rows, ...orphans.slice(0, MAX_ORPHANS)];
}

/** What the ledger says lies at Stripe, per currency. */
export async function ledgerTotals(sql: Sql): Promise<Map<string, bigint>> {
  const rows = await sql.begin(async (tx) => {
    await tx`SET LOCAL statement_timeout = '10min'`;
    return tx<{ currency: string; total: bigint }[]>`
      SELECT currency, sum(amount)::bigint AS total FROM ledger_entries
      WHERE account_class IN ('stripe_pending', 'stripe_available', 'stripe_reserved') GROUP BY currency`;
  });
  return new Map(rows.map((row) => [row.currency, row.total]));
}

/** Balance transactions of Stripe that the ledger has no posting of. */
async function unposted(sql: Sql, batch: readonly BalanceTransaction[]): Promise<object[]> {
  if (batch.length === 0) return [];
  const posted = await sql<{ id: string }[]>`
    SELECT DISTINCT stripe_balance_transaction_id AS id FROM ledger_transactions
    WHERE kind <> 'matured' AND stripe_balance_transaction_id IN ${sql(batch.map((bt) => bt.id))}`;
  const known = new Set(posted.map((row) => row.id));
  return batch
    .filter((bt) => !known.has(bt.id) && bt.netMinor !== 0n)
    .map((bt) => ({
      what: 'balance transaction of Stripe without a posting',
      balance_transaction: bt.id,
      type: bt.type,
      source: bt.sourceId,
      currency: bt.currency,
      net: bt.netMinor,
    }));
}
