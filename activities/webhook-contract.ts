// Input and answer of the activity that sends webhooks, as plain data.
export interface WebhookTry {
  deliveryId: string;
  round: number;
  /** Until the next try if this one fails; null for the last. */
  nextDelayMs: number | null;
}

/** `stopped`: its endpoint is disabled or gone, so it is not tried any more. */
export type WebhookTryAnswer = 'delivered' | 'failed' | 'stopped';

export interface WebhookActivities {
  /** Sends one event to one endpoint and notes what came of it. A refusal is an answer, not a failure. */
  sendWebhook(attempt: WebhookTry): Promise<WebhookTryAnswer>;
}
