// Deliberate mutations of the sandbox's answers, and the fact that must name each. A mutation stands for a defect: a
// proxy in front of the sandbox makes it, and the oracle that holds that field, header, code or status must fail.
import { isRecord } from './record.ts';
import type { Exchange, JsonRecord, JsonValue, Mutate } from './record.ts';

export type Mutation = { name: string; fact: string; mutate: Mutate };

const headersOf = (exchange: Exchange, change: Record<string, string | null>): Exchange => {
  const headers = { ...exchange.headers };
  for (const [name, value] of Object.entries(change)) {
    if (value === null) delete headers[name];
    else headers[name] = value;
  }
  return { ...exchange, headers };
};

/** Changes the `error` object of every refusal. */
const inError =
  (change: (error: JsonRecord) => JsonRecord, statuses?: readonly number[]): Mutate =>
  (exchange) => {
    const { body, status } = exchange;
    if (status < 400 || (statuses && !statuses.includes(status)) || !isRecord(body)) return exchange;
    const error = body['error'];
    return isRecord(error) ? { ...exchange, body: { ...body, error: change(error) } } : exchange;
  };

const without = (object: JsonRecord, name: string): JsonRecord => {
  const { [name]: _gone, ...rest } = object;
  return rest;
};

/** Walks an answer and changes every object of a kind (`object` property) in it. */
function inObjects(kind: string, change: (object: JsonRecord) => JsonRecord): Mutate {
  const walk = (value: JsonValue): JsonValue => {
    if (Array.isArray(value)) return value.map(walk);
    if (!isRecord(value)) return value;
    const walked = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, walk(inner)]));
    return walked['object'] === kind ? change(walked) : walked;
  };
  return (exchange) => (exchange.status === 200 ? { ...exchange, body: walk(exchange.body) } : exchange);
}

function place(object: JsonRecord, path: readonly string[], value: JsonValue): JsonRecord {
  const [name = '', ...rest] = path;
  const inner = object[name];
  if (rest.length === 0) return { ...object, [name]: value };
  return { ...object, [name]: place(isRecord(inner) ? inner : {}, rest, value) };
}

/** What refusals carry: each of these goes wrong in each refusal that the facts describe in full. */
const REFUSAL_PARTS: Record<string, Mutate> = {
  'another status': (exchange) => (exchange.status >= 400 ? { ...exchange, status: exchange.status + 1 } : exchange),
  'error.type changed': inError((error) => ({ ...error, type: 'some_error' })),
  'error.code changed': inError((error) => ({ ...error, code: 'some_code' })),
  'error.param changed': inError((error) => ({ ...error, param: 'some_param' })),
  'error.message changed': inError((error) => ({ ...error, message: 'No.' })),
  'error.doc_url changed': inError((error) => ({ ...error, doc_url: 'https://example.com' })),
  'error.request_log_url missing': inError((error) => without(error, 'request_log_url')),
  'request-id missing': (exchange) => headersOf(exchange, { 'request-id': null }),
};

/** The facts that describe a refusal in full. */
export const REFUSALS: readonly string[] = [
  'refund of a refunded charge: charge_already_refunded',
  'refund above what remains: no code, param amount',
  'refund above the charge: no code, param amount',
  'refund of a charged back charge: charge_disputed',
  'refund of nothing: parameter_invalid_integer',
  'transfer to an unknown account: resource_missing, destination',
  'payment to an unknown destination: resource_missing, transfer_data[destination]',
  'payout above the balance: balance_insufficient',
  'transfer above the available balance: balance_insufficient',
  'reading what is not there: 404 resource_missing',
  'attaching an unknown PaymentMethod: 404, payment_method',
  'canceling a finished PaymentIntent: unexpected state, with the intent',
  'a payment of nothing: parameter_invalid_integer',
  'a missing and an unknown parameter are named',
  ...[
    'Generic',
    'Fraudulent',
    'LostCard',
    'StolenCard',
    'InsufficientFunds',
    'ExpiredCard',
    'IncorrectCvc',
    'ProcessingError',
  ].map((name) => `a declined card ${name}: 402 with charge, intent and method`),
];

