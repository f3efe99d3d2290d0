// The stored records: Stripe's own objects plus fields with a leading underscore, which never leave the sandbox.
import type { Json, JsonObject } from './json.ts';

export type Rec = JsonObject & { id: string; object: string; _account: string; created: number; livemode?: boolean };
export type Metadata = { [key: string]: string };

export type PaymentMethod = Rec & { type: string; customer: string | null; metadata: Metadata; _behaviour: string };
export type PaymentIntent = Rec & {
  amount: number;
  amount_capturable: number;
  amount_received: number;
  capture_method: string;
  confirmation_method: string;
  currency: string;
  customer: string | null;
  description: string | null;
  latest_charge: string | null;
  metadata: Metadata;
  payment_method: string | null;
  status: string;
  transfer_group: string | null;
  _stem: string;
  _return_url: string | null;
};
export type Charge = Rec & {
  amount: number;
  amount_captured: number;
  amount_refunded: number;
  balance_transaction: string | null;
  captured: boolean;
  currency: string;
  disputed: boolean;
  metadata: Metadata;
  paid: boolean;
  payment_intent: string | null;
  payment_method: string | null;
  refunded: boolean;
  source_transfer: string | null;
  status: string;
  transfer_group: string | null;
  _stem: string;
  _behaviour: string;
};
export type Refund = Rec & {
  amount: number;
  balance_transaction: string | null;
  charge: string;
  currency: string;
  metadata: Metadata;
  payment_intent: string | null;
  status: string;
};
export type Transfer = Rec & {
  amount: number;
  amount_reversed: number;
  balance_transaction: string;
  currency: string;
  destination: string;
  destination_payment: string;
  metadata: Metadata;
  reversed: boolean;
  source_transaction: string | null;
  transfer_group: string | null;
};
export type TransferReversal = Rec & {
  amount: number;
  balance_transaction: string;
  currency: string;
  metadata: Metadata;
  transfer: string;
};
export type BalanceTransaction = Rec & {
  amount: number;
  available_on: number;
  currency: string;
  exchange_rate: number | null;
  fee: number;
  net: number;
  reporting_category: string;
  source: string | null;
  status: string;
  type: string;
  _internal: boolean;
};
/** One per account and currency: what the ledger believes, held against the sum of the balance transactions. */
export type BalanceRow = Rec & { currency: string; available: number; pending: number; reserved: number };
export type Dispute = Rec & {
  amount: number;
  charge: string;
  currency: string;
  evidence: JsonObject;
  evidence_details: JsonObject;
  metadata: Metadata;
  payment_intent: string | null;
  reason: string;
  status: string;
  _transactions: string[];
};
export type Payout = Rec & {
  amount: number;
  arrival_date: number;
  automatic: boolean;
  balance_transaction: string;
  currency: string;
  failure_balance_transaction: string | null;
  metadata: Metadata;
  method: string;
  reversed_by: string | null;
  status: string;
};
export type Topup = Rec & { amount: number; currency: string; status: string; metadata: Metadata };
export type Account = Rec & {
  country: string;
  default_currency: string;
  email: string | null;
  metadata: Metadata;
  _transfers: string;
  _transfers_requested: boolean;
  _card_payments: string | null;
  _deauthorized: boolean;
  _closed: boolean;
  _onboarded: boolean;
  _restricted: boolean;
  _v2: JsonObject | null;
  _schedule: JsonObject;
};
export type Event = Rec & {
  type: string;
  api_version: string | null;
  data: JsonObject;
  request: Json;
  _thin: boolean;
  _undelivered: number;
};
export type WebhookEndpoint = Rec & {
  url: string;
  secret: string;
  enabled_events: string[];
  status: string;
  metadata: Metadata;
  _connect: boolean | null;
  _thin: boolean;
};
export type Delivery = Rec & {
  _event: string;
  _endpoint: string;
  _attempts: number;
  /** Wall time in ms: deliveries do not follow the sandbox's clock. */
  _next_at: number;
  _state: string;
  _last_status: number | null;
};
export type Customer = Rec & { metadata: Metadata; email: string | null };
export type StoredAnswer = Rec & {
  _fingerprint: string;
  _method: string;
  _path: string;
  _status: number;
  _body: JsonObject;
  _request_id: string;
  _at: number;
  _reading: boolean;
};
export type Job = Rec & { _due: number; _kind: string; _ref: string };
export type Meta = Rec & { _random: number; _offset: number; _now: number; _next_job: number };
export type Plain = Rec & { metadata?: Metadata };

export type Tables = {
  meta: Meta;
  job: Job;
  answer: StoredAnswer;
  balance_row: BalanceRow;
  account: Account;
  external_account: Plain & { account: string };
  person: Plain & { account: string };
  account_link: Plain;
  balance_settings: Rec & { _payments: JsonObject };
  balance_transaction: BalanceTransaction;
  charge: Charge;
  checkout_session: Plain;
  customer: Customer;
  delivery: Delivery;
  dispute: Dispute;
  early_fraud_warning: Plain;
  event: Event;
  file: Plain;
  file_link: Plain;
  mandate: Plain;
  payment_intent: PaymentIntent;
  payment_method: PaymentMethod;
  payout: Payout;
  price: Plain;
  product: Plain;
  refund: Refund;
  review: Plain;
  setup_intent: Plain;
  topup: Topup;
  transfer: Transfer;
  transfer_reversal: TransferReversal;
  webhook_endpoint: WebhookEndpoint;
};
