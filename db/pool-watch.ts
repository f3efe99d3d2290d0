// A pool whose connections hang: a peer or a firewall that vanished sends no RST, TCP itself waits a quarter of an hour for it, and
// the pool waits with it. The process ends then, and what runs it starts it anew: a death at any moment does no harm.
import type { Logger } from 'pino';
import postgres from 'postgres';
import type { Sql } from './client.ts';

export interface PoolWatchOptions {
  /** Between two looks. */
  everyMs?: number;
  /** Looks at which the same query is still unanswered; its server would have ended it after 4 s. */
  looks?: number;
  /** What then happens. The process ends, by itself. */
  stuck?: () => void;
}

/** Asks the pool now and then; where it does not answer and a connection of its own does, the pool is `stuck`. */
export function watchPool(
  sql: Sql,
  url: string,
  logger: Pick<Logger, 'fatal'>,
  { everyMs = 5000, looks = 12, stuck = () => process.exit(1) }: PoolWatchOptions = {},
): { stop(): void } {
  let unanswered = 0;
  let asked = false;
  let looking = false;
  const ask = (): void => {
    asked = true;
    // Refused is answered, too: only silence counts.
    const answered = () => {
      asked = false;
      unanswered = 0;
    };
    sql`SELECT 1`.then(answered, answered);
  };
  const look = async (): Promise<void> => {
    if (!asked) return ask();
    unanswered += 1;
    if (unanswered < looks || looking) return;
    looking = true;
    const reached = await isReached(url, everyMs);
    looking = false;
    if (!reached || unanswered < looks) return;
    clearInterval(timer);
    logger.fatal({ silent_for_ms: unanswered * everyMs }, 'the connections to PostgreSQL hang while it answers a new one: this process ends, to be started again'); // prettier-ignore
    stuck();
  };
  const timer = setInterval(() => void look(), everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** By a connection of its own: where the database cannot be reached at all, a new process would not help. */
async function isReached(url: string, withinMs: number): Promise<boolean> {
  const own = postgres(url, { max: 1, connect_timeout: withinMs / 1000, fetch_types: false, onnotice: () => {} });
  try {
    await own`SELECT 1`;
    return true;
  } catch {
    return false;
  } finally {
    await own.end({ timeout: 1 });
  }
}
