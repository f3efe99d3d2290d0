// The simulated books of released money that comes back: the activities of workflow refund/<id>, and those that chargeback/<id>
// shares with it, over the same store and Stripe, in the real ones' order of steps.
import type { RefundAnswer } from '../activities/contract.ts';
import type { PayAgainOrder, RecoveryActivities, RecoveryAnswer, RecoveryRequest, RecoverySubject, ReleasedRefundOrder, TakeBackAnswer, TakeBackOrder } from '../activities/recover-contract.ts'; // prettier-ignore
import { planRecovery, type RecoveryPlan, type ReleasedPart, takeFrom } from '../domain/recovery.ts';
import type { Guards, Movement } from './books.ts';
import type { Debts } from './debts.ts';
import type { CrashPoint, Store } from './store.ts';
import { isRefusal, type SimulatedStripe } from './stripe.ts';

/** Refused for now: the attempt is made again, under another key. */
export class TryAgain extends Error {
  override name = 'TryAgain';
}

export interface Recovery {
  status: 'asked' | 'reserved' | 'refunded' | 'undone' | 'lapsed' | 'refused';
  milestoneId: string;
  pieces: ReleasedPart[];
  plan: RecoveryPlan | null;
}

/** Of a seller's transfers, for one recovery: a refund's id, or a dispute's and its milestone's. */
export interface Reversal {
  milestoneId: string;
  chargeId: string;
  amount: number;
  status: 'reserved' | 'succeeded' | 'failed';
  refusals: number;
  /** Refusals of paying the seller again. */
  againRefusals: number;
}

type CrashesAt = (at: CrashPoint) => void;

const sumOf = (parts: readonly ReleasedPart[]): bigint => parts.reduce((sum, p) => sum + p.amountMinor, 0n);

export class Recoveries {
  readonly all = new Map<string, Recovery>();
  readonly reversals = new Map<string, Reversal>();
  /** A bank is at the charge. */
  bankHolds: (chargeId: string) => boolean = () => false;
  private readonly store: Store;
  private readonly stripe: SimulatedStripe;
  private readonly guards: Guards;
  private readonly debts: Debts;
  private readonly happened: (branch: string) => void;

  constructor(store: Store, stripe: SimulatedStripe, guards: Guards, debts: Debts, happened: (branch: string) => void) {
    this.debts = debts;
    this.happened = happened;
    this.guards = guards;
    this.store = store;
    this.stripe = stripe;
  }

  perform(type: string, order: unknown, crash: CrashesAt): unknown {
    switch (type) {
      case 'askRecovery':
        return this.ask(order as RecoveryRequest, crash);
      case 'reserveRecovery':
        return this.reserve(order as RecoveryRequest, crash);
      case 'lapseRecovery':
        return this.lapse(order as string, crash);
      case 'takeBack':
        return this.takeBack(order as TakeBackOrder, crash);
      case 'refundReleased':
        return this.refund(order as ReleasedRefundOrder, crash);
      case 'recordReleasedRefund':
        return this.record(order as ReleasedRefundOrder, crash);
      case 'payAgain':
        return this.payAgain(order as PayAgainOrder, crash);
      case 'raiseAlert':
        return undefined;
      default:
        throw new Error(`an activity that the simulation does not know: ${type}`);
    }
  }

  /** What of each released part was not taken back yet. */
  left(milestoneId: string): ReleasedPart[] {
    const released = this.store.projected.get(milestoneId)?.releases.filter((r) => r.status === 'released') ?? [];
    const taken = [...this.all.values()]
      .filter((r) => r.milestoneId === milestoneId && (r.status === 'reserved' || r.status === 'refunded'))
      .flatMap((r) => r.pieces);
    return released.map((r) => {
      const gone = (pick: (p: ReleasedPart) => bigint) => taken.filter((p) => p.part === r.part).reduce((sum, p) => sum + pick(p), 0n); // prettier-ignore
      return {
        part: r.part,
        amountMinor: BigInt(r.amount) - gone((p) => p.amountMinor),
        principalMinor: BigInt(r.principal) - gone((p) => p.principalMinor),
        sellerFeeMinor: BigInt(r.sellerFee) - gone((p) => p.sellerFeeMinor),
        buyerFeeMinor: BigInt(r.buyerFee) - gone((p) => p.buyerFeeMinor),
      };
    });
  }

