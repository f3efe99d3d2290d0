// Card disputes: what Stripe withdrew and gave back, posted as it was; a loss planned once out of the ledger and settled over
// exactly those milestones. What a dispute is answered with is dispute-answers.ts.
import { acceptedParts, takeOfPart } from '../db/accepted-parts.ts';
import {
  type CardDispute,
  lockCardDispute,
  paidByCharge,
  settleEvidenceDue,
  type StoredPlan,
  type StoredTakenPart,
} from '../db/card-disputes.ts';
import type { Tx } from '../db/client.ts';
import { openDebt } from '../db/debts.ts';
import { holdOwed, takenFromOwed } from '../db/failed-refunds.ts';
import { post } from '../db/ledger.ts';
import { lockCharge, raiseAlert, recordBalanceTransaction } from '../db/movements.ts';
import type { AlertKind } from '../domain/alerts.ts';
import { releasedLeft, reserveRecovery, setRecoveryStatus } from '../db/recoveries.ts';
import {
  type DisputePhase,
  isReturnedDebit,
  isUndecided,
  type LossPlan,
  type MilestoneMoney,
  phaseOf,
  nextDecided,
  transferredWhole,
  wholeLoss,
  worthDefending,
} from '../domain/chargeback.ts';
import { assert } from '../domain/errors.ts';
import { share, toInteger, toMinor } from '../domain/money.ts';
import type { BalanceTransaction } from '../domain/postings.ts';
import { disputeAccount, disputeLost, disputeMoney, disputeMoneyKind } from '../domain/postings-dispute.ts';
import type { Terms } from '../domain/terms.ts';
import type { DisputeFacts } from '../payments/port.ts';
import type { ChargebackActivities, DisputeWord, PlannedLoss, SettledLoss } from './chargeback-contract.ts';
import { clawbackActivities, usedOf } from './clawback.ts';
import { disputeAnswerActivities } from './dispute-answers.ts';
import { passFeesOn } from './dispute-fees.ts';
import { disputeReader } from './dispute-reader.ts';
import { lossNow, namedOf } from './loss-plan.ts';
import type { ActivityDeps } from './stripe-call.ts';
import { movedMeanwhile, settleUnderWay } from './under-way.ts';

