// The oracles held against themselves: every deliberate mutation of the sandbox must be named by one of them.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Stripe } from 'stripe';

import { startStripeSandbox } from '../../sandbox/stripe/server.ts';
import type { StripeSandbox } from '../../sandbox/stripe/server.ts';
import { refusesToo, wrongRequests } from './differential.ts';
import type { Answer, Wrong } from './differential.ts';
import { holds } from './fact.ts';
import { ERROR_FACTS } from './facts-errors.ts';
import { FLOW_FACTS } from './facts-flows.ts';
import { allSpots, isNamed, LIST_FILE } from './field-mutations.ts';
import type { FieldList } from './field-mutations.ts';
import { report } from './figures.ts';
import { MUTATIONS } from './mutations.ts';
import { startRecorder } from './record.ts';
import type { Exchange, JsonRecord, Mutate } from './record.ts';
import { runScenario } from './scenario.ts';
import { Validator } from './spec.ts';
import { readOpenApi } from './stripe-mock.ts';
import { objectsMade, trigger } from './triggers.ts';

const figures = { facts: 0, fields_missing: 0, fields_mistyped: 0, shapes: 0, differential: 0, cli: 0, package: 0 };
afterAll(() => {
  const all = Object.values(figures).reduce((sum, count) => sum + count, 0);
  report('mutations', { ...figures, all });
});

test('every mutation of a refusal, header, status or flow is named by its fact', async () => {
  const facts = new Map([...ERROR_FACTS, ...FLOW_FACTS].map((fact) => [fact.name, fact]));
  const unnamed: string[] = [];
  for (const { name, fact, mutate } of MUTATIONS) {
    const found = facts.get(fact);
    if (!found) throw new Error(`no such fact: ${fact}`);
    const named = await holds(found, mutate).then(
      () => false,
      () => true,
    );
    figures.facts += 1;
    if (!named) unnamed.push(`${name} (${fact})`);
  }
  expect(unnamed).toEqual([]);
  const held = new Set(MUTATIONS.map(({ fact }) => fact));
  expect([...facts.keys()].filter((name) => !held.has(name))).toEqual([]);
}, 400_000);

describe('fields', () => {
  let validator: Validator | null = null;
  let exchanges: Exchange[] = [];
  const list = JSON.parse(readFileSync(LIST_FILE, 'utf8')) as FieldList;

  beforeAll(async () => {
    const spec = await readOpenApi();
    if (spec !== null) validator = new Validator(spec);
    exchanges = (await runScenario()).exchanges;
  }, 400_000);

  test('each field of the list, missing or of another type, is named by the spec or the declarations', () => {
    if (!validator) return;
    const spots = allSpots(validator, exchanges);
    const unnamed: string[] = [];
    for (const [object, { missing, mistyped }] of Object.entries(list)) {
      for (const [change, paths] of [
        ['missing', missing],
        ['mistyped', mistyped],
      ] as const) {
        for (const at of paths) {
          const spot = spots.get(`${object} ${at}`);
          if (!spot || !isNamed(validator, spot, change)) unnamed.push(`${object}.${at} ${change}`);
          figures[`fields_${change}`] += 1;
        }
      }
    }
    expect(unnamed).toEqual([]);
  }, 400_000);

  test('the list holds every property that the SDK declares without a question mark', () => {
    if (!validator) return;
    const { sdk } = validator;
    const left = Object.entries(list).flatMap(([object, { missing }]) =>
      sdk
        .required(object)
        .filter((name) => !missing.includes(name))
        .map((name) => `${object}.${name}`),
    );
    expect(left).toEqual([]);
  });

  test('an undeclared property, a body without an error object and a list of another kind are named', () => {
    if (!validator) return;
    const one = (method: string, at: RegExp, status = 200): Exchange => {
      const found = exchanges.find((e) => e.method === method && at.test(e.path) && e.status === status);
      if (!found) throw new Error(`the run has no ${method} ${String(at)}`);
      return found;
    };
    const transfer = one('POST', /^\/v1\/transfers$/);
    const unknown = one('GET', /^\/v1\/charges\/ch_unknown$/, 404);
    const charges = one('GET', /^\/v1\/charges$/);
    const shapes: Exchange[] = [
      { ...transfer, body: { ...(transfer.body as JsonRecord), surprise: 1 } },
      { ...transfer, body: null },
      { ...unknown, body: {} },
      { ...unknown, body: { error: { message: 'No.' } } },
      { ...unknown, body: { error: { type: 'invalid_request_error' } } },
      { ...unknown, body: { error: { type: 'surprising_error', message: 'No.' } } },
      { ...charges, body: { ...(charges.body as JsonRecord), object: 'page' } },
      { ...charges, body: { ...(charges.body as JsonRecord), url: '/v1/elsewhere' } },
    ];
    for (const shape of shapes) {
      expect(validator.validate(shape)).not.toEqual([]);
      figures.shapes += 1;
    }
  });
});

