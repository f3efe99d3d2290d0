// From a command to the mail in a real SMTP server: queued with the change or not at all, sent once, chosen by the person.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pino from 'pino';
import { findOrMakeDispute, remindOfEvidence, settleEvidenceDue } from '../../db/card-disputes.ts';
import { queueMessages } from '../../db/messages.ts';
import { DAY_MS } from '../../domain/periods.ts';
import { type MailerParts, type MailTransport, sendDue, startMailer } from '../../worker/mailer.ts';
import { smtpTransport } from '../../worker/smtp.ts';
import { type Api, castOf, fundedEscrow, proposal, untilEscrow } from '../stack/api.ts';
import { actPath } from '../workflows/steps.ts';
import { startWorld, type World } from '../stack/world.ts';
import { type MailServer, startMailServer } from './mail-server.ts';

interface Item {
  id: string;
  kind: string;
  subject: string;
  text: string;
  waiting: boolean;
  read_at: string | null;
  escrow_id: string | null;
}
type Items = { data: Item[]; unread: number; has_more: boolean };

let world: World;
let cast: Record<keyof World['people'], Api>;
let server: MailServer;
let smtp: MailTransport;
let parts: MailerParts;

beforeAll(async () => {
  [world, server] = await Promise.all([startWorld(), startMailServer()]);
  cast = castOf(world);
  smtp = smtpTransport(server.url, 'Tranche <no-reply@pay.example>');
  parts = { sql: world.sql, transport: smtp, publicUrl: 'https://pay.example', sandbox: false, logger: pino({ level: 'silent' }) }; // prettier-ignore
});
afterAll(async () => {
  smtp?.close();
  await server?.close();
  await world?.stop();
});
beforeEach(async () => {
  // What an earlier test left over is none of this one's.
  await world.sql`UPDATE mails SET state = 'dropped', done_at = now() WHERE state = 'queued'`;
  server.received.length = 0;
  server.refuse(0);
});

const itemsOf = async (api: Api, escrowId?: string): Promise<Item[]> =>
  (await api.get<Items>('/v1/notifications?limit=100')).body.data.filter((n) => escrowId === undefined || n.escrow_id === escrowId); // prettier-ignore
const kindsOf = async (api: Api, escrowId: string) => (await itemsOf(api, escrowId)).map((n) => [n.kind, n.waiting]);
const sendAll = async (with_: MailerParts = parts) => {
  while ((await sendDue(with_)) > 0);
};
const tell = (key: string, more: object = {}) =>
  world.sql.begin((tx) => queueMessages(tx, [{ kind: 'payout_failed', key, personId: world.people.seller.id, data: { advice: 'Look at it.' }, ...more }])); // prettier-ignore
const mailStates = async () =>
  (await world.sql<{ state: string }[]>`SELECT state FROM mails WHERE state <> 'dropped' ORDER BY id DESC LIMIT 1`).map((row) => row.state); // prettier-ignore

