// What a reconciliation finds, judged purely: two sides in, a difference with its most likely cause and its repairs out.
import type { BalanceTransaction } from './postings.ts';

/** An object of Stripe's lists in the shape that all of them are compared in. */
export interface BookObject {
  id: string;
  kind: BookKind;
  /** Stripe's own word; its enums are open. */
  status: string;
  /** Of a charge: captured. */
  amountMinor: bigint;
  currency: string;
  /** Milliseconds. */
  createdAt: number;
  metadata: Record<string, string>;
  chargeId: string | null;
  paymentIntentId: string | null;
  /** Of a reversal. */
  transferId: string | null;
  balanceTransactionId: string | null;
}
export const BOOK_LISTS = ['charge', 'refund', 'transfer', 'dispute', 'payout', 'topup'] as const;
export type BookList = (typeof BOOK_LISTS)[number];
export type BookKind = BookList | 'transfer_reversal' | 'other';

/** A balance transaction with the object that caused it, where Stripe names one. */
export interface BookedTransaction extends BalanceTransaction {
  source: BookObject | null;
}

export const REPAIRS = ['deliver_event', 'post', 'correct', 'reverse_transfer', 'project_again', 'explain'] as const;
export type Repair = (typeof REPAIRS)[number];

export const DIFFERENCE_KINDS = [
  'payment_not_posted', 'charge_outside', 'refund_not_posted', 'refund_outside', 'refund_status', 'transfer_not_posted',
  'transfer_outside', 'reversal_not_posted', 'reversal_outside', 'dispute_not_posted', 'dispute_status', 'payout_not_posted',
  'payout_status', 'top_up_not_posted', 'transaction_not_posted', 'amount_differs', 'unknown_to_stripe', 'payment_status',
  'seller_payout', 'seller_balance', 'balance_drift', 'workflow_differs', 'invariant',
] as const; // prettier-ignore
export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number];

/** How a difference is looked at again: by reading one object anew. */
export interface Look {
  list: BookList | 'transaction' | 'payment_intent';
  id: string;
}

export type Side = Record<string, string | number | boolean | null>;

export interface Difference {
  kind: DifferenceKind;
  subject: string;
  escrowId: string | null;
  amountMinor: bigint | null;
  currency: string | null;
  stripe: Side | null;
  ours: Side | null;
  cause: string;
  /** The first is recommended. */
  repairs: Repair[];
  look: Look | null;
  /** Milliseconds; null where no moment belongs to it. */
  happenedAt: number | null;
}

/** What the database knows of a Stripe object. */
export interface Known {
  movement: { id: string; kind: string; status: string; escrowId: string; amountMinor: bigint } | null;
  dispute: { id: string; status: string; escrowId: string } | null;
  /** Its balance transaction has a posting. */
  posted: boolean;
  /** Of a payout of the platform's own: the ledger has it at the bank. */
  arrived: boolean;
  /** The escrow whose charge it is of. */
  chargeEscrowId: string | null;
  /** The newest event about it in the inbox. */
  event: { id: string; type: string; state: string; error: string | null } | null;
}

export const NOTHING_KNOWN: Known = {
  movement: null,
  dispute: null,
  posted: false,
  arrived: false,
  chargeEscrowId: null,
  event: null,
};

/** A balance transaction against its posting. `postedMinor`: what the ledger's stripe accounts got of it; null: no posting. */
export function judgeTransaction(bt: BookedTransaction, postedMinor: bigint | null, known: Known): Difference | null {
  if (postedMinor === bt.netMinor || (postedMinor === null && bt.netMinor === 0n)) return null;
  const look: Look = { list: 'transaction', id: bt.id };
  if (postedMinor !== null) {
    return {
      ...sides(bt, known, look),
      kind: 'amount_differs',
      subject: bt.id,
      amountMinor: bt.netMinor - postedMinor,
      ours: { ...ourSide(known), posted: Number(postedMinor) },
      cause: `The ledger has ${postedMinor} of this balance transaction, Stripe ${bt.netMinor}: the posting was made from other figures, or a row was changed by hand.`,
      repairs: ['correct', 'explain'],
    };
  }
  const { kind, cause, repairs } = unposted(bt, known);
  const subject = bt.source === null || kind === 'transaction_not_posted' || kind.startsWith('reversal') ? bt.id : bt.source.id; // prettier-ignore
  return { ...sides(bt, known, look), kind, subject, cause, repairs };
}

