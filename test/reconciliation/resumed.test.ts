// Each pass of a reconciliation that asks one thing after the other, and the second look at what it found: a worker that dies
// on the way leaves the next one where it stood. Nothing is asked twice, nothing is left out, and what was found stands once.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import pino from 'pino';
import { reconcileActivities } from '../../activities/reconcile.ts';
import type { ReconciliationPass } from '../../activities/reconcile-contract.ts';
import { connect, type Sql } from '../../db/client.ts';
import { differencesOf, insertDifferences, insertRun } from '../../db/reconciliation.ts';
import { type BookObject, type Difference, judgeObject, NOTHING_KNOWN } from '../../domain/reconciliation.ts';
import type { EscrowState } from '../../domain/escrow-state.ts';
import type { Payments, PaymentIntentFacts } from '../../payments/port.ts';
import { createDatabase, type TestDatabase } from '../stack/database.ts';
import { attempts } from './attempts.ts';

const NOW = Date.now();
const FROM = NOW - 86_400_000;
/** Above a page (100), and for the second look above two of its own (50). */
const MANY = 120;
const of = (prefix: string): string[] =>
  Array.from({ length: MANY }, (_, i) => `${prefix}_${String(i).padStart(3, '0')}`);
const WRONG = [0, 49, 50, 99, 100, 119];
const wrong = (prefix: string): string[] => WRONG.map((i) => of(prefix)[i]!);

let database: TestDatabase;
let sql: Sql;
let owner: Sql;
let runId: string;
beforeAll(async () => {
  database = await createDatabase();
  sql = connect(database.appUrl, { max: 4 });
  owner = connect(database.ownerUrl, { max: 1 });
});
afterAll(async () => {
  await Promise.all([sql.end(), owner.end()]);
  await database.drop();
});
beforeEach(async () => {
  runId = `rec_${crypto.randomUUID()}`;
  await insertRun(sql, { id: runId, workflowId: runId, trigger: 'schedule', requestedBy: null, from: new Date(FROM), to: new Date(NOW) }); // prettier-ignore
});

const charge = (id: string, status = 'succeeded'): BookObject => ({ id, kind: 'charge', status, amountMinor: 700n, currency: 'usd', createdAt: NOW, metadata: {}, chargeId: id, paymentIntentId: null, transferId: null, balanceTransactionId: null }); // prettier-ignore

interface Asked {
  ask: (question: string) => void;
  objects?: (after: string | undefined) => { data: BookObject[]; more: boolean };
  object?: (id: string) => BookObject;
  intent?: (id: string) => Pick<PaymentIntentFacts, 'status' | 'rawStatus'>;
  workflow?: (id: string) => EscrowState | null;
}

const activitiesOf = ({ ask, objects, object, intent, workflow }: Asked) => {
  const asked = <A extends unknown[], T>(what: (...a: A) => T, name: (...a: A) => string) => async (...a: A): Promise<T> => (ask(name(...a)), what(...a)); // prettier-ignore
  const payments = {
    journal: {
      objects: asked((_: string, { after }: { after?: string }) => objects!(after), (_, { after }) => after ?? 'first'), // prettier-ignore
      object: asked(
        (_: string, id: string) => object!(id),
        (_, id) => id,
      ),
    },
    retrievePaymentIntent: asked((id: string) => ({ id, amountMinor: 700n, currency: 'usd', metadata: {}, charge: null, ...intent!(id) }), (id) => id), // prettier-ignore
    retrieveConnectedBalance: () => Promise.resolve([]),
  };
  return reconcileActivities({
    sql,
    payments: payments as unknown as Payments,
    logger: pino({ level: 'silent' }),
    escrowState: asked((id: string) => workflow!(id), (id) => id), // prettier-ignore
    runningEscrows: async function* () {},
  });
};
const pass = (name: ReconciliationPass, stripe: Omit<Asked, 'ask'>, dieAt: number) =>
  attempts((ask) => activitiesOf({ ask, ...stripe }).reconcilePass({ runId, from: FROM, to: NOW }, name), dieAt);
const found = async (): Promise<string[]> =>
  (await differencesOf(sql, runId, { limit: 1000 })).map((d) => d.subject).sort();

test.each([0, 7])('a list of Stripe, cut at page %s', async (dieAt) => {
  const ids = of('ch');
  const page = (after: string | undefined) => {
    const start = after === undefined ? 0 : ids.indexOf(after) + 1;
    const data = ids
      .slice(start, start + 10)
      .map((id) => charge(id, wrong('ch').includes(id) ? 'succeeded' : 'failed'));
    return { data, more: start + 10 < MANY };
  };
  const { answer, asked } = await pass('charge', { objects: page }, dieAt);
  expect(asked).toEqual(['first', ...ids.filter((_, i) => i % 10 === 9 && i < MANY - 1)]);
  expect(answer).toEqual({ charges: MANY });
  expect(await found()).toEqual(wrong('ch'));
});

