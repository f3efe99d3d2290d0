// Random sequences over the pure core, no HTTP: whatever happens in whatever order, the books balance, no status goes
// backwards, and a replayed request changes nothing.
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';

import { StripeMachine } from '../../sandbox/stripe/core/machine.ts';
import type { Answer, Request } from '../../sandbox/stripe/core/machine.ts';
import { openDispute } from '../../sandbox/stripe/core/disputes.ts';
import { text } from '../../sandbox/stripe/core/json.ts';
import { StripeError } from '../../sandbox/stripe/core/errors.ts';
import { failPayout } from '../../sandbox/stripe/core/payouts.ts';
import { PLATFORM } from '../../sandbox/stripe/core/world.ts';

const START = Date.UTC(2026, 0, 5, 12);
const HOUR = 3_600_000;

type Step =
  | { do: 'pay'; amount: number; currency: string; method: string }
  | { do: 'transfer'; nth: number; share: number; fromSource: boolean }
  | { do: 'reverse'; nth: number; share: number }
  | { do: 'refund'; nth: number; share: number }
  | { do: 'dispute'; nth: number; share: number; inquiry: boolean }
  | { do: 'evidence'; nth: number; text: string }
  | { do: 'closeDispute'; nth: number }
  | { do: 'payout'; amount: number }
  | { do: 'failPayout'; nth: number }
  | { do: 'topup'; amount: number }
  | { do: 'replay'; nth: number }
  | { do: 'clock'; hours: number };

const nth = fc.nat(20);
const share = fc.integer({ min: 1, max: 130 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('pay' as const),
      amount: fc.integer({ min: 2, max: 900 }).map((n) => n * 100),
      currency: fc.constantFrom('usd', 'usd', 'usd', 'eur', 'jpy', 'sek', 'kwd'),
      method: fc.constantFrom(
        'pm_card_visa',
        'pm_card_visa',
        'pm_card_bypassPending',
        'pm_card_chargeDeclined',
        'pm_card_createDispute',
        'pm_card_pendingRefund',
        'pm_card_refundFail',
        'pm_usBankAccount_success',
        'pm_usBankAccount_accountClosed',
        'pm_disputed_at',
      ),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('transfer' as const), nth, share, fromSource: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('reverse' as const), nth, share }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('refund' as const), nth, share }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('dispute' as const), nth, share, inquiry: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('evidence' as const),
      nth,
      text: fc.constantFrom('winning_evidence', 'losing_evidence', 'the goods were delivered'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('closeDispute' as const), nth }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('payout' as const), amount: fc.integer({ min: 1, max: 50_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('failPayout' as const), nth }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('topup' as const), amount: fc.integer({ min: 100, max: 100_000 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('replay' as const), nth }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('clock' as const), hours: fc.integer({ min: 1, max: 24 * 20 }) }),
  },
);

/** Which statuses may follow which; anything else is a status going backwards. */
const FORWARD: Record<string, Record<string, readonly string[]>> = {
  payment_intent: {
    requires_payment_method: ['requires_confirmation', 'processing', 'succeeded', 'canceled', 'requires_action'],
    processing: ['succeeded', 'requires_payment_method'],
    succeeded: [],
  },
  charge: { pending: ['succeeded', 'failed'], succeeded: [], failed: [] },
  refund: { pending: ['succeeded', 'failed'], succeeded: ['failed'], failed: [] },
  dispute: {
    needs_response: ['under_review', 'lost'],
    under_review: ['won', 'lost'],
    warning_needs_response: ['warning_under_review', 'warning_closed'],
    warning_under_review: ['warning_closed'],
    won: [],
    lost: [],
    warning_closed: [],
  },
  payout: { pending: ['paid', 'failed'], paid: ['failed'], failed: [] },
  balance_transaction: { pending: ['available'], available: [] },
};

class Run {
  readonly machine = new StripeMachine({ seed: 7 });
  now = START;
  private keys = 0;
  private readonly seen: { request: Request; answer: Answer }[] = [];
  private readonly statuses = new Map<string, string>();
  readonly seller: string;

  constructor() {
    this.machine.begin(START);
    const account = this.post('/v1/accounts', {
      type: 'custom',
      country: 'US',
      capabilities: { transfers: { requested: 'true' } },
      tos_acceptance: { date: '1', ip: '127.0.0.1' },
      external_account: { object: 'bank_account', account_number: '000123456789' },
    });
    this.seller = text(account.body.id) ?? '';
    // Paid out by hand only, so that the random payouts are the only ones on most runs.
    this.post(`/v1/accounts/${this.seller}`, { settings: { payouts: { schedule: { interval: 'weekly' } } } });
  }

