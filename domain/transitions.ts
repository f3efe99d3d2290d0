// The one table of what may happen to an escrow, by whom, and from where. It feeds the workflow's guards, the API's
// `available_actions`, the pages' buttons, the diagram in docs/ and the property tests. Nothing else decides this.
import {
  type DisputeStatus,
  type EscrowState,
  type EscrowStatus,
  freezesOver,
  isEscrowEnd,
  type MilestoneState,
  type MilestoneStatus,
  openAmount,
  type Principal,
  type Role,
} from './escrow-state.ts';
import { planAmendment } from './amendments.ts';
import { assert } from './errors.ts';
import { planAcceptance } from './allocation.ts';
import { refundableUntil } from './methods.ts';
import { currencyRule, plainMoney } from './money.ts';

/** Commands that people give; each is an update of the workflow and a call of the API. */
export type Action =
  | 'agree'
  | 'fund'
  | 'cancel'
  | 'amend'
  | 'sign_amendment'
  | 'reject_amendment'
  | 'start'
  | 'submit'
  | 'accept'
  | 'request_changes'
  | 'extend'
  | 'refund'
  | 'force_release'
  | 'dispute'
  | 'reply'
  | 'offer'
  | 'accept_offer'
  | 'escalate'
  | 'rule'
  | 'freeze'
  | 'unfreeze';

/** What a command brings along, as far as the rules look at it. */
export interface ActionArguments {
  termsHash?: string | undefined;
  milestoneIds?: string[] | undefined;
  amount?: number | undefined;
  until?: number | undefined;
  sellerAmount?: number | undefined;
}

export type By = Exclude<Role, 'auditor'> | 'timer' | 'stripe' | 'workflow';

interface Ask {
  state: EscrowState;
  milestone: MilestoneState | null;
  principal: Principal;
  args: ActionArguments;
  now: number;
  /** True when only asked whether the action may be offered: arguments are not there yet. */
  offer: boolean;
}

interface Row<Name extends string, Status extends string> {
  name: Name;
  from: readonly Status[];
  /** Where it may lead; the first is the usual one. */
  to: readonly Status[];
  by: readonly By[];
  /** The command that asks for it, where people do. */
  action?: Action;
  /** For the docs: who and when, in words. */
  when: string;
  /** Why not now, in words that say what to do; null when it may happen. */
  guard?: (ask: Ask) => string | null;
}

const HELD: readonly MilestoneStatus[] = ['funded', 'started', 'submitted', 'changes_requested', 'overdue'];
const UNFUNDED: readonly MilestoneStatus[] = ['planned', 'awaiting_funding', 'requires_action', 'processing'];

export type EscrowMove =
  | 'agree'
  | 'expire_proposal'
  | 'fund'
  | 'activate'
  | 'cancel_unfunded'
  | 'expire_funding'
  | 'cancel_active'
  | 'amend'
  | 'sign_amendment'
  | 'reject_amendment'
  | 'lapse_amendment'
  | 'settle'
  | 'end';

