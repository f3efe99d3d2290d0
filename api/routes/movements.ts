// /v1/escrows/{id}/payments, /refunds, /transfers: the money that the product ordered, each with Stripe's ids.
import { z } from 'zod';
import { type MovementKind, type MovementRow, movementsOf } from '../../db/escrows.ts';
import * as bodies from '../bodies.ts';
import { notFound, viewerOf } from '../escrow-commands.ts';
import { moneyOf } from '../escrow-view.ts';
import { EVERYBODY, route, type Route } from '../route.ts';
import * as schemas from '../schemas.ts';

const common = (row: MovementRow) => ({
  id: row.id,
  status: row.status,
  amount: moneyOf(row.amount, row.currency),
  settled: row.settled_amount === null ? null : moneyOf(row.settled_amount, row.settlement_currency ?? row.currency),
  milestone_id: row.milestone_id,
  error: row.error_code === null ? null : { code: row.error_code, message: row.error_message },
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
});

const views: Record<MovementKind, (row: MovementRow) => unknown> = {
  payment: (row) => ({
    ...common(row),
    stripe_payment_intent_id: row.stripe_id,
    stripe_charge_id: row.stripe_charge_id,
  }),
  transfer: (row) => ({
    ...common(row),
    seller_id: row.seller_id,
    part: row.part,
    stripe_transfer_id: row.stripe_id,
    stripe_charge_id: row.stripe_charge_id,
  }),
  refund: (row) => ({
    ...common(row),
    reason: row.reason,
    payment_id: row.payment_id,
    bank:
      row.reference === null || row.approval_id === null
        ? null
        : { reference: row.reference, approval_id: row.approval_id, requested_by: row.requested_by, approved_by: row.approved_by }, // prettier-ignore
    stripe_refund_id: row.stripe_id,
    stripe_charge_id: row.stripe_charge_id,
  }),
};

function list(kind: MovementKind, path: string, operationId: string, summary: string, schema: z.ZodType): Route {
  return route({
    method: 'get',
    path: `/v1/escrows/{id}/${path}`,
    operationId,
    tag: 'Money',
    summary,
    roles: EVERYBODY,
    params: z.object({ id: z.string().describe('Id of the escrow.') }),
    query: bodies.page,
    responses: { 200: { description: 'A page, oldest first.', schema: schemas.listOf(schema) } },
    handler: async ({ context, caller, params, query }) => {
      const page = { startingAfter: query.starting_after, limit: query.limit };
      const found = await movementsOf(context.sql, viewerOf(caller), params.id, kind, page);
      if (found === null) throw notFound('escrow');
      return { status: 200, body: { data: found.data.map(views[kind]), has_more: found.hasMore } };
    },
  });
}

export const movementRoutes = [
  list('payment', 'payments', 'listPayments', 'Payments of an escrow', schemas.payment),
  list('refund', 'refunds', 'listRefunds', 'Refunds of an escrow', schemas.refund),
  list('transfer', 'transfers', 'listTransfers', 'Transfers of an escrow', schemas.transfer),
];
