// The watch over each step sees what it is there for, names it, and refuses nothing.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect, type Sql, type Tx } from '../../db/client.ts';
import { post } from '../../db/ledger.ts';
import type { Leg } from '../../domain/postings.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { type StepWatch, watchEachStep } from './each-step.ts';

let database: TestDatabase;
let app: Sql;
let watch: StepWatch;

beforeAll(async () => {
  database = await createDatabase({ unwatched: 'the watch itself is tried' });
  app = connect(database.appUrl, { max: 2, applicationName: 'each-step-test' });
  watch = await watchEachStep(database.ownerUrl);
});
afterAll(async () => {
  await Promise.all([app.end({ timeout: 5 }), watch.close()]);
  await database.drop();
});

const leg = (account: string, amountMinor: bigint): Leg => ({ account, amountMinor });
const step = (kind: string, escrowId: string | undefined, ...legs: Leg[]) =>
  app.begin((tx) => post(tx as Tx, { key: `${kind}:${escrowId}`, kind, currency: 'usd', legs, escrowId }));

test('steps that close are nothing; money that leaves its escrow under no name, and money that is owed but gone, are named', async () => {
  await step('top_up', undefined, leg('stripe:available', 50n), leg('platform_float', -50n));
  await step(
    'charge_captured',
    'esc_1',
    leg('stripe:available', 97n),
    leg('stripe_fees', 3n),
    leg('charge:pay_1', -100n),
  );
  await step('charge_allocated', 'esc_1', leg('charge:pay_1', 100n), leg('milestone:ms_1:held', -100n));
  expect(await watch.wrong()).toEqual([]);

  await step('unknown', 'esc_1', leg('milestone:ms_1:held', 10n), leg('stripe:available', -10n));
  const identity = { what: 'the money identity does not hold', kind: 'unknown', escrow_id: 'esc_1' };
  expect(await watch.wrong()).toEqual([
    { ...identity, figures: expect.objectContaining({ charged: 100, held: 90, released: 0 }) },
  ]);

  await step('platform_payout', undefined, leg('bank', 60n), leg('stripe:available', -60n));
  const solvency = {
    what: 'what lies at Stripe does not cover what is owed',
    kind: 'platform_payout',
    escrow_id: null,
  };
  expect(await watch.wrong()).toEqual([
    expect.objectContaining(identity),
    { ...solvency, figures: { currency: 'usd', at_stripe: 77, liabilities: 90 } },
  ]);
});
