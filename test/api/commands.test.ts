// A command runs once however often it is sent: the row decides, the update's id joins, the sweep settles what was left.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sweepOpenCommands } from '../../api/commands.ts';
import { escrow as escrowSchema } from '../../api/schemas.ts';
import { type Outcome, OutcomeUnknown } from '../../api/workflow-port.ts';
import type { CommandResult } from '../../workflows/messages.ts';
import { type ApiUnderTest, freshKey, startApi } from './api-under-test.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());
beforeEach(() => {
  api.workflows.answer = null;
  api.workflows.asked.length = 0;
});

const openRows = async () => {
  const [row] = await api.sql<{ open: bigint }[]>`SELECT count(*) AS open FROM idempotency_keys WHERE status IS NULL`;
  return Number(row!.open);
};

describe('creating', () => {
  test('answers the whole escrow object, which is as the reference says', async () => {
    const body = api.proposal({ external_id: 'order-1', metadata: { colour: 'blue' }, fee_payer: 'buyer' });
    const reply = await api.post('/v1/escrows', { body });
    expect(reply.status).toBe(201);
    const escrow = escrowSchema.parse(reply.body);
    expect(escrow).toMatchObject({
      object: 'escrow',
      status: 'proposed',
      buyer_id: api.people.buyer.id,
      external_id: 'order-1',
      metadata: { colour: 'blue' },
      quote: { total: { amount: 11_000, currency: 'usd' }, buyer_fee: { amount: 1_000, currency: 'usd' } },
      money: { charged: { amount: 0, currency: 'usd' }, held: { amount: 0, currency: 'usd' } },
      waiting_for: { who: 'buyer_and_seller' },
      available_actions: ['cancel'],
      workflow_id: `escrow/${escrow.id}`,
      transfer_group: escrow.id,
      terms_version: 1,
      milestones: [{ status: 'planned', seller_id: api.people.seller.id, inspection_period: 'P3D' }],
    });
    expect(escrow.terms_hash).toMatch(/^[0-9a-f]{64}$/);
    expect((await api.get(`/v1/escrows/${escrow.id}`)).body).toEqual(reply.body);
    const forSeller = escrowSchema.parse((await api.get(`/v1/escrows/${escrow.id}`, 'seller')).body);
    expect(forSeller.available_actions).toEqual(['agree', 'cancel']);
    const forOps = escrowSchema.parse((await api.get(`/v1/escrows/${escrow.id}`, 'ops')).body);
    expect(forOps.workflow_url).toContain(encodeURIComponent(`escrow/${escrow.id}`));
    expect(forSeller.workflow_url).toBeUndefined();
  });

  test('again with the same key gives the same answer and asks nobody', async () => {
    const key = freshKey();
    const first = await api.post('/v1/escrows', { key, body: api.proposal() });
    const again = await api.post('/v1/escrows', { key, body: api.proposal() });
    expect([again.status, again.body]).toEqual([201, first.body]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(api.workflows.asked).toHaveLength(1);
  });

  test('again with the same key and another body is a conflict', async () => {
    const key = freshKey();
    await api.post('/v1/escrows', { key, body: api.proposal() });
    const other = await api.post('/v1/escrows', { key, body: api.proposal({ title: 'Another' }) });
    expect([other.status, other.body['code']]).toEqual([409, 'idempotency_conflict']);
    expect(api.workflows.asked).toHaveLength(1);
  });

  test('again with the same key on another call is a conflict', async () => {
    const id = await api.propose();
    const key = freshKey();
    expect((await api.post(`/v1/escrows/${id}/agree`, { as: 'seller', key })).status).toBe(200);
    const other = await api.post(`/v1/escrows/${id}/cancel`, { as: 'seller', key });
    expect([other.status, other.body['code']]).toEqual([409, 'idempotency_conflict']);
  });

  test('a day after its answer the key is free, and what it is used for then is repeated as before', async () => {
    const key = freshKey();
    await api.post('/v1/escrows', { key, body: api.proposal() });
    await api.sql`UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = ${key}`;
    const body = api.proposal({ title: 'Another' });
    const other = await api.post('/v1/escrows', { key, body });
    expect([other.status, other.body['title']]).toEqual([201, 'Another']);
    const again = await api.post('/v1/escrows', { key, body });
    expect([again.headers.get('idempotency-replayed'), again.body]).toEqual(['true', other.body]);
    expect(api.workflows.asked).toHaveLength(2);
  });

  test('keys of two callers do not meet', async () => {
    const key = freshKey();
    const first = await api.post('/v1/escrows', { key, body: api.proposal() });
    const body = api.proposal();
    const second = await api.post('/v1/escrows', { key, as: 'stranger', body });
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body['id']).not.toBe(first.body['id']);
    // On the same escrow neither joins the other's update.
    const id = first.body['id'] as string;
    for (const as of ['buyer', 'seller'] as const) await api.post(`/v1/escrows/${id}/cancel`, { key: 'same', as });
    const asked = api.workflows.asked.filter(({ command }) => command.name === 'cancel');
    expect(new Set(asked.map(({ updateId }) => updateId)).size).toBe(2);
  });
});

