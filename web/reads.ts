// What only pages read: the escrow of a payment, frozen escrows, how full the event inbox is.
import type { Sql } from '../db/client.ts';
import type { Viewer } from '../db/escrows.ts';
import type { EventState, StripeEventRow } from '../db/stripe-events.ts';
import type { EscrowStatus, Role } from '../domain/escrow-state.ts';

/** Whose it is, is asked when the escrow is read. */
export async function escrowOfPayment(sql: Sql, paymentId: string): Promise<string | null> {
  const [row] = await sql<{ escrow_id: string }[]>`
    SELECT escrow_id FROM movements WHERE id = ${paymentId} AND kind = 'payment'`;
  return row?.escrow_id ?? null;
}

export interface FrozenEscrow {
  id: string;
  title: string;
  frozen: { reason: string; scope: string; subject: string; detail: string; since: number }[];
}

/** What still lives and stands still, the longest first. */
export async function frozenEscrows(sql: Sql, viewer: Viewer, limit: number): Promise<FrozenEscrow[]> {
  return sql<FrozenEscrow[]>`
    SELECT id, title, state -> 'frozen' AS frozen FROM escrows
    WHERE entity_id = ${viewer.entityId} AND jsonb_array_length(state -> 'frozen') > 0
      AND status NOT IN ('completed', 'cancelled', 'expired')
    ORDER BY state -> 'frozen' -> 0 -> 'since' LIMIT ${limit}`;
}

export interface EventCount {
  state: EventState;
  count: number;
  oldest: Date;
}

export async function eventCounts(sql: Sql): Promise<EventCount[]> {
  return sql<EventCount[]>`
    SELECT state, count(*)::int AS count, min(received_at) AS oldest FROM stripe_events GROUP BY state ORDER BY state`;
}

/** The escrow to which an id belongs: its own, a milestone's, a movement's, a dispute's, a file's, a debt's, an approval's or one of Stripe's. Ops only. */
export async function escrowOfAnyId(sql: Sql, id: string): Promise<string | null> {
  const [row] = await sql<{ escrow_id: string }[]>`
    SELECT id AS escrow_id FROM escrows WHERE id = ${id} OR external_id = ${id}
    UNION ALL SELECT escrow_id FROM milestones WHERE id = ${id}
    UNION ALL SELECT escrow_id FROM movements WHERE id = ${id} OR stripe_id = ${id} OR stripe_charge_id = ${id}
    UNION ALL SELECT escrow_id FROM disputes WHERE id = ${id} OR stripe_dispute_id = ${id} OR charge_id = ${id}
    UNION ALL SELECT escrow_id FROM files WHERE id = ${id}
    UNION ALL SELECT escrow_id FROM debts WHERE id = ${id}
    UNION ALL SELECT escrow_id FROM approvals WHERE id = ${id} AND escrow_id IS NOT NULL
    UNION ALL SELECT escrow_id FROM stripe_events WHERE id = ${id} AND escrow_id IS NOT NULL
    LIMIT 1`;
  return row?.escrow_id ?? null;
}

/** Name of each person, by id. */
export type Names = ReadonlyMap<string, string>;

/** Of those among the values that are people. */
export async function namesOf(sql: Sql, values: readonly unknown[]): Promise<Names> {
  const ids = [...new Set(values.filter((value) => typeof value === 'string'))];
  const rows = await sql<{ id: string; name: string }[]>`SELECT id, name FROM people WHERE id IN ${sql(['', ...ids])}`;
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** The escrow of each transfer, by its id at Stripe. */
export async function escrowsOfTransfers(
  sql: Sql,
  transferIds: readonly string[],
): Promise<ReadonlyMap<string, { id: string; title: string }>> {
  const rows = await sql<{ stripe_id: string; id: string; title: string }[]>`
    SELECT x.stripe_id, e.id, e.title FROM movements x JOIN escrows e ON e.id = x.escrow_id
    WHERE x.kind = 'transfer' AND x.stripe_id IN ${sql(['', ...transferIds])}`;
  return new Map(rows.map(({ stripe_id: transfer, id, title }) => [transfer, { id, title }]));
}

export interface AnyMovement {
  id: string;
  kind: string;
  amount: bigint;
  currency: string;
  status: string;
  stripe_id: string | null;
  stripe_charge_id: string | null;
  error_message: string | null;
}

/** Every object that the product ordered at Stripe for an escrow, oldest first. Ops only. */
export async function allMovements(sql: Sql, escrowId: string): Promise<AnyMovement[]> {
  return sql<AnyMovement[]>`
    SELECT id, kind, amount, currency, status, stripe_id, stripe_charge_id, error_message FROM movements
    WHERE escrow_id = ${escrowId} ORDER BY created_at, id`;
}

/** Newest first. */
export async function eventsOfEscrow(sql: Sql, escrowId: string, limit: number): Promise<StripeEventRow[]> {
  return sql<StripeEventRow[]>`
    SELECT id, type, object_id, account, livemode, api_version, state, attempts, next_try_at, error, escrow_id, received_at, done_at
    FROM stripe_events WHERE escrow_id = ${escrowId} ORDER BY received_at DESC, id DESC LIMIT ${limit}`;
}

/** Commands whose outcome is not known for longer than one takes, oldest first. */
export async function openCommands(
  sql: Sql,
  limit: number,
): Promise<{ key: string; route: string; created_at: Date }[]> {
  return sql<{ key: string; route: string; created_at: Date }[]>`
    SELECT key, route, created_at FROM idempotency_keys
    WHERE status IS NULL AND created_at < now() - interval '1 minute' ORDER BY created_at LIMIT ${limit}`;
}

export interface FoundEscrow {
  id: string;
  title: string;
  status: EscrowStatus;
  created_at: Date;
  parties: string;
}

export interface FoundPerson {
  id: string;
  name: string;
  email: string;
  role: Role;
}

/** People by address, name or id; escrows by their title, or by those people. Newest first. */
export async function searchText(
  sql: Sql,
  entityId: string,
  text: string,
  limit: number,
): Promise<{ escrows: FoundEscrow[]; people: FoundPerson[] }> {
  const like = `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
  const people = await sql<FoundPerson[]>`
    SELECT id, name, email, role FROM people
    WHERE entity_id = ${entityId} AND (email ILIKE ${like} OR name ILIKE ${like} OR id = ${text}) ORDER BY id LIMIT ${limit}`;
  const escrows = await sql<FoundEscrow[]>`
    SELECT e.id, e.title, e.status, e.created_at,
           (SELECT string_agg(p.name, ', ' ORDER BY ep.role, p.id) FROM escrow_parties ep JOIN people p ON p.id = ep.person_id
            WHERE ep.escrow_id = e.id) AS parties
    FROM escrows e
    WHERE e.entity_id = ${entityId} AND (e.title ILIKE ${like} OR EXISTS (
      SELECT FROM escrow_parties ep WHERE ep.escrow_id = e.id AND ep.person_id IN ${sql(['', ...people.map((p) => p.id)])}))
    ORDER BY e.id DESC LIMIT ${limit}`;
  return { escrows, people };
}
