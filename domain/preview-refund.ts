// What a refund of released money would do, without doing it: what is taken back from the seller, what they owe, what the platform
// gives of its fees, and what the buyer gets, by the plan and the postings of a real one. Pure.
import { type EscrowState, isEscrowEnd, type MilestoneState } from './escrow-state.ts';
import { toMinor } from './money.ts';
import { refundSettled } from './postings.ts';
import { releasedRefundAsked } from './postings-recovery.ts';
import { closeIfDone, copyOf, foreseen, moneyAfter, type MoneyTerms, type Preview, takenBack } from './preview.ts'; // prettier-ignore
import type { RecoveryPlan } from './recovery.ts';
import type { Refusal } from './transitions.ts';

export interface ReleasedRefundFacts {
  money: MoneyTerms;
  plan: RecoveryPlan;
  /** Of what was transferred for the milestone: not reversed yet; settlement currency. */
  reversibleMinor: bigint;
  /** Whether what the seller has at Stripe covers what is taken back from them. */
  balances: 'enough' | 'empty';
  /** The payment is not available at Stripe yet. */
  pending: boolean;
}

/** Nothing moves: why it cannot be asked, or who must say yes first. */
export type NotMoved = { money: MoneyTerms } & ({ refusal: Refusal } | { needs: string });

const SHORT = 'What the seller’s balance at Stripe does not cover when it is taken back becomes their debt.';

export function previewReleasedRefund(
  before: EscrowState,
  milestoneId: string,
  facts: ReleasedRefundFacts | NotMoved,
): Preview {
  const state = copyOf(before);
  const run: Pick<Preview, 'postings' | 'calls'> = { postings: [], calls: [] };
  const m = state.milestones.find((x) => x.id === milestoneId)!;
  if ('plan' in facts) follow(state, m, facts, run);
  return {
    refusal: 'refusal' in facts ? facts.refusal : null,
    needs: 'needs' in facts ? facts.needs : null,
    waits: [],
    notes: 'plan' in facts && facts.balances === 'enough' ? [SHORT] : [],
    ...run,
    escrow: state.status,
    milestones: state.milestones.map(({ id, status }) => ({ id, status })),
    moneyAfter: moneyAfter(facts.money, before.id, run.postings),
  };
}

function follow(
  state: EscrowState,
  m: MilestoneState,
  { plan, reversibleMinor, balances, pending }: ReleasedRefundFacts,
  run: Pick<Preview, 'postings' | 'calls'>,
): void {
  const currency = state.settlementCurrency ?? state.terms.currency;
  const moved = (amountMinor: bigint) => foreseen(amountMinor, { currency, pending });
  const of = { milestoneId: m.id, sellerId: m.sellerId };
  const wantedMinor = toMinor(plan.fromSeller);
  const most = balances === 'empty' ? 0n : reversibleMinor;
  const reversedMinor = wantedMinor < most ? wantedMinor : most;
  takenBack(run, of, moved(reversedMinor));
  const toBuyerMinor = toMinor(plan.toBuyer);
  const refundId = `rfd_${m.id.slice(3)}_preview`;
  run.postings.push({
    kind: 'refund_asked',
    legs: releasedRefundAsked({
      ...of,
      refundId,
      reversedMinor,
      shortfallMinor: wantedMinor - reversedMinor,
      feeReturnedMinor: toMinor(plan.feeReturned),
    }),
  });
  // At the charge's own rate: what the day's rate makes of it more or less is fx.
  run.postings.push({
    kind: 'refund_settled',
    legs: refundSettled(refundId, toBuyerMinor, moved(-toBuyerMinor), m.id),
  });
  const subject = state.payments.find((p) => p.id === m.funds!.paymentId)?.paymentIntentId ?? null;
  run.calls.push({ call: 'refunds.create', amount: plan.chargeAmount, currency: state.terms.currency, milestoneId: m.id, subject }); // prettier-ignore
  // What has ended stays as it ended: only its money changes.
  if (isEscrowEnd(state.status)) return;
  if (plan.left === 0) m.status = 'refunded';
  closeIfDone(state);
}
