// POST /v1/escrows/{id}/preview: gathers what the preview looks at, and shows what it says. Only reads.
import { z } from 'zod';
import { listDebts, openRest } from '../db/debts.ts';
import { paidByCharge } from '../db/card-disputes.ts';
import { chargeFacts, moneyOfMilestone, reversibleOf } from '../db/charge-money.ts';
import { type EscrowRecord, findEscrow, principalOn, seesEverything, type Viewer } from '../db/escrows.ts';
import { pendingPayments } from '../db/movements.ts';
import { findSeller, firstReleaseWaitsUntil } from '../db/sellers.ts';
import { type ChargebackPreview, previewChargeback } from '../domain/preview-chargeback.ts';
import { preview, PREVIEWED, type SellerFacts } from '../domain/preview.ts';
import { MONEY_TERMS, type MoneyTerm } from '../db/ledger.ts';
import { secondPersonFor } from './approvals.ts';
import type { Answer, AppContext, Caller } from './context.ts';
import { notFound, viewerOf } from './escrow-commands.ts';
import { actionsOf, moneyOf } from './escrow-view.ts';
import { releasedRefundPreview } from './preview-refund.ts';
import { Problem } from './problem.ts';
import { afterRelease } from './released-refunds.ts';
import { money, moneyTerms } from './schemas.ts';

export const previewBody = z.strictObject({
  action: z
    .enum([...PREVIEWED, 'chargeback'])
    .describe('chargeback: what would follow if a bank disputed a payment; for staff.'),
  milestone_id: z.string().optional().describe('Of every action but agree, fund and cancel.'),
  milestone_ids: z
    .array(z.string())
    .optional()
    .describe('Of fund: which to pay for, as in the call itself. Of chargeback: which the buyer names.'),
  payment_id: z.string().optional().describe('Of chargeback: which payment, where there are several.'),
  outcome: z.enum(['lost', 'won']).optional().describe('Of chargeback; lost where it is not said.'),
  seller_balances: z
    .enum(['enough', 'empty'])
    .optional()
    .describe(
      'Of chargeback, and of a refund of released money: whether what sellers have at Stripe covers what is taken back from them; what it does not cover they owe.',
    ),
  amount: z.int().optional().describe('Of chargeback: what the bank disputes; the whole payment where it is not said.'),
  seller_amount: z.int().optional().describe('Of rule.'),
});

/** Actions on the whole escrow. */
const ON_ESCROW: ReadonlySet<string> = new Set(['agree', 'fund', 'cancel']);

export const previewSchema = z
  .object({
    object: z.literal('preview'),
    escrow_id: z.string(),
    allowed: z.boolean(),
    refusal: z.object({ code: z.string(), detail: z.string(), available_actions: z.array(z.string()) }).nullable(),
    needs: z.string().nullable().describe('Who else must say yes before anything moves; null where nobody must.'),
    waits: z
      .array(
        z.object({
          milestone_id: z.string(),
          amount: money,
          until: z.iso.datetime().nullable().describe('Null: until the seller can receive it.'),
        }),
      )
      .describe('Transfers that come later by themselves, and are not among the postings and calls.'),
    notes: z.array(z.string()).describe('What is not foreseen, and why.'),
    losses: z
      .array(
        z.object({
          milestone_id: z.string(),
          seller_id: z.string(),
          amount: money,
          unreleased: money,
          fees_returned: money,
          reversed: money,
          owed: money,
          platform: money,
        }),
      )
      .describe(
        'Of a chargeback that is lost: whose loss it is. unreleased, fees_returned, reversed, owed and platform sum to amount.',
      ),
    postings: z.array(
      z.object({
        kind: z.string(),
        legs: z.array(z.object({ account: z.string(), amount: money.describe('Debit positive, credit negative.') })),
      }),
    ),
    stripe_calls: z.array(
      z.object({
        call: z.string(),
        amount: money,
        milestone_id: z.string().nullable(),
        subject: z.string().nullable(),
      }),
    ),
    states: z.object({
      escrow: z.string(),
      milestones: z.array(z.object({ id: z.string(), status: z.string() })),
    }),
    money_after: moneyTerms,
  })
  .meta({
    id: 'Preview',
    description: 'What would follow if every call to Stripe succeeded and nobody else acted meanwhile.',
  });

