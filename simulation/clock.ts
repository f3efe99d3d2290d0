// Virtual time and the one source of chance: what is due next, and every choice of a schedule from its seed.

/** Chance that a seed decides (mulberry32). */
export class Chance {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
    // Neighbouring seeds begin alike otherwise.
    for (let i = 0; i < 3; i++) this.next();
  }

  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** 0 to n − 1. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  happens(probability: number): boolean {
    return this.next() < probability;
  }

  of<T>(all: readonly T[]): T {
    if (all.length === 0) throw new Error('nothing to choose from');
    return all[this.below(all.length)]!;
  }

  shuffle<T>(all: T[]): T[] {
    for (let i = all.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [all[i], all[j]] = [all[j]!, all[i]!];
    }
    return all;
  }
}

interface Due<T> {
  at: number;
  order: number;
  what: T;
}

/** What is due, in order of time, then of its entering. */
export class Clock<T> {
  now: number;
  private readonly queue: Due<T>[] = [];
  private order = 0;

  constructor(now: number) {
    this.now = now;
  }

  in(ms: number, what: T): void {
    const due = { at: this.now + Math.max(0, Math.round(ms)), order: this.order++, what };
    let low = 0;
    let high = this.queue.length;
    // Latest first, so that the next one is taken from the end.
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.queue[middle]!;
      if (other.at > due.at || (other.at === due.at && other.order > due.order)) low = middle + 1;
      else high = middle;
    }
    this.queue.splice(low, 0, due);
  }

  get empty(): boolean {
    return this.queue.length === 0;
  }

  /** Moves to the next moment at which something is due; answers all that is due within `width` after it. */
  take(width: number): T[] {
    const first = this.queue.pop();
    if (first === undefined) return [];
    const due = [first.what];
    let last = first.at;
    while (this.queue.length > 0 && this.queue.at(-1)!.at <= first.at + width) {
      const next = this.queue.pop()!;
      due.push(next.what);
      last = next.at;
    }
    // Late rather than early: a timer never fires before its time.
    this.now = Math.max(this.now, last);
    return due;
  }

  /** What is waiting and fits. */
  has(fits: (what: T) => boolean): boolean {
    return this.queue.some((due) => fits(due.what));
  }
}
