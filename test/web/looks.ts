// Every page that is served, by its route, in the states in which a person finds it: for tests that look at all of them.
import type { Page } from 'playwright-core';
import { ACTIONS, type PageAction } from '../../web/words.ts';
import { dealOf, personalOf } from '../authorization/things.ts';
import { reconcile } from '../reconciliation/runs.ts';
import { debtsOf, refundBy, releasedEscrow, setSellerBalance, untilMoney } from '../recovery/steps.ts';
import { castOf, proposal } from '../stack/api.ts';
import { topUpFloat } from '../stack/books.ts';
import type { PersonName } from '../stack/world.ts';
import type { PagesWorld } from './pages-world.ts';
import { type Scene, SCENES } from './scenes.ts';

/** Who looks (null: nobody signed in), and where; or the clicks that lead there. */
export type Look = readonly [person: PersonName | null, path: string | ((page: Page) => Promise<void>)];

/** Served, and no page that a person looks at. */
export const NO_PAGE: Readonly<Record<string, string>> = {
  'GET /openapi.json': 'a document',
  'GET /healthz': 'for machines',
  'GET /metrics': 'for machines',
  'GET /': 'leads on',
  'GET /statements.csv': 'a download',
  'GET /files/:id': 'a download',
  'GET /escrows/:id/events': 'a stream',
  'GET /sign-in/oidc': 'leads to the identity provider',
  'GET /sign-in/oidc/return': 'leads on',
  'GET /sign-in/code': 'opens after a password alone: account-pages.test.ts looks at it',
};