export function chargebackActivities(deps: ActivityDeps): ChargebackActivities {
  const { sql } = deps;
  const { known, atStripe } = disputeReader(deps);

  async function recordDispute(disputeId: string): Promise<DisputeWord> {
    const dispute = await known(disputeId);
    const facts = await atStripe(dispute);
    const phase = phaseOf(facts.status);
    const round = await sql.begin(async (raw) => {
      const tx = raw as Tx;
      const { state } = (await lockCardDispute(tx, disputeId))!;
      const decided = nextDecided(state.decided, phase);
      for (const bt of facts.balanceTransactions) await recordMoney(tx, dispute, bt);
      await tx`
        UPDATE disputes SET status = ${facts.status}, reason = ${facts.reason}, amount = ${facts.amountMinor},
          due_by = ${facts.dueAt === null ? null : new Date(facts.dueAt)}, state = ${tx.json({ ...state, decided } as never)}, revision = revision + 1, updated_at = now(),
          fee = ${facts.balanceTransactions.reduce((sum, bt) => sum + bt.feeMinor, 0n)}
        WHERE id = ${disputeId}`;
      if (!facts.status.endsWith('needs_response')) await settleEvidenceDue(tx, facts.id);
      // Fees that come, or come back, after the loss was divided.
      if (state.plan && (await isSettled(tx, disputeId))) {
        await passFeesOn(tx, dispute, readPlan(state.plan));
      }
      if ((phase === 'won' || phase === 'lifted') && !state.plan) await settleRate(tx, dispute, facts, decided.round);
      const alert =
        state.plan && (await tooMuchBack(tx, disputeId)) ? 'dispute_returned_after_loss' : FOR_A_PERSON[phase];
      if (alert === undefined) return decided.round;
      await raiseAlert(tx, {
        kind: alert,
        key: `${alert}:${disputeId}:${facts.status}:${decided.round}`,
        escrowId: dispute.escrow_id,
        detail: { dispute_id: disputeId, stripe: facts.id, status: facts.status },
      });
      return decided.round;
    });
    deps.crashPoint?.('after_commit');
    const { terms, milestones } = await paidByCharge(sql, dispute.escrow_id, dispute.charge_id);
    const named = namedOf(facts, milestones);
    const concerned = milestones.filter((m) => named.length === 0 || named.includes(m.id));
    return {
      disputeId,
      escrowId: dispute.escrow_id,
      chargeId: dispute.charge_id,
      status: facts.status,
      phase,
      round,
      amount: toInteger(facts.amountMinor),
      currency: facts.currency,
      dueAt: facts.dueAt,
      openedAt: facts.createdAt,
      evidenceMs: terms.policy.evidenceMs,
      submitted: facts.submissions > 0,
      staged: dispute.evidence.text !== undefined,
      named,
      frozen: concerned.reduce((sum, m) => sum + m.fundedMinor, 0n) < withdrawnOf(facts) ? [] : named,
      sellers: [...new Set(concerned.map((m) => m.sellerId))],
      worthDefending: worthDefending(facts.amountMinor),
      ...(isReturnedDebit(dispute) ? { returned: true } : {}),
      ...((await clawsBack(dispute, terms, phase)) ? { clawsBack: true as const } : {}),
    };
  }

  /** The terms say so, the bank has the money and has not decided, and no loss was divided. */
  async function clawsBack({ id }: CardDispute, { policy }: Terms, phase: DisputePhase): Promise<boolean> {
    if (policy.clawback !== 'at_opening' || !isUndecided(phase)) return false;
    const [taken] = await sql`
      SELECT FROM ledger_balances b JOIN disputes d ON d.id = ${id} AND d.state -> 'plan' IS NULL
      WHERE b.account = ${disputeAccount.receivable(id)} AND b.amount > 0`;
    return taken !== undefined;
  }

  /** Once per balance transaction, whatever became of its maturing meanwhile. */
  async function recordMoney(tx: Tx, dispute: CardDispute, bt: BalanceTransaction): Promise<void> {
    const key = `dispute:${bt.id}`;
    const [done] = await tx`SELECT FROM ledger_transactions WHERE idempotency_key = ${key}`;
    if (done) return;
    await recordBalanceTransaction(tx, bt);
    // Minus what it gives back; while it is open the charge's bound is wider by as much.
    await tx`
      UPDATE charge_funds SET withdrawn = withdrawn + ${-bt.amountMinor}, observed = greatest(0, observed + ${-bt.amountMinor})
      WHERE charge_id = ${dispute.charge_id}`;
    await post(tx, {
      key,
      kind: disputeMoneyKind(bt),
      currency: bt.currency,
      escrowId: dispute.escrow_id,
      balanceTransactionId: bt.id,
      cause: { dispute: dispute.id, stripe: dispute.stripe_dispute_id },
      legs: disputeMoney(dispute.id, bt),
    });
  }

  async function planDisputeLoss(disputeId: string): Promise<PlannedLoss> {
    const before = await known(disputeId);
    const facts = await atStripe(before);
    const waitsFor = before.state.plan ? [] : await settleUnderWay(deps, before);
    if (waitsFor.length > 0) return { takeBacks: [], taken: [], refunded: [], waitsFor };
    return sql.begin(async (raw) => {
      const tx = raw as Tx;
      const dispute = (await lockCardDispute(tx, disputeId))!;
      // What the platform's bank pays of this charge is booked before, and seen here, or refused after.
      await lockCharge(tx, dispute.charge_id);
      await holdOwed(tx, dispute.charge_id);
      const refunded = await refundsOfCharge(tx, dispute.charge_id);
      if (dispute.state.plan) return planned(dispute, dispute.state.plan, refunded);
      const { plan, money, terms, currency, fxMinor, heldBack } = await lossNow(tx, dispute, facts);
      const accepted = await takenOfParts(tx, plan);
      const moved = await movedMeanwhile(tx, accepted);
      if (moved.length > 0) return { takeBacks: [], taken: [], refunded: [], waitsFor: moved };
      for (const p of plan.parts) await takeReleased(tx, dispute, terms.currency, p, money);
      const stored = {
        ...storedPlan(plan, currency),
        accepted,
        ...(fxMinor === 0n ? {} : { fxMinor: fxMinor.toString() }),
        ...(heldBack.length === 0 ? {} : { heldBack: usedOf(heldBack, plan) }),
      };
      await tx`
        UPDATE disputes SET state = ${tx.json({ ...dispute.state, plan: stored } as never)}, updated_at = now() WHERE id = ${disputeId}`;
      return planned(dispute, stored, refunded);
    }) as Promise<PlannedLoss>;
  }

  async function settleDisputeLoss(
    disputeId: string,
    reversed: { milestoneId: string; amount: number }[],
  ): Promise<SettledLoss> {
    await sql.begin(async (raw) => {
      const tx = raw as Tx;
      const dispute = (await lockCardDispute(tx, disputeId))!;
      // As where it is planned: the charge before its movements.
      await lockCharge(tx, dispute.charge_id);
      const key = `dispute_lost:${disputeId}`;
      const stored = dispute.state.plan;
      if (!stored || (await isSettled(tx, disputeId))) return;
      const plan = readPlan(stored);
      const parts = plan.parts.map((p) => {
        const usedMinor = usedOn(stored, p.milestoneId);
        const reversedMinor = usedMinor + toMinor(reversed.find((r) => r.milestoneId === p.milestoneId)?.amount ?? 0);
        return { ...p, reversedMinor, debtMinor: p.fromSellerMinor - reversedMinor };
      });
      for (const { minor, ...of } of stored.accepted ?? [])
        await takeOfPart(tx, disputeId, { ...of, minor: BigInt(minor) });
      let allowance = plan.unassignedMinor;
      for (const p of parts) {
        allowance += p.debtMinor + p.platformMinor;
        if (p.debtMinor === 0n) continue;
        await openDebt(tx, {
          sellerId: p.sellerId,
          escrowId: dispute.escrow_id,
          milestoneId: p.milestoneId,
          currency: stored.currency,
          amountMinor: p.debtMinor,
          cause: { dispute: disputeId },
          dedupeKey: `dispute:${disputeId}:${p.milestoneId}`,
        });
      }
      const lost = plan.unassignedMinor + parts.reduce((sum, p) => sum + wholeLoss(p), 0n);
      await tx`
        UPDATE charge_funds SET allowance = allowance + ${allowance}, observed = greatest(
          observed - ${lost}, transferred - reversed + refunded + withdrawn - captured - allowance - ${allowance}, 0)
        WHERE charge_id = ${dispute.charge_id}`;
      await post(tx, {
        key,
        kind: 'dispute_lost',
        currency: stored.currency,
        escrowId: dispute.escrow_id,
        cause: { dispute: disputeId, stripe: dispute.stripe_dispute_id },
        legs: disputeLost(disputeId, parts, plan.unassignedMinor, BigInt(stored.fxMinor ?? 0)),
      });
      for (const p of plan.parts) await takenFromOwed(tx, disputeId, p);
      if (plan.unassignedMinor > 0n) {
        await raiseAlert(tx, {
          kind: 'dispute_beyond_charge',
          key,
          escrowId: dispute.escrow_id,
          detail: { dispute_id: disputeId, amount: toInteger(plan.unassignedMinor) },
        });
      }
      await passFeesOn(tx, dispute, plan);
    });
    deps.crashPoint?.('after_commit');
    const { fees } = (await known(disputeId)).state;
    return { fees: Object.entries(fees ?? {}).flatMap(([milestoneId, minor]) => (minor === '0' ? [] : [{ milestoneId, amount: toInteger(BigInt(minor)) }])) }; // prettier-ignore
  }

  return {
    ...clawbackActivities(deps),
    ...disputeAnswerActivities(deps),
    recordDispute,
    planDisputeLoss,
    settleDisputeLoss,
  };
}

