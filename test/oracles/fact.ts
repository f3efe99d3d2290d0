// A fact about Stripe that recorded exchanges show, as a check that any address can be held to.
import assert from 'node:assert/strict';

import { startStripeSandbox } from '../../sandbox/stripe/server.ts';
import { Client, record, records, text } from './client.ts';
import type { Answered } from './client.ts';
import type { JsonRecord, Mutate } from './record.ts';
import { startRecorder } from './record.ts';

export type Fact = { name: string; check: (client: Client) => Promise<void> };

/** Holds a fresh sandbox (behind the mutation, if any) to the fact. */
export async function holds(fact: Fact, mutate?: Mutate): Promise<number> {
  const sandbox = await startStripeSandbox({ port: 0 });
  const recorder = await startRecorder(sandbox.url, mutate);
  try {
    await fact.check(new Client(recorder.url, sandbox.url));
    return recorder.exchanges.length;
  } finally {
    await recorder.close();
    await sandbox.close();
  }
}

export const errorOf = (answer: Answered): JsonRecord => record(answer.body['error']);

export const id = (object: JsonRecord): string => text(object['id']);

export const first = (list: JsonRecord): JsonRecord => records(list['data'])[0] ?? {};

export function number(value: JsonRecord[string] | undefined): number {
  assert.equal(typeof value, 'number', `expected a number, not ${JSON.stringify(value)}`);
  return Number(value);
}

/** These fields, whatever else there is. */
export function has(object: JsonRecord, fields: JsonRecord): void {
  const seen = Object.fromEntries(Object.keys(fields).map((name) => [name, object[name] ?? null]));
  assert.deepEqual(seen, fields);
}

export function lacks(object: JsonRecord, ...names: string[]): void {
  assert.deepEqual(
    names.filter((name) => Object.hasOwn(object, name)),
    [],
  );
}

type Refusal = { status: number; type?: string; code?: string | null; param?: string | null; message: string | RegExp };

/** A refusal as Stripe words it; `null` means that the field is absent. */
export function refuses(answer: Answered, { status, type, code = null, param = null, message }: Refusal): void {
  const error = errorOf(answer);
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  assert.equal(error['type'], type ?? 'invalid_request_error');
  assert.equal(error['code'] ?? null, code);
  assert.equal(Object.hasOwn(error, 'param') ? error['param'] : null, param);
  if (typeof message === 'string') assert.equal(error['message'], message);
  else assert.match(text(error['message']), message);
  const doc = code === null ? null : `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}`;
  assert.equal(error['doc_url'] ?? null, doc);
  assert.match(text(error['request_log_url']), /^https:\/\/dashboard\.stripe\.com\//);
  assert.match(answer.headers['request-id'] ?? '', /^req_\w{14}$/);
}
