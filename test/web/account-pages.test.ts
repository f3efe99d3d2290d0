// The pages of one's own account and of messages, in a real Chromium: by clicking, with and without scripts, and without an
// accessibility violation in either theme.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import pino from 'pino';
import { createPerson } from '../../db/people.ts';
import { createSession } from '../../db/sessions.ts';
import { stepAt, totpAt } from '../../db/totp.ts';
import { mailLinks } from '../../worker/mail-links.ts';
import { type MailerParts, sendDue } from '../../worker/mailer.ts';
import { apiOf, proposal } from '../stack/api.ts';
import { violationsInBothThemes } from './axe.ts';
import { openPage, startBrowser, type Visit } from './browser.ts';
import { unclicked } from './clicks.ts';
import { type PagesWorld, startPagesWorld } from './pages-world.ts';

let pages: PagesWorld;
let browser: Browser;
let mailer: MailerParts;

beforeAll(async () => {
  [pages, browser] = await Promise.all([startPagesWorld(), startBrowser()]);
  const { sql } = pages.world;
  mailer = { sql, transport: null, publicUrl: pages.url, sandbox: true, linkFor: mailLinks(sql, pages.url), logger: pino({ level: 'silent' }) }; // prettier-ignore
}, 400_000);
afterAll(async () => {
  await browser?.close();
  await pages?.stop();
});

const PASSWORD = 'a rather long sentence';
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).first();
const sendMails = async () => {
  while ((await sendDue(mailer)) > 0);
};

async function as(name: string, scripts: boolean): Promise<Visit> {
  const visit = await openPage(browser, { scripts });
  await visit.page.goto(`${pages.url}/sign-in`);
  await visit.page.locator(`button[name="person"][value="${name}"]`).click();
  await button(visit.page, 'Sign out').waitFor();
  return visit;
}

