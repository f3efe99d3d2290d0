// Reconciliation as the API shows it: runs, and each difference with both sides.
import { z } from 'zod';
import type { DifferenceRow, ReconciliationRun } from '../db/reconciliation.ts';
import { DIFFERENCE_KINDS, REPAIRS } from '../domain/reconciliation.ts';

const instant = z.iso.datetime();

export const reconciliation = z
  .object({
    id: z.string().describe('Id of the run (rec_…).'),
    object: z.literal('reconciliation'),
    status: z.enum(['running', 'clean', 'differences', 'failed']),
    trigger: z.enum(['schedule', 'person']),
    requested_by: z.string().nullable(),
    workflow_id: z.string(),
    window: z.object({ from: instant, to: instant }),
    figures: z.record(z.string(), z.number()).describe('How much of each list was compared.'),
    differences: z.int().describe('Found, the repaired ones too.'),
    open: z.int().describe('Found and not repaired.'),
    error: z.string().nullable(),
    started_at: instant,
    finished_at: instant.nullable(),
  })
  .meta({ id: 'Reconciliation' });

const side = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).nullable();

export const difference = z
  .object({
    n: z.int(),
    object: z.literal('reconciliation_difference'),
    kind: z.enum(DIFFERENCE_KINDS),
    subject: z.string().describe('What it is about, mostly an id of Stripe’s.'),
    escrow_id: z.string().nullable(),
    amount: z.object({ amount: z.int(), currency: z.string() }).nullable().describe('By which the sides differ.'),
    stripe: side.describe('Stripe’s side; null: nothing.'),
    ours: side.describe('Our side; null: nothing.'),
    cause: z.string().describe('What it most likely is.'),
    repairs: z.array(z.enum(REPAIRS)).describe('What may be asked for; the first is recommended.'),
    status: z.enum(['open', 'asked', 'repaired']),
    repair: z.enum(REPAIRS).nullable(),
    approval_id: z.string().nullable(),
    outcome: z.string().nullable(),
    happened_at: instant.nullable(),
  })
  .meta({ id: 'ReconciliationDifference' });

export const runView = (r: ReconciliationRun): z.infer<typeof reconciliation> => ({
  id: r.id,
  object: 'reconciliation',
  status: r.status,
  trigger: r.trigger,
  requested_by: r.requested_by,
  workflow_id: r.workflow_id,
  window: { from: r.window_from.toISOString(), to: r.window_to.toISOString() },
  figures: r.figures,
  differences: r.differences,
  open: r.open,
  error: r.error,
  started_at: r.started_at.toISOString(),
  finished_at: r.finished_at?.toISOString() ?? null,
});

/** A request that was denied or has lapsed leaves it open again. */
export const statusOf = (d: DifferenceRow): 'open' | 'asked' | 'repaired' =>
  d.status === 'open' && ['pending', 'approved'].includes(d.approval_status ?? '') ? 'asked' : d.status;

export const differenceView = (d: DifferenceRow): z.infer<typeof difference> => ({
  n: d.n,
  object: 'reconciliation_difference',
  kind: d.kind,
  subject: d.subject,
  escrow_id: d.escrow_id,
  amount: d.amount === null || d.currency === null ? null : { amount: Number(d.amount), currency: d.currency },
  stripe: d.stripe,
  ours: d.ours,
  cause: d.cause,
  repairs: d.repairs,
  status: statusOf(d),
  repair: d.repair,
  approval_id: d.approval_id,
  outcome: d.outcome,
  happened_at: d.happened_at?.toISOString() ?? null,
});
