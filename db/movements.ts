// The rows behind every movement of money: the intent with its attempts, what its charge still has, what Stripe booked.
import { createHash } from 'node:crypto';
import type { AlertKind } from '../domain/alerts.ts';
import type { BalanceTransaction } from '../domain/postings.ts';
import { canonicalJson } from '../domain/terms.ts';
import type { Queryable, Tx } from './client.ts';

export type MovementKind = 'payment' | 'transfer' | 'refund' | 'reversal';
export type MovementStatus =
  | 'reserved'
  | 'requires_payment_method'
  | 'requires_action'
  | 'processing'
  | 'pending'
  | 'succeeded'
  | 'failed'
  | 'canceled';

export interface Movement {
  id: string;
  kind: MovementKind;
  escrow_id: string;
  milestone_id: string | null;
  seller_id: string | null;
  part: number | null;
  amount: bigint;
  currency: string;
  settled_amount: bigint | null;
  settlement_currency: string | null;
  status: MovementStatus;
  payment_id: string | null;
  stripe_id: string | null;
  stripe_charge_id: string | null;
  balance_transaction_id: string | null;
  reason: string | null;
  /** Of a reversal: the transfer that it takes back. */
  reverses: string | null;
  /** The refund or dispute for which released money is taken back, or paid again. */
  recovery_id: string | null;
  error_code: string | null;
  error_message: string | null;
  created_at: Date;
  updated_at: Date;
}

export interface NewMovement {
  id: string;
  kind: MovementKind;
  escrowId: string;
  milestoneId?: string | undefined;
  sellerId?: string | undefined;
  part?: number | undefined;
  amountMinor: bigint;
  currency: string;
  settledMinor?: bigint | undefined;
  settlementCurrency?: string | undefined;
  paymentId?: string | undefined;
  chargeId?: string | undefined;
  reason?: string | undefined;
  reverses?: string | undefined;
  recoveryId?: string | undefined;
}

/** Writes the intent, or finds it; locked until the transaction ends. `created` tells which. */
export async function reserveMovement(tx: Tx, m: NewMovement): Promise<{ movement: Movement; created: boolean }> {
  const inserted = await tx<Movement[]>`
    INSERT INTO movements (id, kind, escrow_id, milestone_id, seller_id, part, amount, currency, settled_amount,
                           settlement_currency, status, payment_id, stripe_charge_id, reason, reverses, recovery_id)
    VALUES (${m.id}, ${m.kind}, ${m.escrowId}, ${m.milestoneId ?? null}, ${m.sellerId ?? null}, ${m.part ?? null},
            ${m.amountMinor}, ${m.currency}, ${m.settledMinor ?? null}, ${m.settlementCurrency ?? null}, 'reserved',
            ${m.paymentId ?? null}, ${m.chargeId ?? null}, ${m.reason ?? null}, ${m.reverses ?? null}, ${m.recoveryId ?? null})
    ON CONFLICT (id) DO NOTHING RETURNING *`;
  if (inserted[0]) return { movement: inserted[0], created: true };
  return { movement: (await lockMovement(tx, m.id))!, created: false };
}

export async function lockMovement(tx: Tx, id: string): Promise<Movement | null> {
  const rows = await tx<Movement[]>`SELECT * FROM movements WHERE id = ${id} FOR UPDATE`;
  return rows[0] ?? null;
}

export async function findMovement(sql: Queryable, id: string): Promise<Movement | null> {
  const rows = await sql<Movement[]>`SELECT * FROM movements WHERE id = ${id}`;
  return rows[0] ?? null;
}

/** Movements of one escrow and kind, oldest first. */
export async function movementsOf(sql: Queryable, escrowId: string, kind: MovementKind): Promise<Movement[]> {
  return sql<
    Movement[]
  >`SELECT * FROM movements WHERE escrow_id = ${escrowId} AND kind = ${kind} ORDER BY created_at, id`;
}

export interface MovementChange {
  status?: MovementStatus;
  stripe_id?: string | null;
  stripe_charge_id?: string | null;
  balance_transaction_id?: string | null;
  settled_amount?: bigint | null;
  settlement_currency?: string | null;
  error_code?: string | null;
  error_message?: string | null;
}

export async function changeMovement(tx: Tx, id: string, change: MovementChange): Promise<void> {
  await tx`UPDATE movements SET ${tx(change)}, updated_at = now() WHERE id = ${id}`;
}

