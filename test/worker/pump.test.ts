// The pump over a real PostgreSQL, with a fake Temporal client and a fake payments port: every event ends once.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { connect } from '../../db/client.ts';
import type { Sql } from '../../db/client.ts';
import { storeEvents } from '../../db/inbox-queue.ts';
import { escrowSignals } from '../../worker/escrow-signals.ts';
import type { HandlerContext } from '../../worker/handlers/context.ts';
import { handlers } from '../../worker/handlers/index.ts';
import { backoffMs, startPump } from '../../worker/pump.ts';
import type { Pump, PumpOptions } from '../../worker/pump.ts';
import { createDatabase } from '../stack/database.ts';
import type { TestDatabase } from '../stack/database.ts';
import { fakeStripe, fakeTemporal, intent, refundOf, silent } from './fakes.ts';
import type { FakeStripe, FakeTemporal } from './fakes.ts';

interface EventRow {
  id: string;
  state: string;
  attempts: number;
  error: string | null;
  escrow_id: string | null;
  waits_ms: number;
}

let database: TestDatabase;
let owner: Sql;
let sql: Sql;
let stripe: FakeStripe;
let temporal: FakeTemporal;
let pumps: Pump[] = [];
let number = 0;

beforeAll(async () => {
  database = await createDatabase();
  owner = connect(database.ownerUrl, { max: 2 });
  sql = connect(database.appUrl, { max: 10 });
});
afterAll(async () => {
  await Promise.all([sql.end(), owner.end()]);
  await database.drop();
});
beforeEach(async () => {
  await owner`TRUNCATE stripe_events, alerts, movements, movement_attempts, charge_funds CASCADE`;
  stripe = fakeStripe();
  temporal = fakeTemporal();
});

const context = (): HandlerContext => ({ sql, stripe, signals: escrowSignals(temporal, 'queue'), logger: silent });

async function pumping(work: () => Promise<void>, options: PumpOptions = {}, count = 1): Promise<void> {
  pumps = [];
  for (let i = 0; i < count; i += 1) {
    pumps.push(await startPump(context(), handlers, { pollMs: 50, random: () => 0, ...options }));
  }
  try {
    await work();
  } finally {
    await Promise.all(pumps.map((pump) => pump.stop()));
  }
}

async function receive(
  type: string,
  objectId: string | null,
  more: Partial<{ id: string; account: string; body: string }> = {},
) {
  const id = more.id ?? `evt_${(number += 1)}`;
  await storeEvents(sql, [
    {
      id,
      type,
      objectId,
      account: more.account ?? null,
      livemode: false,
      apiVersion: null,
      body: more.body ?? '{}',
    },
  ]);
  return id;
}

async function eventRow(id: string): Promise<EventRow> {
  const [row] = await sql<EventRow[]>`
    SELECT id, state, attempts, error, escrow_id,
           coalesce(nullif(extract(epoch FROM next_try_at - now()) * 1000, 'infinity'), 0)::float8 AS waits_ms
    FROM stripe_events WHERE id = ${id}`;
  return row!;
}

