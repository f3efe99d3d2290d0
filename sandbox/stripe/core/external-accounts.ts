// Access to a connected account, and the bank accounts to which it pays out.
import { invalid, missing, StripeError } from './errors.ts';
import { isTrue, object, text } from './json.ts';
import type { JsonObject } from './json.ts';
import { page } from './lists.ts';
import { bool, expand, free, LIST, mergeMetadata, metadata, NONE, oneOf } from './params.ts';
import type { Account } from './records.ts';
import { defineView } from './render.ts';
import { del, get, post } from './route.ts';
import type { Route } from './route.ts';
import { PLATFORM } from './world.ts';
import type { World } from './world.ts';

/** An account that the caller may see: one of the platform's, or itself. */
export function findAccount(world: World, id: string): Account {
  const account = world.store.get('account', id);
  const allowed = world.account === PLATFORM || world.account === id;
  if (!account || account._deauthorized || account._closed || !allowed) {
    throw new StripeError(
      403,
      `The provided key 'sk_test_***' does not have access to account '${id}' (or that account does not exist). Application access may have been revoked.`,
      { code: 'account_invalid', reading: true, bare: true },
    );
  }
  return account;
}

defineView('bank_account', (_world, _record, shown) => {
  const { created: _created, ...rest } = shown;
  return rest;
});

const bankFingerprint = (number: string): string =>
  `fp${/^[A-Z]{2}/.test(number) ? 'sepa' : 'bank'}${number.slice(-4)}`.padEnd(16, '0');

export function addBankAccount(world: World, account: Account, given: JsonObject): JsonObject {
  const number = text(given.account_number) ?? '000123456789';
  const country = text(given.country) ?? account.country;
  if (country === 'US' && !/^000(\d)\d+$/.test(number)) {
    throw invalid(
      'You must use a test bank account number in test mode. Try 000123456789 or see more options at https://stripe.com/docs/connect/testing#account-numbers.',
      { code: 'account_number_invalid', param: 'bank_account[account_number]' },
    );
  }
  const own = text(given.account_number) === null;
  const first = world.store.by('external_account', 'account', account.id).length === 0;
  const record = world.store.put('external_account', {
    id: world.as(account.id, () => world.id('ba')),
    object: 'bank_account',
    _account: PLATFORM,
    account: account.id,
    account_holder_name: text(given.account_holder_name),
    account_holder_type: text(given.account_holder_type),
    account_type: null,
    available_payout_methods: ['standard'],
    bank_name: 'STRIPE TEST BANK',
    country,
    created: world.now,
    currency: text(given.currency) ?? account.default_currency,
    default_for_currency: first || isTrue(given.default_for_currency),
    // As a payment method over the same number has it; what the onboarding page enters is each seller's own.
    fingerprint: own ? `fp${account.id.slice(-14)}` : bankFingerprint(number),
    future_requirements: null,
    last4: number.slice(-4),
    metadata: mergeMetadata({}, given.metadata),
    requirements: null,
    routing_number: text(given.routing_number) ?? '110000000',
    status: 'new',
    // Stripe's test numbers for payouts that fail.
    _fails: number === '000111111116' ? 'no_account' : number === '000111111113' ? 'account_closed' : null,
  });
  world.as(account.id, () => world.emit('account.external_account.created', record));
  return record;
}

export const externalAccountRoutes: Route[] = [
  get(
    '/v1/accounts/:id/external_accounts',
    { ...LIST, object: oneOf(['bank_account', 'card']) },
    ({ world, path, params }) =>
      page(world, {
        table: 'external_account',
        url: `/v1/accounts/${path('id')}/external_accounts`,
        params,
        where: { account: findAccount(world, path('id')).id },
        anyAccount: true,
      }),
  ),
  post(
    '/v1/accounts/:id/external_accounts',
    { external_account: free(), bank_account: free(), default_for_currency: bool(), metadata, expand },
    ({ world, path, params }) => {
      const account = findAccount(world, path('id'));
      const given = object(params.external_account ?? params.bank_account);
      return addBankAccount(world, account, {
        ...given,
        ...(params.metadata === undefined ? {} : { metadata: params.metadata }),
      });
    },
  ),
  get('/v1/accounts/:id/external_accounts/:external', NONE, ({ world, path }) => {
    const record = world.store.get('external_account', path('external'));
    if (!record || record.account !== findAccount(world, path('id')).id) {
      throw missing('external account', path('external'));
    }
    return record;
  }),
  del('/v1/accounts/:id/external_accounts/:external', {}, ({ world, path }) => {
    const account = findAccount(world, path('id'));
    const record = world.store.get('external_account', path('external'));
    if (!record || record.account !== account.id) throw missing('external account', path('external'));
    world.store.remove('external_account', record.id);
    world.as(account.id, () => world.emit('account.external_account.deleted', record));
    return { id: record.id, object: 'bank_account', deleted: true };
  }),
];
