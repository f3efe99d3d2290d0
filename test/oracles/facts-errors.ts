// Facts that recorded exchanges show about refusals, declines, headers and idempotency keys.
import assert from 'node:assert/strict';

import { payment, record, text } from './client.ts';
import type { Client } from './client.ts';
import { errorOf, first, has, id, lacks, refuses } from './fact.ts';
import type { Fact } from './fact.ts';

const fact = (name: string, check: (client: Client) => Promise<void>): Fact => ({ name, check });

/** A lost dispute takes the money back: its charge's id. */
async function chargedBack(c: Client): Promise<string> {
  const paid = await c.pay(5_000, 'pm_card_createDispute');
  const dispute = id(first(await c.read('/v1/disputes', { payment_intent: id(paid) })));
  await c.made(`/v1/disputes/${dispute}/close`);
  return text(paid['latest_charge']);
}

const refusals: Fact[] = [
  fact('refund of a refunded charge: charge_already_refunded', async (c) => {
    const charge = text((await c.pay(1_000))['latest_charge']);
    await c.made('/v1/refunds', { charge });
    const again = await c.post('/v1/refunds', { charge }, { key: 'again' });
    const message = `Charge ${charge} has already been refunded.`;
    refuses(again, { status: 400, code: 'charge_already_refunded', message });
    assert.equal(again.headers['stripe-should-retry'], 'false');
  }),
  fact('refund above what remains: no code, param amount', async (c) => {
    const charge = text((await c.pay(1_000))['latest_charge']);
    await c.made('/v1/refunds', { charge, amount: 500 });
    const message = 'Refund amount ($6.00) is greater than unrefunded amount on charge ($5.00)';
    refuses(await c.post('/v1/refunds', { charge, amount: 600 }), { status: 400, param: 'amount', message });
  }),
  fact('refund above the charge: no code, param amount', async (c) => {
    const charge = text((await c.pay(1_000))['latest_charge']);
    const message = 'Refund amount ($11.00) is greater than charge amount ($10.00)';
    refuses(await c.post('/v1/refunds', { charge, amount: 1_100 }), { status: 400, param: 'amount', message });
  }),
  fact('refund of a charged back charge: charge_disputed', async (c) => {
    const charge = await chargedBack(c);
    const message = `Charge ${charge} has been charged back; cannot issue a refund.`;
    refuses(await c.post('/v1/refunds', { charge }), { status: 400, code: 'charge_disputed', message });
  }),
  fact('refund of nothing: parameter_invalid_integer', async (c) => {
    const charge = text((await c.pay(1_000))['latest_charge']);
    for (const amount of [0, -5]) {
      const answer = await c.post('/v1/refunds', { charge, amount }, { key: `k${amount}` });
      const message = 'This value must be greater than or equal to 1.';
      refuses(answer, { status: 400, code: 'parameter_invalid_integer', param: 'amount', message });
      // Raised while reading parameters: nothing says whether to retry.
      assert.equal(answer.headers['stripe-should-retry'], undefined);
    }
  }),
  fact('transfer to an unknown account: resource_missing, destination', async (c) => {
    const answer = await c.post('/v1/transfers', { amount: 100, currency: 'usd', destination: 'acct_invalid' });
    const message = "No such destination: 'acct_invalid'";
    refuses(answer, { status: 400, code: 'resource_missing', param: 'destination', message });
  }),
  fact('payment to an unknown destination: resource_missing, transfer_data[destination]', async (c) => {
    const more = { transfer_data: { destination: '000000005' } };
    const answer = await c.post('/v1/payment_intents', payment(1_000, 'pm_card_visa', more));
    const message = "No such destination: '000000005'";
    refuses(answer, { status: 400, code: 'resource_missing', param: 'transfer_data[destination]', message });
  }),
  fact('payout above the balance: balance_insufficient', async (c) => {
    const answer = await c.post('/v1/payouts', { amount: 100, currency: 'usd' });
    const message =
      'You have insufficient funds in your Stripe account for this transfer. Your card balance is too low.  You can use the /v1/balance endpoint to view your Stripe balance (for more details, see stripe.com/docs/api#balance).';
    refuses(answer, { status: 400, code: 'balance_insufficient', message });
  }),
  fact('transfer above the available balance: balance_insufficient', async (c) => {
    const answer = await c.post('/v1/transfers', { amount: 100, currency: 'usd', destination: await c.seller() });
    const message =
      'You have insufficient available funds in your Stripe account. Try adding funds directly to your available balance by creating Charges using the 4000000000000077 test card. See: https://stripe.com/docs/testing#available-balance';
    refuses(answer, { status: 400, code: 'balance_insufficient', message });
  }),
  fact('transfers above their source: the amounts named', async (c) => {
    const [destination, paid] = [await c.seller(), await c.pay(7_000, 'pm_card_visa')];
    const source = { currency: 'usd', destination, source_transaction: text(paid['latest_charge']) };
    const limit = 'Transfers using this transaction as a source must not exceed the source amount of $70.00.';
    assert.equal(errorOf(await c.post('/v1/transfers', { ...source, amount: 7_001 }))['message'], limit);
    await c.made('/v1/transfers', { ...source, amount: 7_000 });
    const more = await c.post('/v1/transfers', { ...source, amount: 1 });
    assert.equal(more.status, 400);
    const already = `${limit} (There is already a transfer using this source, amounting to $70.00.)`;
    assert.equal(errorOf(more)['message'], already);
  }),
  fact('reversal of a reversed transfer: already fully reversed', async (c) => {
    await c.pay(50_000);
    const [destination, paid] = [await c.seller(), await c.pay(7_000)];
    const source = text(paid['latest_charge']);
    const transfer = id(
      await c.made('/v1/transfers', { amount: 7_000, currency: 'usd', destination, source_transaction: source }),
    );
    await c.made(`/v1/transfers/${transfer}/reversals`);
    const again = await c.post(`/v1/transfers/${transfer}/reversals`);
    assert.equal(again.status, 400);
    assert.equal(errorOf(again)['message'], `The transfer ${transfer} is already fully reversed.`);
  }),
  fact('reading what is not there: 404 resource_missing', async (c) => {
    for (const [path, what, param] of [
      ['charges', 'charge', 'id'],
      ['customers', 'customer', 'id'],
      ['payment_intents', 'payment_intent', 'intent'],
      ['setup_intents', 'setupintent', 'intent'],
    ] as const) {
      const answer = await c.get(`/v1/${path}/none_1`);
      refuses(answer, { status: 404, code: 'resource_missing', param, message: `No such ${what}: 'none_1'` });
    }
  }),
  fact('attaching an unknown PaymentMethod: 404, payment_method', async (c) => {
    const customer = id(await c.made('/v1/customers', {}));
    const answer = await c.post('/v1/payment_methods/pm_none/attach', { customer });
    const message = /^No such PaymentMethod: 'pm_none'/;
    refuses(answer, { status: 404, code: 'resource_missing', param: 'payment_method', message });
  }),
  fact('canceling a finished PaymentIntent: unexpected state, with the intent', async (c) => {
    const intent = id(await c.pay(1_000));
    const answer = await c.post(`/v1/payment_intents/${intent}/cancel`);
    const message =
      'You cannot cancel this PaymentIntent because it has a status of succeeded. Only a PaymentIntent with one of the following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, requires_action, processing.';
    refuses(answer, { status: 400, code: 'payment_intent_unexpected_state', message });
    has(record(errorOf(answer)['payment_intent']), { id: intent, object: 'payment_intent', status: 'succeeded' });
  }),
  fact('a payment of nothing: parameter_invalid_integer', async (c) => {
    const answer = await c.post('/v1/payment_intents', { amount: 0, currency: 'usd' });
    const message = /^The amount must be greater than or equal to the minimum charge amount/;
    refuses(answer, { status: 400, code: 'parameter_invalid_integer', param: 'amount', message });
  }),
  fact('a missing and an unknown parameter are named', async (c) => {
    const missing = await c.post('/v1/transfers', { amount: 1, currency: 'usd' });
    const said = 'Missing required param: destination.';
    refuses(missing, { status: 400, code: 'parameter_missing', param: 'destination', message: said });
    const unknown = await c.post('/v1/customers', { address: { planet: 'x' } });
    const message = 'Received unknown parameter: address[planet]';
    refuses(unknown, { status: 400, code: 'parameter_unknown', param: 'address[planet]', message });
  }),
  fact('a wrong key: 401 with message and type alone, and no request-id', async (c) => {
    const answer = await c.get('/v1/balance', {}, { apiKey: 'sk_wrong' });
    assert.equal(answer.status, 401);
    assert.deepEqual(Object.keys(errorOf(answer)).toSorted(), ['message', 'type']);
    has(errorOf(answer), { type: 'invalid_request_error' });
    assert.match(text(errorOf(answer)['message']), /^Invalid API Key provided: /);
    assert.equal(answer.headers['request-id'], undefined);
    assert.equal(answer.headers['stripe-version'], undefined);
  }),
  fact('an account out of reach: 403 account_invalid, and no request-id', async (c) => {
    for (const answer of [
      await c.get('/v1/accounts/acct_fake_account'),
      await c.get('/v1/balance', {}, { account: 'acct_fake_account' }),
    ]) {
      assert.equal(answer.status, 403);
      assert.deepEqual(Object.keys(errorOf(answer)).toSorted(), ['code', 'doc_url', 'message', 'type']);
      has(errorOf(answer), { code: 'account_invalid', type: 'invalid_request_error' });
      assert.match(text(errorOf(answer)['message']), /^The provided key 'sk_test_.*' does not have access to account/);
      assert.equal(answer.headers['request-id'], undefined);
    }
  }),
];

