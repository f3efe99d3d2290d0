// The simulated rows of card disputes: the activities of workflow chargeback/<id> over the same books, and the pump's handler that
// starts it. What is divided, and by whom it is borne, the domain plans here as there.
import type { ClawbackNote, DisputeWord, PlannedClawback, PlannedLoss, SettledLoss, StagedEvidence, TakenOfPart } from '../activities/chargeback-contract.ts'; // prettier-ignore
import type { PayAgainOrder } from '../activities/recover-contract.ts';
import { atChargeRate, type Decided, isUndecided, type LossPlan, type MilestoneMoney, nextDecided, phaseOf, planLoss, shareFees, transferredWhole, wholeLoss, worthDefending } from '../domain/chargeback.ts'; // prettier-ignore
import { share } from '../domain/money.ts';
import type { Terms } from '../domain/terms.ts';
import type { Bank, Dispute } from './bank.ts';
import { Broken, type HeldMilestone } from './books.ts';
import type { Debts } from './debts.ts';
import { type Recoveries, TryAgain } from './recoveries.ts';
import type { CrashPoint, Store } from './store.ts';
import type { SimulatedStripe } from './stripe.ts';

type CrashesAt = (at: CrashPoint) => void;

/** A row of `disputes`, and what the ledger says of it. */
export interface DisputeRow {
  id: string;
  chargeId: string;
  status: string;
  decided?: Decided;
  staged: boolean;
  /** Withdrawn, not given back and borne by nobody. */
  receivable: number;
  fees: number;
  clawback?: { round: number; orders: PayAgainOrder[] };
  plan?: StoredLoss;
  settled: boolean;
}

interface StoredLoss {
  plan: LossPlan;
  fx: number;
  accepted: TakenOfPart[];
  heldBack: { milestoneId: string; sellerId: string; recoveryId: string; used: number; excess: number }[];
}

/** Longer than the pause between two tries of an activity: who has not called for so long is not calling. */
const STILL_CALLING_MS = 15 * 60_000;

export class Chargebacks {
  readonly rows = new Map<string, DisputeRow>();
  /** Lines of an ended escrow's timeline. */
  readonly notes = new Set<string>();
  /** Costs that the terms pass on: amounts by dispute and milestone. */
  readonly passed = new Map<string, number>();
  /** Told what a loss takes of a milestone, where refunds that came back may lie. */
  takenFromOwed: (part: { milestoneId: string; heldMinor: bigint; feeUnearnedMinor: bigint }) => void = () => {};
  private readonly escrowId: string;
  private readonly store: Store;
  private readonly stripe: SimulatedStripe;
  private readonly recoveries: Recoveries;
  private readonly bank: Bank;
  private readonly debts: Debts;
  private readonly terms: () => Terms;
  private readonly happened: (branch: string) => void;

  constructor(of: { escrowId: string; store: Store; stripe: SimulatedStripe; recoveries: Recoveries; bank: Bank; debts: Debts; terms: () => Terms; happened: (branch: string) => void }) {
    ({ escrowId: this.escrowId, store: this.store, stripe: this.stripe, recoveries: this.recoveries, bank: this.bank, debts: this.debts, terms: this.terms, happened: this.happened } = of);
    this.recoveries.bankHolds = (chargeId) => this.holds(chargeId);
    this.store.isTakenByLoss = ({ chargeId, milestoneId, heard }) =>
      [...this.rows.values()].some((r) => r.chargeId === chargeId && !heard.includes(r.id) && r.plan?.plan.parts.some((p) => p.milestoneId === milestoneId && p.heldMinor + p.feeUnearnedMinor + p.payableMinor > 0n));
  } // prettier-ignore

  /** The pump's handler finds or makes the row. False: the charge is not known here yet. */
  known(d: Dispute): boolean {
    if (!this.store.charges.has(d.chargeId)) return false;
    if (!this.rows.has(d.id)) this.rows.set(d.id, { id: d.id, chargeId: d.chargeId, status: d.status, staged: false, receivable: 0, fees: 0, settled: false }); // prettier-ignore
    return true;
  }

  /** As `disputeHolds` of db/card-disputes.ts: nothing else of the charge may go back meanwhile. */
  holds(chargeId: string): boolean {
    return [...this.rows.values()].some((r) => r.chargeId === chargeId && (r.receivable > 0 || isUndecided(phaseOf(r.status)) || phaseOf(r.status) === 'unknown')); // prettier-ignore
  }

