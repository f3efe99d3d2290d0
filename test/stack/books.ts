// The shared end of every workflow test: whatever happened to an escrow, its books close. And the platform's float.
import { expect } from '@jest/globals';
import { checkInvariants } from '../../db/invariants.ts';
import type { Tx } from '../../db/client.ts';
import { post } from '../../db/ledger.ts';
import { type Movement, recordBalanceTransaction } from '../../db/movements.ts';
import { type EscrowState, isEscrowEnd } from '../../domain/escrow-state.ts';
import { toppedUp } from '../../domain/postings.ts';
import { QUERIES } from '../../workflows/messages.ts';
import type { World } from './world.ts';

const QUIET_WITHIN_MS = 120_000;

/** The workflow's own word, also after its end (then it is replayed). */
export async function workflowState(world: World, escrowId: string): Promise<EscrowState> {
  const state = await world.client.workflow.getHandle(`escrow/${escrowId}`).query<EscrowState | null>(QUERIES.state);
  if (state === null) throw new Error(`escrow ${escrowId} was never created`);
  return state;
}

/**
 * When all is quiet: every invariant of the world holds (Stripe's own books with it), the clearing accounts of an ended
 * escrow are back at 0, each Stripe object has one movement, and the projection says what the workflow says.
 */
export async function expectBooksClose(world: World, escrowId: string): Promise<void> {
  const end = Date.now() + QUIET_WITHIN_MS;
  for (;;) {
    const wrong = await differences(world, escrowId);
    if (wrong.length === 0) return;
    // What is on its way between Stripe, workflow and database is no difference yet.
    if (Date.now() > end) expect(wrong).toEqual([]);
    await new Promise((resolve) => {
      setTimeout(resolve, 200);
    });
  }
}

async function differences(world: World, escrowId: string): Promise<object[]> {
  const invariants = await checkInvariants(world.sql, { stripe: world.payments, tries: 1 });
  return [
    ...invariants.filter((i) => !i.holds).map(({ number, name, rows }) => ({ number, name, rows: plain(rows) })),
    ...(await clearingLeft(world, escrowId)),
    ...(await unmatchedObjects(world, escrowId)),
    ...(await projectionDiffers(world, escrowId)),
  ];
}

const plain = (rows: object[]): unknown =>
  JSON.parse(JSON.stringify(rows, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)));

/** Clearing accounts that are not back at 0, and anything still held, once the escrow has ended. */
async function clearingLeft(world: World, escrowId: string): Promise<object[]> {
  const rows = await world.sql<{ account: string; amount: bigint }[]>`
    SELECT e.account, sum(e.amount)::bigint AS amount
    FROM ledger_entries e JOIN escrows s ON s.id = e.escrow_id
    WHERE e.escrow_id = ${escrowId} AND s.status IN ('completed', 'cancelled', 'expired')
      AND e.account_class IN ('charge_clearing', 'refund_clearing', 'held', 'fee_unearned', 'payable', 'on_hold')
    GROUP BY e.account HAVING sum(e.amount) <> 0`;
  return rows.map((r) => ({ what: 'not back at 0', account: r.account, amount: r.amount.toString() }));
}

/** Transfers and refunds at Stripe against our movements, both ways. */
async function unmatchedObjects(world: World, escrowId: string): Promise<object[]> {
  const movements = await world.sql<Movement[]>`SELECT * FROM movements WHERE escrow_id = ${escrowId}`;
  const intents = movements.flatMap((m) => (m.kind === 'payment' && m.stripe_id !== null ? [m.stripe_id] : []));
  const refunds = await Promise.all(intents.map((id) => world.payments.listRefunds(id)));
  const atStripe = {
    transfer: (await world.payments.listTransfers(escrowId)).map((t) => t.id),
    refund: refunds.flat().map((r) => r.id),
  };
  return (['transfer', 'refund'] as const).flatMap((kind) => {
    const ours = movements.flatMap((m) => (m.kind === kind && m.stripe_id !== null ? [m.stripe_id] : []));
    const same = JSON.stringify([...ours].sort()) === JSON.stringify([...atStripe[kind]].sort());
    return same ? [] : [{ what: `${kind}s at Stripe and movements differ`, ours, stripe: atStripe[kind] }];
  });
}

async function projectionDiffers(world: World, escrowId: string): Promise<object[]> {
  const state = await workflowState(world, escrowId);
  const [head] = await world.sql<{ status: string; revision: number }[]>`
    SELECT status, revision FROM escrows WHERE id = ${escrowId}`;
  const rows = await world.sql<{ id: string; status: string; revision: number; state: unknown }[]>`
    SELECT id, status, revision, state FROM milestones WHERE escrow_id = ${escrowId} ORDER BY position`;
  const workflow = { status: state.status, revision: state.headRevision, milestones: state.milestones.map((m) => [m.id, m.status, m.revision]) }; // prettier-ignore
  const projection = { status: head?.status, revision: head?.revision, milestones: rows.map((m) => [m.id, m.status, m.revision]) }; // prettier-ignore
  const same = JSON.stringify(workflow) === JSON.stringify(projection);
  const open = isEscrowEnd(state.status) && state.milestones.some((m) => m.refunds.some((r) => r.status === 'pending'));
  return [
    ...(same ? [] : [{ what: 'projection and workflow differ', workflow, projection }]),
    ...(open ? [{ what: 'ended with a refund still pending', id: state.id }] : []),
  ];
}

/** The platform's own money at Stripe, booked: fees and refunds are paid out of it. */
export async function topUpFloat(world: World, currency: string, amountMinor: bigint): Promise<void> {
  const topUp = await world.payments.createTopUp(amountMinor, currency, `float:${currency}:${amountMinor}`);
  const bt = topUp.balanceTransaction;
  if (bt === null) throw new Error(`top-up ${topUp.id} has no balance transaction`);
  await world.sql.begin(async (raw) => {
    const tx = raw as Tx;
    await recordBalanceTransaction(tx, bt);
    await post(tx, {
      key: `topup:${topUp.id}`,
      kind: 'top_up',
      currency: bt.currency,
      legs: toppedUp(bt),
      balanceTransactionId: bt.id,
    });
  });
}
