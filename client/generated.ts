// Written by `npm run openapi` from the OpenAPI document: change the routes instead.
import type { CallOptions } from './http.ts';

/** Of problem documents; `/docs/errors` says what to do about each. */
export type ErrorCode =
  | 'amount_invalid'
  | 'amount_too_large'
  | 'amount_too_small'
  | 'currency_unsupported'
  | 'due_date_invalid'
  | 'fee_exceeds_amount'
  | 'holding_limit_exceeded'
  | 'metadata_invalid'
  | 'method_excluded'
  | 'milestones_invalid'
  | 'party_invalid'
  | 'period_invalid'
  | 'policy_invalid'
  | 'cross_border_unsupported'
  | 'seller_unknown'
  | 'vertical_unknown'
  | 'invalid_request'
  | 'parameter_missing'
  | 'multipart_invalid'
  | 'parameter_unknown'
  | 'invalid_json'
  | 'idempotency_key_required'
  | 'api_version_unknown'
  | 'signature_invalid'
  | 'unauthorized'
  | 'payment_declined'
  | 'forbidden'
  | 'scope_missing'
  | 'not_found'
  | 'method_not_allowed'
  | 'action_not_available'
  | 'terms_changed'
  | 'idempotency_conflict'
  | 'idempotency_running'
  | 'email_taken'
  | 'approval_closed'
  | 'approval_changed'
  | 'file_invalid'
  | 'limit_reached'
  | 'endpoint_disabled'
  | 'delivery_pending'
  | 'event_quarantined'
  | 'body_too_large'
  | 'media_type_unsupported'
  | 'fund_cancel_limit'
  | 'rate_limited'
  | 'internal_error'
  | 'command_failed'
  | 'payments_unavailable'
  | 'outcome_unknown';

export type EscrowEventData = {
  escrow_id: string;
  /** As the change left it. */
  escrow_status: string;
  /** Your own id of the escrow. */
  external_id: string | null;
  milestone_id: string | null;
  milestone_status: string | null;
  actor: { kind: string; id: string | null; role: string | null };
  /** As the timeline shows them; amounts in minor units of the escrow’s currency. */
  details: Record<string, string | number | boolean | null>;
};

export type SellerEventData = { seller_id: string; transfers: string; status: string; requirements: string[] };

export type PayoutEventData = {
  payout_id: string;
  seller_id: string;
  status: string;
  /** Minor units. */
  amount: number;
  currency: string;
  failure_code: string | null;
};

export type Escrow = {
  /** Id of the escrow (esc_…). */
  id: string;
  object: 'escrow';
  title: string;
  status: string;
  frozen: string[];
  freezes: { reason: string; scope: string; subject: string; detail: string; since: string }[];
  currency: string;
  settlement_currency: string | null;
  vertical: string;
  funding: 'upfront' | 'per_milestone';
  fee_payer: 'seller' | 'buyer' | 'shared';
  terms_hash: string;
  terms_version: number;
  buyer_id: string;
  parties: { id: string; name: string; role: string; agreed: boolean }[];
  agree_until: string | null;
  fund_until: string | null;
  /** What the buyer pays in all, and the fees in it. */
  quote: { total: Money; buyer_fee: Money; seller_fee: Money; tax: Money };
  policy: {
    fee_return: string;
    loss: string;
    dispute_fee: string;
    clawback: string;
    max_rounds: number;
    remind: number[];
    periods: Record<string, string>;
  };
  milestones: Milestone[];
  payments: {
    id: string;
    status: string;
    amount: Money;
    milestone_ids: string[];
    decline_code: string | null;
    authenticate_until: string | null;
  }[];
  money: MoneyOfEscrow;
  cancel_request: { by: string; role: string; reason: string; at: string; expires_at: string } | null;
  /** New terms that wait for signatures. */
  amendment: {
    /** Id of the amendment (amd_…). */
    id: string;
    proposed_by: string;
    terms_hash: string;
    terms_version: number;
    signed_by: string[];
    expires_at: string;
    total: Money;
    milestones: { id: string; title: string; seller_id: string; amount: Money; due_at: string | null }[];
  } | null;
  waiting_for: WaitingFor;
  /** What the caller may do now, on the escrow or on one of its milestones. */
  available_actions: string[];
  transfer_group: string;
  workflow_id: string;
  /** In Temporal’s UI; for ops. */
  workflow_url?: string;
  revision: number;
  external_id: string | null;
  metadata: Record<string, string>;
  created_at: string;
  updated_at: string;
};

/** An amount in minor units, such as 12345 usd for USD 123.45. */
export type Money = {
  /** Minor units of the currency. */
  amount: number;
  currency: string;
};

export type Milestone = {
  /** Id of the milestone (ms_…). */
  id: string;
  title: string;
  seller_id: string;
  amount: Money;
  status: string;
  /** Transferred to the seller, in the settlement currency. */
  released: {
    /** Minor units of the currency. */
    amount: number;
    currency: string;
  };
  /** Given back to the buyer or on its way, in the settlement currency. */
  refunded: {
    /** Minor units of the currency. */
    amount: number;
    currency: string;
  };
  /** Accepted or let pass, in the currency of the terms. */
  accepted: {
    /** Minor units of the currency. */
    amount: number;
    currency: string;
  };
  /** Neither accepted nor refunded, in the currency of the terms. */
  open: {
    /** Minor units of the currency. */
    amount: number;
    currency: string;
  };
  buyer_fee: Money;
  seller_fee: Money;
  starts_at: string | null;
  due_at: string | null;
  fund_by: string | null;
  started_at: string | null;
  submitted_at: string | null;
  /** ISO 8601. */
  inspection_period: string;
  /** When the money goes to the seller by itself; null where it stands still. */
  inspection_ends_at: string | null;
  inspection_extended: boolean;
  note: string | null;
  deliverable_sha256: string | null;
  changes_note: string | null;
  rounds: number;
  frozen: string[];
  refund_request: { by: string; role: string; reason: string; at: string; expires_at: string; amount: Money } | null;
  releases: {
    part: number;
    /** Of the milestone, in the currency of the terms. */
    amount: {
      /** Minor units of the currency. */
      amount: number;
      currency: string;
    };
    /** What the seller gets: less the seller’s fee, in the settlement currency. */
    payable: {
      /** Minor units of the currency. */
      amount: number;
      currency: string;
    };
    status: string;
    transfer_id: string | null;
    automatic: boolean;
  }[];
  refunds: {
    id: string;
    amount: Money;
    /** needs_bank: Stripe can make it no more, and two of ops pay it by bank transfer. */
    status: string;
    reason: string;
  }[];
  waiting_for: WaitingFor;
  available_actions: string[];
};

/** Who acts next, what they do, by when, and what happens otherwise. */
export type WaitingFor = {
  /** What is waited for, as a name. */
  kind:
    | 'agree'
    | 'pay'
    | 'confirm_payment'
    | 'deliver'
    | 'make_changes'
    | 'overdue'
    | 'review'
    | 'verify'
    | 'give_stripe_details'
    | 'cancel_request'
    | 'sign_amendment'
    | 'refund_request'
    | 'reply'
    | 'negotiate'
    | 'settle_dispute'
    | 'rule'
    | 'rule_second'
    | 'dispute_suspended'
    | 'unfreeze'
    | 'clear_fraud_warning'
    | 'look_at_risk'
    | 'top_up'
    | 'bank'
    | 'settlement'
    | 'chargeback'
    | 'transfer'
    | 'first_release'
    | 'refund'
    | 'refund_by_bank'
    | 'refund_owed'
    | 'reversal'
    | 'closing'
    | 'ended';
  who: 'buyer' | 'seller' | 'buyer_and_seller' | 'ops' | 'stripe' | 'platform' | 'nobody';
  what: string;
  /** When its time ends; null where no timer runs. */
  until: string | null;
  /** What happens then. */
  otherwise: string | null;
  milestone_id: string | null;
};

/** Each term is its own query of the ledger, in the settlement currency. At every moment charged + owed + absorbed = held + released + refunded + charged_back + fees + tax; disputed is a memo. */
export type MoneyOfEscrow = {
  charged: Money;
  owed: Money;
  absorbed: Money;
  held: Money;
  released: Money;
  refunded: Money;
  charged_back: Money;
  fees: Money;
  tax: Money;
  disputed: Money;
};

/** RFC 9457. */
export type Problem = {
  type: string;
  title: string;
  status: number;
  /** Stable; the list stands in /docs/errors. */
  code: string;
  detail: string;
  param?: string;
  available_actions?: string[];
  decline_code?: string | null;
  request_id?: string;
};

