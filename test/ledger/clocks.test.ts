// The clock of the machine that runs a process goes ten minutes wrong, either way: locks, leases and ends of time are the
// database's, so nothing is let in early and nothing kept out. (Timers of an escrow are the workflow's own time.)
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Tx } from '../../db/client.ts';
import { decide } from '../../db/approvals.ts';
import { claimKey } from '../../db/idempotency.ts';
import { claimDue, storeEvents } from '../../db/inbox-queue.ts';
import { type Book, newKey, openBook } from './book.ts';

let book: Book;
beforeAll(async () => {
  book = await openBook();
  await book.owner`INSERT INTO people (id, email, name, role) VALUES ('usr_a', 'a@example.test', 'A', 'ops'), ('usr_b', 'b@example.test', 'B', 'ops')`;
});
afterAll(() => book.close());

const MINUTE = 60_000;
const realNow = Date.now;
afterEach(() => {
  Date.now = realNow;
  jest.restoreAllMocks();
});

describe.each([10, -10])('%i minutes off', (minutes) => {
  const wrong = () => jest.spyOn(Date, 'now').mockImplementation(() => realNow() + minutes * MINUTE);

  test('a command that runs keeps its key, and one whose holder died is taken over', async () => {
    const request = (key: string, lockMs: number) => ({ ownerId: 'o', key, route: 'r', bodyHash: 'h', updateId: 'u', ids: {}, command: null, lockMs }); // prettier-ignore
    const [running, left] = [newKey(), newKey()];
    await claimKey(book.app, request(running, MINUTE));
    await claimKey(book.app, request(left, 0));
    wrong();
    const answer = await claimKey(book.app, request(running, MINUTE));
    expect(answer).toMatchObject({ kind: 'running' });
    // What the caller is told stays within reason.
    expect((answer as { retryAfterSeconds: number }).retryAfterSeconds).toBeLessThanOrEqual(30);
    expect(await claimKey(book.app, request(left, MINUTE))).toMatchObject({ kind: 'run' });
  });

  test('an event in work is nobody else’s, and one that is due is taken', async () => {
    const event = (id: string) => ({ id, type: 'x', objectId: null, account: null, livemode: false, apiVersion: null, body: '{}' }); // prettier-ignore
    const [first, second] = [`evt_${newKey()}`, `evt_${newKey()}`];
    await storeEvents(book.app, [event(first)]);
    expect((await claimDue(book.app, 10, 5 * MINUTE)).map((e) => e.id)).toContain(first);
    wrong();
    await storeEvents(book.app, [event(second)]);
    expect((await claimDue(book.app, 10, 5 * MINUTE)).map((e) => e.id)).toEqual([second]);
  });

  test('an approval is open exactly until its time', async () => {
    const ask = async (ends: string): Promise<string> => {
      const id = `apr_${newKey()}`;
      await book.owner`
        INSERT INTO approvals (id, kind, params, params_hash, requested_by, expires_at)
        VALUES (${id}, 'refund', '{}', encode(sha256(${id}::bytea), 'hex'), 'usr_a', now() + ${ends}::interval)`;
      return id;
    };
    const [open, over] = [await ask('1 minute'), await ask('-1 minute')];
    wrong();
    const decided = (id: string) => book.app.begin((tx) => decide(tx as Tx, id, 'usr_b', 'approved'));
    expect(await decided(over)).toBeNull();
    expect(await decided(open)).toMatchObject({ status: 'approved' });
  });
});