/** Its loss was posted. */
async function isSettled(tx: Tx, disputeId: string): Promise<boolean> {
  const [done] = await tx`SELECT FROM ledger_transactions WHERE idempotency_key = ${`dispute_lost:${disputeId}`}`;
  return done !== undefined;
}

/** What the bank took back of a released milestone cannot be refunded again: its parts say so, as after a refund. */
async function takeReleased(
  tx: Tx,
  dispute: CardDispute,
  currency: string,
  p: LossPlan['parts'][number],
  money: readonly MilestoneMoney[],
): Promise<void> {
  const m = money.find((x) => x.milestoneId === p.milestoneId)!;
  const released = transferredWhole(m);
  if (released === 0n) return;
  const left = await releasedLeft(tx, dispute.escrow_id, p.milestoneId);
  const amountMinor = share(left, p.ofTransferredMinor, released);
  if (amountMinor === 0n) return;
  const id = `${dispute.id}_${p.milestoneId}`;
  const reason = `chargeback ${dispute.id}`;
  await reserveRecovery(tx, {
    id,
    escrowId: dispute.escrow_id,
    milestoneId: p.milestoneId,
    amountMinor,
    currency,
    reason,
  });
  await setRecoveryStatus(tx, id, 'refunded');
}

/** Given back at another day's rate than it was taken at: nobody's loss, and the platform's `fx`. */
async function settleRate(tx: Tx, dispute: CardDispute, facts: DisputeFacts, round: number): Promise<void> {
  const { converted } = await paidByCharge(tx, dispute.escrow_id, dispute.charge_id);
  if (!converted || !facts.balanceTransactions.some((bt) => bt.amountMinor > 0n)) return;
  const [open] = await tx<{ currency: string; amount: bigint }[]>`
    SELECT currency, amount FROM ledger_balances WHERE account = ${disputeAccount.receivable(dispute.id)} AND amount <> 0`;
  if (!open) return;
  await post(tx, {
    key: `dispute_fx:${dispute.id}:${round}`,
    kind: 'dispute_lost',
    currency: open.currency,
    escrowId: dispute.escrow_id,
    cause: { dispute: dispute.id, stripe: dispute.stripe_dispute_id },
    legs: disputeLost(dispute.id, [], 0n, open.amount),
  });
}

