// Who may do what now: what is offered is permitted, and what is not the caller's is refused, in every state.
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { EscrowState, EscrowStatus, Freeze, MilestoneState, MilestoneStatus, Principal } from '../../domain/escrow-state.ts'; // prettier-ignore
import { openAmount } from '../../domain/escrow-state.ts';
import { DAY_MS } from '../../domain/periods.ts';
import { type ActionArguments, cancelsAlone, fundable, refundsAlone } from '../../domain/guards.ts';
import { type Action, availableActions, type By, ESCROW_TRANSITIONS, isEscrowAction, MILESTONE_TRANSITIONS, permit } from '../../domain/transitions.ts'; // prettier-ignore
import { AUDITOR, BUYER, EVERYBODY, milestoneIn, NOW, OPS, OTHER_SELLER, SELLER, stateOf, twoSellers } from './fixtures.ts'; // prettier-ignore

const terms = twoSellers();
const perMilestone = twoSellers({ funding: 'per_milestone' });
const escrowStatuses = [...new Set(ESCROW_TRANSITIONS.flatMap((r) => [...r.from, ...r.to]))];
const milestoneStatuses = [...new Set(MILESTONE_TRANSITIONS.flatMap((r) => [...r.from, ...r.to]))];
const ROWS = [...ESCROW_TRANSITIONS, ...MILESTONE_TRANSITIONS];
const ACTIONS = [...new Set(ROWS.flatMap((r) => r.action ?? [])), 'freeze' as const, 'unfreeze' as const];

/** What a caller who only pressed the button would send: nothing, or a split where one must be named. */
const defaultArguments = (action: Action): ActionArguments => (action === 'offer' || action === 'rule' ? { sellerAmount: 0 } : {}); // prettier-ignore

// ---- states, as they come about ---------------------------------------------------------------------------------------

const request = (role: 'buyer' | 'seller', amount: number) => ({ by: role === 'buyer' ? BUYER.id : SELLER.id, role, amount, reason: '', at: NOW, expiresAt: NOW + DAY_MS }); // prettier-ignore

const freeze: fc.Arbitrary<Freeze> = fc.record({
  reason: fc.constantFrom('ops' as const, 'risk' as const, 'card_dispute' as const),
  subject: fc.constantFrom(
    { scope: 'escrow' as const, subject: 'esc_1' },
    { scope: 'milestone' as const, subject: 'ms_1' },
    { scope: 'seller' as const, subject: OTHER_SELLER.id },
    { scope: 'charge' as const, subject: 'ch_1' },
  ),
}).map(({ reason, subject }) => ({ reason, ...subject, detail: '', since: NOW })); // prettier-ignore

interface Variation {
  status: MilestoneStatus;
  accepted: number;
  rounds: number;
  extended: boolean;
  startsIn: number | null;
  refund: 'none' | 'asked' | 'failed' | 'buyer' | 'seller';
  dispute: { role: 'buyer' | 'seller'; status: 'open' | 'negotiating' | 'mediation' | 'second_arbiter'; offers: { buyer: number | null; seller: number | null } };
} // prettier-ignore
const offer = fc.option(fc.nat(5000));
const variation: fc.Arbitrary<Variation> = fc.record({
  status: fc.constantFrom(...milestoneStatuses),
  accepted: fc.constantFrom(0, 0, 4000),
  rounds: fc.nat(3),
  extended: fc.boolean(),
  startsIn: fc.constantFrom(null, null, -DAY_MS, DAY_MS),
  refund: fc.constantFrom('none', 'none', 'asked', 'failed', 'buyer', 'seller'),
  dispute: fc.record({
    role: fc.constantFrom('buyer', 'seller'),
    status: fc.constantFrom('open', 'negotiating', 'mediation', 'second_arbiter'),
    offers: fc.record({ buyer: offer, seller: offer }),
  }),
});

