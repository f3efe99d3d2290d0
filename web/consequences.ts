// The dry run: what an action would move, from where, to whom, and what cannot be undone; from the same rules that run it.
import type { EscrowRecord } from '../db/escrows.ts';
import { planAcceptance, planRefund } from '../domain/allocation.ts';
import { type MilestoneChange, planAmendment } from '../domain/amendments.ts';
import type { Terms } from '../domain/terms.ts';
import { type MilestoneState, openAmount, type Principal } from '../domain/escrow-state.ts';
import { cancelsAlone, isTooLateForStripe, refundsAlone } from '../domain/guards.ts';
import type { PageAction } from './words.ts';
import { type Amount, formatMoment, formatMoney, formatSpan } from './format.ts';
import type { Reader } from './reader.ts';

export interface Consequences {
  /** One sentence for each thing that happens. */
  happens: string[];
  /** What does not happen, or stays as it is. */
  stays: string[];
  irreversible: string | null;
  /** On the button that does it. */
  button: string;
}

export interface Question {
  reader: Reader;
  record: EscrowRecord;
  milestone: MilestoneState | null;
  principal: Principal;
  /** A part, where one was written; the rules check it. */
  amount: number | undefined;
  /** What is left of a released milestone, terms' currency; null where nothing was released. */
  releasedLeft?: bigint | null;
}

export function consequencesOf(action: PageAction, question: Question): Consequences {
  switch (action) {
    case 'accept':
      return accepting(question, question.milestone!);
    case 'refund':
      return question.releasedLeft === null || question.releasedLeft === undefined ? refunding(question, question.milestone!) : refundingReleased(question, question.milestone!, question.releasedLeft); // prettier-ignore
    case 'rule':
      return ruling(question, question.milestone!);
    case 'amend':
      return amendmentConsequences(question, null);
    case 'cancel':
      return cancelling(question);
    case 'submit':
      return submitting(question.milestone!);
    case 'request_changes':
      return {
        happens: ['The seller is asked to make the changes and submit again.', 'The time to review stops, and begins anew with the next delivery.'],
        stays: ['The money stays held. Nothing moves.'],
        irreversible: null,
        button: 'Ask for changes',
      }; // prettier-ignore
    case 'extend':
      return extending(question, question.milestone!);
    case 'freeze':
      return { happens: ['Nothing moves and no timer runs until the freeze is ended.', 'Buyer and seller see that it is frozen, and why.'], stays: ['What was already sent to the bank is not called back.'], irreversible: null, button: 'Freeze' }; // prettier-ignore
    case 'unfreeze':
      return { happens: ['Timers run on with the time that was left.', 'What had waited for the freeze goes on: an accepted milestone is transferred.'], stays: [], irreversible: 'A transfer that goes on now cannot be stopped again.', button: 'End the freeze' }; // prettier-ignore
    case 'dispute':
    case 'reply':
    case 'offer':
    case 'accept_offer':
    case 'escalate':
      return disputing(action, question, question.milestone!);
    case 'sign_amendment':
      return amendmentConsequences(question, question.record.state.amendment?.terms ?? null);
    case 'reject_amendment':
      return { happens: ['The new terms are dropped.'], stays: ['The present terms stay in force, and no money moves.'], irreversible: null, button: 'Reject the new terms' }; // prettier-ignore
    case 'agree':
    case 'fund':
    case 'start':
      return { happens: [], stays: [], irreversible: null, button: 'Go on' };
  }
}

const moneyOf = ({ reader }: Question) => (amount: Amount['amount'], currency: string) => formatMoney(reader.locale, { amount, currency }); // prettier-ignore
const nameOf = ({ record }: Question, id: string) => record.parties.find((p) => p.id === id)?.name ?? 'the seller';
const settlementOf = ({ record: { state } }: Question) => state.settlementCurrency ?? state.terms.currency;
/** A part within what is open, else all of it. */
const partOf = (m: MilestoneState, amount: number | undefined) => {
  const open = openAmount(m);
  return amount !== undefined && amount > 0 && amount <= open ? amount : open;
};

