// Payouts to the bank, by hand and by schedule; a paid payout may still fail, and gives its money back then.
import { balanceInsufficient, invalid } from './errors.ts';
import { integer, text } from './json.ts';
import type { JsonObject } from './json.ts';
import { available, book } from './ledger.ts';
import { page } from './lists.ts';
import { checkAmount } from './money.ts';
import {
  amount,
  CREATED,
  currency,
  expand,
  LIST,
  mergeMetadata,
  metadata,
  NONE,
  oneOf,
  required,
  str,
} from './params.ts';
import type { Account, Payout } from './records.ts';
import { get, post } from './route.ts';
import type { Route } from './route.ts';
import { DAY_SECONDS, PLATFORM } from './world.ts';
import type { World } from './world.ts';

const SHORT =
  'You have insufficient funds in your Stripe account for this transfer. Your card balance is too low.  You can use the /v1/balance endpoint to view your Stripe balance (for more details, see stripe.com/docs/api#balance).';

const LARGEST_INSTANT = 999_900;

function destinationOf(world: World, given: string | null, code: string): string | null {
  const accounts = world.store.by('external_account', 'account', world.account);
  if (given !== null) {
    const found = accounts.find((account) => account.id === given);
    if (!found)
      throw invalid(`No such external account: '${given}'`, { code: 'resource_missing', param: 'destination' });
    return found.id;
  }
  const match = accounts.find((account) => account.currency === code) ?? accounts[0];
  return match?.id ?? null;
}

export function makePayout(
  world: World,
  given: { amount: number; currency: string; automatic: boolean; params: JsonObject },
): Payout {
  const { params } = given;
  const destination = destinationOf(world, text(params.destination), given.currency);
  if (destination === null && world.account !== PLATFORM) {
    throw invalid(`Sorry, you don't have any external accounts in that currency (${given.currency}).`, {
      param: 'currency',
    });
  }
  if (available(world, world.account, given.currency) < given.amount) throw balanceInsufficient(SHORT);
  if (params.method === 'instant' && given.amount > LARGEST_INSTANT) {
    throw invalid('Instant Payouts to bank accounts are only supported for amounts less than or equal to $9999');
  }
  const id = world.id('po');
  const transaction = book(world, {
    type: 'payout',
    category: 'payout',
    amount: -given.amount,
    currency: given.currency,
    source: id,
    description: given.automatic ? 'STRIPE PAYOUT' : text(params.description),
  });
  const method = text(params.method) ?? 'standard';
  const arrival =
    method === 'instant' ? world.now : Math.floor((world.now + 2 * DAY_SECONDS) / DAY_SECONDS) * DAY_SECONDS;
  const payout = world.store.put('payout', {
    id,
    object: 'payout',
    _account: world.account,
    amount: given.amount,
    application_fee: null,
    application_fee_amount: null,
    arrival_date: arrival,
    automatic: given.automatic,
    balance_transaction: transaction.id,
    created: world.now,
    currency: given.currency,
    description: given.automatic ? 'STRIPE PAYOUT' : text(params.description),
    destination,
    failure_balance_transaction: null,
    failure_code: null,
    failure_message: null,
    livemode: false,
    metadata: mergeMetadata({}, params.metadata),
    method,
    original_payout: null,
    payout_method: null,
    reconciliation_status: given.automatic ? 'in_progress' : 'not_applicable',
    reversed_by: null,
    source_type: text(params.source_type) ?? 'card',
    statement_descriptor: text(params.statement_descriptor),
    status: 'pending',
    trace_id: { status: 'pending', value: null },
    type: 'bank_account',
  });
  world.emit('payout.created', payout);
  world.schedule('payout.arrive', id, arrival);
  if (given.automatic) reconcile(world, payout);
  return payout;
}

/** An automatic payout tells which transactions it carries. */
function reconcile(world: World, payout: Payout): void {
  for (const transaction of world.store.all('balance_transaction')) {
    const mine = transaction._account === world.account && transaction.currency === payout.currency;
    if (mine && transaction.status === 'available' && transaction._payout === undefined) {
      world.store.patch('balance_transaction', transaction.id, { _payout: payout.id });
    }
  }
}

export function arrive(world: World, id: string): void {
  const payout = world.store.get('payout', id);
  if (!payout || !['pending', 'in_transit'].includes(payout.status)) return;
  world.as(payout._account, () => {
    const bankId = text(payout.destination);
    const bank = bankId ? world.store.get('external_account', bankId) : undefined;
    const failure = text(bank?._fails);
    if (failure !== null) {
      failPayout(world, id, failure);
      return;
    }
    const paid = world.store.patch('payout', id, {
      status: 'paid',
      trace_id: { status: 'supported', value: world.ids.random.chars(12) },
      reconciliation_status: payout.automatic ? 'completed' : 'not_applicable',
    });
    world.emit('payout.updated', paid, { status: payout.status });
    world.emit('payout.paid', paid);
    if (payout.automatic) world.emit('payout.reconciliation_completed', paid);
  });
}

