// Invitations: who may become whom, told by mail, accepted once.
import type { Role } from '../domain/escrow-state.ts';
import { record } from './audit.ts';
import type { Queryable, Tx } from './client.ts';
import { newId } from './ids.ts';
import { queueMailTo } from './messages.ts';
import type { Person } from './people.ts';

export interface Invitation {
  id: string;
  email: string;
  role: Role;
  approver: boolean;
  note: string | null;
  invited_by: string;
  inviter: string;
  /** The id that the account will have. */
  person_id: string;
  created_at: Date;
  expires_at: Date;
  accepted_at: Date | null;
  revoked_at: Date | null;
}

export interface NewInvitation {
  email: string;
  role: Role;
  approver: boolean;
  note: string | null;
  /** "a seller" */
  roleWords: string;
}

const columns = (sql: Queryable) =>
  sql`i.id, i.email, i.role, i.approver, i.note, i.invited_by, p.name AS inviter, i.person_id, i.created_at, i.expires_at, i.accepted_at, i.revoked_at`;

/**
 * Invites, and queues the mail; whoever is invited again gets a new mail, and the old link still works. False: the address has an
 * account, or is invited by somebody else.
 */
export async function invite(tx: Tx, by: Person, of: NewInvitation): Promise<boolean> {
  const [taken] = await tx`SELECT 1 FROM people WHERE lower(email) = lower(${of.email})`;
  if (taken !== undefined) return false;
  const [row] = await tx<{ id: string }[]>`
    INSERT INTO invitations AS i (entity_id, email, role, approver, note, invited_by, person_id)
    VALUES (${by.entityId}, ${of.email}, ${of.role}, ${of.approver}, ${of.note}, ${by.id}, ${newId('person')})
    ON CONFLICT (lower(email)) WHERE accepted_at IS NULL AND revoked_at IS NULL
    DO UPDATE SET role = EXCLUDED.role, approver = EXCLUDED.approver, note = EXCLUDED.note, invited_by = EXCLUDED.invited_by,
      expires_at = EXCLUDED.expires_at
      WHERE i.invited_by = EXCLUDED.invited_by OR i.expires_at < now()
    RETURNING id`;
  if (!row) return false;
  await record(tx, { actor: by, action: 'invited', subject: row.id, outcome: 'done', data: { role: of.role, approver: of.approver } }); // prettier-ignore
  await queueMailTo(tx, of.email, 'invitation', { invitation_id: row.id, by: by.name, role_words: of.roleWords, note: of.note }); // prettier-ignore
  return true;
}

/** Open: neither accepted nor taken back, and in time. */
export async function findOpenInvitation(sql: Queryable, id: string): Promise<Invitation | null> {
  const [row] = await sql<Invitation[]>`
    SELECT ${columns(sql)} FROM invitations i JOIN people p ON p.id = i.invited_by
    WHERE i.id = ${id} AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now()`;
  return row ?? null;
}

/** One's own; for ops everybody's. */
const theirs = (sql: Queryable, by: Person) =>
  sql`i.entity_id = ${by.entityId} AND ${by.role === 'ops' ? sql`true` : sql`i.invited_by = ${by.id}`}`;

/** Newest first: one's own, or everybody's for ops. */
export async function listInvitations(sql: Queryable, viewer: Person, limit = 100): Promise<Invitation[]> {
  return sql<Invitation[]>`
    SELECT ${columns(sql)} FROM invitations i JOIN people p ON p.id = i.invited_by
    WHERE ${theirs(sql, viewer)}
    ORDER BY i.id DESC LIMIT ${limit}`;
}

/** False: it is not open any more. Null: they have no such invitation. */
export async function revokeInvitation(tx: Tx, by: Person, id: string): Promise<boolean | null> {
  const rows = await tx`
    UPDATE invitations i SET revoked_at = now()
    WHERE id = ${id} AND accepted_at IS NULL AND revoked_at IS NULL AND ${theirs(tx, by)} RETURNING id`;
  if (rows.length > 0) {
    await record(tx, { actor: by, action: 'invitation.revoked', subject: id, outcome: 'done' });
    return true;
  }
  const [known] = await tx`SELECT 1 FROM invitations i WHERE id = ${id} AND ${theirs(tx, by)}`;
  return known === undefined ? null : false;
}

export async function markAccepted(tx: Tx, id: string): Promise<boolean> {
  const rows = await tx`
    UPDATE invitations SET accepted_at = now()
    WHERE id = ${id} AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > now() RETURNING id`;
  return rows.length > 0;
}
