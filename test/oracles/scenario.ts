// One scripted run that touches every route of the sandbox and every state of its resources, through a recorder.
import { startStripeSandbox } from '../../sandbox/stripe/server.ts';
import { Client, payment, record, records, text } from './client.ts';
import type { Exchange, JsonRecord, Mutate } from './record.ts';
import { startRecorder } from './record.ts';

export type Run = { exchanges: Exchange[] };

/** `step` runs one part of the script; what a part throws is its name and the cause. */
export async function runScenario(mutate?: Mutate): Promise<Run> {
  const sandbox = await startStripeSandbox({ port: 0, seed: 7 });
  const recorder = await startRecorder(sandbox.url, mutate);
  try {
    const client = new Client(recorder.url, sandbox.url);
    for (const part of [
      accounts,
      accountsV2,
      payments,
      methods,
      money,
      refunds,
      disputes,
      payouts,
      checkout,
      catalog,
    ]) {
      await part(client);
    }
    await hooksAndEvents(client);
    return { exchanges: recorder.exchanges };
  } finally {
    await recorder.close();
    await sandbox.close();
  }
}

const id = (object: JsonRecord): string => text(object['id']);

async function accounts(c: Client): Promise<void> {
  await c.read('/v1/account');
  const seller = await c.seller();
  await c.made(`/v1/accounts/${seller}`, { metadata: { a: 'b' }, business_profile: { name: 'Shop' } });
  for (const state of ['inactive', 'pending', 'active']) {
    await c.control(`accounts/${seller}`, { transfers: state });
    await c.read(`/v1/accounts/${seller}`);
  }
  await c.read('/v1/accounts', { limit: 3 });
  await c.read(`/v1/accounts/${seller}/capabilities`);
  await c.read(`/v1/accounts/${seller}/capabilities/transfers`);
  await c.made(`/v1/accounts/${seller}/capabilities/transfers`, { requested: true });
  const bank = await c.made(`/v1/accounts/${seller}/external_accounts`, {
    external_account: {
      object: 'bank_account',
      country: 'US',
      currency: 'usd',
      routing_number: '110000000',
      account_number: '000123456789',
    },
  });
  await c.read(`/v1/accounts/${seller}/external_accounts`);
  await c.read(`/v1/accounts/${seller}/external_accounts/${id(bank)}`);
  await c.del(`/v1/accounts/${seller}/external_accounts/${id(bank)}`);
  const urls = { refresh_url: 'https://oracles.example/again', return_url: 'https://oracles.example/back' };
  await c.made('/v1/account_links', { account: seller, type: 'account_onboarding', ...urls });
  await c.made('/v1/account_sessions', {
    account: seller,
    components: { payouts: { enabled: true }, account_onboarding: { enabled: true } },
  });
  const other = await c.made('/v1/accounts', {
    type: 'custom',
    country: 'DE',
    capabilities: { transfers: { requested: true } },
  });
  await c.read(`/v1/accounts/${id(other)}`);
  await c.made(`/v1/accounts/${id(other)}/reject`, { reason: 'fraud' });
  await c.del(`/v1/accounts/${id(other)}`);
}

async function accountsV2(c: Client): Promise<void> {
  const include = ['configuration.recipient', 'identity', 'requirements', 'defaults'];
  const made = await c.made('/v2/core/accounts', {
    contact_email: 'new@oracles.example',
    display_name: 'New Seller',
    dashboard: 'express',
    identity: { country: 'us', entity_type: 'individual' },
    configuration: { recipient: { capabilities: { stripe_balance: { stripe_transfers: { requested: true } } } } },
    defaults: { responsibilities: { fees_collector: 'application', losses_collector: 'application' } },
    metadata: { user: 'u1' },
    include,
  });
  const at = `/v2/core/accounts/${id(made)}`;
  await c.made('/v2/core/account_links', {
    account: id(made),
    use_case: {
      type: 'account_onboarding',
      account_onboarding: {
        refresh_url: 'https://oracles.example/again',
        return_url: 'https://oracles.example/back',
      },
    },
  });
  await c.read(at);
  await c.made(at, { metadata: { user: 'u2' }, include });
  await c.control(`accounts/${id(made)}`, { transfers: 'active' });
  await c.read(at, { include });
  await c.read('/v2/core/accounts', { limit: 2 });
  await c.made(`${at}/close`, { applied_configurations: ['recipient'] });
}

