// In-product disputes over the public API, from the claim to both legs of its end: replies, offers, rulings, and silence.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Api, castOf, untilEscrow, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { recordEscrow } from '../stack/record-history.ts';
import { control, startWorld, type World } from '../stack/world.ts';
import { amountsOf, expectUnavailable, refundsOf, statusesOf, transfersOf } from '../workflows/steps.ts';
import { disputes, held, read, step, tryDispute, untilDispute } from './steps.ts';

let world: World;
let as: Record<'buyer' | 'buyer2' | 'seller' | 'seller2' | 'ops' | 'ops2' | 'auditor', Api>;
beforeAll(async () => {
  world = await startWorld();
  as = castOf(world);
  await topUpFloat(world, 'usd', 100_000n);
});
afterAll(() => world.stop());

describe('negotiation', () => {
  test('claim, reply, offers, acceptance: each side reads the same, and the split is paid to the unit', async () => {
    const escrow = await held(as.buyer, as.seller, [10_001]);
    const opened = await disputes(as.buyer, escrow, 0, { reason: 'half is missing', claim: { amount: 6_000 } });
    expect(opened).toMatchObject({
      object: 'dispute',
      kind: 'in_product',
      status: 'open',
      escrow_id: escrow.id,
      amount: { amount: 10_001, currency: 'usd' },
      claim: { seller_amount: { amount: 4_001 }, buyer_amount: { amount: 6_000 } },
      opened_by: { id: as.buyer.person.id, role: 'buyer' },
      waiting_for: { who: 'seller', what: 'Reply to the dispute.' },
      outcome: null,
    });
    expect(opened.available_actions).toEqual(['offer']);
    expect((await read(as.seller, opened.id)).available_actions).toEqual(['reply', 'offer']);
    expect((await as.buyer.escrow(escrow.id)).frozen).toEqual(['in_product_dispute']);

    expect((await step(as.seller, opened, 'reply', { message: 'it is all there' })).status).toBe('negotiating');
    await step(as.seller, opened, 'offer', { seller_amount: 8_000 });
    const offered = await step(as.buyer, opened, 'offer', { seller_amount: 7_001 });
    expect([offered.offers.seller?.seller_amount.amount, offered.offers.buyer?.seller_amount.amount]).toEqual([8_000, 7_001]); // prettier-ignore
    const settled = await step(as.seller, opened, 'accept-offer');
    expect(settled).toMatchObject({ status: 'settled', until: null, outcome: { how: 'agreed', by: as.seller.person.id, seller_amount: { amount: 7_001 }, buyer_amount: { amount: 3_000 } } }); // prettier-ignore
    expect(settled.messages.map((m) => [m.type, m.by.role, m.message])).toEqual([
      ['dispute.opened', 'buyer', 'half is missing'],
      ['dispute.replied', 'seller', 'it is all there'],
      ['dispute.offered', 'seller', null],
      ['dispute.offered', 'buyer', null],
      ['dispute.settled', 'seller', null],
    ]);
    const { messages, available_actions: _, ...rest } = await read(as.buyer, opened.id);
    expect(await read(as.auditor, opened.id)).toMatchObject({ messages, status: rest.status });

    const done = await untilStatus(as.buyer, escrow.id, 'completed');
    // 10 % of what the seller got, less rounding to the unit.
    expect(amountsOf(done, 'charged', 'held', 'released', 'refunded', 'fees')).toEqual([10_001, 0, 6_301, 3_000, 700]);
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'dispute-agreed');
  });

  test('nobody else sees it, and nobody acts out of turn', async () => {
    const escrow = await held(as.buyer, as.seller, [10_000]);
    const d = await disputes(as.seller, escrow);
    expect((await as.buyer2.get(`/v1/disputes/${d.id}`)).status).toBe(404);
    expect((await as.seller2.post(`/v1/disputes/${d.id}/reply`, { message: 'me too' })).status).toBe(404);
    expectUnavailable(await as.seller.post(`/v1/disputes/${d.id}/reply`, { message: 'I again' }));
    expectUnavailable(await as.buyer.post(`/v1/disputes/${d.id}/rule`, { seller_amount: 0, reason: 'mine' }));
    expectUnavailable(await as.ops.post(`/v1/disputes/${d.id}/rule`, { seller_amount: 0, reason: 'too early' }));
    expectUnavailable(await as.seller.post(`/v1/disputes/${d.id}/accept-offer`));
    expectUnavailable(await as.auditor.post(`/v1/disputes/${d.id}/escalate`));
    const tooMuch = await as.buyer.post(`/v1/disputes/${d.id}/offer`, { seller_amount: 10_001 });
    expect(tooMuch).toMatchObject({ status: 400, body: { code: 'amount_invalid' } });
    const list = await as.seller.get<{ data: { id: string }[] }>(`/v1/disputes?escrow_id=${escrow.id}`);
    expect(list.body.data.map((x) => x.id)).toEqual([d.id]);
    expect((await as.buyer2.get<{ data: unknown[] }>(`/v1/disputes?escrow_id=${escrow.id}`)).body.data).toEqual([]);
  });
});

