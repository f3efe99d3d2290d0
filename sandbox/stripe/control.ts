// The control API, `/_sandbox/*`: time, faults, webhooks, accounts, payments, disputes, refunds and payouts by hand.
import { announceAccount, deauthorize, onboard } from './core/accounts.ts';
import { checkoutFollows } from './core/checkout.ts';
import { bankSays, openDispute } from './core/disputes.ts';
import { missing, StripeError } from './core/errors.ts';
import { isObject, object } from './core/json.ts';
import type { Json, JsonObject } from './core/json.ts';
import { book } from './core/ledger.ts';
import { authenticate, returnDebit, settlePayment } from './core/payment-attempts.ts';
import { failPayout } from './core/payouts.ts';
import type { Account, PaymentIntent } from './core/records.ts';
import { failRefund } from './core/refunds.ts';
import { present } from './core/render.ts';
import { PLATFORM } from './core/world.ts';
import type { World } from './core/world.ts';
import { parseDuration } from './duration.ts';
import { FaultError, readFault } from './faults.ts';
import type { Faults } from './faults.ts';
import type { Sandbox } from './sandbox.ts';
import { describe } from './state.ts';
import type { WebhookSender } from './webhooks.ts';

export type ControlParts = { sandbox: Sandbox; faults: Faults; webhooks: WebhookSender };
export type ControlAnswer = { status: number; body: JsonObject };

const refused = (message: string, status = 400): ControlAnswer => ({
  status,
  body: { error: { message, type: 'sandbox_control_error' } },
});

