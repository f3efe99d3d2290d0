// Double-entry postings of every event, as legs: debit positive, credit negative, always summing to zero per currency.
import { assert } from './errors.ts';

export interface Leg {
  account: string;
  /** Minor units; debit positive, credit negative; never zero. */
  amountMinor: bigint;
  /** Where it is another escrow's than the posting's. */
  escrowId?: string | undefined;
  milestoneId?: string | undefined;
  sellerId?: string | undefined;
}

/** Every account of the ledger by its name; the class decides where its balance is kept and which side is normal. */
export const account = {
  stripePending: 'stripe:pending',
  stripeAvailable: 'stripe:available',
  stripeFees: 'stripe_fees',
  feeRevenue: 'fee_revenue',
  disputeFees: 'dispute_fees',
  fx: 'fx',
  unexplained: 'unexplained',
  platformFloat: 'platform_float',
  bankInTransit: 'bank:in_transit',
  charge: (paymentId: string) => `charge:${paymentId}`,
  refund: (refundId: string) => `refund:${refundId}`,
  held: (milestoneId: string) => `milestone:${milestoneId}:held`,
  feeUnearned: (milestoneId: string) => `milestone:${milestoneId}:fee_unearned`,
  payable: (sellerId: string) => `seller:${sellerId}:payable`,
  onHold: (sellerId: string) => `seller:${sellerId}:on_hold`,
} as const;

/** What Stripe's balance transaction says of one movement: amount and fee in its own currency, signed as Stripe signs. */
export interface BalanceTransaction {
  id: string;
  type: string;
  amountMinor: bigint;
  feeMinor: bigint;
  netMinor: bigint;
  currency: string;
  status: 'available' | 'pending';
  /** Milliseconds. */
  availableOn: number;
  createdAt: number;
  sourceId: string | null;
}

export const stripeAccount = (bt: BalanceTransaction) =>
  bt.status === 'pending' ? account.stripePending : account.stripeAvailable;

/** Drops zero legs and proves the sum. */
export function legs(...parts: Leg[]): Leg[] {
  const kept = parts.filter((l) => l.amountMinor !== 0n);
  const sum = kept.reduce((a, l) => a + l.amountMinor, 0n);
  assert(sum === 0n, `a posting must sum to zero, this one sums to ${sum}`);
  return kept;
}

/** Charge captured: Stripe's balance rises by the net, the fee is an expense, the gross waits in charge clearing. */
export function chargeCaptured(paymentId: string, bt: BalanceTransaction): Leg[] {
  return legs(
    { account: stripeAccount(bt), amountMinor: bt.netMinor },
    { account: account.stripeFees, amountMinor: bt.feeMinor },
    { account: account.charge(paymentId), amountMinor: -bt.amountMinor },
  );
}

export interface AllocatedMilestone {
  milestoneId: string;
  sellerId: string;
  principalMinor: bigint;
  buyerFeeMinor: bigint;
}

/** The charge is given to the milestones that it pays for. */
export function chargeAllocated(paymentId: string, parts: readonly AllocatedMilestone[]): Leg[] {
  const total = parts.reduce((a, p) => a + p.principalMinor + p.buyerFeeMinor, 0n);
  return legs(
    { account: account.charge(paymentId), amountMinor: total },
    ...parts.flatMap((p): Leg[] => [
      {
        account: account.held(p.milestoneId),
        amountMinor: -p.principalMinor,
        milestoneId: p.milestoneId,
        sellerId: p.sellerId,
      },
      { account: account.feeUnearned(p.milestoneId), amountMinor: -p.buyerFeeMinor, milestoneId: p.milestoneId },
    ]),
  );
}

export interface AcceptedPiece {
  milestoneId: string;
  sellerId: string;
  principalMinor: bigint;
  sellerFeeMinor: bigint;
  buyerFeeMinor: bigint;
}