describe('behind a mutating proxy', () => {
  let sandbox: StripeSandbox;
  let home = '';
  beforeAll(async () => {
    home = mkdtempSync(path.join(tmpdir(), 'tranche-stripe-cli-'));
    sandbox = await startStripeSandbox({ port: 0 });
  });
  afterAll(async () => {
    await sandbox.close();
    rmSync(home, { recursive: true, force: true });
  });

  const through = async <T>(mutate: Mutate, work: (port: number, seen: Exchange[]) => Promise<T>): Promise<T> => {
    const recorder = await startRecorder(sandbox.url, mutate);
    try {
      return await work(recorder.port, recorder.exchanges);
    } finally {
      await recorder.close();
    }
  };

  test('the Stripe CLI names a refused request and an answer without an id', async () => {
    const run = (mutate: Mutate): Promise<[number, string]> =>
      through(mutate, async (port, seen) => {
        const { exit } = await trigger('payment_intent.canceled', `http://127.0.0.1:${port}`, home);
        return [exit, objectsMade(seen).join(', ')];
      });
    expect(await run((one) => one)).toEqual([0, 'payment_intent']);
    const refused = await run((one) => ({ ...one, status: 400, body: { error: { type: 'invalid_request_error' } } }));
    const nameless = await run((one) => ({ ...one, body: { ...(one.body as JsonRecord), id: 'other' } }));
    const another = await run((one) => ({ ...one, body: { ...(one.body as JsonRecord), object: 'other' } }));
    for (const seen of [refused, nameless, another]) {
      expect(seen).not.toEqual([0, 'payment_intent']);
      figures.cli += 1;
    }
  });

  test('the stripe package takes a 404 without an error object for a success, and another status for another class', async () => {
    const read = (mutate: Mutate): Promise<unknown> =>
      through(mutate, (port) => {
        const options = { host: '127.0.0.1', port, protocol: 'http' as const, maxNetworkRetries: 0, telemetry: false };
        return new Stripe('sk_test_1', options).charges.retrieve('ch_none').then(
          () => 'success',
          (error: unknown) => (error as Error).constructor.name,
        );
      });
    const wanted = 'StripeInvalidRequestError';
    expect(await read((one) => one)).toBe(wanted);
    const error = { message: 'No.', type: 'invalid_request_error' };
    for (const mutate of [
      (one: Exchange) => ({ ...one, body: {} }),
      (one: Exchange) => ({ ...one, status: 402, body: { error: { ...error, type: 'card_error' } } }),
      (one: Exchange) => ({ ...one, status: 401, body: { error } }),
      (one: Exchange) => ({ ...one, status: 403, body: { error } }),
      (one: Exchange) => ({ ...one, status: 429, body: { error } }),
    ]) {
      expect(await read(mutate)).not.toBe(wanted);
      figures.package += 1;
    }
  });

  test('the differential names each way of refusing less or otherwise', async () => {
    const spec = (await readOpenApi()) as JsonRecord | null;
    if (!spec) return;
    const good = (wrong: Wrong): Answer => ({
      status: 400,
      error: { type: 'invalid_request_error', message: 'No.', param: wrong.param },
    });
    for (const wrong of wrongRequests(spec, 'POST', '/v1/transfers')) {
      const answer = good(wrong);
      expect(refusesToo(wrong, answer)).toBe(true);
      for (const worse of [
        { ...answer, status: 200 },
        { ...answer, status: 404 },
        { ...answer, error: { ...answer.error, param: 'other' } },
        { ...answer, error: { ...answer.error, message: '' } },
        { ...answer, error: { ...answer.error, type: 'api_error' } },
        { ...answer, error: {} },
      ]) {
        expect(refusesToo(wrong, worse)).toBe(false);
        figures.differential += 1;
      }
    }
  });
});
