// A chargeback that is only asked about, held against one that then happens: whose loss, postings, reversals, debts, states.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { entriesOf } from '../../db/ledger.ts';
import { decide, ended, openDispute } from '../chargebacks/acts.ts';
import { setSellerBalance } from '../recovery/steps.ts';
import { type Api, castOf, type EscrowObject, fundedEscrow, type MoneyObject, proposal, untilEscrow } from '../stack/api.ts'; // prettier-ignore
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { startWorld, type World } from '../stack/world.ts';
import { actPath } from '../workflows/steps.ts';

interface Foretold {
  allowed: boolean;
  refusal: { code: string; detail: string } | null;
  notes: string[];
  losses: Record<'amount' | 'unreleased' | 'fees_returned' | 'reversed' | 'owed' | 'platform', MoneyObject>[];
  postings: { kind: string; legs: { account: string; amount: MoneyObject }[] }[];
  stripe_calls: { call: string; amount: MoneyObject }[];
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

const ask = (by: Api, e: EscrowObject, more: object = {}) => by.post<Foretold>(`/v1/escrows/${e.id}/preview`, { action: 'chargeback', ...more }); // prettier-ignore
async function foretell(e: EscrowObject, more: object = {}): Promise<Foretold> {
  const { body } = await ask(as.ops, e, more);
  expect([body.allowed, body.refusal]).toEqual([true, null]);
  for (const l of body.losses) expect(l.unreleased.amount + l.fees_returned.amount + l.reversed.amount + l.owed.amount + l.platform.amount).toBe(l.amount.amount); // prettier-ignore
  return body;
}
const ofSellers = (sellers: Api[], amount: number, more: object = {}) =>
  fundedEscrow(as.buyer, sellers, { ...proposal('', [], more), milestones: sellers.map((s, i) => ({ title: `Part ${i}`, amount, seller_id: s.person.id })) }); // prettier-ignore
async function release(e: EscrowObject, index: number, by: Api, amount?: number): Promise<void> {
  await by.post(actPath(e, index, 'submit'));
  await as.buyer.act(e.id, e.milestones[index]!.id, 'accept', amount === undefined ? {} : { amount });
  await untilEscrow(as.buyer, e.id, (now) => now.milestones[index]!.released.amount > 0);
}

/** What names a dispute or its place at Stripe, and its fee, is the real one's own. */
const comparable = (rows: [string, string, number][]): string[] => {
  const sums = new Map<string, number>();
  for (const [kind, account, amount] of rows) {
    if (account === 'dispute_fees' || account.startsWith('stripe:')) continue;
    const key = `${kind} ${account.replace(/^dispute:.+/, 'dispute')}`;
    sums.set(key, (sums.get(key) ?? 0) + amount);
  }
  return [...sums].filter(([, amount]) => amount !== 0).map((row) => row.join(' ')).sort(); // prettier-ignore
};

/** Foretells, disputes, decides, and holds the one against the other. */
async function holds(e: EscrowObject, more: { amount?: number; outcome?: 'won' | 'lost'; seller_balances?: 'empty' }): Promise<Foretold> {
  const p = await foretell(e, more);
  const known = (await entriesOf(world.sql, e.id)).filter((r) => r.kind !== 'matured').length;
  const dispute = await openDispute(world, as.buyer, e, more.amount === undefined ? {} : { amount: more.amount });
  // What is taken back while the bank decides is on hold before it has decided.
  const takesBack = more.outcome === 'won' && p.stripe_calls.length > 0;
  const released = p.money_after['released']!.amount;
  if (takesBack) await untilEscrow(as.buyer, e.id, (x) => x.money['released']!.amount < released);
  await decide(world, dispute, more.outcome === 'won' ? 'winning_evidence' : 'losing_evidence');
  await ended(world, dispute);
  const states = (x: EscrowObject) => ({ escrow: x.status, milestones: x.milestones.map(({ id, status }) => ({ id, status })) }); // prettier-ignore
  const after = await untilEscrow(as.buyer, e.id, (x) => x.frozen.length === 0 && JSON.stringify(states(x)) === JSON.stringify(p.states) && x.money['released']!.amount === p.money_after['released']!.amount); // prettier-ignore
  expect(after.money).toMatchObject(p.money_after);
  await expectBooksClose(world, e.id);
  const posted = (await entriesOf(world.sql, e.id)).filter((r) => r.kind !== 'matured').slice(known);
  const foretold = p.postings.flatMap(({ kind, legs }) => legs.map((l): [string, string, number] => [kind, l.account, l.amount.amount])); // prettier-ignore
  expect(comparable(posted.map((r) => [r.kind, r.account, Number(r.amount)]))).toEqual(comparable(foretold));
  return p;
} // prettier-ignore

describe('what is foretold of a chargeback happens', () => {
  test('won: taken, given back, and nothing else', async () => {
    const escrow = await ofSellers([as.seller], 10_000);
    const p = await holds(escrow, { outcome: 'won' });
    expect([p.losses, p.stripe_calls, p.money_after]).toEqual([[], [], escrow.money]);
    expect(p.notes.join(' ')).toMatch(/fee .* only Stripe’s balance transaction tells it, and the platform bears it/);
  });

  test('won, where the terms take released money back when it opens: taken back, and paid again, all of it', async () => {
    const policy = { policy: { clawback: 'at_opening' } };
    const escrow = await ofSellers([as.seller, as.seller2], 10_003, policy);
    await release(escrow, 0, as.seller);
    await setSellerBalance(world, as.seller.person.id, 100_000);
    const p = await holds(escrow, { outcome: 'won' });
    expect(p.stripe_calls.map((c) => c.call)).toEqual(['transfers.create_reversal', 'transfers.create']);
    expect(p.stripe_calls[0]!.amount).toEqual(p.stripe_calls[1]!.amount);
    expect([p.losses, p.money_after]).toEqual([[], (await as.buyer.escrow(escrow.id)).money]);
    // Where nothing can be taken back, nothing is to be paid again.
    const other = await ofSellers([as.seller], 10_003, policy);
    await release(other, 0, as.seller);
    expect((await foretell(other, { outcome: 'won', seller_balances: 'empty' })).stripe_calls).toEqual([]);
  });

  test('a part of it lost over a released, a half accepted and an untouched milestone: odd amounts', async () => {
    const escrow = await ofSellers([as.seller, as.seller2, as.seller3], 10_007, { fee_payer: 'shared' });
    await release(escrow, 0, as.seller);
    await release(escrow, 1, as.seller2, 3_001);
    await setSellerBalance(world, as.seller.person.id, 100_000);
    await setSellerBalance(world, as.seller2.person.id, 100_000);
    const p = await holds(escrow, { amount: 20_011 });
    expect(p.losses.reduce((sum, l) => sum + l.amount.amount, 0)).toBe(20_011);
    expect(p.stripe_calls.map((c) => c.call)).toContain('transfers.create_reversal');
  });

  test('the whole lost after completion, with nothing at the seller’s: a debt, and the escrow stays completed', async () => {
    const escrow = await ofSellers([as.seller2], 9_999);
    await release(escrow, 0, as.seller2);
    await setSellerBalance(world, as.seller2.person.id, 0);
    const p = await holds(escrow, { seller_balances: 'empty' });
    expect([p.states.escrow, p.stripe_calls, p.losses[0]!.reversed.amount]).toEqual(['completed', [], 0]);
    expect(p.losses[0]!.owed.amount).toBe(p.money_after['owed']!.amount);
    const again = await ask(as.ops, escrow);
    expect(again.body.refusal).toMatchObject({ code: 'action_not_available', detail: expect.stringMatching(/already/) as unknown }); // prettier-ignore
  });
});

test('asked of what cannot be, or by whom it does not concern: refused with the reason', async () => {
  const escrow = await ofSellers([as.seller], 10_000);
  expect((await ask(as.auditor, escrow)).body.allowed).toBe(true);
  for (const by of [as.buyer, as.seller]) expect((await ask(by, escrow)).body.refusal!.detail).toMatch(/Only staff/);
  expect((await ask(as.ops, escrow, { amount: 10_001 })).body.refusal!.code).toBe('amount_invalid');
  expect((await ask(as.ops, escrow, { milestone_ids: ['ms_none'] })).body.refusal!.detail).toMatch(/did not pay for/);
  expect((await ask(as.ops, escrow, { payment_id: 'pay_none' })).status).toBe(404);
  const unpaid = await as.buyer.propose(proposal(as.seller.person.id, [1_000]));
  expect((await ask(as.ops, unpaid)).body.refusal!.detail).toMatch(/Nothing was charged/);
});