export async function previewEscrow(
  context: AppContext,
  caller: Caller,
  escrowId: string,
  body: z.output<typeof previewBody>,
): Promise<Answer> {
  const viewer = viewerOf(caller);
  const record = await findEscrow(context.sql, viewer, escrowId);
  if (record === null) throw notFound('escrow');
  const { state } = record;
  const { action } = body;
  if (action === 'chargeback') return shown(record, viewer, await chargebackOf(context, record, viewer, body), false);
  const milestoneId = ON_ESCROW.has(action) ? null : (body.milestone_id ?? null);
  if (!ON_ESCROW.has(action) && milestoneId === null) {
    throw new Problem('parameter_missing', `milestone_id is missing: ${action} is an action on a milestone.`, { param: 'milestone_id' }); // prettier-ignore
  }
  if (milestoneId !== null && !state.milestones.some((m) => m.id === milestoneId)) throw notFound('milestone');
  const released = state.milestones.find((m) => m.id === milestoneId && afterRelease(m));
  if (action === 'refund' && released !== undefined) {
    const p = await releasedRefundPreview(context, caller, record, released, { amount: body.amount, balances: body.seller_balances ?? 'enough' }); // prettier-ignore
    return shown(record, viewer, { ...p.preview, losses: [] }, p.second);
  }
  const principal = principalOn(state, viewer) ?? { id: viewer.id, role: 'auditor' as const };
  const settlement = settlementOf(record);
  const sellers = await sellersOf(context, [...new Set(state.milestones.map((m) => m.sellerId))], settlement);
  const pending = await pendingPayments(context.sql, escrowId);
  const args = { milestoneIds: body.milestone_ids, amount: body.amount, sellerAmount: body.seller_amount };
  const now = Date.now();
  const p = preview(
    state,
    { action, milestoneId, args },
    principal,
    { money: record.money, sellers, pendingPayments: pending },
    now,
  );
  const input = {
    milestoneId: milestoneId ?? undefined,
    amount: body.amount,
    sellerAmount: body.seller_amount,
    reason: '',
  };
  const second =
    p.refusal === null && (action === 'refund' || action === 'rule' || action === 'cancel')
      ? secondPersonFor(context.settings, state, principal, action, input)
      : null;
  return shown(record, viewer, { ...p, losses: [] }, second !== null);
}

function shown(record: EscrowRecord, viewer: Viewer, p: ChargebackPreview, second: boolean): Answer {
  const { state } = record;
  const settlement = settlementOf(record);
  return {
    status: 200,
    body: {
      object: 'preview',
      escrow_id: state.id,
      allowed: p.refusal === null,
      refusal: p.refusal && {
        code: p.refusal.code,
        detail: p.refusal.message,
        available_actions: actionsOf(state, viewer, Date.now()).all,
      },
      needs: second ? 'Another of ops approves it.' : p.needs,
      waits: p.waits.map(({ milestoneId: id, amount, until }) => ({
        milestone_id: id,
        amount: moneyOf(amount, settlement),
        until: until === null ? null : new Date(until).toISOString(),
      })),
      notes: p.notes,
      losses: p.losses.map((l) => ({
        milestone_id: l.milestoneId,
        seller_id: l.sellerId,
        amount: moneyOf(l.wholeMinor, settlement),
        unreleased: moneyOf(l.unreleasedMinor, settlement),
        fees_returned: moneyOf(l.feesReturnedMinor, settlement),
        reversed: moneyOf(l.reversedMinor, settlement),
        owed: moneyOf(l.owedMinor, settlement),
        platform: moneyOf(l.platformMinor, settlement),
      })),
      postings: p.postings.map(({ kind, legs }) => ({
        kind,
        legs: legs.map((leg) => ({ account: leg.account, amount: moneyOf(leg.amountMinor, settlement) })),
      })),
      stripe_calls: p.calls.map((c) => ({
        call: c.call,
        amount: moneyOf(c.amount, c.currency),
        milestone_id: c.milestoneId,
        subject: c.subject,
      })),
      states: { escrow: p.escrow, milestones: p.milestones },
      money_after: Object.fromEntries(MONEY_TERMS.map((term) => [term, moneyOf(p.moneyAfter[term], settlement)])) as Record<MoneyTerm, { amount: number; currency: string }>, // prettier-ignore
    },
  };
}

