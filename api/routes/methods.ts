// /v1/payment-methods: what a buyer can pay with in a currency, how long it takes, and what is left out and why.
import { z } from 'zod';
import { methodsFor } from '../../domain/methods.ts';
import { currencyRule } from '../../domain/money.ts';
import { EVERYBODY, route } from '../route.ts';
import { listOf } from '../schemas.ts';

const method = z
  .object({
    type: z.string(),
    name: z.string(),
    delayed: z.boolean().describe('True: success or failure comes days later; no work and no transfer before.'),
    settles: z.string(),
    refundable_days: z.int().nullable().describe('Null: no limit of its own.'),
    disputes: z.enum(['evidence', 'final', 'none']),
    excluded: z.string().nullable().describe('Why it is not offered.'),
  })
  .meta({ id: 'PaymentMethod' });

export const methodRoutes = [
  route({
    method: 'get',
    path: '/v1/payment-methods',
    operationId: 'listPaymentMethods',
    tag: 'Escrows',
    summary: 'What a buyer can pay with',
    roles: EVERYBODY,
    query: z.object({ currency: z.string().describe('Lower-case ISO 4217.') }),
    responses: { 200: { description: 'The methods of the currency.', schema: listOf(method) } },
    handler: ({ query }) => {
      currencyRule(query.currency);
      const data = methodsFor(query.currency).map((m) => ({
        type: m.type,
        name: m.name,
        delayed: m.delayed,
        settles: m.settles,
        refundable_days: m.refundDays,
        disputes: m.disputes,
        excluded: m.excluded,
      }));
      return Promise.resolve({ status: 200, body: { data, has_more: false } });
    },
  }),
];