describe('when the outcome is not known', () => {
  test('503, and the same key gets in at once and joins the same update of the same escrow', async () => {
    const key = freshKey();
    api.workflows.answer = async () => {
      throw new OutcomeUnknown('no worker');
    };
    const lost = await api.post('/v1/escrows', { key, body: api.proposal() });
    expect([lost.status, lost.body['code'], lost.headers.get('retry-after')]).toEqual([503, 'outcome_unknown', '1']);
    api.workflows.answer = null;
    const found = await api.post('/v1/escrows', { key, body: api.proposal() });
    expect(found.status).toBe(201);
    const [first, second] = api.workflows.asked;
    expect(second!.updateId).toBe(first!.updateId);
    expect(second!.command).toEqual(first!.command);
    expect(found.body['id']).toBe(first!.command.escrowId);
  });

  test('the sweep settles it without the caller, who then gets that answer', async () => {
    const key = freshKey();
    api.workflows.answer = async () => {
      throw new OutcomeUnknown('no worker');
    };
    await api.post('/v1/escrows', { key, body: api.proposal() });
    expect(await openRows()).toBe(1);
    api.workflows.answer = null;
    expect(await sweepOpenCommands(api.commands)).toBe(1);
    expect(await openRows()).toBe(0);
    const asked = api.workflows.asked.length;
    const reply = await api.post('/v1/escrows', { key, body: api.proposal() });
    expect([reply.status, reply.body['id']]).toEqual([201, api.workflows.asked[0]!.command.escrowId]);
    expect(api.workflows.asked).toHaveLength(asked);
    expect(await sweepOpenCommands(api.commands)).toBe(0);
  });

  test('an escrow whose workflow ended before its command came was not made: 409 says so, and a new key makes another', async () => {
    const key = freshKey();
    api.workflows.answer = async () => ({ kind: 'gone' });
    const reply = await api.post('/v1/escrows', { key, body: api.proposal() });
    expect([reply.status, reply.body['code'], reply.body['detail']]).toEqual([409, 'action_not_available', expect.stringContaining('propose it again with a new Idempotency-Key')]); // prettier-ignore
    api.workflows.answer = null;
    expect((await api.post('/v1/escrows', { key, body: api.proposal() })).status).toBe(409);
    expect((await api.post('/v1/escrows', { key: freshKey(), body: api.proposal() })).status).toBe(201);
  });

  test('while it runs, the same key waits: 409 with Retry-After, and one run', async () => {
    const id = await api.propose();
    const key = freshKey();
    let finish = () => {};
    let begun = () => {};
    const running = new Promise<void>((resolve) => (begun = resolve));
    api.workflows.answer = (command) =>
      new Promise<Outcome>((resolve) => {
        // A second run, which there must not be, would be answered at once.
        if (api.workflows.asked.filter(({ command: c }) => c.name === 'agree').length > 1)
          resolve(api.workflows.accept(command));
        else finish = () => resolve(api.workflows.accept(command));
        begun();
      });
    const first = api.post(`/v1/escrows/${id}/agree`, { as: 'seller', key });
    await running;
    const second = await api.post(`/v1/escrows/${id}/agree`, { as: 'seller', key });
    expect([second.status, second.body['code']]).toEqual([409, 'idempotency_running']);
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await sweepOpenCommands(api.commands)).toBe(0);
    finish();
    expect((await first).status).toBe(200);
    expect(api.workflows.asked.filter(({ command }) => command.name === 'agree')).toHaveLength(1);
  });
});

