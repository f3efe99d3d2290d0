-- Messages: what a person is told of, in the product's own list and by mail. Both are queued by the transaction that makes
-- it so; one sender (worker/mailer.ts) sends each mail.
ALTER TABLE notifications DROP COLUMN sent_at; -- mails say it of themselves
ALTER TABLE notifications ADD COLUMN waits boolean NOT NULL DEFAULT false; -- true: it waits on the person until it is settled
ALTER TABLE notifications ADD COLUMN settled_at timestamptz;
CREATE INDEX notifications_waiting ON notifications (escrow_id) WHERE waits AND settled_at IS NULL;

-- Only what differs from the default, which is to send. Which kinds may be switched off, domain/messages.ts says.
CREATE TABLE message_preferences (
  person_id text NOT NULL REFERENCES people,
  kind      text NOT NULL,
  mail      boolean NOT NULL,
  PRIMARY KEY (person_id, kind)
);

CREATE TABLE mails (
  id              text PRIMARY KEY DEFAULT ('mail_' || replace(uuidv7()::text, '-', '')),
  person_id       text REFERENCES people,
  to_address      text,                          -- of somebody who is nobody here yet; a person's is read when it is sent
  notification_id text REFERENCES notifications,
  kind            text NOT NULL,
  data            jsonb NOT NULL DEFAULT '{}',
  state           text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'kept', 'dropped', 'failed')),
  created_at      timestamptz NOT NULL DEFAULT now(),
  due_at          timestamptz NOT NULL DEFAULT now(),
  claimed_until   timestamptz,
  attempts        integer NOT NULL DEFAULT 0,
  last_error      text,
  done_at         timestamptz,
  address         text,                          -- where it went, and what it said
  subject         text,
  body_text       text,
  body_html       text,
  CONSTRAINT mail_to_somebody CHECK ((person_id IS NULL) <> (to_address IS NULL)),
  CONSTRAINT mail_done CHECK ((state = 'queued') = (done_at IS NULL))
);
CREATE INDEX mails_due ON mails (due_at) WHERE state = 'queued';

-- wanted: [{person_id or null for all of ops, but_not, escrow_id, key, kind, data, waits}]. The same key is told to the same
-- person once; what waits again after it was settled, or until another moment, is shown again and mailed no second time.
CREATE FUNCTION queue_messages(wanted jsonb) RETURNS void LANGUAGE sql AS $$
  WITH made AS (
    INSERT INTO notifications AS n (person_id, escrow_id, dedupe_key, kind, data, waits)
    SELECT p.id, (SELECT e.id FROM escrows e WHERE e.id = w.escrow_id), w.key || ':' || p.id, w.kind, w.data, w.waits
    FROM jsonb_to_recordset(wanted) AS w(person_id text, but_not text, escrow_id text, key text, kind text, data jsonb, waits boolean)
    JOIN people p ON CASE WHEN w.person_id IS NULL THEN p.role = 'ops' ELSE p.id = w.person_id END AND p.id IS DISTINCT FROM w.but_not
    ORDER BY 3
    ON CONFLICT (dedupe_key) DO UPDATE SET settled_at = NULL, data = EXCLUDED.data
      WHERE n.waits AND (n.settled_at IS NOT NULL OR n.data IS DISTINCT FROM EXCLUDED.data)
    RETURNING n.id, n.person_id, n.kind, n.data, n.xmax = 0 AS fresh)
  INSERT INTO mails (person_id, notification_id, kind, data)
  SELECT m.person_id, m.id, m.kind, m.data FROM made m
  LEFT JOIN message_preferences c ON c.person_id = m.person_id AND c.kind = m.kind
  WHERE m.fresh AND coalesce(c.mail, true)
$$;

-- Alerts are raised in many places: here none of them can forget to tell ops.
CREATE FUNCTION tell_of_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM queue_messages(jsonb_build_array(jsonb_build_object(
    'escrow_id', NEW.escrow_id, 'key', 'alert:' || NEW.dedupe_key, 'kind', 'alert', 'waits', false,
    'data', jsonb_build_object('alert', NEW.kind, 'escrow_id', NEW.escrow_id))));
  RETURN NULL;
END $$;
CREATE TRIGGER alerts_tell AFTER INSERT ON alerts FOR EACH ROW EXECUTE FUNCTION tell_of_alert();

GRANT SELECT, INSERT, UPDATE ON message_preferences, mails TO tranche_app;