const KEYED = 'a POST with a key: the key, the original request and should-retry come back';
const BARE = 'a GET carries none of the key headers; a DELETE the key alone';
const REPLAY = 'a replay: same status and body, a new request-id, the first one named';
const REUSE = 'a key with other parameters, or on another path: idempotency_error';
const READING = 'refund of nothing: parameter_invalid_integer';
const REFUNDED = 'refund of a refunded charge: charge_already_refunded';
const DECLINE = 'a declined card Generic: 402 with charge, intent and method';
const KEY_401 = 'a wrong key: 401 with message and type alone, and no request-id';
const REACH_403 = 'an account out of reach: 403 account_invalid, and no request-id';
const UNSTORED = 'what was refused while reading parameters is not kept under its key';
const LOCKED = 'a locked object: 429 lock_timeout, to be retried, and not kept under its key';
const BUSY = 'a key in flight: 409 idempotency_key_in_use';
const LOGGED = 'every error has request_log_url, and doc_url only with a code';
const SOURCE = 'transfers above their source: the amounts named';
const REVERSED = 'reversal of a reversed transfer: already fully reversed';
const CANCEL = 'canceling a finished PaymentIntent: unexpected state, with the intent';

const on =
  (when: (exchange: Exchange) => boolean, change: Record<string, string | null>): Mutate =>
  (exchange) =>
    when(exchange) ? headersOf(exchange, change) : exchange;
const always = (): boolean => true;
const replayed = (exchange: Exchange): boolean => exchange.headers['idempotent-replayed'] === 'true';
const refused = (exchange: Exchange): boolean => exchange.status >= 400;
const method = (name: string) => (exchange: Exchange) => exchange.method === name;
const status =
  (from: number, to: number): Mutate =>
  (exchange) =>
    exchange.status === from ? { ...exchange, status: to } : exchange;

const HEADERS: readonly [name: string, fact: string, mutate: Mutate][] = [
  ['idempotency-key missing', KEYED, on(always, { 'idempotency-key': null })],
  ['original-request missing', KEYED, on(always, { 'original-request': null })],
  ['original-request of another', KEYED, on(always, { 'original-request': 'req_00000000000000' })],
  ['stripe-should-retry missing', KEYED, on(always, { 'stripe-should-retry': null })],
  ['stripe-should-retry true', KEYED, on(always, { 'stripe-should-retry': 'true' })],
  ['stripe-version missing', KEYED, on(always, { 'stripe-version': null })],
  ['request-id missing', KEYED, on(always, { 'request-id': null })],
  ['content-type of a page', KEYED, on(always, { 'content-type': 'text/html' })],
  ['a first answer called a replay', KEYED, on(always, { 'idempotent-replayed': 'true' })],
  ['GET with idempotency-key', BARE, on(method('GET'), { 'idempotency-key': 'k' })],
  ['GET with original-request', BARE, on(method('GET'), { 'original-request': 'req_00000000000000' })],
  ['GET with stripe-should-retry', BARE, on(method('GET'), { 'stripe-should-retry': 'false' })],
  ['DELETE without its key', BARE, on(method('DELETE'), { 'idempotency-key': null })],
  ['DELETE with original-request', BARE, on(method('DELETE'), { 'original-request': 'req_00000000000000' })],
  ['DELETE with stripe-should-retry', BARE, on(method('DELETE'), { 'stripe-should-retry': 'false' })],
  ['idempotent-replayed missing', REPLAY, on(replayed, { 'idempotent-replayed': null })],
  ['replay names another original', REPLAY, on(replayed, { 'original-request': 'req_00000000000000' })],
  ['replay with one and the same request-id', REPLAY, on(always, { 'request-id': 'req_00000000000000' })],
  ['replay of another status', REPLAY, (one) => (replayed(one) ? { ...one, status: 201 } : one)],
  ['replay of another body', REPLAY, (one) => (replayed(one) ? { ...one, body: {} } : one)],
  ['should-retry on a reading refusal', READING, on(refused, { 'stripe-should-retry': 'false' })],
  ['should-retry missing on an operation refusal', REFUNDED, on(refused, { 'stripe-should-retry': null })],
  ['should-retry missing on a decline', DECLINE, on(refused, { 'stripe-should-retry': null })],
  ['401 with request-id', KEY_401, on(refused, { 'request-id': 'req_00000000000000' })],
  ['401 with stripe-version', KEY_401, on(refused, { 'stripe-version': '2026-10-28.endive' })],
  ['403 with request-id', REACH_403, on(refused, { 'request-id': 'req_00000000000000' })],
  ['a reading refusal kept', UNSTORED, on(always, { 'original-request': 'req_00000000000000' })],
  ['429 without should-retry', LOCKED, on(refused, { 'stripe-should-retry': null })],
  ['429 without its key', LOCKED, on(refused, { 'idempotency-key': null })],
  ['429 without request-id', LOCKED, on(refused, { 'request-id': null })],
  ['a locked answer kept', LOCKED, on(always, { 'idempotent-replayed': 'true' })],
];

