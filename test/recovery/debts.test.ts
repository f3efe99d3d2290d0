// Sellers' debts: opened by a refund that their balance does not cover, netted from their next releases, repaid, written off.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Tx } from '../../db/client.ts';
import { writeOff } from '../../db/debts.ts';
import { watchDebts } from '../../worker/debts.ts';
import { type Api, castOf, type EscrowObject, fundedEscrow, proposal } from '../stack/api.ts';
import { topUpFloat } from '../stack/books.ts';
import { recordHistory } from '../stack/record-history.ts';
import { startWorld, type World } from '../stack/world.ts';
import { amountsOf, statusesOf } from '../workflows/steps.ts';
import { type Cast, debtsOf, expectSound, movementsOf, refundBy, releasedEscrow, setSellerBalance, untilMoney } from './steps.ts'; // prettier-ignore

let world: World;
let cast: Cast;
beforeAll(async () => {
  world = await startWorld();
  cast = castOf(world);
  await topUpFloat(world, 'usd', 1_000_000n);
});
afterAll(() => world.stop());

/** A released escrow whose refund its seller's balance covers only so far. */
async function indebted(
  who: 'seller' | 'seller2' | 'seller3',
  amount: number,
  balance: number,
  released?: EscrowObject,
): Promise<EscrowObject> {
  const escrow = released ?? (await releasedEscrow(cast, [amount], {}, who));
  await setSellerBalance(world, cast[who].person.id, balance);
  expect((await refundBy(cast.ops, escrow)).status).toBe(200);
  const owed = amount * 0.9 - balance;
  await untilMoney(cast, escrow.id, { refunded: amount, owed, released: owed, fees: 0, held: 0 });
  await expectSound(world, cast, escrow.id);
  return escrow;
}

interface DebtObject {
  id: string;
  status: string;
  open: { amount: number };
  recovered: { amount: number };
  reminders: number;
  write_off_proposed_at: string | null;
}

describe('netting', () => {
  test('whole and in part, oldest first, across escrows: nothing left to transfer means no transfer', async () => {
    const { seller, ops } = cast;
    // Released before there is any debt: else the one would pay for the other.
    const released = await releasedEscrow(cast, [2000]);
    const first = await indebted('seller', 10_000, 0);
    const second = await indebted('seller', 2000, 800, released);
    expect((await debtsOf(world, seller.person.id)).map((d) => d.amount)).toEqual([1000n, 9000n]);

    // 4500 of the older debt: released without a transfer.
    const paying = await releasedEscrow(cast, [5000]);
    expect(statusesOf(paying)).toEqual(['released']);
    expect(amountsOf(paying, 'released', 'fees', 'held')).toEqual([4500, 500, 0]);
    expect(await movementsOf(world, paying.id, 'transfer')).toEqual([]);
    await untilMoney(cast, first.id, { owed: 4500, released: 4500 });
    await expectSound(world, cast, first.id, second.id, paying.id);

    // The rest of it, the second debt, and what is left goes to the seller.
    const rest = await releasedEscrow(cast, [3000, 7000]);
    expect(amountsOf(rest, 'released', 'fees')).toEqual([9000, 1000]);
    const transferred = (await movementsOf(world, rest.id, 'transfer')).reduce((sum, t) => sum + t.amount, 0n);
    expect(transferred).toBe(3500n);
    for (const e of [first, second]) await untilMoney(cast, e.id, { owed: 0, released: 0 });
    expect((await debtsOf(world, seller.person.id)).map((d) => d.status)).toEqual(['recovered', 'recovered']);
    await expectSound(world, cast, first.id, second.id, paying.id, rest.id);

    // What paid debts was never transferred, so a refund of it is owed anew.
    expect((await refundBy(ops, paying)).status).toBe(200);
    await untilMoney(cast, paying.id, { refunded: 5000, owed: 4500, released: 4500, fees: 0 });
    await expectSound(world, cast, first.id, paying.id);
  });

  test('two releases at once share one debt: it is taken once', async () => {
    const { seller2 } = cast;
    const debtor = await indebted('seller2', 6000, 0);
    const paying = await Promise.all([0, 1].map(() => releasedEscrow(cast, [4000], {}, 'seller2')));
    const transfers = await Promise.all(paying.map((e) => movementsOf(world, e.id, 'transfer')));
    // 3600 twice, 5400 of it for the debt.
    expect(transfers.flat().reduce((sum, t) => sum + t.amount, 0n)).toBe(1800n);
    await untilMoney(cast, debtor.id, { owed: 0, released: 0 });
    expect(await debtsOf(world, seller2.person.id)).toMatchObject([{ recovered: 5400n, status: 'recovered' }]);
    await expectSound(world, cast, debtor.id, ...paying.map((e) => e.id));
  });
});

