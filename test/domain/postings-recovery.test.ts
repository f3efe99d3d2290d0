// Postings of released money that comes back: each sums to zero, each money term moves as 3 of the ledger says.
import { describe, expect, test } from '@jest/globals';
import { type BalanceTransaction, chargeAllocated, chargeCaptured, type Leg, partAccepted, refundAsked, transferCreated } from '../../domain/postings.ts'; // prettier-ignore
import { disputeFeePassed, disputeFeeReturned } from '../../domain/postings-dispute.ts';
import { debtRecovered, debtRepaid, debtWrittenOff, releasedRefundAsked, releasedRefundUndone, transferredAgain, transferReversed } from '../../domain/postings-recovery.ts'; // prettier-ignore
import { planRecovery, takeFrom } from '../../domain/recovery.ts';

const SELLER = { milestoneId: 'ms_1', sellerId: 'usr_s' };

const bt = (amountMinor: bigint, feeMinor = 0n): BalanceTransaction => ({
  id: `txn_${amountMinor}`,
  type: 'any',
  amountMinor,
  feeMinor,
  netMinor: amountMinor - feeMinor,
  currency: 'usd',
  status: 'available',
  availableOn: 0,
  createdAt: 0,
  sourceId: null,
});

const legsOf = (legs: readonly Leg[]) => Object.fromEntries(legs.map((l) => [l.account, l.amountMinor]));
const sum = (legs: readonly Leg[]) => legs.reduce((a, l) => a + l.amountMinor, 0n);

test('a reversal and paying again are each other’s inverse', () => {
  const back = transferReversed(SELLER, bt(9000n));
  const again = transferredAgain(SELLER, bt(-9000n));
  expect(legsOf(back)).toEqual({ 'stripe:available': 9000n, 'seller:usr_s:on_hold': -9000n });
  expect(sum([...back, ...again])).toBe(0n);
  expect(legsOf(again)).toEqual({ 'stripe:available': -9000n, 'seller:usr_s:on_hold': 9000n });
});

describe('a refund of released money', () => {
  const refund = { refundId: 'rfd_1', ...SELLER, reversedMinor: 2000n, shortfallMinor: 7000n, feeReturnedMinor: 1000n };

  test('takes what is on hold, then a debt, then the fee', () => {
    expect(legsOf(releasedRefundAsked(refund))).toEqual({
      'seller:usr_s:on_hold': 2000n,
      'seller:usr_s:receivable': 7000n,
      fee_revenue: 1000n,
      'refund:rfd_1': -10_000n,
    });
  });

  test('is undone by its exact inverse where its debt is untouched', () => {
    const undone = releasedRefundUndone(refund, { recoveredMinor: 0n, writtenOffMinor: 0n });
    const asked = legsOf(releasedRefundAsked(refund));
    expect(legsOf(undone)).toEqual(Object.fromEntries(Object.entries(asked).map(([name, amount]) => [name, -amount])));
  });

  test('gives back what was meanwhile recovered of its debt, and un-writes what was written off', () => {
    const undone = releasedRefundUndone(refund, { recoveredMinor: 4500n, writtenOffMinor: 500n });
    expect(legsOf(undone)).toEqual({
      'seller:usr_s:on_hold': -6500n,
      'seller:usr_s:receivable': -2000n,
      bad_debt: -500n,
      fee_revenue: -1000n,
      'refund:rfd_1': 10_000n,
    });
  });
});

test('a set-off has legs of two escrows; repayment and write-off have the debtor’s alone', () => {
  const dimensions = { escrowId: 'esc_debt', ...SELLER };
  const debtor = { kind: 'principal', ...dimensions } as const;
  const setOff = debtRecovered({ escrowId: 'esc_paying', milestoneId: 'ms_9' }, debtor, 500n);
  expect(setOff).toEqual([
    { account: 'seller:usr_s:payable', amountMinor: 500n, escrowId: 'esc_paying', milestoneId: 'ms_9', sellerId: 'usr_s' }, // prettier-ignore
    { account: 'seller:usr_s:receivable', amountMinor: -500n, ...dimensions },
  ]);
  expect(legsOf(debtRepaid(debtor, 500n))).toEqual({ bank: 500n, 'seller:usr_s:receivable': -500n });
  expect(legsOf(debtWrittenOff(debtor, 500n))).toEqual({ bad_debt: 500n, 'seller:usr_s:receivable': -500n });
  // Passed-on costs have an account of their own, and go back to where they came from.
  const costs = { ...debtor, kind: 'costs' } as const;
  expect(legsOf(disputeFeePassed(costs, 500n))).toEqual({ dispute_fees: -500n, 'seller:usr_s:costs_receivable': 500n });
  expect(legsOf(disputeFeeReturned(costs, 500n))).toEqual({
    dispute_fees: 500n,
    'seller:usr_s:costs_receivable': -500n,
  });
  expect(legsOf(debtWrittenOff(costs, 500n))).toEqual({ dispute_fees: 500n, 'seller:usr_s:costs_receivable': -500n });
  expect(legsOf(debtRepaid(costs, 500n))).toEqual({ bank: 500n, 'seller:usr_s:costs_receivable': -500n });
  expect([...debtRepaid(debtor, 1n), ...debtWrittenOff(debtor, 1n)].every((l) => l.escrowId === 'esc_debt')).toBe(true);
});

