-- The check of 0003 at commit, as one query in place of three: it runs for the header and for every leg, whatever way a row
-- came in. What it holds is the same: exactly leg_count legs, summing to zero per currency.
CREATE OR REPLACE FUNCTION ledger_check_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  tx uuid;
  expected integer;
  legs integer;
  off text;
BEGIN
  IF TG_TABLE_NAME = 'ledger_transactions' THEN tx := NEW.id; ELSE tx := NEW.transaction_id; END IF;
  SELECT (SELECT leg_count FROM ledger_transactions WHERE id = tx), coalesce(sum(n), 0), min(total || ' ' || currency) FILTER (WHERE total <> 0)
  INTO expected, legs, off
  FROM (SELECT currency, count(*) AS n, sum(amount) AS total FROM ledger_entries WHERE transaction_id = tx GROUP BY currency) sums;
  IF legs <> expected THEN
    RAISE EXCEPTION 'ledger transaction % has % legs, its header says %', tx, legs, expected USING ERRCODE = 'check_violation';
  END IF;
  IF off IS NOT NULL THEN
    RAISE EXCEPTION 'ledger transaction % does not balance: %', tx, off USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
