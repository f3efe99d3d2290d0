// /v1/ops: freeze and unfreeze, the webhook inbox, the invariants.
import { z } from 'zod';
import { EVENT_STATES, findStripeEvent, listStripeEvents, replayStripeEvent, type StripeEventRow } from '../../db/stripe-events.ts'; // prettier-ignore
import { checkInvariants } from '../../db/invariants.ts';
import { openAmount } from '../../domain/escrow-state.ts';
import { approvalAsked } from '../approvals.ts';
import * as bodies from '../bodies.ts';
import { runOnce } from '../commands.ts';
import { commandEscrow, inputs, milestoneOf, notFound } from '../escrow-commands.ts';
import { Problem } from '../problem.ts';
import { route, STAFF } from '../route.ts';
import * as schemas from '../schemas.ts';

const params = z.object({ id: z.string() });
const tag = 'Ops';

const eventView = (row: StripeEventRow) => ({
  ...row,
  next_try_at: row.next_try_at.toISOString(),
  received_at: row.received_at.toISOString(),
  done_at: row.done_at?.toISOString() ?? null,
});

/** bigint → text: rows are whatever the check found, for a person to read. */
const plain = (rows: object[]): unknown =>
  JSON.parse(JSON.stringify(rows, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)));

export const opsRoutes = [
  route({
    method: 'post',
    path: '/v1/ops/escrows/{id}/freeze',
    operationId: 'freezeEscrow',
    tag,
    summary: 'Freeze an escrow or one of its milestones',
    description: 'Nothing moves and no timer runs on until it is unfrozen.',
    roles: ['ops'],
    params,
    body: bodies.freeze,
    responses: { 200: { description: 'The escrow.', schema: schemas.escrow } },
    handler: ({ context, caller, params, body, key, route }) =>
      commandEscrow(context, caller, {
        escrowId: params.id,
        name: 'freeze',
        route,
        key,
        body,
        input: inputs.freeze(params.id, body),
      }),
  }),
  route({
    method: 'post',
    path: '/v1/ops/escrows/{id}/unfreeze',
    operationId: 'unfreezeEscrow',
    tag,
    summary: 'End a freeze by ops',
    roles: ['ops'],
    params,
    body: bodies.unfreeze,
    responses: { 200: { description: 'The escrow.', schema: schemas.escrow } },
    handler: ({ context, caller, params, body, key, route }) =>
      commandEscrow(context, caller, {
        escrowId: params.id,
        name: 'unfreeze',
        route,
        key,
        body,
        input: inputs.unfreeze(params.id, body),
      }),
  }),
  route({
    method: 'post',
    path: '/v1/ops/escrows/{id}/release',
    operationId: 'releaseByHand',
    tag,
    summary: 'Release delivered work by hand',
    description:
      'All that is left of a submitted milestone goes to its seller, as if its buyer had accepted it. Over APPROVAL_LIMIT_RELEASE another of ops approves it first.',
    roles: ['ops'],
    params,
    body: bodies.releaseByHand,
    responses: {
      200: { description: 'The escrow.', schema: schemas.escrow },
      202: { description: 'It waits for another of ops.', schema: approvalAsked },
    },
    handler: async ({ context, caller, params, body, key, route }) => {
      const { m } = await milestoneOf(context, caller, params.id, body.milestone_id);
      const input = { milestoneId: m.id, amount: openAmount(m), reason: body.reason, delivered: true };
      return commandEscrow(context, caller, { escrowId: params.id, name: 'forceRelease', route, key, body, input });
    },
  }),
  route({
    method: 'get',
    path: '/v1/ops/events',
    operationId: 'listStripeEvents',
    tag,
    summary: 'Stripe’s events, newest first',
    roles: STAFF,
    query: bodies.page.extend({ state: z.enum(EVENT_STATES).optional() }),
    responses: { 200: { description: 'A page of events.', schema: schemas.listOf(schemas.stripeEvent) } },
    handler: async ({ context, query }) => {
      const { state, starting_after: startingAfter, limit } = query;
      const rows = await listStripeEvents(context.sql, { state, startingAfter, limit: limit + 1 });
      return { status: 200, body: { data: rows.slice(0, limit).map(eventView), has_more: rows.length > limit } };
    },
  }),
  route({
    method: 'post',
    path: '/v1/ops/events/{id}/replay',
    operationId: 'replayStripeEvent',
    tag,
    summary: 'Put an event back into the queue',
    description: 'Its effect happens at most once however often it is replayed.',
    roles: ['ops'],
    params,
    body: bodies.empty,
    responses: { 200: { description: 'The event, waiting.', schema: schemas.stripeEvent } },
    handler: ({ context, caller, params, body, key, route }) =>
      runOnce(context, { caller, route, key, body }, {}, async () => {
        const known = await findStripeEvent(context.sql, params.id);
        if (known === null) throw notFound('event');
        const row = await replayStripeEvent(context.sql, params.id, context.settings.mode === 'live');
        if (row === null) throw new Problem('event_quarantined');
        return { status: 200, body: eventView(row) };
      }),
  }),
  route({
    method: 'get',
    path: '/v1/ops/invariants',
    operationId: 'checkInvariants',
    tag,
    summary: 'Check the invariants of the ledger now',
    description:
      'Over the database alone: `npm run verify` asks Stripe and every workflow too. `rows` holds what breaks one.',
    roles: STAFF,
    responses: {
      200: {
        description: 'Each invariant and whether it holds.',
        schema: z.object({ data: z.array(schemas.invariant) }),
      },
    },
    handler: async ({ context }) => {
      const results = await checkInvariants(context.sql);
      const data = results.map(({ number, name, holds, rows }) => ({ number, name, holds, rows: plain(rows) }));
      return { status: 200, body: { data } };
    },
  }),
];