const ERRORS: readonly [name: string, fact: string, mutate: Mutate][] = [
  ['401 → 400', KEY_401, status(401, 400)],
  ['401 with a code', KEY_401, inError((error) => ({ ...error, code: 'some_code' }))],
  ['403 → 404', REACH_403, status(403, 404)],
  ['403 without its code', REACH_403, inError((error) => without(error, 'code'))],
  ['429 → 400', LOCKED, status(429, 400)],
  ['429 without its code', LOCKED, inError((error) => without(error, 'code'), [429])],
  ['429 of another message', LOCKED, inError((error) => ({ ...error, message: 'Busy.' }), [429])],
  ['429 without doc_url', LOCKED, inError((error) => without(error, 'doc_url'), [429])],
  ['429 of another type', LOCKED, inError((error) => ({ ...error, type: 'api_error' }), [429])],
  ['409 → 400', BUSY, status(409, 400)],
  ['409 without its code', BUSY, inError((error) => without(error, 'code'), [409])],
  ['409 of another message', BUSY, inError((error) => ({ ...error, message: 'Busy.' }), [409])],
  ['idempotency_error of another type', REUSE, inError((error) => ({ ...error, type: 'invalid_request_error' }))],
  ['idempotency_error of another message', REUSE, inError((error) => ({ ...error, message: 'No.' }))],
  ['idempotency_error → 409', REUSE, status(400, 409)],
  ['an unknown URL → 400', LOGGED, status(404, 400)],
  ['an unknown URL with a code', LOGGED, inError((error) => ({ ...error, code: 'resource_missing' }))],
  ['over the source → 402', SOURCE, status(400, 402)],
  ['over the source, another message', SOURCE, inError((error) => ({ ...error, message: 'Too much.' }))],
  ['reversed already → 409', REVERSED, status(400, 409)],
  ['reversed already, another message', REVERSED, inError((error) => ({ ...error, message: 'No.' }))],
  ['cancel refused without the intent', CANCEL, inError((error) => without(error, 'payment_intent'))],
  ['402 without charge', DECLINE, inError((error) => without(error, 'charge'))],
  ['402 without payment_intent', DECLINE, inError((error) => without(error, 'payment_intent'))],
  ['402 without payment_method', DECLINE, inError((error) => without(error, 'payment_method'))],
  ['402 without decline_code', DECLINE, inError((error) => without(error, 'decline_code'))],
  ['402 without advice_code', DECLINE, inError((error) => without(error, 'advice_code'))],
];

