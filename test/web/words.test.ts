// What pages write: amounts, days and spans as people write them, and words for everything that the workflow can say.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ALERT_KINDS } from '../../domain/alerts.ts';
import type { RefundPart } from '../../domain/escrow-state.ts';
import { alertWords } from '../../web/alert-words.ts';
import {
  decimalOf,
  endOfDay,
  formatDay,
  formatMoment,
  formatMoney,
  formatSpan,
  parseAmount,
} from '../../web/format.ts';
import { ownPath } from '../../web/page.ts';
import { milestoneStatus } from '../../web/parts/milestone-row.tsx';
import { knownTimeZone } from '../../web/reader.ts';
import { milestoneIn, twoSellers } from '../domain/fixtures.ts';
import { EVENTS } from '../../web/words.ts';

test.each([
  ['1,250.50', 'usd', 125_050],
  ['1250.5', 'usd', 125_050],
  ['1250', 'usd', 125_000],
  ['50000', 'jpy', 50_000],
  ['1.234', 'bhd', 1_234],
  ['0.1', 'usd', 10],
  ['12.505', 'usd', null],
  ['500.5', 'jpy', null],
  ['1,25', 'usd', null],
  ['-5', 'usd', null],
  ['1e3', 'usd', null],
  ['', 'usd', null],
  ['99999999999999999', 'usd', null],
])('%s in %s is read as %s', (text, currency, expected) => expect(parseAmount(text, currency)).toBe(expected));

test('an amount is shown with every digit, also beyond what a number holds', () => {
  expect(formatMoney('en', { amount: 9_007_199_254_740_993n, currency: 'usd' })).toBe('$90,071,992,547,409.93');
  expect(formatMoney('de', { amount: 123_456, currency: 'eur' })).toBe('1.234,56\u00a0€');
  expect(formatMoney('en', { amount: 500, currency: 'jpy' })).toBe('¥500');
  expect(decimalOf({ amount: -5, currency: 'usd' })).toBe('-0.05');
});

test('each reader has their own locale, zone and currency, however many readers there are', () => {
  const at = Date.parse('2026-11-21T23:30:00Z');
  const write = (locale: string, timeZone: string, currency: string) => [
    formatMoment({ locale, timeZone }, at),
    formatDay({ locale, timeZone }, at),
    formatMoney(locale, { amount: 1250, currency }),
  ];
  const english = ['Nov 21, 2026, 23:30 UTC', 'Nov 21, 2026', '$12.50'];
  expect(write('en', 'UTC', 'usd')).toEqual(english);
  expect(write('de', 'Europe/Berlin', 'eur')).toEqual(['22. Nov. 2026, 00:30 MEZ', '22. Nov. 2026', '12,50\u00a0€']);
  expect(write('de', 'UTC', 'jpy')).toEqual(['21. Nov. 2026, 23:30 UTC', '21. Nov. 2026', '1.250\u00a0¥']);
  for (const timeZone of Intl.supportedValuesOf('timeZone').slice(0, 250)) formatMoment({ locale: 'en', timeZone }, at);
  expect(write('en', 'UTC', 'usd')).toEqual(english);
});

describe('the end of a day', () => {
  test.each([
    ['2027-03-01', 'UTC', '2027-03-01T23:59:59.000Z'],
    ['2027-03-01', 'Europe/Berlin', '2027-03-01T22:59:59.000Z'],
    ['2027-03-28', 'Europe/Berlin', '2027-03-28T21:59:59.000Z'],
    ['2027-10-31', 'America/New_York', '2027-11-01T03:59:59.000Z'],
  ])('%s in %s is %s', (day, zone, expected) => expect(endOfDay(day, zone)).toBe(expected));
  test.each(['2027-13-01', 'tomorrow', '2027-3-1'])('%s is no day', (day) => expect(endOfDay(day, 'UTC')).toBeNull());
});

test.each([
  [14 * 86_400_000 - 1, '13 days 23 hours'],
  [3_600_000, '1 hour'],
  [125_000, '2 minutes 5 seconds'],
  [999, 'less than a second'],
])('%s ms are %s', (ms, expected) => expect(formatSpan(ms)).toBe(expected));

test('a cookie’s time zone counts only where it is one', () => {
  expect(knownTimeZone('Asia/Tokyo')).toBe('Asia/Tokyo');
  expect([knownTimeZone('Nowhere/Here'), knownTimeZone('x'.repeat(80)), knownTimeZone(undefined)]).toEqual([
    null,
    null,
    null,
  ]);
});

test.each([
  ['/escrows?show=done', true],
  ['//evil', false],
  ['/\\evil', false],
  ['https://evil', false],
  ['/a\nb', false],
])('%j is our own path: %s', (given, ours) => expect(ownPath(given) !== null).toBe(ours));

test('the timeline has words for every event that the workflow writes', () => {
  const folder = path.join(import.meta.dirname, '../../workflows');
  const source = readdirSync(folder)
    .map((file) => readFileSync(path.join(folder, file), 'utf8'))
    .join('\n');
  const literal = [...source.matchAll(/(?:mark\.event|said)\(\s*'([a-z_.]+)'/g)].map((match) => match[1]!);
  expect(literal.length).toBeGreaterThan(20);
  expect(literal.filter((type) => (EVENTS as Record<string, string>)[type] === undefined)).toEqual([]);
});

test('a milestone whose money the bank took is not called refunded', () => {
  const part = (more: Partial<RefundPart>): RefundPart => ({ id: 'rfd_1', part: 1, amount: 5000, chargeAmount: 5000, principal: 5000, buyerFee: 0, buyerFeeReturned: 0, status: 'succeeded', generation: 1, stripeRefundId: null, reason: '', before: 'funded', ...more }); // prettier-ignore
  const said = (...refunds: RefundPart[]) => milestoneStatus(milestoneIn('refunded', twoSellers().milestones[0]!, { refunded: 5000 * refunds.length, refunds })).label; // prettier-ignore
  expect(said(part({}), part({}))).toMatch(/^Refunded/);
  // Taken of what was held, or of what was promised and never left.
  expect(said(part({ id: 'dsp_1_1' }), part({ status: 'charged_back' }))).toBe('Charged back by the buyer’s bank');
  expect(said(part({}), part({ status: 'charged_back' }))).toBe('Refunded, and charged back in part');
});

test('the runbook has a line for every alert that the product raises, with what to do', () => {
  const runbook = readFileSync(new URL('../../docs/operator.md', import.meta.url), 'utf8').replaceAll(/ +/g, ' ');
  expect(ALERT_KINDS.filter((kind) => !runbook.includes(`| \`${kind}\` | ${alertWords(kind).label} | ${alertWords(kind).todo} |`))).toEqual([]); // prettier-ignore
});

test('an alert of a kind that this version does not know is shown by its name, for a person to look at', () => {
  expect(alertWords('solar_flare.seen')).toEqual({ label: 'solar flare seen', todo: expect.stringContaining('look the object up') }); // prettier-ignore
  expect(alertWords('transfer_refused').label).toBe('Stripe refused a transfer');
});
