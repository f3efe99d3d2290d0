// The parameter tables of v1 accounts. Personal and company details are accepted by their names: the sandbox verifies nobody.
import { array, bool, currency, expand, free, hash, int, metadata, oneOf, str } from './params.ts';
import type { Param, Spec } from './params.ts';
import { ADDRESS_FIELDS } from './shared-params.ts';

const named = (names: string, each: Param): Spec => Object.fromEntries(names.split(' ').map((name) => [name, each]));
const text = str({ unset: true });

export const CAPABILITIES = (
  'acss_debit affirm afterpay_clearpay alma amazon_pay au_becs_debit bacs_debit bancontact bank_transfer billie bizum blik ' +
  'blik_recurring boleto card cartes_bancaires cashapp crypto eps fpx gb_bank_transfer giropay grabpay ideal india_international ' +
  'jcb jp_bank_transfer kakao_pay klarna konbini kr_card legacy link mb_way mobilepay multibanco mx_bank_transfer naver_pay ' +
  'nz_bank_account_becs_debit oxxo p24 pay_by_bank payco paynow paypay payto pix promptpay revolut_pay samsung_pay satispay ' +
  'scalapay sepa_bank_transfer sepa_debit sequra sofort sunbit swish twint upi us_bank_account_ach us_bank_transfer wero zip'
)
  .split(' ')
  .map((name) => `${name}_payments`)
  .concat([
    'app_distribution',
    'card_issuing',
    'tax_reporting_us_1099_k',
    'tax_reporting_us_1099_misc',
    'transfers',
    'treasury',
  ]);

const DAYS = ['friday', 'monday', 'saturday', 'sunday', 'thursday', 'tuesday', 'wednesday'];
const TOS = hash({ tos_acceptance: hash({ date: int(), ip: str(), user_agent: text }) });
const SETTINGS: Spec = {
  bacs_debit_payments: hash({ display_name: str() }),
  branding: hash(named('icon logo primary_color secondary_color', str())),
  card_issuing: TOS,
  card_payments: hash({
    decline_on: hash({ avs_failure: bool(), cvc_failure: bool() }),
    statement_descriptor_prefix: str({ max: 10 }),
    statement_descriptor_prefix_kana: text,
    statement_descriptor_prefix_kanji: text,
  }),
  invoices: hash({ hosted_payment_method_save: oneOf(['always', 'never', 'offer']) }),
  payments: hash(named('statement_descriptor statement_descriptor_kana statement_descriptor_kanji', str())),
  payouts: hash({
    debit_negative_balances: bool(),
    schedule: hash({
      delay_days: free(),
      interval: oneOf(['daily', 'manual', 'monthly', 'weekly']),
      monthly_anchor: int({ min: 1, max: 31 }),
      monthly_payout_days: array(int({ min: 1, max: 31 })),
      weekly_anchor: oneOf(DAYS),
      weekly_payout_days: array(oneOf(DAYS)),
    }),
    statement_descriptor: str({ max: 22 }),
  }),
  paypay_payments: free(),
  treasury: TOS,
};
const MONEY = { amount: int({ min: 0 }), currency: currency(), fiscal_year_end: str() };

export const ACCOUNT_UPDATE: Spec = {
  account_token: str(),
  bank_account: free(),
  business_profile: hash({
    annual_revenue: hash(MONEY),
    estimated_worker_count: int({ min: 0 }),
    mcc: str({ max: 4 }),
    minority_owned_business_designation: array(str()),
    monthly_estimated_revenue: hash({ amount: MONEY.amount, currency: MONEY.currency }),
    name: str(),
    product_description: str(),
    support_address: hash(ADDRESS_FIELDS),
    support_email: str(),
    support_phone: str(),
    support_url: text,
    url: str(),
  }),
  business_type: oneOf(['company', 'government_entity', 'individual', 'non_profit']),
  capabilities: hash(Object.fromEntries(CAPABILITIES.map((name) => [name, hash({ requested: bool() })]))),
  company: hash(
    named(
      'address address_kana address_kanji administrative_address directors_provided directorship_declaration executives_provided ' +
        'export_license_id export_purpose_code name name_kana name_kanji owners_provided ownership_declaration ' +
        'ownership_exemption_reason phone physical_address principal_place_of_business registration_date registration_number ' +
        'representative_declaration structure tax_id tax_id_registrar vat_id verification',
      free(),
    ),
  ),
  default_currency: currency(),
  documents: hash(
    named(
      'bank_account_ownership_verification company_license company_memorandum_of_association company_ministerial_decree ' +
        'company_registration_verification company_tax_id_verification proof_of_address proof_of_registration ' +
        'proof_of_ultimate_beneficial_ownership',
      free(),
    ),
  ),
  email: str(),
  expand,
  external_account: free({ unset: true }),
  groups: hash({ payments_pricing: text }),
  individual: hash(
    named(
      'address address_kana address_kanji dob email first_name first_name_kana first_name_kanji full_name_aliases gender ' +
        'id_number id_number_secondary last_name last_name_kana last_name_kanji maiden_name metadata phone political_exposure ' +
        'registered_address relationship ssn_last_4 verification',
      free(),
    ),
  ),
  metadata,
  settings: hash(SETTINGS),
  tos_acceptance: hash({ date: int(), ip: str(), service_agreement: str(), user_agent: str() }),
};
export const ACCOUNT_CREATE: Spec = {
  ...ACCOUNT_UPDATE,
  controller: hash({
    fees: hash({ payer: oneOf(['account', 'application']) }),
    losses: hash({ payments: oneOf(['application', 'stripe']) }),
    requirement_collection: oneOf(['application', 'stripe']),
    stripe_dashboard: hash({ type: oneOf(['express', 'full', 'none']) }),
  }),
  country: str({ max: 5000 }),
  type: oneOf(['custom', 'express', 'standard']),
};
