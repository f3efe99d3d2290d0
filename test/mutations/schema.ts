// What the database holds by itself. Taken out of the migrations; the test runs on a database made of them.
import type { Mutation } from './mutation.ts';

type Test = Mutation['test'];

const inFile = (file: string) => (guard: string, find: string, replace: string, test: Test): Mutation => ({ guard, file: `migrations/${file}.sql`, find, replace, test }); // prettier-ignore
const people = inFile('0001_people');
const escrows = inFile('0002_escrows');
const ledger = inFile('0003_ledger');
const atCommit = inFile('0141_ledger_check');
const movements = inFile('0004_movements');
const inbox = inFile('0005_inbox');
const debts = inFile('0030_debts');
const disputes = inFile('0031_disputes');
const lookup = inFile('0032_dispute_lookup');
const approvals = inFile('0040_approvals');
const audit = inFile('0041_audit');

const held = (name: string): Test => ['test/ledger/constraints.test.ts', name];
const refused = (name: string): Test => ['test/ledger/schema.test.ts', name];

const trigger = (text: string): string => `-- ${text}`;

export const LEDGER_MUTATIONS: readonly Mutation[] = [
  atCommit('legs sum to 0 per transaction and currency', 'IF off IS NOT NULL THEN', 'IF false THEN', held('legs that do not sum to zero are refused')),
  atCommit('a transaction has the legs that its header says', 'IF legs <> expected THEN', 'IF false THEN', held('a balanced pair added to an old transaction is refused')),
  ledger('a header comes with its legs', 'CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON ledger_transactions', trigger('CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON ledger_transactions'), held('a header without its legs')),
  ledger('legs are looked at whoever inserts them', 'CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON ledger_entries', trigger('CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON ledger_entries'), held('a balanced pair added to an old transaction is refused')),
  ledger('no leg of nothing', 'bigint NOT NULL CHECK (amount <> 0)', 'bigint NOT NULL', held('a leg of nothing is refused')),
  ledger('every account has a class', 'account_class  text NOT NULL,', 'account_class  text,', held('an account that has no class is refused')),
  ledger('a posting’s key is used once', 'idempotency_key               text NOT NULL UNIQUE,', 'idempotency_key               text NOT NULL,', held('the same key and parameters return the same transaction')),
  ledger('the same key with other parameters is refused', 'IF known.params_hash <> hash THEN', 'IF false THEN', held('the same key with another amount is refused')),
  ledger('a balance transaction is posted once for each kind', '  UNIQUE (stripe_balance_transaction_id, kind)', '  CHECK (true)', held('one balance transaction is posted once for each kind')),
  ledger('transactions are not changed', 'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger_transactions', trigger('CREATE'), held('the owner is refused by trigger: UPDATE ledger_transactions')),
  ledger('entries are not changed', 'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger_entries', trigger('CREATE'), held('the owner is refused by trigger: UPDATE ledger_entries')),
  ledger('transactions are not emptied', 'CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger_transactions', trigger('CREATE'), held('the owner is refused by trigger: TRUNCATE ledger_transactions')),
  ledger('entries are not emptied', 'CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger_entries', trigger('CREATE'), held('the owner is refused by trigger: TRUNCATE ledger_entries')),
  ledger('nobody is paid what is not there', "account_class NOT IN ('held', 'fee_unearned', 'payable', 'on_hold') OR amount <= 0", 'true', held('milestone:…:held is not overdrawn')),
  ledger('… nor out of what was released', "('held', 'fee_unearned', 'payable', 'on_hold') OR amount <= 0", "('held', 'fee_unearned') OR amount <= 0", held('seller:…:payable is not overdrawn')),
  ledger('the application posts by ledger_post alone', 'GRANT SELECT ON ledger_transactions, ledger_entries, ledger_balances TO tranche_app;', 'GRANT SELECT, INSERT, UPDATE ON ledger_transactions, ledger_entries, ledger_balances TO tranche_app;', held('the application cannot insert past ledger_post')),
]; // prettier-ignore

