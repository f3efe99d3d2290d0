// The platform's fee: a percentage of the milestone with a floor, by vertical and by side, snapshot in the terms.
import { RuleError } from './errors.ts';

export type FeePayer = 'seller' | 'buyer' | 'shared';

/** One effective-dated row of `fee_schedules`, as snapshot in the terms. */
export interface FeeSchedule {
  id: string;
  vertical: string;
  /** Basis points of the milestone's amount. */
  rateBps: number;
  /** Smallest fee per milestone, minor units of the terms' currency. */
  floor: number;
}

export interface MilestoneFee {
  sellerFeeMinor: bigint;
  buyerFeeMinor: bigint;
}

/**
 * Fee of one milestone, rounded half up to what the currency can charge (`multiple`), at least the floor. Shared: the odd
 * unit is the seller's.
 * @throws RuleError fee_exceeds_amount where the seller's side would be more than the milestone pays
 */
export function milestoneFee(
  amountMinor: bigint,
  schedule: FeeSchedule,
  payer: FeePayer,
  param = 'amount',
  multiple = 1n,
): MilestoneFee {
  const rated = (amountMinor * BigInt(schedule.rateBps) + 5000n * multiple) / (10_000n * multiple);
  const floorUnits = (BigInt(schedule.floor) + multiple - 1n) / multiple;
  const units = rated > floorUnits ? rated : floorUnits;
  const feeMinor = units * multiple;
  const buyerFeeMinor = payer === 'buyer' ? feeMinor : payer === 'shared' ? (units / 2n) * multiple : 0n;
  const sellerFeeMinor = feeMinor - buyerFeeMinor;
  if (sellerFeeMinor >= amountMinor) {
    throw new RuleError('fee_exceeds_amount', `The fee of this milestone (${feeMinor} minor units) would leave its seller nothing. Ask for a larger amount.`, param); // prettier-ignore
  }
  return { sellerFeeMinor, buyerFeeMinor };
}
