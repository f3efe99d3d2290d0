// Staff's day over plain HTTP: every queue with its size and its oldest, search, one escrow from all sides, health, alerts.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openDispute } from '../chargebacks/acts.ts';
import { queues } from '../../db/queues.ts';
import { apiOf, type EscrowObject, untilEscrow } from '../stack/api.ts';
import type { PersonName } from '../stack/world.ts';
import { type HttpClient, signInAs } from './http-client.ts';
import { type PagesWorld, startPagesWorld } from './pages-world.ts';

let pages: PagesWorld;
let ops: HttpClient;
let auditor: HttpClient;

beforeAll(async () => {
  pages = await startPagesWorld();
  [ops, auditor] = await Promise.all([signInAs(pages.url, 'ops'), signInAs(pages.url, 'auditor')]);
}, 400_000);
afterAll(() => pages?.stop());

const apiAs = (name: PersonName) => apiOf(pages.world, pages.world.people[name]);

async function funded(title: string, amount = 10_000): Promise<EscrowObject> {
  const { seller } = pages.world.people;
  const { id } = await apiAs('buyer').propose({ title, currency: 'usd', funding: 'upfront', milestones: [{ title: 'Walls', amount, seller_id: seller.id }] }); // prettier-ignore
  await apiAs('seller').agree(id);
  return (await apiAs('buyer').fund(id)).escrow;
}

const raise = (kind: string) =>
  pages.world.sql`INSERT INTO alerts (kind, dedupe_key, detail) VALUES (${kind}, ${`${kind}:${Math.random()}`}, ${JSON.stringify({ stripe: 'xx_1' })}::jsonb)`; // prettier-ignore

describe('today', () => {
  test('counts every queue, says since when the oldest waits, and leads to it', async () => {
    const { sql } = pages.world;
    const before = new Map((await queues(sql, 'default')).map((q) => [q.name, q.count]));
    const disputed = await funded('To be ruled');
    const at = `/v1/escrows/${disputed.id}/milestones/${disputed.milestones[0]!.id}`;
    const { body: dispute } = await apiAs('buyer').post<{ id: string }>(`${at}/dispute`, { reason: 'Broken' });
    await apiAs('seller').post(`/v1/disputes/${dispute.id}/reply`, { message: 'It is not' });
    await apiAs('buyer').post(`/v1/disputes/${dispute.id}/escalate`);
    const large = await funded('A large one', 200_000);
    await apiAs('ops').act(large.id, large.milestones[0]!.id, 'refund', { reason: 'x' }).catch(() => undefined); // prettier-ignore
    const charged = await funded('Charged back');
    await openDispute(pages.world, apiAs('buyer'), charged);
    await untilEscrow(apiAs('buyer'), charged.id, (e) => e.frozen.includes('card_dispute'));
    await raise('refund_failed');
    await raise('refund_status_unknown');
    await sql`INSERT INTO stripe_events (id, type, livemode, state, body) VALUES ('evt_parked', 'refund.updated', false, 'parked', '{}')`;

    const after = await queues(sql, 'default');
    const grown = after.filter((q) => q.count > (before.get(q.name) ?? 0)).map((q) => q.name);
    expect(grown).toEqual(expect.arrayContaining(['rulings', 'approvals', 'chargebacks', 'frozen', 'unknown', 'alerts', 'parked'])); // prettier-ignore
    for (const q of after.filter((each) => each.count > 0)) expect([q.name, q.oldest instanceof Date]).toEqual([q.name, true]); // prettier-ignore
    const page = await ops.get('/ops');
    for (const words of ['Disputes to rule', 'To be ruled: Walls', '/ops/approvals?status=pending', '/ops/chargebacks', '/ops/events?state=parked', 'refund status unknown', 'WaitingFor%3D%22ops%22']) {
      expect([words, page.text.includes(words)]).toEqual([words, true]);
    } // prettier-ignore
    expect((await ops.get('/ops/chargebacks')).text).toContain('Waits for evidence');
  });

  test('an alert is closed by somebody of ops who says what was done; nobody else can', async () => {
    const [row] = await pages.world.sql<{ id: bigint }[]>`
      INSERT INTO alerts (kind, dedupe_key, detail) VALUES ('transfer_refused', 'close-me', '{}') RETURNING id`;
    const path = `/ops/alerts/${row!.id}/resolve`;
    const read = (await auditor.get('/ops')).text;
    expect(read).toContain('Stripe refused a transfer');
    expect(read).toContain('try the release again when it is mended');
    expect(read).not.toContain(path);
    expect((await auditor.give(path, { note: 'x' })).status).toBe(404);
    expect((await ops.give(path)).text).toContain('note is missing');
    expect((await ops.give(path, { note: 'Topped up' })).location).toBe('/ops?done=resolved');
    expect((await ops.get('/ops')).text).not.toContain(path);
    const [closed] = await pages.world.sql<{ detail: object }[]>`SELECT detail FROM alerts WHERE id = ${row!.id}`;
    expect(closed!.detail).toEqual({ closed_by: pages.world.people.ops.id, note: 'Topped up' });
    expect((await ops.give('/ops/alerts/999999/resolve', { note: 'x' })).status).toBe(404);
  });
});

