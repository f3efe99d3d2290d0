// Released money taken back: transfers reversed as far as the seller's balance goes, the buyer refunded, the rest a debt; and
// the seller paid again where the refund fails. Chargebacks take back by the same functions.
import { ApplicationFailure } from '@temporalio/activity';
import { bookReversal, bookTransfer } from '../db/bookings.ts';
import { disputeHolds } from '../db/card-disputes.ts';
import type { Tx } from '../db/client.ts';
import { cancelDebt, openDebt } from '../db/debts.ts';
import { changeMovement, findMovement, type Movement, raiseAlert, reserveMovement, useCharge } from '../db/movements.ts'; // prettier-ignore
import {
  askRecovery,
  findRecovery,
  type RefundOfReleased,
  refundOfReleased,
  releasedLeft,
  reserveRecovery,
  setRecoveryStatus,
  undoRecovery,
} from '../db/recoveries.ts';
import { findSeller } from '../db/sellers.ts';
import { assert } from '../domain/errors.ts';
import { toInteger, toMinor } from '../domain/money.ts';
import { releasedRefundAsked, releasedRefundUndone } from '../domain/postings-recovery.ts';
import { planRecovery } from '../domain/recovery.ts';
import { PaymentsError } from '../payments/errors.ts';
import type { TransferFacts, TransferReversalFacts } from '../payments/port.ts';
import type { RefundAnswer } from './contract.ts';
import type { PayAgainOrder, RecoveryActivities, RecoveryRequest, RecoverySubject, ReleasedRefundOrder, TakeBackAnswer, TakeBackOrder } from './recover-contract.ts'; // prettier-ignore
import { type RefundBooking, type RefundCall, refundFlow } from './refund-flow.ts';
import { type ActivityDeps, asFailure, madeOf, readFromStripe, writeToStripe } from './stripe-call.ts';

/** One debt per refund or dispute. */
export const debtKeyOf = (recoveryId: string): string => `recovery:${recoveryId}`;

/** A reversal is tried with less while the balance shrinks under it; after so many refusals the rest is owed. */
const MOST_REFUSALS = 4;

const stem = (recoveryId: string): string => recoveryId.slice(recoveryId.indexOf('_') + 1);