/** What is payable is taken of the last parts first. */
async function takenOfParts(tx: Tx, plan: LossPlan): Promise<StoredTakenPart[]> {
  const taken: StoredTakenPart[] = [];
  for (const p of plan.parts) {
    let wanted = p.payableMinor;
    for (const { milestoneId, part, leftMinor } of wanted > 0n ? await acceptedParts(tx, p.milestoneId) : []) {
      const minor = leftMinor < wanted ? leftMinor : wanted;
      if (minor > 0n) taken.push({ milestoneId, part, minor: minor.toString() });
      wanted -= minor;
    }
    assert(wanted === 0n, `${p.milestoneId} has ${wanted} less payable in its parts than in the ledger`);
  }
  return taken;
}

/** Words that a person must read: none of them is answered by itself. */
const FOR_A_PERSON: Partial<Record<DisputePhase, AlertKind>> = { unknown: 'dispute_status_unknown', appeal: 'dispute_appeal' }; // prettier-ignore

/** After the loss was divided the bank gave some of it back: to whom it goes is a person's to say. */
async function tooMuchBack(tx: Tx, disputeId: string): Promise<boolean> {
  const [row] = await tx<{ amount: bigint }[]>`
    SELECT amount FROM ledger_balances WHERE account = ${disputeAccount.receivable(disputeId)}`;
  return row !== undefined && row.amount < 0n;
}

