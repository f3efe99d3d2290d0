// What a file is, by its content: neither its name nor what the sender calls it is believed. Only kinds that cannot run in a
// browser are taken, and the name must belong to the kind.

interface Kind {
  mediaType: string;
  /** What a name may end with; the first is put to a name without any. */
  extensions: readonly string[];
  is: (bytes: Buffer) => boolean;
}

const starts = (...head: number[]) => (bytes: Buffer) => head.every((byte, i) => bytes[i] === byte); // prettier-ignore
const holds = (at: number, ascii: string) => (bytes: Buffer) => bytes.subarray(at, at + ascii.length).toString('latin1') === ascii; // prettier-ignore

/** UTF-8 without control characters: a program is no text. */
function isText(bytes: Buffer): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return !/[^\P{Cc}\t\n\r\f]/u.test(text);
  } catch {
    return false;
  }
}

const KINDS: readonly Kind[] = [
  { mediaType: 'application/pdf', extensions: ['pdf'], is: holds(0, '%PDF-') },
  { mediaType: 'image/png', extensions: ['png'], is: starts(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a) },
  { mediaType: 'image/jpeg', extensions: ['jpg', 'jpeg'], is: starts(0xff, 0xd8, 0xff) },
  { mediaType: 'image/gif', extensions: ['gif'], is: holds(0, 'GIF8') },
  { mediaType: 'image/webp', extensions: ['webp'], is: (bytes) => holds(0, 'RIFF')(bytes) && holds(8, 'WEBP')(bytes) },
  { mediaType: 'video/mp4', extensions: ['mp4', 'm4v', 'mov'], is: holds(4, 'ftyp') },
  // Office documents are zip archives.
  {
    mediaType: 'application/zip',
    extensions: ['zip', 'docx', 'xlsx', 'pptx', 'odt', 'ods', 'odp'],
    is: starts(0x50, 0x4b, 0x03, 0x04),
  },
  { mediaType: 'text/plain', extensions: ['txt', 'csv', 'md', 'log', 'json'], is: isText },
];

/** For a file input's `accept`. */
export const ACCEPTED = KINDS.flatMap((kind) => kind.extensions.map((extension) => `.${extension}`)).join(',');
export const ACCEPTED_IN_WORDS = 'PDF, PNG, JPEG, GIF, WebP, MP4, ZIP and office documents, plain text and CSV';
/** What a card network reads. */
export const EVIDENCE_TYPES: readonly string[] = ['application/pdf', 'image/png', 'image/jpeg'];

export const MAX_FILE_BYTES = 10 * 1024 * 1024;
/** Whole characters: half of one is none. */
const LONGEST = /^.{1,100}/su;

/** The last part of whatever path was sent, without what a file system or a header could stumble over. */
export function safeName(given: string): string {
  const last = given.normalize('NFC').split(/[/\\]/).at(-1) ?? '';
  const clean = last.replaceAll(/[\p{Cc}\p{Cf}"<>|:*?;]/gu, '').replace(/^[. ]+/, '').trim(); // prettier-ignore
  const dot = clean.lastIndexOf('.');
  const ending = dot > 0 ? clean.slice(dot).slice(0, 12) : '';
  const stem = dot > 0 ? clean.slice(0, dot) : clean;
  const short = LONGEST.exec(stem)?.[0] ?? '';
  return `${short === '' ? 'file' : short}${ending}`;
}

export type Checked = { name: string; mediaType: string } | { refusal: string };

/** The file's true kind, or in words why it is not taken. */
export function checkFile(givenName: string, bytes: Buffer): Checked {
  const name = safeName(givenName);
  if (bytes.length === 0) return { refusal: `“${name}” is empty.` };
  if (bytes.length > MAX_FILE_BYTES) return { refusal: `“${name}” is larger than ${MAX_FILE_BYTES / 1024 / 1024} MB.` };
  const kind = KINDS.find((each) => each.is(bytes));
  if (kind === undefined) return { refusal: `“${name}” is of a kind that is not taken here. Send ${ACCEPTED_IN_WORDS}.` }; // prettier-ignore
  const ending = /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase();
  if (ending === undefined) return { name: `${name}.${kind.extensions[0]!}`, mediaType: kind.mediaType };
  if (!kind.extensions.includes(ending)) {
    return { refusal: `“${name}” is not what its name says: its content is ${kind.mediaType}, and its name ends with .${ending}.` }; // prettier-ignore
  }
  return { name, mediaType: kind.mediaType };
}
