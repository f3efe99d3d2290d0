// Reading escrows, with the right to read them in every query: what is not yours is not found. State and money of an
// escrow come in one statement, so that they are of one moment.
import type {
  EscrowSnapshot,
  EscrowState,
  EscrowStatus,
  MilestoneState,
  Principal,
  Role,
} from '../domain/escrow-state.ts';
import type { Terms } from '../domain/terms.ts';
import { bankRefundLines } from './bank-refunds.ts';
import type { Queryable } from './client.ts';
import { MONEY_TERMS, type Money, type MoneyTerm } from './ledger.ts';

/** Who reads. A Person is one. */
export interface Viewer {
  id: string;
  role: Role;
  entityId: string;
}

export interface Party {
  id: string;
  name: string;
  role: 'buyer' | 'seller';
}

export interface EscrowRecovery {
  id: string;
  milestone_id: string;
  /** Principal, terms' currency. */
  amount: number;
  /** Back to the buyer, settlement currency. */
  settled: number;
  status: 'asked' | 'reserved' | 'refunded' | 'undone';
  reason: string;
  asked_by: string | null;
  asked_role: Role | null;
  created_at: string;
  expires_at: string | null;
}

/** A refund that came back after the escrow's end. */
export interface EscrowFailedRefund {
  id: string;
  milestone_id: string | null;
  /** What the buyer is to get, terms' currency. */
  amount: number;
  /** Settlement currency. */
  settled: number;
  status: 'owed' | 'trying' | 'repaid' | 'paid_by_bank';
}

export interface EscrowRecord {
  state: EscrowState;
  money: Money;
  parties: Party[];
  /** Refunds of released money, oldest first: asked, under way, done. */
  recoveries: EscrowRecovery[];
  failedRefunds: EscrowFailedRefund[];
  /** Principal of released parts that was taken back, or is on its way, by milestone; terms' currency. */
  takenBack: Record<string, number>;
  externalId: string | null;
  metadata: Record<string, string>;
  createdAt: Date;
  updatedAt: Date;
}

interface StateRow {
  state: Omit<EscrowSnapshot, 'milestones' | 'events'>;
  terms: Terms;
  milestones: MilestoneState[];
}

interface EscrowRow extends StateRow {
  parties: Party[];
  recoveries: EscrowRecovery[] | null;
  failed_refunds: EscrowFailedRefund[] | null;
  taken_back: Record<string, number> | null;
  money: (Record<MoneyTerm, number> & { currency: string }) | null;
  external_id: string | null;
  metadata: Record<string, string>;
  created_at: Date;
  updated_at: Date;
}

export const seesEverything = (viewer: Pick<Viewer, 'role'>): boolean =>
  viewer.role === 'ops' || viewer.role === 'auditor';

/** The condition under which `e` (escrows) may be read. */
export function readable(sql: Queryable, viewer: Viewer) {
  return seesEverything(viewer)
    ? sql`e.entity_id = ${viewer.entityId}`
    : sql`e.entity_id = ${viewer.entityId}
          AND EXISTS (SELECT FROM escrow_parties ep WHERE ep.person_id = ${viewer.id} AND ep.escrow_id = e.id)`;
}

/** Each escrow with the terms that hold for it. */
function withTerms(sql: Queryable) {
  return sql`FROM escrows e JOIN escrow_terms t ON t.escrow_id = e.id AND t.hash = e.terms_hash`;
}

function stateRow(sql: Queryable) {
  return sql`
    e.state, t.body AS terms,
    (SELECT jsonb_agg(m.state ORDER BY m.position) FROM milestones m WHERE m.escrow_id = e.id) AS milestones`;
}

function wholeRow(sql: Queryable) {
  return sql`
    ${stateRow(sql)}, e.external_id, e.metadata, e.created_at, e.updated_at,
    (SELECT jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name, 'role', ep.role) ORDER BY ep.role, p.id)
       FROM escrow_parties ep JOIN people p ON p.id = ep.person_id WHERE ep.escrow_id = e.id) AS parties,
    (SELECT jsonb_agg(jsonb_build_object('id', r.id, 'milestone_id', r.milestone_id, 'amount', r.amount, 'status', r.status,
         'settled', coalesce(x.settled_amount, 0), 'reason', r.reason, 'asked_by', r.asked_by, 'asked_role', r.asked_role,
         'created_at', r.created_at, 'expires_at', r.expires_at) ORDER BY r.created_at, r.id)
       FROM recoveries r LEFT JOIN movements x ON x.id = r.id
       WHERE r.escrow_id = e.id AND r.asked_by IS NOT NULL AND r.status NOT IN ('lapsed', 'refused')) AS recoveries,
    (SELECT jsonb_agg(jsonb_build_object('id', f.id, 'milestone_id', f.milestone_id, 'amount', f.amount,
         'settled', f.principal + f.buyer_fee_returned, 'status', f.status) ORDER BY f.id)
       FROM failed_refunds f WHERE f.escrow_id = e.id) AS failed_refunds,
    (SELECT jsonb_object_agg(b.milestone_id, b.amount) FROM (
       SELECT rp.milestone_id, sum(rp.recovered_amount) AS amount
       FROM recovered_parts rp JOIN milestones bm ON bm.id = rp.milestone_id WHERE bm.escrow_id = e.id GROUP BY rp.milestone_id
     ) b) AS taken_back,
    (SELECT to_jsonb(em) FROM escrow_money em WHERE em.escrow_id = e.id LIMIT 1) AS money`;
}