const LIST = 'a list: object, data, has_more, url, and no count';
const PAGES = 'pages: newest first, has_more, starting_after and ending_before';
const TRANSFER = 'a transfer: its seventeen fields and no status';
const GROUP = 'a transfer from a charge without a group takes group_pi_…, and one stem is shared';
const BALANCE = 'a transfer from the balance: tr_1…, no group, available at once';
const WAITS = 'a transfer waits for its charge: pending, available on the same day';
const OTHER = 'the other side: a payment py_ with its source transfer';
const REVERSAL = 'a reversal: trr_, REFUND FOR TRANSFER with the transfer as source, pyr_ on the other side';
const WHOLE = 'a reversal without an amount takes the whole transfer';
const BACK = 'an account sends money back by a transfer to the platform';
const PRO_RATA = 'a partial refund reverses its transfer pro rata, to the nearest';
const CHARGE = 'a charge books itself, a refund says what it is for';
const TODAY = 'no charges, refunds or invoice inside what is answered today';
const OPENS = 'a dispute opens: needs_response, money and fee withdrawn, due at the end of a day';
const WON = 'a dispute is won: reinstated with its fee, refundable';
const LOST = 'a dispute is lost: one withdrawal, not refundable';
const PAYOUT = 'a payout begins pending and arrives at a midnight; an instant one at once';
const LINK = 'an account link lives for 300 seconds';
const EVENT = 'an event names its request and key; one that Stripe caused names none';
const CONNECTED = 'an event of a connected account names the account; an update its previous values';

