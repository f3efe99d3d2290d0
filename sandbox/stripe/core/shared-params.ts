// Nested parameters that several routes share: addresses, billing and shipping details, payment method data and options.
import { array, bool, free, hash, int, known, metadata, oneOf, required, str } from './params.ts';
import type { Param, Spec } from './params.ts';

const text = str({ unset: true });

export const ADDRESS_FIELDS: Spec = {
  city: text,
  country: text,
  line1: text,
  line2: text,
  postal_code: text,
  state: text,
};
export const ADDRESS = hash(ADDRESS_FIELDS, { unset: true });
export const BILLING = hash({ address: ADDRESS, email: text, name: text, phone: text, tax_id: text });
export const SHIPPING = hash(
  {
    address: hash(ADDRESS_FIELDS, required),
    name: str(required),
    carrier: str(),
    phone: str(),
    tracking_number: str(),
  },
  { unset: true },
);

/** Every payment method type that Stripe knows; the sandbox makes the first five. */
export const METHOD_TYPES = (
  'card sepa_debit us_bank_account ideal link acss_debit affirm afterpay_clearpay alipay alma amazon_pay au_becs_debit ' +
  'bacs_debit bancontact billie bizum blik boleto card_present cashapp crypto custom customer_balance eps fpx giropay ' +
  'grabpay interac_present kakao_pay klarna konbini kr_card mb_way mobilepay multibanco naver_pay nz_bank_account oxxo ' +
  'p24 pay_by_bank payco paynow paypal paypay payto pix promptpay revolut_pay samsung_pay satispay scalapay sequra sofort ' +
  'sunbit swish twint upi wechat_pay zip'
).split(' ');

const byType = Object.fromEntries(METHOD_TYPES.map((type) => [type, free()]));
/** What each method type asks for; those not named here take no fields. */
const FIELDS: Record<string, Param> = {
  acss_debit: known('account_number institution_number transit_number'),
  au_becs_debit: known('account_number bsb_number'),
  bacs_debit: known('account_number sort_code'),
  boleto: known('tax_id'),
  custom: known('type'),
  eps: known('bank'),
  fpx: known('account_holder_type bank'),
  ideal: known('bank'),
  klarna: known('dob'),
  naver_pay: known('funding'),
  nz_bank_account: known('account_holder_name account_number bank_code branch_code reference suffix'),
  p24: known('bank'),
  payto: known('account_number bsb_number pay_id'),
  sepa_debit: hash({ iban: str(required) }),
  sofort: known('country'),
  upi: known('mandate_options'),
  us_bank_account: hash({
    account_holder_type: oneOf(['company', 'individual']),
    account_number: str(),
    account_type: oneOf(['checking', 'savings']),
    financial_connections_account: str(),
    routing_number: str(),
  }),
};
const REDISPLAY = oneOf(['always', 'limited', 'unspecified']);
export const RADAR_OPTIONS = hash({ referrer: text, session: str() });
const IN_PERSON = new Set(['card_present', 'interac_present', 'custom']);
const NO_CARD = METHOD_TYPES.filter((type) => type !== 'card' && !IN_PERSON.has(type));

/** Without `card`: raw card numbers go to /v1/payment_methods only. */
export const METHOD_DATA: Spec = {
  ...Object.fromEntries(NO_CARD.map((type) => [type, FIELDS[type] ?? hash({})])),
  type: oneOf(NO_CARD, required),
  allow_redisplay: REDISPLAY,
  billing_details: BILLING,
  metadata,
  radar_options: RADAR_OPTIONS,
};
export const METHOD_CREATE: Spec = {
  ...METHOD_DATA,
  type: oneOf(METHOD_TYPES),
  custom: known('type'),
  card: hash({
    number: str(),
    exp_month: int({ min: 1, max: 12 }),
    exp_year: int(),
    cvc: str(),
    token: str(),
    networks: free(),
  }),
};

const IF_AVAILABLE = oneOf(['if_available', 'never']);
export const METHOD_OPTIONS = hash({
  ...byType,
  card: hash(
    {
      capture_method: oneOf(['manual'], { unset: true }),
      cvc_token: str(),
      installments: free(),
      mandate_options: free(),
      moto: bool(),
      network: str(),
      request_extended_authorization: IF_AVAILABLE,
      request_incremental_authorization: IF_AVAILABLE,
      request_multicapture: IF_AVAILABLE,
      request_overcapture: IF_AVAILABLE,
      request_three_d_secure: oneOf(['any', 'automatic', 'challenge']),
      require_cvc_recollection: bool(),
      setup_future_usage: oneOf(['none', 'off_session', 'on_session'], { unset: true }),
      statement_descriptor_suffix_kana: text,
      statement_descriptor_suffix_kanji: text,
      three_d_secure: free(),
    },
    { unset: true },
  ),
});

export const MANDATE_DATA = hash(
  {
    customer_acceptance: hash(
      {
        accepted_at: int(),
        offline: hash({}),
        online: hash({ ip_address: str(required), user_agent: str(required) }),
        type: oneOf(['offline', 'online'], required),
      },
      required,
    ),
  },
  { unset: true },
);
export const AMOUNT_DETAILS = hash(
  {
    discount_amount: int({ unset: true }),
    enforce_arithmetic_validation: bool(),
    line_items: free(),
    shipping: free(),
    tax: hash({ total_tax_amount: int(required) }, { unset: true }),
  },
  { unset: true },
);
export const HOOKS = hash({ inputs: hash({ tax: hash({ calculation: str({ ...required, unset: true }) }) }) });
export const PAYMENT_DETAILS = hash({ customer_reference: text, order_reference: text }, { unset: true });
export const PRODUCT_DATA = hash({
  active: bool(),
  description: str(),
  id: str(),
  images: array(str()),
  metadata,
  name: str(required),
  statement_descriptor: str({ max: 22 }),
  tax_code: str(),
  unit_label: str(),
});
export { REDISPLAY };
