// What each message says: a subject, one to three sentences, and where its button leads. The same words stand in the mail
// and in the list of notifications. Amounts and moments are written as the person who reads them writes them.
import { isMessageKind, type MessageData, type MessageKind } from '../domain/messages.ts';
import { formatMoment, formatMoney } from '../web/format.ts';

export interface Words {
  subject: string;
  says: string[];
  /** Label and own path, or the whole address of a link that is good once. Null: there is nothing to open. */
  button: { label: string; to: string } | null;
}

export interface WordsReader {
  locale: string;
  timeZone: string;
}

export interface Facts {
  reader: WordsReader;
  data: MessageData;
  escrowId: string | null;
  /** Of a mail that carries a link which is good once; absent wherever the message is shown again. */
  link?: string | undefined;
}

type Template = (f: Facts) => Words;

const text = (f: Facts, name: string, otherwise = ''): string => {
  const value = f.data[name];
  return value === null || value === undefined || value === '' ? otherwise : String(value);
};
const title = (f: Facts) => `“${text(f, 'title', 'an escrow')}”`;
/** The milestone, else the escrow. */
const work = (f: Facts) => `“${text(f, 'milestone', text(f, 'title', 'an escrow'))}”`;
const when = (f: Facts, name: string) => formatMoment(f.reader, Number(f.data[name]));
const has = (f: Facts, name: string) => f.data[name] !== null && f.data[name] !== undefined;
const money = (f: Facts, name = 'amount', currency = 'currency') =>
  has(f, name) && has(f, currency)
    ? formatMoney(f.reader.locale, { amount: Number(f.data[name]), currency: String(f.data[currency]) })
    : 'the money';
const open = (f: Facts, label = 'Open the escrow'): Words['button'] =>
  f.escrowId === null ? null : { label, to: `/escrows/${f.escrowId}` };
/** The escrow's title where the sentence names only its milestone. */
const where = (f: Facts) => (has(f, 'milestone') ? [`It belongs to ${title(f)}.`] : []);

/** What waits says by itself what to do, by when, and what happens otherwise: domain/waiting.ts. */
const wait =
  (subject: (f: Facts) => string, label: string): Template =>
  (f) => ({
    subject: subject(f),
    says: [
      text(f, 'what'),
      ...(has(f, 'until') ? [`You have time until ${when(f, 'until')}. Otherwise: ${text(f, 'otherwise')}`] : has(f, 'otherwise') ? [text(f, 'otherwise')] : []), // prettier-ignore
      ...where(f),
    ],
    button: open(f, label),
  });

const happened =
  (subject: (f: Facts) => string, ...says: ((f: Facts) => string)[]): Template =>
  (f) => ({ subject: subject(f), says: [...says.map((say) => say(f)), ...where(f)], button: open(f) });

const ENDINGS: Record<string, string> = { 'escrow.completed': 'is complete', 'escrow.cancelled': 'is cancelled', 'escrow.expired': 'has expired' }; // prettier-ignore
const AMENDMENTS: Record<string, string> = { 'amendment.applied': 'are in force', 'amendment.rejected': 'were rejected: the old ones stay', 'amendment.lapsed': 'were not signed in time: the old ones stay' }; // prettier-ignore
const FAILED: Record<string, string> = {
  'payment.failed': 'The bank declined it. Nothing was charged; you can pay in another way.',
  'payment.canceled': 'It was cancelled. Nothing was charged; you can pay again.',
  'payment.abandoned': 'It was not confirmed in time. Nothing was charged; you can pay again.',
};
const DISPUTE_ENDS: Record<string, string> = { silence: 'Nobody replied in time.', agreed: 'Both sides agreed.', ruled: 'Our staff decided.', default: 'The time for a decision ended.' }; // prettier-ignore

/** A link that is good once stands in the mail alone. */
const once = (f: Facts, label: string): Words['button'] => (f.link === undefined ? null : { label, to: f.link });

