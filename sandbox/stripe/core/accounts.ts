// Connected accounts as v1 shows them: capabilities, requirements, payout schedule, onboarding, deletion.
import { currencyOfCountry } from './countries.ts';
import { addBankAccount, findAccount } from './external-accounts.ts';
import { invalid } from './errors.ts';
import { isObject, isTrue, object, text } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import { page } from './lists.ts';
import { ACCOUNT_CREATE, ACCOUNT_UPDATE } from './account-params.ts';
import { bool, CREATED, expand, LIST, mergeMetadata, NONE, oneOf, required, str } from './params.ts';
import type { Account } from './records.ts';
import { defineView, embeddedList, present } from './render.ts';
import { del, get, post } from './route.ts';
import type { Route } from './route.ts';
import { changed, PLATFORM } from './world.ts';
import type { World } from './world.ts';

const DUE = ['external_account', 'individual.verification.document', 'tos_acceptance.date', 'tos_acceptance.ip'];

export function isReady(account: Account): boolean {
  return account._onboarded && !account._restricted;
}

function requirements(account: Account): JsonObject {
  const due = account._onboarded ? (account._restricted ? ['individual.verification.document'] : []) : DUE;
  return {
    alternatives: [],
    current_deadline: null,
    currently_due: due,
    disabled_reason: due.length > 0 ? 'requirements.past_due' : null,
    errors: [],
    eventually_due: due,
    past_due: due,
    pending_verification: account._transfers === 'pending' ? ['individual.verification.document'] : [],
  };
}

export function capabilities(account: Account): JsonObject {
  return {
    ...(account._card_payments === null ? {} : { card_payments: account._card_payments }),
    ...(account._transfers_requested ? { transfers: account._transfers } : {}),
  };
}

defineView('account', (world, record, shown) => {
  const account = record as Account;
  const external = world.store.by('external_account', 'account', account.id);
  const due = requirements(account);
  return {
    ...shown,
    capabilities: capabilities(account),
    charges_enabled: account._card_payments === 'active',
    details_submitted: account._onboarded,
    external_accounts: embeddedList(world, external, `/v1/accounts/${account.id}/external_accounts`),
    future_requirements: {
      alternatives: [],
      current_deadline: null,
      currently_due: [],
      disabled_reason: null,
      errors: [],
      eventually_due: [],
      past_due: [],
      pending_verification: [],
    },
    payouts_enabled: isReady(account) && account._transfers === 'active' && external.length > 0,
    requirements: due,
    settings: { ...object(record.settings), payouts: payoutSettings(account) },
  };
});

function payoutSettings(account: Account): JsonObject {
  return {
    debit_negative_balances: true,
    schedule: account._schedule,
    statement_descriptor: null,
  };
}

export function schedule(given: JsonObject, before: JsonObject): JsonObject {
  const interval = text(given.interval) ?? text(before.interval) ?? 'daily';
  return {
    delay_days: Number(given.delay_days ?? before.delay_days ?? 2) || 2,
    interval,
    ...(interval === 'weekly'
      ? {
          weekly_anchor: text(given.weekly_anchor) ?? 'monday',
          weekly_payout_days: [text(given.weekly_anchor) ?? 'monday'],
        }
      : {}),
    ...(interval === 'monthly'
      ? { monthly_anchor: Number(given.monthly_anchor ?? 1), monthly_payout_days: [Number(given.monthly_anchor ?? 1)] }
      : {}),
  };
}

export type NewAccount = {
  country: string;
  email: string | null;
  type: string;
  metadata: Json | undefined;
  currency: string | null;
  transfersRequested: boolean;
  cardPaymentsRequested: boolean;
  controller: JsonObject;
  v2: JsonObject | null;
  businessType: string | null;
  businessProfile: JsonObject;
};

