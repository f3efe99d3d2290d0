// The one table of what may happen to an escrow, by whom, and from where. It feeds the workflow's guards, the API's
// `available_actions`, the pages' buttons, the diagram in docs/ and the property tests. Nothing else decides this.
import {
  type EscrowState,
  type EscrowStatus,
  isEscrowEnd,
  isReview,
  type MilestoneState,
  type MilestoneStatus,
  type Principal,
  type Role,
} from './escrow-state.ts';
import { assert } from './errors.ts';
import { type ActionArguments, type Ask, HELD, inDispute, mayAccept, mayAcceptOffer, mayAgree, mayAmend, mayCancelActive, mayDispute, mayExtend, mayForceRefund, mayForceRelease, mayFund, mayOffer, mayRefund, mayRefundByBank, mayRequestChanges, mayRule, maySign, mayStart, maySubmit, UNFUNDED } from './guards.ts'; // prettier-ignore

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
  | 'refund_by_bank'
  | 'force_release'
  | 'force_refund'
  | 'dispute'
  | 'reply'
  | 'offer'
  | 'accept_offer'
  | 'escalate'
  | 'rule'
  | 'freeze'
  | 'unfreeze';

export type By = Exclude<Role, 'auditor'> | 'timer' | 'stripe' | 'workflow';

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
  | 'hold_first_release'
  | 'refund'
  | 'refund_by_bank'
  | 'force_release'
  | 'force_refund'
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

/** Where a refund may be promised and not made: alone, beside what is left, or beside what goes to the seller. */
const PAYING_BACK: readonly MilestoneStatus[] = [
  'refunding',
  ...HELD,
  'accepted',
  'releasing',
  'blocked_kyc',
  'blocked_funds',
];

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
  { name: 'hold_first_release', from: ['releasing'], to: ['accepted'], by: ['workflow'], when: 'the platform has never paid this seller: their first release waits as long as the settings say' },
  { name: 'refund', from: HELD, to: ['refunding', ...HELD], by: ['buyer', 'seller', 'ops', 'workflow', 'timer'], action: 'refund', when: 'the buyer alone before work starts, else both sides, or ops; a part leaves the rest as it was', guard: mayRefund },
  { name: 'refund_by_bank', from: PAYING_BACK, to: PAYING_BACK, by: ['ops'], action: 'refund_by_bank', when: 'two of ops have paid by bank transfer what Stripe can refund no more: a refund that waits for it, or all that is left', guard: mayRefundByBank },
  { name: 'force_release', from: HELD, to: ['accepted'], by: ['ops'], action: 'force_release', when: 'two of ops decide over money that was held for almost as long as the platform may hold it', guard: mayForceRelease },
  { name: 'force_refund', from: ['blocked_kyc'], to: ['refunding'], by: ['ops'], action: 'force_refund', when: 'two of ops give accepted money back that its seller could not receive for almost as long as the platform may hold it', guard: mayForceRefund },
  { name: 'refunded', from: ['refunding'], to: ['refunded', 'accepted', 'released'], by: ['stripe'], when: 'the refund succeeded (released where a part was released before)' },
  { name: 'refund_failed', from: ['refunding', 'released', 'refunded'], to: [...HELD, 'accepted', 'refunding'], by: ['stripe'], when: 'Stripe failed or cancelled the refund, perhaps days after it succeeded: as before, or accepted or refunding where all has been decided, and ops look at it' },
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
  { name: 'charged_back', from: [...HELD, 'accepted', 'releasing', 'blocked_kyc', 'blocked_funds', 'disputed'], to: ['refunded', 'accepted', 'released'], by: ['stripe'], when: 'a card dispute was lost and took all that was left of the milestone' },
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
  // What an ended agreement owes its buyer is paid while it settles.
  const settling = state.status === 'settling' && action === 'refund_by_bank';
  if (state.status !== 'active' && state.status !== 'amending' && !settling)
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
  if (action === 'unfreeze' && !state.frozen.some((f) => f.reason === 'ops' || isReview(f)))
    return no('Nothing here is frozen by ops.');
  return null;
}
