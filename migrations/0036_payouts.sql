-- Payouts of sellers' Stripe balances, as Stripe tells them: a memo beside the ledger, whose money left with the transfer.
CREATE TABLE payouts (
  id           text PRIMARY KEY,                -- po_…
  seller_id    text NOT NULL REFERENCES people,
  amount       bigint NOT NULL,
  currency     text NOT NULL,
  status       text NOT NULL,                   -- Stripe's own word: `paid` may still turn `failed`
  failure_code text,
  failure_text text,
  arrives_at   timestamptz NOT NULL,
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payouts_by_seller ON payouts (seller_id, created_at DESC);
GRANT SELECT, INSERT, UPDATE ON payouts TO tranche_app;
