// Money in integer minor units: every currency's rules, exact sharing, and the one border between bigint and JSON.
import { assert, RuleError } from './errors.ts';

export interface CurrencyRule {
  /** ISO 4217, lower case as Stripe writes it. */
  code: string;
  /** Digits after the decimal point as Stripe's API counts them (ISK and UGX are two-decimal there). */
  exponent: 0 | 2 | 3;
  /** A charge amount must be a multiple of this (three-decimal currencies: last digit 0; ISK, UGX: whole units). */
  multiple: bigint;
  /** Smallest charge that Stripe takes, or 1 where Stripe states none of its own and converts. */
  minimumMinor: bigint;
}

const ZERO_DECIMAL = 'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' ');
const THREE_DECIMAL = 'bhd jod kwd omr tnd'.split(' ');
const WHOLE_UNITS = 'isk ugx'.split(' ');
const TWO_DECIMAL =
  'aed ars aud bgn brl cad chf cop cny czk dkk egp eur gbp hkd huf idr ils inr kes mad mxn myr ngn nok nzd pen php pkr pln qar ron sar sek sgd thb try twd uah usd uyu zar'.split(
    ' ',
  );

// Stripe, "Minimum and maximum charge amounts": per settlement currency.
const MINIMUM: Record<string, bigint> = {
  usd: 50n, aed: 200n, aud: 50n, bgn: 100n, brl: 50n, cad: 50n, chf: 50n, czk: 1500n, dkk: 250n, eur: 50n, gbp: 30n,
  hkd: 400n, huf: 17500n, inr: 50n, jpy: 50n, mxn: 1000n, myr: 200n, nok: 300n, nzd: 50n, pln: 200n, ron: 200n,
  sek: 300n, sgd: 50n, thb: 1000n,
}; // prettier-ignore

const RULES = new Map<string, CurrencyRule>();
for (const code of [...ZERO_DECIMAL, ...TWO_DECIMAL, ...THREE_DECIMAL, ...WHOLE_UNITS]) {
  const exponent = ZERO_DECIMAL.includes(code) ? 0 : THREE_DECIMAL.includes(code) ? 3 : 2;
  const multiple = THREE_DECIMAL.includes(code) ? 10n : WHOLE_UNITS.includes(code) ? 100n : 1n;
  const fallback = exponent === 0 ? 50n : exponent === 3 ? 150n : 50n;
  RULES.set(code, { code, exponent, multiple, minimumMinor: MINIMUM[code] ?? fallback });
}

/** Stripe takes at most eight digits (twelve for a few currencies); eight is the limit that always holds. */
export const MAX_CHARGE_MINOR = 99_999_999n;
/** Zero-decimal amounts of everyday size need more digits; Stripe allows twelve for IDR and the like. */
export const MAX_CHARGE_ZERO_DECIMAL_MINOR = 9_999_999_999n;

/** Every currency that terms may name, sorted. */
export const CURRENCIES: readonly string[] = [...RULES.keys()].sort();

/** @throws RuleError currency_unsupported */
export function currencyRule(code: string): CurrencyRule {
  const rule = RULES.get(code);
  if (!rule) {
    throw new RuleError('currency_unsupported', `${JSON.stringify(code)} is not a currency that can be held here. Use a lower-case ISO 4217 code such as "usd".`, 'currency'); // prettier-ignore
  }
  return rule;
}

