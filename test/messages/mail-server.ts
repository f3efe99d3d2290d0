// A real SMTP server for a test: keeps what it was given, and refuses or drops on demand.
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface ReceivedMail {
  to: string[];
  from: string;
  /** Headers by lower-case name, unfolded and decoded, and everything behind them. */
  headers: Record<string, string>;
  body: string;
}

export interface MailServer {
  url: string;
  received: ReceivedMail[];
  /** Answers the next recipients with this SMTP code; 0 takes them again. */
  refuse(code: number): void;
  close(): Promise<void>;
}

export async function startMailServer(): Promise<MailServer> {
  const received: ReceivedMail[] = [];
  let code = 0;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo: (_address, _session, callback) =>
      callback(code === 0 ? null : Object.assign(new Error('not taken'), { responseCode: code })),
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const [head = '', ...rest] = Buffer.concat(chunks).toString('utf8').split('\r\n\r\n');
        const lines = head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n');
        const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), decodeWords(line.slice(line.indexOf(':') + 1).trim())])); // prettier-ignore
        const { mailFrom, rcptTo } = session.envelope;
        received.push({ to: rcptTo.map((r) => r.address), from: mailFrom === false ? '' : mailFrom.address, headers, body: decodeQuoted(rest.join('\r\n\r\n')) }); // prettier-ignore
        callback();
      });
    },
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve());
  });
  return {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    received,
    refuse: (next) => {
      code = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

const bytes = (quoted: string) =>
  Buffer.from(quoted.replaceAll(/=([0-9A-F]{2})/g, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), 'latin1').toString('utf8'); // prettier-ignore

const decodeQuoted = (body: string): string => bytes(body.replaceAll('=\r\n', ''));

/** RFC 2047: words between =? and ?=; the space between two of them is none. */
const decodeWords = (header: string): string =>
  header
    .replaceAll(/\?=\s+=\?/g, '?==?')
    .replaceAll(/=\?UTF-8\?([QB])\?(.*?)\?=/gi, (_whole, how: string, text: string) =>
      how.toUpperCase() === 'B' ? Buffer.from(text, 'base64').toString('utf8') : bytes(text.replaceAll('_', ' ')),
    );
