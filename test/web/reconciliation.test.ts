// Staff's pages of reconciliation through their forms: a run is started and read, a difference is explained, and its repair
// waits for a second person.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { dashboard, only, reconcile } from '../reconciliation/runs.ts';
import { apiOf } from '../stack/api.ts';
import { type HttpClient, signInAs } from './http-client.ts';
import { type PagesWorld, startPagesWorld } from './pages-world.ts';

let pages: PagesWorld;
let ops: HttpClient;
let ops2: HttpClient;
let auditor: HttpClient;
beforeAll(async () => {
  pages = await startPagesWorld();
  [ops, ops2, auditor] = await Promise.all([signInAs(pages.url, 'ops'), signInAs(pages.url, 'ops2'), signInAs(pages.url, 'auditor')]); // prettier-ignore
}, 400_000);
afterAll(() => pages?.stop());

const HOME = '/ops/reconciliations';

test('a run is started by a form, once however often it is sent, and not over too many days', async () => {
  expect((await ops.give(HOME, { days: '400' })).text).toContain('Days back is a whole number from 1 to 90.');
  const started = await ops.give(HOME, { days: '7', key: 'one-click' });
  expect(started.location).toMatch(/^\/ops\/reconciliations\/rec_[0-9a-f]{32}\?done=reconciling$/);
  expect((await ops.give(HOME, { days: '7', key: 'one-click' })).location).toBe(started.location);
  expect((await auditor.get(HOME)).text).toContain('a person');
  expect((await auditor.get(HOME)).text).not.toContain('Reconcile now');
});

test('a difference shows both sides and its cause; its repair is asked for, and approved by another', async () => {
  const topUp = await dashboard(pages.world).topups.create({ amount: 4_200, currency: 'usd' });
  const { run, found } = await reconcile(apiOf(pages.world, pages.world.people.ops), { settle_seconds: 0 });
  const d = only(found, 'top_up_not_posted');
  const page = (await ops.get(`${HOME}/${run.id}`)).text;
  for (const words of [topUp.id, '$42.00', 'topped up, by hand', 'Post what Stripe booked'])
    expect(page).toContain(words);
  expect((await auditor.get(`${HOME}/${run.id}`)).text).not.toContain('Ask another of ops');
  const form = `${HOME}/${run.id}/differences/${d.n}/repair`;
  expect((await ops.give(form, { repair: 'post', reason: '' })).text).toContain('give a reason');
  expect((await ops.give(form, { repair: 'post', reason: 'our float' })).location).toBe(`${HOME}/${run.id}?done=approval_asked`); // prettier-ignore
  const asked = (await ops.get(`${HOME}/${run.id}`)).text;
  const approval = /\/ops\/approvals\/(apr_[0-9a-f]+)/.exec(asked)![1]!;
  const request = (await ops2.get(`/ops/approvals/${approval}`)).text;
  expect(request).toContain('our float');
  const hash = /name="params_hash" value="([^"]+)"/.exec(request)![1]!;
  await ops2.give(`/ops/approvals/${approval}/approve`, { params_hash: hash });
  expect((await ops.get(`${HOME}/${run.id}`)).text).toContain('posted as top up');
  expect(await pages.world.sql`SELECT FROM ledger_transactions WHERE kind = 'top_up' AND idempotency_key LIKE 'reconciled:%'`).toHaveLength(1); // prettier-ignore
});
