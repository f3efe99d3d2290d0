// Attempts to pay a PaymentIntent: success, decline, SCA, and delayed methods that settle days later.
import { behaviourOf } from './behaviours.ts';
import type { Decline } from './behaviours.ts';
import { bookCharge, ensureBooked, makeCharge } from './charges.ts';
import { openDispute } from './disputes.ts';
import { invalid, missing, StripeError } from './errors.ts';
import { isObject } from './json.ts';
import type { JsonObject } from './json.ts';
import { book } from './ledger.ts';
import { convert, exchangeRate, settlementCurrency } from './money.ts';
import { openFraudWarning, openReview } from './radar.ts';
import type { Charge, PaymentIntent, PaymentMethod } from './records.ts';
import { failPendingRefunds } from './refunds.ts';
import { present } from './render.ts';
import { destinationTransfer } from './transfers.ts';
import type { World } from './world.ts';

export function unexpected(world: World, intent: PaymentIntent, message: string): StripeError {
  return invalid(message, {
    code: 'payment_intent_unexpected_state',
    extra: { payment_intent: present(world, intent) },
  });
}

function cardError(
  world: World,
  intent: PaymentIntent,
  method: PaymentMethod,
  decline: Decline,
  charge: Charge | null,
) {
  const detail: JsonObject = {
    advice_code: decline.advice,
    ...(charge ? { charge: charge.id } : {}),
    code: decline.code,
    ...(decline.declineCode === null ? {} : { decline_code: decline.declineCode }),
    doc_url: `https://stripe.com/docs/error-codes/${decline.code.replaceAll('_', '-')}`,
    message: decline.message,
    ...(decline.networkAdvice === undefined ? {} : { network_advice_code: decline.networkAdvice }),
    ...(decline.network === undefined ? {} : { network_decline_code: decline.network }),
    ...(decline.param ? { param: decline.param } : {}),
    payment_method: present(world, method),
    type: 'card_error',
  };
  const failed = world.store.patch('payment_intent', intent.id, {
    status: 'requires_payment_method',
    payment_method: null,
    next_action: null,
    last_payment_error: detail,
    ...(charge ? { latest_charge: charge.id } : {}),
  });
  if (charge) world.emit('charge.failed', charge);
  world.emit('payment_intent.payment_failed', failed);
  const { message: _message, type: _type, doc_url: _url, code: _code, param: _param, ...extra } = detail;
  return new StripeError(402, decline.message, {
    type: 'card_error',
    code: decline.code,
    ...(decline.param ? { param: decline.param } : {}),
    keepWrites: true,
    extra: { ...extra, payment_intent: present(world, failed) },
  });
}

const NEEDS_AUTHENTICATION: Decline = {
  code: 'authentication_required',
  declineCode: 'authentication_required',
  message: 'Your card was declined. This transaction requires authentication.',
  advice: 'try_again_later',
};