function accepting(question: Question, m: MilestoneState): Consequences {
  const money = moneyOf(question);
  const amount = partOf(m, question.amount);
  const rest = openAmount(m) - amount;
  const piece = planAcceptance(m, amount);
  const settlement = settlementOf(question);
  const seller = nameOf(question, m.sellerId);
  const fee = piece.sellerFee + piece.buyerFee;
  return {
    happens: [
      `${money(piece.payable, settlement)} goes from what is held to ${seller}.`,
      ...(fee > 0 ? [`${money(fee, settlement)} of what is held becomes Tranche’s fee.`] : []),
    ],
    stays: rest > 0 ? [`${money(rest, question.record.state.terms.currency)} stays held and can still be reviewed; its deadline does not change.`] : [], // prettier-ignore
    irreversible: `Once it is transferred you cannot take it back alone: a refund then needs ${seller}, or a ruling.`,
    button: `Accept ${money(amount, question.record.state.terms.currency)}`,
  };
}

function refunding(question: Question, m: MilestoneState): Consequences {
  const money = moneyOf(question);
  const { reader } = question;
  const { state } = question.record;
  const { currency, policy } = state.terms;
  const amount = partOf(m, question.amount ?? m.refundRequest?.amount);
  const piece = planRefund(m, m.funds!.buyerFeeCharged, amount, policy.feeReturn);
  const buyer = nameOf(question, state.terms.buyerId);
  const fee = piece.chargeAmount - amount;
  const back = fee > 0 ? `${money(piece.chargeAmount, currency)} (${money(fee, currency)} of it the fee)` : money(piece.chargeAmount, currency); // prettier-ignore
  const rest = openAmount(m) - amount;
  if (!refundsAlone(m, question.principal)) {
    const patience = formatSpan(m.status === 'overdue' ? policy.overdueMs : policy.confirmMs);
    return {
      happens: [
        `The other side is asked to confirm a refund of ${back}.`,
        m.status === 'overdue' ? `Without an answer within ${patience} the refund is made.` : `Without an answer within ${patience} the request lapses.`, // prettier-ignore
      ],
      stays: ['Nothing moves until then.'],
      irreversible: null,
      button: 'Ask for the refund',
    };
  }
  const tooLate = isTooLateForStripe(state, m, reader.now);
  return {
    happens: tooLate
      ? [`${back} goes from what is held back to ${buyer}, by bank transfer: Stripe can refund this payment no more.`, 'Our staff ask the buyer for their account. The money stays held until two of them have paid it.'] // prettier-ignore
      : [`${back} goes from what is held back to ${buyer}, to the card or account that paid.`],
    stays: [
      ...(policy.feeReturn === 'none' ? ['The buyer’s fee is kept: the terms say so.'] : []),
      ...(rest > 0 ? [`${money(rest, currency)} stays held for the rest of the milestone.`] : []),
    ],
    irreversible: 'A refund cannot be taken back. The bank may need some days to show it.',
    button: `Refund ${money(piece.chargeAmount, currency)}`,
  };
}

function cancelling(question: Question): Consequences {
  const money = moneyOf(question);
  const { state } = question.record;
  const { currency, policy } = state.terms;
  const held = state.milestones.filter((m) => m.funds !== null && openAmount(m) > 0 && m.status !== 'accepted' && m.status !== 'releasing'); // prettier-ignore
  const total = held.reduce((sum, m) => sum + planRefund(m, m.funds!.buyerFeeCharged, openAmount(m), policy.feeReturn).chargeAmount, 0); // prettier-ignore
  const buyer = nameOf(question, state.terms.buyerId);
  const gives = total > 0 ? `${money(total, currency)} that is still held goes back to ${buyer}.` : 'Nothing is held: no money moves.'; // prettier-ignore
  if (state.status === 'active' && !cancelsAlone(state, question.principal)) {
    return {
      happens: [
        'The other side is asked to agree to the cancellation.',
        `If they agree: ${gives}`,
        `Without an answer within ${formatSpan(policy.confirmMs)} the request lapses and the escrow goes on.`,
      ],
      stays: ['Nothing moves until then.'],
      irreversible: null,
      button: 'Ask to cancel',
    };
  }
  return {
    happens: [gives, 'An open payment is cancelled; if it succeeds all the same, it goes back whole.'],
    stays: ['What was already paid to a seller stays paid.'],
    irreversible: 'A cancelled escrow cannot be opened again; you would propose a new one.',
    button: 'Cancel this escrow',
  };
}

