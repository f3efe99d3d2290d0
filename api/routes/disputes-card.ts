// /v1/disputes/{id}/evidence, /submit-evidence, /accept-loss: how the affected sellers and ops answer a card dispute.
import { z } from 'zod';
import { CHARGEBACK_UPDATES } from '../../workflows/chargeback-messages.ts';
import * as bodies from '../bodies.ts';
import { EVIDENCE_FILE_FIELDS } from '../../payments/port.ts';
import { cardDispute, commandCardDispute, stageEvidence } from '../card-dispute.ts';
import { EVERYBODY, route } from '../route.ts';

const tag = 'Disputes';
const params = z.object({ id: z.string().describe('Id of the dispute.') });
const responses = { 200: { description: 'The dispute.', schema: cardDispute } };

/** Leaves room for our own pack under the network's 150,000 characters. */
const evidence = z.strictObject({
  text: z.string().trim().min(1, 'must not be empty').max(20_000, 'takes at most 20000 characters'),
  files: z
    .array(
      z.strictObject({
        file_id: z.string().describe('Of an upload by POST /v1/files: PDF, PNG or JPEG.'),
        field: z.enum(EVIDENCE_FILE_FIELDS).describe('Stripe’s field of evidence; each takes one file.'),
      }),
    )
    .max(EVIDENCE_FILE_FIELDS.length)
    .optional()
    .describe('In the place of those staged before; left out, those stay. 4.5 MB together.'),
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
      stageEvidence(context, caller, { id, route, key, body }),
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
