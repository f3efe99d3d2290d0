// CSV by RFC 4180, that a spreadsheet opens without running anything: what begins like a formula is made text.

export type Cell = string | number | bigint | null;

const FORMULA = /^[=+\-@\t\r]/;

/** One cell. Numbers stay numbers; only text can be a formula. */
function cell(value: Cell): string {
  if (value === null) return '';
  if (typeof value !== 'string') return value.toString();
  const safe = FORMULA.test(value) && !/^-?\d+(\.\d+)?$/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** With a byte order mark, so that spreadsheets read it as UTF-8. */
export function csv(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return `\uFEFF${[header, ...rows].map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}
