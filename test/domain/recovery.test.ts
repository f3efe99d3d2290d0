// Released money that goes back: in any number of pieces it sums to what was released, and each posting of it balances.
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Leg } from '../../domain/postings.ts';
import { debtRecovered, debtRepaid, debtWrittenOff, releasedRefundAsked, releasedRefundUndone } from '../../domain/postings-recovery.ts'; // prettier-ignore
import { planRecovery, type ReleasedPart, takeFrom } from '../../domain/recovery.ts';

const minor = fc.bigInt({ min: 0n, max: 10n ** 7n });
const parts: fc.Arbitrary<ReleasedPart[]> = fc
  .array(fc.record({ amount: fc.bigInt({ min: 1n, max: 10n ** 6n }), rate: fc.bigInt({ min: 50n, max: 20_000n }), fee: fc.nat(30), buyerFee: minor }), { minLength: 1, maxLength: 4 })
  .map((list) =>
    list.map(({ amount, rate, fee, buyerFee }, i) => {
      const principalMinor = (amount * rate) / 1000n;
      return { part: i + 1, amountMinor: amount, principalMinor, sellerFeeMinor: (principalMinor * BigInt(fee)) / 100n, buyerFeeMinor: buyerFee };
    }),
  ); // prettier-ignore
const terms = { feeReturn: 'full' as const, milestoneAmount: 10 ** 7, buyerFee: 999, converted: true };

const sum = (list: readonly ReleasedPart[], of: (p: ReleasedPart) => bigint) => list.reduce((a, p) => a + of(p), 0n);
const FIELDS = ['amountMinor', 'principalMinor', 'sellerFeeMinor', 'buyerFeeMinor'] as const;

const minus = (left: readonly ReleasedPart[], pieces: readonly ReleasedPart[]): ReleasedPart[] =>
  left
    .map((p) => {
      const piece = pieces.find((x) => x.part === p.part);
      if (!piece) return p;
      return { ...p, ...Object.fromEntries(FIELDS.map((f) => [f, p[f] - piece[f]])) };
    })
    .filter((p) => p.amountMinor > 0n);

describe('taking released money back', () => {
  test('in pieces of any size, all that was released is taken, to the unit, and never a unit more', () => {
    fc.assert(
      fc.property(parts, fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 10 }), (released, shares) => {
        let left: ReleasedPart[] = released;
        const taken: ReleasedPart[] = [];
        for (const share of [...shares, 100]) {
          const open = sum(left, (p) => p.amountMinor);
          if (open === 0n) break;
          const wanted = (open * BigInt(share) + 99n) / 100n;
          const pieces = takeFrom(left, wanted)!;
          expect(sum(pieces, (p) => p.amountMinor)).toBe(wanted);
          for (const piece of pieces) for (const field of FIELDS) expect(piece[field]).toBeGreaterThanOrEqual(0n);
          taken.push(...pieces);
          left = minus(left, pieces);
        }
        expect(left).toEqual([]);
        for (const field of FIELDS) expect(sum(taken, (p) => p[field])).toBe(sum(released, (p) => p[field]));
      }),
    );
  });

  test('the newest part goes first, and more than there is is refused', () => {
    const part = (n: number): ReleasedPart => ({ part: n, amountMinor: 100n, principalMinor: 100n, sellerFeeMinor: 10n, buyerFeeMinor: 0n }); // prettier-ignore
    expect(takeFrom([part(1), part(2)], 150n)!.map((p) => [p.part, p.amountMinor])).toEqual([[2, 100n], [1, 50n]]); // prettier-ignore
    expect(takeFrom([part(1), part(2)], 201n)).toBeNull();
  });

  test('what the buyer gets is what seller and platform give', () => {
    fc.assert(
      fc.property(parts, fc.constantFrom('full' as const, 'none' as const), fc.boolean(), (released, feeReturn, converted) => {
        const plan = planRecovery(released, 0n, { ...terms, feeReturn, converted });
        expect(plan.fromSeller + plan.feeReturned).toBe(plan.toBuyer);
        expect(Math.min(plan.fromSeller, plan.feeReturned)).toBeGreaterThanOrEqual(0);
        if (feeReturn === 'none') expect(plan.feeReturned).toBe(0);
        if (!converted) expect(plan.chargeAmount).toBe(plan.toBuyer);
        else expect(plan.chargeAmount - plan.amount).toBeLessThanOrEqual(terms.buyerFee);
      }),
    ); // prettier-ignore
  });
});

describe('postings of it', () => {
  const total = (posting: readonly Leg[]) => posting.reduce((a, l) => a + l.amountMinor, 0n);
  const of = (posting: readonly Leg[], name: RegExp) => total(posting.filter((l) => name.test(l.account)));
  const who = { milestoneId: 'ms_1', sellerId: 'usr_1' };
  const debtor = { ...who, kind: 'principal', escrowId: 'esc_debtor' } as const;

  test('a refund that fails gives back what it took, whatever became of its debt meanwhile', () => {
    fc.assert(
      fc.property(minor, minor, minor, fc.nat(100), fc.nat(100), (reversedMinor, shortfallMinor, feeReturnedMinor, a, b) => {
        const refund = { ...who, refundId: 'rfd_1', reversedMinor, shortfallMinor, feeReturnedMinor };
        const recoveredMinor = (shortfallMinor * BigInt(a)) / 100n;
        const writtenOffMinor = ((shortfallMinor - recoveredMinor) * BigInt(b)) / 100n;
        const book = [
          ...releasedRefundAsked(refund),
          ...debtRepaid(debtor, recoveredMinor),
          ...debtWrittenOff(debtor, writtenOffMinor),
          ...releasedRefundUndone(refund, { recoveredMinor, writtenOffMinor }),
        ];
        expect(total(book)).toBe(0n);
        for (const name of [/receivable$/, /^refund:/, /^fee_revenue$/, /^bad_debt$/]) expect(of(book, name)).toBe(0n);
        // What was paid in for a debt that is none is the seller's again.
        expect(of(book, /:on_hold$/)).toBe(-of(book, /^bank$/));
      }),
    ); // prettier-ignore
  });

  test('a set-off takes from the one escrow and closes in the other', () => {
    const posting = debtRecovered({ escrowId: 'esc_paying', milestoneId: 'ms_2' }, debtor, 70n);
    expect(posting.map((l) => [l.account, l.amountMinor, l.escrowId])).toEqual([
      ['seller:usr_1:payable', 70n, 'esc_paying'],
      ['seller:usr_1:receivable', -70n, 'esc_debtor'],
    ]);
  });
});