async function payments(c: Client): Promise<void> {
  const customer = await c.made('/v1/customers', { name: 'B', email: 'buyer@oracles.example', metadata: { a: 'b' } });
  await c.made(`/v1/customers/${id(customer)}`, { description: 'changed' });
  await c.read(`/v1/customers/${id(customer)}`);
  await c.read('/v1/customers', { limit: 2, email: 'buyer@oracles.example' });
  const idle = await c.made('/v1/payment_intents', { amount: 5000, currency: 'usd', customer: id(customer) });
  await c.made(`/v1/payment_intents/${id(idle)}`, { metadata: { k: 'v' }, amount: 5100 });
  await c.made(`/v1/payment_intents/${id(idle)}/cancel`, { cancellation_reason: 'abandoned' });
  const expand = ['latest_charge.balance_transaction', 'payment_method'];
  const shipping = { name: 'B', address: { line1: '1 Road', city: 'Town', country: 'US', postal_code: '94103' } };
  const paid = await c.pay(10_000, 'pm_card_visa', { transfer_group: 'g1', expand, shipping, metadata: { a: 'b' } });
  const charge = id(record(paid['latest_charge']));
  await c.read(`/v1/payment_intents/${id(paid)}`, { expand });
  await c.read('/v1/payment_intents', { limit: 3, customer: id(customer) });
  await c.read(`/v1/charges/${charge}`, { expand: ['refunds', 'balance_transaction'] });
  await c.made(`/v1/charges/${charge}`, { description: 'changed', metadata: { x: 'y' } });
  await c.read('/v1/charges', { payment_intent: id(paid), limit: 2 });
  const held = await c.pay(4_000, 'pm_card_visa', { capture_method: 'manual' });
  await c.made(`/v1/payment_intents/${id(held)}/capture`, { amount_to_capture: 3_000 });
  const byCharge = await c.pay(4_000, 'pm_card_visa', { capture_method: 'manual' });
  await c.made(`/v1/charges/${text(byCharge['latest_charge'])}/capture`);
  const later = await c.made('/v1/payment_intents', {
    amount: 3_000,
    currency: 'usd',
    automatic_payment_methods: { enabled: true },
  });
  await c.post(`/v1/payment_intents/${id(later)}/confirm`, {
    payment_method: 'pm_card_chargeDeclined',
    return_url: 'https://a.example',
  });
  await c.made(`/v1/payment_intents/${id(later)}/confirm`, {
    payment_method: 'pm_card_mastercard',
    return_url: 'https://a.example',
  });
  for (const declined of [
    'InsufficientFunds',
    'ExpiredCard',
    'IncorrectCvc',
    'ProcessingError',
    'LostCard',
    'StolenCard',
    'Fraudulent',
  ]) {
    await c.post('/v1/payment_intents', payment(2_000, `pm_card_chargeDeclined${declined}`));
  }
  const challenged = await c.pay(2_500, 'pm_card_authenticationRequired');
  await c.control(`payment_intents/${id(challenged)}`, { authenticate: true });
  await c.read(`/v1/payment_intents/${id(challenged)}`, { expand });
  const refused = await c.pay(2_500, 'pm_card_authenticationRequired');
  await c.control(`payment_intents/${id(refused)}`, { authenticate: false });
  await c.read(`/v1/payment_intents/${id(refused)}`);
  const mandate_data = { customer_acceptance: { type: 'offline' } };
  for (const [method, outcome, currency] of [
    ['pm_usBankAccount_success', 'succeeded', 'usd'],
    ['pm_usBankAccount_success', 'failed', 'usd'],
    ['pm_success_de', 'succeeded', 'eur'],
  ] as const) {
    const bank = await c.pay(6_000, method, { mandate_data, currency });
    await c.read(`/v1/charges/${text(bank['latest_charge'])}`);
    await c.control(`payment_intents/${id(bank)}`, { settle: outcome });
    await c.read(`/v1/payment_intents/${id(bank)}`, { expand: ['latest_charge'] });
  }
  const ideal = await c.pay(6_000, 'pm_ideal', { currency: 'eur' });
  await c.control(`payment_intents/${id(ideal)}`, { authenticate: true });
  await c.read(`/v1/payment_intents/${id(ideal)}`, { expand: ['latest_charge.balance_transaction'] });
  const doomed = await c.made('/v1/customers', { email: 'gone@oracles.example' });
  await c.del(`/v1/customers/${id(doomed)}`);
  await c.read(`/v1/customers/${id(doomed)}`);
}

