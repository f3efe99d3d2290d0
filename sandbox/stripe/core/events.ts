// Events: listed for 30 days, v1 snapshots and v2 thin ones; webhook endpoints and v2 event destinations by API.
import { invalid, missing } from './errors.ts';
import { list, object, text, word } from './json.ts';
import type { JsonObject } from './json.ts';
import { page, select } from './lists.ts';
import { iso } from './accounts-v2.ts';
import {
  array,
  bool,
  CREATED,
  expand,
  free,
  int,
  LIST,
  mergeMetadata,
  metadata,
  NONE,
  oneOf,
  required,
  str,
} from './params.ts';
import type { Event, WebhookEndpoint } from './records.ts';
import { defineView, strip } from './render.ts';
import { del, get, post } from './route.ts';
import type { Route } from './route.ts';
import { DAY_SECONDS, PLATFORM } from './world.ts';
import type { World } from './world.ts';

const KEPT_SECONDS = 30 * DAY_SECONDS;

defineView('event', (_world, record, shown) => {
  const event = record as Event;
  return {
    id: event.id,
    object: 'event',
    ...(event._account === PLATFORM ? {} : { account: event._account }),
    ...shown,
    pending_webhooks: event._undelivered,
  };
});

/** A v2 event: `created` in ISO, no `api_version`, and `data` only where the type has some. */
export function presentV2Event(event: Event): JsonObject {
  const { api_version: _version, request: _request, data, ...rest } = strip(event);
  const hasData = Object.keys(object(data)).length > 0;
  return { ...rest, created: iso(event.created), ...(hasData ? { data } : {}) };
}

/** What a webhook carries of it: the receiver fetches the event for its data. */
export function presentThin(event: Event): JsonObject {
  const { data: _data, ...rest } = presentV2Event(event);
  return rest;
}

function isOld(world: World, event: JsonObject): boolean {
  return Number(event.created) < world.now - KEPT_SECONDS;
}

/** `charge.*` matches every event of charges. */
function typeMatches(pattern: string, type: string): boolean {
  return pattern === '*' || pattern === type || (pattern.endsWith('*') && type.startsWith(pattern.slice(0, -1)));
}

/** Whether an endpoint wants an event: its kind, its account and its types. */
export function wants(endpoint: WebhookEndpoint, event: Event): boolean {
  if (endpoint.status !== 'enabled' || endpoint._thin !== event._thin) return false;
  const connected = event._account !== PLATFORM;
  if (!event._thin && endpoint._connect !== null && endpoint._connect !== connected) return false;
  return endpoint.enabled_events.some((pattern) => typeMatches(pattern, event.type));
}

export function makeEndpoint(
  world: World,
  given: {
    url: string;
    secret: string;
    events: string[];
    connect: boolean | null;
    thin: boolean;
    id?: string;
    description?: string | null;
    metadata?: JsonObject;
    apiVersion?: string | null;
  },
): WebhookEndpoint {
  return world.store.put('webhook_endpoint', {
    id: given.id ?? world.id('we'),
    object: 'webhook_endpoint',
    _account: PLATFORM,
    api_version: given.apiVersion ?? null,
    application: null,
    created: world.now,
    description: given.description ?? null,
    enabled_events: given.events,
    livemode: false,
    metadata: mergeMetadata({}, given.metadata),
    secret: given.secret,
    status: 'enabled',
    url: given.url,
    _connect: given.connect,
    _thin: given.thin,
  });
}

/** The signing secret is shown once, when the endpoint is made. */
defineView('webhook_endpoint', (_world, _record, shown) => {
  const { secret: _secret, ...rest } = shown;
  return rest;
});

function checkUrl(url: string): void {
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw invalid('Invalid URL: An explicit scheme (such as https) must be provided.', {
      code: 'url_invalid',
      param: 'url',
      reading: true,
    });
  }
}

const strings = (value: JsonObject[string]): string[] =>
  list(value).filter((item): item is string => typeof item === 'string');

