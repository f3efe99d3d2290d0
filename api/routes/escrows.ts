// /v1/escrows: propose, read, agree, fund, cancel.
import { z } from 'zod';
import { findEscrow, listEscrows, timelineOf, type TimelineRow, seesEverything } from '../../db/escrows.ts';
import { sellerBalances } from '../../db/sellers.ts';
import * as bodies from '../bodies.ts';
import { commandEscrow, inputs, notFound, proposeEscrow, viewerOf } from '../escrow-commands.ts';
import { escrowView } from '../escrow-view.ts';
import { explain } from '../explanation.ts';
import { previewBody, previewEscrow, previewSchema } from '../preview.ts';
import { EVERYBODY, route } from '../route.ts';
import * as schemas from '../schemas.ts';

const params = z.object({ id: z.string().describe('Id of the escrow.') });
const tag = 'Escrows';

const STATUSES = ['proposed', 'agreed', 'funding', 'active', 'amending', 'settling', 'completed', 'cancelled', 'expired'] as const; // prettier-ignore

const timelineView = (row: TimelineRow) => ({
  id: String(row.seq),
  at: row.at.toISOString(),
  type: row.type,
  actor: { ...row.actor, name: row.actor_name },
  milestone_id: row.milestone_id,
  data: row.data,
});

