// The thirteen invariants of the ledger and of what stands around it, each as the rows that break it. Used by `verify`,
// by reconciliation and by tests. Reads only; each query passes over its tables once.
import type { EscrowState } from '../domain/escrow-state.ts';
import { identityHolds, type Money } from './ledger.ts';
import type { Sql, Tx } from './client.ts';
import { stripeAgrees, type StripeBooks } from './invariants-stripe.ts';
import { byBank, endedHoldNothing, receivablesAreDebts } from './invariants-books.ts';
import { workflowsAgree } from './invariants-workflows.ts';

export type { StripeBooks } from './invariants-stripe.ts';

export interface InvariantResult {
  number: number;
  name: string;
  holds: boolean;
  rows: object[];
}

export interface InvariantOptions {
  /** Stripe's own books; without them invariant 3 compares with the balance transactions that were recorded. */
  stripe?: StripeBooks | undefined;
  /** The state that an escrow's workflow has now, null where it has ended; without it 8 compares projection and ledger. */
  workflows?: ((escrowId: string) => Promise<EscrowState | null>) | undefined;
  /** Escrows whose workflow runs, as Temporal lists them: 8 then asks those too that the projection calls ended. */
  running?: (() => AsyncIterable<string>) | undefined;
  /** How long things may be under way before they count as stuck. */
  convergenceMs?: number | undefined;
  /** How often 3 and 8 look again before they believe a difference, and how long they wait in between. */
  tries?: number | undefined;
  pauseMs?: number | undefined;
}

/** At most so many rows are shown for each. */
export const MAX_ROWS = 100;

interface Within {
  convergence: string;
}
type Check = (tx: Tx, within: Within) => Promise<object[]>;