export function makeAccount(world: World, given: NewAccount, id = world.ids.account(world.now)): Account {
  const currency = given.currency ?? currencyOfCountry(given.country);
  if (currency === null) {
    throw invalid(`Country '${given.country}' is not supported for connected accounts.`, {
      code: 'country_unsupported',
      param: 'country',
      reading: true,
    });
  }
  return world.store.put('account', {
    id,
    object: 'account',
    _account: PLATFORM,
    business_profile: {
      annual_revenue: null,
      estimated_worker_count: null,
      mcc: null,
      minority_owned_business_designation: null,
      name: null,
      product_description: null,
      specified_commercial_transactions_act_url: null,
      support_address: null,
      support_email: null,
      support_phone: null,
      support_url: null,
      url: null,
      ...given.businessProfile,
    },
    business_type: given.businessType,
    controller: given.controller,
    country: given.country,
    created: world.now,
    default_currency: currency,
    email: given.email,
    metadata: mergeMetadata({}, given.metadata),
    settings: {
      bacs_debit_payments: { display_name: null, service_user_number: null },
      branding: { icon: null, logo: null, primary_color: null, secondary_color: null },
      card_issuing: { tos_acceptance: { date: null, ip: null } },
      card_payments: {
        decline_on: { avs_failure: false, cvc_failure: false },
        statement_descriptor_prefix: null,
        statement_descriptor_prefix_kana: null,
        statement_descriptor_prefix_kanji: null,
      },
      dashboard: { display_name: null, timezone: 'Etc/UTC' },
      invoices: { default_account_tax_ids: null, hosted_payment_method_save: 'never' },
      payments: {
        statement_descriptor: null,
        statement_descriptor_kana: null,
        statement_descriptor_kanji: null,
        statement_descriptor_prefix_kana: null,
        statement_descriptor_prefix_kanji: null,
      },
      sepa_debit_payments: {},
    },
    tos_acceptance: { date: null, ip: null, user_agent: null },
    type: given.type,
    _transfers: 'inactive',
    _transfers_requested: given.transfersRequested,
    _card_payments: given.cardPaymentsRequested ? 'inactive' : null,
    _deauthorized: false,
    _closed: false,
    _onboarded: false,
    _restricted: false,
    _v2: given.v2,
    _schedule: { delay_days: 2, interval: 'daily' },
  });
}

/** Tells both APIs of a changed account: v1 `account.updated`, v2 thin events for requirements and capability. */
export function announceAccount(world: World, before: Account, after: Account): void {
  const previous = changed(present(world, before), present(world, after));
  world.as(after.id, () => {
    world.emit('account.updated', after, previous);
    const related = { id: after.id, type: 'v2.core.account', url: `/v2/core/accounts/${after.id}` };
    if (previous.requirements !== undefined) {
      world.emitThin('v2.core.account[requirements].updated', related);
    }
    if (before._transfers !== after._transfers) {
      world.emit('capability.updated', capabilityObject(after, 'transfers'));
      world.emitThin('v2.core.account[configuration.recipient].capability_status_updated', related, {
        updated_capability: 'stripe_balance.stripe_transfers',
      });
    }
  });
}

export function updateAccount(world: World, account: Account, fields: Partial<Account>): Account {
  const after = world.store.patch('account', account.id, fields);
  announceAccount(world, account, after);
  return after;
}

/** What the onboarding page and the control API do: the account is verified and may receive transfers. */
export function onboard(world: World, account: Account): Account {
  if (world.store.by('external_account', 'account', account.id).length === 0) addBankAccount(world, account, {});
  return updateAccount(world, account, {
    _onboarded: true,
    _restricted: false,
    _transfers: account._transfers_requested ? 'active' : account._transfers,
    _card_payments: account._card_payments === null ? null : 'active',
    tos_acceptance: { date: world.now, ip: '127.0.0.1', user_agent: null },
  });
}

export function deauthorize(world: World, account: Account): Account {
  const after = world.store.patch('account', account.id, { _deauthorized: true });
  world.as(account.id, () =>
    world.emit('account.application.deauthorized', {
      id: 'ca_TrancheSandbox',
      object: 'application',
      name: 'Tranche',
    }),
  );
  return after;
}

export function capabilityObject(account: Account, name: string): JsonObject {
  const status = name === 'transfers' ? account._transfers : (account._card_payments ?? 'unrequested');
  const empty = {
    alternatives: [],
    current_deadline: null,
    currently_due: [],
    disabled_reason: null,
    errors: [],
    eventually_due: [],
    past_due: [],
    pending_verification: [],
  };
  const requested = name === 'transfers' ? account._transfers_requested : account._card_payments !== null;
  return {
    id: name,
    object: 'capability',
    account: account.id,
    future_requirements: empty,
    requested,
    requested_at: requested ? account.created : null,
    requirements: { ...empty, ...(status === 'active' ? {} : requirements(account)) },
    status: requested ? status : 'unrequested',
  };
}

function requested(params: JsonObject, name: string): boolean {
  return isTrue(object(object(params.capabilities)[name]).requested);
}

