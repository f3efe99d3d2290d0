// A small Stripe: payment intents, transfers and refunds under idempotency keys, with the answers that a schedule chooses.
// The real process tests run against the sandbox's full one; this one is as fast as thousands of schedules need.
import type { Chance } from './clock.ts';

export type IntentStatus = 'requires_payment_method' | 'requires_action' | 'processing' | 'succeeded' | 'canceled';

export interface Intent {
  id: string;
  paymentId: string;
  amount: number;
  status: IntentStatus;
  chargeId: string | null;
  methodType: string | null;
  declined: boolean;
}

/** A payment on Stripe's own page: its intent is made when the buyer confirms. */
export interface Session {
  id: string;
  paymentId: string;
  amount: number;
  status: 'open' | 'complete' | 'expired';
  intentId: string | null;
}

export interface StripeRefund {
  id: string;
  refundId: string;
  intentId: string;
  amount: number;
  status: 'pending' | 'succeeded' | 'failed';
  /** Why it failed. */
  code: string | null;
}

export interface StripeTransfer {
  id: string;
  transferId: string;
  sellerId: string;
  chargeId: string;
  amount: number;
}

export interface StripeReversal {
  id: string;
  recoveryId: string;
  milestoneId: string;
  amount: number;
}

/** A refusal as Stripe gives it: stored under the key, and given again for it. */
export interface StripeRefusal {
  refused: string;
}

/** What Stripe tells by webhook. */
export type Told = (of: { intent: Intent } | { refund: StripeRefund } | { session: Session }) => void;

export type Method = 'card' | 'card_authentication' | 'card_declined' | 'debit';

export class SimulatedStripe {
  readonly intents = new Map<string, Intent>();
  readonly sessions = new Map<string, Session>();
  readonly transfers: StripeTransfer[] = [];
  readonly refunds: StripeRefund[] = [];
  readonly reversals: StripeReversal[] = [];
  /** Sellers who cannot receive. */
  readonly incapable = new Set<string>();
  /** Charges of which a bank has the money and has not decided: none of them is refunded meanwhile. */
  readonly disputed = new Set<string>();
  /** While true transfers find too little balance, refunds wait. */
  balanceShort = false;
  /** Faults stop: from now on everything succeeds. */
  calm = false;
  private readonly answers = new Map<string, { params: string; answer: unknown }>();
  private readonly chance: Chance;
  private readonly told: Told;
  private numbers = 0;

  constructor(chance: Chance, told: Told) {
    this.chance = chance;
    this.told = told;
  }

  private id = (prefix: string): string => `${prefix}_${++this.numbers}`;

  /** The key decides: once an answer was given, it is given again. */
  private keyed<T>(key: string, params: unknown, act: () => T): T {
    const text = JSON.stringify(params);
    const known = this.answers.get(key);
    if (known) {
      if (known.params !== text)
        throw new Error(`key ${key} came with other parameters: ${known.params}, then ${text}`);
      return known.answer as T;
    }
    const answer = act();
    this.answers.set(key, { params: text, answer });
    return answer;
  }

  createIntent(
    key: string,
    paymentId: string,
    amount: number,
    method: Method | null,
  ): { intentId: string; declined: boolean } {
    return this.keyed(key, { paymentId, amount, method }, () => {
      const intent = this.newIntent(paymentId, amount);
      return { intentId: intent.id, declined: method !== null && this.pay(intent, method) === 'declined' };
    });
  }

  private newIntent(paymentId: string, amount: number): Intent {
    const intent: Intent = { id: this.id('pi'), paymentId, amount, status: 'requires_payment_method', chargeId: null, methodType: null, declined: false }; // prettier-ignore
    this.intents.set(intent.id, intent);
    return intent;
  }

  createSession(key: string, paymentId: string, amount: number): Session {
    return this.keyed(key, { paymentId, amount }, () => {
      const session: Session = { id: this.id('cs'), paymentId, amount, status: 'open', intentId: null };
      this.sessions.set(session.id, session);
      this.told({ session });
      return session;
    });
  }

  /** The buyer on the session's page; a page that is over takes nothing. */
  paySession(session: Session, method: Method): void {
    if (session.status !== 'open') return;
    const intent = this.intents.get(session.intentId ?? '') ?? this.newIntent(session.paymentId, session.amount);
    session.intentId = intent.id;
    if (intent.status === 'requires_payment_method') this.pay(intent, method);
  }

  /** By itself after a day (`key` null), or asked for. What was begun there ends with it. */
  expireSession(key: string | null, session: Session): 'ok' | StripeRefusal {
    const expire = (): 'ok' | StripeRefusal => {
      if (session.status !== 'open') return { refused: 'session_not_open' };
      session.status = 'expired';
      const intent = this.intents.get(session.intentId ?? '');
      if (intent !== undefined) this.set(intent, 'canceled');
      this.told({ session });
      return 'ok';
    };
    return key === null ? expire() : this.keyed(key, { session: session.id }, expire);
  }

