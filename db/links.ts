// Links that are good once: the token goes out by mail, its hash stays here.
import { randomBytes } from 'node:crypto';
import type { Queryable, Tx } from './client.ts';
import { sha256 } from './people.ts';

const LIFE = { password_reset: '1 hour', invitation: '7 days' } as const;
export type LinkPurpose = keyof typeof LIFE;

export async function createLink(
  sql: Queryable,
  purpose: LinkPurpose,
  of: { personId: string } | { invitationId: string },
): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  await sql`
    INSERT INTO links (token_hash, purpose, person_id, invitation_id, expires_at)
    VALUES (${sha256(token)}, ${purpose}, ${'personId' in of ? of.personId : null},
            ${'invitationId' in of ? of.invitationId : null}, now() + ${LIFE[purpose]}::interval)`;
  return token;
}

export interface Link {
  person_id: string | null;
  invitation_id: string | null;
}

/** Null: it was used, is too old, or never was. Looking uses nothing up: mail programs look, too. */
export async function findLink(sql: Queryable, purpose: LinkPurpose, token: string): Promise<Link | null> {
  const [row] = await sql<Link[]>`
    SELECT person_id, invitation_id FROM links
    WHERE token_hash = ${sha256(token)} AND purpose = ${purpose} AND used_at IS NULL AND expires_at > now()`;
  return row ?? null;
}

/** Of two at once one gets it. */
export async function takeLink(tx: Tx, purpose: LinkPurpose, token: string): Promise<Link | null> {
  const [row] = await tx<Link[]>`
    UPDATE links SET used_at = now()
    WHERE token_hash = ${sha256(token)} AND purpose = ${purpose} AND used_at IS NULL AND expires_at > now()
    RETURNING person_id, invitation_id`;
  return row ?? null;
}

/** A new password makes every older link worthless. */
export async function endLinksOf(tx: Tx, personId: string): Promise<void> {
  await tx`UPDATE links SET used_at = now() WHERE person_id = ${personId} AND used_at IS NULL`;
}
