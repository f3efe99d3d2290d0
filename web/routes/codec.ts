// The codec server of Temporal UI: decrypts payloads for staff who are signed in here, and for nobody else. The UI, on its
// own origin, posts them from the operator's browser (https://docs.temporal.io/codec-server), so this is the one route that
// answers another origin; it changes nothing.
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { authenticate, type Authenticator, byApiKey } from '../../api/auth.ts';
import { wrongCredentialLimit } from '../../api/limits.ts';
import { Problem } from '../../api/problem.ts';
import { scopesOf, STAFF, stateOf } from '../../api/route.ts';
import { EncryptionCodec, PayloadCodecError } from '../../codec/payload-codec.ts';
import { mustEnrol } from '../page.ts';
import { sessionOf } from '../session.ts';
import { z } from 'zod';

const base64 = z.base64().transform((text): Uint8Array => Buffer.from(text, 'base64'));

/** Payloads as protobuf's JSON: bytes in base64. */
const payloadsSchema = z.object({
  payloads: z
    .array(z.object({ metadata: z.record(z.string(), base64).optional(), data: base64.optional() }))
    .max(10_000),
});

export function codecRoutes(context: AppContext): Router {
  const router = Router();
  const { codecKeys, uiUrl } = context.settings.temporal;
  if (codecKeys.length === 0) return router;
  const codec = new EncryptionCodec(codecKeys);
  const uiOrigin = uiUrl === undefined ? undefined : new URL(uiUrl).origin;

  router.use('/codec', (request, response, next) => {
    if (uiOrigin !== undefined && request.get('Origin') === uiOrigin) {
      response.set({
        'Access-Control-Allow-Origin': uiOrigin,
        'Access-Control-Allow-Credentials': 'true',
        'Access-Control-Allow-Headers': 'authorization, content-type, x-namespace',
        'Access-Control-Allow-Methods': 'POST',
        Vary: 'Origin',
      });
    }
    if (request.method === 'OPTIONS') response.status(204).end();
    else next();
  });
  const decode = async (request: Request, response: Response): Promise<void> => {
    const parsed = payloadsSchema.safeParse(request.body);
    if (!parsed.success) throw new Problem('invalid_request', 'The body is {"payloads": […]} as Temporal UI sends it.');
    try {
      const payloads = await codec.decode(parsed.data.payloads);
      response.set('Cache-Control', 'no-store').json({ payloads: payloads.map(toJson) });
    } catch (error) {
      if (error instanceof PayloadCodecError) throw new Problem('invalid_request', error.message, { cause: error });
      throw error;
    }
  };
  router.post(
    '/codec/decode',
    authenticate(context, [bySession, byApiKey], wrongCredentialLimit(WRONG_KEYS_PER_MINUTE)),
    staffOnly,
    express.json({ limit: '8mb' }),
    (request, response) => decode(request, response),
  );
  return router;
}

const WRONG_KEYS_PER_MINUTE = 60;

/** As a page of ops asks it: with real money nobody of ops reads without a second factor. @throws Problem forbidden */
const bySession: Authenticator = async (request, context) => {
  const session = await sessionOf(context, request);
  if (session === null) return null;
  if (await mustEnrol(context, session, request.path)) {
    throw new Problem('forbidden', `Turn on your second factor first, on ${context.settings.publicUrl}/security: with real money nobody of ops reads without it.`); // prettier-ignore
  }
  return { person: session.person, ownerId: session.person.id };
};

/** What a GET of staff asks of a key, too. @throws Problem unauthorized, forbidden, scope_missing */
const staffOnly: RequestHandler = (_request, response, next) => {
  const { caller } = stateOf(response);
  if (caller === null)
    throw new Problem('unauthorized', 'Sign in to Tranche in this browser, then load the page again.');
  if (!STAFF.includes(caller.person.role)) throw new Problem('forbidden', 'Only staff read what workflows hold.');
  const missing = scopesOf({ method: 'get', roles: STAFF }).find((scope) => caller.scopes?.includes(scope) === false);
  if (missing !== undefined) throw new Problem('scope_missing', `This needs an API key with the scope ${missing}.`);
  next();
};

const toJson = (payload: { metadata?: Record<string, Uint8Array> | null; data?: Uint8Array | null }) => ({
  metadata: Object.fromEntries(
    Object.entries(payload.metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
  ),
  data: Buffer.from(payload.data ?? new Uint8Array()).toString('base64'),
});
