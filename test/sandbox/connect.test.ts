// Connected accounts (v1 and v2), onboarding, payouts by hand and by schedule, through the real client.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { amounts, openSandbox, refusal } from './harness.ts';
import type { Harness } from './harness.ts';

let h: Harness;
beforeAll(async () => {
  h = await openSandbox();
});
afterAll(async () => h.close());

const unready = async () =>
  h.stripe.v2.core.accounts.create({
    contact_email: 'new@example.com',
    display_name: 'New Seller',
    dashboard: 'express',
    identity: { country: 'de', entity_type: 'individual' },
    configuration: { recipient: { capabilities: { stripe_balance: { stripe_transfers: { requested: true } } } } },
    defaults: { responsibilities: { fees_collector: 'application', losses_collector: 'application' } },
    metadata: { user: 'u1' },
    include: ['configuration.recipient', 'identity', 'requirements', 'defaults'],
  });

describe('accounts v2', () => {
  test('begin restricted with requirements, and show only what is included', async () => {
    const account = await unready();
    expect(account).toMatchObject({
      object: 'v2.core.account',
      applied_configurations: ['recipient'],
      dashboard: 'express',
      display_name: 'New Seller',
      metadata: { user: 'u1' },
      defaults: { currency: 'eur' },
    });
    expect(account.configuration?.recipient?.capabilities?.stripe_balance?.stripe_transfers).toMatchObject({
      status: 'restricted',
      status_details: [{ resolution: 'provide_info' }],
    });
    expect(account.requirements?.entries?.length).toBeGreaterThan(0);
    const bare = await h.stripe.v2.core.accounts.retrieve(account.id);
    expect(bare.configuration).toBeNull();
    expect(bare.requirements).toBeNull();
    const v1 = await h.stripe.accounts.retrieve(account.id);
    expect(v1).toMatchObject({
      country: 'DE',
      default_currency: 'eur',
      capabilities: { transfers: 'inactive' },
      payouts_enabled: false,
    });
  });

  test('become active by the onboarding page, once, and say so', async () => {
    const account = await unready();
    const link = await h.stripe.v2.core.accountLinks.create({
      account: account.id,
      use_case: {
        type: 'account_onboarding',
        account_onboarding: {
          refresh_url: 'http://127.0.0.1:1/again',
          return_url: 'http://127.0.0.1:1/back',
        },
      },
    });
    expect((await (await fetch(link.url)).text()).includes('Complete onboarding')).toBe(true);
    const done = await fetch(link.url, { method: 'POST', redirect: 'manual' });
    expect(done.headers.get('location')).toBe('http://127.0.0.1:1/back');
    const used = await fetch(link.url, { redirect: 'manual' });
    expect(used.headers.get('location')).toBe('http://127.0.0.1:1/again');
    const after = await h.stripe.v2.core.accounts.retrieve(account.id, {
      include: ['configuration.recipient', 'requirements'],
    });
    expect(after.configuration?.recipient?.capabilities?.stripe_balance?.stripe_transfers?.status).toBe('active');
    expect(after.requirements?.entries).toEqual([]);
    expect(await h.stripe.accounts.retrieve(account.id)).toMatchObject({
      payouts_enabled: true,
      details_submitted: true,
    });
    const thin = await h.stripe.v2.core.events.list({ object_id: account.id, limit: 20 });
    const types = thin.data.map((event) => event.type as string);
    expect(types).toContain('v2.core.account[configuration.recipient].capability_status_updated');
    expect(types).toContain('v2.core.account[requirements].updated');
    expect(types).toContain('v2.core.account.created');
    const snapshots = await h.stripe.events.list({ type: 'account.updated' }, { stripeAccount: account.id });
    expect(snapshots.data[0]).toMatchObject({ account: account.id, data: { object: { id: account.id } } });
  });

  test('can be restricted again, and updated', async () => {
    const id = await h.seller();
    await h.control(`accounts/${id}`, { transfers: 'inactive' });
    const restricted = await h.stripe.v2.core.accounts.update(id, {
      display_name: 'Renamed',
      include: ['configuration.recipient'],
    });
    expect(restricted.display_name).toBe('Renamed');
    expect(restricted.configuration?.recipient?.capabilities?.stripe_balance?.stripe_transfers?.status).toBe(
      'restricted',
    );
  });

  test('unknown ones are a 404 that the SDK raises', async () => {
    const error = await refusal(h.stripe.v2.core.accounts.retrieve('acct_none'));
    expect(error.statusCode).toBe(404);
  });

  test('deauthorized ones are out of reach', async () => {
    const id = await h.seller();
    await h.control(`accounts/${id}`, { deauthorized: true });
    expect((await refusal(h.stripe.accounts.retrieve(id))).statusCode).toBe(403);
    expect((await refusal(h.stripe.balance.retrieve({}, { stripeAccount: id }))).statusCode).toBe(403);
    expect((await refusal(h.stripe.transfers.create({ amount: 1, currency: 'usd', destination: id }))).code).toBe(
      'resource_missing',
    );
  });
});