test('reminded each month, a write-off proposed at the third, and done by two of ops; shown as in debt until then', async () => {
  const { seller3, ops, ops2, buyer } = cast;
  const statusOf = async () => (await seller3.get<{ status: string; debt: object[] }>(`/v1/sellers/${seller3.person.id}`)).body; // prettier-ignore
  expect(await statusOf()).toMatchObject({ status: 'active', debt: [] });
  const escrow = await indebted('seller3', 3000, 0);
  expect(await statusOf()).toMatchObject({ status: 'in_debt', debt: [{ amount: 2700, currency: 'usd' }] });
  // What the seller earns next says so to the seller, and to nobody else's eyes.
  const next = await fundedEscrow(buyer, [seller3], proposal(seller3.person.id, [100]));
  const why = async (api: Api) => (await api.get<{ milestones: { summary: string }[] }>(`/v1/escrows/${next.id}/explanation`)).body.milestones[0]!.summary; // prettier-ignore
  expect(await why(seller3)).toContain('that the seller owes from before');
  expect(await why(ops)).toContain('that the seller owes from before');
  expect(await why(buyer)).not.toContain('owes');

  const options = { taskQueue: world.taskQueue, remindEveryMs: 400 };
  const { id } = (await debtsOf(world, seller3.person.id)).find((d) => d.status === 'open')!;
  await watchDebts(world.sql, world.client, options);
  expect(await watchDebts(world.sql, world.client, options)).toBe(0);
  const debtNow = async () => (await ops.get<{ data: DebtObject[] }>('/v1/ops/debts?status=open')).body.data.find((d) => d.id === id); // prettier-ignore
  const end = Date.now() + 120_000;
  while (!(await debtNow())?.write_off_proposed_at) {
    if (Date.now() > end) throw new Error('no write-off is proposed');
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
  expect((await debtNow())!.reminders).toBeGreaterThanOrEqual(3);
  expect(await world.sql`SELECT FROM alerts WHERE kind = 'write_off_proposed' AND detail ->> 'debt_id' = ${id}`).toHaveLength(1); // prettier-ignore
  const reminded = await world.sql`SELECT FROM notifications WHERE person_id = ${seller3.person.id} AND kind = 'debt_reminder'`; // prettier-ignore
  expect(reminded.length).toBeGreaterThanOrEqual(3);

  const asked = await ops.post<{ approval: { id: string } }>(`/v1/ops/debts/${id}/write-off`, { reason: 'ninety days' }); // prettier-ignore
  expect(asked.status).toBe(202);
  const approve = `/v1/ops/approvals/${asked.body.approval.id}/approve`;
  expect((await ops.post(approve)).status).toBe(403);
  expect(await ops2.post(approve)).toMatchObject({ status: 200, body: { status: 'executed' } });
  expect(await statusOf()).toMatchObject({ status: 'active', debt: [] });
  expect(await world.client.workflow.getHandle(`debt/${id}`).result()).toBe('written_off');
  await recordHistory(world, `debt/${id}`, 'debt-written-off');
  await untilMoney(cast, escrow.id, { owed: 0, absorbed: 2700, refunded: 3000 });
  await expectSound(world, cast, escrow.id);
});

describe('without a release', () => {
  test('repaid in two, each once; the seller sees what is open', async () => {
    const { seller3, ops, auditor } = cast;
    const escrow = await indebted('seller3', 10_000, 1000);
    const { body: list } = await auditor.get<{ data: DebtObject[] }>('/v1/ops/debts?status=open');
    const debt = list.data[0]!;
    expect(debt).toMatchObject({ status: 'open', open: { amount: 8000 }, seller_id: seller3.person.id });
    const { body: balance } = await seller3.get<{ debts: DebtObject[]; balances: { debt: { amount: number } }[] }>(`/v1/sellers/${seller3.person.id}/balance`); // prettier-ignore
    expect([balance.debts.map((d) => d.id), balance.balances[0]!.debt.amount]).toEqual([[debt.id], 8000]);
    const path = `/v1/ops/debts/${debt.id}/repay`;
    expect((await seller3.post(path, { reference: 'x' })).status).toBe(403);
    expect(await ops.post(path, { amount: 8001, reference: 'wire 1' })).toMatchObject({ status: 400, body: { code: 'amount_invalid' } }); // prettier-ignore
    const first = await ops.post<DebtObject>(path, { amount: 3000, reference: 'wire 1' }, 'repay-1');
    expect(first).toMatchObject({ status: 200, body: { status: 'open', open: { amount: 5000 } } });
    expect((await ops.post<DebtObject>(path, { amount: 3000, reference: 'wire 1' }, 'repay-1')).body).toEqual(first.body); // prettier-ignore
    await untilMoney(cast, escrow.id, { owed: 5000, released: 5000 });
    await expectSound(world, cast, escrow.id);
    expect((await ops.post<DebtObject>(path, { reference: 'wire 2' })).body).toMatchObject({ status: 'repaid', recovered: { amount: 8000 } }); // prettier-ignore
    expect((await ops.post(path, { reference: 'wire 3' })).status).toBe(409);
    await untilMoney(cast, escrow.id, { owed: 0, released: 0, refunded: 10_000 });
    await expectSound(world, cast, escrow.id);
  });

  test('written off by an approval: the platform bears it, once', async () => {
    const { seller3 } = cast;
    const escrow = await indebted('seller3', 3000, 0);
    const debt = (await debtsOf(world, seller3.person.id)).find((d) => d.status === 'open')!;
    const approval = { approvalId: 'apr_1', reason: 'gone' };
    for (const _ of [1, 2]) {
      expect(await world.sql.begin((tx) => writeOff(tx as Tx, debt.id, approval))).toMatchObject({ status: 'written_off', written_off: 2700n }); // prettier-ignore
    }
    await untilMoney(cast, escrow.id, { owed: 0, absorbed: 2700, released: 2700, refunded: 3000 });
    await expectSound(world, cast, escrow.id);
  });
});
