-- Card disputes as Stripe tells them: one row per dispute of a charge, its money in the ledger, its plan of loss in `state`.
-- (In-product disputes stand in their milestone's state; `kind` leaves room for them here.)
CREATE TABLE disputes (
  id                text PRIMARY KEY,            -- dsp_
  kind              text NOT NULL CHECK (kind IN ('card', 'in_product')),
  escrow_id         text NOT NULL,
  milestone_id      text,
  charge_id         text,
  stripe_dispute_id text UNIQUE,
  status            text NOT NULL,               -- Stripe's own word
  reason            text NOT NULL DEFAULT '',
  amount            bigint NOT NULL CHECK (amount > 0),          -- as disputed, currency of the charge
  currency          text NOT NULL,
  fee               bigint NOT NULL DEFAULT 0,                   -- taken less given back, settlement currency
  due_by            timestamptz,
  state             jsonb NOT NULL DEFAULT '{}', -- the loss as it was planned, once
  evidence          jsonb NOT NULL DEFAULT '{}', -- staged: {text, by, at}
  revision          integer NOT NULL DEFAULT 0,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX disputes_by_escrow ON disputes (escrow_id, id DESC);
CREATE INDEX disputes_by_charge ON disputes (charge_id) WHERE charge_id IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON disputes TO tranche_app;
