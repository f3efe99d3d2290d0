// Money out to a seller: earn the fee, take what the seller owes, reserve and transfer the rest, post; each step findable
// again after a crash.
import { bookTransfer } from '../db/bookings.ts';
import type { Tx } from '../db/client.ts';
import { setOffDebts, setOffOf } from '../db/debts.ts';
import { overdrawn, post } from '../db/ledger.ts';
import { changeMovement, lockMovement, raiseAlert, refuseWhatALossTakes, reserveMovement, TAKEN_BY_LOSS, TransferCanceled, useCharge } from '../db/movements.ts'; // prettier-ignore
import { project } from '../db/projection.ts';
import { findSeller, firstReleaseWaitsUntil, noteFirstAcceptance, updateSellerCapability } from '../db/sellers.ts';
import { assert } from '../domain/errors.ts';
import { transferIdOf } from '../domain/ids.ts';
import { toInteger, toMinor } from '../domain/money.ts';
import { partAccepted } from '../domain/postings.ts';
import { PaymentsError } from '../payments/errors.ts';
import type { TransferFacts } from '../payments/port.ts';
import type { TransferAnswer, TransferOrder } from './contract.ts';
import { type ActivityDeps, madeOf, readFromStripe, writeToStripe } from './stripe-call.ts';

const NO_CAPABILITY = new Set(['insufficient_capabilities_for_transfer', 'transfers_not_allowed', 'account_invalid']);

/** v1 says resource_missing, v2 not_found, and both account_invalid to a platform that has no access any more. */
const GONE = new Set(['resource_missing', 'not_found', 'account_invalid']);

const canceled = ({ code, message }: TransferCanceled): TransferAnswer =>
  code === TAKEN_BY_LOSS ? { outcome: 'charged_back' } : { outcome: 'refused', code: 'transfer_canceled', message };

