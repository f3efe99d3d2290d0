// Peer: Temporal by itself. The messages, timers, activities and payloads of an escrow of three milestones that are accepted,
// in their order, and no rule, no state and no projection: what the engine costs whatever is built on it.
import { defineSearchAttributeKey } from '@temporalio/common';
import { condition, defineUpdate, proxyActivities, setHandler, upsertSearchAttributes } from '@temporalio/workflow'; // prettier-ignore
import type { Activities, PaymentOrder, TransferOrder } from '../../activities/contract.ts';

/** What one real escrow's history held, under ids of this one. */
export interface Plan {
  payment: PaymentOrder;
  /** In the order of the milestones; their charge is known once the payment is made. */
  transfers: TransferOrder[];
  /** What each update answers, in their order. */
  answers: unknown[];
  /** True: activities that do nothing take the place of the real ones. */
  empty: boolean;
}

export interface EmptyActivities {
  nothing(order: unknown): Promise<unknown>;
}

const STRIPE_WRITE = { startToCloseTimeout: '30s', heartbeatTimeout: '5s', scheduleToCloseTimeout: '20h' } as const;
const real = proxyActivities<Activities>({ ...STRIPE_WRITE, summary: 'bare' });
const empty = proxyActivities<EmptyActivities>({ ...STRIPE_WRITE, summary: 'bare' });
const STATUS = defineSearchAttributeKey('EscrowStatus', 'KEYWORD');
const MILESTONES = 3;

export async function bare(): Promise<string> {
  let plan: Plan | null = null;
  let agreed = false;
  let paid = false;
  let answered = 0;
  const submitted = new Set<number>();
  const accepted = new Set<number>();
  let chargeId = '';
  const answer = () => plan!.answers[answered++];

  setHandler(defineUpdate<unknown, [Plan]>('create'), (given) => {
    plan = given;
    return answer();
  });
  setHandler(defineUpdate<unknown>('agree'), () => {
    agreed = true;
    return answer();
  });
  setHandler(defineUpdate<unknown>('fund'), async () => {
    if (plan!.empty) await empty.nothing(plan!.payment);
    else chargeId = (await real.createPayment(plan!.payment)).chargeId!;
    paid = true;
    upsertSearchAttributes([{ key: STATUS, value: 'active' }]);
    return answer();
  });
  setHandler(defineUpdate<unknown, [number]>('submit'), (milestone) => {
    submitted.add(milestone);
    return answer();
  });
  setHandler(defineUpdate<unknown, [number]>('accept'), (milestone) => {
    accepted.add(milestone);
    return answer();
  });

  await condition(() => plan !== null);
  await condition(() => agreed, '7 days', { summary: 'proposal expires' });
  await condition(() => paid, '14 days', { summary: 'payment expires' });
  const deliver = async (milestone: number) => {
    await condition(() => submitted.has(milestone));
    await condition(() => accepted.has(milestone), '7 days', { summary: 'inspection reminder' });
    const order = plan!.transfers[milestone]!;
    if (plan!.empty) await empty.nothing(order);
    else await real.transferToSeller({ ...order, chargeId });
  };
  await Promise.all(Array.from({ length: MILESTONES }, (_, milestone) => deliver(milestone)));
  return 'completed';
}
