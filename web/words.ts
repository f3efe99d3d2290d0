// What people do and what happened: buttons, the sentence after each, and the timeline. States and money: status-words.ts,
// money-words.ts; staff's queues: ops-words.ts. No page shows an enum.
import type { EventType } from '../domain/messages.ts';
import type { Action } from '../domain/transitions.ts';

interface ActionWords {
  /** On the button. */
  button: string;
  /** After it was done: the sentence on the next page. */
  done: string;
  /** Moves money, or binds: a page shows the consequences first. */
  confirm: boolean;
}

/** The actions that pages offer; the API may know more. */
export type PageAction = Extract<
  Action,
  | 'agree'
  | 'fund'
  | 'cancel'
  | 'start'
  | 'submit'
  | 'accept'
  | 'request_changes'
  | 'extend'
  | 'refund'
  | 'dispute'
  | 'reply'
  | 'offer'
  | 'accept_offer'
  | 'escalate'
  | 'amend'
  | 'rule'
  | 'sign_amendment'
  | 'reject_amendment'
  | 'freeze'
  | 'unfreeze'
>;

export const isPageAction = (action: string): action is PageAction => Object.hasOwn(ACTIONS, action);

export const ACTIONS: Record<PageAction, ActionWords> = {
  agree: { button: 'Agree to these terms', done: 'You have agreed to the terms.', confirm: false },
  fund: { button: 'Pay', done: 'Your payment is ready.', confirm: false },
  start: { button: 'Start the work', done: 'The work has begun: the buyer alone can no longer cancel.', confirm: false },
  submit: { button: 'Submit the work…', done: 'The work is submitted. The buyer’s time to review it runs now.', confirm: true },
  accept: { button: 'Accept the work…', done: 'Accepted. The money is on its way to the seller.', confirm: true },
  request_changes: { button: 'Ask for changes…', done: 'The seller knows what to change. The money stays held.', confirm: true },
  extend: { button: 'Take more time…', done: 'You have more time to review the work.', confirm: true },
  refund: { button: 'Refund…', done: 'The refund is recorded.', confirm: true },
  dispute: { button: 'Open a dispute…', done: 'The dispute is open. The money stays held until it is settled.', confirm: true },
  reply: { button: 'Reply…', done: 'Your reply is recorded: you may now agree between yourselves.', confirm: true },
  accept_offer: { button: 'Take their offer…', done: 'Settled. The money goes as agreed.', confirm: true },
  offer: { button: 'Make an offer…', done: 'The other side sees your offer.', confirm: true },
  escalate: { button: 'Ask our staff to decide…', done: 'Our staff decide the dispute now.', confirm: true },
  rule: { button: 'Rule the dispute…', done: 'Ruled. The money goes as you decided.', confirm: true },
  sign_amendment: { button: 'Sign the new terms…', done: 'You have signed the new terms.', confirm: true },
  reject_amendment: { button: 'Reject the new terms…', done: 'The new terms are rejected; the present ones stay.', confirm: true },
  amend: { button: 'Propose new terms…', done: 'The new terms are proposed. Everybody else is asked to sign them.', confirm: true },
  cancel: { button: 'Cancel this escrow…', done: 'Your cancellation is recorded.', confirm: true },
  freeze: { button: 'Freeze…', done: 'Frozen: nothing moves and no timer runs.', confirm: true },
  unfreeze: { button: 'Unfreeze…', done: 'The freeze has ended; timers run on.', confirm: true },
}; // prettier-ignore

/** Sentences after a redirect, by their name in the address: nobody can put other words there. */
export const NOTICES: Record<string, string> = {
  ...Object.fromEntries(Object.entries(ACTIONS).map(([name, words]) => [name, words.done])),
  proposed: 'Proposed. Everybody else who is named in it is asked to agree.',
  paid: 'Paid. The money is held until the work is accepted.',
  processing: 'Your bank is processing the payment. You may leave: this page will say when it arrives.',
  replayed: 'The event waits in the queue again.',
  cancel_asked: 'You have asked to cancel. The other side is asked to agree.',
  resolved: 'The alert is closed.',
  approved: 'Approved, and carried out.',
  approved_failed: 'Approved, but it could not be carried out. Its outcome stands below; nothing has moved.',
  denied: 'Denied. Nothing is done.',
  reconciling: 'It runs. Load this page again in a few minutes.',
  repaid: 'The repayment is recorded, and the debt is smaller by it.',
  evidence_staged: 'Your evidence is staged. You can still change it until it is sent.',
  evidence_sent: 'The evidence is sent to the bank. It decides now; that takes weeks.',
  loss_accepted: 'You have accepted the loss.',
  schedule_asked: 'Your request waits for our staff. Until they approve it nothing changes.',
  approval_asked: 'This waits for another person of ops to approve it. Nothing has moved yet.',
  refund_asked: 'You have asked for a refund. The other side is asked to confirm it.',
  second_factor_needed: 'Whoever works here with real money has a second factor: turn it on first.',
  second_factor_off: 'Your second factor is off.',
  session_ended: 'The session has ended.',
  sessions_ended: 'Every other session of yours has ended.',
  password_changed: 'Your password is changed. Every other session of yours has ended.',
  password_set: 'Your new password is set. Sign in with it.',
  reset_asked: 'If that address has an account, a link is on its way to it. It is good for one hour.',
  invited: 'Invited: a link is on its way to them. It is good for seven days.',
  invitation_revoked: 'The invitation is taken back; its link opens nothing.',
  all_read: 'Everything is marked as read.',
  preferences_saved: 'Saved: this is what is mailed to you from now on.',
  key_revoked: 'The key is revoked: programs that use it are refused from now on.',
  keys_revoked: 'All your keys are revoked: programs that used them are refused from now on.',
  endpoint_saved: 'Saved.',
  endpoint_enabled: 'What happens from now on is sent to it.',
  endpoint_disabled: 'Nothing is sent to it any more.',
  endpoint_deleted: 'The endpoint is deleted.',
  webhook_replayed: 'The event is on its way again, with the same id.',
  onboarded: 'Thank you. Stripe tells us within moments whether anything is missing.',
};

