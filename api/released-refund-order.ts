// What workflow refund/<id> is asked, made from the escrow as it stands: for a call, and for one that was approved.
import type { EscrowState, Principal } from '../domain/escrow-state.ts';
import type { AskReleasedRefund } from '../workflows/refund-messages.ts';

export interface ReleasedRefundOf {
  escrowId: string;
  milestoneId: string;
  /** Principal, terms' currency. */
  amount: number;
  reason: string;
}

export function releasedRefundOrder(
  state: EscrowState,
  of: ReleasedRefundOf,
  by: Principal,
  refundId: string,
): AskReleasedRefund {
  const { terms } = state;
  const m = state.milestones.find((x) => x.id === of.milestoneId)!;
  const funds = m.funds!;
  const settlementCurrency = state.settlementCurrency ?? terms.currency;
  return {
    ...of,
    refundId,
    currency: terms.currency,
    by,
    terms: {
      feeReturn: terms.policy.feeReturn,
      // As it was paid for: terms that were amended since may leave out what had been released.
      milestoneAmount: m.amount,
      buyerFee: funds.buyerFeeCharged,
      converted: settlementCurrency !== terms.currency,
    },
    sellerId: m.sellerId,
    chargeId: funds.chargeId,
    paymentId: funds.paymentId,
    paymentIntentId: state.payments.find((p) => p.id === funds.paymentId)!.paymentIntentId!,
    settlementCurrency,
    confirmMs: terms.policy.confirmMs,
  };
}