export const WORDS: Record<MessageKind, Template> = {
  agree: wait((f) => `Please agree: ${title(f)}`, 'Read the terms'),
  sign_amendment: wait((f) => `New terms to sign: ${title(f)}`, 'Read the new terms'),
  cancel_request: wait((f) => `The other side asks to cancel ${title(f)}`, 'Answer the request'),
  pay: wait((f) => `Please pay: ${title(f)}`, 'Pay'),
  confirm_payment: wait((f) => `Confirm your payment with your bank: ${title(f)}`, 'Confirm the payment'),
  deliver: wait((f) => `Money is held for ${work(f)}`, 'Open the work'),
  make_changes: wait((f) => `Changes are asked for: ${work(f)}`, 'See what to change'),
  overdue: wait((f) => `Overdue: ${work(f)}`, 'Submit the work'),
  review: wait((f) => `Please review the delivery: ${work(f)}`, 'Review the delivery'),
  refund_request: wait((f) => `A refund is asked for: ${work(f)}`, 'Answer the request'),
  reply: wait((f) => `A dispute waits for your reply: ${work(f)}`, 'Reply'),
  negotiate: wait((f) => `Your dispute can be settled: ${work(f)}`, 'Make an offer'),
  settle_dispute: wait((f) => `A dispute holds up ${work(f)}`, 'Open the dispute'),
  verify: wait((f) => `Money waits for your verification: ${work(f)}`, 'Get verified'),
  give_stripe_details: wait((f) => `Stripe restricts your account: ${work(f)}`, 'See what is missing'),
  rule: wait((f) => `A dispute to rule: ${work(f)}`, 'Open the dispute'),
  rule_second: wait((f) => `A dispute for the second arbiter: ${work(f)}`, 'Open the dispute'),
  dispute_suspended: wait((f) => `A dispute is suspended: ${work(f)}`, 'Open the escrow'),
  unfreeze: wait((f) => `Frozen: ${title(f)}`, 'Open the escrow'),
  clear_fraud_warning: wait((f) => `A fraud warning: ${title(f)}`, 'Open the escrow'),
  look_at_risk: wait((f) => `A risk to look at: ${title(f)}`, 'Open the escrow'),
  refund_by_bank: wait((f) => `A refund to pay by bank transfer: ${work(f)}`, 'Open the escrow'),
  top_up: wait((f) => `The platform’s balance is short: ${work(f)}`, 'Open the escrow'),

  payment_failed: happened((f) => `Your payment failed: ${title(f)}`, (f) => `The payment of ${money(f)} did not go through. ${FAILED[text(f, 'event')] ?? 'You can pay again.'}`),
  payment_returned: happened((f) => `Your late payment goes back: ${title(f)}`, (f) => `${money(f)} arrived after its time and goes back to you.`),
  work_extended: happened((f) => `More time to review: ${work(f)}`, (f) => `The buyer took more time to review your work${has(f, 'until') ? `, until ${when(f, 'until')}` : ''}.`),
  work_overdue: happened((f) => `Overdue: ${work(f)}`, () => 'The due date passed and nothing was submitted. You may wait, or ask for a refund.'),
  review_reminder: happened((f) => `Reminder: please review ${work(f)}`, (f) => `Your time to review the delivery ends${has(f, 'ends_at') ? ` at ${when(f, 'ends_at')}` : ' soon'}. If you do nothing until then, the money goes to the seller.`),
  auto_accepted: happened((f) => `The time to review ended: ${work(f)}`, (f) => `The time to review ended, so ${money(f)} counts as accepted and goes to the seller.`),
  released: happened((f) => `You are paid: ${money(f, 'amount', 'settlement')} for ${work(f)}`, (f) => `${money(f, 'amount', 'settlement')} was transferred to your Stripe balance.`),
  first_release: happened((f) => `Your first payment waits: ${work(f)}`, (f) => `The work was accepted. Before the platform pays a seller for the first time it waits: the money goes to you by itself${has(f, 'until') ? ` on ${when(f, 'until')}` : ' then'}.`),
  refunded: happened((f) => `Refunded: ${work(f)}`, (f) => `${money(f)} went back to the buyer. Banks take up to ten days to show it.`),
  refund_needs_bank: happened((f) => `A refund by bank transfer: ${work(f)}`, (f) => `Our payment provider cannot refund this payment any more, so ${money(f)} goes to the buyer by bank transfer. Our staff ask the buyer for their account; the money is held until then.`),
  refund_failed: happened((f) => `A refund failed: ${work(f)}`, (f) => `The refund of ${money(f)} failed. Nothing is lost: the money is held, and our staff look at it.`),
  request_lapsed: happened((f) => `No answer in time: ${work(f)}`, () => 'A request was not answered in time, so that nothing changed.'),
  not_recovered: happened((f) => `The money stays with the seller: ${work(f)}`, () => 'Money that was released could not be taken back.'),
  milestone_cancelled: happened((f) => `Cancelled: ${work(f)}`, (f) => `The milestone was cancelled${has(f, 'why') ? `: ${text(f, 'why')}` : ''}.`),
  escrow_ended: happened((f) => `${title(f)} ${ENDINGS[text(f, 'event')] ?? 'has ended'}`, (f) => `The escrow ${ENDINGS[text(f, 'event')] ?? 'has ended'}. Its page keeps everything that happened.`),
  amendment_ended: happened((f) => `About the new terms of ${title(f)}`, (f) => `The new terms ${AMENDMENTS[text(f, 'event')] ?? 'have ended'}.`),
  offer: happened((f) => `An offer in your dispute: ${work(f)}`, (f) => `The other side offers that the seller gets ${money(f, 'seller_amount')}. You can take it, make another, or let our staff decide.`),
  dispute_settled: happened((f) => `The dispute is settled: ${work(f)}`, (f) => `${DISPUTE_ENDS[text(f, 'how')] ?? 'The dispute has ended.'} The seller gets ${money(f, 'seller_amount')}; the rest goes back to the buyer.`),
  dispute_escalated: happened((f) => `Our staff decide the dispute: ${work(f)}`, () => 'Our staff look at everything that both sides wrote, and decide.'),
  frozen: happened((f) => `Frozen: ${title(f)}`, () => 'Nothing moves and no time runs until the freeze ends. The money is safe.'),
  unfrozen: happened((f) => `No longer frozen: ${title(f)}`, () => 'The freeze has ended; its times run on.'),
  chargeback: happened((f) => `${text(f, 'event') === 'payment.taken_back' ? 'A bank took back' : 'A bank disputes'} the payment of ${title(f)}`, (f) => text(f, 'event') === 'payment.taken_back' ? 'The buyer’s bank returned the debit after it had succeeded. The loss falls first on what is still held, then on what was released.' : 'The buyer’s bank disputes the payment. What it paid for stands still until the bank decides.'),
  clawed_back: happened((f) => `${text(f, 'event') === 'card_dispute.paid_again' ? 'Paid to you again' : 'Taken back while the bank decides'}: ${money(f, 'amount', 'settlement')} for ${work(f)}`, (f) => text(f, 'event') === 'card_dispute.paid_again' ? `${money(f, 'amount', 'settlement')} that was held while the buyer’s bank decided went to your Stripe balance again.` : `The buyer’s bank disputes the payment. By the terms ${money(f, 'amount', 'settlement')} that you were paid out of it is taken back and held while the bank decides; when the dispute is won, it is paid to you again.`),
  chargeback_ended: happened((f) => `The bank’s dispute has ended: ${title(f)}`, (f) => text(f, 'event') === 'payment.loss_divided' ? 'What the bank took back is settled.' : text(f, 'event') === 'card_dispute.lost' ? 'The bank gave the disputed money back to the buyer.' : 'The bank’s dispute ended in the seller’s favour: everything goes on.'),
  verify_reminder: (f) => ({ ...happened((g) => `Reminder: money waits for your verification: ${work(g)}`, () => 'Stripe still needs something of you before it may pay you. The money stays held for you until then.')(f), button: { label: 'Get verified', to: '/verification' } }),

  evidence_due: (f) => ({
    subject: `Evidence is needed: ${title(f)}`,
    says: [`The buyer’s bank disputes ${money(f)}. Send your evidence${has(f, 'until') ? ` before ${when(f, 'until')}` : ''}; without it the bank decides for the buyer.`],
    button: open(f, 'Send evidence'),
  }),
  evidence_reminder: (f) => ({
    subject: `Reminder: evidence is needed: ${title(f)}`,
    says: [`The time for your evidence against the chargeback of ${money(f)} ends${has(f, 'until') ? ` at ${when(f, 'until')}` : ' soon'}. What you have staged by then goes out by itself; without any the bank decides for the buyer.`],
    button: open(f, 'Send evidence'),
  }),
  released_refund_request: (f) => ({
    subject: `A refund of released money is asked for: ${work(f)}`,
    says: [`The other side asks that ${money(f)} which was already paid out goes back. Confirm it by the same action, or let the request lapse${has(f, 'until') ? ` at ${when(f, 'until')}` : ''}.`],
    button: open(f, 'Answer the request'),
  }),
  payout_failed: (f) => ({
    subject: 'A payout to your bank failed',
    says: [text(f, 'advice', 'The bank sent the payout back. Check your bank details with Stripe.')],
    button: { label: 'Verification and money', to: '/verification' },
  }),
  debt_opened: (f) => ({
    subject: `You owe ${money(f)} for ${title(f)}`,
    says: [`${text(f, 'kind') === 'costs' ? 'A dispute at the buyer’s bank was lost, and the terms make Stripe’s fee for it yours.' : `Money that you had been paid went back to the buyer, and ${money(f)} of it could not be taken back at once.`} It is taken out of your next releases, oldest first; you can also repay it.`],
    button: open(f),
  }),
  debt_reminder: (f) => ({
    subject: `Reminder: you owe ${money(f)} for ${title(f)}`,
    says: [`${money(f)} of ${text(f, 'kind') === 'costs' ? 'Stripe’s fee for a lost dispute' : 'money that went back to a buyer'} is still open. It is taken out of your next releases, oldest first; you can also repay it by bank transfer.`],
    button: open(f),
  }),
  approval_waiting: (f) => ({
    subject: `A second person is needed: ${text(f, 'approval_kind').replaceAll('_', ' ')}`,
    says: [`A colleague asks for ${text(f, 'approval_kind').replaceAll('_', ' ')}${has(f, 'amount') && has(f, 'currency') ? ` of ${money(f)}` : ''}. Approve or deny it${has(f, 'until') ? ` before ${when(f, 'until')}` : ''}; otherwise it expires and nothing happens.`],
    button: f.escrowId === null ? { label: 'Today', to: '/ops' } : open(f),
  }),
  approval_decided: (f) => ({
    subject: `Your request is ${text(f, 'status')}: ${text(f, 'approval_kind').replaceAll('_', ' ')}`,
    says: [`What you asked for (${text(f, 'approval_kind').replaceAll('_', ' ')}) is ${text(f, 'status')}.`],
    button: open(f),
  }),
  endpoint_disabled: (f) => ({
    subject: 'Your webhook endpoint was disabled',
    says: [`Nothing is sent to ${text(f, 'url')} any more: ${text(f, 'reason')}. Mend it, enable it again, and replay what it missed.`],
    button: { label: 'Your endpoints', to: '/webhook-endpoints' },
  }),
  alert: (f) => ({
    subject: `Needs a person: ${text(f, 'alert').replaceAll('_', ' ')}`,
    says: ['The product could not settle this by itself. What is known of it stands on the page of today.'],
    button: { label: 'Today', to: '/ops' },
  }),
  password_reset: (f) => ({
    subject: 'Set a new password',
    says: ['Somebody, hopefully you, asked for a new password. The link is good for one hour and for one time.', 'If it was not you, do nothing: your password stays as it is.'],
    button: once(f, 'Set a new password'),
  }),
  password_changed: (f) => ({
    subject: 'Your password was changed',
    says: [
      `Your password was changed, and every other session of yours was ended${Number(f.data['revoked_keys'] ?? 0) > 0 ? '; your API keys were revoked with it' : ''}.`,
      ...(has(f, 'live_keys') ? [`Your API keys work on: ${text(f, 'live_keys')}. If somebody else may have had your password, revoke them: each of them, or all with one click.`] : []),
      'If it was not you, set a new password at once and tell us.',
    ],
    button: has(f, 'live_keys') ? { label: 'Your API keys', to: '/api-keys' } : { label: 'Your security', to: '/security' },
  }),
  invitation: (f) => ({
    subject: `${text(f, 'by', 'Somebody')} invites you to Tranche`,
    says: [
      `${text(f, 'by', 'Somebody')} invites you as ${text(f, 'role_words', 'a person')}.${has(f, 'note') ? ` They write: “${text(f, 'note')}”` : ''}`,
      'The link makes your account. It is good for seven days and for one time.',
    ],
    button: once(f, 'Accept the invitation'),
  }),
  second_factor_changed: (f) => ({
    subject: text(f, 'on') === 'true' ? 'Your second factor is on' : 'Your second factor is off',
    says: [text(f, 'on') === 'true' ? 'Signing in now asks for a code of your authenticator app.' : 'Signing in no longer asks for a code.', 'If it was not you, set a new password at once and tell us.'],
    button: { label: 'Your security', to: '/security' },
  }),
  recovery_code_used: (f) => ({
    subject: 'A recovery code was used',
    says: [`Somebody signed in as you with a recovery code. ${text(f, 'left', '0')} are left.`, 'If it was not you, set a new password at once and tell us.'],
    button: { label: 'Your security', to: '/security' },
  }),
}; // prettier-ignore

/** A kind that this version does not know, such as one that a newer version queued before it was taken back, is said neutrally. */
export function wordsOf(kind: string, facts: Facts): Words {
  if (isMessageKind(kind)) return WORDS[kind](facts);
  return {
    subject: facts.data['title'] === undefined ? 'A message of Tranche' : `A message about ${title(facts)}`,
    says: ['This version of Tranche has no words for it; what it is about is on its page.'],
    button: open(facts),
  };
}