  post(path: string, params: Request['params'], account: string | null = null): Answer {
    this.keys += 1;
    const request: Request = { method: 'POST', path, params, idempotencyKey: `k${this.keys}`, account };
    const answer = this.machine.handle(request, this.now);
    this.seen.push({ request, answer });
    return answer;
  }

  pick(table: 'charge' | 'transfer' | 'dispute' | 'payout', index: number) {
    const rows = [...this.machine.world.store.all(table)].filter((row) => row._account === PLATFORM);
    return rows.length === 0 ? undefined : rows[index % rows.length];
  }

  take(step: Step): void {
    const part = (whole: unknown, percent: number): string =>
      String(Math.max(1, Math.floor((Number(whole) * percent) / 100)));
    switch (step.do) {
      case 'pay':
        this.post('/v1/payment_intents', {
          amount: String(step.amount),
          currency: step.currency,
          confirm: 'true',
          payment_method: step.method,
          automatic_payment_methods: { enabled: 'true', allow_redirects: 'never' },
        });
        return;
      case 'transfer': {
        const charge = this.pick('charge', step.nth);
        if (!charge) return;
        const settled = this.machine.world.store.get('balance_transaction', text(charge.balance_transaction) ?? '');
        this.post('/v1/transfers', {
          amount: part(settled?.amount ?? charge.amount, step.share),
          currency: settled?.currency ?? 'usd',
          destination: this.seller,
          ...(step.fromSource ? { source_transaction: charge.id } : {}),
        });
        return;
      }
      case 'reverse': {
        const transfer = this.pick('transfer', step.nth);
        if (transfer)
          this.post(`/v1/transfers/${transfer.id}/reversals`, { amount: part(transfer.amount, step.share) });
        return;
      }
      case 'refund': {
        const charge = this.pick('charge', step.nth);
        if (charge) this.post('/v1/refunds', { charge: charge.id, amount: part(charge.amount, step.share) });
        return;
      }
      case 'dispute': {
        const charge = this.pick('charge', step.nth);
        if (!charge) return;
        this.quietly(() =>
          this.machine.control(this.now, (world) =>
            openDispute(world, charge.id, {
              reason: 'fraudulent',
              inquiry: step.inquiry,
              amount: Math.max(1, Math.floor((charge.amount * Math.min(step.share, 100)) / 100)),
            }),
          ),
        );
        return;
      }
      case 'evidence': {
        const dispute = this.pick('dispute', step.nth);
        if (dispute) this.post(`/v1/disputes/${dispute.id}`, { evidence: { uncategorized_text: step.text } });
        return;
      }
      case 'closeDispute': {
        const dispute = this.pick('dispute', step.nth);
        if (dispute) this.post(`/v1/disputes/${dispute.id}/close`, {});
        return;
      }
      case 'payout':
        this.post('/v1/payouts', { amount: String(step.amount), currency: 'usd' });
        return;
      case 'failPayout': {
        const payout = this.pick('payout', step.nth);
        if (payout)
          this.quietly(() => this.machine.control(this.now, (world) => failPayout(world, payout.id, 'account_closed')));
        return;
      }
      case 'topup':
        this.post('/v1/topups', { amount: String(step.amount), currency: 'usd' });
        return;
      case 'replay':
        this.replay(step.nth);
        return;
      case 'clock':
        this.now += step.hours * HOUR;
        this.machine.tick(this.now);
    }
  }