const CHECKS: readonly { number: number; name: string; rows: Check }[] = [
  {
    number: 1,
    name: 'legs sum to 0 per transaction and currency, and none was added',
    rows: (tx) => tx`
      SELECT t.id AS transaction_id, t.kind, t.idempotency_key, e.currency, coalesce(e.total, 0) AS total,
             t.leg_count, coalesce(e.legs, 0) AS legs
      FROM ledger_transactions t
      LEFT JOIN (
        SELECT transaction_id, currency, sum(amount)::bigint AS total, count(*)::integer AS legs
        FROM ledger_entries GROUP BY transaction_id, currency
      ) e ON e.transaction_id = t.id
      WHERE e.total IS DISTINCT FROM 0 OR e.legs IS DISTINCT FROM t.leg_count LIMIT ${MAX_ROWS}`,
  },
  {
    number: 2,
    name: 'every balance is the sum of its entries, and what sellers owe is their open debts',
    rows: async (tx) => [
      ...(await tx`
      SELECT coalesce(b.account, e.account) AS account, coalesce(b.currency, e.currency) AS currency,
             b.amount AS balance, e.total AS entries
      FROM ledger_balances b
      FULL JOIN (
        SELECT account, currency, sum(amount)::bigint AS total FROM ledger_entries
        WHERE account_class IN ('held', 'fee_unearned', 'payable', 'on_hold', 'receivable', 'costs_receivable',
                                'charge_clearing', 'refund_clearing', 'dispute_receivable')
        GROUP BY account, currency
      ) e ON e.account = b.account AND e.currency = b.currency
      WHERE coalesce(b.amount, 0) <> coalesce(e.total, 0) LIMIT ${MAX_ROWS}`),
      ...(await receivablesAreDebts(tx)),
    ],
  },
  {
    number: 3,
    name: "the ledger's stripe accounts are what Stripe's balance transactions and Balance say",
    rows: (tx) => tx`
      SELECT coalesce(l.currency, b.currency) AS currency, l.total AS ledger, b.total AS recorded_balance_transactions
      FROM (
        SELECT currency, sum(amount)::bigint AS total FROM ledger_entries
        WHERE account_class IN ('stripe_pending', 'stripe_available', 'stripe_reserved') GROUP BY currency
      ) l
      FULL JOIN (SELECT currency, sum(net)::bigint AS total FROM balance_transactions GROUP BY currency) b
        ON b.currency = l.currency
      WHERE coalesce(l.total, 0) <> coalesce(b.total, 0)`,
  },
  {
    number: 4,
    name: 'no charge gave more than it captured, and its row says what its movements took',
    rows: (tx) => tx`
      SELECT c.charge_id, c.escrow_id, c.captured, c.transferred, c.reversed, c.refunded, c.withdrawn, c.allowance, c.observed,
             coalesce(m.transferred, 0) AS moved_to_sellers, coalesce(m.refunded, 0) + coalesce(b.refunded, 0) AS moved_to_buyer
      FROM charge_funds c
      LEFT JOIN (
        SELECT stripe_charge_id,
               (sum(settled_amount) FILTER (WHERE kind = 'transfer'))::bigint AS transferred,
               (sum(settled_amount) FILTER (WHERE kind = 'refund'))::bigint AS refunded
        FROM movements WHERE kind IN ('transfer', 'refund') AND status NOT IN ('failed', 'canceled')
        GROUP BY stripe_charge_id
      ) m ON m.stripe_charge_id = c.charge_id
      LEFT JOIN (SELECT charge_id, sum(settled_amount)::bigint AS refunded FROM bank_refunds GROUP BY charge_id) b
        ON b.charge_id = c.charge_id
      WHERE c.transferred <> coalesce(m.transferred, 0) OR c.refunded <> coalesce(m.refunded, 0) + coalesce(b.refunded, 0)
         OR coalesce(m.transferred, 0) - c.reversed + coalesce(m.refunded, 0) + coalesce(b.refunded, 0) + c.withdrawn
            > c.captured + c.allowance + c.observed
      LIMIT ${MAX_ROWS}`,
  },
  {
    number: 5,
    name: 'at most one live transfer per milestone, seller and part',
    rows: (tx) => tx`
      SELECT milestone_id, seller_id, part, count(*)::integer AS transfers, array_agg(id ORDER BY id) AS ids
      FROM movements WHERE kind = 'transfer' AND status NOT IN ('failed', 'canceled') AND part IS NOT NULL
      GROUP BY milestone_id, seller_id, part HAVING count(*) > 1 LIMIT ${MAX_ROWS}`,
  },
  {
    number: 6,
    name: 'every Stripe object has one intent and one ledger transaction, and no ledger transaction is without its object',
    rows: (tx) => tx`
      SELECT * FROM (
        SELECT 'movement succeeded without a posting of its balance transaction' AS what, m.id, m.stripe_id,
               m.balance_transaction_id AS balance_transaction
        FROM movements m
        LEFT JOIN ledger_transactions t ON t.stripe_balance_transaction_id = m.balance_transaction_id AND t.kind <> 'matured'
        WHERE m.status = 'succeeded' AND (m.stripe_id IS NULL OR t.id IS NULL)
        UNION ALL
        SELECT 'balance transaction without a posting', b.id, b.source_id, b.id
        FROM balance_transactions b
        LEFT JOIN ledger_transactions t ON t.stripe_balance_transaction_id = b.id AND t.kind <> 'matured'
        WHERE t.id IS NULL
        UNION ALL
        SELECT 'posting of a balance transaction that was never recorded', t.idempotency_key, NULL, t.stripe_balance_transaction_id
        FROM ledger_transactions t LEFT JOIN balance_transactions b ON b.id = t.stripe_balance_transaction_id
        WHERE t.stripe_balance_transaction_id IS NOT NULL AND b.id IS NULL
        UNION ALL
        SELECT 'balance transaction of several movements', min(id), min(stripe_id), balance_transaction_id
        FROM movements WHERE balance_transaction_id IS NOT NULL
        GROUP BY balance_transaction_id HAVING count(*) > 1
        UNION ALL
        ${byBank(tx)}
      ) broken LIMIT ${MAX_ROWS}`,
  },
  {
    number: 7,
    name: 'clearing accounts are back at 0 within their time',
    // A refund that Stripe still has to pay out may take weeks: its account is due once its movement has ended.
    rows: (tx, { convergence }) => tx`
      SELECT b.account, b.currency, b.amount, m.status AS movement
      FROM ledger_balances b
      LEFT JOIN movements m ON m.id = split_part(b.account, ':', 2)
      WHERE b.account_class IN ('charge_clearing', 'refund_clearing') AND b.amount <> 0
        AND (m.id IS NULL OR m.updated_at < now() - ${convergence}::interval)
        AND m.status IS DISTINCT FROM 'pending'
        -- A late payment whose refund came back waits there for the buyer.
        AND NOT EXISTS (SELECT FROM failed_refunds f WHERE f.payment_id = m.id AND f.milestone_id IS NULL AND f.status = 'owed')
      LIMIT ${MAX_ROWS}`,
  },
  {
    number: 8,
    name: 'workflow, projection and ledger say the same',
    rows: async (tx, within) => [...(await projectionAgrees(tx)), ...(await endedHoldNothing(tx, within.convergence))],
  },
  {
    number: 9,
    name: "an event's effect happens once, and every event ends",
    rows: (tx, { convergence }) => tx`
      SELECT * FROM (
        SELECT 'event not ended' AS what, id, type, attempts::bigint AS count, error FROM stripe_events
        WHERE state = 'received' AND next_try_at < now() - ${convergence}::interval
        UNION ALL
        SELECT 'balance transaction posted more than once', stripe_balance_transaction_id, kind, count(*), NULL
        FROM ledger_transactions WHERE stripe_balance_transaction_id IS NOT NULL
        GROUP BY stripe_balance_transaction_id, kind HAVING count(*) > 1
      ) broken LIMIT ${MAX_ROWS}`,
  },
  {
    number: 10,
    name: 'the same command key gives the same answer',
    rows: (tx) => tx`
      SELECT * FROM (
        SELECT 'answered without an answer' AS what, owner_id, key, update_id FROM idempotency_keys
        WHERE (status IS NULL) <> (response IS NULL)
        UNION ALL
        SELECT 'one command under several keys', min(owner_id), min(key), update_id FROM idempotency_keys
        GROUP BY update_id HAVING count(*) > 1
      ) broken LIMIT ${MAX_ROWS}`,
  },
  {
    number: 11,
    name: 'everything converges: nothing stays half done',
    // What waits for a person or for the platform's balance is not half done.
    rows: (tx, { convergence }) => tx`
      SELECT * FROM (
        SELECT 'movement reserved and never ended' AS what, m.id, m.escrow_id, m.error_code, m.updated_at AS since
        FROM movements m LEFT JOIN milestones s ON s.id = m.milestone_id
        WHERE m.status = 'reserved' AND m.updated_at < now() - ${convergence}::interval
          AND s.status IS DISTINCT FROM 'blocked_kyc' AND s.status IS DISTINCT FROM 'blocked_funds'
        UNION ALL
        SELECT 'command without an outcome', key, NULL, route, created_at FROM idempotency_keys
        WHERE status IS NULL AND created_at < now() - ${convergence}::interval
        UNION ALL
        SELECT 'matured money still pending', id, NULL, type, available_on FROM balance_transactions
        WHERE status = 'pending' AND matured_at IS NULL AND available_on < now() - ${convergence}::interval
      ) broken LIMIT ${MAX_ROWS}`,
  },
  {
    number: 12,
    name: 'charged + owed + absorbed = held + released + refunded + charged_back + fees + tax, for each escrow',
    rows: moneyIdentity,
  },
  {
    number: 13,
    name: 'solvency: what lies at Stripe covers what is owed',
    rows: (tx) => tx`
      SELECT * FROM (
        SELECT currency,
          coalesce(sum(amount) FILTER (WHERE account_class IN ('stripe_pending', 'stripe_available', 'stripe_reserved')), 0)::bigint AS at_stripe,
          coalesce(-sum(amount) FILTER (WHERE account_class IN ('held', 'fee_unearned', 'payable', 'on_hold', 'tax')), 0)::bigint AS liabilities
        FROM ledger_entries GROUP BY currency
      ) b WHERE at_stripe < liabilities`,
  },
];