function submitting(m: MilestoneState): Consequences {
  return {
    happens: [
      `The buyer has ${formatSpan(m.inspectionMs)} to review what you deliver.`,
      'If the buyer says nothing until then, the money goes to you by itself.',
    ],
    stays: ['The money stays held until the buyer accepts or the time ends.'],
    irreversible: null,
    button: 'Submit the work',
  };
}

function extending(question: Question, m: MilestoneState): Consequences {
  const { inspection } = m;
  const latest = inspection === null ? null : inspection.endsAt + inspection.periodMs;
  return {
    happens: [latest === null ? 'No time to review is running.' : `You have until ${formatMoment(question.reader, latest)} at the latest, or until the day that you name.`], // prettier-ignore
    stays: ['The money stays held. Nothing moves.'],
    irreversible: 'You can take more time once.',
    button: 'Take more time',
  };
}

function refundingReleased(question: Question, m: MilestoneState, left: bigint): Consequences {
  const { reader, record, principal } = question;
  const { currency, policy } = record.state.terms;
  const money = moneyOf(question);
  const asked = record.recoveries.find((r) => r.milestone_id === m.id && r.status === 'asked');
  const amount = asked?.amount ?? (question.amount !== undefined && BigInt(question.amount) <= left ? question.amount : left); // prettier-ignore
  const buyer = nameOf(question, record.state.terms.buyerId);
  const seller = nameOf(question, m.sellerId);
  const moves = [
    `${money(amount, currency)} of what was paid to ${seller} is taken back from the seller’s Stripe balance and returned to ${buyer}.`,
    `What that balance does not cover becomes a debt of ${seller}, taken out of the next releases.`,
    policy.feeReturn === 'full' ? 'The fees on that part are given back.' : 'The fees are kept: the terms say so.',
  ];
  if (principal.role === 'ops' || (asked !== undefined && asked.asked_role !== principal.role)) {
    return { happens: moves, stays: [], irreversible: 'A refund cannot be taken back. The bank may need some days to show it.', button: `Refund ${formatMoney(reader.locale, { amount, currency })}` }; // prettier-ignore
  }
  return {
    happens: [`The other side is asked to confirm. If they do: ${moves[0]!}`, ...moves.slice(1)],
    stays: [`Nothing moves until then. Without an answer within ${formatSpan(policy.confirmMs)} the request lapses.`],
    irreversible: null,
    button: 'Ask for the refund',
  };
}

function ruling(question: Question, m: MilestoneState): Consequences {
  const { amount: disputed = 0, claim = 0, openedRole = 'buyer' } = m.dispute ?? {};
  const { currency } = question.record.state.terms;
  const money = (amount: number) => moneyOf(question)(amount, currency);
  const seller = nameOf(question, m.sellerId);
  const buyer = nameOf(question, question.record.state.terms.buyerId);
  const toSeller = question.amount;
  return {
    happens:
      toSeller === undefined || toSeller > disputed
        ? [`You divide the ${money(disputed)} in dispute between ${seller} and ${buyer}. Write what ${seller} gets; ${buyer} gets the rest.`] // prettier-ignore
        : [`${money(toSeller)} of what is held goes to ${seller}, less the fee.`, `${money(disputed - toSeller)} goes back to ${buyer}.`], // prettier-ignore
    stays: [
      `The ${openedRole} claims that ${seller} gets ${money(claim)}.`,
      'Over the limit for one person it waits until another of ops approves it. Nothing moves before.',
    ],
    irreversible: 'A ruling settles the dispute for good. Both sides read your reason.',
    button: 'Rule',
  };
}

