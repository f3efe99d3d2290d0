-- Four eyes: what one person of ops asked for and another must approve. The request is bound to its exact parameters by
-- their hash; who asked never approves, and a decision is never taken back: both held here, whatever the code does.
CREATE TABLE approvals (
  id           text PRIMARY KEY,               -- apr_
  entity_id    text NOT NULL DEFAULT 'default',
  kind         text NOT NULL CHECK (kind IN ('refund', 'ruling', 'release', 'write_off', 'payout_schedule', 'force_decision', 'cancel')),
  params       jsonb NOT NULL,
  params_hash  text NOT NULL CHECK (params_hash ~ '^[0-9a-f]{64}$'),
  escrow_id    text,
  requested_by text NOT NULL REFERENCES people,
  approved_by  text REFERENCES people,
  denied_by    text REFERENCES people,
  status       text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'denied', 'expired', 'executed', 'failed')),
  outcome      jsonb,                          -- what came of it, once it was carried out or refused
  expires_at   timestamptz NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  decided_at   timestamptz,
  done_at      timestamptz,
  CONSTRAINT another_approves CHECK (approved_by IS NULL OR approved_by <> requested_by),
  CONSTRAINT another_denies CHECK (denied_by IS NULL OR denied_by <> requested_by),
  CONSTRAINT approved_by_somebody CHECK ((status IN ('approved', 'executed', 'failed')) = (approved_by IS NOT NULL)),
  CONSTRAINT denied_by_somebody CHECK ((status = 'denied') = (denied_by IS NOT NULL))
);
CREATE INDEX approvals_by_status ON approvals (status, id DESC);
CREATE INDEX approvals_by_escrow ON approvals (escrow_id) WHERE escrow_id IS NOT NULL;
-- The same thing is asked for once at a time.
CREATE UNIQUE INDEX one_pending_approval ON approvals (kind, params_hash) WHERE status IN ('pending', 'approved');

CREATE FUNCTION approvals_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'UPDATE' THEN
    RAISE EXCEPTION 'approvals are kept: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
  END IF;
  IF (NEW.id, NEW.entity_id, NEW.kind, NEW.params, NEW.params_hash, NEW.requested_by, NEW.expires_at, NEW.created_at)
       IS DISTINCT FROM (OLD.id, OLD.entity_id, OLD.kind, OLD.params, OLD.params_hash, OLD.requested_by, OLD.expires_at, OLD.created_at)
     OR NEW.escrow_id IS DISTINCT FROM OLD.escrow_id THEN
    RAISE EXCEPTION 'what approval % asks for does not change', OLD.id USING ERRCODE = 'restrict_violation';
  END IF;
  IF (OLD.status, NEW.status) NOT IN (('pending', 'approved'), ('pending', 'denied'), ('pending', 'expired'), ('approved', 'executed'), ('approved', 'failed'))
     OR (OLD.approved_by IS NOT NULL AND NEW.approved_by IS DISTINCT FROM OLD.approved_by) THEN
    RAISE EXCEPTION 'approval % is %: it does not become %', OLD.id, OLD.status, NEW.status USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER approvals_guard BEFORE UPDATE OR DELETE ON approvals FOR EACH ROW EXECUTE FUNCTION approvals_guard();
CREATE TRIGGER approvals_guard_truncate BEFORE TRUNCATE ON approvals FOR EACH STATEMENT EXECUTE FUNCTION approvals_guard();

GRANT SELECT, INSERT, UPDATE ON approvals TO tranche_app;
