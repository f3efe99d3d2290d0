// The rows of card disputes: found or made by Stripe's id, locked while their money is written down, read by who may.
import { type Decided, isUndecided, type LossPlan, phaseOf } from '../domain/chargeback.ts';
import type { MessageData } from '../domain/messages.ts';
import { DAY_MS } from '../domain/periods.ts';
import type { Terms } from '../domain/terms.ts';
import type { DisputeFacts } from '../payments/port.ts';
import type { Queryable, Sql, Tx } from './client.ts';
import { seesEverything, type Viewer } from './escrows.ts';
import { newId } from './ids.ts';
import { queueMessages } from './messages.ts';

/** LossPlan with its amounts as text, as JSON keeps it. */
export interface StoredPlan {
  parts: Record<keyof LossPlan['parts'][number], string>[];
  unassignedMinor: string;
  currency: string;
  /** Of a converted charge: what the day's rate made of the loss, more or less. */
  fxMinor?: string;
  /** Taken back while it was open: what the loss takes of it, and what goes to its seller again. */
  heldBack?: { milestoneId: string; sellerId: string; recoveryId: string; used: string; excess: string }[];
  /** Release parts that are not transferred, and what is taken of each. */
  accepted?: StoredTakenPart[];
}

export interface StoredClawback {
  round: number;
  currency: string;
  parts: { milestoneId: string; sellerId: string; minor: string }[];
}

export interface StoredTakenPart {
  milestoneId: string;
  part: number;
  minor: string;
}

export interface CardDispute {
  id: string;
  escrow_id: string;
  charge_id: string;
  stripe_dispute_id: string;
  status: string;
  reason: string;
  amount: bigint;
  currency: string;
  fee: bigint;
  due_by: Date | null;
  state: {
    plan?: StoredPlan;
    decided?: Decided;
    /** What is taken back while it is open, as it was decided. */
    clawback?: StoredClawback;
    /** Of Stripe's fees, passed on by the terms: minor units of the settlement currency, by milestone. */
    fees?: Record<string, string>;
  };
  evidence: { text?: string; by?: string; at?: string; submitted?: boolean };
  revision: number;
  created_at: Date;
  updated_at: Date;
}

/** Null where the charge is none of ours, or not yet written down. */
export async function findOrMakeDispute(
  sql: Sql,
  facts: DisputeFacts,
): Promise<{ id: string; escrowId: string } | null> {
  const [payment] = await sql<{ escrow_id: string }[]>`
    SELECT escrow_id FROM movements WHERE kind = 'payment' AND stripe_charge_id = ${facts.chargeId}`;
  if (!payment) return null;
  const escrowId = payment.escrow_id;
  await sql.begin(async (tx) => {
    const made = await tx`
    INSERT INTO disputes (id, kind, escrow_id, charge_id, stripe_dispute_id, status, reason, amount, currency, due_by, created_at)
    VALUES (${newId('dispute')}, 'card', ${payment.escrow_id}, ${facts.chargeId}, ${facts.id}, ${facts.status}, ${facts.reason},
            ${facts.amountMinor}, ${facts.currency}, ${facts.dueAt === null ? null : new Date(facts.dueAt)}, ${new Date(facts.createdAt)})
    ON CONFLICT (stripe_dispute_id) DO NOTHING RETURNING id`;
    if (made.length > 0) await askForEvidence(tx, escrowId, facts);
  });
  const [row] = await sql<{ id: string }[]>`SELECT id FROM disputes WHERE stripe_dispute_id = ${facts.id}`;
  return { id: row!.id, escrowId: payment.escrow_id };
}

/** The sellers whose work the charge paid for are asked, while Stripe still takes an answer. */
async function askForEvidence(tx: Tx, escrowId: string, facts: DisputeFacts): Promise<void> {
  if (!facts.status.endsWith('needs_response')) return;
  const sellers = await tx<{ seller_id: string; title: string }[]>`
    SELECT DISTINCT m.seller_id, e.title FROM milestones m JOIN escrows e ON e.id = m.escrow_id
    WHERE e.id = ${escrowId} AND m.state -> 'funds' ->> 'chargeId' = ${facts.chargeId}`;
  if (sellers.length === 0) return;
  const { terms } = await paidByCharge(tx, escrowId, facts.chargeId);
  const theirs = facts.createdAt + terms.policy.evidenceMs;
  const until = facts.dueAt === null ? theirs : Math.min(theirs, facts.dueAt);
  const data = { amount: Number(facts.amountMinor), currency: facts.currency, until };
  await queueMessages(tx, sellers.map(({ seller_id, title }) => ({ kind: 'evidence_due', key: `evidence:${facts.id}`, personId: seller_id, escrowId, data: { ...data, title }, waits: true }))); // prettier-ignore
}

/** Stripe takes no answer any more, or has one: nobody waits for evidence. */
export async function settleEvidenceDue(tx: Tx, stripeDisputeId: string): Promise<void> {
  await tx`
    UPDATE notifications SET settled_at = now()
    WHERE kind = 'evidence_due' AND settled_at IS NULL AND dedupe_key = ${`evidence:${stripeDisputeId}:`} || person_id`;
}

/** How long before the time for evidence ends its seller is told once more. */
const REMIND_BEFORE_MS = 2 * DAY_MS;

