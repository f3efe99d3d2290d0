// How commands end: tables for people, then one line of JSON for scripts, and an exit code that agrees with it.

/** bigint as a number where it is safe, else as text. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) => {
    if (typeof v !== 'bigint') return v;
    return Number.isSafeInteger(Number(v)) ? Number(v) : v.toString();
  });
}

/** Columns as wide as their widest cell; numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_cell, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const isNumber = header.map((_cell, column) => rows.every((row) => /^-?[\d.,]*$/.test(row[column] ?? '')));
  const line = (cells: readonly string[]): string =>
    widths
      .map((width, column) => {
        const cell = cells[column] ?? '';
        return isNumber[column] === true ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [line(header), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}

/** The last line of a command. Sets the exit code. */
export function finishWith(result: { ok: boolean } & Record<string, unknown>): void {
  process.exitCode = result.ok ? 0 : 1;
  console.log(toJson(result));
}
