-- Buyer and seller who may be one: what a payment was made with, what sellers are paid to, from where people sign in, and
-- what of these was found to be the same. Fingerprints are Stripe's; addresses are kept as hashes only.
CREATE FUNCTION mailbox(email text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN replace(split_part(split_part(lower(email), '@', 1), '+', 1), '.', '') || '@' || split_part(lower(email), '@', 2);

CREATE TABLE payment_fingerprints (
  payment_id  text PRIMARY KEY,
  escrow_id   text NOT NULL REFERENCES escrows,
  buyer_id    text NOT NULL REFERENCES people,
  method      text NOT NULL CHECK (method IN ('card', 'bank')),
  fingerprint text NOT NULL,
  seen_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payment_fingerprints_by_escrow ON payment_fingerprints (escrow_id);
CREATE INDEX payment_fingerprints_by_value ON payment_fingerprints (fingerprint);

-- What a seller is or was paid to: an account that was taken away again was the seller's all the same.
CREATE TABLE seller_fingerprints (
  seller_id   text NOT NULL REFERENCES sellers,
  fingerprint text NOT NULL,
  seen_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (seller_id, fingerprint)
);
ALTER TABLE sellers ADD COLUMN external_accounts_read_at timestamptz;

CREATE TABLE person_devices (
  person_id    text NOT NULL REFERENCES people,
  device_hash  text NOT NULL,                    -- of address and browser
  last_seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (person_id, device_hash)
);
CREATE INDEX person_devices_by_hash ON person_devices (device_hash);

CREATE TABLE risk_matches (
  escrow_id text NOT NULL REFERENCES escrows,
  seller_id text NOT NULL REFERENCES people,
  kind      text NOT NULL CHECK (kind IN ('same_card', 'same_bank', 'same_device')),
  subject   text NOT NULL,                       -- the fingerprint or the hash that both share
  found_at  timestamptz NOT NULL DEFAULT now(),
  told_at   timestamptz,                         -- since when the escrow's workflow knows
  PRIMARY KEY (escrow_id, seller_id, kind, subject)
);
CREATE INDEX risk_matches_untold ON risk_matches (found_at) WHERE told_at IS NULL;

GRANT SELECT, INSERT ON payment_fingerprints, seller_fingerprints TO tranche_app;
GRANT SELECT, INSERT, UPDATE ON risk_matches TO tranche_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON person_devices TO tranche_app;
