// The worker's figures for Prometheus, on its own port: what the business holds is nobody's business on the API's.
import type { Worker } from '@temporalio/worker';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Sql } from '../db/client.ts';
import { type Figures, readFigures } from '../db/figures.ts';
import type { PumpStatus } from './pump.ts';

export interface MeasuredParts {
  sql: Sql;
  worker: Pick<Worker, 'getStatus'>;
  pump: { status(): PumpStatus };
}

/** Several scrapers, or several workers on one, ask the database no more often than this. */
const FIGURES_KEPT_MS = 5_000;

export function measureWorker(registry: Registry, { sql, worker, pump }: MeasuredParts): void {
  collectDefaultMetrics({ register: registry });
  const figures = kept(() => readFigures(sql), FIGURES_KEPT_MS);
  const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[], set: (g: Gauge<L>, f: Figures) => void) =>
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      async collect() {
        const read = await figures();
        this.reset();
        set(this, read);
      },
    }); // prettier-ignore

  gauge('tranche_escrows', 'Escrows by status.', ['status'], (g, f) => f.escrows.forEach(({ status, n }) => g.set({ status }, n))); // prettier-ignore
  gauge('tranche_held_minor', 'Money held for buyers and sellers, in minor units.', ['currency'], (g, f) => f.held.forEach(({ currency, amount }) => g.set({ currency }, Number(amount)))); // prettier-ignore
  gauge('tranche_stripe_events', 'Webhook events by state.', ['state'], (g, f) => f.inbox.forEach(({ state, n }) => g.set({ state }, n))); // prettier-ignore
  gauge('tranche_stripe_events_lag_seconds', 'Age of the oldest webhook event that is due and not applied.', [], (g, f) => g.set(f.inboxLagSeconds)); // prettier-ignore
  gauge('tranche_alerts_open', 'Alerts that wait for a person, by kind.', ['kind'], (g, f) => f.alerts.forEach(({ kind, n }) => g.set({ kind }, n))); // prettier-ignore
  gauge('tranche_commands_open', 'Commands whose outcome is not stored yet.', [], (g, f) => g.set(f.openCommands.n));
  gauge('tranche_commands_open_oldest_seconds', 'Age of the oldest of them.', [], (g, f) => g.set(f.openCommands.oldestSeconds)); // prettier-ignore

  const own = (name: string, help: string, read: () => number) =>
    new Gauge({ name, help, registers: [registry], collect() { this.set(read()); } }); // prettier-ignore
  own('tranche_worker_activities', 'Activities in work.', () => worker.getStatus().numInFlightActivities);
  own('tranche_worker_workflow_tasks', 'Workflow activations in work.', () => worker.getStatus().numInFlightWorkflowActivations); // prettier-ignore
  own('tranche_worker_cached_workflows', 'Workflows in the cache.', () => worker.getStatus().numCachedWorkflows);
  own('tranche_worker_pump_listening', '1 while the inbox pump hears the database.', () => (pump.status().listening ? 1 : 0)); // prettier-ignore
}

/** One reading at a time, and none younger than `forMs` twice. */
function kept<T>(read: () => Promise<T>, forMs: number): () => Promise<T> {
  let last: { at: number; value: Promise<T> } | undefined;
  return () => {
    if (last !== undefined && Date.now() - last.at < forMs) return last.value;
    const value = read();
    last = { at: Date.now(), value };
    value.catch(() => {
      last = undefined;
    });
    return value;
  };
}
