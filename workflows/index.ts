// Every workflow of Tranche; a worker's bundle is made from this file.
export { chargeback } from './chargeback.ts';
export { debt } from './debt.ts';
export { escrow } from './escrow.ts';
export { failedRefund } from './failed-refund.ts';
export { refund, refundSentBack } from './refund.ts';
export { webhookDelivery } from './webhook-delivery.ts';
export { reconciliation } from './reconciliation.ts';
