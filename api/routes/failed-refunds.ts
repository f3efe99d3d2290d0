// /v1/ops/failed-refunds: refunds of ended escrows that the bank sent back, tried again or paid by bank transfer.
import { z } from 'zod';
import { disputeHolds } from '../../db/card-disputes.ts';
import { BANK_DECIDES, bankRefusal, FAILED_REFUND_STATUSES, type FailedRefund, findFailedRefund, listFailedRefunds } from '../../db/failed-refunds.ts'; // prettier-ignore
import { toInteger } from '../../domain/money.ts';
import { approvalAsked, askSecondPerson, FAILED_REFUND_BY_BANK } from '../approvals.ts';
import * as bodies from '../bodies.ts';
import { runOnce } from '../commands.ts';
import { notFound } from '../escrow-commands.ts';
import { moneyOf } from '../escrow-view.ts';
import { Problem } from '../problem.ts';
import { route, STAFF } from '../route.ts';
import { listOf, money } from '../schemas.ts';

const tag = 'Ops';
const params = z.object({ id: z.string().describe('Id of the refund that failed first.') });

const failedRefund = z
  .object({
    id: z.string(),
    object: z.literal('failed_refund'),
    escrow_id: z.string(),
    milestone_id: z.string().nullable(),
    status: z.enum(FAILED_REFUND_STATUSES),
    amount: money.describe('What the buyer is to get.'),
    attempts: z.int().describe('How often Stripe was asked, the first refund included.'),
    code: z
      .string()
      .nullable()
      .describe('Why the last attempt failed; `charged_back`: the buyer’s bank gave the money back by a dispute.'),
    reference: z.string().nullable().describe('Of the bank transfer that paid it.'),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'FailedRefund' });

const view = (f: FailedRefund): z.infer<typeof failedRefund> => ({
  id: f.id,
  object: 'failed_refund',
  escrow_id: f.escrow_id,
  milestone_id: f.milestone_id,
  status: f.status,
  amount: moneyOf(f.amount, f.currency),
  attempts: f.attempt,
  code: f.code,
  reference: f.reference,
  created_at: f.created_at.toISOString(),
  updated_at: f.updated_at.toISOString(),
});

const transfer = z.strictObject({
  reference: z.string().trim().min(1, 'must not be empty').max(200).describe('Of the bank transfer to the buyer.'),
  reason: z.string().trim().min(1, 'must not be empty').max(500),
});

export const failedRefundRoutes = [
  route({
    method: 'get',
    path: '/v1/ops/failed-refunds',
    operationId: 'listFailedRefunds',
    tag,
    summary: 'Refunds of ended escrows that came back from the bank, newest first',
    roles: STAFF,
    query: bodies.page.extend({ status: z.enum(FAILED_REFUND_STATUSES).optional() }),
    responses: { 200: { description: 'A page of them.', schema: listOf(failedRefund) } },
    handler: async ({ context, query }) => {
      const { status, starting_after: startingAfter, limit } = query;
      const rows = await listFailedRefunds(context.sql, { status, startingAfter, limit: limit + 1 });
      return { status: 200, body: { data: rows.slice(0, limit).map(view), has_more: rows.length > limit } };
    },
  }),
  route({
    method: 'post',
    path: '/v1/ops/failed-refunds/{id}/retry',
    operationId: 'retryFailedRefund',
    tag,
    summary: 'Refund the buyer again',
    description:
      'The same amount to the same payment method, as it was ordered before. It is tried by itself too, a day and a week after it came back, unless the card or account is gone.',
    roles: ['ops'],
    params,
    body: bodies.empty,
    responses: { 200: { description: 'As it stands after Stripe’s answer.', schema: failedRefund } },
    handler: ({ context, caller, params: { id }, body, key, route }) =>
      runOnce(context, { caller, route, key, body }, {}, async () => {
        if ((await findFailedRefund(context.sql, id)) === null) throw notFound('refund');
        await context.workflows.retryFailedRefund(id, `${caller.ownerId}:${key}`);
        return { status: 200, body: view((await findFailedRefund(context.sql, id))!) };
      }),
  }),
  route({
    method: 'post',
    path: '/v1/ops/failed-refunds/{id}/paid-by-bank',
    operationId: 'payFailedRefundByBank',
    tag,
    summary: 'The buyer was paid by bank transfer',
    description: 'Where Stripe cannot bring it any more. Always by two people of ops.',
    roles: ['ops'],
    params,
    body: transfer,
    responses: { 202: { description: 'It waits for another of ops.', schema: approvalAsked } },
    handler: async ({ context, caller, params: { id }, body, key, route }) => {
      const f = await findFailedRefund(context.sql, id);
      if (f === null) throw notFound('refund');
      const asked = {
        kind: 'refund' as const,
        escrowId: f.escrow_id,
        params: {
          command: FAILED_REFUND_BY_BANK,
          failed_refund_id: id,
          amount: toInteger(f.amount),
          currency: f.currency,
          reference: body.reference,
          reason: body.reason,
        },
      };
      const bankDecides = f.status === 'owed' && (await disputeHolds(context.sql, f.charge_id));
      return askSecondPerson(context, { caller, route, key, body }, asked, () => {
        if (f.status !== 'owed') throw new Problem('action_not_available', bankRefusal(f), { extra: { available_actions: [] } }); // prettier-ignore
        if (bankDecides) throw new Problem('action_not_available', BANK_DECIDES, { extra: { available_actions: [] } });
      });
    },
  }),
];
