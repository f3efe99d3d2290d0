// The guards of the transition table, each asked by itself: who may give a command and from where, said a second time here
// on purpose, and every reason why not now.
import { describe, expect, test } from '@jest/globals';
import type { DisputeState, EscrowState, Freeze, MilestoneState, MilestoneStatus, PaymentState, PendingRequest, Principal, RefundPart } from '../../domain/escrow-state.ts'; // prettier-ignore
import { DAY_MS } from '../../domain/periods.ts';
import { type ActionArguments, isTooLateForStripe } from '../../domain/guards.ts';
import { type Action, availableActions, ESCROW_TRANSITIONS, isEscrowAction, MILESTONE_TRANSITIONS, permit } from '../../domain/transitions.ts'; // prettier-ignore
import { AUDITOR, BUYER, milestoneIn, NOW, OPS, OTHER_SELLER, SELLER, stateOf, twoSellers } from './fixtures.ts';

const terms = twoSellers();
const first = terms.milestones[0]!;

const one = (
  status: MilestoneStatus,
  more: Partial<MilestoneState> = {},
  of: Partial<EscrowState> = {},
): EscrowState => {
  const state = stateOf(terms, of);
  state.milestones[0] = milestoneIn(status, first, more);
  return state;
};
const why = (state: EscrowState, action: Action, who: Principal, args: ActionArguments = {}, now = NOW) =>
  permit(state, action, who, isEscrowAction(action) ? null : 'ms_1', args, now);
const isOffered = (state: EscrowState, action: Action, who: Principal): boolean => {
  const { escrow, milestones } = availableActions(state, who, NOW);
  return (isEscrowAction(action) ? escrow : milestones['ms_1']!).includes(action);
};
const freeze = (more: Partial<Freeze> = {}): Freeze => ({ reason: 'ops', scope: 'milestone', subject: 'ms_1', detail: '', since: NOW, ...more }); // prettier-ignore
const asked = (by: Principal, amount = 5000): PendingRequest => ({ by: by.id, role: by.role, amount, reason: '', at: NOW, expiresAt: NOW + DAY_MS }); // prettier-ignore
const refundPart = (status: RefundPart['status']): RefundPart => ({ id: 'rfd_1', part: 1, amount: 1000, chargeAmount: 1000, principal: 1000, buyerFee: 0, buyerFeeReturned: 0, generation: 1, stripeRefundId: null, reason: '', before: 'started', status }); // prettier-ignore
const payment = (more: Partial<PaymentState>): PaymentState => ({ id: 'pay_1', milestoneIds: ['ms_1'], amount: 10_000, status: 'succeeded', generation: 1, paymentIntentId: 'pi_1', chargeId: 'ch_1', methodType: 'card', paidAt: NOW, declineCode: null, actionUntil: null, busy: false, abandoned: false, returned: null, returnGeneration: 1, ...more }); // prettier-ignore
const dispute = (more: Partial<DisputeState> = {}): Partial<MilestoneState> => ({
  dispute: { id: 'dsp_1', openedBy: BUYER.id, openedRole: 'buyer', reason: '', amount: 10_000, claim: 0, status: 'open', offers: { buyer: null, seller: null }, until: NOW + DAY_MS, before: 'submitted', outcome: null, ...more }, // prettier-ignore
});
/** In dispute, frozen by it as the workflow does. */
const disputed = (more: Partial<DisputeState> = {}): EscrowState =>
  one('disputed', dispute(more), { frozen: [freeze({ reason: 'in_product_dispute' })] });

