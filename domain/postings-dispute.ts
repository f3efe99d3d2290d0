// Postings of card disputes: what Stripe withdrew and gave back, and who bears what was lost.
import { account, type BalanceTransaction, type Leg, legs, stripeAccount } from './postings.ts';
import { type Debtor, ofDebtor, receivableOf, recoveryAccount } from './postings-recovery.ts';

export const disputeAccount = {
  receivable: (disputeId: string) => `dispute:${disputeId}:receivable`,
  loss: 'dispute_loss',
} as const;

/** By its sign: withdrawn, given back (whatever the status says), or a fee alone. */
export function disputeMoneyKind(bt: BalanceTransaction): 'dispute_withdrawn' | 'dispute_reinstated' | 'dispute_fee' {
  if (bt.amountMinor < 0n) return 'dispute_withdrawn';
  return bt.amountMinor > 0n ? 'dispute_reinstated' : 'dispute_fee';
}

/** One balance transaction of a dispute: the amount is receivable from its outcome, the fee an expense. */
export function disputeMoney(disputeId: string, bt: BalanceTransaction): Leg[] {
  return legs(
    { account: stripeAccount(bt), amountMinor: bt.netMinor },
    { account: disputeAccount.receivable(disputeId), amountMinor: -bt.amountMinor },
    { account: account.disputeFees, amountMinor: bt.feeMinor },
  );
}

/** What one milestone bears of a lost dispute; settlement currency. */
export interface BorneByMilestone {
  milestoneId: string;
  sellerId: string;
  heldMinor: bigint;
  feeUnearnedMinor: bigint;
  feeReturnedMinor: bigint;
  payableMinor: bigint;
  reversedMinor: bigint;
  debtMinor: bigint;
  platformMinor: bigint;
}

/** Kind `dispute_lost`. */
export function disputeLost(
  disputeId: string,
  parts: readonly BorneByMilestone[],
  unassignedMinor: bigint,
  fxMinor = 0n,
): Leg[] {
  const borne = parts.flatMap((p): Leg[] => {
    const { milestoneId, sellerId } = p;
    return [
      { account: account.held(milestoneId), amountMinor: p.heldMinor, milestoneId, sellerId },
      { account: account.feeUnearned(milestoneId), amountMinor: p.feeUnearnedMinor, milestoneId },
      { account: account.feeRevenue, amountMinor: p.feeReturnedMinor, milestoneId },
      { account: account.payable(sellerId), amountMinor: p.payableMinor, milestoneId, sellerId },
      { account: account.onHold(sellerId), amountMinor: p.reversedMinor, milestoneId, sellerId },
      { account: recoveryAccount.receivable(sellerId), amountMinor: p.debtMinor, milestoneId, sellerId },
      { account: disputeAccount.loss, amountMinor: p.platformMinor, milestoneId },
    ];
  });
  const totalMinor = borne.reduce((sum, leg) => sum + leg.amountMinor, unassignedMinor + fxMinor);
  return legs(
    ...borne,
    { account: disputeAccount.loss, amountMinor: unassignedMinor },
    { account: account.fx, amountMinor: fxMinor },
    { account: disputeAccount.receivable(disputeId), amountMinor: -totalMinor },
  );
}

/** By the terms a share of Stripe's fees is the seller's: a debt of kind `costs`. Kind `dispute_fee_passed`. */
export function disputeFeePassed(debtor: Debtor, amountMinor: bigint): Leg[] {
  return legs(
    { account: receivableOf(debtor), amountMinor, ...ofDebtor(debtor) },
    { account: account.disputeFees, amountMinor: -amountMinor, milestoneId: debtor.milestoneId },
  );
}

/** Stripe gave fees back after they were passed on: the open rest of that debt is none. Kind `dispute_fee_returned`. */
export const disputeFeeReturned = (debtor: Debtor, amountMinor: bigint): Leg[] =>
  disputeFeePassed(debtor, -amountMinor);
