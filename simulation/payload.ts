// Payloads as the SDK's JSON converter makes them, by Node's own encoder: the converter's is written in JavaScript, and took a
// tenth of a schedule's time.
import type { Payload } from '@temporalio/common';

const JSON_PLAIN = { encoding: Buffer.from('json/plain') };
const NULL = { encoding: Buffer.from('binary/null') };

export function toPayload(value: unknown): Payload {
  if (value === undefined) return { metadata: NULL };
  return { metadata: JSON_PLAIN, data: Buffer.from(JSON.stringify(value)) };
}

/** @throws Error for an encoding that the workflows do not use */
export function fromPayload({ metadata, data }: Payload): unknown {
  const encoding = text(metadata?.['encoding']);
  if (encoding === 'binary/null') return undefined;
  if (encoding !== 'json/plain') throw new Error(`a payload that the simulation does not know: ${encoding}`);
  return JSON.parse(text(data));
}

const text = (bytes: Uint8Array | null | undefined): string =>
  bytes ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8') : '';
