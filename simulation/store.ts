// The simulated database: movements, the ledger's figures by key, the projection, and the activities over them, each with the
// points at which a worker may die. The same order of steps as the real ones: reserve, ask Stripe, post and project.
import type { BankRefundOrder, PaymentAnswer, PaymentOrder, RefundAnswer, RefundOrder, TransferAnswer, TransferOrder } from '../activities/contract.ts'; // prettier-ignore
import { allocateCharge } from '../domain/allocation.ts';
import { Books, Broken, type Guards, type Movement, transferIdOf } from './books.ts';
import type { EscrowEvent, EscrowSnapshot, MilestoneState } from '../domain/escrow-state.ts';
import {
  isRefusal,
  type Intent,
  type Method,
  type Session,
  type SimulatedStripe,
  type StripeRefund,
  type StripeTransfer,
} from './stripe.ts';

/** Where an attempt may die: nothing done, Stripe has done it, the database knows it too. */
export type CrashPoint = 'before_effect' | 'after_effect' | 'after_commit';
export class Crash extends Error {
  override name = 'Crash';
}

/** An error that is not tried again. */
export class GivenUp extends Error {
  override name = 'GivenUp';
}

export class Store extends Books {
  head: EscrowSnapshot | null = null;
  readonly projected = new Map<string, MilestoneState>();
  readonly events = new Map<number, EscrowEvent>();
  /** Until when a seller's first release waits; null: no longer. */
  firstReleaseAt: (sellerId: string) => number | null = () => null;
  /** A loss was divided that takes of the milestone's unreleased money, and the escrow has not `heard` of it. */
  isTakenByLoss: (of: { chargeId: string; milestoneId: string; heard: readonly string[] }) => boolean = () => false;
  /** Takes a seller's debts out of what is about to be paid, oldest first; answers how much. */
  setOffDebts: (sellerId: string, payable: number) => number = () => 0;
  private readonly stripe: SimulatedStripe;
  /** Settlement units for 100 units of the terms' currency. */
  readonly rate: number;
  /** Which milestones each payment is for. */
  private readonly ways = new Map<string, string[]>();

