-- Stripe's events are kept 90 days where they are worked on; then what has ended moves here, as it was signed. The application
-- has no right to delete an event: this function alone moves them.
CREATE TABLE stripe_events_archive (LIKE stripe_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
ALTER TABLE stripe_events_archive ADD PRIMARY KEY (id), ADD COLUMN archived_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX stripe_events_archive_by_object ON stripe_events_archive (object_id) WHERE object_id IS NOT NULL;
CREATE INDEX stripe_events_by_object ON stripe_events (object_id, received_at DESC) WHERE object_id IS NOT NULL;

-- Moves up to p_limit ended events that arrived before p_before, oldest first; answers how many.
CREATE FUNCTION archive_stripe_events(p_before timestamptz, p_limit integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  moved integer;
BEGIN
  IF p_before > now() - interval '30 days' THEN
    RAISE EXCEPTION 'events are kept for at least 30 days: Stripe itself delivers again for days' USING ERRCODE = 'restrict_violation';
  END IF;
  WITH ended AS (
    DELETE FROM stripe_events WHERE id IN (
      SELECT id FROM stripe_events
      WHERE received_at < p_before AND state IN ('done', 'ignored', 'quarantined')
      ORDER BY received_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ) RETURNING *
  )
  INSERT INTO stripe_events_archive (id, type, object_id, account, livemode, api_version, body, state, attempts, next_try_at, error, escrow_id, received_at, done_at)
  SELECT id, type, object_id, account, livemode, api_version, body, state, attempts, next_try_at, error, escrow_id, received_at, done_at FROM ended
  -- Delivered once more after it was archived: the first one stays.
  ON CONFLICT (id) DO NOTHING;
  GET DIAGNOSTICS moved = ROW_COUNT;
  RETURN moved;
END $$;
CREATE INDEX stripe_events_ended ON stripe_events (received_at) WHERE state IN ('done', 'ignored', 'quarantined');

REVOKE ALL ON FUNCTION archive_stripe_events FROM PUBLIC;
GRANT EXECUTE ON FUNCTION archive_stripe_events TO tranche_app;
GRANT SELECT ON stripe_events_archive TO tranche_app;
