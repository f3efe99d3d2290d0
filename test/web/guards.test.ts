// What keeps a page's forms honest, over plain HTTP: sessions, whose escrow it is, one click one effect. Attacks by other sites:
// test/security.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiOf, type EscrowObject } from '../stack/api.ts';
import { HttpClient, signInAs } from './http-client.ts';
import { type PagesWorld, startPagesWorld } from './pages-world.ts';

let pages: PagesWorld;

beforeAll(async () => {
  pages = await startPagesWorld();
}, 400_000);
afterAll(() => pages?.stop());

async function proposed(): Promise<EscrowObject> {
  const { buyer, seller } = pages.world.people;
  return apiOf(pages.world, buyer).propose({ title: 'T', currency: 'usd', funding: 'upfront', milestones: [{ title: 'M', amount: 10_000, seller_id: seller.id }] }); // prettier-ignore
}

describe('signing in', () => {
  test('a password signs in with a fresh HttpOnly session, and signing out ends it', async () => {
    const client = new HttpClient(pages.url);
    const { email, password } = pages.world.people.buyer;
    const reply = await client.post('/sign-in', { email, password, next: '/escrows/new' });
    expect(reply.location).toBe('/escrows/new');
    const cookie = reply.headers.getSetCookie().join();
    expect(cookie).toMatch(/^tranche=[\w-]{43};.*HttpOnly; SameSite=Lax/);
    const kept = client.cookie;
    await client.post('/sign-out', { csrf: await client.csrf() });
    client.cookie = kept;
    expect((await client.get('/escrows')).location).toBe('/sign-in?next=%2Fescrows');
  });

  test('a wrong password says so and signs nobody in', async () => {
    const client = new HttpClient(pages.url);
    const reply = await client.post('/sign-in', { email: pages.world.people.buyer.email, password: 'wrong' });
    expect(reply.status).toBe(422);
    expect(reply.text).toContain('do not belong together');
    expect(client.cookie).toBe('');
  });

  test('too many wrong passwords for one person are refused before they are looked at', async () => {
    const client = new HttpClient(pages.url);
    const statuses: number[] = [];
    for (let i = 0; i < 12; i += 1) {
      statuses.push((await client.post('/sign-in', { email: 'nobody@example.test', password: `p${i}` })).status);
    }
    expect(statuses.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 422));
    expect(statuses.slice(10)).toEqual([429, 429]);
  });
});

describe('forms', () => {
  test('two clicks at once are one effect and lead to the same page', async () => {
    const seller = await signInAs(pages.url, 'seller');
    const { id } = await proposed();
    const form = { csrf: await seller.csrf(), key: randomUUID() };
    const clicks = await Promise.all([1, 2, 3].map(() => seller.post(`/escrows/${id}/agree`, form)));
    expect(clicks.map((c) => [c.status, c.location])).toEqual(clicks.map(() => [303, `/escrows/${id}?done=agree`]));
    const timeline = await apiOf(pages.world, pages.world.people.seller).list<{ type: string }>(id, 'timeline');
    expect(timeline.filter((e) => e.type === 'escrow.agreed')).toHaveLength(1);
  });

  test('what the state forbids is said in words with 409, and changes nothing', async () => {
    const buyer = await signInAs(pages.url, 'buyer');
    const { id } = await proposed();
    const reply = await buyer.post(`/escrows/${id}/fund`, { csrf: await buyer.csrf(), key: randomUUID() });
    expect(reply.status).toBe(409);
    expect(reply.text).toContain('This was not done');
    expect(reply.text).not.toContain('action_not_available');
  });

  test('text that people write is never markup', async () => {
    const buyer = await signInAs(pages.url, 'buyer');
    const title = '<script>alert("x")</script>';
    const csrf = await buyer.csrf();
    const reply = await buyer.post('/escrows/new', { csrf, key: randomUUID(), intent: 'propose', title, currency: 'usd', vertical: 'general', funding: 'upfront', fee_payer: 'buyer', m_title: 'M', m_amount: '12.50', m_seller: 'seller@example.test', m_due: '', m_inspection: 'P3D' }); // prettier-ignore
    expect(reply.status).toBe(303);
    const page = await buyer.get(reply.location!);
    expect(page.text).toContain('&lt;script&gt;');
    expect(page.text).not.toContain(title);
  });
});

describe('whose page it is', () => {
  test('another buyer’s escrow, its money, its actions and its live stream are not there', async () => {
    const stranger = await signInAs(pages.url, 'buyer2');
    const { id } = await proposed();
    const statuses = await Promise.all(
      [`/escrows/${id}`, `/escrows/${id}/money`, `/escrows/${id}/cancel`, `/escrows/${id}/events`, '/ops', '/verification'].map(
        async (path) => (await stranger.get(path)).status,
      ),
    ); // prettier-ignore
    expect(statuses).toEqual([404, 404, 404, 404, 404, 404]);
    const reply = await stranger.post(`/escrows/${id}/cancel`, { csrf: await stranger.csrf(), key: randomUUID() });
    expect(reply.status).toBe(404);
  });

  test('staff find an escrow by any id, freeze it and end the freeze; an auditor cannot', async () => {
    const ops = await signInAs(pages.url, 'ops');
    const { id, milestones } = await proposed();
    expect((await ops.get(`/ops/search?id=${milestones[0]!.id}`)).location).toBe(`/escrows/${id}`);
    expect((await ops.get('/ops/search?id=nothing')).status).toBe(404);
    const give = async (client: HttpClient, action: string, extra: Record<string, string>) =>
      client.post(`/escrows/${id}/${action}`, { csrf: await client.csrf(), key: randomUUID(), ...extra });
    const auditor = await signInAs(pages.url, 'auditor');
    expect((await give(auditor, 'freeze', { reason: 'look' })).status).toBe(409);
    expect((await give(ops, 'freeze', { reason: 'look' })).status).toBe(303);
    const frozen = await ops.get(`/escrows/${id}`);
    expect(frozen.text).toContain('This escrow is frozen');
    expect(frozen.text).toContain(`workflows/escrow%2F${id}`);
    expect((await give(ops, 'unfreeze', {})).status).toBe(303);
    expect((await apiOf(pages.world, pages.world.people.ops).escrow(id)).frozen).toEqual([]);
  });
});

test('pages carry a strict policy, are never cached, and load under 50 KB', async () => {
  const buyer = await signInAs(pages.url, 'buyer');
  const { id } = await proposed();
  const page = await buyer.get(`/escrows/${id}`);
  const policy = page.headers.get('content-security-policy')!;
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('unsafe');
  expect(page.headers.get('cache-control')).toBe('no-store');
  expect(page.text).not.toMatch(/ style="| on\w+="|<style|<script>/);
  const assets = [...page.text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((match) => match[1]!);
  expect(assets).toHaveLength(4);
  const sizes = await Promise.all(
    assets.map(async (path) => {
      const reply = await buyer.get(path, { 'accept-encoding': 'gzip' });
      expect(reply.status).toBe(200);
      return Number(reply.headers.get('content-length') ?? Number.NaN);
    }),
  );
  const total = sizes.reduce((sum, size) => sum + size, 0) + Buffer.byteLength(page.text);
  expect(total).toBeLessThan(50_000);
});
