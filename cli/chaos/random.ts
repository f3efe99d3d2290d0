// Chance with a seed: the same seed chooses the same faults in the same order.

export interface Random {
  /** From 0 up to but not 1. */
  next(): number;
  between(from: number, to: number): number;
  pick<T>(from: readonly T[]): T;
  shuffled<T>(items: readonly T[]): T[];
}

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  // mulberry32
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (from: number, to: number): number => from + next() * (to - from);
  return {
    next,
    between,
    pick: (from) => from[Math.floor(next() * from.length)]!,
    shuffled: (items) => {
      const all = [...items];
      for (let last = all.length - 1; last > 0; last -= 1) {
        const other = Math.floor(next() * (last + 1));
        [all[last], all[other]] = [all[other]!, all[last]!];
      }
      return all;
    },
  };
}