type Judged = Pick<Difference, 'kind' | 'cause' | 'repairs'>;
const DELIVER: Repair[] = ['deliver_event', 'explain'];
const POST: Repair[] = ['post', 'explain'];

function unposted(bt: BookedTransaction, known: Known): Judged {
  const { source } = bt;
  const ours = known.movement !== null;
  if (bt.type === 'transfer_refund' || source?.kind === 'transfer_reversal') {
    // Ours names the reversal's movement; the bare transfer only tells what was taken back.
    if (ours && known.movement!.kind === 'reversal') return { kind: 'reversal_not_posted', cause: `Our reversal ${known.movement!.id} is booked at Stripe and not in the ledger: the answer to the call was lost, and its activity has not come through again.`, repairs: POST }; // prettier-ignore
    return { kind: 'reversal_outside', cause: "A transfer to a seller was reversed by hand in Stripe's dashboard: the money is back on the platform's balance, and the ledger still says that the seller has it.", repairs: POST }; // prettier-ignore
  }
  switch (source?.kind) {
    case 'charge':
      if (bt.amountMinor < 0n && ours) return { kind: 'dispute_not_posted', cause: `A bank debit came back after it had succeeded, and the ledger does not have it. ${eventWords(known)}`, repairs: DELIVER }; // prettier-ignore
      return ours ? { kind: 'payment_not_posted', cause: paymentWords(known), repairs: DELIVER } : { kind: 'charge_outside', cause: OUTSIDE_CHARGE, repairs: POST }; // prettier-ignore
    case 'refund':
      if (bt.amountMinor > 0n) return ours ? { kind: 'refund_status', cause: `The refund failed at Stripe and its money came back. ${eventWords(known)}`, repairs: DELIVER } : { kind: 'transaction_not_posted', cause: 'A refund that was made by hand failed, and its money came back.', repairs: POST }; // prettier-ignore
      return ours ? refundNotPosted(source, known) : { kind: 'refund_outside', cause: outsideRefund(known), repairs: POST }; // prettier-ignore
    case 'transfer':
      return ours ? { kind: 'transfer_not_posted', cause: `Our transfer ${known.movement!.id} is booked at Stripe and not in the ledger: the answer to the call was lost, and its activity has not come through again.`, repairs: POST } : { kind: 'transfer_outside', cause: OUTSIDE_TRANSFER, repairs: ['reverse_transfer', 'post', 'explain'] }; // prettier-ignore
    case 'dispute':
      return { kind: 'dispute_not_posted', cause: `Stripe moved money of a card dispute that the ledger does not have. ${eventWords(known)}`, repairs: DELIVER }; // prettier-ignore
    case 'payout':
      return { kind: 'payout_not_posted', cause: payoutWords(bt), repairs: POST };
    case 'topup':
      return { kind: 'top_up_not_posted', cause: "The platform's balance was topped up, by hand in Stripe's dashboard or by a float whose answer came later: it is the platform's own money.", repairs: POST }; // prettier-ignore
    default:
      return { kind: 'transaction_not_posted', cause: `Stripe booked ${bt.type.replaceAll('_', ' ')} by itself: a fee, an adjustment or a reserve that no call of ours asked for.`, repairs: POST }; // prettier-ignore
  }
}

const OUTSIDE_CHARGE =
  "A charge without our metadata: made in Stripe's dashboard, by a payment link, or by another product on the same account.";
const OUTSIDE_TRANSFER =
  "A transfer without our metadata: made by hand in Stripe's dashboard. It left the balance that holds buyers' money, and no release asked for it.";