  perform(type: string, [order, more]: readonly unknown[], crash: CrashesAt): unknown {
    crash('before_effect');
    switch (type) {
      case 'recordDispute':
        return this.record(order as string, crash);
      case 'planClawback':
        return this.planClawback(order as { disputeId: string; round: number });
      case 'planDisputeLoss':
        return this.planLoss(order as string);
      case 'settleDisputeLoss':
        return this.settle(order as string, more as { milestoneId: string; amount: number }[], crash);
      case 'noteClawback':
        return this.note(order as ClawbackNote, crash);
      case 'stageDisputeEvidence':
        this.rows.get((order as StagedEvidence).disputeId)!.staged = true;
        return crash('after_commit');
      case 'submitDisputeEvidence':
        return this.answer(order as string, crash, (d) => d.submissions === 0 && this.bank.submit(`submit:${d.id}`, d));
      case 'acceptDisputeLoss':
        return this.answer(order as string, crash, (d) => this.bank.close(`close:${d.id}`, d));
      default:
        throw new Error(`an activity that the simulation does not know: ${type}`);
    }
  }

  /** While Stripe takes an answer; a repetition finds it given. */
  private answer(disputeId: string, crash: CrashesAt, give: (d: Dispute) => unknown): void {
    const dispute = this.bank.disputes.get(disputeId)!;
    if (['open', 'inquiry'].includes(phaseOf(dispute.status))) give(dispute);
    crash('after_effect');
  }

  private record(disputeId: string, crash: CrashesAt): DisputeWord {
    const d = this.bank.disputes.get(disputeId)!;
    const row = this.rows.get(disputeId)!;
    const charge = this.store.charges.get(d.chargeId)!;
    const phase = phaseOf(d.status);
    row.decided = nextDecided(row.decided, phase);
    for (const bt of d.money) {
      this.store.banksAt.add(d.chargeId);
      this.store.post(`dispute:${bt.id}`, () => {
        row.receivable -= bt.amount;
        row.fees += bt.fee;
        charge.withdrawn -= bt.amount;
        charge.observed = Math.max(0, charge.observed - bt.amount);
      });
    }
    row.status = d.status;
    if (row.settled) this.passFeesOn(row);
    if ((phase === 'won' || phase === 'lifted') && !row.plan) this.settleRate(row, d);
    if (phase === 'unknown') this.happened('chargeback word unknown');
    if (row.plan && row.receivable < 0) this.happened('chargeback returned after loss');
    crash('after_commit');
    if (this.store.head === null) throw new TryAgain('the escrow is not in the projection yet');
    const milestones = this.paidBy(d.chargeId);
    const named = d.named.filter((id) => milestones.some((m) => m.id === id));
    const concerned = milestones.filter((m) => named.length === 0 || named.includes(m.id));
    const { policy } = this.terms();
    const taken = d.money.find((bt) => bt.amount < 0);
    const clawsBack = policy.clawback === 'at_opening' && isUndecided(phase) && row.plan === undefined && row.receivable > 0; // prettier-ignore
    return {
      disputeId,
      escrowId: this.escrowId,
      chargeId: d.chargeId,
      status: d.status,
      phase,
      round: row.decided.round,
      amount: d.amount,
      currency: 'usd',
      dueAt: d.dueAt,
      openedAt: d.createdAt,
      evidenceMs: policy.evidenceMs,
      submitted: d.submissions > 0,
      staged: row.staged,
      named,
      frozen: concerned.reduce((sum, m) => sum + m.funded, 0) < (taken ? -taken.amount : d.amount) ? [] : named,
      sellers: [...new Set(concerned.map((m) => m.sellerId))],
      worthDefending: worthDefending(BigInt(d.amount)),
      ...(d.returned ? { returned: true } : {}),
      ...(clawsBack ? { clawsBack: true as const } : {}),
    };
  }

  /** The milestones that a charge paid for, as the projection has them. */
  private paidBy(chargeId: string): { id: string; sellerId: string; funded: number }[] {
    return [...this.store.projected.values()]
      .filter((m) => m.funds?.chargeId === chargeId)
      .map((m) => ({ id: m.id, sellerId: m.sellerId, funded: m.funds!.principal + m.funds!.buyerFee }));
  }

  // ---- whose loss it is -------------------------------------------------------------------------------------------

