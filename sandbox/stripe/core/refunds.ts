// Refunds: taken from the platform's balance, pending while it is short, failing later for some cards. Transfers stay.
import { behaviourOf } from './behaviours.ts';
import { ensureBooked } from './charges.ts';
import { invalid, missing } from './errors.ts';
import { integer, text } from './json.ts';
import type { JsonObject } from './json.ts';
import { available, availableAndPending, balanceGrew, book } from './ledger.ts';
import { page } from './lists.ts';
import { convert, exchangeRate, format, settlementCurrency } from './money.ts';
import { amount, bool, CREATED, currency, expand, LIST, mergeMetadata, metadata, NONE, oneOf, str } from './params.ts';
import { closeReviewsOf, warningsHandled } from './radar.ts';
import type { Charge, Refund } from './records.ts';
import { defineIncludable } from './render.ts';
import { get, post } from './route.ts';
import type { Route } from './route.ts';
import { reverseForRefund } from './transfers.ts';
import { DAY_SECONDS } from './world.ts';
import type { World } from './world.ts';

// Absent until a refund fails; asking to expand it is no error before.
defineIncludable('refund', 'failure_balance_transaction', () => undefined);

const REASONS = ['duplicate', 'fraudulent', 'requested_by_customer'] as const;

/** What can still be refunded of a charge: pending refunds count as refunded. */
function unrefunded(charge: Charge): number {
  return charge.amount_captured - charge.amount_refunded;
}

function check(charge: Charge, world: World, wanted: number): void {
  if (charge.status !== 'succeeded' || !charge.captured) {
    throw invalid(`Charge ${charge.id} cannot be refunded: its status is ${charge.status}.`);
  }
  const dispute = world.store.by('dispute', 'charge', charge.id).at(-1);
  if (dispute && dispute.is_charge_refundable !== true) {
    throw invalid(`Charge ${charge.id} has been charged back; cannot issue a refund.`, { code: 'charge_disputed' });
  }
  const left = unrefunded(charge);
  if (left <= 0) {
    throw invalid(`Charge ${charge.id} has already been refunded.`, { code: 'charge_already_refunded' });
  }
  if (wanted > left) {
    const asked = format(wanted, charge.currency);
    throw invalid(
      charge.amount_refunded === 0
        ? `Refund amount (${asked}) is greater than charge amount (${format(charge.amount, charge.currency)})`
        : `Refund amount (${asked}) is greater than unrefunded amount on charge (${format(left, charge.currency)})`,
      { param: 'amount' },
    );
  }
}

function destination(charge: Charge): JsonObject {
  const type = behaviourOf(charge._behaviour)?.type ?? 'card';
  if (type === 'card') {
    return {
      card: { reference_status: 'pending', reference_type: 'acquirer_reference_number', type: 'refund' },
      type: 'card',
    };
  }
  return type === 'us_bank_account'
    ? { type: 'us_bank_transfer', us_bank_transfer: { reference: null, reference_status: null } }
    : { type };
}

export function createRefund(world: World, given: Charge, params: JsonObject): Refund {
  const charge = ensureBooked(world, given);
  const wanted = integer(params.amount) ?? Math.max(unrefunded(charge), 1);
  check(charge, world, wanted);
  const refund: Refund = {
    id: world.ids.ofStem(charge.id.startsWith('py_') ? 'pyr' : 're', charge._stem),
    object: 'refund',
    _account: world.account,
    amount: wanted,
    balance_transaction: null,
    charge: charge.id,
    created: world.now,
    currency: charge.currency,
    customer: charge.customer ?? null,
    customer_account: null,
    destination_details: destination(charge),
    metadata: mergeMetadata({}, params.metadata),
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    reason: params.reason ?? null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: 'pending',
    transfer_reversal: null,
  };
  if (params.reverse_transfer === true) {
    refund.transfer_reversal = reverseForRefund(world, charge, wanted);
  }
  world.store.put('refund', refund);
  const refunded = charge.amount_refunded + wanted;
  const after = world.store.patch('charge', charge.id, {
    amount_refunded: refunded,
    refunded: refunded >= charge.amount_captured,
  });
  const paid = pay(world, refund);
  world.emit('charge.refunded', after, { amount_refunded: charge.amount_refunded, refunded: charge.refunded });
  world.emit('refund.created', paid);
  world.emit('charge.refund.updated', paid);
  if (after.refunded) {
    closeReviewsOf(world, charge.id, 'refunded');
    warningsHandled(world, charge.id);
  }
  return paid;
}

