// The link of a mail that has one, made when the mail is sent: nothing that waits in the outbox opens an account.
import type { Sql } from '../db/client.ts';
import { findOpenInvitation } from '../db/invitations.ts';
import { createLink } from '../db/links.ts';
import type { DueMail } from '../db/mails.ts';

export const mailLinks =
  (sql: Sql, publicUrl: string) =>
  async (mail: DueMail): Promise<string | null> => {
    if (mail.kind === 'password_reset' && mail.person_id !== null) {
      return `${publicUrl}/reset?token=${await createLink(sql, 'password_reset', { personId: mail.person_id })}`;
    }
    const invitationId = mail.data['invitation_id'];
    if (typeof invitationId !== 'string' || (await findOpenInvitation(sql, invitationId)) === null) return null;
    return `${publicUrl}/invitation?token=${await createLink(sql, 'invitation', { invitationId })}`;
  };