/** One attempt to pay. A refusal is thrown, after its traces are written. */
export function attempt(
  world: World,
  intent: PaymentIntent,
  method: PaymentMethod,
  how: { authenticated: boolean; offSession: boolean },
): PaymentIntent {
  const behaviour = behaviourOf(method._behaviour);
  if (!behaviour) throw missing('PaymentMethod', method.id, 'payment_method');
  if (behaviour.authenticate === 'always' && !how.authenticated) {
    if (how.offSession) {
      const charge = makeCharge(world, intent, method, {
        status: 'failed',
        captured: false,
        authenticated: false,
        decline: NEEDS_AUTHENTICATION,
      });
      throw cardError(world, intent, method, NEEDS_AUTHENTICATION, charge);
    }
    const waiting = world.store.patch('payment_intent', intent.id, {
      status: 'requires_action',
      next_action: nextAction(world, intent),
    });
    world.emit('payment_intent.requires_action', waiting);
    return waiting;
  }
  if (behaviour.decline) {
    const charge = makeCharge(world, intent, method, {
      status: 'failed',
      captured: false,
      authenticated: how.authenticated,
      decline: behaviour.decline,
    });
    throw cardError(world, intent, method, behaviour.decline, charge);
  }
  const later = intent.capture_method === 'manual';
  const charge = makeCharge(world, intent, method, {
    status: behaviour.delay ? 'pending' : 'succeeded',
    captured: !later,
    authenticated: how.authenticated,
    decline: null,
  });
  if (behaviour.delay) {
    const processing = world.store.patch('payment_intent', intent.id, {
      status: 'processing',
      next_action: null,
      latest_charge: charge.id,
      last_payment_error: null,
    });
    world.schedule('payment.settle', intent.id, world.now + behaviour.delay.seconds);
    world.emit('charge.pending', charge);
    world.emit('payment_intent.processing', processing);
    return processing;
  }
  if (later) {
    const held = world.store.patch('charge', charge.id, { paid: true });
    const capturable = world.store.patch('payment_intent', intent.id, {
      status: 'requires_capture',
      amount_capturable: intent.amount,
      next_action: null,
      latest_charge: held.id,
      last_payment_error: null,
    });
    world.emit('charge.succeeded', held);
    world.emit('payment_intent.amount_capturable_updated', capturable);
    return capturable;
  }
  return succeed(world, intent, charge);
}

function succeed(world: World, intent: PaymentIntent, charge: Charge): PaymentIntent {
  const later = world.settings.asyncCapture && intent.capture_method === 'automatic_async';
  const booked = later
    ? world.store.patch('charge', charge.id, { status: 'succeeded', paid: true })
    : bookCharge(world, charge, intent.amount);
  if (later) world.schedule('charge.book', charge.id, world.now + 1);
  const done = world.store.patch('payment_intent', intent.id, {
    status: 'succeeded',
    amount_received: intent.amount,
    next_action: null,
    latest_charge: booked.id,
    last_payment_error: null,
  });
  world.emit('charge.succeeded', booked);
  world.emit('payment_intent.succeeded', done);
  if (isObject(intent.transfer_data)) destinationTransfer(world, ensureBooked(world, booked), intent.transfer_data);
  const behaviour = behaviourOf(charge._behaviour);
  if (behaviour?.review) openReview(world, booked);
  if (behaviour?.fraudWarning) openFraudWarning(world, booked);
  if (behaviour?.dispute) openDispute(world, booked.id, behaviour.dispute);
  return world.store.get('payment_intent', done.id) ?? done;
}

function nextAction(world: World, intent: PaymentIntent): JsonObject {
  const url = `${world.settings.baseUrl}/_sandbox/authenticate/${intent.id}`;
  if (intent._return_url !== null) {
    return { redirect_to_url: { return_url: intent._return_url, url }, type: 'redirect_to_url' };
  }
  return {
    type: 'use_stripe_sdk',
    use_stripe_sdk: { source: world.ids.token('src', 24), stripe_js: url, type: 'three_d_secure_redirect' },
  };
}

/** The buyer's side of SCA: succeeded or refused at the bank. */
export function authenticate(world: World, intent: PaymentIntent, passed: boolean): PaymentIntent {
  const method = intent.payment_method ? world.store.get('payment_method', intent.payment_method) : undefined;
  if (intent.status !== 'requires_action' || !method) {
    throw unexpected(
      world,
      intent,
      `This PaymentIntent has a status of ${intent.status}: nothing waits for the buyer.`,
    );
  }
  if (passed) {
    try {
      return attempt(world, intent, method, { authenticated: true, offSession: false });
    } catch (error) {
      if (error instanceof StripeError && error.detail.keepWrites) return reread(world, intent.id);
      throw error;
    }
  }
  const failed = world.store.patch('payment_intent', intent.id, {
    status: 'requires_payment_method',
    payment_method: null,
    next_action: null,
    last_payment_error: {
      code: 'payment_intent_authentication_failure',
      doc_url: 'https://stripe.com/docs/error-codes/payment-intent-authentication-failure',
      message:
        'We are unable to authenticate your payment method. Please choose a different payment method and try again.',
      payment_method: present(world, method),
      type: 'invalid_request_error',
    },
  });
  world.emit('payment_intent.payment_failed', failed);
  return failed;
}

