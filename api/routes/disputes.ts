// /v1/disputes: both kinds read here; in-product disputes from the claim to the ruling, each call one command of the
// escrow's workflow.
import { z } from 'zod';
import { cardDisputesFor } from '../../db/card-disputes.ts';
import { findDispute, listDisputes } from '../../db/disputes.ts';
import type { EscrowCommandName } from '../../workflows/messages.ts';
import * as bodies from '../bodies.ts';
import { cardDispute, cardDisputeView, findCardDisputeFor } from '../card-dispute.ts';
import { disputeView, inProductDispute } from '../dispute-object.ts';
import { commandEscrow, type CommandInput, inputs, notFound, viewerOf } from '../escrow-commands.ts';
import { EVERYBODY, type None, route, type Route } from '../route.ts';
import * as schemas from '../schemas.ts';

const tag = 'Disputes';
const anyDispute = z.union([inProductDispute, cardDispute]);
const params = z.object({ id: z.string().describe('Id of the dispute.') });

interface DisputeCommand<Name extends Exclude<EscrowCommandName, 'create'>, B extends z.ZodType> {
  name: Name;
  path: string;
  operationId: string;
  summary: string;
  description?: string;
  body: B;
  input: (milestoneId: string, body: z.output<B>) => CommandInput<Name>;
}

function command<Name extends Exclude<EscrowCommandName, 'create'>, B extends z.ZodType>(
  c: DisputeCommand<Name, B>,
): Route {
  return route<typeof params, None, B>({
    method: 'post',
    path: `/v1/disputes/{id}/${c.path}`,
    operationId: c.operationId,
    tag,
    summary: c.summary,
    ...(c.description === undefined ? {} : { description: c.description }),
    roles: EVERYBODY,
    params,
    body: c.body,
    responses: { 200: { description: 'The dispute.', schema: inProductDispute } },
    handler: async ({ context, caller, params: { id }, body, key, route }) => {
      const record = await findDispute(context.sql, viewerOf(caller), id);
      if (record === null) throw notFound('dispute');
      return commandEscrow(context, caller, {
        escrowId: record.escrow.state.id,
        name: c.name,
        route,
        key,
        body,
        input: c.input(record.milestone.id, body),
        show: 'dispute',
      });
    },
  });
}

export const disputeRoutes = [
  route({
    method: 'post',
    path: '/v1/escrows/{id}/milestones/{mid}/dispute',
    operationId: 'openDispute',
    tag,
    summary: 'Dispute what is left of a milestone',
    description:
      'Either side. The milestone is frozen before the answer. `claim.amount` is what the claimant wants; all that is left when it is absent. Without a reply in time the claim is granted.',
    roles: EVERYBODY,
    params: z.object({
      id: z.string().describe('Id of the escrow.'),
      mid: z.string().describe('Id of the milestone.'),
    }),
    body: bodies.dispute,
    responses: { 201: { description: 'The dispute, open.', schema: inProductDispute } },
    handler: ({ context, caller, params: { id, mid }, body, key, route }) =>
      commandEscrow(context, caller, {
        escrowId: id,
        name: 'dispute',
        route,
        key,
        body,
        input: inputs.dispute(mid, body),
        show: 'dispute',
      }),
  }),
  route({
    method: 'get',
    path: '/v1/disputes',
    operationId: 'listDisputes',
    tag,
    summary: 'List disputes, newest first',
    roles: EVERYBODY,
    query: bodies.page.extend({
      escrow_id: z.string().optional(),
      status: z.enum(['open', 'negotiating', 'mediation', 'second_arbiter', 'settled']).optional(),
    }),
    responses: { 200: { description: 'A page of disputes.', schema: schemas.listOf(anyDispute) } },
    handler: async ({ context, caller, query }) => {
      const viewer = viewerOf(caller);
      const { data, hasMore } = await listDisputes(context.sql, viewer, {
        escrowId: query.escrow_id,
        status: query.status,
        startingAfter: query.starting_after,
        limit: query.limit,
      });
      // A status is an in-product dispute's: card disputes have Stripe's words.
      const cards =
        query.status === undefined
          ? await cardDisputesFor(context.sql, viewer, {
              escrowId: query.escrow_id,
              startingAfter: query.starting_after,
              limit: query.limit + 1,
            })
          : [];
      const all = [
        ...data.map((record) => disputeView(record, viewer)),
        ...cards.map((card) => cardDisputeView(card, viewer)),
      ].sort((a, b) => (a.id < b.id ? 1 : -1));
      return { status: 200, body: { data: all.slice(0, query.limit), has_more: hasMore || all.length > query.limit } };
    },
  }),
  route({
    method: 'get',
    path: '/v1/disputes/{id}',
    operationId: 'getDispute',
    tag,
    summary: 'Read a dispute',
    roles: EVERYBODY,
    params,
    responses: { 200: { description: 'The dispute; `kind` tells which.', schema: anyDispute } },
    handler: async ({ context, caller, params: { id } }) => {
      const viewer = viewerOf(caller);
      const record = await findDispute(context.sql, viewer, id);
      if (record !== null) return { status: 200, body: disputeView(record, viewer) };
      const card = await findCardDisputeFor(context, viewer, id);
      if (card === null) throw notFound('dispute');
      return { status: 200, body: cardDisputeView(card, viewer) };
    },
  }),
  command({
    name: 'reply',
    path: 'reply',
    operationId: 'replyToDispute',
    summary: 'The respondent replies: negotiation begins',
    body: bodies.reply,
    input: inputs.reply,
  }),
  command({
    name: 'offer',
    path: 'offer',
    operationId: 'offerInDispute',
    summary: 'Offer a split',
    description: '`seller_amount` is what the seller would get; the rest goes back to the buyer.',
    body: bodies.offer,
    input: inputs.offer,
  }),
  command({
    name: 'acceptOffer',
    path: 'accept-offer',
    operationId: 'acceptOffer',
    summary: 'Take the other side’s last offer',
    description: '200 means that both legs, the transfer and the refund, are ordered.',
    body: bodies.empty,
    input: inputs.acceptOffer,
  }),
  command({
    name: 'escalate',
    path: 'escalate',
    operationId: 'escalateDispute',
    summary: 'Ask for mediation',
    body: bodies.empty,
    input: inputs.escalate,
  }),
  command({
    name: 'rule',
    path: 'rule',
    operationId: 'ruleDispute',
    summary: 'An arbiter of ops rules a split',
    description: '200 means that both legs are ordered.',
    body: bodies.rule,
    input: inputs.rule,
  }),
];
