// The simulated database: movements, the ledger's figures by key, the projection, and the activities over them, each with the
// points at which a worker may die. The same order of steps as the real ones: reserve, ask Stripe, post and project.
import type { PaymentAnswer, PaymentOrder, RefundAnswer, RefundOrder, TransferAnswer, TransferOrder } from '../activities/contract.ts'; // prettier-ignore
import { allocateCharge } from '../domain/allocation.ts';
import type { EscrowEvent, EscrowSnapshot, MilestoneState } from '../domain/escrow-state.ts';
import {
  isRefusal,
  type Intent,
  type Method,
  type Session,
  type SimulatedStripe,
  type StripeRefund,
} from './stripe.ts';

/** Where an attempt may die: nothing done, Stripe has done it, the database knows it too. */
export type CrashPoint = 'before_effect' | 'after_effect' | 'after_commit';
export class Crash extends Error {
  override name = 'Crash';
}
/** Something that must never be: names the invariant. */
export class Broken extends Error {
  override name = 'Broken';
}

export interface HeldMilestone {
  paymentId: string;
  sellerId: string;
  held: number;
  feeUnearned: number;
  payable: number;
  transferred: number;
  refunded: number;
  chargedBack: number;
  fees: number;
  funded: number;
  /** Taken back from the seller and not paid again; on its way to the buyer; what the seller owes of a refund. */
  takenBack: number;
  onHold: number;
  owed: number;
}

interface Movement {
  kind: 'transfer' | 'refund';
  status: 'reserved' | 'pending' | 'succeeded' | 'failed';
  stripeId: string | null;
  code: string | null;
  /** Of a refund: what it was asked as. */
  order: RefundOrder | null;
}

interface Charge {
  paymentId: string;
  captured: number;
  allocated: boolean;
  transferred: number;
  refunded: number;
  chargedBack: number;
  reversed: number;
  /** Debts of sellers: by so much more may leave than came. */
  allowance: number;
}

/** Guards that a test may take out, to see that the seeds notice. */
export interface Guards {
  /** Activities use the key that the workflow's facts give, not a new one each time. */
  keys: boolean;
  /** Postings are made once per key. */
  postings: boolean;
  /** The projection takes only newer revisions. */
  revisions: boolean;
  /** What was taken back from a seller in vain is paid again. */
  compensations: boolean;
}
export const ALL_GUARDS: Guards = { keys: true, postings: true, revisions: true, compensations: true };

export class Store {
  readonly milestones = new Map<string, HeldMilestone>();
  readonly charges = new Map<string, Charge>();
  readonly movements = new Map<string, Movement>();
  readonly postings = new Set<string>();
  head: EscrowSnapshot | null = null;
  readonly projected = new Map<string, MilestoneState>();
  readonly events = new Map<number, EscrowEvent>();
  /** Until when a seller's first release waits; null: no longer. */
  firstReleaseAt: (sellerId: string) => number | null = () => null;
  private readonly stripe: SimulatedStripe;
  private readonly guards: Guards;
  /** Settlement units for 100 units of the terms' currency. */
  private readonly rate: number;
  private attempts = 0;
  /** Which milestones each payment is for. */
  private readonly ways = new Map<string, string[]>();

  constructor(stripe: SimulatedStripe, guards: Guards, rate: number) {
    this.stripe = stripe;
    this.guards = guards;
    this.rate = rate;
  }

  key(...parts: (string | number)[]): string {
    return parts.join(':') + (this.guards.keys ? '' : `:${++this.attempts}`);
  }

  /** Posts once per key. */
  post(key: string, legs: () => void): void {
    if (this.guards.postings && this.postings.has(key)) return;
    this.postings.add(key);
    legs();
    for (const [id, m] of this.milestones) {
      if (m.held < 0 || m.feeUnearned < 0 || m.payable < 0 || m.onHold < 0 || m.takenBack < 0) {
        throw new Broken(`${key} leaves ${id} with held ${m.held}, fee ${m.feeUnearned}, payable ${m.payable}`);
      }
    }
    for (const [id, c] of this.charges) {
      if (c.transferred - c.reversed + c.refunded + c.chargedBack > c.captured + c.allowance) throw new Broken(`${key} takes more out of ${id} than it brought: ${JSON.stringify(c)}`); // prettier-ignore
    }
  }

