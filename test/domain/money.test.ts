// Money never loses a unit, in any order of its pieces, and every currency keeps Stripe's rules for it.
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { RuleError } from '../../domain/errors.ts';
import { allocate, checkAmount, CURRENCIES, currencyRule, MAX_CHARGE_MINOR, MAX_CHARGE_ZERO_DECIMAL_MINOR, plainMoney, share, slice, toInteger, toMinor } from '../../domain/money.ts'; // prettier-ignore

const sum = (parts: readonly bigint[]) => parts.reduce((a, b) => a + b, 0n);
const amount = fc.bigInt({ min: 0n, max: 10n ** 15n });

function codeOf(act: () => unknown): string | null {
  try {
    act();
    return null;
  } catch (error) {
    if (error instanceof RuleError) return error.code;
    throw error;
  }
}

describe('allocate', () => {
  test('the parts sum to the total, and no part strays a unit from its exact share', () => {
    fc.assert(
      fc.property(amount, fc.array(amount, { minLength: 1, maxLength: 12 }), (total, weights) => {
        const parts = allocate(total, weights);
        const whole = sum(weights);
        expect(sum(parts)).toBe(total);
        if (whole === 0n) return;
        parts.forEach((part, i) => {
          const floor = (total * weights[i]!) / whole;
          expect(part === floor || part === floor + 1n).toBe(true);
        });
      }),
    );
  });

  test('equal weights differ by at most one unit, the earlier first', () => {
    expect(allocate(10n, [1n, 1n, 1n])).toEqual([4n, 3n, 3n]);
    expect(allocate(2n, [5n, 5n, 5n])).toEqual([1n, 1n, 0n]);
  });

  test('a weight of nothing gets nothing while another weighs something', () => {
    fc.assert(
      fc.property(amount, fc.array(fc.bigInt({ min: 1n, max: 1000n }), { minLength: 1, maxLength: 6 }), (total, weights) => {
        const parts = allocate(total, weights.flatMap((w) => [w, 0n])); // prettier-ignore
        expect(parts.filter((_, i) => i % 2 === 1).every((p) => p === 0n)).toBe(true);
      }),
    ); // prettier-ignore
    expect(allocate(7n, [0n, 0n])).toEqual([7n, 0n]);
  });

  test('equal amounts in the same currency come back as they were', () => {
    fc.assert(
      fc.property(fc.array(amount, { minLength: 1, maxLength: 12 }), (weights) => {
        expect(allocate(sum(weights), weights)).toEqual(sum(weights) === 0n ? weights.map(() => 0n) : weights);
      }),
    );
  });

  test('negative amounts and no parts at all are faults', () => {
    expect(codeOf(() => allocate(-1n, [1n]))).toBe('invariant_broken');
    expect(codeOf(() => allocate(1n, [-1n, 2n]))).toBe('invariant_broken');
    expect(codeOf(() => allocate(1n, []))).toBe('invariant_broken');
  });
});

