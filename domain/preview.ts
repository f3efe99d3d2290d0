// What a command would do, without doing it: the rules' answer, then the postings, the calls to Stripe, the states and the
// money that would follow when every call succeeds. Pure, from the same plans and postings that the real thing uses.
import { allocateCharge, planAcceptance, planRefund } from './allocation.ts';
import { assert } from './errors.ts';
import { type EscrowState, type EscrowStatus, isMilestoneEnd, type MilestoneState, type MilestoneStatus, openAmount, type Principal, standingParts } from './escrow-state.ts'; // prettier-ignore
import { toInteger, toMinor } from './money.ts';
import {
  type BalanceTransaction,
  chargeAllocated,
  chargeCaptured,
  type Leg,
  partAccepted,
  refundAsked,
  refundSettled,
  transferCreated,
} from './postings.ts';
import { debtRecovered, type DebtKind, transferReversed } from './postings-recovery.ts';
import { type ActionArguments, cancelsAlone, fundable, isTooLateForStripe, refundsAlone } from './guards.ts';
import { chargeMinor, partiesOf } from './terms.ts';
import { type Action, canMove, permit, type Refusal } from './transitions.ts';

export const PREVIEWED = ['agree', 'fund', 'start', 'submit', 'accept', 'request_changes', 'extend', 'refund', 'dispute', 'accept_offer', 'rule', 'cancel'] as const; // prettier-ignore
export type PreviewedAction = (typeof PREVIEWED)[number];

/** Of the nine terms of the money identity, those that a preview can change, and the others as they are. */
export type MoneyTerms = Record<'charged' | 'owed' | 'absorbed' | 'held' | 'released' | 'refunded' | 'charged_back' | 'fees' | 'tax' | 'disputed', bigint>; // prettier-ignore

export interface SellerFacts {
  canReceive: boolean;
  stripeAccountId: string;
  /** Until when a first release to them waits, ms; null: none does. */
  firstReleaseAt: number | null;
  /** Open, in the settlement currency, oldest first: they are taken out of a release. */
  debts: readonly { kind: DebtKind; escrowId: string; milestoneId: string; openMinor: bigint }[];
}

export interface PreviewFacts {
  money: MoneyTerms;
  sellers: ReadonlyMap<string, SellerFacts>;
  /** Payments whose charge is not available yet: what moves out of them is pending as long. */
  pendingPayments: ReadonlySet<string>;
}

export interface PreviewedPosting {
  kind: string;
  legs: Leg[];
}

export interface PreviewedCall {
  call:
    | 'payment_intents.create'
    | 'transfers.create'
    | 'transfers.create_reversal'
    | 'refunds.create'
    | 'payment_intents.cancel'
    | 'checkout.sessions.expire';
  amount: number;
  currency: string;
  milestoneId: string | null;
  /** Account, charge or PaymentIntent that it is about. */
  subject: string | null;
}

export interface PreviewedWait {
  milestoneId: string;
  /** Settlement currency, before debts are taken. */
  amount: number;
  /** ms; null: until the seller can receive it. */
  until: number | null;
}

export interface Preview {
  refusal: Refusal | null;
  /** What the other side must do first, where one side alone cannot: nothing moves before. */
  needs: string | null;
  /** Transfers that come later by themselves, and are not among the postings and calls. */
  waits: PreviewedWait[];
  /** What is not foreseen, and why. */
  notes: string[];
  postings: PreviewedPosting[];
  calls: PreviewedCall[];
  escrow: EscrowStatus;
  milestones: { id: string; status: MilestoneStatus }[];
  moneyAfter: MoneyTerms;
}

export interface PreviewRequest {
  action: PreviewedAction;
  milestoneId: string | null;
  args: ActionArguments;
}

interface Run {
  now: number;
  state: EscrowState;
  facts: PreviewFacts;
  currency: string;
  waits: PreviewedWait[];
  postings: PreviewedPosting[];
  calls: PreviewedCall[];
  notes: string[];
}

const STRIPE_FEE =
  'Stripe’s own fee for the payment is not among the postings: only Stripe’s balance transaction tells it, and the platform bears it.';

const BY_BANK =
  'Stripe can refund this payment no more: what goes back stays held until two of our staff have paid it by bank transfer.';

