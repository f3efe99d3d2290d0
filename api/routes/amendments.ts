// Amendments: new terms for an agreed escrow, signed or rejected by every other party.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { escrowOfAmendment, findEscrow } from '../../db/escrows.ts';
import { newId } from '../../db/ids.ts';
import { canonicalTerms } from '../../domain/terms.ts';
import * as bodies from '../bodies.ts';
import type { AppContext, Caller } from '../context.ts';
import { commandEscrow, notFound, viewerOf } from '../escrow-commands.ts';
import { amendedTerms } from '../terms.ts';
import { EVERYBODY, route } from '../route.ts';
import * as schemas from '../schemas.ts';

const tag = 'Amendments';
const escrowParams = z.object({ id: z.string().describe('Id of the escrow.') });
const params = z.object({ id: z.string().describe('Id of the amendment (amd_…).') });

/** @throws Problem not_found for what is not the caller's */
async function escrowIdOf(context: AppContext, caller: Caller, amendmentId: string): Promise<string> {
  const escrowId = await escrowOfAmendment(context.sql, viewerOf(caller), amendmentId);
  if (escrowId === null) throw notFound('amendment');
  return escrowId;
}

export const amendmentRoutes = [
  route({
    method: 'post',
    path: '/v1/escrows/{id}/amendments',
    operationId: 'proposeAmendment',
    tag,
    summary: 'Propose new terms',
    description:
      'Names every milestone that is to be there afterwards: with `id` one that exists (what is left out of it stays), without `id` a new one; a milestone that is not named is taken out. More money for a paid milestone becomes a milestone of its own with a payment of its own; less is refunded when all have signed.',
    roles: EVERYBODY,
    params: escrowParams,
    body: bodies.amendment,
    responses: { 200: { description: 'The escrow, `amending`, with its `amendment`.', schema: schemas.escrow } },
    handler: async ({ context, caller, params, body, key, route }) => {
      const record = await findEscrow(context.sql, viewerOf(caller), params.id);
      if (record === null) throw notFound('escrow');
      const terms = await amendedTerms(context, record.state, body);
      const termsHash = createHash('sha256').update(canonicalTerms(terms)).digest('hex');
      const input = { amendmentId: newId('amendment'), terms, termsHash };
      return commandEscrow(context, caller, { escrowId: params.id, name: 'amend', route, key, body, input });
    },
  }),
  route({
    method: 'post',
    path: '/v1/amendments/{id}/sign',
    operationId: 'signAmendment',
    tag,
    summary: 'Sign an amendment',
    roles: EVERYBODY,
    params,
    body: bodies.agree,
    responses: {
      200: { description: 'The escrow; the last signature applies the new terms.', schema: schemas.escrow },
    },
    handler: async ({ context, caller, params, body, key, route }) => {
      const escrowId = await escrowIdOf(context, caller, params.id);
      const input = { amendmentId: params.id, termsHash: body.terms_hash };
      return commandEscrow(context, caller, { escrowId, name: 'signAmendment', route, key, body, input });
    },
  }),
  route({
    method: 'post',
    path: '/v1/amendments/{id}/reject',
    operationId: 'rejectAmendment',
    tag,
    summary: 'Reject an amendment',
    roles: EVERYBODY,
    params,
    body: bodies.empty,
    responses: { 200: { description: 'The escrow with its terms as they were.', schema: schemas.escrow } },
    handler: async ({ context, caller, params, body, key, route }) => {
      const escrowId = await escrowIdOf(context, caller, params.id);
      return commandEscrow(context, caller, {
        escrowId,
        name: 'rejectAmendment',
        route,
        key,
        body,
        input: { amendmentId: params.id },
      });
    },
  }),
];
