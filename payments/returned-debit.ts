// A bank debit that comes back after it had succeeded, read as what it is to the books: a dispute that is lost already.
import type { DisputeFacts, FailedChargeFacts } from './port.ts';

/** Null where the charge took nothing back: an attempt that failed at once, or a shape that is not known. */
export function returnedDebit(charge: FailedChargeFacts): DisputeFacts | null {
  const bt = charge.failureBalanceTransaction;
  if (charge.status !== 'failed' || bt === null || bt.amountMinor >= 0n) return null;
  return {
    id: charge.id,
    chargeId: charge.id,
    status: 'lost',
    reason: charge.failureCode ?? 'debit_returned',
    // Of a converted charge only the whole is known in its own currency.
    amountMinor: bt.currency === charge.currency ? -bt.amountMinor : charge.amountMinor,
    currency: charge.currency,
    dueAt: null,
    createdAt: bt.createdAt,
    submissions: 0,
    metadata: {},
    balanceTransactions: [bt],
  };
}
