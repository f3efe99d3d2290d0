// The codec server of Temporal UI: decrypts payloads for staff who are signed in here, and for nobody else. The UI, on its
// own origin, posts them from the operator's browser (https://docs.temporal.io/codec-server), so this is the one route that
// answers another origin; it changes nothing.
import express, { type Request, type Response, Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { byApiKey } from '../../api/auth.ts';
import { Problem } from '../../api/problem.ts';
import { EncryptionCodec, PayloadCodecError } from '../../codec/payload-codec.ts';
import type { Role } from '../../domain/escrow-state.ts';
import { sessionOf } from '../session.ts';
import { z } from 'zod';

const base64 = z.base64().transform((text): Uint8Array => Buffer.from(text, 'base64'));

/** Payloads as protobuf's JSON: bytes in base64. */
const payloadsSchema = z.object({
  payloads: z
    .array(z.object({ metadata: z.record(z.string(), base64).optional(), data: base64.optional() }))
    .max(10_000),
});

const STAFF: readonly Role[] = ['ops', 'auditor'];

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
    await requireStaff(context, request);
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
  router.post('/codec/decode', express.json({ limit: '8mb' }), (request, response) => decode(request, response));
  return router;
}

/** @throws Problem unauthorized, forbidden */
async function requireStaff(context: AppContext, request: Request): Promise<void> {
  const person = (await sessionOf(context, request))?.person ?? (await byApiKey(request, context))?.person;
  if (person === undefined)
    throw new Problem('unauthorized', 'Sign in to Tranche in this browser, then load the page again.');
  if (!STAFF.includes(person.role)) throw new Problem('forbidden', 'Only staff read what workflows hold.');
}

const toJson = (payload: { metadata?: Record<string, Uint8Array> | null; data?: Uint8Array | null }) => ({
  metadata: Object.fromEntries(
    Object.entries(payload.metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
  ),
  data: Buffer.from(payload.data ?? new Uint8Array()).toString('base64'),
});
