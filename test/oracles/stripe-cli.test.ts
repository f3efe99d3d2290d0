// Oracle: the Stripe CLI's own fixtures. Every trigger that concerns the sandbox's resources must end with exit 0, make the
// objects of the table, and cause the event that it is named after, at a webhook endpoint, rightly signed.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { startStripeSandbox } from '../../sandbox/stripe/server.ts';
import { report } from './figures.ts';
import { isRecord, startRecorder } from './record.ts';
import { objectsMade, offeredTriggers, trigger } from './triggers.ts';
import { startReceiver, WEBHOOK_SECRET } from './webhook-receiver.ts';

type Row = [name: string, made: string, afterwards?: string];

/** Name, objects that its requests answered, and how far the clock must go before its event happens. */
const TRIGGERS: Row[] = [
  ['account.application.deauthorized', 'account'],
  ['account.updated', 'account'],
  ['balance.available', 'payment_intent', 'P10D'],
  ['charge.captured', 'payment_intent'],
  ['charge.dispute.closed', 'payment_intent, dispute'],
  ['charge.dispute.created', 'payment_intent'],
  ['charge.dispute.updated', 'payment_intent, dispute'],
  ['charge.failed', ''],
  ['charge.refund.updated', 'payment_intent, refund'],
  ['charge.refunded', 'payment_intent, refund'],
  ['charge.succeeded', 'payment_intent'],
  ['checkout.session.async_payment_failed', 'product, price, checkout.session, payment_method', 'P20D'],
  ['checkout.session.async_payment_succeeded', 'product, price, checkout.session, payment_method', 'P20D'],
  ['checkout.session.completed', 'product, price, checkout.session, payment_method'],
  ['checkout.session.expired', 'product, price, checkout.session'],
  ['customer.created', 'customer'],
  ['customer.deleted', 'customer'],
  ['customer.updated', 'customer'],
  ['payment_intent.amount_capturable_updated', 'payment_intent'],
  ['payment_intent.canceled', 'payment_intent'],
  ['payment_intent.created', 'payment_intent'],
  ['payment_intent.payment_failed', ''],
  ['payment_intent.processing', 'payment_method, payment_intent'],
  ['payment_intent.requires_action', 'payment_intent'],
  ['payment_intent.succeeded', 'payment_intent'],
  ['payment_method.attached', 'customer, payment_method'],
  ['payment_method.detached', 'customer, payment_method'],
  ['payment_method.updated', 'customer, setup_intent, payment_method'],
  ['payout.created', 'payment_intent, payout'],
  ['payout.updated', 'payment_intent, payout'],
  ['price.created', 'product, price'],
  ['price.updated', 'product, price'],
  ['product.created', 'product'],
  ['product.deleted', 'product'],
  ['product.updated', 'product'],
  ['setup_intent.canceled', 'setup_intent'],
  ['setup_intent.created', 'setup_intent'],
  ['setup_intent.requires_action', 'setup_intent'],
  ['setup_intent.setup_failed', ''],
  ['setup_intent.succeeded', 'setup_intent'],
  ['topup.created', 'topup'],
  ['transfer.created', 'payment_intent, account, transfer'],
  ['transfer.reversed', 'payment_intent, account, transfer, transfer_reversal'],
  ['transfer.updated', 'payment_intent, account, transfer'],
];

