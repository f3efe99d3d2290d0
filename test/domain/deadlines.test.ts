// Timers: the earliest comes first, reminders come in their order, and a freeze over a milestone stops what is its.
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { fundBy, nextDeadlineAt, nextEscrowDeadline, nextMilestoneDeadline, reminderTimes } from '../../domain/deadlines.ts'; // prettier-ignore
import type { EscrowState, Freeze, MilestoneState, MilestoneStatus, PaymentState, ReleasePart } from '../../domain/escrow-state.ts'; // prettier-ignore
import { DAY_MS } from '../../domain/periods.ts';
import { BUYER, milestoneIn, NOW, SELLER, stateOf, twoSellers } from './fixtures.ts';

const terms = twoSellers();
const inspecting = (periodMs: number): MilestoneState =>
  milestoneIn('submitted', terms.milestones[0]!, {
    inspection: { periodMs, remainingMs: periodMs, since: NOW, endsAt: NOW + periodMs, reminded: 0, extended: false },
  });
const withFirst = (m: MilestoneState, more: Partial<EscrowState> = {}): EscrowState =>
  stateOf(terms, { milestones: [m, milestoneIn('released', terms.milestones[1]!)], ...more });

const blocked = (status: ReleasePart['status'], retryAt: number | null): ReleasePart => ({ part: 1, amount: 1, principal: 1, sellerFee: 0, buyerFee: 0, payable: 1, status, generation: 1, transferId: null, automatic: false, retryAt, nudges: 0 }); // prettier-ignore

describe('an inspection', () => {
  test('reminds in order, each before the end, then releases', () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 400 * DAY_MS }), (periodMs) => {
        const m = inspecting(periodMs);
        const state = withFirst(m);
        const seen: string[] = [];
        let last = NOW;
        for (;;) {
          const next = nextMilestoneDeadline(state, m)!;
          expect(next.at).toBeGreaterThanOrEqual(last);
          last = next.at;
          if (next.name === 'auto_accept') break;
          seen.push(`${next.name} ${next.subject}`);
          expect(next.at).toBeLessThan(m.inspection!.endsAt);
          m.inspection!.reminded += 1;
        }
        expect(seen).toEqual(['remind 0', 'remind 1', 'remind 2']);
        expect(last).toBe(m.inspection!.endsAt);
      }),
    );
  });

  test('of 14 days reminds after 7, 12 and 13', () => {
    const m = inspecting(14 * DAY_MS);
    expect(reminderTimes(withFirst(m), m).map((at) => (at - NOW) / DAY_MS)).toEqual([7, 12, 13]);
  });

  test('that was prolonged reminds before its new end', () => {
    const m = inspecting(14 * DAY_MS);
    m.inspection = { ...m.inspection!, endsAt: NOW + 28 * DAY_MS, extended: true };
    expect(reminderTimes(withFirst(m), m).map((at) => (at - NOW) / DAY_MS)).toEqual([21, 26, 27]);
  });
});

describe('a milestone’s timers', () => {
  const dueAt = NOW + DAY_MS;
  test.each<[MilestoneStatus, string | null]>([
    ['planned', null],
    ['funded', 'overdue'],
    ['started', 'overdue'],
    ['changes_requested', 'overdue'],
    ['overdue', null],
    ['accepted', null],
    ['releasing', null],
    ['refunding', null],
    ['released', null],
    ['refunded', null],
    ['cancelled', null],
  ])('%s with a due date: %s', (status, name) => {
    const m = milestoneIn(status, terms.milestones[0]!, { dueAt });
    expect(nextMilestoneDeadline(withFirst(m), m)?.name ?? null).toBe(name);
  });

  test('an unpaid one is given up, a blocked one is tried again or reminded of', () => {
    const unpaid = milestoneIn('awaiting_funding', terms.milestones[0]!, { fundBy: NOW + 1 });
    expect(nextMilestoneDeadline(withFirst(unpaid), unpaid)).toEqual({ name: 'give_up', at: NOW + 1, subject: '' });
    const short = milestoneIn('blocked_funds', terms.milestones[0]!, { releases: [blocked('blocked_funds', NOW + 2)] });
    expect(nextMilestoneDeadline(withFirst(short), short)).toEqual({ name: 'retry_release', at: NOW + 2, subject: '1' }); // prettier-ignore
    const first = milestoneIn('accepted', terms.milestones[0]!, { releases: [blocked('held_first_release', NOW + 2)] });
    expect(nextMilestoneDeadline(withFirst(first), first)).toEqual({ name: 'retry_release', at: NOW + 2, subject: '1' }); // prettier-ignore
    const unknown = milestoneIn('blocked_kyc', terms.milestones[0]!, { releases: [blocked('blocked_kyc', NOW + 3)] });
    expect(nextMilestoneDeadline(withFirst(unknown), unknown)).toEqual({ name: 'nudge_kyc', at: NOW + 3, subject: '1' }); // prettier-ignore
  });

  test('the earliest wins', () => {
    const m = inspecting(14 * DAY_MS);
    m.refundRequest = { by: SELLER.id, role: 'seller', amount: 1, reason: '', at: NOW, expiresAt: NOW + 5 };
    expect(nextMilestoneDeadline(withFirst(m), m)).toEqual({ name: 'refund_request', at: NOW + 5, subject: '' });
  });
});

