// Chromium out of npm, for tests that click. One browser for a suite; each person gets a context of their own.
import chromium from '@sparticuz/chromium';
import { chromium as playwright, type Browser, type Page } from 'playwright-core';
import { noteClicks } from './clicks.ts';

/** In one process, what a page's script fetches carries the cookies of another person's context. */
const MIXES_PEOPLE = '--single-process';

/** As root, Chromium runs only without its own sandbox; what it opens here is our own pages. */
export async function startBrowser(): Promise<Browser> {
  return playwright.launch({
    args: [...chromium.args.filter((arg) => arg !== MIXES_PEOPLE), '--no-sandbox'],
    executablePath: await chromium.executablePath(),
  });
}

export interface Visit {
  page: Page;
  /** What a page's scripts or policies complained of. */
  complaints: string[];
}

export interface VisitOptions {
  scripts: boolean;
}

export async function openPage(browser: Browser, options: VisitOptions): Promise<Visit> {
  const context = await browser.newContext({
    javaScriptEnabled: options.scripts,
    colorScheme: 'light',
    timezoneId: 'Europe/Berlin',
    viewport: { width: 1000, height: 900 },
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  noteClicks(page, options.scripts);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // Chromium notes every 4xx answer as an error, and refusals are meant here; htmx notes each question that nobody waits for
    // any more, because a person has typed on or gone to another page.
    if (
      message.type() === 'error' &&
      !/^(Failed to load resource|htmx:(sendAbort|afterRequest),)/.test(message.text())
    ) {
      complaints.push(message.text());
    }
  });
  return { page, complaints };
}
