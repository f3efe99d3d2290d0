-- What a lost chargeback took of a release part before it was transferred: that part's transfer is smaller by it.
CREATE TABLE charged_back_parts (
  transfer_id text NOT NULL,                   -- of the release part, whether or not its movement was made
  dispute_id  text NOT NULL REFERENCES disputes,
  amount      bigint NOT NULL CHECK (amount > 0),
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (transfer_id, dispute_id)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON charged_back_parts FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON charged_back_parts FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
GRANT SELECT, INSERT ON charged_back_parts TO tranche_app;
