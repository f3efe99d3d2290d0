-- The double-entry ledger: append-only, held together by the database. Debit positive, credit negative, minor units.
CREATE TABLE ledger_transactions (
  id                            uuid PRIMARY KEY DEFAULT uuidv7(),
  entity_id                     text NOT NULL DEFAULT 'default',
  kind                          text NOT NULL,
  escrow_id                     text,
  idempotency_key               text NOT NULL UNIQUE,
  params_hash                   text NOT NULL,
  leg_count                     integer NOT NULL CHECK (leg_count >= 2),
  stripe_balance_transaction_id text,
  cause                         jsonb NOT NULL DEFAULT '{}',
  created_at                    timestamptz NOT NULL DEFAULT now(),
  UNIQUE (stripe_balance_transaction_id, kind)
);
CREATE INDEX ledger_transactions_by_escrow ON ledger_transactions (escrow_id) WHERE escrow_id IS NOT NULL;

CREATE TABLE ledger_entries (
  transaction_id uuid NOT NULL REFERENCES ledger_transactions,
  leg            integer NOT NULL,
  account        text NOT NULL,
  account_class  text NOT NULL,
  kind           text NOT NULL,                 -- of its transaction: the money terms are queries over class and kind
  currency       text NOT NULL,
  amount         bigint NOT NULL CHECK (amount <> 0),
  escrow_id      text,
  milestone_id   text,
  seller_id      text,
  PRIMARY KEY (transaction_id, leg)
);
CREATE INDEX ledger_entries_by_escrow ON ledger_entries (escrow_id) INCLUDE (account_class, kind, amount) WHERE escrow_id IS NOT NULL;
CREATE INDEX ledger_entries_by_account ON ledger_entries (account, currency) INCLUDE (amount);

-- Balances of accounts that belong to one milestone, seller, charge or refund: few writers each, so a row each.
-- The hot accounts (stripe:*, revenue, fees) have none: they are summed, never locked.
CREATE TABLE ledger_balances (
  account       text NOT NULL,
  currency      text NOT NULL,
  account_class text NOT NULL,
  amount        bigint NOT NULL,
  PRIMARY KEY (account, currency),
  -- A liability can be paid out only as far as it is owed: held money never goes below nothing.
  CONSTRAINT not_overdrawn CHECK (account_class NOT IN ('held', 'fee_unearned', 'payable', 'on_hold') OR amount <= 0)
);

