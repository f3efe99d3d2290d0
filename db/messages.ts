// Messages to people: queued here inside the transaction that makes them true, listed for whom they are, marked as read.
import type { MilestoneState, EscrowEvent } from '../domain/escrow-state.ts';
import { type MessageData, type MessageKind, messagesOfEvent } from '../domain/messages.ts';
import type { WaitingState } from '../domain/waiting.ts';
import { type Wait, waitsOf } from '../domain/waits.ts';
import type { Queryable, Tx } from './client.ts';

export interface NewMessage {
  kind: MessageKind;
  /** Told to the same person once per key. */
  key: string;
  /** Null: everybody of ops. */
  personId: string | null;
  escrowId?: string | null | undefined;
  data: MessageData;
  /** It waits on the person until who queued it settles it. */
  waits?: true;
}

interface Wanted {
  person_id: string | null;
  escrow_id: string | null;
  key: string;
  kind: MessageKind;
  data: MessageData;
  waits: boolean;
}

/** Queues each message, and its mail where the person takes mails of that kind. */
export async function queueMessages(tx: Queryable, messages: readonly NewMessage[]): Promise<void> {
  await queue(
    tx,
    messages.map((m) => ({ person_id: m.personId, escrow_id: m.escrowId ?? null, key: m.key, kind: m.kind, data: m.data, waits: m.waits ?? false })), // prettier-ignore
  );
}

async function queue(tx: Queryable, wanted: readonly Wanted[]): Promise<void> {
  if (wanted.length > 0) await tx`SELECT queue_messages(${tx.json(wanted as never)})`;
}

/** A mail to somebody without an account. Its words may carry a link that is made when it is sent. */
export async function queueMailTo(tx: Queryable, address: string, kind: MessageKind, data: MessageData): Promise<void> {
  await tx`INSERT INTO mails (to_address, kind, data) VALUES (${address}, ${kind}, ${tx.json(data)})`;
}

/** What the projection says of an escrow, as far as messages need it. */
export interface ProjectedEscrow {
  buyer_id: string;
  title: string;
  currency: string;
  settlement_currency: string | null;
  state: WaitingState;
  milestones: MilestoneState[];
}

/** The same for what happens without a snapshot. The caller holds the escrow's row. */
export async function tellOfProjection(tx: Tx, escrowId: string, events: readonly EscrowEvent[]): Promise<void> {
  const [row] = await tx<ProjectedEscrow[]>`
    SELECT e.buyer_id, e.title, e.currency, e.settlement_currency, e.state,
           (SELECT jsonb_agg(m.state ORDER BY m.position) FROM milestones m WHERE m.escrow_id = e.id) AS milestones
    FROM escrows e WHERE e.id = ${escrowId}`;
  await tellOfEscrow(tx, escrowId, row!, events);
}

/**
 * Tells people what the projection says now: what began to wait on them, and the events that are new in it. What waits no
 * more is settled, and its mail, if it was not sent yet, never goes. The caller holds the escrow's row.
 */
export async function tellOfEscrow(tx: Tx, escrowId: string, projected: ProjectedEscrow, events: readonly EscrowEvent[]): Promise<void> {
  const { buyer_id: buyerId, title, currency, milestones } = projected;
  const about = { title, currency, settlement: projected.settlement_currency ?? currency };
  const waits = waitsOf({ ...projected.state, milestones }, buyerId).flatMap((w) => wantedOf(escrowId, w, about));
  const told = events.flatMap((event) => {
    const milestone = milestones.find((m) => m.id === event.milestoneId)?.title ?? null;
    return messagesOfEvent(event, { buyerId, milestones }).map(({ kind, personId }): Wanted => ({
      person_id: personId,
      escrow_id: escrowId,
      key: `${escrowId}:${event.seq}`,
      kind,
      data: { ...event.data, ...about, milestone, milestone_id: event.milestoneId, event: event.type },
      waits: false,
    }));
  });
  const open = waits.map((w) => w.key);
  await tx`SELECT tell_of_escrow(${escrowId}, ${open}, ${tx.json([...waits, ...told] as never)})`;
} // prettier-ignore

function wantedOf(
  escrowId: string,
  { kind, key, people, ops, waiting, milestone }: Wait,
  about: MessageData,
): Wanted[] {
  const { what, until, otherwise, milestone_id } = waiting;
  const data = { ...about, what, until: until === null ? null : Date.parse(until), otherwise, milestone, milestone_id };
  const to = ops ? [null] : people;
  return to.map((person_id) => ({ person_id, escrow_id: escrowId, key: `${escrowId}:${key}`, kind, data, waits: true })); // prettier-ignore
}

export interface Notification {
  id: string;
  escrow_id: string | null;
  kind: MessageKind;
  data: MessageData;
  waits: boolean;
  created_at: Date;
  settled_at: Date | null;
  read_at: Date | null;
}

/** Newest first. */
export async function listNotifications(
  sql: Queryable,
  personId: string,
  filter: { unread?: boolean | undefined; startingAfter?: string | undefined; limit: number },
): Promise<Notification[]> {
  return sql<Notification[]>`
    SELECT id, escrow_id, kind, data, waits, created_at, settled_at, read_at FROM notifications
    WHERE person_id = ${personId} AND ${filter.unread === true ? sql`read_at IS NULL` : sql`true`}
      AND ${filter.startingAfter === undefined ? sql`true` : sql`id < ${filter.startingAfter}`}
    ORDER BY id DESC LIMIT ${filter.limit}`;
}

export async function countUnread(sql: Queryable, personId: string): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    SELECT count(*)::int AS count FROM notifications WHERE person_id = ${personId} AND read_at IS NULL`;
  return row!.count;
}

/** One of the person's own, or, for null, all of them. Answers null where it is not theirs, or there is none. */
export async function markRead(sql: Queryable, personId: string, id: string | null): Promise<Notification | null> {
  const rows = await sql<Notification[]>`
    UPDATE notifications SET read_at = coalesce(read_at, now())
    WHERE person_id = ${personId} AND ${id === null ? sql`read_at IS NULL` : sql`id = ${id}`}
    RETURNING id, escrow_id, kind, data, waits, created_at, settled_at, read_at`;
  return rows[0] ?? null;
}

/** The kinds whose mail a person switched on or off; a kind that is not there is sent. */
export async function mailPreferences(sql: Queryable, personId: string): Promise<Map<string, boolean>> {
  const rows = await sql<{ kind: string; mail: boolean }[]>`
    SELECT kind, mail FROM message_preferences WHERE person_id = ${personId}`;
  return new Map(rows.map((row) => [row.kind, row.mail]));
}

export async function setMailPreferences(sql: Queryable, personId: string, wanted: ReadonlyMap<MessageKind, boolean>): Promise<void> {
  const rows = [...wanted].map(([kind, mail]) => ({ person_id: personId, kind, mail }));
  if (rows.length === 0) return;
  await sql`
    INSERT INTO message_preferences ${sql(rows)}
    ON CONFLICT (person_id, kind) DO UPDATE SET mail = EXCLUDED.mail`;
} // prettier-ignore
