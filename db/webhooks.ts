// Outgoing webhooks: endpoints with their secrets, deliveries and their tries. An endpoint is its owner's alone; staff read the
// log of their own endpoints too, nobody else's secrets.
import { randomBytes } from 'node:crypto';
import type { Queryable, Sql, Tx } from './client.ts';
import { type EventRow, eventObject } from './events.ts';
import type { Listed, Page, Viewer } from './escrows.ts';
import { queueMessages } from './messages.ts';

export interface WebhookEndpoint {
  id: string;
  url: string;
  description: string;
  event_types: string[];
  status: 'enabled' | 'disabled';
  disabled_reason: string | null;
  previous_expires_at: Date | null;
  created_at: Date;
}

/** Standard Webhooks: "whsec_" and the base64 of 24 to 64 random bytes. */
export const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

const columns = (sql: Queryable) => sql`
  id, url, description, event_types, status, disabled_reason, created_at,
  CASE WHEN previous_expires_at > now() THEN previous_expires_at END AS previous_expires_at`;

export interface EndpointFields {
  url: string;
  description: string;
  event_types: string[];
}

/** Repeated with the same id before its answer was stored, it gets a new secret: nobody has seen the first. */
export async function createEndpoint(
  sql: Queryable,
  viewer: Viewer,
  endpoint: EndpointFields & { id: string; secret: string },
): Promise<WebhookEndpoint> {
  const [row] = await sql<WebhookEndpoint[]>`
    INSERT INTO webhook_endpoints (id, entity_id, person_id, url, description, event_types, secret)
    VALUES (${endpoint.id}, ${viewer.entityId}, ${viewer.id}, ${endpoint.url}, ${endpoint.description},
            ${endpoint.event_types}, ${endpoint.secret})
    ON CONFLICT (id) DO UPDATE SET secret = EXCLUDED.secret RETURNING ${columns(sql)}`;
  return row!;
}

