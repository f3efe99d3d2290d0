// Who gets which unit: a charge over its milestones, an accepted part between seller and platform, a refund back.
// Every piece is its share of what is left, so that in any order, also where a refund fails in between, the pieces of a
// milestone sum to what was charged for it.
import { assert } from './errors.ts';
import { type MilestoneState, openAmount, refundForBank, type SettledFunds } from './escrow-state.ts';
import { allocate, share, slice, toInteger, toMinor } from './money.ts';
import type { MilestoneTerms } from './terms.ts';

export interface ChargeAllocation {
  milestoneId: string;
  principal: number;
  buyerFee: number;
  sellerFee: number;
}

/**
 * Splits a captured amount (settlement currency, gross) over the milestones that it paid for, principal and buyer's fee
 * each. Without conversion the parts are the terms' own amounts.
 */
export function allocateCharge(capturedMinor: bigint, milestones: readonly MilestoneTerms[]): ChargeAllocation[] {
  const weights = milestones.flatMap((m) => [toMinor(m.amount), toMinor(m.buyerFee)]);
  const parts = allocate(capturedMinor, weights);
  return milestones.map((m, i) => {
    const principalMinor = parts[2 * i]!;
    const sellerFeeMinor = slice(principalMinor, 0n, toMinor(m.sellerFee), toMinor(m.amount));
    return {
      milestoneId: m.id,
      principal: toInteger(principalMinor),
      buyerFee: toInteger(parts[2 * i + 1]!),
      sellerFee: toInteger(sellerFeeMinor),
    };
  });
}

export interface Piece {
  /** Settlement currency. */
  principal: number;
  sellerFee: number;
  buyerFee: number;
  payable: number;
}

/** What dividing a milestone looks at: its money, and the pieces that were cut before. */
type Divided = Pick<MilestoneState, 'amount' | 'accepted' | 'refunded' | 'funds' | 'releases' | 'refunds'>;

function funds(m: Divided): SettledFunds {
  assert(m.funds !== null, 'a milestone without funds has nothing to divide');
  return m.funds;
}

const total = (parts: readonly number[]): number => parts.reduce((a, b) => a + b, 0);

/** Refunds that gave, or may still give, something back. */
const standing = (m: Divided) => m.refunds.filter((r) => r.status !== 'failed');

/**
 * The share of what is left, of the principal and of the buyer's fee. Cut from the rest, and not by its place in the whole:
 * a refund that fails gives back a piece from the middle, after which places no longer fit.
 */
function cut(m: Divided, amount: number): { principalMinor: bigint; buyerFeeMinor: bigint } {
  const f = funds(m);
  const taken = [...m.releases, ...standing(m)];
  const ofRest = (whole: number, before: number) =>
    share(toMinor(whole - before), toMinor(amount), toMinor(openAmount(m)));
  return {
    principalMinor: ofRest(f.principal, total(taken.map((p) => p.principal))),
    buyerFeeMinor: ofRest(f.buyerFee, total(taken.map((p) => p.buyerFee))),
  };
}

/** What accepting `amount` (terms' currency) of a milestone takes out of its held money. */
export function planAcceptance(m: Divided, amount: number): Piece {
  const f = funds(m);
  const { principalMinor, buyerFeeMinor } = cut(m, amount);
  // The fee due on all that was accepted so far, less what was taken of it: what is refunded pays none.
  const due = share(toMinor(f.sellerFee), toMinor(m.accepted) + toMinor(amount), toMinor(m.amount));
  const unpaid = due - toMinor(total(m.releases.map((r) => r.sellerFee)));
  // A transfer of nothing cannot be made: the last unit of a part is its seller's, and the next part makes up for it.
  const most = principalMinor > 0n ? principalMinor - 1n : 0n;
  const sellerFeeMinor = unpaid < most ? unpaid : most;
  return {
    principal: toInteger(principalMinor),
    sellerFee: toInteger(sellerFeeMinor),
    buyerFee: toInteger(buyerFeeMinor),
    payable: toInteger(principalMinor - sellerFeeMinor),
  };
}

export interface RefundPiece {
  /** What Stripe refunds, terms' currency. */
  chargeAmount: number;
  /** Settlement currency: taken from held, from the unearned fee, and what of that fee goes back. */
  principal: number;
  buyerFee: number;
  buyerFeeReturned: number;
}

/** What refunding `amount` (principal, terms' currency) of what is still held takes, and gives back. */
export function planRefund(
  m: Divided,
  buyerFeeInTerms: number,
  amount: number,
  feeReturn: 'full' | 'none',
): RefundPiece {
  const f = funds(m);
  const { principalMinor, buyerFeeMinor } = cut(m, amount);
  const buyerFee = toInteger(buyerFeeMinor);
  const returned = feeReturn === 'full';
  const converted = f.principal !== m.amount || f.buyerFee !== buyerFeeInTerms;
  return {
    // Not converted, Stripe is asked for exactly what leaves the ledger.
    chargeAmount: amount + (!returned ? 0 : converted ? feeInTerms(m, buyerFeeInTerms, amount) : buyerFee),
    principal: toInteger(principalMinor),
    buyerFee,
    buyerFeeReturned: returned ? buyerFee : 0,
  };
}

/**
 * What a bank transfer to the buyer would settle, terms' currency: the refund that waits for one, or else all that is left.
 * `amount` is principal; `toPay` what the buyer gets, with the fee that the terms give back.
 */
export function payableByBank(m: MilestoneState, feeReturn: 'full' | 'none'): { amount: number; toPay: number } {
  const owed = refundForBank(m);
  if (owed !== null) return { amount: owed.amount, toPay: owed.chargeAmount };
  const amount = openAmount(m);
  if (m.funds === null || amount === 0) return { amount: 0, toPay: 0 };
  return { amount, toPay: planRefund(m, m.funds.buyerFeeCharged, amount, feeReturn).chargeAmount };
}

/** The piece of the buyer's fee as it was charged; all refunds together never ask for more than there was. */
function feeInTerms(m: Divided, buyerFeeInTerms: number, amount: number): number {
  const from = toMinor(m.accepted) + toMinor(m.refunded);
  const piece = toInteger(slice(toMinor(buyerFeeInTerms), from, toMinor(amount), toMinor(m.amount)));
  return Math.min(piece, buyerFeeInTerms - total(standing(m).map((r) => r.chargeAmount - r.amount)));
}