describe('a freeze', () => {
  const freezes: [string, Freeze['scope'], string, boolean][] = [
    ['of the escrow', 'escrow', 'esc_1', true],
    ['of the milestone', 'milestone', 'ms_1', true],
    ['of its seller', 'seller', SELLER.id, true],
    ['of its charge', 'charge', 'ch_1', true],
    ['of another milestone', 'milestone', 'ms_2', false],
    ['of another seller', 'seller', 'usr_seller2', false],
    ['of another charge', 'charge', 'ch_2', false],
  ];
  test.each(freezes)('%s (%s %s) stops its timers: %s', (_what, scope, subject, stops) => {
    const m = inspecting(14 * DAY_MS);
    m.refundRequest = { by: BUYER.id, role: 'buyer', amount: 1, reason: '', at: NOW, expiresAt: NOW + 5 };
    const state = withFirst(m, { frozen: [{ reason: 'ops', scope, subject, detail: '', since: NOW }] });
    expect(nextMilestoneDeadline(state, m) === null).toBe(stops);
    expect(nextDeadlineAt(state) === null).toBe(stops);
  });
});

test('a card dispute suspends the dispute’s own stages', () => {
  const dispute = { id: 'dsp_1', openedBy: BUYER.id, openedRole: 'buyer' as const, reason: '', amount: 10_000, claim: 0, status: 'open' as const, offers: { buyer: null, seller: null }, until: NOW + 6, before: 'submitted' as const, outcome: null }; // prettier-ignore
  const m = milestoneIn('disputed', terms.milestones[0]!, { dispute });
  const own: Freeze = {
    reason: 'in_product_dispute',
    scope: 'milestone',
    subject: 'ms_1',
    detail: 'dsp_1',
    since: NOW,
  };
  const bank: Freeze = { reason: 'card_dispute', scope: 'charge', subject: 'ch_1', detail: 'dp_1', since: NOW };
  expect(nextMilestoneDeadline(withFirst(m, { frozen: [own] }), m)).toEqual({ name: 'dispute', at: NOW + 6, subject: 'open' }); // prettier-ignore
  expect(nextMilestoneDeadline(withFirst(m, { frozen: [own, bank] }), m)).toBeNull();
});

describe('the escrow’s timers', () => {
  const payment = (more: Partial<PaymentState>): PaymentState => ({ id: 'pay_1', milestoneIds: ['ms_1'], amount: 1, status: 'creating', generation: 1, paymentIntentId: null, chargeId: null, methodType: null, paidAt: null, declineCode: null, actionUntil: null, busy: false, abandoned: false, returned: null, returnGeneration: 1, ...more }); // prettier-ignore

  test('a proposal expires, then funding does, then neither', () => {
    const at = (status: EscrowState['status']) => nextEscrowDeadline(stateOf(terms, { status }))?.name ?? null;
    expect([at('proposed'), at('agreed'), at('funding'), at('active'), at('completed')]).toEqual(['expire_proposal', 'expire_funding', 'expire_funding', null, null]); // prettier-ignore
  });

  test('an authentication is left, a cancellation lapses', () => {
    const state = stateOf(terms, { payments: [payment({ status: 'requires_action', actionUntil: NOW + 9 })] });
    expect(nextEscrowDeadline(state)).toEqual({ name: 'leave_action', at: NOW + 9, subject: 'pay_1' });
    state.cancelRequest = { by: BUYER.id, role: 'buyer', amount: 0, reason: '', at: NOW, expiresAt: NOW + 8 };
    expect(nextEscrowDeadline(state)).toEqual({ name: 'cancel_request', at: NOW + 8, subject: '' });
    state.payments[0]!.actionUntil = null;
    state.cancelRequest = null;
    expect(nextEscrowDeadline(state)).toBeNull();
  });

  test('an amendment that nobody signs lapses', () => {
    const amendment = { id: 'amd_1', by: BUYER.id, role: 'buyer' as const, terms, termsHash: '', consents: [], until: NOW + 4 }; // prettier-ignore
    expect(nextEscrowDeadline(stateOf(terms, { status: 'amending', amendment }))).toEqual({ name: 'lapse_amendment', at: NOW + 4, subject: 'amd_1' }); // prettier-ignore
  });

  test('a payment under way is not given up', () => {
    const m = milestoneIn('awaiting_funding', terms.milestones[0]!, { fundBy: NOW + 1 });
    expect(nextMilestoneDeadline(withFirst(m, { payments: [payment({ busy: true })] }), m)).toBeNull();
    expect(nextMilestoneDeadline(withFirst(m, { payments: [payment({})] }), m)?.name).toBe('give_up');
  });

  test('the next of all is the earliest of escrow and milestones', () => {
    const m = inspecting(14 * DAY_MS);
    const state = withFirst(m, { cancelRequest: { by: BUYER.id, role: 'buyer', amount: 0, reason: '', at: NOW, expiresAt: NOW + DAY_MS } }); // prettier-ignore
    expect(nextDeadlineAt(state)).toBe(NOW + DAY_MS);
    state.cancelRequest = null;
    expect(nextDeadlineAt(state)).toBe(NOW + 7 * DAY_MS);
  });
});

test('an unpaid milestone has its time from now, or from its start where that is later', () => {
  const state = stateOf(terms);
  const [m] = state.milestones as [MilestoneState];
  expect(fundBy(state, m, NOW)).toBe(NOW + 14 * DAY_MS);
  expect(fundBy(state, { ...m, startsAt: NOW + 3 * DAY_MS }, NOW)).toBe(NOW + 17 * DAY_MS);
  expect(fundBy(state, { ...m, startsAt: NOW - 3 * DAY_MS }, NOW)).toBe(NOW + 14 * DAY_MS);
});
