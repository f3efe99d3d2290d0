// The ledger as a journal: every entry of a time span, in the order of its transactions, read in batches by a cursor.
import type { Sql } from './client.ts';

export interface JournalLine {
  transactionId: string;
  leg: number;
  postedAt: Date;
  /** Of its transaction, such as `charge_captured` or `transfer`. */
  kind: string;
  account: string;
  accountClass: string;
  /** ISO 4217, lower case. */
  currency: string;
  /** Minor units: a debit is positive, a credit negative. */
  amount: bigint;
  escrowId: string | null;
  milestoneId: string | null;
  sellerId: string | null;
  balanceTransactionId: string | null;
}

export interface Span {
  /** Inclusive. */
  from: Date;
  /** Exclusive. */
  to: Date;
}

const BATCH = 1000;

/** One snapshot of the ledger, in memory a batch at a time. */
export async function eachJournalLine(
  sql: Sql,
  { from, to }: Span,
  take: (lines: readonly JournalLine[]) => Promise<void>,
): Promise<void> {
  await sql.begin('ISOLATION LEVEL REPEATABLE READ READ ONLY', async (tx) => {
    const rows = tx<JournalLine[]>`
      SELECT t.id AS "transactionId", e.leg, t.created_at AS "postedAt", t.kind, e.account, e.account_class AS "accountClass",
             e.currency, e.amount, e.escrow_id AS "escrowId", e.milestone_id AS "milestoneId", e.seller_id AS "sellerId",
             t.stripe_balance_transaction_id AS "balanceTransactionId"
      FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id
      WHERE t.created_at >= ${from} AND t.created_at < ${to}
      ORDER BY t.created_at, t.id, e.leg`;
    for await (const lines of rows.cursor(BATCH)) await take(lines);
  });
}
