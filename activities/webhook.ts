// Sending one webhook and writing down what came of it.
import { bodyOf, dueDelivery, giveUpDelivery, recordAttempt } from '../db/webhooks.ts';
import { send } from '../webhooks/send.ts';
import type { ActivityDeps } from './stripe-call.ts';
import type { WebhookActivities } from './webhook-contract.ts';

export function webhookActivities({ sql, webhooks }: ActivityDeps): WebhookActivities {
  return {
    async sendWebhook({ deliveryId, round, nextDelayMs }) {
      const due = await dueDelivery(sql, deliveryId);
      // Sent already by a try whose answer was lost, or replayed meanwhile.
      if (due === null || due.round !== round) return 'stopped';
      if (due.status === 'delivered') return 'delivered';
      if (due.stopped !== null) {
        await giveUpDelivery(sql, deliveryId, round);
        return 'stopped';
      }
      const { url, secrets, event } = due;
      const result = await send({ url, id: event.id, body: bodyOf(event), secrets }, { loopback: webhooks?.loopback ?? false }); // prettier-ignore
      const gone = result.status === 410;
      const nextTryAt = nextDelayMs === null || gone ? null : new Date(Date.now() + nextDelayMs);
      await recordAttempt(sql, deliveryId, round, result, nextTryAt);
      if (result.error === null) return 'delivered';
      return gone ? 'stopped' : 'failed';
    },
  };
}
