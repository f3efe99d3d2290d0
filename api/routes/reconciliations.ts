// /v1/ops/reconciliations: runs of Stripe's books against ours, their differences, and repairs by two persons.
import { z } from 'zod';
import { differencesOf, findRun, listRuns } from '../../db/reconciliation.ts';
import { REPAIRS } from '../../domain/reconciliation.ts';
import { approvalAsked } from '../approvals.ts';
import * as bodies from '../bodies.ts';
import { notFound } from '../escrow-commands.ts';
import { difference, differenceView, reconciliation, runView } from '../reconciliation-view.ts';
import { askRepair, startReconciliation } from '../reconciliations.ts';
import { route, STAFF } from '../route.ts';
import { listOf } from '../schemas.ts';

const tag = 'Reconciliation';
const params = z.object({ id: z.string().describe('Id of the run (rec_…).') });

const start = z.strictObject({
  days: z.int().min(1, 'is at least 1').max(90, 'is at most 90').default(7).describe('How far back Stripe’s lists are read; what is open is compared however old it is.'), // prettier-ignore
  settle_seconds: z.int().min(0, 'is not negative').max(3600, 'is at most an hour').default(120).describe('How long what is under way may take before a difference is believed.'), // prettier-ignore
});

const repairBody = z.strictObject({
  repair: z.enum(REPAIRS).describe('One of the difference’s `repairs`.'),
  reason: z.string().trim().min(1, 'must not be empty').max(1000),
});

export const reconciliationRoutes = [
  route({
    method: 'post',
    path: '/v1/ops/reconciliations',
    operationId: 'startReconciliation',
    tag,
    summary: 'Compare Stripe’s books with ours, now',
    description: 'One runs by itself every night at 03:30 UTC over 7 days. It changes no money; look at it until it is no longer `running`.', // prettier-ignore
    roles: ['ops'],
    body: start,
    responses: { 201: { description: 'The run, under way.', schema: reconciliation } },
    handler: ({ context, caller, body, key, route }) =>
      startReconciliation(context, { caller, route, key, body }, { days: body.days, settleMs: body.settle_seconds * 1000 }), // prettier-ignore
  }),
  route({
    method: 'get',
    path: '/v1/ops/reconciliations',
    operationId: 'listReconciliations',
    tag,
    summary: 'Runs, newest first',
    roles: STAFF,
    query: bodies.page,
    responses: { 200: { description: 'A page of runs.', schema: listOf(reconciliation) } },
    handler: async ({ context, query }) => {
      const { starting_after: startingAfter, limit } = query;
      const rows = await listRuns(context.sql, { startingAfter, limit: limit + 1 });
      return { status: 200, body: { data: rows.slice(0, limit).map(runView), has_more: rows.length > limit } };
    },
  }),
  route({
    method: 'get',
    path: '/v1/ops/reconciliations/{id}',
    operationId: 'getReconciliation',
    tag,
    summary: 'One run',
    roles: STAFF,
    params,
    responses: { 200: { description: 'The run.', schema: reconciliation } },
    handler: async ({ context, params: { id } }) => {
      const run = await findRun(context.sql, id);
      if (run === null) throw notFound('reconciliation');
      return { status: 200, body: runView(run) };
    },
  }),
  route({
    method: 'get',
    path: '/v1/ops/reconciliations/{id}/differences',
    operationId: 'listDifferences',
    tag,
    summary: 'What a run found, with both sides, the likely cause and the repairs',
    roles: STAFF,
    params,
    query: z.strictObject({
      starting_after: z.coerce.number().int().min(0).optional().describe('The `n` of the last one of the page before.'),
      limit: bodies.page.shape.limit,
    }),
    responses: { 200: { description: 'A page of differences.', schema: listOf(difference) } },
    handler: async ({ context, params: { id }, query: { starting_after: after, limit } }) => {
      if ((await findRun(context.sql, id)) === null) throw notFound('reconciliation');
      const rows = await differencesOf(context.sql, id, { after, limit: limit + 1 });
      return { status: 200, body: { data: rows.slice(0, limit).map(differenceView), has_more: rows.length > limit } };
    },
  }),
  route({
    method: 'post',
    path: '/v1/ops/reconciliations/{id}/differences/{n}/repair',
    operationId: 'repairDifference',
    tag,
    summary: 'Ask another of ops for a repair',
    description: 'Always by two people. `explain` leaves both sides as they are, and later runs do not show it again.',
    roles: ['ops'],
    params: params.extend({ n: z.coerce.number().int().min(1) }),
    body: repairBody,
    responses: { 202: { description: 'It waits for another of ops.', schema: approvalAsked } },
    handler: ({ context, caller, params: { id, n }, body, key, route }) =>
      askRepair(context, { caller, route, key, body }, { runId: id, n }, body),
  }),
];