export function recoveryActivities(deps: ActivityDeps): RecoveryActivities {
  const { sql, payments } = deps;
  const flow = refundFlow(deps);

  // ---- back from the seller ---------------------------------------------------------------------------------

  async function takeBack(order: TakeBackOrder): Promise<TakeBackAnswer> {
    const planned = await sql.begin((tx) => planReversals(tx as Tx, order));
    for (const reversal of planned) if (reversal.status === 'reserved') await reverse(order, reversal);
    const reversed = await sql.begin((tx) => reversedFor(tx as Tx, order.recoveryId));
    return { reversed: toInteger(reversed), shortfall: order.amount - toInteger(reversed) };
  }

  /** Newest transfers first, each at most what is not reversed of it; the rows are locked, so no two take the same. */
  async function planReversals(tx: Tx, order: TakeBackOrder): Promise<Movement[]> {
    const transfers = await tx<Movement[]>`
      SELECT * FROM movements WHERE kind = 'transfer' AND status = 'succeeded' AND milestone_id = ${order.milestoneId}
        AND seller_id = ${order.sellerId} ORDER BY created_at DESC, id DESC FOR UPDATE`;
    const known = await tx<Movement[]>`
      SELECT * FROM movements WHERE kind = 'reversal' AND recovery_id = ${order.recoveryId} ORDER BY id`;
    if (known.length > 0) return [...known];
    const planned: Movement[] = [];
    let wanted = toMinor(order.amount);
    for (const transfer of transfers) {
      const left = transfer.amount - (await reversedOf(tx, transfer.id));
      const amountMinor = left < wanted ? left : wanted;
      if (amountMinor <= 0n) continue;
      const { movement } = await reserveMovement(tx, {
        id: `rev_${stem(order.recoveryId)}_${planned.length + 1}`,
        kind: 'reversal',
        escrowId: order.escrowId,
        milestoneId: order.milestoneId,
        sellerId: order.sellerId,
        part: transfer.part ?? undefined,
        amountMinor,
        currency: order.currency,
        settledMinor: amountMinor,
        settlementCurrency: order.currency,
        paymentId: transfer.payment_id ?? undefined,
        chargeId: order.chargeId,
        reverses: transfer.id,
        recoveryId: order.recoveryId,
      });
      planned.push(movement);
      wanted -= amountMinor;
    }
    return planned;
  }

  async function reverse(subject: RecoverySubject, reversal: Movement): Promise<void> {
    const transfer = await stripeIdOf(reversal.reverses);
    for (;;) {
      const { amount } = (await findMovement(sql, reversal.id))!;
      const refusals = await refusalsOf(reversal.id);
      try {
        const made = await writeToStripe(deps, {
          escrowId: subject.escrowId,
          movementId: reversal.id,
          subject: subject.milestoneId,
          operation: `reversal.${reversal.part ?? 'again'}.${subject.recoveryId}`,
          generation: refusals + 1,
          params: { amount: toInteger(amount), transfer },
          call: (key) =>
            payments.createTransferReversal(
              transfer,
              { amountMinor: amount, metadata: reversalMetadata(subject, reversal.id) },
              key,
            ),
          find: () => findReversal(transfer, reversal.id),
        });
        return await recordReversal(reversal.id, made);
      } catch (error) {
        if (!(error instanceof PaymentsError)) throw error;
        const smaller =
          error.code === 'balance_insufficient' && refusals + 1 < MOST_REFUSALS ? await coveredBy(subject, amount) : 0n;
        if (smaller === 0n) return giveUp(subject, reversal.id, error);
        await sql`
          UPDATE movements SET amount = ${smaller}, settled_amount = ${smaller}, updated_at = now() WHERE id = ${reversal.id}`;
      }
    }
  }

  /** The most that the seller's balance may give, less than what it refused; pending money counts for a young transfer. */
  async function coveredBy(subject: RecoverySubject, refusedMinor: bigint): Promise<bigint> {
    const seller = await findSeller(sql, subject.sellerId);
    assert(seller !== null, `seller ${subject.sellerId} has no Stripe account`);
    const balances = await readFromStripe(() => payments.retrieveConnectedBalance(seller.stripeAccountId));
    const b = balances.find((x) => x.currency === subject.currency);
    if (!b) return 0n;
    return [b.availableMinor + b.pendingMinor, b.availableMinor].find((x) => x > 0n && x < refusedMinor) ?? 0n;
  }

  /** What cannot be reversed is owed instead. A balance that is too small is ordinary; anything else a person should see. */
  async function giveUp(subject: RecoverySubject, id: string, error: { code: string; message: string }): Promise<void> {
    await sql.begin(async (raw) => {
      const tx = raw as Tx;
      await changeMovement(tx, id, { status: 'failed', error_code: error.code, error_message: error.message });
      if (error.code === 'balance_insufficient') return;
      await raiseAlert(tx, {
        kind: 'reversal_refused',
        key: `reversal:${id}`,
        escrowId: subject.escrowId,
        detail: { code: error.code, message: error.message, milestone_id: subject.milestoneId },
      });
    });
  }

  async function recordReversal(id: string, made: TransferReversalFacts): Promise<void> {
    await sql.begin((tx) => bookReversal(tx as Tx, id, madeOf(made)));
    deps.crashPoint?.('after_commit');
  }

  const findReversal = async (transfer: string, id: string): Promise<TransferReversalFacts | null> =>
    (await payments.listTransferReversals(transfer)).find((r) => r.metadata['reversal_id'] === id) ?? null;

  // ---- to the buyer -----------------------------------------------------------------------------------------

  async function refundReleased(order: ReleasedRefundOrder): Promise<RefundAnswer> {
    try {
      return await flow.ask(callOf(order), bookingOf(order));
    } catch (error) {
      // The charge's row refused: nothing was asked, and no repetition will change that.
      if ((error as { constraint_name?: string }).constraint_name === 'charge_not_overdrawn') {
        return { outcome: 'refused', stripeRefundId: null, code: 'charge_not_overdrawn' };
      }
      throw error;
    }
  }

  // ---- to the seller again ----------------------------------------------------------------------------------

  async function payAgain(subject: PayAgainOrder): Promise<{ paid: number }> {
    await settleUnknownReversals(subject);
    const id = `trf_${stem(subject.recoveryId)}_again`;
    const movement = await sql.begin(async (raw) => {
      const tx = raw as Tx;
      const owedMinor =
        subject.amount === undefined
          ? (await reversedFor(tx, subject.recoveryId)) + (await recoveredInVain(tx, subject.recoveryId))
          : toMinor(subject.amount);
      if (owedMinor === 0n) {
        await undoRecovery(tx, subject.recoveryId);
        return null;
      }
      const { movement, created } = await reserveMovement(tx, {
        id,
        kind: 'transfer',
        escrowId: subject.escrowId,
        milestoneId: subject.milestoneId,
        sellerId: subject.sellerId,
        amountMinor: owedMinor,
        currency: subject.currency,
        settledMinor: owedMinor,
        settlementCurrency: subject.currency,
        chargeId: subject.chargeId,
        recoveryId: subject.recoveryId,
      });
      if (created) await useCharge(tx, subject.chargeId, { transferred: owedMinor });
      return movement;
    });
    if (movement === null) return { paid: 0 };
    if (movement.status !== 'succeeded') await transferAgain(subject, movement);
    return { paid: toInteger(movement.amount) };
  }

  async function transferAgain(subject: RecoverySubject, movement: Movement): Promise<void> {
    const seller = await findSeller(sql, subject.sellerId);
    assert(seller !== null, `seller ${subject.sellerId} has no Stripe account`);
    const { id, amount } = movement;
    const generation = (await refusalsOf(id)) + 1;
    const metadata = { escrow_id: subject.escrowId, milestone_id: subject.milestoneId, seller_id: subject.sellerId, transfer_id: id }; // prettier-ignore
    try {
      // Without its source: whether a reversal frees what a charge may still fund is not certain.
      const made = await writeToStripe(deps, {
        escrowId: subject.escrowId,
        movementId: id,
        subject: subject.milestoneId,
        operation: `transfer.again.${subject.recoveryId}`,
        generation,
        params: { amount: toInteger(amount), destination: seller.stripeAccountId },
        call: (key) =>
          payments.createTransfer(
            {
              amountMinor: amount,
              currency: subject.currency,
              destination: seller.stripeAccountId,
              transferGroup: subject.escrowId,
              metadata,
            },
            key,
          ),
        find: async () =>
          (await payments.listTransfers(subject.escrowId)).find((t) => t.metadata['transfer_id'] === id) ?? null,
      });
      await recordAgain(id, made);
    } catch (error) {
      if (!(error instanceof PaymentsError)) throw error;
      await tellRefused(subject, id, generation, error);
      // The money is the seller's: a compensation goes on until it is done, under a new generation each.
      throw ApplicationFailure.create({ message: error.message, type: error.code, nonRetryable: false });
    }
  }

  /** Once: the next tries are refused too, and ops who have closed it are told again. */
  async function tellRefused(s: RecoverySubject, id: string, generation: number, { code, message }: PaymentsError) {
    const [told] = await sql`
      SELECT FROM alerts WHERE kind = 'pay_again_refused' AND starts_with(dedupe_key, ${`pay_again:${id}:`}) AND resolved_at IS NULL`;
    if (told) return;
    await raiseAlert(sql, {
      kind: 'pay_again_refused',
      key: `pay_again:${id}:${generation}`,
      escrowId: s.escrowId,
      detail: { code, message, milestone_id: s.milestoneId },
    });
  }

  async function recordAgain(id: string, made: TransferFacts): Promise<void> {
    await sql.begin((tx) => bookTransfer(tx as Tx, id, madeOf(made)));
    deps.crashPoint?.('after_commit');
  }

  /** Reversals whose answer never came: what Stripe made of them is looked up before anything is paid. */
  async function settleUnknownReversals(subject: RecoverySubject): Promise<void> {
    const open = await sql<Movement[]>`
      SELECT * FROM movements WHERE kind = 'reversal' AND recovery_id = ${subject.recoveryId} AND status = 'reserved'`;
    for (const reversal of open) {
      const transfer = await stripeIdOf(reversal.reverses);
      const found = await readFromStripe(() => findReversal(transfer, reversal.id));
      if (found) await recordReversal(reversal.id, found);
      else await giveUp(subject, reversal.id, { code: 'no_effect', message: 'Stripe knows no such reversal.' });
    }
  }

  // ---- the request ------------------------------------------------------------------------------------------

  const newRecovery = (r: RecoveryRequest) => ({
    id: r.refundId,
    escrowId: r.escrowId,
    milestoneId: r.milestoneId,
    amountMinor: toMinor(r.amount),
    currency: r.currency,
    reason: r.reason,
    by: r.by,
  });

  return {
    askRecovery: (request) =>
      sql.begin(async (raw) => {
        const tx = raw as Tx;
        const left = await releasedLeft(tx, request.escrowId, request.milestoneId);
        const known = await findRecovery(tx, request.refundId);
        if (known === null && (await disputeHolds(tx, request.chargeId))) return { outcome: 'refused', left: toInteger(left), asked: false, disputed: true }; // prettier-ignore
        if (left < toMinor(request.amount)) return { outcome: 'refused', left: toInteger(left), asked: false };
        const row = await askRecovery(tx, { ...newRecovery(request), expiresAt: new Date(request.expiresAt) });
        return { outcome: row === null ? 'refused' : 'asked', left: toInteger(left), asked: row === null };
      }),
    reserveRecovery: (request) =>
      sql.begin(async (raw) => {
        const tx = raw as Tx;
        const known = (await findRecovery(tx, request.refundId))?.status;
        if (known !== 'reserved' && known !== 'refunded' && (await disputeHolds(tx, request.chargeId))) {
          const left = await releasedLeft(tx, request.escrowId, request.milestoneId);
          // Confirmed, and a bank was quicker: the question is answered all the same.
          await setRecoveryStatus(tx, request.refundId, 'refused');
          return { outcome: 'refused', left: toInteger(left), asked: false, disputed: true };
        }
        const reserved = await reserveRecovery(tx, newRecovery(request));
        const left = toInteger(reserved.leftMinor);
        if (reserved.kind === 'refused') return { outcome: 'refused', left, asked: false };
        return { outcome: 'reserved', plan: planRecovery(reserved.pieces, reserved.leftMinor, request.terms) };
      }),
    lapseRecovery: async (refundId) => {
      await sql`UPDATE recoveries SET status = 'lapsed', updated_at = now() WHERE id = ${refundId} AND status = 'asked'`;
    },
    takeBack: (order) => asFailure(() => takeBack(order)),
    refundReleased,
    recordReleasedRefund: (order) => flow.readAgain(callOf(order), bookingOf(order)),
    refundAsReleased: async (refundId) => {
      const made = await refundOfReleased(sql, refundId);
      return made && { order: orderAsMade(refundId, made), amount: toInteger(made.principal) };
    },
    payAgain: (subject) => asFailure(() => payAgain(subject)),
  };

  async function stripeIdOf(movementId: string | null): Promise<string> {
    const found = movementId === null ? null : await findMovement(sql, movementId);
    assert(found?.stripe_id, `movement ${movementId} is not known to Stripe`);
    return found.stripe_id;
  }

  async function refusalsOf(movementId: string): Promise<number> {
    const [row] = await sql<{ count: number }[]>`
      SELECT count(*)::integer AS count FROM movement_attempts WHERE movement_id = ${movementId} AND error_code IS NOT NULL`;
    return row!.count;
  }
}

