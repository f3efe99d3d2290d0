-- Outgoing webhooks: whom we tell, what was told, and each try. A delivery is made by the transaction that numbers its event.
CREATE TABLE webhook_endpoints (
  id                  text PRIMARY KEY,            -- whe_
  entity_id           text NOT NULL DEFAULT 'default',
  person_id           text NOT NULL REFERENCES people,
  url                 text NOT NULL CHECK (length(url) <= 2000),
  description         text NOT NULL DEFAULT '',
  event_types         text[] NOT NULL CHECK (cardinality(event_types) > 0),   -- {*}: all
  status              text NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'disabled')),
  disabled_reason     text,
  secret              text NOT NULL,               -- signs, so it is kept; shown once
  previous_secret     text,                        -- signs too, until then
  previous_expires_at timestamptz,
  rotation            text,                        -- the command that replaced it: repeated, it must not lose the former one
  created_at          timestamptz NOT NULL DEFAULT now(),
  deleted_at          timestamptz,                 -- its deliveries stay readable to staff
  CHECK ((previous_secret IS NULL) = (previous_expires_at IS NULL))
);
CREATE INDEX webhook_endpoints_by_person ON webhook_endpoints (person_id, id) WHERE deleted_at IS NULL;

CREATE TABLE webhook_deliveries (
  id          text PRIMARY KEY DEFAULT ('whd_' || replace(uuidv7()::text, '-', '')),
  endpoint_id text NOT NULL REFERENCES webhook_endpoints,
  event_id    text NOT NULL REFERENCES events (id),
  status      text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
  round       integer NOT NULL DEFAULT 1,          -- rises with each replay
  started     boolean NOT NULL DEFAULT false,      -- whether this round's workflow runs
  next_try_at timestamptz,
  created_at  timestamptz NOT NULL DEFAULT now(),
  done_at     timestamptz,
  UNIQUE (endpoint_id, event_id)
);
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint_id, id DESC);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (id) WHERE NOT started;

CREATE TABLE webhook_attempts (
  delivery_id text NOT NULL REFERENCES webhook_deliveries,
  number      integer NOT NULL CHECK (number > 0),
  at          timestamptz NOT NULL DEFAULT now(),
  duration_ms integer NOT NULL,
  status      integer,                             -- NULL: no answer
  error       text,                                -- why it counts as failed, in words
  answer      text,                                -- the beginning of what was answered
  PRIMARY KEY (delivery_id, number)
);

CREATE TRIGGER webhook_deliveries_notify AFTER INSERT OR UPDATE OF round ON webhook_deliveries FOR EACH STATEMENT EXECUTE FUNCTION notify_event();

GRANT SELECT, INSERT, UPDATE ON webhook_endpoints, webhook_deliveries TO tranche_app;
GRANT SELECT, INSERT ON webhook_attempts TO tranche_app;