describe('search', () => {
  test('finds an escrow by any id, also Stripe’s', async () => {
    const escrow = await funded('Found by its charge');
    const [payment] = await apiAs('buyer').list<{ id: string; stripe_charge_id: string }>(escrow.id, 'payments');
    for (const id of [escrow.id, escrow.milestones[0]!.id, payment!.id, payment!.stripe_charge_id]) {
      expect((await ops.get(`/ops/search?id=${id}`)).location).toBe(`/escrows/${escrow.id}`);
    }
  });

  test('finds people by their address and escrows by words; what people typed is no pattern and no markup', async () => {
    const escrow = await funded('A green-house 100%');
    const people = await ops.get('/ops/search?id=seller%40example.test');
    expect(people.text).toContain(`/ops/debts?seller=${pages.world.people.seller.id}`);
    expect((await ops.get('/ops/search?id=GREEN-HOUSE')).text).toContain(`/escrows/${escrow.id}`);
    expect((await ops.get('/ops/search?id=100%25')).text).toContain(`/escrows/${escrow.id}`);
    const nothing = await ops.get(`/ops/search?id=${encodeURIComponent('<b>%_</b>')}`);
    expect([nothing.status, nothing.text.includes('<b>')]).toEqual([404, false]);
  });
});

test('one escrow from all sides: why, workflow, Stripe, events, ledger, links into Temporal’s UI', async () => {
  const escrow = await funded('All sides');
  const [payment] = await apiAs('buyer').list<{ stripe_charge_id: string }>(escrow.id, 'payments');
  const page = await auditor.get(`/ops/escrows/${escrow.id}`);
  const parts = ['Of USD 100.00 charged', `escrow/${escrow.id}`, 'running', 'BuyerId', payment!.stripe_charge_id, 'Events from Stripe', 'If a bank took it back', 'only Stripe’s balance transaction tells it', 'milestone:', `workflows/escrow%2F${escrow.id}`, `/ops/audit?subject=${escrow.id}`]; // prettier-ignore
  for (const words of parts) expect([words, page.text.includes(words)]).toEqual([words, true]);
  const seller = await signInAs(pages.url, 'seller');
  expect((await seller.get(`/ops/escrows/${escrow.id}`)).status).toBe(404);
});

test('health names every part with its answer, and the invariants on request', async () => {
  const page = await ops.get('/ops/health');
  for (const part of ['Database', 'Temporal', 'Workers', 'Stripe', 'Events from Stripe', 'Audit log']) expect(page.text).toContain(part); // prettier-ignore
  expect(page.text).toMatch(/>Works<.*PostgreSQL \d+(\.\d+)?, \d+ \w?B/s);
  expect(page.text).toContain('1 poll');
  const checked = await ops.get('/ops/health?invariants=true');
  expect(checked.text.match(/>Holds</g)?.length).toBeGreaterThanOrEqual(10);
});
