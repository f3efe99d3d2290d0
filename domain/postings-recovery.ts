// Postings of money that was released and comes back: reversals, refunds after release, sellers' debts and their end.
import { account, type BalanceTransaction, type Leg, legs, stripeAccount } from './postings.ts';

/** Accounts that only recovery touches. */
export const recoveryAccount = {
  receivable: (sellerId: string) => `seller:${sellerId}:receivable`,
  costsReceivable: (sellerId: string) => `seller:${sellerId}:costs_receivable`,
  bank: 'bank',
  badDebt: 'bad_debt',
} as const;

interface OfSeller {
  milestoneId: string;
  sellerId: string;
}

/** A transfer came back, whole or in part: it waits on hold for what it was taken back for. Kind `transfer_reversed`. */
export function transferReversed({ milestoneId, sellerId }: OfSeller, bt: BalanceTransaction): Leg[] {
  return legs(
    { account: stripeAccount(bt), amountMinor: bt.netMinor, milestoneId },
    { account: account.stripeFees, amountMinor: bt.feeMinor, milestoneId },
    { account: account.onHold(sellerId), amountMinor: -bt.amountMinor, milestoneId, sellerId },
  );
}

/** What was on hold went to its seller again. Kind `transferred_again`. */
export function transferredAgain({ milestoneId, sellerId }: OfSeller, bt: BalanceTransaction): Leg[] {
  return legs(
    { account: account.onHold(sellerId), amountMinor: -bt.amountMinor, milestoneId, sellerId },
    { account: stripeAccount(bt), amountMinor: bt.netMinor, milestoneId },
    { account: account.stripeFees, amountMinor: bt.feeMinor, milestoneId },
  );
}

export interface ReleasedRefund extends OfSeller {
  refundId: string;
  /** Taken back from the seller. */
  reversedMinor: bigint;
  /** What the seller's balance did not cover: owed from now on. */
  shortfallMinor: bigint;
  /** Fees of both sides that go back by the terms' policy. */
  feeReturnedMinor: bigint;
}

/** A refund of released money was asked for: the seller's first, the platform's fee by policy. Kind `refund_asked`. */
export function releasedRefundAsked(r: ReleasedRefund): Leg[] {
  const { milestoneId, sellerId } = r;
  return legs(
    { account: account.onHold(sellerId), amountMinor: r.reversedMinor, milestoneId, sellerId },
    { account: recoveryAccount.receivable(sellerId), amountMinor: r.shortfallMinor, milestoneId, sellerId },
    { account: account.feeRevenue, amountMinor: r.feeReturnedMinor, milestoneId },
    {
      account: account.refund(r.refundId),
      amountMinor: -(r.reversedMinor + r.shortfallMinor + r.feeReturnedMinor),
      milestoneId,
    },
  );
}

/** What became of a debt before the refund that opened it failed. */
export interface DebtSoFar {
  recoveredMinor: bigint;
  writtenOffMinor: bigint;
}

/**
 * That refund failed. Where nothing happened to its debt, the exact inverse of the asking; what was meanwhile recovered
 * of a debt that is none goes on hold with the rest, to be paid again. Kind `refund_undone`.
 */
export function releasedRefundUndone(r: ReleasedRefund, debt: DebtSoFar): Leg[] {
  const { milestoneId, sellerId } = r;
  const openMinor = r.shortfallMinor - debt.recoveredMinor - debt.writtenOffMinor;
  return legs(
    {
      account: account.onHold(sellerId),
      amountMinor: -(r.reversedMinor + debt.recoveredMinor),
      milestoneId,
      sellerId,
    },
    { account: recoveryAccount.receivable(sellerId), amountMinor: -openMinor, milestoneId, sellerId },
    { account: recoveryAccount.badDebt, amountMinor: -debt.writtenOffMinor, milestoneId, sellerId },
    { account: account.feeRevenue, amountMinor: -r.feeReturnedMinor, milestoneId },
    {
      account: account.refund(r.refundId),
      amountMinor: r.reversedMinor + r.shortfallMinor + r.feeReturnedMinor,
      milestoneId,
    },
  );
}

/** `principal`: money of a charge that went to a seller and must come back. `costs`: fees that the terms pass on. */
export type DebtKind = 'principal' | 'costs';

export interface Debtor extends OfSeller {
  kind: DebtKind;
  /** Escrow from which the debt is. */
  escrowId: string;
}

export const receivableOf = (debtor: Pick<Debtor, 'kind' | 'sellerId'>): string =>
  debtor.kind === 'costs'
    ? recoveryAccount.costsReceivable(debtor.sellerId)
    : recoveryAccount.receivable(debtor.sellerId);

/** The dimensions of a leg that is about it. */
export const ofDebtor = ({ escrowId, milestoneId, sellerId }: Debtor) => ({ escrowId, milestoneId, sellerId });

/** A debt taken out of what the same seller is paid in another escrow: each leg its own escrow's. Kind `debt_recovered`. */
export function debtRecovered(
  paying: { escrowId: string; milestoneId: string },
  debtor: Debtor,
  amountMinor: bigint,
): Leg[] {
  const { sellerId } = debtor;
  return legs(
    { account: account.payable(sellerId), amountMinor, ...paying, sellerId },
    { account: receivableOf(debtor), amountMinor: -amountMinor, ...ofDebtor(debtor) },
  );
}

/** The seller paid a debt by bank transfer. Kind `debt_recovered`. */
export function debtRepaid(debtor: Debtor, amountMinor: bigint): Leg[] {
  return legs(
    { account: recoveryAccount.bank, amountMinor, ...ofDebtor(debtor) },
    { account: receivableOf(debtor), amountMinor: -amountMinor, ...ofDebtor(debtor) },
  );
}

/**
 * Nobody will pay it any more: the platform bears it. Costs go back to where they came from, so that the money identity, of
 * which they are no part, does not see them. Kind `written_off`.
 */
export function debtWrittenOff(debtor: Debtor, amountMinor: bigint): Leg[] {
  return legs(
    {
      account: debtor.kind === 'costs' ? account.disputeFees : recoveryAccount.badDebt,
      amountMinor,
      ...ofDebtor(debtor),
    },
    { account: receivableOf(debtor), amountMinor: -amountMinor, ...ofDebtor(debtor) },
  );
}

/**
 * A refund that Stripe could not bring to the buyer was paid from the platform's bank; what Stripe sent back stays in the
 * balance. Kind `refund_paid_by_bank`.
 */
export function refundPaidByBank(refundId: string, amountMinor: bigint, milestoneId?: string): Leg[] {
  return legs(
    { account: account.refund(refundId), amountMinor, milestoneId },
    { account: recoveryAccount.bank, amountMinor: -amountMinor, milestoneId },
  );
}