describe('silence', () => {
  test('of a seller: the buyer’s claim is granted, and the inspection never ran on', async () => {
    const escrow = await held(as.buyer, as.seller, [10_000], { reply: 'PT4S' }, { inspection_period: 'PT2S' });
    await as.seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
    const d = await disputes(as.buyer, escrow);
    expect((await as.buyer.escrow(escrow.id)).milestones[0]!.inspection_ends_at).toBeNull();
    const done = await untilStatus(as.buyer, escrow.id, 'completed');
    expect(await read(as.buyer, d.id)).toMatchObject({ status: 'settled', outcome: { how: 'silence', by: null, seller_amount: { amount: 0 } } }); // prettier-ignore
    expect(amountsOf(done, 'released', 'refunded', 'fees')).toEqual([0, 10_000, 0]);
    const types = (await as.buyer.list<{ type: string }>(escrow.id, 'timeline')).map((e) => e.type);
    expect(types).toContain('dispute.settled');
    expect(types).not.toContain('milestone.auto_accepted');
    await expectBooksClose(world, escrow.id);
  });

  test('of a buyer: the seller’s claim is granted, and the rest goes back', async () => {
    const escrow = await held(as.buyer, as.seller, [10_000], { reply: 'PT2S' });
    const d = await disputes(as.seller, escrow, 0, { reason: 'done, and no word', claim: { amount: 7_500 } });
    const done = await untilStatus(as.seller, escrow.id, 'completed');
    expect((await read(as.seller, d.id)).outcome).toMatchObject({ how: 'silence', seller_amount: { amount: 7_500 } });
    expect(amountsOf(done, 'released', 'refunded', 'fees')).toEqual([6_750, 2_500, 750]);
    await expectBooksClose(world, escrow.id);
  });

  test('of everybody: negotiation ends in mediation, a second arbiter, and the respondent’s last offer', async () => {
    const escrow = await held(as.buyer, as.seller, [10_000], { negotiate: 'PT2S', ruling: 'PT2S', appeal: 'PT2S' });
    const d = await disputes(as.buyer, escrow);
    // An offer of the respondent is a reply.
    expect((await step(as.seller, d, 'offer', { seller_amount: 9_000 })).status).toBe('negotiating');
    await step(as.buyer, d, 'offer', { seller_amount: 1_000 });
    expect((await untilDispute(as.buyer, d.id, (x) => x.status === 'mediation')).waiting_for.who).toBe('ops');
    await untilDispute(as.buyer, d.id, (x) => x.status === 'second_arbiter');
    const end = await untilDispute(as.buyer, d.id, (x) => x.status === 'settled');
    expect(end.outcome).toMatchObject({ how: 'default', seller_amount: { amount: 9_000 } });
    await untilStatus(as.buyer, escrow.id, 'completed');
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'dispute-by-default');
  });
});

