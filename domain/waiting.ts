// The sentence that every page, mail, API object and Temporal detail says: who acts next, what, by when, and otherwise what.
import {
  type DisputeState,
  type EscrowState,
  type Freeze,
  type FreezeReason,
  freezesOver,
  isEscrowEnd,
  isMilestoneEnd,
  isReview,
  type MilestoneState,
  refundForBank,
} from './escrow-state.ts';

export type Who = 'buyer' | 'seller' | 'buyer_and_seller' | 'ops' | 'stripe' | 'platform' | 'nobody';

/** What is waited for, as a name: the words may change, and messages and programs tell by it. */
export const WAIT_KINDS = [
  'agree',
  'pay',
  'confirm_payment',
  'deliver',
  'make_changes',
  'overdue',
  'review',
  'verify',
  'give_stripe_details',
  'cancel_request',
  'sign_amendment',
  'refund_request',
  'reply',
  'negotiate',
  'settle_dispute',
  'rule',
  'rule_second',
  'dispute_suspended',
  'unfreeze',
  'clear_fraud_warning',
  'look_at_risk',
  'top_up',
  'bank',
  'settlement',
  'chargeback',
  'transfer',
  'first_release',
  'refund',
  'refund_by_bank',
  'refund_owed',
  'reversal',
  'closing',
  'ended',
] as const;
export type WaitKind = (typeof WAIT_KINDS)[number];

export interface Waiting {
  kind: WaitKind;
  who: Who;
  what: string;
  /** ISO 8601 instant, or null where no timer runs. */
  until: string | null;
  otherwise: string | null;
  milestone_id: string | null;
}

/** What the rules look at; terms and timeline say nothing about who acts next. */
export type WaitingState = Omit<EscrowState, 'terms' | 'events'>;

const wait = (kind: WaitKind, who: Who, what: string, until: number | null, otherwise: string | null, milestoneId: string | null = null): Waiting => ({
  kind,
  who,
  what,
  until: until === null ? null : new Date(until).toISOString(),
  otherwise,
  milestone_id: milestoneId,
}); // prettier-ignore

/** What the escrow as a whole waits for: the most urgent thing, a person's before a machine's, the earliest deadline first. */
export function waitingFor(state: WaitingState): Waiting {
  if (isEscrowEnd(state.status)) return wait('ended', 'nobody', `This escrow is ${state.status}.`, null, null);
  if (state.status === 'proposed') {
    return wait('agree', 'buyer_and_seller', 'Everybody named in the terms must agree to them.', state.agreeUntil, 'The proposal expires and nothing happens.'); // prettier-ignore
  }
  if (state.status === 'settling') {
    // Nothing is given back over a freeze: who lifts it is waited for, not Stripe.
    if (state.frozen.length > 0) return frozenWaiting(state.frozen, null);
    const owed = state.milestones.find((m) => refundForBank(m) !== null);
    if (owed !== undefined) return bankWaiting(owed);
    return wait('settlement', 'stripe', 'The last payments and refunds are being settled.', null, null);
  }
  const asked = requestWaiting(state);
  if (asked !== null) return asked;
  const open = state.milestones.flatMap((m) => milestoneWaitings(state, m));
  const people = open.filter(
    (w) => w.who === 'buyer' || w.who === 'seller' || w.who === 'buyer_and_seller' || w.who === 'ops',
  );
  const byDeadline = (a: Waiting, b: Waiting) => (a.until ?? '9999').localeCompare(b.until ?? '9999');
  return (
    (people.length > 0 ? people : open).sort(byDeadline)[0] ??
    // Every milestone is at its end, and a refund of one still waits for who lifts its freeze.
    (state.frozen.length > 0
      ? frozenWaiting(state.frozen, null)
      : wait('closing', 'platform', 'The escrow is being closed.', null, null))
  );
}

/** What an ended escrow waits for whose refund the bank sent back: the buyer is owed it. */
export function owedRefundWaiting(status: 'owed' | 'trying', milestoneId: string | null): Waiting {
  return status === 'trying'
    ? wait('refund', 'stripe', 'The refund came back from the buyer’s bank and is made again.', null, 'If it comes back again, the platform pays it another way.', milestoneId) // prettier-ignore
    : wait('refund_owed', 'ops', 'The refund came back from the buyer’s bank: make it again, or pay it by bank transfer.', null, 'It is owed to the buyer until then.', milestoneId); // prettier-ignore
}

/** What one side asked of the other over the whole escrow; null: nothing. */
export function requestWaiting(state: WaitingState): Waiting | null {
  if (state.cancelRequest) {
    const other = state.cancelRequest.role === 'buyer' ? 'seller' : 'buyer';
    return wait('cancel_request', other, 'The other side asks to cancel: agree, or let the request lapse.', state.cancelRequest.expiresAt, 'The request lapses and the escrow goes on.'); // prettier-ignore
  }
  if (state.amendment) {
    const other = state.amendment.role === 'buyer' ? 'seller' : 'buyer';
    return wait('sign_amendment', other, 'New terms are proposed: read them, then sign or reject them.', state.amendment.until, 'They lapse and the present terms stay.'); // prettier-ignore
  }
  return null;
}

