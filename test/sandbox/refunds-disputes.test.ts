// Refunds and disputes through the real client: what the platform's balance pays, gives back, or cannot pay yet.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Stripe } from 'stripe';

import { amounts, openSandbox, refusal } from './harness.ts';
import type { Harness } from './harness.ts';

let h: Harness;
beforeEach(async () => {
  h = await openSandbox();
});
afterEach(async () => h.close());
const float = async (amount: number) => h.stripe.topups.create({ amount, currency: 'usd', description: 'float' });

describe('refunds', () => {
  test('in parts, never above the charge, and the fee stays with Stripe', async () => {
    await float(10_000);
    const { charge } = await h.pay();
    const part = await h.stripe.refunds.create({ charge: charge.id, amount: 20_000, expand: ['balance_transaction'] });
    expect(part).toMatchObject({
      status: 'succeeded',
      amount: 20_000,
      charge: charge.id,
      payment_intent: charge.payment_intent,
      balance_transaction: { amount: -20_000, fee: 0, type: 'refund', reporting_category: 'refund' },
    });
    const over = await refusal(h.stripe.refunds.create({ charge: charge.id, amount: 10_001 }));
    expect(over).toMatchObject({ statusCode: 400, param: 'amount', code: undefined });
    expect(over.message).toBe('Refund amount ($100.01) is greater than unrefunded amount on charge ($100.00)');
    await h.stripe.refunds.create({ payment_intent: charge.payment_intent as string });
    const after = await h.stripe.charges.retrieve(charge.id, { expand: ['refunds'] });
    expect(after).toMatchObject({ refunded: true, amount_refunded: 30_000 });
    expect(after.refunds?.data).toHaveLength(2);
    const again = await refusal(h.stripe.refunds.create({ charge: charge.id }));
    expect(again).toMatchObject({
      code: 'charge_already_refunded',
      message: `Charge ${charge.id} has already been refunded.`,
    });
  });

  test('do not touch transfers', async () => {
    await float(50_000);
    const seller = await h.seller();
    const { charge } = await h.pay();
    const transfer = await h.stripe.transfers.create({
      amount: 9000,
      currency: 'usd',
      destination: seller,
      source_transaction: charge.id,
    });
    await h.stripe.refunds.create({ charge: charge.id });
    expect((await h.stripe.transfers.retrieve(transfer.id)).amount_reversed).toBe(0);
    expect((await amounts(h.stripe, 'usd', seller)).pending).toBe(9000);
  });

  test('wait while the balance is short, and are paid when it grows', async () => {
    const { charge } = await h.pay();
    const waiting = await h.stripe.refunds.create({ charge: charge.id });
    expect(waiting).toMatchObject({
      status: 'pending',
      pending_reason: 'insufficient_funds',
      balance_transaction: null,
    });
    await float(900);
    const paid = await h.stripe.refunds.retrieve(waiting.id);
    expect(paid.status).toBe('succeeded');
    expect(paid.balance_transaction).toMatch(/^txn_/);
    expect(paid.pending_reason).toBeUndefined();
    const types = (await h.stripe.events.list({ limit: 3 })).data.map((event) => event.type);
    expect(types).toContain('refund.updated');
  });

  test('that wait fail when their charge is disputed meanwhile', async () => {
    const { charge } = await h.pay();
    const waiting = await h.stripe.refunds.create({ charge: charge.id });
    await h.control('disputes', { charge: charge.id });
    expect(await h.stripe.refunds.retrieve(waiting.id)).toMatchObject({
      status: 'failed',
      failure_reason: 'charge_for_pending_refund_disputed',
    });
    expect((await h.stripe.charges.retrieve(charge.id)).amount_refunded).toBe(0);
  });

  test('of pm_card_refundFail succeed and fail a day later, with the money back', async () => {
    await float(10_000);
    const { charge } = await h.pay({ payment_method: 'pm_card_refundFail' });
    const before = await amounts(h.stripe);
    const refund = await h.stripe.refunds.create({ charge: charge.id, amount: 5000 });
    expect(refund.status).toBe('succeeded');
    await h.control('clock', { advance: 'P1D' });
    const failed = await h.stripe.refunds.retrieve(refund.id);
    expect(failed).toMatchObject({ status: 'failed', failure_reason: 'expired_or_canceled_card' });
    expect(failed.failure_balance_transaction).toMatch(/^txn_/);
    const after = await amounts(h.stripe);
    expect(after.available + after.pending).toBe(before.available + before.pending);
    expect((await h.stripe.events.list({ type: 'refund.failed' })).data).toHaveLength(1);
  });

  test('of pm_card_pendingRefund succeed later', async () => {
    await float(10_000);
    const { charge } = await h.pay({ payment_method: 'pm_card_pendingRefund' });
    const refund = await h.stripe.refunds.create({ charge: charge.id, amount: 5000 });
    expect(refund).toMatchObject({ status: 'pending', pending_reason: 'processing' });
    await h.control('clock', { advance: 'P1D' });
    expect((await h.stripe.refunds.retrieve(refund.id)).status).toBe('succeeded');
  });

  test('need a charge, and a positive amount', async () => {
    const { charge } = await h.pay();
    expect((await refusal(h.stripe.refunds.create({ amount: 1 }))).message).toContain('payment_intent or charge');
    expect(await refusal(h.stripe.refunds.create({ charge: charge.id, amount: 0 }))).toMatchObject({
      code: 'parameter_invalid_integer',
      param: 'amount',
      message: 'This value must be greater than or equal to 1.',
    });
  });
});