function toState(row: StateRow): EscrowState {
  const { termsVersion: _version, ...head } = row.state;
  const milestones = row.milestones ?? [];
  // A milestone may have been projected later than the head.
  const revision = Math.max(head.revision, ...milestones.map((m) => m.revision));
  return { ...head, revision, terms: row.terms, milestones, events: [] };
}

function toRecord(row: EscrowRow): EscrowRecord {
  return {
    state: toState(row),
    money: toMoney(row),
    parties: row.parties ?? [],
    recoveries: row.recoveries ?? [],
    failedRefunds: row.failed_refunds ?? [],
    takenBack: row.taken_back ?? {},
    externalId: row.external_id,
    metadata: row.metadata,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function toMoney(row: EscrowRow): Money {
  const terms = MONEY_TERMS.map((term) => [term, BigInt(row.money?.[term] ?? 0)] as const);
  return {
    currency: row.money?.currency ?? row.state.settlementCurrency,
    ...(Object.fromEntries(terms) as Record<MoneyTerm, bigint>),
  };
}

/** Null when there is none, and when it is not the viewer's. */
export async function findEscrow(sql: Queryable, viewer: Viewer, id: string): Promise<EscrowRecord | null> {
  const [row] = await sql<EscrowRow[]>`
    SELECT ${wholeRow(sql)}
    ${withTerms(sql)}
    WHERE e.id = ${id} AND ${readable(sql, viewer)}`;
  return row ? toRecord(row) : null;
}

/** The same without money and people, which are most of the work. */
export async function findEscrowState(sql: Queryable, viewer: Viewer, id: string): Promise<EscrowState | null> {
  const [row] = await sql<StateRow[]>`
    SELECT ${stateRow(sql)}
    ${withTerms(sql)}
    WHERE e.id = ${id} AND ${readable(sql, viewer)}`;
  return row ? toState(row) : null;
}

export interface Page {
  startingAfter?: string | undefined;
  limit: number;
}

export interface EscrowFilter extends Page {
  status?: EscrowStatus | undefined;
  role?: 'buyer' | 'seller' | undefined;
  externalId?: string | undefined;
}

export interface Listed<T> {
  data: T[];
  hasMore: boolean;
}

function cut<T>(rows: readonly T[], limit: number): Listed<T> {
  return { data: rows.slice(0, limit), hasMore: rows.length > limit };
}

/** Newest first. */
export async function listEscrows(sql: Queryable, viewer: Viewer, filter: EscrowFilter): Promise<Listed<EscrowRecord>> {
  const { status, role, startingAfter, externalId, limit } = filter;
  const always = sql`true`;
  const rows = await sql<EscrowRow[]>`
    SELECT ${wholeRow(sql)}
    ${withTerms(sql)}
    WHERE ${readable(sql, viewer)}
      AND ${status === undefined ? always : sql`e.status = ${status}`}
      AND ${externalId === undefined ? always : sql`e.external_id = ${externalId}`}
      AND ${startingAfter === undefined ? always : sql`e.id < ${startingAfter}`}
      AND ${
        role === undefined
          ? always
          : sql`EXISTS (SELECT FROM escrow_parties r WHERE r.escrow_id = e.id AND r.person_id = ${viewer.id} AND r.role = ${role})`
      }
    ORDER BY e.id DESC LIMIT ${limit + 1}`;
  const page = cut(rows, limit);
  return { data: page.data.map(toRecord), hasMore: page.hasMore };
}

async function mayRead(sql: Queryable, viewer: Viewer, id: string): Promise<boolean> {
  const rows = await sql`SELECT FROM escrows e WHERE e.id = ${id} AND ${readable(sql, viewer)}`;
  return rows.length > 0;
}

/** How many escrows a buyer paid for and then cancelled within the last 24 hours. */
export async function fundedAndCancelled(sql: Queryable, buyerId: string): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    SELECT count(*)::int AS n FROM escrows e
    WHERE e.buyer_id = ${buyerId} AND e.status = 'cancelled' AND e.updated_at > now() - interval '24 hours'
      AND EXISTS (SELECT FROM movements p WHERE p.escrow_id = e.id AND p.kind = 'payment' AND p.status = 'succeeded')`;
  return row!.n;
}

export interface TimelineRow {
  seq: number;
  at: Date;
  type: string;
  actor: { kind: string; id: string | null; role: string | null };
  actor_name: string | null;
  milestone_id: string | null;
  data: Record<string, string | number | boolean | null>;
}

/** Oldest first; null when the escrow is not the viewer's. Both sides read the same. */
export async function timelineOf(
  sql: Queryable,
  viewer: Viewer,
  id: string,
  page: { startingAfter?: number | undefined; limit: number },
): Promise<Listed<TimelineRow> | null> {
  if (!(await mayRead(sql, viewer, id))) return null;
  const rows = await sql<TimelineRow[]>`
    SELECT ev.seq, ev.at, ev.type, ev.actor, p.name AS actor_name, ev.milestone_id, ev.data
    FROM escrow_events ev LEFT JOIN people p ON p.id = ev.actor ->> 'id'
    WHERE ev.escrow_id = ${id} AND ev.seq > ${page.startingAfter ?? 0}
    ORDER BY ev.seq LIMIT ${page.limit + 1}`;
  return cut(rows, page.limit);
}

export type MovementKind = 'payment' | 'transfer' | 'refund';

export interface MovementRow {
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
  status: string;
  payment_id: string | null;
  stripe_id: string | null;
  stripe_charge_id: string | null;
  reason: string | null;
  error_code: string | null;
  error_message: string | null;
  created_at: Date;
  updated_at: Date;
  /** Of a refund that the platform's bank paid: the transfer, and by which approval of whom. */
  reference: string | null;
  approval_id: string | null;
  requested_by: string | null;
  approved_by: string | null;
}

/** Payments, transfers or refunds of one escrow, those by bank transfer too, oldest first; null when it is not the viewer's. */
export async function movementsOf(
  sql: Queryable,
  viewer: Viewer,
  id: string,
  kind: MovementKind,
  page: Page,
): Promise<Listed<MovementRow> | null> {
  if (!(await mayRead(sql, viewer, id))) return null;
  // A seller sees what goes to that seller, and no other seller's transfers.
  const own = kind === 'transfer' && viewer.role === 'seller' ? sql`seller_id = ${viewer.id}` : sql`true`;
  const rows = await sql<MovementRow[]>`
    WITH lines AS (
      SELECT id, kind, escrow_id, milestone_id, seller_id, part, amount, currency, settled_amount, settlement_currency, status,
             payment_id, stripe_id, stripe_charge_id, reason, error_code, error_message, created_at, updated_at,
             NULL AS reference, NULL AS approval_id, NULL AS requested_by, NULL AS approved_by
      FROM movements WHERE escrow_id = ${id} AND kind = ${kind} AND ${own}
      ${kind === 'refund' ? sql`UNION ALL ${bankRefundLines(sql, id)}` : sql``}
    )
    SELECT * FROM lines
    WHERE ${page.startingAfter === undefined ? sql`true` : sql`(created_at, id) > (SELECT created_at, id FROM lines WHERE id = ${page.startingAfter})`}
    ORDER BY created_at, id LIMIT ${page.limit + 1}`;
  return cut(rows, page.limit);
}

/** As whom somebody acts on an escrow: its buyer, a seller of one of its milestones, or ops. Null: only reads. */
export function principalOn(
  state: Pick<EscrowState, 'terms' | 'milestones' | 'amendment'>,
  viewer: Viewer,
): Principal | null {
  if (viewer.role === 'ops') return { id: viewer.id, role: 'ops' };
  if (state.terms.buyerId === viewer.id) return { id: viewer.id, role: 'buyer' };
  const sellers = [...state.milestones, ...(state.amendment?.terms.milestones ?? [])];
  if (sellers.some((m) => m.sellerId === viewer.id)) return { id: viewer.id, role: 'seller' };
  return null;
}

/** The escrow on which an amendment is pending, if the viewer may read it. */
export async function escrowOfAmendment(sql: Queryable, viewer: Viewer, amendmentId: string): Promise<string | null> {
  const [row] = await sql<{ id: string }[]>`
    SELECT e.id FROM escrows e WHERE e.state -> 'amendment' ->> 'id' = ${amendmentId} AND ${readable(sql, viewer)}`;
  return row?.id ?? null;
}
