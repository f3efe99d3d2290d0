// What a payout is made of, as its seller reads it: its parts and the escrows they come from, in every outcome, reached by
// clicking in a real Chromium, without scripts and with them.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { dashboard } from '../reconciliation/runs.ts';
import { releasedEscrow } from '../recovery/steps.ts';
import { castOf, type EscrowObject } from '../stack/api.ts';
import { control } from '../stack/world.ts';
import { accountOf } from '../workflows/steps.ts';
import { openPage, startBrowser } from './browser.ts';
import { type PagesWorld, startPagesWorld } from './pages-world.ts';

let pages: PagesWorld;
let browser: Browser;
let escrow: EscrowObject;
/** Ids by how they went out. */
let payouts: Record<'automatic' | 'failed' | 'byHand', string>;

beforeAll(async () => {
  [pages, browser] = await Promise.all([startPagesWorld(), startBrowser()]);
  const { world } = pages;
  const cast = castOf(world);
  const account = await accountOf(world, cast.seller.person.id);
  const stripe = dashboard(world);
  await control(world.sandbox.url, `accounts/${account}`, { onboarded: true });
  escrow = await releasedEscrow(cast, [10_000]);
  // What was transferred becomes available, goes out by the daily schedule, and arrives.
  await control(world.sandbox.url, 'clock', { advance: 'P10D' });
  const [automatic] = (await stripe.payouts.list({}, { stripeAccount: account })).data;
  await stripe.accounts.update(account, { settings: { payouts: { schedule: { interval: 'manual' } } } });
  await control(world.sandbox.url, `accounts/${account}`, { balance: 6_000 });
  const byHand = await stripe.payouts.create({ amount: 1_500, currency: 'usd' }, { stripeAccount: account });
  const failed = await stripe.payouts.create({ amount: 2_500, currency: 'usd' }, { stripeAccount: account });
  await control(world.sandbox.url, `payouts/${failed.id}`, { fail: 'account_closed' });
  payouts = { automatic: automatic!.id, byHand: byHand.id, failed: failed.id };
  await untilStored({ [automatic!.id]: 'paid', [byHand.id]: 'pending', [failed.id]: 'failed' });
}, 400_000);
afterAll(async () => {
  await browser?.close();
  await pages?.stop();
});

/** By Stripe's events, which the worker takes one after the other. */
async function untilStored(wanted: Record<string, string>): Promise<void> {
  const end = Date.now() + 120_000;
  for (;;) {
    const rows = await pages.world.sql<{ id: string; status: string }[]>`SELECT id, status FROM payouts`;
    if (Object.entries(wanted).every(([id, status]) => rows.some((row) => row.id === id && row.status === status)))
      return;
    if (Date.now() > end) throw new Error(`payouts did not get there: ${JSON.stringify({ wanted, rows })}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

describe.each([{ scripts: false }, { scripts: true }])('with scripts: $scripts', ({ scripts }) => {
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    ({ page, complaints } = await openPage(browser, { scripts }));
    await page.goto(`${pages.url}/sign-in`);
    await page.locator('button[name="person"][value="seller"]').click();
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
  }, 120_000);

  async function settlementOf(id: string): Promise<string> {
    await page.goto(`${pages.url}/money`);
    await page.locator(`a[href="/money/payouts/${id}"]`).click();
    await page.getByRole('heading', { level: 1 }).filter({ hasText: 'Payout of' }).waitFor();
    return (await page.locator('main').innerText()).replaceAll(/\s+/g, ' ');
  }

  test('of an automatic payout every part stands with its escrow, and together they are the payout', async () => {
    const text = await settlementOf(payouts.automatic);
    expect(text).toContain('Payout of $90.00');
    expect(text).toContain('Paid out');
    expect(await page.getByRole('row', { name: /Together/ }).innerText()).toContain('$90.00');
    await page.getByRole('link', { name: 'A website' }).click();
    await page.waitForURL(`**/escrows/${escrow.id}`);
  }, 120_000);

  test('of one that the bank sent back it is said what the seller does now', async () => {
    const text = await settlementOf(payouts.failed);
    expect(text).toContain('Payout of $25.00 Failed');
    expect(text).toContain('Give Stripe another bank account');
    expect(text).toContain('the money is back in your Stripe balance');
  }, 120_000);

  test('of one that was asked for by hand nothing is made up', async () => {
    const text = await settlementOf(payouts.byHand);
    expect(text).toContain('Being prepared');
    expect(text).toMatch(/takes from the balance as a whole|by hand has no list/);
    expect(text).not.toContain('Together');
  }, 120_000);

  test('where Stripe does not answer the payout is shown all the same, and what to do', async () => {
    const down = { match: { path: '/v1/balance_transactions' }, kind: 'status', status: 500, times: 100 };
    await control(pages.world.sandbox.url, 'faults', down);
    try {
      const text = await settlementOf(payouts.automatic);
      expect(text).toContain('Payout of $90.00');
      expect(text).toContain('Stripe does not say what it is made of');
      expect(text).toContain('look again later');
    } finally {
      await control(pages.world.sandbox.url, 'faults', { clear: true });
    }
    expect(complaints).toEqual([]);
  }, 120_000);

  test('another seller’s is not there', async () => {
    const other = await openPage(browser, { scripts });
    await other.page.goto(`${pages.url}/sign-in`);
    await other.page.locator('button[name="person"][value="seller2"]').click();
    await other.page.getByRole('button', { name: 'Sign out' }).waitFor();
    expect((await other.page.goto(`${pages.url}/money/payouts/${payouts.automatic}`))!.status()).toBe(404);
  }, 120_000);
});
