// The inbox pump: takes due Stripe events, several at once, gives each to its handler, and settles what came of it.
// Any number of workers may run one each.
import type { Logger } from 'pino';
import { claimDue, finish, park, quarantine, tryLater, unclaim } from '../db/inbox-queue.ts';
import type { InboxEvent } from '../db/inbox-queue.ts';
import { findSellerByAccount } from '../db/sellers.ts';
import type { Handler, HandlerContext, Outcome } from './handlers/context.ts';

export interface PumpOptions {
  /** Events in work at once. */
  concurrency?: number;
  /** Milliseconds between looks at the queue when nobody notifies. */
  pollMs?: number;
  /** After how long another worker may take an event that this one holds: longer than a handler can take. */
  leaseMs?: number;
  /** Tries until an event is parked. */
  maxTries?: number;
  /** A number in [0, 1): the jitter of a delay. */
  random?: () => number;
}

export interface PumpStatus {
  listening: boolean;
  inFlight: number;
  done: number;
  failed: number;
}

export interface Pump {
  /** Takes no more, waits for what is in work, gives back what was not begun. */
  stop(): Promise<void>;
  status(): PumpStatus;
}

export const MAX_TRIES = 12;
const MAX_DELAY_MS = 15 * 60_000;
const REVIVE_AFTER_MS = 60 * 60_000;

/** 2 s, 4 s, … at most 15 minutes, each between half and the whole of it. */
export function backoffMs(attempts: number, random: () => number): number {
  const full = Math.min(MAX_DELAY_MS, 1000 * 2 ** Math.min(attempts, 30));
  return Math.round(full * (0.5 + random() / 2));
}

/** Starts pumping. Ready when it listens. */
export async function startPump(
  context: HandlerContext,
  handlers: Readonly<Record<string, Handler>>,
  options: PumpOptions = {},
): Promise<Pump> {
  const { concurrency = 16, pollMs = 1000, leaseMs = 60_000, maxTries = MAX_TRIES, random = Math.random } = options;
  const { sql, logger } = context;
  const inFlight = new Set<Promise<void>>();
  const status: PumpStatus = { listening: false, inFlight: 0, done: 0, failed: 0 };
  let stopping = false;
  let due = true;
  let wake = (): void => {};
  const poke = (): void => {
    due = true;
    wake();
  };

  const work = async (event: InboxEvent): Promise<void> => {
    try {
      if (stopping) return await unclaim(sql, event);
      await settle(context, handlers, event, { maxTries, random });
      status.done += 1;
    } catch (error) {
      // Even the settling failed: the database is away. The lease gives the event back.
      status.failed += 1;
      logger.error({ err: error, event_id: event.id }, 'event could not be settled; its lease will give it back');
    }
  };

  const begin = (event: InboxEvent): void => {
    const running = work(event).finally(() => {
      inFlight.delete(running);
      status.inFlight = inFlight.size;
      // A free place is a reason to look only if the queue was not seen empty.
      if (due) wake();
    });
    inFlight.add(running);
    status.inFlight = inFlight.size;
  };

  const loop = async (): Promise<void> => {
    for (;;) {
      if (stopping) return;
      const free = concurrency - inFlight.size;
      if (due && free > 0) {
        due = false;
        try {
          const events = await claimDue(sql, free, leaseMs);
          for (const event of events) begin(event);
          if (events.length === free) due = true;
        } catch (error) {
          logger.error({ err: error }, 'the inbox cannot be read; it is tried again');
        }
        if (due && inFlight.size < concurrency) continue;
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(poke, pollMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        // Whatever came between the claim and this line must not wait for the poll.
        if (stopping || (due && inFlight.size < concurrency)) wake();
      });
    }
  };

  // Each (re)connection reads again: a notification may have gone by meanwhile.
  const listener = await sql.listen('stripe_events', poke, () => {
    status.listening = true;
    poke();
  });
  const running = loop();

  return {
    status: () => ({ ...status }),
    stop: async () => {
      stopping = true;
      wake();
      await running;
      await Promise.all(inFlight);
      await listener.unlisten();
      status.listening = false;
    },
  };
}

/** One event from claim to its end. Throws only where the database cannot be reached. */
async function settle(
  context: HandlerContext,
  handlers: Readonly<Record<string, Handler>>,
  event: InboxEvent,
  { maxTries, random }: { maxTries: number; random: () => number },
): Promise<void> {
  const { sql } = context;
  const logger: Logger = context.logger.child({ event_id: event.id, event_type: event.type });
  const handler = Object.hasOwn(handlers, event.type) ? handlers[event.type] : undefined;
  if (handler === undefined) return finish(sql, event.id, 'ignored', null, 'no handler for this type');
  let outcome;
  try {
    outcome = (await ofStrangers(context, event)) ?? (await handler(event, { ...context, logger }));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (event.attempts < maxTries) {
      const delay = backoffMs(event.attempts, random);
      logger.warn({ err: error, attempts: event.attempts, delay_ms: delay }, 'event failed; tried again later');
      return tryLater(sql, event, delay, reason);
    }
    logger.error({ err: error, attempts: event.attempts }, 'event parked: its tries ran out');
    return park(sql, event, {
      kind: 'stripe_event_failing',
      reason: `failed ${event.attempts} times, last with: ${reason}`,
      escrowId: null,
      reviveAfterMs: REVIVE_AFTER_MS,
    });
  }
  switch (outcome.state) {
    case 'done':
      logger.debug({ escrow_id: outcome.escrowId }, 'event done');
      return finish(sql, event.id, 'done', outcome.escrowId);
    case 'ignored':
      return finish(sql, event.id, 'ignored', null, outcome.reason);
    case 'quarantined':
      logger.error({ account: outcome.account, reason: outcome.reason }, 'event quarantined');
      return quarantine(sql, event, { kind: 'account', of: outcome.account, reason: outcome.reason });
    case 'parked':
      logger.error({ escrow_id: outcome.escrowId, reason: outcome.reason }, 'event parked');
      return park(sql, event, { kind: outcome.alert, reason: outcome.reason, escrowId: outcome.escrowId });
  }
}

/** Events of accounts say themselves whose they are, and may come before their seller's row. */
const OF_ACCOUNTS = /^(v2\.core\.)?account[.[]/;

/** An event of a connected account that is no seller's: another product's on the same platform. */
async function ofStrangers({ sql }: HandlerContext, event: InboxEvent): Promise<Outcome | null> {
  const { account } = event;
  if (account === null || OF_ACCOUNTS.test(event.type) || (await findSellerByAccount(sql, account))) return null;
  return { state: 'quarantined', account, reason: `account ${account} is no seller's` };
}
