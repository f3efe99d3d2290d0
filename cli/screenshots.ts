// A new user's first release, clicked through in a real browser against the running stack: measured, and photographed for the docs.
// `npm run screenshots` writes docs/screenshots; `-- --to DIR` elsewhere, `-- --dark` and `-- --phone` for a look at those.
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { loadSettings } from '../config/settings.ts';
import { startBrowser } from '../test/web/browser.ts';
import { finishWith } from './report.ts';

const LIMIT_MS = 60_000;
const MOST_BYTES = 150_000;

const { values } = parseArgs({
  options: {
    to: { type: 'string', default: path.join(import.meta.dirname, '../docs/screenshots') },
    dark: { type: 'boolean', default: false },
    phone: { type: 'boolean', default: false },
  },
});
const home = loadSettings(process.env).publicUrl;
const size = values.phone ? { width: 390, height: 844 } : { width: 1000, height: 760 };

interface Shooter {
  page: Page;
  /** From the top of the page, or from this element on. */
  shoot: (name: string, from?: string) => Promise<void>;
}

const pictures: string[] = [];

async function signIn(browser: Browser, person: string): Promise<Shooter> {
  const context = await browser.newContext({ viewport: size, colorScheme: values.dark ? 'dark' : 'light', locale: 'en-GB' });
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  const shoot = async (name: string, from = 'body') => {
    const file = path.join(values.to, `${name}.png`);
    await page.locator(from).first().evaluate('(element) => element.scrollIntoView({ behavior: "instant" })');
    await page.screenshot({ path: file, fullPage: values.phone, animations: 'disabled' });
    pictures.push(file);
  };
  await page.goto(home);
  if (person === 'buyer') await shoot('1-sign-in');
  await page.locator(`button[name="person"][value="${person}"]`).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  return { page, shoot };
} // prettier-ignore

/** Everything that the README tells a new user to click. Answers the escrow's address. */
async function firstRelease(browser: Browser): Promise<{ address: string; people: Shooter[] }> {
  const buyer = await signIn(browser, 'buyer');
  await buyer.page.getByRole('link', { name: 'New escrow' }).first().click();
  await buyer.page.getByLabel('Title').fill('A website for the bakery');
  await buyer.page.getByLabel('What is delivered').fill('Design and build');
  await buyer.page.getByLabel('Price').fill('1,200.00');
  await buyer.page.getByLabel('Seller’s e-mail').fill('seller@example.test');
  await buyer.page.locator('.actions').getByRole('button', { name: 'Show what it costs' }).click();
  await buyer.page.getByText('The buyer pays $1,200.00').first().waitFor();
  await buyer.shoot('2-new-escrow', '#milestones');
  await buyer.page.getByRole('button', { name: 'Propose it' }).click();
  await buyer.page.getByText('Proposed.').waitFor();
  const address = buyer.page.url().split('?')[0]!;

  const seller = await signIn(browser, 'seller');
  await seller.page.getByRole('link', { name: 'A website for the bakery' }).first().click();
  await seller.page.waitForURL(address);
  await seller.shoot('3-agree');
  await seller.page.getByRole('button', { name: 'Agree to these terms' }).click();
  await seller.page.getByText('You have agreed').waitFor();

  // Nobody loads a page again: each changes when the other side has acted.
  await buyer.page.getByRole('button', { name: /^Pay / }).first().click();
  await buyer.page.getByRole('button', { name: 'Pay with a card that works' }).waitFor();
  await buyer.shoot('4-pay');
  await buyer.page.getByRole('button', { name: 'Pay with a card that works' }).click();
  await buyer.page.getByText('The money is held until').first().waitFor();
  await buyer.shoot('5-held');

  await seller.page.getByRole('link', { name: 'Submit the work…' }).first().click();
  await seller.page.getByLabel('What you deliver').fill('The site is live; the sources are attached.');
  await seller.page.locator('#files').setInputFiles({ name: 'sources.txt', mimeType: 'text/plain', buffer: Buffer.from('git clone https://example.test/bakery.git\n') });
  await seller.shoot('6-submit');
  await seller.page.getByRole('button', { name: 'Submit the work' }).click();
  await seller.page.getByText('The work is submitted.').waitFor();

  await buyer.page.getByRole('link', { name: 'Accept the work…' }).first().click();
  await buyer.page.getByRole('button', { name: /^Accept / }).waitFor();
  await buyer.shoot('7-accept');
  await buyer.page.getByRole('button', { name: /^Accept / }).click();
  await buyer.page.getByText('was transferred to the seller').first().waitFor();
  await buyer.shoot('8-released');
  return { address, people: [buyer, seller] };
} // prettier-ignore

async function others(browser: Browser, address: string, [buyer, seller]: Shooter[]): Promise<void> {
  const look = async (who: Shooter, where: string, name: string) => {
    await who.page.goto(`${home}${where}`);
    await who.shoot(name);
  };
  const { pathname } = new URL(address);
  await look(buyer!, `${pathname}/money?term=released`, 'buyer-money');
  await look(seller!, '/escrows', 'seller-work');
  await look(seller!, '/money', 'seller-money');
  await look(seller!, '/statements', 'seller-statement');
  const ops = await signIn(browser, 'ops');
  await look(ops, '/ops', 'ops-today');
  await look(ops, `/ops/escrows/${pathname.split('/').at(-1)!}`, 'ops-all-sides');
  await look(ops, '/ops/health?invariants=true', 'ops-health');
  await look(ops, '/ops/approvals', 'ops-approvals');
  await look(ops, '/ops/audit?verify=true', 'ops-audit');
}

mkdirSync(values.to, { recursive: true });
const browser = await startBrowser();
try {
  const started = performance.now();
  const { address, people } = await firstRelease(browser);
  const tookMs = Math.round(performance.now() - started);
  await others(browser, address, people);
  const large = pictures.filter((file) => statSync(file).size > MOST_BYTES).map((file) => path.basename(file));
  finishWith({
    ok: tookMs < LIMIT_MS && (large.length === 0 || values.phone),
    first_release_ms: tookMs,
    pictures: pictures.length,
    too_large: large,
  });
} finally {
  await browser.close();
}