/** The ledger's worked example, with a refund of everything where it has a lost dispute. */
test('charge 300, two of three released: one reversed, one owed, all refunded: 300 + 90 + 0 = 0 + 90 + 0 + 300 + 0', () => {
  const of = (n: number) => ({ milestoneId: `ms_${n}`, sellerId: `usr_${n}` });
  const piece = { principalMinor: 100n, buyerFeeMinor: 0n };
  const refund = (n: number, reversedMinor: bigint, shortfallMinor: bigint) =>
    releasedRefundAsked({ refundId: `rfd_${n}`, ...of(n), reversedMinor, shortfallMinor, feeReturnedMinor: 10n });
  const book: [string, Leg[]][] = [
    ['charge_captured', chargeCaptured('pay_1', bt(300n, 9n))],
    [
      'charge_allocated',
      chargeAllocated(
        'pay_1',
        [1, 2, 3].map((n) => ({ ...of(n), ...piece })),
      ),
    ],
    ...[1, 2].flatMap((n): [string, Leg[]][] => [
      ['part_accepted', partAccepted({ ...of(n), ...piece, sellerFeeMinor: 10n })],
      ['transfer', transferCreated(of(n).milestoneId, of(n).sellerId, bt(-90n))],
    ]),
    ['transfer_reversed', transferReversed(of(1), bt(90n))],
    ['refund_asked', refund(1, 90n, 0n)],
    ['refund_asked', refund(2, 0n, 90n)],
    ['refund_asked', refundAsked({ refundId: 'rfd_3', ...of(3), ...piece, buyerFeeReturnedMinor: 0n })],
  ];
  const total = (wanted: RegExp, kinds?: string[]) =>
    book
      .filter(([kind]) => kinds === undefined || kinds.includes(kind))
      .flatMap(([, legs]) => legs)
      .filter((l) => wanted.test(l.account))
      .reduce((a, l) => a + l.amountMinor, 0n);
  for (const [, legs] of book) expect(sum(legs)).toBe(0n);
  const terms = {
    charged: -total(/^charge:/, ['charge_captured']),
    owed: total(/:receivable$/),
    absorbed: total(/^bad_debt$/),
    held: -total(/^charge:|:(held|fee_unearned|payable|on_hold)$/),
    released: -total(/^stripe:/, ['transfer', 'transfer_reversed']),
    refunded: -total(/^refund:/),
    fees: -total(/^fee_revenue$/),
  };
  expect(terms).toEqual({ charged: 300n, owed: 90n, absorbed: 0n, held: 0n, released: 90n, refunded: 300n, fees: 0n });
});

describe('how much is whose', () => {
  const parts = [
    { part: 1, amountMinor: 3333n, principalMinor: 3333n, sellerFeeMinor: 333n, buyerFeeMinor: 10n },
    { part: 2, amountMinor: 6668n, principalMinor: 6668n, sellerFeeMinor: 667n, buyerFeeMinor: 20n },
  ];
  const terms = { feeReturn: 'full', milestoneAmount: 10_001, buyerFee: 30, converted: false } as const;

  test('the newest part goes first, and no more than there is', () => {
    expect(takeFrom(parts, 7000n)!.map((p) => [p.part, p.amountMinor])).toEqual([[2, 6668n], [1, 332n]]); // prettier-ignore
    expect(takeFrom(parts, 10_002n)).toBeNull();
  });

  test('pieces of a part sum to the part, whatever their sizes', () => {
    let left = parts;
    const given = { principal: 0n, sellerFee: 0n, buyerFee: 0n };
    for (const amount of [1n, 2500n, 4167n, 3000n, 333n]) {
      const pieces = takeFrom(left, amount)!;
      for (const p of pieces) {
        given.principal += p.principalMinor;
        given.sellerFee += p.sellerFeeMinor;
        given.buyerFee += p.buyerFeeMinor;
        left = left.map(
          (l) =>
          l.part !== p.part
            ? l
            : { part: l.part, amountMinor: l.amountMinor - p.amountMinor, principalMinor: l.principalMinor - p.principalMinor, sellerFeeMinor: l.sellerFeeMinor - p.sellerFeeMinor, buyerFeeMinor: l.buyerFeeMinor - p.buyerFeeMinor }, // prettier-ignore
        );
      }
    }
    expect(given).toEqual({ principal: 10_001n, sellerFee: 1000n, buyerFee: 30n });
    expect(takeFrom(left, 1n)).toBeNull();
  });

  test('by policy: fees go back, or the seller gives the whole price', () => {
    const pieces = takeFrom(parts, 10_001n)!;
    expect(planRecovery(pieces, 0n, terms)).toEqual({ amount: 10_001, chargeAmount: 10_031, fromSeller: 9001, feeReturned: 1030, toBuyer: 10_031, left: 0 }); // prettier-ignore
    expect(planRecovery(pieces, 0n, { ...terms, feeReturn: 'none' })).toEqual({ amount: 10_001, chargeAmount: 10_001, fromSeller: 10_001, feeReturned: 0, toBuyer: 10_001, left: 0 }); // prettier-ignore
  });

  test('of a converted charge Stripe is asked in the terms’ currency', () => {
    const settled = parts.map((p) => ({ ...p, principalMinor: p.principalMinor * 2n, sellerFeeMinor: p.sellerFeeMinor * 2n, buyerFeeMinor: p.buyerFeeMinor * 2n })); // prettier-ignore
    const plan = planRecovery(takeFrom(settled, 6668n)!, 3333n, { ...terms, converted: true });
    expect(plan).toMatchObject({ amount: 6668, chargeAmount: 6688, fromSeller: 12_002, toBuyer: 13_376, left: 3333 });
  });
});
