// Accounts v2: the same connected account through /v2/core, with its recipient configuration and `include`.
import { isReady, makeAccount, updateAccount, announceAccount } from './accounts.ts';
import { findAccount } from './external-accounts.ts';
import { invalid, StripeError } from './errors.ts';
import { integer, isObject, list, object, text } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import { select } from './lists.ts';
import { array, free, hash, int, mergeMetadata, oneOf, required, str } from './params.ts';
import type { Spec } from './params.ts';
import type { Account } from './records.ts';
import { get, post } from './route.ts';
import type { Route } from './route.ts';
import { PLATFORM } from './world.ts';
import type { World } from './world.ts';

export function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/** v1 says active/pending/inactive, v2 active/pending/restricted. */
function transferStatus(account: Account): JsonObject {
  const status = account._transfers === 'inactive' ? 'restricted' : account._transfers;
  return {
    status,
    status_details:
      status === 'restricted'
        ? [{ code: account._onboarded ? 'restricted_other' : 'requirements_past_due', resolution: 'provide_info' }]
        : status === 'pending'
          ? [{ code: 'requirements_pending_verification', resolution: 'no_resolution' }]
          : [],
  };
}

function requirementEntries(account: Account): JsonObject[] {
  if (isReady(account)) return [];
  return ['identity.individual.documents.primary_verification', 'identity.attestations.terms_of_service'].map(
    (description) => ({
      awaiting_action_from: 'user',
      description,
      errors: [],
      impact: {
        restricts_capabilities: [
          {
            capability: 'stripe_balance.stripe_transfers',
            configuration: 'recipient',
            deadline: { status: 'past_due' },
          },
        ],
      },
      minimum_deadline: { status: 'past_due' },
      reference: null,
      requested_reasons: [{ code: 'routine_onboarding' }],
    }),
  );
}

/** The large parts are null unless `include` names them, as in Stripe's v2. */
export function presentV2(account: Account, include: Json | undefined): JsonObject {
  const wanted = new Set(list(include).filter((item): item is string => typeof item === 'string'));
  const kept = object(account._v2);
  const configurations = object(kept.configuration);
  const applied = list(kept.applied_configurations);
  const entries = requirementEntries(account);
  const deadline = entries.length > 0 ? { status: 'past_due', time: null } : null;
  const recipient = {
    applied: applied.includes('recipient'),
    capabilities: account._transfers_requested ? { stripe_balance: { stripe_transfers: transferStatus(account) } } : {},
  };
  const shownConfiguration: JsonObject = {
    customer: wanted.has('configuration.customer') ? (configurations.customer ?? null) : null,
    merchant: wanted.has('configuration.merchant') ? (configurations.merchant ?? null) : null,
    recipient: wanted.has('configuration.recipient') && applied.includes('recipient') ? recipient : null,
  };
  const anyConfiguration = [...wanted].some((item) => item.startsWith('configuration.'));
  return {
    id: account.id,
    object: 'v2.core.account',
    applied_configurations: applied,
    closed: account._closed,
    configuration: anyConfiguration ? shownConfiguration : null,
    contact_email: account.email,
    contact_phone: kept.contact_phone ?? null,
    created: iso(account.created),
    dashboard: kept.dashboard ?? null,
    defaults: wanted.has('defaults') ? (kept.defaults ?? null) : null,
    display_name: kept.display_name ?? null,
    future_requirements: wanted.has('future_requirements') ? { alternatives: [], entries: [], summary: null } : null,
    identity: wanted.has('identity') ? (kept.identity ?? null) : null,
    livemode: false,
    metadata: account.metadata,
    requirements: wanted.has('requirements')
      ? { alternatives: [], entries, summary: { minimum_deadline: deadline } }
      : null,
  };
}

const INCLUDE = array(
  oneOf([
    'configuration.customer',
    'configuration.merchant',
    'configuration.recipient',
    'defaults',
    'future_requirements',
    'identity',
    'requirements',
  ]),
);
const SETTINGS: Spec = {
  account_token: str(),
  configuration: hash({ customer: free(), merchant: free(), recipient: free() }),
  contact_email: str({ nullable: true }),
  contact_phone: str({ nullable: true }),
  dashboard: oneOf(['express', 'full', 'none'], { nullable: true }),
  defaults: hash({ currency: str(), locales: array(str()), profile: free(), responsibilities: free() }),
  display_name: str({ nullable: true }),
  identity: hash({
    attestations: free(),
    business_details: free(),
    country: str(),
    entity_type: oneOf(['company', 'government_entity', 'individual', 'non_profit']),
    individual: free(),
  }),
  include: INCLUDE,
  metadata: free({ nullable: true }),
};

