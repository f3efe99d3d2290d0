// Every kind of message that the product sends to a person: whom it is for, what it is about, and whether its mail may be
// switched off. What waits on a person comes from domain/waits.ts, what happened from the timeline by EVENT_MESSAGES.
import type { EscrowEvent, Role } from './escrow-state.ts';
import type { PersonWaitKind } from './waits.ts';

export type Topic = 'agreement' | 'payment' | 'work' | 'refund' | 'dispute' | 'account' | 'security' | 'staff';

interface Kind {
  topic: Topic;
  /** Who can get it. */
  roles: readonly Role[];
  /** Money or security: its mail cannot be switched off. */
  required?: true;
  /** On the page of preferences. */
  label: string;
}

const BOTH = ['buyer', 'seller'] as const;
const ALL = ['buyer', 'seller', 'ops', 'auditor'] as const;
const kinds = <T extends string>(of: Record<T, Kind>): Record<T, Kind> => of;

/** The compiler asks for each thing that can wait on a person. */
const WAIT_MESSAGES = kinds<PersonWaitKind>({
  agree: { topic: 'agreement', roles: BOTH, label: 'New terms wait for your agreement' },
  sign_amendment: { topic: 'agreement', roles: BOTH, label: 'Changed terms wait for your signature' },
  cancel_request: { topic: 'agreement', roles: BOTH, label: 'The other side asks to cancel' },
  pay: { topic: 'payment', roles: ['buyer'], label: 'An escrow waits for your payment' },
  confirm_payment: { topic: 'payment', roles: ['buyer'], label: 'Your bank asks you to confirm a payment' },
  deliver: { topic: 'work', roles: ['seller'], label: 'Money is held for work that you can start' },
  make_changes: { topic: 'work', roles: ['seller'], label: 'The buyer asks for changes' },
  overdue: { topic: 'work', roles: ['seller'], label: 'Your work is overdue' },
  review: { topic: 'work', roles: ['buyer'], required: true, label: 'A delivery waits for your review' },
  refund_request: { topic: 'refund', roles: BOTH, label: 'The other side asks for a refund' },
  reply: { topic: 'dispute', roles: BOTH, required: true, label: 'A dispute waits for your reply' },
  negotiate: { topic: 'dispute', roles: BOTH, label: 'A dispute waits for an offer' },
  settle_dispute: { topic: 'dispute', roles: BOTH, label: 'A dispute holds up a milestone' },
  verify: { topic: 'account', roles: ['seller'], required: true, label: 'Money waits for your verification' },
  give_stripe_details: { topic: 'account', roles: ['seller'], required: true, label: 'Stripe restricts your account' },
  rule: { topic: 'staff', roles: ['ops'], label: 'A dispute waits for a ruling' },
  rule_second: { topic: 'staff', roles: ['ops'], label: 'A dispute waits for the second arbiter' },
  dispute_suspended: { topic: 'staff', roles: ['ops'], label: 'A dispute is suspended by another freeze' },
  unfreeze: { topic: 'staff', roles: ['ops'], label: 'A freeze waits to be lifted' },
  clear_fraud_warning: { topic: 'staff', roles: ['ops'], label: 'A fraud warning waits for a decision' },
  look_at_risk: { topic: 'staff', roles: ['ops'], label: 'A risk waits for a look' },
  refund_by_bank: { topic: 'staff', roles: ['ops'], label: 'A refund waits for a bank transfer' },
  top_up: { topic: 'staff', roles: ['ops'], label: 'The platform’s balance is short' },
});

const HAPPENED = kinds({
  payment_failed: { topic: 'payment', roles: ['buyer'], required: true, label: 'A payment failed' },
  payment_returned: { topic: 'payment', roles: ['buyer'], required: true, label: 'A late payment goes back' },
  work_extended: { topic: 'work', roles: ['seller'], label: 'The buyer takes more time to review' },
  work_overdue: { topic: 'work', roles: ['buyer'], label: 'Work that you wait for is overdue' },
  review_reminder: { topic: 'work', roles: ['buyer'], required: true, label: 'Reminder before money is released by itself' },
  auto_accepted: { topic: 'work', roles: BOTH, required: true, label: 'Work was accepted because the time ended' },
  released: { topic: 'payment', roles: ['seller'], required: true, label: 'Money was transferred to you' },
  first_release: { topic: 'payment', roles: ['seller'], label: 'Your first payment waits a few days' },
  refunded: { topic: 'refund', roles: BOTH, required: true, label: 'Money went back to the buyer' },
  refund_needs_bank: { topic: 'refund', roles: BOTH, required: true, label: 'A refund is paid by bank transfer' },
  refund_failed: { topic: 'refund', roles: BOTH, required: true, label: 'A refund failed' },
  request_lapsed: { topic: 'refund', roles: BOTH, label: 'A request got no answer in time' },
  not_recovered: { topic: 'refund', roles: BOTH, required: true, label: 'Released money could not be taken back' },
  milestone_cancelled: { topic: 'agreement', roles: BOTH, label: 'A milestone was cancelled' },
  escrow_ended: { topic: 'agreement', roles: BOTH, label: 'An escrow has ended' },
  amendment_ended: { topic: 'agreement', roles: BOTH, label: 'Changed terms came into force, or not' },
  offer: { topic: 'dispute', roles: BOTH, required: true, label: 'An offer in a dispute' },
  dispute_settled: { topic: 'dispute', roles: BOTH, required: true, label: 'A dispute was settled or ruled' },
  dispute_escalated: { topic: 'dispute', roles: BOTH, label: 'Staff decide a dispute' },
  frozen: { topic: 'dispute', roles: BOTH, label: 'An escrow was frozen' },
  unfrozen: { topic: 'dispute', roles: BOTH, label: 'A freeze has ended' },
  chargeback: { topic: 'dispute', roles: BOTH, required: true, label: 'A bank disputes a payment' },
  clawed_back: { topic: 'dispute', roles: ['seller'], required: true, label: 'Money is taken back while a bank decides, or paid again' },
  chargeback_ended: { topic: 'dispute', roles: BOTH, required: true, label: 'A bank’s dispute ended' },
  verify_reminder: { topic: 'account', roles: ['seller'], required: true, label: 'Reminder: money waits for your verification' },
}); // prettier-ignore