/** Each seller whose evidence is still waited for, once; answers how many. */
export async function remindOfEvidence(sql: Queryable, now = Date.now()): Promise<number> {
  const due = await sql<{ person_id: string; escrow_id: string | null; key: string; data: MessageData }[]>`
    SELECT n.person_id, n.escrow_id, n.data, r.key
    FROM notifications n, LATERAL (SELECT 'evidence_reminder' || substr(left(n.dedupe_key, -length(n.person_id) - 1), length('evidence') + 1) AS key) r
    WHERE n.kind = 'evidence_due' AND n.waits AND n.settled_at IS NULL
      AND (n.data ->> 'until')::bigint BETWEEN ${now} AND ${now + REMIND_BEFORE_MS}
      AND NOT EXISTS (SELECT FROM notifications told WHERE told.dedupe_key = r.key || ':' || n.person_id)`;
  await queueMessages(sql, due.map((d) => ({ kind: 'evidence_reminder', key: d.key, personId: d.person_id, escrowId: d.escrow_id, data: d.data }))); // prettier-ignore
  return due.length;
}

export async function findCardDispute(sql: Queryable, id: string): Promise<CardDispute | null> {
  const [row] = await sql<CardDispute[]>`SELECT * FROM disputes WHERE id = ${id} AND kind = 'card'`;
  return row ?? null;
}

export async function lockCardDispute(tx: Tx, id: string): Promise<CardDispute | null> {
  const [row] = await tx<CardDispute[]>`SELECT * FROM disputes WHERE id = ${id} AND kind = 'card' FOR UPDATE`;
  return row ?? null;
}

export interface PaidMilestone {
  id: string;
  sellerId: string;
  /** What the charge brought for it, settlement currency. */
  fundedMinor: bigint;
}

/** The milestones that a charge paid for, and the terms that they stand in. */
export async function paidByCharge(
  sql: Queryable,
  escrowId: string,
  chargeId: string,
): Promise<{ terms: Terms; milestones: PaidMilestone[]; converted: boolean }> {
  const [escrow] = await sql<{ body: Terms; settlement_currency: string | null }[]>`
    SELECT t.body, e.settlement_currency FROM escrows e
    JOIN escrow_terms t ON t.escrow_id = e.id AND t.version = e.terms_version WHERE e.id = ${escrowId}`;
  if (!escrow) throw new Error(`escrow ${escrowId} is not in the projection yet`);
  const milestones = await sql<PaidMilestone[]>`
    SELECT id, seller_id AS "sellerId",
           (state -> 'funds' ->> 'principal')::bigint + (state -> 'funds' ->> 'buyerFee')::bigint AS "fundedMinor"
    FROM milestones
    WHERE escrow_id = ${escrowId} AND state -> 'funds' ->> 'chargeId' = ${chargeId} ORDER BY position`;
  return { terms: escrow.body, milestones, converted: escrow.settlement_currency !== escrow.body.currency };
}

/**
 * A bank is at this charge: it has not decided, said a word that is not known, or holds money of it that nobody has borne yet.
 * Nothing else of the charge may go back meanwhile, or the buyer would get it twice. An inquiry holds nothing: refunding is an
 * answer to it.
 */
export async function disputeHolds(sql: Queryable, chargeId: string): Promise<boolean> {
  const rows = await sql<{ status: string; held: boolean }[]>`
    SELECT d.status, coalesce(b.amount, 0) > 0 AS held FROM disputes d
    LEFT JOIN ledger_balances b ON b.account = 'dispute:' || d.id || ':receivable'
    WHERE d.kind = 'card' AND d.charge_id = ${chargeId}`;
  return rows.some(({ status, held }) => held || isUndecided(phaseOf(status)) || phaseOf(status) === 'unknown');
}

export interface CardDisputeFilter {
  id?: string | undefined;
  escrowId?: string | undefined;
  startingAfter?: string | undefined;
  limit: number;
}

/** As it is read: with what its terms say of released money, and what of it was taken back and paid again. */
export interface CardDisputeRead extends CardDispute {
  clawback_policy: 'at_loss' | 'at_opening';
  /** Settlement currency, minor units. */
  clawed_back: { milestone_id: string; seller_id: string; currency: string; taken: number; again: number }[];
}

/** Newest first; only of escrows that the viewer may read. */
export async function cardDisputesFor(
  sql: Queryable,
  viewer: Viewer,
  filter: CardDisputeFilter,
): Promise<CardDisputeRead[]> {
  const mine = seesEverything(viewer)
    ? sql`true`
    : sql`EXISTS (SELECT FROM escrow_parties ep WHERE ep.person_id = ${viewer.id} AND ep.escrow_id = d.escrow_id)`;
  return sql<CardDisputeRead[]>`
    SELECT d.*, coalesce(t.body -> 'policy' ->> 'clawback', 'at_loss') AS clawback_policy, coalesce(c.parts, '[]') AS clawed_back
    FROM disputes d JOIN escrows e ON e.id = d.escrow_id AND e.entity_id = ${viewer.entityId}
    JOIN escrow_terms t ON t.escrow_id = e.id AND t.version = e.terms_version
    LEFT JOIN LATERAL (
      SELECT jsonb_agg(p ORDER BY p.milestone_id) AS parts FROM (
        SELECT milestone_id, seller_id, currency, coalesce(sum(amount) FILTER (WHERE kind = 'reversal'), 0) AS taken,
               coalesce(sum(amount) FILTER (WHERE kind <> 'reversal'), 0) AS again
        FROM movements
        WHERE escrow_id = d.escrow_id AND starts_with(recovery_id, d.id || '_') AND recovery_id ~ '_h[0-9]+$' AND status = 'succeeded'
        GROUP BY 1, 2, 3
      ) p
    ) c ON true
    WHERE d.kind = 'card' AND ${mine}
      AND ${filter.id === undefined ? sql`true` : sql`d.id = ${filter.id}`}
      AND ${filter.escrowId === undefined ? sql`true` : sql`d.escrow_id = ${filter.escrowId}`}
      AND ${filter.startingAfter === undefined ? sql`true` : sql`d.id < ${filter.startingAfter}`}
    ORDER BY d.id DESC LIMIT ${filter.limit}`;
}
