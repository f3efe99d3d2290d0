-- Stripe's events as they came, and the answers to commands by their Idempotency-Key.
CREATE TABLE stripe_events (
  id           text PRIMARY KEY,                -- UNIQUE: at least once becomes at most one row
  type         text NOT NULL,
  object_id    text,
  account      text,
  livemode     boolean NOT NULL,
  api_version  text,
  body         text NOT NULL,                   -- raw, as signed
  state        text NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'done', 'ignored', 'parked', 'quarantined')),
  attempts     integer NOT NULL DEFAULT 0,
  next_try_at  timestamptz NOT NULL DEFAULT now(),
  error        text,
  escrow_id    text,
  received_at  timestamptz NOT NULL DEFAULT now(),
  done_at      timestamptz
);
CREATE INDEX stripe_events_due ON stripe_events (next_try_at) WHERE state = 'received';
CREATE INDEX stripe_events_by_state ON stripe_events (state, received_at DESC);

CREATE FUNCTION notify_stripe_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('stripe_events', '');
  RETURN NULL;
END $$;
CREATE TRIGGER stripe_events_notify AFTER INSERT ON stripe_events FOR EACH STATEMENT EXECUTE FUNCTION notify_stripe_event();

CREATE TABLE idempotency_keys (
  owner_id     text NOT NULL,                   -- API key or session's person
  key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  route        text NOT NULL,
  body_hash    text NOT NULL,
  update_id    text NOT NULL,
  ids          jsonb NOT NULL DEFAULT '{}',     -- ids given out before the command ran
  command      jsonb,                           -- what was asked of which workflow, for the sweep of open rows
  locked_until timestamptz NOT NULL,
  status       integer,                         -- NULL while the outcome is not known
  response     jsonb,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner_id, key)
);
CREATE INDEX idempotency_keys_open ON idempotency_keys (created_at) WHERE status IS NULL;

GRANT SELECT, INSERT, UPDATE ON stripe_events TO tranche_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO tranche_app;
