// The page where a card is entered, with a publishable key: Stripe's script is let in there alone; what does not load is said;
// what it confirms is this very payment. Stripe's own script cannot be had here: a stand-in answers at its address.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { apiOf } from '../stack/api.ts';
import { control } from '../stack/world.ts';
import { openPage, startBrowser, type Visit } from './browser.ts';
import { signInAs } from './http-client.ts';
import { type PagesWorld, startPagesWorld } from './pages-world.ts';

let pages: PagesWorld;
let browser: Browser;
let address: string;
let clientSecret: string;

beforeAll(async () => {
  [pages, browser] = await Promise.all([startPagesWorld({ STRIPE_PUBLISHABLE_KEY: 'pk_test_pages' }), startBrowser()]);
}, 400_000);
afterAll(async () => {
  await browser?.close();
  await pages?.stop();
});

beforeEach(async () => {
  const { buyer, seller } = pages.world.people;
  const api = apiOf(pages.world, buyer);
  const { id } = await api.propose({ title: 'By card', currency: 'usd', funding: 'upfront', milestones: [{ title: 'M', amount: 10_000, seller_id: seller.id }] }); // prettier-ignore
  await apiOf(pages.world, seller).agree(id);
  const { payment } = await api.fund(id, {});
  address = `${pages.url}/pay/${payment.id}`;
  clientSecret = payment.client_secret!;
}, 120_000);

/** Enough of Stripe.js for the page: what it was given is kept, and confirming answers as told. */
const standIn = (error: string | null) => `
  window.Stripe = (key, options) => {
    const given = { key, options };
    window.given = given;
    return {
      elements: (o) => {
        given.elements = o;
        return { create: () => {
          const on = {};
          return { on: (name, run) => { on[name] = run; }, mount: (at) => {
            document.querySelector(at).textContent = 'Card number';
            setTimeout(() => on.ready(), 0);
          } };
        } };
      },
      confirmPayment: async (o) => {
        given.confirmed = o.confirmParams;
        return ${error === null ? '{}' : JSON.stringify({ error: { message: error } })};
      },
    };
  };`;

async function visit({ stripe }: { stripe: 'blocked' | 'works' | 'declines' }, scripts = true): Promise<Visit> {
  const opened = await openPage(browser, { scripts });
  await opened.page.route('https://js.stripe.com/**', (route) =>
    stripe === 'blocked'
      ? route.abort()
      : route.fulfill({ contentType: 'text/javascript', body: standIn(stripe === 'declines' ? 'Your card was declined.' : null) }),
  );
  await opened.page.goto(`${pages.url}/`);
  await opened.page.locator('button[name="person"][value="buyer"]').click();
  await opened.page.getByRole('button', { name: 'Sign out' }).waitFor();
  await opened.page.goto(address);
  return opened;
} // prettier-ignore

const given = (page: Page) => page.evaluate('window.given') as Promise<{ key: string; elements: { clientSecret: string }; confirmed?: { return_url: string } }>; // prettier-ignore

describe('with scripts', () => {
  test('the form confirms this payment and leads back to its page', async () => {
    const { page, complaints } = await visit({ stripe: 'works' });
    await page.getByRole('button', { name: 'Pay now' }).click();
    await page.waitForFunction('window.given?.confirmed');
    const facts = await given(page);
    expect([facts.key, facts.elements.clientSecret, facts.confirmed?.return_url]).toEqual(['pk_test_pages', clientSecret, address]); // prettier-ignore
    expect(complaints).toEqual([]);
  }, 120_000);

  test('a refusal is said, and the form stays', async () => {
    const { page } = await visit({ stripe: 'declines' });
    await page.getByRole('button', { name: 'Pay now' }).click();
    await page.getByText('Your card was declined.').waitFor();
    expect(await page.getByRole('button', { name: 'Pay now' }).isEnabled()).toBe(true);
  }, 120_000);

  test('a script that does not load is said, with what to do; nothing was charged', async () => {
    const { page } = await visit({ stripe: 'blocked' });
    await page.getByText('Stripe’s form did not load').waitFor();
    expect(await page.getByRole('button', { name: 'Pay now' }).isVisible()).toBe(false);
  }, 120_000);
});

