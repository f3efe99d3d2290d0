// Mail by SMTP: nodemailer over SMTP_URL, with bounded times, so that a try ends before its claim does.
import { createTransport } from 'nodemailer';
import { MailRefused, type MailTransport } from './mailer.ts';

const CONNECT_MS = 10_000;
const SOCKET_MS = 30_000;

export function smtpTransport(url: string, from: string): MailTransport {
  const pool = createTransport(
    { url, pool: true, maxConnections: 3, connectionTimeout: CONNECT_MS, greetingTimeout: CONNECT_MS, socketTimeout: SOCKET_MS, disableFileAccess: true, disableUrlAccess: true }, // prettier-ignore
    { from },
  );
  return {
    send: async ({ messageId, to, subject, text, html }) => {
      try {
        // Automatic replies to an automatic mail help nobody.
        await pool.sendMail({ messageId, to: { name: '', address: to }, subject, text, html, headers: { 'Auto-Submitted': 'auto-generated' } }); // prettier-ignore
      } catch (error) {
        throw isRefusal(error) ? new MailRefused((error as Error).message, { cause: error }) : error;
      }
    },
    close: () => pool.close(),
  };
}

/** 5xx for this address or this text; a refused sign-in (535) is the installation's fault and may be mended. */
function isRefusal(error: unknown): boolean {
  const { code, responseCode } = error as { code?: string; responseCode?: number };
  return (code === 'EENVELOPE' || code === 'EMESSAGE') && (responseCode ?? 0) >= 500;
}
