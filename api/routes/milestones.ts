// /v1/escrows/{id}/milestones/{mid}: start, submit, accept, request changes, extend, refund.
import { z } from 'zod';
import type { EscrowCommandName } from '../../workflows/messages.ts';
import * as bodies from '../bodies.ts';
import { commandEscrow, type CommandInput, inputs } from '../escrow-commands.ts';
import { refundMilestone } from '../released-refunds.ts';
import { EVERYBODY, type None, route, type Route } from '../route.ts';
import * as schemas from '../schemas.ts';

const params = z.object({
  id: z.string().describe('Id of the escrow.'),
  mid: z.string().describe('Id of the milestone.'),
});

interface MilestoneCommand<Name extends Exclude<EscrowCommandName, 'create'>, B extends z.ZodType> {
  name: Name;
  path: string;
  operationId: string;
  summary: string;
  description?: string;
  body: B;
  input: (milestoneId: string, body: z.output<B>) => CommandInput<Name>;
}

function command<Name extends Exclude<EscrowCommandName, 'create'>, B extends z.ZodType>(
  c: MilestoneCommand<Name, B>,
): Route {
  return route<typeof params, None, B>({
    method: 'post',
    path: `/v1/escrows/{id}/milestones/{mid}/${c.path}`,
    operationId: c.operationId,
    tag: 'Milestones',
    summary: c.summary,
    ...(c.description === undefined ? {} : { description: c.description }),
    roles: EVERYBODY,
    params,
    body: c.body,
    responses: { 200: { description: 'The escrow.', schema: schemas.escrow } },
    handler: ({ context, caller, params: { id, mid }, body, key, route }) =>
      commandEscrow(context, caller, { escrowId: id, name: c.name, route, key, body, input: c.input(mid, body) }),
  });
}

export const milestoneRoutes = [
  command({
    name: 'start',
    path: 'start',
    operationId: 'startMilestone',
    summary: 'The seller begins',
    description: 'From here the buyer alone cannot cancel.',
    body: bodies.empty,
    input: inputs.start,
  }),
  command({
    name: 'submit',
    path: 'submit',
    operationId: 'submitMilestone',
    summary: 'The seller delivers',
    description: 'The inspection period runs; when it ends with nothing frozen, the money goes to the seller.',
    body: bodies.submit,
    input: inputs.submit,
  }),
  command({
    name: 'accept',
    path: 'accept',
    operationId: 'acceptMilestone',
    summary: 'The buyer accepts, whole or in part',
    description: 'A part leaves the rest submitted, its deadline unchanged. 200 means that the release is ordered.',
    body: bodies.accept,
    input: inputs.accept,
  }),
  command({
    name: 'requestChanges',
    path: 'request-changes',
    operationId: 'requestChanges',
    summary: 'The buyer asks for changes',
    body: bodies.requestChanges,
    input: inputs.requestChanges,
  }),
  command({
    name: 'extend',
    path: 'extend',
    operationId: 'extendInspection',
    summary: 'The buyer takes more time to look, once',
    description: 'At most the first period again, which is also what it is without `until`.',
    body: bodies.extend,
    input: inputs.extend,
  }),
  route({
    method: 'post',
    path: '/v1/escrows/{id}/milestones/{mid}/refund',
    operationId: 'refundMilestone',
    tag: 'Milestones',
    summary: 'Refund, ask for a refund, or confirm one',
    description:
      'At once where one side may (the buyer before work starts, ops); else the other side confirms by the same call (`refund_request` shows it and its expiry). Of a released milestone, also after the escrow has ended: the transfer is reversed, then the buyer refunded; what the seller’s balance does not cover becomes a debt. 200 means that it is ordered.',
    roles: EVERYBODY,
    params,
    body: bodies.refund,
    responses: { 200: { description: 'The escrow.', schema: schemas.escrow } },
    handler: ({ context, caller, params: { id, mid }, body, key, route }) =>
      refundMilestone(context, caller, { escrowId: id, milestoneId: mid, route, key, body }),
  }),
];