describe('who may give which command, and from where', () => {
  const HELD = ['funded', 'started', 'submitted', 'changes_requested', 'overdue'];
  const MILESTONE: Record<string, [from: string[], by: string[]]> = {
    start: [['funded'], ['seller']],
    submit: [['funded', 'started', 'overdue', 'changes_requested'], ['seller']],
    request_changes: [['submitted'], ['buyer']],
    extend: [['submitted'], ['buyer']],
    accept: [['submitted'], ['buyer']],
    refund: [HELD, ['buyer', 'seller', 'ops']],
    refund_by_bank: [['refunding', ...HELD, 'accepted', 'releasing', 'blocked_kyc', 'blocked_funds'], ['ops']],
    force_release: [HELD, ['ops']],
    force_refund: [['blocked_kyc'], ['ops']],
    dispute: [HELD, ['buyer', 'seller']],
    reply: [['disputed'], ['buyer', 'seller']],
    offer: [['disputed'], ['buyer', 'seller']],
    accept_offer: [['disputed'], ['buyer', 'seller']],
    escalate: [['disputed'], ['buyer', 'seller']],
    rule: [['disputed'], ['ops']],
  };
  const ESCROW: Record<string, [from: string[], by: string[]]> = {
    agree: [['proposed'], ['buyer', 'seller']],
    fund: [['agreed', 'funding', 'active', 'amending'], ['buyer']],
    cancel: [
      ['proposed', 'agreed', 'funding', 'active'],
      ['buyer', 'seller', 'ops'],
    ],
    amend: [['active'], ['buyer', 'seller']],
    sign_amendment: [['amending'], ['buyer', 'seller']],
    reject_amendment: [['amending'], ['buyer', 'seller']],
  };
  const people = ['buyer', 'seller', 'ops', 'auditor'];
  interface Given { action?: string; from: readonly string[]; by: readonly string[] } // prettier-ignore
  const read = (rows: readonly Given[]) => {
    const found: Record<string, [string[], string[]]> = {};
    for (const row of rows) {
      if (row.action === undefined) continue;
      const [from, by] = (found[row.action] ??= [[], []]);
      from.push(...row.from);
      by.push(...row.by.filter((b) => people.includes(b) && !by.includes(b)));
    }
    return found;
  };

  test('of a milestone', () => expect(read(MILESTONE_TRANSITIONS)).toEqual(MILESTONE));
  test('of an escrow', () => expect(read(ESCROW_TRANSITIONS)).toEqual(ESCROW));

  test('from another status it is refused', () => {
    expect(why(one('funded'), 'accept', BUYER)?.message).toMatch(/is funded: accept is not possible/);
    expect(why(one('accepted'), 'refund', OPS)?.message).toMatch(/is accepted/);
    expect(why(one('disputed', dispute()), 'accept', BUYER)?.message).toMatch(/is disputed/);
    expect(why(stateOf(terms, { status: 'completed' }), 'cancel', OPS)?.message).toMatch(/is completed/);
    expect(why(stateOf(terms, { status: 'active' }), 'agree', SELLER)?.message).toMatch(/is active/);
  });

  test('by another person it is refused', () => {
    expect(why(one('submitted'), 'accept', SELLER)?.message).toMatch(/^Only the buyer/);
    expect(why(one('submitted'), 'accept', OPS)?.message).toMatch(/^Only the buyer/);
    expect(why(disputed({ status: 'mediation' }), 'rule', BUYER, { sellerAmount: 0 })?.message).toMatch(
      /^Only the ops/,
    );
    expect(why(one('started'), 'refund', AUDITOR)).not.toBeNull();
    expect(permit(one('started'), 'start', OTHER_SELLER, 'ms_1', {}, NOW)?.message).toMatch(/another seller/);
    expect(permit(one('submitted'), 'dispute', OTHER_SELLER, 'ms_1', {}, NOW)?.message).toMatch(/another seller/);
  });

  test('nothing is done to a milestone before its escrow is active or after it has ended', () => {
    for (const status of ['funding', 'settling', 'completed', 'cancelled'] as const) {
      expect(why(one('submitted', {}, { status }), 'accept', BUYER)?.message).toMatch(/cannot be changed now/);
    }
    expect(why(one('submitted', {}, { status: 'completed' }), 'freeze', OPS)?.message).toMatch(
      /nothing left to freeze/,
    );
  });
});

test.each(['risk', 'fraud_warning'] as const)('%s: under review nobody accepts, and only ops give the money back', (reason) => {
  const state = one('submitted', {}, { frozen: [freeze({ scope: 'seller', subject: SELLER.id, reason })] });
  expect(why(state, 'accept', BUYER)?.message).toMatch(/is frozen/);
  expect(why(state, 'refund', BUYER)?.message).toMatch(/is frozen/);
  expect(why(state, 'refund', OPS)).toBeNull();
  state.frozen.push(freeze());
  expect(why(state, 'refund', OPS)?.message).toMatch(/frozen \(ops\)/);
}); // prettier-ignore

