// Who answers a card dispute, by when, and what is sent; on a clock that nobody advances.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import pino from 'pino';
import { createActivities } from '../../activities/index.ts';
import type { Payments } from '../../payments/port.ts';
import { type Api, castOf, type EscrowObject, fundedEscrow, untilEscrow, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { recordHistory } from '../stack/record-history.ts';
import { startWorld, type World } from '../stack/world.ts';
import { amountsOf, expectUnavailable, statusesOf } from '../workflows/steps.ts';
import { ended, openDispute, untilDispute } from './acts.ts';

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

/** 100 USD for each of two sellers. */
const twoSellers = (more: object = {}): Promise<EscrowObject> =>
  fundedEscrow(buyer, [cast.seller, cast.seller2], {
    title: 'A shed',
    currency: 'usd',
    funding: 'upfront',
    milestones: [cast.seller, cast.seller2].map((s, i) => ({
      title: `Part ${i}`,
      amount: 10_000,
      seller_id: s.person.id,
    })),
    ...more,
  });

interface CardDisputeObject {
  kind: string;
  status: string;
  evidence: { text: string } | null;
  available_actions: string[];
}

test('a seller writes and sends evidence; the buyer reads, and strangers see nothing', async () => {
  const escrow = await twoSellers();
  const dispute = await openDispute(world, buyer, escrow);
  const path = `/v1/disputes/${dispute.id}`;
  await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('card_dispute'));
  expectUnavailable(await buyer.post(`${path}/evidence`, { text: 'I did not get it' }));
  expect((await cast.buyer2.get(path)).status).toBe(404);
  expect((await cast.seller3.post(`${path}/evidence`, { text: 'x' })).status).toBe(404);
  expect(await cast.seller.post(`${path}/evidence`, { text: 'winning_evidence' })).toMatchObject({ status: 200, body: { kind: 'card', evidence: { text: 'winning_evidence' } } }); // prettier-ignore
  const { body } = await buyer.get<CardDisputeObject>(path);
  expect([body.kind, body.status, body.evidence?.text, body.available_actions]).toEqual(['card', 'needs_response', 'winning_evidence', []]); // prettier-ignore
  expect((await buyer.get<{ data: { id: string }[] }>(`/v1/disputes?escrow_id=${escrow.id}`)).body.data.map((d) => d.id)).toEqual([dispute.id]); // prettier-ignore
  const asked = async () => (await cast.seller.get<{ data: { kind: string; escrow_id: string; waiting: boolean }[] }>('/v1/notifications')).body.data.filter((n) => n.kind === 'evidence_due' && n.escrow_id === escrow.id).map((n) => n.waiting); // prettier-ignore
  expect(await asked()).toEqual([true]);
  expect((await cast.seller.post(`${path}/submit-evidence`)).status).toBe(200);
  await ended(world, dispute);
  expect(await asked()).toEqual([false]);
  expect(await buyer.get(path)).toMatchObject({ body: { status: 'won' } });
  expectUnavailable(await cast.seller.post(`${path}/submit-evidence`));
  const after = await untilEscrow(buyer, escrow.id, (e) => e.frozen.length === 0);
  expect(amountsOf(after, 'held', 'disputed', 'charged_back')).toEqual([20_000, 0, 0]);
  await expectBooksClose(world, escrow.id);
});

test('an inquiry, the chargeback after it and each round send evidence under keys of their own, and a repetition under the same', async () => {
  const escrow = await twoSellers();
  const dispute = await openDispute(world, buyer, escrow, { inquiry: true });
  const keys: string[] = [];
  // Stripe's word of each stage, before any submission was counted, and the keys that it is given.
  const sentIn = async (status: string): Promise<string> => {
    const payments: Payments = {
      ...world.payments,
      retrieveDispute: async (id) => ({ ...(await world.payments.retrieveDispute(id)), status, submissions: 0 }),
      updateDispute: (_id, _input, key) => (keys.push(key), world.payments.retrieveDispute(dispute.stripe_dispute_id)),
    };
    const activities = createActivities({ sql: world.sql, payments, logger: pino({ level: 'silent' }) });
    await new MockActivityEnvironment().run(() => activities.submitDisputeEvidence(dispute.id));
    return keys.at(-1)!;
  };
  const stages = [await sentIn('warning_needs_response'), await sentIn('needs_response')];
  expect([await sentIn('warning_needs_response'), await sentIn('needs_response')]).toEqual(stages);
  await world.sql`UPDATE disputes SET state = state || ${world.sql.json({ decided: { round: 2, last: null } })} WHERE id = ${dispute.id}`; // prettier-ignore
  stages.push(await sentIn('needs_response'));
  expect(new Set(stages).size).toBe(3);
  for (const key of stages) expect(key).toMatch(new RegExp(`^${escrow.id}:${dispute.id}:submit:`, 'u'));
  await world.payments.closeDispute(dispute.stripe_dispute_id, `close:${dispute.id}`);
  await ended(world, dispute);
});

