// A charge that settles in another currency is disputed at the day's rate: whoever loses, loses at the rate of the charge, and
// the difference is the platform's `fx`, to the unit.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { atChargeRate } from '../../domain/chargeback.ts';
import { type Api, castOf, type EscrowObject, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import { setSellerBalance } from '../recovery/steps.ts';
import { actPath, amountsOf, statusesOf } from '../workflows/steps.ts';
import { decide, ended, openDispute, untilDispute } from './acts.ts';

let world: World;
let cast: ReturnType<typeof castOf>;
let buyer: Api;
beforeAll(async () => {
  world = await startWorld();
  cast = castOf(world);
  buyer = cast.buyer;
  await topUpFloat(world, 'usd', 1_000_000n);
});
afterAll(() => world.stop());

const inKronor = (): Promise<EscrowObject> =>
  fundedEscrow(buyer, [cast.seller], proposal(cast.seller.person.id, [100_001], { currency: 'sek' }));

test('the loss at the rate of the charge and the rate of the day make what the bank took', () => {
  const minor = fc.bigInt({ min: 1n, max: 10n ** 9n });
  fc.assert(
    fc.property(minor, minor, minor, minor, minor, (chargeMinor, capturedMinor, disputed, withdrawnMinor, open) => {
      const openMinor = open < withdrawnMinor ? open : withdrawnMinor;
      const { lostMinor, fxMinor } = atChargeRate({ chargeMinor, capturedMinor, disputedMinor: disputed, withdrawnMinor, openMinor }); // prettier-ignore
      expect(lostMinor + fxMinor).toBe(openMinor);
      expect(lostMinor >= 0n && lostMinor <= capturedMinor).toBe(true);
      if (disputed >= chargeMinor && openMinor === withdrawnMinor) expect(lostMinor).toBe(capturedMinor);
    }),
  );
});

test('lost before release: the whole milestone is gone, and only the rate is left over', async () => {
  const escrow = await inKronor();
  expect([escrow.currency, escrow.settlement_currency]).toEqual(['sek', 'usd']);
  const [charged] = amountsOf(escrow, 'charged');
  await control(world.sandbox.url, 'clock', { advance: 'P20D' });
  const dispute = await openDispute(world, buyer, escrow);
  await decide(world, dispute, 'losing_evidence');
  await ended(world, dispute);
  const done = await untilStatus(buyer, escrow.id, 'completed');
  expect(statusesOf(done)).toEqual(['refunded']);
  const [chargedBack, absorbed, held, disputed] = amountsOf(done, 'charged_back', 'absorbed', 'held', 'disputed');
  expect([held, disputed, chargedBack! - absorbed!]).toEqual([0, 0, charged]);
  const fx = await world.sql<{ amount: bigint }[]>`
    SELECT coalesce(sum(amount), 0)::bigint AS amount FROM ledger_entries WHERE escrow_id = ${escrow.id} AND account_class = 'fx'`;
  expect(Number(fx[0]!.amount)).toBe(absorbed);
  expect(absorbed).not.toBe(0);
  await expectBooksClose(world, escrow.id);
});

test('foretold at the rate of the charge: what then happens differs by the rate of the day alone', async () => {
  const escrow = await inKronor();
  type Terms = Record<string, { amount: number; currency: string }>;
  interface Foretold { allowed: boolean; losses: { amount: { amount: number; currency: string } }[]; money_after: Terms; states: { milestones: { status: string }[] } } // prettier-ignore
  const { body } = await cast.ops.post<Foretold>(`/v1/escrows/${escrow.id}/preview`, { action: 'chargeback', amount: 40_001 }); // prettier-ignore
  expect(body.allowed).toBe(true);
  const [charged] = amountsOf(escrow, 'charged');
  const lost = body.money_after['charged_back']!;
  // The share of the charge that is disputed, in the settlement currency; whose loss it is sums to it.
  expect(lost).toEqual({ amount: Math.floor((charged! * 40_001) / 100_001), currency: 'usd' });
  expect(body.losses.map((l) => l.amount)).toEqual([lost]);
  await control(world.sandbox.url, 'clock', { advance: 'P20D' });
  const dispute = await openDispute(world, buyer, escrow, { amount: 40_001 });
  await decide(world, dispute, 'losing_evidence');
  await ended(world, dispute);
  const after = await untilEscrow(buyer, escrow.id, (e) => e.frozen.length === 0 && amountsOf(e, 'charged_back')[0]! > 0); // prettier-ignore
  expect(statusesOf(after)).toEqual(body.states.milestones.map((m) => m.status));
  const [chargedBack, absorbed] = amountsOf(after, 'charged_back', 'absorbed');
  expect(absorbed).not.toBe(0);
  expect(chargedBack! - absorbed!).toBe(lost.amount);
  expect({ ...after.money, charged_back: lost, absorbed: body.money_after['absorbed'] }).toMatchObject(
    body.money_after,
  );
  await expectBooksClose(world, escrow.id);
});

test('lost after release: the seller gives and owes what was transferred, in the settlement currency', async () => {
  const escrow = await inKronor();
  await cast.seller.post(actPath(escrow, 0, 'submit'));
  await buyer.post(actPath(escrow, 0, 'accept'));
  const paid = await untilStatus(buyer, escrow.id, 'completed');
  const [released] = amountsOf(paid, 'released');
  await setSellerBalance(world, cast.seller.person.id, 1000);
  const dispute = await openDispute(world, buyer, escrow);
  await decide(world, dispute, 'losing_evidence');
  await ended(world, dispute);
  const done = await buyer.escrow(escrow.id);
  expect(amountsOf(done, 'owed', 'released', 'fees', 'held')).toEqual([released! - 1000, released! - 1000, 0, 0]);
  expect(await world.sql`SELECT currency, amount FROM debts WHERE escrow_id = ${escrow.id}`).toEqual([{ currency: 'usd', amount: BigInt(released! - 1000) }]); // prettier-ignore
  await expectBooksClose(world, escrow.id);
});

test('given back at another rate: as before, and the difference is the platform’s', async () => {
  const escrow = await inKronor();
  const dispute = await openDispute(world, buyer, escrow);
  const open = await untilEscrow(buyer, escrow.id, (e) => e.frozen.length > 0 && amountsOf(e, 'disputed')[0]! > 0);
  const [charged, disputed] = amountsOf(open, 'charged', 'disputed');
  await control(world.sandbox.url, `disputes/${dispute.stripe_dispute_id}`, {
    status: 'won',
    give_back: disputed! - 7,
  });
  await untilDispute(world, dispute.stripe_dispute_id, (d) => d.status === 'won');
  await ended(world, dispute);
  const after = await untilEscrow(buyer, escrow.id, (e) => e.frozen.length === 0);
  expect(amountsOf(after, 'held', 'disputed', 'absorbed', 'charged_back')).toEqual([charged, 0, 7, 7]);
  await expectBooksClose(world, escrow.id);
});
