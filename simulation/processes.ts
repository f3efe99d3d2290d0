// Many seeds over several processes, each with an isolate of its own.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Chunk, ChunkDone } from './process.ts';
import { newTally, type Tally } from './schedule.ts';

const CHUNK = 50;
/** More are not told: something is broken everywhere. */
const MOST_FAILURES = 20;
/** A schedule leaves much behind at once: with little room for the young the collector would copy it again and again. */
const YOUNG_MB = 32;

export interface ManySeeds {
  ran: number;
  tally: Tally;
  failed: ChunkDone['failed'];
  cpuSeconds: number;
}

export interface SeedRange {
  first: number;
  seeds: number;
  processes: number;
}

/** Runs seeds `first` to `first + seeds - 1`; stops early where too many fail. `done` hears of each chunk. */
export async function runSeeds(
  bundle: { file: string; rows: readonly string[] },
  { first, seeds, processes }: SeedRange,
  done: (chunk: ChunkDone, ran: number) => void,
): Promise<ManySeeds> {
  const all: ManySeeds = { ran: 0, tally: newTally(bundle.rows), failed: [], cpuSeconds: 0 };
  const end = first + seeds;
  let next = first;
  const runChunks = async () => {
    const child = fork(fileURLToPath(new URL('./process.ts', import.meta.url)), [bundle.file, ...bundle.rows], {
      execArgv: ['--import', import.meta.resolve('tsx'), `--max-semi-space-size=${YOUNG_MB}`],
    });
    try {
      while (next < end && all.failed.length < MOST_FAILURES) {
        const chunk: Chunk = { first: next, count: Math.min(CHUNK, end - next) };
        next += chunk.count;
        const result = await answerOf(child, chunk);
        all.ran += chunk.count;
        all.failed.push(...result.failed);
        all.cpuSeconds += result.cpuSeconds;
        add(all.tally, result.tally);
        done(result, all.ran);
      }
    } finally {
      child.kill();
    }
  };
  await Promise.all(Array.from({ length: processes }, runChunks));
  all.failed.sort((a, b) => a.seed - b.seed);
  return all;
}

/** @throws Error when the process ends without an answer */
function answerOf(child: ChildProcess, chunk: Chunk): Promise<ChunkDone> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`a process ended with ${code ?? 'a signal'} in seeds ${chunk.first} to ${chunk.first + chunk.count - 1}`)); // prettier-ignore
    child.once('exit', ended);
    child.once('message', (result: ChunkDone) => {
      child.off('exit', ended);
      resolve(result);
    });
    child.send(chunk);
  });
}

function add(to: Tally, from: Tally): void {
  for (const kind of ['transitions', 'faults', 'branches', 'ends'] as const) {
    const into = to[kind] as Record<string, number>;
    for (const [name, n] of Object.entries(from[kind])) into[name] = (into[name] ?? 0) + n;
  }
  to.tasks += from.tasks;
  to.runs += from.runs;
}
