// The sender of mails: takes each from the outbox once, makes its words, hands it to the SMTP server, writes down that it
// went. SMTP has no transactions: a process that dies after the server took a mail and before that is written down leaves
// it to be sent again, under the same Message-ID, by which mail servers and readers know it for the same.
import type { Logger } from 'pino';
import type { Sql } from '../db/client.ts';
import { raiseAlert } from '../db/movements.ts';
import { claimMails, type DueMail, type FinishedMail, finishMails, postponeMail } from '../db/mails.ts';
import { mayBeSwitchedOff, type MessageKind } from '../domain/messages.ts';
import { mailOf } from '../messages/mail.tsx';

export interface OutgoingMail {
  /** Its own, the same at every try. */
  messageId: string;
  to: string;
  subject: string;
  text: string;
  html: string;
}

export interface MailTransport {
  /** Ends when the server has taken it. @throws MailRefused for ever, anything else for now */
  send(mail: OutgoingMail): Promise<void>;
  close(): void;
}

/** The server will not take this mail at any other time either: an address that does not exist. */
export class MailRefused extends Error {
  override name = 'MailRefused';
}

/** Their words carry a link that is good once: it is made when the mail is sent, and stored nowhere outside the sandbox. */
export const WITH_LINK: readonly MessageKind[] = ['password_reset', 'invitation'];

export interface MailerParts {
  sql: Sql;
  /** Null: no SMTP server; every mail is kept for the outbox page. */
  transport: MailTransport | null;
  publicUrl: string;
  /** In the sandbox a kept mail may hold its link, because nobody could follow it otherwise. */
  sandbox: boolean;
  /** Makes the link of a mail that has one, valid from now on. Null: it is asked for no more. */
  linkFor?: (mail: DueMail) => Promise<string | null>;
  logger: Logger;
}

const BATCH = 10;
const MAX_TRIES = 12;
const HOUR_MS = 3_600_000;
const PAUSE_MS = 1000;

export interface Mailer {
  /** Ends after what is being sent now. */
  stop(): Promise<void>;
}

export function startMailer(parts: MailerParts): Mailer {
  const stopping = new AbortController();
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      const sent = await sendDue(parts).catch((error: unknown) => {
        parts.logger.error({ err: error }, 'mails could not be read or written down; they are tried again');
        return 0;
      });
      if (sent < BATCH) await pause(PAUSE_MS, stopping.signal);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await loop;
      parts.transport?.close();
    },
  };
}

/** One batch; answers how many it took. */
export async function sendDue(parts: MailerParts): Promise<number> {
  const cannot = parts.transport === null && !parts.sandbox ? WITH_LINK : [];
  const mails = await claimMails(parts.sql, BATCH, cannot);
  // What went is written down by itself and at once, before anything can come between; the rest in one statement.
  const rest = await Promise.all(mails.map((mail) => sendOne(parts, mail)));
  await finishMails(parts.sql, rest.filter((finished) => finished !== null)); // prettier-ignore
  return mails.length;
}

/** Answers what became of it, where that is still to be written down. */
async function sendOne(parts: MailerParts, mail: DueMail): Promise<FinishedMail | null> {
  const { sql, transport, logger } = parts;
  const log = { mail_id: mail.id, kind: mail.kind };
  try {
    const link = WITH_LINK.includes(mail.kind) ? await parts.linkFor?.(mail) : undefined;
    if (mail.settled || link === null) return { id: mail.id, state: 'dropped' };
    const words = (shownLink?: string) =>
      mailOf(
        mail.kind,
        { reader: { locale: mail.locale, timeZone: mail.time_zone }, data: mail.data, escrowId: mail.escrow_id, link: shownLink }, // prettier-ignore
        { publicUrl: parts.publicUrl, name: mail.name, optional: mayBeSwitchedOff(mail.kind) },
      );
    const messageId = `<${mail.id}@${new URL(parts.publicUrl).hostname}>`;
    if (transport === null) return { id: mail.id, state: 'kept', mail: { address: mail.address, ...words(link) } };
    await transport.send({ messageId, to: mail.address, ...words(link) });
    await finishMails(sql, [{ id: mail.id, state: 'sent', mail: { address: mail.address, ...words() } }]);
    logger.info(log, 'mail sent');
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    const over = error instanceof MailRefused || mail.attempts >= MAX_TRIES;
    await postponeMail(sql, mail.id, words, over ? null : Math.min(HOUR_MS, 5000 * 2 ** (mail.attempts - 1)));
    logger.warn({ ...log, err: error, attempts: mail.attempts, over }, 'mail not sent');
    // Once a day: ops are told by mail, too.
    if (over) await raiseAlert(sql, { kind: 'mail_failed', key: `mail_failed:${new Date().toISOString().slice(0, 10)}`, escrowId: null, detail: { mail_id: mail.id, kind: mail.kind, error: words } }); // prettier-ignore
  }
  return null;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