describe('a command', () => {
  test('is given in the role that the caller has on this escrow, with what the body says', async () => {
    const id = await api.propose();
    const mid = api.workflows.snapshots.get(id)!.milestones[0]!.id;
    await api.post(`/v1/escrows/${id}/milestones/${mid}/submit`, { as: 'seller', body: { note: 'done' } });
    await api.post(`/v1/ops/escrows/${id}/freeze`, { as: 'ops', body: { reason: 'looks odd' } });
    await api.post(`/v1/escrows/${id}/milestones/${mid}/extend`, { body: { until: '2027-01-02T03:04:05Z' } });
    const [, submit, freeze, extend] = api.workflows.asked.map(({ command }) => command);
    expect(submit).toMatchObject({
      name: 'submit',
      args: { principal: { id: api.people.seller.id, role: 'seller' }, milestoneId: mid, note: 'done' },
    });
    expect(freeze).toMatchObject({
      name: 'freeze',
      args: { principal: { role: 'ops' }, scope: 'escrow', subject: id },
    });
    expect(extend).toMatchObject({ args: { until: Date.UTC(2027, 0, 2, 3, 4, 5) } });
    for (const { command, updateId } of api.workflows.asked) expect(command.args.commandId).toBe(updateId);
  });

  test('projects its result with its answer; an older result that comes later changes nothing', async () => {
    const id = await api.propose();
    const old = api.workflows.snapshots.get(id)!;
    api.workflows.change(id, { status: 'agreed' }, { status: 'awaiting_funding' });
    const agreed = await api.post(`/v1/escrows/${id}/agree`, { as: 'seller' });
    expect(agreed.body).toMatchObject({ status: 'agreed', milestones: [{ status: 'awaiting_funding' }] });
    api.workflows.answer = async () => ({ kind: 'done', result: { snapshot: old } });
    const late = await api.post(`/v1/escrows/${id}/agree`, { as: 'seller' });
    expect(late.body).toMatchObject({ status: 'agreed', milestones: [{ status: 'awaiting_funding' }] });
    const timeline = await api.get(`/v1/escrows/${id}/timeline`);
    expect(timeline.body).toMatchObject({ data: [{ id: '1', type: 'escrow.proposed', actor: { name: 'buyer' } }], has_more: false }); // prettier-ignore
  });

  test('fund: declined is 402 and stored; without a method the payment page is named', async () => {
    const id = await api.propose();
    const snapshot = api.workflows.snapshots.get(id)!;
    const payment = { id: 'pay_1', paymentIntentId: null, declineCode: null, message: null };
    const answers: NonNullable<CommandResult['payment']>[] = [
      {
        ...payment,
        status: 'declined',
        declineCode: 'insufficient_funds',
        message: 'Your card has insufficient funds.',
      },
      { ...payment, status: 'requires_payment_method' },
      { ...payment, status: 'succeeded' },
    ];
    api.workflows.answer = async () => ({ kind: 'done', result: { snapshot, payment: answers.shift()! } });
    const key = freshKey();
    const declined = await api.post(`/v1/escrows/${id}/fund`, { key });
    expect(declined.status).toBe(402);
    expect(declined.body).toMatchObject({ code: 'payment_declined', decline_code: 'insufficient_funds' });
    expect((await api.post(`/v1/escrows/${id}/fund`, { key })).body).toEqual(declined.body);
    const open = await api.post(`/v1/escrows/${id}/fund`);
    expect(open.body).toMatchObject({ payment: { status: 'requires_payment_method', url: expect.stringMatching(/\/pay\/pay_1$/) }, escrow: { id } }); // prettier-ignore
    const paid = await api.post(`/v1/escrows/${id}/fund`);
    expect(paid.body).toMatchObject({ payment: { status: 'succeeded', url: null, client_secret: null } });
  });

  test('that failed for good is a stored 502', async () => {
    const id = await api.propose();
    api.workflows.answer = async () => ({ kind: 'failed', message: 'No such PaymentMethod.' });
    const key = freshKey();
    const reply = await api.post(`/v1/escrows/${id}/fund`, { key, body: { payment_method: 'pm_nothing' } });
    expect([reply.status, reply.body['code'], reply.body['detail']]).toEqual([502, 'command_failed', 'No such PaymentMethod.']); // prettier-ignore
    expect((await api.post(`/v1/escrows/${id}/fund`, { key, body: { payment_method: 'pm_nothing' } })).body).toEqual(reply.body); // prettier-ignore
  });
});

describe('lists', () => {
  test('go page by page, newest first, filtered, and only over what is yours', async () => {
    const ids = [await api.propose(), await api.propose(), await api.propose()].reverse();
    const seen: string[] = [];
    let after = '';
    for (let more = true; more;) {
      const { body } = await api.get(`/v1/escrows?limit=2${after}`);
      const data = body['data'] as { id: string }[];
      seen.push(...data.map((e) => e.id));
      after = `&starting_after=${data.at(-1)!.id}`;
      more = body['has_more'] as boolean;
    }
    expect(seen.slice(0, 3)).toEqual(ids);
    expect(new Set(seen).size).toBe(seen.length);
    expect((await api.get('/v1/escrows?role=seller')).body['data']).toEqual([]);
    expect((await api.get('/v1/escrows?status=completed')).body['data']).toEqual([]);
    expect((await api.get('/v1/escrows', 'seller2')).body['data']).toEqual([]);
    const all = (await api.get('/v1/escrows?limit=100', 'ops')).body['data'] as unknown[];
    expect(all.length).toBeGreaterThan(seen.length);
    expect((await api.get('/v1/escrows?limit=0')).body).toMatchObject({ code: 'invalid_request', param: 'limit' });
    expect((await api.get('/v1/escrows?colour=blue')).body).toMatchObject({
      code: 'parameter_unknown',
      param: 'colour',
    });
  });
});
