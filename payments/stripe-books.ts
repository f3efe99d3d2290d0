// Stripe's lists, a page at a time and newest first, in the one shape that reconciliation compares.
import type { Stripe } from 'stripe';
import type { BookedTransaction, BookKind, BookList, BookObject } from '../domain/reconciliation.ts';
import { PaymentsError, toPaymentsError } from './errors.ts';
import type { BookWindow, StripeJournal } from './journal.ts';
import { balanceTransaction, idOf } from './stripe-facts.ts';

const LIMIT = 100;
const SOURCE = ['source'];

export function stripeJournal(stripe: Stripe): StripeJournal {
  const lists = {
    charge: stripe.charges,
    refund: stripe.refunds,
    transfer: stripe.transfers,
    dispute: stripe.disputes,
    payout: stripe.payouts,
    topup: stripe.topups,
  } as unknown as Record<BookList, { list(params: object, options: object): Promise<RawPage>; retrieve(id: string): Promise<RawObject> }>; // prettier-ignore

  /** A reversal's transaction may name only its transfer: which reversal it was is asked. */
  async function withReversal(bt: BookedTransaction): Promise<BookedTransaction> {
    if (bt.type !== 'transfer_refund' || bt.source?.kind !== 'transfer') return bt;
    const reversals = stripe.transfers.listReversals(bt.source.id, { limit: LIMIT });
    for await (const reversal of reversals) {
      if (idOf(reversal.balance_transaction) === bt.id) return { ...bt, source: bookObject(reversal as never) };
    }
    return bt;
  }
  const booked = (raw: Stripe.BalanceTransaction): Promise<BookedTransaction> =>
    withReversal({ ...balanceTransaction(raw)!, source: sourceOf(raw.source as RawObject | string | null) });

  return {
    transactions: (window) =>
      guarded(async () => {
        const page = await stripe.balanceTransactions.list({ ...ranged(window), expand: ['data.source'] }, of(window));
        const data: BookedTransaction[] = [];
        for (const raw of page.data) data.push(await booked(raw));
        return { data, more: page.has_more };
      }),
    objects: (list, window) =>
      guarded(async () => {
        const page = await lists[list].list(ranged(window), of(window));
        return { data: page.data.map(bookObject), more: page.has_more };
      }),
    transaction: (id) => orNull(async () => booked(await stripe.balanceTransactions.retrieve(id, { expand: SOURCE }))),
    object: (list, id) => orNull(async () => bookObject(await lists[list].retrieve(id))),
  };
}

const ranged = ({ from, after }: BookWindow) => ({
  created: { gte: Math.floor(from / 1000) },
  limit: LIMIT,
  ...(after === undefined ? {} : { starting_after: after }),
});
const of = ({ account }: BookWindow) => (account === undefined ? {} : { stripeAccount: account });

async function guarded<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw toPaymentsError(error);
  }
}

async function orNull<T>(call: () => Promise<T>): Promise<T | null> {
  try {
    return await guarded(call);
  } catch (error) {
    if (error instanceof PaymentsError && error.code === 'resource_missing') return null;
    throw error;
  }
}

interface RawPage {
  data: RawObject[];
  has_more: boolean;
}

/** What the compared objects have in common. */
interface RawObject {
  id: string;
  object: string;
  status?: string | null;
  amount?: number;
  amount_captured?: number;
  currency?: string;
  created?: number;
  metadata?: Record<string, string> | null;
  charge?: string | { id: string } | null;
  payment_intent?: string | { id: string } | null;
  transfer?: string | { id: string } | null;
  balance_transaction?: string | { id: string } | null;
}

const KINDS: Record<string, BookKind> = {
  charge: 'charge',
  refund: 'refund',
  transfer: 'transfer',
  transfer_reversal: 'transfer_reversal',
  dispute: 'dispute',
  payout: 'payout',
  topup: 'topup',
};

function bookObject(raw: RawObject): BookObject {
  return {
    id: raw.id,
    kind: KINDS[raw.object] ?? 'other',
    status: raw.status ?? '',
    amountMinor: BigInt(raw.object === 'charge' ? (raw.amount_captured ?? 0) : (raw.amount ?? 0)),
    currency: raw.currency ?? '',
    createdAt: (raw.created ?? 0) * 1000,
    metadata: raw.metadata ?? {},
    chargeId: raw.object === 'charge' ? raw.id : idOf(raw.charge),
    paymentIntentId: idOf(raw.payment_intent),
    transferId: raw.object === 'transfer_reversal' ? idOf(raw.transfer) : null,
    balanceTransactionId: idOf(raw.balance_transaction),
  };
}

const sourceOf = (source: RawObject | string | null): BookObject | null =>
  source === null || typeof source === 'string' ? null : bookObject(source);
