// Terms: every refusal names its parameter, limits of holding hold, and equal terms have one canonical text.
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { RuleError } from '../../domain/errors.ts';
import { CURRENCIES, currencyRule } from '../../domain/money.ts';
import { DAY_MS } from '../../domain/periods.ts';
import { holdingLimitMs, policyInWords } from '../../domain/policy.ts';
import {
  buildTerms,
  canonicalJson,
  canonicalTerms,
  chargeMinor,
  MAX_MILESTONES,
  partiesOf,
} from '../../domain/terms.ts';
import type { Proposal, TermsContext } from '../../domain/terms.ts';
import { BUYER, context, milestone, NOW, OTHER_SELLER, proposal, SELLER, TEN_PERCENT, twoSellers } from './fixtures.ts';

const day = (n: number) => new Date(NOW + n * DAY_MS).toISOString();

describe('each refusal names what is at fault', () => {
  const live = { live: true };
  const cases: [string, Partial<Proposal>, Partial<TermsContext>, string, string][] = [
    ['an unknown currency', { currency: 'xxx' }, {}, 'currency_unsupported', 'currency'],
    ['no milestones', { milestones: [] }, {}, 'milestones_invalid', 'milestones'],
    ['too many milestones', { milestones: Array.from({ length: MAX_MILESTONES + 1 }, () => milestone()) }, {}, 'milestones_invalid', 'milestones'],
    ['an amount under the minimum', { milestones: [milestone(), milestone({ amount: 49 })] }, {}, 'amount_too_small', 'milestones[1].amount'],
    ['an amount of nothing', { milestones: [milestone({ amount: 0 })] }, {}, 'amount_invalid', 'milestones[0].amount'],
    ['an amount that is too large', { milestones: [milestone({ amount: 100_000_000 })] }, {}, 'amount_too_large', 'milestones[0].amount'],
    ['a third decimal', { currency: 'kwd', milestones: [milestone({ amount: 12_345 })] }, {}, 'amount_invalid', 'milestones[0].amount'],
    ['a sum that no charge can take', { milestones: [milestone({ amount: 60_000_000 }), milestone({ amount: 60_000_000 })] }, {}, 'amount_too_large', 'milestones'],
    ['a buyer who sells to themself', { milestones: [milestone({ seller_id: BUYER.id })] }, {}, 'party_invalid', 'milestones[0].seller_id'],
    ['a fee that leaves nothing', {}, { fee: { ...TEN_PERCENT, floor: 10_000 } }, 'fee_exceeds_amount', 'milestones[0].amount'],
    ['a period that is none', { milestones: [milestone({ inspection_period: 'soon' })] }, {}, 'period_invalid', 'milestones[0].inspection_period'],
    ['no time to look', { milestones: [milestone({ inspection_period: 'PT0S' })] }, {}, 'period_invalid', 'milestones[0].inspection_period'],
    ['too little time to look, live', { milestones: [milestone({ inspection_period: 'P2D' })] }, live, 'period_invalid', 'milestones[0].inspection_period'],
    ['a due date that is none', { milestones: [milestone({ due_at: 'tomorrow' })] }, {}, 'due_date_invalid', 'milestones[0].due_at'],
    ['a due date in the past', { milestones: [milestone({ due_at: day(-1) })] }, {}, 'due_date_invalid', 'milestones[0].due_at'],
    ['a due date before the start', { milestones: [milestone({ starts_at: day(9), due_at: day(8) })] }, {}, 'due_date_invalid', 'milestones[0].due_at'],
    ['a start that is no date', { milestones: [milestone({ starts_at: '?' })] }, {}, 'due_date_invalid', 'milestones[0].starts_at'],
    ['money held too long', { milestones: [milestone({ due_at: day(700) })] }, {}, 'holding_limit_exceeded', 'milestones[0].due_at'],
    ['a policy period that is none', { policy: { agree: '7 days' } }, {}, 'period_invalid', 'policy.agree'],
    ['a policy period of nothing', { policy: { fund: 'PT0S' } }, {}, 'policy_invalid', 'policy.fund'],
    ['a policy period too short, live', { policy: { overdue: 'PT1H' } }, live, 'policy_invalid', 'policy.overdue'],
    ['reminders that fall', { policy: { remind: [0.5, 0.4] } }, {}, 'policy_invalid', 'policy.remind'],
    ['a reminder after the end', { policy: { remind: [1] } }, {}, 'policy_invalid', 'policy.remind'],
    ['a reminder that is no number', { policy: { remind: [Number.NaN] } }, {}, 'policy_invalid', 'policy.remind'],
    ['too many reminders', { policy: { remind: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6] } }, {}, 'policy_invalid', 'policy.remind'],
    ['half a round', { policy: { max_rounds: 1.5 } }, {}, 'policy_invalid', 'policy.max_rounds'],
  ]; // prettier-ignore

  test.each(cases)('%s', (_what, change, more, code, param) => {
    expect(() => buildTerms(proposal(change), context(more))).toThrow(expect.objectContaining({ code, param }));
  });
});

