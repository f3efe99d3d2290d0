-- Files that people give: deliveries, what they say in a dispute, evidence against a chargeback. They are kept here and not
-- on a disk, so that every process has them and one backup holds them. An upload belongs to one escrow and is its owner's alone
-- until a command attaches it; what is attached never changes again.
CREATE TABLE files (
  id             text PRIMARY KEY,               -- fil_
  entity_id      text NOT NULL DEFAULT 'default',
  escrow_id      text NOT NULL,
  owner_id       text NOT NULL REFERENCES people,
  name           text NOT NULL CHECK (name <> '' AND length(name) <= 150 AND name !~ '[/\\[:cntrl:]]'),
  media_type     text NOT NULL,
  size           integer NOT NULL CHECK (size BETWEEN 1 AND 10485760),
  sha256         text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  purpose        text CHECK (purpose IN ('delivery', 'dispute', 'evidence')),
  milestone_id   text,
  dispute_id     text,
  evidence_field text,                           -- where it stands in what the bank gets; null: not, or replaced
  stripe_file_id text,                           -- once it was handed to Stripe
  created_at     timestamptz NOT NULL DEFAULT now(),
  attached_at    timestamptz,
  CHECK ((purpose IS NULL) = (attached_at IS NULL))
);
CREATE INDEX files_by_escrow ON files (escrow_id, attached_at);
CREATE INDEX files_left ON files (created_at) WHERE attached_at IS NULL;
CREATE UNIQUE INDEX one_file_per_evidence_field ON files (dispute_id, evidence_field) WHERE evidence_field IS NOT NULL;

CREATE TABLE file_contents (
  file_id text PRIMARY KEY REFERENCES files ON DELETE CASCADE,
  content bytea NOT NULL
);

CREATE FUNCTION files_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.attached_at IS NULL THEN
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
  END IF;
  IF TG_OP = 'DELETE' OR (NEW.id, NEW.escrow_id, NEW.owner_id, NEW.name, NEW.media_type, NEW.size, NEW.sha256, NEW.purpose, NEW.attached_at)
       IS DISTINCT FROM (OLD.id, OLD.escrow_id, OLD.owner_id, OLD.name, OLD.media_type, OLD.size, OLD.sha256, OLD.purpose, OLD.attached_at) THEN
    RAISE EXCEPTION 'file % is attached: it does not change', OLD.id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER files_guard BEFORE UPDATE OR DELETE ON files FOR EACH ROW EXECUTE FUNCTION files_guard();

GRANT SELECT, INSERT, UPDATE, DELETE ON files TO tranche_app;
-- No UPDATE: a content is written once.
GRANT SELECT, INSERT ON file_contents TO tranche_app;
