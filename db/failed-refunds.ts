// Refunds of ended escrows that came back from the bank: what the buyer is still owed, and how it was paid in the end.
// Each change of a row goes with its posting and its line of the timeline in one transaction.
import { type Leg, refundAsked, unallocatedRefundAsked } from '../domain/postings.ts';
import { refundPaidByBank } from '../domain/postings-recovery.ts';
import { RuleError } from '../domain/errors.ts';
import { type OwedRefund, takeOfOwed } from '../domain/recovery.ts';
import { disputeHolds } from './card-disputes.ts';
import type { Queryable, Tx } from './client.ts';
import { appendEvent } from './escrow-events.ts';
import { post } from './ledger.ts';

export const FAILED_REFUND_STATUSES = ['owed', 'trying', 'repaid', 'paid_by_bank'] as const;
export type FailedRefundStatus = (typeof FAILED_REFUND_STATUSES)[number];

export interface FailedRefund extends OwedRefund {
  /** Of the refund that failed first. */
  id: string;
  escrow_id: string;
  /** Null: a whole charge that was never allocated. */
  milestone_id: string | null;
  seller_id: string | null;
  payment_id: string;
  payment_intent_id: string;
  charge_id: string;
  /** What the buyer is to get, terms' currency. */
  amount: bigint;
  currency: string;
  /** Settlement currency, as the two below. */
  principal: bigint;
  buyer_fee: bigint;
  buyer_fee_returned: bigint;
  settlement_currency: string;
  status: FailedRefundStatus;
  /** 1 is the refund itself; each later one is a movement of its own. */
  attempt: number;
  code: string | null;
  reference: string | null;
  approval_id: string | null;
  created_at: Date;
  updated_at: Date;
}

/** The movement of an attempt. */
export const attemptId = (f: Pick<FailedRefund, 'id' | 'attempt'>): string =>
  f.attempt === 1 ? f.id : `${f.id}_${f.attempt}`;

/** What the buyer was to get of the ledger's money, settlement currency. */
export const settledMinor = (f: Pick<FailedRefund, 'principal' | 'buyer_fee_returned'>): bigint =>
  f.principal + f.buyer_fee_returned;

export async function findFailedRefund(sql: Queryable, id: string): Promise<FailedRefund | null> {
  const [row] = await sql<FailedRefund[]>`SELECT * FROM failed_refunds WHERE id = ${id}`;
  return row ?? null;
}

export async function lockFailedRefund(tx: Tx, id: string): Promise<FailedRefund | null> {
  const [row] = await tx<FailedRefund[]>`SELECT * FROM failed_refunds WHERE id = ${id} FOR UPDATE`;
  return row ?? null;
}

/** A refund as it was made: its pieces stand in its milestone's state, or it is the whole of a charge. Null: no such refund. */
export async function refundAsMade(sql: Queryable, id: string): Promise<FailedRefund | null> {
  const [row] = await sql<FailedRefund[]>`
    SELECT m.id, m.escrow_id, m.milestone_id, m.seller_id, m.payment_id, p.stripe_id AS payment_intent_id,
           m.stripe_charge_id AS charge_id, m.amount, m.currency, m.settlement_currency,
           coalesce((r.piece ->> 'principal')::bigint, m.settled_amount) AS principal,
           coalesce((r.piece ->> 'buyerFee')::bigint, 0) AS buyer_fee,
           coalesce((r.piece ->> 'buyerFeeReturned')::bigint, 0) AS buyer_fee_returned,
           'repaid' AS status, 1 AS attempt, NULL AS code, NULL AS reference, NULL AS approval_id, m.created_at, m.updated_at
    FROM movements m
    JOIN movements p ON p.id = m.payment_id
    LEFT JOIN LATERAL (
      SELECT piece FROM milestones s, jsonb_array_elements(s.state -> 'refunds') piece
      WHERE s.id = m.milestone_id AND piece ->> 'id' = m.id
    ) r ON true
    WHERE m.id = ${id} AND m.kind = 'refund' AND (m.milestone_id IS NULL OR r.piece IS NOT NULL)`;
  return row ?? null;
}