/** Follows one command to its end on a copy of the state. */
export function preview(
  before: EscrowState,
  { action, milestoneId, args }: PreviewRequest,
  principal: Principal,
  facts: PreviewFacts,
  now: number,
): Preview {
  const state = copyOf(before);
  const run: Run = {
    now,
    state,
    facts,
    currency: state.settlementCurrency ?? state.terms.currency,
    waits: [],
    postings: [],
    calls: [],
    notes: action === 'fund' ? [STRIPE_FEE] : [],
  };
  const refusal = permit(before, action as Action, principal, milestoneId, args, now);
  const needs = refusal === null ? follow(run, action, milestoneId, args, principal) : null;
  if (refusal === null) closeIfDone(state);
  return {
    refusal,
    needs,
    waits: run.waits,
    notes: refusal === null ? run.notes : [],
    postings: run.postings,
    calls: run.calls,
    escrow: state.status,
    milestones: state.milestones.map(({ id, status }) => ({ id, status })),
    moneyAfter: moneyAfter(facts.money, before.id, run.postings),
  };
}

export const copyOf = (s: EscrowState): EscrowState => JSON.parse(JSON.stringify(s)) as EscrowState;

/** Answers what the other side must do first, or null. */
function follow(
  run: Run,
  action: PreviewedAction,
  milestoneId: string | null,
  args: ActionArguments,
  principal: Principal,
): string | null {
  const m = run.state.milestones.find((x) => x.id === milestoneId);
  switch (action) {
    case 'agree':
      return agree(run, principal);
    case 'fund':
      return fund(run, args.milestoneIds);
    case 'start':
      return moved(m!, 'started');
    case 'submit':
      return moved(m!, 'submitted');
    case 'request_changes':
      return moved(m!, 'changes_requested');
    case 'extend':
      return null;
    case 'dispute':
      return moved(m!, 'disputed');
    case 'accept':
      release(run, m!, args.amount ?? openAmount(m!));
      return null;
    case 'refund':
      if (!refundsAlone(m!, principal)) return 'The other side confirms the refund by the same call.';
      refund(run, m!, args.amount ?? m!.refundRequest?.amount ?? openAmount(m!));
      return null;
    case 'accept_offer': {
      const other = principal.role === 'seller' ? 'buyer' : 'seller';
      settle(run, m!, m!.dispute!.offers[other]!);
      return null;
    }
    case 'rule':
      settle(run, m!, args.sellerAmount!);
      return null;
    case 'cancel':
      return cancel(run, principal);
  }
}

/** The last signature agrees; nothing is paid yet. */
function agree({ state }: Run, principal: Principal): string | null {
  const missing = partiesOf(state.terms).filter((id) => id !== principal.id && !state.consents.includes(id));
  if (missing.length > 0) return 'Everybody else who is named in the terms agrees too.';
  state.status = 'agreed';
  for (const m of state.milestones) m.status = 'awaiting_funding';
  return null;
}

/**
 * One payment over what is due now, succeeding at once and not converted. Stripe's own fee is not foreseen: its balance
 * transaction tells it, and the platform bears it.
 */
function fund(run: Run, milestoneIds: string[] | undefined): null {
  const { state, currency } = run;
  const chosen = fundable(state, milestoneIds).map((m) => m.id);
  const terms = state.terms.milestones.filter((m) => chosen.includes(m.id));
  const totalMinor = chargeMinor(terms);
  const paid = foreseen(totalMinor, { currency, pending: true });
  const parts = allocateCharge(totalMinor, terms).map((a) => ({
    milestoneId: a.milestoneId,
    sellerId: terms.find((m) => m.id === a.milestoneId)!.sellerId,
    principalMinor: toMinor(a.principal),
    buyerFeeMinor: toMinor(a.buyerFee),
  }));
  run.calls.push({ call: 'payment_intents.create', amount: toInteger(totalMinor), currency: state.terms.currency, milestoneId: null, subject: null }); // prettier-ignore
  run.postings.push({ kind: 'charge_captured', legs: chargeCaptured('preview', paid) });
  run.postings.push({ kind: 'charge_allocated', legs: chargeAllocated('preview', parts) });
  for (const m of state.milestones) if (chosen.includes(m.id)) m.status = 'funded';
  const open = state.milestones.some((m) => m.status !== 'funded');
  if (state.status !== 'active' && state.status !== 'amending') state.status = open && state.terms.funding === 'upfront' ? 'funding' : 'active'; // prettier-ignore
  return null;
}

function moved(m: MilestoneState, to: MilestoneStatus): null {
  m.status = to;
  return null;
}

/** Both legs of a dispute's end. */
function settle(run: Run, m: MilestoneState, sellerAmount: number): void {
  const left = openAmount(m);
  const seller = Math.min(sellerAmount, left);
  // In the order in which the parts are cut: each takes its share of what is left.
  if (seller > 0) release(run, m, seller);
  if (left > seller) refund(run, m, left - seller);
}

