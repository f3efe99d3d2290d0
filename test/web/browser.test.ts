// From sign-in to the released milestone by clicking, in a real Chromium, without scripts and with them.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { apiOf } from '../stack/api.ts';
import { openPage, startBrowser, type VisitOptions } from './browser.ts';
import { unclicked } from './clicks.ts';
import { type PagesWorld, startPagesWorld } from './pages-world.ts';

let pages: PagesWorld;
let browser: Browser;

beforeAll(async () => {
  [pages, browser] = await Promise.all([startPagesWorld(), startBrowser()]);
}, 400_000);

afterAll(async () => {
  await browser?.close();
  await pages?.stop();
});

async function signedIn(person: string, options: VisitOptions) {
  const visit = await openPage(browser, options);
  await visit.page.goto(`${pages.url}/`);
  await visit.page.locator(`button[name="person"][value="${person}"]`).click();
  await visit.page.getByRole('button', { name: 'Sign out' }).waitFor();
  return visit;
}

/** Without scripts a person looks again; with them the page changes by itself. */
async function until(page: Page, text: string | RegExp, scripts: boolean): Promise<void> {
  const shown = page.getByText(text).first();
  if (scripts) return shown.waitFor();
  const deadline = Date.now() + 120_000;
  while (!(await shown.isVisible())) {
    if (Date.now() > deadline) throw new Error(`${String(text)} did not appear on ${page.url()}`);
    await page.reload();
  }
}

describe.each([{ scripts: false }, { scripts: true }])('with scripts: $scripts', ({ scripts }) => {
  test('buyer and seller go from a new escrow to released money by clicking', async () => {
    const buyer = await signedIn('buyer', { scripts });
    const seller = await signedIn('seller', { scripts });
    const { page } = buyer;

    await page.getByRole('link', { name: 'New escrow' }).first().click();
    await page.getByLabel('Title').fill('A website');
    await page.getByLabel('What is delivered').fill('Design');
    await page.getByLabel('Price').fill('1,000.00');
    await page.getByLabel('Seller’s e-mail').fill('seller@example.test');
    await page.getByRole('button', { name: 'Add another milestone' }).click();
    await page.getByLabel('What is delivered').nth(1).fill('Build');
    await page.getByLabel('Price').nth(1).fill('a lot');
    await page.getByRole('button', { name: 'Propose it' }).click();
    await page.getByText('Write an amount in USD').waitFor();
    expect(await page.getByLabel('Title').inputValue()).toBe('A website');
    await page.getByRole('button', { name: 'Remove milestone 2' }).click();
    await page.locator('.actions').getByRole('button', { name: 'Show what it costs' }).click();
    await page.getByText('The buyer pays $1,000.00').waitFor();
    await page.getByRole('button', { name: 'Propose it' }).click();
    await page.getByText('Proposed. Everybody else').waitFor();
    const address = page.url().split('?')[0]!;
    // Whoever proposed has agreed: nothing is left to agree to.
    expect(await page.getByRole('button', { name: 'Agree to these terms' }).count()).toBe(0);

    await seller.page.goto(`${pages.url}/escrows?show=needs-you`);
    await seller.page.getByRole('link', { name: 'A website' }).first().click();
    await seller.page.getByRole('button', { name: 'Agree to these terms' }).click();
    await seller.page.getByText('You have agreed to the terms.').waitFor();

    await until(page, 'Pay for this milestone.', scripts);
    await page.getByRole('button', { name: 'Pay $1,000.00' }).click();
    await page.getByRole('button', { name: 'Pay with a card that is declined' }).click();
    await page.getByText('Nothing was charged. Try another way to pay.').waitFor();
    await page.getByRole('button', { name: 'Pay with a card whose bank asks you' }).click();
    await page.getByRole('link', { name: 'Go on to your bank' }).click();
    await page.getByRole('button', { name: 'Complete authentication' }).click();
    await until(page, 'It is paid, and held.', scripts);
    await page.getByRole('link', { name: 'Go on to the escrow' }).click();
    await page.getByText('It adds up').waitFor();

    await until(seller.page, 'Paid, held', scripts);
    await seller.page.getByRole('button', { name: 'Start the work' }).first().click();
    await seller.page.getByRole('link', { name: 'Submit the work…' }).first().click();
    await seller.page.getByRole('textbox', { name: /^What you deliver/ }).fill('See the attached <b>files</b>');
    await seller.page.getByRole('button', { name: 'Submit the work' }).click();
    await seller.page.getByText('The work is submitted.').waitFor();

    await until(page, 'See the attached <b>files</b>', scripts);
    await page.getByRole('link', { name: 'Accept the work…' }).first().click();
    await page.getByText('$900.00 goes from what is held to seller.').waitFor();
    await page.getByText('$100.00 of what is held becomes Tranche’s fee.').waitFor();
    await page.getByRole('button', { name: 'Accept $1,000.00' }).click();
    await page.getByText('Accepted. The money is on its way').waitFor();
    await until(page, '$900.00 was transferred to the seller', scripts);
    await until(page, 'Completed', scripts);

    const id = address.split('/').at(-1)!;
    const escrow = await apiOf(pages.world, pages.world.people.buyer).escrow(id);
    expect(escrow.status).toBe('completed');
    expect(escrow.money['released']).toEqual({ amount: 90_000, currency: 'usd' });
    expect(escrow.money['fees']).toEqual({ amount: 10_000, currency: 'usd' });
    expect([...buyer.complaints, ...seller.complaints]).toEqual([]);
  }, 400_000);
});

test('the costs follow what is typed, without a click', async () => {
  const { page, complaints } = await signedIn('buyer', { scripts: true });
  await page.goto(`${pages.url}/escrows/new`);
  await page.getByLabel('Title').fill('A website');
  await page.getByLabel('What is delivered').fill('Design');
  await page.locator('#m_amount_0').fill('1,000.00');
  await page.getByLabel('Seller’s e-mail').fill('seller@example.test');
  await page.getByText('The buyer pays $1,000.00').waitFor();
  await page.getByLabel('Who pays the fee').selectOption('buyer');
  await page.getByText('The buyer pays $1,100.00').waitFor();
  await page.locator('#m_amount_0').fill('a lot');
  await page.getByText('The costs and the terms in sentences appear here').waitFor();
  expect(await page.getByText('needs another look').count()).toBe(0);
  expect(complaints).toEqual([]);
}, 400_000);

test('every form of this suite was sent and taken, in both ways', () => {
  expect(unclicked('browser')).toEqual([]);
});
