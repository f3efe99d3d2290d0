-- How far a sweep through a long list of Stripe's has come: whichever process sweeps next goes on behind it.
CREATE TABLE sweep_cursors (
  name       text PRIMARY KEY,
  after      text NOT NULL,                     -- Stripe's id of the last one that was stored
  updated_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE, DELETE ON sweep_cursors TO tranche_app;
