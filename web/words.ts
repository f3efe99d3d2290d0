// Every word that stands for a code: statuses, actions, events, reasons. No page shows an enum; all of them are said here.
import type { ReconciliationRun } from '../db/reconciliation.ts';
import type { Repair } from '../domain/reconciliation.ts';
import type { EventType } from '../domain/messages.ts';
import type { EscrowStatus, FreezeReason, MilestoneStatus, Role } from '../domain/escrow-state.ts';
import type { MoneyTerm } from '../db/ledger.ts';
import type { ApprovalKind, ApprovalStatus } from '../db/approvals.ts';
import type { DebtStatus } from '../db/debts.ts';
import type { QueueName } from '../db/queues.ts';
import type { EventState } from '../db/stripe-events.ts';
import type { DisputePhase } from '../domain/chargeback.ts';
import type { Action } from '../domain/transitions.ts';
import type { EvidenceFileField } from '../payments/port.ts';

/** How a chip looks; its words say the same, so that nothing depends on colour. */
export type Tone = 'plain' | 'waiting' | 'held' | 'good' | 'bad';

interface StatusWords {
  label: string;
  tone: Tone;
}

export const ESCROW_STATUS: Record<EscrowStatus, StatusWords> = {
  proposed: { label: 'Waiting for agreement', tone: 'waiting' },
  agreed: { label: 'Agreed, not paid yet', tone: 'waiting' },
  funding: { label: 'Being paid', tone: 'waiting' },
  active: { label: 'Work under way', tone: 'held' },
  amending: { label: 'Terms being changed', tone: 'waiting' },
  settling: { label: 'Being settled', tone: 'waiting' },
  completed: { label: 'Completed', tone: 'good' },
  cancelled: { label: 'Cancelled', tone: 'plain' },
  expired: { label: 'Expired', tone: 'plain' },
};

export const MILESTONE_STATUS: Record<MilestoneStatus, StatusWords> = {
  planned: { label: 'Planned', tone: 'plain' },
  awaiting_funding: { label: 'Not paid yet', tone: 'waiting' },
  requires_action: { label: 'Waiting for the bank’s confirmation', tone: 'waiting' },
  processing: { label: 'The bank is processing the payment', tone: 'waiting' },
  funded: { label: 'Paid, held', tone: 'held' },
  started: { label: 'Work has begun', tone: 'held' },
  submitted: { label: 'Delivered, to be reviewed', tone: 'waiting' },
  changes_requested: { label: 'Changes asked for', tone: 'waiting' },
  overdue: { label: 'Overdue', tone: 'bad' },
  accepted: { label: 'Accepted', tone: 'good' },
  releasing: { label: 'On its way to the seller', tone: 'waiting' },
  blocked_kyc: { label: 'Accepted; waits for the seller’s verification', tone: 'bad' },
  blocked_funds: { label: 'Accepted; the transfer is delayed', tone: 'bad' },
  refunding: { label: 'Refund on its way', tone: 'waiting' },
  recovering: { label: 'Being taken back for a refund', tone: 'waiting' },
  disputed: { label: 'Disputed', tone: 'bad' },
  released: { label: 'Paid to the seller', tone: 'good' },
  refunded: { label: 'Refunded to the buyer', tone: 'plain' },
  cancelled: { label: 'Cancelled', tone: 'plain' },
};

export const PAYMENT_STATUS: Record<string, StatusWords> = {
  creating: { label: 'Being made', tone: 'waiting' },
  reserved: { label: 'Being made', tone: 'waiting' },
  requires_payment_method: { label: 'Waiting for a payment method', tone: 'waiting' },
  requires_action: { label: 'Waiting for the bank’s confirmation', tone: 'waiting' },
  processing: { label: 'Being processed by the bank', tone: 'waiting' },
  pending: { label: 'On its way', tone: 'waiting' },
  succeeded: { label: 'Done', tone: 'good' },
  failed: { label: 'Failed', tone: 'bad' },
  canceled: { label: 'Cancelled', tone: 'plain' },
};

/** Never a bare code: what is not known here is said as such. */
export const statusWords = (words: Record<string, StatusWords>, status: string): StatusWords =>
  words[status] ?? { label: `Unknown (${status})`, tone: 'bad' };

