// Countries in which a connected account can be opened, and the currency that each settles in by default.

const CURRENCY: Record<string, string> = {
  US: 'usd',
  GB: 'gbp',
  JP: 'jpy',
  CA: 'cad',
  AU: 'aud',
  NZ: 'nzd',
  CH: 'chf',
  LI: 'chf',
  SE: 'sek',
  NO: 'nok',
  DK: 'dkk',
  PL: 'pln',
  CZ: 'czk',
  HU: 'huf',
  RO: 'ron',
  BG: 'bgn',
  SG: 'sgd',
  HK: 'hkd',
  MX: 'mxn',
  BR: 'brl',
  TH: 'thb',
  MY: 'myr',
  AE: 'aed',
  IN: 'inr',
};
for (const country of 'AT BE CY DE EE ES FI FR GI GR HR IE IT LT LU LV MT NL PT SI SK'.split(' '))
  CURRENCY[country] = 'eur';

export function currencyOfCountry(country: string): string | null {
  return CURRENCY[country] ?? null;
}