describe('disputes', () => {
  const disputed = async (
    method = 'pm_card_createDispute',
  ): Promise<{ charge: Stripe.Charge; dispute: Stripe.Dispute }> => {
    await float(100_000);
    const { charge } = await h.pay({ payment_method: method });
    const [dispute] = (await h.stripe.disputes.list({ charge: charge.id })).data;
    if (!dispute) throw new Error('no dispute was opened');
    return { charge, dispute };
  };

  test('take the amount and a fee, mark the charge, forbid refunds', async () => {
    const { charge, dispute } = await disputed();
    expect(dispute).toMatchObject({
      amount: 30_000,
      status: 'needs_response',
      reason: 'fraudulent',
      is_charge_refundable: false,
    });
    expect(dispute.balance_transactions).toHaveLength(1);
    expect(dispute.balance_transactions[0]).toMatchObject({
      amount: -30_000,
      fee: 1500,
      net: -31_500,
      type: 'adjustment',
      reporting_category: 'dispute',
      description: `Chargeback withdrawal for ${charge.id}`,
    });
    expect(new Date((dispute.evidence_details.due_by ?? 0) * 1000).toISOString()).toMatch(/T23:59:59/);
    expect(await h.stripe.charges.retrieve(charge.id)).toMatchObject({
      disputed: true,
      refunded: false,
      amount_refunded: 0,
    });
    const error = await refusal(h.stripe.refunds.create({ charge: charge.id }));
    expect(error).toMatchObject({
      code: 'charge_disputed',
      message: `Charge ${charge.id} has been charged back; cannot issue a refund.`,
    });
  });

  test('staged evidence changes nothing; submitted winning evidence wins everything back', async () => {
    const { dispute } = await disputed();
    const before = await amounts(h.stripe);
    const staged = await h.stripe.disputes.update(dispute.id, { evidence: { customer_name: 'Jenny' }, submit: false });
    expect(staged).toMatchObject({
      status: 'needs_response',
      evidence_details: { has_evidence: true, submission_count: 0 },
    });
    const file = await h.stripe.files.create({
      purpose: 'dispute_evidence',
      file: { data: Buffer.from('%PDF-1.4 delivered'), name: 'delivery.pdf', type: 'application/pdf' },
    });
    expect(file).toMatchObject({ filename: 'delivery.pdf', type: 'pdf', purpose: 'dispute_evidence', size: 18 });
    const sent = await h.stripe.disputes.update(dispute.id, {
      evidence: { uncategorized_text: 'winning_evidence', uncategorized_file: file.id },
    });
    expect(sent).toMatchObject({
      status: 'under_review',
      evidence: { customer_name: 'Jenny', uncategorized_file: file.id },
      evidence_details: { submission_count: 1 },
    });
    await h.control('clock', { advance: 'PT2S' });
    const won = await h.stripe.disputes.retrieve(dispute.id);
    expect(won).toMatchObject({ status: 'won', is_charge_refundable: true });
    expect(won.balance_transactions.map((each) => each.net)).toEqual([-31_500, 31_500]);
    expect(won.balance_transactions[1]?.reporting_category).toBe('dispute_reversal');
    const after = await amounts(h.stripe);
    expect(after.available + after.pending).toBe(before.available + before.pending + 31_500);
    const types = (await h.stripe.events.list({ limit: 100 })).data.map((event) => event.type);
    for (const type of ['created', 'funds_withdrawn', 'updated', 'funds_reinstated', 'closed']) {
      expect(types).toContain(`charge.dispute.${type}`);
    }
  });

  test('losing evidence loses, with one transaction', async () => {
    const { dispute } = await disputed('pm_card_createDisputeProductNotReceived');
    expect(dispute.reason).toBe('product_not_received');
    await h.stripe.disputes.update(dispute.id, { evidence: { uncategorized_text: 'losing_evidence' } });
    await h.control('clock', { advance: 'PT2S' });
    const lost = await h.stripe.disputes.retrieve(dispute.id);
    expect(lost).toMatchObject({ status: 'lost', is_charge_refundable: false });
    expect(lost.balance_transactions).toHaveLength(1);
    expect(
      (await refusal(h.stripe.disputes.update(dispute.id, { evidence: { product_description: 'x' } }))).statusCode,
    ).toBe(400);
  });

  test('other evidence is decided after months; none at all loses at the deadline', async () => {
    const { dispute } = await disputed();
    const { charge } = await h.pay();
    const silent = await h.control('disputes', { charge: charge.id, due_in: 'P3D', amount: 12_345 });
    await h.stripe.disputes.update(dispute.id, { evidence: { product_description: 'a logo' } });
    await h.control('clock', { advance: 'P4D' });
    expect(await h.stripe.disputes.retrieve(String(silent.id))).toMatchObject({ status: 'lost', amount: 12_345 });
    expect((await h.stripe.disputes.retrieve(dispute.id)).status).toBe('under_review');
    await h.control('clock', { advance: 'P70D' });
    expect((await h.stripe.disputes.retrieve(dispute.id)).status).toBe('lost');
  });

  test('close accepts the loss for good', async () => {
    const { dispute } = await disputed();
    expect((await h.stripe.disputes.close(dispute.id)).status).toBe('lost');
    expect((await refusal(h.stripe.disputes.close(dispute.id))).statusCode).toBe(400);
  });

  test('an inquiry takes no money, can be refunded, and lapses', async () => {
    const { charge, dispute } = await disputed('pm_card_createDisputeInquiry');
    expect(dispute).toMatchObject({ status: 'warning_needs_response', balance_transactions: [] });
    expect((await h.stripe.refunds.create({ charge: charge.id, amount: 100 })).status).toBe('succeeded');
    await h.control('clock', { advance: 'P30D' });
    expect((await h.stripe.disputes.retrieve(dispute.id)).status).toBe('warning_closed');
  });

  test('early-fraud warnings and reviews come with their cards, and end by a refund', async () => {
    await float(100_000);
    const { charge } = await h.pay({ payment_method: 'pm_card_createIssuerFraudRecord' });
    const [warning] = (await h.stripe.radar.earlyFraudWarnings.list({ charge: charge.id })).data;
    expect(warning).toMatchObject({ actionable: true, charge: charge.id });
    const risky = await h.pay({ payment_method: 'pm_card_riskLevelElevated' });
    const [review] = (await h.stripe.reviews.list()).data;
    expect(review).toMatchObject({ open: true, charge: risky.charge.id });
    await h.stripe.refunds.create({ charge: charge.id });
    await h.stripe.refunds.create({ charge: risky.charge.id });
    expect((await h.stripe.radar.earlyFraudWarnings.retrieve(warning?.id ?? '')).actionable).toBe(false);
    expect(await h.stripe.reviews.retrieve(review?.id ?? '')).toMatchObject({ open: false, closed_reason: 'refunded' });
  });
});