/** What the timeline says of an event; `{amount}`, `{until}` and the like are filled in from its data. */
export const EVENTS: Readonly<Record<EventType, string>> = {
  'escrow.proposed': 'proposed these terms',
  'escrow.agreed': 'agreed to the terms',
  'escrow.active': 'Everything that must be paid is paid: work may begin',
  'escrow.cancel_requested': 'asked to cancel',
  'escrow.cancel_request_lapsed': 'The request to cancel lapsed',
  'escrow.cancelling': 'cancelled the escrow',
  'escrow.expiring': 'The time ran out',
  'escrow.cancelled': 'The escrow is cancelled',
  'escrow.expired': 'The escrow has expired',
  'escrow.completed': 'The escrow is complete',
  'escrow.frozen': 'froze it: {reason}',
  'escrow.unfrozen': 'ended the freeze',
  'payment.created': 'began to pay {amount}',
  'payment.succeeded': 'The payment of {amount} succeeded',
  'payment.processing': 'The payment of {amount} is being processed by the bank',
  'payment.requires_action': 'The bank asks the buyer to confirm the payment of {amount}',
  'payment.failed': 'The payment of {amount} failed: {message}',
  'payment.canceled': 'The payment of {amount} was cancelled',
  'payment.abandoned': 'The buyer did not confirm the payment in time',
  'payment.unknown': 'The payment’s outcome is not known; staff look at it',
  'payment.returned': 'The payment of {amount} came too late and goes back to the buyer',
  'milestone.funded': 'Paid: {amount} is held',
  'milestone.started': 'began the work',
  'milestone.submitted': 'submitted the work',
  'milestone.changes_requested': 'asked for changes: “{note}”',
  'milestone.extended': 'took more time to review, until {until}',
  'milestone.accepted': 'accepted {amount}',
  'milestone.auto_accepted': 'The time to review ended: {amount} counts as accepted',
  'milestone.inspection_reminder': 'The buyer was reminded to review the work',
  'milestone.overdue': 'The due date passed',
  'milestone.cancelled': 'Cancelled: {why}',
  'milestone.released': '{settled} was transferred to the seller',
  'milestone.blocked_kyc': 'The transfer waits for the seller’s verification',
  'milestone.blocked_funds': 'The transfer is delayed: the platform’s balance is short',
  'milestone.held_first_release': 'The first transfer to this seller waits until {until}',
  'milestone.blocked_ops': 'The transfer was refused; staff look at it',
  'milestone.verification_reminder': 'The seller was reminded to get verified',
  'refund.requested': 'asked for a refund of {amount}',
  'refund.request_lapsed': 'The request for a refund lapsed',
  'refund.ordered': 'ordered a refund of {amount}',
  'refund.pending': 'The refund of {amount} is on its way',
  'refund.succeeded': 'Refunded: {amount} went back to the buyer',
  'refund.waits': 'The refund of {amount} waits: the bank decides over the payment first',
  'refund.needs_bank': 'Stripe can make the refund of {amount} no more: staff pay it by bank transfer',
  'refund.failed': 'The refund of {amount} failed; staff look at it',
  'refund.came_back': 'The refund of {amount} came back from the bank: it is owed to the buyer',
  'refund.repaid': 'The refund of {amount} was made again: the buyer has it',
  'refund.charged_back': 'The buyer’s bank has given {amount} back that was owed',
  'refund.paid_by_bank': 'The buyer was paid {amount} by bank transfer',
  'milestone.recovering': 'The money is being taken back from the seller',
  'milestone.refunded': 'The money went back to the buyer',
  'milestone.not_recovered': 'The money could not be taken back; it stays with the seller',
  'amendment.proposed': 'proposed new terms (version {version})',
  'amendment.signed': 'signed the new terms',
  'amendment.rejected': 'rejected the new terms: the old ones stay',
  'amendment.lapsed': 'Not everybody signed the new terms in time: the old ones stay',
  'amendment.applied': 'The new terms are in force (version {version})',
  'dispute.opened': 'opened a dispute: “{reason}”',
  'dispute.replied': 'replied: “{message}”',
  'dispute.offered': 'offered that the seller gets {seller_amount}',
  'dispute.in_mediation': 'asked our staff to decide the dispute',
  'dispute.second_arbiter': 'A second person of our staff decides the dispute',
  'dispute.settled': 'settled the dispute: the seller gets {seller_amount}',
  'payment.taken_back': 'The buyer’s bank took the payment back after it had succeeded',
  'payment.loss_divided': 'What the bank took back is settled: first held money, then what was released',
  'card_dispute.opened': 'The buyer’s bank disputes the payment',
  'fraud_warning.received': 'The card network warns that the payment may be fraud',
  'fraud_warning.overdue': 'Staff did not decide over the fraud warning in time',
  'card_dispute.clawed_back': '{settled} was taken back from the seller and is held while the bank decides',
  'card_dispute.paid_again': '{settled} that was held while the bank decided went to the seller again',
  'card_dispute.fee_passed': '{settled} of Stripe’s fee for the dispute is the seller’s by the terms: a debt',
  'card_dispute.lifted': 'The bank’s dispute ended in the seller’s favour',
  'card_dispute.lost': 'The bank gave the disputed money back to the buyer',
};

/** A new kind of event still reads as words. */
export const eventWords = (type: string): string => EVENTS[type as EventType] ?? type.replaceAll(/[._]/g, ' ');