/** Everything that a milestone waits for: beside its own next step, a part that goes back by bank transfer. Empty at its end. */
export function milestoneWaitings(state: WaitingState, m: MilestoneState): Waiting[] {
  if (isMilestoneEnd(m.status)) return [];
  const own = milestoneWaiting(state, m);
  const isAside = m.status !== 'refunding' && refundForBank(m) !== null && !isHeldUp(state, m);
  return isAside ? [own, bankWaiting(m)] : [own];
}

/** Ops pay back over a review, and over no other freeze. */
const isHeldUp = (state: WaitingState, m: MilestoneState): boolean => freezesOver(state, m).some((f) => !isReview(f));

const bankWaiting = (m: MilestoneState): Waiting =>
  wait('refund_by_bank', 'ops', 'Stripe can refund this payment no more: our staff pay the buyer by bank transfer, and another of them approves it.', null, 'The buyer’s money stays held until then.', m.id); // prettier-ignore

/** Where no timer runs over held money. */
const STAYS_HELD =
  'The money stays held; two of our staff decide over it before the longest time that the platform may hold it ends.';

/** What one milestone waits for. Every status has its sentence. */
export function milestoneWaiting(state: WaitingState, m: MilestoneState): Waiting {
  if (m.dispute && m.status === 'disputed') return disputeWaiting(state, m, m.dispute);
  const freezes = isMilestoneEnd(m.status) ? [] : freezesOver(state, m);
  if (freezes.length > 0) {
    return frozenWaiting(freezes, m);
  }
  if (m.refundRequest) {
    const other = m.refundRequest.role === 'buyer' ? 'seller' : 'buyer';
    const silence = m.status === 'overdue' ? 'The refund is made.' : 'The request lapses.';
    return wait(
      'refund_request',
      other,
      'A refund is asked for: confirm it, or let the time pass.',
      m.refundRequest.expiresAt,
      silence,
      m.id,
    );
  }
  switch (m.status) {
    case 'planned':
      return wait(
        'agree',
        'buyer_and_seller',
        'The terms must be agreed.',
        state.agreeUntil,
        'The proposal expires.',
        m.id,
      );
    case 'awaiting_funding':
      return wait('pay', 'buyer', 'Pay for this milestone.', m.fundBy ?? state.fundUntil, state.status === 'active' ? 'The milestone is cancelled.' : 'The escrow expires.', m.id); // prettier-ignore
    case 'requires_action':
      return wait(
        'confirm_payment',
        'buyer',
        'Confirm the payment with your bank.',
        actionUntil(state, m),
        'The payment is cancelled; you can pay again.',
        m.id,
      );
    case 'processing':
      return wait('bank', 'stripe', 'The bank is processing the payment; this can take days.', null, 'If it fails, the buyer is asked to pay again.', m.id); // prettier-ignore
    case 'funded':
      return wait('deliver', 'seller', 'The money is held: start the work, and submit it.', m.dueAt, m.dueAt === null ? STAYS_HELD : 'The milestone becomes overdue.', m.id); // prettier-ignore
    case 'started':
      return wait(
        'deliver',
        'seller',
        'Submit the work.',
        m.dueAt,
        m.dueAt === null ? STAYS_HELD : 'The milestone becomes overdue.',
        m.id,
      );
    case 'changes_requested':
      return wait('make_changes', 'seller', 'Make the changes that the buyer asked for, and submit again.', m.dueAt, m.dueAt === null ? STAYS_HELD : 'The milestone becomes overdue.', m.id); // prettier-ignore
    case 'overdue':
      return wait(
        'overdue',
        'seller',
        'The due date passed: submit the work; the buyer may ask for a refund.',
        null,
        STAYS_HELD,
        m.id,
      );
    case 'submitted':
      return wait('review', 'buyer', 'Look at the work: accept it, ask for changes, or extend the time.', m.inspection?.endsAt ?? null, 'The money goes to the seller.', m.id); // prettier-ignore
    case 'accepted':
    case 'releasing': {
      const held = m.releases.find((r) => r.status === 'held_first_release');
      if (held) return wait('first_release', 'platform', 'The platform pays this seller for the first time, and waits before it does.', held.retryAt, 'The money goes to the seller by itself.', m.id); // prettier-ignore
      return wait('transfer', 'platform', 'The money is being transferred to the seller.', null, null, m.id);
    }
    case 'blocked_kyc':
      return wait('verify', 'seller', 'Finish the verification with Stripe: the money waits for you.', null, 'The money stays held for you; two of our staff decide before the longest time that the platform may hold it ends.', m.id); // prettier-ignore
    case 'blocked_funds':
      return wait(
        'top_up',
        'ops',
        'Top up the platform’s Stripe balance.',
        null,
        'The transfer is tried again by itself.',
        m.id,
      );
    case 'refunding':
      if (refundForBank(m) !== null) return bankWaiting(m);
      return wait(
        'refund',
        'stripe',
        'The refund is on its way to the buyer.',
        null,
        'If it fails, our staff are told and nothing is lost.',
        m.id,
      );
    case 'recovering':
      return wait(
        'reversal',
        'stripe',
        'The transfer is being reversed, then the buyer is refunded.',
        null,
        null,
        m.id,
      );
    case 'disputed':
      return wait('rule', 'ops', 'The dispute must be settled.', null, STAYS_HELD, m.id);
    case 'released':
      return wait('ended', 'nobody', 'The money went to the seller.', null, null, m.id);
    case 'refunded':
      return wait('ended', 'nobody', 'The money went back to the buyer.', null, null, m.id);
    case 'cancelled':
      return wait('ended', 'nobody', 'The milestone was cancelled before it was paid for.', null, null, m.id);
  }
}

