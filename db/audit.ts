// The audit log: written by whoever acts, in the acting transaction; sealed into a hash chain afterwards; verified from its
// first row. What people wrote is not in it, so that it never has to be changed to forget somebody.
import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/terms.ts';
import type { Queryable, Sql, Tx } from './client.ts';

export interface AuditRecord {
  entityId?: string | undefined;
  /** Null: the platform itself. */
  actor: { id: string; role: string } | null;
  action: string;
  subject: string | null;
  outcome: string;
  requestId?: string | undefined;
  data?: Record<string, string | number | boolean | null> | undefined;
}

export async function record(tx: Queryable, r: AuditRecord): Promise<void> {
  await tx`
    INSERT INTO audit_log (entity_id, actor_id, actor_role, action, subject, outcome, request_id, data)
    VALUES (${r.entityId ?? 'default'}, ${r.actor?.id ?? null}, ${r.actor?.role ?? null}, ${r.action}, ${r.subject},
            ${r.outcome}, ${r.requestId ?? null}, ${tx.json(r.data ?? {})})`;
}

export async function recordSignIn(tx: Queryable, personId: string): Promise<void> {
  await tx`
    INSERT INTO audit_log (entity_id, actor_id, actor_role, action, subject, outcome)
    SELECT entity_id, id, role, 'sign_in', id, 'done' FROM people WHERE id = ${personId}`;
}

export interface AuditEntry {
  id: bigint;
  at: string;
  entity_id: string;
  actor_id: string | null;
  actor_role: string | null;
  action: string;
  subject: string | null;
  outcome: string;
  request_id: string | null;
  data: Record<string, unknown>;
}

interface Seal {
  seq: bigint;
  entry_id: bigint;
  prev_hash: string;
  hash: string;
}

/** Before the first row. */
const GENESIS = '0'.repeat(64);
/** Entries that were written before the last sealed one and committed after it lie no further back. */
const LATE = 10_000;
const BATCH = 500;
const UNSEALED_FOR_TOO_LONG = '10 minutes';

/** Instants with their microseconds: a Date would drop them, and the hash with them. */
const columns = (sql: Queryable) => sql`
  a.id, to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, a.entity_id, a.actor_id, a.actor_role,
  a.action, a.subject, a.outcome, a.request_id, a.data`;

function hashOf(seq: bigint, prevHash: string, e: AuditEntry): string {
  const row = canonicalJson([seq.toString(), e.id.toString(), e.at, e.entity_id, e.actor_id, e.actor_role, e.action, e.subject, e.outcome, e.request_id, e.data]); // prettier-ignore
  return createHash('sha256').update(prevHash).update(row).digest('hex');
}

/** Puts what is not sealed yet behind the chain, in the order of its ids. Answers how many. */
export async function sealAudit(sql: Sql): Promise<number> {
  let total = 0;
  for (;;) {
    const sealed = await sql.begin((tx) => sealBatch(tx));
    total += sealed;
    if (sealed < BATCH) return total;
  }
}

async function sealBatch(tx: Tx): Promise<number> {
  // One sealer at a time: two would make two chains.
  await tx`SELECT pg_advisory_xact_lock(hashtextextended('audit-seals', 0))`;
  const [last] = await tx<Seal[]>`SELECT seq, entry_id, prev_hash, hash FROM audit_seals ORDER BY seq DESC LIMIT 1`;
  const [top] = await tx<{ id: bigint | null }[]>`SELECT max(entry_id) AS id FROM audit_seals`;
  const entries = await tx<AuditEntry[]>`
    SELECT ${columns(tx)} FROM audit_log a
    WHERE a.id > ${(top?.id ?? 0n) - BigInt(LATE)} AND NOT EXISTS (SELECT FROM audit_seals s WHERE s.entry_id = a.id)
    ORDER BY a.id LIMIT ${BATCH}`;
  let seq = last?.seq ?? 0n;
  let previous = last?.hash ?? GENESIS;
  const seals = entries.map((entry) => {
    seq += 1n;
    const hash = hashOf(seq, previous, entry);
    const seal = { seq, entry_id: entry.id, prev_hash: previous, hash };
    previous = hash;
    return seal;
  });
  if (seals.length > 0) await tx`INSERT INTO audit_seals ${tx(seals)}`;
  return seals.length;
}