const settlementOf = ({ money: m, state }: EscrowRecord): string => m.currency ?? state.settlementCurrency ?? state.terms.currency; // prettier-ignore

/** A chargeback is nobody's command: it is asked about one payment that succeeded, by staff. */
async function chargebackOf(
  { sql }: AppContext,
  record: EscrowRecord,
  viewer: Viewer,
  body: z.output<typeof previewBody>,
): Promise<ChargebackPreview> {
  const { state } = record;
  const paid = state.payments.filter((p) => p.chargeId !== null && p.status === 'succeeded');
  const payment = body.payment_id === undefined ? paid[0] : paid.find((p) => p.id === body.payment_id);
  if (body.payment_id === undefined && paid.length > 1) throw new Problem('parameter_missing', 'payment_id is missing: this escrow has several payments.', { param: 'payment_id' }); // prettier-ignore
  if (body.payment_id !== undefined && payment === undefined) throw notFound('payment');
  const assumed = { amount: body.amount ?? null, named: body.milestone_ids ?? [], outcome: body.outcome ?? 'lost', balances: body.seller_balances ?? 'enough' } as const; // prettier-ignore
  const refused = (message: string) => previewChargeback(state, assumed, { money: record.money, refusal: { code: 'action_not_available', message } }); // prettier-ignore
  if (!seesEverything(viewer)) return refused('Only staff ask what a chargeback would do.');
  const charge = payment === undefined ? null : await chargeFacts(sql, payment.chargeId!);
  if (payment === undefined || charge === null) return refused('Nothing was charged yet that a bank could dispute.');
  const { milestones } = await paidByCharge(sql, state.id, payment.chargeId!);
  return previewChargeback(state, assumed, {
    ...charge,
    money: record.money,
    pending: (await pendingPayments(sql, state.id)).has(payment.id),
    milestones: await Promise.all(
      milestones.map(async (m) => ({ ...(await moneyOfMilestone(sql, m)), reversibleMinor: await reversibleOf(sql, m) })), // prettier-ignore
    ),
  });
}

/** Debts are read as far as a release could take them. */
const MOST_DEBTS = 1000;

async function sellersOf(
  { sql, settings }: AppContext,
  ids: readonly string[],
  currency: string,
): Promise<Map<string, SellerFacts>> {
  const found = await Promise.all(
    ids.map(async (id): Promise<[string, SellerFacts]> => {
      const [seller, firstReleaseAt, debts] = await Promise.all([
        findSeller(sql, id),
        firstReleaseWaitsUntil(sql, id, settings.firstReleaseDelayMs),
        listDebts(sql, { sellerId: id, status: 'open', limit: MOST_DEBTS }),
      ]);
      const open = debts.filter((d) => d.currency === currency).reverse();
      return [
        id,
        {
          canReceive: seller?.transfers === 'active',
          stripeAccountId: seller?.stripeAccountId ?? '',
          firstReleaseAt,
          debts: open.map((d) => ({
            kind: d.kind,
            escrowId: d.escrow_id,
            milestoneId: d.milestone_id,
            openMinor: openRest(d),
          })),
        },
      ];
    }),
  );
  return new Map(found);
}