const reversalMetadata = (s: RecoverySubject, reversalId: string) => ({
  escrow_id: s.escrowId,
  milestone_id: s.milestoneId,
  seller_id: s.sellerId,
  recovery_id: s.recoveryId,
  reversal_id: reversalId,
});

async function reversedOf(tx: Tx, transferId: string): Promise<bigint> {
  const [row] = await tx<{ total: bigint }[]>`
    SELECT coalesce(sum(amount), 0)::bigint AS total FROM movements
    WHERE reverses = ${transferId} AND status NOT IN ('failed', 'canceled')`;
  return row!.total;
}

async function reversedFor(tx: Tx, recoveryId: string): Promise<bigint> {
  const [row] = await tx<{ total: bigint }[]>`
    SELECT coalesce(sum(amount), 0)::bigint AS total FROM movements
    WHERE kind = 'reversal' AND recovery_id = ${recoveryId} AND status = 'succeeded'`;
  return row!.total;
}

/** What was recovered of a debt that turned out to be none; its undoing has put it on hold. */
async function recoveredInVain(tx: Tx, recoveryId: string): Promise<bigint> {
  const [row] = await tx<{ recovered: bigint }[]>`
    SELECT d.recovered FROM debts d JOIN movements m ON m.id = ${recoveryId} AND m.status IN ('failed', 'canceled')
    WHERE d.dedupe_key = ${debtKeyOf(recoveryId)}`;
  return row?.recovered ?? 0n;
}

