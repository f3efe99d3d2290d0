// Whose loss a lost chargeback is, over random charges: every unit once, nobody pays for another milestone.
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import {
  type Decided,
  type DisputePhase,
  type LossPlan,
  type MilestoneLoss,
  type MilestoneMoney,
  nextDecided,
  phaseOf,
  planLoss,
  shareFees,
  worthDefending,
} from '../../domain/chargeback.ts';

const minor = fc.bigInt({ min: 0n, max: 1_000_000n });
const charge = fc
  .array(
    fc.record({
      heldMinor: minor,
      feeUnearnedMinor: minor,
      payableMinor: minor,
      paidMinor: minor,
      feeEarnedMinor: minor,
    }),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((all) => all.map((m, i): MilestoneMoney => ({ milestoneId: `ms_${i}`, sellerId: `usr_${i % 3}`, ...m })));
const terms = fc.record({
  feeReturn: fc.constantFrom('full' as const, 'none' as const),
  chargebackLoss: fc.constantFrom('seller' as const, 'platform' as const),
});

const wholeOf = (m: MilestoneMoney) =>
  m.heldMinor + m.feeUnearnedMinor + m.payableMinor + m.paidMinor + m.feeEarnedMinor;
const lossOf = (p: MilestoneLoss) => p.heldMinor + p.feeUnearnedMinor + p.feeReturnedMinor + p.payableMinor + p.fromSellerMinor + p.platformMinor; // prettier-ignore
const sum = (all: bigint[]) => all.reduce((a, b) => a + b, 0n);

describe('whose loss', () => {
  test('every unit is borne once, and no milestone bears more than it has', () => {
    fc.assert(
      fc.property(charge, fc.bigInt({ min: 0n, max: 9_000_000n }), terms, (milestones, lost, t) => {
        const plan = planLoss(lost, milestones, [], t);
        expect(sum(plan.parts.map(lossOf)) + plan.unassignedMinor).toBe(lost);
        expect(plan.unassignedMinor > 0n).toBe(lost > sum(milestones.map(wholeOf)));
        for (const p of plan.parts) {
          const m = milestones.find((x) => x.milestoneId === p.milestoneId)!;
          expect(p.heldMinor <= m.heldMinor && p.feeUnearnedMinor <= m.feeUnearnedMinor).toBe(true);
          expect(p.feeReturnedMinor <= m.feeEarnedMinor).toBe(true);
          if (t.feeReturn === 'full')
            expect(p.payableMinor + p.fromSellerMinor + p.platformMinor <= m.payableMinor + m.paidMinor).toBe(true);
          expect(p.payableMinor <= m.payableMinor).toBe(true);
          // Nothing is reversed or owed while accepted money is there.
          if (t.feeReturn === 'full' && p.fromSellerMinor > 0n) expect(p.payableMinor).toBe(m.payableMinor);
          expect(p.sellerId).toBe(m.sellerId);
        }
      }),
    );
  });

  test('released money is touched only when nothing unreleased of that milestone is left', () => {
    fc.assert(
      fc.property(charge, minor, terms, (milestones, lost, t) => {
        for (const p of planLoss(lost, milestones, [], t).parts) {
          const m = milestones.find((x) => x.milestoneId === p.milestoneId)!;
          if (p.payableMinor + p.fromSellerMinor + p.feeReturnedMinor + p.platformMinor > 0n) {
            expect([p.heldMinor, p.feeUnearnedMinor]).toEqual([m.heldMinor, m.feeUnearnedMinor]);
          }
        }
      }),
    );
  });

  test('what the buyer named bears it; others only what those cannot', () => {
    fc.assert(
      fc.property(charge, fc.bigInt({ min: 0n, max: 5_000_000n }), terms, (milestones, lost, t) => {
        const named = milestones[0]!;
        const plan = planLoss(lost, milestones, [named.milestoneId], t);
        const onOthers = sum(plan.parts.filter((p) => p.milestoneId !== named.milestoneId).map(lossOf));
        expect(onOthers + plan.unassignedMinor).toBe(lost > wholeOf(named) ? lost - wholeOf(named) : 0n);
      }),
    );
  });

  test('pro rata by largest remainder: equal milestones differ by at most one unit', () => {
    const three = [0, 1, 2].map((i): MilestoneMoney => ({ milestoneId: `ms_${i}`, sellerId: `usr_${i}`, heldMinor: 100n, feeUnearnedMinor: 0n, payableMinor: 0n, paidMinor: 0n, feeEarnedMinor: 0n })); // prettier-ignore
    const plan = planLoss(100n, three, [], { feeReturn: 'full', chargebackLoss: 'seller' });
    expect(plan.parts.map(lossOf)).toEqual([34n, 33n, 33n]);
  });

  test("the terms' policy: by 'platform' sellers keep what was released, by 'none' the fee stays earned", () => {
    const released: MilestoneMoney = { milestoneId: 'ms_0', sellerId: 'usr_0', heldMinor: 0n, feeUnearnedMinor: 0n, payableMinor: 0n, paidMinor: 90n, feeEarnedMinor: 10n }; // prettier-ignore
    const borne = (feeReturn: 'full' | 'none', chargebackLoss: 'seller' | 'platform') => {
      const [p] = planLoss(100n, [released], [], { feeReturn, chargebackLoss }).parts;
      return [p!.feeReturnedMinor, p!.fromSellerMinor, p!.platformMinor];
    };
    expect(borne('full', 'seller')).toEqual([10n, 90n, 0n]);
    expect(borne('none', 'seller')).toEqual([0n, 100n, 0n]);
    expect(borne('full', 'platform')).toEqual([10n, 0n, 90n]);
  });
});

test("Stripe's fees are divided as the loss is: no unit more or less, and what no milestone lost bears its share", () => {
  const part = (i: number, heldMinor: bigint): LossPlan['parts'][number] => ({ milestoneId: `ms_${i}`, sellerId: `usr_${i}`, heldMinor, feeUnearnedMinor: 0n, feeReturnedMinor: 0n, payableMinor: 0n, fromSellerMinor: 0n, platformMinor: 0n, ofTransferredMinor: 0n }); // prettier-ignore
  const minors = (fees: bigint, held: bigint[], unassignedMinor = 0n) => shareFees(fees, { parts: held.map((h, i) => part(i, h)), unassignedMinor }).map((s) => s.minor); // prettier-ignore
  expect(minors(1500n, [7000n, 3000n])).toEqual([1050n, 450n]);
  expect(minors(100n, [1n, 1n, 1n])).toEqual([34n, 33n, 33n]);
  expect(minors(1500n, [1000n], 2000n)).toEqual([500n]);
  expect([minors(0n, [1n]), minors(-1500n, [1n]), minors(1500n, [0n])]).toEqual([[0n], [0n], [0n]]);
});

test("Stripe's words are read, and one that is not known is nobody's guess", () => {
  expect(['warning_needs_response', 'needs_response', 'under_review', 'won', 'lost', 'prevented', 'appeal_needs_response', 'appeal_under_review', 'new'].map(phaseOf)).toEqual(['inquiry', 'open', 'review', 'won', 'lost', 'lifted', 'appeal', 'appeal_review', 'unknown']); // prettier-ignore
});

test('a decision that the bank takes back begins a new round; the same word twice does not', () => {
  const rounds = (...phases: DisputePhase[]) => {
    let decided: Decided | undefined;
    return phases.map((phase) => (decided = nextDecided(decided, phase)).round);
  };
  expect(rounds('open', 'review', 'won', 'won')).toEqual([1, 1, 1, 1]);
  expect(rounds('won', 'review', 'lost', 'lost')).toEqual([1, 2, 2, 2]);
  expect(rounds('won', 'lost', 'appeal', 'appeal_review', 'won')).toEqual([1, 2, 3, 3, 3]);
});

test('our own pack is sent only where the chance is worth the counter fee', () => {
  expect([5_000n, 5_001n, 100_000n].map(worthDefending)).toEqual([false, true, true]);
});