describe.each([{ scripts: false }, { scripts: true }])(
  'on Stripe’s own page, with scripts: $scripts',
  ({ scripts }) => {
    test('the buyer pays there and comes back; what they left open here is closed', async () => {
      const { page, complaints } = await visit({ stripe: 'blocked' }, scripts);
      await page.getByRole('button', { name: 'Pay on Stripe’s page' }).click();
      await page.waitForURL('**/checkout/**');
      const sandbox = page.url();
      await page.goBack();
      // Gone back, they find the way there again, and another way.
      await page.goto(`${pages.url}/escrows`);
      await page.getByRole('link', { name: 'By card' }).first().click();
      await page.getByRole('button', { name: /^Pay \$100\.00/ }).click();
      await page.getByRole('link', { name: 'Go on to Stripe’s page' }).click();
      expect(page.url()).toBe(sandbox);
      await page.getByRole('button', { name: 'Card that is declined' }).click();
      await page.getByText('declined').first().waitFor();
      await page.getByRole('button', { name: /^Card that works|Card that succeeds/ }).click();
      await page.waitForURL('**/pay/*redirect_status=returned');
      expect(page.url().startsWith(`${pages.url}/pay/`)).toBe(true);
      expect(new URL(page.url()).pathname).not.toBe(new URL(address).pathname);
      const paid = page.getByText('It is paid, and held.');
      for (const end = Date.now() + 120_000; !(await paid.isVisible()); await page.reload())
        expect(Date.now()).toBeLessThan(end);
      // The page of the payment that was left says so.
      await page.goto(address);
      await page.getByText('This payment was cancelled. Nothing was charged.').waitFor();
      expect(complaints.filter((line) => !line.includes('js.stripe.com'))).toEqual([]);
    }, 300_000);

    test('a page there that is over leads to another way', async () => {
      const { page } = await visit({ stripe: 'blocked' }, scripts);
      await page.getByRole('button', { name: 'Pay on Stripe’s page' }).click();
      await page.waitForURL('**/checkout/**');
      const session = new URL(page.url()).pathname.split('/').at(-1)!;
      await control(pages.world.sandbox.url, 'webhooks', { delay_ms: 60_000 });
      try {
        await fetch(`${pages.world.sandbox.url}/v1/checkout/sessions/${session}/expire`, { method: 'POST', headers: { authorization: 'Bearer sk_test_sandbox' } }); // prettier-ignore
        await page.goto(`${pages.url}/escrows`);
        await page.getByRole('link', { name: 'By card' }).first().click();
        await page.getByRole('button', { name: /^Pay \$100\.00/ }).click();
        // The page that is over was noticed, and the buyer stands before a new payment.
        await page.getByRole('button', { name: 'Pay on Stripe’s page' }).click();
        await page.waitForURL('**/checkout/**');
        expect(page.url()).not.toContain(session);
      } finally {
        await control(pages.world.sandbox.url, 'webhooks', { delay_ms: 0 });
      }
    }, 300_000);
  },
);

// Chromium's switch for scripts does not show <noscript>, which a browser without scripts does: the page itself is read.
test('without scripts the page says that a card needs them, and shows no form', async () => {
  const page = await (await signInAs(pages.url, 'buyer')).get(new URL(address).pathname);
  expect(/<noscript>(.*?)<\/noscript>/s.exec(page.text)?.[1]).toContain('A card can only be entered where scripts run');
  expect(page.text).toMatch(/<form hidden=""/);
  expect(page.text).toMatch(/id="stripe-loading"[^>]* hidden=""/);
});

test('Stripe’s script is let in on this page alone, and its secret is the buyer’s alone', async () => {
  const [buyer, seller] = await Promise.all([signInAs(pages.url, 'buyer'), signInAs(pages.url, 'seller')]);
  const path = new URL(address).pathname;
  const page = await buyer.get(path);
  const policy = page.headers.get('content-security-policy')!;
  expect(policy).toContain("script-src 'self' https://js.stripe.com https://*.js.stripe.com");
  expect(policy).toContain('frame-src https://js.stripe.com');
  expect(policy).not.toContain('unsafe');
  expect((await buyer.get('/escrows')).headers.get('content-security-policy')).not.toContain('js.stripe.com');
  expect((await buyer.get('/escrows')).text).not.toContain('js.stripe.com');
  expect((await seller.get(path)).text).not.toContain(clientSecret);
});
