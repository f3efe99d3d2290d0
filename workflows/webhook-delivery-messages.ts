// The contract of workflow webhook/<delivery>/<round>: names and types only, as in messages.ts.
export const WEBHOOK_DELIVERY_WORKFLOW = 'webhookDelivery';
export const webhookDeliveryWorkflowId = (deliveryId: string, round: number): string =>
  `webhook/${deliveryId}/${round}`;

export interface WebhookDeliveryInput {
  deliveryId: string;
  /** Rises with each replay. */
  round: number;
  /** Before each try: the schedule goes along, so that another one binds new deliveries only. */
  delaysMs: readonly number[];
}

export type WebhookDeliveryEnd = 'delivered' | 'failed' | 'stopped';
