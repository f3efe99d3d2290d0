// ISO 8601 periods: what is read, what is refused, and how long it is.
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { DAY_MS, parsePeriod, periodInWords } from '../../domain/periods.ts';

test.each([
  ['P14D', 14 * DAY_MS],
  ['P2W', 14 * DAY_MS],
  ['P1DT12H', 1.5 * DAY_MS],
  ['PT12H', 0.5 * DAY_MS],
  ['PT90M', 5_400_000],
  ['PT2S', 2000],
  ['PT0.5S', 500],
  ['PT1.234S', 1234],
  ['P0D', 0],
])('%s is %d ms', (text, ms) => {
  expect(parsePeriod(text)).toBe(ms);
});

test.each([
  '', 'P', 'PT', 'P1DT', '14D', 'P1M', 'P1Y', 'P-1D', '-P1D', 'P1.5D', 'PT1.2345S', 'P1WT1H', 'P1D ', 'p1d', 'PT1S1M', '1209600000',
])('%j is no period, and the parameter is named', (text) => {
  expect(() => parsePeriod(text, 'policy.agree')).toThrow(expect.objectContaining({ code: 'period_invalid', param: 'policy.agree' }));
}); // prettier-ignore

test('days, hours, minutes and seconds add up, and a day is always 24 hours', () => {
  const n = fc.nat(1000);
  fc.assert(
    fc.property(n, n, n, n, (d, h, m, s) => {
      expect(parsePeriod(`P${d}DT${h}H${m}M${s}S`)).toBe(((d * 24 + h) * 60 + m) * 60_000 + s * 1000);
    }),
  );
});

test('ten years are the most', () => {
  expect(parsePeriod('P3650D')).toBe(3650 * DAY_MS);
  expect(() => parsePeriod('P3651D')).toThrow(expect.objectContaining({ code: 'period_invalid' }));
  expect(() => parsePeriod('P99999999999999999999D')).toThrow(expect.objectContaining({ code: 'period_invalid' }));
});

test('words for people', () => {
  expect(periodInWords(14 * DAY_MS)).toBe('14 days');
  expect(periodInWords(DAY_MS)).toBe('1 day');
  expect(periodInWords(3 * 3_600_000)).toBe('3 hours');
  expect(periodInWords(60_000)).toBe('1 minute');
  expect(periodInWords(45_000)).toBe('45 seconds');
  expect(periodInWords(20)).toBe('20 ms');
});