/** Takes the money now if there is enough; otherwise the refund waits with its reason. */
function pay(world: World, refund: Refund): Refund {
  const charge = world.store.get('charge', refund.charge);
  if (!charge) throw missing('charge', refund.charge, 'charge');
  const settled = settlementCurrency(refund.currency);
  const rate = exchangeRate(refund.currency, settled, world.now);
  const taken = convert(refund.amount, rate);
  const source = charge.balance_transaction
    ? world.store.get('balance_transaction', charge.balance_transaction)
    : undefined;
  const unsettled = source?.status === 'pending';
  const funds = unsettled
    ? availableAndPending(world, world.account, settled)
    : available(world, world.account, settled);
  if (funds < taken) {
    return world.store.patch('refund', refund.id, {
      status: 'pending',
      pending_reason: 'insufficient_funds',
      _waiting: `${world.account}:${settled}`,
    });
  }
  const transaction = book(world, {
    type: source?.type === 'payment' ? 'payment_refund' : 'refund',
    category: 'refund',
    amount: -taken,
    currency: settled,
    source: refund.id,
    description: `REFUND FOR CHARGE${charge.description ? ` (${text(charge.description) ?? ''})` : ''}`,
    availableOn: unsettled ? source.available_on : world.now,
    rate,
    stem: charge._stem,
  });
  const plan = behaviourOf(charge._behaviour)?.refund;
  if (plan === 'pending') world.schedule('refund.succeed', refund.id, world.now + DAY_SECONDS);
  if (plan === 'fail') world.schedule('refund.fail', refund.id, world.now + DAY_SECONDS);
  const { pending_reason: _reason, _waiting: _key, ...rest } = refund;
  return world.store.put('refund', {
    ...rest,
    balance_transaction: transaction.id,
    status: plan === 'pending' ? 'pending' : 'succeeded',
    ...(plan === 'pending' ? { pending_reason: 'processing' } : {}),
  });
}

/** A balance grew: refunds that waited for it try again, oldest first. */
export function retryRefunds(world: World, balance: string): void {
  for (const refund of world.store.by('refund', '_waiting', balance)) {
    if (refund.status !== 'pending') continue;
    const after = world.as(refund._account, () => pay(world, refund));
    if (after.status !== refund.status || after.balance_transaction !== null) announce(world, after, 'pending');
  }
}

function announce(world: World, refund: Refund, before: string): void {
  world.as(refund._account, () => {
    world.emit('refund.updated', refund, { status: before });
    world.emit('charge.refund.updated', refund, { status: before });
  });
}

export function succeedRefund(world: World, id: string): void {
  const refund = world.store.get('refund', id);
  if (!refund || refund.status !== 'pending') return;
  const { pending_reason: _reason, ...rest } = refund;
  announce(world, world.store.put('refund', { ...rest, status: 'succeeded' }), 'pending');
}

/** A refund that fails gives the money back to the platform by a transaction of its own. */
export function failRefund(world: World, id: string, reason: string): void {
  const refund = world.store.get('refund', id);
  if (!refund || !['pending', 'succeeded'].includes(refund.status)) return;
  world.as(refund._account, () => {
    const { pending_reason: _reason, _waiting: _key, ...rest } = refund;
    let failed = world.store.put('refund', { ...rest, status: 'failed', failure_reason: reason });
    failed = giveBack(world, failed);
    const charge = world.store.get('charge', refund.charge);
    if (charge) {
      world.store.patch('charge', charge.id, {
        amount_refunded: charge.amount_refunded - refund.amount,
        refunded: false,
      });
    }
    world.emit('refund.updated', failed, { status: refund.status });
    world.emit('charge.refund.updated', failed, { status: refund.status });
    world.emit('refund.failed', failed);
  });
}

