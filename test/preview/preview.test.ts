// A dry run against the real thing: what it foretells is what the ledger, Stripe and the escrow then say, to the unit; and
// asking changes no row.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openDebt } from '../../db/debts.ts';
import { newId } from '../../db/ids.ts';
import { entriesOf, post } from '../../db/ledger.ts';
import { legs } from '../../domain/postings.ts';
import { PREVIEWED } from '../../domain/preview.ts';
import {
  type Api,
  castOf,
  type EscrowObject,
  fundedEscrow,
  type MoneyObject,
  proposal,
  untilEscrow,
} from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { startWorld, type World } from '../stack/world.ts';
import { setSellerBalance } from '../recovery/steps.ts';
import { refundsOf, transfersOf } from '../workflows/steps.ts';

interface PreviewObject {
  allowed: boolean;
  refusal: { code: string; detail: string; available_actions: string[] } | null;
  needs: string | null;
  notes: string[];
  postings: { kind: string; legs: { account: string; amount: MoneyObject }[] }[];
  stripe_calls: { call: string; amount: MoneyObject; milestone_id: string | null; subject: string | null }[];
  states: { escrow: string; milestones: { id: string; status: string }[] };
  money_after: Record<string, MoneyObject>;
}

let world: World;
let as: ReturnType<typeof castOf>;
beforeAll(async () => {
  world = await startWorld();
  as = castOf(world);
  await topUpFloat(world, 'usd', 500_000n);
});
afterAll(() => world.stop());

const foretell = async (by: Api, e: EscrowObject, body: object): Promise<PreviewObject> => {
  const answer = await by.post<PreviewObject>(`/v1/escrows/${e.id}/preview`, body);
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  return answer.body;
};
const funded = (seller: Api, amounts: number[], more: object = {}, milestone: object = {}) =>
  fundedEscrow(as.buyer, [seller], proposal(seller.person.id, amounts, more, milestone));

/** Ids of refunds are given out by the command: a preview names its own. */
const anyRefund = (account: string) => account.replace(/^refund:.+/, 'refund');
const sorted = (rows: [string, string, number][]) => rows.map((r) => JSON.stringify(r)).sort();

/** Postings since, but for money that matured by itself. */
async function postedSince(id: string, known: number): Promise<[string, string, number][]> {
  const rows = (await entriesOf(world.sql, id)).filter((r) => r.kind !== 'matured').slice(known);
  return rows.map((r) => [r.kind, anyRefund(r.account), Number(r.amount)]);
}

/** Foretells, does it, waits until it has happened, and holds the one against the other. */
async function holds(by: Api, e: EscrowObject, body: object, act: () => Promise<unknown>): Promise<PreviewObject> {
  const p = await foretell(by, e, body);
  expect([p.allowed, p.refusal, p.needs]).toEqual([true, null, null]);
  const entries = (await entriesOf(world.sql, e.id)).filter((r) => r.kind !== 'matured').length;
  const before = [await transfersOf(as.buyer, e.id), await refundsOf(as.buyer, e.id)];
  await act();
  const states = (x: EscrowObject) => ({
    escrow: x.status,
    milestones: x.milestones.map(({ id, status }) => ({ id, status })),
  });
  const after = await untilEscrow(
    as.buyer,
    e.id,
    (x) =>
      JSON.stringify(states(x)) === JSON.stringify(p.states) &&
      Object.entries(p.money_after).every(([term, { amount }]) => x.money[term]!.amount === amount),
  );
  expect(states(after)).toEqual(p.states);
  await expectBooksClose(world, e.id);
  const foretold = p.postings.flatMap(({ kind, legs: all }) =>
    all.map((l): [string, string, number] => [kind, anyRefund(l.account), l.amount.amount]),
  );
  expect(sorted(await postedSince(e.id, entries))).toEqual(sorted(foretold));
  const amounts = (rows: { amount: MoneyObject }[], known: unknown[]) =>
    rows
      .slice(known.length)
      .map((r) => r.amount.amount)
      .sort((a, b) => a - b);
  const called = (call: string) => p.stripe_calls.filter((c) => c.call === call).map((c) => c.amount.amount).sort((a, b) => a - b); // prettier-ignore
  // Milestones move beside each other: their order is nobody's.
  expect(called('transfers.create')).toEqual(amounts(await transfersOf(as.buyer, e.id), before[0]!));
  expect(called('refunds.create')).toEqual(amounts(await refundsOf(as.buyer, e.id), before[1]!));
  return p;
}

