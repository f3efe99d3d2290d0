// Facts that recorded exchanges show about fields, lists, money movements, disputes, payouts and events.
import assert from 'node:assert/strict';

import { record, records, text } from './client.ts';
import type { Client } from './client.ts';
import { first, has, id, lacks, number } from './fact.ts';
import type { Fact } from './fact.ts';
import type { JsonRecord } from './record.ts';

const fact = (name: string, check: (client: Client) => Promise<void>): Fact => ({ name, check });

const TRANSFER_FIELDS =
  'amount amount_reversed balance_transaction created currency description destination destination_payment id livemode metadata object reversals reversed source_transaction source_type transfer_group';

type Sent = { seller: string; charge: string; intent: string; transfer: JsonRecord };

async function send(c: Client, amount = 6_000, paid = 10_000): Promise<Sent> {
  const seller = await c.seller();
  const intent = await c.pay(paid, 'pm_card_visa', { description: 'Order 7' });
  const charge = text(intent['latest_charge']);
  const params = { amount, currency: 'usd', destination: seller, source_transaction: charge };
  return { seller, charge, intent: id(intent), transfer: await c.made('/v1/transfers', params) };
}

const transaction = (c: Client, object: JsonRecord, account?: string): Promise<JsonRecord> => {
  const options = account === undefined ? {} : { account };
  return c.read(`/v1/balance_transactions/${text(object['balance_transaction'])}`, {}, options);
};

