// Currencies: minor units, minimums, fees, and the table of rates by which foreign charges settle in usd.
import { invalid } from './errors.ts';

const ZERO_DECIMAL = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '));
const THREE_DECIMAL = new Set('bhd jod kwd omr tnd'.split(' '));
/** Two-decimal on the wire, but without subunits: multiples of 100. */
const WHOLE_HUNDREDS = new Set(['isk', 'ugx']);
export const SETTLEMENT = ['usd', 'eur', 'gbp', 'jpy', 'cad', 'aud', 'chf'] as const;

/** US dollars for one major unit, before the daily drift. */
const USD_PER_UNIT: Record<string, number> = {
  usd: 1,
  eur: 1.09,
  gbp: 1.27,
  jpy: 0.0067,
  cad: 0.73,
  aud: 0.66,
  chf: 1.13,
  sek: 0.096,
  nok: 0.094,
  dkk: 0.146,
  pln: 0.25,
  czk: 0.043,
  huf: 0.0028,
  ron: 0.219,
  bgn: 0.557,
  isk: 0.0072,
  kwd: 3.25,
  bhd: 2.65,
  jod: 1.41,
  omr: 2.6,
  tnd: 0.32,
  aed: 0.2723,
  sar: 0.2666,
  ils: 0.27,
  inr: 0.0119,
  sgd: 0.74,
  hkd: 0.128,
  twd: 0.031,
  thb: 0.028,
  myr: 0.22,
  idr: 0.000062,
  php: 0.0175,
  krw: 0.00073,
  vnd: 0.00004,
  nzd: 0.6,
  mxn: 0.055,
  brl: 0.19,
  clp: 0.00107,
  cop: 0.00025,
  pen: 0.265,
  ars: 0.001,
  uyu: 0.025,
  pyg: 0.00013,
  zar: 0.054,
  kes: 0.0077,
  ngn: 0.00066,
  ghs: 0.068,
  ugx: 0.00027,
  rwf: 0.00076,
  xaf: 0.00166,
  xof: 0.00166,
  xpf: 0.0091,
  bif: 0.00035,
  djf: 0.0056,
  gnf: 0.000116,
  kmf: 0.0022,
  mga: 0.00022,
  vuv: 0.0084,
  try: 0.029,
  uah: 0.024,
};
const MINIMUM: Record<string, number> = {
  usd: 50,
  eur: 50,
  gbp: 30,
  jpy: 50,
  cad: 50,
  aud: 50,
  chf: 50,
  sek: 300,
  nok: 300,
  dkk: 250,
  pln: 200,
  czk: 1500,
  huf: 17_500,
  ron: 200,
  mxn: 1000,
  nzd: 50,
  sgd: 50,
  hkd: 400,
  thb: 1000,
  myr: 200,
  inr: 50,
  brl: 50,
  aed: 200,
};
const DISPUTE_FEE: Record<string, number> = {
  usd: 1500,
  eur: 2000,
  gbp: 2000,
  jpy: 1300,
  cad: 1500,
  aud: 2500,
  chf: 2000,
};
const SYMBOL: Record<string, string> = { usd: '$', eur: '€', gbp: '£', jpy: '¥', cad: 'CA$', aud: 'A$' };
const DAY = 86_400;

export function decimals(currency: string): number {
  if (ZERO_DECIMAL.has(currency)) return 0;
  return THREE_DECIMAL.has(currency) ? 3 : 2;
}

export function settlementCurrency(currency: string): string {
  return (SETTLEMENT as readonly string[]).includes(currency) ? currency : 'usd';
}

export function isCurrency(currency: string): boolean {
  return Object.hasOwn(USD_PER_UNIT, currency);
}

export function checkCurrency(currency: string): void {
  if (isCurrency(currency)) return;
  throw invalid(
    `Invalid currency: ${currency}. Stripe currently supports these currencies: ${Object.keys(USD_PER_UNIT).sort().join(', ')}`,
    { param: 'currency', reading: true },
  );
}

/** The rules that an amount must keep in its currency, whoever sends it. */
export function checkAmount(amount: number, currency: string, param = 'amount'): void {
  checkCurrency(currency);
  const code = 'parameter_invalid_integer';
  if (THREE_DECIMAL.has(currency) && amount % 10 !== 0) {
    throw invalid(
      `Invalid amount. The amount must be a multiple of 10 for ${currency}: three-decimal currencies are rounded to the nearest ten.`,
      { code, param, reading: true },
    );
  }
  if (WHOLE_HUNDREDS.has(currency) && amount % 100 !== 0) {
    throw invalid(`Invalid amount. The amount must be a multiple of 100 for ${currency}.`, {
      code,
      param,
      reading: true,
    });
  }
}

export function checkMinimum(amount: number, currency: string, param = 'amount'): void {
  const least = MINIMUM[currency] ?? minimumByRate(currency);
  if (amount >= least) return;
  throw invalid(
    'The amount must be greater than or equal to the minimum charge amount allowed for your account and the currency set (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).  If you want to save a Payment Method for future use without an immediate payment, use a Setup Intent instead: https://docs.stripe.com/payments/setup-intents',
    { code: 'parameter_invalid_integer', param, reading: true },
  );
}

/** Elsewhere the minimum is what converts to 0.50 of the settlement currency. */
function minimumByRate(currency: string): number {
  return Math.ceil((0.5 / (USD_PER_UNIT[currency] ?? 1)) * 10 ** decimals(currency));
}

export function format(amount: number, currency: string): string {
  const places = decimals(currency);
  const figure = (amount / 10 ** places).toLocaleString('en-US', {
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  });
  const symbol = SYMBOL[currency];
  return symbol ? `${symbol}${figure}` : `${figure} ${currency}`;
}

/** ±1 %, the same on every run: a hash of the currency and the day. */
function drift(currency: string, seconds: number): number {
  let h = Math.floor(seconds / DAY);
  for (const letter of currency) h = Math.imul(h ^ letter.charCodeAt(0), 0x01000193) >>> 0;
  return 1 + ((h % 2001) - 1000) / 100_000;
}

/** Minor units of `to` for one minor unit of `from`, on the day of `seconds`; null when nothing is converted. */
export function exchangeRate(from: string, to: string, seconds: number): number | null {
  if (from === to) return null;
  const usd = (code: string): number =>
    ((USD_PER_UNIT[code] ?? 1) * (code === 'usd' ? 1 : drift(code, seconds))) / 10 ** decimals(code);
  return Number((usd(from) / usd(to)).toPrecision(8));
}

export function convert(amount: number, rate: number | null): number {
  return rate === null ? amount : Math.sign(amount) * Math.round(Math.abs(amount) * rate);
}

export function processingFee(amount: number, currency: string): number {
  return currency === 'jpy' ? Math.round(amount * 0.036) : Math.round(amount * 0.029) + 30;
}

export function disputeFee(currency: string): number {
  return DISPUTE_FEE[currency] ?? 1500;
}
