// The guards of the transition table: each says why not now, in words that say what to do, or null where it may happen.
// A sentence that begins with `terms:` or `amount:` says which argument is wrong.
import {
  blockedAmount,
  type DisputeStatus,
  type EscrowState,
  type Freeze,
  freezesOver,
  isReview,
  type MilestoneState,
  type MilestoneStatus,
  openAmount,
  type Principal,
  refundForBank,
  standingParts,
} from './escrow-state.ts';
import { planAmendment } from './amendments.ts';
import { planAcceptance } from './allocation.ts';
import { refundableUntil } from './methods.ts';
import { currencyRule, plainMoney } from './money.ts';

/** What a command brings along, as far as the rules look at it. */
export interface ActionArguments {
  termsHash?: string | undefined;
  milestoneIds?: string[] | undefined;
  amount?: number | undefined;
  until?: number | undefined;
  sellerAmount?: number | undefined;
  /** Of a release by hand: only of work that was delivered. */
  delivered?: boolean | undefined;
}

/** What a guard looks at: who asks for what, where, and when. */
export interface Ask {
  state: EscrowState;
  milestone: MilestoneState | null;
  principal: Principal;
  args: ActionArguments;
  now: number;
  /** True when only asked whether the action may be offered: arguments are not there yet. */
  offer: boolean;
}

/** The platform holds the milestone's money, and neither a dispute nor an end decides over it. */
export const HELD: readonly MilestoneStatus[] = ['funded', 'started', 'submitted', 'changes_requested', 'overdue'];
/** Not paid yet. */
export const UNFUNDED: readonly MilestoneStatus[] = ['planned', 'awaiting_funding', 'requires_action', 'processing'];

/** Money in dispute moves by its settlement only. */
const settled = (m: MilestoneState): boolean => m.dispute === null || m.dispute.status === 'settled';

export function mayAgree({ state, principal, args }: Ask): string | null {
  if (args.termsHash !== undefined && args.termsHash !== state.termsHash) {
    return 'terms:The terms are not the ones you read: read them again and agree with their current terms_hash.';
  }
  if (state.consents.includes(principal.id)) return 'You have agreed already; the other side has not yet.';
  return null;
}

/** The unfunded milestones that a `fund` would pay for. */
export function fundable(state: EscrowState, milestoneIds: string[] | undefined): MilestoneState[] {
  const open = state.milestones.filter((m) => ['planned', 'awaiting_funding', 'requires_action'].includes(m.status));
  if (state.terms.funding === 'upfront') return open;
  if (milestoneIds === undefined || milestoneIds.length === 0) return open.slice(0, 1);
  return open.filter((m) => milestoneIds.includes(m.id));
}

export function mayFund({ state, args }: Ask): string | null {
  if (state.ending !== null || state.cancelRequest !== null) return 'This escrow is being cancelled.';
  const chosen = fundable(state, args.milestoneIds);
  if (chosen.length === 0) return 'There is nothing left to pay for now.';
  if (args.milestoneIds?.some((id) => !chosen.some((m) => m.id === id))) {
    return 'milestone_ids names a milestone that is not waiting for funding (an upfront escrow is paid whole).';
  }
  const busy = state.payments.find(
    (p) => p.status === 'creating' && p.milestoneIds.some((id) => chosen.some((m) => m.id === id)),
  );
  return busy ? 'A payment for this is being made at this moment.' : null;
}

export function mayAmend({ state }: Ask): string | null {
  if (state.frozen.length > 0) return 'The escrow is frozen: its freeze must end first.';
  if (state.cancelRequest) return 'A cancellation is asked for: answer it first.';
  return null;
}

export function maySign({ state, principal, args, offer }: Ask): string | null {
  const amendment = state.amendment!;
  if (amendment.consents.includes(principal.id)) return 'You have signed already; the other side has not yet.';
  if (!offer && args.termsHash !== undefined && args.termsHash !== amendment.termsHash) {
    return 'terms:These are not the terms that you read: read them again and sign with their current terms_hash.';
  }
  const plan = planAmendment(state, amendment.terms);
  return typeof plan === 'string' ? plan : null;
}

