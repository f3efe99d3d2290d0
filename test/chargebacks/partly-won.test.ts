// What the sandbox's network never decides: lost with a part given back. The balance transactions tell, whatever the status
// says. And an early fraud warning, which freezes until ops look.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pino from 'pino';
import { createActivities } from '../../activities/index.ts';
import { findOrMakeDispute } from '../../db/card-disputes.ts';
import { checkInvariants } from '../../db/invariants.ts';
import type { BalanceTransaction } from '../../domain/postings.ts';
import type { DisputeFacts } from '../../payments/port.ts';
import { type Api, castOf, fundedEscrow, proposal, untilEscrow } from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { startWorld, type World } from '../stack/world.ts';
import { amountsOf, statusesOf } from '../workflows/steps.ts';
import { chargeOf } from './acts.ts';

let world: World;
let cast: ReturnType<typeof castOf>;
let buyer: Api;
beforeAll(async () => {
  world = await startWorld();
  cast = castOf(world);
  buyer = cast.buyer;
  await topUpFloat(world, 'usd', 100_000n);
});
afterAll(() => world.stop());

test('an early fraud warning freezes what the charge paid for, alerts ops, and ops clear it', async () => {
  const proposed = await buyer.propose(proposal(cast.seller.person.id, [10_000]));
  await cast.seller.agree(proposed.id);
  await buyer.fund(proposed.id, { payment_method: 'pm_card_createIssuerFraudRecord' });
  const frozen = await untilEscrow(buyer, proposed.id, (e) => e.frozen.includes('fraud_warning') && statusesOf(e)[0] === 'funded'); // prettier-ignore
  expect(frozen.milestones[0]!.available_actions).toEqual([]);
  expect(await world.sql`SELECT FROM alerts WHERE escrow_id = ${proposed.id} AND kind = 'fraud_warning'`).toHaveLength(1); // prettier-ignore
  await cast.ops.unfreeze(proposed.id);
  const clear = await untilEscrow(buyer, proposed.id, (e) => e.frozen.length === 0);
  expect(clear.milestones[0]!.available_actions).not.toEqual([]);
  await expectBooksClose(world, proposed.id);
});

const booked = (id: string, amountMinor: bigint, feeMinor: bigint): BalanceTransaction => ({
  id,
  type: 'adjustment',
  amountMinor,
  feeMinor,
  netMinor: amountMinor - feeMinor,
  currency: 'usd',
  status: 'available',
  availableOn: Date.now(),
  createdAt: Date.now(),
  sourceId: 'du_partly',
});

test('lost with a part given back: the rest alone is charged back, and each step once', async () => {
  const escrow = await fundedEscrow(buyer, [cast.seller], proposal(cast.seller.person.id, [10_000, 10_000]));
  const facts: DisputeFacts = {
    id: 'du_partly',
    chargeId: await chargeOf(buyer, escrow.id),
    status: 'lost',
    reason: 'product_not_received',
    amountMinor: 20_000n,
    currency: 'usd',
    dueAt: null,
    createdAt: Date.now(),
    submissions: 1,
    metadata: { milestone_ids: escrow.milestones[1]!.id },
    balanceTransactions: [booked('txn_out', -20_000n, 1500n), booked('txn_back', 14_000n, -1500n)],
  };
  const payments = { ...world.payments, retrieveDispute: () => Promise.resolve(facts) };
  const activities = createActivities({ sql: world.sql, payments, logger: pino({ level: 'silent' }) });
  const { id } = (await findOrMakeDispute(world.sql, facts))!;
  for (let again = 0; again < 2; again += 1) {
    expect(await activities.recordDispute(id)).toMatchObject({ phase: 'lost', named: [escrow.milestones[1]!.id] });
    const plan = await activities.planDisputeLoss(id);
    expect(plan).toEqual({ refunded: [], takeBacks: [], taken: [{ milestoneId: escrow.milestones[1]!.id, principal: 6000, buyerFee: 0 }] }); // prettier-ignore
    await activities.settleDisputeLoss(id, []);
  }
  const after = await buyer.escrow(escrow.id);
  expect(amountsOf(after, 'charged', 'held', 'charged_back', 'disputed')).toEqual([20_000, 14_000, 6000, 0]);
  const [row] = await world.sql<{ fee: bigint }[]>`SELECT fee FROM disputes WHERE id = ${id}`;
  expect(row!.fee).toBe(0n);
  // Stripe's own books know nothing of these two: all that stands in the database must agree.
  expect((await checkInvariants(world.sql)).filter((i) => !i.holds)).toEqual([]);
});
