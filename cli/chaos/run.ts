// One chaos run: a whole stack of its own, escrows and faults beside each other, then quiet, then the proof.
import { setTimeout as delay } from 'node:timers/promises';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from '../../db/client.ts';
import { kinds } from '../demo/kinds.ts';
import { type ProcessName, type Stack, startStack } from '../stack.ts';
import { ChaosDeal, type Life, liveThrough, patientCast } from './escrows.ts';
import { calm, shuffledFaults, strike, type Tally } from './faults.ts';
import { type Broken, prove } from './proof.ts';
import { type Random, seededRandom } from './random.ts';

export interface ChaosOptions {
  escrows: number;
  minutes: number;
  seed: number;
  say: (line: string) => void;
}

export interface ChaosResult extends Tally {
  ok: boolean;
  seed: number;
  escrows: number;
  ended: number;
  /** Calls that had no outcome and were made again with their own key. */
  repeated: number;
  seconds: number;
  broken: (number | string)[];
}

/** Of the given time, the part in which things go wrong; the rest is for what then has to converge. */
const STORM_SHARE = 0.6;
/** A write to Stripe that failed again and again is tried after ten minutes at the latest: nobody is stuck before that. */
const LONGEST_RETRY_MS = 11 * 60_000;

export async function runChaos(options: ChaosOptions, signal: AbortSignal): Promise<ChaosResult> {
  const { say } = options;
  const began = Date.now();
  const dataDir = mkdtempSync(path.join(tmpdir(), 'tranche-chaos-'));
  // PostgreSQL's own user must be able to enter it where we are root.
  chmodSync(dataDir, 0o755);
  say(`a stack of its own in ${dataDir}: 2 API processes, 2 workers, PostgreSQL, Temporal, Stripe sandbox`);
  const stack = await startStack({
    env: { DATA_DIR: dataDir, FUND_CANCEL_LIMIT: '999999', LOG_LEVEL: 'warn' },
    freePorts: true,
    copies: { api: 2, worker: 2 },
    maxBackoffMs: 1000,
    quiet: true,
  });
  let result: ChaosResult | undefined;
  try {
    say(`it runs after ${((Date.now() - began) / 1000).toFixed(1)} s; seed ${options.seed}`);
    result = await storm(stack, options, signal);
    return result;
  } finally {
    await stack.stop();
    if (result?.ok === true || signal.aborted) rmSync(dataDir, { recursive: true, force: true });
    else say(`its data and logs are kept: ${dataDir}`);
  }
}

async function storm(stack: Stack, options: ChaosOptions, signal: AbortSignal): Promise<ChaosResult> {
  const { say } = options;
  const began = Date.now();
  const end = began + options.minutes * 60_000;
  const random = seededRandom(options.seed);
  const tally: Tally = { kills: {}, faults: {} };
  let repeated = 0;
  const patience = { until: () => (signal.aborted ? 0 : end + LONGEST_RETRY_MS), repeated: () => void (repeated += 1) };
  const cast = patientCast(stack, patience);
  const order = random.shuffled(kinds);
  const lives = Array.from({ length: options.escrows }, (_, index): Life => {
    const kind = order[index % order.length]!;
    return { deal: new ChaosDeal(kind.name, cast, patience), kind, state: 'waiting', faults: [] };
  });
  const since = (): string => `${((Date.now() - began) / 1000).toFixed(0).padStart(4)} s`;
  const count = (...states: Life['state'][]): number => lives.filter((life) => states.includes(life.state)).length;

  const calmed = new AbortController();
  const stop = AbortSignal.any([signal, calmed.signal]);
  const faults = rage(stack, { random, tally, until: began + (end - began) * STORM_SHARE, stop }, (what) =>
    say(`${since()}  ${count('ended', 'failed')}/${lives.length} ended, ${count('running')} running  ${what}`),
  );
  const living = liveThrough(lives, atOnceFor(options.escrows), (life) => {
    if (life.state === 'failed')
      say(`${since()}  ≠ ${life.kind.name} ${life.deal.seen?.id ?? ''}: ${life.faults.join('; ')}`);
    if (count('waiting', 'running') === 0) calmed.abort();
  });
  await faults;
  signal.throwIfAborted();
  say(`${since()}  quiet: no more faults, everything comes back`);
  await calm(stack, end + LONGEST_RETRY_MS);
  await everythingBack(stack, end + LONGEST_RETRY_MS);
  const ticking = setInterval(() => say(`${since()}  ${count('ended', 'failed')}/${lives.length} ended, ${count('running')} running`), 10_000); // prettier-ignore
  await living.finally(() => clearInterval(ticking));
  signal.throwIfAborted();
  say(`${since()}  ${count('ended')} of ${lives.length} escrows have ended; the proof`);

  for (const life of lives) {
    if (life.state !== 'ended') continue;
    life.faults.push(...(await life.deal.prove()));
  }
  const escrowIds = lives.flatMap(({ deal }) => (deal.seen === undefined ? [] : [deal.seen.id]));
  const broken = await prove(stack, escrowIds, end + LONGEST_RETRY_MS);
  for (const { what, name, rows } of broken) say(`BROKEN ${what} ${name}: ${shown(rows)}`);
  const wrong = lives.filter((life) => life.faults.length > 0);
  for (const { kind, deal, faults } of wrong) say(`≠ ${kind.name} ${deal.seen?.id ?? ''}: ${faults.join('; ')}`);
  return {
    ok: broken.length === 0 && wrong.length === 0,
    seed: options.seed,
    escrows: lives.length,
    ended: count('ended'),
    ...tally,
    repeated,
    seconds: Number(((Date.now() - began) / 1000).toFixed(1)),
    broken: [
      ...broken.map((b: Broken) => b.what),
      ...wrong.map((life) => `${life.kind.name} ${life.deal.seen?.id ?? ''}`),
    ],
  };
}

/** So many that they meet, so few that two cores can run them beside everything else. */
const atOnceFor = (escrows: number): number => Math.min(40, Math.max(4, Math.ceil(escrows / 5)));

/** One fault after another, a moment between them. */
async function rage(
  stack: Stack,
  { random, tally, until, stop }: { random: Random; tally: Tally; until: number; stop: AbortSignal },
  did: (what: string) => void,
): Promise<void> {
  const sql = connect(stack.settings.databaseUrl, { max: 1, applicationName: 'chaos' });
  try {
    for (const fault of shuffledFaults(random)) {
      await delay(random.between(500, 2500), undefined, { signal: stop }).catch(() => {});
      if (stop.aborted || Date.now() > until) return;
      const what = await strike(fault, { stack, sql, random, tally });
      if (what !== null) did(what);
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function everythingBack(stack: Stack, until: number): Promise<void> {
  const names: ProcessName[] = ['postgres', 'temporal', 'stripe', 'api', 'api-2', 'worker', 'worker-2'];
  await Promise.all(names.map((name) => stack.untilReady(name)));
  for (const url of stack.apiUrls) {
    for (;;) {
      const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5000) }).catch(() => null);
      await answer?.body?.cancel();
      if (answer?.ok === true) break;
      if (Date.now() > until) throw new Error(`${url}/healthz does not answer well`);
      await delay(250);
    }
  }
}

const shown = (rows: object[]): string =>
  JSON.stringify(rows.slice(0, 5), (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