describe('slices', () => {
  test('pieces that cover the whole sum to the total, in whatever order they are taken', () => {
    const pieces = fc.array(fc.bigInt({ min: 1n, max: 10n ** 7n }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(amount, pieces, fc.array(fc.nat()), (total, parts, order) => {
        const whole = sum(parts);
        const ends = parts.map((p, i) => ({ from: sum(parts.slice(0, i)), piece: p }));
        const shuffled = ends.map((e, i) => ({ e, key: order[i] ?? 0 })).sort((a, b) => a.key - b.key);
        const taken = shuffled.map(({ e }) => slice(total, e.from, e.piece, whole));
        expect(sum(taken)).toBe(total);
        expect(taken.every((t) => t >= 0n)).toBe(true);
      }),
    );
  });

  test('the whole gives all, nothing gives nothing, and beyond the whole is a fault', () => {
    expect(share(1001n, 7n, 7n)).toBe(1001n);
    expect(share(1001n, 0n, 7n)).toBe(0n);
    expect(codeOf(() => share(1n, 8n, 7n))).toBe('invariant_broken');
    expect(codeOf(() => share(1n, 0n, 0n))).toBe('invariant_broken');
  });
});

describe('currencies', () => {
  test('each has its exponent, its multiple and a minimum that can be paid', () => {
    const zero = 'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' ');
    const three = 'bhd jod kwd omr tnd'.split(' ');
    for (const code of CURRENCIES) {
      const rule = currencyRule(code);
      expect([code, rule.exponent]).toEqual([code, zero.includes(code) ? 0 : three.includes(code) ? 3 : 2]);
      const multiple = three.includes(code) ? 10n : code === 'isk' || code === 'ugx' ? 100n : 1n;
      expect([code, rule.multiple]).toEqual([code, multiple]);
      // A minimum that breaks the currency's own multiple could never be charged.
      const smallest = ((rule.minimumMinor + rule.multiple - 1n) / rule.multiple) * rule.multiple;
      expect(() => checkAmount(code, smallest)).not.toThrow();
      if (rule.minimumMinor > 1n) expect(codeOf(() => checkAmount(code, smallest - rule.multiple))).not.toBeNull();
    }
    expect(CURRENCIES.length).toBeGreaterThan(50);
    for (const code of [...zero, ...three]) expect(CURRENCIES).toContain(code);
  });

  test('the stated minimums hold', () => {
    expect(codeOf(() => checkAmount('usd', 49n))).toBe('amount_too_small');
    expect(codeOf(() => checkAmount('usd', 50n))).toBeNull();
    expect(codeOf(() => checkAmount('eur', 49n))).toBe('amount_too_small');
    expect(codeOf(() => checkAmount('gbp', 29n))).toBe('amount_too_small');
    expect(codeOf(() => checkAmount('gbp', 30n))).toBeNull();
    expect(codeOf(() => checkAmount('jpy', 49n))).toBe('amount_too_small');
    expect(codeOf(() => checkAmount('jpy', 50n))).toBeNull();
  });

  test('three-decimal amounts end in 0, ISK and UGX are whole units', () => {
    expect(codeOf(() => checkAmount('kwd', 12_345n))).toBe('amount_invalid');
    expect(codeOf(() => checkAmount('kwd', 12_340n))).toBeNull();
    expect(codeOf(() => checkAmount('isk', 10_050n))).toBe('amount_invalid');
    expect(codeOf(() => checkAmount('ugx', 10_100n))).toBeNull();
  });

  test('too much, nothing, less than nothing and unknown are told apart, with the parameter at fault', () => {
    expect(codeOf(() => checkAmount('usd', MAX_CHARGE_MINOR))).toBeNull();
    expect(codeOf(() => checkAmount('usd', MAX_CHARGE_MINOR + 1n))).toBe('amount_too_large');
    expect(codeOf(() => checkAmount('jpy', MAX_CHARGE_MINOR + 1n))).toBeNull();
    expect(codeOf(() => checkAmount('jpy', MAX_CHARGE_ZERO_DECIMAL_MINOR + 1n))).toBe('amount_too_large');
    expect(codeOf(() => checkAmount('usd', 0n))).toBe('amount_invalid');
    expect(codeOf(() => checkAmount('usd', -50n))).toBe('amount_invalid');
    expect(codeOf(() => currencyRule('xxx'))).toBe('currency_unsupported');
    expect(codeOf(() => currencyRule('USD'))).toBe('currency_unsupported');
    expect(() => checkAmount('usd', 1n, 'milestones[3].amount')).toThrow(expect.objectContaining({ param: 'milestones[3].amount' })); // prettier-ignore
  });

  test('the names of objects are no currencies', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(codeOf(() => currencyRule(name))).toBe('currency_unsupported');
    }
  });
});

describe('the border to JSON', () => {
  test('safe integers go both ways, others are refused', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (n) => {
        expect(toInteger(toMinor(n))).toBe(n);
      }),
    );
    expect(codeOf(() => toInteger(2n ** 53n))).toBe('invariant_broken');
    expect(codeOf(() => toMinor(0.5))).toBe('invariant_broken');
    expect(codeOf(() => toMinor(Number.NaN))).toBe('invariant_broken');
  });
});

test('plain words keep every digit', () => {
  expect(plainMoney(1250n, 'usd')).toBe('USD 12.50');
  expect(plainMoney(5, 'usd')).toBe('USD 0.05');
  expect(plainMoney(-123_456_789n, 'usd')).toBe('USD -1,234,567.89');
  expect(plainMoney(1_234_567n, 'jpy')).toBe('JPY 1,234,567');
  expect(plainMoney(12_340n, 'kwd')).toBe('KWD 12.340');
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), fc.constantFrom(...CURRENCIES), (minor, code) => {
      expect(BigInt(plainMoney(minor, code).slice(4).replace(/[.,]/g, ''))).toBe(minor);
    }),
  );
});