export const ESCROW_TRANSITIONS: readonly Row<EscrowMove, EscrowStatus>[] = [
  { name: 'agree', from: ['proposed'], to: ['proposed', 'agreed'], by: ['buyer', 'seller'], action: 'agree', when: 'each other side signs the same terms hash; the last signature agrees', guard: mayAgree },
  { name: 'expire_proposal', from: ['proposed'], to: ['expired'], by: ['timer'], when: 'not everybody agreed in time (7 days)' },
  { name: 'fund', from: ['agreed', 'funding', 'active', 'amending'], to: ['funding', 'active', 'amending'], by: ['buyer'], action: 'fund', when: 'the buyer pays what is due now', guard: mayFund },
  { name: 'activate', from: ['funding'], to: ['active'], by: ['stripe'], when: 'all milestones funded that must be' },
  { name: 'cancel_unfunded', from: ['proposed', 'agreed', 'funding'], to: ['cancelled', 'settling'], by: ['buyer', 'seller', 'ops'], action: 'cancel', when: 'either side, before the money is there; an open payment is cancelled, or refunded if it succeeds' },
  { name: 'expire_funding', from: ['agreed', 'funding'], to: ['expired', 'settling'], by: ['timer'], when: 'not paid in time (14 days); an open payment is cancelled, or refunded if it succeeds' },
  { name: 'cancel_active', from: ['active'], to: ['active', 'settling'], by: ['buyer', 'seller', 'ops'], action: 'cancel', when: 'the buyer alone while nothing is started, else both sides, or two of ops; nothing submitted', guard: mayCancelActive },
  { name: 'amend', from: ['active'], to: ['amending'], by: ['buyer', 'seller'], action: 'amend', when: 'either side proposes new terms', guard: mayAmend },
  { name: 'sign_amendment', from: ['amending'], to: ['active', 'amending'], by: ['buyer', 'seller'], action: 'sign_amendment', when: 'every other party signs; the last signature applies it: more money is a new milestone to pay, less is a refund of what is unreleased', guard: maySign },
  { name: 'reject_amendment', from: ['amending'], to: ['active'], by: ['buyer', 'seller'], action: 'reject_amendment', when: 'any party says no: the old terms stay' },
  { name: 'lapse_amendment', from: ['amending'], to: ['active'], by: ['timer'], when: 'not all signed within 5 days: the old terms stay' },
  { name: 'settle', from: ['active', 'amending'], to: ['settling'], by: ['workflow'], when: 'every milestone at its end' },
  { name: 'end', from: ['settling'], to: ['completed', 'cancelled', 'expired'], by: ['workflow'], when: 'no open refund, no open payment' },
]; // prettier-ignore

export type MilestoneMove =
  | 'await_funding'
  | 'require_action'
  | 'process'
  | 'funded'
  | 'payment_failed'
  | 'give_up'
  | 'start'
  | 'overdue'
  | 'submit'
  | 'request_changes'
  | 'extend'
  | 'accept'
  | 'auto_accept'
  | 'release'
  | 'released'
  | 'block_kyc'
  | 'block_funds'
  | 'refund'
  | 'force_release'
  | 'refunded'
  | 'refund_failed'
  | 'dispute'
  | 'reply'
  | 'offer'
  | 'accept_offer'
  | 'escalate'
  | 'rule'
  | 'claim_by_silence'
  | 'end_negotiation'
  | 'end_mediation'
  | 'default_outcome'
  | 'charged_back'
  | 'recover'
  | 'recovered'
  | 'not_recovered'
  | 'new_due_date';

