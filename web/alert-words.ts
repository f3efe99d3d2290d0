// What each alert of ops says, and what to do about it: one sentence each; docs/operator.md has them all, by `npx tsx cli/docs-diagram.ts --write`.
import type { AlertKind } from '../domain/alerts.ts';

interface AlertWords {
  label: string;
  todo: string;
}

const WORDS: Readonly<Record<AlertKind, AlertWords>> = {
  active_seller_refused: {
    label: 'Stripe refuses a seller whom it calls active',
    todo: 'Read the code. Look the account up at Stripe: a capability is missing, or the account was closed. The transfer is tried again when Stripe says that something changed.',
  },
  balance_drift: {
    label: 'A balance differs from Stripe’s',
    todo: 'Open the reconciliation run: its differences say what is missing. Nothing is posted without two people.',
  },
  blocked_funds: {
    label: 'A transfer was short of funds',
    todo: 'Top the platform’s balance up at Stripe. It is tried again hourly.',
  },
  charge_failed_late: {
    label: 'A payment failed after it had succeeded',
    todo: 'Stripe does not say what it took back, and nothing was booked by a guess. Freeze the escrow. Look the charge up at Stripe: where it took money, the reconciliation names the difference and its repair; where it took none, write that here.',
  },
  dispute_appeal: {
    label: 'A chargeback went on after its end',
    todo: 'The bank or the network took it up again. Follow it at Stripe: its outcome is booked by itself.',
  },
  dispute_beyond_charge: {
    label: 'A chargeback takes more than the charge brought',
    todo: 'The platform bears what is beyond. Ask Stripe why, and keep the answer.',
  },
  dispute_evidence_failed: {
    label: 'Evidence could not be sent',
    todo: 'Read the message. Open the chargeback, mend what Stripe refuses, and send it before its date.',
  },
  dispute_fee_returned: {
    label: 'Stripe gave back a fee that a seller had paid',
    todo: 'Pay the seller the amount by bank transfer, and write its reference here.',
  },
  dispute_returned_after_loss: {
    label: 'A chargeback that was lost came back',
    todo: 'The money is booked. Decide with the parties whose it is: the loss was divided already.',
  },
  dispute_status_unknown: {
    label: 'A chargeback has a status that is not known here',
    todo: 'Look it up at Stripe. Do not guess; usually an update of Tranche knows it.',
  },
  fraud_overdue: {
    label: 'A fraud warning waits for its decision',
    todo: 'Refund the payment, or unfreeze the escrow if you are sure. Its time is over.',
  },
  fraud_warning: {
    label: 'The card’s bank warns of fraud',
    todo: 'Refund it while it is held: a chargeback costs a fee as well. Or unfreeze the escrow.',
  },
  held_money_may_leave: {
    label: 'Stripe may pay out money that is held',
    todo: 'Set the platform’s payouts to manual, or its minimum balance to at least what is owed.',
  },
  holding_limit: {
    label: 'Money is held near the limit of its country',
    todo: 'Force a decision on the milestone before the days are over.',
  },
  insolvent: {
    label: 'What lies at Stripe does not cover what is owed',
    todo: 'Automatic payouts were stopped. Top the balance up, and find out what took it: run the reconciliation.',
  },
  mail_failed: {
    label: 'Mails cannot be sent',
    todo: 'Read the error; look at the mail server and its settings. They are tried again by themselves.',
  },
  pay_again_refused: {
    label: 'A seller could not be paid again',
    todo: 'Money that came back for them is held. Read the code; look the account up at Stripe.',
  },
  payout_failed: {
    label: 'A seller’s bank sent a payout back',
    todo: 'The seller was told what to do. The money is in their Stripe balance.',
  },
  platform_payout: {
    label: 'Something happened to a payout of the platform',
    todo: 'Held money must not leave: see whom it went to, and stop automatic payouts.',
  },
  reconciliation_differences: {
    label: 'Reconciliation found differences',
    todo: 'Open the run: each says its likely cause and the repairs that two people may approve.',
  },
  reconciliation_failed: {
    label: 'Reconciliation did not end',
    todo: 'Read the error, mend its cause, and run it again.',
  },
  refund_failed: {
    label: 'A refund failed',
    todo: 'The buyer’s bank or card did not take it. Try again, or pay by bank transfer and record that.',
  },
  refund_owed: {
    label: 'A refund is still owed',
    todo: 'It failed and nothing brought it to the buyer. Try again, or pay by bank transfer and record that; both wait while a bank decides over the payment.',
  },
  refund_unknown: {
    label: 'It is not known whether a refund was made',
    todo: 'Look for it at Stripe by the id below. Nothing is sent twice: the same key is used again.',
  },
  reversal_refused: {
    label: 'Money could not be taken back from a seller',
    todo: 'Read the code. What is missing becomes the seller’s debt, or the refund ends as refused.',
  },
  reversal_unknown: {
    label: 'It is not known whether money was taken back',
    todo: 'Look for the reversal at Stripe by the id below. It is asked again under the same key.',
  },
  review: {
    label: 'Stripe’s Radar asks for a review',
    todo: 'Decide on it in Stripe’s dashboard; the payment’s outcome comes by itself.',
  },
  risk_match: {
    label: 'A buyer and a seller may be one person',
    todo: 'Ask both who they are. Unfreeze the escrow where they are two; else refund it.',
  },
  risk_overdue: {
    label: 'A review of risk waits for its decision',
    todo: 'It stays frozen. Unfreeze the escrow, or refund it.',
  },
  stripe_event_failing: {
    label: 'An event of Stripe fails again and again',
    todo: 'Read its error under Events. It is tried on; mend the cause before it is parked.',
  },
  stripe_event_quarantined: {
    label: 'Events of another mode, account or version',
    todo: 'Look at the endpoint’s settings at Stripe: live and test events must not meet.',
  },
  stripe_event_without_workflow: {
    label: 'An event belongs to no running workflow',
    todo: 'Look its object up under Events; replay it when its escrow is found.',
  },
  transfer_refused: {
    label: 'Stripe refused a transfer',
    todo: 'Read the code and the message. The money stays held; try the release again when it is mended.',
  },
  unexplained_posting: {
    label: 'Money was booked whose reason is not known',
    todo: 'Find out whose it is. It stands under unexplained until it is booked where it belongs.',
  },
  unknown_reversal: {
    label: 'Somebody took money back by hand at Stripe',
    todo: 'Run the reconciliation: it names the difference and the repair.',
  },
  unknown_transfer: {
    label: 'Somebody made a transfer by hand at Stripe',
    todo: 'Run the reconciliation: it names the difference and the repair.',
  },
  write_off_proposed: {
    label: 'A debt is 90 days old',
    todo: 'Decide: wait, record a payment, or ask to write it off (a second person approves).',
  },
};

/** Of a kind that this version does not know (a row of another one): its name, and that a person looks. */
export function alertWords(kind: string): AlertWords {
  return (
    (WORDS as Record<string, AlertWords | undefined>)[kind] ?? {
      label: kind.replaceAll(/[._]/g, ' '),
      todo: 'This version has no words for it. Read the detail below, and look the object up.',
    }
  );
}
