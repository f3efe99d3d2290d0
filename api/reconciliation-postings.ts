// Postings of what Stripe booked and the ledger has not: to the accounts that it belongs to, else `unexplained` with an alert.
import { bookRefund, bookReversal, bookTransfer } from '../db/bookings.ts';
import type { Tx } from '../db/client.ts';
import { post } from '../db/ledger.ts';
import { changeMovement, lockMovement, type Made, type Movement, raiseAlert, recordBalanceTransaction, reserveMovement } from '../db/movements.ts'; // prettier-ignore
import { payoutArrivedKey } from '../db/reconciliation-known.ts';
import { assert, RuleError } from '../domain/errors.ts';
import { account, type BalanceTransaction, legs, type Leg, stripeAccount, toppedUp, unexplained } from '../domain/postings.ts'; // prettier-ignore
import { recoveryAccount } from '../domain/postings-recovery.ts';
import { bookableRefund, type BookedTransaction } from '../domain/reconciliation.ts';

interface Because {
  /** Kind of the difference. */
  difference: string;
  approval: string;
}

/** Fees that Stripe takes by themselves: an expense, nothing to explain. */
const STRIPE_FEES = new Set(['stripe_fee', 'stripe_fx_fee', 'tax_fee', 'network_cost', 'payout_minimum_balance_fee']);

/** Once per balance transaction, whoever posts it first. Answers what was done, in words. */
export async function postTransaction(tx: Tx, bt: BookedTransaction, because: Because): Promise<string> {
  switch (because.difference) {
    case 'transfer_not_posted':
      return postOurTransfer(tx, bt);
    case 'refund_not_posted':
      return postOurRefund(tx, bt);
    case 'reversal_not_posted':
    case 'reversal_outside':
      return postReversal(tx, bt, because);
    case 'top_up_not_posted':
      return postOnce(tx, bt, because, 'top_up', toppedUp(bt));
    case 'payout_not_posted':
    case 'payout_status':
      return postPayout(tx, bt, because);
    default:
      if (STRIPE_FEES.has(bt.type)) return postOnce(tx, bt, because, 'stripe_fee', toAccount(bt, account.stripeFees));
      return postUnexplained(tx, bt, because);
  }
}

export async function postUnexplained(tx: Tx, bt: BalanceTransaction, because: Because): Promise<string> {
  const what = await postOnce(tx, bt, because, 'unexplained', unexplained(bt));
  await raiseAlert(tx, {
    kind: 'unexplained_posting',
    key: `unexplained:${bt.id}`,
    detail: { balance_transaction: bt.id, type: bt.type, amount: Number(bt.amountMinor), currency: bt.currency },
  });
  return what;
}

async function postOnce(tx: Tx, bt: BalanceTransaction, { approval, difference }: Because, kind: string, parts: Leg[], escrowId?: string): Promise<string> {
  const known = await tx`SELECT FROM ledger_transactions WHERE stripe_balance_transaction_id = ${bt.id} AND kind <> 'matured'`;
  if (known.length > 0) return MEANWHILE;
  await recordBalanceTransaction(tx, bt);
  await post(tx, {
    key: `reconciled:${bt.id}`,
    kind,
    currency: bt.currency,
    legs: parts,
    escrowId,
    balanceTransactionId: bt.id,
    cause: { approval, difference, stripe: bt.sourceId ?? bt.id },
  });
  return `posted as ${kind.replaceAll('_', ' ')}`;
} // prettier-ignore

const toAccount = (bt: BalanceTransaction, to: string): Leg[] =>
  legs(
    { account: stripeAccount(bt), amountMinor: bt.netMinor },
    { account: account.stripeFees, amountMinor: bt.feeMinor },
    { account: to, amountMinor: -bt.amountMinor },
  );