describe('a ruling', () => {
  test('60/40: both legs are paid, fees on the seller’s part alone, no unit lost', async () => {
    const escrow = await held(as.buyer, as.seller, [33_333], {}, {}, { fee_payer: 'shared' });
    const d = await disputes(as.buyer, escrow);
    await step(as.seller, d, 'reply', { message: 'no' });
    expect((await step(as.seller, d, 'escalate')).status).toBe('mediation');
    expect((await read(as.ops, d.id)).available_actions).toContain('rule');
    const ruled = await step(as.ops, d, 'rule', { seller_amount: 20_000, reason: 'most of it was delivered' });
    expect(ruled.outcome).toMatchObject({ how: 'ruled', by: as.ops.person.id, buyer_amount: { amount: 13_333 } });
    const done = await untilStatus(as.buyer, escrow.id, 'completed');
    const [transfer, ...moreTransfers] = await transfersOf(as.buyer, escrow.id);
    const [refund, ...moreRefunds] = await refundsOf(as.buyer, escrow.id);
    expect([moreTransfers, moreRefunds]).toEqual([[], []]);
    const [charged, released, refunded, fees] = amountsOf(done, 'charged', 'released', 'refunded', 'fees') as [number, number, number, number]; // prettier-ignore
    expect([transfer!.amount.amount, refund!.amount.amount]).toEqual([released, refunded]);
    expect(released + refunded + fees).toBe(charged);
    expect(refunded).toBeGreaterThanOrEqual(13_333);
    await expectBooksClose(world, escrow.id);
  });

  test('its legs go on by themselves: a refund that hangs at Stripe does not keep the seller waiting', async () => {
    const escrow = await held(as.buyer, as.seller, [10_000]);
    const d = await disputes(as.buyer, escrow);
    await step(as.seller, d, 'offer', { seller_amount: 6_000 });
    const { sandbox } = world;
    await control(sandbox.url, 'faults', {
      match: { method: 'POST', path: '/v1/refunds' },
      kind: 'drop_before',
      times: 2,
    });
    await step(as.buyer, d, 'accept-offer');
    const between = await untilEscrow(as.buyer, escrow.id, (e) => amountsOf(e, 'released')[0] === 5_400);
    // Asked of Stripe or about to be; the seller has the money either way.
    expect((await refundsOf(as.buyer, escrow.id)).filter((r) => r.status !== 'reserved')).toEqual([]);
    expect(between.status).toBe('active');
    const done = await untilStatus(as.buyer, escrow.id, 'completed');
    expect(amountsOf(done, 'released', 'refunded', 'fees')).toEqual([5_400, 4_000, 600]);
    expect(statusesOf(done)).toEqual(['released']);
    await expectBooksClose(world, escrow.id);
  });

  test('a transfer that hangs does not keep the buyer waiting', async () => {
    const escrow = await held(as.buyer, as.seller, [10_000]);
    const d = await disputes(as.buyer, escrow);
    await step(as.seller, d, 'offer', { seller_amount: 6_000 });
    await control(world.sandbox.url, 'faults', { match: { method: 'POST', path: '/v1/transfers' }, kind: 'drop_before', times: 2 }); // prettier-ignore
    await step(as.buyer, d, 'accept-offer');
    const refunds = async () => (await refundsOf(as.buyer, escrow.id)).map((r) => r.status);
    await untilEscrow(as.buyer, escrow.id, (e) => e.milestones[0]!.refunded.amount === 4_000 && amountsOf(e, 'released')[0] === 0); // prettier-ignore
    const done = await untilStatus(as.buyer, escrow.id, 'completed');
    expect(await refunds()).toEqual(['succeeded']);
    expect(amountsOf(done, 'released', 'refunded', 'fees')).toEqual([5_400, 4_000, 600]);
    await expectBooksClose(world, escrow.id);
  });
});

