// What a journal line looks like in each layout: our own, and the columns that NetSuite's and Sage Intacct's imports take.
import { currencyRule } from '../../domain/money.ts';
import type { JournalLine } from '../../db/journal.ts';

export interface Layout {
  header: readonly string[];
  row: (line: JournalLine, accountOf: (line: JournalLine) => string) => readonly string[];
}

/** The exact decimal of an amount, without separators: 1234 of usd is "12.34", of jpy "1234". */
export function decimal(amountMinor: bigint, currency: string): string {
  const { exponent } = currencyRule(currency);
  if (exponent === 0) return amountMinor.toString();
  const digits = (amountMinor < 0n ? -amountMinor : amountMinor).toString().padStart(exponent + 1, '0');
  return `${amountMinor < 0n ? '-' : ''}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

const debit = (line: JournalLine): string => (line.amount > 0n ? decimal(line.amount, line.currency) : '');
const credit = (line: JournalLine): string => (line.amount < 0n ? decimal(-line.amount, line.currency) : '');
/** Both imports read a date of the United States. */
const usDate = (at: Date): string => {
  const [year, month, day] = at.toISOString().slice(0, 10).split('-');
  return `${month}/${day}/${year}`;
};
const words = (line: JournalLine): string =>
  [line.kind, line.escrowId, line.balanceTransactionId].filter((part) => part !== null).join(' ');

export const LAYOUTS = {
  plain: {
    header: ['posted_at', 'transaction_id', 'leg', 'kind', 'account', 'account_class', 'currency', 'debit', 'credit', 'escrow_id', 'milestone_id', 'seller_id', 'stripe_balance_transaction_id'],
    row: (line, accountOf) => [line.postedAt.toISOString(), line.transactionId, String(line.leg), line.kind, line.account, accountOf(line), line.currency, debit(line), credit(line), line.escrowId ?? '', line.milestoneId ?? '', line.sellerId ?? '', line.balanceTransactionId ?? ''],
  },
  netsuite: {
    header: ['External ID', 'Date', 'Currency', 'Memo', 'Account', 'Debit', 'Credit', 'Line Memo'],
    row: (line, accountOf) => [line.transactionId, usDate(line.postedAt), line.currency.toUpperCase(), words(line), accountOf(line), debit(line), credit(line), line.account],
  },
  sage: {
    header: ['JOURNAL', 'DATE', 'DESCRIPTION', 'REFERENCE_NO', 'LINE_NO', 'ACCT_NO', 'DEBIT', 'CREDIT', 'CURRENCY', 'MEMO'],
    row: (line, accountOf) => ['GJ', usDate(line.postedAt), words(line), line.transactionId, String(line.leg), accountOf(line), debit(line), credit(line), line.currency.toUpperCase(), line.account],
  },
} satisfies Record<string, Layout>; // prettier-ignore

export type LayoutName = keyof typeof LAYOUTS;

/** One line of CSV as RFC 4180 has it. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')}\r\n`;
}
