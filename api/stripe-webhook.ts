// POST /webhooks/stripe: verify the raw body, store it once, and answer only when it is committed. What it means is the
// pump's to find out. It takes Node's own request and response: what Express does for a request costs more than all this.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { alertQuarantine } from '../db/inbox-queue.ts';
import { misdirected } from '../payments/accepted.ts';
import { PaymentsError } from '../payments/errors.ts';
import type { WebhookEvent } from '../payments/port.ts';
import type { AppContext } from './context.ts';
import { type EventInbox, eventInbox } from './event-inbox.ts';
import { Problem, PROBLEM_TYPE, toProblem } from './problem.ts';
import { API_VERSION } from './version.ts';

export const STRIPE_WEBHOOK_PATH = '/webhooks/stripe';
const LIMIT_BYTES = 1_048_576;

/** Also with a slash at its end or a query, as somebody may have entered it at Stripe. */
export const isStripeWebhook = ({ method, url }: IncomingMessage): boolean =>
  method === 'POST' && (url === STRIPE_WEBHOOK_PATH || /^\/webhooks\/stripe\/?(\?|$)/i.test(url ?? ''));

export type StripeWebhook = (request: IncomingMessage, response: ServerResponse, requestId: string) => Promise<void>;

/** Answers each delivery by itself, also where it fails. */
export function stripeWebhook(context: AppContext): StripeWebhook {
  const inbox = eventInbox(context.sql);
  return async (request, response, requestId) => {
    const answer = (status: number, type: string, body: string): void => {
      // With its length, header and body are one write.
      response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), 'Request-Id': requestId, 'API-Version': API_VERSION }); // prettier-ignore
      response.end(body);
    };
    try {
      const raw = await bodyOf(request);
      const isNew = await receive(context, inbox, raw, request.headers['stripe-signature'] as string | undefined);
      answer(200, 'application/json', `{"received":true,"duplicate":${!isNew}}`);
    } catch (error) {
      // Whoever left has no answer to get, and will come again.
      if (request.destroyed && !request.complete) return;
      const problem = toProblem(error);
      if (problem.status >= 500) context.logger.error({ err: problem.cause ?? problem, request_id: requestId }, problem.code); // prettier-ignore
      answer(problem.status, `${PROBLEM_TYPE}; charset=utf-8`, JSON.stringify(problem.document(requestId)));
    }
  };
}

/** @throws Problem body_too_large; the rest of such a body is read and dropped, so that its sender hears the answer. */
function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    request.on('data', (part: Buffer) => {
      length += part.length;
      if (length <= LIMIT_BYTES) parts.push(part);
      else parts.length = 0;
    });
    request.on('end', () => {
      if (length > LIMIT_BYTES) reject(new Problem('body_too_large'));
      else resolve(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
    });
    request.on('error', reject);
  });
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
