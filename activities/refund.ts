// Money back to the buyer out of what is still held: asked in the ledger first, settled or undone by Stripe's word.
import type { Tx } from '../db/client.ts';
import { project } from '../db/projection.ts';
import { assert } from '../domain/errors.ts';
import { toMinor } from '../domain/money.ts';
import { type Leg, refundAsked, unallocatedRefundAsked } from '../domain/postings.ts';
import type { RefundAnswer, RefundOrder } from './contract.ts';
import { type RefundBooking, type RefundCall, refundFlow } from './refund-flow.ts';
import type { ActivityDeps } from './stripe-call.ts';

export function refundActivities(deps: ActivityDeps) {
  const flow = refundFlow(deps);
  return {
    refundToBuyer: (order: RefundOrder): Promise<RefundAnswer> => flow.ask(callOf(order), bookingOf(order)),
    recordRefund: (order: RefundOrder): Promise<RefundAnswer> => flow.readAgain(callOf(order), bookingOf(order)),
  };
}

function callOf({ milestone, after: _after, ...call }: RefundOrder): RefundCall {
  return { ...call, milestoneId: milestone?.id ?? null, sellerId: milestone?.sellerId ?? null, metadata: {} };
}

const bookingOf = (order: RefundOrder): RefundBooking => ({
  settledMinor: (tx) => settledAmount(tx, order),
  asked: (settledMinor) => asked(order, settledMinor),
  succeeded: (tx) => project(tx, order.after),
});

/** What the refund takes of its charge: the pieces of its milestone, or the whole charge that was never allocated. */
async function settledAmount(tx: Tx, order: RefundOrder): Promise<bigint> {
  if (order.milestone) return toMinor(order.milestone.principal) + toMinor(order.milestone.buyerFeeReturned);
  const rows = await tx<{ captured: bigint }[]>`SELECT captured FROM charge_funds WHERE charge_id = ${order.chargeId}`;
  assert(rows[0], `charge ${order.chargeId} is not known`);
  return rows[0].captured;
}

function asked(order: RefundOrder, settledMinor: bigint): Leg[] {
  const m = order.milestone;
  if (!m) return unallocatedRefundAsked(order.paymentId, order.refundId, settledMinor);
  return refundAsked({
    refundId: order.refundId,
    milestoneId: m.id,
    sellerId: m.sellerId,
    principalMinor: toMinor(m.principal),
    buyerFeeMinor: toMinor(m.buyerFee),
    buyerFeeReturnedMinor: toMinor(m.buyerFeeReturned),
  });
}