describe('accounts v1', () => {
  test('express with an account link', async () => {
    const account = await h.stripe.accounts.create({
      type: 'express',
      country: 'GB',
      email: 'v1@example.com',
      capabilities: { transfers: { requested: true } },
    });
    expect(account).toMatchObject({
      type: 'express',
      default_currency: 'gbp',
      capabilities: { transfers: 'inactive' },
    });
    expect(account.requirements?.currently_due?.length).toBeGreaterThan(0);
    const link = await h.stripe.accountLinks.create({
      account: account.id,
      type: 'account_onboarding',
      refresh_url: 'http://127.0.0.1:1/again',
      return_url: 'http://127.0.0.1:1/back',
    });
    expect(link.expires_at - link.created).toBe(300);
    await fetch(link.url, { method: 'POST', redirect: 'manual' });
    const after = await h.stripe.accounts.retrieve(account.id);
    expect(after).toMatchObject({ capabilities: { transfers: 'active' }, requirements: { currently_due: [] } });
    expect(after.external_accounts?.data).toHaveLength(1);
    await h.stripe.accounts.update(account.id, { metadata: { a: '1', b: '2' } });
    const merged = await h.stripe.accounts.update(account.id, { metadata: { a: '', c: '3' } });
    expect(merged.metadata).toEqual({ b: '2', c: '3' });
    expect(await h.stripe.accounts.del(account.id)).toMatchObject({ deleted: true });
  });

  test('account sessions carry a client secret and their components', async () => {
    const account = await h.seller();
    const session = await h.stripe.accountSessions.create({
      account,
      components: { payouts: { enabled: true, features: { standard_payouts: true } } },
    });
    expect(session.client_secret).toMatch(/^accs_secret_/);
    expect(session.components.payouts).toMatchObject({
      enabled: true,
      features: { standard_payouts: true, instant_payouts: false },
    });
    expect(session.components.payments.enabled).toBe(false);
  });
});

describe('payouts', () => {
  test('leave the balance at once, arrive, and may fail even then', async () => {
    await h.stripe.topups.create({ amount: 5000, currency: 'usd' });
    const before = await amounts(h.stripe);
    const payout = await h.stripe.payouts.create({ amount: 5000, currency: 'usd' });
    expect(payout).toMatchObject({ status: 'pending', automatic: false, method: 'standard' });
    expect((await amounts(h.stripe)).available).toBe(before.available - 5000);
    await h.control('clock', { advance: 'P3D' });
    expect((await h.stripe.payouts.retrieve(payout.id)).status).toBe('paid');
    await h.control(`payouts/${payout.id}`, { fail: 'account_closed' });
    const failed = await h.stripe.payouts.retrieve(payout.id, { expand: ['failure_balance_transaction'] });
    expect(failed).toMatchObject({
      status: 'failed',
      failure_code: 'account_closed',
      failure_balance_transaction: { amount: 5000, type: 'payout_failure' },
    });
    expect((await amounts(h.stripe)).available).toBe(before.available);
  });

  test('above the balance are refused; a pending one can be canceled', async () => {
    const { available } = await amounts(h.stripe);
    const error = await refusal(h.stripe.payouts.create({ amount: available + 1, currency: 'usd' }));
    expect(error).toMatchObject({ statusCode: 400, code: 'balance_insufficient' });
    const payout = await h.stripe.payouts.create({ amount: 100, currency: 'usd' });
    expect((await h.stripe.payouts.cancel(payout.id)).status).toBe('canceled');
    expect((await amounts(h.stripe)).available).toBe(available);
  });

  test('go out daily on a connected account with a bank, and stop when set to manual', async () => {
    const id = await h.seller();
    await h.control(`accounts/${id}`, { onboarded: true, balance: 7000 });
    await h.control('clock', { advance: 'P1D' });
    expect((await amounts(h.stripe, 'usd', id)).available).toBe(0);
    const [payout] = (await h.stripe.payouts.list({}, { stripeAccount: id })).data;
    expect(payout).toMatchObject({ amount: 7000, automatic: true, status: 'pending' });
    const carried = await h.stripe.balanceTransactions.list({ payout: payout?.id ?? '' }, { stripeAccount: id });
    expect(carried.data.map((each) => each.amount).sort((a, b) => a - b)).toEqual([-7000, 7000]);
    await h.control('clock', { advance: 'P3D' });
    expect((await h.stripe.payouts.retrieve(payout?.id ?? '', {}, { stripeAccount: id })).status).toBe('paid');
    await h.stripe.accounts.update(id, { settings: { payouts: { schedule: { interval: 'manual' } } } });
    await h.control(`accounts/${id}`, { balance: 900 });
    await h.control('clock', { advance: 'P3D' });
    expect((await amounts(h.stripe, 'usd', id)).available).toBe(900);
  });
});
