// ISO 8601 durations of the control API (`P1D`, `PT3S`, `P2W`), in milliseconds.

const SECOND = 1000;
const DAY = 86_400 * SECOND;

export function parseDuration(given: string): number | null {
  const found = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(given);
  if (!found || given === 'P' || given.endsWith('T')) return null;
  const part = (index: number): number => Number(found[index] ?? 0);
  return part(1) * 7 * DAY + part(2) * DAY + part(3) * 3600 * SECOND + part(4) * 60 * SECOND + part(5) * SECOND;
}