export type EscrowProposal = {
  title: string;
  /** Lower-case ISO 4217. */
  currency: string;
  /** Decides the fee. */
  vertical?: string;
  /** A seller who proposes names the buyer; a buyer is the buyer. */
  buyer_id?: string;
  funding: 'upfront' | 'per_milestone';
  fee_payer?: 'seller' | 'buyer' | 'shared';
  milestones: {
    title: string;
    amount: number;
    seller_id: string;
    /** ISO 8601 instant. */
    starts_at?: string;
    /** ISO 8601 instant. */
    due_at?: string;
    /** ISO 8601; P14D unless said otherwise. */
    inspection_period?: string;
  }[];
  policy?: {
    /** ISO 8601, such as P14D or PT2S. */
    agree?: string;
    /** ISO 8601, such as P14D or PT2S. */
    fund?: string;
    /** ISO 8601, such as P14D or PT2S. */
    sca?: string;
    /** ISO 8601, such as P14D or PT2S. */
    overdue?: string;
    /** ISO 8601, such as P14D or PT2S. */
    confirm?: string;
    /** ISO 8601, such as P14D or PT2S. */
    amend?: string;
    /** ISO 8601, such as P14D or PT2S. */
    reply?: string;
    /** ISO 8601, such as P14D or PT2S. */
    negotiate?: string;
    /** ISO 8601, such as P14D or PT2S. */
    ruling?: string;
    /** ISO 8601, such as P14D or PT2S. */
    appeal?: string;
    /** ISO 8601, such as P14D or PT2S. */
    evidence?: string;
    /** ISO 8601, such as P14D or PT2S. */
    top_up?: string;
    /** ISO 8601, such as P14D or PT2S. */
    kyc_nudge?: string;
    /** ISO 8601, such as P14D or PT2S. */
    fraud?: string;
    /** Fractions of the inspection period, rising. */
    remind?: number[];
    max_rounds?: number;
    fee_return?: 'full' | 'none';
    chargeback_loss?: 'seller' | 'platform';
    /** Who bears Stripe’s fees for a chargeback that is lost; the platform unless said otherwise. */
    dispute_fee?: 'seller' | 'platform';
    /** When released money is taken back over a chargeback: once it is lost, unless said otherwise; at_opening: held while the bank decides, paid again when it is won. */
    clawback?: 'at_loss' | 'at_opening';
  };
  external_id?: string;
  metadata?: Record<string, string>;
};

export type TimelineEntry = {
  /** Its number in the timeline; numbers rise. */
  id: string;
  at: string;
  type: string;
  actor: { kind: string; id: string | null; role: string | null; name: string | null };
  milestone_id: string | null;
  data: Record<string, string | number | boolean | null>;
};

export type Explanation = {
  object: 'explanation';
  escrow_id: string;
  status: string;
  summary: string;
  waiting_for: WaitingFor;
  milestones: { id: string; title: string; status: string; summary: string; waiting_for: WaitingFor }[];
};

/** What would follow if every call to Stripe succeeded and nobody else acted meanwhile. */
export type Preview = {
  object: 'preview';
  escrow_id: string;
  allowed: boolean;
  refusal: { code: string; detail: string; available_actions: string[] } | null;
  /** Who else must say yes before anything moves; null where nobody must. */
  needs: string | null;
  /** Transfers that come later by themselves, and are not among the postings and calls. */
  waits: {
    milestone_id: string;
    amount: Money;
    /** Null: until the seller can receive it. */
    until: string | null;
  }[];
  /** What is not foreseen, and why. */
  notes: string[];
  /** Of a chargeback that is lost: whose loss it is. unreleased, fees_returned, reversed, owed and platform sum to amount. */
  losses: {
    milestone_id: string;
    seller_id: string;
    amount: Money;
    unreleased: Money;
    fees_returned: Money;
    reversed: Money;
    owed: Money;
    platform: Money;
  }[];
  postings: {
    kind: string;
    legs: {
      account: string;
      /** Debit positive, credit negative. */
      amount: {
        /** Minor units of the currency. */
        amount: number;
        currency: string;
      };
    }[];
  }[];
  stripe_calls: { call: string; amount: Money; milestone_id: string | null; subject: string | null }[];
  states: { escrow: string; milestones: { id: string; status: string }[] };
  money_after: MoneyOfEscrow;
};

export type InProductDispute = {
  /** Id of the dispute (dsp_…). */
  id: string;
  object: 'dispute';
  kind: 'in_product';
  escrow_id: string;
  milestone_id: string;
  status: 'open' | 'negotiating' | 'mediation' | 'second_arbiter' | 'settled';
  reason: string;
  /** What is in dispute: all that was neither accepted nor refunded when it was opened. */
  amount: {
    /** Minor units of the currency. */
    amount: number;
    currency: string;
  };
  /** The split if the claimant wins. */
  claim: { seller_amount: Money; buyer_amount: Money };
  /** The last offer of each side. */
  offers: {
    buyer: { seller_amount: Money; buyer_amount: Money } | null;
    seller: { seller_amount: Money; buyer_amount: Money } | null;
  };
  /** When the present stage ends; null when it is settled. */
  until: string | null;
  opened_by: { id: string; role: 'buyer' | 'seller' };
  outcome: {
    seller_amount: Money;
    buyer_amount: Money;
    how: 'silence' | 'agreed' | 'ruled' | 'default';
    by: string | null;
    reason: string;
    at: string;
  } | null;
  waiting_for: WaitingFor;
  available_actions: string[];
  messages: {
    at: string;
    type: string;
    by: { id: string | null; role: string | null; name: string | null };
    message: string | null;
    /** Of an offer: what the seller would get. */
    seller_amount: {
      /** Minor units of the currency. */
      amount: number;
      currency: string;
    } | null;
  }[];
};

export type CardDispute = {
  /** Id of the dispute (dsp_…). */
  id: string;
  object: 'dispute';
  kind: 'card';
  escrow_id: string;
  milestone_id: null;
  /** Stripe’s own word, such as needs_response; its list is open. */
  status: string;
  reason: string;
  amount: Money;
  stripe_dispute_id: string;
  stripe_charge_id: string;
  /** Until when the bank takes evidence. */
  due_by: string | null;
  evidence: { text: string; by: string; at: string } | null;
  /** Who bears what, once it is lost. */
  loss:
    | {
        milestone_id: string;
        seller_id: string;
        unreleased: Money;
        from_seller: Money;
        from_platform: Money;
        /** Of Stripe’s fees, where the terms pass them on: a debt of the seller. */
        fee: {
          /** Minor units of the currency. */
          amount: number;
          currency: string;
        };
      }[]
    | null;
  /** Released money that is held while the bank decides; settlement currency. Empty where nothing was taken back. */
  clawback: {
    /** What the terms say: released money is taken back when the dispute is lost, or when it opens. */
    policy: 'at_loss' | 'at_opening';
    milestones: {
      milestone_id: string;
      seller_id: string;
      /** Of released money, while the bank decides. */
      taken_back: {
        /** Minor units of the currency. */
        amount: number;
        currency: string;
      };
      taken_by_loss: Money;
      paid_again: Money;
      /** Taken back, and neither lost nor paid again: on hold now. */
      held_back: {
        /** Minor units of the currency. */
        amount: number;
        currency: string;
      };
      /** What its seller is paid again if the bank decides for them. */
      comes_back_if_won: {
        /** Minor units of the currency. */
        amount: number;
        currency: string;
      };
    }[];
  };
  available_actions: string[];
  created_at: string;
  updated_at: string;
};

export type File = {
  /** Id of the file (fil_…). */
  id: string;
  object: 'file';
  escrow_id: string;
  owner_id: string;
  name: string;
  /** Told by its content. */
  media_type: string;
  /** Bytes. */
  size: number;
  sha256: string;
  /** What a command attached it to; null: an upload that only its owner sees, dropped after a day. */
  purpose: 'delivery' | 'dispute' | 'evidence' | null;
  milestone_id: string | null;
  dispute_id: string | null;
  created_at: string;
  attached_at: string | null;
};

export type Payment = {
  id: string;
  status: string;
  amount: Money;
  /** What it took of the charge, in the settlement currency. */
  settled: {
    /** Minor units of the currency. */
    amount: number;
    currency: string;
  } | null;
  milestone_id: string | null;
  error: { code: string | null; message: string | null } | null;
  created_at: string;
  updated_at: string;
  stripe_payment_intent_id: string | null;
  stripe_charge_id: string | null;
};

export type Refund = {
  id: string;
  status: string;
  amount: Money;
  /** What it took of the charge, in the settlement currency. */
  settled: {
    /** Minor units of the currency. */
    amount: number;
    currency: string;
  } | null;
  milestone_id: string | null;
  error: { code: string | null; message: string | null } | null;
  created_at: string;
  updated_at: string;
  reason: string | null;
  payment_id: string | null;
  /** Paid from the platform’s bank, by two of ops: Stripe knows nothing of it. A refund that waits for that has the status needs_bank. */
  bank: {
    /** Of the bank transfer. */
    reference: string;
    approval_id: string;
    requested_by: string | null;
    approved_by: string | null;
  } | null;
  stripe_refund_id: string | null;
  stripe_charge_id: string | null;
};

export type Transfer = {
  id: string;
  status: string;
  amount: Money;
  /** What it took of the charge, in the settlement currency. */
  settled: {
    /** Minor units of the currency. */
    amount: number;
    currency: string;
  } | null;
  milestone_id: string | null;
  error: { code: string | null; message: string | null } | null;
  created_at: string;
  updated_at: string;
  seller_id: string | null;
  part: number | null;
  stripe_transfer_id: string | null;
  stripe_charge_id: string | null;
};

export type PaymentMethod = {
  type: string;
  name: string;
  /** True: success or failure comes days later; no work and no transfer before. */
  delayed: boolean;
  settles: string;
  /** Null: no limit of its own. */
  refundable_days: number | null;
  disputes: 'evidence' | 'final' | 'none';
  /** Why it is not offered. */
  excluded: string | null;
};