test('an inquiry, the chargeback after it and each round are closed under keys of their own', async () => {
  const escrow = await twoSellers();
  const dispute = await openDispute(world, buyer, escrow, { inquiry: true });
  const keys: string[] = [];
  const closedIn = async (status: string): Promise<void> => {
    const payments: Payments = {
      ...world.payments,
      retrieveDispute: async (id) => ({ ...(await world.payments.retrieveDispute(id)), status }),
      closeDispute: (id, key) => (keys.push(key), world.payments.retrieveDispute(id)),
    };
    const activities = createActivities({ sql: world.sql, payments, logger: pino({ level: 'silent' }) });
    await new MockActivityEnvironment().run(() => activities.acceptDisputeLoss(dispute.id));
  };
  for (const status of ['warning_needs_response', 'warning_needs_response', 'needs_response', 'lost'])
    await closedIn(status);
  await world.sql`UPDATE disputes SET state = state || ${world.sql.json({ decided: { round: 2, last: null } })} WHERE id = ${dispute.id}`; // prettier-ignore
  await closedIn('needs_response');
  const of = `${escrow.id}:${dispute.id}:close:`;
  expect(keys).toEqual([`${of}1`, `${of}1`, `${of}chargeback:1`, `${of}chargeback:2`]);
  await world.payments.closeDispute(dispute.stripe_dispute_id, `close:${dispute.id}`);
  await ended(world, dispute);
});

test('a loss is accepted only when every affected seller has', async () => {
  const escrow = await twoSellers();
  const dispute = await openDispute(world, buyer, escrow);
  const path = `/v1/disputes/${dispute.id}/accept-loss`;
  await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('card_dispute'));
  expect(await cast.seller.post(path)).toMatchObject({ status: 200, body: { status: 'needs_response' } });
  expect((await world.payments.retrieveDispute(dispute.stripe_dispute_id)).status).toBe('needs_response');
  expect((await cast.seller2.post(path)).status).toBe(200);
  await ended(world, dispute);
  const done = await untilStatus(buyer, escrow.id, 'completed');
  expect([statusesOf(done), ...amountsOf(done, 'charged_back', 'held', 'owed')]).toEqual([['refunded', 'refunded'], 20_000, 0, 0]); // prettier-ignore
  await expectBooksClose(world, escrow.id);
  await recordHistory(world, `chargeback/${dispute.id}`, 'chargeback-accepted');
});

test('ops accept a loss alone', async () => {
  const escrow = await twoSellers();
  const dispute = await openDispute(world, buyer, escrow);
  await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('card_dispute'));
  expect((await cast.ops.post(`/v1/disputes/${dispute.id}/accept-loss`)).status).toBe(200);
  await ended(world, dispute);
  await untilStatus(buyer, escrow.id, 'completed');
  await expectBooksClose(world, escrow.id);
});

test('nobody answers: our own pack is sent before the last moment, with the terms and the timeline', async () => {
  const escrow = await twoSellers();
  const dispute = await openDispute(world, buyer, escrow, { due_in: 'PT12S' });
  await untilDispute(world, dispute.stripe_dispute_id, (d) => d.status === 'under_review');
  expect((await world.payments.retrieveDispute(dispute.stripe_dispute_id)).submissions).toBe(1);
  const answer = await fetch(`${world.sandbox.url}/v1/disputes/${dispute.stripe_dispute_id}`, {
    headers: { authorization: 'Bearer sk_test_sandbox' },
  });
  const { evidence } = (await answer.json()) as { evidence: Record<string, string> };
  expect(evidence['product_description']).toContain(escrow.terms_hash);
  expect(evidence['access_activity_log']).toContain('escrow.proposed');
});

test('what the sellers wrote goes when their time is over', async () => {
  const escrow = await twoSellers({ policy: { evidence: 'PT4S' } });
  const dispute = await openDispute(world, buyer, escrow);
  await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('card_dispute'));
  expect((await cast.seller.post(`/v1/disputes/${dispute.id}/evidence`, { text: 'winning_evidence' })).status).toBe(200); // prettier-ignore
  await ended(world, dispute);
  expect(await buyer.get(`/v1/disputes/${dispute.id}`)).toMatchObject({ body: { status: 'won' } });
  await untilEscrow(buyer, escrow.id, (e) => e.frozen.length === 0);
  await expectBooksClose(world, escrow.id);
});
