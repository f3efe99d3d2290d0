// What must not matter: an activity that dies between effect and record, and a Stripe whose answers are lost, late or wrong.
// Each leaves one effect, and the books close.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { expectBooksClose } from '../stack/books.ts';
import { control } from '../stack/world.ts';
import { actPath, amountsOf, atBank, intentOf, NO_REMINDERS, paymentsOf, refundsOf, stage, type Stage, submitted, transfersOf, untilMilestone } from './steps.ts'; // prettier-ignore

type Operation = 'payment' | 'transfer' | 'refund';

/** One escrow that is about to move money by one operation, and what must have happened once. */
interface Attempt {
  id: string;
  begin: () => Promise<unknown>;
  closed: () => Promise<void>;
}

async function about(s: Stage, operation: Operation): Promise<Attempt> {
  const { buyer, seller, sellerId } = s;
  if (operation === 'payment') {
    const { id } = await buyer.propose(proposal(sellerId, [10_000], NO_REMINDERS));
    await seller.agree(id);
    const key = randomUUID();
    const pay = () => buyer.post<{ payment: { status: string } }>(`/v1/escrows/${id}/fund`, { payment_method: 'pm_card_visa' }, key); // prettier-ignore
    return {
      id,
      begin: pay,
      closed: async () => {
        const active = await untilStatus(buyer, id, 'active', 120_000);
        expect(amountsOf(active, 'charged', 'held')).toEqual([10_000, 10_000]);
        expect(await paymentsOf(buyer, id)).toHaveLength(1);
        // The call may have been answered with 503; the same key gives what became of it.
        expect(await settledAnswer(pay)).toMatchObject({ status: 200, body: { payment: { status: 'succeeded' } } });
      },
    };
  }
  const escrow = await submitted(s, 10_000);
  const accepts = operation === 'transfer';
  return {
    id: escrow.id,
    begin: () =>
      accepts
        ? buyer.post(actPath(escrow, 0, 'accept'))
        : s.ops.post(actPath(escrow, 0, 'refund'), { reason: 'plans changed' }),
    closed: async () => {
      const done = await untilStatus(buyer, escrow.id, 'completed', 120_000);
      expect(amountsOf(done, 'released', 'refunded', 'held')).toEqual(accepts ? [9000, 0, 0] : [0, 10_000, 0]);
      expect(await transfersOf(buyer, escrow.id)).toHaveLength(accepts ? 1 : 0);
      expect(await refundsOf(buyer, escrow.id)).toHaveLength(accepts ? 0 : 1);
    },
  };
}

/** Asks until the outcome is stored. */
async function settledAnswer<T>(
  call: () => Promise<{ status: number; body: T }>,
): Promise<{ status: number; body: T }> {
  const end = Date.now() + 120_000;
  for (;;) {
    const answer = await call();
    const open = answer.status === 503 || (answer.body as { code?: string }).code === 'idempotency_running';
    if (!open || Date.now() > end) return answer;
    await new Promise((resolve) => {
      setTimeout(resolve, 250);
    });
  }
}