  constructor(stripe: SimulatedStripe, guards: Guards, rate: number) {
    super(guards);
    this.stripe = stripe;
    this.rate = rate;
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
        return this.refundByBank(order as BankRefundOrder, crash);
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
      this.charges.set(chargeId, { paymentId: o.paymentId, captured, allocated: false, transferred: 0, refunded: 0, reversed: 0, withdrawn: 0, allowance: 0, observed: 0 }),
    ); // prettier-ignore
    if (o.allocate) {
      this.post(`allocate:${o.paymentId}`, () => {
        this.charges.get(chargeId)!.allocated = true;
        for (const [i, a] of allocations.entries()) {
          const sellerId = o.milestones[i]!.sellerId;
          const funded = a.principal + a.buyerFee;
          if (this.milestones.has(a.milestoneId)) throw new Broken(`${a.milestoneId} was paid twice`);
          this.milestones.set(a.milestoneId, { paymentId: o.paymentId, sellerId, held: a.principal, feeUnearned: a.buyerFee, payable: 0, transferred: 0, setOff: 0, refunded: 0, chargedBack: 0, fees: 0, funded, takenBack: 0, onHold: 0, owed: 0, paidInVain: 0, absorbed: 0 }); // prettier-ignore
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
    const id = transferIdOf(o.milestoneId, o.part);
    const begun = this.atomically(o.chargeId, () => this.beginTransfer(o, id));
    if (begun === null) return { outcome: 'refused', code: 'not_overdrawn', message: 'The money of this part has gone another way.' }; // prettier-ignore
    if ('outcome' in begun) {
      if (begun.outcome === 'released') this.project(o.after);
      return begun;
    }
    const movement = begun;
    if (movement.status !== 'succeeded') {
      movement.calledAt = this.now();
      movement.refused = null;
      const key = this.key(o.escrowId, o.milestoneId, `transfer.${o.part}`, o.generation);
      const answer = this.stripe.transfer(key, { transferId: id, sellerId: o.sellerId, chargeId: o.chargeId, amount: movement.amount }); // prettier-ignore
      crash('after_effect');
      if (isRefusal(answer)) {
        movement.refused = answer.refused;
        if (answer.refused === 'balance_insufficient') return { outcome: 'blocked_funds' };
        if (answer.refused.startsWith('insufficient_capabilities')) return { outcome: 'blocked_kyc' };
        return { outcome: 'refused', code: answer.refused, message: answer.refused };
      }
      this.bookTransfer(id, answer);
    }
    this.project(o.after);
    crash('after_commit');
    return { outcome: 'released', transferId: id, stripeTransferId: movement.stripeId };
  }

  /** Earns the part, and reserves what it gives of its charge. */
  private beginTransfer(o: TransferOrder, id: string): Movement | TransferAnswer {
    const m = this.milestone(o.milestoneId);
    this.post(`accept:${o.milestoneId}:${o.part}`, () => {
      m.held -= o.principal;
      m.feeUnearned -= o.buyerFee;
      m.payable += o.payable;
      m.fees += o.sellerFee + o.buyerFee;
      this.parts.set(id, {
        milestoneId: o.milestoneId,
        part: o.part,
        payable: o.payable,
        taken: 0,
        setOff: 0,
        withdrawn: false,
      });
    });
    if (this.stripe.incapable.has(o.sellerId) && this.movements.get(id)?.status !== 'succeeded')
      return { outcome: 'blocked_kyc' };
    const until = this.movements.has(id) ? null : this.firstReleaseAt(o.sellerId);
    if (until !== null) return { outcome: 'held_first_release', until };
    const rest = this.movements.get(id)?.amount ?? o.payable - this.setOffOf(id, o);
    // The whole part has paid debts: released, without a transfer.
    if (rest === 0 && !this.movements.has(id)) return { outcome: 'released', transferId: id, stripeTransferId: null };
    const of = { kind: 'transfer', chargeId: o.chargeId, milestoneId: o.milestoneId, amount: rest } as const;
    const movement = this.reserve(id, of);
    this.post(`reserve:${id}`, () => (this.charges.get(o.chargeId)!.transferred += rest));
    return movement;
  }

  /** What of the part pays its seller's debts, decided once. */
  private setOffOf(id: string, o: TransferOrder): number {
    const part = this.parts.get(id)!;
    if (part.setOff > 0) return part.setOff;
    part.setOff = this.setOffDebts(o.sellerId, o.payable);
    const m = this.milestone(o.milestoneId);
    m.payable -= part.setOff;
    m.setOff += part.setOff;
    return part.setOff;
  }

  /** Once, whoever books it first. */
  bookTransfer(id: string, made: StripeTransfer): void {
    const movement = this.movements.get(id)!;
    this.post(`transfer:${id}`, () => {
      const m = this.milestone(movement.milestoneId!);
      m.payable -= made.amount;
      m.transferred += made.amount;
    });
    movement.status = 'succeeded';
    movement.stripeId = made.id;
  }

  refundToBuyer(o: RefundOrder, crash: (at: CrashPoint) => void): RefundAnswer {
    crash('before_effect');
    const movement = this.atomically(o.chargeId, () => this.askRefund(o));
    if (movement === null) return { outcome: 'refused', stripeRefundId: null, code: 'not_overdrawn' };
    if (movement.status !== 'reserved') {
      if (movement.status === 'succeeded') this.project(o.after);
      return { outcome: movement.status, stripeRefundId: movement.stripeId, code: movement.code };
    }
    // A payment that came too late goes back at once.
    if (o.milestone !== null && this.stripe.isPastRefunding(o.paymentIntentId))
      return this.undo(o, movement, null, 'charge_not_refundable');
    movement.calledAt = this.now();
    const key = this.key(o.escrowId, o.refundId, 'refund', o.generation);
    const answer = this.stripe.refund(key, { refundId: o.refundId, intentId: o.paymentIntentId, amount: o.amount });
    crash('after_effect');
    if (isRefusal(answer)) return this.undo(o, movement, null, answer.refused);
    const recorded = this.recordedRefund(o, movement, answer);
    crash('after_commit');
    return recorded;
  }

  /** The platform's bank has paid it: Stripe knows nothing of it. Refused where the buyer's bank was first, or the books say no. */
  private refundByBank(o: BankRefundOrder, crash: (at: CrashPoint) => void): RefundAnswer {
    crash('before_effect');
    const milestoneId = o.milestone!.id;
    const known = this.movements.has(o.refundId);
    if (!known && this.isTakenByLoss({ chargeId: o.chargeId, milestoneId, heard: o.heard ?? [] }))
      return { outcome: 'refused', stripeRefundId: null, code: 'charge_lost' };
    const movement = known || this.atomically(o.chargeId, () => this.bookBankRefund(o));
    if (movement === null) return { outcome: 'refused', stripeRefundId: null, code: 'not_overdrawn' };
    this.project(o.after);
    crash('after_commit');
    return { outcome: 'succeeded', stripeRefundId: null, code: null };
  }

  private bookBankRefund(o: BankRefundOrder): Movement {
    const { milestone, chargeId, amount } = o;
    const of = { kind: 'refund', chargeId, milestoneId: milestone!.id, amount } as const;
    for (const w of o.withdrawn ?? []) this.withdraw(o, w);
    this.post(`refund_paid_by_bank:${o.refundId}`, () => this.bookRefund(o, 1));
    return Object.assign(this.reserve(o.refundId, of), { order: o, status: 'succeeded' } as const);
  }

  /** Reserved and asked in the ledger, once. Within `atomically`. */
  askRefund(o: RefundOrder): Movement {
    for (const w of o.withdrawn ?? []) this.withdraw(o, w);
    const of = {
      kind: 'refund',
      chargeId: o.chargeId,
      milestoneId: o.milestone?.id ?? null,
      amount: o.amount,
    } as const;
    const movement = this.reserve(o.refundId, of);
    movement.order = o;
    this.post(`refund_asked:${o.refundId}`, () => this.bookRefund(o, 1));
    return movement;
  }

  /** A forced refund takes accepted parts back; a transfer that was refused lets go of its reservation. */
  private withdraw(o: RefundOrder, w: NonNullable<RefundOrder['withdrawn']>[number]): void {
    const id = transferIdOf(o.milestone!.id, w.part);
    const transfer = this.movements.get(id);
    if ((this.parts.get(id)?.setOff ?? 0) > 0) throw new GivenUp(`part ${id} has paid a debt of its seller`);
    if (transfer && transfer.status !== 'reserved' && transfer.status !== 'failed') throw new Broken(`part ${id} is taken back though its seller has it`); // prettier-ignore
    this.post(`withdraw:${id}`, () => {
      const m = this.milestone(o.milestone!.id);
      m.held += w.principal;
      m.feeUnearned += w.buyerFee;
      m.payable -= w.principal - w.sellerFee;
      m.fees -= w.sellerFee + w.buyerFee;
      this.parts.get(id)!.withdrawn = true;
      if (transfer?.status !== 'reserved') return;
      transfer.status = 'failed';
      this.charges.get(o.chargeId)!.transferred -= transfer.amount;
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

  /** Stripe's word of it. `projects`: what follows from its success. */
  recordedRefund(o: RefundOrder, movement: Movement, refund: StripeRefund, projects = true): RefundAnswer {
    movement.stripeId = refund.id;
    if (refund.status === 'failed') return this.undo(o, movement, refund.id, refund.code!);
    if (movement.status !== 'succeeded') movement.status = refund.status;
    if (refund.status === 'succeeded' && projects) this.project(o.after);
    return { outcome: refund.status, stripeRefundId: refund.id, code: null };
  }

  /** Failed or, without a `stripeId`, refused: the asking is undone, once. */
  undo(o: RefundOrder, movement: Movement, stripeId: string | null, code: string): RefundAnswer {
    if (movement.status !== 'failed') this.post(`refund_undone:${o.refundId}`, () => this.bookRefund(o, -1));
    movement.status = 'failed';
    movement.code = code;
    return { outcome: stripeId === null ? 'refused' : 'failed', stripeRefundId: stripeId, code };
  }

  /** Asked, or undone where `sign` is −1. */
  private bookRefund(o: RefundOrder, sign: 1 | -1): void {
    const charge = this.charges.get(o.chargeId)!;
    charge.refunded += sign * (o.milestone === null ? charge.captured : o.milestone.principal + o.milestone.buyerFeeReturned); // prettier-ignore
    this.bookOfMilestone(o, sign);
  }

  /** What of it is its milestone's; nothing, of a charge that was never allocated. */
  bookOfMilestone(o: RefundOrder, sign: 1 | -1): void {
    if (o.milestone === null) return;
    const m = this.milestone(o.milestone.id);
    const { principal, buyerFee, buyerFeeReturned } = o.milestone;
    m.held -= sign * principal;
    m.feeUnearned -= sign * buyerFee;
    m.refunded += sign * (principal + buyerFeeReturned);
    m.fees += sign * (buyerFee - buyerFeeReturned);
  }

  /** A refund that was asked in the books: what Stripe made of it is written down, and where it made nothing it is undone. */
  settleAsked(id: string, movement: Movement): void {
    const made = this.stripe.refunds.find((r) => r.refundId === id);
    if (made) this.recordedRefund(movement.order!, movement, made, false);
    else this.undo(movement.order!, movement, null, 'charge_disputed');
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
