// Sellers' debts: opened, taken out of their next releases, repaid, written off, cancelled. Each change of a row goes with
// its posting in one transaction, so that the open rest of all rows is what the ledger's receivables say.
import { type DebtKind, debtRecovered, debtRepaid, debtWrittenOff } from '../domain/postings-recovery.ts';
import { RuleError } from '../domain/errors.ts';
import type { Queryable, Sql, Tx } from './client.ts';
import { newId } from './ids.ts';
import { post } from './ledger.ts';
import { queueMessages } from './messages.ts';
import { raiseAlert } from './movements.ts';

export const DEBT_STATUSES = ['open', 'recovered', 'repaid', 'written_off', 'cancelled'] as const;
export type DebtStatus = (typeof DEBT_STATUSES)[number];

export interface Debt {
  id: string;
  kind: DebtKind;
  seller_id: string;
  escrow_id: string;
  milestone_id: string;
  currency: string;
  amount: bigint;
  recovered: bigint;
  written_off: bigint;
  cancelled: bigint;
  status: DebtStatus;
  cause: Record<string, string>;
  created_at: Date;
  closed_at: Date | null;
  /** Reminders that its seller got. */
  reminders: number;
  /** Since when ops are asked to write it off; two of them decide. */
  write_off_proposed_at: Date | null;
}

export interface NewDebt {
  /** Absent: principal. */
  kind?: DebtKind | undefined;
  sellerId: string;
  escrowId: string;
  milestoneId: string;
  currency: string;
  amountMinor: bigint;
  /** What made it, by id: a refund, a dispute. */
  cause: Record<string, string>;
  /** One debt per key, however often it is opened. */
  dedupeKey: string;
}

export const openRest = (d: Pick<Debt, 'amount' | 'recovered' | 'written_off' | 'cancelled'>): bigint =>
  d.amount - d.recovered - d.written_off - d.cancelled;

export const debtorOf = (d: Debt) => ({
  kind: d.kind,
  escrowId: d.escrow_id,
  milestoneId: d.milestone_id,
  sellerId: d.seller_id,
});

/**
 * Writes the debt, once per key. Its posting (receivable, debit) is the caller's, in the same transaction: it belongs to
 * the refund or the lost dispute.
 */
export async function openDebt(tx: Tx, d: NewDebt): Promise<{ id: string; created: boolean }> {
  const [made] = await tx<{ id: string }[]>`
    INSERT INTO debts (id, kind, seller_id, escrow_id, milestone_id, currency, amount, cause, dedupe_key)
    VALUES (${newId('debt')}, ${d.kind ?? 'principal'}, ${d.sellerId}, ${d.escrowId}, ${d.milestoneId}, ${d.currency}, ${d.amountMinor},
            ${tx.json(d.cause)}, ${d.dedupeKey})
    ON CONFLICT (dedupe_key) DO NOTHING RETURNING id`;
  if (made) {
    const [escrow] = await tx<{ title: string }[]>`SELECT title FROM escrows WHERE id = ${d.escrowId}`;
    await queueMessages(tx, [{ kind: 'debt_opened', key: `debt:${made.id}`, personId: d.sellerId, escrowId: d.escrowId, data: { title: escrow?.title ?? null, amount: Number(d.amountMinor), currency: d.currency, kind: d.kind ?? 'principal' } }]); // prettier-ignore
    return { id: made.id, created: true };
  }
  const [known] = await tx<{ id: string }[]>`SELECT id FROM debts WHERE dedupe_key = ${d.dedupeKey}`;
  return { id: known!.id, created: false };
}

export interface PaidPart {
  /** Id that its transfer has, or would have. */
  transferId: string;
  escrowId: string;
  milestoneId: string;
  sellerId: string;
  currency: string;
  payableMinor: bigint;
}

/** Takes the seller's open debts of that currency out of what is about to be paid, oldest first. Answers how much. */
export async function setOffDebts(tx: Tx, paid: PaidPart): Promise<bigint> {
  const debts = await tx<Debt[]>`
    SELECT * FROM debts WHERE seller_id = ${paid.sellerId} AND currency = ${paid.currency} AND status = 'open'
    ORDER BY created_at, id FOR UPDATE`;
  let left = paid.payableMinor;
  for (const debt of debts) {
    const open = openRest(debt);
    const amountMinor = open < left ? open : left;
    if (amountMinor === 0n) break;
    await tx`INSERT INTO set_offs (transfer_id, debt_id, amount) VALUES (${paid.transferId}, ${debt.id}, ${amountMinor})`;
    await change(tx, debt, { recoveredMinor: amountMinor }, 'recovered');
    await post(tx, {
      key: `set_off:${paid.transferId}:${debt.id}`,
      kind: 'debt_recovered',
      currency: paid.currency,
      escrowId: paid.escrowId,
      cause: { debt: debt.id, transfer: paid.transferId },
      legs: debtRecovered({ escrowId: paid.escrowId, milestoneId: paid.milestoneId }, debtorOf(debt), amountMinor),
    });
    left -= amountMinor;
  }
  return paid.payableMinor - left;
}

