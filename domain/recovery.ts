// Who pays what when released money goes back: the piece of each released part, the seller's share of it, the fee by policy.
import { share, toInteger, toMinor } from './money.ts';

/** What is left of a released part and what it was; amounts in the settlement currency but for `amount`. */
export interface ReleasedPart {
  part: number;
  amountMinor: bigint;
  principalMinor: bigint;
  sellerFeeMinor: bigint;
  buyerFeeMinor: bigint;
}

/** The piece of a part that is taken back: its share of what is left, so that all pieces sum to the whole. */
export function pieceOf(left: ReleasedPart, amountMinor: bigint): ReleasedPart {
  const of = (whole: bigint) => share(whole, amountMinor, left.amountMinor);
  return {
    part: left.part,
    amountMinor,
    principalMinor: of(left.principalMinor),
    sellerFeeMinor: of(left.sellerFeeMinor),
    buyerFeeMinor: of(left.buyerFeeMinor),
  };
}

/** Takes `amountMinor` (terms' currency) from the newest parts first. Null: there is not as much left. */
export function takeFrom(parts: readonly ReleasedPart[], amountMinor: bigint): ReleasedPart[] | null {
  const pieces: ReleasedPart[] = [];
  let wanted = amountMinor;
  for (const left of [...parts].sort((a, b) => b.part - a.part)) {
    const amount = left.amountMinor < wanted ? left.amountMinor : wanted;
    if (amount > 0n) pieces.push(pieceOf(left, amount));
    wanted -= amount;
  }
  return wanted > 0n ? null : pieces;
}

/** As it crosses to the workflow. */
export interface RecoveryPlan {
  /** Principal, terms' currency. */
  amount: number;
  /** What Stripe is asked to refund, terms' currency. */
  chargeAmount: number;
  /** Settlement currency: what the seller gives, what the platform gives of its fees, and the sum. */
  fromSeller: number;
  feeReturned: number;
  toBuyer: number;
  /** Principal released and not taken back after this, terms' currency. */
  left: number;
}

export interface RecoveryTerms {
  feeReturn: 'full' | 'none';
  /** Of the milestone, terms' currency. */
  milestoneAmount: number;
  buyerFee: number;
  /** The charge settles in another currency than the terms'. */
  converted: boolean;
}

/**
 * By policy `full` the platform gives its fees back: the seller gives only what was received, the buyer gets the buyer's
 * fee too. By `none` the fees stay earned: the buyer gets the price, and the seller gives all of it.
 */
export function planRecovery(pieces: readonly ReleasedPart[], leftMinor: bigint, terms: RecoveryTerms): RecoveryPlan {
  const sum = (pick: (p: ReleasedPart) => bigint) => pieces.reduce((a, p) => a + pick(p), 0n);
  const amount = sum((p) => p.amountMinor);
  const principal = sum((p) => p.principalMinor);
  const full = terms.feeReturn === 'full';
  const buyerFee = full ? sum((p) => p.buyerFeeMinor) : 0n;
  const sellerFee = full ? sum((p) => p.sellerFeeMinor) : 0n;
  const feeInTerms = full ? share(toMinor(terms.buyerFee), amount, toMinor(terms.milestoneAmount)) : 0n;
  return {
    amount: toInteger(amount),
    // Not converted, Stripe is asked for exactly what leaves the ledger.
    chargeAmount: toInteger(terms.converted ? amount + feeInTerms : principal + buyerFee),
    fromSeller: toInteger(principal - sellerFee),
    feeReturned: toInteger(sellerFee + buyerFee),
    toBuyer: toInteger(principal + buyerFee),
    left: toInteger(leftMinor),
  };
}

/** A refund that came back after its escrow's end: its pieces in settlement currency, and what the buyer is to get in the terms'. */
export interface OwedRefund {
  amount: bigint;
  principal: bigint;
  buyer_fee: bigint;
  buyer_fee_returned: bigint;
}

/**
 * What a lost dispute takes of a milestone's money that lies there for refunds that came back, in their order: the buyer has so
 * much from the bank. Answers what is left of each that it touches; an amount of 0: nothing.
 */
export function takeOfOwed<F extends OwedRefund>(
  owed: readonly F[],
  taken: { heldMinor: bigint; feeUnearnedMinor: bigint },
): { of: F; left: OwedRefund }[] {
  const least = (a: bigint, b: bigint) => (a < b ? a : b);
  let { heldMinor, feeUnearnedMinor } = taken;
  return owed.flatMap((of) => {
    const [principal, fee] = [least(of.principal, heldMinor), least(of.buyer_fee, feeUnearnedMinor)];
    if (principal + fee === 0n) return [];
    heldMinor -= principal;
    feeUnearnedMinor -= fee;
    const left = { principal: of.principal - principal, buyer_fee: of.buyer_fee - fee, buyer_fee_returned: least(of.buyer_fee_returned, of.buyer_fee - fee) }; // prettier-ignore
    const amount = share(of.amount, left.principal + left.buyer_fee_returned, of.principal + of.buyer_fee_returned);
    return [{ of, left: { ...left, amount } }];
  });
}
