// Oracle: the unchanged `stripe` package. Each call that the product makes runs through the real client, and each error
// class that an answer (or none) can raise is raised by the sandbox.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { Stripe } from 'stripe';

import { startStripeSandbox } from '../../sandbox/stripe/server.ts';
import type { StripeSandbox } from '../../sandbox/stripe/server.ts';
import { toPaymentsError } from '../../payments/errors.ts';
import { API_KEY, Client } from './client.ts';
import { report } from './figures.ts';

let sandbox: StripeSandbox;
let stripe: Stripe;
let plain: Client;
let seller = '';
const figures = { calls: 0, error_classes: 0 };

const on = (port: number, key = API_KEY): Stripe =>
  new Stripe(key, { host: '127.0.0.1', port, protocol: 'http', maxNetworkRetries: 0, telemetry: false });

beforeAll(async () => {
  sandbox = await startStripeSandbox({ port: 0 });
  stripe = on(sandbox.port);
  plain = new Client(sandbox.url);
  seller = await plain.seller();
  await plain.pay(500_000);
});
afterAll(async () => {
  await sandbox.close();
  report('stripe-package', figures);
});

const back = 'https://oracles.example/back';
const enabled = { enabled: true };

const idle = (): Promise<Stripe.PaymentIntent> =>
  stripe.paymentIntents.create({
    amount: 5_000,
    currency: 'usd',
    automatic_payment_methods: enabled,
    metadata: { p: '1' },
  });

const paid = (payment_method = 'pm_card_visa'): Promise<Stripe.PaymentIntent> =>
  stripe.paymentIntents.create({
    amount: 10_000,
    currency: 'usd',
    transfer_group: 'escrow_1',
    automatic_payment_methods: enabled,
    confirm: true,
    payment_method,
    return_url: back,
    expand: ['latest_charge.balance_transaction'],
  });

const charge = (intent: Stripe.PaymentIntent): string =>
  typeof intent.latest_charge === 'string' ? intent.latest_charge : (intent.latest_charge?.id ?? '');

const transfer = async (): Promise<Stripe.Transfer> =>
  stripe.transfers.create(
    {
      amount: 4_000,
      currency: 'usd',
      destination: seller,
      source_transaction: charge(await paid('pm_card_bypassPending')),
      transfer_group: 'escrow_1',
      metadata: { m: '1' },
      expand: ['balance_transaction'],
    },
    { idempotencyKey: `transfer-${figures.calls}` },
  );

const disputed = async (): Promise<Stripe.Dispute> => {
  const intent = await paid('pm_card_createDispute');
  const [dispute] = (await stripe.disputes.list({ payment_intent: intent.id })).data;
  if (!dispute) throw new Error('no dispute');
  return dispute;
};

const account = (): Promise<Stripe.V2.Core.Account> =>
  stripe.v2.core.accounts.create({
    contact_email: 'seller@oracles.example',
    display_name: 'Seller',
    dashboard: 'express',
    identity: { country: 'us' },
    configuration: { recipient: { capabilities: { stripe_balance: { stripe_transfers: { requested: true } } } } },
    defaults: { responsibilities: { fees_collector: 'application', losses_collector: 'application' } },
    metadata: { seller_id: 's' },
    include: ['configuration.recipient', 'identity', 'requirements'],
  });

/** The call as the product writes it, and what must come of it. */
function checkoutSession(): Promise<Stripe.Checkout.Session> {
  const price_data = { currency: 'usd', unit_amount: 1_000, product_data: { name: 'Work' } };
  return stripe.checkout.sessions.create({
    mode: 'payment',
    success_url: back,
    line_items: [{ quantity: 1, price_data }],
  });
}

