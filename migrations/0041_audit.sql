-- Who did what: append-only, written by the acting transaction itself. A sweep seals the rows into a hash chain beside them,
-- so that no command waits for another one's hash, and a row changed, taken out or put in later is found by its number.
CREATE TABLE audit_log (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  entity_id  text NOT NULL DEFAULT 'default',
  actor_id   text,                             -- NULL: the platform itself
  actor_role text,
  action     text NOT NULL,
  subject    text,                             -- an escrow, an approval, a person, or the call
  outcome    text NOT NULL,
  request_id text,
  data       jsonb NOT NULL DEFAULT '{}'       -- amounts, ids and hashes; what people wrote stands elsewhere
);
CREATE INDEX audit_log_by_subject ON audit_log (subject, id DESC) WHERE subject IS NOT NULL;
CREATE INDEX audit_log_by_actor ON audit_log (actor_id, id DESC) WHERE actor_id IS NOT NULL;

CREATE TABLE audit_seals (
  seq       bigint PRIMARY KEY CHECK (seq > 0),
  entry_id  bigint NOT NULL UNIQUE,            -- no foreign key: an entry that is gone must be found, not prevented from being looked for
  prev_hash text NOT NULL,
  hash      text NOT NULL UNIQUE,
  sealed_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_seals FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON audit_seals FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();

GRANT SELECT, INSERT ON audit_log, audit_seals TO tranche_app;