describe('what is frozen', () => {
  test.each<[string, Freeze]>([
    ['the milestone', freeze()],
    ['the escrow', freeze({ scope: 'escrow', subject: 'esc_1' })],
    ['the seller', freeze({ scope: 'seller', subject: SELLER.id, reason: 'seller_restricted' })],
    ['the charge', freeze({ scope: 'charge', subject: 'ch_1', reason: 'card_dispute' })],
  ])('%s: no acceptance, changes, extension, refund, dispute or forced release', (_what, frozen) => {
    const state = one('submitted', {}, { frozen: [frozen] });
    for (const [action, who] of [['accept', BUYER], ['request_changes', BUYER], ['extend', BUYER], ['refund', OPS], ['dispute', SELLER]] as const) {
      expect([action, why(state, action, who)?.message]).toEqual([action, expect.stringMatching(/is frozen/)]);
    } // prettier-ignore
    expect(why(state, 'force_release', OPS, { amount: 10_000 })?.message).toMatch(/is frozen/);
  });

  test('something else: nothing of it stops', () => {
    const others = [freeze({ subject: 'ms_2' }), freeze({ scope: 'seller', subject: OTHER_SELLER.id }), freeze({ scope: 'charge', subject: 'ch_2' })]; // prettier-ignore
    expect(why(one('submitted', {}, { frozen: others }), 'accept', BUYER)).toBeNull();
  });

  test('anything: the escrow is neither cancelled nor amended', () => {
    const state = one('started', {}, { frozen: [freeze({ subject: 'ms_2' })] });
    expect(why(state, 'cancel', OPS)?.message).toMatch(/is frozen/);
    expect(why(state, 'amend', BUYER)?.message).toMatch(/is frozen/);
  });
});

describe('paying', () => {
  const unpaid = (of: Partial<EscrowState> = {}): EscrowState =>
    stateOf(terms, { status: 'agreed', milestones: terms.milestones.map((m) => milestoneIn('awaiting_funding', m)), ...of }); // prettier-ignore

  test('not for what is being cancelled', () => {
    expect(why(unpaid(), 'fund', BUYER)).toBeNull();
    expect(why(unpaid({ ending: 'cancelled' }), 'fund', BUYER)?.message).toMatch(/being cancelled/);
    expect(why(unpaid({ cancelRequest: asked(SELLER, 0) }), 'fund', BUYER)?.message).toMatch(/being cancelled/);
  });

  test('not twice at once, and not for nothing', () => {
    expect(why(unpaid({ payments: [payment({ status: 'creating' })] }), 'fund', BUYER)?.message).toMatch(/at this moment/); // prettier-ignore
    expect(why(one('funded', {}, { status: 'active' }), 'fund', BUYER)?.message).toMatch(/nothing left to pay/);
  });
});

describe('cancelling and amending', () => {
  test('a request to cancel stops a delivery and an amendment until it is answered', () => {
    const state = one('started', {}, { cancelRequest: asked(BUYER, 0) });
    expect(why(state, 'submit', SELLER)?.message).toMatch(/answer it first/);
    expect(why(state, 'amend', SELLER)?.message).toMatch(/answer it first/);
  });

  test('there is nothing to cancel where no money is held or expected', () => {
    const state = stateOf(terms, { milestones: terms.milestones.map((m) => milestoneIn('accepted', m)) });
    expect(why(state, 'cancel', OPS)?.message).toMatch(/Nothing is left to cancel/);
  });

  test('new terms are signed once by each, as they were read, and only while they can be applied', () => {
    const amended = (of: Partial<EscrowState> = {}): EscrowState =>
      stateOf(terms, {
        status: 'amending',
        amendment: { id: 'amd_1', by: BUYER.id, role: 'buyer', terms: { ...terms, version: 2 }, termsHash: 'b'.repeat(64), consents: [BUYER.id], until: NOW + DAY_MS }, // prettier-ignore
        ...of,
      });
    expect(why(amended(), 'sign_amendment', SELLER, { termsHash: 'b'.repeat(64) })).toBeNull();
    expect(why(amended(), 'sign_amendment', BUYER)?.message).toMatch(/signed already/);
    expect(why(amended(), 'sign_amendment', SELLER, { termsHash: 'a'.repeat(64) })).toMatchObject({ code: 'terms_changed' }); // prettier-ignore
    expect(why(amended({ frozen: [freeze()] }), 'sign_amendment', SELLER)?.message).toMatch(/is frozen/);
  });

  test('new terms take no money of a milestone that waits for its buyer, or that a payment is under way for', () => {
    const less = { ...terms, version: 2, milestones: [{ ...first, amount: 4000 }, terms.milestones[1]!] };
    const signing = (m: MilestoneState, payments: PaymentState[] = []): EscrowState => {
      const state = stateOf(terms, { status: 'amending', payments, amendment: { id: 'amd_1', by: BUYER.id, role: 'buyer', terms: less, termsHash: 'b'.repeat(64), consents: [BUYER.id], until: NOW + DAY_MS } }); // prettier-ignore
      state.milestones[0] = m;
      return state;
    };
    expect(why(signing(milestoneIn('started', first)), 'sign_amendment', SELLER)).toBeNull();
    expect(why(signing(milestoneIn('submitted', first)), 'sign_amendment', SELLER)?.message).toMatch(/cannot be changed any more/); // prettier-ignore
    expect(why(signing(milestoneIn('started', first, { accepted: 4000 })), 'sign_amendment', SELLER)?.message).toMatch(/less is left/); // prettier-ignore
    expect(why(signing(milestoneIn('processing', first), [payment({ status: 'processing' })]), 'sign_amendment', SELLER)?.message).toMatch(/under way/); // prettier-ignore
  });
});

