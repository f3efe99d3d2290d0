// Request bodies: v1's form encoding in both spellings (`a[0]=x` of the SDKs, `a[]=x` of the CLI) and multipart files.
import { isObject } from './core/json.ts';
import type { Json, JsonObject } from './core/json.ts';

function segments(key: string): string[] {
  const open = key.indexOf('[');
  if (open < 0) return [key];
  return [key.slice(0, open), ...[...key.slice(open).matchAll(/\[([^\]]*)\]/g)].map((found) => found[1] ?? '')];
}

function place(into: JsonObject, path: readonly string[], value: string): void {
  let at = into;
  for (let i = 0; i < path.length; i += 1) {
    const last = i === path.length - 1;
    let name = path[i] ?? '';
    if (name === '__proto__') return;
    if (name === '') name = appended(at, last ? null : (path[i + 1] ?? null));
    if (last) {
      const before = at[name];
      // A plain key given twice is a list.
      at[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
      return;
    }
    const inner = at[name];
    if (isObject(inner)) {
      at = inner;
    } else {
      const fresh: JsonObject = {};
      at[name] = fresh;
      at = fresh;
    }
  }
}

/** `a[]=x` appends; `a[][b]=x` fills the last element until a field comes again. */
function appended(at: JsonObject, field: string | null): string {
  const count = Object.keys(at).length;
  const last = at[String(count - 1)];
  if (field !== null && field !== '' && isObject(last) && last[field] === undefined) return String(count - 1);
  return String(count);
}

export function decodeForm(encoded: string): JsonObject {
  const out: JsonObject = {};
  if (encoded === '') return out;
  for (const pair of encoded.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const key = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? '' : pair.slice(equals + 1);
    place(out, segments(unescape(key)), unescape(value));
  }
  return out;
}

function unescape(part: string): string {
  const spaced = part.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** Multipart as the SDK sends files: each part a field, the file as {filename, type, data in base64}. */
export function decodeMultipart(body: Buffer, contentType: string): JsonObject {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  const out: JsonObject = {};
  if (!boundary) return out;
  const mark = Buffer.from(`--${boundary}`);
  let at = body.indexOf(mark);
  while (at >= 0) {
    const next = body.indexOf(mark, at + mark.length);
    if (next < 0) break;
    const part = body.subarray(at + mark.length + 2, next - 2);
    const split = part.indexOf('\r\n\r\n');
    const head = part.subarray(0, split).toString('utf8');
    const content = part.subarray(split + 4);
    const name = /name="([^"]*)"/.exec(head)?.[1];
    const filename = /filename="([^"]*)"/.exec(head)?.[1];
    if (name !== undefined && filename !== undefined) {
      const type = /content-type:\s*([^\r\n]+)/i.exec(head)?.[1] ?? 'application/octet-stream';
      const file: Json = { filename, type, data: content.toString('base64') };
      out[name] = file;
    } else if (name !== undefined) {
      place(out, segments(name), content.toString('utf8'));
    }
    at = next;
  }
  return out;
}
