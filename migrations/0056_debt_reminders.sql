-- What became of a debt over time: its workflow debt/<id>, how often its seller was reminded, and since when a write-off is proposed.
ALTER TABLE debts ADD COLUMN watched_at timestamptz;
ALTER TABLE debts ADD COLUMN reminders integer NOT NULL DEFAULT 0 CHECK (reminders >= 0);
ALTER TABLE debts ADD COLUMN write_off_proposed_at timestamptz;
CREATE INDEX debts_unwatched ON debts (created_at) WHERE status = 'open' AND watched_at IS NULL;