  confirm(key: string, intentId: string, method: Method): { declined: boolean } | StripeRefusal {
    return this.keyed(key, { intentId, method }, () => {
      const intent = this.intents.get(intentId)!;
      if (!['requires_payment_method', 'requires_action'].includes(intent.status))
        return { refused: 'payment_intent_unexpected_state' };
      return { declined: this.pay(intent, method) === 'declined' };
    });
  }

  private pay(intent: Intent, method: Method): 'declined' | 'ok' {
    intent.declined = false;
    if (method === 'card_declined') {
      intent.declined = true;
      this.set(intent, 'requires_payment_method');
      return 'declined';
    }
    intent.methodType = method === 'debit' ? 'us_bank_account' : 'card';
    this.set(intent, method === 'card' ? 'succeeded' : method === 'debit' ? 'processing' : 'requires_action');
    return 'ok';
  }

  set(intent: Intent, status: IntentStatus): void {
    intent.status = status;
    if (status === 'succeeded') intent.chargeId ??= `ch_${intent.id.slice(3)}`;
    const session = [...this.sessions.values()].find((s) => s.intentId === intent.id && s.status === 'open');
    if (session !== undefined && (status === 'succeeded' || status === 'processing')) session.status = 'complete';
    this.told({ intent });
  }

  cancel(key: string, intentId: string): 'ok' | StripeRefusal {
    return this.keyed(key, { intentId }, () => {
      const intent = this.intents.get(intentId)!;
      if ([...this.sessions.values()].some((s) => s.intentId === intentId))
        throw new Error(`${intentId} is cancelled only with its session`);
      if (intent.status === 'succeeded' || intent.status === 'processing')
        return { refused: 'payment_intent_unexpected_state' };
      if (intent.status !== 'canceled') this.set(intent, 'canceled');
      return 'ok';
    });
  }

  transfer(key: string, t: Omit<StripeTransfer, 'id'>): StripeTransfer | StripeRefusal {
    return this.keyed(key, t, () => {
      if (this.incapable.has(t.sellerId)) return { refused: 'insufficient_capabilities_for_transfer' };
      if (this.balanceShort) return { refused: 'balance_insufficient' };
      if (!this.calm && this.chance.happens(0.02)) return { refused: 'account_closed' };
      const transfer = { ...t, id: this.id('tr') };
      this.transfers.push(transfer);
      return transfer;
    });
  }

  /** The seller's balance may not cover it. */
  reverse(key: string, r: Omit<StripeReversal, 'id'>): StripeReversal | StripeRefusal {
    return this.keyed(key, r, () => {
      if (!this.calm && this.chance.happens(0.25)) return { refused: 'balance_insufficient' };
      const reversal = { ...r, id: this.id('trr') };
      this.reversals.push(reversal);
      return reversal;
    });
  }

  refund(key: string, r: { refundId: string; intentId: string; amount: number }): StripeRefund | StripeRefusal {
    return this.keyed(key, r, () => {
      const before = this.refunds.filter((x) => x.intentId === r.intentId && x.status !== 'failed');
      const left = this.intents.get(r.intentId)!.amount - before.reduce((sum, x) => sum + x.amount, 0);
      if (r.amount > left)
        throw new Error(`refund ${r.refundId} of ${r.amount} asks for more than the ${left} that are left`);
      if (this.disputed.has(this.intents.get(r.intentId)!.chargeId!)) return { refused: 'charge_disputed' };
      if (!this.calm && this.chance.happens(0.05)) return { refused: 'refund_declined' };
      const status = this.balanceShort || (!this.calm && this.chance.happens(0.3)) ? 'pending' : 'succeeded';
      const refund: StripeRefund = { ...r, id: this.id('re'), status, code: null };
      this.refunds.push(refund);
      this.told({ refund });
      return refund;
    });
  }

  /** Of some debits, which Stripe refunds no more whatever is asked. */
  isPastRefunding(intentId: string): boolean {
    return (
      this.intents.get(intentId)!.methodType === 'us_bank_account' && Number(intentId.replaceAll(/\D/g, '')) % 4 === 0
    );
  }

  /** The bank withdraws the charge's money: refunds that wait for theirs fail. */
  failPending(chargeId: string): void {
    this.disputed.add(chargeId);
    for (const refund of this.refunds) {
      if (refund.status === 'pending' && this.intents.get(refund.intentId)!.chargeId === chargeId)
        this.settleRefund(refund, 'failed', 'charge_for_pending_refund_disputed');
    }
  }

  settleRefund(refund: StripeRefund, status: 'succeeded' | 'failed', code = 'expired_or_canceled_card'): void {
    refund.status = status;
    refund.code = status === 'failed' ? code : null;
    this.told({ refund });
  }
}

export const isRefusal = (answer: object | string): answer is StripeRefusal =>
  typeof answer === 'object' && 'refused' in answer;