async function methods(c: Client): Promise<void> {
  const customer = id(await c.made('/v1/customers', { name: 'M' }));
  const card = await c.made('/v1/payment_methods', {
    type: 'card',
    card: { number: '4242424242424242', exp_month: 12, exp_year: 2034, cvc: '123' },
  });
  await c.made('/v1/payment_methods', {
    type: 'sepa_debit',
    sepa_debit: { iban: 'DE89370400440532013000' },
    billing_details: { name: 'M', email: 'm@oracles.example' },
  });
  await c.made('/v1/payment_methods', {
    type: 'us_bank_account',
    us_bank_account: { account_number: '000123456789', routing_number: '110000000', account_holder_type: 'individual' },
    billing_details: { name: 'M', email: 'm@oracles.example' },
  });
  await c.made('/v1/payment_methods', { type: 'ideal', ideal: { bank: 'ing' }, billing_details: { name: 'M' } });
  await c.made(`/v1/payment_methods/${id(card)}/attach`, { customer });
  await c.made(`/v1/payment_methods/${id(card)}`, { metadata: { a: 'b' } });
  await c.read(`/v1/payment_methods/${id(card)}`);
  await c.read('/v1/payment_methods', { customer, type: 'card' });
  await c.read(`/v1/customers/${customer}/payment_methods`);
  await c.made(`/v1/payment_methods/${id(card)}/detach`);
  const setup = await c.made('/v1/setup_intents', { customer, automatic_payment_methods: { enabled: true } });
  await c.made(`/v1/setup_intents/${id(setup)}`, { metadata: { a: 'b' } });
  await c.made(`/v1/setup_intents/${id(setup)}/confirm`, {
    payment_method: 'pm_card_visa',
    return_url: 'https://a.example',
  });
  await c.read(`/v1/setup_intents/${id(setup)}`, { expand: ['latest_attempt'] });
  await c.read('/v1/setup_intents', { limit: 2 });
  const dropped = await c.made('/v1/setup_intents', { customer });
  await c.made(`/v1/setup_intents/${id(dropped)}/cancel`);
}

