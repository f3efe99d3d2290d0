// Money that has gone another way before an activity, or two people, came to move it: an answer, never a second payment.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pino from 'pino';
import { createActivities } from '../../activities/index.ts';
import type { RefundOrder, TransferOrder } from '../../activities/contract.ts';
import { snapshotOf } from '../../domain/escrow-state.ts';
import { type Api, castOf, type EscrowObject, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat, workflowState } from '../stack/books.ts';
import { control, setTransfers, startWorld, type World } from '../stack/world.ts';
import { accountOf, amountsOf, countEvents, statusesOf, untilMilestone, untilSeller } from '../workflows/steps.ts';
import { chargeOf, decide, ended, untilDispute } from '../chargebacks/acts.ts';
import { type Cast, expectSound } from './steps.ts';

let world: World;
let cast: Cast;
beforeAll(async () => {
  world = await startWorld();
  cast = castOf(world);
  await topUpFloat(world, 'usd', 1_000_000n);
});
afterAll(() => world.stop());

describe('an order for more than is there', () => {
  /** What the workflow would order of a milestone of 60 beside another of 40, 90 % of it for its seller. */
  async function orders(): Promise<{ escrow: EscrowObject; refund: RefundOrder; transfer: TransferOrder }> {
    const escrow = await fundedEscrow(cast.buyer, [cast.seller], proposal(cast.seller.person.id, [6000, 4000]));
    const state = await workflowState(world, escrow.id);
    const [m] = state.milestones;
    const [payment] = state.payments;
    const of = { escrowId: escrow.id, generation: 1, paymentId: payment!.id, chargeId: payment!.chargeId!, currency: 'usd', after: snapshotOf(state) }; // prettier-ignore
    return {
      escrow,
      refund: { ...of, refundId: `rfd_${escrow.id.slice(4)}`, paymentIntentId: payment!.paymentIntentId!, settlementCurrency: 'usd', amount: 6000, reason: 'test', milestone: { id: m!.id, sellerId: m!.sellerId, principal: 6000, buyerFee: 0, buyerFeeReturned: 0 } }, // prettier-ignore
      transfer: { ...of, milestoneId: m!.id, sellerId: m!.sellerId, part: 1, principal: 6000, sellerFee: 600, buyerFee: 0, payable: 5400 }, // prettier-ignore
    };
  }
  const activities = () => createActivities({ sql: world.sql, payments: world.payments, logger: pino({ level: 'silent' }) }); // prettier-ignore
  const moved = (escrow: EscrowObject) => world.sql`SELECT FROM movements WHERE escrow_id = ${escrow.id} AND kind <> 'payment'`; // prettier-ignore

  test('of the milestone: refused with the guard’s name, and nothing is asked, earned or sent', async () => {
    const { escrow, refund, transfer } = await orders();
    const more = { ...refund, amount: 7000, milestone: { ...refund.milestone!, principal: 7000 } };
    expect(await activities().refundToBuyer(more)).toEqual({ outcome: 'refused', stripeRefundId: null, code: 'not_overdrawn' }); // prettier-ignore
    expect(await activities().transferToSeller({ ...transfer, principal: 7000, payable: 6400 })).toMatchObject({ outcome: 'refused', code: 'not_overdrawn' }); // prettier-ignore
    expect(await moved(escrow)).toHaveLength(0);
    expect(amountsOf(await cast.buyer.escrow(escrow.id), 'held', 'fees')).toEqual([10_000, 0]);
    await expectSound(world, cast, escrow.id);
  });

  test('of the charge, which a bank has taken: the same', async () => {
    const { escrow, refund, transfer } = await orders();
    const taken = (by: number) => world.sql`UPDATE charge_funds SET withdrawn = withdrawn + ${by} WHERE charge_id = ${refund.chargeId}`; // prettier-ignore
    await taken(9000);
    expect(await activities().refundToBuyer(refund)).toMatchObject({
      outcome: 'refused',
      code: 'charge_not_overdrawn',
    });
    expect(await activities().transferToSeller(transfer)).toMatchObject({ outcome: 'refused', code: 'charge_not_overdrawn' }); // prettier-ignore
    await taken(-9000);
    expect(await moved(escrow)).toHaveLength(0);
    await expectSound(world, cast, escrow.id);
  });

  test('of a part that has paid its seller: it is not withdrawn, and a person looks', async () => {
    const { escrow, refund } = await orders();
    await cast.seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
    await cast.buyer.act(escrow.id, escrow.milestones[0]!.id, 'accept');
    await untilMilestone(cast.buyer, escrow.id, 0, 'released');
    const withdrawn = [{ part: 1, principal: 6000, sellerFee: 600, buyerFee: 0 }];
    await expect(activities().refundToBuyer({ ...refund, withdrawn })).rejects.toMatchObject({ type: 'part_not_withdrawn', nonRetryable: true }); // prettier-ignore
    expect(amountsOf(await cast.buyer.escrow(escrow.id), 'released', 'refunded', 'held')).toEqual([5400, 0, 4000]);
    await expectSound(world, cast, escrow.id);
  });
});