describe('what is foretold happens', () => {
  test('accepting a part, then the rest: odd amounts, both sides paying the fee', async () => {
    const escrow = await funded(as.seller, [33_333], { fee_payer: 'shared' });
    const milestone_id = escrow.milestones[0]!.id;
    await as.seller.act(escrow.id, milestone_id, 'submit');
    await holds(as.buyer, escrow, { action: 'accept', milestone_id, amount: 10_001 }, () =>
      as.buyer.act(escrow.id, milestone_id, 'accept', { amount: 10_001 }),
    );
    const p = await holds(as.buyer, escrow, { action: 'accept', milestone_id }, () =>
      as.buyer.act(escrow.id, milestone_id, 'accept'),
    );
    expect(p.states).toMatchObject({ escrow: 'completed', milestones: [{ status: 'released' }] });
  });

  test('a refund of released money: a part out of the seller’s balance, then the rest, which becomes a debt', async () => {
    const escrow = await funded(as.seller3, [20_011, 5_000], { fee_payer: 'shared' });
    const [milestone_id, other] = escrow.milestones.map((m) => m.id);
    await as.seller3.act(escrow.id, milestone_id!, 'submit');
    await as.buyer.act(escrow.id, milestone_id!, 'accept');
    await untilEscrow(as.buyer, escrow.id, (e) => e.milestones[0]!.status === 'released');
    const ask = { action: 'refund', milestone_id };
    // One side alone: nothing moves before the other confirms.
    expect(await foretell(as.buyer, escrow, ask)).toMatchObject({ allowed: true, needs: 'The other side confirms the refund by the same call.', postings: [] }); // prettier-ignore
    expect(await foretell(as.auditor, escrow, ask)).toMatchObject({ allowed: false, refusal: { code: 'action_not_available' } }); // prettier-ignore
    expect(await foretell(as.ops, escrow, { ...ask, amount: 20_012 })).toMatchObject({ allowed: false, refusal: { code: 'amount_invalid' } }); // prettier-ignore
    await setSellerBalance(world, as.seller3.person.id, 100_000);
    const refund = (amount?: number) =>
      as.ops.act(escrow.id, milestone_id!, 'refund', { amount, reason: 'not as agreed' });
    const part = await holds(as.ops, escrow, { ...ask, amount: 7_003 }, () => refund(7_003));
    expect(part.stripe_calls.map((c) => c.call)).toEqual(['transfers.create_reversal', 'refunds.create']);
    expect(part.notes.join(' ')).toContain('becomes their debt');
    await setSellerBalance(world, as.seller3.person.id, 0);
    const rest = await holds(as.ops, escrow, { ...ask, seller_balances: 'empty' }, () => refund());
    expect(rest.stripe_calls.map((c) => c.call)).toEqual(['refunds.create']);
    expect(rest.states.milestones).toEqual([
      { id: milestone_id, status: 'refunded' },
      { id: other, status: 'funded' },
    ]);
    expect(rest.money_after['owed']!.amount).toBeGreaterThan(0);
    expect(await foretell(as.ops, escrow, ask)).toMatchObject({ allowed: false, refusal: { detail: expect.stringContaining('Nothing of this milestone is left') } }); // prettier-ignore
  });

  test('a refund of a part, then of the rest', async () => {
    const escrow = await funded(as.seller, [10_007], { fee_payer: 'buyer' });
    const milestone_id = escrow.milestones[0]!.id;
    for (const amount of [3_001, undefined]) {
      await holds(as.buyer, escrow, { action: 'refund', milestone_id, amount }, () =>
        as.buyer.act(escrow.id, milestone_id, 'refund', { amount, reason: 'less' }),
      );
    }
  });

  test('a ruling: both legs', async () => {
    const escrow = await funded(as.seller, [20_003], { fee_payer: 'shared' });
    const milestone_id = escrow.milestones[0]!.id;
    const { body: d } = await as.seller.post<{ id: string }>(`/v1/escrows/${escrow.id}/milestones/${milestone_id}/dispute`, { reason: 'unpaid' }); // prettier-ignore
    await as.buyer.post(`/v1/disputes/${d.id}/reply`, { message: 'not done' });
    await as.buyer.post(`/v1/disputes/${d.id}/escalate`);
    const p = await holds(as.ops, escrow, { action: 'rule', milestone_id, seller_amount: 12_002 }, () =>
      as.ops.post(`/v1/disputes/${d.id}/rule`, { seller_amount: 12_002, reason: 'most of it' }),
    );
    expect(p.stripe_calls.map((c) => c.call).sort()).toEqual(['refunds.create', 'transfers.create']);
  });

  test('a release that pays a debt first', async () => {
    const seller = as.seller2;
    const sellerId = seller.person.id;
    const old = await funded(seller, [5_000]);
    const milestoneId = old.milestones[0]!.id;
    await world.sql.begin(async (tx) => {
      await post(tx, {
        key: `test_debt:${milestoneId}`,
        kind: 'dispute_lost',
        currency: 'usd',
        escrowId: old.id,
        legs: legs(
          { account: `seller:${sellerId}:receivable`, amountMinor: 1_234n, milestoneId, sellerId },
          { account: 'dispute_loss', amountMinor: -1_234n, milestoneId },
        ),
      });
      await openDebt(tx, { sellerId, escrowId: old.id, milestoneId, currency: 'usd', amountMinor: 1_234n, cause: { test: '1' }, dedupeKey: newId('debt') }); // prettier-ignore
    });
    const escrow = await funded(seller, [10_000]);
    const milestone_id = escrow.milestones[0]!.id;
    await seller.act(escrow.id, milestone_id, 'submit');
    const p = await foretell(as.buyer, escrow, { action: 'accept', milestone_id });
    expect(p.postings.map((x) => x.kind)).toEqual(['part_accepted', 'debt_recovered', 'transfer']);
    expect(p.stripe_calls).toMatchObject([{ call: 'transfers.create', amount: { amount: 9_000 - 1_234 } }]);
    expect(p.money_after).toMatchObject({ released: { amount: 9_000 }, held: { amount: 0 }, fees: { amount: 1_000 } });
    await as.buyer.act(escrow.id, milestone_id, 'accept');
    const done = await untilEscrow(as.buyer, escrow.id, (x) => x.status === 'completed');
    expect(done.money).toMatchObject(p.money_after);
    expect((await transfersOf(as.buyer, escrow.id)).map((t) => t.amount.amount)).toEqual([7_766]);
  });

  test('a cancellation before work starts: everything goes back', async () => {
    const escrow = await funded(as.seller, [4_000, 6_001]);
    const p = await holds(as.buyer, escrow, { action: 'cancel' }, () => as.buyer.cancel(escrow.id));
    expect(p.states).toMatchObject({
      escrow: 'cancelled',
      milestones: [{ status: 'refunded' }, { status: 'refunded' }],
    });
  });
});

