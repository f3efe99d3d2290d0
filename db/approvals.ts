// Approvals: requests that another person of ops decides. Each change of status is one guarded UPDATE, so that two who
// decide at once find one winner; the constraints themselves stand in migrations/0040_approvals.sql.
import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/terms.ts';
import type { Queryable, Tx } from './client.ts';
import { queueMessages } from './messages.ts';

export const APPROVAL_KINDS = ['refund', 'ruling', 'release', 'write_off', 'payout_schedule', 'force_decision', 'cancel', 'reconciliation_repair'] as const; // prettier-ignore
export type ApprovalKind = (typeof APPROVAL_KINDS)[number];
export const APPROVAL_STATUSES = ['pending', 'approved', 'denied', 'expired', 'executed', 'failed'] as const;
export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];

export type ApprovalParams = Record<string, string | number | null>;

export interface Approval {
  id: string;
  kind: ApprovalKind;
  params: ApprovalParams;
  params_hash: string;
  escrow_id: string | null;
  requested_by: string;
  approved_by: string | null;
  denied_by: string | null;
  status: ApprovalStatus;
  outcome: Record<string, string | number | null> | null;
  expires_at: Date;
  created_at: Date;
  decided_at: Date | null;
  done_at: Date | null;
}

export const paramsHash = (kind: ApprovalKind, params: ApprovalParams): string =>
  createHash('sha256')
    .update(canonicalJson([kind, params]))
    .digest('hex');

/** True while the parameters are those that the hash was made of. */
export const isIntact = (a: Approval): boolean => paramsHash(a.kind, a.params) === a.params_hash;

const columns = (sql: Queryable) =>
  sql`id, kind, params, params_hash, escrow_id, requested_by, approved_by, denied_by, status, outcome, expires_at, created_at, decided_at, done_at`;

export interface NewApproval {
  id: string;
  entityId: string;
  kind: ApprovalKind;
  params: ApprovalParams;
  escrowId: string | null;
  requestedBy: string;
  lifeMs: number;
}

/** Asks once: the same thing that waits already is the answer. */
export async function requestApproval(tx: Tx, a: NewApproval): Promise<Approval> {
  const hash = paramsHash(a.kind, a.params);
  // What waits beyond its time would stand in the way of asking anew.
  await tx`
    UPDATE approvals SET status = 'expired', decided_at = now()
    WHERE kind = ${a.kind} AND params_hash = ${hash} AND status = 'pending' AND expires_at <= now()`;
  const [made] = await tx<Approval[]>`
    INSERT INTO approvals (id, entity_id, kind, params, params_hash, escrow_id, requested_by, expires_at)
    VALUES (${a.id}, ${a.entityId}, ${a.kind}, ${tx.json(a.params)}, ${hash}, ${a.escrowId}, ${a.requestedBy},
            now() + ${a.lifeMs} * interval '1 millisecond')
    ON CONFLICT DO NOTHING RETURNING ${columns(tx)}`;
  if (made) {
    const others = await tx<
      { id: string }[]
    >`SELECT id FROM people WHERE approver AND id <> ${a.requestedBy} ORDER BY id`;
    const data = { ...aboutApproval(made), until: made.expires_at.getTime() };
    await queueMessages(tx, others.map(({ id }) => ({ kind: 'approval_waiting', key: `approval:${made.id}`, personId: id, escrowId: a.escrowId, data }))); // prettier-ignore
    return made;
  }
  const [known] = await tx<Approval[]>`
    SELECT ${columns(tx)} FROM approvals
    WHERE id = ${a.id} OR (kind = ${a.kind} AND params_hash = ${hash} AND status IN ('pending', 'approved'))
    ORDER BY id = ${a.id} DESC LIMIT 1`;
  if (!known) throw new Error('the approval that waited was decided just now: ask again');
  return known;
}

/** What a message says of it; what people wrote stays where it is. */
const aboutApproval = ({ kind, params }: Approval) => ({
  approval_kind: kind,
  amount: params['amount'] ?? null,
  currency: params['currency'] ?? null,
});