/** What the bank takes, settlement currency: as disputed until it has taken it. */
function withdrawnOf(facts: DisputeFacts): bigint {
  const taken = facts.balanceTransactions.find((bt) => bt.amountMinor < 0n);
  return taken ? -taken.amountMinor : facts.amountMinor;
}

/** Refunds of a charge that Stripe has made, or may still make, and those that the platform's bank has paid. */
async function refundsOfCharge(tx: Tx, chargeId: string): Promise<string[]> {
  const rows = await tx<{ id: string }[]>`
    SELECT id FROM movements WHERE stripe_charge_id = ${chargeId} AND kind = 'refund' AND status NOT IN ('failed', 'canceled')
    UNION ALL SELECT id FROM bank_refunds WHERE charge_id = ${chargeId}`;
  return rows.map((r) => r.id);
}

function storedPlan(plan: LossPlan, currency: string): StoredPlan {
  const text = (_key: string, value: unknown) => (typeof value === 'bigint' ? value.toString() : value);
  return { ...(JSON.parse(JSON.stringify(plan, text)) as Omit<StoredPlan, 'currency'>), currency };
}

function readPlan(stored: StoredPlan): LossPlan {
  return {
    unassignedMinor: BigInt(stored.unassignedMinor),
    parts: stored.parts.map((p) => ({
      milestoneId: p.milestoneId,
      sellerId: p.sellerId,
      heldMinor: BigInt(p.heldMinor),
      feeUnearnedMinor: BigInt(p.feeUnearnedMinor),
      feeReturnedMinor: BigInt(p.feeReturnedMinor),
      payableMinor: BigInt(p.payableMinor ?? 0),
      fromSellerMinor: BigInt(p.fromSellerMinor),
      platformMinor: BigInt(p.platformMinor),
      ofTransferredMinor: BigInt(p.ofTransferredMinor ?? 0),
    })),
  };
}

/** Held back of a milestone's money, and taken by the loss. */
const usedOn = ({ heldBack = [] }: StoredPlan, milestoneId: string): bigint =>
  heldBack.filter((h) => h.milestoneId === milestoneId).reduce((sum, h) => sum + BigInt(h.used), 0n);

function planned(dispute: CardDispute, stored: StoredPlan, refunded: string[]): PlannedLoss {
  const { parts } = readPlan(stored);
  const of = { escrowId: dispute.escrow_id, chargeId: dispute.charge_id, currency: stored.currency };
  const heldBack = stored.heldBack ?? [];
  const excess = heldBack.filter((h) => h.excess !== '0');
  return {
    takeBacks: parts
      .map((p) => ({ ...p, restMinor: p.fromSellerMinor - usedOn(stored, p.milestoneId) }))
      .filter((p) => p.restMinor > 0n)
      .map((p) => ({
        ...of,
        // A seller may have several milestones in one dispute: each is taken back by itself.
        recoveryId: `${dispute.id}_${p.milestoneId}`,
        milestoneId: p.milestoneId,
        sellerId: p.sellerId,
        amount: toInteger(p.restMinor),
      })),
    ...(excess.length === 0 ? {} : { payAgain: excess.map((h) => ({ ...of, recoveryId: h.recoveryId, milestoneId: h.milestoneId, sellerId: h.sellerId, amount: toInteger(BigInt(h.excess)) })) }), // prettier-ignore
    taken: parts
      .filter((p) => p.heldMinor + p.feeUnearnedMinor > 0n)
      .map((p) => ({ milestoneId: p.milestoneId, principal: toInteger(p.heldMinor), buyerFee: toInteger(p.feeUnearnedMinor) })), // prettier-ignore
    refunded,
    ...(stored.accepted?.length ? { accepted: stored.accepted.map((a) => ({ milestoneId: a.milestoneId, part: a.part, payable: toInteger(BigInt(a.minor)) })) } : {}), // prettier-ignore
  };
}
