// Steps that the recovery tests share: released escrows, a seller's balance at Stripe, and the books after every step.
import { expect } from '@jest/globals';
import { type Debt, listDebts } from '../../db/debts.ts';
import type { Movement } from '../../db/movements.ts';
import { checkInvariants } from '../../db/invariants.ts';
import { type Api, type castOf, type EscrowObject, expectMoneyAddsUp, proposal, untilEscrow, untilStatus } from '../stack/api.ts'; // prettier-ignore
import { control, type World } from '../stack/world.ts';
import { accountOf, actPath } from '../workflows/steps.ts';

export type Cast = ReturnType<typeof castOf>;

/** Agreed, paid, delivered, accepted and transferred, to its end. */
export async function releasedEscrow(
  cast: Cast,
  amounts: number[],
  more: object = {},
  who: 'seller' | 'seller2' | 'seller3' = 'seller',
): Promise<EscrowObject> {
  const { buyer } = cast;
  const seller = cast[who];
  const { payment_method = 'pm_card_visa', ...terms } = more as { payment_method?: string };
  const proposed = await buyer.propose(proposal(seller.person.id, amounts, terms));
  await seller.agree(proposed.id);
  const { escrow } = await buyer.fund(proposed.id, { payment_method });
  for (const m of escrow.milestones) {
    await seller.act(escrow.id, m.id, 'submit');
    await buyer.act(escrow.id, m.id, 'accept');
  }
  return untilStatus(buyer, escrow.id, 'completed');
}

/** Leaves the seller exactly so much at Stripe; what is pending there counts, so the available side makes up for it. */
export async function setSellerBalance(world: World, sellerId: string, amount: number): Promise<void> {
  const account = await accountOf(world, sellerId);
  const usd = (await world.payments.retrieveConnectedBalance(account)).find((b) => b.currency === 'usd');
  await control(world.sandbox.url, `accounts/${account}`, { balance: amount - Number(usd?.pendingMinor ?? 0n) });
}

export const debtsOf = (world: World, sellerId: string): Promise<Debt[]> =>
  listDebts(world.sql, { sellerId, limit: 100 });

export const movementsOf = (world: World, escrowId: string, kind: string): Promise<Movement[]> =>
  world.sql<
    Movement[]
  >`SELECT * FROM movements WHERE escrow_id = ${escrowId} AND kind = ${kind} ORDER BY created_at, id`;

/** Waits until the money of an ended escrow is as wanted. */
export const untilMoney = (
  cast: Cast,
  id: string,
  wanted: Partial<Record<'refunded' | 'owed' | 'released' | 'fees' | 'held' | 'absorbed', number>>,
): Promise<EscrowObject> =>
  untilEscrow(cast.ops, id, (e) => Object.entries(wanted).every(([term, amount]) => e.money[term]!.amount === amount));

/** After every step: the identity as the API shows it, and all invariants with Stripe's own books. */
export async function expectSound(world: World, cast: Cast, ...escrowIds: string[]): Promise<void> {
  for (const id of escrowIds) expectMoneyAddsUp(await cast.ops.escrow(id));
  const invariants = await checkInvariants(world.sql, { stripe: world.payments, tries: 10, pauseMs: 300 });
  expect(invariants.filter((i) => !i.holds)).toEqual([]);
}

/** The same call for asking, ordering and confirming. */
export const refundBy = <T = EscrowObject>(api: Api, e: EscrowObject, body: object = {}, index = 0, key?: string) =>
  api.post<T>(actPath(e, index, 'refund'), { reason: 'not as agreed', ...body }, key);

/** Waits until the escrow's last refund of released money stands as wanted. */
export async function untilRefundWorkflow(world: World, escrowId: string, status: string): Promise<void> {
  const end = Date.now() + 120_000;
  for (;;) {
    const rows = await world.sql<{ id: string; status: string }[]>`
      SELECT id, status FROM recoveries WHERE escrow_id = ${escrowId} ORDER BY created_at DESC LIMIT 1`;
    if (rows[0]?.status === status) return;
    if (Date.now() > end) {
      const { raw } = await world.client.workflow.getHandle(`refund/${rows[0]?.id}`).describe();
      const pending = raw.pendingActivities?.map((a) => [a.activityType?.name, a.attempt, a.lastFailure?.message]);
      throw new Error(`the refund ${rows[0]?.id} is ${rows[0]?.status}, not ${status}: ${JSON.stringify(pending)}`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

/** Waits for the one movement of that kind. */
export async function untilMovement(world: World, escrowId: string, kind: string, status: string): Promise<void> {
  const end = Date.now() + 120_000;
  for (;;) {
    const [movement] = await movementsOf(world, escrowId, kind);
    if (movement?.status === status) return;
    if (Date.now() > end) throw new Error(`the ${kind} ${movement?.id} is ${movement?.status}, not ${status}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}
