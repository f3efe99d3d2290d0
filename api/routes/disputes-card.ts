// /v1/disputes/{id}/evidence, /submit-evidence, /accept-loss: how the affected sellers and ops answer a card dispute.
import { z } from 'zod';
import { CHARGEBACK_UPDATES } from '../../workflows/chargeback-messages.ts';
import * as bodies from '../bodies.ts';
import { cardDispute, commandCardDispute } from '../card-dispute.ts';
import { EVERYBODY, route } from '../route.ts';

const tag = 'Disputes';
const params = z.object({ id: z.string().describe('Id of the dispute.') });
const responses = { 200: { description: 'The dispute.', schema: cardDispute } };

/** Leaves room for our own pack under the network's 150,000 characters. */
const evidence = z.strictObject({
  text: z.string().trim().min(1, 'must not be empty').max(20_000, 'takes at most 20000 characters'),
});

export const cardDisputeRoutes = [
  route({
    method: 'post',
    path: '/v1/disputes/{id}/evidence',
    operationId: 'stageEvidence',
    tag,
    summary: 'Stage evidence against a chargeback',
    description:
      'Replaces what was staged before. It goes out with the terms, the timeline and the deliverables’ hashes by `submit-evidence`, or by itself when the sellers’ time is over.',
    roles: EVERYBODY,
    params,
    body: evidence,
    responses,
    handler: ({ context, caller, params: { id }, body, key, route }) =>
      commandCardDispute(context, caller, { id, update: CHARGEBACK_UPDATES.stage, route, key, body, args: { text: body.text } }), // prettier-ignore
  }),
  route({
    method: 'post',
    path: '/v1/disputes/{id}/submit-evidence',
    operationId: 'submitEvidence',
    tag,
    summary: 'Send the evidence now, once and for good',
    roles: EVERYBODY,
    params,
    body: bodies.empty,
    responses,
    handler: ({ context, caller, params: { id }, body, key, route }) =>
      commandCardDispute(context, caller, { id, update: CHARGEBACK_UPDATES.submit, route, key, body, args: {} }),
  }),
  route({
    method: 'post',
    path: '/v1/disputes/{id}/accept-loss',
    operationId: 'acceptLoss',
    tag,
    summary: 'Accept the loss; irreversible',
    description: 'Takes effect once every affected seller has accepted, or ops do.',
    roles: EVERYBODY,
    params,
    body: bodies.empty,
    responses,
    handler: ({ context, caller, params: { id }, body, key, route }) =>
      commandCardDispute(context, caller, { id, update: CHARGEBACK_UPDATES.accept, route, key, body, args: {} }),
  }),
];