export const eventRoutes: Route[] = [
  get(
    '/v1/events',
    { ...LIST, ...CREATED, delivery_success: bool(), type: str(), types: array(str()) },
    ({ world, params }) => {
      if (params.type !== undefined && params.types !== undefined) {
        throw invalid('You may only specify one of these parameters: type, types.', {
          code: 'parameters_exclusive',
          reading: true,
        });
      }
      const type = text(params.type);
      const patterns = type === null ? strings(params.types) : [type];
      return page(world, {
        table: 'event',
        url: '/v1/events',
        params,
        keep: (row) => {
          const event = row as Event;
          if (event._thin || isOld(world, event)) return false;
          if (patterns.length > 0 && !patterns.some((pattern) => typeMatches(pattern, event.type))) return false;
          if (params.delivery_success === undefined) return true;
          return (event._undelivered === 0) === params.delivery_success;
        },
      });
    },
  ),
  get('/v1/events/:id', NONE, ({ world, path }) => {
    const event = world.find('event', path('id'), 'event');
    if (event._thin || isOld(world, event)) throw missing('event', path('id'));
    return event;
  }),
  get(
    '/v2/core/events',
    {
      limit: int({ min: 1, max: 100 }),
      page: str(),
      object_id: str(),
      types: array(str()),
      created: free(),
      gt: str(),
      gte: str(),
      lt: str(),
      lte: str(),
    },
    ({ world, params }) => {
      const wanted = strings(params.types);
      const id = text(params.object_id);
      const rows = select(world, {
        table: 'event',
        url: '',
        params: {},
        anyAccount: true,
        keep: (row) =>
          row._thin === true &&
          !isOld(world, row) &&
          (wanted.length === 0 || wanted.includes(word(row.type))) &&
          (id === null || object(row.related_object).id === id),
      });
      const limit = Number(params.limit ?? 10);
      const from = Number(text(params.page)?.replace('page_', '') ?? 0) || 0;
      return {
        data: rows.slice(from, from + limit).map((row) => presentV2Event(row as Event)),
        next_page_url: from + limit < rows.length ? `/v2/core/events?limit=${limit}&page=page_${from + limit}` : null,
        previous_page_url: from > 0 ? `/v2/core/events?limit=${limit}&page=page_${Math.max(0, from - limit)}` : null,
      };
    },
  ),
  get('/v2/core/events/:id', {}, ({ world, path }) => {
    const event = world.store.get('event', path('id'));
    if (!event || !event._thin || isOld(world, event)) throw missing('event', path('id'));
    return presentV2Event(event);
  }),
];

/** v2's view of an endpoint; url and secret only where `include` names them. */
function destination(endpoint: WebhookEndpoint, params: JsonObject): JsonObject {
  const included = strings(params.include);
  const from = strings(endpoint._from);
  return {
    id: endpoint.id,
    object: 'v2.core.event_destination',
    created: iso(endpoint.created),
    description: text(endpoint.description) ?? '',
    enabled_events: endpoint.enabled_events,
    event_payload: endpoint._thin ? 'thin' : 'snapshot',
    events_from: from.length > 0 ? from : ['self'],
    livemode: false,
    metadata: endpoint.metadata,
    name: text(endpoint._name) ?? '',
    snapshot_api_version: text(endpoint.api_version),
    status: endpoint.status,
    status_details: null,
    type: 'webhook_endpoint',
    updated: iso(endpoint.created),
    webhook_endpoint: {
      signing_secret: included.includes('webhook_endpoint.signing_secret') ? endpoint.secret : null,
      url: included.includes('webhook_endpoint.url') ? endpoint.url : null,
    },
  };
}

function findDestination(world: World, id: string): WebhookEndpoint {
  const endpoint = world.store.get('webhook_endpoint', id);
  if (!endpoint || !id.startsWith('ed_')) throw missing('event destination', id);
  return endpoint;
}

const INCLUDE = array(oneOf(['webhook_endpoint.signing_secret', 'webhook_endpoint.url']));