/** A part was accepted: held becomes the seller's payable less the seller's fee, and both sides' fees are earned. */
export function partAccepted(p: AcceptedPiece): Leg[] {
  const { milestoneId, sellerId } = p;
  return legs(
    { account: account.held(milestoneId), amountMinor: p.principalMinor, milestoneId, sellerId },
    { account: account.feeUnearned(milestoneId), amountMinor: p.buyerFeeMinor, milestoneId },
    { account: account.payable(sellerId), amountMinor: -(p.principalMinor - p.sellerFeeMinor), milestoneId, sellerId },
    { account: account.feeRevenue, amountMinor: -(p.sellerFeeMinor + p.buyerFeeMinor), milestoneId },
  );
}

/** The seller's payable left Stripe's balance by a transfer. */
export function transferCreated(milestoneId: string, sellerId: string, bt: BalanceTransaction): Leg[] {
  return legs(
    { account: account.payable(sellerId), amountMinor: -bt.amountMinor, milestoneId, sellerId },
    { account: stripeAccount(bt), amountMinor: bt.netMinor, milestoneId },
    { account: account.stripeFees, amountMinor: bt.feeMinor, milestoneId },
  );
}

export interface RefundedPiece {
  refundId: string;
  milestoneId: string;
  sellerId: string;
  principalMinor: bigint;
  buyerFeeMinor: bigint;
  buyerFeeReturnedMinor: bigint;
}

/** A refund of held money was asked for: it waits in refund clearing for Stripe's balance transaction. */
export function refundAsked(p: RefundedPiece): Leg[] {
  const { milestoneId, sellerId } = p;
  return legs(
    { account: account.held(milestoneId), amountMinor: p.principalMinor, milestoneId, sellerId },
    { account: account.feeUnearned(milestoneId), amountMinor: p.buyerFeeMinor, milestoneId },
    { account: account.feeRevenue, amountMinor: -(p.buyerFeeMinor - p.buyerFeeReturnedMinor), milestoneId },
    { account: account.refund(p.refundId), amountMinor: -(p.principalMinor + p.buyerFeeReturnedMinor), milestoneId },
  );
}

/** A refund of a charge that was never allocated. */
export function unallocatedRefundAsked(paymentId: string, refundId: string, amountMinor: bigint): Leg[] {
  return legs(
    { account: account.charge(paymentId), amountMinor },
    { account: account.refund(refundId), amountMinor: -amountMinor },
  );
}

/** Stripe's balance transaction of the refund; what the day's exchange rate made of it more or less is fx. */
export function refundSettled(
  refundId: string,
  askedMinor: bigint,
  bt: BalanceTransaction,
  milestoneId?: string,
): Leg[] {
  const paidMinor = -bt.amountMinor;
  return legs(
    { account: account.refund(refundId), amountMinor: askedMinor, milestoneId },
    { account: account.fx, amountMinor: paidMinor - askedMinor, milestoneId },
    { account: account.stripeFees, amountMinor: bt.feeMinor, milestoneId },
    { account: stripeAccount(bt), amountMinor: bt.netMinor, milestoneId },
  );
}

/** The exact inverse of a posting, for a refund that failed or was cancelled. */
export function inverse(of: readonly Leg[]): Leg[] {
  return of.map((l) => ({ ...l, amountMinor: -l.amountMinor }));
}

/** Money that was pending became available. */
export function matured(netMinor: bigint): Leg[] {
  return legs(
    { account: account.stripeAvailable, amountMinor: netMinor },
    { account: account.stripePending, amountMinor: -netMinor },
  );
}

/** The platform's own money in Stripe's balance: fees and first refunds are paid out of it. */
export function toppedUp(bt: BalanceTransaction): Leg[] {
  return legs(
    { account: stripeAccount(bt), amountMinor: bt.netMinor },
    { account: account.stripeFees, amountMinor: bt.feeMinor },
    { account: account.platformFloat, amountMinor: -bt.amountMinor },
  );
}

/** Stripe moved something that the product has no name for: it is posted, and a person looks. */
export function unexplained(bt: BalanceTransaction): Leg[] {
  return legs(
    { account: stripeAccount(bt), amountMinor: bt.netMinor },
    { account: account.stripeFees, amountMinor: bt.feeMinor },
    { account: account.unexplained, amountMinor: -bt.amountMinor },
  );
}
