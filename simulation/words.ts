// Stripe's word of payments, refunds, disputes and accounts: webhooks late, twice, or found days later by the sweep, and what
// becomes of things at Stripe by themselves.
import { CHARGEBACK_WORKFLOW, chargebackWorkflowId } from '../workflows/chargeback-messages.ts';
import { FAILED_REFUND_SIGNALS, FAILED_REFUND_WORKFLOW, failedRefundWorkflowId } from '../workflows/failed-refund-messages.ts'; // prettier-ignore
import { SIGNALS } from '../workflows/messages.ts';
import { refundWorkflowId } from '../workflows/refund-messages.ts';
import type { Dispute } from './bank.ts';
import type { Job } from './core.ts';
import { DAY, HOUR, MINUTE } from './faults.ts';
import type { Intent, Session, StripeRefund } from './stripe.ts';
import type { World } from './world.ts';

export class StripesWord {
  /** Webhooks that are on their way. */
  underWay = 0;
  private parked: (() => Job[])[] = [];
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  /** `deliver` reads the object when it is delivered, and answers what the escrow's workflow hears. */
  private webhook(deliver: () => Job[]): void {
    const { calm, chance } = this.world;
    if (calm) return this.deliver(chance.below(5_000), deliver);
    if (chance.happens(0.1)) {
      this.world.happened('signal_lost');
      return this.deliver(DAY + chance.below(2 * DAY), deliver);
    }
    if (chance.happens(0.3)) this.world.happened('signal_late');
    this.deliver(chance.of([chance.below(100), chance.below(10_000), chance.below(2 * HOUR)]), deliver);
    if (!chance.happens(0.2)) return;
    this.world.happened('signal_duplicate');
    this.deliver(chance.below(3 * DAY), deliver);
  }

  private deliver(ms: number, jobs: () => Job[]): void {
    this.underWay += 1;
    this.world.clock.in(ms, { what: 'webhook', run: null, jobs: () => ((this.underWay -= 1), jobs()) });
  }

  intentChanged(intent: Intent): void {
    const { chance, clock, stripe } = this.world;
    const eventId = `evt_${this.world.number()}`;
    this.webhook(() => [{ kind: 'signal', name: SIGNALS.stripeEvent, argument: { kind: 'payment_intent', paymentIntentId: intent.id, paymentId: intent.paymentId, status: intent.status, eventId } }]); // prettier-ignore
    const { status } = intent;
    const becomes = (ms: number, next: () => void) =>
      clock.in(ms, { what: 'world', run: null, jobs: () => (intent.status === status && next(), []) });
    if (status === 'processing') {
      becomes(DAY + chance.below(5 * DAY), () => {
        intent.declined = chance.happens(0.25);
        stripe.set(intent, intent.declined ? 'requires_payment_method' : 'succeeded');
      });
    }
    if (status === 'requires_action' && chance.happens(0.75)) {
      becomes(chance.below(30 * HOUR), () => stripe.set(intent, chance.of(['succeeded', 'succeeded', 'processing', 'requires_payment_method']))); // prettier-ignore
    }
  }

  /** The buyer pays there, at once or after a refusal, or leaves it: after a day it is over. */
  sessionChanged(session: Session): void {
    const { chance, clock, stripe } = this.world;
    const later = (ms: number, run: () => void) => clock.in(ms, { what: 'world', run: null, jobs: () => (run(), []) });
    if (session.status === 'open') {
      for (let i = 0; i < 2; i++) if (chance.happens(0.7)) later(chance.below(30 * HOUR), () => stripe.paySession(session, chance.of(['card', 'card', 'card_authentication', 'card_declined', 'debit']))); // prettier-ignore
      later(DAY, () => stripe.expireSession(null, session));
      return;
    }
    if (session.status !== 'expired') return;
    this.world.happened('checkout_expired');
    const eventId = `evt_${this.world.number()}`;
    this.webhook(() => [{ kind: 'signal', name: SIGNALS.stripeEvent, argument: { kind: 'checkout_session', sessionId: session.id, paymentId: session.paymentId, status: session.status, eventId } }]); // prettier-ignore
  }