export const MONEY_WORDS: Record<MoneyTerm, string> = {
  charged: 'Paid by the buyer',
  owed: 'Owed by the seller',
  absorbed: 'Borne by the platform',
  held: 'Held',
  released: 'Paid to the seller',
  refunded: 'Refunded to the buyer',
  charged_back: 'Charged back',
  fees: 'Fees',
  tax: 'Tax',
  disputed: 'Disputed at the bank',
};

export const STRIPE_CALLS: Record<string, string> = {
  'transfers.create': 'a transfer',
  'refunds.create': 'a refund',
  'transfers.create_reversal': 'a reversal of a transfer',
  'payment_intents.create': 'a payment',
  'payment_intents.cancel': 'the cancellation of a payment',
  'checkout.sessions.expire': 'the closing of Stripe’s page for a payment',
};

export const FREEZE_REASON: Record<FreezeReason, string> = {
  in_product_dispute: 'buyer and seller are in dispute',
  card_dispute: 'it is disputed at the buyer’s bank',
  fraud_warning: 'the card network warns of fraud',
  risk: 'it is under review',
  seller_restricted: 'the seller’s account is restricted',
  ops: 'stopped by our staff',
};

export const ROLE_WORDS: Record<Role, string> = { buyer: 'Buyer', seller: 'Seller', ops: 'Staff', auditor: 'Auditor' };

export const TRANSFERS_WORDS: Record<'active' | 'pending' | 'inactive', StatusWords> = {
  active: { label: 'Verified: you can be paid', tone: 'good' },
  pending: { label: 'Stripe is checking what you sent', tone: 'waiting' },
  inactive: { label: 'Not verified yet: you cannot be paid', tone: 'bad' },
};

export const EVENT_STATE: Record<EventState, StatusWords> = {
  received: { label: 'Waiting', tone: 'waiting' },
  done: { label: 'Done', tone: 'good' },
  ignored: { label: 'Not needed', tone: 'plain' },
  parked: { label: 'Parked: needs a person', tone: 'bad' },
  quarantined: { label: 'Quarantined: not for us', tone: 'bad' },
};

export const APPROVAL_KIND: Record<ApprovalKind, string> = {
  refund: 'Refund over the limit',
  ruling: 'Ruling over the limit',
  release: 'Manual release',
  write_off: 'Write off a debt',
  payout_schedule: 'Another payout schedule',
  force_decision: 'Decision over money held too long',
  cancel: 'Cancellation by ops',
  reconciliation_repair: 'Repair of a difference to Stripe’s books',
};

export const RUN_STATUS: Record<ReconciliationRun['status'], StatusWords> = {
  running: { label: 'Under way', tone: 'waiting' },
  clean: { label: 'Clean', tone: 'good' },
  differences: { label: 'Differences', tone: 'bad' },
  failed: { label: 'Failed: run it again', tone: 'bad' },
};

export const DIFFERENCE_STATUS: Record<'open' | 'asked' | 'repaired', StatusWords> = {
  open: { label: 'Open', tone: 'bad' },
  asked: { label: 'A repair is asked for', tone: 'waiting' },
  repaired: { label: 'Repaired', tone: 'good' },
};

export const REPAIR_WORDS: Record<Repair, string> = {
  deliver_event: 'Deliver its event again',
  post: 'Post what Stripe booked',
  correct: 'Post the difference as a correction',
  reverse_transfer: 'Reverse the transfer at Stripe, and post both',
  project_again: 'Write the projection again',
  explain: 'Leave it as it is, explained',
};

export const APPROVAL_STATUS: Record<ApprovalStatus, StatusWords> = {
  pending: { label: 'Waits for a second person', tone: 'waiting' },
  approved: { label: 'Approved, being carried out', tone: 'held' },
  denied: { label: 'Denied', tone: 'plain' },
  expired: { label: 'Expired', tone: 'plain' },
  executed: { label: 'Carried out', tone: 'good' },
  failed: { label: 'Approved, could not be carried out', tone: 'bad' },
};

