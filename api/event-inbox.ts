// The inbox's way in: deliveries that come at the same time are one INSERT and one commit. Nobody waits for a timer: what
// arrives while a batch is under way is the next one.
import type { Sql } from '../db/client.ts';
import { type NewEvent, storeEvents } from '../db/inbox-queue.ts';

export interface EventInbox {
  /** Resolves after the commit: true when the event was new. Rejects where it may not be stored. */
  store(event: NewEvent): Promise<boolean>;
}

interface Waiting {
  event: NewEvent;
  resolve: (isNew: boolean) => void;
  reject: (error: unknown) => void;
}

/** Bodies are at most 1 MB and mostly 3 kB: a batch stays within a few MB. Of 128 senders one half is parsed while the other commits. */
const BATCH = 64;
const BATCH_BYTES = 4_000_000;

export function eventInbox(sql: Sql): EventInbox {
  const waiting: Waiting[] = [];
  let running = false;

  // One batch commits while the next one gathers: two at a time were smaller ones, which cost more each.
  const next = (): void => {
    if (running || waiting.length === 0) return;
    running = true;
    void write(sql, take(waiting)).finally(() => {
      running = false;
      next();
    });
  };
  return {
    store: (event) =>
      new Promise<boolean>((resolve, reject) => {
        waiting.push({ event, resolve, reject });
        next();
      }),
  };
}

function take(waiting: Waiting[]): Waiting[] {
  let bytes = 0;
  let count = 0;
  for (const { event } of waiting) {
    bytes += event.body.length;
    if (count === BATCH || (count > 0 && bytes > BATCH_BYTES)) break;
    count += 1;
  }
  return waiting.splice(0, count);
}

async function write(sql: Sql, batch: Waiting[]): Promise<void> {
  try {
    const fresh = await storeEvents(
      sql,
      batch.map((w) => w.event),
    );
    // The same event several times in one batch is new once.
    for (const { event, resolve } of batch) resolve(fresh.delete(event.id));
  } catch (error) {
    if (batch.length > 1 && isOfTheData(error)) {
      // One row that PostgreSQL cannot take must not take its neighbours along.
      await Promise.all(batch.map((w) => write(sql, [w])));
      return;
    }
    for (const { reject } of batch) reject(error);
  }
}

/** SQLSTATE classes 22 and 23: a value is at fault, not the connection. */
function isOfTheData(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^2[23]/.test(code);
}
