// Four eyes on the real server: what one of ops asks for, another approves; exactly that is done, once, or nothing is.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import postgres from 'postgres';
import { sweepApprovals } from '../../api/approvals.ts';
import type { EscrowWorkflows } from '../../api/workflow-port.ts';
import { openDebt } from '../../db/debts.ts';
import { newId } from '../../db/ids.ts';
import { post } from '../../db/ledger.ts';
import { legs } from '../../domain/postings.ts';
import { type Api, castOf, type EscrowObject, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { expectBooksClose, topUpFloat } from '../stack/books.ts';
import { recordEscrow } from '../stack/record-history.ts';
import { setTransfers, startWorld, type World } from '../stack/world.ts';
import { accountOf, amountsOf, expectUnavailable, refundsOf, statusesOf, untilSeller } from '../workflows/steps.ts';

interface Asked {
  approval: { id: string; status: string; expires_at: string };
}
interface ApprovalObject {
  id: string;
  kind: string;
  status: string;
  params: Record<string, unknown>;
  params_hash: string;
  requested_by: string;
  approved_by: string | null;
  outcome: Record<string, unknown> | null;
}

/** Above APPROVAL_LIMIT_REFUND, and above APPROVAL_LIMIT_RULING. */
const LARGE = 150_000;
const HUGE = 600_000;

let world: World;
let as: ReturnType<typeof castOf>;
let owner: postgres.Sql;
beforeAll(async () => {
  world = await startWorld();
  as = castOf(world);
  owner = postgres(world.ownerUrl, { max: 1, onnotice: () => {} });
  await topUpFloat(world, 'usd', 2_000_000n);
});
afterAll(async () => {
  await owner.end();
  await world.stop();
});

const funded = (amounts: number[], more: object = {}): Promise<EscrowObject> =>
  fundedEscrow(as.buyer, [as.seller], proposal(as.seller.person.id, amounts, more));
const on = (e: EscrowObject, action: string, index = 0) => `/v1/escrows/${e.id}/milestones/${e.milestones[index]!.id}/${action}`; // prettier-ignore
const read = async (id: string): Promise<ApprovalObject> => {
  const { body } = await as.auditor.get<{ data: ApprovalObject[] }>('/v1/ops/approvals?limit=100');
  return body.data.find((a) => a.id === id)!;
};
const approve = (by: Api, id: string, body: object = {}, key?: string) =>
  by.post<ApprovalObject>(`/v1/ops/approvals/${id}/approve`, body, key);

async function asks(by: Api, path: string, body: object): Promise<string> {
  const answer = await by.post<Asked>(path, body);
  expect([answer.status, answer.body.approval?.status]).toEqual([202, 'pending']);
  return answer.body.approval.id;
}

/** As a superuser of the database would, past every trigger. */
async function asOwner(change: (tx: postgres.TransactionSql) => Promise<unknown>): Promise<void> {
  await owner.begin(async (tx) => {
    await tx`ALTER TABLE approvals DISABLE TRIGGER USER`;
    await change(tx);
    await tx`ALTER TABLE approvals ENABLE TRIGGER USER`;
  });
}

describe('a refund by ops', () => {
  test('below the limit is done at once', async () => {
    const escrow = await funded([20_000]);
    const answer = await as.ops.post(on(escrow, 'refund'), { amount: 5_000, reason: 'goodwill' });
    expect(answer.status).toBe(200);
    await untilEscrow(as.buyer, escrow.id, (e) => amountsOf(e, 'refunded')[0] === 5_000);
  });

  test('over it waits for another of ops; who asked cannot approve, and nothing moves before', async () => {
    const escrow = await funded([LARGE]);
    const id = await asks(as.ops, on(escrow, 'refund'), { reason: 'the seller is gone' });
    expect(await asks(as.ops2, on(escrow, 'refund'), { reason: 'the seller is gone' })).toBe(id);
    expect(await read(id)).toMatchObject({
      kind: 'refund',
      status: 'pending',
      requested_by: as.ops.person.id,
      params: { command: 'refund', milestone_id: escrow.milestones[0]!.id, amount: LARGE, currency: 'usd' },
    });
    expect((await approve(as.ops, id)).status).toBe(403);
    for (const other of [as.buyer, as.seller, as.auditor]) expect((await approve(other, id)).status).toBe(403);
    expect(await refundsOf(as.buyer, escrow.id)).toEqual([]);
    expect(statusesOf(await as.buyer.escrow(escrow.id))).toEqual(['funded']);

    const done = await approve(as.ops2, id);
    expect([done.status, done.body.status, done.body.approved_by]).toEqual([200, 'executed', as.ops2.person.id]);
    const end = await untilStatus(as.buyer, escrow.id, 'completed');
    expect(amountsOf(end, 'refunded', 'held')).toEqual([LARGE, 0]);
    await expectBooksClose(world, escrow.id);
  });

  test('approved twice at once, and again later, is carried out once', async () => {
    const escrow = await funded([LARGE * 2]);
    const id = await asks(as.ops, on(escrow, 'refund'), { amount: LARGE, reason: 'half of it' });
    const answers = await Promise.all([approve(as.ops2, id), approve(as.ops2, id), approve(as.ops2, id)]);
    expect(answers.filter((a) => a.status === 200).length).toBeGreaterThanOrEqual(1);
    for (const a of answers) if (a.status !== 200) expect(a).toMatchObject({ status: 409, body: { code: 'approval_closed' } }); // prettier-ignore
    expect((await approve(as.ops2, id)).status).toBe(409);
    const after = await untilEscrow(as.buyer, escrow.id, (e) => amountsOf(e, 'refunded')[0] === LARGE);
    expect(await refundsOf(as.buyer, escrow.id)).toHaveLength(1);
    expect(amountsOf(after, 'held')).toEqual([LARGE]);
  });

  test('denied, nothing happens, and it is not approved any more', async () => {
    const escrow = await funded([LARGE]);
    const id = await asks(as.ops, on(escrow, 'refund'), { reason: 'a mistake' });
    expect((await as.ops.post(`/v1/ops/approvals/${id}/deny`)).status).toBe(403);
    expect(await as.ops2.post(`/v1/ops/approvals/${id}/deny`)).toMatchObject({
      status: 200,
      body: { status: 'denied' },
    });
    expect((await approve(as.ops2, id)).body).toMatchObject({ code: 'approval_closed' });
    expect(await refundsOf(as.buyer, escrow.id)).toEqual([]);
  });

  test('that the state forbids asks nobody; one that it forbids meanwhile fails, and says why', async () => {
    const escrow = await funded([LARGE]);
    const id = await asks(as.ops, on(escrow, 'refund'), { reason: 'late' });
    await as.seller.act(escrow.id, escrow.milestones[0]!.id, 'submit');
    await as.buyer.act(escrow.id, escrow.milestones[0]!.id, 'accept');
    const late = await approve(as.ops2, id);
    expect(late.body).toMatchObject({ status: 'failed', outcome: { detail: expect.stringContaining("milestone") as unknown } }); // prettier-ignore
    const done = await untilStatus(as.buyer, escrow.id, 'completed');
    expect(amountsOf(done, 'refunded')).toEqual([0]);
    expectUnavailable(await as.ops.post(`/v1/escrows/${escrow.id}/cancel`, { reason: 'too late' }));
  });
});

describe('the request is bound to its parameters', () => {
  test('another hash than the one that was read is refused, and parameters changed behind its back too', async () => {
    const escrow = await funded([LARGE]);
    const id = await asks(as.ops, on(escrow, 'refund'), { amount: LARGE, reason: 'bound' });
    const { params_hash } = await read(id);
    expect((await approve(as.ops2, id, { params_hash: '0'.repeat(64) })).body).toMatchObject({
      code: 'approval_changed',
    });
    await asOwner((tx) => tx`UPDATE approvals SET params = params || '{"amount": 1}' WHERE id = ${id}`);
    expect((await approve(as.ops2, id)).body).toMatchObject({ code: 'approval_changed' });
    expect((await read(id)).status).toBe('pending');
    await asOwner((tx) => tx`UPDATE approvals SET params = params || ${tx.json({ amount: LARGE })} WHERE id = ${id}`);
    expect(await refundsOf(as.buyer, escrow.id)).toEqual([]);
    expect((await approve(as.ops2, id, { params_hash })).body.status).toBe('executed');
  });

  test('the database itself refuses one who approves their own, a change, an early end and a way back', async () => {
    const escrow = await funded([LARGE]);
    const id = await asks(as.ops, on(escrow, 'refund'), { reason: 'held by the database' });
    const { sql } = world;
    const [me, other] = [as.ops.person.id, as.ops2.person.id];
    await expect(sql`UPDATE approvals SET status = 'approved', approved_by = ${me} WHERE id = ${id}`).rejects.toThrow('another_approves'); // prettier-ignore
    await expect(sql`UPDATE approvals SET requested_by = ${other} WHERE id = ${id}`).rejects.toThrow('does not change');
    await expect(sql`UPDATE approvals SET params = '{}' WHERE id = ${id}`).rejects.toThrow('does not change');
    await expect(sql`UPDATE approvals SET expires_at = now() + interval '1 year' WHERE id = ${id}`).rejects.toThrow('does not change'); // prettier-ignore
    await expect(sql`UPDATE approvals SET status = 'executed' WHERE id = ${id}`).rejects.toThrow('does not become executed'); // prettier-ignore
    await expect(sql`DELETE FROM approvals WHERE id = ${id}`).rejects.toThrow('permission denied');
    await as.ops2.post(`/v1/ops/approvals/${id}/deny`);
    await expect(sql`UPDATE approvals SET status = 'pending', denied_by = NULL WHERE id = ${id}`).rejects.toThrow('does not become pending'); // prettier-ignore
  });
});

describe('time and death', () => {
  const context = () => world.commands;

  const withoutAnswers = (workflows: EscrowWorkflows): EscrowWorkflows =>
    Object.assign(Object.create(workflows) as EscrowWorkflows, {
      execute: async (...call: Parameters<EscrowWorkflows['execute']>) => {
        await workflows.execute(...call);
        throw new Error('the connection was cut');
      },
    });

  test('an expired request is refused, by the clock and after the sweep, and can be asked anew', async () => {
    const escrow = await funded([LARGE]);
    const id = await asks(as.ops, on(escrow, 'refund'), { reason: 'slow' });
    await asOwner((tx) => tx`UPDATE approvals SET expires_at = now() - interval '1 second' WHERE id = ${id}`);
    expect((await approve(as.ops2, id)).body).toMatchObject({ code: 'approval_closed' });
    expect(await sweepApprovals(context())).toBeGreaterThanOrEqual(1);
    expect((await read(id)).status).toBe('expired');
    expect((await approve(as.ops2, id)).body).toMatchObject({ code: 'approval_closed' });
    expect(await asks(as.ops, on(escrow, 'refund'), { reason: 'slow' })).not.toBe(id);
    expect(await refundsOf(as.buyer, escrow.id)).toEqual([]);
  });

  test('what somebody approved and did not live to carry out is carried out by the sweep, once', async () => {
    const escrow = await funded([LARGE]);
    const id = await asks(as.ops, on(escrow, 'refund'), { reason: 'interrupted' });
    await world.sql`UPDATE approvals SET status = 'approved', approved_by = ${as.ops2.person.id}, decided_at = now() - interval '1 minute' WHERE id = ${id}`; // prettier-ignore
    // The escrow has done it, and its answer gets lost: the next one must find what was done, not ask for it anew.
    await sweepApprovals({ ...context(), workflows: withoutAnswers(context().workflows) });
    expect((await read(id)).status).toBe('approved');
    await untilStatus(as.buyer, escrow.id, 'completed');
    await Promise.all([sweepApprovals(context()), sweepApprovals(context())]);
    expect((await read(id)).status).toBe('executed');
    await untilStatus(as.buyer, escrow.id, 'completed');
    expect(await refundsOf(as.buyer, escrow.id)).toHaveLength(1);
    await expectBooksClose(world, escrow.id);
  });

  test('what was changed after somebody approved it is not carried out', async () => {
    const escrow = await funded([LARGE]);
    const id = await asks(as.ops, on(escrow, 'refund'), { amount: LARGE - 1, reason: 'changed in between' });
    await asOwner(async (tx) => {
      await tx`UPDATE approvals SET status = 'approved', approved_by = ${as.ops2.person.id}, decided_at = now() - interval '1 minute' WHERE id = ${id}`;
      await tx`UPDATE approvals SET params = params || ${tx.json({ amount: LARGE })} WHERE id = ${id}`;
    });
    await sweepApprovals(context());
    expect(await refundsOf(as.buyer, escrow.id)).toEqual([]);
    expect((await read(id)).status).toBe('approved');
    await asOwner(
      (tx) => tx`UPDATE approvals SET params = params || ${tx.json({ amount: LARGE - 1 })} WHERE id = ${id}`,
    );
    await sweepApprovals(context());
    expect((await read(id)).status).toBe('executed');
    expect((await refundsOf(as.buyer, escrow.id)).map((r) => r.amount.amount)).toEqual([LARGE - 1]);
  });
});

describe('what else two people decide', () => {
  test('a ruling over the limit', async () => {
    const escrow = await funded([HUGE]);
    const { body: dispute } = await as.buyer.post<{ id: string }>(on(escrow, 'dispute'), { reason: 'not delivered' });
    await as.seller.post(`/v1/disputes/${dispute.id}/reply`, { message: 'it was' });
    await as.seller.post(`/v1/disputes/${dispute.id}/escalate`);
    const id = await asks(as.ops, `/v1/disputes/${dispute.id}/rule`, { seller_amount: HUGE / 2, reason: 'half each' });
    expect((await as.buyer.get<{ status: string }>(`/v1/disputes/${dispute.id}`)).body.status).toBe('mediation');
    expect((await approve(as.ops2, id)).body.status).toBe('executed');
    const done = await untilStatus(as.buyer, escrow.id, 'completed');
    expect(amountsOf(done, 'released', 'refunded', 'fees')).toEqual([270_000, 300_000, 30_000]);
    expect((await as.buyer.get(`/v1/disputes/${dispute.id}`)).body).toMatchObject({ outcome: { how: 'ruled', by: as.ops.person.id } }); // prettier-ignore
    await expectBooksClose(world, escrow.id);
  });

  test('a cancellation of an active escrow', async () => {
    const escrow = await funded([5_000, 5_000]);
    await as.seller.act(escrow.id, escrow.milestones[0]!.id, 'start');
    const id = await asks(as.ops, `/v1/escrows/${escrow.id}/cancel`, { reason: 'both are gone' });
    expect((await as.buyer.escrow(escrow.id)).status).toBe('active');
    expect((await approve(as.ops2, id)).body.status).toBe('executed');
    const done = await untilStatus(as.buyer, escrow.id, 'cancelled');
    expect(amountsOf(done, 'refunded', 'held')).toEqual([10_000, 0]);
    await expectBooksClose(world, escrow.id);
  });

  test('a forced decision, only over money that was held for almost too long', async () => {
    const escrow = await funded([5_000, 7_000]);
    const [first, second] = escrow.milestones;
    const path = `/v1/ops/escrows/${escrow.id}/force-decision`;
    const release = { milestone_id: first!.id, decision: 'release', reason: 'nobody answers' };
    expectUnavailable(await as.ops.post(path, release));
    await world.sql`UPDATE movements SET created_at = now() - interval '701 days' WHERE escrow_id = ${escrow.id} AND kind = 'payment'`; // prettier-ignore
    const released = await asks(as.ops, path, release);
    const refunded = await asks(as.ops, path, {
      milestone_id: second!.id,
      decision: 'refund',
      reason: 'nobody answers',
    });
    for (const id of [released, refunded]) expect((await approve(as.ops2, id)).body.status).toBe('executed');
    const done = await untilStatus(as.buyer, escrow.id, 'completed');
    expect(statusesOf(done)).toEqual(['released', 'refunded']);
    expect(amountsOf(done, 'released', 'refunded', 'fees')).toEqual([4_500, 7_000, 500]);
    await expectBooksClose(world, escrow.id);
  });

  test('accepted money of a seller who never got verified: given back whole, fees with it', async () => {
    const { seller2 } = as;
    const account = await accountOf(world, seller2.person.id);
    await setTransfers(world.sandbox.url, account, 'inactive');
    await untilSeller(world, seller2.person.id, 'inactive');
    const body = proposal(seller2.person.id, [10_000], { fee_payer: 'shared' });
    const escrow = await fundedEscrow(as.buyer, [seller2], body);
    await seller2.act(escrow.id, escrow.milestones[0]!.id, 'submit');
    await as.buyer.act(escrow.id, escrow.milestones[0]!.id, 'accept');
    const blocked = await untilEscrow(as.buyer, escrow.id, (e) => statusesOf(e)[0] === 'blocked_kyc');
    expect(amountsOf(blocked, 'held', 'fees')).toEqual([9_500, 1_000]);
    const path = `/v1/ops/escrows/${escrow.id}/force-decision`;
    const decision = { milestone_id: escrow.milestones[0]!.id, decision: 'refund', reason: 'never verified' };
    expectUnavailable(await as.ops.post(path, decision));
    await world.sql`UPDATE movements SET created_at = now() - interval '701 days' WHERE escrow_id = ${escrow.id} AND kind = 'payment'`; // prettier-ignore
    expectUnavailable(await as.ops.post(path, { ...decision, decision: 'release' }));
    const id = await asks(as.ops, path, decision);
    expect(statusesOf(await as.buyer.escrow(escrow.id))).toEqual(['blocked_kyc']);
    expect((await approve(as.ops2, id)).body.status).toBe('executed');
    const done = await untilStatus(as.buyer, escrow.id, 'completed');
    expect(statusesOf(done)).toEqual(['refunded']);
    expect(amountsOf(done, 'charged', 'refunded', 'released', 'fees', 'held')).toEqual([10_500, 10_500, 0, 0, 0]);
    await expectBooksClose(world, escrow.id);
    await recordEscrow(world, escrow.id, 'never-verified-refunded');
    await setTransfers(world.sandbox.url, account, 'active');
    await untilSeller(world, seller2.person.id, 'active');
  });

  test('a release by hand: delivered work alone, and over its limit by two', async () => {
    const escrow = await funded([LARGE + 1, 5_000]);
    const [large, small] = escrow.milestones;
    const path = `/v1/ops/escrows/${escrow.id}/release`;
    const by = (m: { id: string }) => ({ milestone_id: m.id, reason: 'the buyer said yes on the phone' });
    expectUnavailable(await as.ops.post(path, by(small!)));
    for (const m of [large!, small!]) await as.seller.act(escrow.id, m.id, 'submit');
    expect((await as.buyer.post(path, by(small!))).status).toBe(403);
    const key = 'release-by-hand';
    expect((await as.ops.post(path, by(small!), key)).status).toBe(200);
    const first = await untilEscrow(as.buyer, escrow.id, (e) => statusesOf(e)[1] === 'released');
    expect(statusesOf(first)).toEqual(['submitted', 'released']);
    expect((await as.ops.post(path, by(small!), key)).status).toBe(200);
    const id = await asks(as.ops, path, by(large!));
    expect(await read(id)).toMatchObject({ kind: 'release', params: { amount: LARGE + 1 } });
    expect((await approve(as.ops2, id)).body.status).toBe('executed');
    const done = await untilStatus(as.buyer, escrow.id, 'completed');
    expect(amountsOf(done, 'released', 'held')).toEqual([LARGE + 5_001 - 15_500, 0]);
    await expectBooksClose(world, escrow.id);
  });

  test('a write-off, always', async () => {
    const escrow = await funded([5_000]);
    const milestoneId = escrow.milestones[0]!.id;
    const sellerId = as.seller.person.id;
    const debt = await world.sql.begin(async (tx) => {
      await post(tx, {
        key: `test_debt:${milestoneId}`,
        kind: 'dispute_lost',
        currency: 'usd',
        escrowId: escrow.id,
        legs: legs(
          { account: `seller:${sellerId}:receivable`, amountMinor: 700n, milestoneId, sellerId },
          { account: 'dispute_loss', amountMinor: -700n, milestoneId },
        ),
      });
      return openDebt(tx, { sellerId, escrowId: escrow.id, milestoneId, currency: 'usd', amountMinor: 700n, cause: { test: '1' }, dedupeKey: newId('debt') }); // prettier-ignore
    });
    const id = await asks(as.ops, `/v1/ops/debts/${debt.id}/write-off`, { reason: 'insolvent' });
    const status = async () => (await world.sql<{ status: string }[]>`SELECT status FROM debts WHERE id = ${debt.id}`)[0]!.status; // prettier-ignore
    expect(await status()).toBe('open');
    expect((await approve(as.ops2, id)).body).toMatchObject({ status: 'executed', outcome: { status: 'written_off' } });
    expect(await status()).toBe('written_off');
    expectUnavailable(await as.ops.post(`/v1/ops/debts/${debt.id}/write-off`, { reason: 'again' }));
  });

  test('another payout schedule of a seller, who asks for it', async () => {
    const { seller } = as;
    const path = `/v1/sellers/${seller.person.id}/payout-schedule`;
    expect((await as.seller2.post(path, { interval: 'daily' })).status).toBe(404);
    const id = await asks(seller, path, { interval: 'weekly', weekly_anchor: 'friday' });
    expect((await approve(as.ops, id)).body.status).toBe('executed');
    const { body } = await seller.get<{ stripe_account_id: string }>(`/v1/sellers/${seller.person.id}`);
    const account = await fetch(`${world.sandbox.url}/v1/accounts/${body.stripe_account_id}`, { headers: { authorization: 'Bearer sk_test_sandbox' } }); // prettier-ignore
    expect(await account.json()).toMatchObject({ settings: { payouts: { schedule: { interval: 'weekly', weekly_anchor: 'friday' } } } }); // prettier-ignore
  });
});
