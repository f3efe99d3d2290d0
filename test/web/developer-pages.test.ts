// Keys, webhook endpoints and events by clicking in a real Chromium, with and without scripts, against a receiver that knows
// Standard Webhooks alone; and without an accessibility violation in either theme.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { createApiKey, findByKey } from '../../db/api-keys.ts';
import { EVENT_TYPES } from '../../domain/event-types.ts';
import { apiOf, proposal } from '../stack/api.ts';
import { type Receiver, startReceiver } from '../webhooks/receiver.ts';
import { violationsInBothThemes } from './axe.ts';
import { openPage, startBrowser, type Visit } from './browser.ts';
import { unclicked } from './clicks.ts';
import { signInAs } from './http-client.ts';
import { type PagesWorld, startPagesWorld } from './pages-world.ts';

let pages: PagesWorld;
let browser: Browser;
let receiver: Receiver;

beforeAll(async () => {
  [pages, browser] = await Promise.all([
    startPagesWorld({ WEBHOOKS_TO_LOOPBACK: 'yes' }, { webhookDelaysMs: [0] }),
    startBrowser(),
  ]);
}, 400_000);
afterAll(async () => {
  await browser?.close();
  await pages?.stop();
});
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).first();

async function as(name: string, scripts: boolean): Promise<Visit> {
  const visit = await openPage(browser, { scripts });
  await visit.page.goto(`${pages.url}/sign-in`);
  await visit.page.locator(`button[name="person"][value="${name}"]`).click();
  await button(visit.page, 'Sign out').waitFor();
  return visit;
}

const shownOnce = async (page: Page): Promise<string> => page.locator('.card code.id').innerText();

describe.each([{ scripts: false }, { scripts: true }])('with scripts: $scripts', ({ scripts }) => {
  // axe runs inside the page, so that it looks only where scripts do.
  const look = async (page: Page) => {
    if (!scripts) return;
    expect(await violationsInBothThemes(page)).toEqual([]);
  };

  test('all of somebody’s keys are revoked with one click', async () => {
    const { sql, people } = pages.world;
    const keys = await Promise.all(['One', 'Two'].map((label) => createApiKey(sql, people.buyer2.id, { label })));
    const { page, complaints } = await as('buyer2', scripts);
    await page.goto(`${pages.url}/api-keys`);
    await page.getByText('Revoke all…').click();
    await look(page);
    await button(page, 'Revoke all my keys for good').click();
    await page.getByText('All your keys are revoked').waitFor();
    await page.getByText('You have no keys').waitFor();
    const known = await Promise.all(keys.map(({ key }) => findByKey(sql, key)));
    expect(known).toEqual([null, null]);
    expect(await findByKey(sql, people.buyer.apiKey)).not.toBeNull();
    expect(complaints).toEqual([]);
  });

  test('a key is made with scopes, shown once, used, and revoked', async () => {
    const { page, complaints } = await as('buyer', scripts);
    await page.getByRole('link', { name: 'API', exact: true }).click();
    await page.getByLabel('Name').fill(`Shop ${String(scripts)}`);
    await page.getByLabel(/^Write/).uncheck();
    await look(page);
    await button(page, 'Make it').click();
    await page.getByText('is shown now and never again').waitFor();
    const key = await shownOnce(page);
    await look(page);
    const withKey = { authorization: `Bearer ${key}` };
    expect((await fetch(`${pages.url}/v1/escrows`, { headers: withKey })).status).toBe(200);
    const written = await fetch(`${pages.url}/v1/notifications/n/read`, { method: 'POST', headers: { ...withKey, 'idempotency-key': `w-${String(scripts)}` } }); // prettier-ignore
    expect(written.status).toBe(403);

    await page.getByRole('link', { name: 'I have kept it' }).click();
    expect(await page.content()).not.toContain(key);
    const row = page.getByRole('row', { name: `Shop ${String(scripts)}` });
    await row.locator('summary').click();
    await button(page, `Revoke Shop ${String(scripts)} for good`).click();
    await page.getByText('The key is revoked').waitFor();
    expect((await fetch(`${pages.url}/v1/escrows`, { headers: withKey })).status).toBe(401);
    // Nothing is made of no name and no scope, and what was chosen stays.
    await page.getByLabel('Name').fill('No scope');
    await page.getByLabel(/^Read/).uncheck();
    await page.getByLabel(/^Write/).uncheck();
    await button(page, 'Make it').click();
    await page.getByText('The scopes: names at least one scope').waitFor();
    expect(await page.getByLabel('Name').inputValue()).toBe('No scope');
    expect(complaints).toEqual([]);
  });

  test('an endpoint is added, told, changed, given a new secret, switched off and on, and deleted', async () => {
    const { seller, buyer } = pages.world.people;
    const { page, complaints } = await as('seller', scripts);
    await page.getByRole('link', { name: 'API', exact: true }).click();
    await page.getByRole('link', { name: 'Webhooks', exact: true }).click();
    await page.getByLabel('Address').fill('not an address');
    await button(page, 'Add it').click();
    await page.getByText('The address takes a URL such as').waitFor();
    await page.getByLabel('Address').fill(receiver.url);
    await page.getByLabel('What it is for').fill('The shop');
    await page.getByLabel(/^Only those that are marked/).check();
    const types = page.getByText('Types of events');
    if (!(await page.getByLabel(/^escrow\.proposed/).isVisible())) await types.click();
    await page.getByLabel(/^escrow\.proposed/).check();
    await look(page);
    await button(page, 'Add it').click();
    receiver.secret = await shownOnce(page);
    await page.getByRole('link', { name: 'I have kept it' }).click();
    const address = page.url();
    expect(await page.content()).not.toContain(receiver.secret);
    await page.getByText('The shop').first().waitFor();

    const propose = () => apiOf(pages.world, buyer).propose(proposal(seller.id, [10_000]));
    const { id } = await propose();
    await receiver.until((taken) => taken.length === 1, 'the proposal');
    expect(receiver.taken[0]!.event).toMatchObject({ type: 'escrow.proposed', data: { escrow_id: id } });
    await untilShown(page, 'Delivered');
    await page.locator('td summary').first().click();
    await page.getByText('taken with 204').waitFor();
    await look(page);
    await page.getByRole('link', { name: /^escrow\.proposed, evt_/ }).click();
    await page.getByText(`"escrow_id": "${id}"`).waitFor();
    await look(page);

    await page.goto(`${address}?status=delivered`);
    await button(page, /^Send escrow\.proposed again/).click();
    await page.getByText('on its way again, with the same id').waitFor();
    await receiver.until((taken) => taken.length === 2, 'the replay');
    expect(receiver.taken[1]!.id).toBe(receiver.taken[0]!.id);

    await page.getByText('Replace its secret').click();
    await page.getByLabel('The present secret stops signing').selectOption('At once');
    await button(page, 'Show me a new secret').click();
    receiver.secret = await shownOnce(page);
    await page.getByRole('link', { name: 'I have kept it' }).click();
    await propose();
    await receiver.until((taken) => taken.length === 3, 'an event under the new secret');

    await button(page, 'Disable it').click();
    await page.getByText('Nothing is sent to it: by its owner').waitFor();
    await button(page, 'Enable it').click();
    await page.getByText('What happens from now on is sent to it.').waitFor();
    await page.getByText('Change it').click();
    await page.getByLabel('What it is for').fill('Another shop');
    await page.getByLabel(/^All, also types/).check();
    await button(page, 'Save').click();
    await page.getByText('Another shop').first().waitFor();
    await page.getByText('Delete it', { exact: true }).click();
    await button(page, 'Delete it for good').click();
    await page.getByText('The endpoint is deleted.').waitFor();
    expect((await page.goto(address))!.status()).toBe(404);
    expect(complaints).toEqual([]);
  });

  test('the catalogue names every type, and each leads to one’s own events of it', async () => {
    const { page, complaints } = await as('auditor', scripts);
    await page.getByRole('link', { name: 'API', exact: true }).click();
    expect(await page.getByRole('link', { name: 'Webhooks', exact: true }).count()).toBe(0);
    await page.getByRole('link', { name: 'Event catalogue' }).click();
    await look(page);
    const named = await page.locator('th a code').allInnerTexts();
    expect(named.sort()).toEqual(Object.keys(EVENT_TYPES).sort());
    await page.getByRole('link', { name: 'escrow.proposed' }).click();
    await page.getByRole('link', { name: /^escrow\.proposed, evt_/ }).first().waitFor(); // prettier-ignore
    await look(page);
    await page.getByLabel('Type').selectOption('escrow.expired');
    await button(page, 'Show').click();
    await page.getByText('None of this type').waitFor();
    expect(complaints).toEqual([]);
  });

  /** Looks again until the page says it. */
  async function untilShown(page: Page, text: string): Promise<void> {
    const end = Date.now() + 120_000;
    while ((await page.locator('td', { hasText: text }).count()) === 0) {
      if (Date.now() > end) throw new Error(`${text} did not appear on ${page.url()}`);
      await page.reload();
    }
  }
});