export const MILESTONE_TRANSITIONS: readonly Row<MilestoneMove, MilestoneStatus>[] = [
  { name: 'await_funding', from: ['planned'], to: ['awaiting_funding'], by: ['workflow'], when: 'the escrow is agreed' },
  { name: 'require_action', from: ['awaiting_funding'], to: ['requires_action'], by: ['stripe'], when: 'the bank asks the buyer to authenticate (SCA)' },
  { name: 'process', from: ['awaiting_funding', 'requires_action'], to: ['processing'], by: ['stripe'], when: 'a delayed payment method is under way' },
  { name: 'funded', from: ['awaiting_funding', 'requires_action', 'processing'], to: ['funded'], by: ['stripe'], when: 'the payment succeeded' },
  { name: 'payment_failed', from: ['requires_action', 'processing'], to: ['awaiting_funding'], by: ['stripe', 'timer'], when: 'the payment failed, or the buyer left authentication for 24 hours' },
  { name: 'give_up', from: UNFUNDED, to: ['cancelled'], by: ['timer', 'workflow'], when: 'the escrow ended before funding, or it stayed unfunded 14 days after it was due to start' },
  { name: 'start', from: ['funded'], to: ['started'], by: ['seller'], action: 'start', when: 'the seller begins: from here the buyer alone cannot cancel', guard: mayStart },
  { name: 'overdue', from: ['funded', 'started', 'changes_requested'], to: ['overdue'], by: ['timer'], when: 'due_at passed' },
  { name: 'submit', from: ['funded', 'started', 'overdue', 'changes_requested'], to: ['submitted'], by: ['seller'], action: 'submit', when: 'the seller delivers; the inspection period runs', guard: maySubmit },
  { name: 'request_changes', from: ['submitted'], to: ['changes_requested'], by: ['buyer'], action: 'request_changes', when: 'the buyer asks for changes, at most max_rounds times', guard: mayRequestChanges },
  { name: 'extend', from: ['submitted'], to: ['submitted'], by: ['buyer'], action: 'extend', when: 'the buyer takes more time, once, at most the first period again', guard: mayExtend },
  { name: 'accept', from: ['submitted'], to: ['accepted', 'submitted'], by: ['buyer'], action: 'accept', when: 'the buyer accepts, whole or in part (a part leaves the rest submitted, its deadline unchanged)', guard: mayAccept },
  { name: 'auto_accept', from: ['submitted'], to: ['accepted'], by: ['timer'], when: 'the inspection period ended with nothing frozen' },
  { name: 'release', from: ['accepted', 'blocked_kyc', 'blocked_funds'], to: ['releasing'], by: ['workflow'], when: 'the money is held, nothing freezes it and the seller can receive it' },
  { name: 'released', from: ['accepted', 'releasing'], to: ['released'], by: ['stripe'], when: 'every accepted part was transferred' },
  { name: 'block_kyc', from: ['releasing'], to: ['blocked_kyc'], by: ['stripe'], when: 'the seller’s transfers capability is not active' },
  { name: 'block_funds', from: ['releasing'], to: ['blocked_funds'], by: ['stripe'], when: 'the platform’s balance is short (balance_insufficient)' },
  { name: 'refund', from: HELD, to: ['refunding', ...HELD], by: ['buyer', 'seller', 'ops', 'workflow', 'timer'], action: 'refund', when: 'the buyer alone before work starts, else both sides, or ops; a part leaves the rest as it was', guard: mayRefund },
  { name: 'force_release', from: HELD, to: ['accepted'], by: ['ops'], action: 'force_release', when: 'two of ops decide over money that was held for almost as long as the platform may hold it', guard: mayForceRelease },
  { name: 'refunded', from: ['refunding'], to: ['refunded', 'accepted', 'released'], by: ['stripe'], when: 'the refund succeeded (released where a part was released before)' },
  { name: 'refund_failed', from: ['refunding', 'released', 'refunded'], to: [...HELD, 'accepted'], by: ['stripe'], when: 'Stripe failed or cancelled the refund, perhaps days after it succeeded: as before, and ops look at it' },
  { name: 'dispute', from: HELD, to: ['disputed'], by: ['buyer', 'seller'], action: 'dispute', when: 'either side, over what is left of the milestone; frozen before the answer', guard: mayDispute },
  { name: 'reply', from: ['disputed'], to: ['disputed'], by: ['buyer', 'seller'], action: 'reply', when: 'the respondent, within 5 days: negotiation begins', guard: inDispute(['open'], 'respondent') },
  { name: 'offer', from: ['disputed'], to: ['disputed'], by: ['buyer', 'seller'], action: 'offer', when: 'either side proposes what the seller gets', guard: mayOffer },
  { name: 'accept_offer', from: ['disputed'], to: ['accepted', 'refunding'], by: ['buyer', 'seller'], action: 'accept_offer', when: 'the other side’s last offer is taken: both legs run', guard: mayAcceptOffer },
  { name: 'escalate', from: ['disputed'], to: ['disputed'], by: ['buyer', 'seller'], action: 'escalate', when: 'either side, during negotiation: mediation by ops begins', guard: inDispute(['negotiating'], 'party') },
  { name: 'rule', from: ['disputed'], to: ['accepted', 'refunding'], by: ['ops'], action: 'rule', when: 'an arbiter of ops rules a split within 30 days, or a second one within 7 more', guard: mayRule },
  { name: 'claim_by_silence', from: ['disputed'], to: ['accepted', 'refunding'], by: ['timer'], when: 'no reply in 5 days: the claimant wins' },
  { name: 'end_negotiation', from: ['disputed'], to: ['disputed'], by: ['timer'], when: '14 days of negotiation passed: mediation' },
  { name: 'end_mediation', from: ['disputed'], to: ['disputed'], by: ['timer'], when: '30 days without a ruling: a second arbiter' },
  { name: 'default_outcome', from: ['disputed'], to: ['accepted', 'refunding'], by: ['timer'], when: '7 more days without a ruling: the respondent’s last offer, else the claimant’s, else the claim' },
  { name: 'new_due_date', from: ['overdue'], to: ['started', 'funded'], by: ['workflow'], when: 'an amendment gave it more time' },
  { name: 'charged_back', from: [...HELD, 'accepted', 'blocked_kyc', 'blocked_funds', 'disputed'], to: ['refunded', 'accepted', 'released'], by: ['stripe'], when: 'a card dispute was lost and took all that was left of the milestone' },
  { name: 'recover', from: ['released'], to: ['recovering'], by: ['workflow'], when: 'both sides agreed to refund released money, or a ruling: workflow refund/<id> reverses the transfer' },
  { name: 'recovered', from: ['recovering'], to: ['refunded', 'released'], by: ['stripe'], when: 'the buyer has the money (released where a part of it stays with the seller)' },
  { name: 'not_recovered', from: ['recovering', 'refunded'], to: ['released'], by: ['stripe'], when: 'the refund failed, perhaps days after it succeeded, and the seller was paid again' },
]; // prettier-ignore

