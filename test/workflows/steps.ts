// Steps that several workflow tests take: refusals as they must look, movements as the API lists them, the sandbox's hand.
import { expect } from '@jest/globals';
import type { Answer, Api, EscrowObject, MilestoneObject } from '../stack/api.ts';
import { castOf, fundedEscrow, proposal, untilEscrow } from '../stack/api.ts';
import { topUpFloat } from '../stack/books.ts';
import { control, startWorld, type World, type WorldOptions } from '../stack/world.ts';

interface MovementObject {
  id: string;
  status: string;
  amount: { amount: number; currency: string };
  milestone_id: string | null;
  stripe_charge_id: string | null;
  error: { code: string } | null;
}
export type PaymentObject = MovementObject & { stripe_payment_intent_id: string | null };
export type TransferObject = MovementObject & { seller_id: string; part: number; stripe_transfer_id: string | null };
export type RefundObject = MovementObject & { stripe_refund_id: string | null; reason: string | null };

/** A 409 that tells its reader what may be done instead. */
export function expectUnavailable(answer: Answer<unknown>, code = 'action_not_available'): void {
  expect(answer).toMatchObject({ status: 409, body: { code, available_actions: expect.any(Array) as unknown } });
}

export const actPath = (escrow: EscrowObject, index: number, action: string): string =>
  `/v1/escrows/${escrow.id}/milestones/${escrow.milestones[index]!.id}/${action}`;

export const statusesOf = (e: EscrowObject): string[] => e.milestones.map((m) => m.status);
export const amountsOf = (e: EscrowObject, ...terms: string[]): number[] => terms.map((t) => e.money[t]!.amount);

/** Waits for one milestone, found by its place. */
export const untilMilestone = (
  api: Api,
  escrowId: string,
  index: number,
  wanted: string | ((m: MilestoneObject) => boolean),
): Promise<EscrowObject> =>
  untilEscrow(api, escrowId, ({ milestones }) => {
    const m = milestones[index]!;
    return typeof wanted === 'string' ? m.status === wanted : wanted(m);
  });

export const transfersOf = (api: Api, id: string): Promise<TransferObject[]> => api.list(id, 'transfers');
export const refundsOf = (api: Api, id: string): Promise<RefundObject[]> => api.list(id, 'refunds');
export const paymentsOf = (api: Api, id: string): Promise<PaymentObject[]> => api.list(id, 'payments');

/** The PaymentIntent of the escrow's newest payment. */
export async function intentOf(api: Api, id: string): Promise<string> {
  const intent = (await paymentsOf(api, id)).at(-1)?.stripe_payment_intent_id;
  if (!intent) throw new Error(`escrow ${id} has no PaymentIntent`);
  return intent;
}

/** The buyer at the bank (authenticate), or the bank itself days later (settle). */
export async function atBank(
  world: World,
  intent: string,
  what: { authenticate: boolean } | { settle: 'succeeded' | 'failed' },
): Promise<void> {
  await control(world.sandbox.url, `payment_intents/${intent}`, what);
}

/** How many times each event came in the timeline, for those asked for. */
export async function countEvents(api: Api, id: string, ...types: string[]): Promise<number[]> {
  const timeline = await api.list<{ type: string }>(id, 'timeline');
  return types.map((type) => timeline.filter((e) => e.type === type).length);
}

/** The account of a seller at Stripe. */
export async function accountOf(world: World, sellerId: string): Promise<string> {
  const [row] = await world.sql<{ stripe_account_id: string }[]>`
    SELECT stripe_account_id FROM sellers WHERE id = ${sellerId}`;
  return row!.stripe_account_id;
}

/** Waits until our books say of the seller what Stripe says. */
export async function untilSeller(world: World, sellerId: string, transfers: string): Promise<void> {
  const end = Date.now() + 120_000;
  for (;;) {
    const [row] = await world.sql<{ transfers: string }[]>`SELECT transfers FROM sellers WHERE id = ${sellerId}`;
    if (row?.transfers === transfers) return;
    if (Date.now() > end) throw new Error(`seller ${sellerId} is ${row?.transfers}, not ${transfers}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

/** A world of its own with the platform's float, and who plays in it. */
export interface Stage {
  world: World;
  buyer: Api;
  seller: Api;
  ops: Api;
  sellerId: string;
}

export async function stage(options: WorldOptions = {}): Promise<Stage> {
  const world = await startWorld(options);
  await topUpFloat(world, 'usd', 500_000n);
  const { buyer, seller, ops } = castOf(world);
  return { world, buyer, seller, ops, sellerId: world.people.seller.id };
}

export const NO_REMINDERS = { policy: { remind: [] } };

/** Paid and delivered: the buyer's turn. */
export async function submitted({ buyer, seller, sellerId }: Stage, amount: number): Promise<EscrowObject> {
  const escrow = await fundedEscrow(buyer, [seller], proposal(sellerId, [amount], NO_REMINDERS));
  return seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
}
