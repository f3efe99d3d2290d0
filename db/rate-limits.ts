// How often somebody tried, counted in the database so that every API process counts together.
import type { Queryable } from './client.ts';

export interface Hits {
  totalHits: number;
  resetTime: Date;
}

/** One more within the window that runs, or the first of a new one. */
export async function countHit(sql: Queryable, key: string, windowMs: number): Promise<Hits> {
  const [row] = await sql<{ hits: number; resets_at: Date }[]>`
    INSERT INTO rate_limits AS r (key, hits, resets_at) VALUES (${key}, 1, now() + ${windowMs} * interval '1 millisecond')
    ON CONFLICT (key) DO UPDATE SET
      hits = CASE WHEN r.resets_at <= now() THEN 1 ELSE r.hits + 1 END,
      resets_at = CASE WHEN r.resets_at <= now() THEN EXCLUDED.resets_at ELSE r.resets_at END
    RETURNING hits, resets_at`;
  return { totalHits: row!.hits, resetTime: row!.resets_at };
}

export async function takeBackHit(sql: Queryable, key: string): Promise<void> {
  await sql`UPDATE rate_limits SET hits = hits - 1 WHERE key = ${key} AND hits > 0`;
}

export async function forgetHits(sql: Queryable, key: string): Promise<void> {
  await sql`DELETE FROM rate_limits WHERE key = ${key}`;
}