const CALLS: Record<string, () => Promise<void>> = {
  'paymentIntents.create': async () => {
    const intent = await paid();
    expect(intent).toMatchObject({ object: 'payment_intent', status: 'succeeded', transfer_group: 'escrow_1' });
    expect(intent.latest_charge).toMatchObject({
      object: 'charge',
      balance_transaction: { type: 'charge', amount: 10_000 },
    });
    expect((await idle()).status).toBe('requires_payment_method');
  },
  'paymentIntents.confirm': async () => {
    const { id } = await idle();
    const intent = await stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa', return_url: back });
    expect(intent.status).toBe('succeeded');
  },
  'paymentIntents.update': async () => {
    const intent = await stripe.paymentIntents.update((await idle()).id, { metadata: { p: '2' } });
    expect(intent.metadata).toEqual({ p: '2' });
  },
  'paymentIntents.cancel': async () => {
    expect((await stripe.paymentIntents.cancel((await idle()).id, {})).status).toBe('canceled');
  },
  'paymentIntents.retrieve': async () => {
    const { id } = await paid('pm_card_authenticationRequired');
    const intent = await stripe.paymentIntents.retrieve(id, { expand: ['latest_charge.balance_transaction'] });
    expect(intent.status).toBe('requires_action');
    expect(intent.next_action?.redirect_to_url?.url).toMatch(/^http/);
  },
  'paymentIntents.list': async () => {
    const gte = Math.floor(Date.now() / 1000) - 60;
    const seen = [];
    // Two a page: the client follows the pages by itself.
    for await (const intent of stripe.paymentIntents.list({ created: { gte }, limit: 2 })) seen.push(intent.id);
    expect(seen.length).toBeGreaterThan(2);
    expect(new Set(seen).size).toBe(seen.length);
  },
  'transfers.create': async () => {
    const made = await transfer();
    expect(made).toMatchObject({
      object: 'transfer',
      destination: seller,
      balance_transaction: { type: 'transfer', amount: -4_000 },
    });
  },
  'transfers.retrieve': async () => {
    const { id } = await transfer();
    const read = await stripe.transfers.retrieve(id, { expand: ['balance_transaction'] });
    expect(read).toMatchObject({ id, amount_reversed: 0, metadata: { m: '1' } });
  },
  'transfers.list': async () => {
    const list = await stripe.transfers.list({
      transfer_group: 'escrow_1',
      limit: 100,
      expand: ['data.balance_transaction'],
    });
    expect(list.data.length).toBeGreaterThan(0);
    expect(list.data.every(({ balance_transaction: row }) => typeof row === 'object')).toBe(true);
  },
  'transfers.createReversal': async () => {
    const { id } = await transfer();
    const reversal = await stripe.transfers.createReversal(id, { amount: 1_000, expand: ['balance_transaction'] });
    expect(reversal).toMatchObject({ amount: 1_000, transfer: id, balance_transaction: { type: 'transfer_refund' } });
  },
  'transfers.listReversals': async () => {
    const { id } = await transfer();
    await stripe.transfers.createReversal(id, { amount: 1_000 });
    const list = await stripe.transfers.listReversals(id, { limit: 100, expand: ['data.balance_transaction'] });
    expect(list.data.map(({ amount }) => amount)).toEqual([1_000]);
  },
  'refunds.create': async () => {
    const { id } = await paid('pm_card_bypassPending');
    const expand = ['balance_transaction', 'failure_balance_transaction'];
    const refund = await stripe.refunds.create({ payment_intent: id, amount: 500, metadata: { r: '1' }, expand });
    expect(refund).toMatchObject({ status: 'succeeded', balance_transaction: { type: 'refund', amount: -500 } });
  },
  'refunds.retrieve': async () => {
    const { id } = await stripe.refunds.create({ payment_intent: (await paid('pm_card_bypassPending')).id });
    expect(await stripe.refunds.retrieve(id, { expand: ['balance_transaction'] })).toMatchObject({
      id,
      amount: 10_000,
    });
  },
  'refunds.list': async () => {
    const { id } = await paid('pm_card_bypassPending');
    await stripe.refunds.create({ payment_intent: id, amount: 500 });
    const list = await stripe.refunds.list({ payment_intent: id, limit: 100, expand: ['data.balance_transaction'] });
    expect(list.data.map(({ amount }) => amount)).toEqual([500]);
  },
  'charges.retrieve': async () => {
    expect(await stripe.charges.retrieve(charge(await paid()))).toMatchObject({ object: 'charge', captured: true });
  },
  'disputes.list': async () => {
    expect((await disputed()).status).toBe('needs_response');
  },
  'disputes.retrieve': async () => {
    const { id } = await disputed();
    expect(await stripe.disputes.retrieve(id)).toMatchObject({ id, reason: 'fraudulent' });
  },
  'disputes.update': async () => {
    const { id } = await disputed();
    const staged = await stripe.disputes.update(id, {
      evidence: { uncategorized_text: 'winning_evidence' },
      submit: false,
    });
    expect(staged).toMatchObject({ status: 'needs_response', evidence_details: { has_evidence: true } });
    expect((await stripe.disputes.update(id, { submit: true })).status).toBe('under_review');
  },
  'disputes.close': async () => {
    expect((await stripe.disputes.close((await disputed()).id)).status).toBe('lost');
  },
  'radar.earlyFraudWarnings.list': async () => {
    const made = await paid('pm_card_createIssuerFraudRecord');
    const list = await stripe.radar.earlyFraudWarnings.list({ payment_intent: made.id });
    expect(list.data).toMatchObject([{ object: 'radar.early_fraud_warning', charge: charge(made), actionable: true }]);
  },
  'radar.earlyFraudWarnings.retrieve': async () => {
    const made = await paid('pm_card_createIssuerFraudRecord');
    const [warning] = (await stripe.radar.earlyFraudWarnings.list({ payment_intent: made.id })).data;
    const read = await stripe.radar.earlyFraudWarnings.retrieve(warning?.id ?? '');
    expect(read).toMatchObject({ id: warning?.id, charge: charge(made) });
  },
  'reviews.retrieve': async () => {
    await paid('pm_card_riskLevelElevated');
    const [review] = (await stripe.reviews.list({ limit: 1 })).data;
    expect(await stripe.reviews.retrieve(review?.id ?? '')).toMatchObject({ object: 'review', open: true });
  },
  'files.create': async () => {
    const data = Buffer.from('%PDF-1.4');
    const file = await stripe.files.create({
      purpose: 'dispute_evidence',
      file: { data, name: 'proof.pdf', type: 'application/pdf' },
    });
    expect(file).toMatchObject({ object: 'file', purpose: 'dispute_evidence', size: data.length });
  },
  'topups.create': async () => {
    const topup = await stripe.topups.create({
      amount: 1_000,
      currency: 'usd',
      description: 'f',
      expand: ['balance_transaction'],
    });
    expect(topup).toMatchObject({ object: 'topup', amount: 1_000, balance_transaction: { type: 'topup' } });
  },
  'topups.list': async () => {
    expect((await stripe.topups.list({ limit: 1 })).object).toBe('list');
  },
  'balance.retrieve': async () => {
    expect((await stripe.balance.retrieve()).available.length).toBeGreaterThan(0);
    const theirs = await stripe.balance.retrieve({}, { stripeAccount: seller });
    expect(theirs.object).toBe('balance');
  },
  'balanceSettings.retrieve': async () => {
    const settings = await stripe.balanceSettings.retrieve();
    expect(settings).toMatchObject({ object: 'balance_settings', payments: { payouts: { status: 'enabled' } } });
  },
  'balanceSettings.update': async () => {
    const update = (minimum: number | '') => stripe.balanceSettings.update({ payments: { payouts: { schedule: { interval: 'weekly', weekly_payout_days: ['monday'] }, minimum_balance_by_currency: { usd: minimum } } } }); // prettier-ignore
    expect((await update(500)).payments.payouts).toMatchObject({ schedule: { interval: 'weekly', weekly_payout_days: ['monday'] }, minimum_balance_by_currency: { usd: 500 } }); // prettier-ignore
    expect((await update('')).payments.payouts?.minimum_balance_by_currency).toBeNull();
  },
  'balanceTransactions.list': async () => {
    const rows = await stripe.balanceTransactions.list({ limit: 100 }).autoPagingToArray({ limit: 500 });
    expect(new Set(rows.map(({ type }) => type)).size).toBeGreaterThan(3);
  },
  'balanceTransactions.retrieve': async () => {
    const [row] = (await stripe.balanceTransactions.list({ limit: 1 })).data;
    expect(await stripe.balanceTransactions.retrieve(row?.id ?? '')).toEqual(expect.objectContaining({ id: row?.id }));
  },
  'payouts.create': async () => {
    const payout = await stripe.payouts.create({ amount: 500, currency: 'usd' }, { idempotencyKey: 'payout-1' });
    expect(payout).toMatchObject({ object: 'payout', status: 'pending' });
  },
  'payouts.list': async () => {
    expect((await stripe.payouts.list({ limit: 5 }, { stripeAccount: seller })).object).toBe('list');
  },
  'payouts.retrieve': async () => {
    const { id } = await stripe.payouts.create({ amount: 500, currency: 'usd' });
    expect((await stripe.payouts.retrieve(id)).amount).toBe(500);
  },
  'events.list': async () => {
    const list = await stripe.events.list({ delivery_success: false, created: { gte: 1 }, limit: 100 });
    expect(list.object).toBe('list');
    expect((await stripe.events.list({ limit: 100 })).data.length).toBeGreaterThan(0);
  },
  'events.retrieve': async () => {
    const [event] = (await stripe.events.list({ limit: 1 })).data;
    expect(await stripe.events.retrieve(event?.id ?? '')).toMatchObject({ object: 'event', type: event?.type });
  },
  'accounts.retrieve': async () => {
    expect(await stripe.accounts.retrieve(seller)).toMatchObject({ id: seller, capabilities: { transfers: 'active' } });
  },
  'accounts.listExternalAccounts': async () => {
    const { id } = await account();
    const headers = { 'content-type': 'application/json' };
    await fetch(`${sandbox.url}/_sandbox/accounts/${id}`, { method: 'POST', headers, body: '{"onboarded": true}' });
    const { data } = await stripe.accounts.listExternalAccounts(id, { limit: 100 });
    expect(data).toEqual([expect.objectContaining({ object: 'bank_account', account: id, fingerprint: expect.any(String) })]); // prettier-ignore
  },
  'accounts.update': async () => {
    const settings = { payouts: { schedule: { interval: 'weekly' as const, weekly_anchor: 'friday' as const } } };
    const changed = await stripe.accounts.update(seller, { settings });
    expect(changed.settings?.payouts?.schedule).toMatchObject({ interval: 'weekly', weekly_anchor: 'friday' });
  },
  'accountSessions.create': async () => {
    const components = { payouts: { enabled: true }, balances: { enabled: true } };
    const session = await stripe.accountSessions.create({ account: seller, components });
    expect(session).toMatchObject({ object: 'account_session', components: { payouts: { enabled: true } } });
  },
  'checkout.sessions.create': async () => {
    expect(await checkoutSession()).toMatchObject({ object: 'checkout.session', status: 'open', amount_total: 1_000 });
  },
  'checkout.sessions.retrieve': async () => {
    const { id } = await checkoutSession();
    expect(await stripe.checkout.sessions.retrieve(id)).toMatchObject({ id, status: 'open', url: expect.stringMatching(/^http/) }); // prettier-ignore
  },
  'checkout.sessions.list': async () => {
    const { id, created } = await checkoutSession();
    const { data } = await stripe.checkout.sessions.list({ created: { gte: created }, limit: 100 });
    expect(data.map((session) => session.id)).toContain(id);
  },
  'checkout.sessions.expire': async () => {
    const { id } = await checkoutSession();
    expect(await stripe.checkout.sessions.expire(id)).toMatchObject({ id, status: 'expired', url: null });
    await expect(stripe.checkout.sessions.expire(id)).rejects.toThrow('status of `expired`');
  },
  'v2.core.accounts.create': async () => {
    const made = await account();
    expect(made).toMatchObject({ object: 'v2.core.account', metadata: { seller_id: 's' } });
    expect(made.configuration?.recipient?.capabilities?.stripe_balance?.stripe_transfers?.status).toMatch(/\w/);
  },
  'v2.core.accounts.retrieve': async () => {
    const { id } = await account();
    await plain.control(`accounts/${id}`, { transfers: 'active' });
    const read = await stripe.v2.core.accounts.retrieve(id, { include: ['configuration.recipient', 'identity'] });
    expect(read.configuration?.recipient?.capabilities?.stripe_balance?.stripe_transfers?.status).toBe('active');
  },
  'v2.core.accounts.update': async () => {
    const changed = await stripe.v2.core.accounts.update((await account()).id, { metadata: { seller_id: 't' } });
    expect(changed.metadata).toEqual({ seller_id: 't' });
  },
  'v2.core.accountLinks.create': async () => {
    const link = await stripe.v2.core.accountLinks.create({
      account: (await account()).id,
      use_case: { type: 'account_onboarding', account_onboarding: { refresh_url: back, return_url: back } },
    });
    expect(link.url).toMatch(/^http:\/\/127\.0\.0\.1:/);
  },
};