const STARTED: readonly MilestoneStatus[] = ['started', 'changes_requested', 'overdue'];

export function mayCancelActive({ state, principal }: Ask): string | null {
  if (state.milestones.some((m) => m.status === 'submitted')) {
    return 'Work was submitted and waits for its buyer: accept it, ask for changes or ask for a refund of that milestone.';
  }
  if (state.frozen.length > 0) return 'The escrow is frozen: its freeze must end first.';
  if (!state.milestones.some((m) => HELD.includes(m.status) || UNFUNDED.includes(m.status)))
    return 'Nothing is left to cancel.';
  if (state.cancelRequest && state.cancelRequest.by === principal.id)
    return 'You have asked to cancel; the other side has not answered yet.';
  return null;
}

/** True where a cancel of an active escrow needs nobody else: the buyer's, while no milestone was ever started. */
export function cancelsAlone(state: EscrowState, principal: Principal): boolean {
  const touched = state.milestones.some(
    (m) => STARTED.includes(m.status) || m.startedAt !== null || m.submittedAt !== null,
  );
  // Two of ops: the API asks for the second one before it gives the command.
  if (principal.role === 'ops') return true;
  if (principal.role === 'buyer' && !touched) return true;
  return state.cancelRequest !== null && state.cancelRequest.role !== principal.role;
}

function beforeStart(m: MilestoneState, now: number): string | null {
  if (m.startsAt !== null && now < m.startsAt) {
    return `The agreed start is ${new Date(m.startsAt).toISOString()}: this milestone cannot begin before it.`;
  }
  return null;
}

export function mayStart({ milestone, now }: Ask): string | null {
  return milestone!.refundRequest
    ? 'A refund of this milestone is asked for: answer it first.'
    : beforeStart(milestone!, now);
}

export function maySubmit({ milestone, state, now }: Ask): string | null {
  if (state.cancelRequest) return 'A cancellation is asked for: answer it first.';
  return beforeStart(milestone!, now);
}

export function mayRequestChanges({ state, milestone }: Ask): string | null {
  const most = state.terms.policy.maxRounds;
  if (milestone!.rounds >= most)
    return `Changes were asked for ${most} times, which is the agreed maximum: accept it or open a dispute.`;
  return frozen(state, milestone!);
}

export function mayExtend({ state, milestone, args, now, offer }: Ask): string | null {
  const inspection = milestone!.inspection;
  if (!inspection) return 'No inspection period is running.';
  if (inspection.extended) return 'The inspection period was extended once already.';
  const why = frozen(state, milestone!);
  if (why || offer) return why;
  const latest = inspection.endsAt + inspection.periodMs;
  const until = args.until ?? latest;
  if (until <= inspection.endsAt || until <= now)
    return 'until must lie after the present end of the inspection period.';
  if (until > latest) return `until may be at most ${new Date(latest).toISOString()}: the first period again.`;
  return null;
}

export function mayAccept({ state, milestone, args, offer }: Ask): string | null {
  const why = frozen(state, milestone!);
  if (why || offer) return why;
  const bad = partOf(milestone!, args.amount, state.terms.currency);
  if (bad || args.amount === undefined || milestone!.funds === null) return bad;
  const { payable } = planAcceptance(milestone!, args.amount);
  return payable > 0 ? null : 'amount:This part is too small: after conversion and fee nothing would reach the seller.';
}

/** True where the time in which Stripe can refund the payment's method has passed: what is to go back, the platform's bank pays. */
export function isTooLateForStripe(state: Pick<EscrowState, 'payments'>, m: MilestoneState, now: number): boolean {
  const payment = state.payments.find((p) => p.id === m.funds?.paymentId);
  const until = payment ? refundableUntil(payment.methodType, payment.paidAt) : null;
  return until !== null && now > until;
}

/** What ops review they may give back: that is one of their two answers. */
function frozenForRefund({ state, milestone, principal }: Ask): string | null {
  const freezes = freezesOver(state, milestone!).filter((f) => principal.role !== 'ops' || !isReview(f));
  return freezes.length === 0 ? null : frozenBy(freezes);
}