type Decline = [method: string, code: string, declineCode: string, message: string, param?: string];
const DECLINED = 'Your card was declined.';
const DECLINES: Decline[] = [
  ['', 'card_declined', 'generic_decline', DECLINED],
  ['Fraudulent', 'card_declined', 'fraudulent', DECLINED],
  ['LostCard', 'card_declined', 'lost_card', DECLINED],
  ['StolenCard', 'card_declined', 'stolen_card', DECLINED],
  ['InsufficientFunds', 'card_declined', 'insufficient_funds', 'Your card has insufficient funds.'],
  ['ExpiredCard', 'expired_card', 'expired_card', 'Your card has expired.', 'exp_month'],
  ['IncorrectCvc', 'incorrect_cvc', 'incorrect_cvc', "Your card's security code is incorrect.", 'cvc'],
  [
    'ProcessingError',
    'processing_error',
    'processing_error',
    'An error occurred while processing your card. Try again in a little bit.',
  ],
];

const declines: Fact[] = DECLINES.map(([name, code, declineCode, message, param]) =>
  fact(`a declined card ${name || 'Generic'}: 402 with charge, intent and method`, async (c) => {
    const answer = await c.post('/v1/payment_intents', payment(1_000, `pm_card_chargeDeclined${name}`), { key: 'k' });
    refuses(answer, { status: 402, type: 'card_error', code, param: param ?? null, message });
    assert.equal(answer.headers['stripe-should-retry'], 'false');
    const error = errorOf(answer);
    if (code !== 'processing_error') has(error, { decline_code: declineCode });
    assert.ok(Object.hasOwn(error, 'advice_code') || code === 'processing_error', 'advice_code');
    const intent = record(error['payment_intent']);
    has(intent, { object: 'payment_intent', status: 'requires_payment_method', payment_method: null });
    assert.equal(intent['latest_charge'], error['charge']);
    assert.match(text(error['charge']), /^ch_3/);
    has(record(error['payment_method']), { object: 'payment_method', type: 'card' });
    has(record(intent['last_payment_error']), { type: 'card_error', code, charge: error['charge'] ?? null });
    const failed = await c.read(`/v1/charges/${text(error['charge'])}`);
    has(failed, { status: 'failed', paid: false, failure_code: code, balance_transaction: null });
  }),
);

