// What a figure is made of: percentiles of latencies, ratios, and rounding for people.

/** The nearest-rank percentile: `of(values, 99)` is the smallest value that 99 % do not exceed. NaN of nothing. */
export function percentile(values: readonly number[], p: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  // Rounded, because 99.9 % of 1,000 is a hair more than 999 in floating point.
  const rank = Math.ceil(Number(((p * sorted.length) / 100).toFixed(6)));
  return sorted[Math.min(sorted.length - 1, Math.max(0, rank - 1))]!;
}

/** Three significant digits, so that a table says no more than was measured. */
export function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(3)) : value;
}

/** `a ÷ b`, three significant digits. */
export const ratio = (a: number, b: number): number => rounded(a / b);

export interface Goal {
  /** As the requirements have it: `≥ 2 × single-row inserts`. */
  goal: string;
  figure: number;
  met: boolean;
}

export const atLeast = (goal: string, figure: number, least: number): Goal => ({ goal, figure, met: figure >= least });
export const below = (goal: string, figure: number, most: number): Goal => ({ goal, figure, met: figure < most });
export const atMost = (goal: string, figure: number, most: number): Goal => ({ goal, figure, met: figure <= most });