export function mayRefund(ask: Ask): string | null {
  const { state, milestone, principal, args, offer } = ask;
  const m = milestone!;
  const why = frozenForRefund(ask);
  if (why) return why;
  if (m.refunds.some((r) => r.status === 'asked' || r.status === 'pending'))
    return 'A refund of this milestone is under way.';
  if (m.refundRequest && m.refundRequest.by === principal.id)
    return 'You have asked for this refund; the other side has not answered yet.';
  if (offer) return null;
  if (m.refundRequest && args.amount !== undefined && args.amount !== m.refundRequest.amount) {
    return `amount:The other side asked for a refund of ${plainMoney(m.refundRequest.amount, state.terms.currency)}: confirm exactly that, or leave amount out.`;
  }
  return partOf(m, args.amount ?? m.refundRequest?.amount, state.terms.currency);
}

/**
 * Never offered as a button: POST /v1/ops/escrows/{id}/refund-by-bank asks for it, and for a second person. What Stripe cannot
 * give back any more: the refund that waits for it, whoever ordered it, or else all that is left.
 */
export function mayRefundByBank(ask: Ask): string | null {
  const { state, milestone, args, now, offer } = ask;
  if (offer) return 'What was paid by bank transfer is recorded by two of our staff.';
  const m = milestone!;
  const open = openAmount(m);
  const owed = refundForBank(m);
  if (owed !== null) {
    if (args.amount === owed.amount) return frozenForRefund(ask);
    return `amount:The refund that waits for a bank transfer is ${plainMoney(owed.amount, state.terms.currency)}: all of it is paid, and nothing else.`;
  }
  if (!HELD.includes(m.status)) return `This milestone is ${m.status.replaceAll('_', ' ')}, and no refund of it waits for a bank transfer.`; // prettier-ignore
  if (!isTooLateForStripe(state, m, now)) return 'Stripe can make this refund: refund it at Stripe.';
  const underWay = hasRefundUnderWay(m);
  if (underWay) return 'A refund of this milestone is being made.';
  if (standingParts(m).some((r) => r.status === 'accepted' || r.status === 'releasing'))
    return 'Part of this milestone is being transferred to its seller at this moment: try again when it is.';
  if (args.amount !== open)
    return `amount:What is left of this milestone is ${plainMoney(open, state.terms.currency)}: all of it is refunded, and nothing else.`;
  return frozenForRefund(ask) ?? partOf(m, open, state.terms.currency);
}

/** Never offered as a button: POST /v1/ops/escrows/{id}/release and, where the money was held for too long, POST /v1/ops/escrows/{id}/force-decision asks for it, and for a second person. */
export function mayForceRelease({ state, milestone, args, offer }: Ask): string | null {
  if (offer) return 'A release by force is asked for as a forced decision.';
  const m = milestone!;
  if (args.delivered && m.status !== 'submitted')
    return `This milestone is ${m.status.replaceAll('_', ' ')}: only delivered work is released by hand.`;
  if (hasRefundUnderWay(m)) return 'A refund of this milestone is under way.';
  if (args.amount !== openAmount(m))
    return 'amount:What is left of this milestone is not what the decision was about: ask again.';
  return frozen(state, m) ?? partOf(m, args.amount, state.terms.currency);
}

/** Never offered as a button either. What is on its way to the seller at this moment cannot be taken back. */
export function mayForceRefund({ state, milestone, args, offer }: Ask): string | null {
  if (offer) return 'A refund by force is asked for as a forced decision.';
  const m = milestone!;
  const underWay = hasRefundUnderWay(m);
  if (underWay) return 'A refund of this milestone is under way.';
  if (m.releases.some((r) => r.status === 'accepted' || r.status === 'releasing'))
    return 'A transfer to the seller is being made at this moment.';
  if (args.amount !== blockedAmount(m))
    return 'amount:What waits for this seller is not what the decision was about: ask again.';
  return frozen(state, m);
}

const hasRefundUnderWay = (m: MilestoneState): boolean =>
  m.refunds.some((r) => r.status === 'asked' || r.status === 'pending');