function giveBack(world: World, refund: Refund): Refund {
  const taken = refund.balance_transaction
    ? world.store.get('balance_transaction', refund.balance_transaction)
    : undefined;
  if (!taken) return refund;
  const transaction = book(world, {
    type: 'refund_failure',
    category: 'refund_failure',
    amount: -taken.amount,
    currency: taken.currency,
    source: refund.id,
    description: 'REFUND FAILURE',
    availableOn: taken.status === 'pending' ? taken.available_on : world.now,
    rate: taken.exchange_rate,
  });
  balanceGrew(world, refund._account, taken.currency);
  return world.store.patch('refund', refund.id, { failure_balance_transaction: transaction.id });
}

/** Refunds still waiting for money fail when their charge is disputed. */
export function failPendingRefunds(world: World, charge: string): void {
  for (const refund of world.store.by('refund', 'charge', charge)) {
    if (refund.status === 'pending' && refund.balance_transaction === null) {
      failRefund(world, refund.id, 'charge_for_pending_refund_disputed');
    }
  }
}

function chargeOf(world: World, params: JsonObject): Charge {
  const id = text(params.charge);
  if (id) return world.find('charge', id, 'charge', 'charge');
  const intentId = text(params.payment_intent);
  if (!intentId) {
    throw invalid('One of the following params should be provided for this request: payment_intent or charge.', {
      reading: true,
    });
  }
  const intent = world.store.get('payment_intent', intentId);
  if (!intent || intent._account !== world.account) throw missing('payment_intent', intentId, 'payment_intent');
  const charge = intent.latest_charge ? world.store.get('charge', intent.latest_charge) : undefined;
  if (!charge || charge.status !== 'succeeded') {
    throw invalid(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`);
  }
  return charge;
}

export const refundRoutes: Route[] = [
  post(
    '/v1/refunds',
    {
      amount: amount(),
      charge: str(),
      currency: currency(),
      customer: str(),
      expand,
      instructions_email: str(),
      metadata,
      origin: oneOf(['customer_balance']),
      payment_intent: str(),
      reason: oneOf(REASONS),
      refund_application_fee: bool(),
      reverse_transfer: bool(),
    },
    ({ world, params }) => createRefund(world, chargeOf(world, params), params),
  ),
  post(
    '/v1/charges/:charge/refunds',
    {
      amount: amount(),
      currency: currency(),
      customer: str(),
      expand,
      instructions_email: str(),
      metadata,
      origin: oneOf(['customer_balance']),
      payment_intent: str(),
      reason: oneOf(REASONS),
      refund_application_fee: bool(),
      reverse_transfer: bool(),
    },
    ({ world, params, path }) => createRefund(world, world.find('charge', path('charge'), 'charge'), params),
  ),
  get('/v1/refunds', { ...LIST, ...CREATED, charge: str(), payment_intent: str() }, ({ world, params }) =>
    page(world, {
      table: 'refund',
      url: '/v1/refunds',
      params,
      where: { charge: params.charge, payment_intent: params.payment_intent },
    }),
  ),
  get('/v1/refunds/:id', NONE, ({ world, path }) => world.find('refund', path('id'), 'refund')),
  post('/v1/refunds/:id', { metadata, expand }, ({ world, path, params }) => {
    const refund = world.find('refund', path('id'), 'refund');
    const after = world.store.patch('refund', refund.id, {
      metadata: mergeMetadata(refund.metadata, params.metadata),
    });
    world.emitUpdate('refund.updated', refund, after);
    return after;
  }),
  post('/v1/refunds/:id/cancel', NONE, ({ world, path }) => {
    const refund = world.find('refund', path('id'), 'refund');
    if (refund.status !== 'requires_action') {
      throw invalid(`Refund ${refund.id} cannot be canceled because its status is ${refund.status}.`);
    }
    const after = world.store.patch('refund', refund.id, { status: 'canceled' });
    world.emit('refund.updated', after, { status: refund.status });
    return after;
  }),
];