export const SCHEMA_MUTATIONS: readonly Mutation[] = [
  movements('a charge gives no more than it captured', 'CHECK (transferred - reversed + refunded + withdrawn <= captured + allowance + observed)', 'CHECK (true)', held('a charge gives no more than it captured')),
  movements('one live transfer per milestone, seller and part', 'CREATE UNIQUE INDEX one_live_transfer', 'CREATE INDEX one_live_transfer', held('one release part has one live transfer')),
  movements('one movement of an object of Stripe', 'stripe_id              text UNIQUE,', 'stripe_id              text,', refused('movement of an object of Stripe')),
  movements('a movement is of something', 'bigint NOT NULL CHECK (amount > 0),', 'bigint NOT NULL,', refused('a movement of nothing')),
  movements('a movement’s status is a known one', "status                 text NOT NULL CHECK (status IN ('reserved', 'requires_payment_method', 'requires_action', 'processing', 'pending', 'succeeded', 'failed', 'canceled')),", 'status                 text NOT NULL,', refused('a movement in an unknown status')),
  movements('a key goes to Stripe for one movement', 'idempotency_key text NOT NULL UNIQUE CHECK', 'idempotency_key text NOT NULL CHECK', refused('use of a key given to Stripe')),
  movements('one attempt of a generation', '  PRIMARY KEY (movement_id, generation)', '  CHECK (true)', refused('attempt of a generation')),
  movements('a charge’s funds stand in one row', 'charge_id   text PRIMARY KEY,', 'charge_id   text,', refused('row of funds for a charge')),
  movements('a charge captured something', 'captured    bigint NOT NULL CHECK (captured > 0),', 'captured    bigint NOT NULL,', refused('a charge that captured nothing')),
  movements('no charge was transferred less than nothing', 'DEFAULT 0 CHECK (transferred >= 0)', 'DEFAULT 0', refused('less than nothing transferred')),
  movements('no charge was refunded less than nothing', 'DEFAULT 0 CHECK (refunded >= 0)', 'DEFAULT 0', refused('less than nothing refunded')),
  movements('no charge was reversed less than nothing', 'DEFAULT 0 CHECK (reversed >= 0)', 'DEFAULT 0', refused('less than nothing reversed')),
  movements('no allowance below nothing', 'DEFAULT 0 CHECK (allowance >= 0)', 'DEFAULT 0', refused('an allowance below nothing')),
  debts('one debt of a refund or dispute', 'dedupe_key   text NOT NULL UNIQUE,', 'dedupe_key   text NOT NULL,', refused('debt of a refund')),
  debts('no more is recovered of a debt than was owed', 'CHECK (recovered + written_off + cancelled <= amount)', 'CHECK (true)', refused('recovered, written off and cancelled beyond the debt')),
  debts('a debt is open exactly while something is left', "CHECK ((status = 'open') = (recovered + written_off + cancelled < amount))", 'CHECK (true)', refused('a debt closed with something left')),
  debts('a debt is of something', 'amount       bigint NOT NULL CHECK (amount > 0),\n  recovered', 'amount       bigint NOT NULL,\n  recovered', refused('a debt of nothing')),
  debts('a transfer takes a debt once', '  PRIMARY KEY (transfer_id, debt_id)', '  CHECK (true)', refused('set-off of a debt in a transfer')),
  debts('set-offs are not changed', 'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON set_offs', trigger('CREATE'), refused('set_offs: not changed')),
  debts('set-offs are not emptied', 'CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON set_offs', trigger('CREATE'), refused('set_offs: not changed')),
  debts('a repayment is taken once', "id         text PRIMARY KEY,                 -- the command's id", "id         text,                 -- the command's id", refused('repayment of a command')),
  debts('repayments are not changed', 'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON debt_repayments', trigger('CREATE'), refused('debt_repayments: not changed')),
  debts('repayments are not emptied', 'CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON debt_repayments', trigger('CREATE'), refused('debt_repayments: not changed')),
  debts('no more of a part is taken back than was released', ' CHECK (recovered_amount >= 0 AND recovered_amount <= amount)', '', refused('more of a part taken back than was released')),
  debts('no more principal is taken back than was released', ' CHECK (recovered_principal >= 0 AND recovered_principal <= principal)', '', refused('more principal taken back than was released')),
  debts('no more of the seller’s fee is given back than was taken', ' CHECK (recovered_seller_fee >= 0 AND recovered_seller_fee <= seller_fee)', '', refused('more of the seller’s fee given back than was taken')),
  debts('no more of the buyer’s fee is given back than was taken', ' CHECK (recovered_buyer_fee >= 0 AND recovered_buyer_fee <= buyer_fee)', '', refused('more of the buyer’s fee given back than was taken')),
  debts('one open question about a milestone', 'CREATE UNIQUE INDEX one_recovery_asked', 'CREATE INDEX one_recovery_asked', refused('open question about a milestone')),
  disputes('one row of a card dispute', 'stripe_dispute_id text UNIQUE,', 'stripe_dispute_id text,', refused('row of a card dispute')),
  lookup('one milestone in a dispute of an id', 'CREATE UNIQUE INDEX milestones_by_dispute', 'CREATE INDEX milestones_by_dispute', refused('milestone in a dispute of an id')),
  escrows('one milestone at a place', '  UNIQUE (escrow_id, position)', '  CHECK (true)', refused('milestone at a place')),
  escrows('one text of terms of a hash', '  PRIMARY KEY (escrow_id, hash) ', '  CHECK (true) ', refused('version of terms of a hash')),
  escrows('one line of the timeline of a number', '  PRIMARY KEY (escrow_id, seq)', '  CHECK (true)', refused('line of the timeline of a number')),
  escrows('the timeline is not rewritten by the application', 'GRANT SELECT, INSERT ON escrow_terms, escrow_parties, escrow_events TO tranche_app;', 'GRANT SELECT, INSERT, UPDATE ON escrow_terms, escrow_parties, escrow_events TO tranche_app;', refused('UPDATE escrow_events SET seq = 9')),
  people('one person of an address', 'CREATE UNIQUE INDEX people_email', 'CREATE INDEX people_email', refused('person of an address')),
  people('one owner of an API key', 'key_hash     text NOT NULL UNIQUE, ', 'key_hash     text NOT NULL, ', refused('owner of an API key')),
  people('one owner of a session', 'token_hash text PRIMARY KEY,', 'token_hash text,', refused('owner of a session')),
  people('one seller of a Stripe account', 'stripe_account_id text NOT NULL UNIQUE,', 'stripe_account_id text NOT NULL,', refused('seller of a Stripe account')),
  people('fees change by a new row, never by an edit', 'GRANT SELECT, INSERT ON fee_schedules TO tranche_app;', 'GRANT SELECT, INSERT, UPDATE ON fee_schedules TO tranche_app;', refused('UPDATE fee_schedules SET rate_bps = 0')),
  inbox('one row of an event: at least once becomes at most one row', 'id           text PRIMARY KEY,                -- UNIQUE', 'id           text,                -- UNIQUE', refused('row of an event')),
  inbox('one row of an owner’s key', '  PRIMARY KEY (owner_id, key)', '  CHECK (true)', refused('row of an owner’s key')),
  approvals('nobody approves their own request', 'CHECK (approved_by IS NULL OR approved_by <> requested_by)', 'CHECK (true)', refused('an approval by the one who asked')),
  approvals('nobody denies their own request', 'CHECK (denied_by IS NULL OR denied_by <> requested_by)', 'CHECK (true)', refused('a denial by the one who asked')),
  approvals('what is approved was approved by somebody', "CHECK ((status IN ('approved', 'executed', 'failed')) = (approved_by IS NOT NULL))", 'CHECK (true)', refused('approved by nobody')),
  approvals('what is denied was denied by somebody', "CHECK ((status = 'denied') = (denied_by IS NOT NULL))", 'CHECK (true)', refused('denied by nobody')),
  approvals('the same thing waits once', 'CREATE UNIQUE INDEX one_pending_approval', 'CREATE INDEX one_pending_approval', refused('request of a thing that waits')),
  approvals('what an approval asks for does not change', "     OR NEW.escrow_id IS DISTINCT FROM OLD.escrow_id THEN", '     AND false THEN', ['test/approvals/approvals.test.ts', 'the database itself refuses one who approves their own']),
  approvals('a decision is not taken back', "IF (OLD.status, NEW.status) NOT IN", "IF false AND (OLD.status, NEW.status) NOT IN", ['test/approvals/approvals.test.ts', 'the database itself refuses one who approves their own']),
  approvals('approvals are kept', 'CREATE TRIGGER approvals_guard_truncate', trigger('CREATE TRIGGER'), refused('approvals are not deleted, not emptied')),
  audit('the audit log is not changed', 'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_log', trigger('CREATE'), ['test/audit/audit.test.ts', 'is not to be changed by the application']),
  audit('its seals are not changed', 'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_seals', trigger('CREATE'), ['test/audit/audit.test.ts', 'is not to be changed by the application']),
  audit('the audit log is not emptied', 'CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON audit_log', trigger('CREATE'), ['test/audit/audit.test.ts', 'is not to be changed by the application']),
  audit('one seal of an entry', 'entry_id  bigint NOT NULL UNIQUE, ', 'entry_id  bigint NOT NULL, ', refused('seal of an entry')),
]; // prettier-ignore
