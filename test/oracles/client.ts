// A plain client for the oracles: v1's form encoding and v2's JSON over fetch, with no cleverness of an SDK between.
import { flatten, isRecord } from './record.ts';
import type { JsonRecord, JsonValue } from './record.ts';

export type Params = {
  [name: string]: string | number | boolean | null | Params | readonly (string | number | Params)[];
};
export type CallOptions = { account?: string; key?: string; headers?: Record<string, string>; apiKey?: string };
export type Answered = { status: number; headers: Record<string, string>; body: JsonRecord };

export const API_KEY = 'sk_test_123456789012';

export function encode(params: Params, form = new URLSearchParams(), prefix = ''): URLSearchParams {
  for (const [name, value] of Object.entries(params)) {
    const at = prefix === '' ? name : `${prefix}[${name}]`;
    if (value === null) form.append(at, '');
    else if (typeof value !== 'object') form.append(at, String(value));
    else encode(Object.fromEntries(Object.entries(value)) as Params, form, at);
  }
  return form;
}

export function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

export function record(value: JsonValue | undefined): JsonRecord {
  return isRecord(value) ? value : {};
}

export function records(value: JsonValue | undefined): JsonRecord[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

export class Client {
  readonly base: string;
  /** Where `/_sandbox` is asked: a recorder in between has no business with it. */
  readonly sandbox: string;

  constructor(base: string, sandbox = base) {
    this.base = base;
    this.sandbox = sandbox;
  }

  async call(method: string, path: string, params: Params = {}, options: CallOptions = {}): Promise<Answered> {
    const v2 = path.startsWith('/v2/');
    const form = encode(params).toString();
    const inUrl = method !== 'POST' && form !== '';
    const answer = await fetch(`${this.base}${path}${inUrl ? `?${form}` : ''}`, {
      method,
      headers: {
        authorization: `Bearer ${options.apiKey ?? API_KEY}`,
        'stripe-version': '2026-10-28.endive',
        ...(method === 'POST' ? { 'content-type': v2 ? 'application/json' : 'application/x-www-form-urlencoded' } : {}),
        ...(options.account === undefined ? {} : { 'stripe-account': options.account }),
        ...(options.key === undefined ? {} : { 'idempotency-key': options.key }),
        ...options.headers,
      },
      ...(method === 'POST' ? { body: v2 ? JSON.stringify(params) : form } : {}),
    });
    const headers = flatten(Object.fromEntries(answer.headers));
    return { status: answer.status, headers, body: record(JSON.parse(await answer.text()) as JsonValue) };
  }

  post(path: string, params?: Params, options?: CallOptions): Promise<Answered> {
    return this.call('POST', path, params, options);
  }

  get(path: string, params?: Params, options?: CallOptions): Promise<Answered> {
    return this.call('GET', path, params, options);
  }

  del(path: string, options?: CallOptions): Promise<Answered> {
    return this.call('DELETE', path, {}, options);
  }

  /** The body of a call that must succeed. */
  async made(path: string, params?: Params, options?: CallOptions): Promise<JsonRecord> {
    const { status, body } = await this.post(path, params, options);
    if (status !== 200) throw new Error(`POST ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  async read(path: string, params?: Params, options?: CallOptions): Promise<JsonRecord> {
    const { status, body } = await this.get(path, params, options);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  async control(name: string, body: JsonRecord): Promise<JsonRecord> {
    const answer = await fetch(`${this.sandbox}/_sandbox/${name}`, { method: 'POST', body: JSON.stringify(body) });
    const parsed = record(JSON.parse(await answer.text()) as JsonValue);
    if (!answer.ok) throw new Error(`_sandbox/${name}: ${answer.status} ${JSON.stringify(parsed)}`);
    return parsed;
  }

  async advance(period: string): Promise<void> {
    await this.control('clock', { advance: period });
  }

  async upload(purpose: string, name: string, content: string): Promise<JsonRecord> {
    const form = new FormData();
    form.append('purpose', purpose);
    form.append('file', new Blob([content], { type: 'application/pdf' }), name);
    const answer = await fetch(`${this.base}/v1/files`, {
      method: 'POST',
      headers: { authorization: `Bearer ${API_KEY}` },
      body: form,
    });
    const body = record(JSON.parse(await answer.text()) as JsonValue);
    if (!answer.ok) throw new Error(`POST /v1/files: ${answer.status} ${JSON.stringify(body)}`);
    return body;
  }

  /** A confirmed PaymentIntent. */
  pay(amount: number, method = 'pm_card_bypassPending', more: Params = {}): Promise<JsonRecord> {
    return this.made('/v1/payment_intents', payment(amount, method, more));
  }

  /** A v1 account that can receive transfers. */
  async seller(country = 'US'): Promise<string> {
    const account = await this.made('/v1/accounts', {
      country,
      type: 'express',
      email: 'seller@oracles.example',
      capabilities: { transfers: { requested: true } },
    });
    await this.control(`accounts/${text(account['id'])}`, { transfers: 'active' });
    return text(account['id']);
  }
}

export function payment(amount: number, method: string, more: Params = {}): Params {
  return {
    amount,
    currency: 'usd',
    confirm: true,
    payment_method: method,
    automatic_payment_methods: { enabled: true },
    return_url: 'https://oracles.example/back',
    ...more,
  };
}
