// Amendments: what stays, what becomes a new milestone, what is refunded, and what cannot be changed any more.
import { describe, expect, test } from '@jest/globals';
import { amendTerms, type AmendmentProposal, planAmendment } from '../../domain/amendments.ts';
import type { MilestoneStatus } from '../../domain/escrow-state.ts';
import { DAY_MS } from '../../domain/periods.ts';
import { context, milestoneIn, NOW, OTHER_SELLER, SELLER, stateOf, twoSellers } from './fixtures.ts';

const terms = twoSellers();
const inStatus = (...statuses: MilestoneStatus[]) => stateOf(terms, { milestones: terms.milestones.map((m, i) => milestoneIn(statuses[i] ?? 'funded', m)) }); // prettier-ignore

function amend(state: ReturnType<typeof inStatus>, milestones: AmendmentProposal['milestones'], title?: string) {
  let n = 0;
  return amendTerms(state, { title, milestones }, context(), () => `ms_new${++n}`);
}
const kinds = (state: ReturnType<typeof inStatus>, milestones: AmendmentProposal['milestones']) => {
  const plan = planAmendment(state, amend(state, milestones));
  return typeof plan === 'string' ? plan : plan.map((c) => [c.milestone.id, c.kind, c.refund]);
};

describe('the next version', () => {
  test('leaves what is not named as it was agreed', () => {
    const next = amend(inStatus(), [{ id: 'ms_1', title: 'Renamed' }, { id: 'ms_2' }]);
    expect(next).toEqual({ ...terms, version: 2, milestones: [{ ...terms.milestones[0], title: 'Renamed' }, terms.milestones[1]] }); // prettier-ignore
  });

  test('more for what is paid is a milestone of its own; for what is not paid it is the new amount', () => {
    const paid = amend(inStatus('funded', 'funded'), [{ id: 'ms_1', amount: 12_500 }, { id: 'ms_2' }]);
    expect(paid.milestones.map((m) => [m.id, m.amount, m.sellerId])).toEqual([
      ['ms_1', 10_000, SELLER.id],
      ['ms_new1', 2_500, SELLER.id],
      ['ms_2', 10_000, OTHER_SELLER.id],
    ]);
    const unpaid = amend(inStatus('awaiting_funding', 'funded'), [{ id: 'ms_1', amount: 12_500 }, { id: 'ms_2' }]);
    expect(unpaid.milestones.map((m) => [m.id, m.amount, m.sellerFee])).toEqual([['ms_1', 12_500, 1250], ['ms_2', 10_000, 1000]]); // prettier-ignore
  });

  test.each<[string, AmendmentProposal['milestones'], string, string]>([
    ['nothing stays', [], 'milestones_invalid', 'milestones'],
    ['nothing changes', [{ id: 'ms_1' }, { id: 'ms_2' }], 'milestones_invalid', 'milestones'],
    ['a stranger', [{ id: 'ms_9' }], 'milestones_invalid', 'milestones[0].id'],
    ['named twice', [{ id: 'ms_1' }, { id: 'ms_1' }], 'milestones_invalid', 'milestones[1].id'],
    ['another seller', [{ id: 'ms_1', seller_id: OTHER_SELLER.id }], 'party_invalid', 'milestones[0].seller_id'],
    ['half a new one', [{ title: 'New' }], 'milestones_invalid', 'milestones[0]'],
    ['too small', [{ id: 'ms_1', amount: 49 }], 'amount_too_small', 'milestones[0].amount'],
    ['in the past', [{ id: 'ms_1', due_at: new Date(NOW - DAY_MS).toISOString() }], 'due_date_invalid', 'milestones[0].due_at'],
  ])('is refused where %s', (_what, milestones, code, param) => {
    expect(() => amend(inStatus(), milestones)).toThrow(expect.objectContaining({ code, param }));
  }); // prettier-ignore
});

describe('what signing does', () => {
  test('keeps, refunds a part, refunds all, drops what is unpaid', () => {
    expect(kinds(inStatus('started', 'funded'), [{ id: 'ms_1', amount: 7_000 }])).toEqual([['ms_1', 'refund_part', 3_000], ['ms_2', 'refund_all', 10_000]]); // prettier-ignore
    expect(kinds(inStatus('started', 'awaiting_funding'), [{ id: 'ms_1' }])).toEqual([['ms_1', 'keep', 0], ['ms_2', 'drop_unfunded', 0]]); // prettier-ignore
    expect(kinds(inStatus('awaiting_funding', 'released'), [{ id: 'ms_1', amount: 7_000 }, { id: 'ms_2' }])).toEqual([['ms_1', 'new_amount', 0], ['ms_2', 'keep', 0]]); // prettier-ignore
  });

  test('is refused where a milestone that was to cost more has been paid for since it was proposed', () => {
    const next = amend(inStatus('awaiting_funding', 'funded'), [{ id: 'ms_1', amount: 12_500 }, { id: 'ms_2' }]);
    expect(planAmendment(inStatus('funded', 'funded'), next)).toMatch(/has been paid for meanwhile/);
  });

  test.each<MilestoneStatus>(['submitted', 'accepted', 'releasing', 'blocked_kyc', 'blocked_funds', 'refunding', 'recovering', 'disputed'])(
    'never touches the money of work that is %s',
    (status) => {
      expect(kinds(inStatus(status, 'funded'), [{ id: 'ms_1', amount: 7_000 }, { id: 'ms_2' }])).toMatch(/cannot be changed/);
      expect(kinds(inStatus(status, 'funded'), [{ id: 'ms_2', title: 'Renamed' }])).toMatch(/cannot be changed/);
    },
  ); // prettier-ignore

  test('takes no more than is left, and waits for a freeze to end', () => {
    const state = inStatus('started', 'funded');
    state.milestones[0]!.refunded = 5_000;
    expect(kinds(state, [{ id: 'ms_1', amount: 5_000 }, { id: 'ms_2' }])).toMatch(/less is left/);
    expect(kinds(state, [{ id: 'ms_1', amount: 5_001 }, { id: 'ms_2' }])).toEqual([['ms_1', 'refund_part', 4_999], ['ms_2', 'keep', 0]]); // prettier-ignore
    state.frozen = [{ reason: 'ops', scope: 'milestone', subject: 'ms_2', detail: '', since: NOW }];
    expect(kinds(state, [{ id: 'ms_1', title: 'Renamed' }, { id: 'ms_2' }])).toMatch(/frozen/);
  });
});