function release(run: Run, m: MilestoneState, amount: number): void {
  const piece = planAcceptance(m, amount);
  const seller = run.facts.sellers.get(m.sellerId);
  assert(seller !== undefined, `nothing is known of seller ${m.sellerId}`);
  const part = m.releases.length + 1;
  const status = !seller.canReceive
    ? 'blocked_kyc'
    : seller.firstReleaseAt !== null
      ? 'held_first_release'
      : 'released';
  m.releases.push({ part, amount, ...piece, status, generation: 1, transferId: null, automatic: false, retryAt: null, nudges: 0 }); // prettier-ignore
  m.accepted += amount;
  run.postings.push({
    kind: 'part_accepted',
    legs: partAccepted({
      milestoneId: m.id,
      sellerId: m.sellerId,
      principalMinor: toMinor(piece.principal),
      sellerFeeMinor: toMinor(piece.sellerFee),
      buyerFeeMinor: toMinor(piece.buyerFee),
    }),
  });
  if (status === 'released') transfer(run, m, seller, toMinor(piece.payable));
  else run.waits.push({ milestoneId: m.id, amount: piece.payable, until: seller.canReceive ? seller.firstReleaseAt : null }); // prettier-ignore
  statusAfter(m);
}

function transfer(run: Run, m: MilestoneState, seller: SellerFacts, payableMinor: bigint): void {
  let restMinor = payableMinor;
  for (const debt of seller.debts) {
    const takenMinor = debt.openMinor < restMinor ? debt.openMinor : restMinor;
    if (takenMinor === 0n) continue;
    const paying = { escrowId: run.state.id, milestoneId: m.id };
    run.postings.push({ kind: 'debt_recovered', legs: debtRecovered(paying, { ...debt, sellerId: m.sellerId }, takenMinor) }); // prettier-ignore
    restMinor -= takenMinor;
  }
  if (restMinor === 0n) return;
  run.postings.push({ kind: 'transfer', legs: transferCreated(m.id, m.sellerId, foreseenOf(run, m, -restMinor)) });
  run.calls.push({ call: 'transfers.create', amount: toInteger(restMinor), currency: run.currency, milestoneId: m.id, subject: seller.stripeAccountId }); // prettier-ignore
}

function refund(run: Run, m: MilestoneState, amount: number): void {
  const { state } = run;
  const piece = planRefund(m, m.funds!.buyerFeeCharged, amount, state.terms.policy.feeReturn);
  const refundId = `rfd_${m.id.slice(3)}_${m.refunds.length + 1}`;
  const tooLate = isTooLateForStripe(state, m, run.now);
  m.refunds.push({ id: refundId, part: m.refunds.length + 1, amount, ...piece, status: tooLate ? 'asked' : 'succeeded', generation: 1, stripeRefundId: null, reason: '', before: m.status }); // prettier-ignore
  m.refunded += amount;
  m.refundRequest = null;
  if (tooLate) {
    if (!run.notes.includes(BY_BANK)) run.notes.push(BY_BANK);
    if (openAmount(m) === 0) m.status = standingParts(m).length > 0 ? 'accepted' : 'refunding';
    return;
  }
  const asked = {
    refundId,
    milestoneId: m.id,
    sellerId: m.sellerId,
    principalMinor: toMinor(piece.principal),
    buyerFeeMinor: toMinor(piece.buyerFee),
    buyerFeeReturnedMinor: toMinor(piece.buyerFeeReturned),
  };
  const settledMinor = asked.principalMinor + asked.buyerFeeReturnedMinor;
  run.postings.push({ kind: 'refund_asked', legs: refundAsked(asked) });
  // At the charge's own rate: what the day's rate makes of it more or less is fx.
  run.postings.push({ kind: 'refund_settled', legs: refundSettled(refundId, settledMinor, foreseenOf(run, m, -settledMinor), m.id) }); // prettier-ignore
  const subject = state.payments.find((p) => p.id === m.funds!.paymentId)?.paymentIntentId ?? null;
  run.calls.push({ call: 'refunds.create', amount: piece.chargeAmount, currency: state.terms.currency, milestoneId: m.id, subject }); // prettier-ignore
  statusAfter(m);
}

/** Where a milestone ends up once nothing of it is open and every call has succeeded. */
function statusAfter(m: MilestoneState): void {
  if (openAmount(m) > 0) return;
  m.refundRequest = null;
  const parts = standingParts(m);
  if (parts.length === 0) m.status = 'refunded';
  else if (parts.every((r) => r.status === 'released')) m.status = 'released';
  else m.status = parts.some((r) => r.status === 'blocked_kyc') ? 'blocked_kyc' : 'accepted';
}

