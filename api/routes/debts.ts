// /v1/ops/debts: what sellers owe, and money that came for it outside of Stripe.
import { z } from 'zod';
import { DEBT_STATUSES, findDebt, listDebts, repayDebt } from '../../db/debts.ts';
import { newId } from '../../db/ids.ts';
import * as bodies from '../bodies.ts';
import { runOnce } from '../commands.ts';
import { debt, debtView } from '../debt-view.ts';
import { notFound } from '../escrow-commands.ts';
import { route, STAFF } from '../route.ts';
import { listOf } from '../schemas.ts';

const tag = 'Ops';
const params = z.object({ id: z.string().describe('Id of the debt.') });

const repayment = z.strictObject({
  amount: z.int('takes a whole number of minor units').optional().describe('The open rest when left out.'),
  reference: z.string().trim().min(1, 'must not be empty').max(200).describe('Of the bank transfer.'),
});

export const debtRoutes = [
  route({
    method: 'get',
    path: '/v1/ops/debts',
    operationId: 'listDebts',
    tag,
    summary: 'Debts of sellers, newest first',
    roles: STAFF,
    query: bodies.page.extend({ seller_id: z.string().optional(), status: z.enum(DEBT_STATUSES).optional() }),
    responses: { 200: { description: 'A page of debts.', schema: listOf(debt) } },
    handler: async ({ context, query }) => {
      const { seller_id: sellerId, status, starting_after: startingAfter, limit } = query;
      const rows = await listDebts(context.sql, { sellerId, status, startingAfter, limit: limit + 1 });
      return { status: 200, body: { data: rows.slice(0, limit).map(debtView), has_more: rows.length > limit } };
    },
  }),
  route({
    method: 'post',
    path: '/v1/ops/debts/{id}/repay',
    operationId: 'repayDebt',
    tag,
    summary: 'The seller paid a debt by bank transfer',
    roles: ['ops'],
    params,
    body: repayment,
    responses: { 200: { description: 'The debt.', schema: debt } },
    handler: ({ context, caller, params: { id }, body, key, route }) =>
      runOnce(context, { caller, route, key, body }, { id: newId('event') }, async (ids) => {
        if ((await findDebt(context.sql, id)) === null) throw notFound('debt');
        const amountMinor = body.amount === undefined ? undefined : BigInt(body.amount);
        const paid = await repayDebt(context.sql, {
          id: ids['id']!,
          debtId: id,
          amountMinor,
          reference: body.reference,
          by: caller.person.id,
        });
        return { status: 200, body: debtView(paid!) };
      }),
  }),
];
