// Whose loss a lost chargeback is: the milestones that the buyer named, else pro rata over that charge and no other; of each
// seller's share unreleased money first, then what was released.
import { allocate, share } from './money.ts';

/** What a milestone still has of the charge; settlement currency. */
export interface MilestoneMoney {
  milestoneId: string;
  sellerId: string;
  heldMinor: bigint;
  feeUnearnedMinor: bigint;
  /** Accepted less the fee, and not transferred yet. */
  payableMinor: bigint;
  /** Went to its seller: transferred, or taken for the seller's debts. */
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
  /** Accepted and not transferred: taken before anything is reversed or owed. */
  payableMinor: bigint;
  /** What its seller gives of released money: by a reversal, the rest as a debt. */
  fromSellerMinor: bigint;
  /** Accepted, and the platform's by the terms. */
  platformMinor: bigint;
  /** Of what was transferred with its fees: how much the buyer got back. */
  ofTransferredMinor: bigint;
}

export interface LossPlan {
  parts: MilestoneLoss[];
  /** More than the charge still had: refunds that the bank did not see, or the day's exchange rate. The platform's. */
  unassignedMinor: bigint;
}

/** What a dispute concerns, to tell the day's exchange rate from the loss. Amounts: the charge's currency, then settlement. */
export interface ConvertedLoss {
  chargeMinor: bigint;
  disputedMinor: bigint;
  capturedMinor: bigint;
  withdrawnMinor: bigint;
  /** Withdrawn and not given back. */
  openMinor: bigint;
}

/**
 * A converted charge is disputed at the day's rate. The milestones lose their share at the rate of their charge; what the
 * bank took more, or less, is `fx` and the platform's.
 */
export function atChargeRate(c: ConvertedLoss): { lostMinor: bigint; fxMinor: bigint } {
  if (c.withdrawnMinor === 0n) return { lostMinor: c.openMinor, fxMinor: 0n };
  const disputed = share(c.capturedMinor, least(c.disputedMinor, c.chargeMinor), c.chargeMinor);
  const lostMinor = share(disputed, least(c.openMinor, c.withdrawnMinor), c.withdrawnMinor);
  return { lostMinor, fxMinor: c.openMinor - lostMinor };
}

/** All that falls on a milestone, whoever bears it. */
export const wholeLoss = (p: MilestoneLoss): bigint =>
  p.heldMinor + p.feeUnearnedMinor + p.feeReturnedMinor + p.payableMinor + p.fromSellerMinor + p.platformMinor;

/** Stripe's fees of a lost dispute, share by share of the loss; what no milestone lost bears its share too, the platform's. */
export function shareFees(
  feesMinor: bigint,
  plan: LossPlan,
): { milestoneId: string; sellerId: string; minor: bigint }[] {
  const weights = [...plan.parts.map(wholeLoss), plan.unassignedMinor];
  const nothing = feesMinor <= 0n || weights.every((w) => w === 0n);
  const shares = nothing ? weights.map(() => 0n) : allocate(feesMinor, weights);
  return plan.parts.map(({ milestoneId, sellerId }, i) => ({ milestoneId, sellerId, minor: shares[i]! }));
}

export interface LossTerms {
  feeReturn: 'full' | 'none';
  chargebackLoss: 'seller' | 'platform';
}

const wholeOf = (m: MilestoneMoney): bigint =>
  m.heldMinor + m.feeUnearnedMinor + m.payableMinor + m.paidMinor + m.feeEarnedMinor;
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
  const fromAccepted = minor - fromUnreleased;
  const feeOnPayable = feeOf(m, m.payableMinor);
  const ofPayableMinor = least(fromAccepted, m.payableMinor + feeOnPayable);
  const ofTransferredMinor = fromAccepted - ofPayableMinor;
  const returned = (part: bigint, fee: bigint, whole: bigint) =>
    terms.feeReturn === 'none' || whole === 0n ? 0n : share(fee, part, whole);
  const feeOnTransferred = m.feeEarnedMinor - feeOnPayable;
  const payableFee = returned(ofPayableMinor, feeOnPayable, m.payableMinor + feeOnPayable);
  const transferredFee = returned(ofTransferredMinor, feeOnTransferred, m.paidMinor + feeOnTransferred);
  const platform = terms.chargebackLoss === 'platform';
  const rest = fromAccepted - payableFee - transferredFee;
  const payableMinor = platform ? 0n : least(ofPayableMinor - payableFee, m.payableMinor);
  return {
    milestoneId: m.milestoneId,
    sellerId: m.sellerId,
    heldMinor,
    feeUnearnedMinor: fromUnreleased - heldMinor,
    feeReturnedMinor: payableFee + transferredFee,
    payableMinor,
    fromSellerMinor: platform ? 0n : rest - payableMinor,
    platformMinor: platform ? rest : 0n,
    ofTransferredMinor,
  };
}

/** Fees are earned over everything accepted: this part's share of them. */
const feeOf = (m: MilestoneMoney, part: bigint): bigint =>
  part === 0n ? 0n : share(m.feeEarnedMinor, part, m.payableMinor + m.paidMinor);

/** What was transferred of a milestone, with its fees. */
export const transferredWhole = (m: MilestoneMoney): bigint =>
  m.paidMinor + m.feeEarnedMinor - feeOf(m, m.payableMinor);

/**
 * A bank debit that the bank returns after it succeeded is no dispute at Stripe. Here it is one that is lost already: its row
 * stands under the charge's id in place of a dispute's.
 */
export const isReturnedDebit = (dispute: { stripe_dispute_id: string; charge_id: string }): boolean =>
  dispute.stripe_dispute_id === dispute.charge_id;

/** What Stripe's word of a dispute means here; a word that is not known is a person's to read. */
export type DisputePhase =
  'inquiry' | 'inquiry_review' | 'open' | 'review' | 'appeal' | 'appeal_review' | 'won' | 'lost' | 'lifted' | 'unknown';

const PHASES: Readonly<Record<string, DisputePhase>> = {
  warning_needs_response: 'inquiry',
  warning_under_review: 'inquiry_review',
  warning_closed: 'lifted',
  needs_response: 'open',
  under_review: 'review',
  // A decision that is no longer the last one: the money stays where it is, and whether to appeal is a person's.
  appeal_needs_response: 'appeal',
  appeal_under_review: 'appeal_review',
  won: 'won',
  lost: 'lost',
  prevented: 'lifted',
};

export const phaseOf = (status: string): DisputePhase => PHASES[status] ?? 'unknown';

/** Nothing more is waited for, unless the bank speaks again. */
export const isFinal = (phase: DisputePhase): phase is 'won' | 'lost' | 'lifted' =>
  phase === 'won' || phase === 'lost' || phase === 'lifted';

/** The bank has the money, and somebody's word is still to come. */
export const isUndecided = (phase: DisputePhase): boolean =>
  phase === 'open' || phase === 'review' || phase === 'appeal' || phase === 'appeal_review';

/** How often a dispute was decided: a bank may take its decision back, and each time everything is told anew. */
export interface Decided {
  round: number;
  /** The last final word; null while the present round goes on. */
  last: DisputePhase | null;
}

export function nextDecided(known: Decided | undefined, phase: DisputePhase): Decided {
  const before = known ?? { round: 1, last: null };
  const again = before.last !== null && before.last !== phase;
  return { round: before.round + (again ? 1 : 0), last: isFinal(phase) ? phase : again ? null : before.last };
}

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
