// How every refund is made, whatever it comes out of: reserved and asked in the ledger, given to Stripe, settled or undone
// by Stripe's word. What is particular to a refund is its booking.
import { bookRefund } from '../db/bookings.ts';
import type { Tx } from '../db/client.ts';
import { post } from '../db/ledger.ts';
import { changeMovement, lockMovement, type Movement, raiseAlert, recordBalanceTransaction, reserveMovement, useCharge } from '../db/movements.ts'; // prettier-ignore
import { REFUSED_BY_DISPUTE } from '../domain/chargeback.ts';
import { assert } from '../domain/errors.ts';
import { NOT_REFUNDABLE } from '../domain/methods.ts';
import { toInteger, toMinor } from '../domain/money.ts';
import { inverse, type Leg, refundSettled } from '../domain/postings.ts';
import { PaymentsError } from '../payments/errors.ts';
import type { Metadata, RefundFacts } from '../payments/port.ts';
import type { RefundAnswer, RefundOrder } from './contract.ts';
import { type ActivityDeps, final, madeOf, readFromStripe, writeToStripe } from './stripe-call.ts';

/** What Stripe is asked, and for whom. */
export interface RefundCall extends Omit<RefundOrder, 'milestone' | 'withdrawn' | 'after'> {
  milestoneId: string | null;
  sellerId: string | null;
  /** Of Stripe's object, beside our ids. */
  metadata: Metadata;
}

/** What a refund is in the ledger. Every function runs in the transaction of its step. */
export interface RefundBooking {
  /** What it takes of its charge, settlement currency. */
  settledMinor(tx: Tx): Promise<bigint>;
  asked(settledMinor: bigint): Leg[];
  /** Once, with the reservation and before its posting. */
  reserved?(tx: Tx): Promise<void>;
  /** With its success; may come again. */
  succeeded(tx: Tx): Promise<void>;
  /** Once, when it has failed: the legs that undo it. The inverse of its asking where this is absent. */
  undone?(tx: Tx, code: string): Promise<Leg[]>;
}