const moneyOut: Fact[] = [
  fact('a list: object, data, has_more, url, and no count', async (c) => {
    await c.pay(1_000);
    for (const path of ['charges', 'transfers', 'refunds', 'balance_transactions', 'events', 'payment_intents']) {
      const list = await c.read(`/v1/${path}`);
      assert.deepEqual(Object.keys(list).toSorted(), ['data', 'has_more', 'object', 'url']);
      has(list, { object: 'list', has_more: false, url: `/v1/${path}` });
    }
  }),
  fact('pages: newest first, has_more, starting_after and ending_before', async (c) => {
    const made: string[] = [];
    for (const name of ['a', 'b', 'c']) made.push(id(await c.made('/v1/customers', { name })));
    const newest = made.toReversed();
    const ids = (list: JsonRecord): string[] => records(list['data']).map(id);
    const one = await c.read('/v1/customers', { limit: 2 });
    assert.deepEqual([ids(one), one['has_more']], [newest.slice(0, 2), true]);
    const two = await c.read('/v1/customers', { limit: 2, starting_after: newest[1] ?? '' });
    assert.deepEqual([ids(two), two['has_more']], [newest.slice(2), false]);
    const back = await c.read('/v1/customers', { limit: 2, ending_before: newest[2] ?? '' });
    assert.deepEqual(ids(back), newest.slice(0, 2));
  }),
  fact('a transfer: its seventeen fields and no status', async (c) => {
    const { transfer, seller, charge } = await send(c);
    assert.deepEqual(Object.keys(transfer).toSorted(), TRANSFER_FIELDS.split(' '));
    has(transfer, {
      object: 'transfer',
      amount: 6_000,
      amount_reversed: 0,
      reversed: false,
      destination: seller,
      source_transaction: charge,
      source_type: 'card',
      livemode: false,
    });
    has(record(transfer['reversals']), { object: 'list', data: [], has_more: false, total_count: 0 });
  }),
  fact('a transfer from a charge without a group takes group_pi_…, and one stem is shared', async (c) => {
    const { transfer, intent, charge } = await send(c);
    assert.equal(transfer['transfer_group'], `group_${intent}`);
    assert.equal((await c.read(`/v1/charges/${charge}`))['transfer_group'], `group_${intent}`);
    // pi_3X… ch_3X… tr_3X… differ in their last eight characters alone.
    const stem = (one: string): string => one.slice(one.indexOf('_') + 1, -8);
    assert.deepEqual([stem(charge), stem(id(transfer))], [stem(intent), stem(intent)]);
    assert.match(id(transfer), /^tr_3/);
  }),
  fact('a transfer from the balance: tr_1…, no group, available at once', async (c) => {
    const destination = await c.seller();
    await c.pay(10_000);
    const transfer = await c.made('/v1/transfers', { amount: 1_000, currency: 'usd', destination });
    assert.match(id(transfer), /^tr_1/);
    has(transfer, { transfer_group: null, source_transaction: null });
    const row = await transaction(c, transfer);
    has(row, {
      type: 'transfer',
      reporting_category: 'transfer',
      amount: -1_000,
      fee: 0,
      net: -1_000,
      status: 'available',
    });
    assert.equal(row['available_on'], row['created']);
  }),
  fact('a transfer waits for its charge: pending, available on the same day', async (c) => {
    const { transfer, charge } = await send(c);
    const [row, source] = [await transaction(c, transfer), await transaction(c, await c.read(`/v1/charges/${charge}`))];
    has(row, { type: 'transfer', status: 'pending', source: id(transfer) });
    assert.equal(row['available_on'], source['available_on']);
  }),
  fact('the other side: a payment py_ with its source transfer', async (c) => {
    const { transfer, seller } = await send(c);
    const payment = await c.read(`/v1/charges/${text(transfer['destination_payment'])}`, {}, { account: seller });
    assert.match(id(payment), /^py_1/);
    has(payment, { payment_intent: null, source_transfer: id(transfer), status: 'succeeded', amount: 6_000 });
    has(record(payment['payment_method_details']), { type: 'stripe_account' });
    const row = await transaction(c, payment, seller);
    has(row, { type: 'payment', reporting_category: 'charge', amount: 6_000, source: id(payment) });
  }),
  fact('a reversal: trr_, REFUND FOR TRANSFER with the transfer as source, pyr_ on the other side', async (c) => {
    const { transfer, seller } = await send(c);
    await c.advance('P4D');
    const path = `/v1/transfers/${id(transfer)}/reversals`;
    const one = await c.made(path, { amount: 1_000 });
    assert.match(id(one), /^trr_1/);
    has(one, { object: 'transfer_reversal', amount: 1_000, transfer: id(transfer), source_refund: null });
    const row = await transaction(c, one);
    has(row, {
      type: 'transfer_refund',
      reporting_category: 'transfer_reversal',
      description: 'REFUND FOR TRANSFER',
      source: id(transfer),
      amount: 1_000,
    });
    const refund = text(one['destination_payment_refund']);
    assert.match(refund, /^pyr_1/);
    const given = await c.read(`/v1/refunds/${refund}`, {}, { account: seller });
    has(given, { transfer_reversal: id(one), source_transfer_reversal: id(one), amount: 1_000 });
    const theirs = await transaction(c, given, seller);
    has(theirs, {
      type: 'payment_refund',
      reporting_category: 'refund',
      description: 'REFUND FOR PAYMENT',
      amount: -1_000,
    });
    const two = await c.made(path, { amount: 500 });
    const after = await c.read(`/v1/transfers/${id(transfer)}`);
    has(after, { amount_reversed: 1_500, reversed: false });
    const embedded = record(after['reversals']);
    assert.deepEqual(records(embedded['data']).map(id), [id(two), id(one)]);
    has(embedded, { total_count: 2, has_more: false });
  }),
  fact('a reversal without an amount takes the whole transfer', async (c) => {
    const { transfer } = await send(c);
    await c.advance('P4D');
    has(await c.made(`/v1/transfers/${id(transfer)}/reversals`), { amount: 6_000 });
    has(await c.read(`/v1/transfers/${id(transfer)}`), { amount_reversed: 6_000, reversed: true });
  }),
  fact('an account sends money back by a transfer to the platform', async (c) => {
    const { seller } = await send(c);
    await c.advance('P4D');
    const destination = id(await c.read('/v1/account'));
    const back = await c.made('/v1/transfers', { amount: 700, currency: 'usd', destination }, { account: seller });
    has(back, { destination, amount: 700, source_transaction: null });
  }),
  fact('a partial refund reverses its transfer pro rata, to the nearest', async (c) => {
    const destination = await c.seller();
    const paid = await c.pay(1_200, 'pm_card_bypassPending', { transfer_data: { destination, amount: 880 } });
    const params = { payment_intent: id(paid), amount: 500, reverse_transfer: true };
    const refund = await c.made('/v1/refunds', params);
    assert.match(text(refund['transfer_reversal']), /^trr_/);
    const transfer = first(await c.read('/v1/transfers', { destination }));
    has(transfer, { amount: 880, amount_reversed: 367 });
  }),
];