/** What is queued beside the timeline, by the transaction that makes it so. */
const ELSEWHERE = kinds({
  evidence_due: { topic: 'dispute', roles: ['seller'], required: true, label: 'A chargeback waits for your evidence' },
  evidence_reminder: { topic: 'dispute', roles: ['seller'], required: true, label: 'Reminder: a chargeback waits for your evidence' },
  released_refund_request: { topic: 'refund', roles: BOTH, required: true, label: 'A refund of released money waits for your answer' },
  payout_failed: { topic: 'account', roles: ['seller'], required: true, label: 'A payout to your bank failed' },
  debt_opened: { topic: 'account', roles: ['seller'], required: true, label: 'You owe money after a refund or a chargeback' },
  debt_reminder: { topic: 'account', roles: ['seller'], required: true, label: 'Reminder: you owe money' },
  approval_waiting: { topic: 'staff', roles: ['ops'], label: 'A request waits for a second person' },
  approval_decided: { topic: 'staff', roles: ['seller', 'ops'], label: 'Your request was decided' },
  endpoint_disabled: { topic: 'account', roles: ALL, required: true, label: 'Your webhook endpoint was disabled' },
  alert: { topic: 'staff', roles: ['ops'], label: 'Something needs a person of our staff' },
  password_reset: { topic: 'security', roles: ALL, required: true, label: 'A link to set a new password' },
  password_changed: { topic: 'security', roles: ALL, required: true, label: 'Your password was changed' },
  invitation: { topic: 'security', roles: ALL, required: true, label: 'An invitation' },
  second_factor_changed: { topic: 'security', roles: ALL, required: true, label: 'Your second factor was changed' },
  recovery_code_used: { topic: 'security', roles: ALL, required: true, label: 'A recovery code was used' },
}); // prettier-ignore

export const MESSAGE_KINDS = { ...WAIT_MESSAGES, ...HAPPENED, ...ELSEWHERE };
export type MessageKind = keyof typeof MESSAGE_KINDS;
export type HappenedKind = keyof typeof HAPPENED;

export const isMessageKind = (kind: string): kind is MessageKind => Object.hasOwn(MESSAGE_KINDS, kind);

export const mayBeSwitchedOff = (kind: MessageKind): boolean => (MESSAGE_KINDS[kind] as Kind).required !== true;

/** Facts that a message's words are made of: amounts, instants as milliseconds, names and ids; never a secret. */
export type MessageData = Record<string, string | number | boolean | null>;

type To = 'buyer' | 'seller' | 'both';