/** Checks all thirteen: the queries on one snapshot of the database, then Stripe and the workflows where they are given. */
export async function checkInvariants(sql: Sql, options: InvariantOptions = {}): Promise<InvariantResult[]> {
  const within = { convergence: `${options.convergenceMs ?? 600_000} milliseconds` };
  const results = await sql.begin('isolation level repeatable read read only', async (tx) => {
    // The pool's limit is made for requests; this reads whole tables.
    await tx`SET LOCAL statement_timeout = '30min'`;
    await tx`SET LOCAL idle_in_transaction_session_timeout = '5min'`;
    const found: InvariantResult[] = [];
    for (const { number, name, rows } of CHECKS) {
      const broken = [...(await rows(tx, within))];
      found.push({ number, name, holds: broken.length === 0, rows: broken });
    }
    return found;
  });
  const again = { tries: options.tries ?? 6, pauseMs: options.pauseMs ?? 1000 };
  if (options.stripe !== undefined) add(results, 3, await stripeAgrees(sql, options.stripe, again));
  if (options.workflows !== undefined)
    add(results, 8, await workflowsAgree(sql, options.workflows, again, options.running));
  return results;
}

function add(results: InvariantResult[], number: number, rows: object[]): void {
  const result = results.find((r) => r.number === number)!;
  result.rows.push(...rows);
  result.holds = result.rows.length === 0;
}

