// Payments through the real client: success, refusals, SCA, capture, delayed methods, currencies.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Stripe } from 'stripe';

import { CARD_ONLY, openSandbox, refusal } from './harness.ts';
import type { Harness } from './harness.ts';

let h: Harness;
beforeAll(async () => {
  h = await openSandbox();
});
afterAll(async () => h.close());

describe('a card that works', () => {
  test('leaves charge and balance transaction with one stem, fee 2.9 % + 30, pending for two days', async () => {
    const { intent, charge, transaction } = await h.pay({ transfer_group: 'g1', metadata: { escrow: 'e1' } });
    expect(intent.status).toBe('succeeded');
    expect(intent.amount_received).toBe(30_000);
    expect(charge.status).toBe('succeeded');
    expect(charge.transfer_group).toBe('g1');
    expect(charge.metadata).toEqual({ escrow: 'e1' });
    expect(charge.id.slice(3, 19)).toBe(intent.id.slice(3, 19));
    expect(transaction.id.slice(4, 20)).toBe(intent.id.slice(3, 19));
    expect(transaction).toMatchObject({
      amount: 30_000,
      fee: 900,
      net: 29_100,
      type: 'charge',
      status: 'pending',
      exchange_rate: null,
      source: charge.id,
    });
    expect(transaction.available_on % 86_400).toBe(0);
    expect(transaction.available_on - transaction.created).toBeGreaterThan(86_400);
    expect(transaction.available_on - transaction.created).toBeLessThanOrEqual(2 * 86_400);
  });

  test('of pm_card_bypassPending is available at once', async () => {
    const { transaction } = await h.pay({ payment_method: 'pm_card_bypassPending' });
    expect(transaction.status).toBe('available');
  });

  test('waits for capture when asked to, and gives back what is not captured', async () => {
    const held = await h.stripe.paymentIntents.create({
      amount: 5000,
      currency: 'usd',
      confirm: true,
      payment_method: 'pm_card_visa',
      capture_method: 'manual',
      ...CARD_ONLY,
    });
    expect(held.status).toBe('requires_capture');
    expect(held.amount_capturable).toBe(5000);
    const done = await h.stripe.paymentIntents.capture(held.id, { amount_to_capture: 3000 });
    expect(done).toMatchObject({ status: 'succeeded', amount_received: 3000, amount_capturable: 0 });
    const charge = await h.stripe.charges.retrieve(done.latest_charge as string, { expand: ['balance_transaction'] });
    expect(charge.amount_captured).toBe(3000);
    expect((charge.balance_transaction as Stripe.BalanceTransaction).amount).toBe(3000);
  });
});

describe('a refused card', () => {
  test.each([
    ['pm_card_chargeDeclined', 'card_declined', 'generic_decline', 'Your card was declined.'],
    [
      'pm_card_chargeDeclinedInsufficientFunds',
      'card_declined',
      'insufficient_funds',
      'Your card has insufficient funds.',
    ],
    ['pm_card_chargeDeclinedLostCard', 'card_declined', 'lost_card', 'Your card was declined.'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', 'expired_card', 'Your card has expired.'],
    ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc', 'incorrect_cvc', "Your card's security code is incorrect."],
  ])('%s is a 402 with %s / %s', async (method, code, declineCode, message) => {
    const error = await refusal(
      h.stripe.paymentIntents.create({
        amount: 1000,
        currency: 'usd',
        confirm: true,
        payment_method: method,
        ...CARD_ONLY,
      }),
    );
    expect(error).toBeInstanceOf(Stripe.errors.StripeCardError);
    expect(error).toMatchObject({ statusCode: 402, code, decline_code: declineCode, message });
    const raw = error.raw as { charge: string; payment_intent: Stripe.PaymentIntent; payment_method: { id: string } };
    expect(raw.payment_intent).toMatchObject({
      status: 'requires_payment_method',
      payment_method: null,
      latest_charge: raw.charge,
      last_payment_error: { code, decline_code: declineCode, charge: raw.charge },
    });
    expect(raw).toMatchObject({ advice_code: expect.any(String), network_decline_code: expect.any(String) });
    expect(raw.payment_method.id).toMatch(/^pm_1/);
    const kept = await h.stripe.paymentIntents.retrieve(raw.payment_intent.id, { expand: ['latest_charge'] });
    expect(kept.latest_charge).toMatchObject({ status: 'failed', paid: false, failure_code: code });
  });

  test('can be followed by another on the same PaymentIntent', async () => {
    const error = await refusal(
      h.stripe.paymentIntents.create({
        amount: 1000,
        currency: 'usd',
        confirm: true,
        payment_method: 'pm_card_chargeDeclined',
        ...CARD_ONLY,
      }),
    );
    const { id } = (error.raw as { payment_intent: { id: string } }).payment_intent;
    const paid = await h.stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' });
    expect(paid).toMatchObject({ status: 'succeeded', last_payment_error: null });
    const again = await refusal(h.stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' }));
    expect(again.code).toBe('payment_intent_unexpected_state');
  });
});

test('a declined card cannot be saved either, and a test token can be retrieved', async () => {
  const customer = await h.stripe.customers.create({ email: 'saver@example.com' });
  const error = await refusal(h.stripe.paymentMethods.attach('pm_card_chargeDeclined', { customer: customer.id }));
  expect(error).toMatchObject({ statusCode: 402, code: 'card_declined', decline_code: 'generic_decline' });
  const later = await h.stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: customer.id });
  const failed = await refusal(
    h.stripe.paymentIntents.create({
      amount: 1000,
      currency: 'usd',
      confirm: true,
      customer: customer.id,
      payment_method: later.id,
      ...CARD_ONLY,
    }),
  );
  expect(failed.statusCode).toBe(402);
  expect((await h.stripe.paymentMethods.list({ customer: customer.id })).data.map((each) => each.id)).toEqual([
    later.id,
  ]);
  expect((await h.stripe.paymentMethods.retrieve('pm_card_mastercard')).card?.brand).toBe('mastercard');
});

