// Whose loss a card dispute is by the ledger of this moment: what is planned when it is lost, and taken back before by terms that say so.
import { type CardDispute, paidByCharge } from '../db/card-disputes.ts';
import { moneyOfMilestone } from '../db/charge-money.ts';
import type { Tx } from '../db/client.ts';
import { type HeldBack, heldBackOf } from '../db/held-back.ts';
import { atChargeRate, type LossPlan, type MilestoneMoney, planLoss } from '../domain/chargeback.ts';
import { disputeAccount } from '../domain/postings-dispute.ts';
import type { Terms } from '../domain/terms.ts';
import type { DisputeFacts } from '../payments/port.ts';

export interface LossNow {
  plan: LossPlan;
  /** What the ledger says of each milestone of the charge. */
  money: MilestoneMoney[];
  terms: Terms;
  /** Of settlement. */
  currency: string;
  /** Of a converted charge: what the day's rate makes of the loss, more or less. */
  fxMinor: bigint;
  /** Taken back already, while the dispute was open: part of what was paid to its seller. */
  heldBack: HeldBack[];
}

export async function lossNow(tx: Tx, dispute: CardDispute, facts: DisputeFacts): Promise<LossNow> {
  const { terms, milestones, converted } = await paidByCharge(tx, dispute.escrow_id, dispute.charge_id);
  const [open] = await tx<{ currency: string; amount: bigint }[]>`
    SELECT currency, amount FROM ledger_balances WHERE account = ${disputeAccount.receivable(dispute.id)} AND amount <> 0`;
  const heldBack = await heldBackOf(tx, dispute);
  const money = await Promise.all(milestones.map((m) => moneyOfMilestone(tx, m)));
  for (const m of money) m.paidMinor += heldBack.filter((h) => h.milestoneId === m.milestoneId).reduce((sum, h) => sum + h.minor, 0n); // prettier-ignore
  const openMinor = open?.amount ?? 0n;
  const { lostMinor, fxMinor } = converted ? await convertedLoss(tx, dispute, facts, openMinor) : { lostMinor: openMinor, fxMinor: 0n }; // prettier-ignore
  const plan = planLoss(lostMinor, money, namedOf(facts, milestones), terms.policy);
  return { plan, money, terms, currency: open?.currency ?? dispute.currency, fxMinor, heldBack };
}

/** Milestones that the buyer named; none: the whole charge. */
export function namedOf(facts: DisputeFacts, milestones: readonly { id: string }[]): string[] {
  const named = (facts.metadata['milestone_ids'] ?? '').split(',').map((id) => id.trim());
  return milestones.map((m) => m.id).filter((id) => named.includes(id));
}

async function convertedLoss(tx: Tx, dispute: CardDispute, facts: DisputeFacts, openMinor: bigint) {
  const [charge] = await tx<{ charged: bigint; captured: bigint }[]>`
    SELECT m.amount AS charged, c.captured FROM charge_funds c JOIN movements m ON m.id = c.payment_id
    WHERE c.charge_id = ${dispute.charge_id}`;
  const withdrawnMinor = facts.balanceTransactions.reduce((sum, bt) => (bt.amountMinor < 0n ? sum - bt.amountMinor : sum), 0n); // prettier-ignore
  return atChargeRate({ chargeMinor: charge!.charged, capturedMinor: charge!.captured, disputedMinor: facts.amountMinor, withdrawnMinor, openMinor }); // prettier-ignore
}
