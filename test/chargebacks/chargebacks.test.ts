// Card disputes of whole escrows: won, lost before and after release, closed inquiries, months later, told twice.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Api, castOf, type EscrowObject, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { recordEscrow, recordHistory } from '../stack/record-history.ts';
import { control, setTransfers, startWorld, type World } from '../stack/world.ts';
import { accountOf, actPath, amountsOf, expectUnavailable, statusesOf, transfersOf } from '../workflows/steps.ts';
import { setSellerBalance } from '../recovery/steps.ts';
import { decide, ended, openDispute } from './acts.ts';

let world: World;
let cast: ReturnType<typeof castOf>;
let buyer: Api;
let sellers: Api[];
beforeAll(async () => {
  world = await startWorld();
  cast = castOf(world);
  buyer = cast.buyer;
  sellers = [cast.seller, cast.seller2, cast.seller3];
  await topUpFloat(world, 'usd', 1_000_000n);
});
afterAll(() => world.stop());

const TERMS = ['charged', 'owed', 'absorbed', 'held', 'released', 'refunded', 'charged_back', 'fees', 'tax'];
const sums = (e: EscrowObject): Record<string, number> => Object.fromEntries(TERMS.map((t) => [t, amountsOf(e, t)[0]!]).filter(([, n]) => n !== 0)); // prettier-ignore

/** One milestone of 100 USD for each of the three sellers. */
const threeSellers = (more: object = {}): Promise<EscrowObject> =>
  fundedEscrow(buyer, sellers, {
    title: 'A house',
    currency: 'usd',
    funding: 'upfront',
    milestones: sellers.map((s, i) => ({ title: `Part ${i}`, amount: 10_000, seller_id: s.person.id })),
    ...more,
  });

const single = (more: object = {}): Promise<EscrowObject> =>
  fundedEscrow(buyer, [cast.seller], proposal(cast.seller.person.id, [10_000], more));

async function release(escrow: EscrowObject, index: number, by: Api): Promise<void> {
  await by.post(actPath(escrow, index, 'submit'));
  await buyer.post(actPath(escrow, index, 'accept'));
  await untilEscrow(buyer, escrow.id, (e) => e.milestones[index]!.status === 'released');
}

describe('before release', () => {
  test('won: frozen meanwhile, and as before afterwards', async () => {
    const escrow = await single();
    const dispute = await openDispute(world, buyer, escrow);
    const frozen = await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('card_dispute') && amountsOf(e, 'disputed')[0] === 10_000); // prettier-ignore
    expect(sums(frozen)).toEqual({ charged: 10_000, held: 10_000 });
    await decide(world, dispute, 'winning_evidence');
    await ended(world, dispute);
    const after = await untilEscrow(buyer, escrow.id, (e) => e.frozen.length === 0);
    expect([statusesOf(after), ...amountsOf(after, 'disputed', 'held')]).toEqual([['funded'], 0, 10_000]);
    await release(escrow, 0, cast.seller);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(sums(done)).toEqual({ charged: 10_000, released: 9000, fees: 1000 });
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'escrow-chargeback-won');
    await recordHistory(world, `chargeback/${dispute.id}`, 'chargeback-won');
  });

  test('lost: the milestones end refunded and nobody owes anything', async () => {
    const escrow = await threeSellers();
    const dispute = await openDispute(world, buyer, escrow);
    await decide(world, dispute, 'losing_evidence');
    await ended(world, dispute);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(statusesOf(done)).toEqual(['refunded', 'refunded', 'refunded']);
    expect(sums(done)).toEqual({ charged: 30_000, charged_back: 30_000 });
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'escrow-chargeback-lost');
    await recordHistory(world, `chargeback/${dispute.id}`, 'chargeback-lost');
  });

  test('a part of the charge lost falls on the three sellers alike, and the rest is released', async () => {
    const escrow = await threeSellers();
    const dispute = await openDispute(world, buyer, escrow, { amount: 10_000 });
    await decide(world, dispute, 'losing_evidence');
    await ended(world, dispute);
    const after = await untilEscrow(buyer, escrow.id, (e) => amountsOf(e, 'charged_back')[0] === 10_000 && e.frozen.length === 0); // prettier-ignore
    expect(after.milestones.map((m) => (m['open'] as { amount: number }).amount)).toEqual([6666, 6667, 6667]);
    for (const [i, s] of sellers.entries()) await release(escrow, i, s);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(sums(done)).toEqual({ charged: 30_000, charged_back: 10_000, released: 18_002, fees: 1998 });
    await expectBooksClose(world, escrow.id);
  });

  test('an inquiry that is closed moves no money', async () => {
    const escrow = await single();
    const dispute = await openDispute(world, buyer, escrow, { inquiry: true });
    await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('card_dispute'));
    await world.payments.closeDispute(dispute.stripe_dispute_id, `close:${dispute.id}`);
    await ended(world, dispute);
    const after = await untilEscrow(buyer, escrow.id, (e) => e.frozen.length === 0);
    expect(sums(after)).toEqual({ charged: 10_000, held: 10_000 });
    expect(await world.sql`SELECT FROM ledger_transactions WHERE cause ->> 'dispute' = ${dispute.id}`).toHaveLength(0);
    await expectBooksClose(world, escrow.id);
    await recordHistory(world, `chargeback/${dispute.id}`, 'chargeback-inquiry');
  });
});