/** Checks that an amount may be charged in a currency. @throws RuleError amount_invalid, amount_too_small, amount_too_large */
export function checkAmount(currency: string, amountMinor: bigint, param = 'amount'): void {
  const rule = currencyRule(currency);
  if (amountMinor <= 0n) throw new RuleError('amount_invalid', 'The amount must be greater than zero.', param);
  if (amountMinor % rule.multiple !== 0n) {
    throw new RuleError('amount_invalid', `Amounts in ${currency.toUpperCase()} must be a multiple of ${rule.multiple} minor units (Stripe's rule for this currency).`, param); // prettier-ignore
  }
  if (amountMinor < rule.minimumMinor) {
    throw new RuleError('amount_too_small', `The smallest amount in ${currency.toUpperCase()} is ${rule.minimumMinor} minor units (Stripe's minimum charge).`, param); // prettier-ignore
  }
  const most = rule.exponent === 0 ? MAX_CHARGE_ZERO_DECIMAL_MINOR : MAX_CHARGE_MINOR;
  if (amountMinor > most) {
    throw new RuleError('amount_too_large', `The largest amount in ${currency.toUpperCase()} is ${most} minor units (Stripe's maximum charge).`, param); // prettier-ignore
  }
}

/** bigint → safe integer, for Temporal payloads and JSON (a bigint there fails the workflow task again and again). */
export function toInteger(amountMinor: bigint): number {
  const n = Number(amountMinor);
  assert(Number.isSafeInteger(n), `amount ${amountMinor} is beyond the safe integers`);
  return n;
}

/** Safe integer from Temporal or JSON → bigint. */
export function toMinor(amount: number): bigint {
  assert(Number.isSafeInteger(amount), `amount ${amount} is not a safe integer`);
  return BigInt(amount);
}

/**
 * Splits a total over weights by largest remainder: the parts sum to the total exactly, and equal weights differ by at
 * most one unit. Ties go to the earlier part. With all weights 0 the first part takes everything.
 */
export function allocate(totalMinor: bigint, weights: readonly bigint[]): bigint[] {
  assert(weights.length > 0, 'allocate needs at least one weight');
  assert(totalMinor >= 0n && weights.every((w) => w >= 0n), 'allocate takes no negative amounts');
  const sum = weights.reduce((a, w) => a + w, 0n);
  if (sum === 0n) return weights.map((_, i) => (i === 0 ? totalMinor : 0n));
  const parts = weights.map((w) => (totalMinor * w) / sum);
  const byRemainder = weights
    .map((w, i) => ({ i, remainder: (totalMinor * w) % sum }))
    .sort((a, b) => (a.remainder === b.remainder ? a.i - b.i : a.remainder > b.remainder ? -1 : 1));
  let left = totalMinor - parts.reduce((a, p) => a + p, 0n);
  for (const { i } of byRemainder) {
    if (left === 0n) break;
    parts[i] = parts[i]! + 1n;
    left -= 1n;
  }
  return parts;
}

/** The part of `total` that belongs to the first `upTo` of `whole`, rounded down: successive differences lose no unit. */
export function share(totalMinor: bigint, upToMinor: bigint, wholeMinor: bigint): bigint {
  assert(wholeMinor > 0n && upToMinor >= 0n && upToMinor <= wholeMinor, 'share takes 0 ≤ upTo ≤ whole');
  return (totalMinor * upToMinor) / wholeMinor;
}

/** What the piece `[from, from + piece)` of `whole` takes of `total`; pieces that cover the whole sum to the total. */
export function slice(totalMinor: bigint, fromMinor: bigint, pieceMinor: bigint, wholeMinor: bigint): bigint {
  return share(totalMinor, fromMinor + pieceMinor, wholeMinor) - share(totalMinor, fromMinor, wholeMinor);
}

/** For words on pages and in Temporal UI: "USD 12.50". Pages for people format with Intl in the reader's locale. */
export function plainMoney(amount: bigint | number, currency: string): string {
  const { exponent } = currencyRule(currency);
  const minor = BigInt(amount);
  const sign = minor < 0n ? '-' : '';
  const digits = (minor < 0n ? -minor : minor).toString().padStart(exponent + 1, '0');
  const whole = exponent ? digits.slice(0, -exponent) : digits;
  const rest = exponent ? `.${digits.slice(-exponent)}` : '';
  return `${currency.toUpperCase()} ${sign}${whole.replace(/\B(?=(\d{3})+$)/g, ',')}${rest}`;
}