function applySettings(world: World, account: Account, params: JsonObject): Account {
  const fields: Partial<Account> = { metadata: mergeMetadata(account.metadata, params.metadata) };
  for (const key of ['email', 'business_type', 'default_currency'] as const) {
    const value = text(params[key]);
    if (value !== null) fields[key] = value;
  }
  if (params.business_profile !== undefined) {
    fields.business_profile = { ...object(account.business_profile), ...object(params.business_profile) };
  }
  if (isObject(params.tos_acceptance)) {
    fields.tos_acceptance = { ...object(account.tos_acceptance), ...params.tos_acceptance, date: world.now };
  }
  const payouts = object(object(params.settings).payouts);
  if (isObject(payouts.schedule)) fields._schedule = schedule(payouts.schedule, account._schedule);
  if (requested(params, 'transfers')) fields._transfers_requested = true;
  if (requested(params, 'card_payments') && account._card_payments === null) fields._card_payments = 'inactive';
  const after = world.store.patch('account', account.id, fields);
  const external = params.external_account;
  if (isObject(external)) addBankAccount(world, after, external);
  else if (typeof external === 'string' && external !== '') addBankAccount(world, after, {});
  return after;
}

export const accountRoutes: Route[] = [
  post('/v1/accounts', ACCOUNT_CREATE, ({ world, params }) => {
    const type = text(params.type) ?? (params.controller === undefined ? 'standard' : 'none');
    const dashboard = text(object(object(params.controller).stripe_dashboard).type);
    const made = makeAccount(world, {
      country: text(params.country) ?? 'US',
      email: text(params.email),
      type: dashboard === 'express' ? 'express' : type,
      metadata: params.metadata,
      currency: text(params.default_currency),
      transfersRequested: requested(params, 'transfers'),
      cardPaymentsRequested: requested(params, 'card_payments'),
      controller: {
        fees: { payer: 'application' },
        is_controller: true,
        losses: { payments: 'application' },
        requirement_collection: type === 'custom' ? 'application' : 'stripe',
        stripe_dashboard: { type: dashboard ?? (type === 'custom' ? 'none' : type === 'express' ? 'express' : 'full') },
        type: 'application',
      },
      v2: null,
      businessType: text(params.business_type),
      businessProfile: {},
    });
    const account = applySettings(world, made, params);
    // A custom account that brings everything is verified at once, as in test mode.
    if (type === 'custom' && params.tos_acceptance !== undefined && params.external_account !== undefined) {
      return onboard(world, account);
    }
    world.as(account.id, () => world.emit('account.updated', account));
    return account;
  }),
  get('/v1/account', NONE, ({ world }) => findAccount(world, world.account)),
  get('/v1/accounts', { ...LIST, ...CREATED }, ({ world, params }) =>
    page(world, {
      table: 'account',
      url: '/v1/accounts',
      params,
      keep: (row) => row.id !== PLATFORM && row._closed !== true && row._deauthorized !== true,
    }),
  ),
  get('/v1/accounts/:id', NONE, ({ world, path }) => findAccount(world, path('id'))),
  post('/v1/accounts/:id', ACCOUNT_UPDATE, ({ world, path, params }) => {
    const before = findAccount(world, path('id'));
    const after = applySettings(world, before, params);
    announceAccount(world, before, after);
    return after;
  }),
  del('/v1/accounts/:id', {}, ({ world, path }) => {
    const account = findAccount(world, path('id'));
    const funded = [...world.store.all('balance_row')].some(
      (row) => row._account === account.id && (row.available !== 0 || row.pending !== 0),
    );
    if (funded) throw invalid('This account cannot be deleted because it has a non-zero balance.');
    deauthorize(world, world.store.patch('account', account.id, { _closed: true }));
    return { id: account.id, object: 'account', deleted: true };
  }),
  post(
    '/v1/accounts/:id/reject',
    { reason: str(required), payouts_action: oneOf(['none', 'pause']), expand },
    ({ world, path }) => {
      const account = findAccount(world, path('id'));
      return updateAccount(world, account, { _restricted: true, _transfers: 'inactive' });
    },
  ),
  get('/v1/accounts/:id/capabilities', { expand }, ({ world, path }) => {
    const account = findAccount(world, path('id'));
    return {
      object: 'list',
      data: ['card_payments', 'transfers'].map((name) => capabilityObject(account, name)),
      has_more: false,
      url: `/v1/accounts/${account.id}/capabilities`,
    };
  }),
  get('/v1/accounts/:id/capabilities/:name', NONE, ({ world, path }) =>
    capabilityObject(findAccount(world, path('id')), path('name')),
  ),
  post('/v1/accounts/:id/capabilities/:name', { requested: bool(), expand }, ({ world, path, params }) => {
    const before = findAccount(world, path('id'));
    const fields: Partial<Account> =
      path('name') === 'transfers'
        ? { _transfers_requested: params.requested === true, _transfers: before._onboarded ? 'active' : 'inactive' }
        : { _card_payments: params.requested === true ? (before._onboarded ? 'active' : 'inactive') : null };
    return capabilityObject(updateAccount(world, before, fields), path('name'));
  }),
];