describe('working', () => {
  test('not while a refund is asked for; the delivery itself answers it', () => {
    const state = one('funded', { refundRequest: asked(BUYER) });
    expect(why(state, 'start', SELLER)?.message).toMatch(/answer it first/);
    expect(why(state, 'submit', SELLER)).toBeNull();
  });

  test('an extension only of an inspection that runs, and beyond its end', () => {
    expect(why(one('submitted', { inspection: null }), 'extend', BUYER)?.message).toMatch(/No inspection/);
    const past = one('submitted');
    const { endsAt } = past.milestones[0]!.inspection!;
    expect(why(past, 'extend', BUYER, { until: endsAt + 1 }, endsAt + 2)?.message).toMatch(/must lie after/);
  });
});

describe('refunding', () => {
  test.each(['asked', 'pending'] as const)('one at a time: while one is %s, no other, no dispute, no forced release', (status) => {
    const state = one('started', { refunds: [refundPart(status)], refunded: 1000 });
    expect(why(state, 'refund', OPS)?.message).toMatch(/under way/);
    expect(why(state, 'dispute', BUYER)?.message).toMatch(/under way/);
    expect(why(state, 'force_release', OPS, { amount: 9000 })?.message).toMatch(/under way/);
    expect(why(one('started', { refunds: [refundPart('failed')] }), 'refund', OPS)).toBeNull();
  }); // prettier-ignore

  test('ordered and agreed also after the time in which Stripe can refund the method: how it is paid is nobody’s right', () => {
    const state = one('started', {}, { payments: [payment({ methodType: 'sepa_debit' })] });
    const limit = NOW + 180 * DAY_MS;
    expect([isTooLateForStripe(state, state.milestones[0]!, limit), isTooLateForStripe(state, state.milestones[0]!, limit + 1)]).toEqual([false, true]); // prettier-ignore
    for (const who of [OPS, BUYER, SELLER]) expect(why(state, 'refund', who, {}, limit + 1)).toBeNull();
    const card = one('started', {}, { payments: [payment({})] });
    expect(isTooLateForStripe(card, card.milestones[0]!, limit * 2)).toBe(false);
  });

  test('by bank transfer only what Stripe cannot refund any more, all of it, by ops, beside nothing that moves', () => {
    const paid = { payments: [payment({ methodType: 'sepa_debit' })] };
    const limit = NOW + 180 * DAY_MS;
    const all = { amount: 10_000 };
    const state = one('submitted', {}, paid);
    expect(isOffered(state, 'refund_by_bank', OPS)).toBe(false);
    expect(why(state, 'refund_by_bank', OPS, all, limit)?.message).toMatch(/refund it at Stripe/);
    expect(why(state, 'refund_by_bank', OPS, all, limit + 1)).toBeNull();
    for (const who of [BUYER, SELLER])
      expect(why(state, 'refund_by_bank', who, all, limit + 1)?.message).toMatch(/Only the ops/);
    expect(why(state, 'refund_by_bank', OPS, { amount: 9000 }, limit + 1)).toMatchObject({ code: 'amount_invalid' }); // prettier-ignore
    expect(why(one('submitted', {}, { ...paid, frozen: [freeze()] }), 'refund_by_bank', OPS, all, limit + 1)?.message).toMatch(/frozen/); // prettier-ignore
    const beside = one('submitted', { refunds: [refundPart('pending')] }, paid);
    // What ops review they may give back, by bank too.
    expect(why(one('submitted', {}, { ...paid, frozen: [freeze({ reason: 'risk' })] }), 'refund_by_bank', OPS, all, limit + 1)).toBeNull(); // prettier-ignore
    expect(why(beside, 'refund_by_bank', OPS, all, limit + 1)?.message).toMatch(/being made/);
    const part = { part: 1, amount: 1000, principal: 1000, sellerFee: 0, buyerFee: 0, payable: 1000, generation: 1, transferId: null, automatic: false, retryAt: null, nudges: 0 }; // prettier-ignore
    const rest = (status: 'releasing' | 'released') => one('submitted', { accepted: 1000, releases: [{ ...part, status }] }, paid); // prettier-ignore
    expect(why(rest('releasing'), 'refund_by_bank', OPS, { amount: 9000 }, limit + 1)?.message).toMatch(/being transferred/); // prettier-ignore
    expect(why(rest('released'), 'refund_by_bank', OPS, { amount: 9000 }, limit + 1)).toBeNull();
    expect(why(one('submitted'), 'refund_by_bank', OPS, all, limit + 1)?.message).toMatch(/refund it at Stripe/);
    expect(why(one('refunding', { refunds: [refundPart('asked')] }, paid), 'refund_by_bank', OPS, { amount: 1000 }, limit + 1)?.message).toMatch(/no refund of it waits/); // prettier-ignore
  });

  test('a refund that waits for a bank transfer is paid whole, from wherever it was promised, also while the escrow settles', () => {
    const owed = { ...refundPart('asked'), needsBank: true as const };
    const amount = { amount: 1000 };
    for (const status of ['refunding', 'started', 'accepted', 'releasing', 'blocked_kyc', 'blocked_funds'] as const) {
      for (const escrow of ['active', 'amending', 'settling'] as const) {
        const state = one(status, { refunds: [owed], refunded: 1000 }, { status: escrow });
        expect([status, escrow, why(state, 'refund_by_bank', OPS, amount)]).toEqual([status, escrow, null]);
        expect(why(state, 'refund_by_bank', OPS, { amount: 999 })).toMatchObject({ code: 'amount_invalid' });
      }
    }
    const refunding = (frozen: Freeze[]) => one('refunding', { refunds: [owed], refunded: 1000 }, { frozen });
    expect(why(refunding([freeze()]), 'refund_by_bank', OPS, amount)?.message).toMatch(/frozen/);
    expect(why(refunding([freeze({ reason: 'fraud_warning' })]), 'refund_by_bank', OPS, amount)).toBeNull();
    const paidNow = one('refunding', { refunds: [{ ...owed, bank: { reference: 'wire', approvalId: 'apr_1' } }] });
    expect(why(paidNow, 'refund_by_bank', OPS, amount)?.message).toMatch(/no refund of it waits/);
    expect(why(one('started', {}, { status: 'settling' }), 'refund', OPS)?.message).toMatch(/settling/);
  });

  test('nothing of nothing', () => {
    expect(why(one('started', { accepted: 10_000 }), 'refund', OPS)?.message).toMatch(/Nothing of this milestone is left/); // prettier-ignore
    expect(why(one('submitted', { accepted: 10_000 }), 'dispute', BUYER)?.message).toMatch(/left to dispute/);
  });

  test('a forced refund of accepted money is never a button, is over exactly what waits, and not beside a transfer', () => {
    const part = (status: 'blocked_kyc' | 'releasing', amount: number) => ({ part: 1, amount, principal: amount, sellerFee: 0, buyerFee: 0, payable: amount, status, generation: 1, transferId: null, automatic: false, retryAt: null, nudges: 0 }); // prettier-ignore
    const blocked = one('blocked_kyc', { accepted: 10_000, releases: [part('blocked_kyc', 10_000)] });
    expect(isOffered(blocked, 'force_refund', OPS)).toBe(false);
    expect(why(blocked, 'force_refund', OPS, { amount: 10_000 })).toBeNull();
    expect(why(blocked, 'force_refund', OPS, { amount: 9000 })).toMatchObject({ code: 'amount_invalid' });
    const moving = one('blocked_kyc', { accepted: 10_000, releases: [part('blocked_kyc', 4000), part('releasing', 6000)] }); // prettier-ignore
    expect(why(moving, 'force_refund', OPS, { amount: 4000 })?.message).toMatch(/is being made/);
    const undecided = one('blocked_kyc', { refunds: [refundPart('pending')], releases: [part('blocked_kyc', 9000)] });
    expect(why(undecided, 'force_refund', OPS, { amount: 9000 })?.message).toMatch(/under way/);
  });

  test('a release by hand is of delivered work alone', () => {
    expect(why(one('submitted'), 'force_release', OPS, { amount: 10_000, delivered: true })).toBeNull();
    expect(why(one('started'), 'force_release', OPS, { amount: 10_000, delivered: true })?.message).toMatch(/delivered work/); // prettier-ignore
  });

  test('a forced release is never a button, and is over exactly what is left', () => {
    expect(isOffered(one('started'), 'force_release', OPS)).toBe(false);
    expect(why(one('started'), 'force_release', OPS, { amount: 10_000 })).toBeNull();
    expect(why(one('started'), 'force_release', OPS, { amount: 9000 })).toMatchObject({ code: 'amount_invalid' });
    expect(why(one('started', { accepted: 1000 }), 'force_release', OPS, { amount: 10_000 })).toMatchObject({ code: 'amount_invalid' }); // prettier-ignore
  });
});

