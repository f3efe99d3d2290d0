// A process that runs seeds: the bundle's file is named to it, chunks of seeds come as messages, tallies and failures go back.
import { readFileSync } from 'node:fs';
import { createIsolate, LOCAL_ACTIVITIES } from './isolate.ts';
import { newTally, runSeed, SeedFailed, type Tally } from './schedule.ts';

export interface Chunk {
  first: number;
  count: number;
}

export interface ChunkDone {
  tally: Tally;
  failed: { seed: number; message: string }[];
  /** Of this process, for this chunk. */
  cpuSeconds: number;
}

const [bundleFile, ...rows] = process.argv.slice(2) as [string, ...string[]];
const isolate = createIsolate(readFileSync(bundleFile, 'utf8'), LOCAL_ACTIVITIES);

process.on('message', ({ first, count }: Chunk) => {
  void answer(first, count);
});
// Whoever asked is gone.
process.on('disconnect', () => process.exit());

async function answer(first: number, count: number): Promise<void> {
  process.send!(await run(first, count));
}

async function run(first: number, count: number): Promise<ChunkDone> {
  const tally = newTally(rows);
  const failed: ChunkDone['failed'] = [];
  const before = process.cpuUsage();
  for (let seed = first; seed < first + count; seed++) {
    try {
      await runSeed(isolate, seed, tally);
    } catch (error) {
      if (!(error instanceof SeedFailed)) throw error;
      failed.push({ seed, message: error.message });
    }
  }
  const used = process.cpuUsage(before);
  return { tally, failed, cpuSeconds: (used.user + used.system) / 1e6 };
}
