// Events of Stripe: those that it could not deliver, and whether a delivered one is its own.
import type { Stripe } from 'stripe';
import { PaymentsError } from './errors.ts';
import type { Payments, WebhookEvent } from './port.ts';
import { PAGE } from './stripe-calls.ts';

const WEBHOOK_TOLERANCE_S = 300;

/** `webhookSecrets`: any of them may have signed. */
export function stripeEvents(
  stripe: Stripe,
  webhookSecrets: readonly string[],
): Pick<Payments, 'listUndeliveredEvents' | 'verifyWebhook'> {
  const signatures = stripe.webhooks.signature;
  if (signatures === null) throw new Error('the stripe package offers no signature verification on this platform');
  return {
    async *listUndeliveredEvents(since, after) {
      const gte = Math.floor(since.getTime() / 1000);
      const behind = after === undefined ? {} : { starting_after: after };
      for await (const event of stripe.events.list({
        delivery_success: false,
        created: { gte },
        limit: PAGE,
        ...behind,
      })) {
        yield { ...webhookEvent(event as unknown as RawEvent), body: JSON.stringify(event) };
      }
    },
    verifyWebhook(rawBody, signature) {
      if (!signature)
        throw new PaymentsError('signature_invalid', 'signature_missing', 'The Stripe-Signature header is missing.');
      let last: unknown;
      for (const secret of webhookSecrets) {
        try {
          // Verifies over the raw bytes; with a tolerance, or old deliveries could be replayed.
          signatures.verifyHeader(rawBody, signature, secret, WEBHOOK_TOLERANCE_S);
          return webhookEvent(JSON.parse(rawBody.toString('utf8')) as RawEvent);
        } catch (error) {
          last = error;
        }
      }
      throw last instanceof SyntaxError
        ? new PaymentsError('signature_invalid', 'body_invalid', 'The body is not JSON.', { cause: last })
        : new PaymentsError(
            'signature_invalid',
            'signature_invalid',
            'The signature matches none of the webhook secrets.',
            { cause: last },
          );
    },
  };
}

interface RawEvent {
  id: string;
  type: string;
  account?: string;
  context?: string | null;
  livemode: boolean;
  api_version?: string | null;
  data?: { object?: { id?: string } };
  related_object?: { id?: string } | null;
}

function webhookEvent(raw: RawEvent): WebhookEvent {
  if (typeof raw.id !== 'string' || typeof raw.type !== 'string') {
    throw new PaymentsError('signature_invalid', 'body_invalid', 'The body is no Stripe event.');
  }
  return {
    id: raw.id,
    type: raw.type,
    account: raw.account ?? raw.context ?? null,
    livemode: raw.livemode,
    apiVersion: raw.api_version ?? null,
    objectId: raw.data?.object?.id ?? raw.related_object?.id ?? null,
  };
}