/** For each reason, who can end it and how; ops first where several stand over the same milestone. */
const FREEZES: Record<FreezeReason, { kind: WaitKind; who: Who; what: string; otherwise: string }> = {
  in_product_dispute: { kind: 'settle_dispute', who: 'buyer_and_seller', what: 'Settle the dispute over it.', otherwise: 'Each stage of the dispute ends by itself.' },
  card_dispute: { kind: 'chargeback', who: 'stripe', what: 'The bank decides over the chargeback.', otherwise: 'The money stays where it is until then.' },
  fraud_warning: { kind: 'clear_fraud_warning', who: 'ops', what: 'Refund what is unreleased, or clear the fraud warning.', otherwise: 'Nothing moves until then.' },
  risk: { kind: 'look_at_risk', who: 'ops', what: 'The platform looks at this payment: it ends the review, or gives the money back to the buyer.', otherwise: 'Nothing goes to the seller until then.' },
  seller_restricted: { kind: 'give_stripe_details', who: 'seller', what: 'Give Stripe what it asks for.', otherwise: 'The money stays held.' },
  ops: { kind: 'unfreeze', who: 'ops', what: 'Look at it, then lift the freeze.', otherwise: 'Nothing moves until then.' },
}; // prettier-ignore

function frozenWaiting(freezes: readonly Freeze[], m: MilestoneState | null): Waiting {
  const first = freezes.find((f) => FREEZES[f.reason].who === 'ops') ?? freezes[0]!;
  const { kind, who, what, otherwise } = FREEZES[first.reason];
  const reasons = freezes.map((f) => `${f.reason.replaceAll('_', ' ')} (${f.detail})`).join('; ');
  return wait(
    kind,
    who,
    `Frozen: ${reasons}. Its timers stand still. ${what}`,
    first.until ?? null,
    otherwise,
    m?.id ?? null,
  );
}

function disputeWaiting(state: WaitingState, m: MilestoneState, d: DisputeState): Waiting {
  const others = freezesOver(state, m).filter((f) => f.reason !== 'in_product_dispute');
  if (others.length > 0) {
    return wait('dispute_suspended', 'ops', `The dispute is suspended: ${others.map((f) => f.reason.replaceAll('_', ' ')).join(', ')}.`, null, 'It goes on when that has ended.', m.id); // prettier-ignore
  }
  const respondent = d.openedRole === 'buyer' ? 'seller' : 'buyer';
  switch (d.status) {
    case 'open':
      return wait('reply', respondent, 'Reply to the dispute.', d.until, 'The claim is granted as it stands.', m.id);
    case 'negotiating':
      return wait(
        'negotiate',
        'buyer_and_seller',
        'Make an offer, or take the other side’s.',
        d.until,
        'The dispute goes to mediation.',
        m.id,
      );
    case 'mediation':
      return wait('rule', 'ops', 'Rule the dispute.', d.until, 'A second arbiter takes it.', m.id);
    case 'second_arbiter':
      return wait('rule_second', 'ops', 'Rule the dispute: the second arbiter’s turn.', d.until, 'The respondent’s last offer decides, else the claimant’s.', m.id); // prettier-ignore
    case 'settled':
      return wait('transfer', 'platform', 'The dispute is settled: the money is on its way.', null, null, m.id);
  }
}

function actionUntil(state: WaitingState, m: MilestoneState): number | null {
  return (
    state.payments.find((p) => p.status === 'requires_action' && p.milestoneIds.includes(m.id))?.actionUntil ?? null
  );
}
