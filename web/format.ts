// Money, moments and spans of time as a reader writes them (Intl), and amounts as people type them.
import { currencyRule } from '../domain/money.ts';
import { DAY_MS } from '../domain/periods.ts';
import type { Reader } from './reader.ts';

/**
 * A formatter for each of its arguments, made once: making one costs a hundred times what using it does. Readers choose locale
 * and zone, so that no more are kept than so many.
 */
function once<Format>(make: (...of: string[]) => Format): (...of: string[]) => Format {
  const known = new Map<string, Format>();
  return (...of) => {
    const key = of.join(' ');
    let format = known.get(key);
    if (format === undefined) {
      format = make(...of);
      if (known.size === MOST_KEPT) known.clear();
      known.set(key, format);
    }
    return format;
  };
}
const MOST_KEPT = 200;

export interface Amount {
  amount: number | bigint;
  currency: string;
}

/** "12.50" from 1250n usd: exact, whatever the size. */
export function decimalOf({ amount, currency }: Amount): string {
  const { exponent } = currencyRule(currency);
  const minor = BigInt(amount);
  const digits = (minor < 0n ? -minor : minor).toString().padStart(exponent + 1, '0');
  const whole = exponent === 0 ? digits : digits.slice(0, -exponent);
  const sign = minor < 0n ? '-' : '';
  return exponent === 0 ? `${sign}${whole}` : `${sign}${whole}.${digits.slice(-exponent)}`;
}

const moneyFormat = once((locale, currency) => {
  const { exponent } = currencyRule(currency!);
  return new Intl.NumberFormat(locale, {
    style: 'currency',
    currency: currency!.toUpperCase(),
    currencyDisplay: 'narrowSymbol',
    minimumFractionDigits: exponent,
    maximumFractionDigits: exponent,
  });
});

/** In the reader's locale, with every decimal that Stripe counts for the currency. */
export function formatMoney(locale: string, money: Amount): string {
  // A string keeps every digit, where a number would round beyond 2^53. Its type wants a literal.
  return moneyFormat(locale, money.currency).format(decimalOf(money) as `${number}`);
}

/** "1,250.5" → 125050 for usd. Null: not an amount of this currency. */
export function parseAmount(text: string, currency: string): number | null {
  const { exponent } = currencyRule(currency);
  const match = /^(\d{1,3}(?:[,’' ]\d{3})+|\d{1,15})(?:\.(\d+))?$/.exec(text.trim());
  if (match === null) return null;
  const whole = match[1]!.replaceAll(/[,’' ]/g, '');
  const rest = match[2] ?? '';
  if (rest.length > exponent) return null;
  const minor = Number(`${whole}${rest.padEnd(exponent, '0')}`);
  return Number.isSafeInteger(minor) ? minor : null;
}

type When = string | number | Date;

const momentFormat = once(
  (locale, timeZone) =>
    new Intl.DateTimeFormat(locale, {
      day: 'numeric',
      month: 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      timeZone,
      timeZoneName: 'short',
    }),
);

export function formatMoment({ locale, timeZone }: Pick<Reader, 'locale' | 'timeZone'>, when: When): string {
  return momentFormat(locale, timeZone).format(new Date(when));
}

const dayFormat = once(
  (locale, timeZone) => new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric', timeZone }),
);

export function formatDay({ locale, timeZone }: Pick<Reader, 'locale' | 'timeZone'>, when: When): string {
  return dayFormat(locale, timeZone).format(new Date(when));
}

const UNITS: readonly [number, string][] = [
  [DAY_MS, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1000, 'second'],
];

/** The two largest units: "13 days 4 hours", "2 minutes 5 seconds". */
export function formatSpan(ms: number): string {
  const first = UNITS.findIndex(([size]) => ms >= size);
  if (first < 0) return 'less than a second';
  const [size] = UNITS[first]!;
  const count = Math.floor(ms / size);
  const second = UNITS[first + 1];
  const rest = second === undefined ? 0 : Math.floor((ms - count * size) / second[0]);
  return [counted(count, UNITS[first]![1]), ...(second !== undefined && rest > 0 ? [counted(rest, second[1])] : [])].join(' '); // prettier-ignore
}

export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** The last second of a day ("2027-03-01") where the reader lives, as an ISO instant. Null: no such day. */
export function endOfDay(day: string, timeZone: string): string | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) return null;
  const utc = Date.parse(`${day}T23:59:59Z`);
  if (Number.isNaN(utc)) return null;
  // The zone's offset at that moment; asked again at the result, because it may change in between.
  const guess = utc - offsetAt(utc, timeZone);
  return new Date(utc - offsetAt(guess, timeZone)).toISOString();
}

function offsetAt(at: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    hourCycle: 'h23',
  }).formatToParts(new Date(at));
  const of = (type: string) => Number(parts.find((part) => part.type === type)?.value ?? 0);
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second')) - at;
}

/** "312 KB", "4.2 MB": as people read the size of a file. */
export function formatSize(bytes: number): string {
  if (bytes < 1024) return counted(bytes, 'byte');
  const kilo = bytes / 1024;
  return kilo < 1024 ? `${Math.ceil(kilo)} KB` : `${(kilo / 1024).toFixed(1).replace(/\.0$/, '')} MB`;
}
