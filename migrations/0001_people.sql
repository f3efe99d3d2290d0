-- People, their keys and sessions, sellers' Stripe accounts, and the platform's fee schedules.
-- Roles belong to the cluster, not to this database: made only where it is missing, so that the migrating role needs
-- CREATEROLE only then.
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tranche_app') THEN
    CREATE ROLE tranche_app NOLOGIN;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another migration was quicker
END $$;
GRANT USAGE ON SCHEMA public TO tranche_app;

CREATE TABLE people (
  id            text PRIMARY KEY,
  entity_id     text NOT NULL DEFAULT 'default',
  email         text NOT NULL,
  name          text NOT NULL,
  role          text NOT NULL CHECK (role IN ('buyer', 'seller', 'ops', 'auditor')),
  password_hash text,
  time_zone     text NOT NULL DEFAULT 'UTC',
  locale        text NOT NULL DEFAULT 'en',
  created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX people_email ON people (lower(email));

CREATE TABLE api_keys (
  id           text PRIMARY KEY,
  person_id    text NOT NULL REFERENCES people,
  key_hash     text NOT NULL UNIQUE,          -- SHA-256; the key itself is shown once
  label        text NOT NULL DEFAULT '',
  created_at   timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  revoked_at   timestamptz
);

CREATE TABLE sessions (
  token_hash text PRIMARY KEY,
  person_id  text NOT NULL REFERENCES people,
  csrf_token text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);

CREATE TABLE sellers (
  id                text PRIMARY KEY REFERENCES people,
  stripe_account_id text NOT NULL UNIQUE,
  country           text NOT NULL,
  transfers         text NOT NULL DEFAULT 'inactive' CHECK (transfers IN ('active', 'pending', 'inactive')),
  status            text NOT NULL DEFAULT 'onboarding' CHECK (status IN ('onboarding', 'restricted', 'active', 'disabled', 'disconnected')),
  requirements      jsonb NOT NULL DEFAULT '[]',
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now()
);

-- Effective-dated: a fee changes by a new row, never by an edit; terms carry a snapshot of the row that they were made with.
CREATE TABLE fee_schedules (
  id             text PRIMARY KEY,
  entity_id      text NOT NULL DEFAULT 'default',
  vertical       text NOT NULL,
  currency       text,                          -- NULL: every currency without a row of its own
  rate_bps       integer NOT NULL CHECK (rate_bps BETWEEN 0 AND 5000),
  floor_minor    bigint NOT NULL DEFAULT 0 CHECK (floor_minor >= 0),
  effective_from timestamptz NOT NULL,
  effective_to   timestamptz,
  CHECK (effective_to IS NULL OR effective_to > effective_from)
);
CREATE INDEX fee_schedules_lookup ON fee_schedules (entity_id, vertical, effective_from DESC);
INSERT INTO fee_schedules (id, vertical, currency, rate_bps, floor_minor, effective_from) VALUES
  ('fee_general', 'general', NULL, 1000, 0, '2020-01-01'),
  ('fee_general_usd', 'general', 'usd', 1000, 50, '2020-01-01'),
  ('fee_general_eur', 'general', 'eur', 1000, 50, '2020-01-01'),
  ('fee_general_gbp', 'general', 'gbp', 1000, 40, '2020-01-01'),
  ('fee_general_jpy', 'general', 'jpy', 1000, 50, '2020-01-01'),
  ('fee_software', 'software', NULL, 800, 0, '2020-01-01'),
  ('fee_construction', 'construction', NULL, 350, 0, '2020-01-01');

GRANT SELECT, INSERT, UPDATE ON people, api_keys, sessions, sellers TO tranche_app;
GRANT DELETE ON sessions TO tranche_app;
GRANT SELECT, INSERT ON fee_schedules TO tranche_app;