export type Payout = {
  id: string;
  object: 'payout';
  seller_id: string;
  amount: Money;
  /** Stripe’s own word; `paid` may still turn `failed`. */
  status: string;
  failure_code: string | null;
  what_to_do: string | null;
  arrives_at: string;
  created_at: string;
};

export type Seller = {
  id: string;
  object: 'seller';
  email: string;
  country: string;
  stripe_account_id: string;
  transfers: 'active' | 'pending' | 'inactive';
  /** in_debt: active, and owing money that is taken out of the next releases. */
  status: 'onboarding' | 'restricted' | 'active' | 'disabled' | 'disconnected' | 'in_debt';
  /** What the seller owes the platform, per currency. */
  debt: Money[];
  requirements: string[];
  created_at: string;
};

export type Debt = {
  id: string;
  object: 'debt';
  /** principal: money that went out and must come back. costs: Stripe’s fee for a lost chargeback, by the terms. */
  kind: 'principal' | 'costs';
  seller_id: string;
  escrow_id: string;
  milestone_id: string;
  status: 'open' | 'recovered' | 'repaid' | 'written_off' | 'cancelled';
  amount: Money;
  /** Taken out of the seller’s next releases until nothing is left. */
  open: {
    /** Minor units of the currency. */
    amount: number;
    currency: string;
  };
  /** Set off against releases, or repaid. */
  recovered: {
    /** Minor units of the currency. */
    amount: number;
    currency: string;
  };
  written_off: Money;
  /** The refund that opened it failed. */
  cancelled: {
    /** Minor units of the currency. */
    amount: number;
    currency: string;
  };
  /** What opened it, by id. */
  cause: Record<string, string>;
  created_at: string;
  closed_at: string | null;
  /** Reminders that the seller got, one a month. */
  reminders: number;
  /** Since when ops are asked to write it off (90 days). */
  write_off_proposed_at: string | null;
};

export type Notification = {
  /** Id of the notification (ntf_…). */
  id: string;
  object: 'notification';
  /** What it is about, as a name, such as `review`. */
  kind: string;
  subject: string;
  text: string;
  escrow_id: string | null;
  /** True while it waits on you. */
  waiting: boolean;
  created_at: string;
  read_at: string | null;
};

export type NotificationPreference = {
  kind: string;
  label: string;
  /** Whether it is mailed too; in the list it always stands. */
  mail: boolean;
  /** About money or security: its mail cannot be switched off. */
  required: boolean;
};

export type Approval = {
  /** Id of the approval (apr_…). */
  id: string;
  object: 'approval';
  kind:
    | 'refund'
    | 'ruling'
    | 'release'
    | 'write_off'
    | 'payout_schedule'
    | 'force_decision'
    | 'cancel'
    | 'reconciliation_repair';
  status: 'pending' | 'approved' | 'denied' | 'expired' | 'executed' | 'failed';
  /** Exactly what would be done. */
  params: Record<string, string | number | null>;
  params_hash: string;
  escrow_id: string | null;
  requested_by: string;
  approved_by: string | null;
  denied_by: string | null;
  outcome: Record<string, string | number | null> | null;
  expires_at: string;
  created_at: string;
  decided_at: string | null;
};

export type Alert = {
  id: string;
  object: 'alert';
  kind: string;
  escrow_id: string | null;
  detail: Record<string, unknown>;
  created_at: string;
  resolved_at: string | null;
};

export type AuditEntry = {
  /** Its number; numbers rise, with gaps. */
  id: string;
  object: 'audit_entry';
  at: string;
  actor: { id: string | null; role: string | null };
  action: string;
  subject: string | null;
  outcome: string;
  request_id: string | null;
  data: Record<string, unknown>;
  /** Null for the seconds before it is sealed. */
  seal: { seq: number; hash: string } | null;
};

export type AuditChain = {
  holds: boolean;
  sealed: number;
  unsealed: number;
  /** Note it outside of the installation. */
  head: { seq: number; hash: string } | null;
  broken: { seq: number | null; entry_id: number; why: string } | null;
} | null;

export type StripeEvent = {
  id: string;
  type: string;
  state: 'received' | 'done' | 'ignored' | 'parked' | 'quarantined';
  object_id: string | null;
  account: string | null;
  livemode: boolean;
  api_version: string | null;
  attempts: number;
  next_try_at: string;
  error: string | null;
  escrow_id: string | null;
  received_at: string;
  done_at: string | null;
};

export type Invariant = { number: number; name: string; holds: boolean; rows: Record<string, unknown>[] };

export type FailedRefund = {
  id: string;
  object: 'failed_refund';
  escrow_id: string;
  milestone_id: string | null;
  status: 'owed' | 'trying' | 'repaid' | 'paid_by_bank';
  /** What the buyer is to get. */
  amount: {
    /** Minor units of the currency. */
    amount: number;
    currency: string;
  };
  /** How often Stripe was asked, the first refund included. */
  attempts: number;
  /** Why the last attempt failed; `charged_back`: the buyer’s bank gave the money back by a dispute. */
  code: string | null;
  /** Of the bank transfer that paid it. */
  reference: string | null;
  created_at: string;
  updated_at: string;
};

/** Something that happened. Webhooks carry this very object, with its id as `webhook-id`. */
export type Event = {
  /** evt_…; ids rise in the order in which events can be read. */
  id: string;
  object: 'event';
  /** One of the catalogue: see the webhooks of this document. */
  type: string;
  /** When it happened. */
  timestamp: string;
  data: EscrowEventData | SellerEventData | PayoutEventData;
};

export type WebhookEndpoint = {
  id: string;
  object: 'webhook_endpoint';
  url: string;
  description: string;
  event_types: string[];
  status: 'enabled' | 'disabled';
  disabled_reason: string | null;
  /** Until then the former secret signs too. */
  previous_secret_until: string | null;
  /** `whsec_…`, shown once: in the first answer to its creation and to its rotation. */
  secret?: string;
  created_at: string;
};

export type WebhookDelivery = {
  id: string;
  object: 'webhook_delivery';
  event_id: string;
  event_type: string;
  status: 'pending' | 'delivered' | 'failed';
  next_try_at: string | null;
  created_at: string;
  done_at: string | null;
  attempts: {
    number: number;
    at: string;
    /** HTTP status; null where there was no answer. */
    status: number | null;
    /** Why it counts as failed. */
    error: string | null;
    /** The first 1,024 bytes of the answer. */
    answer: string | null;
    duration_ms: number;
  }[];
};

export type ApiKey = {
  id: string;
  object: 'api_key';
  label: string;
  scopes: ('read' | 'write' | 'ops')[];
  /** `sk_tranche_…`, shown once: in the first answer to its creation. */
  key?: string;
  created_at: string;
  /** To the minute. */
  last_used_at: string | null;
};

export type Reconciliation = {
  /** Id of the run (rec_…). */
  id: string;
  object: 'reconciliation';
  status: 'running' | 'clean' | 'differences' | 'failed';
  trigger: 'schedule' | 'person';
  requested_by: string | null;
  workflow_id: string;
  window: { from: string; to: string };
  /** How much of each list was compared. */
  figures: Record<string, number>;
  /** Found, the repaired ones too. */
  differences: number;
  /** Found and not repaired. */
  open: number;
  error: string | null;
  started_at: string;
  finished_at: string | null;
};

export type ReconciliationDifference = {
  n: number;
  object: 'reconciliation_difference';
  kind:
    | 'payment_not_posted'
    | 'charge_outside'
    | 'refund_not_posted'
    | 'refund_outside'
    | 'refund_status'
    | 'transfer_not_posted'
    | 'transfer_outside'
    | 'reversal_not_posted'
    | 'reversal_outside'
    | 'dispute_not_posted'
    | 'dispute_status'
    | 'payout_not_posted'
    | 'payout_status'
    | 'top_up_not_posted'
    | 'transaction_not_posted'
    | 'amount_differs'
    | 'unknown_to_stripe'
    | 'payment_status'
    | 'seller_payout'
    | 'seller_balance'
    | 'balance_drift'
    | 'workflow_differs'
    | 'invariant';
  /** What it is about, mostly an id of Stripe’s. */
  subject: string;
  escrow_id: string | null;
  /** By which the sides differ. */
  amount: { amount: number; currency: string } | null;
  /** Stripe’s side; null: nothing. */
  stripe: Record<string, string | number | boolean | null> | null;
  /** Our side; null: nothing. */
  ours: Record<string, string | number | boolean | null> | null;
  /** What it most likely is. */
  cause: string;
  /** What may be asked for; the first is recommended. */
  repairs: ('deliver_event' | 'post' | 'correct' | 'reverse_transfer' | 'project_again' | 'explain')[];
  status: 'open' | 'asked' | 'repaired';
  repair: 'deliver_event' | 'post' | 'correct' | 'reverse_transfer' | 'project_again' | 'explain' | null;
  approval_id: string | null;
  outcome: string | null;
  happened_at: string | null;
};

/** Each takes the ids of its path and its query by name, and its body as `body`. */
export interface Operations {
  /** Propose an escrow. A buyer or a seller proposes; every other party agrees to its `terms_hash`. Amounts are minor units of the currency, periods ISO 8601. For buyer, seller; scope write. */
  proposeEscrow(input: { body: EscrowProposal }, options?: CallOptions): Promise<Escrow>;