export function control(parts: ControlParts, method: string, path: string, body: JsonObject): ControlAnswer {
  const [name = '', id = ''] = path.replace(/^\/_sandbox\//, '').split('/');
  try {
    if (method === 'GET' && name === 'state') return { status: 200, body: describe(parts) };
    if (method !== 'POST') return refused(`No such control: ${method} ${path}`, 404);
    switch (name) {
      case 'clock':
        return clock(parts.sandbox, body);
      case 'faults':
        return faults(parts.faults, body);
      case 'webhooks':
        return webhooks(parts.webhooks, body);
      case 'accounts':
        return account(parts.sandbox, id, body);
      case 'payment_intents':
        return paymentIntent(parts.sandbox, id, body);
      case 'disputes':
        return id === '' ? dispute(parts.sandbox, body) : disputeWord(parts.sandbox, id, body);
      case 'payouts':
        return payout(parts.sandbox, id, body);
      case 'refunds':
        return refund(parts.sandbox, id, body);
      case 'fees':
        return fee(parts.sandbox, body);
      default:
        return refused(`No such control: ${path}`, 404);
    }
  } catch (error) {
    if (error instanceof StripeError) return refused(error.message, error.status);
    if (error instanceof FaultError) return refused(error.message);
    throw error;
  }
}

function clock(sandbox: Sandbox, body: JsonObject): ControlAnswer {
  if (body.advance !== undefined) {
    const ms = typeof body.advance === 'string' ? parseDuration(body.advance) : null;
    if (ms === null) return refused('advance must be an ISO 8601 duration such as P1D or PT30S');
    sandbox.advance(ms);
  }
  return { status: 200, body: { now: new Date(sandbox.now()).toISOString(), offset_ms: sandbox.offset() } };
}

function faults(standing: Faults, body: JsonObject): ControlAnswer {
  if (body.clear === true) {
    standing.clear();
  } else {
    const match = object(body.match);
    const times = body.times ?? 1;
    if (typeof times !== 'number' || times < 1) return refused('times must be a positive number');
    standing.add(
      readFault(body),
      {
        method: typeof match.method === 'string' ? match.method.toUpperCase() : null,
        path: typeof match.path === 'string' ? match.path : '/',
      },
      times,
    );
  }
  return { status: 200, body: { faults: standing.standing.map((fault) => ({ ...fault })) } };
}

function webhooks(sender: WebhookSender, body: JsonObject): ControlAnswer {
  const next = { ...sender.faults };
  for (const key of ['duplicate', 'reorder', 'lose', 'delay_ms'] as const) {
    const value = body[key];
    if (value === undefined) continue;
    if (typeof value !== 'number' || value < 0 || (key !== 'delay_ms' && value > 1)) {
      return refused(`${key} must be a ${key === 'delay_ms' ? 'number of milliseconds' : 'rate from 0 to 1'}`);
    }
    next[key] = value;
  }
  sender.faults = next;
  return { status: 200, body: { ...next } };
}

function findAccount(world: World, id: string): Account {
  const found = world.store.get('account', id);
  if (!found) throw new StripeError(404, `No such account: '${id}'`);
  return found;
}

function account(sandbox: Sandbox, id: string, body: JsonObject): ControlAnswer {
  const { transfers } = body;
  if (transfers !== undefined && transfers !== 'active' && transfers !== 'inactive' && transfers !== 'pending') {
    return refused('transfers must be active, inactive or pending');
  }
  const result = sandbox.control((world) => {
    let current = findAccount(world, id);
    if (transfers !== undefined) {
      const before = current;
      current = world.store.patch('account', id, {
        _transfers: transfers,
        _transfers_requested: true,
        _onboarded: transfers === 'active' || before._onboarded,
        _restricted: transfers === 'inactive' && before._onboarded,
      });
      announceAccount(world, before, current);
    }
    if (body.onboarded === true) current = onboard(world, current);
    if (body.balance !== undefined) setBalance(world, current, body.balance);
    if (body.deauthorized === true) current = deauthorize(world, current);
    return present(world, current);
  });
  return { status: 200, body: result };
}

/** `balance: {usd: 500}`, or a number in the account's own currency: booked as an adjustment. */
function setBalance(world: World, target: Account, wanted: Json): void {
  const amounts: JsonObject = isObject(wanted) ? wanted : { [target.default_currency]: wanted };
  world.as(target.id, () => {
    for (const [currency, value] of Object.entries(amounts)) {
      if (typeof value !== 'number' || !Number.isSafeInteger(value))
        throw new StripeError(400, 'balance must be an integer');
      const row = world.store.get('balance_row', `${target.id}:${currency}`);
      const difference = value - (row?.available ?? 0);
      if (difference === 0) continue;
      book(world, {
        type: 'adjustment',
        category: 'other_adjustment',
        amount: difference,
        currency,
        source: target.id,
        description: 'Set by the sandbox control API',
      });
    }
  });
}

export function findIntent(world: World, id: string): PaymentIntent {
  const found = world.store.get('payment_intent', id);
  if (!found) throw new StripeError(404, `No such payment_intent: '${id}'`);
  return found;
}

function paymentIntent(sandbox: Sandbox, id: string, body: JsonObject): ControlAnswer {
  const { settle, returned, authenticate: passed } = body;
  if (settle !== undefined && settle !== 'succeeded' && settle !== 'failed') {
    return refused('settle must be succeeded or failed');
  }
  if (returned !== undefined && typeof returned !== 'string')
    return refused('returned must be a failure code such as insufficient_funds');
  if (settle === undefined && returned === undefined && typeof passed !== 'boolean')
    return refused('give settle, returned, or authenticate as true or false');
  const result = sandbox.control((world) => {
    const intent = findIntent(world, id);
    return world.as(intent._account, () => {
      if (typeof returned === 'string') return present(world, returnDebit(world, intent.id, returned));
      if (settle === undefined) {
        const after = authenticate(world, intent, passed === true);
        checkoutFollows(world, after);
        return present(world, after);
      }
      if (intent.status !== 'processing') {
        throw new StripeError(400, `This PaymentIntent has a status of ${intent.status}: there is nothing to settle.`);
      }
      const after = settlePayment(world, intent.id, settle);
      checkoutFollows(world, after);
      return present(world, after);
    });
  });
  return { status: 200, body: result };
}

function dispute(sandbox: Sandbox, body: JsonObject): ControlAnswer {
  const { charge, amount, reason, inquiry, due_in: dueIn } = body;
  if (typeof charge !== 'string') return refused('charge is required');
  if (amount !== undefined && (typeof amount !== 'number' || !Number.isSafeInteger(amount) || amount < 1)) {
    return refused('amount must be a positive integer');
  }
  const dueMs = typeof dueIn === 'string' ? parseDuration(dueIn) : null;
  if (dueIn !== undefined && dueMs === null) return refused('due_in must be an ISO 8601 duration');
  const result = sandbox.control((world) => {
    const account = world.store.get('charge', charge)?._account ?? PLATFORM;
    return world.as(account, () =>
      present(
        world,
        openDispute(world, charge, {
          reason: typeof reason === 'string' ? reason : 'fraudulent',
          inquiry: inquiry === true,
          ...(amount === undefined ? {} : { amount }),
          ...(dueMs === null ? {} : { dueIn: Math.round(dueMs / 1000) }),
        }),
      ),
    );
  });
  return { status: 200, body: result };
}

function payout(sandbox: Sandbox, id: string, body: JsonObject): ControlAnswer {
  const code = typeof body.fail === 'string' ? body.fail : null;
  if (code === null) return refused('fail must be a failure code such as account_closed');
  return { status: 200, body: sandbox.control((world) => present(world, failPayout(world, id, code))) };
}

/** `{status, give_back?, withdraw?, fee?}`: the bank's word by hand; a fee below zero is given back. */
function disputeWord(sandbox: Sandbox, id: string, body: JsonObject): ControlAnswer {
  const { status, give_back: giveBack, withdraw, fee } = body;
  if (typeof status !== 'string') return refused('status is required');
  for (const [name, amount] of Object.entries({ give_back: giveBack, withdraw })) {
    if (amount !== undefined && (typeof amount !== 'number' || !Number.isSafeInteger(amount) || amount < 1))
      return refused(`${name} must be a positive integer`);
  }
  if (fee !== undefined && (typeof fee !== 'number' || !Number.isSafeInteger(fee) || fee === 0))
    return refused('fee must be an integer other than 0');
  const word = {
    status,
    ...(typeof giveBack === 'number' ? { giveBack } : {}),
    ...(typeof withdraw === 'number' ? { withdraw } : {}),
    ...(typeof fee === 'number' ? { fee } : {}),
  };
  return { status: 200, body: sandbox.control((world) => present(world, bankSays(world, id, word))) };
}

function refund(sandbox: Sandbox, id: string, body: JsonObject): ControlAnswer {
  const code = typeof body.fail === 'string' ? body.fail : null;
  if (code === null) return refused('fail must be a failure reason such as expired_or_canceled_card');
  return {
    status: 200,
    body: sandbox.control((world) => {
      failRefund(world, id, code);
      const failed = world.store.get('refund', id);
      if (!failed) throw missing('refund', id);
      return present(world, failed);
    }),
  };
}

/** Stripe bills the platform by itself, as for Radar or for active accounts: out of its balance, for no object. */
function fee(sandbox: Sandbox, body: JsonObject): ControlAnswer {
  const { amount, currency = 'usd', description = 'Billing - Usage Fee' } = body;
  if (typeof amount !== 'number' || !Number.isSafeInteger(amount) || amount < 1) {
    return refused('amount must be a positive integer');
  }
  if (typeof currency !== 'string' || typeof description !== 'string') return refused('currency and description are strings'); // prettier-ignore
  const entry = { type: 'stripe_fee', category: 'fee', amount: -amount, currency, source: null, description };
  return {
    status: 200,
    body: sandbox.control((world) => world.as(PLATFORM, () => present(world, book(world, entry)))),
  };
}
