// Webhooks: signed deliveries, retries, and duplicates, reordering and losses on request.
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Stripe } from 'stripe';

import { client, openSandbox } from './harness.ts';
import type { Harness } from './harness.ts';

const SECRET = 'whsec_test';
type Received = { body: string; signature: string; event: Stripe.Event };

class Receiver {
  readonly received: Received[] = [];
  /** Statuses to answer, in turn; afterwards 200. */
  answers: number[] = [];
  private readonly server: Server;
  private waiters: { ready: () => boolean; resolve: () => void }[] = [];

  constructor() {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        const signature = String(request.headers['stripe-signature']);
        this.received.push({ body, signature, event: JSON.parse(body) as Stripe.Event });
        response.writeHead(this.answers.shift() ?? 200);
        response.end();
        this.waiters = this.waiters.filter((waiter) => {
          if (!waiter.ready()) return true;
          waiter.resolve();
          return false;
        });
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  async until(ready: () => boolean): Promise<void> {
    if (ready()) return;
    await new Promise<void>((resolve) => this.waiters.push({ ready, resolve }));
  }

  types(): string[] {
    return this.received.map(({ event }) => event.type);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

let receiver: Receiver;
let h: Harness;
let url: string;
beforeEach(async () => {
  receiver = new Receiver();
  url = await receiver.listen();
  h = await openSandbox({ webhooks: [{ url, secret: SECRET }] });
});
afterEach(async () => {
  await h.close();
  await receiver.close();
});
const topup = async () => h.stripe.topups.create({ amount: 100, currency: 'usd' });
/** The delivery's own state is settled a moment after the receiver has answered. */
const settled = async (id: string): Promise<Stripe.Event> => {
  for (;;) {
    const event = await h.stripe.events.retrieve(id);
    if (event.pending_webhooks === 0) return event;
  }
};

describe('a delivery', () => {
  test('is signed over its raw body, and names request and key', async () => {
    await h.stripe.topups.create({ amount: 100, currency: 'usd' }, { idempotencyKey: 'key-1' });
    await receiver.until(() => receiver.received.length === 2);
    const [first] = receiver.received;
    if (!first) throw new Error('nothing arrived');
    const event = client(1).webhooks.constructEvent(first.body, first.signature, SECRET);
    expect(event).toMatchObject({
      object: 'event',
      livemode: false,
      type: 'topup.created',
      api_version: '2026-10-28.endive',
      request: { idempotency_key: 'key-1' },
    });
    expect(event.request?.id).toMatch(/^req_/);
    expect(() => client(1).webhooks.constructEvent(`${first.body} `, first.signature, SECRET)).toThrow('signature');
    expect(() => client(1).webhooks.constructEvent(first.body, first.signature, 'whsec_other')).toThrow('signature');
  });

  test('that is refused comes again, and counts as undelivered until it succeeds', async () => {
    receiver.answers = [500, 500];
    await topup();
    await receiver.until(() => receiver.received.length >= 2);
    const ids = receiver.received.map(({ event }) => event.id);
    const undelivered = await h.stripe.events.list({ delivery_success: false });
    expect(undelivered.data.map((event) => event.id).sort()).toEqual([...new Set(ids)].sort());
    await receiver.until(() => receiver.received.length >= 4);
    for (const id of new Set(ids)) expect((await settled(id)).pending_webhooks).toBe(0);
    expect((await h.stripe.events.list({ delivery_success: false })).data).toEqual([]);
  });

  test('of a connected account names it', async () => {
    const seller = await h.seller();
    await receiver.until(() => receiver.types().includes('account.updated'));
    const found = receiver.received.find(({ event }) => event.type === 'account.updated');
    expect(found?.event.account).toBe(seller);
    expect(receiver.types()).not.toContain('v2.core.account.created');
  });
});

test('behind several addresses go to one after the other, and what one refuses comes again', async () => {
  const other = new Receiver();
  const also = await other.listen();
  const balanced = await openSandbox({ webhooks: [{ url, secret: SECRET, also: [also] }] });
  try {
    other.answers = [503];
    // Two events each, and the refused one a second time.
    for (let i = 0; i < 3; i += 1) await balanced.stripe.topups.create({ amount: 100, currency: 'usd' });
    const all = () => [...receiver.received, ...other.received].length === 7;
    await Promise.race([receiver.until(all), other.until(all)]);
    expect(Math.abs(receiver.received.length - other.received.length)).toBe(1);
    expect(new Set([...receiver.received, ...other.received].map((r) => r.event.id)).size).toBe(6);
  } finally {
    await balanced.close();
    await other.close();
  }
});

describe('on request', () => {
  test('every event comes twice', async () => {
    await h.control('webhooks', { duplicate: 1 });
    await topup();
    await receiver.until(() => receiver.received.length === 4);
    const ids = receiver.received.map(({ event }) => event.id);
    expect(new Set(ids).size).toBe(2);
  });

  test('lost ones never come, and the list of undelivered events shows them', async () => {
    await h.control('webhooks', { lose: 1 });
    await topup();
    await h.control('webhooks', { lose: 0 });
    await h.stripe.customers.create({ email: 'a@example.com' });
    await receiver.until(() => receiver.types().includes('customer.created'));
    expect(receiver.types()).toEqual(['customer.created']);
    const lost = await h.stripe.events.list({ delivery_success: false });
    expect(lost.data.map((event) => event.type).sort()).toEqual(['topup.created', 'topup.succeeded']);
  });

  test('a later event overtakes an earlier one', async () => {
    await h.control('webhooks', { reorder: 0.5 });
    for (let i = 0; i < 10; i += 1) await h.stripe.topups.create({ amount: 100 + i, currency: 'usd' });
    await receiver.until(() => receiver.received.length === 20);
    const order = receiver.received.map(({ event }) => event.id);
    const made = (await h.stripe.events.list({ limit: 100 })).data.map((event) => event.id).reverse();
    expect([...order].sort()).toEqual([...made].sort());
    expect(order).not.toEqual(made);
  });
});

describe('endpoints', () => {
  test('made by API get the types they ask for, signed with their own secret', async () => {
    const endpoint = await h.stripe.webhookEndpoints.create({
      url: `${url}?own`,
      enabled_events: ['customer.created'],
    });
    expect(endpoint.secret).toMatch(/^whsec_/);
    expect((await h.stripe.webhookEndpoints.retrieve(endpoint.id)).secret).toBeUndefined();
    await topup();
    await h.stripe.customers.create({ email: 'a@example.com' });
    const own = (): Received[] => receiver.received.filter(({ event }) => event.type === 'customer.created');
    await receiver.until(() => own().length === 2);
    const signed = own().filter(({ body, signature }) => {
      try {
        client(1).webhooks.constructEvent(body, signature, endpoint.secret ?? '');
        return true;
      } catch {
        return false;
      }
    });
    expect(signed).toHaveLength(1);
    await h.stripe.webhookEndpoints.update(endpoint.id, { disabled: true });
    expect((await h.stripe.webhookEndpoints.retrieve(endpoint.id)).status).toBe('disabled');
    await h.stripe.webhookEndpoints.del(endpoint.id);
    expect((await h.stripe.webhookEndpoints.list()).data.map((each) => each.id)).not.toContain(endpoint.id);
  });

  test('for thin events get v2 events, whose object can be fetched', async () => {
    const thin = await openSandbox({ webhooks: [{ url, secret: SECRET, thin: true }] });
    try {
      const seller = await thin.seller();
      const capability = (): Received | undefined =>
        receiver.received.find(({ body }) => body.includes('capability_status_updated'));
      await receiver.until(() => capability() !== undefined);
      const found = capability();
      const notification = thin.stripe.parseEventNotification(found?.body ?? '', found?.signature ?? '', SECRET);
      expect(notification.type).toBe('v2.core.account[configuration.recipient].capability_status_updated');
      const related = (notification as { related_object?: { id: string } }).related_object;
      expect(related?.id).toBe(seller);
      const full = await thin.stripe.v2.core.events.retrieve(notification.id);
      expect(full.id).toBe(notification.id);
    } finally {
      await thin.close();
    }
  });
});

test('events older than 30 days are gone', async () => {
  await topup();
  const [event] = (await h.stripe.events.list()).data;
  await h.control('clock', { advance: 'P29D' });
  expect((await h.stripe.events.retrieve(event?.id ?? '')).id).toBe(event?.id);
  await h.control('clock', { advance: 'P2D' });
  await expect(h.stripe.events.retrieve(event?.id ?? '')).rejects.toThrow('No such event');
  expect((await h.stripe.events.list()).data).toEqual([]);
});
