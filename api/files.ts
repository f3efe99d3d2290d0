// Taking files in, handing them out, and what a command may attach.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { filesKept, insertFile, ownFiles, type StoredFile } from '../db/files.ts';
import { findEscrow, principalOn } from '../db/escrows.ts';
import { isId } from '../domain/ids.ts';
import type { Answer, AppContext, Caller } from './context.ts';
import { checkFile } from './file-types.ts';
import { Problem } from './problem.ts';

const FILES_PER_ESCROW = 200;
const BYTES_PER_ESCROW = 200 * 1024 * 1024;
export const FILES_PER_COMMAND = 10;

const instant = z.iso.datetime();

export const fileSchema = z
  .object({
    id: z.string().describe('Id of the file (fil_…).'),
    object: z.literal('file'),
    escrow_id: z.string(),
    owner_id: z.string(),
    name: z.string(),
    media_type: z.string().describe('Told by its content.'),
    size: z.int().describe('Bytes.'),
    sha256: z.string(),
    purpose: z
      .enum(['delivery', 'dispute', 'evidence'])
      .nullable()
      .describe('What a command attached it to; null: an upload that only its owner sees, dropped after a day.'),
    milestone_id: z.string().nullable(),
    dispute_id: z.string().nullable(),
    created_at: instant,
    attached_at: instant.nullable(),
  })
  .meta({ id: 'File' });

export const fileView = (f: StoredFile): z.infer<typeof fileSchema> => ({
  id: f.id,
  object: 'file',
  escrow_id: f.escrow_id,
  owner_id: f.owner_id,
  name: f.name,
  media_type: f.media_type,
  size: f.size,
  sha256: f.sha256,
  purpose: f.purpose,
  milestone_id: f.milestone_id,
  dispute_id: f.dispute_id,
  created_at: f.created_at.toISOString(),
  attached_at: f.attached_at?.toISOString() ?? null,
});

export const sha256Of = (content: Buffer | string): string => createHash('sha256').update(content).digest('hex');

/** Checks an upload and keeps it for an escrow that the caller acts on. Once per id. */
export async function storeFile(
  { sql }: Pick<AppContext, 'sql'>,
  { person }: Caller,
  escrowId: string,
  file: File,
  id: string,
): Promise<StoredFile> {
  const viewer = { id: person.id, role: person.role, entityId: person.entityId };
  const record = isId('escrow', escrowId) ? await findEscrow(sql, viewer, escrowId) : null;
  if (record === null || principalOn(record.state, viewer) === null) {
    throw new Problem('not_found', 'There is no such escrow.', { param: 'escrow_id' });
  }
  const content = Buffer.from(await file.arrayBuffer());
  const checked = checkFile(file.name, content);
  if ('refusal' in checked) throw new Problem('file_invalid', checked.refusal, { param: 'file' });
  const kept = await filesKept(sql, escrowId);
  if (kept.count >= FILES_PER_ESCROW || kept.bytes + content.length > BYTES_PER_ESCROW) {
    throw new Problem('file_invalid', `An escrow keeps at most ${FILES_PER_ESCROW} files and ${BYTES_PER_ESCROW / 1024 / 1024} MB.`, { param: 'file' }); // prettier-ignore
  }
  return insertFile(sql, {
    id,
    entityId: person.entityId,
    escrow_id: escrowId,
    owner_id: person.id,
    name: checked.name,
    media_type: checked.mediaType,
    sha256: sha256Of(content),
    content,
  });
}

/** The answer that carries a file: always a download, never shown by a browser as a page of ours. */
export function fileAnswer(file: StoredFile, content: Buffer): Answer {
  const plain = file.name.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_');
  return {
    status: 200,
    body: content,
    headers: {
      'Content-Type': file.media_type === 'text/plain' ? 'text/plain; charset=utf-8' : file.media_type,
      'Content-Length': String(content.length),
      'Content-Disposition': `attachment; filename="${plain}"; filename*=UTF-8''${encodeRfc5987(file.name)}`,
      'Content-Security-Policy': "default-src 'none'; sandbox",
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'private, no-store',
      'Repr-Digest': `sha-256=:${Buffer.from(file.sha256, 'hex').toString('base64')}:`,
    },
  };
}

const encodeRfc5987 = (name: string): string =>
  encodeURIComponent(name).replaceAll(/['()*]/g, (c) => `%${c.codePointAt(0)!.toString(16).toUpperCase()}`);

/** What a command names, in the order of its names: the caller's own uploads for this escrow. @throws Problem */
export async function filesFor(
  context: Pick<AppContext, 'sql'>,
  caller: Caller,
  escrowId: string,
  ids: readonly string[] | undefined,
  /** What is attached already counts where it is the same thing, so that a repetition is none the worse. */
  same: Partial<Pick<StoredFile, 'milestone_id' | 'dispute_id'>>,
): Promise<StoredFile[]> {
  if (ids === undefined || ids.length === 0) return [];
  const files = await ownFiles(context.sql, caller.person.id, escrowId, ids);
  const usable = files.filter(
    (f) => f.attached_at === null || Object.entries(same).every(([name, value]) => f[name as keyof StoredFile] === value), // prettier-ignore
  );
  const missing = ids.find((id) => !usable.some((f) => f.id === id));
  if (missing !== undefined) {
    throw new Problem('invalid_request', `file_ids: there is no file ${JSON.stringify(missing)} that you uploaded for this escrow and that is still to be used.`, { param: 'file_ids' }); // prettier-ignore
  }
  return usable;
}

/**
 * The fingerprint of a delivery: of one file its own SHA-256, of several that of the list that `sha256sum` prints for them,
 * sorted by name.
 */
export function deliveryHash(files: readonly Pick<StoredFile, 'name' | 'sha256'>[]): string | undefined {
  if (files.length < 2) return files[0]?.sha256;
  const lines = files.map((f) => `${f.sha256}  ${f.name}\n`).sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1));
  return sha256Of(lines.join(''));
}
