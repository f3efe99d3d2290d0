-- What happened, for integrators: written by the very transaction that changes a thing, by triggers, so that no writer forgets
-- it. An event gets its id afterwards from one sequencer: ids then rise in the order in which events can be read, and nobody who
-- reads on from an id misses one that was written before and committed after it.
CREATE TABLE events (
  seq       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id        text UNIQUE CHECK (id ~ '^evt_[0-9a-f]{32}$'),   -- NULL until it is numbered
  entity_id text NOT NULL DEFAULT 'default',
  type      text NOT NULL,
  escrow_id text REFERENCES escrows,              -- its parties may read it
  person_id text REFERENCES people,               -- or this person, where it is of no escrow
  at        timestamptz NOT NULL,
  data      jsonb NOT NULL
);
CREATE INDEX events_unnumbered ON events (seq) WHERE id IS NULL;
CREATE INDEX events_by_escrow ON events (escrow_id, id) WHERE escrow_id IS NOT NULL;
CREATE INDEX events_by_person ON events (person_id, id) WHERE person_id IS NOT NULL;
CREATE INDEX events_by_type ON events (type, id);

CREATE FUNCTION notify_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('events', '');
  RETURN NULL;
END $$;
CREATE TRIGGER events_notify AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION notify_event();

-- Statuses as the change left them: the projection writes them before its timeline.
CREATE FUNCTION publish_escrow_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO events (entity_id, type, escrow_id, at, data)
  SELECT e.entity_id, NEW.type, e.id, NEW.at, jsonb_build_object(
    'escrow_id', e.id, 'escrow_status', e.status, 'external_id', e.external_id,
    'milestone_id', NEW.milestone_id, 'milestone_status', (SELECT m.status FROM milestones m WHERE m.id = NEW.milestone_id),
    'actor', NEW.actor, 'details', NEW.data)
  FROM escrows e WHERE e.id = NEW.escrow_id;
  RETURN NULL;
END $$;
CREATE TRIGGER escrow_events_publish AFTER INSERT ON escrow_events FOR EACH ROW EXECUTE FUNCTION publish_escrow_event();

CREATE FUNCTION publish_seller_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO events (entity_id, type, person_id, at, data)
  SELECT p.entity_id, 'seller.updated', p.id, now(), jsonb_build_object(
    'seller_id', p.id, 'transfers', NEW.transfers, 'status', NEW.status, 'requirements', NEW.requirements)
  FROM people p WHERE p.id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER sellers_publish AFTER UPDATE ON sellers FOR EACH ROW
  WHEN ((OLD.transfers, OLD.status, OLD.requirements) IS DISTINCT FROM (NEW.transfers, NEW.status, NEW.requirements))
  EXECUTE FUNCTION publish_seller_event();

CREATE FUNCTION publish_payout_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.status = OLD.status THEN RETURN NULL; END IF;
  INSERT INTO events (entity_id, type, person_id, at, data)
  SELECT p.entity_id, 'payout.updated', p.id, now(), jsonb_build_object(
    'payout_id', NEW.id, 'seller_id', p.id, 'status', NEW.status, 'amount', NEW.amount, 'currency', NEW.currency,
    'failure_code', NEW.failure_code)
  FROM people p WHERE p.id = NEW.seller_id;
  RETURN NULL;
END $$;
CREATE TRIGGER payouts_publish AFTER INSERT OR UPDATE ON payouts FOR EACH ROW EXECUTE FUNCTION publish_payout_event();

-- An event never changes but for the id that it gets once.
CREATE FUNCTION events_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.id IS NOT NULL OR (NEW.seq, NEW.entity_id, NEW.type, NEW.at, NEW.data) IS DISTINCT FROM (OLD.seq, OLD.entity_id, OLD.type, OLD.at, OLD.data)
     OR NEW.escrow_id IS DISTINCT FROM OLD.escrow_id OR NEW.person_id IS DISTINCT FROM OLD.person_id THEN
    RAISE EXCEPTION 'event % does not change', OLD.seq USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER events_guard BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION events_guard();

GRANT SELECT, INSERT, UPDATE (id) ON events TO tranche_app;