async function money(c: Client): Promise<void> {
  const seller = await c.seller();
  const topup = await c.made('/v1/topups', {
    amount: 500_000,
    currency: 'usd',
    description: 'float',
    metadata: { a: 'b' },
  });
  await c.made(`/v1/topups/${id(topup)}`, { description: 'changed' });
  await c.read(`/v1/topups/${id(topup)}`, { expand: ['balance_transaction'] });
  await c.read('/v1/topups', { limit: 2 });
  await c.advance('P3D');
  const paid = await c.pay(10_000, 'pm_card_visa');
  const sourced = {
    amount: 6_000,
    currency: 'usd',
    destination: seller,
    source_transaction: text(paid['latest_charge']),
  };
  const transfer = await c.made('/v1/transfers', {
    ...sourced,
    metadata: { a: 'b' },
    expand: ['balance_transaction', 'destination_payment'],
  });
  await c.post('/v1/transfers', sourced);
  await c.made('/v1/transfers', { amount: 2_000, currency: 'usd', destination: seller, transfer_group: 'g1' });
  await c.made(`/v1/transfers/${id(transfer)}`, { description: 'changed' });
  await c.advance('P4D');
  const reversal = await c.made(`/v1/transfers/${id(transfer)}/reversals`, {
    amount: 1_000,
    expand: ['balance_transaction'],
  });
  await c.made(`/v1/transfers/${id(transfer)}/reversals/${id(reversal)}`, { metadata: { a: 'b' } });
  await c.read(`/v1/transfers/${id(transfer)}/reversals/${id(reversal)}`);
  await c.read(`/v1/transfers/${id(transfer)}/reversals`);
  await c.made(`/v1/transfers/${id(transfer)}/reversals`);
  await c.post(`/v1/transfers/${id(transfer)}/reversals`);
  await c.read(`/v1/transfers/${id(transfer)}`, { expand: ['balance_transaction', 'source_transaction'] });
  await c.read('/v1/transfers', { destination: seller, expand: ['data.balance_transaction'] });
  await c.read(
    `/v1/charges/${text(transfer['destination_payment']) || id(record(transfer['destination_payment']))}`,
    {},
    { account: seller },
  );
  await c.read('/v1/charges', {}, { account: seller });
  await c.read('/v1/refunds', {}, { account: seller });
  await c.read('/v1/balance');
  await c.read('/v1/balance_settings');
  await c.made('/v1/balance_settings', {
    payments: { payouts: { schedule: { interval: 'manual' }, minimum_balance_by_currency: { usd: 1500 } } },
  });
  await c.read('/v1/balance', {}, { account: seller });
  const rows = await c.read('/v1/balance_transactions', { limit: 100, expand: ['data.source'] });
  await c.read('/v1/balance_transactions', { limit: 100 }, { account: seller });
  await c.read(`/v1/balance_transactions/${id(records(rows['data'])[0] ?? {})}`);
  await c.read('/v1/balance/history', { limit: 3 });
}

async function refunds(c: Client): Promise<void> {
  const paid = await c.pay(10_000);
  const intent = id(paid);
  const refund = await c.made('/v1/refunds', {
    payment_intent: intent,
    amount: 2_500,
    expand: ['balance_transaction'],
  });
  await c.made(`/v1/refunds/${id(refund)}`, { metadata: { a: 'b' } });
  await c.read(`/v1/refunds/${id(refund)}`, { expand: ['charge', 'payment_intent'] });
  await c.read('/v1/refunds', { payment_intent: intent });
  await c.read(`/v1/charges/${text(paid['latest_charge'])}/refunds`);
  await c.made(`/v1/charges/${text(paid['latest_charge'])}/refunds`, { amount: 500 });
  await c.post('/v1/refunds', { payment_intent: intent, amount: 9_000 });
  await c.made('/v1/refunds', { charge: text(paid['latest_charge']), reason: 'requested_by_customer' });
  await c.post('/v1/refunds', { payment_intent: intent });
  const slow = await c.pay(3_000, 'pm_card_pendingRefund');
  const pending = await c.made('/v1/refunds', { payment_intent: id(slow) });
  await c.post(`/v1/refunds/${id(pending)}/cancel`);
  await c.advance('P8D');
  await c.read(`/v1/refunds/${id(pending)}`);
  const bad = await c.pay(3_000, 'pm_card_refundFail');
  const failing = await c.made('/v1/refunds', { payment_intent: id(bad) });
  await c.advance('P8D');
  await c.read(`/v1/refunds/${id(failing)}`, { expand: ['balance_transaction', 'failure_balance_transaction'] });
}