/** On its way to the bank, and there once Stripe says so; back from there where it failed after it had arrived. */
async function postPayout(tx: Tx, bt: BookedTransaction, because: Because): Promise<string> {
  const { source } = bt;
  const said = await postOnce(tx, bt, because, 'platform_payout', toAccount(bt, account.bankInTransit));
  const arrived =
    await tx`SELECT FROM ledger_transactions WHERE idempotency_key = ${payoutArrivedKey(source?.id ?? '')}`;
  const arrives = bt.type === 'payout' && source?.status === 'paid';
  if (source === null || (!arrives && (bt.type === 'payout' || arrived.length === 0))) return said;
  await post(tx, {
    key: arrives ? payoutArrivedKey(source.id) : `payout_returned:${source.id}`,
    kind: arrives ? 'payout_arrived' : 'payout_returned',
    currency: bt.currency,
    cause: { stripe: source.id },
    legs: legs(
      { account: recoveryAccount.bank, amountMinor: -bt.amountMinor },
      { account: account.bankInTransit, amountMinor: bt.amountMinor },
    ),
  });
  return arrives ? 'posted as arrived at the bank' : `${said}, back from the bank`;
}

/** As its activity would: under the same key, so that its next try finds it done. */
async function postOurTransfer(tx: Tx, bt: BookedTransaction): Promise<string> {
  const { id, made } = ours(bt, 'transfer_id');
  return (await bookTransfer(tx, id, made)) ? 'posted as the transfer that it is' : MEANWHILE;
}

/** As its activity would; whose next try, or Stripe's event, tells the escrow. */
async function postOurRefund(tx: Tx, bt: BookedTransaction): Promise<string> {
  const { id, made } = ours(bt, 'refund_id');
  const known = await lockMovement(tx, id);
  assert(known !== null, `refund ${id} is not known`);
  if (known.status !== 'reserved') return MEANWHILE;
  const status = bookableRefund(bt.source!.status);
  if (status === null) throw new RuleError('action_not_available', `Refund ${made.stripeId} is ${bt.source!.status} at Stripe by now: the next run says what to do.`); // prettier-ignore
  await bookRefund(tx, known, made);
  await changeMovement(tx, id, { status, stripe_id: made.stripeId, balance_transaction_id: bt.id });
  return 'posted as the refund that it is';
}

/** What came back of a transfer waits on hold for its seller, whoever reversed it. */
async function postReversal(tx: Tx, bt: BookedTransaction, because: Because): Promise<string> {
  const { source } = bt;
  const [transfer] = await tx<Movement[]>`
    SELECT * FROM movements WHERE kind = 'transfer' AND stripe_id = ${source?.transferId ?? ''} FOR UPDATE`;
  // Of a transfer that was made by hand: nobody's money is on hold.
  if (!transfer?.milestone_id || !transfer.seller_id) return postUnexplained(tx, bt, because);
  const id = source!.metadata['reversal_id'] ?? `rev_${because.approval.slice(4)}`;
  // Ours is reserved already; one that was made by hand is written down now.
  await reserveMovement(tx, {
    id,
    kind: 'reversal',
    escrowId: transfer.escrow_id,
    milestoneId: transfer.milestone_id,
    sellerId: transfer.seller_id,
    part: transfer.part ?? undefined,
    amountMinor: bt.amountMinor,
    currency: bt.currency,
    settledMinor: bt.amountMinor,
    settlementCurrency: bt.currency,
    chargeId: transfer.stripe_charge_id ?? undefined,
    reverses: transfer.id,
  });
  const booked = await bookReversal(tx, id, { stripeId: source!.id, bt }, { approval: because.approval });
  return booked ? 'posted: it waits on hold for the seller' : MEANWHILE;
}

const MEANWHILE = 'was posted meanwhile';

/** The movement that Stripe's object names as its own. */
function ours({ source, ...bt }: BookedTransaction, named: 'transfer_id' | 'refund_id'): { id: string; made: Made } {
  const id = source?.metadata[named];
  assert(source && id, `balance transaction ${bt.id} names no movement`);
  return { id, made: { stripeId: source.id, bt } };
}