  private recovery(id: string, milestoneId: string, status: Recovery['status']): Recovery {
    const known = this.all.get(id);
    if (known) return known;
    const made: Recovery = { status, milestoneId, pieces: [], plan: null };
    this.all.set(id, made);
    return made;
  }

  /** A bank took back what had been released: it cannot be refunded again. */
  takeReleased(id: string, milestoneId: string, amountMinor: bigint): void {
    const pieces = takeFrom(this.left(milestoneId), amountMinor) ?? [];
    this.all.set(id, { status: 'refunded', milestoneId, pieces, plan: null });
  }

  private ask(r: RecoveryRequest, crash: CrashesAt): Awaited<ReturnType<RecoveryActivities['askRecovery']>> {
    crash('before_effect');
    const left = sumOf(this.left(r.milestoneId));
    if (!this.all.has(r.refundId) && this.bankHolds(r.chargeId)) return { outcome: 'refused', left: Number(left), asked: false, disputed: true }; // prettier-ignore
    if (left < BigInt(r.amount)) return { outcome: 'refused', left: Number(left), asked: false };
    const other = [...this.all].some(([id, o]) => id !== r.refundId && o.milestoneId === r.milestoneId && o.status === 'asked'); // prettier-ignore
    if (other) return { outcome: 'refused', left: Number(left), asked: true };
    this.recovery(r.refundId, r.milestoneId, 'asked');
    crash('after_commit');
    return { outcome: 'asked', left: Number(left), asked: false };
  }

  private reserve(r: RecoveryRequest, crash: CrashesAt): RecoveryAnswer {
    crash('before_effect');
    const known = this.recovery(r.refundId, r.milestoneId, 'asked');
    const parts = this.left(r.milestoneId);
    if (known.plan === null && this.bankHolds(r.chargeId)) {
      known.status = 'refused';
      return { outcome: 'refused', left: Number(sumOf(parts)), asked: false, disputed: true };
    }
    if (known.plan === null) {
      const pieces = known.status === 'asked' ? takeFrom(parts, BigInt(r.amount)) : null;
      if (pieces === null) {
        if (known.status === 'asked') known.status = 'refused';
        return { outcome: 'refused', left: Number(sumOf(parts)), asked: false };
      }
      known.status = 'reserved';
      known.pieces = pieces;
      known.plan = planRecovery(pieces, sumOf(parts) - BigInt(r.amount), r.terms);
    }
    crash('after_commit');
    return { outcome: 'reserved', plan: known.plan };
  }

  private lapse(refundId: string, crash: CrashesAt): void {
    crash('before_effect');
    const known = this.all.get(refundId);
    if (known?.status === 'asked') known.status = 'lapsed';
    crash('after_commit');
  }

  private takeBack(o: TakeBackOrder, crash: CrashesAt): TakeBackAnswer {
    crash('before_effect');
    const m = this.store.milestone(o.milestoneId);
    const reversal = this.reversals.get(o.recoveryId) ?? { milestoneId: o.milestoneId, chargeId: o.chargeId, amount: Math.min(o.amount, m.transferred - m.takenBack), status: 'reserved', refusals: 0, againRefusals: 0 }; // prettier-ignore
    this.reversals.set(o.recoveryId, reversal);
    while (reversal.status === 'reserved') {
      if (reversal.amount <= 0) reversal.status = 'failed';
      else {
        const key = this.store.key(o.escrowId, o.recoveryId, 'reversal', reversal.refusals + 1);
        const answer = this.stripe.reverse(key, { recoveryId: o.recoveryId, milestoneId: o.milestoneId, amount: reversal.amount }); // prettier-ignore
        crash('after_effect');
        if (!isRefusal(answer)) this.reversed(o, reversal);
        // The seller's balance covers half of it, or nothing.
        else if (++reversal.refusals < 2) reversal.amount = Math.floor(reversal.amount / 2);
        else reversal.status = 'failed';
      }
    }
    crash('after_commit');
    const reversed = reversal.status === 'succeeded' ? reversal.amount : 0;
    return { reversed, shortfall: o.amount - reversed };
  }

