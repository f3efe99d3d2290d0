// Ops' queues: everything that waits for a person, how much of it, and since when; and what an alert's end is.
import type { Queryable, Sql } from './client.ts';

export const QUEUES = [
  'rulings',
  'approvals',
  'chargebacks',
  'blocked_funds',
  'blocked_kyc',
  'refunds_by_bank',
  'frozen',
  'reconciliation',
  'unknown',
  'alerts',
  'parked',
  'quarantined',
  'payouts',
  'open_commands',
] as const;
export type QueueName = (typeof QUEUES)[number];

export interface Queue {
  name: QueueName;
  count: number;
  /** When what waits longest began to; null where nothing waits. */
  oldest: Date | null;
}

/** Longer than a command takes: then the sweep has it. */
const COMMAND_STUCK = '1 minute';

/** A refund of the milestone waits for a bank transfer (`refundForBank` of domain/escrow-state.ts). Of `milestones m`. */
const needsBank = (sql: Queryable) => sql`
  m.status NOT IN ('planned', 'awaiting_funding', 'requires_action', 'processing', 'released', 'refunded', 'cancelled')
  AND m.state @? '$.refunds[*] ? (@.status == "asked" && @.needsBank == true && !exists(@.bank))'`;

/** Every queue, also the empty ones, in the order of QUEUES. */
export async function queues(sql: Sql, entityId: string): Promise<Queue[]> {
  const rows = await sql<Queue[]>`
    SELECT 'parked' AS name, count(*)::int AS count, min(received_at) AS oldest FROM stripe_events WHERE state = 'parked'
    UNION ALL SELECT 'quarantined', count(*)::int, min(received_at) FROM stripe_events WHERE state = 'quarantined'
    UNION ALL SELECT 'approvals', count(*)::int, min(created_at) FROM approvals
      WHERE entity_id = ${entityId} AND status = 'pending' AND expires_at > now()
    UNION ALL SELECT 'rulings', count(*)::int, min(v.at) FROM milestones m CROSS JOIN LATERAL (
        SELECT max(ev.at) AS at FROM escrow_events ev
        WHERE ev.escrow_id = m.escrow_id AND ev.milestone_id = m.id AND ev.type IN ('dispute.in_mediation', 'dispute.second_arbiter')) v
      WHERE m.status = 'disputed' AND m.state -> 'dispute' ->> 'status' IN ('mediation', 'second_arbiter')
    UNION ALL SELECT 'chargebacks', count(*)::int, min(created_at) FROM disputes
      WHERE kind = 'card' AND status IN ('needs_response', 'warning_needs_response')
    UNION ALL SELECT b.status, count(*)::int, min(b.at) FROM (
        SELECT m.status, (SELECT max(ev.at) FROM escrow_events ev WHERE ev.escrow_id = m.escrow_id AND ev.milestone_id = m.id
                            AND ev.type = 'milestone.' || m.status) AS at
        FROM milestones m WHERE m.status IN ('blocked_kyc', 'blocked_funds')) b GROUP BY b.status
    UNION ALL SELECT 'refunds_by_bank', count(*)::int, min(b.at) FROM (
        SELECT (SELECT max(ev.at) FROM escrow_events ev WHERE ev.escrow_id = m.escrow_id AND ev.milestone_id = m.id AND ev.type = 'refund.needs_bank') AS at
        FROM milestones m WHERE ${needsBank(sql)}) b
    UNION ALL SELECT 'frozen', count(*)::int, min(to_timestamp((state -> 'frozen' -> 0 ->> 'since')::bigint / 1000.0)) FROM escrows
      WHERE entity_id = ${entityId} AND jsonb_array_length(state -> 'frozen') > 0 AND status NOT IN ('completed', 'cancelled', 'expired')
    UNION ALL SELECT 'reconciliation', count(*)::int, min(coalesce(d.happened_at, d.updated_at)) FROM reconciliation_differences d
      WHERE d.status = 'open' AND d.run_id = (SELECT id FROM reconciliation_runs WHERE finished_at IS NOT NULL ORDER BY started_at DESC, id DESC LIMIT 1)
    UNION ALL SELECT a.queue, count(*)::int, min(a.created_at) FROM (
        SELECT created_at, CASE WHEN kind LIKE '%unknown%' THEN 'unknown' ELSE 'alerts' END AS queue
        FROM alerts WHERE resolved_at IS NULL) a GROUP BY a.queue
    UNION ALL SELECT 'payouts', count(*)::int, min(created_at) FROM payouts WHERE status = 'failed'
    UNION ALL SELECT 'open_commands', count(*)::int, min(created_at) FROM idempotency_keys
      WHERE status IS NULL AND created_at < now() - ${COMMAND_STUCK}::interval`;
  return QUEUES.map((name) => rows.find((row) => row.name === name) ?? { name, count: 0, oldest: null });
}

