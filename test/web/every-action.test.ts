// By construction: every action of the pages on an escrow is done by clicking in a real Chromium, without scripts and with them.
// A new action fails to compile without its scene.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { ACTIONS, type PageAction } from '../../web/words.ts';
import { castOf } from '../stack/api.ts';
import { openPage, startBrowser, type Visit } from './browser.ts';
import { unclicked } from './clicks.ts';
import { type PagesWorld, startPagesWorld } from './pages-world.ts';
import { type Scene, SCENES } from './scenes.ts';

let pages: PagesWorld;
let browser: Browser;

beforeAll(async () => {
  [pages, browser] = await Promise.all([startPagesWorld(), startBrowser()]);
}, 400_000);
afterAll(async () => {
  await browser?.close();
  await pages?.stop();
});

async function signedIn(person: string, scripts: boolean): Promise<Visit> {
  const visit = await openPage(browser, { scripts });
  await visit.page.goto(`${pages.url}/sign-in`);
  await visit.page.locator(`button[name="person"][value="${person}"]`).click();
  await visit.page.getByRole('button', { name: 'Sign out' }).waitFor();
  return visit;
}

/** What the pages say themselves after it; of these they say something else. */
const SAYS: Partial<Record<PageAction, string>> = { fund: 'Paid. The money is held' };

describe.each([{ scripts: false }, { scripts: true }])('with scripts: $scripts', ({ scripts }) => {
  const visits = new Map<string, Visit>();

  beforeAll(async () => {
    for (const person of ['buyer', 'seller', 'ops']) visits.set(person, await signedIn(person, scripts));
  }, 200_000);

  test.each(Object.keys(ACTIONS) as PageAction[])(
    '%s',
    async (action) => {
      const cast = castOf(pages.world);
      const scene = await SCENES[action](cast);
      const { page, complaints } = visits.get(scene.person)!;
      await play(page, scene);
      await page.getByText(SAYS[action] ?? ACTIONS[action].done).first().waitFor(); // prettier-ignore
      const told = await cast.buyer.list<{ type: string }>(scene.escrowId, 'timeline');
      expect(told.map(({ type }) => type)).toContain(scene.told);
      expect(complaints).toEqual([]);
    },
    200_000,
  );
});

test('every form of this suite was sent and taken, in both ways', () => {
  expect(unclicked('every-action')).toEqual([]);
});

async function play(page: Page, { path, fill, press }: Scene): Promise<void> {
  await page.goto(`${pages.url}${path}`);
  for (const [name, value] of Object.entries(fill)) await page.locator(`main [name="${name}"]`).first().fill(value);
  for (const button of press) await page.locator(button).first().click();
}
