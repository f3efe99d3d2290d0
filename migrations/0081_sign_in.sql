-- Signing in: sessions that their owner sees and ends, a second factor, links that are good once, invitations, and how often
-- somebody may try.
ALTER TABLE people ADD COLUMN approver boolean NOT NULL DEFAULT false; -- of ops: decides what others of ops asked for
UPDATE people SET approver = true WHERE role = 'ops';                  -- until now each of them could
ALTER TABLE people ADD CONSTRAINT approver_is_ops CHECK (NOT approver OR role = 'ops');
ALTER TABLE people ADD COLUMN totp_secret text;                        -- base32; a code cannot be checked by a hash
ALTER TABLE people ADD COLUMN totp_since timestamptz;                  -- null: not confirmed yet, and not asked for
ALTER TABLE people ADD COLUMN totp_last_step bigint;                   -- a code is good once
ALTER TABLE people ADD COLUMN oidc_subject text UNIQUE;                -- issuer and subject, from the first sign-in on

ALTER TABLE sessions ADD COLUMN id text NOT NULL DEFAULT ('ses_' || replace(uuidv7()::text, '-', '')) UNIQUE;
ALTER TABLE sessions ADD COLUMN method text NOT NULL DEFAULT 'password' CHECK (method IN ('password', 'totp', 'oidc', 'sandbox'));
ALTER TABLE sessions ADD COLUMN pending boolean NOT NULL DEFAULT false; -- the password was right, the code is still to come
ALTER TABLE sessions ADD COLUMN proven_at timestamptz NOT NULL DEFAULT now(); -- when the person last showed who they are
ALTER TABLE sessions ADD COLUMN last_seen_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE sessions ADD COLUMN device text NOT NULL DEFAULT '';
CREATE INDEX sessions_by_person ON sessions (person_id);

CREATE TABLE recovery_codes (
  person_id text NOT NULL REFERENCES people,
  code_hash text NOT NULL,
  PRIMARY KEY (person_id, code_hash)
);

CREATE TABLE invitations (
  id          text PRIMARY KEY DEFAULT ('inv_' || replace(uuidv7()::text, '-', '')),
  entity_id   text NOT NULL DEFAULT 'default',
  email       text NOT NULL,
  role        text NOT NULL CHECK (role IN ('buyer', 'seller', 'ops', 'auditor')),
  approver    boolean NOT NULL DEFAULT false CHECK (NOT approver OR role = 'ops'),
  note        text,
  invited_by  text NOT NULL REFERENCES people,
  person_id   text NOT NULL,                     -- the id that the account will have: making it twice makes it once
  created_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL DEFAULT now() + interval '7 days',
  accepted_at timestamptz,
  revoked_at  timestamptz
);
CREATE UNIQUE INDEX one_open_invitation ON invitations (lower(email)) WHERE accepted_at IS NULL AND revoked_at IS NULL;

-- Only hashes: whoever reads this table can follow no link.
CREATE TABLE links (
  token_hash    text PRIMARY KEY,
  purpose       text NOT NULL CHECK (purpose IN ('password_reset', 'invitation')),
  person_id     text REFERENCES people,
  invitation_id text REFERENCES invitations,
  expires_at    timestamptz NOT NULL,
  used_at       timestamptz
);

-- Counted here, so that every API process counts together.
CREATE UNLOGGED TABLE rate_limits (
  key       text PRIMARY KEY,
  hits      integer NOT NULL,
  resets_at timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON invitations TO tranche_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON recovery_codes, links, rate_limits TO tranche_app;
