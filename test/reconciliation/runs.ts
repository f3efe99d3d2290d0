// What reconciliation's tests do: a run to its end, differences by kind, a repair by two of ops, and Stripe's dashboard.
import { expect } from '@jest/globals';
import { Stripe } from 'stripe';
import type { Api, castOf } from '../stack/api.ts';
import { control, type World } from '../stack/world.ts';

export interface Run {
  id: string;
  status: string;
  open: number;
  differences: number;
  figures: Record<string, number>;
  error: string | null;
}
export interface Found {
  n: number;
  kind: string;
  subject: string;
  escrow_id: string | null;
  amount: { amount: number; currency: string } | null;
  cause: string;
  repairs: string[];
  status: string;
  outcome: string | null;
}
export interface Outcome {
  run: Run;
  found: Found[];
}

/** A run from its order to its end, as ops order it. */
export async function reconcile(ops: Api, body: object = { settle_seconds: 1 }): Promise<Outcome> {
  const started = await ops.post<Run>('/v1/ops/reconciliations', body);
  expect(started).toMatchObject({ status: 201, body: { object: 'reconciliation', trigger: 'person' } });
  const run = await untilEnded(ops, started.body.id);
  const { body: list } = await ops.get<{ data: Found[] }>(`/v1/ops/reconciliations/${run.id}/differences?limit=100`);
  return { run, found: list.data };
}

async function untilEnded(ops: Api, id: string): Promise<Run> {
  const end = Date.now() + 120_000;
  for (;;) {
    const { body } = await ops.get<Run>(`/v1/ops/reconciliations/${id}`);
    if (body.status !== 'running') return body;
    if (Date.now() > end) throw new Error(`run ${id} did not end`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

/** Nothing differs; what does is shown. */
export async function expectClean(ops: Api): Promise<Run> {
  const { run, found } = await reconcile(ops);
  expect(found.filter((d) => d.status !== 'repaired')).toEqual([]);
  expect([run.status, run.error]).toEqual(['clean', null]);
  return run;
}

export function only(found: readonly Found[], kind: string): Found {
  const of = found.filter((d) => d.kind === kind);
  if (of.length !== 1) throw new Error(`${of.length} differences of kind ${kind}, found: ${JSON.stringify(found)}`);
  return of[0]!;
}

/** Asked by one of ops, approved by another; answers what came of it. */
export async function repair(as: ReturnType<typeof castOf>, run: Run, d: Found, how: string, reason = 'looked at it'): Promise<{ status: string; outcome: Record<string, unknown> }> {
  const asked = await as.ops.post<{ approval: { id: string } }>(`/v1/ops/reconciliations/${run.id}/differences/${d.n}/repair`, { repair: how, reason });
  expect(asked.status).toBe(202);
  const approved = await as.ops2.post<{ status: string; outcome: Record<string, unknown> }>(`/v1/ops/approvals/${asked.body.approval.id}/approve`);
  expect(approved.status).toBe(200);
  return approved.body;
} // prettier-ignore

/** As somebody with Stripe's dashboard would act: the same account, none of our metadata. */
export function dashboard(world: World): Stripe {
  const { hostname, port } = new URL(world.sandbox.url);
  return new Stripe('sk_test_dashboard', { host: hostname, port, protocol: 'http', telemetry: false });
}

/**
 * Loses every webhook from now on, or no more. First what is under way arrives: a handler reads its object anew, so that a late
 * event would tell what the lost one should have.
 */
export async function loseWebhooks(world: World, lose: boolean): Promise<void> {
  if (lose) await untilQuiet(world);
  await control(world.sandbox.url, 'webhooks', { lose: lose ? 1 : 0 });
}

export async function untilQuiet(world: World): Promise<void> {
  const end = Date.now() + 120_000;
  while (!(await isQuiet(world))) {
    if (Date.now() > end) throw new Error('webhooks are still under way');
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}

async function isQuiet(world: World): Promise<boolean> {
  const state = (await (await fetch(`${world.sandbox.url}/_sandbox/state`)).json()) as { deliveries: { pending: number } }; // prettier-ignore
  const [row] = await world.sql<{ waiting: bigint }[]>`SELECT count(*) AS waiting FROM stripe_events WHERE state = 'received'`; // prettier-ignore
  return state.deliveries.pending === 0 && row!.waiting === 0n;
}