/** Fact, object, field and what the field wrongly says (`undefined` takes it away). */
const FIELDS: readonly [fact: string, object: string, path: string, value: JsonValue | undefined][] = [
  [LIST, 'list', 'total_count', 1],
  [LIST, 'list', 'has_more', true],
  [LIST, 'list', 'url', '/v1/elsewhere'],
  [PAGES, 'list', 'has_more', false],
  [TRANSFER, 'transfer', 'status', 'paid'],
  ...TRANSFER_PARTS(),
  [TRANSFER, 'list', 'total_count', undefined],
  [GROUP, 'transfer', 'transfer_group', null],
  [GROUP, 'charge', 'transfer_group', null],
  [GROUP, 'transfer', 'id', 'tr_3000000000000000000000000'],
  [BALANCE, 'transfer', 'transfer_group', 'some_group'],
  [BALANCE, 'transfer', 'id', 'tr_3000000000000000000000000'],
  [BALANCE, 'balance_transaction', 'type', 'payment'],
  [BALANCE, 'balance_transaction', 'reporting_category', 'payment'],
  [BALANCE, 'balance_transaction', 'fee', 1],
  [BALANCE, 'balance_transaction', 'net', 1],
  [BALANCE, 'balance_transaction', 'status', 'pending'],
  [BALANCE, 'balance_transaction', 'available_on', 1],
  [WAITS, 'balance_transaction', 'status', 'available'],
  [WAITS, 'balance_transaction', 'source', 'some'],
  [OTHER, 'charge', 'payment_intent', 'pi_1'],
  [OTHER, 'charge', 'source_transfer', null],
  [OTHER, 'charge', 'status', 'pending'],
  [OTHER, 'charge', 'payment_method_details.type', 'card'],
  [OTHER, 'balance_transaction', 'type', 'charge'],
  [OTHER, 'balance_transaction', 'reporting_category', 'payment'],
  [REVERSAL, 'transfer_reversal', 'transfer', 'tr_1'],
  [REVERSAL, 'transfer_reversal', 'source_refund', 're_1'],
  [REVERSAL, 'transfer_reversal', 'amount', 1],
  [REVERSAL, 'transfer_reversal', 'id', 'trr_3'],
  [REVERSAL, 'transfer_reversal', 'destination_payment_refund', 're_1'],
  [REVERSAL, 'balance_transaction', 'type', 'transfer_reversal'],
  [REVERSAL, 'balance_transaction', 'reporting_category', 'transfer'],
  [REVERSAL, 'balance_transaction', 'description', 'REFUND'],
  [REVERSAL, 'balance_transaction', 'source', 'trr_1'],
  [REVERSAL, 'refund', 'transfer_reversal', null],
  [REVERSAL, 'refund', 'source_transfer_reversal', null],
  [REVERSAL, 'transfer', 'amount_reversed', 0],
  [REVERSAL, 'transfer', 'reversed', true],
  [REVERSAL, 'list', 'total_count', 1],
  [REVERSAL, 'list', 'data', []],
  [WHOLE, 'transfer_reversal', 'amount', 1],
  [WHOLE, 'transfer', 'reversed', false],
  [BACK, 'transfer', 'destination', 'acct_1'],
  [PRO_RATA, 'transfer', 'amount_reversed', 366],
  [PRO_RATA, 'refund', 'transfer_reversal', null],
  [CHARGE, 'balance_transaction', 'type', 'payment'],
  [CHARGE, 'balance_transaction', 'description', null],
  [CHARGE, 'balance_transaction', 'source', 'some'],
  [CHARGE, 'refund', 'status', 'pending'],
  [CHARGE, 'refund', 'charge', null],
  [CHARGE, 'refund', 'payment_intent', null],
  [CHARGE, 'charge', 'amount_refunded', 0],
  [CHARGE, 'charge', 'refunded', true],
  [TODAY, 'payment_intent', 'charges', []],
  [TODAY, 'payment_intent', 'invoice', null],
  [TODAY, 'charge', 'invoice', null],
  [TODAY, 'charge', 'refunds', []],
  [OPENS, 'dispute', 'status', 'under_review'],
  [OPENS, 'dispute', 'charge', 'ch_1'],
  [OPENS, 'dispute', 'is_charge_refundable', true],
  [OPENS, 'dispute', 'evidence_details.due_by', 1],
  [OPENS, 'dispute', 'balance_transactions', []],
  [OPENS, 'balance_transaction', 'fee', 0],
  [OPENS, 'balance_transaction', 'description', null],
  [OPENS, 'balance_transaction', 'reporting_category', 'dispute_reversal'],
  [OPENS, 'charge', 'disputed', false],
  [OPENS, 'charge', 'refunded', true],
  [OPENS, 'charge', 'amount_refunded', 8_000],
  [WON, 'dispute', 'status', 'lost'],
  [WON, 'dispute', 'is_charge_refundable', false],
  [WON, 'balance_transaction', 'fee', 0],
  [WON, 'balance_transaction', 'reporting_category', 'dispute'],
  [LOST, 'dispute', 'status', 'won'],
  [LOST, 'dispute', 'is_charge_refundable', true],
  [LOST, 'dispute', 'balance_transactions', []],
  [PAYOUT, 'payout', 'status', 'paid'],
  [PAYOUT, 'payout', 'method', 'express'],
  [PAYOUT, 'payout', 'automatic', true],
  [PAYOUT, 'payout', 'type', 'card'],
  [PAYOUT, 'payout', 'arrival_date', 1],
  [LINK, 'account_link', 'expires_at', 1],
  [LINK, 'account_link', 'id', 'some'],
  [EVENT, 'event', 'request', null],
  [EVENT, 'event', 'request.idempotency_key', 'other'],
  [EVENT, 'event', 'request.id', null],
  [EVENT, 'event', 'api_version', undefined],
  [EVENT, 'event', 'pending_webhooks', undefined],
  [EVENT, 'event', 'id', 'other'],
  [CONNECTED, 'event', 'account', undefined],
  [CONNECTED, 'event', 'data.previous_attributes', {}],
];

/** Each of the transfer's seventeen fields, gone. */
function TRANSFER_PARTS(): [string, string, string, undefined][] {
  const fields =
    'amount amount_reversed balance_transaction created currency description destination destination_payment livemode metadata reversals reversed source_transaction source_type transfer_group';
  return fields.split(' ').map((field) => [TRANSFER, 'transfer', field, undefined]);
}

function field([fact, object, path, value]: (typeof FIELDS)[number]): Mutation {
  const steps = path.split('.');
  const said = value === undefined ? 'missing' : `= ${JSON.stringify(value)}`;
  const change = (one: JsonRecord): JsonRecord => (value === undefined ? without(one, path) : place(one, steps, value));
  return { name: `${object}.${path} ${said}`, fact, mutate: inObjects(object, change) };
}

export const MUTATIONS: readonly Mutation[] = [
  ...REFUSALS.flatMap((fact) =>
    Object.entries(REFUSAL_PARTS).map(([name, mutate]): Mutation => ({ name, fact, mutate })),
  ),
  ...[...HEADERS, ...ERRORS].map(([name, fact, mutate]): Mutation => ({ name, fact, mutate })),
  ...FIELDS.map(field),
];