  /** An attempt of the activity of that name. */
  perform(type: string, order: unknown, crash: (at: CrashPoint) => void): unknown {
    switch (type) {
      case 'createPayment':
      case 'recordPayment':
      case 'cancelPayment':
        return this[type](order as PaymentOrder, crash);
      case 'transferToSeller':
        return this.transferToSeller(order as TransferOrder, crash);
      case 'refundToBuyer':
      case 'recordRefund':
        return this[type](order as RefundOrder, crash);
      case 'refundByBank':
        return this.refundByBank(order as RefundOrder, crash);
      case 'project':
        crash('before_effect');
        this.project(order as EscrowSnapshot);
        crash('after_commit');
        return undefined;
      default:
        throw new Error(`an activity that the simulation does not know: ${type}`);
    }
  }

  // ---- the activities ---------------------------------------------------------------------------------------------

  createPayment(o: PaymentOrder, crash: (at: CrashPoint) => void): PaymentAnswer {
    crash('before_effect');
    this.expectOneWayToPay(o);
    if (o.checkout !== undefined) {
      const session = this.stripe.createSession(this.key(o.escrowId, o.paymentId, 'checkout', o.generation), o.paymentId, o.amount); // prettier-ignore
      crash('after_effect');
      const answer = this.recordSession(o, session);
      crash('after_commit');
      return answer;
    }
    const method = o.paymentMethod as Method | null;
    let id = o.paymentIntentId;
    if (id !== null && method !== null) {
      const answer = this.stripe.confirm(this.key(o.escrowId, o.paymentId, 'confirm', o.generation), id, method);
      crash('after_effect');
      if (!isRefusal(answer) && answer.declined) return this.declined(id);
    } else {
      const key = this.key(o.escrowId, o.paymentId, 'charge', o.generation);
      const answer = this.stripe.createIntent(key, o.paymentId, o.amount, method);
      crash('after_effect');
      id = answer.intentId;
      if (answer.declined) return this.declined(id);
    }
    const answer = this.recordIntent(o, this.stripe.intents.get(id)!);
    crash('after_commit');
    return answer;
  }

  /** What can still be paid for these milestones at Stripe is this payment alone. */
  private expectOneWayToPay(o: PaymentOrder): void {
    // A late attempt: Stripe confirms nothing of an intent that was canceled meanwhile.
    if (o.paymentIntentId !== null && this.stripe.intents.get(o.paymentIntentId)?.status === 'canceled') return;
    this.ways.set(o.paymentId, o.milestones.map((m) => m.id)); // prettier-ignore
    const mine = new Set(o.milestones.map((m) => m.id));
    const open = [...this.stripe.intents.values()].filter((i) => ['requires_payment_method', 'requires_action'].includes(i.status) && !this.isOver(i)); // prettier-ignore
    const pages = [...this.stripe.sessions.values()].filter((s) => s.status === 'open');
    for (const { paymentId } of [...open, ...pages]) {
      if (paymentId !== o.paymentId && this.ways.get(paymentId)?.some((id) => mine.has(id))) throw new Broken(`${o.paymentId} would be paid beside ${paymentId}, which is open`); // prettier-ignore
    }
  }

  /** Nobody can confirm an intent whose session is complete or expired. */
  private isOver = (intent: Intent): boolean =>
    [...this.stripe.sessions.values()].some((s) => s.intentId === intent.id && s.status !== 'open');

  private declined = (id: string): PaymentAnswer => ({ ...nothing(id), status: 'declined', declineCode: 'card_declined', message: 'Your card was declined.' }); // prettier-ignore

  recordPayment(o: PaymentOrder, crash: (at: CrashPoint) => void): PaymentAnswer {
    crash('before_effect');
    const session = o.checkout && [...this.stripe.sessions.values()].find((s) => s.paymentId === o.paymentId);
    if (session) {
      const answer = this.recordSession(o, session);
      crash('after_commit');
      return answer;
    }
    const intent = o.paymentIntentId === null ? [...this.stripe.intents.values()].find((i) => i.paymentId === o.paymentId) : this.stripe.intents.get(o.paymentIntentId); // prettier-ignore
    if (!intent) return { ...nothing(null), status: 'canceled' };
    const answer = this.recordIntent(o, intent);
    crash('after_commit');
    return answer;
  }