function vary(m: MilestoneState, v: Variation): MilestoneState {
  const base = milestoneIn(
    v.status,
    terms.milestones.find((t) => t.id === m.id)!,
  );
  const holds = base.funds !== null;
  const accepted = holds && v.status !== 'funded' && v.status !== 'started' ? v.accepted : 0;
  const refunded = holds && v.refund === 'asked' ? 1000 : 0;
  const open = base.amount - accepted - refunded;
  const refundPart = { id: 'rfd_1', part: 1, amount: 1000, chargeAmount: 1000, principal: 1000, buyerFee: 0, buyerFeeReturned: 0, generation: 1, stripeRefundId: null, reason: '', before: v.status }; // prettier-ignore
  return {
    ...base,
    accepted,
    refunded,
    rounds: v.rounds,
    startsAt: v.startsIn === null ? null : NOW + v.startsIn,
    inspection: base.inspection && { ...base.inspection, extended: v.extended },
    refunds: !holds ? [] : v.refund === 'asked' || v.refund === 'failed' ? [{ ...refundPart, status: v.refund }] : [],
    refundRequest: holds && (v.refund === 'buyer' || v.refund === 'seller') ? request(v.refund, open) : null,
    dispute:
      v.status === 'disputed'
        ? { id: 'dsp_1', openedBy: '', openedRole: v.dispute.role, reason: '', amount: open, claim: 0, status: v.dispute.status, offers: v.dispute.offers, until: NOW + DAY_MS, before: 'submitted', outcome: null } // prettier-ignore
        : null,
  };
}

const anyState: fc.Arbitrary<EscrowState> = fc
  .record({
    status: fc.constantFrom<EscrowStatus>(...escrowStatuses, ...Array<EscrowStatus>(24).fill('active')),
    funding: fc.constantFrom(terms, perMilestone),
    milestones: fc.tuple(variation, variation),
    frozen: fc.oneof({ weight: 3, arbitrary: fc.constant<Freeze[]>([]) }, { weight: 1, arbitrary: fc.array(freeze, { maxLength: 2 }) }),
    consents: fc.constantFrom([BUYER.id], [SELLER.id], [BUYER.id, SELLER.id]),
    cancelRequest: fc.constantFrom(null, null, null, request('buyer', 0), request('seller', 0)),
    paying: fc.boolean(),
  })
  .map((v) => {
    const state = stateOf(v.funding, { status: v.status, frozen: [...v.frozen], consents: [...v.consents], cancelRequest: v.cancelRequest });
    state.milestones = state.milestones.map((m, i) => vary(m, v.milestones[i]!));
    for (const m of state.milestones) {
      if (m.status === 'disputed') state.frozen.push({ reason: 'in_product_dispute', scope: 'milestone', subject: m.id, detail: 'dsp_1', since: NOW });
    }
    if (v.status === 'amending') {
      state.amendment = { id: 'amd_1', by: BUYER.id, role: 'buyer', terms: { ...v.funding, version: 2 }, termsHash: 'b'.repeat(64), consents: v.consents.slice(), until: NOW + DAY_MS };
    }
    if (v.paying) {
      state.payments.push({ id: 'pay_2', milestoneIds: ['ms_1'], amount: 1, status: 'creating', generation: 1, paymentIntentId: null, chargeId: null, methodType: null, paidAt: null, declineCode: null, actionUntil: null, busy: true, abandoned: false, returned: null, returnGeneration: 1 });
    }
    return state;
  }); // prettier-ignore
const anybody = fc.constantFrom(...EVERYBODY);

/** Every action on everything that it could be asked of. */
function* questions(state: EscrowState): Generator<[Action, string | null]> {
  for (const action of ACTIONS) {
    if (isEscrowAction(action)) yield [action, null];
    else for (const m of state.milestones) yield [action, m.id];
  }
}