/** Makes what the pages show. Complete by every-page.test.ts: a route without a row fails there. */
export async function looksOf({ world, url }: PagesWorld): Promise<Record<string, Look[]>> {
  const cast = castOf(world);
  const { buyer, seller, seller2, ops } = cast;
  await topUpFloat(world, 'usd', 10_000_000n);
  const deal = await dealOf(world, { buyer: 'buyer', seller: 'seller' });
  const own = await personalOf(world, buyer.person.id);

  const released = await releasedEscrow(cast, [10_000], {}, 'seller2');
  await setSellerBalance(world, seller2.person.id, 1_000);
  await refundBy(buyer, released, { amount: 10_000, reason: 'It fell apart' });
  await refundBy(seller2, released, { reason: 'I agree' });
  await untilMoney(cast, released.id, { owed: 8_000 });
  const [debt] = await debtsOf(world, seller2.person.id);
  const asked = await ops.post<{ approval: { id: string } }>(`/v1/ops/debts/${debt!.id}/write-off`, { reason: 'Out of business' }); // prettier-ignore

  await world.sql`INSERT INTO alerts (kind, dedupe_key, detail) VALUES ('transfer_refused', 'looked at', '{}')`;
  const { run } = await reconcile(ops, { settle_seconds: 0 });
  const unpaid = await buyer.propose(proposal(seller.person.id, [50_000], { title: 'Not paid', currency: 'jpy' }));
  await seller.agree(unpaid.id);
  const { payment } = await buyer.fund(unpaid.id, {});

  const acting = (Object.keys(ACTIONS) as PageAction[]).filter((a) => ACTIONS[a].confirm && a !== 'amend');
  const scenes: Scene[] = [];
  // One after the other: on a busy machine a crowd of payments at once is answered with "not known yet".
  for (const action of acting) scenes.push(await SCENES[action](cast));
  const acts = (onMilestone: boolean): Look[] =>
    scenes
      .filter(({ path }) => path.includes('/milestones/') === onMilestone)
      .map(({ person, path }) => [person, path]);

  const on = `/escrows/${deal.escrow}`;
  return {
    'GET /docs': [[null, '/docs']],
    'GET /docs/errors': [[null, '/docs/errors']],
    'GET /sign-in': [[null, '/sign-in'], [null, '/sign-in?next=/money']],
    'GET /reset/ask': [[null, '/reset/ask']],
    'GET /reset': [[null, '/reset?token=over']],
    'GET /invitation': [[null, '/invitation?token=over']],
    'GET /security': [['buyer', '/security'], ['ops', '/security']],
    'GET /step-up': [['ops', '/step-up?next=/ops']],
    'GET /security/second-factor': [['auditor', async (page) => {
      await page.goto(`${url}/security`);
      await page.getByRole('button', { name: 'Turn it on' }).click();
      await page.getByLabel('Code').waitFor();
    }]],
    'GET /invitations': [['buyer', '/invitations'], ['ops', '/invitations']],
    'GET /escrows': [['buyer', '/escrows'], ['buyer2', '/escrows'], ['seller', '/escrows?show=needs-you'], ['buyer', '/nowhere']],
    'GET /escrows/new': [['buyer', '/escrows/new'], ['seller', '/escrows/new']],
    'GET /escrows/:id': [['buyer', on], ['seller', on], ['ops', on], ['buyer', `/escrows/${released.id}`], ['buyer', `/escrows/${unpaid.id}`]],
    'GET /escrows/:id/money': [['buyer', `${on}/money?term=held`], ['ops', `${on}/money`]],
    'GET /escrows/:id/:action': acts(false),
    'GET /escrows/:id/milestones/:mid/:action': acts(true),
    'GET /escrows/:id/amend': [['buyer', `/escrows/${deal.untouched}/amend`]],
    'GET /escrows/:id/receipts/:payment': [['buyer', `${on}/receipts/${deal.payment}`]],
    'GET /disputes/:id': [['seller', `/disputes/${deal.cardDispute}`], ['buyer', `/disputes/${deal.cardDispute}`], ['ops', `/disputes/${deal.cardDispute}`]],
    'GET /statements': [['buyer', '/statements'], ['seller2', '/statements']],
    'GET /money': [['seller', '/money'], ['seller2', '/money']],
    'GET /money/payouts/:id': [['seller', `/money/payouts/${deal.payout}`]],
    'GET /pay/:id': [['buyer', `/pay/${deal.payment}`], ['buyer', `/pay/${payment.id}`], ['seller', `/pay/${payment.id}`]],
    'GET /verification': [['seller', '/verification']],
    'GET /ops': [['ops', '/ops'], ['auditor', '/ops']],
    'GET /ops/health': [['ops', '/ops/health?invariants=true']],
    'GET /ops/chargebacks': [['ops', '/ops/chargebacks']],
    'GET /ops/payouts': [['ops', '/ops/payouts']],
    'GET /ops/escrows/:id': [['ops', `/ops${on}`]],
    'GET /ops/search': [['ops', '/ops/search?id=website']],
    'GET /ops/events': [['ops', '/ops/events']],
    'GET /ops/approvals': [['ops', '/ops/approvals']],
    'GET /ops/approvals/:id': [['ops2', `/ops/approvals/${asked.body.approval.id}`]],
    'GET /ops/audit': [['auditor', '/ops/audit?verify=true']],
    'GET /ops/debts': [['ops', '/ops/debts']],
    'GET /ops/debts/:id': [['ops', `/ops/debts/${debt!.id}`]],
    'GET /ops/escrows/:id/force-decision': [['ops', `/ops${on}/force-decision`]],
    'GET /ops/escrows/:id/refund-by-bank': [['ops', `/ops${on}/refund-by-bank`]],
    'GET /ops/reconciliations': [['ops', '/ops/reconciliations']],
    'GET /ops/reconciliations/:id': [['ops', `/ops/reconciliations/${run.id}`]],
    'GET /ops/outbox': [['ops', '/ops/outbox']],
    'GET /notifications': [['buyer', '/notifications'], ['ops', '/notifications']],
    'GET /preferences': [['buyer', '/preferences']],
    'GET /api-keys': [['buyer', '/api-keys']],
    'GET /events': [['buyer', '/events']],
    'GET /events/catalogue': [['buyer', '/events/catalogue']],
    'GET /events/:id': [['buyer', `/events/${deal.event}`]],
    'GET /webhook-endpoints': [['buyer', '/webhook-endpoints']],
    'GET /webhook-endpoints/:id': [['buyer', `/webhook-endpoints/${own.endpoint}`]],
  }; // prettier-ignore
}