  /** As `settleUnderWay`: what of the charge's money is under way comes to its end, or is waited for. */
  private settleUnderWay(chargeId: string): string[] {
    const waits = new Set<string>();
    const calling = (at: number) => this.store.now() - at < STILL_CALLING_MS;
    for (const [id, m] of this.store.movements) {
      if (m.chargeId !== chargeId || (m.status !== 'reserved' && m.status !== 'pending')) continue;
      const recovering = this.recoveries.all.has(m.recoveryId ?? id);
      // Refused, and tried again later under another key: it stands still.
      if (m.kind === 'transfer' && m.refused !== null && !recovering) continue;
      if (recovering) waits.add(id);
      else if (m.status === 'pending') {
        this.store.settleAsked(id, m);
        if (m.status === 'pending') waits.add(id);
      } else if (calling(m.calledAt)) waits.add(id);
      else if (m.kind === 'refund') this.store.settleAsked(id, m);
      else this.settleTransfer(id);
    }
    for (const [id, r] of this.recoveries.reversals) if (r.chargeId === chargeId && r.status === 'reserved') waits.add(id); // prettier-ignore
    const paid = new Set(this.paidBy(chargeId).map((m) => m.id));
    for (const [id, r] of this.recoveries.all) if (r.status === 'reserved' && paid.has(r.milestoneId)) waits.add(id);
    return [...waits];
  }

  private settleTransfer(id: string): void {
    const made = this.stripe.transfers.find((t) => t.transferId === id);
    if (made === undefined) return;
    if (this.store.movements.get(id)!.recoveryId === null) this.store.bookTransfer(id, made);
    else this.recoveries.bookAgain(id, made.id);
  }

  /** What the ledger says of a milestone now; what its seller owes already is not theirs to give again. */
  private moneyOf(milestoneId: string, m: HeldMilestone, heldBack: number): MilestoneMoney {
    const paid = Math.max(0, m.transferred + m.setOff - m.takenBack - m.owed);
    return {
      milestoneId,
      sellerId: m.sellerId,
      heldMinor: BigInt(m.held),
      feeUnearnedMinor: BigInt(m.feeUnearned),
      payableMinor: BigInt(m.payable),
      paidMinor: BigInt(paid + heldBack),
      feeEarnedMinor: BigInt(Math.max(0, m.fees)),
    };
  }

  /** Reversals for a dispute. */
  recoveriesOf = (disputeId: string) => [...this.recoveries.reversals].filter(([id]) => id.startsWith(`${disputeId}_`));

  private heldBackOf(row: DisputeRow): { milestoneId: string; sellerId: string; recoveryId: string; minor: number }[] {
    return this.recoveriesOf(row.id)
      .filter(([id]) => /_h\d+$/.test(id))
      .map(([recoveryId, { milestoneId }]) => ({
        milestoneId,
        sellerId: this.store.milestone(milestoneId).sellerId,
        recoveryId,
        minor: this.recoveries.heldBack(recoveryId),
      })) // prettier-ignore
      .filter((h) => h.minor > 0);
  }

  private lossNow(row: DisputeRow) {
    const d = this.bank.disputes.get(row.id)!;
    const heldBack = this.heldBackOf(row);
    const money = this.paidBy(row.chargeId).flatMap(({ id }) => {
      const booked = this.store.milestones.get(id);
      const held = heldBack.filter((h) => h.milestoneId === id).reduce((sum, h) => sum + h.minor, 0);
      return booked ? [this.moneyOf(id, booked, held)] : [];
    });
    const openMinor = BigInt(row.receivable);
    const charge = this.store.charges.get(row.chargeId)!;
    const withdrawnMinor = BigInt(d.money.reduce((sum, bt) => (bt.amount < 0 ? sum - bt.amount : sum), 0));
    const chargeMinor = BigInt([...this.stripe.intents.values()].find((i) => i.chargeId === row.chargeId)!.amount);
    const { lostMinor, fxMinor } = this.converted
      ? atChargeRate({ chargeMinor, capturedMinor: BigInt(charge.captured), disputedMinor: BigInt(d.amount), withdrawnMinor, openMinor }) // prettier-ignore
      : { lostMinor: openMinor, fxMinor: 0n };
    const named = d.named.filter((id) => money.some((m) => m.milestoneId === id));
    return { plan: planLoss(lostMinor, money, named, this.terms().policy), money, heldBack, fxMinor };
  }

  private get converted(): boolean {
    return this.store.rate !== 100;
  }