describe('each step tells whom it waits on, and no longer who has done it', () => {
  test('from the proposal to the money', async () => {
    const proposed = await cast.buyer.propose(proposal(world.people.seller.id, [10_000, 5_000]));
    const { id } = proposed;
    expect(await kindsOf(cast.seller, id)).toEqual([['agree', true]]);
    expect(await kindsOf(cast.buyer, id)).toEqual([]);
    await sendAll();
    expect(server.received.map((m) => [m.to, m.headers['subject']?.includes('Please agree')])).toEqual([[[world.people.seller.email], true]]); // prettier-ignore
    const mail = server.received[0]!;
    expect(mail.body).toContain(`https://pay.example/escrows/${id}`);
    expect([mail.from, mail.headers['auto-submitted']]).toEqual(['no-reply@pay.example', 'auto-generated']);
    expect(mail.body).toContain('text/html');

    await cast.seller.agree(id);
    expect(await kindsOf(cast.seller, id)).toEqual([['agree', false]]);
    expect(await kindsOf(cast.buyer, id)).toEqual([['pay', true]]);
    const { escrow } = await cast.buyer.fund(id);
    // Two milestones paid at once are one message to their seller.
    expect(await kindsOf(cast.seller, id)).toEqual([['deliver', true], ['agree', false]]); // prettier-ignore
    const [first] = escrow.milestones;
    await cast.seller.act(id, first!.id, 'submit', { note: 'Done' });
    expect((await kindsOf(cast.buyer, id))[0]).toEqual(['review', true]);
    const review = (await itemsOf(cast.buyer, id))[0]!;
    expect(review.text).toMatch(/You have time until .+ Otherwise: The money goes to the seller\./);
    await cast.buyer.act(id, first!.id, 'request-changes', { note: 'Bigger' });
    expect((await kindsOf(cast.buyer, id))[0]).toEqual(['review', false]);
    expect((await kindsOf(cast.seller, id))[0]).toEqual(['make_changes', true]);
    await cast.seller.act(id, first!.id, 'submit', { note: 'Bigger' });
    // Another delivery is another thing to review.
    expect((await kindsOf(cast.buyer, id)).filter(([kind]) => kind === 'review')).toEqual([['review', true], ['review', false]]); // prettier-ignore
    await cast.buyer.act(id, first!.id, 'dispute', { reason: 'Not what we agreed' });
    expect((await kindsOf(cast.seller, id))[0]).toEqual(['reply', true]);
    const [dispute] = (await cast.buyer.get<{ data: { id: string }[] }>(`/v1/disputes?escrow_id=${id}`)).body.data;
    await cast.seller.post(`/v1/disputes/${dispute!.id}/reply`, { message: 'It is' });
    await cast.seller.post(`/v1/disputes/${dispute!.id}/offer`, { seller_amount: 6_000 });
    const offer = (await itemsOf(cast.buyer, id)).find((n) => n.kind === 'offer');
    expect(offer?.text).toContain('the seller gets $60.00');
    await cast.buyer.post(`/v1/disputes/${dispute!.id}/escalate`);
    expect((await kindsOf(cast.ops, id))[0]).toEqual(['rule', true]);
    await cast.ops.post(`/v1/disputes/${dispute!.id}/rule`, { seller_amount: 5_000, reason: 'Half of it' });
    expect((await kindsOf(cast.ops, id))[0]).toEqual(['rule', false]);
    expect((await itemsOf(cast.seller, id)).map((n) => n.kind)).toContain('dispute_settled');
    // Its money's messages are this test's, too: none of them may arrive in another.
    await untilEscrow(cast.buyer, id, ({ milestones: [m] }) => {
      const refunds = (m!['refunds'] as { status: string }[]).map(({ status }) => status);
      return m!.released.amount === 4_500 && refunds.length === 1 && refunds[0] === 'succeeded';
    });
  });

  test('a declined card, a request to cancel, and a freeze', async () => {
    const { id } = await cast.buyer.propose(proposal(world.people.seller.id, [10_000]));
    await cast.seller.agree(id);
    await cast.buyer.post(`/v1/escrows/${id}/fund`, { payment_method: 'pm_card_chargeDeclined' });
    expect((await kindsOf(cast.buyer, id))[0]).toEqual(['payment_failed', false]);
    const { escrow } = await cast.buyer.fund(id);
    await cast.seller.act(id, escrow.milestones[0]!.id, 'start');
    await cast.buyer.cancel(id);
    expect((await kindsOf(cast.seller, id))[0]).toEqual(['cancel_request', true]);
    await cast.ops.freeze(id);
    expect((await kindsOf(cast.ops, id))[0]).toEqual(['unfreeze', true]);
    expect((await itemsOf(cast.buyer, id))[0]?.kind).toBe('frozen');
    await cast.ops.unfreeze(id);
    expect((await kindsOf(cast.ops, id))[0]).toEqual(['unfreeze', false]);
  });

  test('what only one person of ops may not do is put before the others, and its end before who asked', async () => {
    const { id, milestones } = await fundedEscrow(cast.buyer, [cast.seller], proposal(world.people.seller.id, [200_000])); // prettier-ignore
    const asked = await cast.ops.post<{ approval: { id: string } }>(`/v1/escrows/${id}/milestones/${milestones[0]!.id}/refund`, { reason: 'r' }); // prettier-ignore
    expect(asked.status).toBe(202);
    expect((await kindsOf(cast.ops2, id))[0]).toEqual(['approval_waiting', false]);
    // Kinds of a newer version, left over when it was taken back, are listed too.
    await world.sql`INSERT INTO notifications (person_id, dedupe_key, kind, data) VALUES (${world.people.ops2.id}, 'of tomorrow', 'a_kind_of_tomorrow', '{}')`;
    expect((await itemsOf(cast.ops2))[0]?.subject).toBe('A message of Tranche');
    expect((await itemsOf(cast.ops, id)).map((n) => n.kind)).not.toContain('approval_waiting');
    // Whoever may not approve is not asked to: the auditor, and ops without the right.
    const { sql } = world;
    const told = await sql<{ approver: boolean }[]>`SELECT p.approver FROM notifications n JOIN people p ON p.id = n.person_id WHERE n.kind = 'approval_waiting' AND n.escrow_id = ${id}`; // prettier-ignore
    expect([...told]).toEqual([{ approver: true }]);
    await sql`UPDATE people SET approver = false WHERE id = ${world.people.ops2.id}`;
    const { id: second, milestones: parts } = await fundedEscrow(cast.buyer, [cast.seller], proposal(world.people.seller.id, [200_000])); // prettier-ignore
    await cast.ops.post(`/v1/escrows/${second}/milestones/${parts[0]!.id}/refund`, { reason: 'r' });
    await sql`UPDATE people SET approver = true WHERE id = ${world.people.ops2.id}`;
    expect(await kindsOf(cast.ops2, second)).toEqual([]);
    await cast.ops2.post(`/v1/ops/approvals/${asked.body.approval.id}/deny`);
    expect((await itemsOf(cast.ops, id))[0]?.subject).toBe('Your request is denied: refund');
  });
});