const offered = (state: EscrowState, principal: Principal, action: Action, id: string | null): boolean => {
  const { escrow, milestones } = availableActions(state, principal, NOW);
  return (id === null ? escrow : milestones[id]!).includes(action);
};

describe('in any state', () => {
  test('what is offered is permitted with default arguments, and what is not offered is refused', () => {
    let some = 0;
    fc.assert(
      fc.property(anyState, anybody, (state, principal) => {
        const all = availableActions(state, principal, NOW);
        for (const [action, id] of questions(state)) {
          const isOffered = (id === null ? all.escrow : all.milestones[id]!).includes(action);
          const refusal = permit(state, action, principal, id, defaultArguments(action), NOW);
          if (isOffered) some += 1;
          expect([action, id, isOffered, refusal?.message ?? null]).toEqual([action, id, refusal === null, refusal?.message ?? null]); // prettier-ignore
        }
      }),
      { numRuns: 1000 },
    );
    // The states were not all dead ones.
    expect(some).toBeGreaterThan(200);
  }, 400_000);

  test('an auditor may do nothing', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        const { escrow, milestones } = availableActions(state, AUDITOR, NOW);
        expect([...escrow, ...Object.values(milestones).flat()]).toEqual([]);
        const answers = [...questions(state)].map(([action, id]) => permit(state, action, AUDITOR, id, {}, NOW));
        expect(answers.every((a) => a?.code === 'action_not_available')).toBe(true);
      }),
    );
  });

  test('another seller’s milestone is refused', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        for (const [action, id] of questions(state)) {
          if (id === 'ms_2') expect(permit(state, action, SELLER, id, {}, NOW)?.message).toMatch(/another seller/);
          if (id === 'ms_1') expect(permit(state, action, OTHER_SELLER, id, {}, NOW)).not.toBeNull();
        }
      }),
    );
  });

  test('a role that no row names is refused, with words', () => {
    const roles = (action: Action): readonly By[] => action === 'freeze' || action === 'unfreeze' ? ['ops'] : ROWS.filter((r) => r.action === action).flatMap((r) => r.by); // prettier-ignore
    fc.assert(
      fc.property(anyState, anybody, (state, principal) => {
        for (const [action, id] of questions(state)) {
          if (roles(action).includes(principal.role as By)) continue;
          const refusal = permit(state, action, principal, id, {}, NOW);
          expect([action, refusal?.code]).toEqual([action, 'action_not_available']);
          expect(refusal!.message).toMatch(/[.?]$/);
        }
      }),
    );
  });

  test('nothing moves on a milestone whose escrow is neither active nor being amended, and nothing at all in an escrow that has ended', () => {
    fc.assert(
      fc.property(anyState, anybody, (state, principal) => {
        const { escrow, milestones } = availableActions(state, principal, NOW);
        if (state.status !== 'active' && state.status !== 'amending')
          expect(Object.values(milestones).flat()).toEqual([]);
        if (['completed', 'cancelled', 'expired'].includes(state.status)) expect(escrow).toEqual([]);
      }),
    );
  });

  test('asking changes nothing', () => {
    fc.assert(
      fc.property(anyState, anybody, (state, principal) => {
        const before = JSON.stringify(state);
        availableActions(state, principal, NOW);
        for (const [action, id] of questions(state)) permit(state, action, principal, id, {}, NOW);
        expect(JSON.stringify(state)).toBe(before);
      }),
    );
  });

  test('money of a milestone that is frozen or in dispute is neither accepted nor refunded', () => {
    fc.assert(
      fc.property(anyState, anybody, (state, principal) => {
        for (const m of state.milestones) {
          const frozen = state.frozen.filter((f) => f.scope === 'escrow' || f.subject === m.id || f.subject === m.sellerId || (m.funds !== null && f.subject === m.funds.chargeId)); // prettier-ignore
          if (frozen.length === 0) continue;
          expect(offered(state, principal, 'accept', m.id)).toBe(false);
          // What ops alone review, they may give back.
          const reviewed = frozen.every((f) => f.reason === 'risk' || f.reason === 'fraud_warning');
          if (principal.role !== 'ops' || !reviewed) expect(offered(state, principal, 'refund', m.id)).toBe(false);
        }
      }),
    );
  });
});

