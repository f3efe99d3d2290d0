// By terms that say `clawback: at_opening`: released money is taken back while the bank decides, and waits on hold. The
// workflow reverses by `takeBack` and pays again by `payAgain`; this plans it, and tells it on a timeline whose escrow has ended.
import { type CardDispute, findCardDispute, lockCardDispute, type StoredClawback } from '../db/card-disputes.ts';
import type { Tx } from '../db/client.ts';
import { appendEvent } from '../db/escrow-events.ts';
import { heldBackId, type HeldBack } from '../db/held-back.ts';
import { isUndecided, type LossPlan, phaseOf } from '../domain/chargeback.ts';
import { assert } from '../domain/errors.ts';
import { toInteger } from '../domain/money.ts';
import type { ClawbackActivities, ClawbackNote, PlannedClawback } from './chargeback-contract.ts';
import { lossNow } from './loss-plan.ts';
import { type ActivityDeps, readFromStripe } from './stripe-call.ts';
import { settleUnderWay } from './under-way.ts';

export function clawbackActivities(deps: ActivityDeps): ClawbackActivities {
  const { sql, payments, crashPoint } = deps;
  return { planClawback, noteClawback };

  async function planClawback({ disputeId, round }: { disputeId: string; round: number }): Promise<PlannedClawback> {
    const before = await findCardDispute(sql, disputeId);
    assert(before !== null, `dispute ${disputeId} is not known`);
    const facts = await readFromStripe(() => payments.retrieveDispute(before.stripe_dispute_id));
    const known = before.state.clawback?.round === round;
    // Decided meanwhile: nothing is held any more.
    if (!known && !isUndecided(phaseOf(facts.status))) return { takeBacks: [] };
    const waitsFor = known ? [] : await settleUnderWay(deps, before);
    if (waitsFor.length > 0) return { takeBacks: [], waitsFor };
    return sql.begin(async (raw) => {
      const tx = raw as Tx;
      const dispute = (await lockCardDispute(tx, disputeId))!;
      const { clawback, plan } = dispute.state;
      if (plan) return { takeBacks: [] };
      if (clawback?.round === round) return planned(dispute, clawback);
      const now = await lossNow(tx, dispute, facts);
      const parts = now.plan.parts
        .filter((p) => p.fromSellerMinor > 0n)
        .map((p) => ({ milestoneId: p.milestoneId, sellerId: p.sellerId, minor: p.fromSellerMinor.toString() }));
      const stored = { round, currency: now.currency, parts };
      await tx`UPDATE disputes SET state = state || ${tx.json({ clawback: stored })} WHERE id = ${disputeId}`;
      return planned(dispute, stored);
    }) as Promise<PlannedClawback>;
  }

  /** The escrow's workflow has ended: the database gives its timeline's numbers. Once per milestone and round. */
  async function noteClawback(note: ClawbackNote): Promise<void> {
    await sql.begin(async (raw) => {
      const tx = raw as Tx;
      for (const { milestoneId, amount } of note.milestones) {
        const data = { dispute_id: note.disputeId, amount, round: note.round };
        const [known] = await tx`
          SELECT FROM escrow_events WHERE escrow_id = ${note.escrowId} AND type = ${note.type} AND milestone_id = ${milestoneId}
            AND data @> ${tx.json({ dispute_id: note.disputeId, round: note.round })}`;
        if (!known) await appendEvent(tx, { escrowId: note.escrowId, type: note.type, milestoneId, data });
      }
    });
    crashPoint?.('after_commit');
  }
}

const planned = (dispute: CardDispute, { round, currency, parts }: StoredClawback): PlannedClawback => ({
  takeBacks: parts.map(({ milestoneId, sellerId, minor }) => ({
    recoveryId: heldBackId(dispute.id, milestoneId, round),
    escrowId: dispute.escrow_id,
    milestoneId,
    sellerId,
    chargeId: dispute.charge_id,
    currency,
    amount: toInteger(BigInt(minor)),
  })),
});

/** Of what is held back: how much the loss takes of each, and what its seller gets again. Minor units as text, for JSON. */
export function usedOf(heldBack: readonly HeldBack[], plan: LossPlan) {
  return heldBack.map(({ milestoneId, sellerId, recoveryId, minor }) => {
    const part = plan.parts.find((p) => p.milestoneId === milestoneId);
    const wanted = part?.fromSellerMinor ?? 0n;
    const used = wanted < minor ? wanted : minor;
    return { milestoneId, sellerId, recoveryId, used: used.toString(), excess: (minor - used).toString() };
  });
}