/** Every escrow's nine terms, read from the view and added up here, as the API does it. */
async function moneyIdentity(tx: Tx): Promise<object[]> {
  const broken: object[] = [];
  const currencies = new Map<string, string>();
  const rows = tx<(Money & { escrow_id: string })[]>`SELECT * FROM escrow_money ORDER BY escrow_id`;
  for await (const batch of rows.cursor(1000)) {
    for (const money of batch) {
      const other = currencies.get(money.escrow_id);
      if (other !== undefined) broken.push({ ...money, what: `its money is in ${other} and in ${money.currency}` });
      else if (!identityHolds(money)) broken.push({ ...money, what: 'the identity does not hold' });
      // Sorted by escrow: only the last one can come again.
      currencies.clear();
      currencies.set(money.escrow_id, money.currency ?? '');
    }
    if (broken.length >= MAX_ROWS) break;
  }
  return broken.slice(0, MAX_ROWS);
}

/**
 * What the projection says of each milestone against the ledger: nothing is held for one at its end but what a refund that
 * came back owes to the buyer, and what it says was
 * released is what was transferred or paid debts. Milestones on the move are left out: the ledger is ahead of them by rule.
 */
async function projectionAgrees(tx: Tx): Promise<object[]> {
  return tx`
    SELECT m.id AS milestone_id, m.escrow_id, m.status, coalesce(l.held, 0) AS ledger_held,
           coalesce(l.transferred, 0) AS ledger_transferred, s.released AS projected_released
    FROM milestones m
    CROSS JOIN LATERAL (
      SELECT coalesce(sum((r ->> 'payable')::bigint) FILTER (WHERE r ->> 'status' = 'released'), 0)::bigint AS released
      FROM jsonb_array_elements(m.state -> 'releases') r
    ) s
    LEFT JOIN (
      SELECT milestone_id,
             (-sum(amount) FILTER (WHERE account_class IN ('held', 'fee_unearned')))::bigint AS held,
             (sum(amount) FILTER (WHERE account_class = 'payable' AND kind IN ('transfer', 'debt_recovered')))::bigint AS transferred
      FROM ledger_entries WHERE milestone_id IS NOT NULL GROUP BY milestone_id
    ) l ON l.milestone_id = m.id
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(f.principal + f.buyer_fee), 0)::bigint AS held
      FROM failed_refunds f LEFT JOIN movements a ON a.id = CASE f.attempt WHEN 1 THEN f.id ELSE f.id || '_' || f.attempt END
      -- Asked again, it has left what is held already.
      WHERE f.milestone_id = m.id AND (f.status = 'owed' OR (f.status = 'trying' AND a.id IS NULL))
    ) owed
    WHERE (m.status IN ('released', 'refunded', 'cancelled')
           AND (coalesce(l.held, 0) <> owed.held OR coalesce(l.transferred, 0) <> s.released))
       OR (m.status IN ('planned', 'awaiting_funding', 'requires_action', 'processing')
           AND coalesce(l.transferred, 0) <> 0)
       OR (m.status IN ('started', 'submitted', 'changes_requested', 'overdue') AND coalesce(l.held, 0) <= 0)
    LIMIT ${MAX_ROWS}`;
}
