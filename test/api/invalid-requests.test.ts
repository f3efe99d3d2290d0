// Every kind of invalid request gets its own clear error, and changes nothing.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createApiKey } from '../../db/api-keys.ts';
import { createPerson } from '../../db/people.ts';
import { type ApiUnderTest, freshKey, type Reply, startApi } from './api-under-test.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());
beforeEach(() => {
  api.workflows.answer = null;
});

async function rows(): Promise<unknown> {
  const [counts] = await api.sql`
    SELECT (SELECT count(*) FROM escrows) AS escrows, (SELECT count(*) FROM idempotency_keys) AS keys,
           (SELECT count(*) FROM escrow_events) AS events, (SELECT count(*) FROM people) AS people`;
  return counts;
}

/** Status, code and param; the words say something; nothing was written and no workflow was asked. */
async function refused(send: () => Promise<Reply>, expected: { status: number; code: string; param?: string }) {
  const before = await rows();
  const asked = api.workflows.asked.length;
  const reply = await send();
  expect(reply.body).toMatchObject({ ...expected, type: `/docs/errors#${expected.code}` });
  expect(reply.status).toBe(expected.status);
  expect(reply.headers.get('content-type')).toContain('application/problem+json');
  expect(reply.body['request_id']).toBe(reply.headers.get('request-id'));
  expect(String(reply.body['detail']).length).toBeGreaterThan(10);
  expect(await rows()).toEqual(before);
  expect(api.workflows.asked.length).toBe(asked);
  return reply;
}

const one = (change: Record<string, unknown>) => [{ title: 'Design', amount: 10_000, seller_id: api.people.seller.id, ...change }]; // prettier-ignore

describe('a proposal', () => {
  const cases: [string, () => Record<string, unknown>, string, string][] = [
    ['a currency that does not exist', () => ({ currency: 'xyz' }), 'currency_unsupported', 'currency'],
    ['an upper-case currency', () => ({ currency: 'USD' }), 'currency_unsupported', 'currency'],
    ['an amount under the minimum', () => ({ milestones: one({ amount: 20 }) }), 'amount_too_small', 'milestones[0].amount'],
    ['an amount of nothing', () => ({ milestones: one({ amount: 0 }) }), 'amount_invalid', 'milestones[0].amount'],
    ['a three-decimal amount that does not end in 0', () => ({ currency: 'kwd', milestones: one({ amount: 10_001 }) }), 'amount_invalid', 'milestones[0].amount'],
    ['an amount that is no integer', () => ({ milestones: one({ amount: 100.5 }) }), 'invalid_request', 'milestones[0].amount'],
    ['a seller that nobody is', () => ({ milestones: one({ seller_id: 'usr_00000000000000000000000000000000' }) }), 'seller_unknown', 'milestones[0].seller_id'],
    ['a seller that is a buyer', () => ({ milestones: one({ seller_id: api.people.buyer.id }) }), 'seller_unknown', 'milestones[0].seller_id'],
    ['a vertical without a fee', () => ({ vertical: 'astrology' }), 'vertical_unknown', 'vertical'],
    ['no milestones', () => ({ milestones: [] }), 'milestones_invalid', 'milestones'],
    ['a period that is none', () => ({ milestones: one({ inspection_period: '14 days' }) }), 'period_invalid', 'milestones[0].inspection_period'],
    ['a due date in the past', () => ({ milestones: one({ due_at: '2001-01-01T00:00:00Z' }) }), 'due_date_invalid', 'milestones[0].due_at'],
    ['money held for too long', () => ({ milestones: one({ inspection_period: 'P800D' }) }), 'holding_limit_exceeded', 'milestones[0].due_at'],
    ['a policy that is none', () => ({ policy: { agree: 'soon' } }), 'period_invalid', 'policy.agree'],
    ['a buyer who names another buyer', () => ({ buyer_id: api.people.stranger.id }), 'party_invalid', 'buyer_id'],
    ['a parameter that does not exist', () => ({ amount: 5 }), 'parameter_unknown', 'amount'],
    ['a missing title', () => ({ title: undefined }), 'parameter_missing', 'title'],
    ['the character NUL, which no database keeps', () => ({ milestones: one({ title: 'a\0b' }) }), 'invalid_request', 'milestones[0].title'],
    ['half a character', () => ({ title: 'a\ud800b' }), 'invalid_request', 'title'],
    ['a name with NUL', () => ({ metadata: { 'a\0b': 'c' } }), 'invalid_request', 'metadata'],
    ['metadata that is not text', () => ({ metadata: { a: 1 } }), 'metadata_invalid', 'metadata.a'],
  ]; // prettier-ignore

  test.each(cases)('%s', async (_name, change, code, param) => {
    await refused(() => api.post('/v1/escrows', { body: api.proposal(change()) }), { status: 400, code, param });
  });

  test('by a seller without a buyer, and by a seller with no part in it', async () => {
    const send = (body: Record<string, unknown>) => () => api.post('/v1/escrows', { as: 'seller2', body });
    await refused(send(api.proposal()), { status: 400, code: 'party_invalid', param: 'buyer_id' });
    const foreign = api.proposal({ buyer_id: api.people.buyer.id });
    await refused(send(foreign), { status: 400, code: 'party_invalid', param: 'milestones' });
  });

  test('by ops', async () => {
    await refused(() => api.post('/v1/escrows', { as: 'ops', body: api.proposal() }), { status: 403, code: 'forbidden' }); // prettier-ignore
  });

  test('that is not JSON, too large, or of another media type', async () => {
    await refused(() => api.post('/v1/escrows', { body: '{"title":' }), { status: 400, code: 'invalid_json' });
    const large = api.proposal({ title: 'x'.repeat(1_100_000) });
    await refused(() => api.post('/v1/escrows', { body: large }), { status: 413, code: 'body_too_large' });
    const headers = { 'Content-Type': 'text/plain' };
    await refused(() => api.post('/v1/escrows', { headers, body: 'hello' }), { status: 415, code: 'media_type_unsupported' }); // prettier-ignore
  });

  test('without an Idempotency-Key', async () => {
    await refused(() => api.post('/v1/escrows', { key: null, body: api.proposal() }), {
      status: 400,
      code: 'idempotency_key_required',
    });
  });

  test('without a key, or with one that nobody has', async () => {
    await refused(() => api.post('/v1/escrows', { as: null, body: api.proposal() }), { status: 401, code: 'unauthorized' }); // prettier-ignore
    const headers = { Authorization: 'Bearer sk_tranche_nobody' };
    await refused(() => api.post('/v1/escrows', { as: null, headers, body: api.proposal() }), { status: 401, code: 'unauthorized' }); // prettier-ignore
  });
});

