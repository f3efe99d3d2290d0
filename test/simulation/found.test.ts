// What seeds found in the product, each without its seed.
import { expect, test } from '@jest/globals';
import type { PaymentAnswer } from '../../activities/contract.ts';
import { releasedRefundOrder } from '../../api/released-refund-order.ts';
import type { EscrowState } from '../../domain/escrow-state.ts';
import { Chance } from '../../simulation/clock.ts';
import { type Command, Execution, type Job } from '../../simulation/core.ts';
import { BUYER, OPS, SELLERS } from '../../simulation/people.ts';
import { termsOf } from '../../simulation/terms.ts';
import { applyAnswer } from '../../workflows/funding.ts';
import { closeIfDone } from '../../workflows/run.ts';
import { take } from '../../workflows/taken.ts';
import { isolateForTests } from './bundle.ts';

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

test('a refund that was pending when a bank took its money has failed, also before its word comes: the chargeback keeps the promise', () => {
  const refund = (more: object) => ({ id: 'rfd_1', part: 1, amount: 2901, principal: 2640, buyerFee: 0, buyerFeeReturned: 0, chargeAmount: 2901, status: 'pending', reason: 'r', stripeRefundId: 're_1', ...more }); // prettier-ignore
  const state = (refunds: object[]) => ({ id: 'esc_1', status: 'active', ending: null, amendment: null, frozen: [], payments: [], milestones: [{ id: 'ms_1', status: 'funded', amount: 8575, accepted: 0, refunded: 2901, releases: [], refunds, inspection: null, funds: { principal: 7803, buyerFee: 0 } }] }) as unknown as EscrowState; // prettier-ignore
  const mark = { milestone() {}, head() {}, event() {} };
  const whole = state([refund({})]);
  take(whole, mark, 'dp_1', { milestoneId: 'ms_1', principal: 7803, buyerFee: 0 });
  expect(whole.milestones[0]!.refunds.map((r) => [r.status, r.principal])).toEqual([['charged_back', 2640], ['succeeded', 5163]]); // prettier-ignore
  expect([whole.milestones[0]!.status, whole.milestones[0]!.refunded]).toEqual(['refunded', 8575]);
  // The reading of it that gave up keeps nothing open.
  closeIfDone(whole, mark, new Set(['rfd_1']));
  expect(whole.status).toBe('completed');
  // Of a smaller loss it takes a part; the rest is asked for again under an id of its own.
  const less = state([refund({})]);
  take(less, mark, 'dp_1', { milestoneId: 'ms_1', principal: 1000, buyerFee: 0 });
  expect(less.milestones[0]!.refunds.map((r) => [r.id, r.status, r.principal])).toEqual([['rfd_1', 'charged_back', 1000], ['rfd_1_2', 'asked', 1640]]); // prettier-ignore
  // Still on its way to the buyer: the bank has taken what is beside it.
  const beside = state([refund({})]);
  take(beside, mark, 'dp_1', { milestoneId: 'ms_1', principal: 5163, buyerFee: 0 }, ['rfd_1']);
  expect(beside.milestones[0]!.refunds.map((r) => [r.status, r.principal])).toEqual([['pending', 2640], ['succeeded', 5163]]); // prettier-ignore
});

test('a refund that was made and came back before its word was read is not the buyer’s any more: the chargeback keeps the promise', () => {
  const made = { id: 'rfd_1', part: 1, amount: 2000, principal: 2000, buyerFee: 0, buyerFeeReturned: 0, chargeAmount: 2000, status: 'succeeded', reason: 'r', stripeRefundId: 're_1' }; // prettier-ignore
  const state = () => ({ id: 'esc_1', status: 'active', ending: null, amendment: null, frozen: [], payments: [], milestones: [{ id: 'ms_1', status: 'refunded', amount: 2000, accepted: 0, refunded: 2000, releases: [], refunds: [{ ...made }], inspection: null, funds: { principal: 2000, buyerFee: 0 } }] }) as unknown as EscrowState; // prettier-ignore
  const mark = { milestone() {}, head() {}, event() {} };
  const loss = { milestoneId: 'ms_1', principal: 2000, buyerFee: 0 };
  const back = state();
  take(back, mark, 'dp_1', loss, []);
  expect(back.milestones[0]!.refunds.map((r) => [r.id, r.status])).toEqual([['rfd_1', 'charged_back']]);
  expect([back.milestones[0]!.status, back.milestones[0]!.refunded]).toEqual(['refunded', 2000]);
  // Stripe has made it: the buyer has it by the refund, and the bank has taken nothing that was promised.
  const there = state();
  take(there, mark, 'dp_1', { ...loss, principal: 0 }, ['rfd_1']);
  expect(there.milestones[0]!.refunds.map((r) => r.status)).toEqual(['succeeded']);
});

