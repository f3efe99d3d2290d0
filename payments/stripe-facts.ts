// Readings of Stripe's objects that more than one adapter takes.
import type { Stripe } from 'stripe';
import type { BalanceTransaction } from '../domain/postings.ts';
import type { CurrencyBalance } from './port.ts';

/** A field that Stripe shows as an id, or in full when it was expanded. */
export type Expanded<T> = string | T | null | undefined;

export const idOf = (x: Expanded<{ id: string }>): string | null => (typeof x === 'string' ? x : (x?.id ?? null));

/** Null when Stripe has none yet, or when it was not expanded. */
export function balanceTransaction(bt: Expanded<Stripe.BalanceTransaction>): BalanceTransaction | null {
  if (bt === null || bt === undefined || typeof bt === 'string') return null;
  return {
    id: bt.id,
    type: bt.type,
    amountMinor: BigInt(bt.amount),
    feeMinor: BigInt(bt.fee),
    netMinor: BigInt(bt.net),
    currency: bt.currency,
    status: bt.status === 'pending' ? 'pending' : 'available',
    availableOn: bt.available_on * 1000,
    createdAt: bt.created * 1000,
    sourceId: idOf(bt.source as Expanded<{ id: string }>),
  };
}

/** A balance's amounts, by currency. */
export function perCurrency(b: Stripe.Balance): CurrencyBalance[] {
  const currencies = new Set([...b.available, ...b.pending].map((x) => x.currency));
  const sum = (list: { amount: number; currency: string }[], currency: string) =>
    list.filter((x) => x.currency === currency).reduce((a, x) => a + BigInt(x.amount), 0n);
  return [...currencies].map((currency) => ({
    currency,
    availableMinor: sum(b.available, currency),
    pendingMinor: sum(b.pending, currency),
  }));
}
