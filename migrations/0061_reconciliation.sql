-- Reconciliation: each run's figures, and every difference with both sides, its most likely cause and what may be done.
CREATE TABLE reconciliation_runs (
  id           text PRIMARY KEY,               -- rec_
  workflow_id  text NOT NULL UNIQUE,
  trigger      text NOT NULL CHECK (trigger IN ('schedule', 'person')),
  requested_by text REFERENCES people,
  status       text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'clean', 'differences', 'failed')),
  window_from  timestamptz NOT NULL,
  window_to    timestamptz NOT NULL,
  figures      jsonb NOT NULL DEFAULT '{}',    -- how much of each list was compared
  error        text,
  started_at   timestamptz NOT NULL DEFAULT now(),
  finished_at  timestamptz,
  CONSTRAINT ended_when_finished CHECK ((status = 'running') = (finished_at IS NULL))
);
CREATE INDEX reconciliation_runs_newest ON reconciliation_runs (started_at DESC, id DESC);

CREATE TABLE reconciliation_differences (
  run_id      text NOT NULL REFERENCES reconciliation_runs,
  n           integer NOT NULL CHECK (n > 0),
  kind        text NOT NULL,
  subject     text NOT NULL,                   -- the object that it is about, mostly Stripe's id
  escrow_id   text,
  amount      bigint,                          -- minor units by which the two sides differ
  currency    text,
  stripe      jsonb,                           -- what Stripe says; NULL: nothing
  ours        jsonb,
  cause       text NOT NULL,
  repairs     text[] NOT NULL,                 -- the first is recommended
  look        jsonb,                           -- how it is looked at again; NULL: its check has looked several times itself
  happened_at timestamptz,
  status      text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'repaired')),
  repair      text,
  approval_id text REFERENCES approvals,         -- the latest that was asked for it
  outcome     text,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, n),
  UNIQUE (run_id, kind, subject)
);
CREATE INDEX reconciliation_differences_by_subject ON reconciliation_differences (kind, subject);

-- What two persons looked at and let be: later runs count it and do not show it again.
CREATE TABLE reconciliation_explanations (
  kind        text NOT NULL,
  subject     text NOT NULL,
  -- Of the difference that was explained: another amount is another difference.
  amount      bigint,
  currency    text,
  -- True where the ledger and Stripe's balance stay apart by the amount for good.
  in_balance  boolean NOT NULL,
  reason      text NOT NULL,
  approval_id text NOT NULL REFERENCES approvals,
  created_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (kind, subject, amount)
);

-- The merge walks both sides in the order of Stripe's lists.
CREATE INDEX balance_transactions_newest ON balance_transactions (created_at DESC, id);
CREATE INDEX movements_by_balance_transaction ON movements (balance_transaction_id) WHERE balance_transaction_id IS NOT NULL;

CREATE INDEX movements_of_seller ON movements (seller_id, updated_at) WHERE kind IN ('transfer', 'reversal');
CREATE INDEX movements_not_ended ON movements (id) WHERE status IN ('reserved', 'requires_payment_method', 'requires_action', 'processing', 'pending');

GRANT SELECT, INSERT, UPDATE, DELETE ON reconciliation_differences TO tranche_app;
GRANT SELECT, INSERT, UPDATE ON reconciliation_runs TO tranche_app;
GRANT SELECT, INSERT ON reconciliation_explanations TO tranche_app;

ALTER TABLE approvals DROP CONSTRAINT approvals_kind_check;
ALTER TABLE approvals ADD CONSTRAINT approvals_kind_check CHECK (kind ~ '^[a-z_]{3,40}$'); -- the list itself: APPROVAL_KINDS, db/approvals.ts
