// Every pair of what can happen to delivered money, in both orders and at once: one winner, the loser told why, and the
// money ends in one place. After each, the identity holds, the ledger closes, and the three-way invariants stand.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { checkInvariants } from '../../db/invariants.ts';
import { type Answer, type Api, castOf, type EscrowObject, fundedEscrow, proposal, untilEscrow } from '../stack/api.ts';
import { topUpFloat } from '../stack/books.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import { actPath, expectUnavailable, paymentsOf } from '../workflows/steps.ts';

let world: World;
let cast: ReturnType<typeof castOf>;
let buyer: Api;
beforeAll(async () => {
  world = await startWorld();
  cast = castOf(world);
  ({ buyer } = cast);
  await topUpFloat(world, 'usd', 5_000_000n);
});
afterAll(() => world.stop());

/** Answers true where the act was taken; false where it was refused, in words. */
type Act = (e: EscrowObject) => Promise<boolean>;

function taken(answer: Answer<unknown>): boolean {
  if (answer.status === 200 || answer.status === 201) return true;
  expectUnavailable(answer);
  return false;
}

const ACTS: Record<string, Act> = {
  release: async (e) => taken(await buyer.post(actPath(e, 0, 'accept'))),
  refund: async (e) => taken(await cast.ops.post(actPath(e, 0, 'refund'), { reason: 'raced' })),
  dispute: async (e) => taken(await buyer.post(actPath(e, 0, 'dispute'), { reason: 'raced' })),
  cancel: async (e) => taken(await buyer.post(`/v1/escrows/${e.id}/cancel`)),
  chargeback: async (e) => {
    const [payment] = await paymentsOf(buyer, e.id);
    const charge = (payment as { stripe_charge_id?: string } | undefined)?.stripe_charge_id;
    // Stripe itself refuses to dispute what was refunded whole.
    return control(world.sandbox.url, 'disputes', { charge }).then(
      () => true,
      () => false,
    );
  },
  expiry: async (e) => {
    await untilEscrow(buyer, e.id, () => Date.now() >= Date.parse(e.milestones[0]!.inspection_ends_at!));
    return true;
  },
};

const names = Object.keys(ACTS);
const pairs = names.flatMap((a, i) => names.slice(i).map((b): [string, string] => [a, b]));

async function delivered(): Promise<EscrowObject> {
  const escrow = await fundedEscrow(
    buyer,
    [cast.seller],
    proposal(cast.seller.person.id, [10_000], { policy: { remind: [], reply: 'PT2S' } }, { inspection_period: 'PT3S' }),
  );
  return cast.seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
}

/** Nothing moves any more, or what moves waits for the bank's word on the chargeback. */
const atRest = (e: EscrowObject): boolean =>
  e.status === 'completed' || (e.frozen.includes('card_dispute') && e.money['disputed']!.amount > 0);

test.each(pairs)('%s × %s: in both orders and at once', async (a, b) => {
  const runs = await Promise.all([
    delivered().then(async (e) => [e, [await ACTS[a]!(e), await ACTS[b]!(e)]] as const),
    delivered().then(async (e) => [e, [await ACTS[b]!(e), await ACTS[a]!(e)]] as const),
    delivered().then(async (e) => [e, await Promise.all([ACTS[a]!(e), ACTS[b]!(e)])] as const),
  ]);
  for (const [escrow, won] of runs) {
    const rest = await untilEscrow(buyer, escrow.id, atRest);
    const m = (term: string) => rest.money[term]!.amount;
    // The same 100 are with one side, or with the bank; what the platform earned is in it.
    expect(m('released') + m('refunded') + m('charged_back') + m('fees') + m('held') - m('owed')).toBe(10_000);
    expect(m('released') > 0 && m('refunded') > 0).toBe(false);
    // Two commands over the same milestone: never both.
    if (['release', 'refund', 'dispute'].includes(a) && ['release', 'refund', 'dispute'].includes(b)) {
      expect(won.filter(Boolean)).toHaveLength(1);
    }
  }
  const broken = (await checkInvariants(world.sql)).filter((i) => !i.holds);
  expect(broken).toEqual([]);
});