const orderAsMade = (refundId: string, made: RefundOfReleased): ReleasedRefundOrder => ({
  escrowId: made.escrow_id,
  refundId,
  generation: 1,
  paymentId: made.payment_id,
  paymentIntentId: made.payment_intent_id,
  chargeId: made.charge_id,
  amount: toInteger(made.amount),
  currency: made.currency,
  settlementCurrency: made.settlement_currency,
  reason: made.reason,
  milestoneId: made.milestone_id,
  sellerId: made.seller_id,
  reversed: toInteger(made.reversed),
  shortfall: toInteger(made.shortfall),
  feeReturned: toInteger(made.fee_returned),
});

function callOf(order: ReleasedRefundOrder): RefundCall {
  const { reversed: _reversed, shortfall: _shortfall, feeReturned: _fee, ...call } = order;
  // A webhook of it goes to the refund's own workflow.
  return { ...call, metadata: { workflow: 'refund' } };
}

function bookingOf(order: ReleasedRefundOrder): RefundBooking {
  const refund = {
    refundId: order.refundId,
    milestoneId: order.milestoneId,
    sellerId: order.sellerId,
    reversedMinor: toMinor(order.reversed),
    shortfallMinor: toMinor(order.shortfall),
    feeReturnedMinor: toMinor(order.feeReturned),
  };
  const { shortfallMinor } = refund;
  return {
    settledMinor: async () => refund.reversedMinor + shortfallMinor + refund.feeReturnedMinor,
    asked: () => releasedRefundAsked(refund),
    reserved: async (tx) => {
      if (shortfallMinor === 0n) return;
      await useCharge(tx, order.chargeId, { allowance: shortfallMinor });
      await openDebt(tx, {
        sellerId: order.sellerId,
        escrowId: order.escrowId,
        milestoneId: order.milestoneId,
        currency: order.settlementCurrency,
        amountMinor: shortfallMinor,
        cause: { refund: order.refundId },
        dedupeKey: debtKeyOf(order.refundId),
      });
    },
    succeeded: (tx) => setRecoveryStatus(tx, order.refundId, 'refunded'),
    undone: async (tx) => {
      const debt = await cancelDebt(tx, debtKeyOf(order.refundId));
      if (debt !== null && debt.cancelledMinor > 0n) {
        await useCharge(tx, order.chargeId, { allowance: -debt.cancelledMinor });
      }
      const { recoveredMinor, writtenOffMinor } = debt ?? { recoveredMinor: 0n, writtenOffMinor: 0n };
      return releasedRefundUndone(refund, { recoveredMinor, writtenOffMinor });
    },
  };
}
