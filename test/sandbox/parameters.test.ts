// The parameter tables: unknown, missing and wrongly typed parameters, both spellings of arrays, expansion, unknown URLs.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { openSandbox, refusal } from './harness.ts';
import type { Harness } from './harness.ts';

let h: Harness;
beforeAll(async () => {
  h = await openSandbox();
});
afterAll(async () => h.close());

async function call(method: string, path: string, body = '', headers: Record<string, string> = {}) {
  const response = await fetch(`${h.sandbox.url}${path}`, {
    method,
    headers: { authorization: 'Bearer sk_test_x', 'content-type': 'application/x-www-form-urlencoded', ...headers },
    ...(method === 'GET' ? {} : { body }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as { error?: Record<string, unknown> } & Record<string, unknown>,
  };
}

describe('refused', () => {
  test.each([
    [
      '/v1/payment_intents',
      'amount=1000&currency=usd&foo=1',
      'parameter_unknown',
      'foo',
      'Received unknown parameter: foo',
    ],
    [
      '/v1/payment_intents',
      'amount=1000&currency=usd&a=1&b=2',
      'parameter_unknown',
      'a',
      'Received unknown parameters: a, b',
    ],
    [
      '/v1/payment_intents',
      'amount=1000&currency=usd&automatic_payment_methods[on]=true',
      'parameter_unknown',
      'automatic_payment_methods[on]',
      'Received unknown parameter: automatic_payment_methods[on]',
    ],
    ['/v1/payment_intents', 'currency=usd', 'parameter_missing', 'amount', 'Missing required param: amount.'],
    ['/v1/payment_intents', 'amount=ten&currency=usd', 'parameter_invalid_integer', 'amount', 'Invalid integer: ten'],
    [
      '/v1/payment_intents',
      'amount=1000&currency=',
      'parameter_invalid_empty',
      'currency',
      "You passed an empty string for 'currency'.",
    ],
    ['/v1/payment_intents', 'amount=1000&currency=usd&confirm=maybe', undefined, 'confirm', 'Invalid boolean: maybe'],
    ['/v1/payment_intents', 'amount=1000&currency=usd&metadata=x', undefined, 'metadata', 'Invalid object'],
    [
      '/v1/payment_intents',
      'amount=1000&currency=usd&capture_method=later',
      undefined,
      'capture_method',
      'must be one of automatic, automatic_async, or manual',
    ],
    [
      '/v1/transfers',
      'amount=1000&currency=usd',
      'parameter_missing',
      'destination',
      'Missing required param: destination.',
    ],
    ['/v1/refunds', 'charge=ch_none', 'resource_missing', 'charge', "No such charge: 'ch_none'"],
    [
      '/v1/transfers',
      `currency=usd&destination=acct_1&metadata[${'k'.repeat(41)}]=v`,
      undefined,
      `metadata[${'k'.repeat(41)}]`,
      'Metadata keys must be 40 characters or less',
    ],
  ])('POST %s %s', async (path, body, code, param, message) => {
    const answer = await call('POST', path, body, { 'idempotency-key': `k-${body}`.slice(0, 200) });
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatchObject({ type: 'invalid_request_error', param });
    expect(answer.body.error?.code).toBe(code);
    expect(answer.body.error?.message).toContain(message);
    expect(answer.headers.get('stripe-should-retry')).toBeNull();
    expect(answer.headers.get('request-id')).toMatch(/^req_/);
  });

  test('in a list as well', async () => {
    expect((await call('GET', '/v1/charges?limit=101')).body.error).toMatchObject({
      code: 'parameter_invalid_integer',
      param: 'limit',
    });
    expect((await call('GET', '/v1/charges?colour=red')).body.error).toMatchObject({ code: 'parameter_unknown' });
  });

  test('an unknown URL is a 404 with an error object, so that the SDK raises it', async () => {
    const answer = await call('GET', '/v1/unicorns');
    expect(answer.status).toBe(404);
    expect(answer.body.error?.message).toContain('Unrecognized request URL (GET: /v1/unicorns)');
    const wrongMethod = await call('DELETE', '/v1/balance');
    expect(wrongMethod.body.error?.type).toBe('invalid_request_error');
  });

  test.each([
    ['charges', 'ch_none', 'id', "No such charge: 'ch_none'"],
    ['payment_intents', 'pi_none', 'intent', "No such payment_intent: 'pi_none'"],
    ['customers', 'cus_none', 'id', "No such customer: 'cus_none'"],
    ['transfers', 'tr_none', 'id', "No such transfer: 'tr_none'"],
    ['disputes', 'dp_none', 'id', "No such dispute: 'dp_none'"],
  ])('GET /v1/%s/%s', async (path, id, param, message) => {
    const answer = await call('GET', `/v1/${path}/${id}`);
    expect(answer.status).toBe(404);
    expect(answer.body.error).toMatchObject({ code: 'resource_missing', param, message });
  });

  test('without a key, or with one that is not for tests', async () => {
    expect(await call('GET', '/v1/balance', '', { authorization: '' })).toMatchObject({ status: 401 });
    const live = await call('GET', '/v1/balance', '', { authorization: 'Bearer sk_live_abcdefghijkl' });
    expect(live.status).toBe(401);
    expect(live.body.error?.message).toMatch(/^Invalid API Key provided: sk_live_\*+ijkl$/);
    const basic = Buffer.from('sk_test_x:').toString('base64');
    expect((await call('GET', '/v1/balance', '', { authorization: `Basic ${basic}` })).status).toBe(200);
    expect((await call('GET', '/v1/balance', '', { 'stripe-account': 'acct_none' })).body.error?.code).toBe(
      'account_invalid',
    );
  });
});

describe('accepted', () => {
  test('arrays as a[0]= and as a[]=, with the same effect', async () => {
    const common = 'amount=1000&currency=usd&confirm=true&payment_method=pm_card_visa';
    for (const spelling of [
      'payment_method_types[0]=card&expand[0]=latest_charge',
      'payment_method_types[]=card&expand[]=latest_charge',
    ]) {
      const { body } = await call('POST', '/v1/payment_intents', `${common}&${spelling}`);
      expect(body).toMatchObject({
        status: 'succeeded',
        payment_method_types: ['card'],
        latest_charge: { object: 'charge' },
      });
    }
  });

  test('metadata is merged, a key removed by an empty value, all by an empty whole', async () => {
    const { id } = await h.stripe.customers.create({ metadata: { a: '1', b: '2' } });
    expect((await h.stripe.customers.update(id, { metadata: { a: '', c: '3' } })).metadata).toEqual({ b: '2', c: '3' });
    expect((await h.stripe.customers.update(id, { metadata: '' })).metadata).toEqual({});
  });

  test('expansion reaches through lists and nested objects', async () => {
    const { intent, charge } = await h.pay();
    const list = await h.stripe.charges.list({
      payment_intent: intent.id,
      expand: ['data.balance_transaction', 'data.payment_intent'],
    });
    expect(list.data[0]).toMatchObject({
      id: charge.id,
      balance_transaction: { net: 29_100 },
      payment_intent: { id: intent.id },
    });
    const error = await refusal(h.stripe.charges.retrieve(charge.id, { expand: ['colour'] }));
    expect(error.message).toContain('This property cannot be expanded (colour)');
  });

  test('deletion where Stripe has it', async () => {
    const { id } = await h.stripe.customers.create({ email: 'gone@example.com' });
    expect(await h.stripe.customers.del(id)).toMatchObject({ id, deleted: true });
    expect(await h.stripe.customers.retrieve(id)).toMatchObject({ id, deleted: true });
    expect((await h.stripe.customers.list({ email: 'gone@example.com' })).data).toEqual([]);
  });
});

test('the page shows balances, objects, events and faults, escaped', async () => {
  await h.stripe.paymentIntents.create({ amount: 1000, currency: 'usd', transfer_group: '<script>alert(1)</script>' });
  await h.control('faults', { match: { path: '/v1/never' }, kind: 'drop_before' });
  const page = await (await fetch(`${h.sandbox.url}/`)).text();
  for (const part of ['Stripe sandbox', 'Balances', 'payment_intent.created', 'drop_before', '/v1/never'])
    expect(page).toContain(part);
  expect(page).toContain('&lt;script&gt;alert(1)');
  expect(page).not.toContain('<script>');
});
