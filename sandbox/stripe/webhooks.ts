// The sender of webhooks: signed deliveries, retried with backoff on wall time for three days; duplicated, delayed,
// reordered or lost on request. What is still to be sent stands in the store, so a restart goes on with it.
import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

import { presentThin } from './core/events.ts';
import { Random } from './core/ids.ts';
import type { Delivery } from './core/records.ts';
import { present } from './core/render.ts';
import type { Sandbox } from './sandbox.ts';

export type WebhookFaults = { duplicate: number; delay_ms: number; reorder: number; lose: number };
const BACKOFF_MS = [1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, 1_800_000, 3_600_000];
const GIVE_UP_MS = 3 * 24 * 3_600_000;
const TIMEOUT_MS = 20_000;
const AT_ONCE = 32;
const REORDER_MS = 400;

export function sign(secret: string, payload: string, seconds: number): string {
  const digest = createHmac('sha256', secret).update(`${seconds}.${payload}`, 'utf8').digest('hex');
  return `t=${seconds},v1=${digest}`;
}

export class WebhookSender {
  faults: WebhookFaults = { duplicate: 0, delay_ms: 0, reorder: 0, lose: 0 };
  private readonly sandbox: Sandbox;
  private readonly random: Random;
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly waiting: string[] = [];
  private readonly underWay = new Set<Promise<void>>();
  private readonly stop = new AbortController();
  private readonly balanced = new Map<string, { urls: readonly string[]; next: number }>();
  private closed = false;

  constructor(sandbox: Sandbox, seed: number) {
    this.sandbox = sandbox;
    this.random = new Random(seed ^ 0x5eed);
    sandbox.onDeliveries = (ids) => this.enqueue(ids);
  }

  /** Puts further addresses behind an endpoint, as a load balancer does: each attempt goes to the next one. */
  balance(url: string, also: readonly string[]): void {
    this.balanced.set(url, { urls: [url, ...also], next: 0 });
  }

  private addressOf(url: string): string {
    const balancer = this.balanced.get(url);
    if (balancer === undefined) return url;
    balancer.next = (balancer.next + 1) % balancer.urls.length;
    return balancer.urls[balancer.next] ?? url;
  }

  /** Takes up again what a former run left unsent. */
  resume(): void {
    for (const delivery of this.sandbox.machine.world.store.all('delivery')) {
      if (delivery._state === 'pending') this.later(delivery.id, Math.max(0, delivery._next_at - Date.now()));
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    this.stop.abort();
    for (const timer of this.timers) clearTimeout(timer);
    this.waiting.length = 0;
    await Promise.allSettled(this.underWay);
  }

  private enqueue(ids: readonly string[]): void {
    for (const id of ids) {
      const { duplicate, delay_ms: delay, reorder, lose } = this.faults;
      if (lose > 0 && this.random.next() < lose) {
        this.mark(id, { _state: 'lost' });
        continue;
      }
      const wait = delay + (reorder > 0 && this.random.next() < reorder ? 50 + this.random.next() * REORDER_MS : 0);
      this.later(id, wait);
      if (duplicate > 0 && this.random.next() < duplicate) this.later(id, wait + this.random.next() * REORDER_MS);
    }
  }

  private later(id: string, wait: number): void {
    if (this.closed) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      this.waiting.push(id);
      this.pump();
    }, wait);
    this.timers.add(timer);
  }

  private pump(): void {
    while (!this.closed && this.underWay.size < AT_ONCE) {
      const id = this.waiting.shift();
      if (id === undefined) return;
      const sending = this.send(id).finally(() => {
        this.underWay.delete(sending);
        this.pump();
      });
      this.underWay.add(sending);
    }
  }

  private async send(id: string): Promise<void> {
    const { store } = this.sandbox.machine.world;
    const delivery = store.get('delivery', id);
    const event = delivery ? store.get('event', delivery._event) : undefined;
    const endpoint = delivery ? store.get('webhook_endpoint', delivery._endpoint) : undefined;
    if (!delivery || !event || !endpoint || endpoint.status !== 'enabled') return;
    const shown = event._thin ? presentThin(event) : present(this.sandbox.machine.world, event);
    const payload = JSON.stringify(shown, null, 2);
    const signature = sign(endpoint.secret, payload, Math.floor(Date.now() / 1000));
    const status = await post(this.addressOf(endpoint.url), payload, signature, this.stop.signal);
    if (!this.closed) this.settle(id, status);
  }

  private settle(id: string, status: number | null): void {
    const delivery = this.sandbox.machine.world.store.get('delivery', id);
    if (!delivery) return;
    const attempts = delivery._attempts + 1;
    const done = { _attempts: attempts, _last_status: status };
    if (status !== null && status >= 200 && status < 300) {
      this.mark(id, { ...done, _state: 'delivered' });
      return;
    }
    if (delivery._state !== 'pending') return;
    const wait = BACKOFF_MS[Math.min(attempts, BACKOFF_MS.length) - 1] ?? 1000;
    const spent = BACKOFF_MS.slice(0, attempts).reduce((sum, ms) => sum + ms, 0);
    if (spent + Math.max(0, attempts - BACKOFF_MS.length) * wait > GIVE_UP_MS) {
      this.mark(id, { ...done, _state: 'failed' });
      return;
    }
    this.mark(id, { ...done, _next_at: Date.now() + wait });
    this.later(id, wait);
  }

  private mark(id: string, fields: Partial<Delivery>): void {
    this.sandbox.control((world) => {
      const before = world.store.get('delivery', id);
      if (!before) return;
      world.store.patch('delivery', id, fields);
      const event = world.store.get('event', before._event);
      if (fields._state === 'delivered' && before._state !== 'delivered' && event) {
        world.store.patch('event', event.id, { _undelivered: event._undelivered - 1 });
      }
    });
  }
}

/** The status of the answer, or null when there was none. */
async function post(url: string, payload: string, signature: string, signal: AbortSignal): Promise<number | null> {
  const target = new URL(url);
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    const request = send(
      target,
      {
        method: 'POST',
        timeout: TIMEOUT_MS,
        signal,
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'content-length': Buffer.byteLength(payload),
          'stripe-signature': signature,
          'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
        },
      },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? null));
        response.on('error', () => resolve(null));
      },
    );
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(null));
    request.end(payload);
  });
}