async function disputes(c: Client): Promise<void> {
  const file = await c.upload('dispute_evidence', 'proof.pdf', '%PDF-1.4 proof');
  await c.read(`/v1/files/${id(file)}`);
  await c.read('/v1/files', { limit: 2 });
  const link = await c.made('/v1/file_links', { file: id(file) });
  await c.made(`/v1/file_links/${id(link)}`, { metadata: { a: 'b' } });
  await c.read(`/v1/file_links/${id(link)}`);
  await c.read('/v1/file_links', { limit: 2 });
  const open = async (method = 'pm_card_createDispute'): Promise<string> => {
    const paid = await c.pay(8_000, method);
    const list = await c.read('/v1/disputes', { payment_intent: id(paid) });
    return id(records(list['data'])[0] ?? {});
  };
  const won = await open();
  await c.made(`/v1/disputes/${won}`, {
    evidence: { customer_name: 'B', service_documentation: id(file) },
    submit: false,
  });
  await c.made(`/v1/disputes/${won}`, { evidence: { uncategorized_text: 'winning_evidence' }, submit: true });
  const lost = await open('pm_card_createDisputeProductNotReceived');
  await c.made(`/v1/disputes/${lost}`, { evidence: { uncategorized_text: 'losing_evidence' }, submit: true });
  const closed = await open();
  await c.made(`/v1/disputes/${closed}/close`);
  const inquiry = await open('pm_card_createDisputeInquiry');
  await c.read(`/v1/disputes/${inquiry}`);
  const unanswered = await open();
  await c.advance('P90D');
  for (const dispute of [won, lost, closed, inquiry, unanswered]) {
    const after = await c.read(`/v1/disputes/${dispute}`, { expand: ['charge', 'payment_intent'] });
    await c.read(`/v1/charges/${id(record(after['charge']))}`);
  }
  await c.pay(8_000, 'pm_card_createIssuerFraudRecord');
  const warnings = await c.read('/v1/radar/early_fraud_warnings', { limit: 2 });
  await c.read(`/v1/radar/early_fraud_warnings/${id(records(warnings['data'])[0] ?? {})}`);
  const risky = await c.pay(8_000, 'pm_card_riskLevelElevated');
  await c.read(`/v1/charges/${text(risky['latest_charge'])}`);
  const reviews = await c.read('/v1/reviews', { limit: 2 });
  const review = id(records(reviews['data'])[0] ?? {});
  await c.read(`/v1/reviews/${review}`);
  await c.made(`/v1/reviews/${review}/approve`);
}

async function payouts(c: Client): Promise<void> {
  const payout = await c.made('/v1/payouts', { amount: 10_000, currency: 'usd', metadata: { a: 'b' } });
  await c.made(`/v1/payouts/${id(payout)}`, { metadata: { c: 'd' } });
  await c.read('/v1/payouts', { limit: 2 });
  const canceled = await c.made('/v1/payouts', { amount: 1_000, currency: 'usd' });
  await c.made(`/v1/payouts/${id(canceled)}/cancel`);
  await c.made('/v1/payouts', { amount: 1_000, currency: 'usd', method: 'instant' });
  await c.post('/v1/payouts', { amount: 900_000_000, currency: 'usd' });
  await c.advance('P7D');
  await c.read(`/v1/payouts/${id(payout)}`, { expand: ['balance_transaction', 'destination'] });
  await c.control(`payouts/${id(payout)}`, { fail: 'account_closed' });
  await c.read(`/v1/payouts/${id(payout)}`, { expand: ['failure_balance_transaction'] });
}

