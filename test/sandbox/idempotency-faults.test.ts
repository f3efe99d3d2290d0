// Idempotency and faults: what a key promises, and what a client sees when a request breaks before or after its effect.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Stripe } from 'stripe';

import { openSandbox, refusal } from './harness.ts';
import type { Harness } from './harness.ts';

let h: Harness;
beforeEach(async () => {
  h = await openSandbox();
});
afterEach(async () => h.close());

type Raw = { status: number; headers: Headers; body: Record<string, unknown> };
async function raw(path: string, params: Record<string, string>, headers: Record<string, string> = {}): Promise<Raw> {
  const response = await fetch(`${h.sandbox.url}${path}`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk_test_x', ...headers },
    body: new URLSearchParams(params),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}
const TOPUP = { amount: '1000', currency: 'usd' };
const topups = async () => (await h.stripe.topups.list()).data.length;
const fault = (given: Record<string, unknown>) => ({ 'sandbox-fault': JSON.stringify(given) });

describe('a key', () => {
  test('replays the same answer, marked, under a new request id', async () => {
    const first = await raw('/v1/topups', TOPUP, { 'idempotency-key': 'k' });
    expect(first.headers.get('original-request')).toBe(first.headers.get('request-id'));
    expect(first.headers.get('stripe-should-retry')).toBe('false');
    expect(first.headers.get('idempotency-key')).toBe('k');
    const again = await raw('/v1/topups', TOPUP, { 'idempotency-key': 'k' });
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.headers.get('request-id')).not.toBe(first.headers.get('request-id'));
    expect(again.headers.get('original-request')).toBe(first.headers.get('request-id'));
    expect(await topups()).toBe(1);
  });

  test('refuses other parameters and other paths', async () => {
    await raw('/v1/topups', TOPUP, { 'idempotency-key': 'k' });
    const params = await raw('/v1/topups', { ...TOPUP, amount: '2000' }, { 'idempotency-key': 'k' });
    expect(params).toMatchObject({ status: 400, body: { error: { type: 'idempotency_error' } } });
    expect(JSON.stringify(params.body)).toContain('only be used with the same parameters');
    const path = await raw('/v1/payouts', TOPUP, { 'idempotency-key': 'k' });
    expect(JSON.stringify(path.body)).toContain(
      "for the same endpoint they were first used for ('/v1/payouts' vs '/v1/topups')",
    );
    const error = await refusal(h.stripe.topups.create({ amount: 5, currency: 'usd' }, { idempotencyKey: 'k' }));
    expect(error).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
  });

  test('stores a refusal of the operation, but not one of its parameters', async () => {
    const { charge } = await h.pay();
    const seller = await h.seller();
    const body = { amount: '100', currency: 'usd', destination: seller };
    const short = await raw('/v1/transfers', body, { 'idempotency-key': 'short' });
    expect(short.status).toBe(400);
    expect(short.headers.get('stripe-should-retry')).toBe('false');
    await h.stripe.topups.create({ amount: 100, currency: 'usd' });
    const same = await raw('/v1/transfers', body, { 'idempotency-key': 'short' });
    expect(same.status).toBe(400);
    expect(same.headers.get('idempotent-replayed')).toBe('true');

    const wrong = await raw('/v1/refunds', { charge: charge.id, amount: 'x' }, { 'idempotency-key': 'wrong' });
    expect(wrong.status).toBe(400);
    expect(wrong.headers.get('stripe-should-retry')).toBeNull();
    const right = await raw('/v1/refunds', { charge: charge.id, amount: '50' }, { 'idempotency-key': 'wrong' });
    expect(right.status).toBe(200);
  });

  test('is forgotten after a day of the sandbox', async () => {
    await raw('/v1/topups', TOPUP, { 'idempotency-key': 'k' });
    await h.control('clock', { advance: 'PT23H' });
    expect((await raw('/v1/topups', TOPUP, { 'idempotency-key': 'k' })).headers.get('idempotent-replayed')).toBe(
      'true',
    );
    await h.control('clock', { advance: 'PT2H' });
    const fresh = await raw('/v1/topups', TOPUP, { 'idempotency-key': 'k' });
    expect(fresh.headers.get('idempotent-replayed')).toBeNull();
    expect(await topups()).toBe(2);
  });

  test('in use at the same time is 409', async () => {
    const slow = raw('/v1/topups', TOPUP, { 'idempotency-key': 'k', ...fault({ kind: 'delay', delay_ms: 300 }) });
    const answers = [];
    // The first holds the key for 300 ms; the others come while it does.
    for (let i = 0; i < 3; i += 1) answers.push(await raw('/v1/topups', TOPUP, { 'idempotency-key': 'k' }));
    const first = await slow;
    expect(answers.map((answer) => answer.status)).toContain(409);
    expect(answers.find((answer) => answer.status === 409)?.body).toMatchObject({
      error: { code: 'idempotency_key_in_use' },
    });
    expect(first.status).toBe(200);
    expect(await topups()).toBe(1);
  });
});

