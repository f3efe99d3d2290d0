// The simulated rows of refunds that came back after their escrow's end: the activities of workflow failed-refund/<id> over the
// same books and Stripe, in the real ones' order of steps, and what ops pay by bank transfer.
import type { RefundOrder } from '../activities/contract.ts';
import type { FailedRefundWord } from '../activities/failed-refund-contract.ts';
import { takeOfOwed } from '../domain/recovery.ts';
import { Broken, type Movement } from './books.ts';
import { TryAgain } from './recoveries.ts';
import type { CrashPoint, Store } from './store.ts';
import { isRefusal, type SimulatedStripe } from './stripe.ts';

type CrashesAt = (at: CrashPoint) => void;

/** A row of `failed_refunds`. */
export interface FailedRefund {
  /** Of the refund that failed first. */
  id: string;
  /** As it was ordered: what each attempt gives. */
  made: RefundOrder;
  status: FailedRefundWord['status'];
  /** 1 is the refund itself. */
  attempt: number;
  code: string | null;
}

/** The movement of an attempt. */
export const attemptIdOf = ({ id, attempt }: Pick<FailedRefund, 'id' | 'attempt'>): string =>
  attempt === 1 ? id : `${id}_${attempt}`;

export class FailedRefunds {
  readonly rows = new Map<string, FailedRefund>();
  /** A bank is at the charge. */
  bankHolds: (chargeId: string) => boolean = () => false;
  private readonly store: Store;
  private readonly stripe: SimulatedStripe;
  private readonly happened: (branch: string) => void;

  constructor(store: Store, stripe: SimulatedStripe, happened: (branch: string) => void) {
    this.store = store;
    this.stripe = stripe;
    this.happened = happened;
  }

  perform(type: string, refundId: string, crash: CrashesAt): FailedRefundWord {
    if (type === 'refundAgain') this.again(refundId, crash);
    else this.read(refundId, crash);
    crash('after_commit');
    return this.wordOf(refundId);
  }

  /** Of which refund this is a further attempt, as the metadata of Stripe's object says; null: of none. */
  originOf(refundId: string): string | null {
    for (const f of this.rows.values()) if (refundId.startsWith(`${f.id}_`)) return f.id;
    return null;
  }

  /** A refund as it was made: its pieces stand in its milestone's projection, or it is the whole of a charge. Null: none such. */
  asMade(refundId: string): FailedRefund | null {
    const order = this.store.movements.get(refundId)?.order ?? null;
    if (order === null) return null;
    const of = order.milestone;
    const piece = of && this.store.projected.get(of.id)?.refunds.find((r) => r.id === refundId);
    if (piece === undefined) return null;
    const milestone = of && piece ? { ...of, principal: piece.principal, buyerFee: piece.buyerFee, buyerFeeReturned: piece.buyerFeeReturned } : null; // prettier-ignore
    const { withdrawn: _withdrawn, ...made } = order;
    return { id: refundId, made: { ...made, milestone }, status: 'repaid', attempt: 1, code: null };
  }

  private known(refundId: string): FailedRefund {
    const found = this.rows.get(refundId) ?? this.asMade(refundId);
    if (found === null) throw new Broken(`refund ${refundId} is not known`);
    return found;
  }

  private wordOf(refundId: string): FailedRefundWord {
    const { status, made, attempt, code } = this.known(refundId);
    return { status, amount: made.amount, currency: made.currency, attempt, code };
  }

  private read(refundId: string, crash: CrashesAt): void {
    crash('before_effect');
    const f = this.known(refundId);
    const movement = this.store.movements.get(attemptIdOf(f));
    // Its failure was written down by a lost dispute, which read it first.
    if (f.status === 'trying' && movement?.status === 'failed') this.cameBack(f, movement.code!);
    if (f.status === 'paid_by_bank' || movement?.status === 'failed') return;
    if (movement?.stripeId) this.record(f, movement);
    // Its call was never answered: asked again, under the same key.
    else if (f.status === 'trying') this.ask(f, crash);
  }

