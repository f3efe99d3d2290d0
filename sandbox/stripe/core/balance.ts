// The balance and its transactions as the wire shows them, and top-ups, which are available at once in the sandbox.
import { integer, text } from './json.ts';
import type { JsonObject } from './json.ts';
import { balanceGrew, book } from './ledger.ts';
import { page } from './lists.ts';
import { checkCurrency, SETTLEMENT } from './money.ts';
import {
  amount,
  CREATED,
  currency,
  expand,
  known,
  LIST,
  mergeMetadata,
  metadata,
  NONE,
  oneOf,
  required,
  str,
} from './params.ts';
import { get, post } from './route.ts';
import type { Route } from './route.ts';
import { PLATFORM } from './world.ts';
import type { World } from './world.ts';

export function balanceObject(world: World): JsonObject {
  const rows = [...world.store.all('balance_row')].filter((row) => row._account === world.account);
  const fallback = world.store.get('account', world.account)?.default_currency ?? 'usd';
  const order = (code: string): number => (SETTLEMENT as readonly string[]).indexOf(code);
  rows.sort((a, b) => order(a.currency) - order(b.currency));
  const shown = rows.length > 0 ? rows : [{ currency: fallback, available: 0, pending: 0, reserved: 0 }];
  const line = (code: string, value: number): JsonObject => ({
    amount: value,
    currency: code,
    source_types: { card: value },
  });
  return {
    object: 'balance',
    available: shown.map((row) => line(row.currency, row.available)),
    ...(world.account === PLATFORM
      ? { connect_reserved: shown.map((row) => ({ amount: row.reserved, currency: row.currency })) }
      : {}),
    livemode: false,
    pending: shown.map((row) => line(row.currency, row.pending)),
  };
}

const TOPUP_STATUS = oneOf(['canceled', 'failed', 'pending', 'succeeded']);

export const balanceRoutes: Route[] = [
  get('/v1/balance', NONE, ({ world }) => balanceObject(world)),
  get(
    '/v1/balance_transactions',
    { ...LIST, ...CREATED, currency: currency(), payout: str(), source: str(), type: str() },
    ({ world, params }) =>
      page(world, {
        table: 'balance_transaction',
        url: '/v1/balance_transactions',
        params,
        where: { currency: params.currency, _payout: params.payout, source: params.source, type: params.type },
        what: 'balance transaction',
      }),
  ),
  get('/v1/balance_transactions/:id', NONE, ({ world, path }) =>
    world.find('balance_transaction', path('id'), 'balance transaction'),
  ),
  get(
    '/v1/balance/history',
    { ...LIST, ...CREATED, currency: currency(), payout: str(), source: str(), type: str() },
    ({ world, params }) =>
      page(world, {
        table: 'balance_transaction',
        url: '/v1/balance_transactions',
        params,
        where: { currency: params.currency, _payout: params.payout, source: params.source, type: params.type },
      }),
  ),
  post(
    '/v1/topups',
    {
      amount: amount(required),
      currency: currency(required),
      description: str(),
      expand,
      metadata,
      payment_method: str(),
      payment_method_options: known('us_bank_account'),
      source: str(),
      statement_descriptor: str({ max: 15 }),
      transfer_group: str(),
    },
    ({ world, params }) => {
      const id = world.id('tu');
      const code = text(params.currency) ?? '';
      checkCurrency(code);
      const value = integer(params.amount) ?? 0;
      const transaction = book(world, {
        type: 'topup',
        category: 'topup',
        amount: value,
        currency: code,
        source: id,
        description: text(params.description),
      });
      const topup = world.store.put('topup', {
        id,
        object: 'topup',
        _account: world.account,
        amount: value,
        balance_transaction: transaction.id,
        created: world.now,
        currency: code,
        description: text(params.description),
        expected_availability_date: world.now,
        failure_code: null,
        failure_message: null,
        initiated_by: 'user',
        livemode: false,
        metadata: mergeMetadata({}, params.metadata),
        payment_method: null,
        payment_method_options: null,
        source: null,
        statement_descriptor: text(params.statement_descriptor),
        status: 'succeeded',
        transfer_group: text(params.transfer_group),
      });
      world.emit('topup.created', topup);
      world.emit('topup.succeeded', topup);
      balanceGrew(world, world.account, code);
      return topup;
    },
  ),
  get('/v1/topups', { ...LIST, ...CREATED, amount: { kind: 'range' }, status: TOPUP_STATUS }, ({ world, params }) =>
    page(world, {
      table: 'topup',
      url: '/v1/topups',
      params,
      where: { status: params.status },
      ranges: ['created', 'amount'],
    }),
  ),
  get('/v1/topups/:id', NONE, ({ world, path }) => world.find('topup', path('id'), 'topup')),
  post('/v1/topups/:id', { description: str(), metadata, expand }, ({ world, path, params }) => {
    const topup = world.find('topup', path('id'), 'topup');
    return world.store.patch('topup', topup.id, {
      metadata: mergeMetadata(topup.metadata, params.metadata),
      ...(params.description === undefined ? {} : { description: params.description }),
    });
  }),
];
