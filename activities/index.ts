// Every activity of Tranche over its ports: `createActivities(deps)` is what a worker registers.
import type { Tx } from '../db/client.ts';
import { raiseAlert } from '../db/movements.ts';
import { project } from '../db/projection.ts';
import { chargebackActivities } from './chargeback.ts';
import type { Activities } from './contract.ts';
import { debtActivities } from './debt.ts';
import { failedRefundActivities } from './failed-refund.ts';
import { paymentActivities } from './pay.ts';
import { recoveryActivities } from './recover.ts';
import { refundActivities } from './refund.ts';
import { releaseActivities } from './release.ts';
import type { ActivityDeps } from './stripe-call.ts';
import { webhookActivities } from './webhook.ts';

export type { ActivityDeps } from './stripe-call.ts';
export type { Activities } from './contract.ts';

export function createActivities(deps: ActivityDeps): Activities {
  return {
    ...paymentActivities(deps),
    ...releaseActivities(deps),
    ...refundActivities(deps),
    ...recoveryActivities(deps),
    ...chargebackActivities(deps),
    ...debtActivities(deps),
    ...failedRefundActivities(deps),
    ...webhookActivities(deps),
    project: async (snapshot) => {
      await deps.sql.begin((tx) => project(tx as Tx, snapshot));
    },
    raiseAlert: (alert) => raiseAlert(deps.sql, alert),
  };
}
