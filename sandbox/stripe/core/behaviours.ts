// Stripe's test payment methods, and what each of them makes happen.

export type Decline = {
  code: string;
  declineCode: string | null;
  message: string;
  param?: string;
  advice: string | null;
  /** What the card network said: its decline code, and its advice where it gives one. */
  network?: string;
  networkAdvice?: string;
};
export type DisputePlan = { reason: string; inquiry?: boolean };
export type Behaviour = {
  type: 'card' | 'sepa_debit' | 'us_bank_account' | 'ideal';
  brand: string;
  last4: string;
  country: string;
  funding: string;
  /** SCA: 'always' asks again on every payment. */
  authenticate?: 'always';
  decline?: Decline;
  dispute?: DisputePlan;
  fraudWarning?: boolean;
  review?: boolean;
  bypassPending?: boolean;
  refund?: 'pending' | 'fail';
  riskLevel?: string;
  /** A delayed method: seconds until it settles, and how. */
  delay?: { seconds: number; outcome: 'succeeded' | 'failed'; failure?: string };
};

const DAY = 86_400;
const declined = (declineCode: string, more: Partial<Decline> = {}): Decline => ({
  code: 'card_declined',
  declineCode,
  message: 'Your card was declined.',
  advice: 'try_again_later',
  network: '01',
  ...more,
});
const noMore = (network: string): Partial<Decline> => ({ advice: 'do_not_try_again', network, networkAdvice: '01' });
const INSUFFICIENT = declined('insufficient_funds', {
  message: 'Your card has insufficient funds.',
  network: '51',
  networkAdvice: '02',
});

function card(last4: string, more: Partial<Behaviour> = {}): Behaviour {
  return { type: 'card', brand: 'visa', last4, country: 'US', funding: 'credit', ...more };
}

const DECLINES: Record<string, [string, Decline]> = {
  chargeDeclined: ['0002', declined('generic_decline')],
  chargeDeclinedInsufficientFunds: ['9995', INSUFFICIENT],
  chargeDeclinedLostCard: ['9987', declined('lost_card', noMore('41'))],
  chargeDeclinedStolenCard: ['9979', declined('stolen_card', noMore('43'))],
  chargeDeclinedFraudulent: ['0019', declined('fraudulent', noMore('59'))],
  chargeDeclinedVelocityLimitExceeded: [
    '6975',
    declined('card_velocity_exceeded', {
      message: 'Your card was declined for making repeated attempts too frequently or exceeding its amount limit.',
      network: '61',
      networkAdvice: '02',
    }),
  ],
  chargeDeclinedExpiredCard: [
    '0069',
    declined('expired_card', {
      code: 'expired_card',
      message: 'Your card has expired.',
      param: 'exp_month',
      advice: 'confirm_card_data',
      network: '54',
      networkAdvice: '03',
    }),
  ],
  chargeDeclinedIncorrectCvc: [
    '0127',
    declined('incorrect_cvc', {
      code: 'incorrect_cvc',
      message: "Your card's security code is incorrect.",
      param: 'cvc',
      advice: 'confirm_card_data',
      network: '82',
    }),
  ],
  chargeDeclinedProcessingError: [
    '0119',
    declined('processing_error', {
      code: 'processing_error',
      message: 'An error occurred while processing your card. Try again in a little bit.',
      network: '06',
    }),
  ],
  chargeCustomerFail: ['0341', declined('generic_decline')],
  radarBlock: ['0019', declined('fraudulent', noMore('59'))],
};

const SPECIAL: Record<string, Behaviour> = {
  authenticationRequired: card('3184', { authenticate: 'always' }),
  authenticationRequiredOnSetup: card('3155'),
  authenticationRequiredChargeDeclinedInsufficientFunds: card('8260', {
    authenticate: 'always',
    decline: INSUFFICIENT,
  }),
  threeDSecure2Required: card('3220', { authenticate: 'always' }),
  threeDSecureRequired: card('3063', { authenticate: 'always' }),
  threeDSecureRequiredChargeDeclined: card('1629', { authenticate: 'always', decline: declined('generic_decline') }),
  threeDSecureOptional: card('3055'),
  bypassPending: card('0077', { bypassPending: true }),
  createDispute: card('0259', { dispute: { reason: 'fraudulent' } }),
  createDisputeProductNotReceived: card('2685', { dispute: { reason: 'product_not_received' } }),
  createDisputeInquiry: card('1976', { dispute: { reason: 'fraudulent', inquiry: true } }),
  createIssuerFraudRecord: card('5423', { fraudWarning: true }),
  pendingRefund: card('7726', { refund: 'pending' }),
  refundFail: card('5126', { refund: 'fail' }),
  riskLevelElevated: card('9235', { riskLevel: 'elevated', review: true }),
  riskLevelHighest: card('4954', { riskLevel: 'highest' }),
};

