// Every word of a bank: prevented, partly won, appeals, decisions taken back, and a word that nobody knows yet.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Api, castOf, type EscrowObject, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { recordHistory } from '../stack/record-history.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import { actPath, amountsOf, statusesOf } from '../workflows/steps.ts';
import { decide, type DisputeRow, ended, openDispute, untilDispute } from './acts.ts';

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

const single = (more: object = {}): Promise<EscrowObject> =>
  fundedEscrow(buyer, [cast.seller], proposal(cast.seller.person.id, [10_000], more));

async function disputed(): Promise<{ escrow: EscrowObject; dispute: DisputeRow }> {
  const escrow = await single();
  const dispute = await openDispute(world, buyer, escrow);
  await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('card_dispute') && amountsOf(e, 'disputed')[0] === 10_000); // prettier-ignore
  return { escrow, dispute };
}

/** The bank's word by the sandbox's hand, and our row of it. */
async function says(
  dispute: DisputeRow,
  word: { status: string; give_back?: number; withdraw?: number },
): Promise<void> {
  // prettier-ignore
  await control(world.sandbox.url, `disputes/${dispute.stripe_dispute_id}`, word);
  await untilDispute(world, dispute.stripe_dispute_id, (d) => d.status === word.status);
}

const alerts = async (escrow: EscrowObject, kind: string): Promise<number> =>
  (await world.sql`SELECT FROM alerts WHERE escrow_id = ${escrow.id} AND kind = ${kind}`).length;

describe('without loss', () => {
  test('prevented: what was withdrawn is back, and all is as before', async () => {
    const { escrow, dispute } = await disputed();
    await says(dispute, { status: 'prevented', give_back: 10_000 });
    await ended(world, dispute);
    const after = await untilEscrow(buyer, escrow.id, (e) => e.frozen.length === 0);
    expect([statusesOf(after), ...amountsOf(after, 'held', 'disputed', 'charged_back')]).toEqual([['funded'], 10_000, 0, 0]); // prettier-ignore
    await expectBooksClose(world, escrow.id);
    await recordHistory(world, `chargeback/${dispute.id}`, 'chargeback-prevented');
  });
});

test('partly won: what is given back is as before, and the rest alone is lost', async () => {
  const { escrow, dispute } = await disputed();
  await says(dispute, { status: 'lost', give_back: 6000 });
  await ended(world, dispute);
  const after = await untilEscrow(buyer, escrow.id, (e) => e.frozen.length === 0 && amountsOf(e, 'charged_back')[0]! > 0); // prettier-ignore
  expect(amountsOf(after, 'charged', 'held', 'charged_back', 'disputed')).toEqual([10_000, 6000, 4000, 0]);
  await cast.seller.post(actPath(escrow, 0, 'submit'));
  await buyer.post(actPath(escrow, 0, 'accept'));
  const done = await untilStatus(buyer, escrow.id, 'completed');
  expect(amountsOf(done, 'charged_back', 'released', 'fees')).toEqual([4000, 5400, 600]);
  await expectBooksClose(world, escrow.id);
  await recordHistory(world, `chargeback/${dispute.id}`, 'chargeback-partly-won');
});