const outsideRefund = (known: Known): string =>
  `Refunded by hand in Stripe's dashboard: the refund carries no metadata of ours.${known.chargeEscrowId === null ? ' Its charge is not ours either.' : ` The buyer of escrow ${known.chargeEscrowId} has the money back, and the escrow still counts it as held: settle the escrow so that it is not paid out too.`}`;

const paymentWords = (known: Known): string =>
  `The payment ${known.movement!.id} succeeded at Stripe, here it is ${known.movement!.status.replaceAll('_', ' ')}. ${eventWords(known)}`;

function payoutWords(bt: BookedTransaction): string {
  if (bt.type === 'payout_failure') return "A payout of the platform's own failed: its money is back on the balance.";
  if (bt.type === 'payout_cancel') return "A payout of the platform's own was cancelled: its money is back on the balance.";
  return "The platform's balance was paid out to its bank, by hand in Stripe's dashboard or by a schedule that should be manual.";
} // prettier-ignore

/**
 * One whose answer nobody has is unknown to its workflow too, so that an event tells it nothing: it is posted as its activity
 * would. One that Stripe took money for later, only its event was lost.
 */
function refundNotPosted(o: BookObject, known: Known): Judged {
  const { id, status } = known.movement!;
  const cause = `Stripe has made our refund ${id} (it is ${o.status.replaceAll('_', ' ')}), and it is not in the ledger`;
  if (status !== 'reserved') return { kind: 'refund_not_posted', cause: `${cause}. ${eventWords(known)}`, repairs: DELIVER };
  const bookable = o.balanceTransactionId !== null && bookableRefund(o.status) !== null;
  return { kind: 'refund_not_posted', cause: `${cause}: the answer to the call was lost, and its activity has not come through again. It goes on by itself, or once ops lift the freeze of its milestone.`, repairs: bookable ? POST : ['explain'] };
} // prettier-ignore

/** What a refund of Stripe's is here once it is booked; null where it is not to be booked as one that was made. */
export function bookableRefund(status: string): 'succeeded' | 'pending' | null {
  if (status === 'requires_action') return 'pending';
  return status === 'succeeded' || status === 'pending' ? status : null;
}

/** What became of the webhook that should have told it. */
export function eventWords({ event }: Pick<Known, 'event'>): string {
  if (event === null) return 'No event about it has arrived: the webhook was lost.';
  switch (event.state) {
    case 'parked':
      return `Its event ${event.id} is parked: ${event.error ?? 'its tries ran out'}.`;
    case 'quarantined':
      return `Its event ${event.id} is quarantined: ${event.error ?? 'it is not for this installation'}.`;
    case 'received':
      return `Its event ${event.id} waits in the inbox${event.error === null ? '' : ` and fails: ${event.error}`}.`;
    default:
      return `Its event ${event.id} was ${event.state}: what it told did not reach the books.`;
  }
}

/** An object of one of Stripe's lists against our row of it. Its money is judged by its balance transaction. */
export function judgeObject(o: BookObject, known: Known): Difference | null {
  const judged = objectDiffers(o, known);
  if (judged === null) return null;
  return { ...objectSides(o, known), ...judged };
}

