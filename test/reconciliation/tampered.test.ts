// Books that were changed past the product: each side's lie is named; and who may ask for which repair.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect, type Sql } from '../../db/client.ts';
import { castOf, type EscrowObject, fundedEscrow, proposal } from '../stack/api.ts';
import { topUpFloat } from '../stack/books.ts';
import { startWorld, type World } from '../stack/world.ts';
import { expectUnavailable } from '../workflows/steps.ts';
import { dashboard, expectClean, only, reconcile, repair } from './runs.ts';

let world: World;
let owner: Sql;
let as: ReturnType<typeof castOf>;
let escrow: EscrowObject;
beforeAll(async () => {
  world = await startWorld();
  owner = connect(world.ownerUrl, { max: 1 });
  as = castOf(world);
  await topUpFloat(world, 'usd', 500_000n);
  escrow = await fundedEscrow(as.buyer, [as.seller], proposal(as.seller.person.id, [30_000]));
});
afterAll(async () => {
  await owner.end();
  await world.stop();
});

const posting = (key: string, legs: object[], bt: string | null = null) =>
  owner`SELECT ledger_post(${key}, 'by_hand', 'usd', ${owner.json(legs as never)}, NULL, ${bt})`;
const pair = (amount: number) => [
  { account: 'stripe:available', amount: String(amount) },
  { account: 'unexplained', amount: String(-amount) },
];

test('a posting of other figures than Stripe’s is corrected to them', async () => {
  const { id } = (await owner<{ id: string }[]>`SELECT id FROM balance_transactions WHERE type = 'topup'`)[0]!;
  // A second posting of the same balance transaction, which only its kind lets through.
  await posting('more', pair(70), id);
  const { run, found } = await reconcile(as.ops);
  const d = only(found, 'amount_differs');
  expect(d).toMatchObject({ subject: id, amount: { amount: -70, currency: 'usd' }, repairs: ['correct', 'explain'] });
  expect(found.map((each) => each.kind).filter((kind) => kind !== 'invariant')).toEqual(['amount_differs']);
  expect(await repair(as, run, d, 'correct')).toMatchObject({ status: 'executed' });
  await expectClean(as.ops);
});

test('a balance transaction that Stripe does not have, and its posting', async () => {
  await owner`
    INSERT INTO balance_transactions (id, type, source_id, amount, fee, net, currency, status, available_on, created_at)
    VALUES ('txn_forged', 'topup', 'tu_forged', 900, 0, 900, 'usd', 'available', now(), now())`;
  await posting('forged', pair(900), 'txn_forged');
  const { run, found } = await reconcile(as.ops);
  expect(found.map((each) => each.kind)).toEqual(['unknown_to_stripe']);
  const d = found[0]!;
  expect(d).toMatchObject({ subject: 'txn_forged', amount: { amount: -900 }, repairs: ['explain'] });
  expect(await repair(as, run, d, 'explain', 'a drill')).toMatchObject({ outcome: { repaired: 'explained: a drill' } });
  const clean = await expectClean(as.ops);
  expect(clean.figures['explained']).toBe(1);
});

test('money in the ledger that no balance transaction explains is a drift, and alerts', async () => {
  await posting('drift', pair(1));
  const { run, found } = await reconcile(as.ops);
  const d = only(found, 'balance_drift');
  expect(d).toMatchObject({ subject: 'usd', amount: { amount: -1, currency: 'usd' } });
  expect(await world.sql`SELECT detail FROM alerts WHERE kind = 'balance_drift'`).toEqual([{ detail: { run: run.id, currency: 'usd', drift: -1 } }]); // prettier-ignore
  await posting('undrift', pair(-1));
  await expectClean(as.ops);
});