describe('accepted and not transferred', () => {
  /** Accepted, while its seller cannot receive. */
  async function payable(): Promise<EscrowObject> {
    const escrow = await single();
    await setTransfers(world.sandbox.url, await accountOf(world, cast.seller.person.id), 'inactive');
    await untilSeller('inactive');
    await cast.seller.post(actPath(escrow, 0, 'submit'));
    await buyer.post(actPath(escrow, 0, 'accept'));
    return untilEscrow(buyer, escrow.id, (e) => e.milestones[0]!.status === 'blocked_kyc');
  }

  async function untilSeller(transfers: string): Promise<void> {
    const end = Date.now() + 120_000;
    for (;;) {
      const [row] = await world.sql<
        { transfers: string }[]
      >`SELECT transfers FROM sellers WHERE id = ${cast.seller.person.id}`;
      if (row!.transfers === transfers) return;
      if (Date.now() > end) throw new Error(`the seller's transfers are ${row!.transfers}, not ${transfers}`);
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
  }

  const capable = async (): Promise<void> => {
    await setTransfers(world.sandbox.url, await accountOf(world, cast.seller.person.id), 'active');
    await untilSeller('active');
  };

  test('the bank takes it directly: nothing is reversed, and nobody owes anything', async () => {
    const escrow = await payable();
    const dispute = await openDispute(world, buyer, escrow);
    await decide(world, dispute, 'losing_evidence');
    await ended(world, dispute);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect([statusesOf(done), sums(done)]).toEqual([['refunded'], { charged: 10_000, charged_back: 10_000 }]);
    expect(await world.sql`SELECT FROM debts WHERE escrow_id = ${escrow.id}`).toHaveLength(0);
    expect(await transfersOf(buyer, escrow.id)).toHaveLength(0);
    await capable();
    await expectBooksClose(world, escrow.id);
  });

  test('a part of it: the seller gets the rest when able to receive', async () => {
    const escrow = await payable();
    const dispute = await openDispute(world, buyer, escrow, { amount: 4000 });
    await decide(world, dispute, 'losing_evidence');
    await ended(world, dispute);
    const after = await untilEscrow(buyer, escrow.id, (e) => e.frozen.length === 0 && amountsOf(e, 'charged_back')[0] === 4000); // prettier-ignore
    expect([statusesOf(after), sums(after)]).toEqual([['blocked_kyc'], { charged: 10_000, charged_back: 4000, held: 5400, fees: 600 }]); // prettier-ignore
    await capable();
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect([statusesOf(done), sums(done)]).toEqual([['released'], { charged: 10_000, charged_back: 4000, released: 5400, fees: 600 }]); // prettier-ignore
    expect(await world.sql`SELECT FROM debts WHERE escrow_id = ${escrow.id}`).toHaveLength(0);
    await expectBooksClose(world, escrow.id);
  });

  test('a transfer that Stripe refused is made again with what the bank left of it', async () => {
    const escrow = await single();
    await cast.seller.post(actPath(escrow, 0, 'submit'));
    const account = await accountOf(world, cast.seller.person.id);
    await world.sql`UPDATE sellers SET stripe_account_id = 'acct_gone' WHERE id = ${cast.seller.person.id}`;
    await buyer.post(actPath(escrow, 0, 'accept'));
    await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('ops'));
    await world.sql`UPDATE sellers SET stripe_account_id = ${account} WHERE id = ${cast.seller.person.id}`;
    const dispute = await openDispute(world, buyer, escrow, { amount: 4000 });
    await decide(world, dispute, 'losing_evidence');
    await ended(world, dispute);
    await untilEscrow(buyer, escrow.id, (e) => !e.frozen.includes('card_dispute'));
    await cast.ops.unfreeze(escrow.id, escrow.milestones[0]!.id);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(sums(done)).toEqual({ charged: 10_000, charged_back: 4000, released: 5400, fees: 600 });
    expect((await transfersOf(buyer, escrow.id)).map((t) => [t.status, t.amount.amount])).toEqual([['succeeded', 5400]]); // prettier-ignore
    await expectBooksClose(world, escrow.id);
  });
});