describe('an escrow', () => {
  test('of somebody else is not found, by whatever call', async () => {
    const id = await api.propose();
    const mid = api.workflows.snapshots.get(id)!.milestones[0]!.id;
    const paths = ['', '/timeline', '/explanation', '/payments', '/refunds', '/transfers'];
    for (const as of ['stranger', 'seller2'] as const) {
      for (const path of paths) {
        await refused(() => api.get(`/v1/escrows/${id}${path}`, as), { status: 404, code: 'not_found' });
      }
      for (const path of ['agree', 'fund', 'cancel', `milestones/${mid}/accept`]) {
        await refused(() => api.post(`/v1/escrows/${id}/${path}`, { as }), { status: 404, code: 'not_found' });
      }
    }
  });

  test('of another entity is not found, by its staff either', async () => {
    const id = await api.propose();
    const person = await createPerson(api.sql, { role: 'ops', email: 'ops@other.test', name: 'Other ops' });
    await api.sql`UPDATE people SET entity_id = 'other' WHERE id = ${person!.id}`;
    const { key } = await createApiKey(api.sql, person!.id);
    const answer = await fetch(`${api.url}/v1/escrows/${id}`, { headers: { Authorization: `Bearer ${key}` } });
    expect(answer.status).toBe(404);
    expect((await api.get(`/v1/escrows/${id}`, 'ops')).status).toBe(200);
  });

  test('that does not exist is not found in the same words', async () => {
    const none = `esc_${'0'.repeat(32)}`;
    const missing = await api.get(`/v1/escrows/${none}`);
    const foreign = await api.get(`/v1/escrows/${await api.propose()}`, 'stranger');
    expect(missing.body['detail']).toBe(foreign.body['detail']);
  });

  test('in another state: 409 with what the caller may do, and the same answer again', async () => {
    const id = await api.propose();
    api.workflows.answer = async () => ({
      kind: 'refused',
      refusal: { code: 'action_not_available', message: 'This escrow is proposed: fund is not possible from there.' },
    });
    const key = freshKey();
    const reply = await api.post(`/v1/escrows/${id}/fund`, { key });
    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({ code: 'action_not_available', available_actions: ['cancel'] });
    const again = await api.post(`/v1/escrows/${id}/fund`, { key });
    expect([again.status, again.body]).toEqual([409, reply.body]);
    expect(api.workflows.asked.filter(({ command }) => command.name === 'fund')).toHaveLength(1);
  });

  test('with other terms than those read: 409 terms_changed; with too much: 400 amount_invalid', async () => {
    const id = await api.propose();
    const mid = api.workflows.snapshots.get(id)!.milestones[0]!.id;
    api.workflows.answer = async ({ name }) => ({
      kind: 'refused',
      refusal:
        name === 'agree'
          ? { code: 'terms_changed', message: 'Read them again.', param: 'terms_hash' }
          : { code: 'amount_invalid', message: 'Only USD 100.00 is left.', param: 'amount' },
    });
    const agree = await api.post(`/v1/escrows/${id}/agree`, { as: 'seller', body: { terms_hash: 'a'.repeat(64) } });
    expect([agree.status, agree.body['code'], agree.body['param']]).toEqual([409, 'terms_changed', 'terms_hash']);
    const accept = await api.post(`/v1/escrows/${id}/milestones/${mid}/accept`, { body: { amount: 99_999_999 } });
    expect([accept.status, accept.body['code'], accept.body['param']]).toEqual([400, 'amount_invalid', 'amount']);
  });

  test('whose workflow has ended: 409 from the projection', async () => {
    const id = await api.propose();
    api.workflows.answer = async () => ({ kind: 'gone' });
    const reply = await api.post(`/v1/escrows/${id}/agree`, { as: 'seller' });
    expect([reply.status, reply.body['code']]).toEqual([409, 'action_not_available']);
  });

  test('is read by the auditor, who may do nothing', async () => {
    const id = await api.propose();
    expect((await api.get(`/v1/escrows/${id}`, 'auditor')).body['available_actions']).toEqual([]);
    const reply = await refused(() => api.post(`/v1/escrows/${id}/agree`, { as: 'auditor' }), {
      status: 409,
      code: 'action_not_available',
    });
    expect(reply.body['available_actions']).toEqual([]);
  });

  test('and a milestone of another escrow', async () => {
    const [id, other] = [await api.propose(), await api.propose()];
    const mid = api.workflows.snapshots.get(other)!.milestones[0]!.id;
    await refused(() => api.post(`/v1/escrows/${id}/milestones/${mid}/accept`), { status: 404, code: 'not_found' });
  });
});
