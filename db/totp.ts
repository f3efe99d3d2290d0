// One-time passwords by time: RFC 6238 over HMAC-SHA-1, six digits, thirty seconds, as every authenticator app has them.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const STEP_MS = 30_000;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** 160 bits in base32, as RFC 4226 asks for. */
export function newTotpSecret(): string {
  return [...randomBytes(32)].map((byte) => ALPHABET[byte % 32]).join('');
}

function bytesOf(base32: string): Buffer {
  const bits = Array.from(base32, (letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

export const stepAt = (now: number): number => Math.floor(now / STEP_MS);

/** The code of one step of thirty seconds. */
export function totpAt(secret: string, step: number, digits = 6): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const hash = createHmac('sha1', bytesOf(secret)).update(counter).digest();
  const offset = hash[19]! & 0x0f;
  const number = hash.readUInt32BE(offset) & 0x7fff_ffff;
  return String(number % 10 ** digits).padStart(digits, '0');
}

/** The step whose code it is: the present one, or one to either side for clocks that differ. Null: none of them. */
export function matchingStep(secret: string, code: string, now: number): number | null {
  const given = Buffer.from(code.replaceAll(/\s/g, ''));
  const present = stepAt(now);
  return [present, present - 1, present + 1].find((step) => {
    const expected = Buffer.from(totpAt(secret, step));
    return expected.length === given.length && timingSafeEqual(expected, given);
  }) ?? null; // prettier-ignore
}

/** What an authenticator app reads. */
export const totpUri = (secret: string, account: string): string =>
  `otpauth://totp/Tranche:${encodeURIComponent(account)}?${new URLSearchParams({ secret, issuer: 'Tranche' }).toString()}`;
