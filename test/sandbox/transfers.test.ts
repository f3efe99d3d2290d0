// Transfers, reversals and balances through the real client.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Stripe } from 'stripe';

import { amounts, openSandbox, refusal } from './harness.ts';
import type { Harness } from './harness.ts';

let h: Harness;
let seller: string;
beforeAll(async () => {
  h = await openSandbox();
  seller = await h.seller();
});
afterAll(async () => h.close());

describe('with source_transaction', () => {
  test('a transfer waits for its charge, takes its group, and both become available together', async () => {
    const { charge, transaction } = await h.pay({ transfer_group: 'escrow_1' });
    const before = await amounts(h.stripe, 'usd', seller);
    const transfer = await h.stripe.transfers.create({
      amount: 9000,
      currency: 'usd',
      destination: seller,
      source_transaction: charge.id,
      metadata: { milestone: 'm1' },
      expand: ['balance_transaction', 'destination_payment'],
    });
    expect(transfer).toMatchObject({
      amount: 9000,
      amount_reversed: 0,
      reversed: false,
      transfer_group: 'escrow_1',
      source_transaction: charge.id,
      metadata: { milestone: 'm1' },
      balance_transaction: {
        amount: -9000,
        fee: 0,
        type: 'transfer',
        status: 'pending',
        available_on: transaction.available_on,
      },
      destination_payment: { object: 'charge', amount: 9000, source_transfer: transfer.id },
    });
    expect(transfer.id.slice(3, 19)).toBe(charge.id.slice(3, 19));
    expect(await amounts(h.stripe, 'usd', seller)).toEqual({ ...before, pending: before.pending + 9000 });
    await h.control('clock', { advance: 'P2D' });
    expect((await amounts(h.stripe, 'usd', seller)).available).toBe(before.available + before.pending + 9000);
    const listed = await h.stripe.transfers.list({ transfer_group: 'escrow_1', destination: seller });
    expect(listed.data.map((each) => each.id)).toEqual([transfer.id]);
  });

  test('a charge without a group gets one, named by its payment', async () => {
    const { charge, intent } = await h.pay();
    const transfer = await h.stripe.transfers.create({
      amount: 100,
      currency: 'usd',
      destination: seller,
      source_transaction: charge.id,
    });
    expect(transfer.transfer_group).toBe(`group_${intent.id}`);
    expect((await h.stripe.charges.retrieve(charge.id)).transfer_group).toBe(`group_${intent.id}`);
  });

  test('the sum may not exceed the charge', async () => {
    const { charge } = await h.pay();
    const send = async (amount: number) =>
      h.stripe.transfers.create({ amount, currency: 'usd', destination: seller, source_transaction: charge.id });
    expect((await refusal(send(30_001))).message).toBe(
      'Transfers using this transaction as a source must not exceed the source amount of $300.00.',
    );
    await send(20_000);
    expect((await refusal(send(10_001))).message).toBe(
      'Transfers using this transaction as a source must not exceed the source amount of $300.00. (There is already a transfer using this source, amounting to $200.00.)',
    );
    expect((await send(10_000)).amount).toBe(10_000);
  });

  test('its currency is that of the balance transaction', async () => {
    const { charge, transaction } = await h.pay({ amount: 100_000, currency: 'sek' });
    const error = await refusal(
      h.stripe.transfers.create({ amount: 100, currency: 'sek', destination: seller, source_transaction: charge.id }),
    );
    expect(error).toMatchObject({ statusCode: 400, param: 'currency' });
    const sent = await h.stripe.transfers.create({
      amount: transaction.amount,
      currency: 'usd',
      destination: seller,
      source_transaction: charge.id,
    });
    expect(sent.currency).toBe('usd');
  });

  test('after settlement the money must still be there', async () => {
    const own = await openSandbox();
    try {
      const destination = await own.seller();
      const { charge } = await own.pay();
      await own.control('clock', { advance: 'P3D' });
      await own.stripe.payouts.create({ amount: 29_100, currency: 'usd' });
      const error = await refusal(
        own.stripe.transfers.create({ amount: 100, currency: 'usd', destination, source_transaction: charge.id }),
      );
      expect(error.code).toBe('balance_insufficient');
    } finally {
      await own.close();
    }
  });
});