/** True where a refund needs nobody else: the buyer's before work starts, ops', or the answer to the other side's request. */
export function refundsAlone(m: MilestoneState, principal: Principal): boolean {
  if (principal.role === 'ops') return true;
  if (principal.role === 'buyer' && m.status === 'funded') return true;
  return m.refundRequest !== null && m.refundRequest.role !== principal.role;
}

export function mayDispute({ state, milestone, args, offer }: Ask): string | null {
  const m = milestone!;
  const why = frozen(state, m);
  if (why) return why;
  if (openAmount(m) === 0) return 'Nothing of this milestone is left to dispute.';
  if (m.refunds.some((r) => r.status === 'asked' || r.status === 'pending'))
    return 'A refund of this milestone is under way.';
  return offer || args.amount === undefined ? null : partOf(m, args.amount, state.terms.currency);
}

/** Whose turn it is in the dispute's present stage. */
export function inDispute(stages: readonly DisputeStatus[], who: 'respondent' | 'party') {
  return ({ milestone, principal }: Ask): string | null => {
    const dispute = milestone!.dispute;
    if (!dispute || settled(milestone!)) return 'This milestone has no open dispute.';
    if (!stages.includes(dispute.status))
      return `The dispute is in ${dispute.status.replaceAll('_', ' ')}: this belongs to another stage.`;
    if (who === 'respondent' && principal.role === dispute.openedRole)
      return 'You opened this dispute: the other side replies.';
    return null;
  };
}

const NEGOTIABLE: readonly DisputeStatus[] = ['open', 'negotiating', 'mediation', 'second_arbiter'];

function splitOf(ask: Ask): string | null {
  const { args, milestone, state } = ask;
  const amount = args.sellerAmount;
  if (ask.offer) return null;
  if (amount === undefined || !Number.isSafeInteger(amount) || amount < 0 || amount > milestone!.dispute!.amount) {
    return `amount:seller_amount must be a whole number of minor units from 0 to ${milestone!.dispute!.amount} (${plainMoney(milestone!.dispute!.amount, state.terms.currency)}).`;
  }
  return null;
}

export function mayOffer(ask: Ask): string | null {
  return inDispute(NEGOTIABLE, 'party')(ask) ?? splitOf(ask);
}

export function mayAcceptOffer(ask: Ask): string | null {
  const why = inDispute(NEGOTIABLE, 'party')(ask);
  if (why) return why;
  const other = ask.principal.role === 'buyer' ? 'seller' : 'buyer';
  return ask.milestone!.dispute!.offers[other] === null ? 'The other side has made no offer yet.' : suspended(ask);
}

export function mayRule(ask: Ask): string | null {
  return inDispute(['mediation', 'second_arbiter'], 'party')(ask) ?? suspended(ask) ?? splitOf(ask);
}

/** A chargeback of the same money suspends the dispute: the bank decides first. */
function suspended({ state, milestone }: Ask): string | null {
  const others = freezesOver(state, milestone!).filter((f) => f.reason !== 'in_product_dispute');
  return others.length > 0
    ? `The dispute is suspended (${others.map((f) => f.reason.replaceAll('_', ' ')).join(', ')}).`
    : null;
}

function frozen(state: EscrowState, m: MilestoneState): string | null {
  const freezes = freezesOver(state, m);
  return freezes.length > 0 ? frozenBy(freezes) : null;
}

const frozenBy = (freezes: readonly Freeze[]): string =>
  `This milestone is frozen (${freezes.map((f) => f.reason.replaceAll('_', ' ')).join(', ')}).`;

function partOf(m: MilestoneState, amount: number | undefined, currency: string): string | null {
  const open = openAmount(m);
  if (amount === undefined) return open > 0 ? null : 'Nothing of this milestone is left.';
  if (!Number.isSafeInteger(amount) || amount <= 0)
    return 'amount:amount must be a whole number of minor units above zero.';
  const { multiple } = currencyRule(currency);
  if (BigInt(amount) % multiple !== 0n)
    return `amount:Amounts in ${currency.toUpperCase()} are multiples of ${multiple} minor units.`;
  return amount > open ? `amount:Only ${plainMoney(open, currency)} of this milestone is left.` : null;
}
