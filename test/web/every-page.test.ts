// By construction, of every page that is served: no accessibility violation in either theme, under 50 KB gzipped at a first load,
// no scrolling sideways on a phone, and no form that leads nowhere. A page without a row in looks.ts fails.
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { servedRoutes } from '../authorization/routes.ts';
import type { PersonName } from '../stack/world.ts';
import { violationsInBothThemes } from './axe.ts';
import { openPage, startBrowser } from './browser.ts';
import { type Look, looksOf, NO_PAGE } from './looks.ts';
import { type PagesWorld, startPagesWorld } from './pages-world.ts';

const FIRST_LOAD_BYTES = 50_000;
const PHONE = { width: 360, height: 740 };
const DESK = { width: 1000, height: 900 };

let pages: PagesWorld;
let browser: Browser;
let served: string[];
let looks: Record<string, Look[]>;

beforeAll(async () => {
  [pages, browser] = await Promise.all([startPagesWorld(), startBrowser()]);
  looks = await looksOf(pages);
  served = servedRoutes();
}, 600_000);
afterAll(async () => {
  await browser?.close();
  await pages?.stop();
});

test('every page stands in the table, or it is said why not', () => {
  const known = [...Object.keys(looks), ...Object.keys(NO_PAGE)];
  expect(served.filter((route) => route.startsWith('GET ') && !route.startsWith('GET /v1/')).sort()).toEqual(known.sort()); // prettier-ignore
  expect(Object.keys(looks).filter((route) => looks[route]!.length === 0)).toEqual([]);
});

test('no page has an accessibility violation in either theme, is heavy, scrolls sideways on a phone, or has a form to nowhere', async () => {
  const faults: string[] = [];
  const all = Object.values(looks).flat();
  for (const person of new Set(all.map(([each]) => each))) {
    const page = await visitOf(person);
    for (const [, path] of all.filter(([each]) => each === person)) {
      if (typeof path !== 'string') await path(page);
      else {
        const answer = await page.goto(`${pages.url}${path}`);
        const expected = path === '/nowhere' ? 404 : path.endsWith('token=over') ? 410 : 200;
        if (answer!.status() !== expected) faults.push(`${path} as ${person}: answers ${answer!.status()}`);
        const bytes = await firstLoad(page, await answer!.body());
        if (bytes >= FIRST_LOAD_BYTES) faults.push(`${path}: ${bytes} bytes at a first load`);
      }
      const seen = [...(await formsToNowhere(page)), ...(await sideways(page)), ...(await violations(page))];
      faults.push(...seen.map((fault) => `${new URL(page.url()).pathname} as ${person}: ${fault}`));
    }
    await page.context().close();
  }
  expect(faults).toEqual([]);
}, 1_800_000);

async function visitOf(person: PersonName | null): Promise<Page> {
  const { page } = await openPage(browser, { scripts: true });
  if (person === null) return page;
  await page.goto(`${pages.url}/sign-in`);
  await page.locator(`button[name="person"][value="${person}"]`).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  return page;
}

const weights = new Map<string, number>();

/** Bytes, gzipped: the page and the assets that it names. */
async function firstLoad(page: Page, html: Buffer): Promise<number> {
  const assets = new Set([...html.toString().matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((match) => match[1]!));
  let total = gzipSync(html).length;
  for (const asset of assets) {
    if (!weights.has(asset)) weights.set(asset, gzipSync(await (await page.request.get(`${pages.url}${asset}`)).body()).length); // prettier-ignore
    total += weights.get(asset)!;
  }
  return total;
}

async function formsToNowhere(page: Page): Promise<string[]> {
  const actions = await page.locator('form[method="post"]').evaluateAll((forms) => forms.map((form) => form.getAttribute('action') ?? '')); // prettier-ignore
  const taken = (path: string) => served.some((route) => new RegExp(`^${route.replaceAll(/:\w+/g, '[^/]+')}$`).test(`POST ${path}`)); // prettier-ignore
  return [...new Set(actions)].filter((path) => !taken(path)).map((path) => `a form posts to ${path}, which is not served`); // prettier-ignore
}

async function sideways(page: Page): Promise<string[]> {
  await page.setViewportSize(PHONE);
  const width = (await page.evaluate('document.documentElement.scrollWidth')) as number;
  await page.setViewportSize(DESK);
  return width > PHONE.width ? [`is ${width} px wide on a phone of ${PHONE.width}`] : [];
}

async function violations(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (let part = 0; await showPart(page, part); part += 1) found.push(...(await violationsInBothThemes(page)));
  return found;
}

/**
 * Leaves a long page's part alone in the document, so that axe, whose time grows by the square of it, looks at all of it in
 * seconds. Answers false when there is no such part; a short page is its only one.
 */
async function showPart(page: Page, part: number): Promise<boolean> {
  return (await page.evaluate(`(() => {
    const LONG = 1200;
    const main = document.querySelector('main') ?? document.body;
    if (window.parts === undefined) {
      window.parts = [[]];
      let size = 0;
      for (const child of [...main.children]) {
        const own = child.querySelectorAll('*').length + 1;
        if (size > 0 && size + own > LONG) { window.parts.push([]); size = 0; }
        window.parts.at(-1).push(child);
        size += own;
      }
    }
    const shown = window.parts[${part}];
    if (shown === undefined) return false;
    if (window.parts.length > 1) {
      // The headings above a part stand for those of the whole page.
      const heading = (name) => Object.assign(document.createElement(name), { textContent: 'A part of the page' });
      const above = shown[0].matches('section') ? [heading('h1'), heading('h2')] : shown[0].matches('h1') ? [] : [heading('h1')];
      main.replaceChildren(...above, ...shown);
    }
    return true;
  })()`)) as boolean;
}