describe('disputing', () => {
  test('over no more than is left, in whole units', () => {
    for (const amount of [10_001, 0, -1, 0.5]) {
      expect(why(one('submitted'), 'dispute', BUYER, { amount })).toMatchObject({ code: 'amount_invalid' });
    }
    expect(why(one('submitted'), 'dispute', BUYER, { amount: 10_000 })).toBeNull();
  });

  test('each stage has its turns: the respondent replies, either escalates a negotiation, ops rule in mediation', () => {
    expect(why(disputed(), 'reply', SELLER)).toBeNull();
    expect(why(disputed(), 'reply', BUYER)?.message).toMatch(/other side replies/);
    expect(why(disputed({ status: 'negotiating' }), 'reply', SELLER)?.message).toMatch(/another stage/);
    expect(why(disputed(), 'escalate', BUYER)?.message).toMatch(/another stage/);
    expect(why(disputed({ status: 'negotiating' }), 'escalate', BUYER)).toBeNull();
    expect(why(disputed({ status: 'negotiating' }), 'rule', OPS, { sellerAmount: 1 })?.message).toMatch(
      /another stage/,
    );
    for (const status of ['mediation', 'second_arbiter'] as const) {
      expect(why(disputed({ status }), 'rule', OPS, { sellerAmount: 1 })).toBeNull();
    }
  });

  test('nobody acts in one that is settled', () => {
    const over = disputed({ status: 'settled', offers: { buyer: 1, seller: 1 } });
    for (const [action, who] of [['reply', SELLER], ['offer', BUYER], ['accept_offer', BUYER], ['escalate', BUYER], ['rule', OPS]] as const) {
      expect([action, why(over, action, who, { sellerAmount: 1 })?.message]).toEqual([action, expect.stringMatching(/no open dispute/)]);
    } // prettier-ignore
  });

  test('a split is a whole number from nothing to all of it', () => {
    for (const sellerAmount of [undefined, -1, 10_001, 0.5, Number.NaN]) {
      expect(why(disputed(), 'offer', SELLER, { sellerAmount })).toMatchObject({ code: 'amount_invalid' });
      expect(why(disputed({ status: 'mediation' }), 'rule', OPS, { sellerAmount })).toMatchObject({ code: 'amount_invalid' }); // prettier-ignore
    }
    for (const sellerAmount of [0, 10_000]) expect(why(disputed(), 'offer', SELLER, { sellerAmount })).toBeNull();
  });

  test('an offer is taken by the other side alone', () => {
    const offered = disputed({ status: 'negotiating', offers: { buyer: 3000, seller: null } });
    expect(why(offered, 'accept_offer', SELLER)).toBeNull();
    expect(why(offered, 'accept_offer', BUYER)?.message).toMatch(/made no offer/);
  });

  test('a card dispute of the same money suspends it: the bank decides first', () => {
    const suspended = disputed({ status: 'mediation', offers: { buyer: 3000, seller: null } });
    suspended.frozen.push(freeze({ reason: 'card_dispute', scope: 'charge', subject: 'ch_1' }));
    expect(why(suspended, 'rule', OPS, { sellerAmount: 1 })?.message).toMatch(/suspended/);
    expect(why(suspended, 'accept_offer', SELLER)?.message).toMatch(/suspended/);
  });
});