  cancelPayment(o: PaymentOrder, crash: (at: CrashPoint) => void): PaymentAnswer {
    crash('before_effect');
    if (o.checkout !== undefined) {
      const session = this.stripe.sessions.get(o.checkout.sessionId!)!;
      this.stripe.expireSession(this.key(o.escrowId, o.paymentId, 'cancel', o.generation), session);
      crash('after_effect');
      const answer = this.recordSession(o, session);
      crash('after_commit');
      return answer;
    }
    this.stripe.cancel(this.key(o.escrowId, o.paymentId, 'cancel', o.generation), o.paymentIntentId!);
    crash('after_effect');
    const answer = this.recordIntent(o, this.stripe.intents.get(o.paymentIntentId!)!);
    crash('after_commit');
    return answer;
  }

  private recordSession(o: PaymentOrder, session: Session): PaymentAnswer {
    const of = { checkoutSessionId: session.id };
    const intent = this.stripe.intents.get(session.intentId ?? '');
    const over = intent === undefined ? session.status === 'expired' : session.status !== 'open' && ['requires_payment_method', 'canceled'].includes(intent.status); // prettier-ignore
    if (over) return { ...nothing(session.intentId), ...of, status: 'canceled' };
    return { ...(intent === undefined ? nothing(null) : this.recordIntent(o, intent)), ...of };
  }

  private recordIntent(o: PaymentOrder, intent: Intent): PaymentAnswer {
    const answer = { ...nothing(intent.id), methodType: intent.methodType, declineCode: intent.declined ? 'card_declined' : null }; // prettier-ignore
    if (intent.status !== 'succeeded') return { ...answer, status: intent.status };
    const captured = Math.floor((intent.amount * this.rate) / 100);
    const allocations = allocateCharge(BigInt(captured), o.milestones);
    const chargeId = intent.chargeId!;
    this.post(`charge:${o.paymentId}`, () =>
      this.charges.set(chargeId, { paymentId: o.paymentId, captured, allocated: false, transferred: 0, refunded: 0, chargedBack: 0, reversed: 0, allowance: 0 }),
    ); // prettier-ignore
    if (o.allocate) {
      this.post(`allocate:${o.paymentId}`, () => {
        this.charges.get(chargeId)!.allocated = true;
        for (const [i, a] of allocations.entries()) {
          const sellerId = o.milestones[i]!.sellerId;
          const funded = a.principal + a.buyerFee;
          if (this.milestones.has(a.milestoneId)) throw new Broken(`${a.milestoneId} was paid twice`);
          this.milestones.set(a.milestoneId, { paymentId: o.paymentId, sellerId, held: a.principal, feeUnearned: a.buyerFee, payable: 0, transferred: 0, refunded: 0, chargedBack: 0, fees: 0, funded, takenBack: 0, onHold: 0, owed: 0 }); // prettier-ignore
        }
      });
    } else if (this.charges.get(chargeId)!.allocated) {
      // Booked by an activity whose answer was lost, and the escrow was given up meanwhile.
      this.post(`unallocate:${o.paymentId}`, () => {
        this.charges.get(chargeId)!.allocated = false;
        for (const a of allocations) this.milestones.delete(a.milestoneId);
      });
    }
    return { ...answer, status: 'succeeded', chargeId, settlementCurrency: this.rate === 100 ? 'usd' : 'eur', allocations }; // prettier-ignore
  }

  transferToSeller(o: TransferOrder, crash: (at: CrashPoint) => void): TransferAnswer {
    crash('before_effect');
    const id = `trf_${o.milestoneId.slice(3)}_${o.part}`;
    const m = this.milestone(o.milestoneId);
    this.post(`accept:${o.milestoneId}:${o.part}`, () => {
      m.held -= o.principal;
      m.feeUnearned -= o.buyerFee;
      m.payable += o.payable;
      m.fees += o.sellerFee + o.buyerFee;
    });
    if (this.stripe.incapable.has(o.sellerId) && this.movements.get(id)?.status !== 'succeeded')
      return { outcome: 'blocked_kyc' };
    const until = this.movements.has(id) ? null : this.firstReleaseAt(o.sellerId);
    if (until !== null) return { outcome: 'held_first_release', until };
    const movement = this.reserve(id, 'transfer');
    this.post(`reserve:${id}`, () => (this.charges.get(o.chargeId)!.transferred += o.payable));
    if (movement.status !== 'succeeded') {
      const key = this.key(o.escrowId, o.milestoneId, `transfer.${o.part}`, o.generation);
      const answer = this.stripe.transfer(key, { transferId: id, sellerId: o.sellerId, chargeId: o.chargeId, amount: o.payable }); // prettier-ignore
      crash('after_effect');
      if (isRefusal(answer)) {
        if (answer.refused === 'balance_insufficient') return { outcome: 'blocked_funds' };
        if (answer.refused.startsWith('insufficient_capabilities')) return { outcome: 'blocked_kyc' };
        return { outcome: 'refused', code: answer.refused, message: answer.refused };
      }
      this.post(`transfer:${id}`, () => {
        m.payable -= answer.amount;
        m.transferred += answer.amount;
      });
      movement.status = 'succeeded';
      movement.stripeId = answer.id;
    }
    this.project(o.after);
    crash('after_commit');
    return { outcome: 'released', transferId: id, stripeTransferId: movement.stripeId };
  }

