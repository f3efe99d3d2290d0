// For whoever builds on the API: one's keys, one's webhook endpoints with their deliveries, the events and their catalogue.
import { Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { notFound } from '../../api/escrow-commands.ts';
import { listApiKeys, revokeOwnKeys } from '../../db/api-keys.ts';
import { findEvent, latestEvents } from '../../db/events.ts';
import { type Delivery, findEndpoint, listDeliveries, listEndpoints } from '../../db/webhooks.ts';
import { isEventType } from '../../domain/event-types.ts';
import { commandKeyOf, field, fields, html, noticeOf, type PageCall, seeOther, signedIn } from '../page.ts';
import { giveRoute } from '../page-commands.ts';
import { ApiKeyMadePage, ApiKeysPage } from '../pages/api-keys.tsx';
import { CataloguePage, EventPage, EventsPage } from '../pages/events.tsx';
import { type EndpointForm, EndpointPage, EndpointSecretPage, EndpointsPage, formOfEndpoint } from '../pages/webhooks.tsx'; // prettier-ignore
import type { NOTICES } from '../words.ts';

const PER_PAGE = 50;
const KEYS = '/api-keys';
const HOOKS = '/webhook-endpoints';
const OWNERS = ['buyer', 'seller', 'ops'] as const;
/** What gives a program a person's rights, or sends their data elsewhere, asks for a fresh proof of everybody. */
const PROVEN = { proof: true };

export function developerRoutes(context: AppContext): Router {
  const router = Router();
  router.get(
    KEYS,
    signedIn(context, null, (call) => keys(call)),
  );
  router.post(KEYS, signedIn(context, null, makeKey, PROVEN));
  router.post(`${KEYS}/revoke-all`, signedIn(context, null, revokeAllKeys));
  router.post(`${KEYS}/:id/revoke`, signedIn(context, null, revokeKey));
  router.get('/events', signedIn(context, null, events));
  router.get(
    '/events/catalogue',
    signedIn(context, null, async ({ reader, response }) => html(response, <CataloguePage reader={reader} />)),
  );
  router.get('/events/:id', signedIn(context, null, event));
  router.get(
    HOOKS,
    signedIn(context, OWNERS, (call) => endpoints(call)),
  );
  router.post(HOOKS, signedIn(context, OWNERS, addEndpoint, PROVEN));
  router.get(
    `${HOOKS}/:id`,
    signedIn(context, OWNERS, (call) => endpoint(call)),
  );
  router.post(`${HOOKS}/:id`, signedIn(context, OWNERS, changeEndpoint, PROVEN));
  router.post(
    `${HOOKS}/:id/disable`,
    signedIn(context, OWNERS, (call) => switchEndpoint(call, 'disabled')),
  );
  router.post(
    `${HOOKS}/:id/enable`,
    signedIn(context, OWNERS, (call) => switchEndpoint(call, 'enabled')),
  );
  router.post(`${HOOKS}/:id/rotate`, signedIn(context, OWNERS, rotate, PROVEN));
  router.post(`${HOOKS}/:id/delete`, signedIn(context, OWNERS, deleteEndpoint));
  router.post(`${HOOKS}/:id/deliveries/:delivery/replay`, signedIn(context, OWNERS, replay));
  return router;
}

const queryOf = ({ request }: PageCall, name: string): string | undefined => {
  const value = request.query[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

const idOf = ({ request }: PageCall): string => String(request.params['id']);

// ---- API keys ---------------------------------------------------------------------------------------------------

async function keys(call: PageCall, problem?: string): Promise<void> {
  const { context, reader, request, response } = call;
  const { data, hasMore } = await listApiKeys(context.sql, reader.person.id, { startingAfter: queryOf(call, 'after'), limit: PER_PAGE }); // prettier-ignore
  const given =
    problem === undefined ? undefined : { label: field(request, 'label'), scopes: fields(request, 'scopes') };
  const more = hasMore ? `${KEYS}?after=${data.at(-1)!.id}` : null;
  html(response, <ApiKeysPage reader={reader} keys={data} more={more} given={given} notice={noticeOf(request)} problem={problem} />, problem === undefined ? 200 : 422); // prettier-ignore
}

async function makeKey(call: PageCall): Promise<void> {
  const { reader, request, response } = call;
  const given = { label: field(request, 'label'), scopes: fields(request, 'scopes') };
  const result = await giveRoute<{ id: string; label: string; key?: string }>(call, 'createApiKey', {}, given, commandKeyOf(request)); // prettier-ignore
  if (result.kind === 'refused') return keys(call, result.problem.detail);
  html(response, <ApiKeyMadePage reader={reader} apiKey={result.body} secret={result.body.key} />);
}

async function revokeKey(call: PageCall): Promise<void> {
  const result = await giveRoute(call, 'revokeApiKey', { id: idOf(call) }, {}, '');
  if (result.kind === 'refused') return keys(call, result.problem.detail);
  seeOther(call.response, KEYS, 'key_revoked');
}

async function revokeAllKeys({ context, session, response }: PageCall): Promise<void> {
  await revokeOwnKeys(context.sql, session.person);
  seeOther(response, KEYS, 'keys_revoked');
}

// ---- events -----------------------------------------------------------------------------------------------------

async function events(call: PageCall): Promise<void> {
  const { context, viewer, reader, response } = call;
  const asked = queryOf(call, 'type');
  const type = asked !== undefined && isEventType(asked) ? asked : undefined;
  const { data, hasMore } = await latestEvents(context.sql, viewer, { before: queryOf(call, 'before'), type, limit: PER_PAGE }); // prettier-ignore
  const filter = type === undefined ? '' : `&type=${encodeURIComponent(type)}`;
  const older = hasMore ? `/events?before=${data.at(-1)!.id}${filter}` : null;
  html(response, <EventsPage reader={reader} events={data} type={type} older={older} />);
}

async function event(call: PageCall): Promise<void> {
  const { context, viewer, reader, response } = call;
  const found = await findEvent(context.sql, viewer, idOf(call));
  if (found === null) throw notFound('event');
  html(response, <EventPage reader={reader} event={found} />);
}

// ---- webhook endpoints --------------------------------------------------------------------------------------------

const EMPTY: EndpointForm = { url: '', description: '', all: true, eventTypes: [] };

function formGiven({ request }: PageCall): EndpointForm {
  const all = field(request, 'which') !== 'some';
  return { url: field(request, 'url') ?? '', description: field(request, 'description') ?? '', all, eventTypes: fields(request, 'event_types') }; // prettier-ignore
}

/** The API names its parameter, a page its field. */
const inWords = (detail: string): string => detail.replace(/^url: /, 'The address ');

/** As the API takes it: an address that was left empty is missing. */
const bodyOf = ({ url, description, all, eventTypes }: EndpointForm) => ({
  url: url === '' ? undefined : url,
  description,
  event_types: all ? ['*'] : eventTypes,
});

async function endpoints(call: PageCall, problem?: string): Promise<void> {
  const { context, viewer, reader, request, response } = call;
  const { data } = await listEndpoints(context.sql, viewer, { limit: PER_PAGE });
  const form = problem === undefined ? EMPTY : formGiven(call);
  html(response, <EndpointsPage reader={reader} endpoints={data} form={form} notice={noticeOf(request)} problem={problem} />, problem === undefined ? 200 : 422); // prettier-ignore
}

interface WithSecret {
  id: string;
  url: string;
  previous_secret_until: string | null;
  secret?: string;
}

async function addEndpoint(call: PageCall): Promise<void> {
  const { reader, request, response } = call;
  const result = await giveRoute<WithSecret>(call, 'createWebhookEndpoint', {}, bodyOf(formGiven(call)), commandKeyOf(request)); // prettier-ignore
  if (result.kind === 'refused') return endpoints(call, inWords(result.problem.detail));
  html(response, <EndpointSecretPage reader={reader} endpoint={result.body} secret={result.body.secret} />);
}

const STATUSES: readonly Delivery['status'][] = ['pending', 'delivered', 'failed'];

async function endpoint(call: PageCall, problem?: { text: string; form?: EndpointForm }): Promise<void> {
  const { context, viewer, reader, request, response } = call;
  const found = await findEndpoint(context.sql, viewer, idOf(call));
  if (found === null) throw notFound('webhook endpoint');
  const status = STATUSES.find((each) => each === queryOf(call, 'status'));
  const listed = await listDeliveries(context.sql, viewer, found.id, { startingAfter: queryOf(call, 'after'), limit: PER_PAGE, status }); // prettier-ignore
  const { data, hasMore } = listed ?? { data: [], hasMore: false };
  const filter = status === undefined ? '' : `&status=${status}`;
  const older = hasMore ? `${HOOKS}/${found.id}?after=${data.at(-1)!.id}${filter}` : null;
  html(
    response,
    <EndpointPage
      reader={reader}
      endpoint={found}
      form={problem?.form ?? formOfEndpoint(found)}
      deliveries={data}
      status={status}
      older={older}
      notice={noticeOf(request)}
      problem={problem?.text}
    />,
    problem === undefined ? 200 : 422,
  );
}

async function changeEndpoint(call: PageCall): Promise<void> {
  const form = formGiven(call);
  // On this page an empty address is a mistake, not a field that stays as it is.
  if (form.url === '') return endpoint(call, { text: 'The address is missing.', form });
  await give(call, 'updateWebhookEndpoint', bodyOf(form), 'endpoint_saved', form);
}

const switchEndpoint = (call: PageCall, status: 'enabled' | 'disabled'): Promise<void> =>
  give(call, 'updateWebhookEndpoint', { status }, status === 'enabled' ? 'endpoint_enabled' : 'endpoint_disabled');

async function give(call: PageCall, operation: string, body: object, done: keyof typeof NOTICES, form?: EndpointForm): Promise<void> {
  const id = idOf(call);
  const result = await giveRoute(call, operation, { id }, body, commandKeyOf(call.request));
  if (result.kind === 'refused') return endpoint(call, { text: inWords(result.problem.detail), ...(form === undefined ? {} : { form }) });
  seeOther(call.response, `${HOOKS}/${id}`, done);
} // prettier-ignore

async function rotate(call: PageCall): Promise<void> {
  const { reader, request, response } = call;
  const hours = field(request, 'overlap_hours');
  const body = hours === undefined ? {} : { overlap_hours: Number(hours) };
  const result = await giveRoute<WithSecret>(
    call,
    'rotateWebhookSecret',
    { id: idOf(call) },
    body,
    commandKeyOf(request),
  );
  if (result.kind === 'refused') return endpoint(call, { text: result.problem.detail });
  html(response, <EndpointSecretPage reader={reader} endpoint={result.body} secret={result.body.secret} />);
}

async function deleteEndpoint(call: PageCall): Promise<void> {
  const result = await giveRoute(call, 'deleteWebhookEndpoint', { id: idOf(call) }, {}, '');
  if (result.kind === 'refused') return endpoint(call, { text: result.problem.detail });
  seeOther(call.response, HOOKS, 'endpoint_deleted');
}

async function replay(call: PageCall): Promise<void> {
  const [id, delivery] = [idOf(call), String(call.request.params['delivery'])];
  const result = await giveRoute(call, 'replayWebhookDelivery', { id, delivery_id: delivery }, {}, commandKeyOf(call.request)); // prettier-ignore
  if (result.kind === 'refused') return endpoint(call, { text: result.problem.detail });
  seeOther(call.response, `${HOOKS}/${id}`, 'webhook_replayed');
}