describe('a forced refund of accepted money, and a chargeback of the same', () => {
  /** Accepted for a seller who cannot receive, held for almost too long; ops have asked to give it back. */
  async function asked(): Promise<{ escrow: EscrowObject; approvalId: string; charge: string }> {
    const { buyer, seller3, ops } = cast;
    const account = await accountOf(world, seller3.person.id);
    await setTransfers(world.sandbox.url, account, 'inactive');
    await untilSeller(world, seller3.person.id, 'inactive');
    const escrow = await fundedEscrow(buyer, [seller3], proposal(seller3.person.id, [10_000]));
    await seller3.act(escrow.id, escrow.milestones[0]!.id, 'submit');
    await buyer.act(escrow.id, escrow.milestones[0]!.id, 'accept');
    await untilEscrow(buyer, escrow.id, (e) => statusesOf(e)[0] === 'blocked_kyc');
    await world.sql`UPDATE movements SET created_at = now() - interval '701 days' WHERE escrow_id = ${escrow.id} AND kind = 'payment'`; // prettier-ignore
    const decision = { milestone_id: escrow.milestones[0]!.id, decision: 'refund', reason: 'never verified' };
    const answer = await ops.post<{ approval: { id: string } }>(`/v1/ops/escrows/${escrow.id}/force-decision`, decision); // prettier-ignore
    expect(answer.status).toBe(202);
    return { escrow, approvalId: answer.body.approval.id, charge: await chargeOf(buyer, escrow.id) };
  }
  const approve = (by: Api, id: string) => by.post<{ status: string }>(`/v1/ops/approvals/${id}/approve`, {});
  const dispute = async (charge: string) => (await control(world.sandbox.url, 'disputes', { charge })) as { id: string }; // prettier-ignore
  const lost = async (id: string) => {
    await decide(world, { id, status: '', stripe_dispute_id: id }, 'losing_evidence');
    await ended(world, await untilDispute(world, id, () => true));
  };

  test('the bank first, and nobody has heard of it: Stripe refuses the refund, and the bank’s word settles it', async () => {
    const { escrow, approvalId, charge } = await asked();
    await control(world.sandbox.url, 'webhooks', { lose: 1 });
    const { id } = await dispute(charge);
    expect((await approve(cast.ops2, approvalId)).body.status).toBe('executed');
    await untilEscrow(cast.buyer, escrow.id, (e) => e.frozen.includes('card_dispute'));
    expect(await countEvents(cast.buyer, escrow.id, 'refund.waits')).toEqual([1]);
    await control(world.sandbox.url, 'webhooks', { lose: 0 });
    await lost(id);
    const done = await untilStatus(cast.buyer, escrow.id, 'completed');
    expect([statusesOf(done), ...amountsOf(done, 'charged_back', 'refunded', 'held', 'fees', 'absorbed')]).toEqual([['refunded'], 10_000, 0, 0, 0, 0]); // prettier-ignore
    await expectBooksClose(world, escrow.id);
  });

  test('at once: whoever is first, every unit goes one way', async () => {
    const { escrow, approvalId, charge } = await asked();
    const [{ id }] = await Promise.all([dispute(charge), approve(cast.ops2, approvalId)]);
    await lost(id);
    const done = await untilStatus(cast.buyer, escrow.id, 'completed');
    const [refunded, chargedBack, absorbed, held, owed] = amountsOf(done, 'refunded', 'charged_back', 'absorbed', 'held', 'owed'); // prettier-ignore
    // A bank that takes what was refunded already takes it from the platform, and ops are told.
    expect([refunded! + chargedBack! - absorbed!, chargedBack, held, owed]).toEqual([10_000, 10_000, 0, 0]);
    await expectBooksClose(world, escrow.id);
  });
});