  refundToBuyer(o: RefundOrder, crash: (at: CrashPoint) => void): RefundAnswer {
    crash('before_effect');
    for (const w of o.withdrawn ?? []) this.withdraw(o, w);
    const movement = this.reserve(o.refundId, 'refund');
    movement.order = o;
    this.post(`refund_asked:${o.refundId}`, () => this.bookRefund(o, 1));
    if (movement.status !== 'reserved') {
      if (movement.status === 'succeeded') this.project(o.after);
      return { outcome: movement.status, stripeRefundId: movement.stripeId, code: movement.code };
    }
    // A payment that came too late goes back at once.
    if (o.milestone !== null && this.stripe.isPastRefunding(o.paymentIntentId))
      return this.undo(o, movement, null, 'charge_not_refundable');
    const key = this.key(o.escrowId, o.refundId, 'refund', o.generation);
    const answer = this.stripe.refund(key, { refundId: o.refundId, intentId: o.paymentIntentId, amount: o.amount });
    crash('after_effect');
    if (isRefusal(answer)) return this.undo(o, movement, null, answer.refused);
    const recorded = this.recordedRefund(o, movement, answer);
    crash('after_commit');
    return recorded;
  }

  /** The platform's bank has paid it: Stripe knows nothing of it. */
  private refundByBank(o: RefundOrder, crash: (at: CrashPoint) => void): RefundAnswer {
    crash('before_effect');
    if (!this.movements.has(o.refundId)) {
      const m = this.milestone(o.milestone!.id);
      const taken = (o.withdrawn ?? []).reduce((sum, w) => sum + w.principal, 0);
      // A bank was first: its loss took what is paid here.
      if (m.held + taken < o.milestone!.principal)
        return { outcome: 'refused', stripeRefundId: null, code: 'charge_lost' };
      for (const w of o.withdrawn ?? []) this.withdraw(o, w);
      Object.assign(this.reserve(o.refundId, 'refund'), { order: o, status: 'succeeded' });
    }
    this.post(`refund_paid_by_bank:${o.refundId}`, () => this.bookRefund(o, 1));
    this.project(o.after);
    crash('after_commit');
    return { outcome: 'succeeded', stripeRefundId: null, code: null };
  }

  /** A forced refund takes accepted parts back; a transfer that was refused lets go of its reservation. */
  private withdraw(o: RefundOrder, w: NonNullable<RefundOrder['withdrawn']>[number]): void {
    const id = `trf_${o.milestone!.id.slice(3)}_${w.part}`;
    const transfer = this.movements.get(id);
    if (transfer && transfer.status !== 'reserved' && transfer.status !== 'failed') throw new Broken(`part ${id} is taken back though its seller has it`); // prettier-ignore
    this.post(`withdraw:${id}`, () => {
      const m = this.milestone(o.milestone!.id);
      m.held += w.principal;
      m.feeUnearned += w.buyerFee;
      m.payable -= w.principal - w.sellerFee;
      m.fees -= w.sellerFee + w.buyerFee;
      if (!transfer) return;
      transfer.status = 'failed';
      this.charges.get(o.chargeId)!.transferred -= w.principal - w.sellerFee;
    });
  }

  recordRefund(o: RefundOrder, crash: (at: CrashPoint) => void): RefundAnswer {
    crash('before_effect');
    const movement = this.movements.get(o.refundId);
    const refund = this.stripe.refunds.find((r) => r.id === movement?.stripeId);
    if (!movement || !refund) throw new Error(`refund ${o.refundId} is not known to Stripe`);
    const recorded = this.recordedRefund(o, movement, refund);
    crash('after_commit');
    return recorded;
  }