export interface Alert {
  id: bigint;
  kind: string;
  escrow_id: string | null;
  detail: Record<string, unknown>;
  created_at: Date;
  resolved_at: Date | null;
}

/** Oldest first: what waits longest comes first. */
export async function openAlerts(
  sql: Queryable,
  filter: { limit: number; startingAfter?: bigint | undefined; escrowId?: string | undefined },
): Promise<Alert[]> {
  return sql<Alert[]>`
    SELECT id, kind, escrow_id, detail, created_at, resolved_at FROM alerts
    WHERE resolved_at IS NULL AND id > ${filter.startingAfter ?? 0n}
      AND ${filter.escrowId === undefined ? sql`true` : sql`escrow_id = ${filter.escrowId}`}
    ORDER BY id LIMIT ${filter.limit}`;
}

/** Somebody has dealt with it, and says how. Null: there is no such alert. What is closed stays as it was closed. */
export async function resolveAlert(sql: Queryable, id: bigint, by: string, note: string): Promise<Alert | null> {
  const [row] = await sql<Alert[]>`
    UPDATE alerts SET resolved_at = coalesce(resolved_at, now()),
      detail = CASE WHEN resolved_at IS NULL THEN detail || ${sql.json({ closed_by: by, note })} ELSE detail END
    WHERE id = ${id} RETURNING id, kind, escrow_id, detail, created_at, resolved_at`;
  return row ?? null;
}

export interface Waiting {
  escrow_id: string;
  escrow_title: string;
  milestone_id: string;
  milestone_title: string;
  status: string;
  /** Of the dispute, where it is one; `needs_bank` where a refund waits for a bank transfer. */
  stage: string | null;
  since: Date | null;
  until: Date | null;
}

/** Milestones that wait for ops: disputes to rule, transfers and refunds that Stripe cannot make, the longest first. */
export async function stuckMilestones(sql: Queryable, entityId: string, limit: number): Promise<Waiting[]> {
  return sql<Waiting[]>`
    SELECT e.id AS escrow_id, e.title AS escrow_title, m.id AS milestone_id, m.state ->> 'title' AS milestone_title, m.status,
           CASE WHEN ${needsBank(sql)} THEN 'needs_bank' ELSE m.state -> 'dispute' ->> 'status' END AS stage,
           to_timestamp((m.state -> 'dispute' ->> 'until')::bigint / 1000.0) AS until,
           (SELECT max(ev.at) FROM escrow_events ev WHERE ev.escrow_id = m.escrow_id AND ev.milestone_id = m.id
              AND ev.type IN ('dispute.in_mediation', 'dispute.second_arbiter', 'milestone.blocked_kyc', 'milestone.blocked_funds', 'refund.needs_bank')) AS since
    FROM milestones m JOIN escrows e ON e.id = m.escrow_id AND e.entity_id = ${entityId}
    WHERE m.status IN ('blocked_kyc', 'blocked_funds') OR (${needsBank(sql)})
       OR (m.status = 'disputed' AND m.state -> 'dispute' ->> 'status' IN ('mediation', 'second_arbiter'))
    ORDER BY since NULLS LAST LIMIT ${limit}`;
}
