// Whatever is accepted, refunded and undone in whatever order: what was charged for a milestone is given away to the unit.
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { allocateCharge, planAcceptance, planRefund } from '../../domain/allocation.ts';
import { type MilestoneState, openAmount, type RefundPart, type ReleasePart } from '../../domain/escrow-state.ts';
import type { FeePayer } from '../../domain/fees.ts';
import { buildTerms, chargeMinor, type Terms } from '../../domain/terms.ts';
import { context, milestone, milestoneIn, proposal, TEN_PERCENT } from './fixtures.ts';

const payer = fc.constantFrom<FeePayer>('seller', 'buyer', 'shared');
const amounts = fc.array(fc.integer({ min: 50, max: 200_000 }), { minLength: 1, maxLength: 6 });

function termsOf(list: readonly number[], feePayer: FeePayer, rateBps = 1000, currency = 'usd'): Terms {
  const milestones = list.map((amount, i) => milestone({ id: `ms_${i}`, amount }));
  return buildTerms(proposal({ currency, feePayer, milestones }), context({ fee: { ...TEN_PERCENT, rateBps } }));
}

describe('a charge over its milestones', () => {
  test('not converted, each gets its own amount and fees', () => {
    fc.assert(
      fc.property(amounts, payer, (list, side) => {
        const terms = termsOf(list, side);
        const parts = allocateCharge(chargeMinor(terms.milestones), terms.milestones);
        expect(parts).toEqual(
          terms.milestones.map((m) => ({
            milestoneId: m.id,
            principal: m.amount,
            buyerFee: m.buyerFee,
            sellerFee: m.sellerFee,
          })),
        );
      }),
    );
  });

  test('converted, what arrived is given away whole, and no seller’s fee takes all of a milestone', () => {
    fc.assert(
      fc.property(amounts, payer, fc.integer({ min: 500, max: 50_000_000 }), (list, side, captured) => {
        const terms = termsOf(list, side);
        const parts = allocateCharge(BigInt(captured), terms.milestones);
        expect(parts.reduce((sum, p) => sum + p.principal + p.buyerFee, 0)).toBe(captured);
        for (const p of parts) {
          expect(p.principal).toBeGreaterThanOrEqual(0);
          expect(p.buyerFee).toBeGreaterThanOrEqual(0);
          expect(p.sellerFee).toBeGreaterThanOrEqual(0);
          if (p.principal > 0) expect(p.sellerFee).toBeLessThan(p.principal);
        }
      }),
    );
  });
});

type Step = { do: 'accept' | 'refund'; share: number } | { do: 'fail'; nth: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('accept' as const), share: fc.integer({ min: 1, max: 100 }) }),
  fc.record({ do: fc.constant('refund' as const), share: fc.integer({ min: 1, max: 100 }) }),
  fc.record({ do: fc.constant('fail' as const), nth: fc.nat(5) }),
);
const scenario: fc.Arbitrary<Scenario> = fc.record({
  amount: fc.integer({ min: 50, max: 100_000 }),
  payer,
  rateBps: fc.nat(3000),
  feeReturn: fc.constantFrom('full' as const, 'none' as const),
  /** Per mille of what was charged that arrives; null: not converted. */
  rate: fc.option(fc.integer({ min: 40, max: 25_000 })),
  steps: fc.array(step, { maxLength: 12 }),
  last: fc.constantFrom('accept' as const, 'refund' as const),
});

const releasePart = (m: MilestoneState, amount: number): ReleasePart => ({
  part: m.releases.length + 1,
  amount,
  ...planAcceptance(m, amount),
  status: 'accepted',
  generation: 1,
  transferId: null,
  automatic: false,
  retryAt: null,
  nudges: 0,
});

const refundPart = (m: MilestoneState, buyerFee: number, amount: number, feeReturn: 'full' | 'none'): RefundPart => ({
  id: `rfd_${m.refunds.length}`,
  part: m.refunds.length + 1,
  amount,
  ...planRefund(m, buyerFee, amount, feeReturn),
  status: 'succeeded',
  generation: 1,
  stripeRefundId: null,
  reason: '',
  before: 'submitted',
});

interface Scenario {
  amount: number;
  payer: FeePayer;
  rateBps: number;
  feeReturn: 'full' | 'none';
  rate: number | null;
  steps: Step[];
  last: 'accept' | 'refund';
}