  /** List your escrows, newest first. For buyer, seller, ops, auditor; scope read. */
  listEscrows(
    input?: {
      /** The last id of the page before. */
      starting_after?: string;
      limit?: number;
      status?:
        'proposed' | 'agreed' | 'funding' | 'active' | 'amending' | 'settling' | 'completed' | 'cancelled' | 'expired';
      /** Those in which you have this role. */
      role?: 'buyer' | 'seller';
      external_id?: string;
    },
    options?: CallOptions,
  ): Promise<{ data: Escrow[]; has_more: boolean }>;

  /** Read an escrow. For buyer, seller, ops, auditor; scope read. */
  getEscrow(
    input: {
      /** Id of the escrow. */
      id: string;
    },
    options?: CallOptions,
  ): Promise<Escrow>;

  /** Everything that happened, oldest first. For buyer, seller, ops, auditor; scope read. */
  getTimeline(
    input: {
      /** Id of the escrow. */
      id: string;
      starting_after?: string;
      limit?: number;
    },
    options?: CallOptions,
  ): Promise<{ data: TimelineEntry[]; has_more: boolean }>;

  /** Why the money is where it is, in sentences. For buyer, seller, ops, auditor; scope read. */
  explainEscrow(
    input: {
      /** Id of the escrow. */
      id: string;
    },
    options?: CallOptions,
  ): Promise<Explanation>;

  /** What a command would do: nothing happens. Whether it is allowed to you now, and the postings, Stripe calls, states and money that would follow if every call succeeded. Staff may ask the same of a chargeback that nobody has made: whose loss it would be. For buyer, seller, ops, auditor; scope write. */
  previewEscrow(
    input: {
      /** Id of the escrow. */
      id: string;
      body: {
        /** chargeback: what would follow if a bank disputed a payment; for staff. */
        action:
          | 'agree'
          | 'fund'
          | 'start'
          | 'submit'
          | 'accept'
          | 'request_changes'
          | 'extend'
          | 'refund'
          | 'dispute'
          | 'accept_offer'
          | 'rule'
          | 'cancel'
          | 'chargeback';
        /** Of every action but agree, fund and cancel. */
        milestone_id?: string;
        /** Of fund: which to pay for, as in the call itself. Of chargeback: which the buyer names. */
        milestone_ids?: string[];
        /** Of chargeback: which payment, where there are several. */
        payment_id?: string;
        /** Of chargeback; lost where it is not said. */
        outcome?: 'lost' | 'won';
        /** Of chargeback, and of a refund of released money: whether what sellers have at Stripe covers what is taken back from them; what it does not cover they owe. */
        seller_balances?: 'enough' | 'empty';
        /** Of chargeback: what the bank disputes; the whole payment where it is not said. */
        amount?: number;
        /** Of rule. */
        seller_amount?: number;
      };
    },
    options?: CallOptions,
  ): Promise<Preview>;

  /** Agree to the terms. For buyer, seller, ops, auditor; scope write. */
  agreeToEscrow(
    input: {
      /** Id of the escrow. */
      id: string;
      body?: { terms_hash?: string };
    },
    options?: CallOptions,
  ): Promise<Escrow>;

  /** Pay what is due now. The whole of an upfront escrow; the first unfunded milestone, or those that `milestone_ids` names, of one that is paid per milestone. Without `payment_method` the answer carries what a payment page needs. For buyer, seller, ops, auditor; scope write. */
  fundEscrow(
    input: {
      /** Id of the escrow. */
      id: string;
      body?: {
        milestone_ids?: string[];
        /** Test methods such as pm_card_visa in the sandbox and in test mode. */
        payment_method?: string;
        /** Where the buyer comes back to; `{payment_id}` in it is filled in. */
        return_url?: string;
        /** True: the buyer pays on Stripe’s own page, which needs no scripts here; it takes `return_url` beside it, and `url` of the answer is that page. An open payment of another way is cancelled first. Left out: the way that is open already. */
        checkout?: boolean;
      };
    },
    options?: CallOptions,
  ): Promise<{
    payment: {
      id: string;
      status: string;
      client_secret: string | null;
      /** Where the buyer goes on: the payment page, or the bank. */
      url: string | null;
    };
    escrow: Escrow;
  }>;

  /** Cancel, ask to cancel, or confirm that you agree to it. At once where the rules allow one side; else a request that the other side answers by the same call (`cancel_request` shows it and its expiry). For buyer, seller, ops, auditor; scope write. */
  cancelEscrow(
    input: {
      /** Id of the escrow. */
      id: string;
      body?: { reason?: string };
    },
    options?: CallOptions,
  ): Promise<Escrow>;

  /** Propose new terms. Names every milestone that is to be there afterwards: with `id` one that exists (what is left out of it stays), without `id` a new one; a milestone that is not named is taken out. More money for a paid milestone becomes a milestone of its own with a payment of its own; less is refunded when all have signed. For buyer, seller, ops, auditor; scope write. */
  proposeAmendment(
    input: {
      /** Id of the escrow. */
      id: string;
      body: {
        title?: string;
        milestones: {
          title?: string;
          amount?: number;
          seller_id?: string;
          /** ISO 8601 instant. */
          starts_at?: string;
          /** ISO 8601 instant. */
          due_at?: string;
          /** ISO 8601; P14D unless said otherwise. */
          inspection_period?: string;
          /** A milestone that exists; a new one has none. */
          id?: string;
        }[];
      };
    },
    options?: CallOptions,
  ): Promise<Escrow>;

  /** Sign an amendment. For buyer, seller, ops, auditor; scope write. */
  signAmendment(
    input: {
      /** Id of the amendment (amd_…). */
      id: string;
      body?: { terms_hash?: string };
    },
    options?: CallOptions,
  ): Promise<Escrow>;

  /** Reject an amendment. For buyer, seller, ops, auditor; scope write. */
  rejectAmendment(
    input: {
      /** Id of the amendment (amd_…). */
      id: string;
      body?: Record<string, never>;
    },
    options?: CallOptions,
  ): Promise<Escrow>;

  /** The seller begins. From here the buyer alone cannot cancel. For buyer, seller, ops, auditor; scope write. */
  startMilestone(
    input: {
      /** Id of the escrow. */
      id: string;
      /** Id of the milestone. */
      mid: string;
      body?: Record<string, never>;
    },
    options?: CallOptions,
  ): Promise<Escrow>;

  /** The seller delivers. The inspection period runs; when it ends with nothing frozen, the money goes to the seller. For buyer, seller, ops, auditor; scope write. */
  submitMilestone(
    input: {
      /** Id of the escrow. */
      id: string;
      /** Id of the milestone. */
      mid: string;
      body?: {
        note?: string;
        /** Of what is delivered elsewhere. With `file_ids` it follows from them: one file’s own, of several that of the list that `sha256sum` prints, sorted by name. */
        deliverable_sha256?: string;
        /** Of uploads by POST /v1/files for this escrow. */
        file_ids?: string[];
      };
    },
    options?: CallOptions,
  ): Promise<Escrow>;

  /** The buyer accepts, whole or in part. A part leaves the rest submitted, its deadline unchanged. 200 means that the release is ordered. For buyer, seller, ops, auditor; scope write. */
  acceptMilestone(
    input: {
      /** Id of the escrow. */
      id: string;
      /** Id of the milestone. */
      mid: string;
      body?: {
        /** A part; the whole rest when left out. */
        amount?: number;
      };
    },
    options?: CallOptions,
  ): Promise<Escrow>;

  /** The buyer asks for changes. For buyer, seller, ops, auditor; scope write. */
  requestChanges(
    input: {
      /** Id of the escrow. */
      id: string;
      /** Id of the milestone. */
      mid: string;
      body: { note: string };
    },
    options?: CallOptions,
  ): Promise<Escrow>;

  /** The buyer takes more time to look, once. At most the first period again, which is also what it is without `until`. For buyer, seller, ops, auditor; scope write. */
  extendInspection(
    input: {
      /** Id of the escrow. */
      id: string;
      /** Id of the milestone. */
      mid: string;
      body?: { until?: string };
    },
    options?: CallOptions,
  ): Promise<Escrow>;

  /** Refund, ask for a refund, or confirm one. At once where one side may (the buyer before work starts, ops); else the other side confirms by the same call (`refund_request` shows it and its expiry). Of a released milestone, also after the escrow has ended: the transfer is reversed, then the buyer refunded; what the seller’s balance does not cover becomes a debt. 200 means that it is ordered. For buyer, seller, ops, auditor; scope write. */
  refundMilestone(
    input: {
      /** Id of the escrow. */
      id: string;
      /** Id of the milestone. */
      mid: string;
      body: { amount?: number; reason: string };
    },
    options?: CallOptions,
  ): Promise<Escrow>;

  /** Dispute what is left of a milestone. Either side. The milestone is frozen before the answer. `claim.amount` is what the claimant wants; all that is left when it is absent. Without a reply in time the claim is granted. For buyer, seller, ops, auditor; scope write. */
  openDispute(
    input: {
      /** Id of the escrow. */
      id: string;
      /** Id of the milestone. */
      mid: string;
      body: {
        reason: string;
        /** What the claimant wants for themself; all that is left when it is absent. */
        claim?: { amount: number };
        /** Of uploads by POST /v1/files for this escrow. */
        file_ids?: string[];
      };
    },
    options?: CallOptions,
  ): Promise<InProductDispute>;