export const escrowRoutes = [
  route({
    method: 'post',
    path: '/v1/escrows',
    operationId: 'proposeEscrow',
    tag,
    summary: 'Propose an escrow',
    description:
      'A buyer or a seller proposes; every other party agrees to its `terms_hash`. Amounts are minor units of the currency, periods ISO 8601.',
    roles: ['buyer', 'seller'],
    body: bodies.proposal,
    responses: { 201: { description: 'The escrow, proposed.', schema: schemas.escrow } },
    handler: ({ context, caller, body, key }) => proposeEscrow(context, caller, body, key),
  }),
  route({
    method: 'get',
    path: '/v1/escrows',
    operationId: 'listEscrows',
    tag,
    summary: 'List your escrows, newest first',
    roles: EVERYBODY,
    query: bodies.page.extend({
      status: z.enum(STATUSES).optional(),
      role: z.enum(['buyer', 'seller']).optional().describe('Those in which you have this role.'),
      external_id: z.string().optional(),
    }),
    responses: { 200: { description: 'A page of escrows.', schema: schemas.listOf(schemas.escrow) } },
    handler: async ({ context, caller, query }) => {
      const viewer = viewerOf(caller);
      const { data, hasMore } = await listEscrows(context.sql, viewer, {
        startingAfter: query.starting_after,
        limit: query.limit,
        status: query.status,
        role: query.role,
        externalId: query.external_id,
      });
      const view = { viewer, settings: context.settings };
      return { status: 200, body: { data: data.map((record) => escrowView(record, view)), has_more: hasMore } };
    },
  }),
  route({
    method: 'get',
    path: '/v1/escrows/{id}',
    operationId: 'getEscrow',
    tag,
    summary: 'Read an escrow',
    roles: EVERYBODY,
    params,
    responses: { 200: { description: 'The escrow.', schema: schemas.escrow } },
    handler: async ({ context, caller, params }) => {
      const viewer = viewerOf(caller);
      const record = await findEscrow(context.sql, viewer, params.id);
      if (record === null) throw notFound('escrow');
      return { status: 200, body: escrowView(record, { viewer, settings: context.settings }) };
    },
  }),
  route({
    method: 'get',
    path: '/v1/escrows/{id}/timeline',
    operationId: 'getTimeline',
    tag,
    summary: 'Everything that happened, oldest first',
    roles: EVERYBODY,
    params,
    query: bodies.page.extend({
      starting_after: z
        .string()
        .regex(/^\d{1,9}$/, 'takes the id of an entry')
        .transform(Number)
        .optional(),
    }),
    responses: { 200: { description: 'A page of the timeline.', schema: schemas.listOf(schemas.timelineEntry) } },
    handler: async ({ context, caller, params, query }) => {
      const page = { startingAfter: query.starting_after, limit: query.limit };
      const found = await timelineOf(context.sql, viewerOf(caller), params.id, page);
      if (found === null) throw notFound('escrow');
      return { status: 200, body: { data: found.data.map(timelineView), has_more: found.hasMore } };
    },
  }),
  route({
    method: 'get',
    path: '/v1/escrows/{id}/explanation',
    operationId: 'explainEscrow',
    tag,
    summary: 'Why the money is where it is, in sentences',
    roles: EVERYBODY,
    params,
    responses: { 200: { description: 'The explanation.', schema: schemas.explanation } },
    handler: async ({ context, caller, params }) => {
      const record = await findEscrow(context.sql, viewerOf(caller), params.id);
      if (record === null) throw notFound('escrow');
      const sellers = new Set(record.state.milestones.map((m) => m.sellerId));
      const mine = seesEverything(viewerOf(caller)) ? [...sellers] : [caller.person.id].filter((id) => sellers.has(id));
      const owed = await Promise.all(mine.map(async (sellerId) => (await sellerBalances(context.sql, sellerId)).map((b) => ({ sellerId, currency: b.currency, open: b.debt })))); // prettier-ignore
      return { status: 200, body: explain(record, owed.flat().filter((o) => o.open > 0n)) }; // prettier-ignore
    },
  }),
  route({
    method: 'post',
    path: '/v1/escrows/{id}/preview',
    operationId: 'previewEscrow',
    tag,
    summary: 'What a command would do: nothing happens',
    description:
      'Whether it is allowed to you now, and the postings, Stripe calls, states and money that would follow if every call succeeded. Staff may ask the same of a chargeback that nobody has made: whose loss it would be.',
    roles: EVERYBODY,
    params,
    body: previewBody,
    responses: { 200: { description: 'What would follow.', schema: previewSchema } },
    handler: ({ context, caller, params: { id }, body }) => previewEscrow(context, caller, id, body),
  }),
  route({
    method: 'post',
    path: '/v1/escrows/{id}/agree',
    operationId: 'agreeToEscrow',
    tag,
    summary: 'Agree to the terms',
    roles: EVERYBODY,
    params,
    body: bodies.agree,
    responses: { 200: { description: 'The escrow; `agreed` with the last signature.', schema: schemas.escrow } },
    handler: ({ context, caller, params, body, key, route }) =>
      commandEscrow(context, caller, {
        escrowId: params.id,
        name: 'agree',
        route,
        key,
        body,
        input: inputs.agree(body),
      }),
  }),
  route({
    method: 'post',
    path: '/v1/escrows/{id}/fund',
    operationId: 'fundEscrow',
    tag,
    summary: 'Pay what is due now',
    description:
      'The whole of an upfront escrow; the first unfunded milestone, or those that `milestone_ids` names, of one that is paid per milestone. Without `payment_method` the answer carries what a payment page needs.',
    roles: EVERYBODY,
    params,
    body: bodies.fund,
    responses: {
      200: {
        description: 'The payment and the escrow. It is funded when the escrow says so.',
        schema: z.object({
          payment: z.object({
            id: z.string(),
            status: z.string(),
            client_secret: z.string().nullable(),
            url: z.string().nullable().describe('Where the buyer goes on: the payment page, or the bank.'),
          }),
          escrow: schemas.escrow,
        }),
      },
      402: { description: 'Declined: nothing was charged; fund again with a new key.', schema: schemas.problem },
    },
    handler: ({ context, caller, params, body, key, route }) =>
      commandEscrow(context, caller, { escrowId: params.id, name: 'fund', route, key, body, input: inputs.fund(body) }),
  }),
  route({
    method: 'post',
    path: '/v1/escrows/{id}/cancel',
    operationId: 'cancelEscrow',
    tag,
    summary: 'Cancel, ask to cancel, or confirm that you agree to it',
    description:
      'At once where the rules allow one side; else a request that the other side answers by the same call (`cancel_request` shows it and its expiry).',
    roles: EVERYBODY,
    params,
    body: bodies.cancel,
    responses: { 200: { description: 'The escrow.', schema: schemas.escrow } },
    handler: ({ context, caller, params, body, key, route }) =>
      commandEscrow(context, caller, {
        escrowId: params.id,
        name: 'cancel',
        route,
        key,
        body,
        input: inputs.cancel(body),
      }),
  }),
];