/** Names of parameters and outcomes as people say them. */
export const PARAM_WORDS: Record<string, string> = {
  command: 'What',
  escrow_id: 'Escrow',
  milestone_id: 'Milestone',
  dispute_id: 'Dispute',
  debt_id: 'Debt',
  seller_id: 'Seller',
  stripe_account_id: 'Account at Stripe',
  amount: 'Amount',
  seller_amount: 'The seller gets',
  currency: 'Currency',
  reason: 'Reason',
  interval: 'How often',
  weekly_anchor: 'On which weekday',
  monthly_anchor: 'On which day of the month',
  status: 'Status',
  detail: 'Why',
  code: 'Code',
};

export const DEBT_STATUS: Record<DebtStatus, StatusWords> = {
  open: { label: 'Open', tone: 'waiting' },
  recovered: { label: 'Taken out of releases', tone: 'good' },
  repaid: { label: 'Repaid', tone: 'good' },
  written_off: { label: 'Written off', tone: 'plain' },
  cancelled: { label: 'Cancelled', tone: 'plain' },
};

export const QUEUE_WORDS: Record<QueueName, { label: string; what: string }> = {
  rulings: { label: 'Disputes to rule', what: 'Both sides have said what they have to say.' },
  approvals: { label: 'Approvals', what: 'Another of ops asked for something.' },
  chargebacks: { label: 'Chargebacks without evidence sent', what: 'The bank stops listening at its date.' },
  blocked_funds: { label: 'Transfers short of funds', what: 'Top the platform’s balance up at Stripe.' },
  refunds_by_bank: {
    label: 'Refunds to pay by bank transfer',
    what: 'Stripe can make them no more: the buyer waits for the money.',
  },
  blocked_kyc: { label: 'Transfers that wait for verification', what: 'The seller has to act; they are reminded.' },
  frozen: { label: 'Frozen escrows', what: 'Nothing moves there until the freeze ends.' },
  reconciliation: { label: 'Differences to Stripe’s books', what: 'Our ledger and Stripe’s say something else.' },
  unknown: { label: 'Statuses that are not known here', what: 'Stripe said something new: a person decides.' },
  alerts: { label: 'Other alerts', what: 'What the product could not settle by itself.' },
  parked: { label: 'Parked events', what: 'Tried twelve times; looked at hourly.' },
  quarantined: { label: 'Quarantined events', what: 'Of another mode, account or version.' },
  payouts: { label: 'Failed payouts', what: 'The seller must correct the bank account.' },
  open_commands: { label: 'Commands without an outcome', what: 'Asked for again by themselves.' },
};

export const PAYOUT_STATUS: Record<string, StatusWords> = {
  pending: { label: 'Being prepared', tone: 'waiting' },
  in_transit: { label: 'On its way to the bank', tone: 'held' },
  paid: { label: 'Paid out', tone: 'good' },
  failed: { label: 'Failed', tone: 'bad' },
  canceled: { label: 'Cancelled', tone: 'plain' },
};

export const SCHEDULE_WORDS: Record<string, string> = {
  daily: 'Every day',
  weekly: 'Every week',
  monthly: 'Every month',
  manual: 'Only when asked for',
};

export const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'].map(
  (day) => [day, `${day.charAt(0).toUpperCase()}${day.slice(1)}`] as const,
);

const POSTINGS: Record<string, string> = {
  charge_captured: 'Charged to the buyer',
  charge_allocated: 'Held for its milestones',
  charge_unallocated: 'Given up before its answer came',
  part_accepted: 'Accepted',
  transfer: 'Transferred to the seller',
  transfer_reversed: 'Taken back from the seller',
  transferred_again: 'Transferred again',
  debt_recovered: 'Debt taken off',
  written_off: 'Debt written off',
  refund_asked: 'Refund ordered',
  refund_settled: 'Refund booked by Stripe',
  refund_returned: 'Refund that failed',
  refund_undone: 'Refund undone',
  dispute_withdrawn: 'Taken by the bank',
  dispute_reinstated: 'Given back by the bank',
  dispute_lost: 'Lost at the bank',
  dispute_fee_passed: 'Stripe’s dispute fee, passed on to the seller',
  dispute_fee_returned: 'Stripe’s dispute fee, no longer owed',
};