  /** List disputes, newest first. For buyer, seller, ops, auditor; scope read. */
  listDisputes(
    input?: {
      /** The last id of the page before. */
      starting_after?: string;
      limit?: number;
      escrow_id?: string;
      status?: 'open' | 'negotiating' | 'mediation' | 'second_arbiter' | 'settled';
    },
    options?: CallOptions,
  ): Promise<{ data: (InProductDispute | CardDispute)[]; has_more: boolean }>;

  /** Read a dispute. For buyer, seller, ops, auditor; scope read. */
  getDispute(
    input: {
      /** Id of the dispute. */
      id: string;
    },
    options?: CallOptions,
  ): Promise<InProductDispute | CardDispute>;

  /** The respondent replies: negotiation begins. For buyer, seller, ops, auditor; scope write. */
  replyToDispute(
    input: {
      /** Id of the dispute. */
      id: string;
      body: {
        message: string;
        /** Of uploads by POST /v1/files for this escrow. */
        file_ids?: string[];
      };
    },
    options?: CallOptions,
  ): Promise<InProductDispute>;

  /** Offer a split. `seller_amount` is what the seller would get; the rest goes back to the buyer. For buyer, seller, ops, auditor; scope write. */
  offerInDispute(
    input: {
      /** Id of the dispute. */
      id: string;
      body: {
        /** What the seller gets, minor units; the buyer gets the rest. */
        seller_amount: number;
      };
    },
    options?: CallOptions,
  ): Promise<InProductDispute>;

  /** Take the other side’s last offer. 200 means that both legs, the transfer and the refund, are ordered. For buyer, seller, ops, auditor; scope write. */
  acceptOffer(
    input: {
      /** Id of the dispute. */
      id: string;
      body?: Record<string, never>;
    },
    options?: CallOptions,
  ): Promise<InProductDispute>;

  /** Ask for mediation. For buyer, seller, ops, auditor; scope write. */
  escalateDispute(
    input: {
      /** Id of the dispute. */
      id: string;
      body?: Record<string, never>;
    },
    options?: CallOptions,
  ): Promise<InProductDispute>;

  /** An arbiter of ops rules a split. 200 means that both legs are ordered. For buyer, seller, ops, auditor; scope write. */
  ruleDispute(
    input: {
      /** Id of the dispute. */
      id: string;
      body: {
        /** What the seller gets, minor units; the buyer gets the rest. */
        seller_amount: number;
        reason: string;
      };
    },
    options?: CallOptions,
  ): Promise<InProductDispute>;

  /** Stage evidence against a chargeback. Replaces what was staged before. It goes out with the terms, the timeline and the deliverables’ hashes by `submit-evidence`, or by itself when the sellers’ time is over. For buyer, seller, ops, auditor; scope write. */
  stageEvidence(
    input: {
      /** Id of the dispute. */
      id: string;
      body: {
        text: string;
        /** In the place of those staged before; left out, those stay. 4.5 MB together. */
        files?: {
          /** Of an upload by POST /v1/files: PDF, PNG or JPEG. */
          file_id: string;
          /** Stripe’s field of evidence; each takes one file. */
          field:
            | 'customer_communication'
            | 'service_documentation'
            | 'receipt'
            | 'customer_signature'
            | 'refund_policy'
            | 'cancellation_policy'
            | 'uncategorized_file';
        }[];
      };
    },
    options?: CallOptions,
  ): Promise<CardDispute>;

  /** Send the evidence now, once and for good. For buyer, seller, ops, auditor; scope write. */
  submitEvidence(
    input: {
      /** Id of the dispute. */
      id: string;
      body?: Record<string, never>;
    },
    options?: CallOptions,
  ): Promise<CardDispute>;

  /** Accept the loss; irreversible. Takes effect once every affected seller has accepted, or ops do. For buyer, seller, ops, auditor; scope write. */
  acceptLoss(
    input: {
      /** Id of the dispute. */
      id: string;
      body?: Record<string, never>;
    },
    options?: CallOptions,
  ): Promise<CardDispute>;

  /** Upload a file for an escrow. At most 10 MB: PDF, PNG, JPEG, GIF, WebP, MP4, ZIP and office documents, plain text and CSV, told by the content; a name that says something else is refused. Name the file's id in `submit`, `dispute`, `reply` or `evidence`; until then only you see it, and it is dropped after a day. For buyer, seller, ops; scope write. */
  uploadFile(
    input: {
      body: {
        /** The escrow that it belongs to. */
        escrow_id: string;
        file: Blob;
      };
    },
    options?: CallOptions,
  ): Promise<File>;

  /** List files, newest first. For buyer, seller, ops, auditor; scope read. */
  listFiles(
    input?: {
      /** The last id of the page before. */
      starting_after?: string;
      limit?: number;
      escrow_id?: string;
    },
    options?: CallOptions,
  ): Promise<{ data: File[]; has_more: boolean }>;

  /** Read what a file is. For buyer, seller, ops, auditor; scope read. */
  getFile(
    input: {
      /** Id of the file. */
      id: string;
    },
    options?: CallOptions,
  ): Promise<File>;

  /** Download a file. For buyer, seller, ops, auditor; scope read. */
  downloadFile(
    input: {
      /** Id of the file. */
      id: string;
    },
    options?: CallOptions,
  ): Promise<Blob>;

  /** Payments of an escrow. For buyer, seller, ops, auditor; scope read. */
  listPayments(
    input: {
      /** Id of the escrow. */
      id: string;
      /** The last id of the page before. */
      starting_after?: string;
      limit?: number;
    },
    options?: CallOptions,
  ): Promise<{ data: Payment[]; has_more: boolean }>;

  /** Refunds of an escrow. For buyer, seller, ops, auditor; scope read. */
  listRefunds(
    input: {
      /** Id of the escrow. */
      id: string;
      /** The last id of the page before. */
      starting_after?: string;
      limit?: number;
    },
    options?: CallOptions,
  ): Promise<{ data: Refund[]; has_more: boolean }>;

  /** Transfers of an escrow. For buyer, seller, ops, auditor; scope read. */
  listTransfers(
    input: {
      /** Id of the escrow. */
      id: string;
      /** The last id of the page before. */
      starting_after?: string;
      limit?: number;
    },
    options?: CallOptions,
  ): Promise<{ data: Transfer[]; has_more: boolean }>;

  /** What a buyer can pay with. For buyer, seller, ops, auditor; scope read. */
  listPaymentMethods(
    input: {
      /** Lower-case ISO 4217. */
      currency: string;
    },
    options?: CallOptions,
  ): Promise<{ data: PaymentMethod[]; has_more: boolean }>;

  /** List payouts, newest first. A seller sees their own; ops and auditors see all. For seller, ops, auditor; scope read. */
  listPayouts(
    input?: {
      /** The last id of the page before. */
      starting_after?: string;
      limit?: number;
    },
    options?: CallOptions,
  ): Promise<{ data: Payout[]; has_more: boolean }>;

  /** Register a seller. Creates the person and their Stripe account. They receive money once their `transfers` are active. For buyers, as many as 50 within a day, and for staff (1000). For buyer, ops; scope write. */
  createSeller(
    input: { body: { email: string; country: string; name?: string } },
    options?: CallOptions,
  ): Promise<Seller>;

  /** Read a seller. For buyer, seller, ops, auditor; scope read. */
  getSeller(
    input: {
      /** Id of the seller. */
      id: string;
    },
    options?: CallOptions,
  ): Promise<Seller>;

  /** A link to Stripe’s verification. For seller, ops; scope write. */
  createOnboardingLink(
    input: {
      /** Id of the seller. */
      id: string;
      body?: { return_url?: string; refresh_url?: string };
    },
    options?: CallOptions,
  ): Promise<{ url: string; expires_at: string }>;

  /** Ask for another payout schedule. Where a seller’s money goes and when is what a thief would change first: ops approve it. For seller, ops; scope write. */
  changePayoutSchedule(
    input: {
      /** Id of the seller. */
      id: string;
      body: {
        interval: 'manual' | 'daily' | 'weekly' | 'monthly';
        weekly_anchor?: 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday';
        monthly_anchor?: number;
      };
    },
    options?: CallOptions,
  ): Promise<{
    approval: {
      id: string;
      status: 'pending' | 'approved' | 'denied' | 'expired' | 'executed' | 'failed';
      expires_at: string;
    };
  }>;

  /** What the ledger holds for a seller, per currency. For buyer, seller, ops, auditor; scope read. */
  getSellerBalance(
    input: {
      /** Id of the seller. */
      id: string;
    },
    options?: CallOptions,
  ): Promise<{
    object: 'seller_balance';
    seller_id: string;
    balances: {
      currency: string;
      /** Held for work that is not accepted yet. */
      held: {
        /** Minor units of the currency. */
        amount: number;
        currency: string;
      };
      /** Accepted, its transfer under way. */
      payable: {
        /** Minor units of the currency. */
        amount: number;
        currency: string;
      };
      on_hold: Money;
      transferred: Money;
      debt: Money;
    }[];
    /** Open ones. */
    debts: Debt[];
  }>;

  /** What you were told of, newest first. Everything that waits on you is told here, and by mail where you take it. For buyer, seller, ops, auditor; scope read. */
  listNotifications(
    input?: {
      /** The last id of the page before. */
      starting_after?: string;
      limit?: number;
      unread?: 'true' | 'false';
    },
    options?: CallOptions,
  ): Promise<{
    data: Notification[];
    has_more: boolean;
    /** How many you have not read. */
    unread: number;
  }>;

