// Asking every part how it is: each answer within a deadline, so that one part that hangs does not hide the others.
import type { AppContext } from '../api/context.ts';
import type { PartHealth } from './pages/health.tsx';

const DEADLINE_MS = 3_000;
/** Longer than the pump takes when it works. */
const INBOX_LATE_MS = 60_000;
/** The sealer runs every few seconds. */
const SEAL_LATE_MS = 600_000;

interface Said {
  ok: boolean;
  detail: string;
}

export function partsOf(context: AppContext): Promise<PartHealth[]> {
  const { sql, temporal, payments, settings } = context;
  return Promise.all([
    asked('Database', async () => {
      const [row] = await sql<{ version: string; size: string }[]>`
        SELECT split_part(version(), ' ', 2) AS version, pg_size_pretty(pg_database_size(current_database())) AS size`;
      return { ok: true, detail: `PostgreSQL ${row!.version}, ${row!.size}` };
    }),
    asked('Temporal', async () => {
      const info = await temporal.workflowService.getSystemInfo({});
      return { ok: true, detail: `server ${info.serverVersion ?? 'of unknown version'}` };
    }),
    asked('Workers', async () => {
      const { namespace, taskQueue } = settings.temporal;
      // 1: the task queue of workflows.
      const { pollers } = await temporal.workflowService.describeTaskQueue({ namespace, taskQueue: { name: taskQueue }, taskQueueType: 1 as never }); // prettier-ignore
      const count = pollers?.length ?? 0;
      return { ok: count > 0, detail: count === 0 ? `nobody polls ${taskQueue}: start a worker` : `${count} poll ${taskQueue}` }; // prettier-ignore
    }),
    asked('Stripe', async () => {
      const balance = await payments.balance();
      return { ok: true, detail: `answers; a balance in ${balance.map((b) => b.currency.toUpperCase()).join(', ') || 'no currency yet'}` }; // prettier-ignore
    }),
    asked('Events from Stripe', async () => {
      const [row] = await sql<{ waiting: number; oldest: Date | null; parked: number }[]>`
        SELECT count(*) FILTER (WHERE state = 'received')::int AS waiting, min(received_at) FILTER (WHERE state = 'received') AS oldest,
               count(*) FILTER (WHERE state = 'parked')::int AS parked FROM stripe_events`;
      const late = row!.oldest !== null && Date.now() - row!.oldest.getTime() > INBOX_LATE_MS;
      return { ok: !late && row!.parked === 0, detail: `${row!.waiting} wait${late ? ', some for more than a minute' : ''}; ${row!.parked} parked` }; // prettier-ignore
    }),
    asked('Audit log', async () => {
      const [row] = await sql<{ unsealed: number; oldest: Date | null }[]>`
        SELECT count(*)::int AS unsealed, min(a.at) AS oldest FROM audit_log a
        WHERE NOT EXISTS (SELECT FROM audit_seals s WHERE s.entry_id = a.id)`;
      const late = row!.oldest !== null && Date.now() - row!.oldest.getTime() > SEAL_LATE_MS;
      return { ok: !late, detail: `${row!.unsealed} entries wait for their seal${late ? ', some for more than ten minutes' : ''}` }; // prettier-ignore
    }),
  ]);
}

async function asked(name: string, ask: () => Promise<Said>): Promise<PartHealth> {
  const started = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Said>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, detail: 'does not answer' }), DEADLINE_MS);
  });
  const said = ask().catch((error: unknown) => ({ ok: false, detail: error instanceof Error ? error.message : 'failed' })); // prettier-ignore
  const { ok, detail } = await Promise.race([said, late]).finally(() => clearTimeout(timer));
  return { name, ok, detail, tookMs: performance.now() - started };
}
