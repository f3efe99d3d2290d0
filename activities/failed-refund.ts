// A refund of an ended escrow that the bank sent back: the money is posted as the buyer's again, and given to the buyer anew.
import type { Tx } from '../db/client.ts';
import { askedLegs, attemptId, cameBack, type FailedRefund, findFailedRefund, nextAttempt, notTried, refundAsMade, repaid, settledMinor } from '../db/failed-refunds.ts'; // prettier-ignore
import { findMovement, raiseAlert } from '../db/movements.ts';
import { assert } from '../domain/errors.ts';
import { toInteger } from '../domain/money.ts';
import { inverse } from '../domain/postings.ts';
import type { FailedRefundActivities, FailedRefundWord } from './failed-refund-contract.ts';
import { type RefundBooking, type RefundCall, refundFlow } from './refund-flow.ts';
import type { ActivityDeps } from './stripe-call.ts';

export function failedRefundActivities(deps: ActivityDeps): FailedRefundActivities {
  const { sql } = deps;
  const flow = refundFlow(deps);

  async function known(refundId: string): Promise<FailedRefund> {
    const found = (await findFailedRefund(sql, refundId)) ?? (await refundAsMade(sql, refundId));
    assert(found !== null, `refund ${refundId} is not known`);
    return found;
  }

  const wordOf = async (refundId: string): Promise<FailedRefundWord> => {
    const f = await known(refundId);
    const { status, attempt, code, currency } = f;
    return { status, amount: toInteger(f.amount), currency, attempt, code };
  };

  return {
    async readFailedRefund(refundId) {
      const f = await known(refundId);
      const movement = await findMovement(sql, attemptId(f));
      const over = movement?.status === 'failed' || movement?.status === 'canceled';
      // Its failure was written down by a lost dispute, which read it first.
      if (over && f.status === 'trying')
        await sql.begin((tx) => cameBack(tx as Tx, f, movement.error_code ?? 'failed'));
      if (f.status === 'paid_by_bank' || over) return wordOf(refundId);
      // An attempt whose call was never answered is not read but asked again, under the same key.
      if (movement?.stripe_id) await flow.readAgain(callOf(f), bookingOf(f));
      else if (f.status === 'trying') await flow.ask(callOf(f), bookingOf(f));
      return wordOf(refundId);
    },
    async refundAgain(refundId) {
      const f = await sql.begin((tx) => nextAttempt(tx as Tx, refundId));
      if (f === null) return wordOf(refundId);
      try {
        await flow.ask(callOf(f), bookingOf(f));
      } catch (error) {
        // The charge's row refused: something else has taken the money meanwhile, and a person must look.
        if ((error as { constraint_name?: string }).constraint_name !== 'charge_not_overdrawn') throw error;
        await sql.begin(async (raw) => {
          const tx = raw as Tx;
          await notTried(tx, f.id, 'charge_not_overdrawn');
          await raiseAlert(tx, {
            kind: 'refund_failed',
            key: `refund:${attemptId(f)}:1`,
            escrowId: f.escrow_id,
            detail: { code: 'charge_not_overdrawn', milestone_id: f.milestone_id, refund_id: f.id },
          });
        });
      }
      return wordOf(refundId);
    },
  };
}

function callOf(f: FailedRefund): RefundCall {
  return {
    escrowId: f.escrow_id,
    refundId: attemptId(f),
    generation: 1,
    paymentId: f.payment_id,
    paymentIntentId: f.payment_intent_id,
    chargeId: f.charge_id,
    amount: toInteger(f.amount),
    currency: f.currency,
    settlementCurrency: f.settlement_currency,
    reason: `refund ${f.id} came back`,
    milestoneId: f.milestone_id,
    sellerId: f.seller_id,
    // A webhook of it goes to the workflow of the refund that failed first.
    metadata: { failed_refund: f.id },
  };
}

const bookingOf = (f: FailedRefund): RefundBooking => ({
  settledMinor: async () => settledMinor(f),
  asked: () => askedLegs(f, attemptId(f)),
  succeeded: (tx) => repaid(tx, f),
  undone: async (tx, code) => {
    await cameBack(tx, f, code);
    return inverse(askedLegs(f, attemptId(f)));
  },
});