CREATE FUNCTION ledger_account_class(account text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT CASE
    WHEN account IN ('stripe:pending', 'stripe:available', 'stripe:reserved') THEN replace(account, ':', '_')
    WHEN account IN ('bank', 'platform_float', 'fee_revenue', 'stripe_fees', 'dispute_fees', 'dispute_loss', 'bad_debt', 'fx', 'unexplained') THEN account
    WHEN account = 'bank:in_transit' THEN 'bank_in_transit'
    WHEN account ~ '^charge:[^:]+$' THEN 'charge_clearing'
    WHEN account ~ '^refund:[^:]+$' THEN 'refund_clearing'
    WHEN account ~ '^tax:[^:]+$' THEN 'tax'
    WHEN account ~ '^milestone:[^:]+:(held|fee_unearned)$' THEN split_part(account, ':', 3)
    WHEN account ~ '^seller:[^:]+:(payable|on_hold|receivable|costs_receivable)$' THEN split_part(account, ':', 3)
    WHEN account ~ '^dispute:[^:]+:receivable$' THEN 'dispute_receivable'
  END
$$;

CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger_transactions FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger_transactions FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

-- At commit: exactly leg_count legs, summing to zero per currency. On both tables, so that a header without legs and a
-- balanced pair added to an old transaction are refused alike.
CREATE FUNCTION ledger_check_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  tx uuid := CASE TG_TABLE_NAME WHEN 'ledger_transactions' THEN (to_jsonb(NEW) ->> 'id')::uuid ELSE (to_jsonb(NEW) ->> 'transaction_id')::uuid END;
  expected integer;
  legs integer;
  off record;
BEGIN
  SELECT leg_count INTO expected FROM ledger_transactions WHERE id = tx;
  SELECT count(*) INTO legs FROM ledger_entries WHERE transaction_id = tx;
  IF legs <> expected THEN
    RAISE EXCEPTION 'ledger transaction % has % legs, its header says %', tx, legs, expected USING ERRCODE = 'check_violation';
  END IF;
  SELECT currency, sum(amount) AS total INTO off FROM ledger_entries WHERE transaction_id = tx GROUP BY currency HAVING sum(amount) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'ledger transaction % does not balance: % %', tx, off.total, off.currency USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON ledger_transactions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_balanced();
-- Only the first leg of a statement's insert would suffice, but a row trigger sees every way in.
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON ledger_entries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_balanced();

-- The one way in. Legs: [{"account", "amount" (text or number), "escrow_id"?, "milestone_id"?, "seller_id"?}], one currency a
-- posting; a leg without an escrow of its own is the posting's (a set-off has legs of two escrows).
-- The same key with the same parameters returns the first transaction; with other parameters it is refused.
CREATE FUNCTION ledger_post(
  p_key text, p_kind text, p_currency text, p_legs jsonb, p_escrow_id text DEFAULT NULL, p_balance_transaction text DEFAULT NULL,
  p_cause jsonb DEFAULT '{}', p_entity_id text DEFAULT 'default'
) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  hash text := encode(sha256(convert_to(p_kind || '|' || p_currency || '|' || coalesce(p_escrow_id, '') || '|' || coalesce(p_balance_transaction, '') || '|' || p_legs::text, 'UTF8')), 'hex');
  kept constant text[] := ARRAY['held', 'fee_unearned', 'payable', 'on_hold', 'receivable', 'costs_receivable', 'charge_clearing', 'refund_clearing', 'dispute_receivable'];
  known record;
  tx uuid;
BEGIN
  INSERT INTO ledger_transactions (entity_id, kind, escrow_id, idempotency_key, params_hash, leg_count, stripe_balance_transaction_id, cause)
  VALUES (p_entity_id, p_kind, p_escrow_id, p_key, hash, jsonb_array_length(p_legs), p_balance_transaction, p_cause)
  ON CONFLICT (idempotency_key) DO NOTHING RETURNING id INTO tx;
  IF tx IS NULL THEN
    SELECT id, params_hash INTO known FROM ledger_transactions WHERE idempotency_key = p_key;
    IF known.params_hash <> hash THEN
      RAISE EXCEPTION 'ledger key % was used with other parameters', p_key USING ERRCODE = 'unique_violation';
    END IF;
    RETURN known.id;
  END IF;

  INSERT INTO ledger_entries (transaction_id, leg, account, account_class, kind, currency, amount, escrow_id, milestone_id, seller_id)
  SELECT tx, l.leg, l.value ->> 'account', ledger_account_class(l.value ->> 'account'), p_kind, p_currency, (l.value ->> 'amount')::bigint,
         coalesce(l.value ->> 'escrow_id', p_escrow_id), l.value ->> 'milestone_id', l.value ->> 'seller_id'
  FROM jsonb_array_elements(p_legs) WITH ORDINALITY AS l(value, leg);

  -- Rows first, then locks, then the sums, each in one order for every writer: no deadlocks. (An upsert would not do: its
  -- CHECK is asked of the row that it proposes, before the one that is there.)
  INSERT INTO ledger_balances (account, currency, account_class, amount)
  SELECT DISTINCT e.account, e.currency, e.account_class, 0 FROM ledger_entries e
  WHERE e.transaction_id = tx AND e.account_class = ANY (kept) ORDER BY 1
  ON CONFLICT DO NOTHING;
  PERFORM 1 FROM ledger_balances b
  WHERE b.currency = p_currency AND b.account IN (SELECT e.account FROM ledger_entries e WHERE e.transaction_id = tx)
  ORDER BY b.account FOR UPDATE;
  UPDATE ledger_balances b SET amount = b.amount + d.amount
  FROM (SELECT e.account, sum(e.amount) AS amount FROM ledger_entries e WHERE e.transaction_id = tx GROUP BY e.account) d
  WHERE b.account = d.account AND b.currency = p_currency;
  RETURN tx;
END $$;

REVOKE ALL ON FUNCTION ledger_post FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_post TO tranche_app;
-- The application reads; it writes through ledger_post alone, which runs as the owner.
GRANT SELECT ON ledger_transactions, ledger_entries, ledger_balances TO tranche_app;

-- The money identity's nine terms and the memo `disputed`: each its own sum over class and kind, none the rest of the others.
CREATE VIEW escrow_money AS
SELECT escrow_id, currency,
  coalesce(-sum(amount) FILTER (WHERE account_class = 'charge_clearing' AND kind = 'charge_captured'), 0)::bigint AS charged,
  coalesce(sum(amount) FILTER (WHERE account_class = 'receivable'), 0)::bigint AS owed,
  coalesce(sum(amount) FILTER (WHERE account_class IN ('dispute_loss', 'bad_debt', 'fx')), 0)::bigint AS absorbed,
  coalesce(-sum(amount) FILTER (WHERE account_class IN ('charge_clearing', 'held', 'fee_unearned', 'payable', 'on_hold')), 0)::bigint AS held,
  -- transfers − reversals + set-off taken out of this escrow's payables − this escrow's debt since recovered elsewhere
  coalesce(sum(amount) FILTER (WHERE (kind = 'transfer' AND account_class = 'payable') OR (kind IN ('transfer_reversed', 'transferred_again') AND account_class = 'on_hold')), 0)::bigint
    + coalesce(sum(amount) FILTER (WHERE kind = 'debt_recovered' AND account_class IN ('payable', 'receivable')), 0)::bigint AS released,
  coalesce(-sum(amount) FILTER (WHERE account_class = 'refund_clearing' AND kind IN ('refund_asked', 'refund_undone')), 0)::bigint
    + coalesce(sum(amount) FILTER (WHERE account_class = 'fx' AND kind IN ('refund_settled', 'refund_returned')), 0)::bigint AS refunded,
  coalesce(-sum(amount) FILTER (WHERE account_class = 'dispute_receivable' AND kind = 'dispute_lost'), 0)::bigint AS charged_back,
  coalesce(-sum(amount) FILTER (WHERE account_class = 'fee_revenue'), 0)::bigint AS fees,
  coalesce(-sum(amount) FILTER (WHERE account_class = 'tax'), 0)::bigint AS tax,
  coalesce(sum(amount) FILTER (WHERE account_class = 'dispute_receivable'), 0)::bigint AS disputed
FROM ledger_entries
WHERE escrow_id IS NOT NULL
GROUP BY escrow_id, currency;
GRANT SELECT ON escrow_money TO tranche_app;
