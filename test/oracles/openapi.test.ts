// Oracle: Stripe's OpenAPI spec and the `stripe` package's declarations, over every answer of a run that touches every
// route of the sandbox and every state of its resources.
import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { ROUTES } from '../../sandbox/stripe/core/routes.ts';
import type { Exchange } from './record.ts';
import { report } from './figures.ts';
import { runScenario } from './scenario.ts';
import { describe, Validator } from './spec.ts';
import { readOpenApi } from './stripe-mock.ts';

let exchanges: Exchange[] = [];
let validator: Validator | null = null;
let problems = 0;

beforeAll(async () => {
  const spec = await readOpenApi();
  if (spec !== null) validator = new Validator(spec);
  exchanges = (await runScenario()).exchanges;
}, 400_000);
afterAll(() => {
  if (validator) report('openapi', { spec: validator.version, ...validator.figures, problems });
});

test('the run touches every route with a good answer', () => {
  const touched = new Set(
    exchanges.filter(({ status }) => status === 200).map(({ method, path }) => `${method} ${path}`),
  );
  const missed = ROUTES.filter(({ method, path }) => {
    // Stripe cancels refunds that wait for the customer only, and no method of the sandbox has such.
    if (path === '/v1/refunds/:id/cancel') return false;
    const pattern = new RegExp(`^${method} ${path.replaceAll(/:\w+/g, '[^/]+')}$`);
    return ![...touched].some((one) => pattern.test(one));
  });
  expect(missed.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
});

test('every answer is as Stripe says that it looks', () => {
  // Null only with ALLOW_NO_GO=1 outside CI: then nothing was held, which the figures' absence says.
  const found = exchanges.flatMap((exchange) => validator?.validate(exchange) ?? []);
  problems = found.length;
  expect([...new Set(found.map(describe))]).toEqual([]);
});

test('every state of every resource stands in an answer', () => {
  const seen = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const { object, status } = value as { object?: unknown; status?: unknown };
    if (typeof object === 'string' && typeof status === 'string') seen.add(`${object} ${status}`);
    for (const inner of Object.values(value)) walk(inner);
  };
  for (const { body } of exchanges) walk(body);
  const states: Record<string, string> = {
    payment_intent: 'requires_payment_method requires_action processing requires_capture canceled succeeded',
    charge: 'succeeded pending failed',
    refund: 'pending succeeded failed',
    dispute: 'needs_response under_review won lost warning_needs_response warning_closed',
    payout: 'pending paid failed canceled',
    topup: 'succeeded',
    'checkout.session': 'open complete expired',
    balance_transaction: 'pending available',
    setup_intent: 'requires_payment_method succeeded canceled',
    webhook_endpoint: 'enabled disabled',
  };
  const wanted = Object.entries(states).flatMap(([object, list]) => list.split(' ').map((one) => `${object} ${one}`));
  expect(wanted.filter((one) => !seen.has(one))).toEqual([]);
});