function requestsTransfers(params: JsonObject): boolean | null {
  const recipient = object(object(params.configuration).recipient);
  const balance = object(object(recipient.capabilities).stripe_balance);
  const transfers = balance.stripe_transfers;
  if (transfers === undefined) return null;
  return object(transfers).requested === true;
}

function responsibilities(params: JsonObject): JsonObject {
  const given = object(object(params.defaults).responsibilities);
  return {
    fees_collector: text(given.fees_collector) ?? 'application',
    losses_collector: text(given.losses_collector) ?? 'application',
    requirements_collector: 'stripe',
  };
}

function keep(before: JsonObject, params: JsonObject, account: { country: string; currency: string }): JsonObject {
  const given = object(params.configuration);
  const applied = new Set(list(before.applied_configurations).map(String));
  for (const name of ['customer', 'merchant', 'recipient']) if (isObject(given[name])) applied.add(name);
  const configuration = { ...object(before.configuration) };
  for (const name of ['customer', 'merchant'] as const) {
    if (isObject(given[name])) configuration[name] = { ...object(configuration[name]), applied: true };
  }
  return {
    applied_configurations: [...applied].sort(),
    configuration,
    contact_phone: params.contact_phone ?? before.contact_phone ?? null,
    dashboard: params.dashboard ?? before.dashboard ?? null,
    defaults: {
      currency: account.currency,
      locales: [],
      ...object(before.defaults),
      ...object(params.defaults),
      responsibilities: isObject(object(before.defaults).responsibilities)
        ? object(before.defaults).responsibilities
        : responsibilities(params),
    },
    display_name: params.display_name ?? before.display_name ?? null,
    identity: { country: account.country, ...object(before.identity), ...object(params.identity) },
  };
}

/** v2's "no such account" is a 404 with its own code. */
function find(world: World, id: string): Account {
  const account = world.store.get('account', id);
  if (!account || account._deauthorized || id === PLATFORM) {
    throw new StripeError(404, `Account not found: ${id}`, { code: 'not_found', reading: true });
  }
  return account;
}

