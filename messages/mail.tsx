// A message as a mail: subject, plain text, and HTML that says the same. What people wrote is escaped; links lead to
// PUBLIC_URL. No picture, no tracking, nothing that has to be fetched.
import type { MessageKind } from '../domain/messages.ts';
import { type Facts, wordsOf } from './words.ts';

export interface Mail {
  subject: string;
  text: string;
  html: string;
}

export interface Frame {
  /** Where people reach the pages, without a slash at its end. */
  publicUrl: string;
  /** Whom it greets; null: somebody without an account. */
  name: string | null;
  /** True: the person may switch this kind of mail off. */
  optional: boolean;
}

const FONT = 'font-family: system-ui, -apple-system, sans-serif; font-size: 16px; line-height: 1.5; color: #1b1f24';
const BUTTON = 'display: inline-block; padding: 12px 20px; background: #1f4e8c; color: #ffffff; text-decoration: none; border-radius: 6px'; // prettier-ignore

export function mailOf(kind: MessageKind, facts: Facts, frame: Frame): Mail {
  const { subject, says, button } = wordsOf(kind, facts);
  const url = button === null ? null : button.to.startsWith('/') ? `${frame.publicUrl}${button.to}` : button.to;
  const greeting = frame.name === null ? 'Hello,' : `Hello ${frame.name},`;
  const footer = frame.optional
    ? `You choose which mails you get: ${frame.publicUrl}/preferences`
    : 'This mail is about money or security, so that it cannot be switched off.';
  const lines = [greeting, ...says, ...(url === null ? [] : [`${button!.label}: ${url}`]), '-- ', `Tranche\n${footer}`];
  const page: { toString(): string } = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>{subject}</title>
      </head>
      <body style={FONT}>
        <p>{greeting}</p>
        {says.map((sentence) => (
          <p>{sentence}</p>
        ))}
        {url === null ? null : (
          <p>
            <a href={url} style={BUTTON}>
              {button!.label}
            </a>
          </p>
        )}
        <hr />
        <p style="color: #57606a; font-size: 14px">
          Tranche
          <br />
          {footer}
        </p>
      </body>
    </html>
  );
  return { subject: oneLine(subject), text: `${lines.join('\n\n')}\n`, html: `<!doctype html>${page.toString()}` };
}

/** A title may hold a line break; a header may not. */
const oneLine = (text: string): string =>
  text
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, 200);