  private recordedRefund(o: RefundOrder, movement: Movement, refund: StripeRefund): RefundAnswer {
    movement.stripeId = refund.id;
    if (refund.status === 'failed') return this.undo(o, movement, refund.id, refund.code!);
    if (movement.status !== 'succeeded') movement.status = refund.status;
    if (refund.status === 'succeeded') this.project(o.after);
    return { outcome: refund.status, stripeRefundId: refund.id, code: null };
  }

  private undo(o: RefundOrder, movement: Movement, stripeId: string | null, code: string): RefundAnswer {
    if (movement.status !== 'failed') this.post(`refund_undone:${o.refundId}`, () => this.bookRefund(o, -1));
    movement.status = 'failed';
    movement.code = code;
    return { outcome: stripeId === null ? 'refused' : 'failed', stripeRefundId: stripeId, code };
  }

  /** Asked, or undone where `sign` is −1. */
  private bookRefund(o: RefundOrder, sign: 1 | -1): void {
    const charge = this.charges.get(o.chargeId)!;
    if (o.milestone === null) {
      charge.refunded += sign * charge.captured;
      return;
    }
    const m = this.milestone(o.milestone.id);
    const { principal, buyerFee, buyerFeeReturned } = o.milestone;
    m.held -= sign * principal;
    m.feeUnearned -= sign * buyerFee;
    m.refunded += sign * (principal + buyerFeeReturned);
    m.fees += sign * (buyerFee - buyerFeeReturned);
    charge.refunded += sign * (principal + buyerFeeReturned);
  }

  /** Refunds of a charge that Stripe has made, or may still make. */
  refundedOf(chargeId: string): string[] {
    return [...this.movements].filter(([, m]) => m.order?.chargeId === chargeId && m.status !== 'failed').map(([id]) => id); // prettier-ignore
  }

  /** A lost card dispute: what is still held for the charge's milestones is gone. Answers what was taken of each. */
  loseDispute(
    disputeId: string,
    chargeId: string,
    milestoneIds: readonly string[],
  ): { milestoneId: string; principal: number; buyerFee: number }[] {
    const taken: { milestoneId: string; principal: number; buyerFee: number }[] = [];
    // Asked in the books and never at Stripe, which refuses it now: the promise is withdrawn, its money is there to be taken.
    for (const [id, m] of this.movements) {
      if (m.order?.chargeId !== chargeId || m.status !== 'reserved') continue;
      if (!this.stripe.refunds.some((r) => r.refundId === id)) this.undo(m.order, m, null, 'charge_disputed');
    }
    this.post(`dispute_lost:${disputeId}`, () => {
      for (const milestoneId of milestoneIds) {
        const m = this.milestones.get(milestoneId);
        if (!m || m.held + m.feeUnearned === 0) continue;
        taken.push({ milestoneId, principal: m.held, buyerFee: m.feeUnearned });
        m.chargedBack += m.held + m.feeUnearned;
        this.charges.get(chargeId)!.chargedBack += m.held + m.feeUnearned;
        m.held = 0;
        m.feeUnearned = 0;
      }
    });
    return taken;
  }

  /** Applies only what is newer. */
  project(snapshot: EscrowSnapshot): void {
    const newer = (given: number, known: number | undefined) => !this.guards.revisions || known === undefined || given > known; // prettier-ignore
    if (newer(snapshot.headRevision, this.head?.headRevision)) this.head = snapshot;
    for (const m of snapshot.milestones) {
      if (newer(m.revision, this.projected.get(m.id)?.revision)) this.projected.set(m.id, m);
    }
    for (const e of snapshot.events) this.events.set(e.seq, e);
  }

  reserve(id: string, kind: Movement['kind']): Movement {
    const known = this.movements.get(id);
    if (known) return known;
    const movement: Movement = { kind, status: 'reserved', stripeId: null, code: null, order: null };
    this.movements.set(id, movement);
    return movement;
  }

  milestone(id: string): HeldMilestone {
    const m = this.milestones.get(id);
    if (!m) throw new Broken(`money moves for ${id}, which was never paid for`);
    return m;
  }
}

const nothing = (paymentIntentId: string | null): PaymentAnswer => ({
  status: 'requires_payment_method',
  paymentIntentId,
  chargeId: null,
  methodType: null,
  declineCode: null,
  message: null,
  settlementCurrency: null,
  allocations: [],
});
