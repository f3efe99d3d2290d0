// How often anybody may try what proves who they are: per address of the network and per person or e-mail.
import { createHash } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import type { AppContext } from '../api/context.ts';
import * as limits from '../api/limits.ts';
import { Problem } from '../api/problem.ts';
import { countHit, forgetHits, takeBackHit } from '../db/rate-limits.ts';

export { byAddress } from '../api/limits.ts';

interface Limit {
  /** Names the count; two limits with one name count together. */
  name: string;
  limit: number;
  windowMs?: number;
  /** What is counted apart; it is stored as a hash. */
  of: (request: Request) => string;
  /** Only tries that fail count. */
  failuresOnly?: boolean;
}

export function limited({ sql }: Pick<AppContext, 'sql'>, { name, limit, windowMs = limits.MINUTE_MS, of, failuresOnly = true }: Limit): RequestHandler {
  return rateLimit({
    windowMs,
    limit,
    keyGenerator: (request) => `${name}:${createHash('sha256').update(of(request)).digest('base64url')}`,
    skipSuccessfulRequests: failuresOnly,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    store: {
      increment: (key) => countHit(sql, key, windowMs),
      decrement: (key) => takeBackHit(sql, key),
      resetKey: (key) => forgetHits(sql, key),
    },
    handler: (_request, _response, next) =>
      next(new Problem('rate_limited', 'Too many tries. Wait a minute and try again.')),
  });
} // prettier-ignore

/**
 * One more try of a person at what proves who they are, in the minute that runs; `right` forgets them.
 * @throws Problem rate_limited
 */
export const countTry = (context: Pick<AppContext, 'sql'>, name: string, personId: string, most: number) =>
  limits.countTry(context, { name, personId, most, words: 'Too many tries. Wait a minute and try again.' });