/** Plays a scenario to its end, as the workflow would: parts are pushed, a failed refund gives its amount back. */
function play(s: Scenario) {
  const terms = termsOf([s.amount], s.payer, s.rateBps);
  const [t] = terms.milestones as [Terms['milestones'][number]];
  const charge = chargeMinor(terms.milestones);
  const captured = s.rate === null ? charge : (charge * BigInt(s.rate)) / 1000n;
  const [a] = allocateCharge(captured, terms.milestones) as [ReturnType<typeof allocateCharge>[number]];
  const m = milestoneIn('submitted', t, {
    funds: { paymentId: 'pay_1', chargeId: 'ch_1', ...a, buyerFeeCharged: t.buyerFee },
  });
  const accept = (amount: number) => {
    m.releases.push(releasePart(m, amount));
    m.accepted += amount;
  };
  const refund = (amount: number) => {
    m.refunds.push(refundPart(m, t.buyerFee, amount, s.feeReturn));
    m.refunded += amount;
  };
  for (const one of s.steps) {
    if (one.do === 'fail') {
      const live = m.refunds.filter((r) => r.status !== 'failed');
      const part = live[one.nth % Math.max(1, live.length)];
      if (!part) continue;
      part.status = 'failed';
      m.refunded -= part.amount;
      continue;
    }
    const amount = Math.ceil((openAmount(m) * one.share) / 100);
    if (amount > 0) (one.do === 'accept' ? accept : refund)(amount);
  }
  if (openAmount(m) > 0) (s.last === 'accept' ? accept : refund)(openAmount(m));
  const refunds = m.refunds.filter((r) => r.status !== 'failed');
  return { m, t, charge: Number(charge), refunds };
}

const total = <T>(parts: readonly T[], of: (part: T) => number) => parts.reduce((sum, part) => sum + of(part), 0);

describe('pieces of a milestone, in any order, with refunds that fail in between', () => {
  test('principal and buyer’s fee sum exactly to what the charge brought', () => {
    fc.assert(
      fc.property(scenario, (s) => {
        const { m, refunds } = play(s);
        expect(total(m.releases, (r) => r.principal) + total(refunds, (r) => r.principal)).toBe(m.funds!.principal);
        expect(total(m.releases, (r) => r.buyerFee) + total(refunds, (r) => r.buyerFee)).toBe(m.funds!.buyerFee);
      }),
      { numRuns: 500 },
    );
  });

  test('every piece is whole: nothing negative, and principal is what the seller gets and the fee', () => {
    fc.assert(
      fc.property(scenario, (s) => {
        const { m, refunds } = play(s);
        for (const r of m.releases) {
          expect(r.payable + r.sellerFee).toBe(r.principal);
          expect(Math.min(r.payable, r.sellerFee, r.buyerFee, r.principal)).toBeGreaterThanOrEqual(0);
          // A transfer of nothing could not be made.
          if (r.principal > 0) expect(r.payable).toBeGreaterThan(0);
        }
        for (const r of refunds) {
          expect(Math.min(r.principal, r.buyerFee, r.buyerFeeReturned, r.chargeAmount - r.amount)).toBeGreaterThanOrEqual(0); // prettier-ignore
          expect(r.buyerFeeReturned).toBe(s.feeReturn === 'full' ? r.buyerFee : 0);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('the seller’s fee follows what was accepted: all of it when all was, never more', () => {
    fc.assert(
      fc.property(scenario, (s) => {
        const { m } = play(s);
        const taken = total(m.releases, (r) => r.sellerFee);
        expect(taken).toBeLessThanOrEqual(m.funds!.sellerFee);
        // A part of a single unit keeps it for its seller, and the next part makes up for it; the last has none after it.
        if (m.accepted === m.amount && m.releases.at(-1)!.payable > 1) expect(taken).toBe(m.funds!.sellerFee);
      }),
      { numRuns: 500 },
    );
  });

  test('not converted, Stripe is asked for exactly what leaves the ledger', () => {
    fc.assert(
      fc.property(scenario, (s) => {
        const { refunds } = play({ ...s, rate: null });
        for (const r of refunds) {
          expect(r.principal).toBe(r.amount);
          expect(r.chargeAmount).toBe(r.principal + r.buyerFeeReturned);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('converted, refunds never ask Stripe for more than was charged, and for all of it when all goes back', () => {
    fc.assert(
      fc.property(scenario, fc.integer({ min: 40, max: 25_000 }), (s, rate) => {
        const { m, refunds, charge, t } = play({ ...s, rate });
        const asked = total(refunds, (r) => r.chargeAmount);
        expect(asked).toBeLessThanOrEqual(charge);
        expect(total(refunds, (r) => r.chargeAmount - r.amount)).toBeLessThanOrEqual(t.buyerFee);
        const failed = m.refunds.length > refunds.length;
        if (m.refunded === m.amount && s.feeReturn === 'full' && !failed) expect(asked).toBe(charge);
      }),
      { numRuns: 500 },
    );
  });
});

test('one piece for all of it is all of it', () => {
  const terms = termsOf([333], 'shared');
  const m = milestoneIn('submitted', terms.milestones[0]!);
  expect(planAcceptance(m, 333)).toEqual({ principal: 333, sellerFee: 17, buyerFee: 16, payable: 316 });
  expect(planRefund(m, 16, 333, 'full')).toEqual({ chargeAmount: 349, principal: 333, buyerFee: 16, buyerFeeReturned: 16 }); // prettier-ignore
  expect(planRefund(m, 16, 333, 'none')).toEqual({ chargeAmount: 333, principal: 333, buyerFee: 16, buyerFeeReturned: 0 }); // prettier-ignore
});

test('a milestone without funds has nothing to divide', () => {
  const m = milestoneIn('planned', termsOf([500], 'seller').milestones[0]!);
  expect(() => planAcceptance(m, 1)).toThrow(expect.objectContaining({ code: 'invariant_broken' }));
});
