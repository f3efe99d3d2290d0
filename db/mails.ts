// The outbox: mails that wait to be sent, claimed by one sender at a time, and what became of each.
import type { MessageData, MessageKind } from '../domain/messages.ts';
import type { Queryable, Sql } from './client.ts';

export type MailState = 'queued' | 'sent' | 'kept' | 'dropped' | 'failed';

export interface DueMail {
  id: string;
  kind: MessageKind;
  data: MessageData;
  escrow_id: string | null;
  attempts: number;
  /** Null: to somebody without an account. */
  person_id: string | null;
  address: string;
  name: string | null;
  locale: string;
  time_zone: string;
  /** What it asked for is done: it need not go any more. */
  settled: boolean;
}

/** Longer than a try can take: after it another sender may take what a dead one had. */
const LEASE = '2 minutes';

/** Takes what is due and nobody has. `except`: kinds that cannot be sent here. */
export async function claimMails(sql: Sql, limit: number, except: readonly MessageKind[]): Promise<DueMail[]> {
  return sql<DueMail[]>`
    WITH claimed AS (
      UPDATE mails SET claimed_until = now() + ${LEASE}::interval, attempts = attempts + 1
      WHERE id IN (
        SELECT id FROM mails
        WHERE state = 'queued' AND due_at <= now() AND (claimed_until IS NULL OR claimed_until < now())
          AND kind <> ALL(${[...except]})
        ORDER BY due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      RETURNING *)
    SELECT c.id, c.kind, c.data, n.escrow_id, c.attempts, c.person_id, coalesce(p.email, c.to_address) AS address, p.name,
           coalesce(p.locale, 'en') AS locale, coalesce(p.time_zone, 'UTC') AS time_zone,
           coalesce(n.waits AND n.settled_at IS NOT NULL, false) AS settled
    FROM claimed c LEFT JOIN people p ON p.id = c.person_id LEFT JOIN notifications n ON n.id = c.notification_id
    ORDER BY c.created_at, c.id`;
}

export interface SentMail {
  address: string;
  subject: string;
  text: string;
  html: string;
}

/** sent: an SMTP server took it; kept: there is none, and the outbox page shows it; dropped: it was no longer needed. */
export interface FinishedMail {
  id: string;
  state: 'sent' | 'kept' | 'dropped';
  mail?: SentMail;
}

export async function finishMails(sql: Queryable, finished: readonly FinishedMail[]): Promise<void> {
  if (finished.length === 0) return;
  const rows = finished.map(({ id, state, mail }) => ({ id, state, ...mail }));
  await sql`
    UPDATE mails m SET state = f.state, done_at = now(), claimed_until = NULL, last_error = NULL, address = f.address,
      subject = f.subject, body_text = f.text, body_html = f.html
    FROM jsonb_to_recordset(${sql.json(rows as never)}) AS f(id text, state text, address text, subject text, text text, html text)
    WHERE m.id = f.id AND m.state = 'queued'`;
}

/** It did not go: again after a pause, or never. */
export async function postponeMail(sql: Queryable, id: string, error: string, againInMs: number | null): Promise<void> {
  await sql`
    UPDATE mails SET claimed_until = NULL, last_error = ${error.slice(0, 500)},
      due_at = now() + ${againInMs ?? 0} * interval '1 millisecond',
      state = CASE WHEN ${againInMs === null} THEN 'failed' ELSE 'queued' END,
      done_at = CASE WHEN ${againInMs === null} THEN now() END
    WHERE id = ${id} AND state = 'queued'`;
}

export interface OutboxMail {
  id: string;
  kind: MessageKind;
  state: MailState;
  address: string;
  subject: string | null;
  body_text: string | null;
  attempts: number;
  last_error: string | null;
  created_at: Date;
  done_at: Date | null;
}

/** Newest first. */
export async function listMails(
  sql: Queryable,
  filter: { id?: string | undefined; state?: MailState | undefined; startingAfter?: string | undefined; limit: number },
): Promise<OutboxMail[]> {
  const always = sql`true`;
  return sql<OutboxMail[]>`
    SELECT m.id, m.kind, m.state, coalesce(m.address, p.email, m.to_address) AS address, m.subject, m.body_text, m.attempts,
           m.last_error, m.created_at, m.done_at
    FROM mails m LEFT JOIN people p ON p.id = m.person_id
    WHERE ${filter.id === undefined ? always : sql`m.id = ${filter.id}`}
      AND ${filter.state === undefined ? always : sql`m.state = ${filter.state}`}
      AND ${filter.startingAfter === undefined ? always : sql`m.id < ${filter.startingAfter}`}
    ORDER BY m.id DESC LIMIT ${filter.limit}`;
}
