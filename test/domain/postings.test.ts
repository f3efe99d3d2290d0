// Double entry: each posting sums to zero, and what people are owed never goes below nothing, whatever comes in which order.
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { account, type BalanceTransaction, chargeAllocated, chargeCaptured, inverse, type Leg, legs, matured, partAccepted, refundAsked, refundSettled, toppedUp, transferCreated, unallocatedRefundAsked, unexplained } from '../../domain/postings.ts'; // prettier-ignore

const minor = fc.bigInt({ min: 0n, max: 10n ** 9n });
const some = fc.bigInt({ min: 1n, max: 10n ** 9n });

function balanceTransaction(amountMinor: bigint, feeMinor: bigint, status: 'available' | 'pending' = 'available'): BalanceTransaction {
  return { id: 'txn_1', type: 'charge', amountMinor, feeMinor, netMinor: amountMinor - feeMinor, currency: 'usd', status, availableOn: 0, createdAt: 0, sourceId: null };
} // prettier-ignore

const sumOf = (posting: readonly Leg[]) => posting.reduce((a, l) => a + l.amountMinor, 0n);

function expectPosting(posting: readonly Leg[]): void {
  expect(sumOf(posting)).toBe(0n);
  expect(posting.every((l) => l.amountMinor !== 0n)).toBe(true);
  expect(posting.length).not.toBe(1);
}

const of = (posting: readonly Leg[], name: string) => posting.filter((l) => l.account === name).reduce((a, l) => a + l.amountMinor, 0n); // prettier-ignore

describe('each posting sums to zero and holds no empty leg', () => {
  const bt = fc.record({ amount: some, fee: minor, status: fc.constantFrom('available' as const, 'pending' as const) });

  test('charge, allocation, acceptance, transfer', () => {
    fc.assert(
      fc.property(bt, fc.array(fc.tuple(minor, minor), { minLength: 1, maxLength: 5 }), (b, parts) => {
        expectPosting(chargeCaptured('pay_1', balanceTransaction(b.amount, b.fee, b.status)));
        expectPosting(
          chargeAllocated('pay_1', parts.map(([principalMinor, buyerFeeMinor], i) => ({ milestoneId: `ms_${i}`, sellerId: 'usr_1', principalMinor, buyerFeeMinor }))),
        ); // prettier-ignore
        for (const [principalMinor, buyerFeeMinor] of parts) {
          expectPosting(partAccepted({ milestoneId: 'ms_1', sellerId: 'usr_1', principalMinor, sellerFeeMinor: principalMinor / 3n, buyerFeeMinor })); // prettier-ignore
        }
        expectPosting(transferCreated('ms_1', 'usr_1', balanceTransaction(-b.amount, b.fee)));
      }),
    );
  });

  test('refunds asked, settled, undone; money matured, topped up, unexplained', () => {
    fc.assert(
      fc.property(bt, minor, minor, fc.boolean(), (b, principalMinor, buyerFeeMinor, returned) => {
        const asked = refundAsked({ refundId: 'rfd_1', milestoneId: 'ms_1', sellerId: 'usr_1', principalMinor, buyerFeeMinor, buyerFeeReturnedMinor: returned ? buyerFeeMinor : 0n }); // prettier-ignore
        expectPosting(asked);
        expectPosting(inverse(asked));
        for (const l of [...asked, ...inverse(asked)]) expect(of([...asked, ...inverse(asked)], l.account)).toBe(0n);
        expectPosting(unallocatedRefundAsked('pay_1', 'rfd_1', b.amount));
        // The day's rate: Stripe takes another amount than was asked.
        expectPosting(refundSettled('rfd_1', principalMinor, balanceTransaction(-b.amount, b.fee), 'ms_1'));
        expectPosting(matured(b.amount));
        expectPosting(toppedUp(balanceTransaction(b.amount, b.fee, b.status)));
        expectPosting(unexplained(balanceTransaction(b.amount, b.fee, b.status)));
      }),
    );
  });

  test('legs that do not balance are a fault', () => {
    expect(() => legs({ account: 'bank', amountMinor: 1n })).toThrow(expect.objectContaining({ code: 'invariant_broken' })); // prettier-ignore
    expect(legs({ account: 'bank', amountMinor: 0n })).toEqual([]);
  });
});

