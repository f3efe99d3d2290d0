// What is done every few seconds or minutes, each by one process of all at a time: money that matured, commands left open,
// events that Stripe could not deliver, parked events whose hour has come, old idempotency keys.
import type { Logger } from 'pino';
import { sealAudit } from '../db/audit.ts';
import { remindOfEvidence } from '../db/card-disputes.ts';
import type { Sql, Tx } from '../db/client.ts';
import { archiveEvents, cursorOf, reviveParked, setCursor, storeEvents } from '../db/inbox-queue.ts';
import type { NewEvent } from '../db/inbox-queue.ts';
import { forgetExpired } from '../db/sessions.ts';
import { post } from '../db/ledger.ts';
import { matured } from '../domain/postings.ts';
import type { Payments } from '../payments/port.ts';
import { MAX_TRIES } from './pump.ts';

export interface Sweep {
  name: string;
  everyMs: number;
  /** Answers how much it did, for the log. */
  run(sql: Sql): Promise<number>;
}

export interface SweepParts {
  payments: Pick<Payments, 'listUndeliveredEvents'>;
  /** That what lies at Stripe covers what is owed, and cannot leave by itself; answers how many alerts are new. */
  watchSolvency?: () => Promise<number>;
  /** Starts the workflow of each new debt; answers how many. */
  watchDebts?: () => Promise<number>;
  /** Has sellers for whom money waits read again, and tells their escrows; answers how many. */
  tryWaitingSellers?: () => Promise<number>;
  /** Compares buyers with their sellers and tells escrows of what they share; answers how many matches. */
  watchRisks?: () => Promise<number>;
  /** Asks again for commands whose outcome was not stored; answers how many it settled. */
  sweepOpenCommands: () => Promise<number>;
  /** How long money may be held, by the platform's country. */
  holdingLimitMs: number;
  /** Expires approvals, and goes on with approved ones that nobody carried out; answers how many. */
  sweepApprovals?: () => Promise<number>;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Ended events stay where ops look for so long. */
const EVENTS_KEPT_MS = 90 * DAY;
/** Stripe itself tries for three days. */
const UNDELIVERED_SINCE_MS = 3 * DAY;
const UNDELIVERED = 'undelivered-events';

export function allSweeps(parts: SweepParts): Sweep[] {
  return [
    { name: 'matured-funds', everyMs: 5 * SECOND, run: postMatured },
    { name: 'open-commands', everyMs: 5 * SECOND, run: () => parts.sweepOpenCommands() },
    { name: 'audit-seals', everyMs: 5 * SECOND, run: sealAudit },
    { name: 'approvals', everyMs: 5 * SECOND, run: async () => (await parts.sweepApprovals?.()) ?? 0 },
    {
      name: UNDELIVERED,
      everyMs: MINUTE,
      run: (sql) => storeUndelivered(sql, parts.payments, Date.now() - UNDELIVERED_SINCE_MS),
    },
    {
      name: 'parked-events',
      everyMs: MINUTE,
      // One try more; failing again it is parked again.
      run: (sql) => reviveParked(sql, { attempts: MAX_TRIES - 1 }),
    },
    { name: 'debts', everyMs: MINUTE, run: async () => (await parts.watchDebts?.()) ?? 0 },
    { name: 'waiting-sellers', everyMs: 6 * HOUR, run: async () => (await parts.tryWaitingSellers?.()) ?? 0 },
    { name: 'risks', everyMs: MINUTE, run: async () => (await parts.watchRisks?.()) ?? 0 },
    { name: 'holding-limits', everyMs: 10 * MINUTE, run: (sql) => warnOfHoldingLimits(sql, parts.holdingLimitMs) },
    { name: 'evidence', everyMs: 10 * MINUTE, run: (sql) => remindOfEvidence(sql) },
    { name: 'solvency', everyMs: 5 * MINUTE, run: async () => (await parts.watchSolvency?.()) ?? 0 },
    { name: 'old-events', everyMs: HOUR, run: archiveOldEvents },
    { name: 'expired-sign-ins', everyMs: 10 * MINUTE, run: forgetExpired },
    { name: 'old-idempotency-keys', everyMs: 10 * MINUTE, run: deleteOldKeys },
  ];
}

/** Moves what became available from stripe:pending to stripe:available; the key makes it once. */
export async function postMatured(sql: Sql): Promise<number> {
  let total = 0;
  for (;;) {
    const moved = await sql.begin((tx) => postMaturedBatch(tx, 200));
    total += moved;
    if (moved < 200) return total;
  }
}

interface MaturingRow {
  id: string;
  net: bigint;
  currency: string;
}

async function postMaturedBatch(tx: Tx, limit: number): Promise<number> {
  const rows = await tx<MaturingRow[]>`
    SELECT id, net, currency FROM balance_transactions
    WHERE status = 'pending' AND matured_at IS NULL AND available_on <= now()
    ORDER BY available_on LIMIT ${limit} FOR UPDATE SKIP LOCKED`;
  for (const row of rows) {
    await post(tx, {
      key: `matured:${row.id}`,
      kind: 'matured',
      currency: row.currency,
      legs: matured(row.net),
      balanceTransactionId: row.id,
    });
  }
  if (rows.length > 0) {
    await tx`UPDATE balance_transactions SET matured_at = now() WHERE id IN ${tx(rows.map((row) => row.id))}`;
  }
  return rows.length;
}

/**
 * Stores what Stripe could not deliver, newest first; what is in the inbox already stays as it is. A run that ended on its way
 * is gone on with behind what it stored, so that a list which never comes to its end in one run is read nevertheless; the run
 * after that begins anew. Answers how many were new.
 */
export async function storeUndelivered(sql: Sql, payments: SweepParts['payments'], since: number): Promise<number> {
  const after = await cursorOf(sql, UNDELIVERED);
  let stored = 0;
  let seen = 0;
  let batch: NewEvent[] = [];
  const flush = async (): Promise<void> => {
    stored += (await storeEvents(sql, batch)).size;
    batch = [];
  };
  try {
    for await (const event of payments.listUndeliveredEvents(new Date(since), after)) {
      seen += 1;
      batch.push(event);
      if (batch.length < 100) continue;
      await flush();
      await setCursor(sql, UNDELIVERED, event.id);
    }
  } catch (error) {
    // Stripe may have forgotten that event: not a second time from there.
    if (after !== undefined && seen === 0) await setCursor(sql, UNDELIVERED, undefined);
    throw error;
  }
  await flush();
  await setCursor(sql, UNDELIVERED, undefined);
  return stored;
}

/** In small steps, so that no statement is long. */
export async function archiveOldEvents(sql: Sql, now = Date.now()): Promise<number> {
  const before = new Date(now - EVENTS_KEPT_MS);
  let total = 0;
  for (;;) {
    const moved = await archiveEvents(sql, before, 200);
    total += moved;
    if (moved < 200) return total;
  }
}

/** Answers are kept a day; an open row is kept until its outcome is known. */
async function deleteOldKeys(sql: Sql): Promise<number> {
  const deleted = await sql`
    DELETE FROM idempotency_keys WHERE status IS NOT NULL AND created_at < now() - interval '24 hours'`;
  return deleted.count;
}

/**
 * Runs a sweep unless another process is at it. The lock belongs to a connection of its own, so that it ends with the
 * process, and no transaction stays open while Stripe is asked. Null: another had the lock.
 */
export async function runSweep(sql: Sql, sweep: Sweep): Promise<number | null> {
  const session = await sql.reserve();
  try {
    const key = `sweep:${sweep.name}`;
    const [row] = await session<{ mine: boolean }[]>`SELECT pg_try_advisory_lock(hashtextextended(${key}, 0)) AS mine`;
    if (row?.mine !== true) return null;
    try {
      return await sweep.run(sql);
    } finally {
      await session`SELECT pg_advisory_unlock(hashtextextended(${key}, 0))`;
    }
  } finally {
    session.release();
  }
}

export interface Sweeper {
  /** Ends after the sweep that runs now. */
  stop(): Promise<void>;
}

/** Starts every sweep at once and then at its own pace, with a little jitter so that processes do not march in step. */
export function startSweeps(sql: Sql, sweeps: readonly Sweep[], logger: Logger): Sweeper {
  const stopping = new AbortController();
  const loops = sweeps.map(async (sweep) => {
    while (!stopping.signal.aborted) {
      try {
        const did = await runSweep(sql, sweep);
        if (did !== null && did > 0) logger.info({ sweep: sweep.name, count: did }, 'swept');
      } catch (error) {
        logger.error({ err: error, sweep: sweep.name }, 'a sweep failed; it runs again');
      }
      await pause(sweep.everyMs * (0.9 + Math.random() * 0.2), stopping.signal);
    }
  });
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}

/** How long before the holding limit ops are told, in days. */
const WARN_DAYS = [30, 15, 0];

/**
 * Money that is held near the limit of the platform's country: ops are told 30 and 15 days before it, and at the limit a
 * decision is due (a ruling or a refund, by POST /v1/ops/escrows/{id}/force-decision).
 */
export async function warnOfHoldingLimits(sql: Sql, limitMs: number, now = new Date()): Promise<number> {
  let told = 0;
  for (const days of WARN_DAYS) {
    const heldSince = new Date(now.getTime() - limitMs + days * DAY);
    const rows = await sql`
      INSERT INTO alerts (kind, dedupe_key, escrow_id, detail)
      SELECT 'holding_limit', 'holding_limit:' || m.id || ${`:${days}`}, m.escrow_id,
             jsonb_build_object('milestone_id', m.id, 'days_left', ${days}::int, 'held_since', p.created_at, 'status', m.status)
      FROM milestones m JOIN movements p ON p.id = m.state -> 'funds' ->> 'paymentId'
      WHERE m.status NOT IN ('released', 'refunded', 'cancelled') AND p.created_at <= ${heldSince}
      ON CONFLICT (dedupe_key) DO NOTHING RETURNING 1`;
    told += rows.length;
  }
  return told;
}
