-- Every movement of money that the product orders: written and reserved before Stripe is called, posted after.
CREATE TABLE movements (
  id                     text PRIMARY KEY,      -- pay_, trf_, rfd_, rev_
  kind                   text NOT NULL CHECK (kind IN ('payment', 'transfer', 'refund', 'reversal')),
  escrow_id              text NOT NULL,
  milestone_id           text,
  seller_id              text,
  part                   integer,
  amount                 bigint NOT NULL CHECK (amount > 0),
  currency               text NOT NULL,
  settled_amount         bigint,                -- what it takes of the charge, settlement currency
  settlement_currency    text,
  status                 text NOT NULL CHECK (status IN ('reserved', 'requires_payment_method', 'requires_action', 'processing', 'pending', 'succeeded', 'failed', 'canceled')),
  payment_id             text REFERENCES movements,
  stripe_id              text UNIQUE,
  stripe_charge_id       text,
  balance_transaction_id text,
  reason                 text,
  error_code             text,
  error_message          text,
  created_at             timestamptz NOT NULL DEFAULT now(),
  updated_at             timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX movements_by_escrow ON movements (escrow_id, id);
CREATE INDEX movements_by_charge ON movements (stripe_charge_id) WHERE stripe_charge_id IS NOT NULL;
-- At most one live transfer per milestone, seller and release part.
CREATE UNIQUE INDEX one_live_transfer ON movements (milestone_id, seller_id, part) WHERE kind = 'transfer' AND status NOT IN ('failed', 'canceled');

-- One row per idempotency key given to Stripe. The age of the first use is checked before a key is used again.
CREATE TABLE movement_attempts (
  movement_id     text NOT NULL REFERENCES movements,
  generation      integer NOT NULL,
  idempotency_key text NOT NULL UNIQUE CHECK (length(idempotency_key) <= 255),
  params_hash     text NOT NULL,
  first_call_at   timestamptz,
  calls           integer NOT NULL DEFAULT 0,
  error_code      text,
  PRIMARY KEY (movement_id, generation)
);

-- What each charge has given and may still give, settlement currency; locked before each transfer and refund of it.
CREATE TABLE charge_funds (
  charge_id   text PRIMARY KEY,
  payment_id  text NOT NULL REFERENCES movements,
  escrow_id   text NOT NULL,
  currency    text NOT NULL,
  captured    bigint NOT NULL CHECK (captured > 0),
  transferred bigint NOT NULL DEFAULT 0 CHECK (transferred >= 0),
  reversed    bigint NOT NULL DEFAULT 0 CHECK (reversed >= 0),
  refunded    bigint NOT NULL DEFAULT 0 CHECK (refunded >= 0),
  withdrawn   bigint NOT NULL DEFAULT 0 CHECK (withdrawn >= 0),
  allowance   bigint NOT NULL DEFAULT 0 CHECK (allowance >= 0), -- receivable + dispute_loss
  observed    bigint NOT NULL DEFAULT 0 CHECK (observed >= 0),  -- what Stripe did beyond it: posted, never refused
  CONSTRAINT charge_not_overdrawn CHECK (transferred - reversed + refunded + withdrawn <= captured + allowance + observed)
);

CREATE TABLE balance_transactions (
  id           text PRIMARY KEY,
  type         text NOT NULL,
  source_id    text,
  amount       bigint NOT NULL,
  fee          bigint NOT NULL,
  net          bigint NOT NULL,
  currency     text NOT NULL,
  status       text NOT NULL CHECK (status IN ('pending', 'available')),
  available_on timestamptz NOT NULL,
  matured_at   timestamptz,
  created_at   timestamptz NOT NULL
);
CREATE INDEX balance_transactions_maturing ON balance_transactions (available_on) WHERE status = 'pending' AND matured_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON movements, movement_attempts, charge_funds, balance_transactions TO tranche_app;
