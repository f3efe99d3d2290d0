// By construction: what the API's calls change outside an escrow's own actions is done by clicking in a real Chromium, without
// scripts and with them: staff's queues, chargebacks, payout schedules, verification. What has no form says why in clicks.ts.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { newId } from '../../db/ids.ts';
import { openDispute, untilDispute } from '../chargebacks/acts.ts';
import { dashboard, reconcile } from '../reconciliation/runs.ts';
import { debtsOf, refundBy, releasedEscrow, setSellerBalance, untilMoney } from '../recovery/steps.ts';
import { castOf, type EscrowObject, fundedEscrow, proposal, untilEscrow } from '../stack/api.ts';
import { backdatePayment, paidByDebit } from '../stack/backdate.ts';
import { topUpFloat } from '../stack/books.ts';
import { type PersonName, setTransfers } from '../stack/world.ts';
import { accountOf } from '../workflows/steps.ts';
import { openPage, startBrowser, type Visit } from './browser.ts';
import { CLICKED_IN, FORM_OF, formRoutes, NO_FORM, routeOf, unclicked } from './clicks.ts';
import { type PagesWorld, startPagesWorld } from './pages-world.ts';

let pages: PagesWorld;
let browser: Browser;
let cast: ReturnType<typeof castOf>;
let debt: string;

beforeAll(async () => {
  [pages, browser] = await Promise.all([startPagesWorld(), startBrowser()]);
  const { world } = pages;
  cast = castOf(world);
  await topUpFloat(world, 'usd', 10_000_000n);
  debt = await debtOfSeller2();
}, 400_000);
afterAll(async () => {
  await browser?.close();
  await pages?.stop();
});

/** $80.00, because Stripe’s balance of the seller had $10.00 of the $90.00 that the buyer was given back. */
async function debtOfSeller2(): Promise<string> {
  const { id: seller } = cast.seller2.person;
  const escrow = await releasedEscrow(cast, [10_000], {}, 'seller2');
  await setSellerBalance(pages.world, seller, 1_000);
  await refundBy(cast.buyer, escrow, { amount: 10_000, reason: 'It fell apart' });
  await refundBy(cast.seller2, escrow, { reason: 'I agree' });
  await untilMoney(cast, escrow.id, { owed: 8_000 });
  return (await debtsOf(pages.world, seller))[0]!.id;
}

const funded = (amount = 10_000): Promise<EscrowObject> =>
  fundedEscrow(cast.buyer, [cast.seller], proposal(cast.seller.person.id, [amount]));

interface Approval {
  id: string;
  kind: string;
  status: string;
  escrow_id: string | null;
}
const approvals = async (wanted: (a: Approval) => boolean): Promise<Approval[]> =>
  (await cast.ops.get<{ data: Approval[] }>('/v1/ops/approvals?limit=100')).body.data.filter(wanted);

describe('by construction', () => {
  test('every form that is served stands in the table of clicks, and nothing that is gone does', () => {
    const known = [...Object.keys(CLICKED_IN), ...Object.keys(NO_FORM)];
    expect(formRoutes().sort()).toEqual(known.sort());
  });

  test('every call of the API that changes something has a form that is clicked, or it is said why not', () => {
    const { paths } = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as { paths: Record<string, Record<string, { operationId: string }>> }; // prettier-ignore
    const calls = Object.values(paths).flatMap((path) => Object.entries(path).flatMap(([method, { operationId }]) => (method === 'get' ? [] : [operationId]))); // prettier-ignore
    expect(calls.length).toBeGreaterThan(40);
    expect(calls.filter((id) => FORM_OF[id] === undefined)).toEqual([]);
    expect(Object.keys(FORM_OF).filter((id) => !calls.includes(id))).toEqual([]);
    expect(Object.values(FORM_OF).filter((form) => typeof form === 'string' && CLICKED_IN[form] === undefined)).toEqual([]); // prettier-ignore
  });

  test('a click is counted for the route that takes it', () => {
    const on = '/escrows/esc_1';
    const sent = [`${on}/amend`, `${on}/cancel`, `${on}/milestones/ms_1/accept`, '/security/sessions/end-others'];
    expect(sent.map((path) => routeOf(`POST ${path}`))).toEqual([
      'POST /escrows/:id/amend',
      'POST /escrows/:id/:action',
      'POST /escrows/:id/milestones/:mid/:action',
      'POST /security/sessions/end-others',
    ]);
  });
});

