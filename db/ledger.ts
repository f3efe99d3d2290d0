// Posting to the ledger and reading its balances; the constraints themselves stand in migrations/0003_ledger.sql.
import type { Leg } from '../domain/postings.ts';
import type { Queryable, Sql, Tx } from './client.ts';

export interface Posting {
  /** Unique per posting; the same key with other legs is refused by the database. */
  key: string;
  kind: string;
  currency: string;
  legs: readonly Leg[];
  escrowId?: string | undefined;
  balanceTransactionId?: string | undefined;
  cause?: Record<string, string> | undefined;
}

/** Posts once per key. A posting whose legs were all zero is nothing and is not written. */
export async function post(tx: Tx, p: Posting): Promise<void> {
  if (p.legs.length === 0) return;
  const legs = p.legs.map((l) => ({
    account: l.account,
    amount: l.amountMinor.toString(),
    ...(l.escrowId === undefined ? {} : { escrow_id: l.escrowId }),
    ...(l.milestoneId === undefined ? {} : { milestone_id: l.milestoneId }),
    ...(l.sellerId === undefined ? {} : { seller_id: l.sellerId }),
  }));
  await tx`
    SELECT ledger_post(${p.key}, ${p.kind}, ${p.currency}, ${tx.json(legs)}, ${p.escrowId ?? null},
                       ${p.balanceTransactionId ?? null}, ${tx.json(p.cause ?? {})})`;
}

export const MONEY_TERMS = ['charged', 'owed', 'absorbed', 'held', 'released', 'refunded', 'charged_back', 'fees', 'tax', 'disputed'] as const; // prettier-ignore
export type MoneyTerm = (typeof MONEY_TERMS)[number];
export type Money = Record<MoneyTerm, bigint> & { currency: string | null };

/** charged + owed + absorbed = held + released + refunded + charged_back + fees + tax */
export function identityHolds(m: Record<MoneyTerm, bigint>): boolean {
  return m.charged + m.owed + m.absorbed === m.held + m.released + m.refunded + m.charged_back + m.fees + m.tax;
}

const NOTHING: Money = {
  currency: null,
  charged: 0n, owed: 0n, absorbed: 0n, held: 0n, released: 0n, refunded: 0n, charged_back: 0n, fees: 0n, tax: 0n, disputed: 0n,
}; // prettier-ignore

/** The money terms of escrows in their settlement currency, each its own ledger query; all zero before a charge. */
export async function moneyOf(sql: Queryable, escrowIds: readonly string[]): Promise<Map<string, Money>> {
  const rows = await sql<
    (Money & { escrow_id: string })[]
  >`SELECT * FROM escrow_money WHERE escrow_id IN ${sql(['', ...escrowIds])}`;
  const found = new Map(rows.map(({ escrow_id, ...money }) => [escrow_id, money as Money]));
  return new Map(escrowIds.map((id) => [id, found.get(id) ?? NOTHING]));
}

export interface LedgerLine {
  transaction_id: string;
  kind: string;
  account: string;
  account_class: string;
  currency: string;
  amount: bigint;
  milestone_id: string | null;
  created_at: Date;
}

const HELD = ['charge_clearing', 'held', 'fee_unearned', 'payable', 'on_hold'];

/** What one entry adds to a money term: the view `escrow_money` line by line. 0n: nothing. */
export function contribution({ kind, account_class: of, amount }: Pick<LedgerLine, 'kind' | 'account_class' | 'amount'>, term: MoneyTerm): bigint {
  const within = (yes: boolean, value: bigint) => (yes ? value : 0n);
  switch (term) {
    case 'charged':
      return within(of === 'charge_clearing' && kind === 'charge_captured', -amount);
    case 'owed':
      return within(of === 'receivable', amount);
    case 'absorbed':
      return within(['dispute_loss', 'bad_debt', 'fx'].includes(of), amount);
    case 'held':
      return within(HELD.includes(of), -amount);
    case 'released':
      return within((kind === 'transfer' && of === 'payable') || (['transfer_reversed', 'transferred_again'].includes(kind) && of === 'on_hold') || (kind === 'debt_recovered' && ['payable', 'receivable'].includes(of)), amount);
    case 'refunded':
      return within(of === 'refund_clearing' && ['refund_asked', 'refund_undone'].includes(kind), -amount) + within(of === 'fx' && ['refund_settled', 'refund_returned'].includes(kind), amount);
    case 'charged_back':
      return within(of === 'dispute_receivable' && kind === 'dispute_lost', -amount);
    case 'fees':
      return within(of === 'fee_revenue', -amount);
    case 'tax':
      return within(of === 'tax', -amount);
    case 'disputed':
      return within(of === 'dispute_receivable', amount);
  }
} // prettier-ignore

/** Every ledger entry of one escrow, in the order in which it was posted. */
export async function entriesOf(sql: Sql, escrowId: string): Promise<LedgerLine[]> {
  return sql<LedgerLine[]>`
    SELECT e.transaction_id, e.kind, e.account, e.account_class, e.currency, e.amount, e.milestone_id, t.created_at
    FROM ledger_entries e JOIN ledger_transactions t ON t.id = e.transaction_id
    WHERE e.escrow_id = ${escrowId} ORDER BY t.created_at, t.id, e.leg`;
}

/**
 * The guard that a posting or reservation ran into, where the money that it would move has gone another way (a bank took it):
 * an answer, because no repetition brings it back. Null: another error.
 */
export function overdrawn(error: unknown): 'not_overdrawn' | 'charge_not_overdrawn' | null {
  const name = (error as { constraint_name?: string }).constraint_name;
  return name === 'not_overdrawn' || name === 'charge_not_overdrawn' ? name : null;
}
