// Stripe's fees for a lost dispute by the terms: the platform's, or the sellers' share by share of the loss.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Tx } from '../../db/client.ts';
import { type Debt, writeOff } from '../../db/debts.ts';
import { castOf, type EscrowObject, fundedEscrow, proposal, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { recordHistory } from '../stack/record-history.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import { type Cast, expectSound, releasedEscrow } from '../recovery/steps.ts';
import { amountsOf, countEvents } from '../workflows/steps.ts';
import { decide, type DisputeRow, ended, openDispute } from './acts.ts';

let world: World;
let cast: Cast;
beforeAll(async () => {
  world = await startWorld();
  cast = castOf(world);
  await topUpFloat(world, 'usd', 1_000_000n);
});
afterAll(() => world.stop());

const PASSED_ON = { policy: { dispute_fee: 'seller' } };

const costsOf = (escrow: EscrowObject): Promise<Debt[]> =>
  world.sql<Debt[]>`SELECT * FROM debts WHERE escrow_id = ${escrow.id} AND kind = 'costs' ORDER BY amount DESC`;

const feesOf = async (escrow: EscrowObject): Promise<bigint> =>
  (await world.sql<{ total: bigint }[]>`SELECT coalesce(sum(amount), 0)::bigint AS total FROM ledger_entries WHERE escrow_id = ${escrow.id} AND account = 'dispute_fees'`)[0]!.total; // prettier-ignore

const says = (dispute: DisputeRow, word: object): Promise<unknown> =>
  control(world.sandbox.url, `disputes/${dispute.stripe_dispute_id}`, word);

/** Waits until the timeline says of so many milestones that a fee was passed on. */
async function untilTold(escrow: EscrowObject, times: number): Promise<void> {
  const end = Date.now() + 120_000;
  while ((await countEvents(cast.buyer, escrow.id, 'card_dispute.fee_passed'))[0] !== times) {
    if (Date.now() > end) throw new Error(`not told ${times} times`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

async function untilFees(escrow: EscrowObject, wanted: bigint): Promise<void> {
  const end = Date.now() + 120_000;
  while ((await feesOf(escrow)) !== wanted) {
    if (Date.now() > end) throw new Error(`the fees are ${await feesOf(escrow)}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

test('passed on share by share, counter fee too, netted from the next release, and given back where Stripe gives back', async () => {
  const { buyer, seller, seller2, ops } = cast;
  const escrow = await fundedEscrow(buyer, [seller, seller2], {
    title: 'A bridge',
    currency: 'usd',
    funding: 'upfront',
    milestones: [7000, 3000].map((amount, i) => ({ title: `Part ${i}`, amount, seller_id: [seller, seller2][i]!.person.id })), // prettier-ignore
    ...PASSED_ON,
  });
  const dispute = await openDispute(world, buyer, escrow);
  await says(dispute, { status: 'needs_response', fee: 1500 });
  await untilFees(escrow, 3000n);
  await decide(world, dispute, 'losing_evidence');
  await ended(world, dispute);
  await untilStatus(buyer, escrow.id, 'completed');
  const costs = await costsOf(escrow);
  expect(costs.map((d) => [d.seller_id, d.amount, d.status])).toEqual([
    [seller.person.id, 2100n, 'open'],
    [seller2.person.id, 900n, 'open'],
  ]);
  expect(await feesOf(escrow)).toBe(0n);
  await untilTold(escrow, 2);
  await expectSound(world, cast, escrow.id);
  await recordHistory(world, `chargeback/${dispute.id}`, 'chargeback-fee-passed-on');
  const loss = (await seller2.get<{ loss: { fee: { amount: number } }[] }>(`/v1/disputes/${dispute.id}`)).body.loss;
  expect(loss.map((part) => part.fee.amount)).toEqual([900]);
  expect((await seller.get(`/v1/sellers/${seller.person.id}`)).body).toMatchObject({ status: 'in_debt', debt: [{ amount: 2100 }] }); // prettier-ignore
  expect((await ops.get<{ data: object[] }>('/v1/ops/debts')).body.data).toContainEqual(expect.objectContaining({ kind: 'costs', seller_id: seller2.person.id })); // prettier-ignore

  // 900 payable: all of it for the fee, and no part of either escrow's debt of principal.
  const paying = await releasedEscrow(cast, [1000]);
  expect(amountsOf(paying, 'released', 'owed', 'held')).toEqual([900, 0, 0]);
  expect((await costsOf(escrow)).map((d) => d.recovered)).toEqual([900n, 0n]);
  await expectSound(world, cast, escrow.id, paying.id);

  // The counter fee comes back: the open rest is smaller by each one's share.
  await says(dispute, { status: 'lost', fee: -1500 });
  await untilCosts(escrow, [[1050n, 'open'], [450n, 'open']]); // prettier-ignore
  await expectSound(world, cast, escrow.id, paying.id);

  // The whole fee: nobody owes any of it; what the seller has paid is a person's to give back.
  await says(dispute, { status: 'won', fee: -1500 });
  await untilCosts(escrow, [[1200n, 'cancelled'], [900n, 'cancelled']]); // prettier-ignore
  expect(await feesOf(escrow)).toBe(-900n);
  expect(await world.sql`SELECT detail ->> 'amount' AS amount FROM alerts WHERE escrow_id = ${escrow.id} AND kind = 'dispute_fee_returned'`).toEqual([{ amount: '900' }]); // prettier-ignore
  await expectSound(world, cast, escrow.id, paying.id);
  await expectBooksClose(world, escrow.id);
});

/** Waits until so much of each debt was cancelled; with its status. */
async function untilCosts(escrow: EscrowObject, wanted: [bigint, string][]): Promise<void> {
  const end = Date.now() + 120_000;
  for (;;) {
    const now = (await costsOf(escrow)).map((d) => [d.cancelled, d.status]);
    if (JSON.stringify(now, plain) === JSON.stringify(wanted, plain)) return;
    if (Date.now() > end) expect(now).toEqual(wanted);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}
const plain = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);

test('written off, it is the platform’s cost again; by default it never was anybody else’s', async () => {
  const lost = async (more: object): Promise<EscrowObject> => {
    const escrow = await fundedEscrow(cast.buyer, [cast.seller3], proposal(cast.seller3.person.id, [5000], more));
    const dispute = await openDispute(world, cast.buyer, escrow);
    await decide(world, dispute, 'losing_evidence');
    await ended(world, dispute);
    return untilStatus(cast.buyer, escrow.id, 'completed');
  };
  const [passedOn, byDefault] = [await lost(PASSED_ON), await lost({})];
  expect([await costsOf(byDefault), await feesOf(byDefault)]).toEqual([[], 1500n]);
  expect(await countEvents(cast.buyer, byDefault.id, 'card_dispute.fee_passed')).toEqual([0]);
  const [debt] = await costsOf(passedOn);
  expect([debt!.amount, await feesOf(passedOn)]).toEqual([1500n, 0n]);
  await world.sql.begin((tx) => writeOff(tx as Tx, debt!.id, { approvalId: 'apr_1', reason: 'gone' }));
  expect(await feesOf(passedOn)).toBe(1500n);
  expect(amountsOf(await cast.buyer.escrow(passedOn.id), 'absorbed', 'charged_back')).toEqual([0, 5000]);
  await expectSound(world, cast, passedOn.id, byDefault.id);
});