/** Also a payout already paid may fail: the bank returns it within some days. */
export function failPayout(world: World, id: string, code: string): Payout {
  const payout = world.store.get('payout', id);
  if (!payout) throw invalid(`No such payout: '${id}'`, { code: 'resource_missing', param: 'id' });
  if (!['pending', 'in_transit', 'paid'].includes(payout.status)) {
    throw invalid(`Payout ${id} cannot fail: its status is ${payout.status}.`);
  }
  return world.as(payout._account, () => {
    const transaction = book(world, {
      type: 'payout_failure',
      category: 'payout_reversal',
      amount: payout.amount,
      currency: payout.currency,
      source: id,
      description: `STRIPE PAYOUT FAILURE (${code})`,
    });
    const failed = world.store.patch('payout', id, {
      status: 'failed',
      failure_code: code,
      failure_message: `The payout could not be made: ${code.replaceAll('_', ' ')}.`,
      failure_balance_transaction: transaction.id,
    });
    world.emit('payout.updated', failed, { status: payout.status });
    world.emit('payout.failed', failed);
    return failed;
  });
}

/** Midnight UTC of every sandbox day: each account with an automatic schedule that is due pays out what is available. */
export function automaticPayouts(world: World, day: number): void {
  const date = new Date(day * 1000);
  const weekday = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'][date.getUTCDay()];
  const accounts = [...world.store.all('account')].filter((account) => isDue(account, weekday, date.getUTCDate()));
  for (const account of accounts) {
    if (account._transfers !== 'active' || account._deauthorized || account._closed) continue;
    if (world.store.by('external_account', 'account', account.id).length === 0) continue;
    for (const row of world.store.all('balance_row')) {
      if (row._account !== account.id || row.available <= 0) continue;
      world.as(account.id, () =>
        makePayout(world, { amount: row.available, currency: row.currency, automatic: true, params: {} }),
      );
    }
  }
}

function isDue(account: Account, weekday: string | undefined, date: number): boolean {
  const interval = account._schedule.interval;
  if (account.id === PLATFORM) return false;
  if (interval === 'daily') return true;
  if (interval === 'weekly') return account._schedule.weekly_anchor === weekday;
  return interval === 'monthly' && Number(account._schedule.monthly_anchor) === date;
}

export const payoutRoutes: Route[] = [
  post(
    '/v1/payouts',
    {
      amount: amount(required),
      currency: currency(required),
      description: str(),
      destination: str(),
      expand,
      metadata,
      method: oneOf(['instant', 'standard']),
      payout_method: str(),
      source_type: oneOf(['bank_account', 'card', 'fpx']),
      statement_descriptor: str({ max: 22 }),
    },
    ({ world, params }) => {
      const code = text(params.currency) ?? '';
      const value = integer(params.amount) ?? 0;
      checkAmount(value, code);
      if (['huf', 'twd'].includes(code) && value % 100 !== 0) {
        throw invalid(`Invalid amount. Payouts in ${code} must be a multiple of 100.`, {
          param: 'amount',
          reading: true,
        });
      }
      return makePayout(world, { amount: value, currency: code, automatic: false, params });
    },
  ),
  get(
    '/v1/payouts',
    { ...LIST, ...CREATED, arrival_date: { kind: 'range' }, destination: str(), status: str() },
    ({ world, params }) =>
      page(world, {
        table: 'payout',
        url: '/v1/payouts',
        params,
        where: { status: params.status, destination: params.destination },
        ranges: ['created', 'arrival_date'],
      }),
  ),
  get('/v1/payouts/:id', NONE, ({ world, path }) => world.find('payout', path('id'), 'payout')),
  post('/v1/payouts/:id', { metadata, expand }, ({ world, path, params }) => {
    const payout = world.find('payout', path('id'), 'payout');
    const after = world.store.patch('payout', payout.id, { metadata: mergeMetadata(payout.metadata, params.metadata) });
    world.emitUpdate('payout.updated', payout, after);
    return after;
  }),
  post('/v1/payouts/:id/cancel', NONE, ({ world, path }) => {
    const payout = world.find('payout', path('id'), 'payout');
    if (payout.status !== 'pending' || payout.automatic) {
      throw invalid(
        `Payouts can only be canceled while they are pending and were made by hand; this one is ${payout.status}.`,
      );
    }
    const transaction = book(world, {
      type: 'payout_cancel',
      category: 'payout_reversal',
      amount: payout.amount,
      currency: payout.currency,
      source: payout.id,
      description: 'STRIPE PAYOUT CANCEL',
    });
    const after = world.store.patch('payout', payout.id, {
      status: 'canceled',
      failure_balance_transaction: transaction.id,
    });
    world.emit('payout.updated', after, { status: 'pending' });
    world.emit('payout.canceled', after);
    return after;
  }),
];
