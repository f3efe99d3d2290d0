// The parameter tables of the PaymentIntent routes.
import {
  amount,
  array,
  bool,
  CREATED,
  currency,
  expand,
  free,
  hash,
  int,
  LIST,
  metadata,
  oneOf,
  required,
  str,
} from './params.ts';
import type { Spec } from './params.ts';
import {
  AMOUNT_DETAILS,
  HOOKS,
  MANDATE_DATA,
  METHOD_DATA,
  METHOD_OPTIONS,
  PAYMENT_DETAILS,
  RADAR_OPTIONS,
  SHIPPING,
} from './shared-params.ts';

const LARGEST = 99_999_999_99;
const REDIRECTS = oneOf(['always', 'never']);
const CAPTURE_METHOD = oneOf(['automatic', 'automatic_async', 'manual']);
const FUTURE = oneOf(['off_session', 'on_session'], { unset: true });
const TRANSFER_DATA = { amount: amount(), description: str(), metadata, payment_data: free() };

const CONFIRMATION: Spec = {
  allowed_payment_method_types: array(str()),
  amount_details: AMOUNT_DETAILS,
  capture_method: CAPTURE_METHOD,
  confirmation_token: str(),
  error_on_requires_action: bool(),
  excluded_payment_method_types: array(str(), { unset: true }),
  expand,
  hooks: HOOKS,
  mandate: str(),
  mandate_data: MANDATE_DATA,
  off_session: free(),
  payment_details: PAYMENT_DETAILS,
  payment_method: str(),
  payment_method_data: hash(METHOD_DATA),
  payment_method_options: METHOD_OPTIONS,
  payment_method_types: array(str()),
  radar_options: RADAR_OPTIONS,
  receipt_email: str({ unset: true }),
  return_url: str(),
  setup_future_usage: FUTURE,
  shipping: SHIPPING,
  use_stripe_sdk: bool(),
};
export const CREATE: Spec = {
  ...CONFIRMATION,
  setup_future_usage: oneOf(['off_session', 'on_session']),
  receipt_email: str(),
  excluded_payment_method_types: array(str()),
  // Below the minimum has a message of its own, zero included.
  amount: int({ ...required, max: LARGEST }),
  currency: currency(required),
  application_fee_amount: int({ min: 0 }),
  automatic_payment_methods: hash({ enabled: bool(required), allow_redirects: REDIRECTS }),
  confirm: bool(),
  confirmation_method: oneOf(['automatic', 'manual']),
  customer: str(),
  customer_account: str(),
  description: str(),
  metadata,
  on_behalf_of: str(),
  payment_method_configuration: str(),
  statement_descriptor: str({ max: 22 }),
  statement_descriptor_suffix: str({ max: 22 }),
  transfer_data: hash({ ...TRANSFER_DATA, destination: str(required) }),
  transfer_group: str(),
};
export const UPDATE: Spec = {
  allowed_payment_method_types: array(str()),
  amount: int({ max: LARGEST }),
  amount_details: AMOUNT_DETAILS,
  application_fee_amount: int({ min: 0, unset: true }),
  capture_method: CAPTURE_METHOD,
  currency: currency(),
  customer: str(),
  customer_account: str(),
  description: str(),
  excluded_payment_method_types: array(str(), { unset: true }),
  expand,
  hooks: HOOKS,
  metadata,
  payment_details: PAYMENT_DETAILS,
  payment_method: str(),
  payment_method_configuration: str(),
  payment_method_data: hash(METHOD_DATA),
  payment_method_options: METHOD_OPTIONS,
  payment_method_types: array(str()),
  receipt_email: str({ unset: true }),
  setup_future_usage: FUTURE,
  shipping: SHIPPING,
  statement_descriptor: str({ max: 22 }),
  statement_descriptor_suffix: str({ max: 22 }),
  transfer_data: hash(TRANSFER_DATA),
  transfer_group: str(),
};
export const CONFIRM: Spec = { ...CONFIRMATION, amount_to_confirm: amount(), client_secret: str() };
export const CANCEL: Spec = {
  cancellation_reason: oneOf(['abandoned', 'duplicate', 'fraudulent', 'requested_by_customer']),
  expand,
};
export const CAPTURE: Spec = {
  amount_details: AMOUNT_DETAILS,
  amount_to_capture: amount(),
  application_fee_amount: int({ min: 0 }),
  expand,
  final_capture: bool(),
  hooks: HOOKS,
  metadata,
  payment_details: PAYMENT_DETAILS,
  statement_descriptor: str({ max: 22 }),
  statement_descriptor_suffix: str({ max: 22 }),
  transfer_data: hash({ amount: amount() }),
};
export const RETRIEVE: Spec = { client_secret: str(), expand };
export const LIST_INTENTS: Spec = { ...LIST, ...CREATED, customer: str(), customer_account: str() };