test('a form that is sent twice makes one key and one endpoint, and shows no secret again', async () => {
  const seller = await signInAs(pages.url, 'seller');
  const { sql, people } = pages.world;
  const twice = async (path: string, form: Record<string, string>) => {
    const sent = { ...form, csrf: await seller.csrf(), key: `twice-${path}` };
    const first = await seller.post(path, sent);
    const again = await seller.post(path, sent);
    const secret = /(?:whsec|sk_tranche)_[\w+/=]+/.exec(first.text)![0];
    expect(again.text).toContain('was shown already');
    expect(again.text).not.toContain(secret);
    expect([first.headers.get('cache-control'), again.status]).toEqual(['no-store', 200]);
  };
  await twice('/api-keys', { label: 'Twice', scopes: 'read' });
  await twice('/webhook-endpoints', { url: receiver.url });
  expect(await sql`SELECT 1 FROM api_keys WHERE label = 'Twice'`).toHaveLength(1);
  expect(await sql`SELECT 1 FROM webhook_endpoints WHERE person_id = ${people.seller.id} AND deleted_at IS NULL`).toHaveLength(1); // prettier-ignore
});

test('whoever signed in a while ago shows again who they are before a secret is shown', async () => {
  const seller = await signInAs(pages.url, 'seller2');
  await pages.world.sql`UPDATE sessions SET proven_at = now() - interval '1 hour' WHERE person_id = ${pages.world.people.seller2.id}`; // prettier-ignore
  for (const path of ['/api-keys', '/webhook-endpoints', '/webhook-endpoints/whe_1/rotate']) {
    expect((await seller.give(path)).location).toMatch(/^\/step-up\?/);
  }
});

test('every form of this suite was sent and taken, in both ways', () => {
  expect(unclicked('developer-pages')).toEqual([]);
});
