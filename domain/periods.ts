// ISO 8601 periods: parsed to milliseconds once, when terms are made, so that every later reader sees one number.
import { RuleError } from './errors.ts';

const PERIOD = /^P(?:(\d+)W|(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,3})?)S)?)?)$/;
const SECOND = 1000;
export const DAY_MS = 86_400_000;

/** "P14D" → 1209600000. Days are 24 hours: a deadline does not move with daylight saving. @throws RuleError period_invalid */
export function parsePeriod(period: string, param = 'period'): number {
  const m = PERIOD.exec(period);
  if (!m || period === 'P' || period.endsWith('T')) {
    throw new RuleError('period_invalid', `${JSON.stringify(period)} is not a period. Write ISO 8601 with weeks, days, hours, minutes or seconds, such as "P14D" or "PT12H".`, param); // prettier-ignore
  }
  const [, w = '0', d = '0', h = '0', min = '0', s = '0'] = m;
  const ms = Number(w) * 7 * DAY_MS + Number(d) * DAY_MS + Number(h) * 3_600_000 + Number(min) * 60_000 + Math.round(Number(s) * SECOND); // prettier-ignore
  if (ms > 3650 * DAY_MS) throw new RuleError('period_invalid', `${period} is longer than ten years.`, param);
  return ms;
}

/** Milliseconds → words for an operator or a mail: "13 days", "3 hours", "45 seconds". */
export function periodInWords(ms: number): string {
  const units: [number, string][] = [
    [DAY_MS, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [SECOND, 'second'],
  ];
  for (const [size, name] of units) {
    if (ms >= size) {
      const n = Math.round(ms / size);
      return `${n} ${name}${n === 1 ? '' : 's'}`;
    }
  }
  return `${ms} ms`;
}