const until = async (what: string, done: () => Promise<boolean> | boolean): Promise<void> => {
  const end = Date.now() + 120_000;
  while (!(await done())) {
    if (Date.now() > end) throw new Error(`${what} did not happen`);
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
};

describe('an activity that dies', () => {
  const CASES = [
    ['payment', 'before_call'],
    ['payment', 'after_effect'],
    ['transfer', 'before_call'],
    ['transfer', 'after_effect'],
    ['transfer', 'after_commit'],
    ['refund', 'before_call'],
    ['refund', 'after_effect'],
    ['refund', 'after_commit'],
  ] as const;
  let armed: string | null = null;
  let s: Stage;
  beforeAll(async () => {
    s = await stage({
      crashPoint: (name) => {
        if (name !== armed) return;
        armed = null;
        throw new Error(`died ${name}`);
      },
    });
  });
  afterAll(() => s.world.stop());

  test('before the call, after its effect or after the commit leaves one effect', async () => {
    const attempts = await Promise.all(CASES.map(([operation]) => about(s, operation)));
    const begun: Promise<unknown>[] = [];
    for (const [i, [operation, point]] of CASES.entries()) {
      armed = point;
      begun.push(attempts[i]!.begin());
      await until(`${operation} ${point}`, () => armed === null);
    }
    await Promise.all(begun);
    for (const attempt of attempts) {
      await attempt.closed();
      await expectBooksClose(s.world, attempt.id);
    }
  });
});

describe('an activity that gives up', () => {
  const CASES = [
    ['payment', 'before_call'],
    ['payment', 'after_effect'],
    ['transfer', 'before_call'],
    ['transfer', 'after_effect'],
    ['refund', 'before_call'],
    ['refund', 'after_effect'],
  ] as const;
  let armed: string | null = null;
  let s: Stage;
  beforeAll(async () => {
    s = await stage({
      crashPoint: (name) => {
        if (name !== armed) return;
        armed = null;
        throw ApplicationFailure.nonRetryable(`gave up ${name}`);
      },
    });
  });
  afterAll(() => s.world.stop());

  test.each(CASES)(
    '%s, %s: ops look, and one effect is found or made when they lift the freeze',
    async (operation, point) => {
      const { buyer, ops } = s;
      const attempt = await about(s, operation);
      armed = point;
      await attempt.begin();
      const frozen = await untilEscrow(buyer, attempt.id, (e) => e.frozen.includes('ops'));
      const { scope, subject } = (frozen['freezes'] as { scope: string; subject: string }[])[0]!;
      await ops.unfreeze(attempt.id, scope === 'milestone' ? subject : undefined);
      if (operation === 'payment') {
        await untilEscrow(buyer, attempt.id, (e) => (e['payments'] as { status: string }[])[0]!.status !== 'creating');
        // Stripe never made it: the buyer pays anew.
        if (point === 'before_call') await buyer.fund(attempt.id);
        const active = await untilStatus(buyer, attempt.id, 'active');
        expect(amountsOf(active, 'charged', 'held')).toEqual([10_000, 10_000]);
      } else await attempt.closed();
      await expectBooksClose(s.world, attempt.id);
    },
  );
});

describe('a Stripe whose answers fail', () => {
  const PATHS: Record<Operation, string> = { payment: '/v1/payment_intents', transfer: '/v1/transfers', refund: '/v1/refunds' }; // prettier-ignore
  const FAULTS = {
    'a connection lost before the effect': { kind: 'drop_before' },
    'an answer lost after the effect': { kind: 'drop_after' },
    'a 500 before the effect': { kind: 'status', status: 500, effect: 'before' },
    'a 500 that is stored after the effect': { kind: 'status', status: 500, effect: 'after' },
    'a 409': { kind: 'status', status: 409 },
    'a 429': { kind: 'status', status: 429 },
    'an answer later than the client waits': { kind: 'delay', effect: 'after', delay_ms: 13_000 },
  };
  let s: Stage;
  beforeAll(async () => {
    s = await stage();
  });
  afterAll(() => s.world.stop());

  const standing = async (): Promise<number> => {
    const answer = await fetch(`${s.world.sandbox.url}/_sandbox/state`);
    return ((await answer.json()) as { faults: unknown[] }).faults.length;
  };

  test(`each of ${Object.keys(FAULTS).length} faults on each kind of movement leaves one effect`, async () => {
    const cases = Object.values(FAULTS).flatMap((fault) => (Object.keys(PATHS) as Operation[]).map((operation) => ({ operation, fault }))); // prettier-ignore
    const attempts: Attempt[] = [];
    for (const { operation } of cases) attempts.push(await about(s, operation));
    const begun: Promise<unknown>[] = [];
    for (const [i, { operation, fault }] of cases.entries()) {
      await control(s.world.sandbox.url, 'faults', { match: { method: 'POST', path: PATHS[operation] }, ...fault, times: 1 }); // prettier-ignore
      begun.push(attempts[i]!.begin());
      await until(`${operation} with ${fault.kind}`, async () => (await standing()) === 0);
    }
    await Promise.all(begun);
    for (const attempt of attempts) await attempt.closed();
    for (const attempt of attempts) await expectBooksClose(s.world, attempt.id);
  });
});

describe('webhooks', () => {
  let s: Stage;
  beforeAll(async () => {
    s = await stage();
  });
  afterAll(() => s.world.stop());

  test('that all come twice, late and in any order change nothing twice', async () => {
    const { world, buyer, seller, ops, sellerId } = s;
    await control(world.sandbox.url, 'webhooks', { duplicate: 1, reorder: 1, delay_ms: 100 });
    const lives = [0, 1, 2].map(async (i) => {
      const { id, milestones } = await buyer.propose(proposal(sellerId, [10_000, 4000], NO_REMINDERS));
      await seller.agree(id);
      await buyer.fund(id, { payment_method: i === 0 ? 'pm_usBankAccount_success' : 'pm_card_threeDSecure2Required' });
      const intent = await intentOf(buyer, id);
      if (i === 1) {
        await atBank(world, intent, { authenticate: false });
        await untilMilestone(buyer, id, 0, 'awaiting_funding');
        await buyer.fund(id, { payment_method: 'pm_card_visa' });
      } else await atBank(world, intent, i === 0 ? { settle: 'succeeded' } : { authenticate: true });
      await untilStatus(buyer, id, 'active');
      await seller.act(id, milestones[0]!.id, 'submit');
      await buyer.act(id, milestones[0]!.id, 'accept');
      await ops.act(id, milestones[1]!.id, 'refund', { reason: 'plans changed' });
      const done = await untilStatus(buyer, id, 'completed');
      expect(amountsOf(done, 'charged', 'released', 'refunded', 'fees', 'held')).toEqual([14_000, 9000, 4000, 1000, 0]);
      expect(await transfersOf(buyer, id)).toHaveLength(1);
      expect(await refundsOf(buyer, id)).toHaveLength(1);
      await expectBooksClose(world, id);
    });
    await Promise.all(lives);
  });
});