describe.each([{ scripts: false }, { scripts: true }])('by clicking, with scripts: $scripts', ({ scripts }) => {
  const visits = new Map<PersonName, Visit>();

  /** The one page of a person, signed in once. */
  async function as(person: PersonName, path: string): Promise<Page> {
    let visit = visits.get(person);
    if (visit === undefined) {
      visit = await openPage(browser, { scripts });
      visits.set(person, visit);
      await visit.page.goto(`${pages.url}/sign-in`);
      await visit.page.locator(`button[name="person"][value="${person}"]`).click();
      await visit.page.getByRole('button', { name: 'Sign out' }).waitFor();
    }
    await visit.page.goto(`${pages.url}${path}`);
    return visit.page;
  }
  const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).first().click();
  const says = (page: Page, text: string) => page.getByText(text).first().waitFor();

  test('a refund over the limit is approved by another of ops, and the money goes back', async () => {
    const { id, milestones } = await funded(200_000);
    await cast.ops.post(`/v1/escrows/${id}/milestones/${milestones[0]!.id}/refund`, { reason: 'The seller is gone' });
    const page = await as('ops2', '/ops/approvals?status=pending');
    await page.getByRole('link', { name: 'Refund' }).first().click();
    await says(page, '$2,000.00');
    await press(page, 'Approve, and carry it out');
    await says(page, 'Approved, and carried out.');
    await untilMoney(cast, id, { refunded: 200_000 });
  }, 200_000);

  test('a repayment of a debt is recorded; its write-off is asked for, and denied by another', async () => {
    const open = async () => (await debtsOf(pages.world, cast.seller2.person.id)).find((d) => d.id === debt)!;
    const before = Number((await open()).recovered);
    const page = await as('ops', `/ops/debts/${debt}`);
    await page.getByLabel('Amount').fill('10.00');
    await page.getByLabel('Reference').fill('SEPA 4711');
    await press(page, 'Record the repayment');
    await says(page, 'The repayment is recorded');
    await page.getByLabel('Reason').fill('Out of business');
    await page.getByRole('button', { name: /^Ask to write off/ }).click();
    await says(page, 'This waits for another person of ops');
    const [asked] = await approvals((a) => a.kind === 'write_off' && a.status === 'pending');
    const other = await as('ops2', `/ops/approvals/${asked!.id}`);
    await press(other, 'Deny');
    await says(other, 'Denied. Nothing is done.');
    expect([Number((await open()).recovered) - before, (await open()).status]).toEqual([1_000, 'open']);
  }, 200_000);

  test('reconciliation is run; what it finds is repaired by two', async () => {
    const page = await as('ops', '/ops/reconciliations');
    await press(page, 'Reconcile now');
    await says(page, 'It runs. Load this page again');

    const topUp = await dashboard(pages.world).topups.create({ amount: 4_200, currency: 'usd' });
    const { run, found } = await reconcile(cast.ops, { settle_seconds: 0 });
    const { n } = found.find((d) => d.kind === 'top_up_not_posted' && d.subject === topUp.id)!;
    await page.goto(`${pages.url}/ops/reconciliations/${run.id}`);
    const card = page.locator('section', { has: page.locator(`#difference-${n}`) });
    await card.getByLabel('Repair').selectOption('post');
    await card.getByLabel('Reason').fill('Our float');
    await card.getByRole('button', { name: 'Ask another of ops' }).click();
    await says(page, 'This waits for another person of ops');
    const [asked] = await approvals((a) => a.kind === 'reconciliation_repair' && a.status === 'pending');
    const other = await as('ops2', `/ops/approvals/${asked!.id}`);
    await press(other, 'Approve, and carry it out');
    await says(other, 'Approved, and carried out.');
    await page.reload();
    await says(page, 'posted as top up');
  }, 200_000);

  test('a decision over money that was held for too long is asked for', async () => {
    const { id } = await funded();
    await pages.world.sql`UPDATE movements SET created_at = created_at - interval '720 days', updated_at = updated_at - interval '720 days' WHERE escrow_id = ${id}`; // prettier-ignore
    const page = await as('ops', `/ops/escrows/${id}/force-decision`);
    await page.getByLabel('Where the money goes').selectOption('release');
    await page.getByLabel('Reason').fill('Nobody answers');
    await press(page, 'Ask for this decision');
    await says(page, 'This waits for another person of ops');
    expect(await approvals((a) => a.escrow_id === id && a.status === 'pending')).toHaveLength(1);
  }, 200_000);

  test('what Stripe can refund no more is asked to be paid by the bank', async () => {
    const { id } = await paidByDebit(pages.world, cast, [10_000]);
    await backdatePayment(pages.world, id, 181);
    const page = await as('ops', `/ops/escrows/${id}/refund-by-bank`);
    await page.getByLabel('Reference').fill('wire 44');
    await page.getByLabel('Reason').fill('The time has passed');
    await page.locator('main form .actions button[type="submit"]').click();
    await says(page, 'This waits for another person of ops');
    expect(await approvals((a) => a.escrow_id === id && a.status === 'pending')).toHaveLength(1);
  }, 200_000);

  test('an alert is closed with what was done, and an event goes into the queue again', async () => {
    const { sql } = pages.world;
    const [alert] = await sql<{ id: bigint }[]>`INSERT INTO alerts (kind, dedupe_key, detail) VALUES ('transfer_refused', ${newId('event')}, '{}') RETURNING id`; // prettier-ignore
    const page = await as('ops', '/ops');
    const form = page.locator(`form[action="/ops/alerts/${alert!.id}/resolve"]`);
    await page.locator('details', { has: form }).locator('summary').click();
    await form.getByLabel('What was done').fill('Topped up');
    await form.getByRole('button').click();
    await says(page, 'The alert is closed.');
    expect(await sql`SELECT 1 FROM alerts WHERE id = ${alert!.id} AND detail->>'note' = 'Topped up'`).toHaveLength(1);

    const event = `evt_${scripts}`;
    await sql`INSERT INTO stripe_events (id, type, livemode, state, body) VALUES (${event}, 'product.created', false, 'parked', ${sql.json({ id: event, type: 'product.created', data: { object: { id: 'prod_1', object: 'product' } } })})`; // prettier-ignore
    await page.goto(`${pages.url}/ops/events?state=parked`);
    await press(page, `Replay ${event}`);
    await says(page, 'The event waits in the queue again.');
    expect(await sql`SELECT 1 FROM stripe_events WHERE id = ${event} AND state = 'parked'`).toHaveLength(0);
  }, 200_000);

  test('a chargeback is answered with evidence and a file; of another the loss is accepted', async () => {
    const charged = async () => {
      const escrow = await funded();
      const dispute = await openDispute(pages.world, cast.buyer, escrow);
      await untilEscrow(cast.buyer, escrow.id, (e) => e.frozen.includes('card_dispute'));
      return { escrow, dispute };
    };
    const { dispute } = await charged();
    const page = await as('seller', `/disputes/${dispute.id}`);
    await page.getByLabel('What happened, for the bank').fill('It was delivered');
    await page.locator('input[name="receipt"]').setInputFiles({ name: 'receipt.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.7 paid') }); // prettier-ignore
    await press(page, 'Stage it');
    await says(page, 'Your evidence is staged.');
    await says(page, 'Keep receipt.pdf');
    await press(page, 'Send the evidence');
    await says(page, 'The evidence is sent to the bank.');
    await untilDispute(pages.world, dispute.stripe_dispute_id, (d) => d.status !== 'needs_response');

    const lost = await charged();
    await page.goto(`${pages.url}/disputes/${lost.dispute.id}`);
    await press(page, 'Accept the loss of $100.00');
    await says(page, 'You have accepted the loss.');
    await untilEscrow(cast.buyer, lost.escrow.id, (e) => e.money['charged_back']!.amount === 10_000);
  }, 200_000);

  test('a seller asks for another payout schedule', async () => {
    const person = scripts ? 'seller' : 'seller2';
    const page = await as(person, '/money');
    await page.getByLabel('How often').selectOption('weekly');
    await page.getByLabel('Weekday, for every week').selectOption('friday');
    await press(page, 'Ask for this schedule');
    await says(page, 'Your request waits for our staff.');
    const rows = await pages.world.sql`SELECT params FROM approvals WHERE kind = 'payout_schedule' AND requested_by = ${cast[person].person.id}`; // prettier-ignore
    expect(rows).toMatchObject([{ params: { interval: 'weekly', weekly_anchor: 'friday' } }]);
  }, 200_000);

  test('a seller who is not verified goes to Stripe and comes back verified', async () => {
    const { id } = cast.seller3.person;
    const { sql, sandbox } = pages.world;
    await setTransfers(sandbox.url, await accountOf(pages.world, id), 'inactive');
    await sql`UPDATE sellers SET transfers = 'inactive', status = 'restricted' WHERE id = ${id}`;
    const page = await as('seller3', '/verification');
    await press(page, 'Go on to Stripe’s verification');
    await press(page, 'Complete onboarding');
    await page.waitForURL('**/verification?done=onboarded');
    for (
      const end = Date.now() + 120_000;
      !(await page.getByText('Accepted work is transferred').isVisible());
      await page.reload()
    )
      // prettier-ignore
      expect(Date.now()).toBeLessThan(end);
    expect(await sql`SELECT 1 FROM sellers WHERE id = ${id} AND transfers = 'active'`).toHaveLength(1);
  }, 200_000);

  test('no page’s scripts or policies complained', () => {
    expect([...visits.values()].flatMap(({ complaints }) => complaints)).toEqual([]);
  });
});

test('every form of this suite was sent and taken, in both ways', () => {
  expect(unclicked('every-form')).toEqual([]);
});