/** Polls the row: the pump says nothing of its own when an event has ended. */
async function until(id: string, right: (row: EventRow) => boolean): Promise<EventRow> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const row = await eventRow(id);
    if (right(row)) return row;
    if (Date.now() > deadline) throw new Error(`event stayed ${JSON.stringify(row)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
const ended = (row: EventRow) => row.state !== 'received';
const alerts = () => sql<{ kind: string; escrow_id: string | null }[]>`SELECT kind, escrow_id FROM alerts ORDER BY id`;

describe('one event (fake Temporal client, fake Stripe)', () => {
  test('a PaymentIntent is fetched again and its present status is signalled, whatever the event said', async () => {
    stripe.intents.set('pi_1', intent('pi_1', 'succeeded', { escrow_id: 'esc_1', payment_id: 'pay_1' }));
    await pumping(async () => {
      const id = await receive('payment_intent.processing', 'pi_1');
      const row = await until(id, ended);
      expect(row).toMatchObject({ state: 'done', escrow_id: 'esc_1', attempts: 1 });
      expect(temporal.sent).toEqual([
        {
          workflowId: 'escrow/esc_1',
          name: 'stripeEvent',
          argument: {
            kind: 'payment_intent',
            paymentIntentId: 'pi_1',
            paymentId: 'pay_1',
            status: 'succeeded',
            eventId: id,
          },
        },
      ]);
    });
  });

  test('an event that was there before the pump started is done too', async () => {
    stripe.intents.set('pi_1', intent('pi_1', 'succeeded', { escrow_id: 'esc_1' }));
    const id = await receive('payment_intent.succeeded', 'pi_1');
    await pumping(async () => {
      expect((await until(id, ended)).state).toBe('done');
    });
  });

  test('a refund without our metadata is routed by its PaymentIntent', async () => {
    stripe.intents.set('pi_1', intent('pi_1', 'succeeded', { escrow_id: 'esc_9' }));
    stripe.refunds.set('re_1', refundOf('re_1', 'pending', 'pi_1', {}));
    await pumping(async () => {
      const row = await until(await receive('refund.updated', 're_1'), ended);
      expect(row).toMatchObject({ state: 'done', escrow_id: 'esc_9' });
      expect(temporal.sent[0]).toMatchObject({
        workflowId: 'escrow/esc_9',
        argument: { kind: 'refund', stripeRefundId: 're_1', refundId: null, status: 'pending' },
      });
    });
  });

  test('a charge that fails late is a loss; one that never succeeded is the PaymentIntent’s matter; an unknown shape is for ops', async () => {
    const bt = (amountMinor: bigint) => ({ id: `txn_${amountMinor}`, type: 'payment_failure_refund', amountMinor, feeMinor: 0n, netMinor: amountMinor, currency: 'usd', status: 'available', availableOn: 0, createdAt: 0, sourceId: null }) as const; // prettier-ignore
    const failed = (id: string, amount: bigint | null, more: object = {}) =>
      stripe.failedCharges.set(id, { id, status: 'failed', amountMinor: 100n, currency: 'usd', metadata: { escrow_id: 'esc_1' }, failureCode: 'no_account', failureBalanceTransaction: amount === null ? null : bt(amount), ...more }); // prettier-ignore
    failed('py_attempt', null);
    failed('py_grew', 100n);
    failed('py_pending', -100n, { status: 'pending' });
    failed('py_foreign', -100n, { metadata: {} });
    failed('py_early', -100n);
    await pumping(async () => {
      const rows: EventRow[] = [];
      for (const id of ['py_attempt', 'py_grew', 'py_pending', 'py_foreign', 'py_gone'])
        rows.push(await until(await receive('charge.failed', id), ended));
      expect(rows.map((row) => row.state)).toEqual(['ignored', 'done', 'done', 'done', 'ignored']);
      expect(await alerts()).toEqual(['esc_1', 'esc_1', null].map((escrow_id) => ({ kind: 'charge_failed_late', escrow_id }))); // prettier-ignore
      // Quicker than the posting of its success: tried again.
      const early = await until(await receive('charge.failed', 'py_early'), (row) => row.error !== null);
      expect([early.state, early.error]).toEqual(['received', expect.stringContaining('py_early')]);
    });
    expect(temporal.sent).toEqual([]);
  });

  test('a refund that was sent back is told until the failure is in the books: a workflow that closes hears nothing', async () => {
    await sql`INSERT INTO movements (id, kind, escrow_id, amount, currency, status, stripe_id)
              VALUES ('rfd_7', 'refund', 'esc_1', 100, 'usd', 'succeeded', 're_7')`;
    stripe.refunds.set('re_7', refundOf('re_7', 'failed', 'pi_1', { escrow_id: 'esc_1', refund_id: 'rfd_7' }));
    await pumping(async () => {
      const id = await receive('refund.failed', 're_7');
      const told = await until(id, (row) => row.error !== null);
      expect([told.state, told.error]).toEqual(['received', expect.stringContaining('re_7 is failed')]);
      await sql`UPDATE movements SET status = 'failed' WHERE id = 'rfd_7'`;
      expect((await until(id, ended)).state).toBe('done');
    });
    expect(temporal.sent.length).toBeGreaterThan(1);
  });

  test('charge.refunded tells every refund of its PaymentIntent', async () => {
    for (const id of ['re_1', 're_2']) {
      stripe.refunds.set(id, refundOf(id, 'succeeded', 'pi_1', { escrow_id: 'esc_1', refund_id: `rfd_${id}` }));
    }
    await pumping(async () => {
      const body = JSON.stringify({ data: { object: { id: 'ch_1', payment_intent: 'pi_1' } } });
      expect((await until(await receive('charge.refunded', 'ch_1', { body }), ended)).state).toBe('done');
      expect(temporal.sent.map((s) => (s.argument as { refundId: string }).refundId)).toEqual(['rfd_re_1', 'rfd_re_2']);
    });
  });

  test.each([
    ['an unknown type', 'quantum.entangled', 'q_1'],
    ['a name that every object has', 'toString', 'q_1'],
    ['an object that Stripe does not know', 'payment_intent.succeeded', 'pi_none'],
    ['an object of no escrow', 'payment_intent.succeeded', 'pi_foreign'],
  ])('%s is ignored and signals nobody', async (_what, type, objectId) => {
    stripe.intents.set('pi_foreign', intent('pi_foreign', 'succeeded', { order: '12' }));
    await pumping(async () => {
      const row = await until(await receive(type, objectId), ended);
      expect(row.state).toBe('ignored');
      expect(row.error).toBeTruthy();
      expect(temporal.sent).toEqual([]);
    });
  });

  test('events of an account that is no seller are kept apart, with one alert for all of them', async () => {
    const ids = await Promise.all([
      receive('payout.paid', 'po_1', { account: 'acct_stranger' }),
      receive('payment_intent.succeeded', 'pi_1', { account: 'acct_stranger' }),
      receive('account.updated', 'acct_stranger', { account: 'acct_stranger' }),
    ]);
    stripe.accounts.set('acct_stranger', { id: 'acct_stranger', country: 'US', transfers: 'active', requirements: [], metadata: {} }); // prettier-ignore
    await pumping(async () => {
      for (const id of ids) {
        const row = await until(id, ended);
        expect([row.state, row.error]).toEqual(['quarantined', "account acct_stranger is no seller's"]);
      }
    });
    expect(await alerts()).toEqual([{ kind: 'stripe_event_quarantined', escrow_id: null }]);
    expect(temporal.sent).toEqual([]);
  });

  test('a review becomes one alert for ops, however often it is told', async () => {
    await pumping(async () => {
      for (let i = 0; i < 3; i += 1) await until(await receive('review.opened', 'prv_1'), ended);
      expect(await alerts()).toEqual([{ kind: 'review', escrow_id: null }]);
    });
  });
});

describe('transfers and sellers (fake Temporal client, fake Stripe)', () => {
  const transfer = (id: string, metadata: Record<string, string>) => ({
    id,
    amountMinor: 9_000n,
    currency: 'usd',
    destination: 'acct_1',
    reversedMinor: 0n,
    metadata,
    balanceTransaction: null,
  });

  test('our transfer is found by its movement even before its Stripe id is stored; a foreign one alerts', async () => {
    await sql`INSERT INTO movements (id, kind, escrow_id, milestone_id, part, amount, currency, status)
              VALUES ('trf_1', 'transfer', 'esc_1', 'ms_1', 1, 9000, 'usd', 'reserved')`;
    stripe.transfers.set('tr_ours', transfer('tr_ours', { transfer_id: 'trf_1' }));
    stripe.transfers.set('tr_hand', transfer('tr_hand', {}));
    await pumping(async () => {
      expect(await until(await receive('transfer.created', 'tr_ours'), ended)).toMatchObject({
        state: 'done',
        escrow_id: 'esc_1',
      });
      expect(await alerts()).toEqual([]);
      expect((await until(await receive('transfer.created', 'tr_hand'), ended)).state).toBe('done');
      expect(await alerts()).toEqual([{ kind: 'unknown_transfer', escrow_id: null }]);
      expect(temporal.sent).toEqual([]);
    });
  });

  test('a reversal that we did not order alerts', async () => {
    await sql`INSERT INTO movements (id, kind, escrow_id, milestone_id, part, amount, currency, status, stripe_id)
              VALUES ('trf_1', 'transfer', 'esc_1', 'ms_1', 1, 9000, 'usd', 'succeeded', 'tr_1')`;
    stripe.transfers.set('tr_1', { ...transfer('tr_1', {}), reversedMinor: 500n });
    await pumping(async () => {
      await until(await receive('transfer.reversed', 'tr_1'), ended);
      expect(await alerts()).toEqual([{ kind: 'unknown_reversal', escrow_id: 'esc_1' }]);
    });
  });

  test('a seller who can be paid again is stored, and every open escrow of the seller is told, again after a crash', async () => {
    await sql`INSERT INTO people (id, email, name, role) VALUES ('usr_b', 'b@example.com', 'B', 'buyer'), ('usr_s', 's@example.com', 'S', 'seller')`;
    await sql`INSERT INTO sellers (id, stripe_account_id, country, status) VALUES ('usr_s', 'acct_1', 'US', 'active')`;
    for (const [id, status, milestone] of [
      ['esc_open', 'active', 'blocked_kyc'],
      ['esc_paid', 'active', 'released'],
      ['esc_over', 'completed', 'released'],
    ] as const) {
      await sql`INSERT INTO escrows (id, buyer_id, title, currency, status, terms_version, terms_hash, revision, state, created_at)
                VALUES (${id}, 'usr_b', 't', 'usd', ${status}, 1, 'h', 1, '{}', now())`;
      await sql`INSERT INTO milestones (id, escrow_id, position, seller_id, status, amount, revision, state)
                VALUES (${`ms_${id}`}, ${id}, 0, 'usr_s', ${milestone}, 100, 1, '{}')`;
    }
    stripe.accounts.set('acct_1', { id: 'acct_1', country: 'US', transfers: 'active', requirements: [], metadata: {} });
    let down = true;
    temporal.before = () => {
      if (down) throw new Error('Temporal is away');
    };
    await pumping(async () => {
      const id = await receive('v2.core.account[configuration.recipient].capability_status_updated', 'acct_1');
      await until(id, (row) => row.error === 'Temporal is away');
      // Stored already, so the next try sees no change, and must tell nevertheless.
      expect([...(await sql`SELECT transfers, status FROM sellers`)]).toEqual([
        { transfers: 'active', status: 'active' },
      ]);
      down = false;
      await sql`UPDATE stripe_events SET next_try_at = now()`;
      await until(id, ended);
      expect(temporal.sent).toEqual([
        { workflowId: 'escrow/esc_open', name: 'sellerChanged', argument: { sellerId: 'usr_s', transfers: 'active' } },
      ]);
      const again = await receive('account.updated', 'acct_1');
      await until(again, ended);
      expect(temporal.sent).toHaveLength(1);
      await until(await receive('account.application.deauthorized', 'ca_1', { account: 'acct_1' }), ended);
      expect([...(await sql`SELECT transfers, status FROM sellers`)]).toEqual([
        { transfers: 'inactive', status: 'disconnected' },
      ]);
      expect(temporal.sent).toHaveLength(2);
    });
  });
});

test('an account event that is faster than its seller’s row waits for it (fake Temporal client, fake Stripe)', async () => {
  await sql`INSERT INTO people (id, email, name, role) VALUES ('usr_new', 'new@example.com', 'N', 'seller')`;
  const metadata = { seller_id: 'usr_new' };
  stripe.accounts.set('acct_new', { id: 'acct_new', country: 'US', transfers: 'active', requirements: [], metadata });
  await pumping(async () => {
    const id = await receive('account.updated', 'acct_new');
    expect((await until(id, (row) => row.error !== null)).state).toBe('received');
    await sql`INSERT INTO sellers (id, stripe_account_id, country) VALUES ('usr_new', 'acct_new', 'US')`;
    await sql`UPDATE stripe_events SET next_try_at = now()`;
    expect((await until(id, ended)).state).toBe('done');
    expect([...(await sql`SELECT transfers, status FROM sellers WHERE id = 'usr_new'`)]).toEqual([
      { transfers: 'active', status: 'active' },
    ]);
  });
});

describe('many events and many pumps (fake Temporal client, fake Stripe)', () => {
  test('three pumps give each of 200 events to one handler, several at once', async () => {
    let atOnce = 0;
    let most = 0;
    temporal.before = async () => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await new Promise((resolve) => setImmediate(resolve));
      atOnce -= 1;
    };
    const ids: string[] = [];
    for (let i = 0; i < 200; i += 1) {
      stripe.intents.set(`pi_${i}`, intent(`pi_${i}`, 'succeeded', { escrow_id: `esc_${i}` }));
      ids.push(await receive('payment_intent.succeeded', `pi_${i}`));
    }
    await pumping(
      async () => {
        for (const id of ids) await until(id, ended);
      },
      {},
      3,
    );
    expect(temporal.sent).toHaveLength(200);
    expect(new Set(temporal.sent.map((s) => s.workflowId)).size).toBe(200);
    expect(most).toBeGreaterThan(1);
    const [{ tries }] = await sql<[{ tries: number }]>`SELECT max(attempts) AS tries FROM stripe_events`;
    expect(tries).toBe(1);
  });

  test('the same event delivered many times at once is one row and one signal', async () => {
    stripe.intents.set('pi_1', intent('pi_1', 'succeeded', { escrow_id: 'esc_1' }));
    await pumping(async () => {
      await Promise.all(
        Array.from({ length: 20 }, () => receive('payment_intent.succeeded', 'pi_1', { id: 'evt_same' })),
      );
      await until('evt_same', ended);
      await receive('payment_intent.succeeded', 'pi_1', { id: 'evt_same' });
      expect((await eventRow('evt_same')).state).toBe('done');
    });
    expect(temporal.sent).toHaveLength(1);
  });

  test('events in the wrong order all say what is true now', async () => {
    stripe.intents.set('pi_1', intent('pi_1', 'succeeded', { escrow_id: 'esc_1' }));
    await pumping(async () => {
      for (const type of ['succeeded', 'processing', 'payment_failed']) {
        await until(await receive(`payment_intent.${type}`, 'pi_1'), ended);
      }
    });
    expect(temporal.sent.map((s) => (s.argument as { status: string }).status)).toEqual([
      'succeeded',
      'succeeded',
      'succeeded',
    ]);
  });
});

describe('what goes wrong (fake Temporal client, fake Stripe)', () => {
  test('delays double to at most 15 minutes, half of each by chance', () => {
    expect([1, 2, 3, 9, 10, 12, 500].map((n) => backoffMs(n, () => 0.999999))).toEqual(
      [2, 4, 8, 512, 900, 900, 900].map((s) => s * 1000),
    );
    expect(backoffMs(1, () => 0)).toBe(1000);
  });

  test('with Temporal down the event waits and is done once it is back', async () => {
    stripe.intents.set('pi_1', intent('pi_1', 'succeeded', { escrow_id: 'esc_1' }));
    temporal.before = () => {
      throw new Error('14 UNAVAILABLE');
    };
    await pumping(async () => {
      const id = await receive('payment_intent.succeeded', 'pi_1');
      const row = await until(id, (r) => r.error !== null);
      expect(row).toMatchObject({ state: 'received', attempts: 1, error: '14 UNAVAILABLE' });
      expect(row.waits_ms).toBeGreaterThan(0);
      // The delay is this process's, the clock is the database's.
      expect(row.waits_ms).toBeLessThanOrEqual(1100);
      temporal.before = () => {};
      expect(await until(id, ended)).toMatchObject({ state: 'done', attempts: 2, error: null });
    });
  });

  test('after its last try an event is parked with an alert, and tried once more when its hour has come', async () => {
    stripe.down = new Error('Stripe is down');
    const id = await receive('payment_intent.succeeded', 'pi_1');
    await sql`UPDATE stripe_events SET attempts = 11`;
    await pumping(async () => {
      const row = await until(id, ended);
      expect(row).toMatchObject({ state: 'parked', attempts: 12 });
      expect(row.error).toContain('Stripe is down');
      expect(row.waits_ms).toBeGreaterThan(3_500_000);
      expect(await alerts()).toEqual([{ kind: 'stripe_event_failing', escrow_id: null }]);
    });
  });

  test('a closed workflow: done where the database holds the same end, parked and alerted where it does not', async () => {
    temporal.closed.add('escrow/esc_1');
    await sql`INSERT INTO movements (id, kind, escrow_id, amount, currency, status, stripe_id)
              VALUES ('pay_1', 'payment', 'esc_1', 100, 'usd', 'succeeded', 'pi_1'),
                     ('pay_2', 'payment', 'esc_1', 100, 'usd', 'canceled', 'pi_2')`;
    for (const [id, payment, status] of [
      ['pi_1', 'pay_1', 'succeeded'],
      ['pi_2', 'pay_2', 'succeeded'],
      ['pi_3', 'pay_3', 'canceled'],
    ] as const) {
      stripe.intents.set(id, intent(id, status, { escrow_id: 'esc_1', payment_id: payment }));
    }
    stripe.refunds.set('re_1', refundOf('re_1', 'failed', 'pi_1', { escrow_id: 'esc_1', refund_id: 'rfd_1' }));
    await pumping(async () => {
      expect((await until(await receive('payment_intent.succeeded', 'pi_1'), ended)).state).toBe('done');
      expect(await until(await receive('payment_intent.succeeded', 'pi_2'), ended)).toMatchObject({
        state: 'parked',
        escrow_id: 'esc_1',
      });
      expect((await until(await receive('payment_intent.canceled', 'pi_3'), ended)).state).toBe('done');
      expect((await until(await receive('refund.failed', 're_1'), ended)).state).toBe('parked');
      expect(await alerts()).toEqual([
        { kind: 'stripe_event_without_workflow', escrow_id: 'esc_1' },
        { kind: 'stripe_event_without_workflow', escrow_id: 'esc_1' },
      ]);
    });
  });

  test('a worker that dies between signal and mark-done: another one signals again after the lease, and one row is done', async () => {
    stripe.intents.set('pi_1', intent('pi_1', 'succeeded', { escrow_id: 'esc_1' }));
    // The dying one: its signal is taken and nothing is heard of it any more.
    let taken: () => void;
    const signalled = new Promise<void>((resolve) => (taken = resolve));
    const dying = fakeTemporal();
    const release: (() => void)[] = [];
    dying.workflow.getHandle = () => ({
      signal: () => {
        taken();
        return new Promise<void>((resolve) => release.push(resolve));
      },
    });
    const id = await receive('payment_intent.succeeded', 'pi_1');
    const dead = await startPump({ ...context(), signals: escrowSignals(dying, 'queue') }, handlers, {
      pollMs: 5000,
      leaseMs: 100,
    });
    await signalled;
    await pumping(async () => {
      expect(await until(id, ended)).toMatchObject({ state: 'done', attempts: 2 });
    });
    expect(temporal.sent).toHaveLength(1);
    // Should it come back after all, it changes nothing.
    release.forEach((resolve) => resolve());
    await dead.stop();
    expect(await eventRow(id)).toMatchObject({ state: 'done', attempts: 2 });
  });

  test('stopping waits for the event in work', async () => {
    stripe.intents.set('pi_1', intent('pi_1', 'succeeded', { escrow_id: 'esc_1' }));
    let began: () => void;
    let go: () => void;
    const inWork = new Promise<void>((resolve) => (began = resolve));
    const gate = new Promise<void>((resolve) => (go = resolve));
    temporal.before = () => {
      began();
      return gate;
    };
    const pump = await startPump(context(), handlers, { pollMs: 50 });
    const id = await receive('payment_intent.succeeded', 'pi_1');
    await inWork;
    const stopped = pump.stop();
    go!();
    await stopped;
    expect((await eventRow(id)).state).toBe('done');
    const late = await receive('payment_intent.succeeded', 'pi_1');
    expect(await eventRow(late)).toMatchObject({ state: 'received', attempts: 0 });
  });
});