export async function countEndpoints(sql: Queryable, viewer: Viewer): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    SELECT count(*)::int AS n FROM webhook_endpoints WHERE person_id = ${viewer.id} AND deleted_at IS NULL`;
  return row!.n;
}

const own = (sql: Queryable, viewer: Viewer) => sql`person_id = ${viewer.id} AND deleted_at IS NULL`;

export async function listEndpoints(sql: Queryable, viewer: Viewer, page: Page): Promise<Listed<WebhookEndpoint>> {
  const rows = await sql<WebhookEndpoint[]>`
    SELECT ${columns(sql)} FROM webhook_endpoints
    WHERE ${own(sql, viewer)} AND id > ${page.startingAfter ?? ''} ORDER BY id LIMIT ${page.limit + 1}`;
  return { data: rows.slice(0, page.limit), hasMore: rows.length > page.limit };
}

export async function findEndpoint(sql: Queryable, viewer: Viewer, id: string): Promise<WebhookEndpoint | null> {
  const [row] = await sql<WebhookEndpoint[]>`
    SELECT ${columns(sql)} FROM webhook_endpoints WHERE id = ${id} AND ${own(sql, viewer)}`;
  return row ?? null;
}

/** What is left out stays. Null: not the viewer's. */
export async function updateEndpoint(
  sql: Queryable,
  viewer: Viewer,
  id: string,
  change: Partial<EndpointFields> & { status?: WebhookEndpoint['status'] | undefined },
): Promise<WebhookEndpoint | null> {
  const [row] = await sql<WebhookEndpoint[]>`
    UPDATE webhook_endpoints SET
      url = coalesce(${change.url ?? null}, url), description = coalesce(${change.description ?? null}, description),
      event_types = coalesce(${change.event_types ?? null}::text[], event_types),
      status = coalesce(${change.status ?? null}, status),
      disabled_reason = CASE ${change.status ?? 'same'} WHEN 'enabled' THEN NULL WHEN 'disabled' THEN 'by its owner' ELSE disabled_reason END
    WHERE id = ${id} AND ${own(sql, viewer)} RETURNING ${columns(sql)}`;
  return row ?? null;
}

/**
 * The present secret goes on signing for `overlapMs`. A repetition of the same `rotation` replaces only the secret that
 * nobody has seen. Null: not the viewer's.
 */
export async function rotateSecret(
  sql: Queryable,
  viewer: Viewer,
  id: string,
  { secret, overlapMs, rotation }: { secret: string; overlapMs: number; rotation: string },
): Promise<WebhookEndpoint | null> {
  const [row] = await sql<WebhookEndpoint[]>`
    UPDATE webhook_endpoints SET secret = ${secret}, rotation = ${rotation},
      previous_secret = CASE WHEN rotation = ${rotation} THEN previous_secret ELSE secret END,
      previous_expires_at = now() + ${overlapMs} * interval '1 millisecond'
    WHERE id = ${id} AND ${own(sql, viewer)} RETURNING ${columns(sql)}`;
  return row ?? null;
}

/** False: not the viewer's. What is not delivered yet fails at its next try. */
export async function deleteEndpoint(sql: Queryable, viewer: Viewer, id: string): Promise<boolean> {
  const rows = await sql`
    UPDATE webhook_endpoints SET deleted_at = now(), status = 'disabled', disabled_reason = 'deleted'
    WHERE id = ${id} AND ${own(sql, viewer)}`;
  return rows.count === 1;
}

// ---- deliveries -------------------------------------------------------------------------------------------------

/** One delivery for each of these events and each enabled endpoint that wants it and may read it. */
export async function fanOut(tx: Tx, eventIds: readonly string[]): Promise<number> {
  const rows = await tx`
    INSERT INTO webhook_deliveries (endpoint_id, event_id)
    SELECT w.id, e.id
    FROM events e JOIN webhook_endpoints w ON w.entity_id = e.entity_id AND w.status = 'enabled'
      AND ('*' = ANY (w.event_types) OR e.type = ANY (w.event_types))
    JOIN people p ON p.id = w.person_id
    WHERE e.id IN ${tx([...eventIds])}
      AND (p.role IN ('ops', 'auditor') OR e.person_id = p.id
           OR EXISTS (SELECT FROM escrow_parties ep WHERE ep.escrow_id = e.escrow_id AND ep.person_id = p.id))
    ORDER BY e.id ON CONFLICT (endpoint_id, event_id) DO NOTHING`;
  return rows.count;
}

/** Deliveries whose workflow was not started yet, oldest first. */
export async function unstartedDeliveries(sql: Sql, limit: number): Promise<{ id: string; round: number }[]> {
  return sql<{ id: string; round: number }[]>`
    SELECT id, round FROM webhook_deliveries WHERE NOT started ORDER BY id LIMIT ${limit}`;
}

export async function markStarted(sql: Sql, id: string, round: number): Promise<void> {
  await sql`UPDATE webhook_deliveries SET started = true WHERE id = ${id} AND round = ${round}`;
}

export interface DueDelivery {
  url: string;
  secrets: string[];
  /** Null: it may be sent. */
  stopped: string | null;
  status: 'pending' | 'delivered' | 'failed';
  round: number;
  event: EventRow;
}

/** What a try needs; null when there is no such delivery. */
export async function dueDelivery(sql: Queryable, id: string): Promise<DueDelivery | null> {
  const [row] = await sql<
    { url: string; secret: string; previous: string | null; stopped: string | null; status: DueDelivery['status']; round: number; event_id: string; type: string; at: Date; data: Record<string, unknown> }[]
  >`
    SELECT w.url, w.secret, CASE WHEN w.previous_expires_at > now() THEN w.previous_secret END AS previous,
      CASE WHEN w.status = 'disabled' THEN coalesce(w.disabled_reason, 'disabled') END AS stopped,
      d.status, d.round, e.id AS event_id, e.type, e.at, e.data
    FROM webhook_deliveries d JOIN webhook_endpoints w ON w.id = d.endpoint_id JOIN events e ON e.id = d.event_id
    WHERE d.id = ${id}`; // prettier-ignore
  if (!row) return null;
  const { url, secret, previous, stopped, status, round, event_id, type, at, data } = row;
  const secrets = previous === null ? [secret] : [secret, previous];
  return { url, secrets, stopped, status, round, event: { id: event_id, type, at, data } };
}

export const bodyOf = (event: EventRow): string => JSON.stringify(eventObject(event));

export interface Attempt {
  status: number | null;
  error: string | null;
  answer: string | null;
  durationMs: number;
}

/** Notes one try. `nextTryAt` null after a failure: it was the last. */
export async function recordAttempt(sql: Sql, id: string, round: number, attempt: Attempt, nextTryAt: Date | null): Promise<void> {
  const outcome = attempt.error === null ? 'delivered' : nextTryAt === null ? 'failed' : 'pending';
  await sql.begin(async (tx) => {
    const rows = await tx`
      UPDATE webhook_deliveries SET status = ${outcome}, next_try_at = ${outcome === 'pending' ? nextTryAt : null},
        done_at = CASE WHEN ${outcome} = 'pending' THEN NULL ELSE now() END
      WHERE id = ${id} AND round = ${round}`;
    if (rows.count === 0) return;
    await tx`
      INSERT INTO webhook_attempts (delivery_id, number, status, error, answer, duration_ms)
      SELECT ${id}, coalesce(max(number), 0) + 1, ${attempt.status}, ${attempt.error}, ${attempt.answer}, ${attempt.durationMs}
      FROM webhook_attempts WHERE delivery_id = ${id}`;
    if (outcome === 'failed') await disableFailing(tx as Tx, id, attempt.status === 410);
  });
} // prettier-ignore

/**
 * An endpoint that is gone, or that took nothing since this delivery was made, is sent nothing more until its owner, who is told,
 * enables it again.
 */
async function disableFailing(tx: Tx, deliveryId: string, gone: boolean): Promise<void> {
  const [disabled] = await tx<{ id: string; person_id: string; url: string; disabled_reason: string }[]>`
    UPDATE webhook_endpoints w SET status = 'disabled',
      disabled_reason = CASE WHEN ${gone} THEN 'it answered 410 Gone' ELSE 'it took nothing since ' || to_char(d.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') END
    FROM webhook_deliveries d
    WHERE d.id = ${deliveryId} AND w.id = d.endpoint_id AND w.status = 'enabled'
      AND (${gone} OR NOT EXISTS (
        SELECT FROM webhook_deliveries taken
        WHERE taken.endpoint_id = w.id AND taken.status = 'delivered' AND taken.done_at > d.created_at))
    RETURNING w.id, w.person_id, w.url, w.disabled_reason`;
  if (disabled === undefined) return;
  const { person_id: personId, url, disabled_reason: reason } = disabled;
  await queueMessages(tx, [{ kind: 'endpoint_disabled', key: `endpoint_disabled:${disabled.id}:${deliveryId}`, personId, data: { url, reason } }]); // prettier-ignore
}

/** It is not tried any more, because its endpoint is disabled. */
export async function giveUpDelivery(sql: Queryable, id: string, round: number): Promise<void> {
  await sql`
    UPDATE webhook_deliveries SET status = 'failed', next_try_at = NULL, done_at = now()
    WHERE id = ${id} AND round = ${round} AND status = 'pending'`;
}

export interface Delivery {
  id: string;
  event_id: string;
  type: string;
  status: 'pending' | 'delivered' | 'failed';
  next_try_at: Date | null;
  created_at: Date;
  done_at: Date | null;
  attempts: { number: number; at: string; status: number | null; error: string | null; answer: string | null; duration_ms: number }[]; // prettier-ignore
}

const deliveryColumns = (sql: Queryable) => sql`
  d.id, d.event_id, e.type, d.status, d.next_try_at, d.created_at, d.done_at,
  coalesce((SELECT jsonb_agg(jsonb_build_object('number', a.number, 'at', a.at, 'status', a.status, 'error', a.error,
     'answer', a.answer, 'duration_ms', a.duration_ms) ORDER BY a.number)
   FROM webhook_attempts a WHERE a.delivery_id = d.id), '[]') AS attempts`;

/** Newest first; null when the endpoint is not the viewer's. */
export async function listDeliveries(
  sql: Queryable,
  viewer: Viewer,
  endpointId: string,
  page: Page & { status?: Delivery['status'] | undefined },
): Promise<Listed<Delivery> | null> {
  if ((await findEndpoint(sql, viewer, endpointId)) === null) return null;
  const rows = await sql<Delivery[]>`
    SELECT ${deliveryColumns(sql)} FROM webhook_deliveries d JOIN events e ON e.id = d.event_id
    WHERE d.endpoint_id = ${endpointId}
      AND ${page.status === undefined ? sql`true` : sql`d.status = ${page.status}`}
      AND ${page.startingAfter === undefined ? sql`true` : sql`d.id < ${page.startingAfter}`}
    ORDER BY d.id DESC LIMIT ${page.limit + 1}`;
  return { data: rows.slice(0, page.limit), hasMore: rows.length > page.limit };
}

export async function findDelivery(sql: Queryable, endpointId: string, id: string): Promise<Delivery | null> {
  const [row] = await sql<Delivery[]>`
    SELECT ${deliveryColumns(sql)} FROM webhook_deliveries d JOIN events e ON e.id = d.event_id
    WHERE d.id = ${id} AND d.endpoint_id = ${endpointId}`;
  return row ?? null;
}

/** Sends it again from the beginning, with the same event id. False: it is under way already. */
export async function replayDelivery(sql: Queryable, id: string): Promise<boolean> {
  const rows = await sql`
    UPDATE webhook_deliveries SET status = 'pending', round = round + 1, started = false, next_try_at = NULL, done_at = NULL
    WHERE id = ${id} AND status <> 'pending'`;
  return rows.count === 1;
}