describe('a debit that the bank returns', () => {
  test('fails its charge late and takes what it brought, once; a card has no bank that could', async () => {
    await float(50_000);
    const intent = await h.stripe.paymentIntents.create({
      amount: 30_000,
      currency: 'usd',
      automatic_payment_methods: { enabled: true },
      confirm: true,
      payment_method: 'pm_usBankAccount_success',
      return_url: 'https://sandbox.example/back',
    });
    await h.control(`payment_intents/${intent.id}`, { settle: 'succeeded' });
    const before = await amounts(h.stripe, 'usd');
    await h.control(`payment_intents/${intent.id}`, { returned: 'insufficient_funds' });
    const charge = await h.stripe.charges.retrieve(intent.latest_charge as string, { expand: ['failure_balance_transaction'] }); // prettier-ignore
    expect(charge).toMatchObject({
      status: 'failed',
      paid: false,
      failure_code: 'insufficient_funds',
      failure_balance_transaction: { amount: -30_000, fee: 0, type: 'payment_failure_refund', reporting_category: 'charge_failure', source: charge.id }, // prettier-ignore
    });
    expect((await amounts(h.stripe, 'usd')).pending).toBe(before.pending - 30_000);
    await expect(h.control(`payment_intents/${intent.id}`, { returned: 'insufficient_funds' })).rejects.toThrow('failed already'); // prettier-ignore
    const { charge: card } = await h.pay();
    await expect(h.control(`payment_intents/${card.payment_intent as string}`, { returned: 'no_account' })).rejects.toThrow('no bank can return'); // prettier-ignore
  });
});