describe('the list', () => {
  test('is one’s own: read one by one, counted, and nobody else’s', async () => {
    await tell('list');
    const before = (await cast.seller.get<Items>('/v1/notifications?unread=true&limit=1')).body;
    const [item] = before.data;
    expect((await cast.seller2.post(`/v1/notifications/${item!.id}/read`)).status).toBe(404);
    expect((await cast.seller.post(`/v1/notifications/all/read`)).status).toBe(404);
    expect((await cast.seller.post<Item>(`/v1/notifications/${item!.id}/read`)).body.read_at).not.toBeNull();
    const after = (await cast.seller.get<Items>('/v1/notifications?unread=true&limit=100')).body;
    expect(after.unread).toBe(before.unread - 1);
    expect(after.data.map((n) => n.id)).not.toContain(item!.id);
  });

  test('the same key is told once, and a transaction that fails tells nothing', async () => {
    await tell('once');
    await tell('once');
    await sendAll();
    expect(server.received).toHaveLength(1);
    const failing = world.sql.begin(async (tx) => {
      await queueMessages(tx, [{ kind: 'payout_failed', key: 'never', personId: world.people.seller.id, data: {} }]);
      throw new Error('undone');
    });
    await expect(failing).rejects.toThrow('undone');
    await sendAll();
    expect(server.received).toHaveLength(1);
  });

  test('every alert reaches everybody of ops', async () => {
    await world.sql`INSERT INTO alerts (kind, dedupe_key, escrow_id) VALUES ('review', 'messages-test', 'esc_unknown')`;
    const subjects = await Promise.all([cast.ops, cast.ops2].map(async (api) => (await itemsOf(api))[0]?.subject));
    expect(subjects).toEqual(['Needs a person: review', 'Needs a person: review']);
  });
});

describe('preferences', () => {
  const set = (api: Api, kind: string, mail: boolean) => api.post<{ code: string; param?: string }>('/v1/notification_preferences', { kind, mail }); // prettier-ignore

  test('a kind that is switched off stands in the list and is not mailed', async () => {
    expect((await set(cast.seller2, 'agree', false)).status).toBe(200);
    const { id } = await cast.buyer.propose(proposal(world.people.seller2.id, [10_000]));
    await sendAll();
    expect(server.received).toEqual([]);
    expect(await kindsOf(cast.seller2, id)).toEqual([['agree', true]]);
    expect((await set(cast.seller2, 'agree', true)).status).toBe(200);
    await cast.buyer.propose(proposal(world.people.seller2.id, [10_000]));
    await sendAll();
    expect(server.received).toHaveLength(1);
  });

  test.each(['payout_failed', 'password_reset', 'review'])('%s cannot be switched off', async (kind) => {
    const api = kind === 'review' ? cast.buyer : cast.seller;
    expect([(await set(api, kind, false)).status, (await set(api, kind, true)).status]).toEqual([400, 200]);
  });

  test('kinds of another role are unknown', async () => {
    expect((await set(cast.buyer, 'payout_failed', true)).body).toMatchObject({ code: 'invalid_request', param: 'kind' }); // prettier-ignore
    const { body } = await cast.auditor.get<{ data: { kind: string; required: boolean }[] }>('/v1/notification_preferences'); // prettier-ignore
    expect(body.data.every((p) => p.required)).toBe(true);
  });
});