describe('words after the last word', () => {
  test('won, then taken back: a new round freezes again, and a loss is a loss', async () => {
    const { escrow, dispute } = await disputed();
    await decide(world, dispute, 'winning_evidence');
    await ended(world, dispute);
    await untilEscrow(buyer, escrow.id, (e) => e.frozen.length === 0);
    await says(dispute, { status: 'under_review', withdraw: 10_000 });
    await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('card_dispute') && amountsOf(e, 'disputed')[0] === 10_000); // prettier-ignore
    await says(dispute, { status: 'lost' });
    await ended(world, dispute);
    const done = await untilStatus(buyer, escrow.id, 'completed');
    expect([statusesOf(done), ...amountsOf(done, 'charged_back', 'held', 'disputed')]).toEqual([['refunded'], 10_000, 0, 0]); // prettier-ignore
    await expectBooksClose(world, escrow.id);
    await recordHistory(world, `chargeback/${dispute.id}`, 'chargeback-lost-after-won');
  });

  test('an appeal: ops look, nothing moves until it is decided, then as before', async () => {
    const { escrow, dispute } = await disputed();
    await says(dispute, { status: 'appeal_needs_response' });
    const waits = await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('card_dispute'));
    expect([amountsOf(waits, 'disputed', 'charged_back'), await alerts(escrow, 'dispute_appeal')]).toEqual([[10_000, 0], 1]); // prettier-ignore
    expect(await buyer.get(`/v1/disputes/${dispute.id}`)).toMatchObject({ body: { available_actions: [] } });
    await says(dispute, { status: 'appeal_under_review' });
    await says(dispute, { status: 'won', give_back: 10_000 });
    await ended(world, dispute);
    const after = await untilEscrow(buyer, escrow.id, (e) => e.frozen.length === 0);
    expect(amountsOf(after, 'held', 'disputed', 'charged_back')).toEqual([10_000, 0, 0]);
    await expectBooksClose(world, escrow.id);
  });

  test('lost and settled, then given back after an appeal: a person says to whom', async () => {
    const { escrow, dispute } = await disputed();
    await decide(world, dispute, 'losing_evidence');
    await ended(world, dispute);
    await untilStatus(buyer, escrow.id, 'completed');
    await says(dispute, { status: 'won', give_back: 10_000 });
    await ended(world, dispute);
    const after = await buyer.escrow(escrow.id);
    expect([after.status, ...amountsOf(after, 'charged_back', 'disputed')]).toEqual(['completed', 10_000, -10_000]);
    expect(await alerts(escrow, 'dispute_returned_after_loss')).toBe(1);
    await expectBooksClose(world, escrow.id);
  });
});

test('a word that is not known goes to a person, and moves nothing', async () => {
  const { escrow, dispute } = await disputed();
  await says(dispute, { status: 'pondered' });
  expect([await alerts(escrow, 'dispute_status_unknown'), amountsOf(await buyer.escrow(escrow.id), 'disputed', 'charged_back')]).toEqual([1, [10_000, 0]]); // prettier-ignore
  await says(dispute, { status: 'lost' });
  await ended(world, dispute);
  await untilStatus(buyer, escrow.id, 'completed');
  await expectBooksClose(world, escrow.id);
});

test('a fraud warning that ops do not decide in time is put before them again, and stays frozen', async () => {
  const proposed = await buyer.propose(proposal(cast.seller.person.id, [10_000], { policy: { fraud: 'PT2S' } }));
  await cast.seller.agree(proposed.id);
  await buyer.fund(proposed.id, { payment_method: 'pm_card_createIssuerFraudRecord' });
  const warned = await untilEscrow(buyer, proposed.id, (e) => e.frozen.includes('fraud_warning'));
  expect([warned.waiting_for.who, warned.waiting_for.until]).toEqual(['ops', expect.any(String)]);
  const types = async () => (await buyer.list<{ type: string }>(proposed.id, 'timeline')).map((e) => e.type);
  const end = Date.now() + 120_000;
  while (!(await types()).includes('fraud_warning.overdue') && Date.now() < end) {
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
  const late = await untilEscrow(buyer, proposed.id, (e) => e.frozen.includes('fraud_warning'));
  expect(late.milestones[0]!.available_actions).toEqual([]);
  while ((await alerts(late, 'fraud_overdue')) === 0 && Date.now() < end) {
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
  expect(await alerts(late, 'fraud_overdue')).toBe(1);
  await cast.ops.unfreeze(proposed.id);
  await untilEscrow(buyer, proposed.id, (e) => e.frozen.length === 0);
  expect((await types()).filter((type) => type === 'fraud_warning.overdue')).toHaveLength(1);
  await expectBooksClose(world, proposed.id);
});