const escrowRows = new Map(ESCROW_TRANSITIONS.map((t) => [t.name, t]));
const milestoneRows = new Map(MILESTONE_TRANSITIONS.map((t) => [t.name, t]));

/** Moves an escrow along a row of the table; a row that does not fit is a fault of the caller. */
export function moveEscrow(state: EscrowState, name: EscrowMove, to?: EscrowStatus): void {
  const row = escrowRows.get(name)!;
  const target = to ?? row.to[0]!;
  assert(
    row.from.includes(state.status) && row.to.includes(target),
    `escrow: ${name} does not lead from ${state.status} to ${target}`,
  );
  state.status = target;
}

/** Moves a milestone along a row of the table. */
export function moveMilestone(m: MilestoneState, name: MilestoneMove, to?: MilestoneStatus): void {
  const row = milestoneRows.get(name)!;
  const target = to ?? row.to[0]!;
  assert(
    row.from.includes(m.status) && row.to.includes(target),
    `milestone: ${name} does not lead from ${m.status} to ${target}`,
  );
  m.status = target;
}

/** True when a row may be taken from the milestone's present status. */
export const canMove = (m: MilestoneState, name: MilestoneMove): boolean =>
  milestoneRows.get(name)!.from.includes(m.status);

export interface Refusal {
  code: 'action_not_available' | 'terms_changed' | 'amount_invalid';
  message: string;
  param?: string;
}

const ESCROW_ACTIONS = new Set<Action>([
  'agree',
  'fund',
  'cancel',
  'amend',
  'sign_amendment',
  'reject_amendment',
  'freeze',
  'unfreeze',
]);
export const isEscrowAction = (action: Action): boolean => ESCROW_ACTIONS.has(action);

/** Asks the table whether a person may do this now. Null: yes. */
export function permit(
  state: EscrowState,
  action: Action,
  principal: Principal,
  milestoneId: string | null,
  args: ActionArguments,
  now: number,
): Refusal | null {
  return ask({ state, milestone: null, principal, args, now, offer: false }, action, milestoneId);
}

/** What a person may do now, without arguments: names for the escrow, and for each milestone. */
export function availableActions(
  state: EscrowState,
  principal: Principal,
  now: number,
): { escrow: Action[]; milestones: Record<string, Action[]> } {
  const may = (action: Action, id: string | null) =>
    ask({ state, milestone: null, principal, args: {}, now, offer: true }, action, id) === null;
  const names = (rows: readonly { action?: Action }[]) => [...new Set(rows.flatMap((r) => r.action ?? []))];
  return {
    escrow: [...names(ESCROW_TRANSITIONS), 'freeze' as const, 'unfreeze' as const].filter((a) => may(a, null)),
    milestones: Object.fromEntries(
      state.milestones.map((m) => [m.id, names(MILESTONE_TRANSITIONS).filter((a) => may(a, m.id))]),
    ),
  };
}

const no = (message: string, code: Refusal['code'] = 'action_not_available', param?: string): Refusal => ({ code, message, param }); // prettier-ignore