test('a projection behind its workflow is written again; a row that claims to be newer is not believed', async () => {
  const [row] = await owner<{ revision: number }[]>`SELECT revision FROM escrows WHERE id = ${escrow.id}`;
  await owner`UPDATE escrows SET status = 'funding', revision = revision - 1 WHERE id = ${escrow.id}`;
  const { run, found } = await reconcile(as.ops);
  const d = only(found, 'workflow_differs');
  expect(d).toMatchObject({ subject: escrow.id, escrow_id: escrow.id, repairs: ['project_again', 'explain'] });
  expect(await repair(as, run, d, 'project_again')).toMatchObject({ status: 'executed' });
  expect((await as.buyer.escrow(escrow.id)).status).toBe('active');
  await expectClean(as.ops);

  await owner`UPDATE escrows SET status = 'funding', revision = revision + 5 WHERE id = ${escrow.id}`;
  const second = await reconcile(as.ops);
  const newer = only(second.found, 'workflow_differs');
  expect(await repair(as, second.run, newer, 'project_again')).toMatchObject({ status: 'failed', outcome: { code: 'newer_projection' } }); // prettier-ignore
  await owner`UPDATE escrows SET status = 'active', revision = ${row!.revision} WHERE id = ${escrow.id}`;
  await expectClean(as.ops);
});

test('a broken invariant is a difference with its row', async () => {
  await owner`UPDATE charge_funds SET transferred = transferred + 1`;
  const { found } = await reconcile(as.ops);
  const d = only(found, 'invariant');
  expect(d.subject).toMatch(/^4:[0-9a-f]{16}$/);
  expect(d.cause).toContain('Invariant 4 is broken');
  await owner`UPDATE charge_funds SET transferred = transferred - 1`;
  await expectClean(as.ops);
});

test('a repair waits for another of ops, is one of those offered, and is asked for once at a time', async () => {
  await dashboard(world).topups.create({ amount: 700, currency: 'usd' });
  const { run, found } = await reconcile(as.ops);
  const path = `/v1/ops/reconciliations/${run.id}/differences/${found[0]!.n}/repair`;
  const body = { repair: 'post', reason: 'ours' };
  expectUnavailable(await as.ops.post(path, { ...body, repair: 'reverse_transfer' }));
  expect(await as.ops.post(path, { ...body, repair: 'burn' })).toMatchObject({ status: 400 });
  expect(await as.auditor.post(path, body)).toMatchObject({ status: 403 });
  expect(await as.seller.get(`/v1/ops/reconciliations/${run.id}`)).toMatchObject({ status: 403 });
  expect(await as.ops.post(path.replace(/\d+\/repair/, '99/repair'), body)).toMatchObject({ status: 404 });
  const asked = await as.ops.post<{ approval: { id: string } }>(path, body);
  const approval = `/v1/ops/approvals/${asked.body.approval.id}`;
  expect(await as.ops.post(`${approval}/approve`)).toMatchObject({ status: 403 });
  const now = async () => (await as.ops.get<{ data: { status: string }[] }>(`/v1/ops/reconciliations/${run.id}/differences`)).body.data[0]!.status; // prettier-ignore
  expect(await now()).toBe('asked');
  expectUnavailable(await as.ops.post(path, body));
  expect(await as.ops2.post(`${approval}/deny`)).toMatchObject({ status: 200 });
  // Denied: it is open again, and nothing was posted.
  expect(await now()).toBe('open');
  expect(await world.sql`SELECT FROM ledger_transactions WHERE idempotency_key LIKE 'reconciled:%'`).toHaveLength(0);
  expect(await repair(as, run, found[0]!, 'post')).toMatchObject({ status: 'executed' });
  expect(await now()).toBe('repaired');
  expectUnavailable(await as.ops.post(path, body));
  await expectClean(as.ops);
});

test('Stripe out of reach fails no night: the run goes on where it stood once it answers', async () => {
  const { sandbox } = world;
  const fault = { match: { method: 'GET', path: '/v1/balance_transactions' }, kind: 'status', status: 500, effect: 'before', times: 3 }; // prettier-ignore
  const answer = await fetch(`${sandbox.url}/_sandbox/faults`, { method: 'POST', body: JSON.stringify(fault) });
  expect(answer.status).toBe(200);
  await expectClean(as.ops);
});