describe('a ruling whose refund fails stands', () => {
  test('refused by Stripe: frozen, nobody decides over it again, and it is made when ops have looked', async () => {
    const escrow = await held(as.buyer, as.seller, [10_000, 2_000], { reply: 'PT2S' }, { inspection_period: 'PT1H' });
    const mid = escrow.milestones[0]!.id;
    await as.seller.act(escrow.id, mid, 'submit');
    await control(world.sandbox.url, 'faults', { match: { method: 'POST', path: '/v1/refunds' }, kind: 'status', status: 400, times: 1 }); // prettier-ignore
    await disputes(as.buyer, escrow);
    const failed = await untilEscrow(as.buyer, escrow.id, (e) => e.frozen.includes('ops'));
    expect([statusesOf(failed)[0], ...amountsOf(failed, 'refunded', 'held')]).toEqual(['refunding', 0, 12_000]);
    const at = `/v1/escrows/${escrow.id}/milestones/${mid}`;
    expectUnavailable(await as.buyer.post(`${at}/accept`));
    expectUnavailable(await as.seller.post(`${at}/submit`));
    await as.ops.unfreeze(escrow.id, mid);
    const done = await untilEscrow(as.buyer, escrow.id, (e) => e.milestones[0]!.status === 'refunded');
    expect(amountsOf(done, 'refunded', 'held')).toEqual([10_000, 2_000]);
    await expectBooksClose(world, escrow.id);
  });

  test('sent back days after it had succeeded: the same, with the seller’s part released', async () => {
    const escrow = await held(as.buyer, as.seller, [10_000, 2_000]);
    const d = await disputes(as.buyer, escrow);
    await step(as.seller, d, 'offer', { seller_amount: 6_000 });
    await step(as.buyer, d, 'accept-offer');
    await untilEscrow(as.buyer, escrow.id, (e) => e.milestones[0]!.status === 'released');
    const [refund] = await refundsOf(as.buyer, escrow.id);
    await control(world.sandbox.url, `refunds/${refund!.stripe_refund_id}`, { fail: 'declined' });
    const failed = await untilEscrow(as.buyer, escrow.id, (e) => e.milestones[0]!.status === 'accepted');
    expect([failed.frozen, ...amountsOf(failed, 'released', 'refunded', 'held')]).toEqual([['ops'], 5_400, 0, 6_000]);
    await as.ops.unfreeze(escrow.id, escrow.milestones[0]!.id);
    const done = await untilEscrow(as.buyer, escrow.id, (e) => e.milestones[0]!.status === 'released' && amountsOf(e, 'refunded')[0] === 4_000); // prettier-ignore
    expect(amountsOf(done, 'released', 'fees', 'held')).toEqual([5_400, 600, 2_000]);
    await expectBooksClose(world, escrow.id);
  });

  test('a part that went back before it comes back after it: the buyer’s all the same, and nobody’s inspection', async () => {
    const escrow = await held(as.buyer, as.seller, [10_000, 2_000]);
    const mid = escrow.milestones[0]!.id;
    await as.seller.act(escrow.id, mid, 'submit');
    await as.ops.act(escrow.id, mid, 'refund', { amount: 3_000, reason: 'a page is missing' });
    const part = await untilEscrow(as.buyer, escrow.id, (e) => (e.milestones[0]!['refunds'] as { status: string }[])[0]?.status === 'succeeded'); // prettier-ignore
    expect(statusesOf(part)[0]).toBe('submitted');
    const d = await disputes(as.buyer, escrow);
    await step(as.seller, d, 'offer', { seller_amount: 0 });
    await step(as.buyer, d, 'accept-offer');
    await untilEscrow(as.buyer, escrow.id, (e) => e.milestones[0]!.status === 'refunded');
    const refunds = await refundsOf(as.buyer, escrow.id);
    const first = refunds.find((r) => r.amount.amount === 3_000)!;
    await control(world.sandbox.url, `refunds/${first.stripe_refund_id}`, { fail: 'declined' });
    const failed = await untilEscrow(as.buyer, escrow.id, (e) => e.frozen.includes('ops'));
    expect([statusesOf(failed)[0], ...amountsOf(failed, 'refunded', 'held')]).toEqual(['refunding', 7_000, 5_000]);
    expectUnavailable(await as.buyer.post(`/v1/escrows/${escrow.id}/milestones/${mid}/accept`));
    await as.ops.unfreeze(escrow.id, mid);
    const done = await untilEscrow(as.buyer, escrow.id, (e) => e.milestones[0]!.status === 'refunded');
    expect(amountsOf(done, 'refunded', 'held', 'released')).toEqual([10_000, 2_000, 0]);
    await expectBooksClose(world, escrow.id);
  });
});

