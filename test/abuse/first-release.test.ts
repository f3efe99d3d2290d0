// The first release to a seller whom the platform has never paid waits: all of them that come meanwhile, and none afterwards.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { castOf, type EscrowObject, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { recordEscrow } from '../stack/record-history.ts';
import { startWorld, type World } from '../stack/world.ts';
import { amountsOf, countEvents, transfersOf } from '../workflows/steps.ts';

interface Foretold {
  waits: { milestone_id: string; amount: { amount: number }; until: string | null }[];
  stripe_calls: { call: string }[];
  states: { escrow: string; milestones: { status: string }[] };
  money_after: EscrowObject['money'];
}

let world: World;
let as: ReturnType<typeof castOf>;
beforeAll(async () => {
  world = await startWorld({ settings: { NEW_SELLER_FIRST_RELEASE_DELAY: 'PT10S' } });
  as = castOf(world);
  await topUpFloat(world, 'usd', 100_000n);
});
afterAll(() => world.stop());

async function delivered(amounts: number[]): Promise<EscrowObject> {
  const escrow = await fundedEscrow(as.buyer, [as.seller], proposal(as.seller.person.id, amounts));
  let after = escrow;
  for (const { id } of escrow.milestones) after = await as.seller.act(escrow.id, id, 'submit');
  return after;
}
const accept = (e: EscrowObject, amount?: number) => as.buyer.act(e.id, e.milestones[0]!.id, 'accept', amount === undefined ? {} : { amount }); // prettier-ignore
const foretell = async (e: EscrowObject) =>
  (await as.buyer.post<Foretold>(`/v1/escrows/${e.id}/preview`, { action: 'accept', milestone_id: e.milestones[0]!.id })).body; // prettier-ignore
const firstAccepted = async () =>
  (await world.sql<{ at: Date | null }[]>`SELECT first_accepted_at AS at FROM sellers WHERE id = ${as.seller.person.id}`)[0]!.at; // prettier-ignore

test('two at once and a part for a new seller all wait, are paid by themselves, and the next one is paid at once', async () => {
  const [whole, other, inParts] = [await delivered([10_000]), await delivered([20_000]), await delivered([30_000])];
  const foretold = await foretell(whole);
  expect(foretold.waits).toMatchObject([{ milestone_id: whole.milestones[0]!.id, amount: { amount: 9_000 } }]);
  expect([foretold.stripe_calls, foretold.states]).toMatchObject([[], { escrow: 'active', milestones: [{ status: 'accepted' }] }]); // prettier-ignore
  expect(await firstAccepted()).toBeNull();

  await Promise.all([accept(whole), accept(other), accept(inParts, 5_000)]);
  const held = (e: EscrowObject) => untilEscrow(as.buyer, e.id, (now) => now.milestones[0]!.status === 'accepted' && now.waiting_for.until !== null); // prettier-ignore
  const [first, second] = await Promise.all([held(whole), held(other)]);
  const due = (await firstAccepted())!.getTime() + 10_000;
  for (const e of [first, second]) {
    expect(e.waiting_for).toMatchObject({ who: 'platform', what: expect.stringMatching(/first time/) as unknown });
    expect(Date.parse(e.waiting_for.until!)).toBeGreaterThanOrEqual(due);
    expect(amountsOf(e, 'released', 'fees')).toEqual([0, e.milestones[0]!.amount.amount / 10]);
  }
  expect(first.money).toEqual(foretold.money_after);
  const part = await as.buyer.get<{ milestones: { summary: string; waiting_for: { who: string } }[] }>(`/v1/escrows/${inParts.id}/explanation`); // prettier-ignore
  expect(part.body.milestones[0]).toMatchObject({ waiting_for: { who: 'buyer' }, summary: expect.stringMatching(/What was accepted already waits until/) as unknown }); // prettier-ignore
  expect(await as.seller.get('/v1/notifications')).toMatchObject({ body: { data: expect.arrayContaining([expect.objectContaining({ kind: 'first_release' })]) as unknown } }); // prettier-ignore

  for (const e of [whole, other]) {
    expect(amountsOf(await untilStatus(as.buyer, e.id, 'completed'), 'held')).toEqual([0]);
    expect(await countEvents(as.buyer, e.id, 'milestone.held_first_release', 'milestone.released')).toEqual([1, 1]);
  }
  await untilEscrow(as.buyer, inParts.id, (e) => e.money['released']!.amount === 4_500);
  const released = await world.sql<{ at: Date }[]>`SELECT at FROM escrow_events WHERE type = 'milestone.released'`;
  expect(released).toHaveLength(3);
  for (const { at } of released) expect(at.getTime()).toBeGreaterThanOrEqual(due);
  await recordEscrow(world, whole.id, 'first-release-held');

  // Paid once: known.
  await world.sql`UPDATE sellers SET first_accepted_at = now() WHERE id = ${as.seller.person.id}`;
  expect((await foretell(inParts)).waits).toEqual([]);
  await accept(inParts);
  await untilStatus(as.buyer, inParts.id, 'completed');
  expect(await countEvents(as.buyer, inParts.id, 'milestone.held_first_release')).toEqual([1]);
  expect((await transfersOf(as.buyer, inParts.id)).map((t) => t.amount.amount)).toEqual([4_500, 22_500]);
  for (const e of [whole, other, inParts]) await expectBooksClose(world, e.id);
});
