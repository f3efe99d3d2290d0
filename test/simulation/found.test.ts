// What seeds found in the product, each without its seed.
import { expect, test } from '@jest/globals';
import { releasedRefundOrder } from '../../api/released-refund-order.ts';
import type { EscrowState } from '../../domain/escrow-state.ts';
import { Chance } from '../../simulation/clock.ts';
import { BUYER, OPS, SELLERS } from '../../simulation/people.ts';
import { termsOf } from '../../simulation/terms.ts';
import { closeIfDone } from '../../workflows/run.ts';
import { take } from '../../workflows/taken.ts';

test('a released milestone that the amended terms leave out can still be refunded, with its fee as it was paid', () => {
  const terms = termsOf('esc_1', BUYER.id, SELLERS.map((s) => s.id), new Chance(1), Date.UTC(2026, 0, 1)); // prettier-ignore
  const milestone = { id: 'ms_gone', sellerId: SELLERS[0]!.id, amount: 4467, funds: { chargeId: 'ch_1', paymentId: 'pay_1', buyerFeeCharged: 447 } }; // prettier-ignore
  const state = { terms, settlementCurrency: 'eur', milestones: [milestone], payments: [{ id: 'pay_1', paymentIntentId: 'pi_1' }] } as unknown as EscrowState; // prettier-ignore
  expect(terms.milestones.map((m) => m.id)).not.toContain('ms_gone');
  const of = { escrowId: 'esc_1', milestoneId: 'ms_gone', amount: 1000, reason: 'returned' };
  expect(releasedRefundOrder(state, of, OPS, 'rfd_1').terms).toEqual({ feeReturn: terms.policy.feeReturn, milestoneAmount: 4467, buyerFee: 447, converted: true }); // prettier-ignore
});

test('an escrow does not end while a refund that may have come back could not be read', () => {
  const refund = { id: 'rfd_1', status: 'succeeded' };
  const state = () => ({ id: 'esc_1', status: 'active', ending: null, amendment: null, payments: [], milestones: [{ id: 'ms_1', status: 'refunded', refunds: [refund] }] }) as unknown as EscrowState; // prettier-ignore
  const mark = { milestone() {}, head() {}, event() {} };
  const [unread, read] = [state(), state()];
  closeIfDone(unread, mark, new Set(['rfd_1']));
  expect(unread.status).toBe('active');
  closeIfDone(read, mark, new Set());
  expect(read.status).toBe('completed');
});

test('a chargeback that takes what was in dispute ends the dispute and its freeze, so that what was accepted before it goes on', () => {
  const accepted = { part: 1, amount: 7506, principal: 7506, buyerFee: 0, sellerFee: 0, payable: 7506, status: 'accepted', generation: 1 }; // prettier-ignore
  const m = { id: 'ms_1', status: 'disputed', amount: 8799, accepted: 7506, refunded: 0, releases: [accepted], refunds: [], inspection: null, dispute: { id: 'dsp_1', status: 'negotiating', until: 0 }, funds: { principal: 8799, buyerFee: 0 } }; // prettier-ignore
  const freeze = { reason: 'in_product_dispute', scope: 'milestone', subject: 'ms_1', detail: 'dsp_1', since: 0 };
  const state = { id: 'esc_1', frozen: [freeze], payments: [], milestones: [m] } as unknown as EscrowState;
  const mark = { milestone() {}, head() {}, event() {} };
  take(state, mark, 'dp_1', { milestoneId: 'ms_1', principal: 1293, buyerFee: 0 });
  expect([m.status, m.dispute.status, state.frozen]).toEqual(['accepted', 'settled', []]);
});