const PLAIN: Record<string, Behaviour> = {
  visa: card('4242'),
  visa_debit: card('5556', { funding: 'debit' }),
  mastercard: card('4444', { brand: 'mastercard' }),
  mastercard_debit: card('3222', { brand: 'mastercard', funding: 'debit' }),
  mastercard_prepaid: card('5100', { brand: 'mastercard', funding: 'prepaid' }),
  amex: card('8431', { brand: 'amex' }),
  discover: card('1117', { brand: 'discover' }),
  diners: card('0004', { brand: 'diners' }),
  jcb: card('0505', { brand: 'jcb', country: 'JP' }),
  unionpay: card('0005', { brand: 'unionpay', country: 'CN' }),
  us: card('4242'),
  ...Object.fromEntries(
    (
      [
        ['at', '0003'],
        ['au', '0006'],
        ['be', '0003'],
        ['br', '0002'],
        ['ca', '0000'],
        ['ch', '0009'],
        ['de', '0016'],
        ['dk', '0001'],
        ['es', '0007'],
        ['fi', '0001'],
        ['fr', '0003'],
        ['gb', '0000'],
        ['ie', '0003'],
        ['it', '0008'],
        ['jp', '0003'],
        ['mx', '0008'],
        ['nl', '0002'],
        ['no', '0008'],
        ['nz', '0004'],
        ['pl', '0000'],
        ['pt', '0001'],
        ['se', '0008'],
        ['sg', '0003'],
      ] as const
    ).map(([country, last4]) => [country, card(last4, { country: country.toUpperCase() })]),
  ),
};

function sepa(last4: string, more: Partial<Behaviour>): Behaviour {
  return { type: 'sepa_debit', brand: 'sepa_debit', last4, country: 'AT', funding: 'debit', ...more };
}
function usBank(last4: string, more: Partial<Behaviour>): Behaviour {
  return { type: 'us_bank_account', brand: 'STRIPE TEST BANK', last4, country: 'US', funding: 'debit', ...more };
}
const sepaSettles = { seconds: 5 * DAY, outcome: 'succeeded' } as const;
const achSettles = { seconds: 4 * DAY, outcome: 'succeeded' } as const;
const sepaFails = { seconds: 5 * DAY, outcome: 'failed', failure: 'insufficient_funds' } as const;
const achFails = (failure: string): NonNullable<Behaviour['delay']> => ({
  seconds: 4 * DAY,
  outcome: 'failed',
  failure,
});

const DEBITS: Record<string, Behaviour> = {
  pm_sepa_debit: sepa('3000', { delay: sepaSettles }),
  pm_usBankAccount_success: usBank('6789', { delay: achSettles }),
  pm_usBankAccount: usBank('6789', { delay: achSettles }),
  pm_usBankAccount_processing: usBank('2227', { delay: { seconds: 365 * DAY, outcome: 'succeeded' } }),
  pm_usBankAccount_dispute: usBank('9000', { delay: achSettles, dispute: { reason: 'bank_cannot_process' } }),
  pm_usBankAccount_accountClosed: usBank('1113', { delay: achFails('account_closed') }),
  pm_usBankAccount_noAccount: usBank('1116', { delay: achFails('no_account') }),
  pm_usBankAccount_insufficientFunds: usBank('2222', { delay: achFails('insufficient_funds') }),
  pm_usBankAccount_debitNotAuthorized: usBank('3333', { delay: achFails('debit_not_authorized') }),
  pm_ideal: { type: 'ideal', brand: 'ideal', last4: '5264', country: 'NL', funding: 'debit', authenticate: 'always' },
};
for (const country of ['at', 'be', 'de', 'es', 'fi', 'fr', 'ie', 'it', 'lu', 'nl', 'pt']) {
  const at = { country: country.toUpperCase() };
  DEBITS[`pm_success_${country}`] = sepa('3201', { ...at, delay: sepaSettles });
  DEBITS[`pm_successDelayed_${country}`] = sepa('3204', { ...at, delay: sepaSettles });
  DEBITS[`pm_failed_${country}`] = sepa('3202', { ...at, delay: sepaFails });
  DEBITS[`pm_failedDelayed_${country}`] = sepa('3205', { ...at, delay: sepaFails });
  DEBITS[`pm_disputed_${country}`] = sepa('3203', {
    ...at,
    delay: sepaSettles,
    dispute: { reason: 'debit_not_authorized' },
  });
}

