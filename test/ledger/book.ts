// A database with the ledger for a suite, as the application sees it and as its owner does.
import { connect, type Sql, type Tx } from '../../db/client.ts';
import { type Money, moneyOf, post, type Posting } from '../../db/ledger.ts';
import type { BalanceTransaction, Leg } from '../../domain/postings.ts';
import { createDatabase } from '../stack/database.ts';

export interface Book {
  app: Sql;
  owner: Sql;
  /** One posting in a transaction of its own. */
  post(p: Partial<Posting> & { legs: readonly Leg[] }): Promise<void>;
  money(escrowId: string): Promise<Money>;
  balance(account: string, currency?: string): Promise<bigint>;
  close(): Promise<void>;
}

let keys = 0;
/** A key that no other posting of this process has. */
export const newKey = (): string => `key_${process.pid}_${++keys}`;

export async function openBook(): Promise<Book> {
  const database = await createDatabase({ unwatched: 'single postings, with no charge before them and no float' });
  const app = connect(database.appUrl, { max: 24, applicationName: 'ledger-test' });
  const owner = connect(database.ownerUrl, { max: 2, applicationName: 'ledger-test-owner' });
  return {
    app,
    owner,
    post: (p) =>
      app.begin((tx) => post(tx as Tx, { key: newKey(), kind: 'test', currency: 'usd', ...p })).then(() => undefined),
    money: async (escrowId) => (await moneyOf(app, [escrowId])).get(escrowId)!,
    balance: async (account, currency = 'usd') => {
      const rows = await app<{ amount: bigint }[]>`
        SELECT amount FROM ledger_balances WHERE account = ${account} AND currency = ${currency}`;
      return rows[0]?.amount ?? 0n;
    },
    close: async () => {
      await Promise.all([app.end({ timeout: 5 }), owner.end({ timeout: 5 })]);
      await database.drop();
    },
  };
}

/** Legs as pairs of account and amount. */
export const legsOf = (...pairs: [string, bigint][]): Leg[] => pairs.map(([account, amountMinor]) => ({ account, amountMinor })); // prettier-ignore

let transactions = 0;
/** What Stripe would say of a movement. */
export function booked(amountMinor: bigint, feeMinor = 0n, more: Partial<BalanceTransaction> = {}): BalanceTransaction {
  return { id: `txn_${process.pid}_${++transactions}`, type: 'charge', amountMinor, feeMinor, netMinor: amountMinor - feeMinor, currency: 'usd', status: 'available', availableOn: 0, createdAt: 0, sourceId: null, ...more };
} // prettier-ignore