describe.each([{ scripts: false }, { scripts: true }])('with scripts: $scripts', ({ scripts }) => {
  // axe runs inside the page, so that it looks only where scripts do.
  const look = async (page: Page) => {
    if (!scripts) return;
    expect(await violationsInBothThemes(page)).toEqual([]);
  };

  test('what waits on a person is read, opened and chosen; staff see each mail', async () => {
    const { people } = pages.world;
    const title = `Told ${String(scripts)}`;
    const propose = (of: string) => apiOf(pages.world, people.buyer).propose(proposal(people.seller.id, [10_000], { title: of })); // prettier-ignore
    const { id } = await propose(title);
    await propose('Another');
    await sendMails();
    const seller = await as('seller', scripts);
    const { page } = seller;
    await page.getByRole('link', { name: 'Notifications' }).click();
    await page.getByText(`Please agree: “${title}”`).waitFor();
    await page.getByText('Waits on you').first().waitFor();
    await look(page);
    await button(page, `Read the terms: Please agree: “${title}”`).click();
    await page.waitForURL(`**/escrows/${id}`);
    await page.goto(`${pages.url}/notifications`);
    await button(page, /^Mark all \d+ as read$/).click();
    await page.getByText('Everything is marked as read.').waitFor();

    await page.getByRole('link', { name: 'Choose which of them are mailed to you' }).click();
    await look(page);
    const agree = page.getByLabel('New terms wait for your agreement');
    expect(await page.getByLabel(/^A payout to your bank failed/).isDisabled()).toBe(true);
    await agree.setChecked(!scripts);
    await button(page, 'Save').click();
    await page.getByText('Saved: this is what is mailed').waitFor();
    expect(await agree.isChecked()).toBe(!scripts);

    const ops = await as('ops', scripts);
    await ops.page.getByRole('link', { name: 'Outbox' }).click();
    await ops.page.getByText('What it says').first().click();
    await ops.page.locator('details[open] .mail-text').getByText('Hello').waitFor();
    await look(ops.page);
    expect([...seller.complaints, ...ops.complaints]).toEqual([]);
  });

  test('an invited seller makes an account, turns on a second factor, signs in by it, and sees the sessions', async () => {
    const email = `guest-${String(scripts)}@example.test`;
    const buyer = await as('buyer', scripts);
    await buyer.page.getByRole('link', { name: 'Invite' }).click();
    await buyer.page.getByLabel('E-mail').fill(email);
    await buyer.page.getByLabel('A word to them').fill('Let us work together');
    await button(buyer.page, 'Invite a seller').click();
    await buyer.page.getByText('Invited: a link is on its way').waitFor();
    await look(buyer.page);
    const mistaken = `mistaken-${email}`;
    await buyer.page.getByLabel('E-mail').fill(mistaken);
    await button(buyer.page, 'Invite a seller').click();
    await button(buyer.page, `Take back the invitation of ${mistaken}`).click();
    await buyer.page.getByText('The invitation is taken back').waitFor();

    await sendMails();
    const [mail] = await pages.world.sql<{ body_text: string }[]>`SELECT body_text FROM mails WHERE address = ${email}`;
    const guest = await openPage(browser, { scripts });
    const { page } = guest;
    await page.goto(/https?:\S+token=\S+/.exec(mail!.body_text)![0]);
    await page.getByText('invites you as a seller').waitFor();
    await look(page);
    await page.getByLabel('Your name').fill('Gil Guest');
    await page.getByLabel('Country').fill('us');
    await page.getByLabel('New password').fill('aaaaaaaaaaaa');
    await button(page, 'Make my account').click();
    await page.getByText('guessed at once').waitFor();
    expect(await page.getByLabel('Your name').inputValue()).toBe('Gil Guest');
    await page.getByLabel('New password').fill(PASSWORD);
    await button(page, 'Make my account').click();
    await page.waitForURL('**/verification');

    await page.getByRole('link', { name: 'Security' }).click();
    await look(page);
    await button(page, 'Turn it on').click();
    const secret = (await page.locator('code.id').first().innerText()).replaceAll(/\s/g, '');
    await look(page);
    await page.getByLabel('Code').fill('000000');
    await button(page, 'Turn it on').click();
    await page.getByText('The code is not right.').waitFor();
    await page.getByLabel('Code').fill(totpAt(secret, stepAt(Date.now())));
    await button(page, 'Turn it on').click();
    await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
    const recovery = await page.locator('.codes code').first().innerText();
    await look(page);

    await button(page, 'Sign out').click();
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password').fill(PASSWORD);
    await button(page, 'Sign in').click();
    await page.waitForURL('**/sign-in/code');
    await look(page);
    await page.getByLabel('Code').fill(recovery);
    await button(page, 'Sign in').click();
    await button(page, 'Sign out').waitFor();
    await page.goto(`${pages.url}/security`);
    await page.getByText('9 recovery codes are left').waitFor();
    await page.getByText('This one').waitFor();

    const [{ id }] = await pages.world.sql<[{ id: string }]>`SELECT id FROM people WHERE email = ${email}`;
    for (let i = 0; i < 3; i += 1) await createSession(pages.world.sql, id);
    await page.reload();
    await button(page, /^End the session of/).click();
    await page.getByText('The session has ended.').waitFor();
    await button(page, 'End all others').click();
    await page.getByText('Every other session of yours has ended.').waitFor();
    await button(page, 'New recovery codes').click();
    await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
    expect(await page.locator('.codes code').allInnerTexts()).not.toContain(recovery);
    await page.getByRole('link', { name: 'I have kept them' }).click();
    await page.getByText('10 recovery codes are left').waitFor();

    await pages.world.sql`UPDATE sessions SET proven_at = now() - interval '1 hour'`;
    await page.getByLabel('New password').fill('quite another sentence');
    await button(page, 'Change it').click();
    await page.getByRole('heading', { name: 'Is it still you?' }).waitFor();
    await look(page);
    await page.getByLabel('Code').fill(totpAt(secret, stepAt(Date.now()) + 1));
    await button(page, 'Go on').click();
    await page.waitForURL('**/security');
    await page.getByLabel('New password').fill('quite another sentence');
    await button(page, 'Change it').click();
    await page.getByText('Your password is changed.').waitFor();
    await button(page, 'Turn it off').click();
    await page.getByText('Your second factor is off.').waitFor();
    expect([...buyer.complaints, ...guest.complaints]).toEqual([]);
  });

  test('a forgotten password is set anew by the mailed link', async () => {
    const email = `forgetful-${String(scripts)}@example.test`;
    await createPerson(pages.world.sql, { email, name: 'Fay Forgetful', role: 'buyer', password: PASSWORD });
    const visit = await openPage(browser, { scripts });
    const { page } = visit;
    await page.goto(`${pages.url}/sign-in`);
    await look(page);
    await page.getByRole('link', { name: 'I forgot my password' }).click();
    await look(page);
    await page.getByLabel('E-mail').fill(email);
    await button(page, 'Send the link').click();
    await page.getByText('a link is on its way to it').waitFor();
    await sendMails();
    const [mail] = await pages.world.sql<{ body_text: string }[]>`SELECT body_text FROM mails WHERE address = ${email}`;
    const link = /https?:\S+token=\S+/.exec(mail!.body_text)![0];
    await page.goto(link);
    await look(page);
    await page.getByLabel('New password').fill('quite another sentence');
    await button(page, 'Set it').click();
    await page.getByText('Your new password is set.').waitFor();
    await page.goto(link);
    await page.getByRole('heading', { name: 'This link is over' }).waitFor();
    await look(page);
    await page.goto(`${pages.url}/sign-in`);
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password').fill('quite another sentence');
    await button(page, 'Sign in').click();
    await button(page, 'Sign out').waitFor();
    expect(visit.complaints).toEqual([]);
  });
});

test('every form of this suite was sent and taken, in both ways', () => {
  expect(unclicked('account-pages')).toEqual([]);
});