const charges: Fact[] = [
  fact('a charge books itself, a refund says what it is for', async (c) => {
    const intent = await c.pay(10_000, 'pm_card_bypassPending', { description: 'Order 7' });
    const charge = await c.read(`/v1/charges/${text(intent['latest_charge'])}`);
    has(await transaction(c, charge), {
      type: 'charge',
      reporting_category: 'charge',
      amount: 10_000,
      source: id(charge),
    });
    const refund = await c.made('/v1/refunds', { payment_intent: id(intent), amount: 2_500 });
    has(refund, {
      object: 'refund',
      status: 'succeeded',
      charge: id(charge),
      payment_intent: id(intent),
      amount: 2_500,
    });
    assert.match(id(refund), /^re_3/);
    has(await transaction(c, refund), {
      type: 'refund',
      reporting_category: 'refund',
      description: 'REFUND FOR CHARGE (Order 7)',
      amount: -2_500,
      fee: 0,
    });
    has(await c.read(`/v1/charges/${id(charge)}`), { amount_refunded: 2_500, refunded: false });
  }),
  fact('no charges, refunds or invoice inside what is answered today', async (c) => {
    const intent = await c.pay(1_000);
    lacks(intent, 'charges', 'invoice');
    const charge = await c.read(`/v1/charges/${text(intent['latest_charge'])}`);
    lacks(charge, 'refunds', 'invoice');
    const expanded = await c.read(`/v1/charges/${id(charge)}`, { expand: ['refunds'] });
    has(record(expanded['refunds']), { object: 'list', data: [], has_more: false, total_count: 0 });
  }),
];

async function disputed(c: Client): Promise<{ dispute: JsonRecord; charge: string }> {
  const intent = await c.pay(8_000, 'pm_card_createDispute');
  const dispute = first(await c.read('/v1/disputes', { payment_intent: id(intent) }));
  return { dispute, charge: text(intent['latest_charge']) };
}

const disputes: Fact[] = [
  fact('a dispute opens: needs_response, money and fee withdrawn, due at the end of a day', async (c) => {
    const { dispute, charge } = await disputed(c);
    has(dispute, { object: 'dispute', status: 'needs_response', charge, amount: 8_000, is_charge_refundable: false });
    const due = number(record(dispute['evidence_details'])['due_by']);
    assert.equal(due % 86_400, 86_399);
    const [row, ...more] = records(dispute['balance_transactions']);
    assert.equal(more.length, 0);
    has(row ?? {}, {
      type: 'adjustment',
      reporting_category: 'dispute',
      description: `Chargeback withdrawal for ${charge}`,
      amount: -8_000,
      fee: 1_500,
      net: -9_500,
    });
    has(await c.read(`/v1/charges/${charge}`), { disputed: true, refunded: false, amount_refunded: 0 });
  }),
  fact('a dispute is won: reinstated with its fee, refundable', async (c) => {
    const { dispute, charge } = await disputed(c);
    const path = `/v1/disputes/${id(dispute)}`;
    const sent = await c.made(path, { evidence: { uncategorized_text: 'winning_evidence' } });
    has(sent, { status: 'under_review' });
    await c.advance('P1D');
    const won = await c.read(path);
    has(won, { status: 'won', is_charge_refundable: true });
    const rows = records(won['balance_transactions']);
    assert.equal(rows.length, 2);
    const back = rows.find((row) => row['reporting_category'] === 'dispute_reversal');
    has(back ?? {}, {
      type: 'adjustment',
      description: `Chargeback reversal for ${charge}`,
      amount: 8_000,
      fee: -1_500,
      net: 9_500,
    });
  }),
  fact('a dispute is lost: one withdrawal, not refundable', async (c) => {
    const { dispute } = await disputed(c);
    const path = `/v1/disputes/${id(dispute)}`;
    has(await c.made(path, { evidence: { uncategorized_text: 'losing_evidence' } }), { status: 'under_review' });
    await c.advance('P1D');
    const lost = await c.read(path);
    has(lost, { status: 'lost', is_charge_refundable: false });
    assert.equal(records(lost['balance_transactions']).length, 1);
  }),
];