  private reversed(s: RecoverySubject, reversal: Reversal): void {
    this.store.post(`reversal:${s.recoveryId}`, () => {
      const m = this.store.milestone(s.milestoneId);
      m.takenBack += reversal.amount;
      m.onHold += reversal.amount;
      this.store.charges.get(s.chargeId)!.reversed += reversal.amount;
    });
    reversal.status = 'succeeded';
  }

  private refund(o: ReleasedRefundOrder, crash: CrashesAt): RefundAnswer {
    crash('before_effect');
    const movement = this.store.atomically(o.chargeId, () => this.askRefund(o));
    if (movement === null) return { outcome: 'refused', stripeRefundId: null, code: 'charge_not_overdrawn' };
    if (movement.status !== 'reserved') return { outcome: movement.status, stripeRefundId: movement.stripeId, code: movement.code }; // prettier-ignore
    movement.calledAt = this.store.now();
    const key = this.store.key(o.escrowId, o.refundId, 'refund', o.generation);
    const answer = this.stripe.refund(key, { refundId: o.refundId, intentId: o.paymentIntentId, amount: o.amount });
    crash('after_effect');
    if (isRefusal(answer)) return this.undo(o, null, answer.refused);
    movement.stripeId = answer.id;
    return this.recorded(o, crash);
  }

  private askRefund(o: ReleasedRefundOrder): Movement {
    const of = { kind: 'refund', chargeId: o.chargeId, milestoneId: o.milestoneId, amount: o.amount } as const;
    const movement = this.store.reserve(o.refundId, of);
    this.store.post(`refund_asked:${o.refundId}`, () => this.book(o, 1));
    return movement;
  }

  private record(o: ReleasedRefundOrder, crash: CrashesAt): RefundAnswer {
    crash('before_effect');
    return this.recorded(o, crash);
  }

  private recorded(o: ReleasedRefundOrder, crash: CrashesAt): RefundAnswer {
    const movement = this.store.movements.get(o.refundId)!;
    const refund = this.stripe.refunds.find((r) => r.id === movement.stripeId)!;
    if (refund.status === 'failed') return this.undo(o, refund.id, 'expired_or_canceled_card');
    if (movement.status !== 'succeeded') movement.status = refund.status;
    if (refund.status === 'succeeded') this.all.get(o.refundId)!.status = 'refunded';
    crash('after_commit');
    return { outcome: refund.status, stripeRefundId: refund.id, code: null };
  }

  private undo(o: ReleasedRefundOrder, stripeId: string | null, code: string): RefundAnswer {
    const movement = this.store.movements.get(o.refundId)!;
    if (movement.status !== 'failed') this.store.post(`refund_undone:${o.refundId}`, () => this.book(o, -1));
    movement.status = 'failed';
    movement.code = code;
    return { outcome: stripeId === null ? 'refused' : 'failed', stripeRefundId: stripeId, code };
  }

