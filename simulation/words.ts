// Stripe's word of payments, refunds, disputes and accounts: webhooks late, twice, or found days later by the sweep, and what
// becomes of things at Stripe by themselves.
import { CHARGEBACK_WORKFLOW, chargebackWorkflowId } from '../workflows/chargeback-messages.ts';
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
    const beside = besides.all.get(refundWorkflowId(refund.refundId));
    this.webhook(() => {
      const signal: Job = { kind: 'signal', name: SIGNALS.stripeEvent, argument: { kind: 'refund', stripeRefundId: refund.id, refundId: refund.refundId, status: refund.status, eventId } }; // prettier-ignore
      if (beside === undefined) return [signal];
      beside.task([signal]);
      return [];
    });
    const { status } = refund;
    const becomes = (ms: number, next: 'succeeded' | 'failed') =>
      clock.in(ms, { what: 'world', run: null, jobs: () => (refund.status === status && (next === 'succeeded' || !this.world.over || beside !== undefined) && stripe.settleRefund(refund, next), []) }); // prettier-ignore
    if (status === 'pending') becomes(HOUR + chance.below(5 * DAY), !calm && chance.happens(0.3) ? 'failed' : 'succeeded'); // prettier-ignore
    if (status === 'succeeded' && !calm && chance.happens(0.05)) {
      this.world.happened('refund_failed_late');
      becomes(HOUR + chance.below(5 * DAY), 'failed');
    }
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