  /** Mark one of your notifications as read. For buyer, seller, ops, auditor; scope write. */
  readNotification(input: { id: string; body?: Record<string, never> }, options?: CallOptions): Promise<Notification>;

  /** Which mails you take. For buyer, seller, ops, auditor; scope read. */
  listNotificationPreferences(
    input?: Record<string, never>,
    options?: CallOptions,
  ): Promise<{ data: NotificationPreference[] }>;

  /** Take mails of one kind, or not. For buyer, seller, ops, auditor; scope write. */
  setNotificationPreference(
    input: { body: { kind: string; mail: boolean } },
    options?: CallOptions,
  ): Promise<NotificationPreference>;

  /** What waits for a second person, newest first. For ops, auditor; scope read and ops. */
  listApprovals(
    input?: {
      /** The last id of the page before. */
      starting_after?: string;
      limit?: number;
      status?: 'pending' | 'approved' | 'denied' | 'expired' | 'executed' | 'failed';
    },
    options?: CallOptions,
  ): Promise<{ data: Approval[]; has_more: boolean }>;

  /** Approve, and carry it out. By another person than the one who asked. Exactly the parameters of the request are carried out, once; name their `params_hash` to be sure of what you approve. For ops; scope write and ops. */
  approve(
    input: {
      id: string;
      body?: {
        /** Of the approval as you read it; another one is refused. */
        params_hash?: string;
      };
    },
    options?: CallOptions,
  ): Promise<Approval>;

  /** Deny: nothing is done. For ops; scope write and ops. */
  deny(
    input: {
      id: string;
      body?: {
        /** Of the approval as you read it; another one is refused. */
        params_hash?: string;
      };
    },
    options?: CallOptions,
  ): Promise<Approval>;

  /** The buyer was refunded by bank transfer. What Stripe can refund no more, because the time of the payment’s method has passed or a bank has decided over it: a refund that was ordered and has the status `needs_bank`, or else all that is left of the milestone. It counts as refunded once another of ops has approved it. `params.to_pay` of the approval is what the buyer gets: with the fee that the terms give back. Always by two people of ops. For ops; scope write and ops. */
  refundByBank(
    input: {
      id: string;
      body: {
        milestone_id: string;
        /** The principal that the transfer settles, minor units: the refund that waits for it, else what is open of the milestone. All of it, so that nobody decides over another amount than they read. */
        amount: number;
        /** Of the bank transfer to the buyer. */
        reference: string;
        reason: string;
      };
    },
    options?: CallOptions,
  ): Promise<{
    approval: {
      id: string;
      status: 'pending' | 'approved' | 'denied' | 'expired' | 'executed' | 'failed';
      expires_at: string;
    };
  }>;

  /** Decide over money that was held for too long. From 30 days before the longest time that the platform may hold money. All that is left of the milestone is refunded or released, after another of ops approved it. What was accepted for a seller who never got verified can only be refunded. For ops; scope write and ops. */
  forceDecision(
    input: { id: string; body: { milestone_id: string; decision: 'refund' | 'release'; reason: string } },
    options?: CallOptions,
  ): Promise<{
    approval: {
      id: string;
      status: 'pending' | 'approved' | 'denied' | 'expired' | 'executed' | 'failed';
      expires_at: string;
    };
  }>;

  /** Give up what a seller owes. Always by two people of ops. The platform bears the open rest (bad_debt). For ops; scope write and ops. */
  writeOffDebt(
    input: { id: string; body: { reason: string } },
    options?: CallOptions,
  ): Promise<{
    approval: {
      id: string;
      status: 'pending' | 'approved' | 'denied' | 'expired' | 'executed' | 'failed';
      expires_at: string;
    };
  }>;

  /** Open alerts, oldest first. For ops, auditor; scope read and ops. */
  listAlerts(
    input?: { starting_after?: string; limit?: number; escrow_id?: string },
    options?: CallOptions,
  ): Promise<{ data: Alert[]; has_more: boolean }>;

  /** Close an alert that a person has dealt with. Nothing else changes. `note` says what was done, and stays in its `detail`. For ops; scope write and ops. */
  resolveAlert(
    input: {
      /** Id of the alert. */
      id: string;
      body: { note: string };
    },
    options?: CallOptions,
  ): Promise<Alert>;

  /** The audit log, newest first. With `verify=true` the whole chain is walked too, and the first broken row is named. For ops, auditor; scope read and ops. */
  listAudit(
    input?: {
      starting_after?: string;
      limit?: number;
      /** Such as the id of an escrow. */
      subject?: string;
      actor_id?: string;
      verify?: 'true' | 'false';
    },
    options?: CallOptions,
  ): Promise<{ data: AuditEntry[]; has_more: boolean; chain: AuditChain }>;

  /** Freeze an escrow or one of its milestones. Nothing moves and no timer runs on until it is unfrozen. For ops; scope write and ops. */
  freezeEscrow(
    input: {
      id: string;
      body: {
        scope?: 'escrow' | 'milestone';
        /** With scope "milestone". */
        milestone_id?: string;
        reason: string;
      };
    },
    options?: CallOptions,
  ): Promise<Escrow>;

  /** End a freeze by ops. For ops; scope write and ops. */
  unfreezeEscrow(
    input: {
      id: string;
      body?: {
        scope?: 'escrow' | 'milestone';
        /** With scope "milestone". */
        milestone_id?: string;
      };
    },
    options?: CallOptions,
  ): Promise<Escrow>;

  /** Release delivered work by hand. All that is left of a submitted milestone goes to its seller, as if its buyer had accepted it. Over APPROVAL_LIMIT_RELEASE another of ops approves it first. For ops; scope write and ops. */
  releaseByHand(
    input: { id: string; body: { milestone_id: string; reason: string } },
    options?: CallOptions,
  ): Promise<
    | Escrow
    | {
        approval: {
          id: string;
          status: 'pending' | 'approved' | 'denied' | 'expired' | 'executed' | 'failed';
          expires_at: string;
        };
      }
  >;

  /** Stripe’s events, newest first. For ops, auditor; scope read and ops. */
  listStripeEvents(
    input?: {
      /** The last id of the page before. */
      starting_after?: string;
      limit?: number;
      state?: 'received' | 'done' | 'ignored' | 'parked' | 'quarantined';
    },
    options?: CallOptions,
  ): Promise<{ data: StripeEvent[]; has_more: boolean }>;

  /** Put an event back into the queue. Its effect happens at most once however often it is replayed. For ops; scope write and ops. */
  replayStripeEvent(input: { id: string; body?: Record<string, never> }, options?: CallOptions): Promise<StripeEvent>;

  /** Check the invariants of the ledger now. Over the database alone: `npm run verify` asks Stripe and every workflow too. `rows` holds what breaks one. For ops, auditor; scope read and ops. */
  checkInvariants(input?: Record<string, never>, options?: CallOptions): Promise<{ data: Invariant[] }>;

  /** Debts of sellers, newest first. For ops, auditor; scope read and ops. */
  listDebts(
    input?: {
      /** The last id of the page before. */
      starting_after?: string;
      limit?: number;
      seller_id?: string;
      status?: 'open' | 'recovered' | 'repaid' | 'written_off' | 'cancelled';
    },
    options?: CallOptions,
  ): Promise<{ data: Debt[]; has_more: boolean }>;

  /** The seller paid a debt by bank transfer. For ops; scope write and ops. */
  repayDebt(
    input: {
      /** Id of the debt. */
      id: string;
      body: {
        /** The open rest when left out. */
        amount?: number;
        /** Of the bank transfer. */
        reference: string;
      };
    },
    options?: CallOptions,
  ): Promise<Debt>;

  /** Refunds of ended escrows that came back from the bank, newest first. For ops, auditor; scope read and ops. */
  listFailedRefunds(
    input?: {
      /** The last id of the page before. */
      starting_after?: string;
      limit?: number;
      status?: 'owed' | 'trying' | 'repaid' | 'paid_by_bank';
    },
    options?: CallOptions,
  ): Promise<{ data: FailedRefund[]; has_more: boolean }>;

  /** Refund the buyer again. The same amount to the same payment method, as it was ordered before. It is tried by itself too, a day and a week after it came back, unless the card or account is gone. For ops; scope write and ops. */
  retryFailedRefund(
    input: {
      /** Id of the refund that failed first. */
      id: string;
      body?: Record<string, never>;
    },
    options?: CallOptions,
  ): Promise<FailedRefund>;

  /** The buyer was paid by bank transfer. Where Stripe cannot bring it any more. Always by two people of ops. For ops; scope write and ops. */
  payFailedRefundByBank(
    input: {
      /** Id of the refund that failed first. */
      id: string;
      body: {
        /** Of the bank transfer to the buyer. */
        reference: string;
        reason: string;
      };
    },
    options?: CallOptions,
  ): Promise<{
    approval: {
      id: string;
      status: 'pending' | 'approved' | 'denied' | 'expired' | 'executed' | 'failed';
      expires_at: string;
    };
  }>;

  /** What happened, oldest first. Your own escrows’ events and your own account’s. Ids rise in the order in which events become readable, so that reading on with `starting_after` the last id that you have misses none. A new event can be read within about a second. For buyer, seller, ops, auditor; scope read. */
  listEvents(
    input?: {
      /** The last event that you have. */
      starting_after?: string;
      limit?: number;
      type?: string;
      escrow_id?: string;
    },
    options?: CallOptions,
  ): Promise<{ data: Event[]; has_more: boolean }>;