/** Newest first. */
export async function listFailedRefunds(
  sql: Queryable,
  filter: { status?: FailedRefundStatus | undefined; startingAfter?: string | undefined; limit: number },
): Promise<FailedRefund[]> {
  return sql<FailedRefund[]>`
    SELECT * FROM failed_refunds
    WHERE ${filter.status === undefined ? sql`true` : sql`status = ${filter.status}`}
      AND ${filter.startingAfter === undefined ? sql`true` : sql`id < ${filter.startingAfter}`}
    ORDER BY id DESC LIMIT ${filter.limit}`;
}

/** The legs of its asking: what the refund takes out of what is held. */
export const askedLegs = (f: FailedRefund, refundId: string): Leg[] =>
  f.milestone_id === null
    ? unallocatedRefundAsked(f.payment_id, refundId, settledMinor(f))
    : refundAsked({
        refundId,
        milestoneId: f.milestone_id,
        sellerId: f.seller_id!,
        principalMinor: f.principal,
        buyerFeeMinor: f.buyer_fee,
        buyerFeeReturnedMinor: f.buyer_fee_returned,
      });

/** An attempt failed, and its posting is undone in this transaction: the buyer is owed the money. */
export async function cameBack(tx: Tx, f: FailedRefund, code: string): Promise<void> {
  await tx`
    INSERT INTO failed_refunds (id, escrow_id, milestone_id, seller_id, payment_id, payment_intent_id, charge_id, amount, currency,
                                principal, buyer_fee, buyer_fee_returned, settlement_currency, status, attempt, code)
    VALUES (${f.id}, ${f.escrow_id}, ${f.milestone_id}, ${f.seller_id}, ${f.payment_id}, ${f.payment_intent_id}, ${f.charge_id},
            ${f.amount}, ${f.currency}, ${f.principal}, ${f.buyer_fee}, ${f.buyer_fee_returned}, ${f.settlement_currency},
            'owed', ${f.attempt}, ${code})
    ON CONFLICT (id) DO UPDATE SET status = 'owed', code = EXCLUDED.code, updated_at = now()`;
  await tell(tx, f, 'refund.came_back', { code });
}

/** Stripe has the attempt's word that the buyer was paid. Safe to repeat. */
export async function repaid(tx: Tx, f: FailedRefund): Promise<void> {
  const known = await lockFailedRefund(tx, f.id);
  if (known === null || known.status === 'repaid' || known.status === 'paid_by_bank') return;
  await setStatus(tx, f.id, 'repaid');
  await tell(tx, f, 'refund.repaid', {});
}

/** Takes the next attempt, or goes on with one whose answer is not known. Null: nothing is owed any more. */
export async function nextAttempt(tx: Tx, id: string): Promise<FailedRefund | null> {
  const known = await lockFailedRefund(tx, id);
  if (known === null || known.status === 'repaid' || known.status === 'paid_by_bank') return null;
  if (known.status === 'trying') return known;
  const [row] = await tx<FailedRefund[]>`
    UPDATE failed_refunds SET status = 'trying', attempt = attempt + 1, updated_at = now() WHERE id = ${id} RETURNING *`;
  return row!;
}

/** Nothing was asked of Stripe: owed as before. */
export async function notTried(tx: Tx, id: string, code: string): Promise<void> {
  await tx`UPDATE failed_refunds SET status = 'owed', code = ${code}, updated_at = now() WHERE id = ${id} AND status = 'trying'`;
}

/** Refunds of a charge that came back and are still owed, held until the transaction's end: nobody pays them meanwhile. */
export async function holdOwed(tx: Tx, chargeId: string): Promise<void> {
  await tx`SELECT FROM failed_refunds WHERE charge_id = ${chargeId} AND status IN ('owed', 'trying') ORDER BY id FOR UPDATE`;
}

/**
 * A lost dispute took of a milestone's money that lay there for refunds that came back: so much of them the buyer has from the
 * bank, and it is owed no more; the oldest first. Amounts in settlement currency.
 */