export const webhookEndpointRoutes: Route[] = [
  post(
    '/v1/webhook_endpoints',
    {
      url: str(required),
      enabled_events: array(str(), required),
      api_version: str({ pattern: /^\d{4}-\d{2}-\d{2}(\.[a-z]+)?$/ }),
      connect: bool(),
      description: str({ unset: true }),
      metadata,
      expand,
    },
    ({ world, params }) => {
      const url = text(params.url) ?? '';
      checkUrl(url);
      const endpoint = makeEndpoint(world, {
        url,
        secret: world.ids.token('whsec', 32),
        events: strings(params.enabled_events),
        connect: params.connect === true,
        thin: false,
        description: text(params.description),
        metadata: object(params.metadata),
        apiVersion: text(params.api_version),
      });
      return { ...strip(endpoint), secret: endpoint.secret };
    },
  ),
  get('/v1/webhook_endpoints', LIST, ({ world, params }) =>
    page(world, {
      table: 'webhook_endpoint',
      url: '/v1/webhook_endpoints',
      params,
      keep: (row) => row._thin !== true,
    }),
  ),
  get('/v1/webhook_endpoints/:id', NONE, ({ world, path }) =>
    world.find('webhook_endpoint', path('id'), 'webhook endpoint'),
  ),
  post(
    '/v1/webhook_endpoints/:id',
    { url: str(), enabled_events: array(str()), description: str({ unset: true }), disabled: bool(), metadata, expand },
    ({ world, path, params }) => {
      const endpoint = world.find('webhook_endpoint', path('id'), 'webhook endpoint');
      const url = text(params.url);
      if (url !== null) checkUrl(url);
      return world.store.patch('webhook_endpoint', endpoint.id, {
        url: url ?? endpoint.url,
        metadata: mergeMetadata(endpoint.metadata, params.metadata),
        ...(params.enabled_events === undefined ? {} : { enabled_events: strings(params.enabled_events) }),
        ...(params.description === undefined ? {} : { description: params.description }),
        ...(params.disabled === undefined ? {} : { status: params.disabled === true ? 'disabled' : 'enabled' }),
      });
    },
  ),
  del('/v1/webhook_endpoints/:id', {}, ({ world, path }) => {
    const endpoint = world.find('webhook_endpoint', path('id'), 'webhook endpoint');
    world.store.remove('webhook_endpoint', endpoint.id);
    return { id: endpoint.id, object: 'webhook_endpoint', deleted: true };
  }),
  post(
    '/v2/core/event_destinations',
    {
      name: str(required),
      type: oneOf(['webhook_endpoint'], required),
      event_payload: oneOf(['snapshot', 'thin'], required),
      enabled_events: array(str(), required),
      description: str(),
      events_from: array(str()),
      include: INCLUDE,
      metadata: free(),
      snapshot_api_version: str(),
      webhook_endpoint: free(required),
    },
    ({ world, params }) => {
      const url = text(object(params.webhook_endpoint).url) ?? '';
      checkUrl(url);
      const from = strings(params.events_from);
      const made = makeEndpoint(world, {
        url,
        secret: world.ids.token('whsec', 32),
        events: strings(params.enabled_events),
        connect: from.length === 1 ? from[0] === 'other_accounts' : null,
        thin: params.event_payload === 'thin',
        id: world.ids.token('ed_test', 24),
        description: text(params.description),
        metadata: object(params.metadata),
        apiVersion: text(params.snapshot_api_version),
      });
      const endpoint = world.store.patch('webhook_endpoint', made.id, { _name: text(params.name), _from: from });
      return destination(endpoint, params);
    },
  ),
  get(
    '/v2/core/event_destinations',
    { include: INCLUDE, limit: int({ min: 1, max: 100 }), page: str() },
    ({ world, params }) => ({
      data: [...world.store.walk('webhook_endpoint', { newestFirst: true })]
        .filter((endpoint) => endpoint.id.startsWith('ed_'))
        .slice(0, Number(params.limit ?? 20))
        .map((endpoint) => destination(endpoint, params)),
      next_page_url: null,
      previous_page_url: null,
    }),
  ),
  get('/v2/core/event_destinations/:id', { include: INCLUDE }, ({ world, path, params }) =>
    destination(findDestination(world, path('id')), params),
  ),
  post('/v2/core/event_destinations/:id/disable', {}, ({ world, path }) =>
    destination(
      world.store.patch('webhook_endpoint', findDestination(world, path('id')).id, { status: 'disabled' }),
      {},
    ),
  ),
  post('/v2/core/event_destinations/:id/enable', {}, ({ world, path }) =>
    destination(
      world.store.patch('webhook_endpoint', findDestination(world, path('id')).id, { status: 'enabled' }),
      {},
    ),
  ),
  del('/v2/core/event_destinations/:id', {}, ({ world, path }) => {
    const endpoint = findDestination(world, path('id'));
    world.store.remove('webhook_endpoint', endpoint.id);
    return { id: endpoint.id, object: 'v2.core.event_destination' };
  }),
];