describe('after release', () => {
  test('two of three released, the whole charge lost: one reversed, one owed, as the worked example has it', async () => {
    const escrow = await threeSellers();
    await release(escrow, 0, cast.seller);
    await release(escrow, 1, cast.seller2);
    await setSellerBalance(world, cast.seller2.person.id, 0);
    const dispute = await openDispute(world, buyer, escrow);
    await decide(world, dispute, 'losing_evidence');
    await ended(world, dispute);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect(sums(done)).toEqual({ charged: 30_000, owed: 9000, released: 9000, charged_back: 30_000 });
    expect(await world.sql`SELECT seller_id, amount FROM debts WHERE escrow_id = ${escrow.id}`).toEqual([{ seller_id: cast.seller2.person.id, amount: 9000n }]); // prettier-ignore
    await expectBooksClose(world, escrow.id);
  });

  test('months after completion the same happens, and the escrow stays completed', async () => {
    const escrow = await single();
    await release(escrow, 0, cast.seller);
    await untilStatus(buyer, escrow.id, 'completed');
    await world.client.workflow.getHandle(`escrow/${escrow.id}`).result();
    await control(world.sandbox.url, 'clock', { advance: 'P120D' });
    // Paid out long ago: what the seller has now is of other work.
    await setSellerBalance(world, cast.seller.person.id, 9000);
    const dispute = await openDispute(world, buyer, escrow);
    await decide(world, dispute, 'losing_evidence');
    await ended(world, dispute);
    const done = await buyer.escrow(escrow.id);
    expect([done.status, sums(done)]).toEqual(['completed', { charged: 10_000, charged_back: 10_000 }]);
    await recordHistory(world, `chargeback/${dispute.id}`, 'chargeback-months-later');
    // The bank has given it back: no refund on top of it.
    expectUnavailable(await cast.seller.post(actPath(escrow, 0, 'refund'), { reason: 'sorry' }));
    await expectBooksClose(world, escrow.id);
  });

  test('by the terms the platform bears what was released', async () => {
    const escrow = await single({ policy: { chargeback_loss: 'platform' } });
    await release(escrow, 0, cast.seller);
    await untilStatus(buyer, escrow.id, 'completed');
    const dispute = await openDispute(world, buyer, escrow);
    await decide(world, dispute, 'losing_evidence');
    await ended(world, dispute);
    const done = await buyer.escrow(escrow.id);
    expect(sums(done)).toEqual({ charged: 10_000, absorbed: 9000, released: 9000, charged_back: 10_000 });
    await expectBooksClose(world, escrow.id);
  });
});

describe('webhooks', () => {
  test('events that come twice and late change nothing', async () => {
    await control(world.sandbox.url, 'webhooks', { duplicate: 1, reorder: 1 });
    try {
      const escrow = await single();
      const dispute = await openDispute(world, buyer, escrow);
      await decide(world, dispute, 'losing_evidence');
      await ended(world, dispute);
      const done = await untilStatus(buyer, escrow.id, 'completed');
      expect(sums(done)).toEqual({ charged: 10_000, charged_back: 10_000 });
      expect(await world.sql`SELECT FROM ledger_transactions WHERE cause ->> 'dispute' = ${dispute.id}`).toHaveLength(2); // prettier-ignore
      await expectBooksClose(world, escrow.id);
    } finally {
      await control(world.sandbox.url, 'webhooks', { duplicate: 0, reorder: 0 });
    }
  });
});
