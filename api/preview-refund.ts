// The dry run of a refund of released money: the checks of the call itself, then what would follow. Only reads.
import { disputeHolds } from '../db/card-disputes.ts';
import { reversibleOf } from '../db/charge-money.ts';
import type { EscrowRecord } from '../db/escrows.ts';
import { pendingPayments } from '../db/movements.ts';
import { openQuestion, releasedParts } from '../db/recoveries.ts';
import { approvalLimit } from '../config/settings.ts';
import type { MilestoneState } from '../domain/escrow-state.ts';
import { toInteger, toMinor } from '../domain/money.ts';
import type { Preview } from '../domain/preview.ts';
import { previewReleasedRefund } from '../domain/preview-refund.ts';
import { planRecovery, takeFrom } from '../domain/recovery.ts';
import type { AppContext, Caller } from './context.ts';
import { Problem } from './problem.ts';
import { releasedRefundOrder } from './released-refund-order.ts';
import { ASKED, DISPUTED, mayRefund, principalOf, refuseAmount, unavailable } from './released-refunds.ts';

interface Assumed {
  /** Principal, terms' currency; all that is left where it is not said. */
  amount?: number | undefined;
  balances: 'enough' | 'empty';
}

/** Answers the preview, and whether another of ops must approve it. */
export async function releasedRefundPreview(
  { sql, settings }: AppContext,
  caller: Caller,
  record: EscrowRecord,
  m: MilestoneState,
  assumed: Assumed,
): Promise<{ preview: Preview; second: boolean }> {
  const { state, money } = record;
  const parts = await releasedParts(sql, state.id, m.id);
  const left = parts.reduce((sum, p) => sum + p.amountMinor, 0n);
  const question = await openQuestion(sql, state.id, m.id);
  const principal = principalOf(caller, record);
  const answers = question !== null && principal !== null && question.asked_role !== principal.role;
  const amount = assumed.amount ?? toInteger(answers ? question.amount : left);
  const refused = async (): Promise<Problem | null> => {
    try {
      mayRefund(caller, record, m);
      if (m.funds !== null && (await disputeHolds(sql, m.funds.chargeId))) throw unavailable(record, caller, DISPUTED);
      if (question !== null && !answers) throw unavailable(record, caller, ASKED);
      if (answers && toMinor(amount) !== question.amount) throw new Problem('amount_invalid', 'The other side asked for another amount: confirm exactly that, or leave amount out.', { param: 'amount' }); // prettier-ignore
      refuseAmount(caller, record, amount, left);
      return null;
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    }
  };
  const problem = await refused();
  const nothing = (why: Parameters<typeof previewReleasedRefund>[2]) => ({ preview: previewReleasedRefund(state, m.id, why), second: false }); // prettier-ignore
  if (problem !== null) {
    const param = problem.param === undefined ? {} : { param: problem.param };
    return nothing({ money, refusal: { code: problem.code === 'amount_invalid' ? 'amount_invalid' : 'action_not_available', message: problem.message, ...param } }); // prettier-ignore
  }
  if (principal!.role !== 'ops' && !answers) return nothing({ money, needs: 'The other side confirms the refund by the same call.' }); // prettier-ignore
  const pieces = takeFrom(parts, toMinor(amount))!;
  const order = releasedRefundOrder(state, { escrowId: state.id, milestoneId: m.id, amount, reason: '' }, principal!, 'preview'); // prettier-ignore
  const preview = previewReleasedRefund(state, m.id, {
    money,
    plan: planRecovery(pieces, left - toMinor(amount), order.terms),
    reversibleMinor: await reversibleOf(sql, m),
    balances: assumed.balances,
    pending: (await pendingPayments(sql, state.id)).has(m.funds!.paymentId),
  });
  const second = principal!.role === 'ops' && toMinor(amount) > approvalLimit(settings, 'refund', state.terms.currency);
  return { preview, second };
}
