// New ids: UUIDv7 from the clock and 74 random bits, with the prefix of their kind.
import { randomBytes } from 'node:crypto';
import { type IdKind, idFromUuid } from '../domain/ids.ts';

/** RFC 9562 UUIDv7 as 32 hex digits with the kind's prefix: newId('escrow') → "esc_0190…". */
export function newId(kind: IdKind, now = Date.now()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  return idFromUuid(kind, bytes.toString('hex'));
}
