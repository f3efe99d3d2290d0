// What open escrows cost a worker: its memory with none and with ten thousand of them.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { EscrowState } from '../domain/escrow-state.ts';
import { ESCROW_WORKFLOW, QUERIES } from '../workflows/messages.ts';
import type { Bench } from './context.ts';
import { activeEscrow } from './pages.ts';
import type { Section } from './section.ts';
import { rounded } from './statistics.ts';

const AT_ONCE = 64;
/** However slow the machine: after this no more are started, and the figures say for how many they are. */
const START_MS = 150_000;

export async function memory(bench: Bench): Promise<Section> {
  const { client, stack, say } = bench;
  const wanted = bench.quick ? 500 : 10_000;
  const worker = await bench.startWorker();
  const escrowId = await activeEscrow(bench);
  const state = await client.workflow.getHandle(`escrow/${escrowId}`).query<EscrowState>(QUERIES.state);
  const before = rssMb(worker.pid);

  // As continue-as-new starts a run: with the state of an active escrow, which then waits.
  const text = JSON.stringify(state);
  let started = 0;
  const until = Date.now() + START_MS;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (started < wanted && Date.now() < until) {
        started += 1;
        const id = `esc_${randomBytes(16).toString('hex')}`;
        const carried = { state: JSON.parse(text.replaceAll(escrowId, id)) as EscrowState, recent: [], inbox: { payments: [], refunds: [] } }; // prettier-ignore
        await client.workflow.start(ESCROW_WORKFLOW, {
          workflowId: `escrow/${id}`,
          taskQueue: stack.settings.temporal.taskQueue,
          args: [{ escrowId: id, carried }],
        });
      }
    }),
  );
  const cached = await untilIdle(worker.healthUrl);
  const after = rssMb(worker.pid);
  say(`${started} open escrows, ${cached} of them in the cache: ${before} MB, then ${after} MB`);
  await worker.stop();
  return {
    name: 'memory',
    title: 'Memory of a worker',
    ok: started > 0 && cached > 0,
    says: [
      'Resident memory of one worker process before and after escrows were opened, each funded and waiting for its seller. What the cache',
      'does not hold is built again from its history when something happens to it.',
    ],
    table: {
      header: ['open escrows', 'in the cache', 'before MB', 'after MB', 'KB each in the cache'],
      rows: [[started, cached, before, after, rounded(((after - before) * 1024) / cached)].map(String)],
    },
    goals: {},
    figures: { worker_open_escrows: started, worker_cached: cached, worker_mb_before: before, worker_mb: after },
  };
}

/** Resident memory of a process, MB. */
const rssMb = (pid: number): number => Math.round(Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) / 1024); // prettier-ignore

interface Health {
  workflow_tasks: number;
  activities: number;
  cached_workflows: number;
}

/** Until the worker has nothing to do; answers how many workflows its cache holds. */
async function untilIdle(healthUrl: string): Promise<number> {
  let cached = -1;
  for (;;) {
    const health = (await (await fetch(healthUrl)).json()) as Health;
    if (health.workflow_tasks === 0 && health.activities === 0 && health.cached_workflows === cached) return cached;
    cached = health.cached_workflows;
    await delay(2000);
  }
}
