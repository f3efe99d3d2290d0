// After each step of every test, the same three things hold: the transaction's legs sum to zero, its escrow's money identity,
// and solvency. A step is a commit that wrote to the ledger. The test's database looks at each one by a deferred trigger, and
// writes down what was wrong; it refuses nothing, so the product runs as it does for users. After each test the list must be empty.
import { afterEach, expect } from '@jest/globals';
import postgres from 'postgres';

const WATCH = `
  CREATE SCHEMA each_step;
  CREATE TABLE each_step.wrong (transaction_id uuid, kind text, escrow_id text, what text, figures jsonb);
  -- plpgsql with rights of its own: the application has none here.
  CREATE FUNCTION each_step.look() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  BEGIN
    INSERT INTO each_step.wrong
    SELECT NEW.id, NEW.kind, NEW.escrow_id, 'legs do not sum to 0', jsonb_build_object('currency', currency, 'sum', sum(amount))
    FROM ledger_entries WHERE transaction_id = NEW.id GROUP BY currency HAVING sum(amount) <> 0;

    INSERT INTO each_step.wrong
    SELECT NEW.id, NEW.kind, m.escrow_id, 'the money identity does not hold', to_jsonb(m)
    FROM escrow_money m
    WHERE m.escrow_id IN (SELECT escrow_id FROM ledger_entries WHERE transaction_id = NEW.id)
      AND charged + owed + absorbed <> held + released + refunded + charged_back + fees + tax;

    INSERT INTO each_step.wrong
    SELECT NEW.id, NEW.kind, NEW.escrow_id, 'what lies at Stripe does not cover what is owed', to_jsonb(b)
    FROM (
      SELECT currency,
        coalesce(sum(amount) FILTER (WHERE account_class IN ('stripe_pending', 'stripe_available', 'stripe_reserved')), 0) AS at_stripe,
        coalesce(-sum(amount) FILTER (WHERE account_class IN ('held', 'fee_unearned', 'payable', 'on_hold', 'tax')), 0) AS liabilities
      FROM ledger_entries WHERE currency IN (SELECT currency FROM ledger_entries WHERE transaction_id = NEW.id) GROUP BY currency
      -- A platform without a float owes Stripe's fee from its first charge on; npm start gives one, suites about money do.
      HAVING bool_or(account = 'platform_float')
    ) b WHERE at_stripe < liabilities;
    RETURN NULL;
  END $$;
  CREATE CONSTRAINT TRIGGER each_step AFTER INSERT ON ledger_transactions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION each_step.look();`;

export interface StepWatch {
  /** What was wrong after a step, in the order of the steps. */
  wrong(): Promise<object[]>;
  close(): Promise<void>;
}

/** From now on each commit of this database is looked at. `ownerUrl`: its owner's role. */
export async function watchEachStep(ownerUrl: string): Promise<StepWatch> {
  const sql = postgres(ownerUrl, { max: 1, onnotice: () => {}, connection: { application_name: 'each step' } });
  await sql.unsafe(WATCH);
  return {
    wrong: async () => [...(await sql<object[]>`SELECT what, kind, escrow_id, figures FROM each_step.wrong`)],
    close: () => sql.end({ timeout: 5 }),
  };
}

const watches = new Set<StepWatch>();

/** After each test of the file, and once more when it is let go, nothing was wrong. */
export function holdToEachStep(watch: StepWatch): { letGo(): Promise<void> } {
  watches.add(watch);
  return {
    letGo: async () => {
      if (!watches.delete(watch)) return;
      const wrong = await watch.wrong();
      await watch.close();
      expect(wrong).toEqual([]);
    },
  };
}

/** For the whole of a test file: jest runs each-step-setup.ts before it (see jest.config.js). */
export function checkAfterEachTest(): void {
  afterEach(async () => {
    for (const watch of watches) expect(await watch.wrong()).toEqual([]);
  });
}
