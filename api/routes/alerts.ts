// /v1/ops/alerts: what the product or Stripe could not settle by itself, and its end once a person has dealt with it.
import { z } from 'zod';
import { type Alert, openAlerts, resolveAlert } from '../../db/queues.ts';
import * as bodies from '../bodies.ts';
import { runOnce } from '../commands.ts';
import { notFound } from '../escrow-commands.ts';
import { route, STAFF } from '../route.ts';
import { listOf } from '../schemas.ts';

const tag = 'Ops';
const number = z.string().regex(/^\d{1,18}$/, 'takes the id of an alert').transform(BigInt); // prettier-ignore

const alert = z
  .object({
    id: z.string(),
    object: z.literal('alert'),
    kind: z.string(),
    escrow_id: z.string().nullable(),
    detail: z.record(z.string(), z.unknown()),
    created_at: z.iso.datetime(),
    resolved_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Alert' });

const view = (a: Alert): z.infer<typeof alert> => ({
  id: a.id.toString(),
  object: 'alert',
  kind: a.kind,
  escrow_id: a.escrow_id,
  detail: a.detail,
  created_at: a.created_at.toISOString(),
  resolved_at: a.resolved_at?.toISOString() ?? null,
});

export const alertRoutes = [
  route({
    method: 'get',
    path: '/v1/ops/alerts',
    operationId: 'listAlerts',
    tag,
    summary: 'Open alerts, oldest first',
    roles: STAFF,
    query: bodies.page.extend({ starting_after: number.optional(), escrow_id: z.string().optional() }),
    responses: { 200: { description: 'A page of alerts.', schema: listOf(alert) } },
    handler: async ({ context, query }) => {
      const { limit, starting_after: startingAfter, escrow_id: escrowId } = query;
      const rows = await openAlerts(context.sql, { limit: limit + 1, startingAfter, escrowId });
      return { status: 200, body: { data: rows.slice(0, limit).map(view), has_more: rows.length > limit } };
    },
  }),
  route({
    method: 'post',
    path: '/v1/ops/alerts/{id}/resolve',
    operationId: 'resolveAlert',
    tag,
    summary: 'Close an alert that a person has dealt with',
    description: 'Nothing else changes. `note` says what was done, and stays in its `detail`.',
    roles: ['ops'],
    params: z.object({ id: z.string().regex(/^\w{1,40}$/).describe('Id of the alert.') }), // prettier-ignore
    body: z.strictObject({ note: z.string().trim().min(1, 'must not be empty').max(500) }),
    responses: { 200: { description: 'The alert, closed.', schema: alert } },
    handler: ({ context, caller, params: { id }, body, key, route }) =>
      runOnce(context, { caller, route, key, body }, {}, async () => {
        const closed = number.safeParse(id).success
          ? await resolveAlert(context.sql, BigInt(id), caller.person.id, body.note)
          : null;
        if (closed === null) throw notFound('alert');
        return { status: 200, body: view(closed) };
      }),
  }),
];
