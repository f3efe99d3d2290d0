// `npm run chaos -- --escrows N [--minutes M] [--seed S]`: the real processes under kill -9 and faults, then the invariants.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { runChaos } from './chaos/run.ts';
import { finishWith } from './report.ts';

const USAGE = 'npm run chaos -- --escrows N [--minutes M] [--seed S]';

class UsageError extends Error {}

function number(name: string, given: string | undefined, fallback: number, from: number, to: number): number {
  const value = given === undefined ? fallback : Number(given);
  if (Number.isFinite(value) && value >= from && value <= to) return value;
  throw new UsageError(`--${name} must be a number from ${from} to ${to}: ${USAGE}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { escrows: { type: 'string' }, minutes: { type: 'string' }, seed: { type: 'string' } },
  });
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(name, () => stopping.abort(new Error(`ended by ${name}`)));
  const result = await runChaos(
    {
      escrows: Math.floor(number('escrows', values.escrows, 50, 1, 10_000)),
      minutes: number('minutes', values.minutes, 5, 0.5, 600),
      seed: Math.floor(number('seed', values.seed, randomInt(2 ** 31), 0, 2 ** 32 - 1)),
      say: (line) => console.log(line),
    },
    stopping.signal,
  );
  finishWith({ ...result });
}

try {
  await main();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  console.error(error instanceof UsageError ? message : error);
  finishWith({ ok: false, error: message });
}
