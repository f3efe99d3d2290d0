-- A seller may also owe costs that the terms pass on (Stripe's fee for a lost dispute): another account of the ledger, and no
-- part of the money identity.
ALTER TABLE debts ADD COLUMN kind text NOT NULL DEFAULT 'principal' CHECK (kind IN ('principal', 'costs'));
CREATE INDEX debts_of_dispute_fees ON debts ((cause ->> 'dispute')) WHERE kind = 'costs';
