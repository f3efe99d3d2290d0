// Every status has its sentence: who acts next, what, by when, and what happens otherwise.
import { describe, expect, test } from '@jest/globals';
import type { EscrowStatus, Freeze, MilestoneStatus } from '../../domain/escrow-state.ts';
import { isEscrowEnd, isMilestoneEnd } from '../../domain/escrow-state.ts';
import { ESCROW_TRANSITIONS, MILESTONE_TRANSITIONS } from '../../domain/transitions.ts';
import { milestoneWaiting, waitingFor, type Waiting } from '../../domain/waiting.ts';
import { BUYER, milestoneIn, NOW, SELLER, stateOf, twoSellers } from './fixtures.ts';

const terms = twoSellers();
const milestoneStatuses = [...new Set(MILESTONE_TRANSITIONS.flatMap((r) => [...r.from, ...r.to]))];
const escrowStatuses = [...new Set(ESCROW_TRANSITIONS.flatMap((r) => [...r.from, ...r.to]))];
const freeze = (more: Partial<Freeze> = {}): Freeze => ({ reason: 'ops', scope: 'escrow', subject: 'esc_1', detail: 'a look', since: NOW, ...more }); // prettier-ignore

function expectSentence(w: Waiting): void {
  expect(w.what).toMatch(/^[A-Z].+\.$/);
  if (w.otherwise !== null) expect(w.otherwise).toMatch(/^[A-Z].+\.$/);
  if (w.until !== null) expect(new Date(w.until).toISOString()).toBe(w.until);
  // A moment without its consequence would only worry.
  if (w.until !== null) expect(w.otherwise).not.toBeNull();
  // Whoever acts is told what happens if they do not.
  if (!['stripe', 'platform', 'nobody'].includes(w.who))
    expect([w.what, w.otherwise]).toEqual([w.what, expect.any(String)]);
}

const inStatus = (status: MilestoneStatus) => {
  const state = stateOf(terms, { milestones: terms.milestones.map((m) => milestoneIn(status, m, { dueAt: NOW + 1000, fundBy: NOW + 2000 })) }); // prettier-ignore
  return { state, m: state.milestones[0]! };
};

describe.each(milestoneStatuses)('a milestone that is %s', (status) => {
  test('says who and what, and its id', () => {
    const { state, m } = inStatus(status);
    const w = milestoneWaiting(state, m);
    expectSentence(w);
    expect(w.milestone_id).toBe(m.id);
    expect(w.who === 'nobody').toBe(isMilestoneEnd(status));
  });

  test('says that it is frozen, by what, unless it has ended', () => {
    const { state, m } = inStatus(status);
    state.frozen = [freeze()];
    const w = milestoneWaiting(state, m);
    expectSentence(w);
    if (isMilestoneEnd(status)) expect(w.what).not.toMatch(/frozen/i);
    else expect([w.who, w.until]).toEqual(['ops', null]);
  });
});

describe.each(['in_product_dispute', 'card_dispute', 'fraud_warning', 'risk', 'seller_restricted', 'ops'] as const)(
  'a freeze by %s',
  (reason) => {
    const people: Record<typeof reason, string> = { in_product_dispute: 'buyer_and_seller', card_dispute: 'stripe', fraud_warning: 'ops', risk: 'ops', seller_restricted: 'seller', ops: 'ops' }; // prettier-ignore
    test.each(['milestone', 'charge', 'seller', 'escrow'] as const)(
      'over the %s says what it is, who ends it, and how',
      (scope) => {
        const { state, m } = inStatus('submitted');
        const subject = { milestone: m.id, charge: m.funds!.chargeId, seller: m.sellerId, escrow: state.id }[scope];
        state.frozen = [freeze({ reason, scope, subject, detail: 'dsp_1' })];
        const w = milestoneWaiting(state, m);
        expectSentence(w);
        expect([w.who, w.until]).toEqual([people[reason], null]);
        expect(w.what).toContain(`${reason.replaceAll('_', ' ')} (dsp_1)`);
        expect(waitingFor(state).milestone_id).not.toBeNull();
      },
    );
  },
);

describe.each(escrowStatuses)('an escrow that is %s', (status: EscrowStatus) => {
  test('says who and what', () => {
    const w = waitingFor(stateOf(terms, { status }));
    expectSentence(w);
    expect(w.who === 'nobody').toBe(isEscrowEnd(status));
  });
});

describe('the escrow says the most urgent thing', () => {
  test('a freeze that holds up its settlement, before Stripe', () => {
    expect(waitingFor(stateOf(terms, { status: 'settling', frozen: [freeze()] })).who).toBe('ops');
  });

  test('a person’s before a machine’s, the earliest deadline first', () => {
    const state = stateOf(terms);
    state.milestones = [
      milestoneIn('releasing', terms.milestones[0]!),
      milestoneIn('started', terms.milestones[1]!, { dueAt: NOW + 5000 }),
    ];
    expect(waitingFor(state)).toMatchObject({ who: 'seller', milestone_id: 'ms_2', until: new Date(NOW + 5000).toISOString() }); // prettier-ignore
    state.milestones[0] = milestoneIn('submitted', terms.milestones[0]!, {
      inspection: { periodMs: 10, remainingMs: 10, since: NOW, endsAt: NOW + 10, reminded: 0, extended: false },
    });
    expect(waitingFor(state)).toMatchObject({ who: 'buyer', milestone_id: 'ms_1', until: new Date(NOW + 10).toISOString() }); // prettier-ignore
  });

  test('a request of one side waits for the other', () => {
    const request = { amount: 5000, reason: '', at: NOW, expiresAt: NOW + 1000 };
    const cancelling = stateOf(terms, { cancelRequest: { ...request, by: SELLER.id, role: 'seller' } });
    expect(waitingFor(cancelling)).toMatchObject({ who: 'buyer', until: new Date(NOW + 1000).toISOString() });
    const { state, m } = inStatus('overdue');
    m.refundRequest = { ...request, by: BUYER.id, role: 'buyer' };
    expect(milestoneWaiting(state, m)).toMatchObject({ who: 'seller', otherwise: 'The refund is made.' });
    m.status = 'started';
    expect(milestoneWaiting(state, m)).toMatchObject({ who: 'seller', otherwise: 'The request lapses.' });
  });

  test('nothing left to wait for is the platform’s to close', () => {
    const state = stateOf(terms, { milestones: terms.milestones.map((t) => milestoneIn('released', t)) });
    expect(waitingFor(state).who).toBe('platform');
  });
});