describe('one by one', () => {
  const one = (status: MilestoneStatus, more: Partial<MilestoneState> = {}) => {
    const state = stateOf(terms);
    state.milestones[0] = milestoneIn(status, terms.milestones[0]!, more);
    return state;
  };
  const why = (state: EscrowState, action: Action, who: Principal, args: ActionArguments = {}, now = NOW) =>
    permit(state, action, who, isEscrowAction(action) ? null : 'ms_1', args, now);

  test('agree names the terms that were read', () => {
    const state = stateOf(terms, { status: 'proposed' });
    expect(why(state, 'agree', SELLER)).toBeNull();
    expect(why(state, 'agree', SELLER, { termsHash: state.termsHash })).toBeNull();
    expect(why(state, 'agree', SELLER, { termsHash: 'b'.repeat(64) })).toMatchObject({ code: 'terms_changed', param: 'terms_hash' }); // prettier-ignore
    expect(why(state, 'agree', BUYER)?.code).toBe('action_not_available');
  });

  test('fund takes all upfront, the first or the named ones per milestone', () => {
    const unfunded = (t: typeof terms) => stateOf(t, { status: 'agreed', milestones: t.milestones.map((m) => milestoneIn('awaiting_funding', m)) }); // prettier-ignore
    expect(fundable(unfunded(terms), undefined).map((m) => m.id)).toEqual(['ms_1', 'ms_2']);
    expect(fundable(unfunded(perMilestone), undefined).map((m) => m.id)).toEqual(['ms_1']);
    expect(fundable(unfunded(perMilestone), ['ms_2']).map((m) => m.id)).toEqual(['ms_2']);
    expect(why(unfunded(perMilestone), 'fund', BUYER, { milestoneIds: ['ms_2', 'ms_9'] })?.message).toMatch(/milestone_ids/); // prettier-ignore
    expect(why(unfunded(terms), 'fund', SELLER)?.message).toBe('Only the buyer can do this.');
  });

  test('start and submit wait for the agreed start', () => {
    const state = one('funded', { startsAt: NOW + 10 });
    for (const action of ['start', 'submit'] as const) {
      expect(why(state, action, SELLER)?.message).toMatch(/agreed start/);
      expect(why(state, action, SELLER, {}, NOW + 10)).toBeNull();
    }
  });

  test('accept and refund take a part of what is open, whole units, more than nothing', () => {
    const state = one('submitted', { accepted: 4000 });
    expect(openAmount(state.milestones[0]!)).toBe(6000);
    for (const [who, action] of [[BUYER, 'accept'], [OPS, 'refund']] as const) {
      expect(why(state, action, who, { amount: 6000 })).toBeNull();
      for (const amount of [6001, 0, -1, 1.5, Number.NaN]) {
        expect(why(state, action, who, { amount })).toMatchObject({ code: 'amount_invalid', param: 'amount' });
      }
    } // prettier-ignore
  });

  test('a part that the currency cannot charge, or that nothing of would reach the seller, is refused', () => {
    const kwd = twoSellers({ currency: 'kwd' });
    const state = stateOf(kwd);
    state.milestones[0] = milestoneIn('submitted', kwd.milestones[0]!);
    expect(why(state, 'accept', BUYER, { amount: 5005 })).toMatchObject({ code: 'amount_invalid' });
    expect(why(state, 'refund', OPS, { amount: 5005 })).toMatchObject({ code: 'amount_invalid' });
    expect(why(state, 'accept', BUYER, { amount: 5000 })).toBeNull();
    const converted = one('submitted');
    converted.milestones[0]!.funds!.principal = 65;
    expect(why(converted, 'accept', BUYER, { amount: 100 })).toMatchObject({ code: 'amount_invalid' });
    expect(why(converted, 'accept', BUYER, { amount: 1000 })).toBeNull();
  });

  test('extend: once, later than now, at most the first period again', () => {
    const state = one('submitted');
    const { endsAt, periodMs } = state.milestones[0]!.inspection!;
    expect(why(state, 'extend', BUYER, { until: endsAt + periodMs })).toBeNull();
    expect(why(state, 'extend', BUYER, { until: endsAt + periodMs + 1 })).not.toBeNull();
    expect(why(state, 'extend', BUYER, { until: endsAt })).not.toBeNull();
    state.milestones[0]!.inspection!.extended = true;
    expect(why(state, 'extend', BUYER)?.message).toMatch(/once already/);
  });

  test('changes are asked for at most as often as agreed', () => {
    expect(why(one('submitted', { rounds: 2 }), 'request_changes', BUYER)).toBeNull();
    expect(why(one('submitted', { rounds: 3 }), 'request_changes', BUYER)?.message).toMatch(/maximum/);
  });

  test('a refund is the buyer’s alone before work starts, else the other side confirms exactly what was asked', () => {
    expect(refundsAlone(one('funded').milestones[0]!, BUYER)).toBe(true);
    expect(refundsAlone(one('started').milestones[0]!, BUYER)).toBe(false);
    expect(refundsAlone(one('started').milestones[0]!, OPS)).toBe(true);
    const asked = one('started', { refundRequest: request('buyer', 5000) });
    expect(refundsAlone(asked.milestones[0]!, SELLER)).toBe(true);
    expect(why(asked, 'refund', BUYER)?.message).toMatch(/asked for this refund/);
    expect(why(asked, 'refund', SELLER)).toBeNull();
    expect(why(asked, 'refund', SELLER, { amount: 4999 })).toMatchObject({ code: 'amount_invalid' });
  });

  test('an active escrow is cancelled by the buyer alone until anything was started, and not over submitted work', () => {
    expect(cancelsAlone(one('funded'), BUYER)).toBe(true);
    expect(cancelsAlone(one('funded'), SELLER)).toBe(false);
    expect(cancelsAlone(one('started'), BUYER)).toBe(false);
    expect(cancelsAlone({ ...one('started'), cancelRequest: request('seller', 0) }, BUYER)).toBe(true);
    expect(why(one('submitted'), 'cancel', BUYER)?.message).toMatch(/submitted/);
    expect(why({ ...one('started'), cancelRequest: request('buyer', 0) }, 'cancel', BUYER)?.message).toMatch(/asked to cancel/); // prettier-ignore
  });

  test('ops freeze and lift only their own', () => {
    const state = one('started');
    expect(why(state, 'freeze', OPS)).toBeNull();
    expect(why(state, 'freeze', BUYER)?.message).toBe('Only ops can do this.');
    expect(why(state, 'unfreeze', OPS)).not.toBeNull();
    state.frozen = [{ reason: 'card_dispute', scope: 'charge', subject: 'ch_1', detail: '', since: NOW }];
    expect(why(state, 'unfreeze', OPS)).not.toBeNull();
    const [dispute] = state.frozen;
    state.frozen = [dispute!, { reason: 'risk', scope: 'seller', subject: 'per_1', detail: '', since: NOW }];
    expect(why(state, 'unfreeze', OPS)).toBeNull();
    state.frozen.pop();
    state.frozen.push({ reason: 'ops', scope: 'escrow', subject: 'esc_1', detail: '', since: NOW });
    expect(why(state, 'unfreeze', OPS)).toBeNull();
  });

  test('a milestone that is not there is none', () => {
    expect(permit(stateOf(terms), 'accept', BUYER, 'ms_9', {}, NOW)?.message).toMatch(/no such milestone/);
  });
});