function cancel(run: Run, principal: Principal): string | null {
  const { state } = run;
  if (state.status === 'active' && !cancelsAlone(state, principal)) return 'The other side agrees by the same call.';
  for (const p of state.payments) {
    if (p.status === 'succeeded' || p.status === 'canceled') continue;
    const [call, subject] = p.checkout === undefined ? ['payment_intents.cancel' as const, p.paymentIntentId] : ['checkout.sessions.expire' as const, p.checkout.sessionId]; // prettier-ignore
    run.calls.push({ call, amount: p.amount, currency: state.terms.currency, milestoneId: null, subject });
  }
  for (const m of state.milestones) {
    if (canMove(m, 'give_up')) m.status = 'cancelled';
    else if (canMove(m, 'refund') && openAmount(m) > 0) refund(run, m, openAmount(m));
  }
  state.ending = 'cancelled';
  state.status = 'settling';
  return null;
}

export function closeIfDone(state: EscrowState): void {
  if (state.status !== 'active' && state.status !== 'settling') return;
  if (state.milestones.every((m) => isMilestoneEnd(m.status))) state.status = state.ending ?? 'completed';
}

/** A movement that has not been made: Stripe takes no fee for transfers and refunds, and what moves out of a payment is pending as long as it. */
export const foreseen = (amountMinor: bigint, of: { currency: string; pending: boolean }): BalanceTransaction => ({
  id: 'preview',
  type: 'preview',
  amountMinor,
  feeMinor: 0n,
  netMinor: amountMinor,
  currency: of.currency,
  status: of.pending ? 'pending' : 'available',
  availableOn: 0,
  createdAt: 0,
  sourceId: null,
});

const foreseenOf = (run: Run, m: MilestoneState, amountMinor: bigint): BalanceTransaction =>
  foreseen(amountMinor, { currency: run.currency, pending: run.facts.pendingPayments.has(m.funds!.paymentId) });

/** What is taken back from a seller out of their balance at Stripe; nothing follows where it is nothing. */
export function takenBack(
  run: Pick<Preview, 'postings' | 'calls'>,
  of: { milestoneId: string; sellerId: string },
  reversal: BalanceTransaction,
): void {
  const { amountMinor, currency } = reversal;
  if (amountMinor === 0n) return;
  run.postings.push({ kind: 'transfer_reversed', legs: transferReversed(of, reversal) });
  run.calls.push({ call: 'transfers.create_reversal', amount: toInteger(amountMinor), currency, milestoneId: of.milestoneId, subject: null }); // prettier-ignore
}

// ---- the money identity after the postings, term by term as the view escrow_money sums them ----------------------------

const HOLDING = /^(charge:.+|milestone:.+:(held|fee_unearned)|seller:.+:(payable|on_hold))$/;
const ABSORBING = new Set(['fx', 'bad_debt', 'dispute_loss']);

export function moneyAfter(before: MoneyTerms, escrowId: string, postings: readonly PreviewedPosting[]): MoneyTerms {
  const after = { ...before };
  for (const { kind, legs } of postings) {
    for (const leg of legs) {
      // A leg of a debt's own escrow changes that escrow's money.
      if (leg.escrowId !== undefined && leg.escrowId !== escrowId) continue;
      const { account, amountMinor } = leg;
      if (kind === 'charge_captured' && account.startsWith('charge:')) after.charged -= amountMinor;
      if (HOLDING.test(account)) after.held -= amountMinor;
      if (account.endsWith(':receivable') && account.startsWith('seller:')) after.owed += amountMinor;
      if (ABSORBING.has(account)) after.absorbed += amountMinor;
      if (account === 'fee_revenue') after.fees -= amountMinor;
      if (/^dispute:.+:receivable$/.test(account)) {
        after.disputed += amountMinor;
        if (kind === 'dispute_lost') after.charged_back -= amountMinor;
      }
      if ((kind === 'transfer_reversed' || kind === 'transferred_again') && account.endsWith(':on_hold')) after.released += amountMinor; // prettier-ignore
      if (kind === 'transfer' && account.startsWith('stripe:')) after.released -= amountMinor;
      if (kind === 'debt_recovered' && /:(payable|receivable)$/.test(account)) after.released += amountMinor;
      if (kind === 'refund_asked' && account.startsWith('refund:')) after.refunded -= amountMinor;
      if (kind === 'refund_settled' && account === 'fx') after.refunded += amountMinor;
    }
  }
  return after;
}