describe('SCA', () => {
  const start = async () =>
    h.stripe.paymentIntents.create({
      amount: 2000,
      currency: 'eur',
      confirm: true,
      payment_method: 'pm_card_authenticationRequired',
      return_url: 'http://127.0.0.1:1/back',
      automatic_payment_methods: { enabled: true },
    });

  test('asks by redirect, and succeeds when the buyer passes', async () => {
    const waiting = await start();
    expect(waiting.status).toBe('requires_action');
    expect(waiting.latest_charge).toBeNull();
    expect(waiting.next_action?.redirect_to_url?.return_url).toBe('http://127.0.0.1:1/back');
    await h.control(`payment_intents/${waiting.id}`, { authenticate: true });
    const done = await h.stripe.paymentIntents.retrieve(waiting.id, { expand: ['latest_charge'] });
    expect(done.status).toBe('succeeded');
    expect((done.latest_charge as Stripe.Charge).payment_method_details?.card?.three_d_secure?.result).toBe(
      'authenticated',
    );
  });

  test('by the page of the bank sends the buyer back', async () => {
    const waiting = await start();
    const response = await fetch(waiting.next_action?.redirect_to_url?.url ?? '', {
      method: 'POST',
      body: new URLSearchParams({ result: 'fail' }),
      redirect: 'manual',
    });
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toContain('redirect_status=failed');
    const after = await h.stripe.paymentIntents.retrieve(waiting.id);
    expect(after.status).toBe('requires_payment_method');
    expect(after.last_payment_error?.code).toBe('payment_intent_authentication_failure');
  });

  test('off session is refused at once', async () => {
    const error = await refusal(
      h.stripe.paymentIntents.create({
        amount: 2000,
        currency: 'eur',
        confirm: true,
        off_session: true,
        payment_method: 'pm_card_authenticationRequired',
        ...CARD_ONLY,
      }),
    );
    expect(error).toMatchObject({ statusCode: 402, code: 'authentication_required' });
  });

  test('needs a return_url while redirects are allowed', async () => {
    const error = await refusal(
      h.stripe.paymentIntents.create({
        amount: 2000,
        currency: 'eur',
        confirm: true,
        payment_method: 'pm_card_visa',
        automatic_payment_methods: { enabled: true },
      }),
    );
    expect(error.message).toContain('return_url');
  });
});