function objectDiffers(o: BookObject, known: Known): Judged | null {
  const { movement } = known;
  // Moved by hand, found by an earlier run and posted: there is no row of ours that could say more.
  if (o.kind !== 'payout' && known.dispute === null && movement === null && known.posted) return null;
  switch (o.kind) {
    case 'charge':
      if (o.status !== 'succeeded' || o.amountMinor === 0n) return null;
      if (movement === null) return { kind: 'charge_outside', cause: OUTSIDE_CHARGE, repairs: POST };
      return movement.status === 'succeeded' ? null : { kind: 'payment_not_posted', cause: paymentWords(known), repairs: DELIVER }; // prettier-ignore
    case 'refund': {
      const status = o.status === 'requires_action' ? 'pending' : o.status;
      if (movement === null) {
        if (status === 'failed' || status === 'canceled') return null;
        return { kind: 'refund_outside', cause: outsideRefund(known), repairs: o.balanceTransactionId === null ? ['explain'] : POST }; // prettier-ignore
      }
      if (movement.status === status) return null;
      if (movement.status === 'reserved') return refundNotPosted(o, known);
      return { kind: 'refund_status', cause: `Stripe says ${status}, here it is ${movement.status}. ${eventWords(known)}`, repairs: DELIVER }; // prettier-ignore
    }
    case 'transfer':
      if (movement === null) return { kind: 'transfer_outside', cause: OUTSIDE_TRANSFER, repairs: ['reverse_transfer', 'post', 'explain'] }; // prettier-ignore
      return movement.status === 'succeeded' ? null : { kind: 'transfer_not_posted', cause: `Stripe has made it, here it is ${movement.status}: the answer to the call was lost.`, repairs: POST }; // prettier-ignore
    case 'payout':
      if (o.status !== 'paid' || !known.posted || known.arrived) return null;
      return { kind: 'payout_status', cause: 'Stripe says that this payout of the platform’s own is at the bank; the ledger has it on its way.', repairs: POST }; // prettier-ignore
    case 'dispute':
      if (known.dispute === null) return { kind: 'dispute_not_posted', cause: `A card dispute that is not known here. ${eventWords(known)}`, repairs: DELIVER }; // prettier-ignore
      return known.dispute.status === o.status ? null : { kind: 'dispute_status', cause: `Stripe says ${o.status}, here it is ${known.dispute.status}. ${eventWords(known)}`, repairs: DELIVER }; // prettier-ignore
    default:
      return null;
  }
}

/** Our row of a balance transaction that Stripe's list does not have. */
export function unknownToStripe(row: { id: string; netMinor: bigint; currency: string; createdAt: number; escrowId: string | null }): Difference {
  return {
    kind: 'unknown_to_stripe',
    subject: row.id,
    escrowId: row.escrowId,
    amountMinor: -row.netMinor,
    currency: row.currency,
    stripe: null,
    ours: { balance_transaction: row.id, net: Number(row.netMinor) },
    cause: 'The ledger has a posting of a balance transaction that Stripe does not list: it was posted under another Stripe account or key, or written by hand.',
    repairs: ['explain'],
    look: { list: 'transaction', id: row.id },
    happenedAt: row.createdAt,
  };
} // prettier-ignore

const ourSide = (known: Known): Side | null => {
  const { movement, dispute } = known;
  if (movement !== null) return { id: movement.id, kind: movement.kind, status: movement.status, amount: Number(movement.amountMinor) }; // prettier-ignore
  return dispute === null ? null : { id: dispute.id, kind: 'dispute', status: dispute.status };
};

const escrowOf = (known: Known): string | null =>
  known.movement?.escrowId ?? known.dispute?.escrowId ?? known.chargeEscrowId;

const sides = (bt: BookedTransaction, known: Known, look: Look) => ({
  escrowId: escrowOf(known),
  amountMinor: bt.netMinor,
  currency: bt.currency,
  stripe: { balance_transaction: bt.id, type: bt.type, amount: Number(bt.amountMinor), fee: Number(bt.feeMinor), net: Number(bt.netMinor), object: bt.source?.id ?? bt.sourceId, status: bt.source?.status ?? null }, // prettier-ignore
  ours: ourSide(known),
  look,
  happenedAt: bt.createdAt,
});

const objectSides = (o: BookObject, known: Known) => ({
  subject: o.id,
  escrowId: escrowOf(known),
  amountMinor: o.amountMinor,
  currency: o.currency,
  stripe: {
    object: o.id,
    status: o.status,
    amount: Number(o.amountMinor),
    balance_transaction: o.balanceTransactionId,
  },
  ours: ourSide(known),
  look: { list: o.kind as BookList, id: o.id },
  happenedAt: o.createdAt,
});

/** What a run is asked. */
export interface ReconciliationInput {
  /** Absent: the schedule's own, and the first activity gives it one. */
  runId?: string | undefined;
  days: number;
  /** How long what is under way may take, before a difference is believed. */
  settleMs: number;
}