  /** Given back at another day's rate than it was taken at: nobody's loss. */
  private settleRate(row: DisputeRow, d: Dispute): void {
    if (!this.converted || row.receivable === 0 || !d.money.some((bt) => bt.amount > 0)) return;
    this.store.post(`dispute_fx:${row.id}:${row.decided!.round}`, () => {
      row.receivable = 0;
    });
  }

  private planClawback({ disputeId, round }: { disputeId: string; round: number }): PlannedClawback {
    const row = this.rows.get(disputeId)!;
    const known = row.clawback?.round === round;
    // Decided meanwhile: nothing is held any more.
    if (!known && !isUndecided(phaseOf(this.bank.disputes.get(disputeId)!.status))) return { takeBacks: [] };
    const waitsFor = known ? [] : this.settleUnderWay(row.chargeId);
    if (waitsFor.length > 0) {
      this.happened('chargeback clawback waits');
      return { takeBacks: [], waitsFor };
    }
    if (row.plan) return { takeBacks: [] };
    if (!known) {
      const { plan } = this.lossNow(row);
      const orders = plan.parts
        .filter((p) => p.fromSellerMinor > 0n)
        .map((p) => this.subject(row, p, `${row.id}_${p.milestoneId}_h${round}`, Number(p.fromSellerMinor)));
      row.clawback = { round, orders };
    }
    return { takeBacks: row.clawback!.orders.map((o) => ({ ...o, amount: o.amount! })) };
  }

  private subject(row: DisputeRow, p: { milestoneId: string; sellerId: string }, recoveryId: string, amount: number) {
    const { milestoneId, sellerId } = p;
    return { recoveryId, escrowId: this.escrowId, milestoneId, sellerId, chargeId: row.chargeId, currency: 'usd', amount }; // prettier-ignore
  }

  private planLoss(disputeId: string): PlannedLoss {
    const row = this.rows.get(disputeId)!;
    if (row.plan === undefined) {
      const waitsFor = this.settleUnderWay(row.chargeId);
      if (waitsFor.length > 0) {
        this.happened('chargeback loss waits');
        return { takeBacks: [], taken: [], refunded: [], waitsFor };
      }
      row.plan = this.divide(row);
    }
    const { plan, accepted, heldBack } = row.plan;
    const used = (id: string) => heldBack.filter((h) => h.milestoneId === id).reduce((sum, h) => sum + h.used, 0);
    const excess = heldBack.filter((h) => h.excess > 0);
    const refunded = [...this.store.movements].filter(([, m]) => m.kind === 'refund' && m.chargeId === row.chargeId && m.status !== 'failed').map(([id]) => id); // prettier-ignore
    return {
      takeBacks: plan.parts
        .map((p) => this.subject(row, p, `${row.id}_${p.milestoneId}`, Number(p.fromSellerMinor) - used(p.milestoneId)))
        .filter((o) => o.amount > 0),
      taken: plan.parts
        .filter((p) => p.heldMinor + p.feeUnearnedMinor > 0n)
        .map((p) => ({ milestoneId: p.milestoneId, principal: Number(p.heldMinor), buyerFee: Number(p.feeUnearnedMinor) })), // prettier-ignore
      refunded,
      ...(accepted.length > 0 ? { accepted } : {}),
      ...(excess.length > 0 ? { payAgain: excess.map((h) => this.subject(row, h, h.recoveryId, h.excess)) } : {}),
    };
  }

  /** Decided once, out of the ledger of this moment. */
  private divide(row: DisputeRow): StoredLoss {
    const { plan, money, heldBack, fxMinor } = this.lossNow(row);
    const accepted: TakenOfPart[] = [];
    for (const p of plan.parts) {
      const released = transferredWhole(money.find((m) => m.milestoneId === p.milestoneId)!);
      const left = this.recoveries.left(p.milestoneId).reduce((sum, r) => sum + r.amountMinor, 0n);
      const amountMinor = released === 0n ? 0n : share(left, p.ofTransferredMinor, released);
      if (amountMinor > 0n) this.recoveries.takeReleased(`${row.id}_${p.milestoneId}`, p.milestoneId, amountMinor);
      let wanted = Number(p.payableMinor);
      for (const { part, left: whole } of wanted > 0 ? this.store.acceptedParts(p.milestoneId) : []) {
        const payable = Math.min(whole, wanted);
        if (payable > 0) accepted.push({ milestoneId: p.milestoneId, part, payable });
        wanted -= payable;
      }
      if (wanted > 0) throw new Broken(`${p.milestoneId} has ${wanted} less payable in its parts than in the ledger`);
    }
    const of = (h: (typeof heldBack)[number]) => Math.min(h.minor, Number(plan.parts.find((p) => p.milestoneId === h.milestoneId)?.fromSellerMinor ?? 0n)); // prettier-ignore
    if (plan.unassignedMinor > 0n) this.happened('chargeback beyond the charge');
    return { plan, fx: Number(fxMinor), accepted, heldBack: heldBack.map(({ minor, ...h }) => ({ ...h, used: of({ minor, ...h }), excess: minor - of({ minor, ...h }) })) }; // prettier-ignore
  }

