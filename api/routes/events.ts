// /v1/events: what happened, in one order that a reader can follow without gaps.
import { z } from 'zod';
import { eventObject, findEvent, listEvents } from '../../db/events.ts';
import { isEventType } from '../../domain/event-types.ts';
import * as bodies from '../bodies.ts';
import { notFound } from '../escrow-commands.ts';
import { event } from '../event-schemas.ts';
import { EVERYBODY, route } from '../route.ts';
import { listOf } from '../schemas.ts';

const tag = 'Events and webhooks';

export const eventRoutes = [
  route({
    method: 'get',
    path: '/v1/events',
    operationId: 'listEvents',
    tag,
    summary: 'What happened, oldest first',
    description:
      'Your own escrows’ events and your own account’s. Ids rise in the order in which events become readable, so that reading on with `starting_after` the last id that you have misses none. A new event can be read within about a second.',
    roles: EVERYBODY,
    query: bodies.page.extend({
      starting_after: z
        .string()
        .regex(/^evt_[0-9a-f]{32}$/, 'takes the id of an event')
        .optional()
        .describe('The last event that you have.'),
      type: z.string().refine(isEventType, 'takes a type of the catalogue').optional(),
      escrow_id: z.string().optional(),
    }),
    responses: { 200: { description: 'A page of events.', schema: listOf(event) } },
    handler: async ({ context, caller, query }) => {
      const { starting_after: startingAfter, type, escrow_id: escrowId, limit } = query;
      const { data, hasMore } = await listEvents(context.sql, caller.person, { startingAfter, type, escrowId, limit });
      return { status: 200, body: { data: data.map(eventObject), has_more: hasMore } };
    },
  }),
  route({
    method: 'get',
    path: '/v1/events/{id}',
    operationId: 'getEvent',
    tag,
    summary: 'Read an event',
    roles: EVERYBODY,
    params: z.object({ id: z.string().describe('Id of the event.') }),
    responses: { 200: { description: 'The event.', schema: event } },
    handler: async ({ context, caller, params }) => {
      const row = await findEvent(context.sql, caller.person, params.id);
      if (row === null) throw notFound('event');
      return { status: 200, body: eventObject(row) };
    },
  }),
];
