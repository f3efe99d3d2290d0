-- Refunds of running escrows that the platform's bank paid after the time in which Stripe can refund the payment's method:
-- no movement at Stripe, but an intent of their own, and the approval by which two of ops recorded it. Never changed.
CREATE TABLE bank_refunds (
  id                  text PRIMARY KEY,         -- rfd_
  escrow_id           text NOT NULL,
  milestone_id        text NOT NULL,
  payment_id          text NOT NULL REFERENCES movements,
  charge_id           text NOT NULL REFERENCES charge_funds,
  amount              bigint NOT NULL CHECK (amount > 0),          -- what the bank paid, terms' currency
  currency            text NOT NULL,
  settled_amount      bigint NOT NULL CHECK (settled_amount > 0),  -- what of the charge it stands for
  settlement_currency text NOT NULL,
  reference           text NOT NULL CHECK (reference <> ''),       -- of the bank transfer
  approval_id         text NOT NULL REFERENCES approvals,
  created_at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX bank_refunds_by_escrow ON bank_refunds (escrow_id);
CREATE INDEX bank_refunds_by_charge ON bank_refunds (charge_id);
GRANT SELECT, INSERT ON bank_refunds TO tranche_app;
