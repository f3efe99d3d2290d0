// What chargeback tests do: a dispute by the sandbox's hand, the dispute as the API's database has it, and its end.
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Api, EscrowObject } from '../stack/api.ts';
import { control, type World } from '../stack/world.ts';
import { until } from '../supervisor/wait.ts';
import { paymentsOf } from '../workflows/steps.ts';

export interface DisputeRow {
  id: string;
  status: string;
  stripe_dispute_id: string;
}

/** The charge of the escrow's only payment. */
export async function chargeOf(api: Api, escrowId: string): Promise<string> {
  const charge = (await paymentsOf(api, escrowId))[0]?.stripe_charge_id;
  if (!charge) throw new Error(`escrow ${escrowId} has no charge`);
  return charge;
}

export async function openDispute(
  world: World,
  api: Api,
  escrow: EscrowObject,
  more: object = {},
): Promise<DisputeRow> {
  const charge = await chargeOf(api, escrow.id);
  const { id } = (await control(world.sandbox.url, 'disputes', { charge, ...more })) as { id: string };
  return untilDispute(world, id, () => true);
}

/** Waits for our row of Stripe's dispute. */
export async function untilDispute(
  world: World,
  stripeId: string,
  wanted: (d: DisputeRow) => boolean,
): Promise<DisputeRow> {
  const end = Date.now() + 120_000;
  for (;;) {
    const [row] = await world.sql<DisputeRow[]>`
      SELECT id, status, stripe_dispute_id FROM disputes WHERE stripe_dispute_id = ${stripeId}`;
    if (row && wanted(row)) return row;
    if (Date.now() > end) throw new Error(`dispute ${stripeId} did not get there: ${JSON.stringify(row)}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

/** The network's decision, by the evidence that decides it in the sandbox. */
export async function decide(world: World, dispute: DisputeRow, evidence: 'winning_evidence' | 'losing_evidence') {
  const input = { evidence: { uncategorized_text: evidence }, submit: true };
  await world.payments.updateDispute(dispute.stripe_dispute_id, input, `decide:${dispute.id}`);
  await control(world.sandbox.url, 'clock', { advance: 'PT2S' });
}

/** Waits for the end of its workflow, which begins a moment after its row is written; what the workflow returns. */
export async function ended(world: World, dispute: DisputeRow): Promise<unknown> {
  const handle = world.client.workflow.getHandle(`chargeback/${dispute.id}`);
  const began = async () =>
    handle.describe().then(
      () => true,
      (error: unknown) => {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      },
    );
  await until(began, `chargeback/${dispute.id} begins`, 120_000);
  return handle.result();
}
