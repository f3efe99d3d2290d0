-- What sellers owe: opened by a refund or a lost chargeback of released money, taken from their next releases, repaid,
-- or written off. And how much of each released part was taken back, so that no two take the same money.
CREATE TABLE debts (
  id           text PRIMARY KEY,               -- dbt_
  seller_id    text NOT NULL,
  escrow_id    text NOT NULL,
  milestone_id text NOT NULL,
  currency     text NOT NULL,
  amount       bigint NOT NULL CHECK (amount > 0),
  recovered    bigint NOT NULL DEFAULT 0 CHECK (recovered >= 0),   -- set off or repaid
  written_off  bigint NOT NULL DEFAULT 0 CHECK (written_off >= 0),
  cancelled    bigint NOT NULL DEFAULT 0 CHECK (cancelled >= 0),   -- the refund that opened it failed
  status       text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'recovered', 'repaid', 'written_off', 'cancelled')),
  cause        jsonb NOT NULL DEFAULT '{}',
  dedupe_key   text NOT NULL UNIQUE,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  closed_at    timestamptz,
  CONSTRAINT debt_not_overpaid CHECK (recovered + written_off + cancelled <= amount),
  CONSTRAINT debt_closed_when_nothing_is_left CHECK ((status = 'open') = (recovered + written_off + cancelled < amount))
);
-- The order in which netting locks and takes them.
CREATE INDEX debts_open ON debts (seller_id, currency, created_at, id) WHERE status = 'open';

CREATE TABLE set_offs (
  transfer_id text NOT NULL,                   -- of the release part; its movement is absent when nothing was left to transfer
  debt_id     text NOT NULL REFERENCES debts,
  amount      bigint NOT NULL CHECK (amount > 0),
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (transfer_id, debt_id)
);
CREATE INDEX set_offs_by_debt ON set_offs (debt_id);

CREATE TABLE debt_repayments (
  id         text PRIMARY KEY,                 -- the command's id: a repetition repays nothing more
  debt_id    text NOT NULL REFERENCES debts,
  amount     bigint NOT NULL CHECK (amount > 0),
  reference  text NOT NULL,
  taken_by   text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON set_offs FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON set_offs FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON debt_repayments FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON debt_repayments FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

-- One row per released part, made when the first of it is taken back; locked by whoever takes more.
CREATE TABLE recovered_parts (
  milestone_id         text NOT NULL,
  part                 integer NOT NULL,
  amount               bigint NOT NULL,         -- terms' currency
  principal            bigint NOT NULL,         -- settlement currency, as the two below
  seller_fee           bigint NOT NULL,
  buyer_fee            bigint NOT NULL,
  recovered_amount     bigint NOT NULL DEFAULT 0 CHECK (recovered_amount >= 0 AND recovered_amount <= amount),
  recovered_principal  bigint NOT NULL DEFAULT 0 CHECK (recovered_principal >= 0 AND recovered_principal <= principal),
  recovered_seller_fee bigint NOT NULL DEFAULT 0 CHECK (recovered_seller_fee >= 0 AND recovered_seller_fee <= seller_fee),
  recovered_buyer_fee  bigint NOT NULL DEFAULT 0 CHECK (recovered_buyer_fee >= 0 AND recovered_buyer_fee <= buyer_fee),
  PRIMARY KEY (milestone_id, part)
);

-- Every taking back of released money: a refund of workflow refund/<id>, or a chargeback.
CREATE TABLE recoveries (
  id           text PRIMARY KEY,               -- rfd_, or a dispute's
  escrow_id    text NOT NULL,
  milestone_id text NOT NULL,
  amount       bigint NOT NULL CHECK (amount > 0),                -- principal, terms' currency
  currency     text NOT NULL,
  status       text NOT NULL CHECK (status IN ('asked', 'reserved', 'refunded', 'undone', 'lapsed', 'refused')),
  asked_by     text,
  asked_role   text,
  reason       text NOT NULL,
  expires_at   timestamptz,
  pieces       jsonb NOT NULL DEFAULT '[]',
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX recoveries_by_escrow ON recoveries (escrow_id);
-- One question at a time: the other side's same call answers it.
CREATE UNIQUE INDEX one_recovery_asked ON recoveries (milestone_id) WHERE status = 'asked';

ALTER TABLE movements ADD COLUMN reverses text REFERENCES movements; -- of a reversal: its transfer
ALTER TABLE movements ADD COLUMN recovery_id text;                   -- of a reversal, or of the transfer that pays again
CREATE INDEX movements_by_reversed ON movements (reverses) WHERE reverses IS NOT NULL;
CREATE INDEX movements_by_recovery ON movements (recovery_id) WHERE recovery_id IS NOT NULL;

GRANT SELECT, INSERT, UPDATE ON debts, recovered_parts, recoveries TO tranche_app;
GRANT SELECT, INSERT ON set_offs, debt_repayments TO tranche_app;