/** What Stripe has made of a movement: its object and what it booked of it. */
export interface Made {
  stripeId: string;
  bt: BalanceTransaction;
}

/** Stripe has made it: its object, what was booked, and no error any more. What is particular to a kind goes into `more`. */
export async function settleMovement(tx: Tx, id: string, { stripeId, bt }: Made, more: MovementChange = {}): Promise<void> {
  await recordBalanceTransaction(tx, bt);
  await changeMovement(tx, id, { status: 'succeeded', stripe_id: stripeId, balance_transaction_id: bt.id, error_code: null, error_message: null, ...more });
} // prettier-ignore

export class KeyMismatch extends Error {
  override name = 'KeyMismatch';
}

/** Its money went another way after it was reserved: a lost dispute took it, or a refund withdrew it. */
export class TransferCanceled extends Error {
  override name = 'TransferCanceled';
  readonly code: string | null;

  constructor(id: string, code: string | null) {
    super(`transfer ${id} was canceled: ${code ?? 'withdrawn'}`);
    this.code = code;
  }
}

/** Why a transfer that a lost chargeback took whole was canceled. */
export const TAKEN_BY_LOSS = 'charge_disputed';

/** A release part, by its transfer. */
export interface PartToPay {
  transferId: string;
  chargeId: string;
  milestoneId: string;
  part: number;
  amountMinor: bigint;
}

/**
 * A loss is planned before it is settled, and reversals lie between: what its plan takes of a part is not to be paid in that time.
 * @throws TransferCanceled where it takes all; an Error that has the activity tried again where something will be left
 */
export async function refuseWhatALossTakes(tx: Tx, p: PartToPay): Promise<void> {
  const [row] = await tx<{ minor: bigint | null }[]>`
    SELECT sum((taken ->> 'minor')::bigint)::bigint AS minor
    FROM disputes d, jsonb_array_elements(d.state -> 'plan' -> 'accepted') taken
    WHERE d.charge_id = ${p.chargeId} AND taken ->> 'milestoneId' = ${p.milestoneId} AND (taken ->> 'part')::integer = ${p.part}
      AND NOT EXISTS (SELECT FROM charged_back_parts c WHERE c.transfer_id = ${p.transferId} AND c.dispute_id = d.id)`;
  const minor = row!.minor;
  if (minor === null) return;
  if (minor >= p.amountMinor) throw new TransferCanceled(p.transferId, TAKEN_BY_LOSS);
  throw new Error(`a lost dispute takes ${minor} of transfer ${p.transferId}: it is tried again when that is settled`);
}

/**
 * Notes that a key is about to be given to Stripe. Answers how old its first use is, which decides whether Stripe still
 * remembers it. @throws KeyMismatch where the key was used with other parameters: that is a fault of ours, never retried;
 * TransferCanceled where a transfer is none any more, or is being taken by a loss
 */
export async function noteCall(
  tx: Tx,
  movementId: string,
  generation: number,
  key: string,
  params: Record<string, unknown>,
): Promise<{ firstCallAgeMs: number | null }> {
  const known = await lockMovement(tx, movementId);
  if (known?.kind === 'transfer' && known.status === 'canceled')
    throw new TransferCanceled(movementId, known.error_code);
  if (
    known?.kind === 'transfer' &&
    known.part !== null &&
    known.stripe_charge_id !== null &&
    known.recovery_id === null
  ) {
    await refuseWhatALossTakes(tx, { transferId: movementId, chargeId: known.stripe_charge_id, milestoneId: known.milestone_id!, part: known.part, amountMinor: known.amount }); // prettier-ignore
  }
  const hash = createHash('sha256').update(canonicalJson(params)).digest('hex');
  await tx`
    INSERT INTO movement_attempts (movement_id, generation, idempotency_key, params_hash)
    VALUES (${movementId}, ${generation}, ${key}, ${hash}) ON CONFLICT DO NOTHING`;
  const rows = await tx<{ params_hash: string; age_ms: number | null }[]>`
    UPDATE movement_attempts new SET calls = old.calls + 1, first_call_at = coalesce(old.first_call_at, now()), last_call_at = now()
    FROM movement_attempts old
    WHERE new.movement_id = old.movement_id AND new.generation = old.generation
      AND new.movement_id = ${movementId} AND new.generation = ${generation}
    RETURNING old.params_hash, (extract(epoch FROM now() - old.first_call_at) * 1000)::float8 AS age_ms`;
  if (rows[0]?.params_hash !== hash) throw new KeyMismatch(`key ${key} was used with other parameters`);
  if (known?.kind === 'transfer' && params['amount'] !== Number(known.amount))
    throw new Error(`transfer ${movementId} has changed since it was read: it is read again`);
  return { firstCallAgeMs: rows[0].age_ms };
}