const rest: Fact[] = [
  fact('a payout begins pending and arrives at a midnight; an instant one at once', async (c) => {
    await c.pay(50_000);
    const slow = await c.made('/v1/payouts', { amount: 1_000, currency: 'usd' });
    has(slow, { object: 'payout', status: 'pending', method: 'standard', automatic: false, type: 'bank_account' });
    assert.equal(number(slow['arrival_date']) % 86_400, 0);
    const quick = await c.made('/v1/payouts', { amount: 1_000, currency: 'usd', method: 'instant' });
    has(quick, { status: 'pending', method: 'instant' });
    assert.equal(quick['arrival_date'], quick['created']);
  }),
  fact('an account link lives for 300 seconds', async (c) => {
    const urls = { refresh_url: 'https://oracles.example/a', return_url: 'https://oracles.example/b' };
    const link = await c.made('/v1/account_links', { account: await c.seller(), type: 'account_onboarding', ...urls });
    assert.deepEqual(Object.keys(link).toSorted(), ['created', 'expires_at', 'object', 'url']);
    assert.equal(number(link['expires_at']) - number(link['created']), 300);
  }),
  fact('an event names its request and key; one that Stripe caused names none', async (c) => {
    const paid = await c.post('/v1/customers', { name: 'a' }, { key: 'key-7' });
    const [event] = records((await c.read('/v1/events', { type: 'customer.created' }))['data']);
    assert.ok(event);
    const fields = [
      'api_version',
      'created',
      'data',
      'id',
      'livemode',
      'object',
      'pending_webhooks',
      'request',
      'type',
    ];
    assert.deepEqual(Object.keys(event).toSorted(), fields);
    assert.match(id(event), /^evt_1/);
    has(record(event['request']), { id: paid.headers['request-id'] ?? '', idempotency_key: 'key-7' });
    has(record(record(event['data'])['object']), { id: id(paid.body) });
    await c.pay(2_000, 'pm_card_createDispute');
    await c.pay(50_000);
    await c.made('/v1/payouts', { amount: 1_000, currency: 'usd' });
    await c.advance('P7D');
    const [own] = records((await c.read('/v1/events', { type: 'payout.paid' }))['data']);
    assert.ok(own);
    assert.deepEqual(own['request'], { id: null, idempotency_key: null });
  }),
  fact('an event of a connected account names the account; an update its previous values', async (c) => {
    const seller = await c.seller();
    await c.made(`/v1/accounts/${seller}`, { metadata: { a: 'b' } });
    const events = await c.read('/v1/events', { type: 'account.updated' }, { account: seller });
    assert.ok(records(events['data']).every((event) => event['account'] === seller));
    const customer = id(await c.made('/v1/customers', { name: 'old' }));
    await c.made(`/v1/customers/${customer}`, { name: 'new' });
    const [update] = records((await c.read('/v1/events', { type: 'customer.updated' }))['data']);
    has(record(record(update?.['data'])['previous_attributes']), { name: 'old' });
  }),
];

export const FLOW_FACTS: readonly Fact[] = [...moneyOut, ...charges, ...disputes, ...rest];
