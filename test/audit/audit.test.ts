// The audit log: every command and call leaves a row in its own transaction, the chain seals them later, and whatever
// somebody does to the rows with the triggers off is named by its number.
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import postgres from 'postgres';
import { type AuditRecord, listAudit, record, sealAudit, verifyAudit } from '../../db/audit.ts';
import { connect, type Sql } from '../../db/client.ts';
import { type ApiUnderTest, freshKey, startApi } from '../api/api-under-test.ts';
import { createDatabase, type TestDatabase } from '../stack/database.ts';

describe('what is done is written down', () => {
  let api: ApiUnderTest;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());

  const rows = async (subject: string) => {
    const found = await listAudit(api.sql, 'default', { subject, limit: 100 });
    return found.map((r) => [r.action, r.actor_id, r.outcome]).reverse();
  };

  test('a command with who gave it, its outcome and the hash of what was said, and none of the words', async () => {
    const id = await api.propose();
    const mid = api.workflows.snapshots.get(id)!.milestones[0]!.id;
    const path = `/v1/escrows/${id}/milestones/${mid}/refund`;
    await api.post(path, { body: { amount: 700, reason: 'a secret of mine' } });
    api.workflows.answer = async () => ({ kind: 'refused', refusal: { code: 'action_not_available', message: 'no' } });
    await api.post(path, { as: 'ops', body: { amount: 1, reason: 'again' } });
    api.workflows.answer = null;
    const { buyer, ops } = api.people;
    expect(await rows(id)).toEqual([
      ['escrow.create', buyer.id, 'done'],
      ['escrow.refund', buyer.id, 'done'],
      ['escrow.refund', ops.id, 'refused: action_not_available'],
    ]);
    const reply = await api.get(`/v1/ops/audit?subject=${id}&limit=2`, 'auditor');
    const data = reply.body['data'] as { data: object; request_id: string | null }[];
    expect(reply.body).toMatchObject({ has_more: true, chain: null });
    expect(data[1]!.data).toEqual({ input_sha256: expect.stringMatching(/^[0-9a-f]{64}$/), milestone_id: mid, amount: 700 }); // prettier-ignore
    expect(data[0]!.request_id).toMatch(/^req_/);
    expect(reply.text).not.toContain('secret');
  });

  test('a repetition is no second row', async () => {
    const key = freshKey();
    const body = api.proposal({ external_id: 'audited' });
    const { body: first } = await api.post('/v1/escrows', { key, body });
    await api.post('/v1/escrows', { key, body });
    expect(await rows(first['id'] as string)).toHaveLength(1);
  });

  test('a call without a workflow, also when it is refused', async () => {
    const path = `/v1/ops/approvals/apr_${'0'.repeat(32)}/approve`;
    await api.post(path, { as: 'ops' });
    expect(await rows(`POST ${path}`)).toEqual([['call', api.people.ops.id, 'refused: not_found']]);
  });

  test('ops and auditors read that the chain holds', async () => {
    await sealAudit(api.sql);
    const { body } = await api.get('/v1/ops/audit?verify=true&limit=1', 'auditor');
    expect(body['chain']).toMatchObject({ holds: true, unsealed: 0, broken: null, head: { hash: expect.stringMatching(/^[0-9a-f]{64}$/) } }); // prettier-ignore
    expect((body['data'] as { seal: object }[])[0]!.seal).toMatchObject({
      seq: (body['chain'] as { sealed: number }).sealed,
    });
  });
});