export async function takenFromOwed(
  tx: Tx,
  disputeId: string,
  taken: { milestoneId: string; heldMinor: bigint; feeUnearnedMinor: bigint },
): Promise<void> {
  const rows = await tx<FailedRefund[]>`
    SELECT f.* FROM failed_refunds f
    WHERE f.milestone_id = ${taken.milestoneId} AND f.status IN ('owed', 'trying')
      -- Asked again, its money lies there no more.
      AND NOT EXISTS (SELECT FROM movements m WHERE m.id = CASE f.attempt WHEN 1 THEN f.id ELSE f.id || '_' || f.attempt END
                        AND m.status NOT IN ('failed', 'canceled'))
    ORDER BY f.created_at, f.id FOR UPDATE OF f`;
  for (const { of, left } of takeOfOwed(rows, taken)) {
    if (left.amount > 0n) await tx`UPDATE failed_refunds SET ${tx(left)}, updated_at = now() WHERE id = ${of.id}`;
    else
      await tx`UPDATE failed_refunds SET status = 'repaid', code = 'charged_back', updated_at = now() WHERE id = ${of.id}`;
    await tell(tx, { ...of, amount: of.amount - left.amount }, 'refund.charged_back', { dispute_id: disputeId });
  }
}

/**
 * The platform paid the buyer by a transfer of its own bank, by the approval that allowed it; a repetition with the same
 * approval does nothing more. Null: no such refund. @throws RuleError where nothing is owed, an attempt is under way, or a bank
 * is at the payment
 */
export async function payByBank(
  tx: Tx,
  id: string,
  by: { approvalId: string; reference: string },
): Promise<FailedRefund | null> {
  const known = await lockFailedRefund(tx, id);
  if (known === null || known.approval_id === by.approvalId) return known;
  if (known.status !== 'owed') throw new RuleError('action_not_available', bankRefusal(known));
  if (await disputeHolds(tx, known.charge_id)) throw new RuleError('action_not_available', BANK_DECIDES);
  const refundId = `${id}_bank`;
  await post(tx, {
    key: `refund_asked:${refundId}`,
    kind: 'refund_asked',
    currency: known.settlement_currency,
    escrowId: known.escrow_id,
    cause: { failed_refund: id, approval: by.approvalId },
    legs: askedLegs(known, refundId),
  });
  await post(tx, {
    key: `refund_paid_by_bank:${refundId}`,
    kind: 'refund_paid_by_bank',
    currency: known.settlement_currency,
    escrowId: known.escrow_id,
    cause: { failed_refund: id, approval: by.approvalId, reference: by.reference },
    legs: refundPaidByBank(refundId, settledMinor(known), known.milestone_id ?? undefined),
  });
  const [row] = await tx<FailedRefund[]>`
    UPDATE failed_refunds SET status = 'paid_by_bank', reference = ${by.reference}, approval_id = ${by.approvalId}, updated_at = now()
    WHERE id = ${id} RETURNING *`;
  await tell(tx, known, 'refund.paid_by_bank', { reference: by.reference });
  return row!;
}

/** While a bank is at the payment, it may give the buyer this money itself. */
export const BANK_DECIDES = 'A bank decides over this payment, and may give the buyer the money: wait for it, or the buyer may be paid twice.'; // prettier-ignore

/** Why it cannot be paid by bank transfer now; also the answer of the API. */
export const bankRefusal = (f: Pick<FailedRefund, 'status'>): string =>
  f.status === 'trying'
    ? 'This refund is being tried again at this moment: wait for its answer, or the buyer may be paid twice.'
    : 'The buyer has this money already: nothing of it is owed.';

const setStatus = (tx: Tx, id: string, status: FailedRefundStatus) =>
  tx`UPDATE failed_refunds SET status = ${status}, updated_at = now() WHERE id = ${id}`;

const tell = (tx: Tx, f: FailedRefund, type: string, more: Record<string, string>): Promise<void> =>
  appendEvent(tx, {
    escrowId: f.escrow_id,
    type,
    milestoneId: f.milestone_id,
    data: { refund_id: f.id, amount: Number(f.amount), ...more },
  });