test('the table holds every call that the product makes', () => {
  const files = readdirSync('payments').filter((name) => name.endsWith('.ts'));
  const calls = files.flatMap((name) => {
    const source = readFileSync(`payments/${name}`, 'utf8');
    return [...source.matchAll(/\bstripe\s*\.((?:\w+\s*\.\s*)+\w+)\(/g)].map(([, call = '']) =>
      call.replaceAll(/\s/g, ''),
    );
  });
  const made = [...new Set(calls)].filter((call) => !call.startsWith('webhooks.'));
  expect(made.length).toBeGreaterThan(15);
  expect(made.filter((call) => CALLS[call] === undefined)).toEqual([]);
});

describe('the call', () => {
  test.each(Object.entries(CALLS))('%s', async (_name, run) => {
    await run();
    figures.calls += 1;
  });
});

describe('the error class', () => {
  type Raised = { error: string; kind: string; raise: () => Promise<unknown> };
  const { errors } = Stripe;
  const customer = (client: Stripe, key?: string): Promise<unknown> =>
    client.customers.create({ name: 'a' }, key === undefined ? {} : { idempotencyKey: key });
  const faulty = async (fault: Record<string, string | number>): Promise<unknown> => {
    await plain.control('faults', { match: { path: '/v1/customers' }, times: 1, ...fault });
    return customer(stripe, `fault-${JSON.stringify(fault)}`);
  };
  const classes: Raised[] = [
    { error: 'StripeCardError', kind: 'declined', raise: () => paid('pm_card_chargeDeclined') },
    { error: 'StripeInvalidRequestError', kind: 'refused', raise: () => stripe.refunds.create({ charge: 'ch_none' }) },
    { error: 'StripeInvalidRequestError', kind: 'refused', raise: () => stripe.charges.retrieve('ch_none') },
    { error: 'StripeAuthenticationError', kind: 'refused', raise: () => customer(on(sandbox.port, 'sk_wrong')) },
    {
      error: 'StripePermissionError',
      kind: 'refused',
      raise: () => stripe.balance.retrieve({}, { stripeAccount: 'acct_none' }),
    },
    { error: 'StripeRateLimitError', kind: 'retryable', raise: () => faulty({ kind: 'status', status: 429 }) },
    { error: 'StripeAPIError', kind: 'unknown', raise: () => faulty({ kind: 'status', status: 500 }) },
    // Which type Stripe gives a key in flight is recorded nowhere: any class, as long as the product tries again.
    { error: 'StripeError', kind: 'retryable', raise: () => faulty({ kind: 'status', status: 409 }) },
    {
      error: 'StripeIdempotencyError',
      kind: 'key_mismatch',
      raise: async () => {
        await customer(stripe, 'same');
        return stripe.customers.create({ name: 'b' }, { idempotencyKey: 'same' });
      },
    },
    {
      error: 'StripeAPIError',
      kind: 'replayed_failure',
      raise: async () => {
        const kept = { kind: 'status', status: 500, effect: 'after' };
        await expect(faulty(kept)).rejects.toBeInstanceOf(errors.StripeAPIError);
        return customer(stripe, `fault-${JSON.stringify(kept)}`);
      },
    },
    {
      error: 'StripeConnectionError',
      kind: 'unknown',
      // The client tries a closed connection once more by itself.
      raise: () => faulty({ kind: 'drop_before', times: 2 }),
    },
  ];
  test.each(classes)('$error ($kind)', async ({ error, kind, raise }) => {
    const thrown: unknown = await raise().then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(thrown).toBeInstanceOf(errors.StripeError);
    const name = error === 'StripeError' ? error : (thrown as Error).constructor.name;
    expect(name).toBe(error);
    expect(toPaymentsError(thrown)).toMatchObject({ name: 'PaymentsError', kind });
    figures.error_classes += 1;
  });

  test('StripeSignatureVerificationError', () => {
    const { signature } = stripe.webhooks;
    const forged = (): unknown => signature?.verifyHeader('{}', 't=1,v1=00', 'whsec_x', 300);
    expect(forged).toThrow(errors.StripeSignatureVerificationError);
    figures.error_classes += 1;
  });
});