export const accountV2Routes: Route[] = [
  post('/v2/core/accounts', { ...SETTINGS }, ({ world, params }) => {
    const identity = object(params.identity);
    const country = text(identity.country)?.toUpperCase();
    const isRecipient = isObject(object(params.configuration).recipient);
    if (country === undefined && isRecipient) {
      throw invalid('identity.country is required when a recipient configuration is requested.', {
        param: 'identity.country',
        code: 'parameter_missing',
        reading: true,
      });
    }
    const made = makeAccount(world, {
      country: country ?? 'US',
      email: text(params.contact_email),
      type: params.dashboard === 'express' ? 'express' : params.dashboard === 'full' ? 'standard' : 'none',
      metadata: params.metadata,
      currency: text(object(params.defaults).currency),
      transfersRequested: requestsTransfers(params) ?? false,
      cardPaymentsRequested: false,
      controller: {
        fees: { payer: 'application' },
        is_controller: true,
        losses: { payments: 'application' },
        requirement_collection: 'stripe',
        stripe_dashboard: { type: text(params.dashboard) ?? 'none' },
        type: 'application',
      },
      v2: {},
      businessType: text(identity.entity_type),
      businessProfile: {},
    });
    const account = world.store.patch('account', made.id, {
      _v2: keep({}, params, { country: made.country, currency: made.default_currency }),
    });
    world.emitThin('v2.core.account.created', {
      id: account.id,
      type: 'v2.core.account',
      url: `/v2/core/accounts/${account.id}`,
    });
    return presentV2(account, params.include);
  }),
  get(
    '/v2/core/accounts',
    {
      limit: int({ min: 1, max: 100 }),
      page: str(),
      applied_configurations: array(oneOf(['customer', 'merchant', 'recipient'])),
      closed: free(),
    },
    ({ world, params }) => {
      const rows = select(world, { table: 'account', url: '', params: {}, keep: (row) => row.id !== PLATFORM });
      const limit = integer(params.limit) ?? 10;
      const from = Number(text(params.page)?.replace('page_', '') ?? 0) || 0;
      const next = from + limit < rows.length ? `/v2/core/accounts?limit=${limit}&page=page_${from + limit}` : null;
      return {
        data: rows.slice(from, from + limit).map((row) => presentV2(row as Account, undefined)),
        next_page_url: next,
        previous_page_url: from > 0 ? `/v2/core/accounts?limit=${limit}&page=page_${Math.max(0, from - limit)}` : null,
      };
    },
  ),
  get('/v2/core/accounts/:id', { include: INCLUDE }, ({ world, path, params }) =>
    presentV2(find(world, path('id')), params.include),
  ),
  post('/v2/core/accounts/:id', SETTINGS, ({ world, path, params }) => {
    const account = find(world, path('id'));
    if (account._closed) throw invalid('A closed account cannot be updated.', { code: 'account_closed' });
    const wants = requestsTransfers(params);
    const after = updateAccount(world, account, {
      _v2: keep(object(account._v2), params, { country: account.country, currency: account.default_currency }),
      metadata: params.metadata === undefined ? account.metadata : mergeMetadata(account.metadata, params.metadata),
      ...(params.contact_email === undefined ? {} : { email: text(params.contact_email) }),
      ...(wants === null ? {} : { _transfers_requested: wants }),
    });
    return presentV2(after, params.include);
  }),
  post(
    '/v2/core/accounts/:id/close',
    { applied_configurations: array(oneOf(['customer', 'merchant', 'recipient'])) },
    ({ world, path }) => {
      const account = find(world, path('id'));
      const after = world.store.patch('account', account.id, { _closed: true, _transfers: 'inactive' });
      announceAccount(world, account, after);
      world.as(account.id, () =>
        world.emitThin('v2.core.account.closed', {
          id: account.id,
          type: 'v2.core.account',
          url: `/v2/core/accounts/${account.id}`,
        }),
      );
      return presentV2(after, undefined);
    },
  ),
];

const LIFETIME = 300;

function link(
  world: World,
  account: Account,
  given: { refresh: string | null; back: string | null; type: string },
): string {
  const id = world.ids.token('acctlnk', 16);
  world.store.put('account_link', {
    id,
    object: 'account_link',
    _account: PLATFORM,
    created: world.now,
    expires_at: world.now + LIFETIME,
    account: account.id,
    refresh_url: given.refresh,
    return_url: given.back,
    type: given.type,
    used: false,
  });
  return `${world.settings.baseUrl}/_sandbox/onboarding/${id}`;
}

const USE_CASE = {
  collection_options: free(),
  refresh_url: str(required),
  return_url: str(),
};

export const accountLinkRoutes: Route[] = [
  post(
    '/v1/account_links',
    {
      account: str(required),
      type: oneOf(['account_onboarding', 'account_update'], required),
      collect: oneOf(['currently_due', 'eventually_due']),
      collection_options: hash({
        fields: oneOf(['currently_due', 'eventually_due']),
        future_requirements: oneOf(['include', 'omit']),
      }),
      expand: array(str()),
      refresh_url: str(),
      return_url: str(),
    },
    ({ world, params }) => {
      const account = findAccount(world, text(params.account) ?? '');
      const url = link(world, account, {
        refresh: text(params.refresh_url),
        back: text(params.return_url),
        type: text(params.type) ?? '',
      });
      return { object: 'account_link', created: world.now, expires_at: world.now + LIFETIME, url };
    },
  ),
  post(
    '/v2/core/account_links',
    {
      account: str(required),
      use_case: hash(
        {
          type: oneOf(['account_onboarding', 'account_update'], required),
          account_onboarding: hash(USE_CASE),
          account_update: hash(USE_CASE),
        },
        required,
      ),
    },
    ({ world, params }) => {
      const account = find(world, text(params.account) ?? '');
      const useCase = object(params.use_case);
      const type = text(useCase.type) ?? 'account_onboarding';
      const details = object(useCase[type]);
      const url = link(world, account, { refresh: text(details.refresh_url), back: text(details.return_url), type });
      return {
        object: 'v2.core.account_link',
        account: account.id,
        created: iso(world.now),
        expires_at: iso(world.now + LIFETIME),
        livemode: false,
        url,
        use_case: useCase,
      };
    },
  ),
];