describe('delayed methods', () => {
  test('SEPA debit settles days later, by the clock', async () => {
    const intent = await h.stripe.paymentIntents.create({
      amount: 4000,
      currency: 'eur',
      confirm: true,
      return_url: 'http://127.0.0.1:1/',
      payment_method_data: {
        type: 'sepa_debit',
        sepa_debit: { iban: 'AT611904300234573201' },
        billing_details: { name: 'Jenny', email: 'jenny@example.com' },
      },
      automatic_payment_methods: { enabled: true },
      expand: ['latest_charge'],
    });
    expect(intent.status).toBe('processing');
    expect(intent.latest_charge).toMatchObject({ status: 'pending', balance_transaction: null });
    await h.control('clock', { advance: 'P6D' });
    const done = await h.stripe.paymentIntents.retrieve(intent.id, { expand: ['latest_charge.balance_transaction'] });
    expect(done.status).toBe('succeeded');
    expect((done.latest_charge as Stripe.Charge).balance_transaction).toMatchObject({ amount: 4000, currency: 'eur' });
  });

  test('a bank debit fails on its day, or early by the control API', async () => {
    const create = async () =>
      h.stripe.paymentIntents.create({
        amount: 4000,
        currency: 'usd',
        confirm: true,
        payment_method: 'pm_usBankAccount_insufficientFunds',
        ...CARD_ONLY,
      });
    const late = await create();
    await h.control('clock', { advance: 'P5D' });
    expect((await h.stripe.paymentIntents.retrieve(late.id)).last_payment_error?.decline_code).toBe(
      'insufficient_funds',
    );
    const early = await create();
    await h.control(`payment_intents/${early.id}`, { settle: 'succeeded' });
    expect((await h.stripe.paymentIntents.retrieve(early.id)).status).toBe('succeeded');
  });

  test('iDEAL is paid at once after its redirect', async () => {
    const intent = await h.stripe.paymentIntents.create({
      amount: 4000,
      currency: 'eur',
      confirm: true,
      return_url: 'http://127.0.0.1:1/',
      payment_method_data: { type: 'ideal' },
      automatic_payment_methods: { enabled: true },
    });
    expect(intent.status).toBe('requires_action');
    await h.control(`payment_intents/${intent.id}`, { authenticate: true });
    expect((await h.stripe.paymentIntents.retrieve(intent.id)).status).toBe('succeeded');
  });
});

describe('currencies', () => {
  test('jpy settles in jpy at 3.6 %', async () => {
    const { transaction } = await h.pay({ amount: 10_000, currency: 'jpy' });
    expect(transaction).toMatchObject({ currency: 'jpy', amount: 10_000, fee: 360, exchange_rate: null });
  });

  test('kwd is converted to usd with its rate on the balance transaction', async () => {
    const { transaction } = await h.pay({ amount: 10_000, currency: 'kwd' });
    expect(transaction.currency).toBe('usd');
    expect(transaction.exchange_rate).toBeGreaterThan(0.3);
    expect(transaction.amount).toBe(Math.round(10_000 * Number(transaction.exchange_rate)));
  });

  test('a refund on another day converts at that day’s rate', async () => {
    await h.stripe.topups.create({ amount: 1_000_000, currency: 'usd', description: 'float' });
    const { charge, transaction } = await h.pay({ amount: 1_000_000, currency: 'sek' });
    await h.control('clock', { advance: 'P3D' });
    const refund = await h.stripe.refunds.create({ charge: charge.id, expand: ['balance_transaction'] });
    const back = refund.balance_transaction as Stripe.BalanceTransaction;
    expect(back.exchange_rate).not.toBe(transaction.exchange_rate);
    expect(back.amount).toBe(-Math.round(1_000_000 * Number(back.exchange_rate)));
  });

  test.each([
    [{ amount: 49, currency: 'usd' }, 'parameter_invalid_integer', 'amount'],
    [{ amount: 1003, currency: 'kwd' }, 'parameter_invalid_integer', 'amount'],
    [{ amount: 0, currency: 'usd' }, 'parameter_invalid_integer', 'amount'],
    [{ amount: 1000, currency: 'xyz' }, undefined, 'currency'],
  ])('%j is refused', async (params, code, param) => {
    const error = await refusal(h.stripe.paymentIntents.create(params));
    expect(error).toMatchObject({ statusCode: 400, param });
    expect(error.code).toBe(code);
  });
});

describe('cancellation', () => {
  test('ends an open payment, and is refused for a finished one', async () => {
    const open = await h.stripe.paymentIntents.create({ amount: 1000, currency: 'usd' });
    const canceled = await h.stripe.paymentIntents.cancel(open.id, { cancellation_reason: 'abandoned' });
    expect(canceled).toMatchObject({ status: 'canceled', cancellation_reason: 'abandoned' });
    const { intent } = await h.pay();
    const error = await refusal(h.stripe.paymentIntents.cancel(intent.id));
    expect(error.code).toBe('payment_intent_unexpected_state');
    expect((error.raw as { payment_intent: { id: string } }).payment_intent.id).toBe(intent.id);
  });
});

