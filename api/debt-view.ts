// A seller's debt as the API shows it.
import { z } from 'zod';
import { type Debt, openRest } from '../db/debts.ts';
import { moneyOf } from './escrow-view.ts';
import { money } from './schemas.ts';

export const debt = z
  .object({
    id: z.string(),
    object: z.literal('debt'),
    kind: z
      .enum(['principal', 'costs'])
      .describe(
        'principal: money that went out and must come back. costs: Stripe’s fee for a lost chargeback, by the terms.',
      ),
    seller_id: z.string(),
    escrow_id: z.string(),
    milestone_id: z.string(),
    status: z.enum(['open', 'recovered', 'repaid', 'written_off', 'cancelled']),
    amount: money,
    open: money.describe('Taken out of the seller’s next releases until nothing is left.'),
    recovered: money.describe('Set off against releases, or repaid.'),
    written_off: money,
    cancelled: money.describe('The refund that opened it failed.'),
    cause: z.record(z.string(), z.string()).describe('What opened it, by id.'),
    created_at: z.iso.datetime(),
    closed_at: z.iso.datetime().nullable(),
    reminders: z.int().describe('Reminders that the seller got, one a month.'),
    write_off_proposed_at: z.iso.datetime().nullable().describe('Since when ops are asked to write it off (90 days).'),
  })
  .meta({ id: 'Debt' });

export const debtView = (d: Debt): z.infer<typeof debt> => ({
  id: d.id,
  object: 'debt',
  kind: d.kind,
  seller_id: d.seller_id,
  escrow_id: d.escrow_id,
  milestone_id: d.milestone_id,
  status: d.status,
  amount: moneyOf(d.amount, d.currency),
  open: moneyOf(openRest(d), d.currency),
  recovered: moneyOf(d.recovered, d.currency),
  written_off: moneyOf(d.written_off, d.currency),
  cancelled: moneyOf(d.cancelled, d.currency),
  cause: d.cause,
  created_at: d.created_at.toISOString(),
  closed_at: d.closed_at?.toISOString() ?? null,
  reminders: d.reminders,
  write_off_proposed_at: d.write_off_proposed_at?.toISOString() ?? null,
});