/** Whoever asked hears how it ended. */
const tellRequester = (tx: Tx, a: Approval) =>
  queueMessages(tx, [{ kind: 'approval_decided', key: `approval:${a.id}:${a.status}`, personId: a.requested_by, escrowId: a.escrow_id, data: { ...aboutApproval(a), status: a.status } }]); // prettier-ignore

export async function findApproval(sql: Queryable, id: string, entityId: string): Promise<Approval | null> {
  const [row] = await sql<
    Approval[]
  >`SELECT ${columns(sql)} FROM approvals WHERE id = ${id} AND entity_id = ${entityId}`;
  return row ?? null;
}

/** Newest first. */
export async function listApprovals(
  sql: Queryable,
  entityId: string,
  filter: { status?: ApprovalStatus | undefined; startingAfter?: string | undefined; limit: number },
): Promise<Approval[]> {
  return sql<Approval[]>`
    SELECT ${columns(sql)} FROM approvals
    WHERE entity_id = ${entityId}
      AND ${filter.status === undefined ? sql`true` : sql`status = ${filter.status}`}
      AND ${filter.startingAfter === undefined ? sql`true` : sql`id < ${filter.startingAfter}`}
    ORDER BY id DESC LIMIT ${filter.limit}`;
}

/** Of one escrow, newest first. */
export async function approvalsOfEscrow(sql: Queryable, escrowId: string): Promise<Approval[]> {
  return sql<
    Approval[]
  >`SELECT ${columns(sql)} FROM approvals WHERE escrow_id = ${escrowId} ORDER BY id DESC LIMIT 100`;
}

/** A seller's own requests for another payout schedule, newest first. */
export async function scheduleRequests(sql: Queryable, sellerId: string, limit: number): Promise<Approval[]> {
  return sql<Approval[]>`
    SELECT ${columns(sql)} FROM approvals WHERE kind = 'payout_schedule' AND params ->> 'seller_id' = ${sellerId}
    ORDER BY id DESC LIMIT ${limit}`;
}

/** Null: it was not pending any more, or its time had passed. */
export async function decide(
  tx: Tx,
  id: string,
  by: string,
  decision: 'approved' | 'denied',
): Promise<Approval | null> {
  const who = decision === 'approved' ? tx`approved_by = ${by}` : tx`denied_by = ${by}`;
  const [row] = await tx<Approval[]>`
    UPDATE approvals SET status = ${decision}, ${who}, decided_at = now()
    WHERE id = ${id} AND status = 'pending' AND expires_at > now() RETURNING ${columns(tx)}`;
  if (row && decision === 'denied') await tellRequester(tx, row);
  return row ?? null;
}

/** Writes down what came of an approved request, once. Null: it was written before. */
export async function conclude(
  tx: Tx,
  id: string,
  status: 'executed' | 'failed',
  outcome: Record<string, string | number | null>,
): Promise<Approval | null> {
  const [row] = await tx<Approval[]>`
    UPDATE approvals SET status = ${status}, outcome = ${tx.json(outcome)}, done_at = now()
    WHERE id = ${id} AND status = 'approved' RETURNING ${columns(tx)}`;
  if (row) await tellRequester(tx, row);
  return row ?? null;
}

/** Answers those that expired just now. */
export async function expireApprovals(tx: Tx): Promise<Approval[]> {
  const expired = await tx<Approval[]>`
    UPDATE approvals SET status = 'expired', decided_at = now()
    WHERE status = 'pending' AND expires_at <= now() RETURNING ${columns(tx)}`;
  for (const approval of expired) await tellRequester(tx, approval);
  return expired;
}

/** Approved, and not carried out: whoever was at it died. */
export async function stuckApprovals(sql: Queryable, olderThanMs: number, limit: number): Promise<Approval[]> {
  return sql<Approval[]>`
    SELECT ${columns(sql)} FROM approvals
    WHERE status = 'approved' AND decided_at <= now() - ${olderThanMs} * interval '1 millisecond'
    ORDER BY id LIMIT ${limit}`;
}