  private settle(
    disputeId: string,
    reversed: { milestoneId: string; amount: number }[],
    crash: CrashesAt,
  ): SettledLoss {
    const row = this.rows.get(disputeId)!;
    const { plan, fx, accepted, heldBack } = row.plan!;
    const charge = this.store.charges.get(row.chargeId)!;
    if (!row.settled) for (const part of accepted) this.store.takeOfPart({ ...part, minor: part.payable });
    this.store.post(`dispute_lost:${disputeId}`, () => {
      let allowance = Number(plan.unassignedMinor);
      let lost = Number(plan.unassignedMinor);
      for (const p of plan.parts) {
        const used = heldBack.filter((h) => h.milestoneId === p.milestoneId).reduce((sum, h) => sum + h.used, 0);
        const back = used + (reversed.find((r) => r.milestoneId === p.milestoneId)?.amount ?? 0);
        const debt = Number(p.fromSellerMinor) - back;
        const platform = Number(p.platformMinor);
        const m = this.store.milestone(p.milestoneId);
        m.held -= Number(p.heldMinor);
        m.feeUnearned -= Number(p.feeUnearnedMinor);
        m.fees -= Number(p.feeReturnedMinor);
        m.payable -= Number(p.payableMinor);
        m.onHold -= back;
        m.owed += debt;
        m.absorbed += platform;
        m.chargedBack += Number(wholeLoss(p));
        lost += Number(wholeLoss(p));
        allowance += debt + platform;
        this.debts.open(`dispute:${disputeId}:${p.milestoneId}`, { kind: 'principal', sellerId: p.sellerId, milestoneId: p.milestoneId, amount: debt }); // prettier-ignore
        if (debt > 0) this.happened('chargeback owed by a seller');
        if (platform > 0) this.happened('chargeback borne by the platform');
      }
      row.receivable -= lost + fx;
      const { transferred, reversed: came, refunded, withdrawn, captured } = charge;
      charge.observed = Math.max(charge.observed - lost, transferred - came + refunded + withdrawn - captured - charge.allowance - allowance, 0); // prettier-ignore
      charge.allowance += allowance;
    });
    if (!row.settled) for (const part of plan.parts) this.takenFromOwed(part);
    row.settled = true;
    this.passFeesOn(row);
    crash('after_commit');
    return { fees: [...this.passed].filter(([key, amount]) => key.startsWith(`${disputeId}:`) && amount > 0).map(([key, amount]) => ({ milestoneId: key.slice(disputeId.length + 1), amount })) }; // prettier-ignore
  }

  /** By the terms: what each seller owes of Stripe's fees is their share of what Stripe has taken by now. */
  private passFeesOn(row: DisputeRow): void {
    if (this.terms().policy.disputeFee !== 'seller') return;
    for (const s of shareFees(BigInt(row.fees), row.plan!.plan)) {
      const { milestoneId, sellerId } = s;
      this.passed.set(`${row.id}:${milestoneId}`, Number(s.minor));
      const key = `dispute_fee:${row.id}:${milestoneId}:`;
      const debts = [...this.debts.rows]
        .filter(([k]) => k.startsWith(key))
        .map(([, d]) => d)
        .reverse();
      let more = Number(s.minor) - debts.reduce((sum, d) => sum + d.amount - d.cancelled, 0);
      if (more > 0)
        this.debts.open(`${key}${debts.length + 1}`, { kind: 'costs', sellerId, milestoneId, amount: more });
      // Given back by Stripe: the newest first. What was paid of it already is a person's to give back.
      for (const debt of more < 0 ? debts : []) more += this.debts.cancel(debt, -more);
    }
  }

  private note({ disputeId, round, type, milestones }: ClawbackNote, crash: CrashesAt): void {
    for (const { milestoneId } of milestones) this.notes.add(`${type}:${disputeId}:${round}:${milestoneId}`);
    crash('after_commit');
  }
}