test.each([70, 150])('what is still open, cut at %s', async (dieAt) => {
  await owner`
    INSERT INTO movements (id, kind, escrow_id, amount, currency, status, stripe_id)
    SELECT replace(id, 'pi_', 'pay_'), 'payment', 'esc_1', 700, 'usd', 'requires_action', id FROM unnest(${of('pi')}::text[]) id ON CONFLICT DO NOTHING`;
  await owner`
    INSERT INTO disputes (id, kind, escrow_id, stripe_dispute_id, status, amount, currency, created_at)
    SELECT 'dsp_' || id, 'card', 'esc_1', id, 'needs_response', 700, 'usd', ${new Date(FROM - 1)} FROM unnest(${of('dp')}::text[]) id ON CONFLICT DO NOTHING`;
  const stripe = {
    intent: (id: string) => ({ status: 'processing' as const, rawStatus: 'processing', ...(wrong('pi').includes(id) ? {} : { status: 'requires_action' as const }) }), // prettier-ignore
    object: (id: string): BookObject => ({ ...charge(id, wrong('dp').includes(id) ? 'lost' : 'needs_response'), kind: 'dispute' }), // prettier-ignore
  };
  const { answer, asked } = await pass('open', stripe, dieAt);
  expect(asked).toEqual([...of('pi'), ...of('dp')]);
  expect(answer).toEqual({ open: 2 * MANY });
  expect(await found()).toEqual([...wrong('dp'), ...wrong('pi')]);
});

test.each([80])('sellers, cut at %s', async (dieAt) => {
  await owner`INSERT INTO people (id, email, name, role) SELECT id, id, id, 'seller' FROM unnest(${of('usr')}::text[]) id ON CONFLICT DO NOTHING`; // prettier-ignore
  await owner`INSERT INTO sellers (id, stripe_account_id, country) SELECT id, 'acct_' || id, 'US' FROM unnest(${of('usr')}::text[]) id ON CONFLICT DO NOTHING`;
  // Nothing is on its way to the bank any more, so that Stripe's balance of 0 is what it should be.
  await owner`
    INSERT INTO payouts (id, seller_id, amount, currency, status, arrives_at, created_at)
    SELECT 'po_' || id, id, 0, 'usd', 'in_transit', now(), now() FROM unnest(${of('usr')}::text[]) id ON CONFLICT DO NOTHING`;
  const turn = of('usr')[Symbol.iterator]();
  const stripe = {
    objects: () => {
      const seller = turn.next().value!;
      const data = [{ ...charge(`po_${seller}`, wrong('usr').includes(seller) ? 'paid' : 'in_transit'), kind: 'payout' as const, amountMinor: 0n }]; // prettier-ignore
      return { data, more: false };
    },
  };
  const { answer, asked } = await pass('sellers', stripe, dieAt);
  expect(asked).toHaveLength(MANY);
  expect(answer).toEqual({ sellers: MANY, seller_payouts: MANY });
  expect(await found()).toEqual(wrong('usr').map((id) => `po_${id}`));
});

test.each([75])('workflows, cut at %s', async (dieAt) => {
  await owner`INSERT INTO people (id, email, name, role) VALUES ('usr_buyer', 'b', 'B', 'buyer') ON CONFLICT DO NOTHING`;
  await owner`
    INSERT INTO escrows (id, buyer_id, title, currency, status, terms_version, terms_hash, revision, state, created_at)
    SELECT id, 'usr_buyer', 'T', 'usd', 'active', 1, 'h', 3, '{}', now() FROM unnest(${of('esc')}::text[]) id ON CONFLICT DO NOTHING`;
  // Each that differs is asked five times over four seconds, so that there is one on either side.
  const behind = [of('esc')[20]!, of('esc')[110]!];
  const workflow = (id: string) => ({ id, status: 'active', headRevision: behind.includes(id) ? 4 : 3, milestones: [] }) as unknown as EscrowState; // prettier-ignore
  const { answer, asked } = await pass('workflows', { workflow }, dieAt);
  // A batch of fifty is the step.
  const again = of('esc').slice(50, 71);
  const times = (id: string) => (behind.includes(id) ? 5 : 1) + (again.includes(id) ? 1 : 0);
  for (const id of of('esc')) expect([id, asked.filter((a) => a === id).length]).toEqual([id, times(id)]);
  expect(answer).toEqual({ workflows: MANY });
  expect(await found()).toEqual(behind);
});

test.each([0, 60])(
  'the second look, cut at %s: what differs otherwise by now takes the place of what did',
  async (dieAt) => {
    const [other] = wrong('ch') as [string];
    const before = (id: string): Difference => ({ ...judgeObject(charge(id), NOTHING_KNOWN)!, ...(id === other ? { kind: 'payment_not_posted' } : {}) }); // prettier-ignore
    await insertDifferences(sql, runId, of('ch').map(before)); // prettier-ignore
    const object = (id: string): BookObject => charge(id, wrong('ch').includes(id) ? 'succeeded' : 'failed');
    const { answer, asked } = await attempts((ask) => activitiesOf({ ask, object }).confirmDifferences(runId), dieAt);
    // What took a place stands at the end, and is looked at as all are.
    expect(asked).toEqual([...of('ch'), other]);
    expect(answer).toEqual({ settled_meanwhile: MANY - WRONG.length + 1 });
    expect(await found()).toEqual(wrong('ch'));
    expect(new Set((await differencesOf(sql, runId, { limit: 1000 })).map((d) => d.kind))).toEqual(
      new Set(['charge_outside']),
    );
  },
);