  private quietly(work: () => unknown): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof StripeError)) throw error;
    }
  }

  /** The same request under the same key within the day: the same answer, and nothing moves. */
  private replay(index: number): void {
    const recent = this.seen.filter(({ answer }) => answer.headers['original-request'] !== undefined);
    const found = recent[index % Math.max(1, recent.length)];
    if (!found) return;
    const stored = this.machine.world.store.get('answer', `${PLATFORM}:${found.request.idempotencyKey ?? ''}`);
    if (!stored || this.now - stored._at >= 24 * HOUR) return;
    this.machine.tick(this.now);
    const before = this.picture();
    const again = this.machine.handle(found.request, this.now);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.status).toBe(found.answer.status);
    expect(again.body).toEqual(found.answer.body);
    expect(again.events).toEqual([]);
    expect(this.picture()).toEqual(before);
  }

  private picture(): Record<string, unknown> {
    const { store } = this.machine.world;
    return {
      balances: [...store.all('balance_row')],
      counts: [
        'charge',
        'refund',
        'transfer',
        'transfer_reversal',
        'dispute',
        'payout',
        'event',
        'balance_transaction',
      ].map((table) => store.count(table as 'charge')),
    };
  }

  /** Everything that must hold after each step, computed afresh from the records; one expectation, for speed. */
  check(): void {
    const { store } = this.machine.world;
    const wrong: string[] = [];
    const must = (holds: boolean, what: string): void => {
      if (!holds) wrong.push(what);
    };
    const sums = new Map<string, { available: number; pending: number }>();
    let between = 0;
    for (const t of store.all('balance_transaction')) {
      must(t.net === t.amount - t.fee, `${t.id}: net is amount - fee`);
      must((t.status === 'pending') === t.available_on * 1000 > this.now, `${t.id}: ${t.status} by its available_on`);
      const key = `${t._account}:${t.currency}`;
      const sum = sums.get(key) ?? { available: 0, pending: 0 };
      if (t.status === 'pending') sum.pending += t.net;
      else sum.available += t.net;
      sums.set(key, sum);
      if (t._internal) between += t.net;
    }
    must(between === 0, `transfers and their mirrors differ by ${between}`);
    for (const row of store.all('balance_row')) {
      const sum = sums.get(row.id) ?? { available: 0, pending: 0 };
      must(row.available === sum.available && row.pending === sum.pending, `${row.id}: balance is the sum`);
    }
    for (const charge of store.all('charge')) {
      const live = store.by('refund', 'charge', charge.id).filter((refund) => refund.status !== 'failed');
      const refunded = live.reduce((sum, refund) => sum + refund.amount, 0);
      must(charge.amount_refunded === refunded, `${charge.id}: amount_refunded is its refunds`);
      must(refunded <= charge.amount_captured, `${charge.id}: refunded within captured`);
      const settled = charge.balance_transaction
        ? store.get('balance_transaction', charge.balance_transaction)
        : undefined;
      const used = store.by('transfer', 'source_transaction', charge.id).reduce((sum, each) => sum + each.amount, 0);
      must(used <= (settled?.amount ?? charge.amount), `${charge.id}: transfers within the charge`);
    }
    for (const transfer of store.all('transfer')) {
      const all = store.by('transfer_reversal', 'transfer', transfer.id);
      const reversed = all.reduce((sum, reversal) => sum + reversal.amount, 0);
      must(
        transfer.amount_reversed === reversed && reversed <= transfer.amount,
        `${transfer.id}: reversed within itself`,
      );
      must(transfer.reversed === (reversed === transfer.amount), `${transfer.id}: the flag says so`);
    }
    for (const dispute of store.all('dispute'))
      must(dispute._transactions.length <= 2, `${dispute.id}: two transactions`);
    for (const [table, next] of Object.entries(FORWARD)) {
      for (const record of store.all(table as 'charge')) {
        const before = this.statuses.get(record.id);
        const forward =
          before === undefined || before === record.status || (next[before] ?? [record.status]).includes(record.status);
        must(forward, `${record.id}: ${before ?? ''} to ${record.status}`);
        this.statuses.set(record.id, record.status);
      }
    }
    expect(wrong).toEqual([]);
  }
}

test('2,000 random sequences keep the books, the order of statuses and idempotency', () => {
  const done = new Set<string>();
  fc.assert(
    fc.property(fc.array(step, { minLength: 4, maxLength: 28 }), (steps) => {
      const run = new Run();
      for (const one of steps) {
        run.take(one);
        run.check();
        done.add(one.do);
      }
      for (const kind of ['refund', 'dispute', 'payout', 'transfer_reversal'] as const) {
        for (const record of run.machine.world.store.all(kind))
          done.add(`${kind}:${text((record as { status?: string }).status) ?? 'made'}`);
      }
    }),
    { numRuns: 2000, seed: 20_260_105 },
  );
  // The sequences did reach what they are for.
  for (const reached of [
    'refund:failed',
    'refund:pending',
    'dispute:won',
    'dispute:lost',
    'dispute:warning_closed',
    'payout:paid',
    'payout:failed',
    'transfer_reversal:made',
    'replay',
  ]) {
    expect(done).toContain(reached);
  }
}, 400_000);

test('the same seed and requests give the same state, to the last id', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 4, maxLength: 15 }), (steps) => {
      const [one, two] = [new Run(), new Run()].map((run) => {
        for (const each of steps) run.take(each);
        return [...run.machine.world.store.snapshot()];
      });
      expect(one).toEqual(two);
    }),
    { numRuns: 60, seed: 7 },
  );
});
