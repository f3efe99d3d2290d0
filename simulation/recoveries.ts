// The simulated books of refunds after release: the activities of workflow refund/<id> over the same store and Stripe, in the
// real ones' order of steps.
import type { RefundAnswer } from '../activities/contract.ts';
import type { RecoveryAnswer, RecoveryRequest, RecoverySubject, ReleasedRefundOrder, TakeBackAnswer, TakeBackOrder } from '../activities/recover-contract.ts'; // prettier-ignore
import { planRecovery, type RecoveryPlan, type ReleasedPart, takeFrom } from '../domain/recovery.ts';
import type { CrashPoint, Guards, Store } from './store.ts';
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
  reversal: { amount: number; status: 'reserved' | 'succeeded' | 'failed'; refusals: number } | null;
  /** Refusals of paying the seller again. */
  refusals: number;
}

type CrashesAt = (at: CrashPoint) => void;

const sumOf = (parts: readonly ReleasedPart[]): bigint => parts.reduce((sum, p) => sum + p.amountMinor, 0n);

export class Recoveries {
  readonly all = new Map<string, Recovery>();
  private readonly store: Store;
  private readonly stripe: SimulatedStripe;
  private readonly guards: Guards;

  constructor(store: Store, stripe: SimulatedStripe, guards: Guards) {
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
        return this.payAgain(order as RecoverySubject, crash);
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
    const made: Recovery = { status, milestoneId, pieces: [], plan: null, reversal: null, refusals: 0 };
    this.all.set(id, made);
    return made;
  }

  private ask(r: RecoveryRequest, crash: CrashesAt): { outcome: 'asked' | 'refused'; left: number; asked: boolean } {
    crash('before_effect');
    const left = sumOf(this.left(r.milestoneId));
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
    const recovery = this.all.get(o.recoveryId)!;
    const m = this.store.milestone(o.milestoneId);
    recovery.reversal ??= { amount: Math.min(o.amount, m.transferred - m.takenBack), status: 'reserved', refusals: 0 };
    const { reversal } = recovery;
    while (reversal.status === 'reserved') {
      if (reversal.amount <= 0) reversal.status = 'failed';
      else {
        const key = this.store.key(o.escrowId, o.recoveryId, 'reversal', reversal.refusals + 1);
        const answer = this.stripe.reverse(key, { recoveryId: o.recoveryId, milestoneId: o.milestoneId, amount: reversal.amount }); // prettier-ignore
        crash('after_effect');
        if (!isRefusal(answer)) this.reversed(o, recovery);
        // The seller's balance covers half of it, or nothing.
        else if (++reversal.refusals < 2) reversal.amount = Math.floor(reversal.amount / 2);
        else reversal.status = 'failed';
      }
    }
    crash('after_commit');
    const reversed = reversal.status === 'succeeded' ? reversal.amount : 0;
    return { reversed, shortfall: o.amount - reversed };
  }

  private reversed(s: RecoverySubject, recovery: Recovery): void {
    const { reversal } = recovery;
    this.store.post(`reversal:${s.recoveryId}`, () => {
      const m = this.store.milestone(s.milestoneId);
      m.takenBack += reversal!.amount;
      m.onHold += reversal!.amount;
      this.store.charges.get(s.chargeId)!.reversed += reversal!.amount;
    });
    reversal!.status = 'succeeded';
  }

  private refund(o: ReleasedRefundOrder, crash: CrashesAt): RefundAnswer {
    crash('before_effect');
    const movement = this.store.reserve(o.refundId, 'refund');
    this.store.post(`refund_asked:${o.refundId}`, () => this.book(o, 1));
    if (movement.status !== 'reserved') return { outcome: movement.status, stripeRefundId: movement.stripeId, code: movement.code }; // prettier-ignore
    const key = this.store.key(o.escrowId, o.refundId, 'refund', o.generation);
    const answer = this.stripe.refund(key, { refundId: o.refundId, intentId: o.paymentIntentId, amount: o.amount });
    crash('after_effect');
    if (isRefusal(answer)) return this.undo(o, null, answer.refused);
    movement.stripeId = answer.id;
    return this.recorded(o, crash);
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
    charge.allowance += sign * o.shortfall;
  }

  private payAgain(s: RecoverySubject, crash: CrashesAt): { paid: number } {
    crash('before_effect');
    const recovery = this.all.get(s.recoveryId)!;
    const { reversal } = recovery;
    if (reversal?.status === 'reserved') {
      // Its answer never came: what Stripe made of it is looked up before anything is paid.
      if (this.stripe.reversals.some((r) => r.recoveryId === s.recoveryId)) this.reversed(s, recovery);
      else reversal.status = 'failed';
    }
    const amount = reversal?.status === 'succeeded' ? reversal.amount : 0;
    if (amount > 0 && this.guards.compensations) {
      const key = this.store.key(s.escrowId, s.recoveryId, 'again', recovery.refusals + 1);
      const answer = this.stripe.transfer(key, { transferId: `trf_${s.recoveryId.slice(4)}_again`, sellerId: s.sellerId, chargeId: s.chargeId, amount }); // prettier-ignore
      crash('after_effect');
      if (isRefusal(answer)) {
        recovery.refusals += 1;
        throw new TryAgain(answer.refused);
      }
      this.store.post(`again:${s.recoveryId}`, () => {
        const m = this.store.milestone(s.milestoneId);
        m.onHold -= amount;
        m.takenBack -= amount;
        this.store.charges.get(s.chargeId)!.reversed -= amount;
      });
    }
    recovery.status = 'undone';
    crash('after_commit');
    return { paid: amount };
  }
}
