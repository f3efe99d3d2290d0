// The oracles' counts: one line of JSON each, printed where people read a test run, and copied to docs/oracles.md.
export function report(oracle: string, figures: Record<string, number | string>): void {
  process.stderr.write(`oracle ${oracle}: ${JSON.stringify(figures)}\n`);
}