  /** Read an event. For buyer, seller, ops, auditor; scope read. */
  getEvent(
    input: {
      /** Id of the event. */
      id: string;
    },
    options?: CallOptions,
  ): Promise<Event>;

  /** Add an endpoint. Every event that you may read and whose type it names is sent to it, signed by [Standard Webhooks](https://www.standardwebhooks.com) with the `secret` of this answer, and tried again for about 75 hours until it answers 2xx. Private addresses are refused, redirects are not followed, and 410 disables the endpoint. For buyer, seller, ops; scope write. */
  createWebhookEndpoint(
    input: {
      body: {
        /** https://… */
        url: string;
        /** Which events; `["*"]` for all. */
        event_types?: string[];
        description?: string;
      };
    },
    options?: CallOptions,
  ): Promise<WebhookEndpoint>;

  /** List your endpoints. For buyer, seller, ops; scope read. */
  listWebhookEndpoints(
    input?: {
      /** The last id of the page before. */
      starting_after?: string;
      limit?: number;
    },
    options?: CallOptions,
  ): Promise<{ data: WebhookEndpoint[]; has_more: boolean }>;

  /** Read an endpoint. For buyer, seller, ops; scope read. */
  getWebhookEndpoint(
    input: {
      /** Id of the endpoint. */
      id: string;
    },
    options?: CallOptions,
  ): Promise<WebhookEndpoint>;

  /** Change, disable or enable an endpoint. What is left out stays. While it is disabled nothing is sent to it, nor afterwards: read `GET /v1/events` on from the last event that you have. For buyer, seller, ops; scope write. */
  updateWebhookEndpoint(
    input: {
      /** Id of the endpoint. */
      id: string;
      body?: { url?: string; event_types?: string[]; description?: string; status?: 'enabled' | 'disabled' };
    },
    options?: CallOptions,
  ): Promise<WebhookEndpoint>;

  /** Delete an endpoint. What is not delivered yet is not sent any more. For buyer, seller, ops; scope write. */
  deleteWebhookEndpoint(
    input: {
      /** Id of the endpoint. */
      id: string;
    },
    options?: CallOptions,
  ): Promise<void>;

  /** Replace the secret. Both secrets sign for a while (`webhook-signature` carries two signatures), so that nothing is lost while you change yours. For buyer, seller, ops; scope write. */
  rotateWebhookSecret(
    input: {
      /** Id of the endpoint. */
      id: string;
      body?: {
        /** How long the present secret goes on signing beside the new one. */
        overlap_hours?: number;
      };
    },
    options?: CallOptions,
  ): Promise<WebhookEndpoint>;

  /** What was sent, newest first. For buyer, seller, ops; scope read. */
  listWebhookDeliveries(
    input: {
      /** Id of the endpoint. */
      id: string;
      /** The last id of the page before. */
      starting_after?: string;
      limit?: number;
      status?: 'pending' | 'delivered' | 'failed';
    },
    options?: CallOptions,
  ): Promise<{ data: WebhookDelivery[]; has_more: boolean }>;

  /** Send an event again. With the same `webhook-id`: a receiver that has it already takes it for a repetition. For buyer, seller, ops; scope write. */
  replayWebhookDelivery(
    input: {
      /** Id of the endpoint. */
      id: string;
      /** Id of the delivery. */
      delivery_id: string;
      body?: Record<string, never>;
    },
    options?: CallOptions,
  ): Promise<WebhookDelivery>;

  /** Make an API key. For yourself, with scopes that the calling key has. `key` is in the first answer and never again. For buyer, seller, ops, auditor; scope write. */
  createApiKey(
    input: {
      body: {
        label: string;
        /** `read` for GET, `write` for what changes something, `ops` beside them for staff’s own calls. */
        scopes?: ('read' | 'write' | 'ops')[];
      };
    },
    options?: CallOptions,
  ): Promise<ApiKey>;

  /** List your keys. For buyer, seller, ops, auditor; scope read. */
  listApiKeys(
    input?: {
      /** The last id of the page before. */
      starting_after?: string;
      limit?: number;
    },
    options?: CallOptions,
  ): Promise<{ data: ApiKey[]; has_more: boolean }>;

  /** Revoke a key. At once and for good; also the key that calls. For buyer, seller, ops, auditor; scope write. */
  revokeApiKey(
    input: {
      /** Id of the key. */
      id: string;
    },
    options?: CallOptions,
  ): Promise<void>;

  /** Compare Stripe’s books with ours, now. One runs by itself every night at 03:30 UTC over 7 days. It changes no money; look at it until it is no longer `running`. For ops; scope write and ops. */
  startReconciliation(
    input?: {
      body?: {
        /** How far back Stripe’s lists are read; what is open is compared however old it is. */
        days?: number;
        /** How long what is under way may take before a difference is believed. */
        settle_seconds?: number;
      };
    },
    options?: CallOptions,
  ): Promise<Reconciliation>;

  /** Runs, newest first. For ops, auditor; scope read and ops. */
  listReconciliations(
    input?: {
      /** The last id of the page before. */
      starting_after?: string;
      limit?: number;
    },
    options?: CallOptions,
  ): Promise<{ data: Reconciliation[]; has_more: boolean }>;

  /** One run. For ops, auditor; scope read and ops. */
  getReconciliation(
    input: {
      /** Id of the run (rec_…). */
      id: string;
    },
    options?: CallOptions,
  ): Promise<Reconciliation>;

  /** What a run found, with both sides, the likely cause and the repairs. For ops, auditor; scope read and ops. */
  listDifferences(
    input: {
      /** Id of the run (rec_…). */
      id: string;
      /** The `n` of the last one of the page before. */
      starting_after?: number | null;
      limit?: number;
    },
    options?: CallOptions,
  ): Promise<{ data: ReconciliationDifference[]; has_more: boolean }>;

  /** Ask another of ops for a repair. Always by two people. `explain` leaves both sides as they are, and later runs do not show it again. For ops; scope write and ops. */
  repairDifference(
    input: {
      /** Id of the run (rec_…). */
      id: string;
      n: number;
      body: {
        /** One of the difference’s `repairs`. */
        repair: 'deliver_event' | 'post' | 'correct' | 'reverse_transfer' | 'project_again' | 'explain';
        reason: string;
      };
    },
    options?: CallOptions,
  ): Promise<{
    approval: {
      id: string;
      status: 'pending' | 'approved' | 'denied' | 'expired' | 'executed' | 'failed';
      expires_at: string;
    };
  }>;
}

/** Those that `each` goes through. */
export interface Lists {
  listEscrows: { input: NonNullable<Parameters<Operations['listEscrows']>[0]>; item: Escrow };
  getTimeline: { input: NonNullable<Parameters<Operations['getTimeline']>[0]>; item: TimelineEntry };
  listDisputes: { input: NonNullable<Parameters<Operations['listDisputes']>[0]>; item: InProductDispute | CardDispute };
  listFiles: { input: NonNullable<Parameters<Operations['listFiles']>[0]>; item: File };
  listPayments: { input: NonNullable<Parameters<Operations['listPayments']>[0]>; item: Payment };
  listRefunds: { input: NonNullable<Parameters<Operations['listRefunds']>[0]>; item: Refund };
  listTransfers: { input: NonNullable<Parameters<Operations['listTransfers']>[0]>; item: Transfer };
  listPayouts: { input: NonNullable<Parameters<Operations['listPayouts']>[0]>; item: Payout };
  listNotifications: { input: NonNullable<Parameters<Operations['listNotifications']>[0]>; item: Notification };
  listApprovals: { input: NonNullable<Parameters<Operations['listApprovals']>[0]>; item: Approval };
  listAlerts: { input: NonNullable<Parameters<Operations['listAlerts']>[0]>; item: Alert };
  listAudit: { input: NonNullable<Parameters<Operations['listAudit']>[0]>; item: AuditEntry };
  listStripeEvents: { input: NonNullable<Parameters<Operations['listStripeEvents']>[0]>; item: StripeEvent };
  listDebts: { input: NonNullable<Parameters<Operations['listDebts']>[0]>; item: Debt };
  listFailedRefunds: { input: NonNullable<Parameters<Operations['listFailedRefunds']>[0]>; item: FailedRefund };
  listEvents: { input: NonNullable<Parameters<Operations['listEvents']>[0]>; item: Event };
  listWebhookEndpoints: {
    input: NonNullable<Parameters<Operations['listWebhookEndpoints']>[0]>;
    item: WebhookEndpoint;
  };
  listWebhookDeliveries: {
    input: NonNullable<Parameters<Operations['listWebhookDeliveries']>[0]>;
    item: WebhookDelivery;
  };
  listApiKeys: { input: NonNullable<Parameters<Operations['listApiKeys']>[0]>; item: ApiKey };
  listReconciliations: { input: NonNullable<Parameters<Operations['listReconciliations']>[0]>; item: Reconciliation };
  listDifferences: { input: NonNullable<Parameters<Operations['listDifferences']>[0]>; item: ReconciliationDifference };
}