/** What new terms do to the money that is there, from the plan that applies them. */
export function amendmentConsequences(question: Question, terms: Terms | null): Consequences {
  const { state } = question.record;
  const money = (amount: number) => moneyOf(question)(amount, state.terms.currency);
  const plan = terms === null ? [] : planAmendment(state, terms);
  const changes = typeof plan === 'string' ? [plan] : changesInWords(question, plan, money);
  const added = (terms?.milestones ?? []).filter((t) => !state.milestones.some((m) => m.id === t.id));
  return {
    happens: [
      `When everybody has signed, within ${formatSpan(state.terms.policy.amendMs)}, the new terms take the place of the present ones.`,
      ...changes,
      ...added.map((t) => `New: ${t.title} for ${money(t.amount)}, to be paid by the buyer${t.buyerFee > 0 ? `, with a fee of ${money(t.buyerFee)}` : ''}.`), // prettier-ignore
    ],
    stays: ['What was already paid to a seller stays paid.', 'Until everybody has signed the present terms hold, and their timers run.'], // prettier-ignore
    irreversible: 'A signature cannot be taken back.',
    button: terms === state.amendment?.terms ? 'Sign the new terms' : 'Propose the new terms',
  };
}

function changesInWords(question: Question, plan: MilestoneChange[], money: (amount: number) => string): string[] {
  const buyer = nameOf(question, question.record.state.terms.buyerId);
  return plan.flatMap(({ milestone: m, kind, refund, terms }) => {
    switch (kind) {
      case 'keep':
        return [];
      case 'drop_unfunded':
        return [`${m.title} is taken out; it was not paid.`];
      case 'refund_all':
        return [`${m.title} is taken out: ${money(refund)} that is held goes back to ${buyer}.`];
      case 'refund_part':
        return [`${m.title} becomes smaller: ${money(refund)} that is held goes back to ${buyer}.`];
      case 'new_amount':
        return [`${m.title} costs ${money(terms?.amount ?? 0)} in place of ${money(m.amount)}; it is not paid yet.`];
    }
  });
}

type DisputeAction = Extract<PageAction, 'dispute' | 'reply' | 'offer' | 'accept_offer' | 'escalate'>;

function disputing(action: DisputeAction, question: Question, m: MilestoneState): Consequences {
  const { policy, currency } = question.record.state.terms;
  const held = ['The money stays held until the dispute is settled.'];
  switch (action) {
    case 'dispute':
      return {
        happens: [
          'The milestone is frozen at once: its timers stand still, and neither side gets the money alone.',
          `The other side has ${formatSpan(policy.replyMs)} to reply. Without a reply you get what you claim.`,
        ],
        stays: held,
        irreversible: null,
        button: 'Open the dispute',
      };
    case 'reply':
      return { happens: [`You both have ${formatSpan(policy.negotiateMs)} to agree; after that our staff decide.`], stays: held, irreversible: null, button: 'Reply' }; // prettier-ignore
    case 'offer':
      return { happens: ['The other side may take your offer; then the money moves as you offered.'], stays: held, irreversible: null, button: 'Make this offer' }; // prettier-ignore
    case 'escalate':
      return { happens: [`Our staff read what both sides wrote and decide within ${formatSpan(policy.rulingMs)}.`], stays: held, irreversible: 'Their decision moves the money.', button: 'Ask our staff to decide' }; // prettier-ignore
    case 'accept_offer': {
      const other = question.principal.role === 'buyer' ? 'seller' : 'buyer';
      const toSeller = m.dispute?.offers[other] ?? 0;
      const money = (amount: number) => moneyOf(question)(amount, currency);
      const back = (m.dispute?.amount ?? 0) - toSeller;
      return {
        happens: [
          `${money(toSeller)} of what is held goes to ${nameOf(question, m.sellerId)}, less the fee.`,
          `${money(back)} goes back to ${nameOf(question, question.record.state.terms.buyerId)}.`,
        ],
        stays: [],
        irreversible: 'This settles the dispute for good.',
        button: 'Take this offer',
      };
    }
  }
}
