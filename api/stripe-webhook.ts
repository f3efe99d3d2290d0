// POST /webhooks/stripe: verify the raw body, store it once, and answer only when it is committed. What it means is the
// pump's to find out.
import express, { type Request, type Response, type Router } from 'express';
import { alertQuarantine } from '../db/inbox-queue.ts';
import { misdirected } from '../payments/accepted.ts';
import { PaymentsError } from '../payments/errors.ts';
import type { WebhookEvent } from '../payments/port.ts';
import type { AppContext } from './context.ts';
import { type EventInbox, eventInbox } from './event-inbox.ts';
import { Problem } from './problem.ts';

export function stripeWebhook(context: AppContext): Router {
  const inbox = eventInbox(context.sql);
  const answer = async (request: Request, response: Response): Promise<void> => {
    const body: unknown = request.body;
    const raw = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
    const isNew = await receive(context, inbox, raw, request.get('Stripe-Signature'));
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(`{"received":true,"duplicate":${!isNew}}`);
  };
  const router = express.Router();
  router.post('/webhooks/stripe', express.raw({ type: () => true, limit: '1mb' }), (request, response) =>
    answer(request, response),
  );
  return router;
}

async function receive(
  context: AppContext,
  inbox: EventInbox,
  raw: Buffer,
  signature: string | undefined,
): Promise<boolean> {
  const event = verified(context, raw, signature);
  const here = { live: context.settings.mode === 'live', apiVersion: context.payments.apiVersion };
  const wrong = misdirected(event, here);
  const isNew = await inbox.store({ ...event, body: raw.toString('utf8'), quarantined: wrong?.reason });
  const { id, type, objectId } = event;
  if (wrong !== null && isNew) {
    const of = wrong.kind === 'mode' ? (event.livemode ? 'live' : 'test') : event.apiVersion!;
    await alertQuarantine(context.sql, { ...wrong, of, eventId: id, type });
  }
  context.logger.info({ event_id: id, event_type: type, object_id: objectId, new: isNew, quarantined: wrong?.kind ?? null }, 'stripe event'); // prettier-ignore
  return isNew;
}

function verified(context: AppContext, raw: Buffer, signature: string | undefined): WebhookEvent {
  try {
    return context.payments.verifyWebhook(raw, signature);
  } catch (error) {
    context.logger.warn({ err: error }, 'stripe webhook refused');
    if (error instanceof PaymentsError) throw new Problem('signature_invalid', error.message, { cause: error });
    throw error;
  }
}
