// /v1/payouts: what left a seller's Stripe balance for their bank, what failed, and what to do then.
import { z } from 'zod';
import { listPayouts, payoutAdvice, type Payout } from '../../db/payouts.ts';
import * as bodies from '../bodies.ts';
import { moneyOf } from '../escrow-view.ts';
import { route } from '../route.ts';
import { listOf, money } from '../schemas.ts';

const schema = z
  .object({
    id: z.string(),
    object: z.literal('payout'),
    seller_id: z.string(),
    amount: money,
    status: z.string().describe('Stripe’s own word; `paid` may still turn `failed`.'),
    failure_code: z.string().nullable(),
    what_to_do: z.string().nullable(),
    arrives_at: z.string(),
    created_at: z.string(),
  })
  .meta({ id: 'Payout' });

const view = (p: Payout) => ({
  id: p.id,
  object: 'payout' as const,
  seller_id: p.seller_id,
  amount: moneyOf(p.amount, p.currency),
  status: p.status,
  failure_code: p.failure_code,
  what_to_do: payoutAdvice(p),
  arrives_at: p.arrives_at.toISOString(),
  created_at: p.created_at.toISOString(),
});

export const payoutRoutes = [
  route({
    method: 'get',
    path: '/v1/payouts',
    operationId: 'listPayouts',
    tag: 'Sellers',
    summary: 'List payouts, newest first',
    description: 'A seller sees their own; ops and auditors see all.',
    roles: ['seller', 'ops', 'auditor'],
    query: bodies.page,
    responses: { 200: { description: 'A page of payouts.', schema: listOf(schema) } },
    handler: async ({ context, caller, query }) => {
      const own = caller.person.role === 'seller' ? caller.person.id : null;
      const rows = await listPayouts(context.sql, own, { startingAfter: query.starting_after, limit: query.limit });
      return { status: 200, body: { data: rows.slice(0, query.limit).map(view), has_more: rows.length > query.limit } };
    },
  }),
];
