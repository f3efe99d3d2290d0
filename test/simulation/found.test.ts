// What seeds found in the product, each without its seed.
import { expect, test } from '@jest/globals';
import { releasedRefundOrder } from '../../api/released-refund-order.ts';
import type { EscrowState } from '../../domain/escrow-state.ts';
import { Chance } from '../../simulation/clock.ts';
import { BUYER, OPS, SELLERS } from '../../simulation/people.ts';
import { termsOf } from '../../simulation/terms.ts';
import { closeIfDone } from '../../workflows/run.ts';

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
