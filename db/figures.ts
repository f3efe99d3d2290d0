// What operators watch, as figures: a handful of sums over tables, cheap enough for a scrape.
import type { Sql } from './client.ts';

export interface Figures {
  escrows: { status: string; n: number }[];
  /** Held for buyers and sellers, minor units. */
  held: { currency: string; amount: bigint }[];
  inbox: { state: string; n: number }[];
  /** Seconds that the oldest event waits which is due and not applied; 0 without one. */
  inboxLagSeconds: number;
  alerts: { kind: string; n: number }[];
  /** Commands whose outcome is not stored: how many, and for how many seconds the oldest. */
  openCommands: { n: number; oldestSeconds: number };
}

export async function readFigures(sql: Sql): Promise<Figures> {
  const [escrows, held, inbox, [lag], alerts, [open]] = await Promise.all([
    sql<{ status: string; n: number }[]>`SELECT status, count(*)::int AS n FROM escrows GROUP BY status`,
    sql<{ currency: string; amount: bigint }[]>`
      SELECT currency, (-sum(amount))::bigint AS amount FROM ledger_balances
      WHERE account_class IN ('held', 'fee_unearned', 'payable', 'on_hold') GROUP BY currency`,
    sql<{ state: string; n: number }[]>`SELECT state, count(*)::int AS n FROM stripe_events GROUP BY state`,
    sql<{ seconds: number }[]>`
      SELECT coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8 AS seconds
      FROM stripe_events WHERE state = 'received' AND next_try_at <= now()`,
    sql<{ kind: string; n: number }[]>`
      SELECT kind, count(*)::int AS n FROM alerts WHERE resolved_at IS NULL GROUP BY kind`,
    sql<{ n: number; seconds: number }[]>`
      SELECT count(*)::int AS n, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS seconds
      FROM idempotency_keys WHERE status IS NULL`,
  ]);
  return {
    escrows,
    held,
    inbox,
    inboxLagSeconds: lag?.seconds ?? 0,
    alerts,
    openCommands: { n: open?.n ?? 0, oldestSeconds: open?.seconds ?? 0 },
  };
}
