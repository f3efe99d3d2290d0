// /v1/webhook_endpoints: whom we tell what happened, the log of what was sent, and sending it again.
import { z } from 'zod';
import { newId } from '../../db/ids.ts';
import {
  type Delivery,
  deleteEndpoint,
  findDelivery,
  findEndpoint,
  listDeliveries,
  listEndpoints,
  updateEndpoint,
  type WebhookEndpoint,
} from '../../db/webhooks.ts';
import { isEventType } from '../../domain/event-types.ts';
import { SECRET_OVERLAP_MS } from '../../domain/webhook-schedule.ts';
import * as bodies from '../bodies.ts';
import { runDelete, runOnce } from '../commands.ts';
import { notFound } from '../escrow-commands.ts';
import { Problem } from '../problem.ts';
import { route } from '../route.ts';
import { listOf } from '../schemas.ts';
import { addEndpoint, checkedUrl, replay, rotate } from '../webhook-commands.ts';

const tag = 'Events and webhooks';
const params = z.object({ id: z.string().describe('Id of the endpoint.') });
/** An auditor changes nothing, so nothing is sent for one. */
const OWNERS = ['buyer', 'seller', 'ops'] as const;

const eventTypes = z
  .array(z.string().refine((type) => type === '*' || isEventType(type), 'takes types of the catalogue, or "*" for all'))
  .min(1, 'names at least one type, or "*" for all')
  .max(200);
const description = z.string().trim().max(200, 'takes at most 200 characters');

const newEndpoint = z.strictObject({
  url: z.string().max(2000, 'takes at most 2000 characters').describe('https://…'),
  event_types: eventTypes.default(['*']).describe('Which events; `["*"]` for all.'),
  description: description.optional(),
});
const change = z.strictObject({
  url: z.string().max(2000, 'takes at most 2000 characters').optional(),
  event_types: eventTypes.optional(),
  description: description.optional(),
  status: z.enum(['enabled', 'disabled'], 'takes "enabled" or "disabled"').optional(),
});
const rotation = z.strictObject({
  overlap_hours: z
    .number('takes a number of hours')
    .min(0, 'takes a number of hours from 0 to 168')
    .max(168, 'takes a number of hours from 0 to 168')
    .default(SECRET_OVERLAP_MS.usual / 3_600_000)
    .describe('How long the present secret goes on signing beside the new one.'),
});

const endpointSchema = z
  .object({
    id: z.string(),
    object: z.literal('webhook_endpoint'),
    url: z.string(),
    description: z.string(),
    event_types: z.array(z.string()),
    status: z.enum(['enabled', 'disabled']),
    disabled_reason: z.string().nullable(),
    previous_secret_until: z.iso.datetime().nullable().describe('Until then the former secret signs too.'),
    secret: z
      .string()
      .optional()
      .describe('`whsec_…`, shown once: in the first answer to its creation and to its rotation.'),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'WebhookEndpoint' });

const deliverySchema = z
  .object({
    id: z.string(),
    object: z.literal('webhook_delivery'),
    event_id: z.string(),
    event_type: z.string(),
    status: z.enum(['pending', 'delivered', 'failed']),
    next_try_at: z.iso.datetime().nullable(),
    created_at: z.iso.datetime(),
    done_at: z.iso.datetime().nullable(),
    attempts: z.array(
      z.object({
        number: z.int(),
        at: z.iso.datetime(),
        status: z.int().nullable().describe('HTTP status; null where there was no answer.'),
        error: z.string().nullable().describe('Why it counts as failed.'),
        answer: z.string().nullable().describe('The first 1,024 bytes of the answer.'),
        duration_ms: z.int(),
      }),
    ),
  })
  .meta({ id: 'WebhookDelivery' });

export const endpointView = (e: WebhookEndpoint) => ({
  id: e.id,
  object: 'webhook_endpoint' as const,
  url: e.url,
  description: e.description,
  event_types: e.event_types,
  status: e.status,
  disabled_reason: e.disabled_reason,
  previous_secret_until: e.previous_expires_at?.toISOString() ?? null,
  created_at: e.created_at.toISOString(),
});

const deliveryView = (d: Delivery) => ({
  id: d.id,
  object: 'webhook_delivery' as const,
  event_id: d.event_id,
  event_type: d.type,
  status: d.status,
  next_try_at: d.next_try_at?.toISOString() ?? null,
  created_at: d.created_at.toISOString(),
  done_at: d.done_at?.toISOString() ?? null,
  attempts: d.attempts.map((a) => ({ ...a, at: new Date(a.at).toISOString() })),
});