describe('before the money is there', () => {
  test('the last signature agrees, and funding charges, holds and activates; Stripe’s own fee is not foreseen', async () => {
    const proposed = await as.buyer.propose(proposal(as.seller.person.id, [10_000, 5_000], { fee_payer: 'buyer' }));
    const agreed = await foretell(as.seller, proposed, { action: 'agree' });
    expect(agreed).toMatchObject({ allowed: true, needs: null, postings: [], states: { escrow: 'agreed' } });
    expect((await foretell(as.buyer, proposed, { action: 'agree' })).refusal?.code).toBe('action_not_available');
    expect((await as.seller.agree(proposed.id)).status).toBe('agreed');

    const foretold = await foretell(as.buyer, proposed, { action: 'fund' });
    expect(foretold.notes).toEqual([
      expect.stringMatching(/Stripe’s own fee .* only Stripe’s balance transaction tells it/),
    ]);
    expect(foretold.stripe_calls).toMatchObject([{ call: 'payment_intents.create', amount: { amount: 16_500 } }]);
    expect((await as.buyer.escrow(proposed.id)).status).toBe('agreed');
    const { escrow } = await as.buyer.fund(proposed.id);
    expect([foretold.states.escrow, foretold.states.milestones.map((m) => m.status)]).toEqual([escrow.status, escrow.milestones.map((m) => m.status)]); // prettier-ignore
    expect(foretold.money_after).toEqual(escrow.money);
    const own = (account: string) => account.replace(/^charge:.+/, 'charge');
    const apart = (rows: [string, string, number][]) => sorted(rows.filter(([, account]) => !account.startsWith('stripe'))); // prettier-ignore
    const posted = (await entriesOf(world.sql, escrow.id)).map((r): [string, string, number] => [r.kind, own(r.account), Number(r.amount)]); // prettier-ignore
    const expected = foretold.postings.flatMap((p) => p.legs.map((l): [string, string, number] => [p.kind, own(l.account), l.amount.amount])); // prettier-ignore
    expect(apart(expected)).toEqual(apart(posted));
  });
});

