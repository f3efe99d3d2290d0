// One event to one endpoint: tried at once and then along a schedule of days, until it is taken.
import { proxyActivities, sleep } from '@temporalio/workflow';
import type { Activities } from '../activities/contract.ts';
import type { WebhookDeliveryEnd, WebhookDeliveryInput } from './webhook-delivery-messages.ts';

/** The receiver has 15 s; retries of the activity itself are for our own database. */
const { sendWebhook } = proxyActivities<Activities>({
  startToCloseTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

/** Up to a tenth later, so that a receiver that comes back is not met by everything at once. */
const JITTER = 0.1;

export async function webhookDelivery(input: WebhookDeliveryInput): Promise<WebhookDeliveryEnd> {
  const { deliveryId, round, delaysMs } = input;
  const delays = delaysMs.map((ms) => Math.round(ms * (1 + Math.random() * JITTER)));
  for (const [index, delay] of delays.entries()) {
    if (delay > 0) await sleep(delay, { summary: `try ${index + 1} of ${delays.length}` });
    const answer = await sendWebhook({ deliveryId, round, nextDelayMs: delays[index + 1] ?? null });
    if (answer !== 'failed') return answer;
  }
  return 'failed';
}
