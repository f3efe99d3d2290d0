// Stripe's fees for a lost dispute, passed on to its sellers where the terms say so: a debt of kind `costs` for each share of
// the loss, more of it when Stripe takes more, less when Stripe gives fees back.
import { type CardDispute, paidByCharge } from '../db/card-disputes.ts';
import type { Tx } from '../db/client.ts';
import { cancelRest, type Debt, debtorOf, openDebt } from '../db/debts.ts';
import { post } from '../db/ledger.ts';
import { raiseAlert } from '../db/movements.ts';
import { type LossPlan, shareFees } from '../domain/chargeback.ts';
import { toInteger } from '../domain/money.ts';
import { disputeFeePassed, disputeFeeReturned } from '../domain/postings-dispute.ts';

/**
 * Brings what each seller owes of the fees to their share of what Stripe has taken in fees by now. The caller holds the
 * dispute's lock and has posted its loss; a repetition changes nothing.
 */
export async function passFeesOn(tx: Tx, dispute: CardDispute, plan: LossPlan): Promise<void> {
  const { terms } = await paidByCharge(tx, dispute.escrow_id, dispute.charge_id);
  if (terms.policy.disputeFee !== 'seller') return;
  const [fees] = await tx<{ currency: string; total: bigint }[]>`
    SELECT e.currency, sum(e.amount)::bigint AS total
    FROM ledger_entries e JOIN ledger_transactions t ON t.id = e.transaction_id
    WHERE e.escrow_id = ${dispute.escrow_id} AND e.account = 'dispute_fees' AND t.cause ->> 'dispute' = ${dispute.id}
      AND t.kind IN ('dispute_withdrawn', 'dispute_reinstated', 'dispute_fee')
    GROUP BY e.currency`;
  if (!fees) return;
  const shares = shareFees(fees.total, plan);
  const shown = Object.fromEntries(shares.map((s) => [s.milestoneId, s.minor.toString()]));
  await tx`UPDATE disputes SET state = state || ${tx.json({ fees: shown })} WHERE id = ${dispute.id}`;
  for (const share of shares) {
    const debts = await tx<Debt[]>`
      SELECT * FROM debts WHERE kind = 'costs' AND cause ->> 'dispute' = ${dispute.id} AND milestone_id = ${share.milestoneId}
      ORDER BY created_at DESC, id DESC FOR UPDATE`;
    const passedMinor = debts.reduce((sum, d) => sum + d.amount - d.cancelled, 0n);
    const more = share.minor - passedMinor;
    if (more > 0n) await passOn(tx, dispute, { ...share, minor: more }, fees.currency, debts.length + 1);
    if (more < 0n) await giveBack(tx, dispute, debts, -more);
  }
}

async function passOn(
  tx: Tx,
  dispute: CardDispute,
  { milestoneId, sellerId, minor }: { milestoneId: string; sellerId: string; minor: bigint },
  currency: string,
  number: number,
): Promise<void> {
  const key = `dispute_fee:${dispute.id}:${milestoneId}:${number}`;
  const debtor = { kind: 'costs', escrowId: dispute.escrow_id, milestoneId, sellerId } as const;
  const { id } = await openDebt(tx, { ...debtor, currency, amountMinor: minor, cause: { dispute: dispute.id }, dedupeKey: key }); // prettier-ignore
  await post(tx, {
    key,
    kind: 'dispute_fee_passed',
    currency,
    escrowId: dispute.escrow_id,
    cause: { dispute: dispute.id, debt: id },
    legs: disputeFeePassed(debtor, minor),
  });
}

/** The open rest is owed no more, newest debt first. What the seller has paid of it already is a person's to give back. */
async function giveBack(tx: Tx, dispute: CardDispute, debts: readonly Debt[], minor: bigint): Promise<void> {
  let left = minor;
  let paidMinor = 0n;
  for (const debt of debts) {
    const cancelled = await cancelRest(tx, debt, left);
    paidMinor += debt.recovered;
    if (cancelled === 0n) continue;
    left -= cancelled;
    await post(tx, {
      key: `dispute_fee_returned:${debt.id}:${debt.cancelled + cancelled}`,
      kind: 'dispute_fee_returned',
      currency: debt.currency,
      escrowId: dispute.escrow_id,
      cause: { dispute: dispute.id, debt: debt.id },
      legs: disputeFeeReturned(debtorOf(debt), cancelled),
    });
  }
  // What was written off the platform has borne already.
  const owedMinor = left < paidMinor ? left : paidMinor;
  if (owedMinor === 0n) return;
  const { milestone_id, seller_id, currency } = debts[0]!;
  await raiseAlert(tx, {
    kind: 'dispute_fee_returned',
    key: `dispute_fee_returned:${dispute.id}:${milestone_id}:${owedMinor}`,
    escrowId: dispute.escrow_id,
    detail: { dispute_id: dispute.id, milestone_id, seller_id, amount: toInteger(owedMinor), currency },
  });
}
