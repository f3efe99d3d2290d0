// The activities as the workflow calls them, by class: each with the time-outs and retries that its kind of effect needs.
import { proxyActivities, proxyLocalActivities, TemporalFailure } from '@temporalio/workflow';
import type { Activities } from '../activities/contract.ts';
import type { EscrowSnapshot } from '../domain/escrow-state.ts';

/** Writes to Stripe: retried under the same key for 20 hours (Stripe keeps a key 24), then a state for ops. */
const STRIPE_WRITE = {
  startToCloseTimeout: '30s',
  heartbeatTimeout: '5s',
  scheduleToCloseTimeout: '20h',
  retry: { initialInterval: '10s', backoffCoefficient: 2, maximumInterval: '10m' },
} as const;

/** Database only: quick, and tried for as long as it takes; nothing is lost by waiting. */
const BOOKKEEPING = {
  startToCloseTimeout: '5s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
} as const;

/** Stripe writes with the line that an operator reads in Temporal UI. */
export const money = (summary: string) => proxyActivities<Activities>({ ...STRIPE_WRITE, summary });

/** What undoes is tried until it is done: the money is the seller's. */
export const undoing = proxyActivities<Activities>({
  startToCloseTimeout: '30s',
  heartbeatTimeout: '5s',
  retry: { initialInterval: '10s', backoffCoefficient: 2, maximumInterval: '10m' },
  summary: 'pay the seller again',
});

/** Writes to the ledger that ask nothing of Stripe. */
export const booking = (summary: string) => proxyActivities<Activities>({ ...BOOKKEEPING, summary });

const bookkeeping = proxyActivities<Activities>({ ...BOOKKEEPING, summary: 'write the projection' });

/** Puts something before ops, for as long as it takes. */
export const tellOps: Activities['raiseAlert'] = (alert) =>
  proxyActivities<Activities>({ ...BOOKKEEPING, summary: 'tell ops' }).raiseAlert(alert);

/** One marker event in place of six; a local activity that waited longer would hold up other commands of its escrow. */
const quick = proxyLocalActivities<Activities>({
  startToCloseTimeout: '2s',
  scheduleToCloseTimeout: '3s',
  retry: { maximumAttempts: 2 },
  summary: 'write the projection',
});

/** Writes the projection: at once where the database answers, else by an activity that tries for as long as it takes. */
export async function writeProjection(snapshot: EscrowSnapshot): Promise<void> {
  try {
    await quick.project(snapshot);
  } catch (error) {
    // Not ActivityFailure: what ends a local activity may arrive without that wrapper, and an escrow must never fail of it.
    if (!(error instanceof TemporalFailure)) throw error;
    await bookkeeping.project(snapshot);
  }
}