describe('a dispute is refused', () => {
  test('when nothing is left, while a refund is under way, and over another’s milestone', async () => {
    const escrow = await held(as.buyer, as.seller, [10_000, 5_000]);
    const [first, second] = escrow.milestones;
    await as.seller.act(escrow.id, first!.id, 'submit');
    await as.buyer.act(escrow.id, first!.id, 'accept');
    expectUnavailable(await tryDispute(as.buyer, escrow, 0));
    // A part goes back and takes its time; the milestone stays as it was.
    await control(world.sandbox.url, 'faults', { match: { method: 'POST', path: '/v1/refunds' }, kind: 'drop_before', times: 2 }); // prettier-ignore
    await as.buyer.act(escrow.id, second!.id, 'refund', { amount: 1_000, reason: 'less work' });
    expectUnavailable(await tryDispute(as.seller, escrow, 1));
    expect((await tryDispute(as.seller2, escrow, 1)).status).toBe(404);
    expect((await tryDispute(as.ops, escrow, 1)).status).toBe(409);
    expect((await as.buyer.post(`/v1/escrows/${escrow.id}/milestones/ms_${'0'.repeat(32)}/dispute`, { reason: 'x' })).status).toBe(404); // prettier-ignore
    await untilEscrow(as.buyer, escrow.id, (e) => amountsOf(e, 'refunded')[0] === 1_000 && (e.milestones[1]!['refunds'] as { status: string }[])[0]!.status === 'succeeded'); // prettier-ignore
    const d = await disputes(as.seller, escrow, 1);
    expect(d.amount.amount).toBe(4_000);
  });

  test('of a milestone of another seller in the same escrow', async () => {
    const { seller, seller2, buyer } = as;
    const body = {
      title: 'Two hands',
      currency: 'usd',
      funding: 'upfront',
      milestones: [seller, seller2].map((s, i) => ({ title: `Part ${i}`, amount: 5_000, seller_id: s.person.id })),
    };
    const proposed = await buyer.propose(body);
    await seller.agree(proposed.id);
    await seller2.agree(proposed.id);
    const { escrow } = await buyer.fund(proposed.id);
    expectUnavailable(await tryDispute(seller2, escrow, 0));
    expect((await tryDispute(seller2, escrow, 1)).status).toBe(201);
  });
});

describe('at once', () => {
  test('dispute, acceptance and refund of one milestone: one winner, and the losers are told why', async () => {
    for (let round = 0; round < 3; round += 1) {
      const escrow = await held(as.buyer, as.seller, [10_000]);
      const mid = escrow.milestones[0]!.id;
      await as.seller.act(escrow.id, mid, 'submit');
      const at = `/v1/escrows/${escrow.id}/milestones/${mid}`;
      const answers = await Promise.all([
        as.seller.post<{ status: string }>(`${at}/dispute`, { reason: 'at once' }),
        as.buyer.post<{ status: string }>(`${at}/accept`),
        as.ops.post<{ status: string }>(`${at}/refund`, { reason: 'at once' }),
      ]);
      const winners = answers.filter((a) => a.status < 300);
      expect(winners).toHaveLength(1);
      for (const loser of answers.filter((a) => a.status >= 300)) expectUnavailable(loser);
      const [, accepted, refunded] = answers.map((a) => a.status < 300);
      if (!accepted && !refunded) continue;
      const done = await untilStatus(as.buyer, escrow.id, 'completed');
      expect(statusesOf(done)).toEqual([accepted ? 'released' : 'refunded']);
      await expectBooksClose(world, escrow.id);
    }
  });
});