async function checkout(c: Client): Promise<void> {
  const session = await c.made('/v1/checkout/sessions', {
    mode: 'payment',
    success_url: 'https://oracles.example/done',
    line_items: [{ quantity: 2, price_data: { currency: 'usd', unit_amount: 1_500, product_data: { name: 'Work' } } }],
    payment_intent_data: { transfer_group: 'g2' },
  });
  await c.made(`/v1/checkout/sessions/${id(session)}`, { metadata: { a: 'b' } });
  await c.read(`/v1/checkout/sessions/${id(session)}`, { expand: ['line_items'] });
  await c.read(`/v1/checkout/sessions/${id(session)}/line_items`);
  await c.read('/v1/checkout/sessions', { limit: 2 });
  await c.read(`/v1/payment_pages/${id(session)}`);
  const method = await c.made('/v1/payment_methods', {
    type: 'card',
    card: { number: '4242424242424242', exp_month: 12, exp_year: 2034, cvc: '123' },
    billing_details: { email: 'b@oracles.example' },
  });
  await c.made(`/v1/payment_pages/${id(session)}/confirm`, { payment_method: id(method), expected_amount: 3_000 });
  await c.read(`/v1/checkout/sessions/${id(session)}`, { expand: ['payment_intent'] });
  const expired = await c.made('/v1/checkout/sessions', {
    mode: 'payment',
    success_url: 'https://oracles.example/done',
    line_items: [{ quantity: 1, price_data: { currency: 'eur', unit_amount: 1_500, product_data: { name: 'Work' } } }],
  });
  await c.made(`/v1/checkout/sessions/${id(expired)}/expire`);
}

async function catalog(c: Client): Promise<void> {
  const product = id(await c.made('/v1/products', { name: 'Work', metadata: { a: 'b' } }));
  await c.made(`/v1/products/${product}`, { description: 'changed' });
  await c.read(`/v1/products/${product}`);
  await c.read('/v1/products', { limit: 2 });
  const price = id(await c.made('/v1/prices', { product, currency: 'usd', unit_amount: 1_000 }));
  await c.made('/v1/prices', { product, currency: 'usd', unit_amount: 1_000, recurring: { interval: 'month' } });
  await c.made(`/v1/prices/${price}`, { nickname: 'one' });
  await c.read(`/v1/prices/${price}`);
  await c.read('/v1/prices', { product });
  await c.del(`/v1/products/${id(await c.made('/v1/products', { name: 'Short' }))}`);
}

async function hooksAndEvents(c: Client): Promise<void> {
  const url = 'http://127.0.0.1:9/hook';
  const endpoint = await c.made('/v1/webhook_endpoints', {
    url,
    enabled_events: ['charge.succeeded'],
    metadata: { a: 'b' },
  });
  await c.made(`/v1/webhook_endpoints/${id(endpoint)}`, { enabled_events: ['*'], disabled: true });
  await c.read(`/v1/webhook_endpoints/${id(endpoint)}`);
  await c.read('/v1/webhook_endpoints');
  await c.del(`/v1/webhook_endpoints/${id(endpoint)}`);
  const thin = await c.made('/v2/core/event_destinations', {
    name: 'thin',
    type: 'webhook_endpoint',
    event_payload: 'thin',
    enabled_events: ['v2.core.account[requirements].updated'],
    webhook_endpoint: { url },
    include: ['webhook_endpoint.url'],
  });
  const at = `/v2/core/event_destinations/${id(thin)}`;
  await c.read(at);
  await c.made(`${at}/disable`);
  await c.made(`${at}/enable`);
  await c.read('/v2/core/event_destinations');
  await c.call('DELETE', at);
  for (let after = ''; ;) {
    const events = await c.read('/v1/events', { limit: 100, ...(after === '' ? {} : { starting_after: after }) });
    const page = records(events['data']);
    after = id(page.at(-1) ?? {});
    await c.read(`/v1/events/${after}`);
    if (events['has_more'] !== true) break;
  }
  await c.read('/v1/events', { delivery_success: true, types: ['charge.succeeded'] });
  const accounts = records((await c.read('/v1/accounts', { limit: 2 }))['data']);
  await c.read('/v1/events', { limit: 20 }, { account: id(accounts[0] ?? {}) });
  // Events of 30 days ago are gone: one more account makes thin ones.
  await accountsV2(c);
  const v2 = records((await c.read('/v2/core/events', { limit: 5 }))['data']);
  await c.read(`/v2/core/events/${id(v2[0] ?? {})}`);
  await c.get('/v1/charges/ch_unknown');
  await c.get('/v1/nothing_here');
  await c.get('/v1/balance', {}, { apiKey: 'pk_wrong' });
}