function reread(world: World, id: string): PaymentIntent {
  const intent = world.store.get('payment_intent', id);
  if (!intent) throw missing('payment_intent', id, 'intent');
  return intent;
}

/** A delayed method settles: on its day, or early by the control API. */
export function settlePayment(world: World, id: string, outcome?: 'succeeded' | 'failed'): PaymentIntent {
  const intent = reread(world, id);
  const charge = intent.latest_charge ? world.store.get('charge', intent.latest_charge) : undefined;
  if (intent.status !== 'processing' || !charge) return intent;
  const plan = behaviourOf(charge._behaviour)?.delay;
  if ((outcome ?? plan?.outcome) !== 'failed') return succeed(world, intent, charge);
  const code = plan?.failure ?? 'insufficient_funds';
  const message = 'The bank account could not be debited.';
  const failedCharge = world.store.patch('charge', charge.id, {
    status: 'failed',
    paid: false,
    captured: false,
    amount_captured: 0,
    failure_code: code,
    failure_message: message,
  });
  const method = intent.payment_method ? world.store.get('payment_method', intent.payment_method) : undefined;
  const failed = world.store.patch('payment_intent', intent.id, {
    status: 'requires_payment_method',
    payment_method: null,
    last_payment_error: {
      charge: charge.id,
      code: 'payment_method_provider_decline',
      decline_code: code,
      doc_url: 'https://stripe.com/docs/error-codes/payment-method-provider-decline',
      message,
      ...(method ? { payment_method: present(world, method) } : {}),
      type: 'card_error',
    },
  });
  world.emit('charge.failed', failedCharge);
  world.emit('payment_intent.payment_failed', failed);
  return failed;
}

/**
 * A debit that the bank returns after it succeeded: the charge fails late, and its money leaves by a balance transaction of
 * its own. Test mode has no such debit: simulated from the API reference alone (`failure_balance_transaction`, the type
 * `payment_failure_refund`, the reporting category `charge_failure`).
 */
export function returnDebit(world: World, id: string, code: string): PaymentIntent {
  const intent = reread(world, id);
  const found = intent.latest_charge ? world.store.get('charge', intent.latest_charge) : undefined;
  if (intent.status !== 'succeeded' || !found || !behaviourOf(found._behaviour)?.delay) {
    throw unexpected(
      world,
      intent,
      `This PaymentIntent has a status of ${intent.status}: no bank can return its debit.`,
    );
  }
  if (found.status !== 'succeeded') throw invalid(`Charge ${found.id} has failed already.`);
  const charge = ensureBooked(world, found);
  const brought = charge.balance_transaction
    ? world.store.get('balance_transaction', charge.balance_transaction)
    : undefined;
  const currency = settlementCurrency(charge.currency);
  const rate = exchangeRate(charge.currency, currency, world.now);
  const transaction = book(world, {
    type: 'payment_failure_refund',
    category: 'charge_failure',
    amount: -convert(charge.amount_captured - charge.amount_refunded, rate),
    currency,
    source: charge.id,
    description: `Payment failure refund for ${charge.id}`,
    availableOn: brought?.available_on,
    rate,
  });
  const failed = world.store.patch('charge', charge.id, {
    status: 'failed',
    paid: false,
    failure_code: code,
    failure_message: 'The bank returned the debit.',
    failure_balance_transaction: transaction.id,
  });
  world.emit('charge.failed', failed);
  failPendingRefunds(world, charge.id);
  return intent;
}