function ask(question: Ask, action: Action, milestoneId: string | null): Refusal | null {
  const { state, principal } = question;
  if (principal.role === 'auditor') return no('An auditor reads and changes nothing.');
  if (action === 'freeze' || action === 'unfreeze') return askFreeze(question, action);
  if (isEscrowAction(action)) {
    const rows = ESCROW_TRANSITIONS.filter((r) => r.action === action);
    const row = rows.find((r) => r.from.includes(state.status));
    if (!row) return no(`This escrow is ${state.status}: ${action} is not possible from there.`);
    return askRow(row, question);
  }
  const milestone = state.milestones.find((m) => m.id === milestoneId);
  if (!milestone) return no('This escrow has no such milestone.');
  if (principal.role === 'seller' && milestone.sellerId !== principal.id) {
    return no('This milestone belongs to another seller.');
  }
  if (state.status !== 'active' && state.status !== 'amending')
    return no(`This escrow is ${state.status}: its milestones cannot be changed now.`);
  const row = MILESTONE_TRANSITIONS.find((r) => r.action === action && r.from.includes(milestone.status));
  if (!row)
    return no(
      `This milestone is ${milestone.status.replaceAll('_', ' ')}: ${action.replaceAll('_', ' ')} is not possible from there.`,
    );
  return askRow(row, { ...question, milestone });
}

function askRow(row: Row<string, string>, question: Ask): Refusal | null {
  if (!row.by.includes(question.principal.role as By)) {
    const others = row.by.filter((b) => b !== 'workflow' && b !== 'timer' && b !== 'stripe');
    return no(`Only the ${others.join(' or the ')} can do this.`);
  }
  const why = row.guard?.(question) ?? null;
  if (why === null) return null;
  if (why.startsWith('terms:')) return no(why.slice(6), 'terms_changed', 'terms_hash');
  if (why.startsWith('amount:')) return no(why.slice(7), 'amount_invalid', 'amount');
  return no(why);
}

function askFreeze({ state, principal }: Ask, action: 'freeze' | 'unfreeze'): Refusal | null {
  if (principal.role !== 'ops') return no('Only ops can do this.');
  if (isEscrowEnd(state.status)) return no(`This escrow is ${state.status}: there is nothing left to freeze.`);
  if (action === 'unfreeze' && !state.frozen.some((f) => f.reason === 'ops' || f.reason === 'fraud_warning'))
    return no('Nothing here is frozen by ops.');
  return null;
}

/** Money in dispute moves by its settlement only. */
const settled = (m: MilestoneState): boolean => m.dispute === null || m.dispute.status === 'settled';

// ---- guards: each says why not now, or null -------------------------------------------------------------------

