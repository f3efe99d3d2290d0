// How much one caller may ask: calls in a minute, credentials that nobody has, and what each call of a kind costs elsewhere.
import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import { countHit, forgetHits } from '../db/rate-limits.ts';
import type { AppContext } from './context.ts';
import { Problem } from './problem.ts';
import { stateOf } from './route.ts';

export const MINUTE_MS = 60_000;

/** Who asks from the network; behind TRUSTED_PROXIES whom they forward for. A whole IPv6 network of one customer is one. */
export const byAddress = (request: Request): string => ipKeyGenerator(request.ip ?? '');

/** Kept in this process; draft-8 headers on every answer. Beyond it: Problem rate_limited. */
function limitPerMinute(
  limit: number,
  of: { identifier: string; key: (request: Request, response: Response) => string; words?: string },
): RequestHandler {
  return rateLimit({
    windowMs: MINUTE_MS,
    limit,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    identifier: of.identifier,
    keyGenerator: of.key,
    handler: (_request, _response, next) => next(new Problem('rate_limited', of.words)),
  });
}

/** The calls of one API key, or of one address without one that is known. */
export const callLimit = (perMinute: number): RequestHandler =>
  limitPerMinute(perMinute, {
    identifier: 'calls',
    key: (request, response) => stateOf(response).caller?.ownerId ?? byAddress(request),
  });

/**
 * Counts whom it is asked of: requests whose credential nobody has, per address. A known key is let in from the same address
 * all the time: it cannot be guessed (256 bits), and a neighbour behind the same proxy must not lock its owner out.
 */
export const wrongCredentialLimit = (perMinute: number): RequestHandler =>
  limitPerMinute(perMinute, {
    identifier: 'wrong-credentials',
    key: byAddress,
    words:
      'Too many requests with credentials that nobody has. Send a key that is not revoked, and wait for `Retry-After` seconds.',
  });

/**
 * One more of what a person may do only so often, counted over all processes. `right` forgets them.
 * @throws Problem rate_limited, which says when it may be tried again
 */
export async function countTry(
  { sql }: Pick<AppContext, 'sql'>,
  of: { name: string; personId: string; most: number; windowMs?: number; words: string },
): Promise<{ right: () => Promise<void> }> {
  const key = `${of.name}:${of.personId}`;
  const { totalHits, resetTime } = await countHit(sql, key, of.windowMs ?? MINUTE_MS);
  if (totalHits > of.most) {
    const seconds = Math.max(1, Math.ceil((resetTime.getTime() - Date.now()) / 1000));
    throw new Problem('rate_limited', of.words, { headers: { 'Retry-After': String(seconds) } });
  }
  return { right: () => forgetHits(sql, key) };
}