export function refundFlow(deps: ActivityDeps) {
  const { sql, payments } = deps;

  async function ask(order: RefundCall, booking: RefundBooking): Promise<RefundAnswer> {
    const movement = await sql.begin(async (raw) => {
      const tx = raw as Tx;
      const settledMinor = await booking.settledMinor(tx);
      const { movement, created } = await reserveMovement(tx, {
        id: order.refundId,
        kind: 'refund',
        escrowId: order.escrowId,
        milestoneId: order.milestoneId ?? undefined,
        sellerId: order.sellerId ?? undefined,
        amountMinor: toMinor(order.amount),
        currency: order.currency,
        settledMinor,
        settlementCurrency: order.settlementCurrency,
        paymentId: order.paymentId,
        chargeId: order.chargeId,
        reason: order.reason,
      });
      if (created) {
        await booking.reserved?.(tx);
        await useCharge(tx, order.chargeId, { refunded: settledMinor });
        await post(tx, {
          key: `refund_asked:${order.refundId}`,
          kind: 'refund_asked',
          currency: order.settlementCurrency,
          escrowId: order.escrowId,
          legs: booking.asked(settledMinor),
        });
      }
      return movement;
    });
    if (movement.status === 'succeeded' || movement.status === 'failed' || movement.status === 'pending') {
      if (movement.status === 'succeeded') await sql.begin((tx) => booking.succeeded(tx as Tx));
      return { outcome: movement.status, stripeRefundId: movement.stripe_id, code: movement.error_code };
    }
    const metadata = {
      ...order.metadata,
      escrow_id: order.escrowId,
      refund_id: order.refundId,
      ...(order.milestoneId === null ? {} : { milestone_id: order.milestoneId }),
    };
    try {
      const refund = await writeToStripe(deps, {
        escrowId: order.escrowId,
        movementId: order.refundId,
        subject: order.refundId,
        operation: 'refund',
        generation: order.generation,
        params: { amount: order.amount, intent: order.paymentIntentId },
        call: (key) =>
          payments.createRefund(
            { paymentIntentId: order.paymentIntentId, amountMinor: toMinor(order.amount), metadata },
            key,
          ),
        find: async () =>
          (await payments.listRefunds(order.paymentIntentId)).find((r) => r.metadata['refund_id'] === order.refundId) ??
          null,
      });
      return await record(order, booking, refund);
    } catch (error) {
      if (!(error instanceof PaymentsError)) throw error;
      return undo(order, booking, 'failed', error.code, error.message, null);
    }
  }

  async function readAgain(order: RefundCall, booking: RefundBooking): Promise<RefundAnswer> {
    const known = await sql<Movement[]>`SELECT * FROM movements WHERE id = ${order.refundId}`;
    const stripeId = known[0]?.stripe_id;
    assert(stripeId, `refund ${order.refundId} is not known to Stripe`);
    return record(order, booking, await readFromStripe(() => payments.retrieveRefund(stripeId)));
  }

  async function record(order: RefundCall, booking: RefundBooking, refund: RefundFacts): Promise<RefundAnswer> {
    switch (refund.status) {
      case 'succeeded':
        await settle(order, booking, refund, 'succeeded');
        return { outcome: 'succeeded', stripeRefundId: refund.id, code: null };
      case 'pending':
      case 'requires_action':
        // Booked already where Stripe has taken the money; otherwise it waits for the platform's balance.
        await settle(order, booking, refund, 'pending');
        return { outcome: 'pending', stripeRefundId: refund.id, code: null };
      case 'failed':
      case 'canceled':
        return undo(order, booking, refund.status, refund.failureReason ?? refund.status, null, refund);
      case 'unknown':
        throw final('unknown_status', `Refund ${refund.id} has status ${refund.rawStatus}, which this version does not know: a person must look.`); // prettier-ignore
    }
  }

  async function settle(
    order: RefundCall,
    booking: RefundBooking,
    refund: RefundFacts,
    status: 'succeeded' | 'pending',
  ): Promise<void> {
    const bt = refund.balanceTransaction;
    if (!bt && status === 'succeeded')
      throw new Error(`refund ${refund.id} has no balance transaction yet: read again`);
    await sql.begin(async (raw) => {
      const tx = raw as Tx;
      const known = await lockMovement(tx, order.refundId);
      assert(known !== null && known.settled_amount !== null, `refund ${order.refundId} was never reserved`);
      if (bt) await bookRefund(tx, known, { stripeId: refund.id, bt });
      if (known.status !== 'succeeded') {
        await changeMovement(tx, order.refundId, {
          status,
          stripe_id: refund.id,
          balance_transaction_id: bt?.id ?? null,
        });
      }
      if (status === 'succeeded') await booking.succeeded(tx);
    });
    deps.crashPoint?.('after_commit');
  }

  /** Failed or refused: the money that had left came back, and the asking is undone leg by leg. */
  async function undo(
    order: RefundCall,
    booking: RefundBooking,
    status: 'failed' | 'canceled',
    code: string,
    message: string | null,
    refund: RefundFacts | null,
  ): Promise<RefundAnswer> {
    await sql.begin(async (raw) => {
      const tx = raw as Tx;
      const known = await lockMovement(tx, order.refundId);
      assert(known !== null && known.settled_amount !== null, `refund ${order.refundId} was never reserved`);
      if (known.status === 'failed' || known.status === 'canceled') return;
      if (refund?.balanceTransaction) await bookRefund(tx, known, madeOf(refund));
      const back = refund?.failureBalanceTransaction;
      if (back) {
        await recordBalanceTransaction(tx, back);
        await post(tx, {
          key: `refund_returned:${order.refundId}`,
          kind: 'refund_returned',
          currency: back.currency,
          escrowId: order.escrowId,
          balanceTransactionId: back.id,
          // The same legs as its settlement, the other way: Stripe's amount is positive now.
          legs: refundSettled(order.refundId, -known.settled_amount, back, order.milestoneId ?? undefined),
        });
      }
      await useCharge(tx, order.chargeId, { refunded: -known.settled_amount });
      await post(tx, {
        key: `refund_undone:${order.refundId}`,
        kind: 'refund_undone',
        currency: order.settlementCurrency,
        escrowId: order.escrowId,
        legs: booking.undone ? await booking.undone(tx, code) : inverse(booking.asked(known.settled_amount)),
      });
      await changeMovement(tx, order.refundId, { status, error_code: code, error_message: message, ...(refund ? { stripe_id: refund.id } : {}) }); // prettier-ignore
      if (REFUSED_BY_DISPUTE.has(code) || NOT_REFUNDABLE.has(code)) return;
      await raiseAlert(tx, {
        kind: 'refund_failed',
        key: `refund:${order.refundId}:${order.generation}`,
        escrowId: order.escrowId,
        detail: { code, message, milestone_id: order.milestoneId },
      });
    });
    return { outcome: refund ? 'failed' : 'refused', stripeRefundId: refund?.id ?? null, code };
  }

  /**
   * A refund that was asked in the ledger and whose answer nobody has: what Stripe made of it is written down, and where it
   * made nothing the asking is undone. Whoever asks again finds this answer.
   */
  async function answer(movement: Movement, refund: RefundFacts | null, code: string): Promise<RefundAnswer> {
    const order = callOf(movement);
    const legs = await sql<
      { account: string; amount: bigint; milestone_id: string | null; seller_id: string | null }[]
    >`
      SELECT e.account, e.amount, e.milestone_id, e.seller_id FROM ledger_entries e
      JOIN ledger_transactions t ON t.id = e.transaction_id
      WHERE t.idempotency_key = ${`refund_asked:${movement.id}`} ORDER BY e.leg`;
    const asked = legs.map((l): Leg => ({ account: l.account, amountMinor: l.amount, ...(l.milestone_id === null ? {} : { milestoneId: l.milestone_id }), ...(l.seller_id === null ? {} : { sellerId: l.seller_id }) })); // prettier-ignore
    const booking: RefundBooking = {
      settledMinor: () => Promise.resolve(movement.settled_amount!),
      asked: () => asked,
      succeeded: () => Promise.resolve(),
    };
    if (refund) return record(order, booking, refund);
    return undo(order, booking, 'failed', code, 'Stripe knows no such refund, and makes none of a disputed charge.', null); // prettier-ignore
  }

  return { ask, readAgain, answer };
}

const callOf = (m: Movement): RefundCall => ({
  escrowId: m.escrow_id,
  refundId: m.id,
  generation: 1,
  paymentId: m.payment_id!,
  paymentIntentId: '',
  chargeId: m.stripe_charge_id!,
  amount: toInteger(m.amount),
  currency: m.currency,
  settlementCurrency: m.settlement_currency!,
  reason: m.reason ?? '',
  milestoneId: m.milestone_id,
  sellerId: m.seller_id,
  metadata: {},
});