test('evidence that Stripe took and does not count is not sent again and again: the bank’s word is waited for', async () => {
  const isolate = await isolateForTests();
  const argument = { disputeId: 'dp_1', escrowId: 'esc_1' };
  const execution = new Execution(isolate, { workflowId: 'chargeback/dp_1', runId: 'found1', type: 'chargeback', argument, seed: 1, visited: null }); // prettier-ignore
  let now = Date.UTC(2026, 0, 1);
  const word = { ...argument, chargeId: 'ch_1', status: 'needs_response', phase: 'open', round: 1, amount: 9000, currency: 'usd', openedAt: now, dueAt: now + 8 * 86_400_000, evidenceMs: 86_400_000, submitted: false, staged: true, named: [], frozen: [], sellers: ['usr_seller_1'], worthDefending: true }; // prettier-ignore
  let sent = 0;
  const jobsAfter = (commands: Command[]): Job[] =>
    commands.flatMap((c): Job[] => {
      if (c.kind === 'activity' && c.type === 'submitDisputeEvidence') sent += 1;
      if (c.kind === 'activity') return [{ kind: 'activity', seq: c.seq, result: c.type === 'recordDispute' ? word : undefined }]; // prettier-ignore
      if (c.kind === 'signalExternal') return [{ kind: 'signalled', seq: c.seq, told: true }];
      if (c.kind !== 'startTimer') return [];
      now += c.ms;
      return [{ kind: 'timer', seq: c.seq }];
    });
  let jobs: Job[] = [{ kind: 'init', argument }];
  // The hour of our own pack, then twice a week in which nobody speaks.
  for (let tasks = 0; tasks < 12; tasks++) jobs = jobsAfter(execution.activate(jobs, now));
  expect(sent).toBe(1);
  expect(now - word.openedAt).toBeGreaterThanOrEqual(15 * 86_400_000);
  execution.evict();
  await isolate.settled();
}, 400_000);

test('a payment that succeeds by the second of two attempts, after the first one’s answer gave the escrow up, is read again as unwanted', () => {
  const payment = { id: 'pay_1', milestoneIds: ['ms_1'], status: 'requires_action', busy: true, abandoned: false, paymentIntentId: 'pi_1', chargeId: null, methodType: null, declineCode: null, returned: null }; // prettier-ignore
  const state = { id: 'esc_1', status: 'settling', ending: 'cancelled', frozen: [], terms: { milestones: [] }, milestones: [{ id: 'ms_1', status: 'cancelled', funds: null }], payments: [payment] } as unknown as EscrowState; // prettier-ignore
  const answer = { status: 'succeeded', paymentIntentId: 'pi_1', chargeId: 'ch_1', allocations: [{ milestoneId: 'ms_1', principal: 500, buyerFee: 0, sellerFee: 0 }] } as unknown as PaymentAnswer; // prettier-ignore
  const mark = { milestone() {}, head() {}, event() {} };
  applyAnswer(state, mark, state.payments[0]!, answer, true);
  // Unwanted and open: the workflow cancels it, finds it paid, and gives the whole of it back.
  expect(payment).toMatchObject({ status: 'requires_action', abandoned: true, busy: false });
  expect(state.milestones[0]).toEqual({ id: 'ms_1', status: 'cancelled', funds: null });
});

test('a payment that is cancelled twice does not open its milestones again, which another payment is about to pay for', () => {
  const paid = { id: 'pay_1', milestoneIds: ['ms_1'], status: 'canceled', busy: true, paymentIntentId: 'pi_1', declineCode: null, methodType: null }; // prettier-ignore
  const state = { id: 'esc_1', status: 'funding', ending: null, frozen: [], milestones: [{ id: 'ms_1', status: 'processing', funds: null }], payments: [paid] } as unknown as EscrowState; // prettier-ignore
  const said: string[] = [];
  const mark = { milestone() {}, head() {}, event: (type: string) => said.push(type) };
  applyAnswer(state, mark, state.payments[0]!, { status: 'canceled', paymentIntentId: 'pi_1' } as PaymentAnswer, true);
  expect([state.milestones[0]!.status, said, paid.busy]).toEqual(['processing', [], false]);
});