export interface AuditChain {
  holds: boolean;
  sealed: number;
  /** Written, and not yet sealed. */
  unsealed: number;
  /** To be noted outside: a chain that later does not hold this hash at this number was cut off or made anew. */
  head: { seq: number; hash: string } | null;
  /** The first row that is not what was sealed. */
  broken: { seq: number | null; entry_id: number; why: string } | null;
}

/** Walks the whole chain. `anchor`: a head that was noted before. */
export async function verifyAudit(sql: Sql, anchor?: { seq: number; hash: string }): Promise<AuditChain> {
  const [counts] = await sql<{ unsealed: bigint; late: bigint | null }[]>`
    SELECT count(*) AS unsealed, min(a.id) FILTER (WHERE a.at < now() - ${UNSEALED_FOR_TOO_LONG}::interval) AS late
    FROM audit_log a WHERE NOT EXISTS (SELECT FROM audit_seals s WHERE s.entry_id = a.id)`;
  const unsealed = Number(counts!.unsealed);
  let seq = 0n;
  let previous = GENESIS;
  const answer = (broken: AuditChain['broken']): AuditChain => ({
    holds: broken === null,
    sealed: Number(seq),
    unsealed,
    head: seq === 0n ? null : { seq: Number(seq), hash: previous },
    broken,
  });
  for (;;) {
    const rows = await sql<(Seal & AuditEntry & { present: boolean })[]>`
      SELECT s.seq, s.entry_id, s.prev_hash, s.hash, a.id IS NOT NULL AS present, ${columns(sql)}
      FROM audit_seals s LEFT JOIN audit_log a ON a.id = s.entry_id
      WHERE s.seq > ${seq} ORDER BY s.seq LIMIT ${BATCH}`;
    for (const row of rows) {
      const why = flawOf(row, seq, previous);
      if (why !== null) return answer({ seq: Number(row.seq), entry_id: Number(row.entry_id), why });
      seq = row.seq;
      previous = row.hash;
      if (anchor !== undefined && Number(seq) === anchor.seq && previous !== anchor.hash) {
        return answer({ seq: anchor.seq, entry_id: Number(row.entry_id), why: 'the chain was made anew: its hash is not the one that was noted' }); // prettier-ignore
      }
    }
    if (rows.length < BATCH) break;
  }
  if (anchor !== undefined && Number(seq) < anchor.seq) {
    return answer({ seq: Number(seq) + 1, entry_id: 0, why: 'the chain is shorter than it was' });
  }
  if (counts!.late === null) return answer(null);
  return answer({
    seq: null,
    entry_id: Number(counts!.late),
    why: `not sealed for more than ${UNSEALED_FOR_TOO_LONG}`,
  });
}

function flawOf(row: Seal & AuditEntry & { present: boolean }, before: bigint, previous: string): string | null {
  if (row.seq !== before + 1n) return `the seal before it is gone: ${before + 1n}`;
  if (row.prev_hash !== previous) return 'it does not follow from the row before it';
  if (!row.present) return 'the entry is gone';
  return hashOf(row.seq, previous, row) === row.hash ? null : 'the entry was changed after it was sealed';
}

export interface AuditFilter {
  subject?: string | undefined;
  actorId?: string | undefined;
  startingAfter?: bigint | undefined;
  limit: number;
}

/** Newest first, each with its seal where it has one. */
export async function listAudit(
  sql: Queryable,
  entityId: string,
  filter: AuditFilter,
): Promise<(AuditEntry & { seq: bigint | null; hash: string | null })[]> {
  const always = sql`true`;
  return sql<(AuditEntry & { seq: bigint | null; hash: string | null })[]>`
    SELECT ${columns(sql)}, s.seq, s.hash FROM audit_log a LEFT JOIN audit_seals s ON s.entry_id = a.id
    WHERE a.entity_id = ${entityId}
      AND ${filter.subject === undefined ? always : sql`a.subject = ${filter.subject}`}
      AND ${filter.actorId === undefined ? always : sql`a.actor_id = ${filter.actorId}`}
      AND ${filter.startingAfter === undefined ? always : sql`a.id < ${filter.startingAfter}`}
    ORDER BY a.id DESC LIMIT ${filter.limit}`;
}