export const webhookRoutes = [
  route({
    method: 'post',
    path: '/v1/webhook_endpoints',
    operationId: 'createWebhookEndpoint',
    tag,
    summary: 'Add an endpoint',
    description:
      'Every event that you may read and whose type it names is sent to it, signed by [Standard Webhooks](https://www.standardwebhooks.com) with the `secret` of this answer, and tried again for about 75 hours until it answers 2xx. Private addresses are refused, redirects are not followed, and 410 disables the endpoint.',
    roles: OWNERS,
    body: newEndpoint,
    responses: { 201: { description: 'The endpoint with its secret.', schema: endpointSchema } },
    handler: ({ context, caller, body, key, route }) =>
      runOnce(context, { caller, route, key, body }, { id: newId('webhookEndpoint') }, async (ids) => {
        const fields = { url: body.url, event_types: body.event_types, description: body.description ?? '' };
        const { endpoint, secret } = await addEndpoint(context, caller.person, ids['id']!, fields);
        return { status: 201, body: endpointView(endpoint), once: { secret } };
      }),
  }),
  route({
    method: 'get',
    path: '/v1/webhook_endpoints',
    operationId: 'listWebhookEndpoints',
    tag,
    summary: 'List your endpoints',
    roles: OWNERS,
    query: bodies.page,
    responses: { 200: { description: 'A page of endpoints, oldest first.', schema: listOf(endpointSchema) } },
    handler: async ({ context, caller, query }) => {
      const page = { startingAfter: query.starting_after, limit: query.limit };
      const { data, hasMore } = await listEndpoints(context.sql, caller.person, page);
      return { status: 200, body: { data: data.map(endpointView), has_more: hasMore } };
    },
  }),
  route({
    method: 'get',
    path: '/v1/webhook_endpoints/{id}',
    operationId: 'getWebhookEndpoint',
    tag,
    summary: 'Read an endpoint',
    roles: OWNERS,
    params,
    responses: { 200: { description: 'The endpoint, without its secret.', schema: endpointSchema } },
    handler: async ({ context, caller, params }) => {
      const endpoint = await findEndpoint(context.sql, caller.person, params.id);
      if (endpoint === null) throw notFound('webhook endpoint');
      return { status: 200, body: endpointView(endpoint) };
    },
  }),
  route({
    method: 'post',
    path: '/v1/webhook_endpoints/{id}',
    operationId: 'updateWebhookEndpoint',
    tag,
    summary: 'Change, disable or enable an endpoint',
    description:
      'What is left out stays. While it is disabled nothing is sent to it, nor afterwards: read `GET /v1/events` on from the last event that you have.',
    roles: OWNERS,
    params,
    body: change,
    responses: { 200: { description: 'The endpoint.', schema: endpointSchema } },
    handler: ({ context, caller, params, body, key, route }) =>
      runOnce(context, { caller, route, key, body }, {}, async () => {
        if (body.url !== undefined) checkedUrl(context, body.url);
        const endpoint = await updateEndpoint(context.sql, caller.person, params.id, body);
        if (endpoint === null) throw notFound('webhook endpoint');
        return { status: 200, body: endpointView(endpoint) };
      }),
  }),
  route({
    method: 'delete',
    path: '/v1/webhook_endpoints/{id}',
    operationId: 'deleteWebhookEndpoint',
    tag,
    summary: 'Delete an endpoint',
    description: 'What is not delivered yet is not sent any more.',
    roles: OWNERS,
    params,
    responses: { 204: { description: 'It is gone.' } },
    handler: ({ context, caller, params, route }) =>
      runDelete(context, { caller, route }, async (tx) => {
        if (!(await deleteEndpoint(tx, caller.person, params.id))) throw notFound('webhook endpoint');
      }),
  }),
  route({
    method: 'post',
    path: '/v1/webhook_endpoints/{id}/rotate-secret',
    operationId: 'rotateWebhookSecret',
    tag,
    summary: 'Replace the secret',
    description:
      'Both secrets sign for a while (`webhook-signature` carries two signatures), so that nothing is lost while you change yours.',
    roles: OWNERS,
    params,
    body: rotation,
    responses: { 200: { description: 'The endpoint with its new secret.', schema: endpointSchema } },
    handler: ({ context, caller, params, body, key, route }) =>
      runOnce(context, { caller, route, key, body }, { rotation: newId('event') }, async (ids) => {
        const order = { overlapMs: body.overlap_hours * 3_600_000, rotation: ids['rotation']! };
        const { endpoint, secret } = await rotate(context, caller.person, params.id, order);
        return { status: 200, body: endpointView(endpoint), once: { secret } };
      }),
  }),
  route({
    method: 'get',
    path: '/v1/webhook_endpoints/{id}/deliveries',
    operationId: 'listWebhookDeliveries',
    tag,
    summary: 'What was sent, newest first',
    roles: OWNERS,
    params,
    query: bodies.page.extend({ status: z.enum(['pending', 'delivered', 'failed']).optional() }),
    responses: { 200: { description: 'A page of deliveries with their tries.', schema: listOf(deliverySchema) } },
    handler: async ({ context, caller, params, query }) => {
      const page = { startingAfter: query.starting_after, limit: query.limit, status: query.status };
      const listed = await listDeliveries(context.sql, caller.person, params.id, page);
      if (listed === null) throw notFound('webhook endpoint');
      return { status: 200, body: { data: listed.data.map(deliveryView), has_more: listed.hasMore } };
    },
  }),
  route({
    method: 'post',
    path: '/v1/webhook_endpoints/{id}/deliveries/{delivery_id}/replay',
    operationId: 'replayWebhookDelivery',
    tag,
    summary: 'Send an event again',
    description: 'With the same `webhook-id`: a receiver that has it already takes it for a repetition.',
    roles: OWNERS,
    params: params.extend({ delivery_id: z.string().describe('Id of the delivery.') }),
    body: bodies.empty,
    responses: { 200: { description: 'The delivery, on its way again.', schema: deliverySchema } },
    handler: ({ context, caller, params, body, key, route }) =>
      runOnce(context, { caller, route, key, body }, {}, async () => {
        await replay(context, caller.person, params.id, params.delivery_id);
        const delivery = await findDelivery(context.sql, params.id, params.delivery_id);
        if (delivery === null) throw new Problem('internal_error');
        return { status: 200, body: deliveryView(delivery) };
      }),
  }),
];