describe('checkout', () => {
  test('is paid on its page and completes', async () => {
    const session = await h.stripe.checkout.sessions.create({
      mode: 'payment',
      success_url: 'http://127.0.0.1:1/done?s={CHECKOUT_SESSION_ID}',
      line_items: [
        { quantity: 2, price_data: { currency: 'usd', unit_amount: 1500, product_data: { name: 'Design' } } },
      ],
      payment_intent_data: { transfer_group: 'checkout_1', metadata: { escrow: 'e9' } },
    });
    expect(session).toMatchObject({
      status: 'open',
      payment_status: 'unpaid',
      amount_total: 3000,
      payment_intent: null,
    });
    const declined = await fetch(session.url ?? '', {
      method: 'POST',
      body: new URLSearchParams({ method: 'pm_card_chargeDeclined' }),
    });
    expect(await declined.text()).toContain('Your card was declined.');
    const paid = await fetch(session.url ?? '', {
      method: 'POST',
      body: new URLSearchParams({ method: 'pm_card_visa' }),
      redirect: 'manual',
    });
    expect(paid.headers.get('location')).toBe(`http://127.0.0.1:1/done?s=${session.id}`);
    const done = await h.stripe.checkout.sessions.retrieve(session.id, { expand: ['payment_intent', 'line_items'] });
    expect(done).toMatchObject({ status: 'complete', payment_status: 'paid' });
    expect(done.payment_intent).toMatchObject({
      status: 'succeeded',
      transfer_group: 'checkout_1',
      metadata: { escrow: 'e9' },
    });
    expect(done.line_items?.data[0]?.amount_total).toBe(3000);
  });

  test('expires by the clock', async () => {
    const session = await h.stripe.checkout.sessions.create({
      mode: 'payment',
      success_url: 'http://127.0.0.1:1/',
      line_items: [
        { quantity: 1, price_data: { currency: 'usd', unit_amount: 1500, product_data: { name: 'Design' } } },
      ],
    });
    await h.control('clock', { advance: 'P2D' });
    expect((await h.stripe.checkout.sessions.retrieve(session.id)).status).toBe('expired');
  });
});

describe('as live, when asked to', () => {
  test('the balance transaction follows the charge, unless the capture is not async', async () => {
    const live = await openSandbox({ asyncCapture: true });
    try {
      const { charge, transaction } = await live.pay();
      expect(charge).toMatchObject({ status: 'succeeded', paid: true, captured: true, balance_transaction: null });
      expect(transaction).toBeNull();
      await live.control('clock', { advance: 'PT2S' });
      const later = await live.stripe.charges.retrieve(charge.id, { expand: ['balance_transaction'] });
      expect(later.balance_transaction).toMatchObject({ amount: 30_000, net: 29_100 });
      expect((await live.stripe.events.list({ type: 'charge.updated' })).data[0]?.data.previous_attributes).toEqual({
        balance_transaction: null,
      });
      const sync = await live.pay({ capture_method: 'automatic' });
      expect(sync.transaction.net).toBe(29_100);
    } finally {
      await live.close();
    }
  });
});

test('a destination charge sends its transfer along, and a refund can pull its share back', async () => {
  const seller = await h.seller();
  await h.stripe.topups.create({ amount: 100_000, currency: 'usd' });
  const { charge, intent } = await h.pay({ amount: 1200, transfer_data: { destination: seller, amount: 880 } });
  const [transfer] = (await h.stripe.transfers.list({ destination: seller })).data;
  expect(transfer).toMatchObject({ amount: 880, source_transaction: charge.id, transfer_group: `group_${intent.id}` });
  const refund = await h.stripe.refunds.create({ charge: charge.id, amount: 500, reverse_transfer: true });
  expect(refund.transfer_reversal).toMatch(/^trr_/);
  expect((await h.stripe.transfers.retrieve(transfer?.id ?? '')).amount_reversed).toBe(367);
  const fee = await refusal(
    h.stripe.paymentIntents.create({ amount: 1000, currency: 'usd', application_fee_amount: 10 }),
  );
  expect(fee.message).toContain('application fees');
});
