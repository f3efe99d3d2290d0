-- Refunds of ended escrows that the bank sent back: the buyer is owed the money until it was refunded again, or paid by
-- bank transfer. One row for the refund that failed first; its later attempts are movements of their own.
CREATE TABLE failed_refunds (
  id                 text PRIMARY KEY,          -- rfd_, the refund that Stripe took back
  escrow_id          text NOT NULL REFERENCES escrows,
  milestone_id       text,                      -- NULL: a whole charge that was never allocated
  seller_id          text,
  payment_id         text NOT NULL,
  payment_intent_id  text NOT NULL,
  charge_id          text NOT NULL,
  amount             bigint NOT NULL CHECK (amount > 0),           -- what the buyer is to get, terms' currency
  currency           text NOT NULL,
  principal          bigint NOT NULL CHECK (principal >= 0),       -- settlement currency, as the two below
  buyer_fee          bigint NOT NULL CHECK (buyer_fee >= 0),
  buyer_fee_returned bigint NOT NULL CHECK (buyer_fee_returned >= 0),
  settlement_currency text NOT NULL,
  status             text NOT NULL CHECK (status IN ('owed', 'trying', 'repaid', 'paid_by_bank')),
  attempt            integer NOT NULL DEFAULT 1 CHECK (attempt > 0), -- 1 is the refund itself
  code               text,                      -- why the last attempt failed
  reference          text,                      -- of the bank transfer
  approval_id        text REFERENCES approvals,
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT paid_by_bank_with_two CHECK ((status = 'paid_by_bank') = (reference IS NOT NULL AND approval_id IS NOT NULL))
);
CREATE INDEX failed_refunds_by_escrow ON failed_refunds (escrow_id);
CREATE INDEX failed_refunds_open ON failed_refunds (created_at) WHERE status IN ('owed', 'trying');
GRANT SELECT, INSERT, UPDATE ON failed_refunds TO tranche_app;