/** Who did it is not told of it; null: its wait, or another event, tells whoever must know. */
export const EVENT_MESSAGES = {
  'escrow.proposed': null,
  'escrow.agreed': null,
  'escrow.active': null,
  'escrow.cancel_requested': null,
  'escrow.cancel_request_lapsed': { kind: 'request_lapsed', to: 'both' },
  'escrow.cancelling': null,
  'escrow.expiring': null,
  'escrow.cancelled': { kind: 'escrow_ended', to: 'both' },
  'escrow.expired': { kind: 'escrow_ended', to: 'both' },
  'escrow.completed': { kind: 'escrow_ended', to: 'both' },
  'escrow.frozen': { kind: 'frozen', to: 'both' },
  'escrow.unfrozen': { kind: 'unfrozen', to: 'both' },
  'payment.created': null,
  'payment.succeeded': null,
  'payment.processing': null,
  'payment.requires_action': null,
  'payment.failed': { kind: 'payment_failed', to: 'buyer' },
  'payment.canceled': { kind: 'payment_failed', to: 'buyer' },
  'payment.abandoned': { kind: 'payment_failed', to: 'buyer' },
  'payment.unknown': null, // ops have its alert
  'payment.returned': { kind: 'payment_returned', to: 'buyer' },
  'milestone.funded': null,
  'milestone.started': null,
  'milestone.submitted': null,
  'milestone.changes_requested': null,
  'milestone.extended': { kind: 'work_extended', to: 'seller' },
  'milestone.accepted': null, // its transfer is told
  'milestone.auto_accepted': { kind: 'auto_accepted', to: 'both' },
  'milestone.inspection_reminder': { kind: 'review_reminder', to: 'buyer' },
  'milestone.overdue': { kind: 'work_overdue', to: 'buyer' },
  'milestone.cancelled': { kind: 'milestone_cancelled', to: 'both' },
  'milestone.released': { kind: 'released', to: 'seller' },
  'milestone.blocked_kyc': null,
  'milestone.blocked_funds': null,
  'milestone.held_first_release': { kind: 'first_release', to: 'seller' },
  'milestone.blocked_ops': null, // ops have its alert
  'milestone.verification_reminder': { kind: 'verify_reminder', to: 'seller' },
  'milestone.recovering': null,
  'milestone.refunded': { kind: 'refunded', to: 'both' },
  'milestone.not_recovered': { kind: 'not_recovered', to: 'both' },
  'refund.requested': null,
  'refund.request_lapsed': { kind: 'request_lapsed', to: 'both' },
  'refund.ordered': null,
  'refund.pending': null,
  'refund.waits': null,
  'refund.needs_bank': { kind: 'refund_needs_bank', to: 'both' },
  'refund.succeeded': { kind: 'refunded', to: 'both' },
  'refund.failed': { kind: 'refund_failed', to: 'both' },
  'refund.came_back': { kind: 'refund_failed', to: 'both' },
  'refund.repaid': { kind: 'refunded', to: 'buyer' },
  'refund.charged_back': null, // its dispute is told of
  'refund.paid_by_bank': { kind: 'refunded', to: 'buyer' },
  'amendment.proposed': null,
  'amendment.signed': null,
  'amendment.rejected': { kind: 'amendment_ended', to: 'both' },
  'amendment.lapsed': { kind: 'amendment_ended', to: 'both' },
  'amendment.applied': { kind: 'amendment_ended', to: 'both' },
  'dispute.opened': null,
  'dispute.replied': null,
  'dispute.offered': { kind: 'offer', to: 'both' },
  'dispute.in_mediation': { kind: 'dispute_escalated', to: 'both' },
  'dispute.second_arbiter': { kind: 'dispute_escalated', to: 'both' },
  'dispute.settled': { kind: 'dispute_settled', to: 'both' },
  'payment.taken_back': { kind: 'chargeback', to: 'both' },
  'payment.loss_divided': { kind: 'chargeback_ended', to: 'both' },
  'card_dispute.opened': { kind: 'chargeback', to: 'both' },
  'card_dispute.clawed_back': { kind: 'clawed_back', to: 'seller' },
  'card_dispute.paid_again': { kind: 'clawed_back', to: 'seller' },
  'card_dispute.fee_passed': null,
  'card_dispute.lifted': { kind: 'chargeback_ended', to: 'both' },
  'card_dispute.lost': { kind: 'chargeback_ended', to: 'both' },
  'fraud_warning.received': null, // ops wait to clear it
  'fraud_warning.overdue': null, // ops have its alert
} satisfies Record<string, { kind: HappenedKind; to: To } | null>;

/** The timeline's events: a new one is decided about here, and has its words in web/words.ts. */
export type EventType = keyof typeof EVENT_MESSAGES;
const RULES: Readonly<Record<string, { kind: HappenedKind; to: To } | null>> = EVENT_MESSAGES;

export interface EventParties {
  buyerId: string;
  /** Of every milestone, with its title. */
  milestones: readonly { id: string; sellerId: string; title: string }[];
}

/** Whom an event is told to, and as what; empty where it is told to nobody. */
export function messagesOfEvent(event: EscrowEvent, parties: EventParties): { kind: HappenedKind; personId: string }[] {
  const rule = RULES[event.type] ?? null;
  // A freeze by a dispute comes with the dispute's own message.
  if (rule === null || event.data['reason'] === 'in_product_dispute') return [];
  // The buyer pays the same another way, at this moment.
  if (event.type === 'payment.canceled' && event.data['reason'] === 'replaced') return [];
  const of = parties.milestones.filter((m) => event.milestoneId === null || m.id === event.milestoneId);
  const sellers = [...new Set(of.map((m) => m.sellerId))];
  const { buyerId } = parties;
  const people = rule.to === 'buyer' ? [buyerId] : rule.to === 'seller' ? sellers : [buyerId, ...sellers];
  return people.filter((id) => id !== event.actor.id).map((personId) => ({ kind: rule.kind, personId }));
}
