-- The projection of every escrow (written from workflow snapshots, revision-guarded), its terms, its timeline.
CREATE TABLE escrows (
  id                  text PRIMARY KEY,
  entity_id           text NOT NULL DEFAULT 'default',
  buyer_id            text NOT NULL REFERENCES people,
  title               text NOT NULL,
  currency            text NOT NULL,
  settlement_currency text,
  status              text NOT NULL,
  terms_version       integer NOT NULL,
  terms_hash          text NOT NULL,
  revision            integer NOT NULL,
  state               jsonb NOT NULL,           -- EscrowSnapshot without milestones and events
  external_id         text,
  metadata            jsonb NOT NULL DEFAULT '{}',
  created_at          timestamptz NOT NULL,
  updated_at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX escrows_by_buyer ON escrows (buyer_id, id DESC);
CREATE INDEX escrows_by_status ON escrows (status, id DESC);

CREATE TABLE escrow_terms (
  escrow_id text NOT NULL REFERENCES escrows,
  version   integer NOT NULL,
  hash      text NOT NULL,
  body      jsonb NOT NULL,
  PRIMARY KEY (escrow_id, hash)                -- a version that was rejected and one that was signed differ by their hash
);

CREATE TABLE milestones (
  id         text PRIMARY KEY,
  escrow_id  text NOT NULL REFERENCES escrows,
  position   integer NOT NULL,
  seller_id  text NOT NULL REFERENCES people,
  status     text NOT NULL,
  amount     bigint NOT NULL CHECK (amount > 0),
  revision   integer NOT NULL,
  state      jsonb NOT NULL,                    -- MilestoneState
  deadline   timestamptz,                       -- end of the running inspection
  UNIQUE (escrow_id, position)
);
CREATE INDEX milestones_by_seller ON milestones (seller_id, status);
CREATE INDEX milestones_by_escrow ON milestones (escrow_id);

-- Who may see an escrow: the repository asks this table, so that what is not yours reads as not found.
CREATE TABLE escrow_parties (
  escrow_id text NOT NULL REFERENCES escrows,
  person_id text NOT NULL REFERENCES people,
  role      text NOT NULL CHECK (role IN ('buyer', 'seller')),
  PRIMARY KEY (person_id, escrow_id)
);
CREATE INDEX escrow_parties_by_escrow ON escrow_parties (escrow_id);

CREATE TABLE escrow_events (
  escrow_id    text NOT NULL REFERENCES escrows,
  seq          integer NOT NULL,
  at           timestamptz NOT NULL,
  type         text NOT NULL,
  actor        jsonb NOT NULL,
  milestone_id text,
  data         jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (escrow_id, seq)
);

-- Things that wait on a person; queued by the transaction that projects the change, sent once by one sender.
CREATE TABLE notifications (
  id         text PRIMARY KEY DEFAULT ('ntf_' || replace(uuidv7()::text, '-', '')),
  person_id  text NOT NULL REFERENCES people,
  escrow_id  text REFERENCES escrows,
  dedupe_key text NOT NULL UNIQUE,
  kind       text NOT NULL,
  data       jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  sent_at    timestamptz,
  read_at    timestamptz
);
CREATE INDEX notifications_by_person ON notifications (person_id, created_at DESC);

-- Ops' queue: what Stripe or the product could not settle by itself.
CREATE TABLE alerts (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind        text NOT NULL,
  dedupe_key  text NOT NULL UNIQUE,
  escrow_id   text,
  detail      jsonb NOT NULL DEFAULT '{}',
  created_at  timestamptz NOT NULL DEFAULT now(),
  resolved_at timestamptz
);

CREATE FUNCTION notify_escrow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('escrow_changed', NEW.escrow_id);
  RETURN NULL;
END $$;
CREATE TRIGGER escrow_events_notify AFTER INSERT ON escrow_events FOR EACH ROW EXECUTE FUNCTION notify_escrow();

GRANT SELECT, INSERT, UPDATE ON escrows, milestones, notifications, alerts TO tranche_app;
GRANT SELECT, INSERT ON escrow_terms, escrow_parties, escrow_events TO tranche_app;
