// Files of escrows: stored once with their content, read by who may read the escrow, attached by the command that names them.
import type { Queryable, Sql, Tx } from './client.ts';
import { readable, type Viewer } from './escrows.ts';

export type FilePurpose = 'delivery' | 'dispute' | 'evidence';

export interface StoredFile {
  id: string;
  escrow_id: string;
  owner_id: string;
  name: string;
  media_type: string;
  size: number;
  /** Of the content, hexadecimal. */
  sha256: string;
  purpose: FilePurpose | null;
  milestone_id: string | null;
  dispute_id: string | null;
  /** Stripe's field of evidence in which it is sent. */
  evidence_field: string | null;
  stripe_file_id: string | null;
  created_at: Date;
  attached_at: Date | null;
}

const columns = (sql: Queryable) =>
  sql`f.id, f.escrow_id, f.owner_id, f.name, f.media_type, f.size, f.sha256, f.purpose, f.milestone_id, f.dispute_id, f.evidence_field, f.stripe_file_id, f.created_at, f.attached_at`;

/** Uploads that no command named within a day are dropped. */
const LEFT_FOR = '1 day';

export type NewFile = Pick<StoredFile, 'id' | 'escrow_id' | 'owner_id' | 'name' | 'media_type' | 'sha256'> & {
  entityId: string;
  content: Buffer;
};

/** Once per id; answers the file. */
export async function insertFile(sql: Sql, f: NewFile): Promise<StoredFile> {
  return sql.begin(async (raw) => {
    const tx = raw as Tx;
    await tx`DELETE FROM files WHERE attached_at IS NULL AND created_at < now() - ${LEFT_FOR}::interval`;
    const made = await tx`
      INSERT INTO files (id, entity_id, escrow_id, owner_id, name, media_type, size, sha256)
      VALUES (${f.id}, ${f.entityId}, ${f.escrow_id}, ${f.owner_id}, ${f.name}, ${f.media_type}, ${f.content.length}, ${f.sha256})
      ON CONFLICT (id) DO NOTHING RETURNING id`;
    if (made.length > 0) await tx`INSERT INTO file_contents (file_id, content) VALUES (${f.id}, ${f.content})`;
    const [row] = await tx<StoredFile[]>`SELECT ${columns(tx)} FROM files f WHERE f.id = ${f.id}`;
    return row!;
  }) as Promise<StoredFile>;
}

/** How much one escrow keeps already: a bound for everybody who may upload. */
export async function filesKept(sql: Queryable, escrowId: string): Promise<{ count: number; bytes: number }> {
  const [row] = await sql<{ count: number; bytes: number }[]>`
    SELECT count(*)::int AS count, coalesce(sum(size), 0)::int AS bytes FROM files WHERE escrow_id = ${escrowId}`;
  return row!;
}

/** An upload that nothing names yet is its owner's alone; what is attached is for everybody who may read the escrow. */
const visible = (sql: Queryable, viewer: Viewer) => sql`
  ${readable(sql, viewer)} AND (f.attached_at IS NOT NULL OR f.owner_id = ${viewer.id})`;

export async function findFile(sql: Queryable, viewer: Viewer, id: string): Promise<StoredFile | null> {
  const [row] = await sql<StoredFile[]>`
    SELECT ${columns(sql)} FROM files f JOIN escrows e ON e.id = f.escrow_id WHERE f.id = ${id} AND ${visible(sql, viewer)}`;
  return row ?? null;
}

/** The bytes of a file that was found; null where it is gone. */
export async function contentOf(sql: Queryable, id: string): Promise<Buffer | null> {
  const [row] = await sql<{ content: Buffer }[]>`SELECT content FROM file_contents WHERE file_id = ${id}`;
  return row?.content ?? null;
}

/** Newest first. */
export async function listFiles(
  sql: Queryable,
  viewer: Viewer,
  filter: { escrowId?: string | undefined; startingAfter?: string | undefined; limit: number },
): Promise<StoredFile[]> {
  const { escrowId, startingAfter, limit } = filter;
  return sql<StoredFile[]>`
    SELECT ${columns(sql)} FROM files f JOIN escrows e ON e.id = f.escrow_id
    WHERE ${visible(sql, viewer)}
      AND ${escrowId === undefined ? sql`true` : sql`f.escrow_id = ${escrowId}`}
      AND ${
        startingAfter === undefined
          ? sql`true`
          : sql`(f.created_at, f.id) < (SELECT a.created_at, a.id FROM files a WHERE a.id = ${startingAfter})`
      }
    ORDER BY f.created_at DESC, f.id DESC LIMIT ${limit}`;
}

/** What is attached to an escrow, in the order in which it was given. Whose escrow it is was asked before. */
export async function attachedFiles(sql: Queryable, escrowId: string): Promise<StoredFile[]> {
  return sql<StoredFile[]>`
    SELECT ${columns(sql)} FROM files f WHERE f.escrow_id = ${escrowId} AND f.attached_at IS NOT NULL
    ORDER BY f.attached_at, f.name, f.id`;
}

/** Those of the ids that this person uploaded for this escrow. */
export async function ownFiles(
  sql: Queryable,
  ownerId: string,
  escrowId: string,
  ids: readonly string[],
): Promise<StoredFile[]> {
  return sql<StoredFile[]>`
    SELECT ${columns(sql)} FROM files f
    WHERE f.id IN ${sql(['', ...ids])} AND f.owner_id = ${ownerId} AND f.escrow_id = ${escrowId} ORDER BY f.name, f.id`;
}

export interface Attachment {
  ids: readonly string[];
  purpose: FilePurpose;
  milestoneId: string | null;
  disputeId: string | null;
}

/** Binds uploads to what names them. What is bound already stays as it is. */
export async function attachFiles(tx: Queryable, a: Attachment): Promise<void> {
  await tx`
    UPDATE files SET purpose = ${a.purpose}, milestone_id = ${a.milestoneId}, dispute_id = ${a.disputeId}, attached_at = now()
    WHERE id IN ${tx(['', ...a.ids])} AND attached_at IS NULL`;
}

/** Which file stands in which field of a card dispute's evidence, in place of what stood there before. */
export async function setEvidence(
  tx: Tx,
  disputeId: string,
  files: readonly { id: string; field: string }[],
): Promise<void> {
  await tx`UPDATE files SET evidence_field = NULL WHERE dispute_id = ${disputeId} AND evidence_field IS NOT NULL`;
  await attachFiles(tx, { ids: files.map((f) => f.id), purpose: 'evidence', milestoneId: null, disputeId });
  for (const { id, field } of files) {
    await tx`UPDATE files SET evidence_field = ${field} WHERE id = ${id} AND dispute_id = ${disputeId}`;
  }
}

/** Every file that was ever staged against a card dispute; those that were replaced have no field. */
export async function evidenceFiles(sql: Queryable, disputeId: string): Promise<StoredFile[]> {
  return sql<StoredFile[]>`
    SELECT ${columns(sql)} FROM files f WHERE f.dispute_id = ${disputeId} AND f.purpose = 'evidence' ORDER BY f.id`;
}

export async function recordStripeFile(sql: Queryable, id: string, stripeFileId: string): Promise<void> {
  await sql`UPDATE files SET stripe_file_id = ${stripeFileId} WHERE id = ${id} AND stripe_file_id IS NULL`;
}