describe('the chain', () => {
  let database: TestDatabase;
  let sql: Sql;
  let owner: postgres.Sql;
  const entry = (n: number): AuditRecord => ({ actor: { id: 'usr_1', role: 'ops' }, action: 'test', subject: `thing_${n}`, outcome: 'done', data: { amount: n } }); // prettier-ignore
  const write = (count: number) =>
    sql.begin(async (tx) => {
      for (let n = 1; n <= count; n += 1) await record(tx, entry(n));
    });

  beforeAll(async () => {
    database = await createDatabase();
    sql = connect(database.appUrl, { max: 6 });
    owner = postgres(database.ownerUrl, { max: 1, onnotice: () => {} });
    await write(5);
    await sealAudit(sql);
  });
  afterAll(async () => {
    await Promise.all([sql.end({ timeout: 5 }), owner.end({ timeout: 5 })]);
    await database.drop();
  });

  /** With the triggers off, as whoever owns the database could: on copies that are put back afterwards. */
  async function whenTampered(change: (tx: postgres.TransactionSql) => Promise<unknown>) {
    const tables = ['audit_log', 'audit_seals'];
    const each = (statement: (table: string) => string) =>
      owner.begin(async (tx) => {
        for (const table of tables) await tx.unsafe(statement(table));
      });
    await each((t) => `CREATE TABLE kept_${t} AS TABLE ${t}`);
    await each((t) => `ALTER TABLE ${t} DISABLE TRIGGER USER`);
    await owner.begin(change);
    const { broken, holds } = await verifyAudit(sql);
    await each((t) => `DELETE FROM ${t}`);
    await each((t) => `INSERT INTO ${t} ${t === 'audit_log' ? 'OVERRIDING SYSTEM VALUE' : ''} TABLE kept_${t}`);
    await each((t) => `ALTER TABLE ${t} ENABLE TRIGGER USER`);
    await each((t) => `DROP TABLE kept_${t}`);
    expect(holds).toBe(broken === null);
    return broken;
  }

  test('holds, and goes on with what is written later, also by two sealers at once', async () => {
    expect(await verifyAudit(sql)).toMatchObject({ holds: true, sealed: 5, unsealed: 0, head: { seq: 5 } });
    await write(1200);
    expect(await verifyAudit(sql)).toMatchObject({ holds: true, sealed: 5, unsealed: 1200 });
    await Promise.all([sealAudit(sql), sealAudit(sql), sealAudit(sql)]);
    expect(await verifyAudit(sql)).toMatchObject({ holds: true, sealed: 1205, unsealed: 0, head: { seq: 1205 } });
  });

  test('has one sealer at a time: the second waits, then finds nothing left', async () => {
    await write(3);
    const sealed = (await verifyAudit(sql)).head!.seq;
    const patient = connect(database.appUrl, { max: 2, statementTimeoutMs: 100_000 });
    try {
      // No seal can be written while the owner holds the table, so that both sealers have begun before either has written.
      const sealers = await owner.begin(async (tx) => {
        await tx`LOCK TABLE audit_seals IN SHARE MODE`;
        const both = Promise.allSettled([sealAudit(patient), sealAudit(patient)]);
        for (let waiting = 0; waiting < 2; await delay(5)) {
          const [locks] = await sql<{ waiting: bigint }[]>`
            SELECT count(*) AS waiting FROM pg_locks JOIN pg_database d ON d.oid = database
            WHERE NOT granted AND datname = current_database()`;
          waiting = Number(locks!.waiting);
        }
        return { both };
      });
      const answers = await sealers.both;
      expect(new Set(answers.map((a) => (a.status === 'fulfilled' ? a.value : String(a.reason))))).toEqual(new Set([0, 3])); // prettier-ignore
    } finally {
      await patient.end({ timeout: 5 });
    }
    expect(await verifyAudit(sql)).toMatchObject({ holds: true, sealed: sealed + 3, unsealed: 0 });
  });

  test('seals an entry that committed after a later one', async () => {
    let commit = () => {};
    const waiting = new Promise<void>((resolve) => (commit = resolve));
    let inserted = () => {};
    const isInserted = new Promise<void>((resolve) => (inserted = resolve));
    const slow = sql.begin(async (tx) => {
      await record(tx, entry(1));
      inserted();
      await waiting;
    });
    await isInserted;
    await write(1);
    expect(await sealAudit(sql)).toBe(1);
    commit();
    await slow;
    expect(await sealAudit(sql)).toBe(1);
    expect(await verifyAudit(sql)).toMatchObject({ holds: true, unsealed: 0 });
  });

  test('names the row whose words, amount or time was changed', async () => {
    for (const change of [
      `subject = 'thing_9'`,
      `data = '{"amount": 4000}'`,
      `at = at + interval '1 microsecond'`,
      `actor_id = NULL`,
    ]) {
      // prettier-ignore
      const broken = await whenTampered((tx) => tx.unsafe(`UPDATE audit_log SET ${change} WHERE id = 3`));
      expect([change, broken]).toEqual([
        change,
        { seq: 3, entry_id: 3, why: 'the entry was changed after it was sealed' },
      ]);
    }
  });

  test('names a row that is gone, a seal that is gone, and two that changed places', async () => {
    const gone = await whenTampered((tx) => tx`DELETE FROM audit_log WHERE id = 4`);
    expect(gone).toEqual({ seq: 4, entry_id: 4, why: 'the entry is gone' });
    const both = await whenTampered(async (tx) => {
      await tx`DELETE FROM audit_log WHERE id = 2`;
      await tx`DELETE FROM audit_seals WHERE seq = 2`;
    });
    expect(both).toMatchObject({ seq: 3, why: expect.stringContaining('is gone') as unknown });
    const swapped = await whenTampered(
      (tx) => tx`UPDATE audit_log a SET data = b.data FROM audit_log b WHERE (a.id, b.id) IN ((2, 3), (3, 2))`,
    );
    expect(swapped).toMatchObject({ seq: 2 });
  });

  test('names an entry that was put in with an old date, and a head that was noted before the chain was made anew', async () => {
    const late = await whenTampered(
      (tx) => tx`INSERT INTO audit_log (at, action, outcome) VALUES (now() - interval '1 day', 'test', 'done')`,
    );
    expect(late).toMatchObject({ seq: null, why: expect.stringContaining('not sealed') as unknown });
    const { head } = await verifyAudit(sql);
    expect(await verifyAudit(sql, head!)).toMatchObject({ holds: true });
    expect((await verifyAudit(sql, { seq: 2, hash: head!.hash })).broken).toMatchObject({ seq: 2, why: expect.stringContaining('anew') as unknown }); // prettier-ignore
    expect((await verifyAudit(sql, { seq: head!.seq + 1, hash: head!.hash })).broken?.why).toBe('the chain is shorter than it was'); // prettier-ignore
  });

  test('is not to be changed by the application, nor by its owner while the triggers are on', async () => {
    await expect(sql`UPDATE audit_log SET outcome = 'never'`).rejects.toThrow('permission denied');
    await expect(sql`DELETE FROM audit_seals`).rejects.toThrow('permission denied');
    for (const table of ['audit_log', 'audit_seals']) {
      await expect(owner.unsafe(`DELETE FROM ${table}`)).rejects.toThrow('append-only');
      await expect(owner.unsafe(`TRUNCATE ${table}`)).rejects.toThrow('append-only');
    }
    await expect(owner`UPDATE audit_log SET outcome = 'never'`).rejects.toThrow('append-only');
  });
});