describe('on which account', () => {
  test('a pending charge is pending money, and Stripe’s fee is an expense', () => {
    const posting = chargeCaptured('pay_1', balanceTransaction(10_000n, 320n, 'pending'));
    expect(of(posting, account.stripePending)).toBe(9680n);
    expect(of(posting, account.stripeFees)).toBe(320n);
    expect(of(posting, account.charge('pay_1'))).toBe(-10_000n);
  });

  test('what the exchange rate made of a refund more or less is fx, and its clearing account is empty again', () => {
    const asked = refundAsked({ refundId: 'rfd_1', milestoneId: 'ms_1', sellerId: 'usr_1', principalMinor: 500n, buyerFeeMinor: 50n, buyerFeeReturnedMinor: 0n }); // prettier-ignore
    expect(of(asked, account.feeRevenue)).toBe(-50n);
    const settled = refundSettled('rfd_1', 500n, balanceTransaction(-507n, 0n));
    expect(of(settled, account.fx)).toBe(7n);
    expect(of([...asked, ...settled], account.refund('rfd_1'))).toBe(0n);
  });
});

describe('a milestone’s life in any order', () => {
  type Step = { do: 'accept' | 'refund' | 'undo' | 'transfer'; share: number };
  const steps = fc.array(
    fc.record({ do: fc.constantFrom<Step['do']>('accept', 'refund', 'undo', 'transfer'), share: fc.nat(100) }),
    { maxLength: 20 },
  );

  test('held, unearned fee and payable stay owed or empty, and at the end nothing is left of them', () => {
    fc.assert(
      fc.property(some, minor, steps, (principal, buyerFee, list) => {
        const book: Leg[] = [];
        const owed = (name: string) => -of(book, name);
        const fee = buyerFee % principal;
        book.push(...chargeCaptured('pay_1', balanceTransaction(principal + fee, 0n)));
        book.push(...chargeAllocated('pay_1', [{ milestoneId: 'ms_1', sellerId: 'usr_1', principalMinor: principal, buyerFeeMinor: fee }])); // prettier-ignore
        const held = account.held('ms_1');
        const unearned = account.feeUnearned('ms_1');
        const payable = account.payable('usr_1');
        let refunds = 0;
        let asked: { id: string; posting: Leg[] } | null = null;
        const settle = () => {
          if (!asked) return;
          book.push(...refundSettled(asked.id, owed(account.refund(asked.id)), balanceTransaction(of(book, account.refund(asked.id)), 0n))); // prettier-ignore
          asked = null;
        };
        const cut = (name: string, share: number) => (owed(name) * BigInt(share)) / 100n;
        const accept = (share: number) => {
          const principalMinor = cut(held, share);
          book.push(...partAccepted({ milestoneId: 'ms_1', sellerId: 'usr_1', principalMinor, sellerFeeMinor: principalMinor / 10n, buyerFeeMinor: cut(unearned, share) })); // prettier-ignore
        };
        for (const one of list) {
          if (one.do === 'accept') accept(one.share);
          if (one.do === 'refund') {
            settle();
            const id = `rfd_${++refunds}`;
            const piece = { principalMinor: cut(held, one.share), buyerFeeMinor: cut(unearned, one.share) };
            const posting = refundAsked({ refundId: id, milestoneId: 'ms_1', sellerId: 'usr_1', ...piece, buyerFeeReturnedMinor: piece.buyerFeeMinor }); // prettier-ignore
            book.push(...posting);
            asked = { id, posting };
          }
          if (one.do === 'undo' && asked) {
            book.push(...inverse((asked as { posting: Leg[] }).posting));
            asked = null;
          }
          if (one.do === 'transfer') book.push(...transferCreated('ms_1', 'usr_1', balanceTransaction(-cut(payable, one.share), 0n))); // prettier-ignore
          for (const name of [held, unearned, payable]) expect(owed(name)).toBeGreaterThanOrEqual(0n);
          expect(sumOf(book)).toBe(0n);
        }
        settle();
        accept(100);
        book.push(...transferCreated('ms_1', 'usr_1', balanceTransaction(-owed(payable), 0n)));
        for (const name of [held, unearned, payable, account.charge('pay_1')]) expect(owed(name)).toBe(0n);
        for (let i = 1; i <= refunds; i++) expect(owed(account.refund(`rfd_${i}`))).toBe(0n);
        expect(of(book, account.stripeAvailable)).toBe(owed(account.feeRevenue));
      }),
      { numRuns: 300 },
    );
  });
});
