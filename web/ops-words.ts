// What staff's queues, events, approvals and reconciliations are called.
import type { ReconciliationRun } from '../db/reconciliation.ts';
import type { Repair } from '../domain/reconciliation.ts';
import type { QueueName } from '../db/queues.ts';
import type { EventState } from '../db/stripe-events.ts';
import type { ApprovalKind, ApprovalStatus } from '../db/approvals.ts';
import type { StatusWords } from './status-words.ts';

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