describe('what is agreed', () => {
  test('defaults are written down, so that nobody looks them up later', () => {
    const { policy, milestones, version } = buildTerms(proposal(), context());
    expect(version).toBe(1);
    expect(milestones[0]).toMatchObject({ amount: 10_000, sellerFee: 1000, buyerFee: 0, inspectionMs: 14 * DAY_MS, dueAt: null }); // prettier-ignore
    expect(policy).toMatchObject({ agreeMs: 7 * DAY_MS, fundMs: 14 * DAY_MS, scaMs: DAY_MS, overdueMs: 5 * DAY_MS, maxRounds: 3, feeReturn: 'full', chargebackLoss: 'seller', disputeFee: 'platform' }); // prettier-ignore
    expect(policy.remind.map((f) => Math.round(f * 14))).toEqual([7, 12, 13]);
  });

  test('live takes what is long enough', () => {
    const terms = buildTerms(proposal({ milestones: [milestone({ inspection_period: 'P3D' })] }), context({ live: true })); // prettier-ignore
    expect(terms.milestones[0]!.inspectionMs).toBe(3 * DAY_MS);
  });

  test('a charge over milestones takes their amounts and the buyer’s fees', () => {
    const terms = twoSellers({ feePayer: 'buyer' });
    expect(chargeMinor(terms.milestones)).toBe(22_000n);
    expect(chargeMinor(terms.milestones.slice(0, 1))).toBe(11_000n);
  });

  test('parties are the buyer and each seller once', () => {
    expect(partiesOf(twoSellers())).toEqual([BUYER.id, SELLER.id, OTHER_SELLER.id]);
    expect(partiesOf(buildTerms(proposal({ milestones: [milestone(), milestone({ id: 'ms_2' })] }), context()))).toEqual([BUYER.id, SELLER.id]); // prettier-ignore
  });

  test('the policy says in words what a refund and a lost chargeback do', () => {
    const words = [{ fee_return: 'full' as const }, { fee_return: 'none' as const }, { chargeback_loss: 'platform' as const }].map((policy) => policyInWords(buildTerms(proposal({ policy }), context()).policy)); // prettier-ignore
    expect(new Set(words.map((w) => w.fee_return)).size).toBe(2);
    expect(words[2]!.loss).toContain('platform');
    expect(words[2]!.dispute_fee).toContain('platform');
    const passedOn = buildTerms(proposal({ policy: { dispute_fee: 'seller' } }), context()).policy;
    expect(policyInWords(passedOn).dispute_fee).toContain('sellers');
    // Terms from before the field.
    expect(policyInWords({ ...passedOn, disputeFee: undefined }).dispute_fee).toContain('platform');
    expect(passedOn.clawback).toBe('at_loss');
    const held = buildTerms(proposal({ policy: { clawback: 'at_opening' } }), context()).policy;
    expect([policyInWords(held).clawback, policyInWords({ ...held, clawback: undefined }).clawback]).toEqual([expect.stringContaining('held'), expect.stringContaining('stays with its sellers')]); // prettier-ignore
  });
});

