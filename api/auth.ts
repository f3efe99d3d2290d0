// Who calls: an API key in the Authorization header; pages add their session by another authenticator.
import type { Request, RequestHandler } from 'express';
import { findByKey } from '../db/api-keys.ts';
import type { AppContext, Caller } from './context.ts';
import { stateOf } from './route.ts';

/** Null: nobody that this way of proving knows. */
export type Authenticator = (request: Request, context: AppContext) => Promise<Caller | null>;

export const byApiKey: Authenticator = async (request, context) => {
  const [scheme, key] = (request.get('Authorization') ?? '').split(' ', 2);
  if (scheme?.toLowerCase() !== 'bearer' || !key) return null;
  const found = await findByKey(context.sql, key);
  return found && { person: found.person, ownerId: found.keyId, scopes: found.scopes };
};

/** Asks each in turn. A route without a caller answers 401; `wrong` is asked where a credential is nobody's. */
export function authenticate(
  context: AppContext,
  authenticators: readonly Authenticator[],
  wrong: RequestHandler,
): RequestHandler {
  return async (request, response, next) => {
    const state = stateOf(response);
    for (const authenticator of authenticators) {
      const caller = await authenticator(request, context);
      if (caller === null) continue;
      state.caller = { ...caller, requestId: state.requestId };
      return next();
    }
    if (request.get('Authorization') === undefined) next();
    else await wrong(request, response, next);
  };
}