function mayAgree({ state, principal, args }: Ask): string | null {
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

function mayFund({ state, args }: Ask): string | null {
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

function mayAmend({ state }: Ask): string | null {
  if (state.frozen.length > 0) return 'The escrow is frozen: its freeze must end first.';
  if (state.cancelRequest) return 'A cancellation is asked for: answer it first.';
  return null;
}

function maySign({ state, principal, args, offer }: Ask): string | null {
  const amendment = state.amendment!;
  if (amendment.consents.includes(principal.id)) return 'You have signed already; the other side has not yet.';
  if (!offer && args.termsHash !== undefined && args.termsHash !== amendment.termsHash) {
    return 'terms:These are not the terms that you read: read them again and sign with their current terms_hash.';
  }
  const plan = planAmendment(state, amendment.terms);
  return typeof plan === 'string' ? plan : null;
}

const STARTED: readonly MilestoneStatus[] = ['started', 'changes_requested', 'overdue'];

function mayCancelActive({ state, principal }: Ask): string | null {
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

function mayStart({ milestone, now }: Ask): string | null {
  return milestone!.refundRequest
    ? 'A refund of this milestone is asked for: answer it first.'
    : beforeStart(milestone!, now);
}

function maySubmit({ milestone, state, now }: Ask): string | null {
  if (state.cancelRequest) return 'A cancellation is asked for: answer it first.';
  return beforeStart(milestone!, now);
}

function mayRequestChanges({ state, milestone }: Ask): string | null {
  const most = state.terms.policy.maxRounds;
  if (milestone!.rounds >= most)
    return `Changes were asked for ${most} times, which is the agreed maximum: accept it or open a dispute.`;
  return frozen(state, milestone!);
}

function mayExtend({ state, milestone, args, now, offer }: Ask): string | null {
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

function mayAccept({ state, milestone, args, offer }: Ask): string | null {
  const why = frozen(state, milestone!);
  if (why || offer) return why;
  const bad = partOf(milestone!, args.amount, state.terms.currency);
  if (bad || args.amount === undefined || milestone!.funds === null) return bad;
  const { payable } = planAcceptance(milestone!, args.amount);
  return payable > 0 ? null : 'amount:This part is too small: after conversion and fee nothing would reach the seller.';
}

/** Where Stripe cannot refund the method any more, a person pays by bank transfer: the product does not promise it. */
function tooLateToRefund(state: EscrowState, m: MilestoneState, now: number): string | null {
  const payment = state.payments.find((p) => p.id === m.funds?.paymentId);
  const until = payment ? refundableUntil(payment.methodType, payment.paidAt) : null;
  if (until === null || now <= until) return null;
  return `Stripe could refund this ${payment!.methodType!.replaceAll('_', ' ')} payment until ${new Date(until).toISOString()}: ask us to pay you back by bank transfer.`;
}

function mayRefund({ state, milestone, principal, args, now, offer }: Ask): string | null {
  const m = milestone!;
  const why = frozen(state, m);
  if (why) return why;
  if (m.refunds.some((r) => r.status === 'asked' || r.status === 'pending'))
    return 'A refund of this milestone is under way.';
  if (m.refundRequest && m.refundRequest.by === principal.id)
    return 'You have asked for this refund; the other side has not answered yet.';
  const late = tooLateToRefund(state, m, now);
  if (late) return late;
  if (offer) return null;
  if (m.refundRequest && args.amount !== undefined && args.amount !== m.refundRequest.amount) {
    return `amount:The other side asked for a refund of ${plainMoney(m.refundRequest.amount, state.terms.currency)}: confirm exactly that, or leave amount out.`;
  }
  return partOf(m, args.amount ?? m.refundRequest?.amount, state.terms.currency);
}

/** Never offered as a button: POST /v1/ops/escrows/{id}/force-decision asks for it, and for a second person. */
function mayForceRelease({ state, milestone, args, offer }: Ask): string | null {
  if (offer) return 'A release by force is asked for as a forced decision.';
  const m = milestone!;
  if (hasRefundUnderWay(m)) return 'A refund of this milestone is under way.';
  if (args.amount !== openAmount(m))
    return 'amount:What is left of this milestone is not what the decision was about: ask again.';
  return frozen(state, m) ?? partOf(m, args.amount, state.terms.currency);
}

const hasRefundUnderWay = (m: MilestoneState): boolean =>
  m.refunds.some((r) => r.status === 'asked' || r.status === 'pending');

/** True where a refund needs nobody else: the buyer's before work starts, ops', or the answer to the other side's request. */
export function refundsAlone(m: MilestoneState, principal: Principal): boolean {
  if (principal.role === 'ops') return true;
  if (principal.role === 'buyer' && m.status === 'funded') return true;
  return m.refundRequest !== null && m.refundRequest.role !== principal.role;
}

function mayDispute({ state, milestone, args, offer }: Ask): string | null {
  const m = milestone!;
  const why = frozen(state, m);
  if (why) return why;
  if (openAmount(m) === 0) return 'Nothing of this milestone is left to dispute.';
  if (m.refunds.some((r) => r.status === 'asked' || r.status === 'pending'))
    return 'A refund of this milestone is under way.';
  return offer || args.amount === undefined ? null : partOf(m, args.amount, state.terms.currency);
}

/** Whose turn it is in the dispute's present stage. */
function inDispute(stages: readonly DisputeStatus[], who: 'respondent' | 'party') {
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

function mayOffer(ask: Ask): string | null {
  return inDispute(NEGOTIABLE, 'party')(ask) ?? splitOf(ask);
}

function mayAcceptOffer(ask: Ask): string | null {
  const why = inDispute(NEGOTIABLE, 'party')(ask);
  if (why) return why;
  const other = ask.principal.role === 'buyer' ? 'seller' : 'buyer';
  return ask.milestone!.dispute!.offers[other] === null ? 'The other side has made no offer yet.' : suspended(ask);
}

function mayRule(ask: Ask): string | null {
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
  return freezes.length > 0
    ? `This milestone is frozen (${freezes.map((f) => f.reason.replaceAll('_', ' ')).join(', ')}).`
    : null;
}

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