export const OPERATIONS = {
  proposeEscrow: { method: 'POST', path: '/v1/escrows' },
  listEscrows: {
    method: 'GET',
    path: '/v1/escrows',
    query: ['starting_after', 'limit', 'status', 'role', 'external_id'],
    cursor: 'id',
  },
  getEscrow: { method: 'GET', path: '/v1/escrows/{id}' },
  getTimeline: { method: 'GET', path: '/v1/escrows/{id}/timeline', query: ['starting_after', 'limit'], cursor: 'id' },
  explainEscrow: { method: 'GET', path: '/v1/escrows/{id}/explanation' },
  previewEscrow: { method: 'POST', path: '/v1/escrows/{id}/preview' },
  agreeToEscrow: { method: 'POST', path: '/v1/escrows/{id}/agree' },
  fundEscrow: { method: 'POST', path: '/v1/escrows/{id}/fund' },
  cancelEscrow: { method: 'POST', path: '/v1/escrows/{id}/cancel' },
  proposeAmendment: { method: 'POST', path: '/v1/escrows/{id}/amendments' },
  signAmendment: { method: 'POST', path: '/v1/amendments/{id}/sign' },
  rejectAmendment: { method: 'POST', path: '/v1/amendments/{id}/reject' },
  startMilestone: { method: 'POST', path: '/v1/escrows/{id}/milestones/{mid}/start' },
  submitMilestone: { method: 'POST', path: '/v1/escrows/{id}/milestones/{mid}/submit' },
  acceptMilestone: { method: 'POST', path: '/v1/escrows/{id}/milestones/{mid}/accept' },
  requestChanges: { method: 'POST', path: '/v1/escrows/{id}/milestones/{mid}/request-changes' },
  extendInspection: { method: 'POST', path: '/v1/escrows/{id}/milestones/{mid}/extend' },
  refundMilestone: { method: 'POST', path: '/v1/escrows/{id}/milestones/{mid}/refund' },
  openDispute: { method: 'POST', path: '/v1/escrows/{id}/milestones/{mid}/dispute' },
  listDisputes: {
    method: 'GET',
    path: '/v1/disputes',
    query: ['starting_after', 'limit', 'escrow_id', 'status'],
    cursor: 'id',
  },
  getDispute: { method: 'GET', path: '/v1/disputes/{id}' },
  replyToDispute: { method: 'POST', path: '/v1/disputes/{id}/reply' },
  offerInDispute: { method: 'POST', path: '/v1/disputes/{id}/offer' },
  acceptOffer: { method: 'POST', path: '/v1/disputes/{id}/accept-offer' },
  escalateDispute: { method: 'POST', path: '/v1/disputes/{id}/escalate' },
  ruleDispute: { method: 'POST', path: '/v1/disputes/{id}/rule' },
  stageEvidence: { method: 'POST', path: '/v1/disputes/{id}/evidence' },
  submitEvidence: { method: 'POST', path: '/v1/disputes/{id}/submit-evidence' },
  acceptLoss: { method: 'POST', path: '/v1/disputes/{id}/accept-loss' },
  uploadFile: { method: 'POST', path: '/v1/files', multipart: true },
  listFiles: { method: 'GET', path: '/v1/files', query: ['starting_after', 'limit', 'escrow_id'], cursor: 'id' },
  getFile: { method: 'GET', path: '/v1/files/{id}' },
  downloadFile: { method: 'GET', path: '/v1/files/{id}/content', binary: true },
  listPayments: { method: 'GET', path: '/v1/escrows/{id}/payments', query: ['starting_after', 'limit'], cursor: 'id' },
  listRefunds: { method: 'GET', path: '/v1/escrows/{id}/refunds', query: ['starting_after', 'limit'], cursor: 'id' },
  listTransfers: {
    method: 'GET',
    path: '/v1/escrows/{id}/transfers',
    query: ['starting_after', 'limit'],
    cursor: 'id',
  },
  listPaymentMethods: { method: 'GET', path: '/v1/payment-methods', query: ['currency'] },
  listPayouts: { method: 'GET', path: '/v1/payouts', query: ['starting_after', 'limit'], cursor: 'id' },
  createSeller: { method: 'POST', path: '/v1/sellers' },
  getSeller: { method: 'GET', path: '/v1/sellers/{id}' },
  createOnboardingLink: { method: 'POST', path: '/v1/sellers/{id}/onboarding-link' },
  changePayoutSchedule: { method: 'POST', path: '/v1/sellers/{id}/payout-schedule' },
  getSellerBalance: { method: 'GET', path: '/v1/sellers/{id}/balance' },
  listNotifications: {
    method: 'GET',
    path: '/v1/notifications',
    query: ['starting_after', 'limit', 'unread'],
    cursor: 'id',
  },
  readNotification: { method: 'POST', path: '/v1/notifications/{id}/read' },
  listNotificationPreferences: { method: 'GET', path: '/v1/notification_preferences' },
  setNotificationPreference: { method: 'POST', path: '/v1/notification_preferences' },
  listApprovals: {
    method: 'GET',
    path: '/v1/ops/approvals',
    query: ['starting_after', 'limit', 'status'],
    cursor: 'id',
  },
  approve: { method: 'POST', path: '/v1/ops/approvals/{id}/approve' },
  deny: { method: 'POST', path: '/v1/ops/approvals/{id}/deny' },
  refundByBank: { method: 'POST', path: '/v1/ops/escrows/{id}/refund-by-bank' },
  forceDecision: { method: 'POST', path: '/v1/ops/escrows/{id}/force-decision' },
  writeOffDebt: { method: 'POST', path: '/v1/ops/debts/{id}/write-off' },
  listAlerts: { method: 'GET', path: '/v1/ops/alerts', query: ['starting_after', 'limit', 'escrow_id'], cursor: 'id' },
  resolveAlert: { method: 'POST', path: '/v1/ops/alerts/{id}/resolve' },
  listAudit: {
    method: 'GET',
    path: '/v1/ops/audit',
    query: ['starting_after', 'limit', 'subject', 'actor_id', 'verify'],
    cursor: 'id',
  },
  freezeEscrow: { method: 'POST', path: '/v1/ops/escrows/{id}/freeze' },
  unfreezeEscrow: { method: 'POST', path: '/v1/ops/escrows/{id}/unfreeze' },
  releaseByHand: { method: 'POST', path: '/v1/ops/escrows/{id}/release' },
  listStripeEvents: {
    method: 'GET',
    path: '/v1/ops/events',
    query: ['starting_after', 'limit', 'state'],
    cursor: 'id',
  },
  replayStripeEvent: { method: 'POST', path: '/v1/ops/events/{id}/replay' },
  checkInvariants: { method: 'GET', path: '/v1/ops/invariants' },
  listDebts: {
    method: 'GET',
    path: '/v1/ops/debts',
    query: ['starting_after', 'limit', 'seller_id', 'status'],
    cursor: 'id',
  },
  repayDebt: { method: 'POST', path: '/v1/ops/debts/{id}/repay' },
  listFailedRefunds: {
    method: 'GET',
    path: '/v1/ops/failed-refunds',
    query: ['starting_after', 'limit', 'status'],
    cursor: 'id',
  },
  retryFailedRefund: { method: 'POST', path: '/v1/ops/failed-refunds/{id}/retry' },
  payFailedRefundByBank: { method: 'POST', path: '/v1/ops/failed-refunds/{id}/paid-by-bank' },
  listEvents: {
    method: 'GET',
    path: '/v1/events',
    query: ['starting_after', 'limit', 'type', 'escrow_id'],
    cursor: 'id',
  },
  getEvent: { method: 'GET', path: '/v1/events/{id}' },
  createWebhookEndpoint: { method: 'POST', path: '/v1/webhook_endpoints' },
  listWebhookEndpoints: {
    method: 'GET',
    path: '/v1/webhook_endpoints',
    query: ['starting_after', 'limit'],
    cursor: 'id',
  },
  getWebhookEndpoint: { method: 'GET', path: '/v1/webhook_endpoints/{id}' },
  updateWebhookEndpoint: { method: 'POST', path: '/v1/webhook_endpoints/{id}' },
  deleteWebhookEndpoint: { method: 'DELETE', path: '/v1/webhook_endpoints/{id}' },
  rotateWebhookSecret: { method: 'POST', path: '/v1/webhook_endpoints/{id}/rotate-secret' },
  listWebhookDeliveries: {
    method: 'GET',
    path: '/v1/webhook_endpoints/{id}/deliveries',
    query: ['starting_after', 'limit', 'status'],
    cursor: 'id',
  },
  replayWebhookDelivery: { method: 'POST', path: '/v1/webhook_endpoints/{id}/deliveries/{delivery_id}/replay' },
  createApiKey: { method: 'POST', path: '/v1/api_keys' },
  listApiKeys: { method: 'GET', path: '/v1/api_keys', query: ['starting_after', 'limit'], cursor: 'id' },
  revokeApiKey: { method: 'DELETE', path: '/v1/api_keys/{id}' },
  startReconciliation: { method: 'POST', path: '/v1/ops/reconciliations' },
  listReconciliations: {
    method: 'GET',
    path: '/v1/ops/reconciliations',
    query: ['starting_after', 'limit'],
    cursor: 'id',
  },
  getReconciliation: { method: 'GET', path: '/v1/ops/reconciliations/{id}' },
  listDifferences: {
    method: 'GET',
    path: '/v1/ops/reconciliations/{id}/differences',
    query: ['starting_after', 'limit'],
    cursor: 'n',
  },
  repairDifference: { method: 'POST', path: '/v1/ops/reconciliations/{id}/differences/{n}/repair' },
} as const;
