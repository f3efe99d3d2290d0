// Whose loss a lost chargeback is: the milestones that the buyer named, else pro rata over that charge and no other; of each
// seller's share unreleased money first, then what was released.
import { allocate, share } from './money.ts';

/** What a milestone still has of the charge; settlement currency. */
export interface MilestoneMoney {
  milestoneId: string;
  sellerId: string;
  heldMinor: bigint;
  feeUnearnedMinor: bigint;
  /** Went to its seller, or is payable to them: everything accepted less the fee. */
  paidMinor: bigint;
  /** Earned by the platform on it. */
  feeEarnedMinor: bigint;
}

export interface MilestoneLoss {
  milestoneId: string;
  sellerId: string;
  heldMinor: bigint;
  feeUnearnedMinor: bigint;
  feeReturnedMinor: bigint;
  /** What its seller gives of released money: by a reversal, the rest as a debt. */
  fromSellerMinor: bigint;
  /** Released, and the platform's by the terms. */
  platformMinor: bigint;
}

export interface LossPlan {
  parts: MilestoneLoss[];
  /** More than the charge still had: refunds that the bank did not see, or the day's exchange rate. The platform's. */
  unassignedMinor: bigint;
}

export interface LossTerms {
  feeReturn: 'full' | 'none';
  chargebackLoss: 'seller' | 'platform';
}

const wholeOf = (m: MilestoneMoney): bigint => m.heldMinor + m.feeUnearnedMinor + m.paidMinor + m.feeEarnedMinor;
const sumOf = (of: readonly MilestoneMoney[]): bigint => of.reduce((sum, m) => sum + wholeOf(m), 0n);
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** Divides a lost amount. Every part is at most what its milestone has; parts and the unassigned rest sum to the loss. */
export function planLoss(
  lostMinor: bigint,
  milestones: readonly MilestoneMoney[],
  named: readonly string[],
  terms: LossTerms,
): LossPlan {
  const first = milestones.filter((m) => named.length === 0 || named.includes(m.milestoneId));
  const others = milestones.filter((m) => !first.includes(m));
  const onFirst = least(lostMinor, sumOf(first));
  const onOthers = least(lostMinor - onFirst, sumOf(others));
  const parts = [...over(first, onFirst), ...over(others, onOthers)].map(([m, minor]) => lossOf(m, minor, terms));
  return { parts, unassignedMinor: lostMinor - onFirst - onOthers };
}

function over(milestones: readonly MilestoneMoney[], minor: bigint): [MilestoneMoney, bigint][] {
  if (minor === 0n) return [];
  const shares = allocate(minor, milestones.map(wholeOf));
  return milestones.flatMap((m, i): [MilestoneMoney, bigint][] => (shares[i]! > 0n ? [[m, shares[i]!]] : []));
}

function lossOf(m: MilestoneMoney, minor: bigint, terms: LossTerms): MilestoneLoss {
  const unreleased = m.heldMinor + m.feeUnearnedMinor;
  const fromUnreleased = least(minor, unreleased);
  const heldMinor = unreleased === 0n ? 0n : share(m.heldMinor, fromUnreleased, unreleased);
  const fromReleased = minor - fromUnreleased;
  const released = m.paidMinor + m.feeEarnedMinor;
  const feeReturnedMinor =
    terms.feeReturn === 'none' || released === 0n ? 0n : share(m.feeEarnedMinor, fromReleased, released);
  const rest = fromReleased - feeReturnedMinor;
  const platform = terms.chargebackLoss === 'platform';
  return {
    milestoneId: m.milestoneId,
    sellerId: m.sellerId,
    heldMinor,
    feeUnearnedMinor: fromUnreleased - heldMinor,
    feeReturnedMinor,
    fromSellerMinor: platform ? 0n : rest,
    platformMinor: platform ? rest : 0n,
  };
}

/** What Stripe's word of a dispute means here; a word that is not known is a person's to read. */
export type DisputePhase = 'inquiry' | 'inquiry_review' | 'open' | 'review' | 'won' | 'lost' | 'lifted' | 'unknown';

const PHASES: Readonly<Record<string, DisputePhase>> = {
  warning_needs_response: 'inquiry',
  warning_under_review: 'inquiry_review',
  warning_closed: 'lifted',
  needs_response: 'open',
  under_review: 'review',
  won: 'won',
  lost: 'lost',
  prevented: 'lifted',
};

export const phaseOf = (status: string): DisputePhase => PHASES[status] ?? 'unknown';

/** Stripe's words for a refund of a charge that a bank is at: an answer, and no failure. */
export const REFUSED_BY_DISPUTE: ReadonlySet<string> = new Set([
  'charge_disputed',
  'refund_disputed_payment',
  'charge_for_pending_refund_disputed',
]);

/** Chance to win and the price of trying, as stated assumptions: our own pack is sent where it is worth it. */
export const WIN_CHANCE_PERCENT = 30n;
export const COUNTER_FEE_MINOR = 1500n;

export const worthDefending = (amountMinor: bigint): boolean =>
  amountMinor * WIN_CHANCE_PERCENT > COUNTER_FEE_MINOR * 100n;