describe('the sender', () => {
  test('several at once send each mail once', async () => {
    for (let i = 0; i < 25; i += 1) await tell(`many-${i}`);
    await Promise.all([1, 2, 3].map(() => sendAll()));
    const ids = server.received.map((m) => m.headers['message-id']);
    expect([ids.length, new Set(ids).size]).toEqual([25, 25]);
  });

  test('one that dies after the server took a mail sends it again as the same one, and no third time', async () => {
    await tell('crash');
    const dies: MailTransport = {
      send: async (mail) => {
        await smtp.send(mail);
        // As a dead process would leave it: claimed, and nothing written down.
        await new Promise(() => {});
      },
      close() {},
    };
    void sendDue({ ...parts, transport: dies });
    const end = Date.now() + 120_000;
    while (server.received.length < 1 && Date.now() < end) await new Promise((resolve) => setImmediate(resolve));
    await sendAll();
    expect(server.received).toHaveLength(1);
    await world.sql`UPDATE mails SET claimed_until = now() - interval '1 second' WHERE state = 'queued'`;
    await sendAll();
    await sendAll();
    const ids = server.received.map((m) => m.headers['message-id']);
    expect([ids.length, new Set(ids).size]).toEqual([2, 1]);
    expect(await mailStates()).toEqual(['sent']);
  });

  test('what is refused for now is tried again; what is refused for ever is not, and ops hear of it', async () => {
    await tell('busy');
    server.refuse(450);
    await sendAll();
    expect(await mailStates()).toEqual(['queued']);
    server.refuse(0);
    await sendAll();
    expect(server.received).toEqual([]);
    await world.sql`UPDATE mails SET due_at = now() WHERE state = 'queued'`;
    await sendAll();
    expect(server.received).toHaveLength(1);

    await tell('unknown address');
    server.refuse(550);
    await sendDue(parts);
    const [failed] = await world.sql<{ last_error: string }[]>`SELECT last_error FROM mails WHERE state = 'failed'`;
    expect(failed?.last_error).toContain('not taken');
    expect((await itemsOf(cast.ops))[0]?.subject).toBe('Needs a person: mail failed');
  });

  test('what was done before its mail went is not mailed', async () => {
    const { id } = await cast.buyer.propose(proposal(world.people.seller.id, [10_000]));
    await cast.seller.agree(id);
    await sendAll();
    expect(server.received.map((m) => m.to)).toEqual([[world.people.buyer.email]]);
  });

  test('without a server each mail is kept with its words, and the loop finds it by itself', async () => {
    await tell('kept');
    const mailer = startMailer({ ...parts, transport: null });
    const end = Date.now() + 120_000;
    while ((await mailStates())[0] !== 'kept' && Date.now() < end) {
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
    await mailer.stop();
    const [mail] = await world.sql<{ address: string; body_text: string }[]>`
      SELECT address, body_text FROM mails WHERE state = 'kept' ORDER BY id DESC LIMIT 1`;
    expect(mail!.address).toBe(world.people.seller.email);
    expect(mail!.body_text).toContain('Look at it.');
    expect(server.received).toEqual([]);
  });
});

test('a seller is asked for evidence until it is sent, and reminded once two days before their time ends', async () => {
  const escrow = await fundedEscrow(cast.buyer, [cast.seller], proposal(world.people.seller.id, [10_000]));
  const [payment] = await world.sql<{ charge: string }[]>`
    SELECT stripe_charge_id AS charge FROM movements WHERE escrow_id = ${escrow.id} AND kind = 'payment'`;
  const createdAt = Date.now();
  const dueAt = createdAt + 8 * DAY_MS;
  await findOrMakeDispute(world.sql, { id: 'dp_asked', chargeId: payment!.charge, status: 'needs_response', reason: 'fraudulent', amountMinor: 10_000n, currency: 'usd', dueAt, createdAt, submissions: 0, metadata: {}, balanceTransactions: [] }); // prettier-ignore
  const told = async () => (await itemsOf(cast.seller, escrow.id)).filter((n) => n.kind.startsWith('evidence')).map((n) => `${n.kind} ${n.waiting ? 'waits' : 'told'}`).sort((a, b) => a.localeCompare(b)); // prettier-ignore
  expect(await told()).toEqual(['evidence_due waits']);
  // What else the escrow tells does not settle it.
  await cast.seller.post(actPath(escrow, 0, 'start'), {});
  expect(await told()).toEqual(['evidence_due waits']);
  // By the terms the sellers have five days, of the eight that the bank gives.
  expect(await remindOfEvidence(world.sql, createdAt + 2.9 * DAY_MS)).toBe(0);
  expect(await remindOfEvidence(world.sql, createdAt + 3.1 * DAY_MS)).toBe(1);
  expect(await remindOfEvidence(world.sql, createdAt + 3.2 * DAY_MS)).toBe(0);
  expect(await told()).toEqual(['evidence_due waits', 'evidence_reminder told']);
  await world.sql.begin((tx) => settleEvidenceDue(tx as never, 'dp_asked'));
  expect(await told()).toEqual(['evidence_due told', 'evidence_reminder told']);
});