/** What the CLI offers and the sandbox does not: the beginning of the name, and why. */
const LEFT_OUT: [prefix: string, reason: string][] = [
  ['billing_portal.', 'Billing: Tranche sells no subscriptions'],
  ['cash_balance.', 'customer cash balances (bank transfers) are not among the payment methods'],
  ['customer_cash_balance_transaction.', 'customer cash balances (bank transfers) are not among the payment methods'],
  ['payment_intent.partially_funded', 'only bank transfers into a cash balance are funded in parts'],
  ['coupon.', 'Billing'],
  ['credit_note.', 'Billing'],
  ['customer.discount.', 'Billing'],
  ['customer.source.', 'Sources are deprecated and unused: PaymentMethods stand in their place'],
  ['customer.subscription.', 'Billing'],
  ['identity.', 'Identity is done by Stripe during onboarding'],
  ['invoice', 'Billing'],
  ['issuing_', 'Issuing'],
  ['payment_link.', 'Payment Links are unused: Checkout sessions are made by API'],
  ['plan.', 'Billing'],
  ['promotion_code.', 'Billing'],
  ['quote.', 'Billing'],
  ['reporting.', 'report runs are unused'],
  ['subscription', 'Billing'],
  ['tax_rate.', 'Stripe Tax is unused'],
  ['test_helpers.', 'test clocks drive Billing only'],
  ['v1.billing.', 'Billing'],
];

let home = '';
let green = 0;
let requests = 0;

beforeAll(() => {
  home = mkdtempSync(path.join(tmpdir(), 'tranche-stripe-cli-'));
});
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
  report('stripe-cli', { triggers: TRIGGERS.length, green, requests });
});

/** Stripe's fixtures transfer and pay out gross amounts: their account must own something beforehand, as theirs do. */
async function fund(url: string): Promise<void> {
  const params = { amount: '100000', currency: 'usd', payment_method: 'pm_card_bypassPending', confirm: 'true' };
  const answer = await fetch(`${url}/v1/payment_intents`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk_test_123456789012' },
    body: new URLSearchParams({
      ...params,
      'automatic_payment_methods[enabled]': 'true',
      return_url: 'https://a.example',
    }),
  });
  expect(answer.status).toBe(200);
}

test('every trigger that the CLI offers stands in the table or is left out for a reason', async () => {
  const offered = await offeredTriggers(home);
  expect(offered.length).toBeGreaterThan(100);
  const run = new Set(TRIGGERS.map(([name]) => name));
  const out = (name: string): boolean => LEFT_OUT.some(([prefix]) => name.startsWith(prefix));
  expect(offered.filter((name) => run.has(name) === out(name))).toEqual([]);
  expect(TRIGGERS.map(([name]) => name).filter((name) => !offered.includes(name))).toEqual([]);
  expect(LEFT_OUT.filter(([prefix]) => !offered.some((name) => name.startsWith(prefix)))).toEqual([]);
});

describe('stripe trigger', () => {
  test.each(TRIGGERS)('%s', async (...[name, made, afterwards]: Row) => {
    const receiver = await startReceiver();
    const webhooks = [{ url: receiver.url, secret: WEBHOOK_SECRET }];
    const sandbox = await startStripeSandbox({ port: 0, webhooks });
    try {
      await fund(sandbox.url);
      const recorder = await startRecorder(sandbox.url);
      const run = await trigger(name, recorder.url, home);
      await recorder.close();
      requests += recorder.exchanges.length;
      expect({ name, exit: run.exit, output: run.exit === 0 ? '' : run.output }).toEqual({ name, exit: 0, output: '' });
      expect(objectsMade(recorder.exchanges).join(', ')).toBe(made);
      if (afterwards !== undefined) {
        await fetch(`${sandbox.url}/_sandbox/clock`, {
          method: 'POST',
          body: JSON.stringify({ advance: afterwards }),
        });
      }
      // The funding payment caused some of the same types: only an event of the trigger's own requests counts, or of the
      // clock (whose events name no request).
      const own = new Set(recorder.exchanges.map(({ headers }) => headers['request-id']));
      const arrived = await receiver.arrival((event) => {
        const request = isRecord(event['request']) ? event['request']['id'] : null;
        return event['type'] === name && (typeof request !== 'string' || own.has(request));
      });
      expect({ name, arrived }).toEqual({ name, arrived: true });
      expect(receiver.forged).toEqual([]);
      green += 1;
    } finally {
      await sandbox.close();
      await receiver.close();
    }
  });
});