/** What was taken out of a part for debts. */
export async function setOffOf(sql: Queryable, transferId: string): Promise<bigint> {
  const [row] = await sql<{ total: bigint }[]>`
    SELECT coalesce(sum(amount), 0)::bigint AS total FROM set_offs WHERE transfer_id = ${transferId}`;
  return row!.total;
}

/** The seller paid by bank transfer. `id` is the command's: a repetition takes nothing more. Null: no such debt. */
export async function repayDebt(
  sql: Sql,
  r: { id: string; debtId: string; amountMinor?: bigint | undefined; reference: string; by: string },
): Promise<Debt | null> {
  return sql.begin(async (raw) => {
    const tx = raw as Tx;
    const debt = await lockDebt(tx, r.debtId);
    if (debt === null) return null;
    const [done] = await tx`SELECT FROM debt_repayments WHERE id = ${r.id}`;
    if (done) return debt;
    const open = openRest(debt);
    const amountMinor = r.amountMinor ?? open;
    refuseUnless(debt, amountMinor);
    await tx`
      INSERT INTO debt_repayments (id, debt_id, amount, reference, taken_by)
      VALUES (${r.id}, ${debt.id}, ${amountMinor}, ${r.reference}, ${r.by})`;
    await post(tx, {
      key: `debt_repaid:${r.id}`,
      kind: 'debt_recovered',
      currency: debt.currency,
      escrowId: debt.escrow_id,
      cause: { debt: debt.id, reference: r.reference, by: r.by },
      legs: debtRepaid(debtorOf(debt), amountMinor),
    });
    return change(tx, debt, { recoveredMinor: amountMinor }, 'repaid');
  });
}

/**
 * Gives up the open rest of a debt, by the approval that allowed it: a repetition with the same approval does nothing more.
 * Runs in the approval's transaction. Null: no such debt.
 */
export async function writeOff(
  tx: Tx,
  debtId: string,
  by: { approvalId: string; reason: string },
): Promise<Debt | null> {
  const debt = await lockDebt(tx, debtId);
  if (debt === null || debt.status === 'written_off') return debt;
  const open = openRest(debt);
  refuseUnless(debt, open);
  await post(tx, {
    key: `written_off:${debt.id}`,
    kind: 'written_off',
    currency: debt.currency,
    escrowId: debt.escrow_id,
    cause: { debt: debt.id, approval: by.approvalId, reason: by.reason },
    legs: debtWrittenOff(debtorOf(debt), open),
  });
  return change(tx, debt, { writtenOffMinor: open }, 'written_off');
}

/**
 * What opened it did not happen: the open rest is owed no more. Answers what became of the rest of it before, for the
 * posting that undoes it; null where there was no such debt.
 */
export async function cancelDebt(
  tx: Tx,
  dedupeKey: string,
): Promise<{ cancelledMinor: bigint; recoveredMinor: bigint; writtenOffMinor: bigint } | null> {
  const [debt] = await tx<Debt[]>`SELECT * FROM debts WHERE dedupe_key = ${dedupeKey} FOR UPDATE`;
  if (!debt) return null;
  const open = openRest(debt);
  if (open > 0n) await change(tx, debt, { cancelledMinor: open }, 'cancelled');
  return { cancelledMinor: open, recoveredMinor: debt.recovered, writtenOffMinor: debt.written_off };
}

/** Of the open rest up to `atMostMinor` is owed no more; answers how much. Its posting is the caller's. The row is locked. */
export async function cancelRest(tx: Tx, debt: Debt, atMostMinor: bigint): Promise<bigint> {
  const open = openRest(debt);
  const cancelledMinor = open < atMostMinor ? open : atMostMinor;
  if (cancelledMinor > 0n) await change(tx, debt, { cancelledMinor }, 'cancelled');
  return cancelledMinor;
}

/** Reminders after which a write-off is proposed: at 90 days. */
export const PROPOSE_AFTER = 3;