  private again(refundId: string, crash: CrashesAt): void {
    const f = this.rows.get(refundId);
    if (f === undefined || f.status === 'repaid' || f.status === 'paid_by_bank') return;
    if (f.status === 'owed') Object.assign(f, { status: 'trying', attempt: f.attempt + 1 });
    crash('before_effect');
    try {
      this.ask(f, crash);
    } catch (error) {
      // Something else has taken the money meanwhile: a person looks.
      if (!(error instanceof TryAgain) || error.message !== 'charge_not_overdrawn') throw error;
      this.happened('failedRefund not tried');
      if (f.status === 'trying') Object.assign(f, { status: 'owed', code: 'charge_not_overdrawn' });
    }
  }

  private ask(f: FailedRefund, crash: CrashesAt): void {
    const order: RefundOrder = { ...f.made, refundId: attemptIdOf(f), generation: 1 };
    const movement = this.store.atomically(order.chargeId, () => this.store.askRefund(order));
    // As PostgreSQL's error, which the activity throws on.
    if (movement === null) throw new TryAgain(this.store.refusedBy!);
    if (movement.status !== 'reserved') {
      if (movement.status === 'succeeded') this.repaid(f);
      return;
    }
    movement.calledAt = this.store.now();
    const { escrowId, refundId, amount } = order;
    const answer = this.stripe.refund(this.store.key(escrowId, refundId, 'refund', 1), { refundId, intentId: order.paymentIntentId, amount }); // prettier-ignore
    crash('after_effect');
    if (!isRefusal(answer)) {
      movement.stripeId = answer.id;
      return this.record(f, movement);
    }
    this.store.undo(order, movement, null, answer.refused);
    this.cameBack(f, answer.refused);
  }

  private record(f: FailedRefund, movement: Movement): void {
    const refund = this.stripe.refunds.find((r) => r.id === movement.stripeId)!;
    const answer = this.store.recordedRefund(movement.order!, movement, refund, false);
    if (answer.outcome === 'succeeded') this.repaid(f);
    if (answer.outcome === 'failed') this.cameBack(f, answer.code!);
  }

  private repaid({ id }: FailedRefund): void {
    const known = this.rows.get(id);
    if (known?.status === 'owed' || known?.status === 'trying') known.status = 'repaid';
  }

  /** The buyer is owed the money, from now on in a row of its own. */
  private cameBack(f: FailedRefund, code: string): void {
    const row = this.rows.get(f.id) ?? f;
    this.rows.set(f.id, Object.assign(row, { status: 'owed', code }));
  }

  /** Two of ops: the platform's bank has paid it. False: nothing is owed, an attempt is under way, or a bank is at the charge. */
  payByBank(refundId: string): boolean {
    const f = this.rows.get(refundId);
    if (f?.status !== 'owed' || this.bankHolds(f.made.chargeId)) return false;
    this.store.post(`refund_paid_by_bank:${refundId}_bank`, () => this.store.bookOfMilestone(f.made, 1));
    f.status = 'paid_by_bank';
    return true;
  }

  /** A lost dispute took of the milestone's money that lay there for what came back. */
  taken(of: { milestoneId: string; heldMinor: bigint; feeUnearnedMinor: bigint }): void {
    const owed = [...this.rows.values()].flatMap((row) => {
      const { made, status } = row;
      const attempt = this.store.movements.get(attemptIdOf(row));
      if (made.milestone?.id !== of.milestoneId || !['owed', 'trying'].includes(status)) return [];
      // Asked again, its money lies there no more.
      if (attempt !== undefined && attempt.status !== 'failed') return [];
      const { principal, buyerFee, buyerFeeReturned } = made.milestone;
      return [{ row, amount: BigInt(made.amount), principal: BigInt(principal), buyer_fee: BigInt(buyerFee), buyer_fee_returned: BigInt(buyerFeeReturned) }]; // prettier-ignore
    });
    for (const {
      of: { row },
      left,
    } of takeOfOwed(owed, of)) {
      const whole = left.amount === 0n;
      this.happened(whole ? 'failedRefund charged back' : 'failedRefund charged back in part');
      if (whole) Object.assign(row, { status: 'repaid', code: 'charged_back' });
      const milestone = { ...row.made.milestone!, principal: Number(left.principal), buyerFee: Number(left.buyer_fee), buyerFeeReturned: Number(left.buyer_fee_returned) }; // prettier-ignore
      if (!whole) row.made = { ...row.made, amount: Number(left.amount), milestone };
    }
  }
}
