// The platform's fee: rate, floor, side, rounding; and what it never takes.
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { RuleError } from '../../domain/errors.ts';
import { type FeePayer, milestoneFee } from '../../domain/fees.ts';
import { TEN_PERCENT } from './fixtures.ts';

const payer = fc.constantFrom<FeePayer>('seller', 'buyer', 'shared');
const schedule = fc.record({ id: fc.constant('fee'), vertical: fc.constant('general'), rateBps: fc.nat(5000), floor: fc.nat(500) }); // prettier-ignore

test('the two sides sum to the rated fee or the floor, rounded half up, and the seller keeps something', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 99_999_999n }), schedule, payer, (amount, s, side) => {
      const exact = Number(amount) * s.rateBps;
      const fee = BigInt(Math.max(Math.floor((exact + 5000) / 10_000), s.floor));
      try {
        const { buyerFeeMinor, sellerFeeMinor } = milestoneFee(amount, s, side);
        expect(buyerFeeMinor + sellerFeeMinor).toBe(fee);
        expect(sellerFeeMinor).toBeLessThan(amount);
        expect(buyerFeeMinor).toBeGreaterThanOrEqual(0n);
        if (side === 'seller') expect(buyerFeeMinor).toBe(0n);
        if (side === 'buyer') expect(sellerFeeMinor).toBe(0n);
        if (side === 'shared') expect([0n, 1n]).toContain(sellerFeeMinor - buyerFeeMinor);
      } catch (error) {
        if (!(error instanceof RuleError)) throw error;
        expect(error.code).toBe('fee_exceeds_amount');
        expect(side === 'buyer' ? 0n : side === 'shared' ? fee - fee / 2n : fee).toBeGreaterThanOrEqual(amount);
      }
    }),
  );
});

describe('examples', () => {
  test('rate', () => expect(milestoneFee(10_000n, TEN_PERCENT, 'seller').sellerFeeMinor).toBe(1000n));
  test('half a unit is rounded up, less is dropped', () => {
    expect(milestoneFee(105n, TEN_PERCENT, 'seller').sellerFeeMinor).toBe(11n);
    expect(milestoneFee(104n, TEN_PERCENT, 'seller').sellerFeeMinor).toBe(10n);
  });
  test('the floor takes over below it', () => {
    expect(milestoneFee(100n, { ...TEN_PERCENT, floor: 50 }, 'seller').sellerFeeMinor).toBe(50n);
    expect(milestoneFee(501n, { ...TEN_PERCENT, floor: 50 }, 'seller').sellerFeeMinor).toBe(50n);
    expect(milestoneFee(510n, { ...TEN_PERCENT, floor: 50 }, 'seller').sellerFeeMinor).toBe(51n);
  });
  test('the odd unit of a shared fee is the seller’s', () => {
    expect(milestoneFee(110n, TEN_PERCENT, 'shared')).toEqual({ buyerFeeMinor: 5n, sellerFeeMinor: 6n });
  });
  test('a floor as large as the amount is refused to the seller, taken from the buyer', () => {
    const floor = { ...TEN_PERCENT, floor: 100 };
    expect(() => milestoneFee(100n, floor, 'seller', 'milestones[0].amount')).toThrow(
      expect.objectContaining({ code: 'fee_exceeds_amount', param: 'milestones[0].amount' }),
    );
    expect(milestoneFee(100n, floor, 'buyer').buyerFeeMinor).toBe(100n);
  });
});

test('where a currency charges in multiples, both sides of the fee are such multiples', () => {
  expect(milestoneFee(10_100n, TEN_PERCENT, 'buyer', 'amount', 100n).buyerFeeMinor).toBe(1000n);
  expect(milestoneFee(10_500n, TEN_PERCENT, 'buyer', 'amount', 100n).buyerFeeMinor).toBe(1100n);
  expect(milestoneFee(13_000n, TEN_PERCENT, 'shared', 'amount', 100n)).toEqual({ buyerFeeMinor: 600n, sellerFeeMinor: 700n }); // prettier-ignore
  expect(milestoneFee(1000n, { ...TEN_PERCENT, floor: 150 }, 'seller', 'amount', 100n).sellerFeeMinor).toBe(200n);
});
