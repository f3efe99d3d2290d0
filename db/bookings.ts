// What Stripe has made of a movement, in the ledger: once, under the movement's own key, whoever books it first (the activity
// that asked for it, a dispute's plan that looked it up, or a repair that two persons approved).
import { assert } from '../domain/errors.ts';
import { refundSettled, transferCreated } from '../domain/postings.ts';
import { transferredAgain, transferReversed } from '../domain/postings-recovery.ts';
import type { Tx } from './client.ts';
import { post } from './ledger.ts';
import { lockMovement, type Made, type Movement, recordBalanceTransaction, settleMovement, useCharge } from './movements.ts'; // prettier-ignore
import { undoRecovery } from './recoveries.ts';

/** A transfer to a seller; one that pays a seller again ends the taking back that it undoes. False: it was booked before. */
export async function bookTransfer(tx: Tx, id: string, made: Made): Promise<boolean> {
  const known = await lockMovement(tx, id);
  assert(
    known !== null && known.milestone_id !== null && known.seller_id !== null,
    `transfer ${id} was never reserved`,
  );
  if (known.status === 'succeeded') return false;
  const { bt } = made;
  const of = { milestoneId: known.milestone_id, sellerId: known.seller_id };
  await settleMovement(tx, id, made);
  const recovery = known.recovery_id;
  await post(tx, {
    ...(recovery === null
      ? { key: `transfer:${id}`, kind: 'transfer', legs: transferCreated(of.milestoneId, of.sellerId, bt) }
      : { key: `transferred_again:${id}`, kind: 'transferred_again', legs: transferredAgain(of, bt) }),
    currency: bt.currency,
    escrowId: known.escrow_id,
    balanceTransactionId: bt.id,
    cause: { stripe: made.stripeId, ...(recovery === null ? {} : { recovery }) },
  });
  if (recovery !== null) await undoRecovery(tx, recovery);
  return true;
}

/** What came back of a transfer waits on hold for its seller. False: it was booked before. */
export async function bookReversal(tx: Tx, id: string, made: Made, cause: Record<string, string> = {}): Promise<boolean> {
  const known = await lockMovement(tx, id);
  assert(known !== null && known.milestone_id !== null && known.seller_id !== null, `reversal ${id} was never reserved`);
  if (known.status === 'succeeded') return false;
  const { bt } = made;
  await settleMovement(tx, id, made);
  if (known.stripe_charge_id !== null) await useCharge(tx, known.stripe_charge_id, { reversed: bt.amountMinor });
  await post(tx, {
    key: `reversal:${id}`,
    kind: 'transfer_reversed',
    currency: bt.currency,
    escrowId: known.escrow_id,
    balanceTransactionId: bt.id,
    cause: { stripe: made.stripeId, ...(known.recovery_id === null ? {} : { recovery: known.recovery_id }), ...cause },
    legs: transferReversed({ milestoneId: known.milestone_id, sellerId: known.seller_id }, bt),
  });
  return true;
} // prettier-ignore

/** What Stripe took for a refund. Read again days later, the same balance transaction is available where it was pending. */
export async function bookRefund(tx: Tx, known: Movement, { stripeId, bt }: Made): Promise<void> {
  assert(known.settled_amount !== null, `refund ${known.id} was never reserved`);
  if (known.balance_transaction_id === bt.id) return;
  await recordBalanceTransaction(tx, bt);
  await post(tx, {
    key: `refund_settled:${known.id}`,
    kind: 'refund_settled',
    currency: bt.currency,
    escrowId: known.escrow_id,
    balanceTransactionId: bt.id,
    cause: { stripe: stripeId },
    legs: refundSettled(known.id, known.settled_amount, bt, known.milestone_id ?? undefined),
  });
}
