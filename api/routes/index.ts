// Every route of /v1: what is in this list is served, documented and part of the authorization matrix.
import type { Route } from '../route.ts';
import { apiKeyRoutes } from './api-keys.ts';
import { alertRoutes } from './alerts.ts';
import { auditRoutes } from './audit.ts';
import { debtRoutes } from './debts.ts';
import { approvalRoutes } from './approvals.ts';
import { disputeRoutes } from './disputes.ts';
import { cardDisputeRoutes } from './disputes-card.ts';
import { amendmentRoutes } from './amendments.ts';
import { escrowRoutes } from './escrows.ts';
import { fileRoutes } from './files.ts';
import { failedRefundRoutes } from './failed-refunds.ts';
import { eventRoutes } from './events.ts';
import { methodRoutes } from './methods.ts';
import { milestoneRoutes } from './milestones.ts';
import { movementRoutes } from './movements.ts';
import { notificationRoutes } from './notifications.ts';
import { opsRoutes } from './ops.ts';
import { payoutRoutes } from './payouts.ts';
import { reconciliationRoutes } from './reconciliations.ts';
import { sellerRoutes } from './sellers.ts';
import { webhookRoutes } from './webhook-endpoints.ts';

export const ROUTES: readonly Route[] = [
  ...escrowRoutes,
  ...amendmentRoutes,
  ...milestoneRoutes,
  ...disputeRoutes,
  ...cardDisputeRoutes,
  ...fileRoutes,
  ...movementRoutes,
  ...methodRoutes,
  ...payoutRoutes,
  ...sellerRoutes,
  ...notificationRoutes,
  ...approvalRoutes,
  ...alertRoutes,
  ...auditRoutes,
  ...opsRoutes,
  ...debtRoutes,
  ...failedRefundRoutes,
  ...eventRoutes,
  ...webhookRoutes,
  ...apiKeyRoutes,
  ...reconciliationRoutes,
];
