// Payments of long ago: nobody waits 180 days for the end of a refund's time.
import type { EscrowState } from '../../domain/escrow-state.ts';
import { DAY_MS } from '../../domain/periods.ts';
import { ESCROW_WORKFLOW } from '../../workflows/messages.ts';
import { type castOf, type EscrowObject, proposal, untilStatus } from './api.ts';
import { workflowState } from './books.ts';
import { control, type World } from './world.ts';

/** Agreed, and paid by a US bank account, which Stripe can refund for 180 days. */
export async function paidByDebit(
  world: World,
  { buyer, seller }: ReturnType<typeof castOf>,
  amounts: number[],
  more: object = {},
  milestone: object = {},
): Promise<EscrowObject> {
  const { id } = await buyer.propose(proposal(seller.person.id, amounts, more, milestone));
  await seller.agree(id);
  await buyer.fund(id, { payment_method: 'pm_usBankAccount_success' });
  const [payment] = await buyer.list<{ stripe_payment_intent_id: string }>(id, 'payments');
  await control(world.sandbox.url, `payment_intents/${payment!.stripe_payment_intent_id}`, { settle: 'succeeded' });
  return untilStatus(buyer, id, 'active');
}

/** As if its payments had been made so many days ago: its workflow goes on with that state, as after continue-as-new. */
export async function backdatePayment(world: World, escrowId: string, days: number): Promise<void> {
  const state = await atRest(world, escrowId);
  for (const payment of state.payments) if (payment.paidAt !== null) payment.paidAt -= days * DAY_MS;
  const workflowId = `escrow/${escrowId}`;
  await world.client.workflow.getHandle(workflowId).terminate('goes on with an older payment');
  const carried = { state, recent: [], inbox: { payments: [], refunds: [] } };
  await world.client.workflow.start(ESCROW_WORKFLOW, { workflowId, taskQueue: world.taskQueue, args: [{ escrowId, carried }] }); // prettier-ignore
  await world.sql`
    UPDATE escrows SET state = jsonb_set(state, '{payments}', ${world.sql.json(state.payments as never)}) WHERE id = ${escrowId}`;
}

/** The projection knows of a payment a moment before the workflow does: what goes on must have heard of it, and written all down. */
async function atRest(world: World, escrowId: string): Promise<EscrowState> {
  const end = Date.now() + 120_000;
  for (;;) {
    const state = await workflowState(world, escrowId);
    const paid = state.payments.every((p) => p.status === 'succeeded' && p.paidAt !== null && !p.busy);
    if (state.status === 'active' && paid && state.events.length === 0) return state;
    if (Date.now() > end) throw new Error(`escrow ${escrowId} does not come to rest: ${state.status}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}