const cards: Record<string, Behaviour> = { ...PLAIN, ...SPECIAL };
for (const [name, [last4, decline]] of Object.entries(DECLINES)) cards[name] = card(last4, { decline });

/** Full card numbers of Stripe's testing page, for PaymentMethods made from raw details. */
const NUMBERS: Record<string, string> = {
  '4242424242424242': 'visa',
  '4000056655665556': 'visa_debit',
  '5555555555554444': 'mastercard',
  '378282246310005': 'amex',
  '371449635398431': 'amex',
  '6011111111111117': 'discover',
  '4000000000000002': 'chargeDeclined',
  '4000000000009995': 'chargeDeclinedInsufficientFunds',
  '4000000000009987': 'chargeDeclinedLostCard',
  '4000000000009979': 'chargeDeclinedStolenCard',
  '4100000000000019': 'chargeDeclinedFraudulent',
  '4000000000006975': 'chargeDeclinedVelocityLimitExceeded',
  '4000000000000069': 'chargeDeclinedExpiredCard',
  '4000000000000127': 'chargeDeclinedIncorrectCvc',
  '4000000000000119': 'chargeDeclinedProcessingError',
  '4000000000000341': 'chargeCustomerFail',
  '4000002760003184': 'authenticationRequired',
  '4000002500003155': 'authenticationRequiredOnSetup',
  '4000000000003220': 'threeDSecure2Required',
  '4000000000003063': 'threeDSecureRequired',
  '4000000000000077': 'bypassPending',
  '4000000000000259': 'createDispute',
  '4000000000002685': 'createDisputeProductNotReceived',
  '4000000000001976': 'createDisputeInquiry',
  '4000000000005423': 'createIssuerFraudRecord',
  '4000000000007726': 'pendingRefund',
  '4000000000005126': 'refundFail',
  '4000000000009235': 'riskLevelElevated',
};
const IBANS: Record<string, string> = {
  AT611904300234573201: 'pm_success_at',
  AT321904300235473204: 'pm_successDelayed_at',
  AT861904300235473202: 'pm_failed_at',
  AT051904300235473205: 'pm_failedDelayed_at',
  AT591904300235473203: 'pm_disputed_at',
  DE89370400440532013000: 'pm_success_de',
  NL39RABO0300065264: 'pm_success_nl',
  DE08370400440532013003: 'pm_successDelayed_de',
  DE62370400440532013001: 'pm_failed_de',
  DE78370400440532013004: 'pm_failedDelayed_de',
  DE35370400440532013002: 'pm_disputed_de',
  NL91ABNA0417164300: 'pm_failed_nl',
  FR1420041010050500013M02606: 'pm_success_fr',
  FR8420041010050500013M02607: 'pm_failed_fr',
  ES0700120345030000067890: 'pm_success_es',
  ES9121000418450200051332: 'pm_failed_es',
  IT40S0542811101000000123456: 'pm_success_it',
  IT60X0542811101000000123456: 'pm_failed_it',
};
const BANK_NUMBERS: Record<string, string> = {
  '000123456789': 'pm_usBankAccount_success',
  '000111111113': 'pm_usBankAccount_accountClosed',
  '000111111116': 'pm_usBankAccount_noAccount',
  '000222222227': 'pm_usBankAccount_insufficientFunds',
  '000333333335': 'pm_usBankAccount_debitNotAuthorized',
};

/** The behaviour of a token (`pm_card_visa`, `tok_visa`, `pm_success_at`) or a stored behaviour name. */
export function behaviourOf(token: string): Behaviour | null {
  const debit = DEBITS[token];
  if (debit) return debit;
  const name = token.replace(/^pm_card_|^tok_/, '');
  if (name === token) return null;
  return cards[name] ?? cards[name.replace(/^visa_/, '')] ?? null;
}

export function tokenOfNumber(number: string): string | null {
  const name = NUMBERS[number.replaceAll(' ', '')];
  return name ? `pm_card_${name}` : null;
}

export function tokenOfIban(iban: string): string {
  return IBANS[iban.replaceAll(' ', '')] ?? 'pm_sepa_debit';
}

export function tokenOfBankAccount(number: string): string {
  return BANK_NUMBERS[number] ?? 'pm_usBankAccount_success';
}

export function passesLuhn(number: string): boolean {
  const digits = number.replaceAll(' ', '');
  if (!/^\d{12,19}$/.test(digits)) return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i += 1) {
    let digit = Number(digits[digits.length - 1 - i]);
    if (i % 2 === 1) digit = digit > 4 ? digit * 2 - 9 : digit * 2;
    sum += digit;
  }
  return sum % 10 === 0;
}