  /** Asked, or undone where `sign` is −1: what is on hold, what the seller owes and the fees given back go to the buyer. */
  private book(o: ReleasedRefundOrder, sign: 1 | -1): void {
    const m = this.store.milestone(o.milestoneId);
    const charge = this.store.charges.get(o.chargeId)!;
    const toBuyer = o.reversed + o.shortfall + o.feeReturned;
    m.onHold -= sign * o.reversed;
    m.owed += sign * o.shortfall;
    m.fees -= sign * o.feeReturned;
    m.refunded += sign * toBuyer;
    charge.refunded += sign * toBuyer;
    const key = `recovery:${o.refundId}`;
    if (sign === 1) {
      charge.allowance += o.shortfall;
      this.debts.open(key, { kind: 'principal', sellerId: o.sellerId, milestoneId: o.milestoneId, amount: o.shortfall }); // prettier-ignore
      return;
    }
    const debt = this.debts.rows.get(key);
    if (debt === undefined) return;
    charge.allowance -= this.debts.cancel(debt, o.shortfall);
    // What the seller has paid of a debt that is none is theirs again.
    m.onHold += debt.recovered;
    m.takenBack += debt.recovered;
    m.paidInVain += debt.recovered;
    if (debt.recovered > 0) this.happened('debt paid in vain');
  }

  /** Of what was taken back, how much is on hold: less what is paid again, or is about to be. */
  heldBack(recoveryId: string): number {
    const reversal = this.reversals.get(recoveryId);
    const again = this.store.movements.get(againIdOf(recoveryId))?.amount ?? 0;
    return reversal?.status === 'succeeded' ? reversal.amount - again : 0;
  }

  private payAgain(s: PayAgainOrder, crash: CrashesAt): { paid: number } {
    crash('before_effect');
    const reversal = this.reversals.get(s.recoveryId);
    if (reversal?.status === 'reserved') {
      // Its answer never came: what Stripe made of it is looked up before anything is paid.
      if (this.stripe.reversals.some((r) => r.recoveryId === s.recoveryId)) this.reversed(s, reversal);
      else reversal.status = 'failed';
    }
    const undone = this.store.movements.get(s.recoveryId)?.status === 'failed';
    const inVain = (undone && this.debts.rows.get(`recovery:${s.recoveryId}`)?.recovered) || 0;
    const amount = s.amount ?? (reversal?.status === 'succeeded' ? reversal.amount : 0) + inVain;
    if (amount > 0 && this.guards.compensations) this.transferAgain(s, reversal!, amount, crash);
    const recovery = this.all.get(s.recoveryId);
    if (recovery?.status === 'reserved' || recovery?.status === 'refunded') recovery.status = 'undone';
    crash('after_commit');
    return { paid: amount };
  }

  private transferAgain(s: PayAgainOrder, reversal: Reversal, amount: number, crash: CrashesAt): void {
    const id = againIdOf(s.recoveryId);
    const of = { kind: 'transfer', chargeId: s.chargeId, milestoneId: s.milestoneId, amount, recoveryId: s.recoveryId } as const; // prettier-ignore
    const movement = this.store.reserve(id, of);
    this.store.post(`reserve:${id}`, () => (this.store.charges.get(s.chargeId)!.transferred += amount));
    if (movement.status === 'succeeded') return;
    movement.calledAt = this.store.now();
    movement.refused = null;
    const key = this.store.key(s.escrowId, s.recoveryId, 'again', reversal.againRefusals + 1);
    const answer = this.stripe.transfer(key, { transferId: id, sellerId: s.sellerId, chargeId: s.chargeId, amount: movement.amount }); // prettier-ignore
    crash('after_effect');
    if (isRefusal(answer)) {
      reversal.againRefusals += 1;
      movement.refused = answer.refused;
      throw new TryAgain(answer.refused);
    }
    this.bookAgain(id, answer.id);
  }

  /** Once, whoever books it first. */
  bookAgain(id: string, stripeId: string): void {
    const movement = this.store.movements.get(id)!;
    this.store.post(`again:${movement.recoveryId}`, () => {
      const m = this.store.milestone(movement.milestoneId!);
      m.onHold -= movement.amount;
      m.takenBack -= movement.amount;
    });
    movement.status = 'succeeded';
    movement.stripeId = stripeId;
  }
}

/** Of the transfer that pays a seller again. */
export const againIdOf = (recoveryId: string): string => `trf_${recoveryId.slice(recoveryId.indexOf('_') + 1)}_again`;