export function releaseActivities(deps: ActivityDeps) {
  const { sql, payments, firstReleaseDelayMs: delayMs = 0 } = deps;

  async function transferToSeller(order: TransferOrder): Promise<TransferAnswer> {
    try {
      return await transfer(order);
    } catch (error) {
      if (error instanceof TransferCanceled) return canceled(error);
      const code = overdrawn(error);
      if (code === null) throw error;
      return { outcome: 'refused', code, message: 'The money of this part has gone another way.' };
    }
  }

  async function transfer(order: TransferOrder): Promise<TransferAnswer> {
    const id = transferIdOf(order.milestoneId, order.part);
    const seller = await sellerFor(order.sellerId);
    const done = await sql.begin(async (raw) => {
      const tx = raw as Tx;
      await earn(tx, order);
      if (delayMs > 0) await noteFirstAcceptance(tx, order.sellerId);
      if (seller.transfers !== 'active') return null;
      const until = await firstReleaseWaitsUntil(tx, order.sellerId, delayMs, id);
      if (until !== null) return { outcome: 'held_first_release', until } as const;
      const restMinor = await restAfterDebts(tx, id, order);
      if (restMinor === 0n) {
        await project(tx, order.after);
        // The whole part paid debts: released, without a transfer.
        return { outcome: 'released', transferId: id, stripeTransferId: null } as const;
      }
      const { movement, created } = await reserveMovement(tx, {
        id,
        kind: 'transfer',
        escrowId: order.escrowId,
        milestoneId: order.milestoneId,
        sellerId: order.sellerId,
        part: order.part,
        amountMinor: restMinor,
        currency: order.currency,
        settledMinor: restMinor,
        settlementCurrency: order.currency,
        paymentId: order.paymentId,
        chargeId: order.chargeId,
      });
      // The reservation: the charge's row refuses what would give away more than it captured.
      if (created) await useCharge(tx, order.chargeId, { transferred: restMinor });
      if (movement.status === 'succeeded') await project(tx, order.after);
      return movement;
    });
    if (done === null) return { outcome: 'blocked_kyc' };
    if ('outcome' in done) return done;
    if (done.status === 'succeeded') return { outcome: 'released', transferId: id, stripeTransferId: done.stripe_id };
    const metadata = {
      escrow_id: order.escrowId,
      milestone_id: order.milestoneId,
      seller_id: order.sellerId,
      transfer_id: id,
    };
    try {
      const made = await writeToStripe(deps, {
        escrowId: order.escrowId,
        movementId: id,
        subject: order.milestoneId,
        operation: `transfer.${order.part}`,
        generation: order.generation,
        params: {
          amount: toInteger(done.amount),
          currency: order.currency,
          destination: seller.stripeAccountId,
          charge: order.chargeId,
        },
        call: (key) =>
          payments.createTransfer(
            {
              amountMinor: done.amount,
              currency: order.currency,
              destination: seller.stripeAccountId,
              sourceTransaction: order.chargeId,
              transferGroup: order.escrowId,
              metadata,
            },
            key,
          ),
        find: async () =>
          (await payments.listTransfers(order.escrowId)).find((t) => t.metadata['transfer_id'] === id) ?? null,
      });
      await record(order, id, made);
      return { outcome: 'released', transferId: id, stripeTransferId: made.id };
    } catch (error) {
      if (!(error instanceof PaymentsError)) throw error;
      return refusal(order, id, error);
    }
  }

  /**
   * What is left to transfer once the seller's debts of this currency are paid. Decided once: a repetition finds the
   * movement, or the set-offs that left none.
   */
  async function restAfterDebts(tx: Tx, id: string, order: TransferOrder): Promise<bigint> {
    const known = await lockMovement(tx, id);
    if (known !== null) return known.amount;
    const payableMinor = toMinor(order.payable);
    const before = await setOffOf(tx, id);
    if (before > 0n) return payableMinor - before;
    // In the order in which an undone refund locks them: the charge, then debts.
    await tx`SELECT FROM charge_funds WHERE charge_id = ${order.chargeId} FOR UPDATE`;
    const { escrowId, milestoneId, sellerId, currency, part, chargeId } = order;
    await refuseWhatALossTakes(tx, { transferId: id, chargeId, milestoneId, part, amountMinor: payableMinor });
    return payableMinor - (await setOffDebts(tx, { transferId: id, escrowId, milestoneId, sellerId, currency, payableMinor })); // prettier-ignore
  }

  /** Accepted money is the seller's from here on, whether or not it can be paid out yet. */
  function earn(tx: Tx, order: TransferOrder): Promise<void> {
    return post(tx, {
      key: `accept:${order.milestoneId}:${order.part}`,
      kind: 'part_accepted',
      currency: order.currency,
      escrowId: order.escrowId,
      legs: partAccepted({
        milestoneId: order.milestoneId,
        sellerId: order.sellerId,
        principalMinor: toMinor(order.principal),
        sellerFeeMinor: toMinor(order.sellerFee),
        buyerFeeMinor: toMinor(order.buyerFee),
      }),
    });
  }

  async function record(order: TransferOrder, id: string, transfer: TransferFacts): Promise<void> {
    await sql.begin(async (raw) => {
      const tx = raw as Tx;
      await bookTransfer(tx, id, madeOf(transfer));
      await project(tx, order.after);
    });
    deps.crashPoint?.('after_commit');
  }

  /** What Stripe refused stays reserved: the money is the seller's and will be tried again, by a new generation. */
  async function refusal(order: TransferOrder, id: string, error: PaymentsError): Promise<TransferAnswer> {
    await sql.begin(async (raw) => {
      const tx = raw as Tx;
      await changeMovement(tx, id, { error_code: error.code, error_message: error.message });
      if (NO_CAPABILITY.has(error.code)) return;
      await raiseAlert(tx, {
        kind: error.code === 'balance_insufficient' ? 'blocked_funds' : 'transfer_refused',
        key: `transfer:${id}:${order.generation}`,
        escrowId: order.escrowId,
        detail: { code: error.code, message: error.message, milestone_id: order.milestoneId },
      });
    });
    if (NO_CAPABILITY.has(error.code)) {
      await noteIncapable(order.sellerId, error.code);
      return { outcome: 'blocked_kyc' };
    }
    if (error.code === 'balance_insufficient') return { outcome: 'blocked_funds' };
    return { outcome: 'refused', code: error.code, message: error.message };
  }

  /** The gate is ours: a seller who is not active in our books is read again from Stripe, in case a webhook was lost. */
  async function sellerFor(sellerId: string) {
    const seller = await findSeller(sql, sellerId);
    assert(seller !== null, `seller ${sellerId} has no Stripe account`);
    if (seller.transfers === 'active') return seller;
    // Only read: who becomes active is written down by the webhook, which tells every escrow that waits for it.
    return { ...seller, transfers: (await accountOf(seller.stripeAccountId)).transfers };
  }

  /** Stripe refused what our books allow: they follow it, so that the way back to active is seen as a change. */
  async function noteIncapable(sellerId: string, code: string): Promise<void> {
    const seller = await findSeller(sql, sellerId);
    if (seller === null) return;
    const account = await accountOf(seller.stripeAccountId);
    if (account.transfers === 'active') {
      // It says the contrary of what it does: nothing of ours will change that, so a person asks Stripe.
      await raiseAlert(sql, { kind: 'active_seller_refused', key: `active_seller_refused:${sellerId}:${code}`, detail: { seller_id: sellerId, account: seller.stripeAccountId, code } }); // prettier-ignore
      return;
    }
    await updateSellerCapability(sql, sellerId, account.transfers, account.requirements);
  }

  /** An account that Stripe does not show any more, closed or disconnected, can receive nothing. */
  const accountOf = (stripeAccountId: string) =>
    readFromStripe(async () => {
      try {
        return await payments.retrieveAccount(stripeAccountId);
      } catch (error) {
        if (!(error instanceof PaymentsError && error.kind === 'refused' && GONE.has(error.code))) throw error;
        return { transfers: 'inactive' as const, requirements: [] };
      }
    });

  return { transferToSeller };
}