describe('nothing happens', () => {
  const TABLES = ['escrows', 'escrow_events', 'milestones', 'movements', 'movement_attempts', 'ledger_transactions', 'ledger_entries', 'ledger_balances', 'idempotency_keys', 'approvals', 'audit_log', 'debts', 'charge_funds', 'alerts', 'notifications']; // prettier-ignore
  const everyRow = async () => {
    const rows = await Promise.all(
      TABLES.map(async (t) => [t, (await world.sql.unsafe(`SELECT md5(coalesce(string_agg(r::text, '|' ORDER BY r::text), '')) AS h FROM ${t} r`))[0]!['h'] as string]), // prettier-ignore
    );
    return Object.fromEntries(rows) as Record<string, string>;
  };

  test('whatever is asked, by whom: no row of any table changes', async () => {
    const escrow = await funded(as.seller, [10_000]);
    await as.seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
    await expectBooksClose(world, escrow.id);
    const before = await everyRow();
    for (const by of [as.buyer, as.seller, as.ops, as.auditor]) {
      for (const action of [...PREVIEWED, 'chargeback']) {
        const more = action === 'rule' ? { seller_amount: 1 } : {};
        const p = await foretell(by, escrow, { action, milestone_id: escrow.milestones[0]!.id, ...more });
        if (p.allowed) continue;
        expect([p.postings, p.stripe_calls, p.states.escrow]).toEqual([[], [], 'active']);
        expect(p.refusal!.detail).toMatch(/\.$/);
        expect(p.money_after).toEqual(escrow.money);
      }
    }
    expect(await everyRow()).toEqual(before);
  });

  test('it says whose yes is missing, and what is not yours stays not found', async () => {
    const escrow = await funded(as.seller, [150_000]);
    const milestone_id = escrow.milestones[0]!.id;
    await as.seller.act(escrow.id, milestone_id, 'start');
    const asked = await foretell(as.buyer, escrow, { action: 'refund', milestone_id });
    expect(asked).toMatchObject({ allowed: true, needs: 'The other side confirms the refund by the same call.', postings: [], stripe_calls: [] }); // prettier-ignore
    expect(await foretell(as.ops, escrow, { action: 'refund', milestone_id })).toMatchObject({ allowed: true, needs: 'Another of ops approves it.', stripe_calls: [{ amount: { amount: 150_000 } }] }); // prettier-ignore
    const over = await foretell(as.ops, escrow, { action: 'refund', milestone_id, amount: 150_001 });
    expect(over.refusal).toMatchObject({ code: 'amount_invalid' });
    expect((await as.buyer2.post(`/v1/escrows/${escrow.id}/preview`, { action: 'cancel' })).status).toBe(404);
    expect((await as.buyer.post(`/v1/escrows/${escrow.id}/preview`, { action: 'accept' })).body).toMatchObject({ code: 'parameter_missing' }); // prettier-ignore
  });
});