/** Reminds the seller of an open debt, once per number; from the third on ops are asked to write it off. Null: no such debt. */
export async function remindOfDebt(tx: Tx, id: string, number: number): Promise<Debt | null> {
  const debt = await lockDebt(tx, id);
  if (debt === null || debt.status !== 'open' || debt.reminders >= number) return debt;
  const open = openRest(debt);
  const [escrow] = await tx<{ title: string }[]>`SELECT title FROM escrows WHERE id = ${debt.escrow_id}`;
  await queueMessages(tx, [{ kind: 'debt_reminder', key: `debt_reminder:${id}:${number}`, personId: debt.seller_id, escrowId: debt.escrow_id, data: { title: escrow?.title ?? null, amount: Number(open), currency: debt.currency, kind: debt.kind } }]); // prettier-ignore
  if (number >= PROPOSE_AFTER) {
    await raiseAlert(tx, {
      kind: 'write_off_proposed',
      key: `write_off_proposed:${id}`,
      escrowId: debt.escrow_id,
      detail: {
        debt_id: id,
        seller_id: debt.seller_id,
        open: Number(open),
        currency: debt.currency,
        reminders: number,
      },
    });
  }
  const [row] = await tx<Debt[]>`
    UPDATE debts SET reminders = ${number},
      write_off_proposed_at = CASE WHEN ${number} >= ${PROPOSE_AFTER}::int THEN coalesce(write_off_proposed_at, now()) END
    WHERE id = ${id} RETURNING *`;
  return row!;
}

/** Open debts whose workflow was not started yet, oldest first. */
export async function unwatchedDebts(sql: Queryable, limit: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    SELECT id FROM debts WHERE status = 'open' AND watched_at IS NULL ORDER BY created_at LIMIT ${limit}`;
  return rows.map((row) => row.id);
}

export async function findDebt(sql: Queryable, id: string): Promise<Debt | null> {
  const [row] = await sql<Debt[]>`SELECT * FROM debts WHERE id = ${id}`;
  return row ?? null;
}

/** Newest first. */
export async function listDebts(
  sql: Queryable,
  filter: { sellerId?: string | undefined; status?: DebtStatus | undefined; startingAfter?: string | undefined; limit: number }, // prettier-ignore
): Promise<Debt[]> {
  return sql<Debt[]>`
    SELECT * FROM debts
    WHERE ${filter.sellerId === undefined ? sql`true` : sql`seller_id = ${filter.sellerId}`}
      AND ${filter.status === undefined ? sql`true` : sql`status = ${filter.status}`}
      AND ${filter.startingAfter === undefined ? sql`true` : sql`id < ${filter.startingAfter}`}
    ORDER BY id DESC LIMIT ${filter.limit}`;
}

export interface TakenOff {
  debt_id: string;
  how: 'set_off' | 'repaid';
  /** The release part out of which it was taken, or the reference of the bank transfer. */
  reference: string;
  /** Of the release; null of a repayment. */
  escrow_id: string | null;
  amount: bigint;
  created_at: Date;
}

/** What made these debts smaller, oldest first. */
export async function takenOff(sql: Queryable, debtIds: readonly string[]): Promise<TakenOff[]> {
  return sql<TakenOff[]>`
    SELECT s.debt_id, 'set_off' AS how, s.transfer_id AS reference, x.escrow_id, s.amount, s.created_at
    FROM set_offs s LEFT JOIN movements x ON x.id = s.transfer_id WHERE s.debt_id IN ${sql(['', ...debtIds])}
    UNION ALL
    SELECT r.debt_id, 'repaid', r.reference, NULL, r.amount, r.created_at
    FROM debt_repayments r WHERE r.debt_id IN ${sql(['', ...debtIds])}
    ORDER BY created_at`;
}

async function lockDebt(tx: Tx, id: string): Promise<Debt | null> {
  const [row] = await tx<Debt[]>`SELECT * FROM debts WHERE id = ${id} FOR UPDATE`;
  return row ?? null;
}

function refuseUnless(debt: Debt, amountMinor: bigint): void {
  const open = openRest(debt);
  if (open === 0n) throw new RuleError('action_not_available', `This debt is ${debt.status.replaceAll('_', ' ')}: nothing of it is open.`); // prettier-ignore
  if (amountMinor <= 0n || amountMinor > open) {
    throw new RuleError('amount_invalid', `The open rest of this debt is ${open} minor units of ${debt.currency}: take 1 to ${open}.`, 'amount'); // prettier-ignore
  }
}

interface DebtChange {
  recoveredMinor?: bigint;
  writtenOffMinor?: bigint;
  cancelledMinor?: bigint;
}

/** The last change closes it, under its own name. The row is locked, so what was read of it still holds. */
async function change(tx: Tx, debt: Debt, by: DebtChange, closing: DebtStatus): Promise<Debt> {
  const { recoveredMinor = 0n, writtenOffMinor = 0n, cancelledMinor = 0n } = by;
  const closes = openRest(debt) === recoveredMinor + writtenOffMinor + cancelledMinor;
  const [row] = await tx<Debt[]>`
    UPDATE debts SET recovered = recovered + ${recoveredMinor}, written_off = written_off + ${writtenOffMinor},
      cancelled = cancelled + ${cancelledMinor}, status = ${closes ? closing : debt.status},
      closed_at = ${closes ? tx`now()` : null}
    WHERE id = ${debt.id} RETURNING *`;
  return row!;
}