/** A definite answer ended this key: the next try has a new generation. */
export async function noteRefusal(tx: Tx, movementId: string, generation: number, code: string): Promise<void> {
  await tx`UPDATE movement_attempts SET error_code = ${code} WHERE movement_id = ${movementId} AND generation = ${generation}`;
}

export async function recordBalanceTransaction(tx: Tx, bt: BalanceTransaction): Promise<void> {
  await tx`
    INSERT INTO balance_transactions (id, type, source_id, amount, fee, net, currency, status, available_on, created_at)
    VALUES (${bt.id}, ${bt.type}, ${bt.sourceId}, ${bt.amountMinor}, ${bt.feeMinor}, ${bt.netMinor}, ${bt.currency},
            ${bt.status}, ${new Date(bt.availableOn)}, ${new Date(bt.createdAt)})
    ON CONFLICT (id) DO NOTHING`;
}

export interface ChargeUse {
  transferred?: bigint;
  refunded?: bigint;
  reversed?: bigint;
  /** What the charge may give beyond what it captured: sellers owe it, or the platform bears it. */
  allowance?: bigint;
}

/** Whoever takes money of a charge beside Stripe, or divides its loss, has it alone until the transaction's end. */
export const lockCharge = (tx: Tx, chargeId: string) =>
  tx`SELECT FROM charge_funds WHERE charge_id = ${chargeId} FOR UPDATE`;

/** Takes from what a charge may still give (negative: gives back). The row's check refuses an overdraft. */
export async function useCharge(tx: Tx, chargeId: string, use: ChargeUse): Promise<void> {
  await tx`
    UPDATE charge_funds SET transferred = transferred + ${use.transferred ?? 0n}, refunded = refunded + ${use.refunded ?? 0n},
      reversed = reversed + ${use.reversed ?? 0n}, allowance = allowance + ${use.allowance ?? 0n}
    WHERE charge_id = ${chargeId}`;
}

export async function openCharge(
  tx: Tx,
  c: { chargeId: string; paymentId: string; escrowId: string; currency: string; capturedMinor: bigint },
): Promise<void> {
  await tx`
    INSERT INTO charge_funds (charge_id, payment_id, escrow_id, currency, captured)
    VALUES (${c.chargeId}, ${c.paymentId}, ${c.escrowId}, ${c.currency}, ${c.capturedMinor}) ON CONFLICT (charge_id) DO NOTHING`;
}

/** Puts something before ops, once. */
export async function raiseAlert(
  tx: Queryable,
  a: {
    kind: AlertKind;
    key: string;
    escrowId?: string | null;
    detail: Record<string, string | number | boolean | null>;
  },
): Promise<void> {
  await tx`
    INSERT INTO alerts (kind, dedupe_key, escrow_id, detail)
    VALUES (${a.kind}, ${a.key}, ${a.escrowId ?? null}, ${tx.json(a.detail)}) ON CONFLICT (dedupe_key) DO NOTHING`;
}

/** Payments of an escrow whose charge Stripe has not made available yet. */
export async function pendingPayments(sql: Queryable, escrowId: string): Promise<Set<string>> {
  const rows = await sql<{ id: string }[]>`
    SELECT m.id FROM movements m JOIN balance_transactions b ON b.id = m.balance_transaction_id
    WHERE m.escrow_id = ${escrowId} AND m.kind = 'payment' AND b.available_on > now()`;
  return new Set(rows.map((row) => row.id));
}

/** Since when the platform holds what a payment brought. */
export async function heldSince(sql: Queryable, paymentId: string): Promise<Date | null> {
  const [row] = await sql<{ created_at: Date }[]>`SELECT created_at FROM movements WHERE id = ${paymentId}`;
  return row?.created_at ?? null;
}
