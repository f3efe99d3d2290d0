// Deterministic ids that look like Stripe's: objects of one payment share a stem, everything follows from the seed.

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** mulberry32: small, seedable, and its whole state is one integer, so that it fits in the journal. */
export class Random {
  state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  chars(length: number): string {
    let out = '';
    for (let i = 0; i < length; i += 1) out += BASE62.charAt(Math.floor(this.next() * 62));
    return out;
  }
}

/** The last five base-62 digits of the second: Stripe's ids carry their time in the same way. */
function timeDigits(seconds: number): string {
  let rest = seconds;
  let out = '';
  for (let i = 0; i < 5; i += 1) {
    out = BASE62.charAt(rest % 62) + out;
    rest = Math.floor(rest / 62);
  }
  return out;
}

export class Ids {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  account(seconds: number): string {
    return `acct_1${timeDigits(seconds)}${this.random.chars(10)}`;
  }

  /** The shared part of a payment's ids. */
  stem(seconds: number, account: string): string {
    return `3${timeDigits(seconds)}${account.slice(-10)}`;
  }

  ofStem(prefix: string, stem: string): string {
    return `${prefix}_${stem}${this.random.next() < 0.5 ? '0' : '1'}${this.random.chars(7)}`;
  }

  make(prefix: string, seconds: number, account: string): string {
    return `${prefix}_1${timeDigits(seconds)}${account.slice(-10)}${this.random.chars(8)}`;
  }

  token(prefix: string, length: number): string {
    return `${prefix}_${this.random.chars(length)}`;
  }
}

/** The stem of an id made by `ofStem`, or null for one that shares none. */
export function stemOf(id: string): string | null {
  const rest = id.slice(id.indexOf('_') + 1);
  return rest.startsWith('3') && rest.length === 24 ? rest.slice(0, 16) : null;
}
