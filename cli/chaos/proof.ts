// After the storm: that every escrow has ended where its workflow says so, and that every invariant holds, with Stripe's
// own books and the workflows' own words.
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { dataConverter } from '../../codec/data-converter.ts';
import { connect, type Sql } from '../../db/client.ts';
import { checkInvariants } from '../../db/invariants.ts';
import { type EscrowState, isEscrowEnd } from '../../domain/escrow-state.ts';
import { escrowWorkflowId } from '../../domain/ids.ts';
import { stripePayments } from '../../payments/stripe.ts';
import { QUERIES } from '../../workflows/messages.ts';
import type { Stack } from '../stack.ts';

export interface Broken {
  /** The invariant's number, or `ended`. */
  what: number | 'ended';
  name: string;
  rows: object[];
}

/** What is under way longer than this after the quiet has begun is stuck. */
const CONVERGENCE_MS = 10_000;

/** Looks again and again until all holds, or until the time has come; answers what is broken then. */
export async function prove(stack: Stack, escrowIds: readonly string[], until: number): Promise<Broken[]> {
  const { settings } = stack;
  const sql = connect(settings.databaseUrl, { max: 4, applicationName: 'chaos-proof' });
  const connection = await Connection.connect({ ...settings.temporal.connection, connectTimeout: 10_000 });
  try {
    const client = new Client({
      connection,
      namespace: settings.temporal.namespace,
      ...dataConverter(settings.temporal.codecKeys),
    });
    const stripe = stripePayments(settings.stripe);
    const workflows = (id: string) => stateOf(client, id);
    for (;;) {
      const late = Date.now() > until;
      try {
        const results = await checkInvariants(sql, { stripe, workflows, convergenceMs: CONVERGENCE_MS, tries: 1 });
        const unended = await notEnded(sql, client, escrowIds);
        const broken: Broken[] = [
          ...results.filter((r) => !r.holds).map(({ number, name, rows }) => ({ what: number, name, rows })),
          ...(unended.length === 0 ? [] : [{ what: 'ended' as const, name: 'every escrow has ended', rows: unended }]),
        ];
        if (broken.length === 0 || late) return broken;
      } catch (error) {
        // A part that has just come back may end a connection once more.
        if (late) throw error;
      }
      await delay(1000);
    }
  } finally {
    await Promise.all([connection.close(), sql.end({ timeout: 5 })]);
  }
}

const stateOf = (client: Client, escrowId: string): Promise<EscrowState | null> =>
  client.withDeadline(Date.now() + 15_000, () =>
    client.workflow.getHandle(escrowWorkflowId(escrowId)).query<EscrowState | null>(QUERIES.state),
  );

/** Escrows whose workflow still runs, or whose projection says something else than their workflow at its end. */
async function notEnded(sql: Sql, client: Client, escrowIds: readonly string[]): Promise<object[]> {
  const rows: object[] = [];
  for (const id of escrowIds) {
    const { status } = await client.workflow.getHandle(escrowWorkflowId(id)).describe();
    const state = await stateOf(client, id);
    const [head] = await sql<{ status: string; revision: number }[]>`
      SELECT status, revision FROM escrows WHERE id = ${id}`;
    const ended = status.name === 'COMPLETED' && state !== null && isEscrowEnd(state.status);
    const same = state !== null && head?.status === state.status && head.revision === state.headRevision;
    if (ended && same) continue;
    rows.push({ escrow_id: id, workflow: status.name, state: state?.status ?? null, projection: head?.status ?? null });
  }
  return rows;
}