describe('faults by header', () => {
  test('drop_before has no effect, drop_after has it, and the same key finds it', async () => {
    const before = raw('/v1/topups', TOPUP, { 'idempotency-key': 'a', ...fault({ kind: 'drop_before' }) });
    await expect(before).rejects.toThrow();
    expect(await topups()).toBe(0);
    const after = raw('/v1/topups', TOPUP, { 'idempotency-key': 'b', ...fault({ kind: 'drop_after' }) });
    await expect(after).rejects.toThrow();
    expect(await topups()).toBe(1);
    const again = await raw('/v1/topups', TOPUP, { 'idempotency-key': 'b' });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await topups()).toBe(1);
  });

  test('a 500 after the effect is stored under the key, one before it is not', async () => {
    const after = { kind: 'status', status: 500, effect: 'after' };
    expect((await raw('/v1/topups', TOPUP, { 'idempotency-key': 'a', ...fault(after) })).status).toBe(500);
    expect(await topups()).toBe(1);
    const stored = await raw('/v1/topups', TOPUP, { 'idempotency-key': 'a' });
    expect(stored.status).toBe(500);
    expect(stored.headers.get('idempotent-replayed')).toBe('true');
    const before = { kind: 'status', status: 500, effect: 'before' };
    expect((await raw('/v1/topups', TOPUP, { 'idempotency-key': 'b', ...fault(before) })).status).toBe(500);
    expect((await raw('/v1/topups', TOPUP, { 'idempotency-key': 'b' })).status).toBe(200);
    expect(await topups()).toBe(2);
  });

  test.each([409, 429])('a %d after the effect lets the same key find the real answer', async (status) => {
    const given = fault({ kind: 'status', status, effect: 'after' });
    expect((await raw('/v1/topups', TOPUP, { 'idempotency-key': 'a', ...given })).status).toBe(status);
    expect((await raw('/v1/topups', TOPUP, { 'idempotency-key': 'a' })).status).toBe(200);
    expect(await topups()).toBe(1);
  });
});

describe('faults by the control API', () => {
  test('match method and path prefix, as often as told', async () => {
    await h.control('faults', {
      match: { method: 'POST', path: '/v1/transfers' },
      kind: 'status',
      status: 503,
      times: 2,
    });
    expect((await raw('/v1/topups', TOPUP)).status).toBe(200);
    expect((await raw('/v1/transfers', {})).status).toBe(503);
    expect((await raw('/v1/transfers', {})).status).toBe(503);
    expect((await raw('/v1/transfers', {})).status).toBe(400);
    await h.control('faults', { match: { path: '/v1/' }, kind: 'status', status: 429, times: 99 });
    await h.control('faults', { clear: true });
    expect((await raw('/v1/topups', TOPUP)).status).toBe(200);
  });

  test('the SDK raises each as its own error', async () => {
    const raise = async (given: Record<string, unknown>) => {
      await h.control('faults', { match: { path: '/v1/balance' }, times: 2, ...given });
      const error = await refusal(h.stripe.balance.retrieve());
      await h.control('faults', { clear: true });
      return error;
    };
    expect(await raise({ kind: 'status', status: 500 })).toBeInstanceOf(Stripe.errors.StripeAPIError);
    expect(await raise({ kind: 'status', status: 429 })).toBeInstanceOf(Stripe.errors.StripeRateLimitError);
    expect(await raise({ kind: 'drop_before' })).toBeInstanceOf(Stripe.errors.StripeConnectionError);
  });

  test('a wrong fault is refused', async () => {
    await expect(h.control('faults', { kind: 'explode' })).rejects.toThrow('kind must be one of');
  });
});