describe('refused', () => {
  test('above the available balance, however much is pending', async () => {
    const own = await openSandbox();
    try {
      const destination = await own.seller();
      await own.pay();
      const error = await refusal(own.stripe.transfers.create({ amount: 1, currency: 'usd', destination }));
      expect(error).toMatchObject({ statusCode: 400, code: 'balance_insufficient' });
      await own.stripe.topups.create({ amount: 500, currency: 'usd', description: 'float' });
      expect((await own.stripe.transfers.create({ amount: 500, currency: 'usd', destination })).id).toMatch(/^tr_1/);
    } finally {
      await own.close();
    }
  });

  test('to nobody, and to an account that cannot receive', async () => {
    const nobody = await refusal(h.stripe.transfers.create({ amount: 1, currency: 'usd', destination: 'acct_none' }));
    expect(nobody).toMatchObject({
      statusCode: 400,
      code: 'resource_missing',
      param: 'destination',
      message: "No such destination: 'acct_none'",
    });
    const other = await h.seller();
    await h.control(`accounts/${other}`, { transfers: 'inactive' });
    const inactive = await refusal(h.stripe.transfers.create({ amount: 1, currency: 'usd', destination: other }));
    expect(inactive.code).toBe('insufficient_capabilities_for_transfer');
  });
});

describe('reversals', () => {
  let transfer: Stripe.Transfer;
  beforeAll(async () => {
    const { charge } = await h.pay();
    transfer = await h.stripe.transfers.create({
      amount: 9000,
      currency: 'usd',
      destination: seller,
      source_transaction: charge.id,
    });
    await h.control('clock', { advance: 'P3D' });
  });

  test('in part, then whole, then no more', async () => {
    const part = await h.stripe.transfers.createReversal(transfer.id, {
      amount: 4000,
      expand: ['balance_transaction'],
    });
    expect(part).toMatchObject({
      amount: 4000,
      transfer: transfer.id,
      balance_transaction: {
        amount: 4000,
        type: 'transfer_refund',
        reporting_category: 'transfer_reversal',
        description: 'REFUND FOR TRANSFER',
        source: transfer.id,
      },
    });
    const over = await refusal(h.stripe.transfers.createReversal(transfer.id, { amount: 5001 }));
    expect(over).toMatchObject({ statusCode: 400, param: 'amount' });
    await h.stripe.transfers.createReversal(transfer.id);
    const after = await h.stripe.transfers.retrieve(transfer.id);
    expect(after).toMatchObject({ amount_reversed: 9000, reversed: true });
    expect(after.reversals.data.map((reversal) => reversal.amount)).toEqual([5000, 4000]);
    expect(after.reversals).toMatchObject({ total_count: 2, has_more: false });
    const more = await refusal(h.stripe.transfers.createReversal(transfer.id));
    expect(more.message).toBe(`The transfer ${transfer.id} is already fully reversed.`);
  });

  test('beyond the connected balance are refused', async () => {
    const poor = await h.seller();
    const { charge } = await h.pay();
    const sent = await h.stripe.transfers.create({
      amount: 9000,
      currency: 'usd',
      destination: poor,
      source_transaction: charge.id,
    });
    await h.control('clock', { advance: 'P3D' });
    await h.control(`accounts/${poor}`, { balance: 100 });
    const error = await refusal(h.stripe.transfers.createReversal(sent.id));
    expect(error.code).toBe('balance_insufficient');
    expect((await h.stripe.transfers.createReversal(sent.id, { amount: 100 })).amount).toBe(100);
  });
});

test('lists page by cursors, newest first, without total_count', async () => {
  const own = await openSandbox();
  try {
    const ids: string[] = [];
    for (let i = 0; i < 7; i += 1) ids.unshift((await own.pay({ amount: 1000 + i })).intent.id);
    const first = await own.stripe.paymentIntents.list({ limit: 3 });
    expect(first.data.map((each) => each.id)).toEqual(ids.slice(0, 3));
    expect(first).toMatchObject({ object: 'list', has_more: true, url: '/v1/payment_intents' });
    expect(Object.hasOwn(first, 'total_count')).toBe(false);
    const second = await own.stripe.paymentIntents.list({ limit: 3, starting_after: ids[2] ?? '' });
    expect(second.data.map((each) => each.id)).toEqual(ids.slice(3, 6));
    const back = await own.stripe.paymentIntents.list({ limit: 3, ending_before: ids[3] ?? '' });
    expect(back.data.map((each) => each.id)).toEqual(ids.slice(0, 3));
    const all: string[] = [];
    for await (const each of own.stripe.paymentIntents.list({ limit: 2 })) all.push(each.id);
    expect(all).toEqual(ids);
    const now = Math.floor(Date.now() / 1000);
    expect((await own.stripe.paymentIntents.list({ created: { gt: now + 60 } })).data).toEqual([]);
    expect((await own.stripe.paymentIntents.list({ created: { gte: now - 60 }, limit: 100 })).data).toHaveLength(7);
  } finally {
    await own.close();
  }
});
