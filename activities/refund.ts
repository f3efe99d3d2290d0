// Money back to the buyer out of what is still held: asked in the ledger first, settled or undone by Stripe's word.
import { isTakenByLoss, recordBankRefund } from '../db/bank-refunds.ts';
import type { Tx } from '../db/client.ts';
import { setOffOf } from '../db/debts.ts';
import { overdrawn, post } from '../db/ledger.ts';
import { changeMovement, lockCharge, lockMovement, raiseAlert, useCharge } from '../db/movements.ts';
import { project } from '../db/projection.ts';
import { assert } from '../domain/errors.ts';
import { transferIdOf } from '../domain/ids.ts';
import { toMinor } from '../domain/money.ts';
import { inverse, type Leg, partAccepted, refundAsked, unallocatedRefundAsked } from '../domain/postings.ts';
import { refundPaidByBank } from '../domain/postings-recovery.ts';
import type { BankRefundOrder, RefundAnswer, RefundOrder } from './contract.ts';
import { type RefundBooking, type RefundCall, refundFlow } from './refund-flow.ts';
import { type ActivityDeps, final } from './stripe-call.ts';

export function refundActivities(deps: ActivityDeps) {
  const flow = refundFlow(deps);
  return {
    refundToBuyer: async (order: RefundOrder): Promise<RefundAnswer> => {
      try {
        return await flow.ask(callOf(order), bookingOf(order));
      } catch (error) {
        const code = overdrawn(error);
        if (code === null) throw error;
        return { outcome: 'refused', stripeRefundId: null, code };
      }
    },
    refundByBank: async (order: BankRefundOrder): Promise<RefundAnswer> => {
      deps.crashPoint?.('before_call');
      try {
        await deps.sql.begin((tx) => paidByBank(tx as Tx, order));
        deps.crashPoint?.('after_commit');
        return { outcome: 'succeeded', stripeRefundId: null, code: null };
      } catch (error) {
        // It has left the platform's bank, and the books refuse it: a person must look.
        const code = error instanceof BankWasFirst ? 'charge_lost' : overdrawn(error);
        if (code !== null) {
          await raiseAlert(deps.sql, { kind: 'refund_failed', key: `refund_by_bank:${order.refundId}`, escrowId: order.escrowId, detail: { code, milestone_id: order.milestone!.id, reference: order.bank.reference } }); // prettier-ignore
          return { outcome: 'refused', stripeRefundId: null, code };
        }
        throw error;
      }
    },
    recordRefund: (order: RefundOrder): Promise<RefundAnswer> => flow.readAgain(callOf(order), bookingOf(order)),
  };
}

function callOf({ milestone, withdrawn: _withdrawn, after: _after, ...call }: RefundOrder): RefundCall {
  return { ...call, milestoneId: milestone?.id ?? null, sellerId: milestone?.sellerId ?? null, metadata: {} };
}

/** The buyer's bank took this money by a dispute, before what the platform's bank paid was booked. */
class BankWasFirst extends Error {
  override name = 'BankWasFirst';
}

/** Once, however often it is repeated: the row, its asking and its payment are one transaction. */
async function paidByBank(tx: Tx, order: BankRefundOrder): Promise<void> {
  const settledMinor = await settledAmount(tx, order);
  const milestoneId = order.milestone!.id;
  const created = await recordBankRefund(tx, {
    id: order.refundId,
    escrowId: order.escrowId,
    milestoneId,
    paymentId: order.paymentId,
    chargeId: order.chargeId,
    amountMinor: toMinor(order.amount),
    currency: order.currency,
    settledMinor,
    settlementCurrency: order.settlementCurrency,
    ...order.bank,
  });
  if (created) {
    await lockCharge(tx, order.chargeId);
    const bankOf = { chargeId: order.chargeId, milestoneId, heard: order.heard ?? [] };
    if (await isTakenByLoss(tx, bankOf)) throw new BankWasFirst();
    await withdraw(tx, order);
    await useCharge(tx, order.chargeId, { refunded: settledMinor });
    const posted = {
      currency: order.settlementCurrency,
      escrowId: order.escrowId,
      cause: { approval: order.bank.approvalId, reference: order.bank.reference },
    };
    await post(tx, {
      ...posted,
      key: `refund_asked:${order.refundId}`,
      kind: 'refund_asked',
      legs: asked(order, settledMinor),
    });
    await post(tx, {
      ...posted,
      key: `refund_paid_by_bank:${order.refundId}`,
      kind: 'refund_paid_by_bank',
      legs: refundPaidByBank(order.refundId, settledMinor, milestoneId),
    });
  }
  await project(tx, order.after);
}

const bookingOf = (order: RefundOrder): RefundBooking => ({
  settledMinor: (tx) => settledAmount(tx, order),
  reserved: (tx) => withdraw(tx, order),
  asked: (settledMinor) => asked(order, settledMinor),
  succeeded: (tx) => project(tx, order.after),
});

/**
 * What was accepted for a seller who never could receive it is held for its milestone again, and its fees are earned no more;
 * a transfer that Stripe refused lets go of its reservation.
 */
async function withdraw(
  tx: Tx,
  { escrowId, chargeId, settlementCurrency, milestone, withdrawn }: RefundOrder,
): Promise<void> {
  for (const piece of withdrawn ?? []) {
    const { id: milestoneId, sellerId } = milestone!;
    const key = `withdraw:${milestoneId}:${piece.part}`;
    // A refund that was refused is asked again under an id of its own: what it takes back is taken already.
    const [done] = await tx`SELECT FROM ledger_transactions WHERE idempotency_key = ${key}`;
    if (done) continue;
    const transferId = transferIdOf(milestoneId, piece.part);
    const transfer = await lockMovement(tx, transferId);
    const netted = await setOffOf(tx, transferId);
    if (netted > 0n || (transfer !== null && transfer.status !== 'reserved')) {
      throw final('part_not_withdrawn', `Part ${piece.part} of ${milestoneId} has paid its seller, or a debt of theirs: a person must look.`); // prettier-ignore
    }
    if (transfer !== null) {
      await changeMovement(tx, transferId, { status: 'canceled' });
      await useCharge(tx, chargeId, { transferred: -transfer.settled_amount! });
    }
    const accepted = partAccepted({
      milestoneId,
      sellerId,
      principalMinor: toMinor(piece.principal),
      sellerFeeMinor: toMinor(piece.sellerFee),
      buyerFeeMinor: toMinor(piece.buyerFee),
    });
    await post(tx, {
      key,
      kind: 'part_withdrawn',
      currency: settlementCurrency,
      escrowId,
      legs: inverse(accepted),
    });
  }
}

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
