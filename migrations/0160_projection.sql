-- A snapshot is projected by one statement, and what waits on people is told by another: the parts were seven, each a round
-- trip of its own inside the transaction that holds the escrow's row.

-- Applies what is newer of an escrow that is there: the head, each milestone, and events that were not there yet. Takes the
-- escrow's row until the transaction ends; answers what the projection says now, and nothing when there is no such escrow.
-- head: {settlement_currency, status, terms_version, terms_hash, revision, state}; milestones: rows of the table;
-- events: [{seq, at, type, actor, milestone_id, data}].
CREATE FUNCTION project_snapshot(p_escrow_id text, p_head jsonb, p_milestones jsonb, p_events jsonb)
RETURNS TABLE (fresh integer[], buyer_id text, title text, currency text, settlement_currency text, state jsonb, milestones jsonb)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  fresh_seqs integer[];
  known integer;
BEGIN
  SELECT e.revision INTO known FROM escrows e WHERE e.id = p_escrow_id FOR UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  IF known < (p_head ->> 'revision')::integer THEN
    UPDATE escrows e SET settlement_currency = h.settlement_currency, status = h.status, terms_version = h.terms_version,
      terms_hash = h.terms_hash, revision = h.revision, state = h.state, updated_at = now()
    FROM jsonb_to_record(p_head) AS h(settlement_currency text, status text, terms_version integer, terms_hash text, revision integer, state jsonb)
    WHERE e.id = p_escrow_id;
  END IF;
  -- In one order, so that two writers of the same escrow never wait for each other crosswise.
  INSERT INTO milestones AS m (id, escrow_id, position, seller_id, status, amount, revision, state, deadline)
  SELECT r.id, p_escrow_id, r.position, r.seller_id, r.status, r.amount, r.revision, r.state, r.deadline
  FROM jsonb_to_recordset(p_milestones) AS r(
    id text, position integer, seller_id text, status text, amount bigint, revision integer, state jsonb, deadline timestamptz)
  ORDER BY r.id
  ON CONFLICT (id) DO UPDATE SET
    status = EXCLUDED.status, amount = EXCLUDED.amount, revision = EXCLUDED.revision, state = EXCLUDED.state,
    deadline = EXCLUDED.deadline
  WHERE m.revision < EXCLUDED.revision;
  WITH made AS (
    INSERT INTO escrow_events (escrow_id, seq, at, type, actor, milestone_id, data)
    SELECT p_escrow_id, v.seq, v.at, v.type, v.actor, v.milestone_id, v.data
    FROM jsonb_to_recordset(p_events) AS v(seq integer, at timestamptz, type text, actor jsonb, milestone_id text, data jsonb)
    ORDER BY v.seq
    ON CONFLICT (escrow_id, seq) DO NOTHING RETURNING seq)
  SELECT coalesce(array_agg(made.seq), '{}') INTO fresh_seqs FROM made;
  RETURN QUERY
  SELECT fresh_seqs, e.buyer_id, e.title, e.currency, e.settlement_currency, e.state,
    (SELECT jsonb_agg(m.state ORDER BY m.position) FROM milestones m WHERE m.escrow_id = e.id)
  FROM escrows e WHERE e.id = p_escrow_id;
END $$;

-- What waits no more is settled; what waits or happened is queued (queue_messages says how). p_open: the keys that still wait.
CREATE FUNCTION tell_of_escrow(p_escrow_id text, p_open text[], p_wanted jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE notifications SET settled_at = now()
  WHERE escrow_id = p_escrow_id AND waits AND settled_at IS NULL AND kind <> 'evidence_due'
    AND left(dedupe_key, -length(person_id) - 1) <> ALL (p_open);
  IF p_wanted <> '[]' THEN PERFORM queue_messages(p_wanted); END IF;
END $$;
