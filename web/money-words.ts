// What money, payments, payouts, debts and postings are called; and what a buyer is told of a declined card.
import type { MoneyTerm } from '../db/ledger.ts';
import type { DebtStatus } from '../db/debts.ts';
import type { StatusWords } from './status-words.ts';

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

export const PAYMENT_STATUS: Record<string, StatusWords> = {
  creating: { label: 'Being made', tone: 'waiting' },
  reserved: { label: 'Being made', tone: 'waiting' },
  requires_payment_method: { label: 'Waiting for a payment method', tone: 'waiting' },
  requires_action: { label: 'Waiting for the bank’s confirmation', tone: 'waiting' },
  processing: { label: 'Being processed by the bank', tone: 'waiting' },
  pending: { label: 'On its way', tone: 'waiting' },
  needs_bank: { label: 'To be paid by bank transfer', tone: 'waiting' },
  succeeded: { label: 'Done', tone: 'good' },
  failed: { label: 'Failed', tone: 'bad' },
  canceled: { label: 'Cancelled', tone: 'plain' },
};

export const TRANSFERS_WORDS: Record<'active' | 'pending' | 'inactive', StatusWords> = {
  active: { label: 'Verified: you can be paid', tone: 'good' },
  pending: { label: 'Stripe is checking what you sent', tone: 'waiting' },
  inactive: { label: 'Not verified yet: you cannot be paid', tone: 'bad' },
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

export const DEBT_STATUS: Record<DebtStatus, StatusWords> = {
  open: { label: 'Open', tone: 'waiting' },
  recovered: { label: 'Taken out of releases', tone: 'good' },
  repaid: { label: 'Repaid', tone: 'good' },
  written_off: { label: 'Written off', tone: 'plain' },
  cancelled: { label: 'Cancelled', tone: 'plain' },
};

export const STRIPE_CALLS: Record<string, string> = {
  'transfers.create': 'a transfer',
  'refunds.create': 'a refund',
  'transfers.create_reversal': 'a reversal of a transfer',
  'payment_intents.create': 'a payment',
  'payment_intents.cancel': 'the cancellation of a payment',
  'checkout.sessions.expire': 'the closing of Stripe’s page for a payment',
};

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