const headers: Fact[] = [
  fact('a POST with a key: the key, the original request and should-retry come back', async (c) => {
    const { headers: got } = await c.post('/v1/customers', {}, { key: 'key-1' });
    assert.equal(got['idempotency-key'], 'key-1');
    assert.match(got['request-id'] ?? '', /^req_\w{14}$/);
    assert.equal(got['original-request'], got['request-id']);
    assert.equal(got['stripe-should-retry'], 'false');
    assert.equal(got['stripe-version'], '2026-10-28.endive');
    assert.match(got['content-type'] ?? '', /^application\/json/);
    assert.equal(got['idempotent-replayed'], undefined);
  }),
  fact('a GET carries none of the key headers; a DELETE the key alone', async (c) => {
    const customer = id(await c.made('/v1/customers', {}));
    const { headers: read } = await c.get(`/v1/customers/${customer}`);
    for (const name of ['idempotency-key', 'original-request', 'stripe-should-retry']) {
      assert.equal(read[name], undefined, name);
    }
    const { headers: gone } = await c.call('DELETE', `/v1/customers/${customer}`, {}, { key: 'key-2' });
    assert.equal(gone['idempotency-key'], 'key-2');
    assert.equal(gone['original-request'], undefined);
    assert.equal(gone['stripe-should-retry'], undefined);
  }),
  fact('a replay: same status and body, a new request-id, the first one named', async (c) => {
    for (const [method, status] of [
      ['pm_card_visa', 200],
      ['pm_card_chargeDeclined', 402],
    ] as const) {
      const [one, two] = [
        await c.post('/v1/payment_intents', payment(1_000, method), { key: method }),
        await c.post('/v1/payment_intents', payment(1_000, method), { key: method }),
      ];
      assert.deepEqual([one.status, two.status], [status, status]);
      assert.deepEqual(two.body, one.body);
      assert.equal(two.headers['idempotent-replayed'], 'true');
      assert.notEqual(two.headers['request-id'], one.headers['request-id']);
      assert.equal(two.headers['original-request'], one.headers['request-id']);
    }
  }),
  fact('a key with other parameters, or on another path: idempotency_error', async (c) => {
    await c.post('/v1/customers', { name: 'a' }, { key: 'k' });
    const other = await c.post('/v1/customers', { name: 'b' }, { key: 'k' });
    assert.equal(other.status, 400);
    has(errorOf(other), {
      type: 'idempotency_error',
      message:
        "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than 'k' if you meant to execute a different request.",
    });
    const elsewhere = await c.post('/v1/products', { name: 'a' }, { key: 'k' });
    assert.equal(elsewhere.status, 400);
    has(errorOf(elsewhere), { type: 'idempotency_error' });
    assert.match(
      text(errorOf(elsewhere)['message']),
      /^Keys for idempotent requests can only be used for the same endpoint they were first used for \('\/v1\/products' vs '\/v1\/customers'\)\. Try using a key other than 'k'/,
    );
  }),
  fact('what was refused while reading parameters is not kept under its key', async (c) => {
    const bad = await c.post('/v1/customers', { nonsense: 'x' }, { key: 'k' });
    assert.equal(bad.status, 400);
    const good = await c.post('/v1/customers', { name: 'a' }, { key: 'k' });
    assert.equal(good.status, 200);
    assert.equal(good.headers['original-request'], good.headers['request-id']);
  }),
  fact('a locked object: 429 lock_timeout, to be retried, and not kept under its key', async (c) => {
    const match = { method: 'POST', path: '/v1/customers' };
    await c.control('faults', { match, kind: 'status', status: 429, code: 'lock_timeout', times: 2 });
    for (const _attempt of [1, 2]) {
      const answer = await c.post('/v1/customers', { name: 'a' }, { key: 'k' });
      assert.equal(answer.status, 429);
      has(errorOf(answer), {
        type: 'invalid_request_error',
        code: 'lock_timeout',
        doc_url: 'https://stripe.com/docs/error-codes/lock-timeout',
      });
      assert.match(text(errorOf(answer)['message']), /^This object cannot be accessed right now because another API/);
      assert.equal(answer.headers['stripe-should-retry'], 'true');
      assert.equal(answer.headers['idempotency-key'], 'k');
      assert.match(answer.headers['request-id'] ?? '', /^req_\w{14}$/);
    }
    const after = await c.post('/v1/customers', { name: 'a' }, { key: 'k' });
    assert.equal(after.status, 200);
    assert.equal(after.headers['idempotent-replayed'], undefined);
    assert.equal(after.headers['original-request'], after.headers['request-id']);
  }),
  fact('a key in flight: 409 idempotency_key_in_use', async (c) => {
    await c.control('faults', { match: { path: '/v1/customers' }, kind: 'delay', delay_ms: 300, times: 1 });
    const answers = await Promise.all([
      c.post('/v1/customers', { name: 'a' }, { key: 'k' }),
      c.post('/v1/customers', { name: 'a' }, { key: 'k' }),
    ]);
    const refused = answers.find(({ status }) => status === 409);
    assert.deepEqual(
      answers.map(({ status }) => status).toSorted((a, b) => a - b),
      [200, 409],
    );
    assert.ok(refused);
    has(errorOf(refused), { code: 'idempotency_key_in_use' });
    assert.match(text(errorOf(refused)['message']), /^There is currently another in-progress request using this Idem/);
  }),
  fact('every error has request_log_url, and doc_url only with a code', async (c) => {
    const answer = await c.get('/v1/no_such_thing');
    assert.equal(answer.status, 404);
    lacks(errorOf(answer), 'code', 'doc_url');
    has(errorOf(answer), { type: 'invalid_request_error' });
    assert.match(text(errorOf(answer)['message']), /^Unrecognized request URL \(GET: \/v1\/no_such_thing\)/);
  }),
];

export const ERROR_FACTS: readonly Fact[] = [...refusals, ...declines, ...headers];