/** What a posting of the ledger is, in words. */
export const postingWords = (kind: string): string => POSTINGS[kind] ?? kind.replaceAll('_', ' ');

/** Postings and movements as a statement says them. */
export const STATEMENT_WORDS: Record<string, string> = {
  part_accepted: 'Work accepted, less the fee',
  transfer: 'Transferred to your Stripe balance',
  transfer_reversed: 'Taken back from your Stripe balance',
  transferred_again: 'Transferred to you again',
  debt_recovered: 'Debt taken off',
  written_off: 'Debt written off',
  refund_asked: 'Refunded to the buyer after release',
  refund_undone: 'Refund that failed, given back to you',
  dispute_lost: 'Lost dispute at the bank',
  dispute_fee_passed: 'Stripe’s fee for a lost dispute, by the terms',
  dispute_fee_returned: 'Stripe’s fee for a dispute, given back',
  payment: 'Payment',
  refund: 'Refund',
  chargeback: 'Given back by the bank after a dispute',
};

export const CARD_DISPUTE_PHASE: Record<DisputePhase, StatusWords> = {
  inquiry: { label: 'The bank asks questions', tone: 'waiting' },
  inquiry_review: { label: 'The bank looks at the answer', tone: 'waiting' },
  open: { label: 'Waits for evidence', tone: 'bad' },
  review: { label: 'The bank decides', tone: 'waiting' },
  appeal: { label: 'Decided, and may be appealed; staff look at it', tone: 'bad' },
  appeal_review: { label: 'The bank decides over the appeal', tone: 'waiting' },
  won: { label: 'Won', tone: 'good' },
  lost: { label: 'Lost', tone: 'bad' },
  lifted: { label: 'Ended without loss', tone: 'good' },
  unknown: { label: 'Unknown; staff look at it', tone: 'bad' },
};

/** Stripe’s fields of evidence that take a file, as people understand them. */
export const EVIDENCE_FIELDS: Record<EvidenceFileField, string> = {
  customer_communication: 'Messages with the buyer',
  service_documentation: 'Proof that the work was done',
  receipt: 'Receipt or invoice',
  customer_signature: 'Signature or acceptance of the buyer',
  refund_policy: 'Refund policy',
  cancellation_policy: 'Cancellation policy',
  uncategorized_file: 'Anything else',
};

export const FUNDING_WORDS = {
  upfront: 'Everything is paid before work starts',
  per_milestone: 'Each milestone is paid before its work starts',
} as const;

export const CLAWBACK_WORDS = {
  at_loss: 'When the bank has decided against the seller',
  at_opening: 'At once; held while the bank decides',
};

export const DISPUTE_FEE_WORDS = {
  platform: 'Tranche',
  seller: 'The seller, by their share of the loss',
};

export const FEE_PAYER_WORDS = {
  seller: 'The seller pays the fee',
  buyer: 'The buyer pays the fee',
  shared: 'Buyer and seller share the fee',
} as const;

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

/** The test cards that the sandbox and Stripe's test mode take, as people understand them. */
export const TEST_METHODS: readonly { id: string; label: string; what: string }[] = [
  { id: 'pm_card_visa', label: 'Pay with a card that works', what: 'The payment succeeds at once.' },
  { id: 'pm_card_chargeDeclined', label: 'Pay with a card that is declined', what: 'Nothing is charged; you can try another.' },
  { id: 'pm_card_authenticationRequired', label: 'Pay with a card whose bank asks you', what: 'The bank’s page opens; you confirm there.' },
]; // prettier-ignore

const DECLINES: Record<string, string> = {
  insufficient_funds: 'The card does not have enough money.',
  expired_card: 'The card has expired.',
  incorrect_cvc: 'The card’s security code is wrong.',
  lost_card: 'The bank declined the card.',
  stolen_card: 'The bank declined the card.',
  processing_error: 'The bank could not process the card at this moment.',
};

/** Stripe's advice: never tell the buyer that a card is reported lost, stolen or suspected. */
export const declineWords = (code: unknown): string =>
  (typeof code === 'string' ? DECLINES[code] : undefined) ?? 'The bank declined the payment.';