  refundChanged(refund: StripeRefund): void {
    const { calm, chance, clock, stripe, besides } = this.world;
    const eventId = `evt_${this.world.number()}`;
    this.webhook(() => this.tellRefund(refund, eventId, 0));
    const { status } = refund;
    // Counted, so that a bank's word after the escrow's end is waited for.
    const becomes = (ms: number, next: 'succeeded' | 'failed', code?: string) => {
      this.underWay += 1;
      clock.in(ms, { what: 'world', run: null, jobs: () => {
        this.underWay -= 1;
        if (refund.status === status) stripe.settleRefund(refund, next, code);
        return [];
      } }); // prettier-ignore
    };
    if (status === 'pending') becomes(HOUR + chance.below(5 * DAY), !calm && chance.happens(0.3) ? 'failed' : 'succeeded'); // prettier-ignore
    if (
      status === 'succeeded' &&
      !calm &&
      chance.happens(besides.all.has(refundWorkflowId(refund.refundId)) ? 0.05 : 0.12)
    ) {
      this.world.happened('refund_failed_late');
      becomes(HOUR + chance.below(5 * DAY), 'failed', chance.of(['expired_or_canceled_card', 'declined', 'unknown']));
    }
  }

  /** The escrow has ended: what was parked finds its workflow closed. */
  lookAtParked(): void {
    for (const again of this.parked) this.deliver(this.world.chance.below(HOUR), again);
    this.parked = [];
  }

  /** As the pump's handler: to whom Stripe's word of a refund goes. */
  private tellRefund(refund: StripeRefund, eventId: string, tries: number): Job[] {
    const { besides, failedRefunds, store, over, escrowId } = this.world;
    const { id: stripeRefundId, refundId, status } = refund;
    const settled = store.movements.get(refundId)?.status === status;
    const cameBack = (of: string): Job[] => {
      besides.signalWithStart(failedRefundWorkflowId(of), FAILED_REFUND_WORKFLOW, { refundId: of, escrowId }, { kind: 'signal', name: FAILED_REFUND_SIGNALS.news, argument: undefined }); // prettier-ignore
      return [];
    };
    const origin = failedRefunds.originOf(refundId);
    if (origin !== null) return settled ? [] : cameBack(origin);
    const signal: Job = { kind: 'signal', name: SIGNALS.stripeEvent, argument: { kind: 'refund', stripeRefundId, refundId, status, eventId } }; // prettier-ignore
    const beside = besides.all.get(refundWorkflowId(refundId));
    if (beside !== undefined) return (beside.task([signal]), []);
    if (over && !settled && status === 'failed' && failedRefunds.asMade(refundId) !== null) return cameBack(refundId);
    // Told to a workflow that closes at this very moment, it is told again until its failure is in the books.
    if (!over && status === 'failed' && store.movements.get(refundId)?.status === 'succeeded') {
      const again = () => this.tellRefund(refund, eventId, tries + 1);
      // Parked after twelve tries, it is looked at each hour; what that finds changes only with the escrow's end.
      if (tries < 12) this.deliver(Math.min(MINUTE * 2 ** tries, HOUR), again);
      else this.parked.push(again);
    }
    return [signal];
  }

  /** The pump finds or makes the dispute's row, and tells its workflow, which it starts where it does not run. */
  disputeChanged(dispute: Dispute): void {
    const { besides, chargebacks, escrowId } = this.world;
    const eventId = `evt_${this.world.number()}`;
    const workflowId = chargebackWorkflowId(dispute.id);
    const handle = (): Job[] => {
      // The dispute may be quicker than its charge: the event is tried again.
      if (!chargebacks.known(dispute)) return (this.deliver(10 * MINUTE, handle), []);
      const signal: Job = { kind: 'signal', name: 'stripeEvent', argument: { status: dispute.status, eventId } };
      besides.signalWithStart(workflowId, CHARGEBACK_WORKFLOW, { disputeId: dispute.id, escrowId }, signal);
      return [];
    };
    this.webhook(handle);
  }

  capable(sellerId: string): void {
    this.world.stripe.incapable.delete(sellerId);
    this.webhook(() => [{ kind: 'signal', name: SIGNALS.sellerChanged, argument: { sellerId, transfers: 'active' } }]);
  }
}