describe('holding limits', () => {
  test.each([
    ['US', 730],
    ['TH', 10],
    ['DE', 90],
  ])('%s: %d days', (country, days) => {
    expect(holdingLimitMs(country)).toBe(days * DAY_MS);
  });

  test('due date, inspection and 49 days of dispute must fit, to the day', () => {
    const due = (n: number) => proposal({ milestones: [milestone({ due_at: day(n), inspection_period: 'P14D' })] });
    const germany = context({ platformCountry: 'DE' });
    expect(() => buildTerms(due(90 - 14 - 49), germany)).not.toThrow();
    expect(() => buildTerms(due(90 - 14 - 49 + 1), germany)).toThrow(expect.objectContaining({ code: 'holding_limit_exceeded' })); // prettier-ignore
  });

  test('without a due date the start counts', () => {
    const starts = proposal({ milestones: [milestone({ starts_at: day(680) })] });
    expect(() => buildTerms(starts, context())).toThrow(expect.objectContaining({ code: 'holding_limit_exceeded' }));
  });
});

describe('what the buyer is charged can be charged', () => {
  test('in every currency, for every side, also one milestone at a time', () => {
    const feePayer = fc.constantFrom('seller' as const, 'buyer' as const, 'shared' as const);
    fc.assert(
      fc.property(fc.constantFrom(...CURRENCIES), fc.integer({ min: 1, max: 5000 }), fc.nat(3000), fc.nat(200), feePayer, (currency, n, rateBps, floor, payer) => {
        const { multiple, minimumMinor } = currencyRule(currency);
        const amount = Number((BigInt(n) * 7n + minimumMinor + 300n) / multiple * multiple);
        const built = () => buildTerms(proposal({ currency, feePayer: payer, funding: 'per_milestone', milestones: [milestone({ amount })] }), context({ fee: { ...TEN_PERCENT, rateBps, floor } }));
        let terms;
        try {
          terms = built();
        } catch (error) {
          expect(error instanceof RuleError && error.code).toBe('fee_exceeds_amount');
          return;
        }
        const [m] = terms.milestones;
        expect(chargeMinor(terms.milestones) % multiple).toBe(0n);
        expect(BigInt(m!.amount - m!.sellerFee) % multiple).toBe(0n);
      }),
    ); // prettier-ignore
  });

  test('an amount that its own fee lifts over the largest charge is refused, however it is paid', () => {
    for (const funding of ['upfront', 'per_milestone'] as const) {
      const big = proposal({ funding, feePayer: 'buyer', milestones: [milestone({ amount: 95_000_000 })] });
      expect(() => buildTerms(big, context())).toThrow(expect.objectContaining({ code: 'amount_too_large' }));
    }
  });
});

describe('canonical text', () => {
  test('the order in which keys were written does not matter, at any depth', () => {
    const shuffled = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shuffled);
      if (value === null || typeof value !== 'object') return value;
      return Object.fromEntries(Object.entries(value).reverse().map(([k, v]) => [k, shuffled(v)])); // prettier-ignore
    };
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        expect(canonicalJson(shuffled(value))).toBe(canonicalJson(value));
      }),
    );
  });

  test('it survives a journey through JSON, and says all of it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4, noUnicodeString: false }), (value) => {
        const travelled = JSON.parse(JSON.stringify(value)) as unknown;
        expect(canonicalJson(travelled)).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(travelled);
      }),
    );
  });

  test('what is left out and what is undefined are the same', () => {
    expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}');
  });

  test('terms built twice have one text; any other amount, date or party another', () => {
    const text = canonicalTerms(twoSellers());
    expect(canonicalTerms(twoSellers())).toBe(text);
    const others = [
      twoSellers({ milestones: [milestone(), milestone({ id: 'ms_2', seller_id: OTHER_SELLER.id, amount: 10_001 })] }),
      twoSellers({ milestones: [milestone({ due_at: day(5) }), milestone({ id: 'ms_2', seller_id: OTHER_SELLER.id })] }),
      twoSellers({ buyerId: 'usr_somebody' }),
      twoSellers({ policy: { max_rounds: 2 } }),
    ]; // prettier-ignore
    expect(new Set([text, ...others.map(canonicalTerms)]).size).toBe(5);
  });
});
