// /v1/sellers: register a seller with Stripe, onboarding, and what the ledger holds for them.
import { z } from 'zod';
import { createPerson, findPersonByEmail } from '../../db/people.ts';
import { newId } from '../../db/ids.ts';
import {
  findSeller,
  insertSeller,
  type Seller,
  sellerBalances,
  sellerTotals,
  updateSellerCapability,
} from '../../db/sellers.ts';
import { PaymentsError } from '../../payments/errors.ts';
import type { AccountFacts } from '../../payments/port.ts';
import { listDebts } from '../../db/debts.ts';
import { approvalAsked, askSecondPerson } from '../approvals.ts';
import * as bodies from '../bodies.ts';
import { debt, debtView } from '../debt-view.ts';
import { runOnce } from '../commands.ts';
import type { AppContext, Caller } from '../context.ts';
import { notFound } from '../escrow-commands.ts';
import { moneyOf } from '../escrow-view.ts';
import { countTry } from '../limits.ts';
import { Problem } from '../problem.ts';
import { EVERYBODY, route } from '../route.ts';
import * as schemas from '../schemas.ts';

const params = z.object({ id: z.string().describe('Id of the seller.') });
const tag = 'Sellers';

const DAY_MS = 24 * 3_600_000;
/** As many as may be invited by the page; staff also bring a platform's sellers over. */
const MOST_A_DAY = { buyer: 50, ops: 1_000 };

/**
 * Each makes an account at Stripe and takes an address, or tells that it is taken: so every try counts, of the person and not
 * of their key. @throws Problem rate_limited
 */
async function countRegistration(context: AppContext, { person }: Caller): Promise<void> {
  const most = person.role === 'ops' ? MOST_A_DAY.ops : MOST_A_DAY.buyer;
  const words = `You have registered ${most} sellers within a day, which is as many as may be. Register the next after \`Retry-After\` seconds.`;
  await countTry(context, { name: 'sellers', personId: person.id, most, windowMs: DAY_MS, words });
}

/** As the API shows it, with what the ledger says that the seller owes. */
async function sellerView({ sql }: Pick<AppContext, 'sql'>, seller: Seller) {
  const debts = (await sellerBalances(sql, seller.id)).filter((b) => b.debt > 0n);
  return sellerObject(seller, debts);
}

const sellerObject = (seller: Seller, debts: readonly { currency: string; debt: bigint }[]) => ({
  id: seller.id,
  object: 'seller',
  email: seller.email,
  country: seller.country,
  stripe_account_id: seller.stripeAccountId,
  transfers: seller.transfers,
  status: seller.status === 'active' && debts.length > 0 ? ('in_debt' as const) : seller.status,
  debt: debts.map((b) => moneyOf(b.debt, b.currency)),
  requirements: seller.requirements,
  created_at: seller.createdAt.toISOString(),
});

/** A seller is their own, and staff's. */
async function readable(context: AppContext, { person }: Caller, id: string): Promise<Seller> {
  const allowed = person.id === id || person.role === 'ops' || person.role === 'auditor';
  const seller = allowed ? await findSeller(context.sql, id) : null;
  if (seller === null) throw notFound('seller');
  return seller;
}

/** What Stripe refuses for good is the caller's to correct; the rest is asked again. */
async function withStripe<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof PaymentsError)) throw error;
    if (error.kind === 'refused') throw new Problem('invalid_request', `Stripe refused it: ${error.message}`, { cause: error }); // prettier-ignore
    throw new Problem('payments_unavailable', undefined, { cause: error });
  }
}

export const sellerRoutes = [
  route({
    method: 'post',
    path: '/v1/sellers',
    operationId: 'createSeller',
    tag,
    summary: 'Register a seller',
    description: `Creates the person and their Stripe account. They receive money once their \`transfers\` are active. For buyers, as many as ${MOST_A_DAY.buyer} within a day, and for staff (${MOST_A_DAY.ops}).`,
    roles: ['buyer', 'ops'],
    body: bodies.newSeller,
    responses: { 201: { description: 'The seller.', schema: schemas.seller } },
    handler: ({ context, caller, body, key, route }) =>
      runOnce(context, { caller, route, key, body }, { id: newId('person') }, async (ids) => {
        const id = ids['id']!;
        await countRegistration(context, caller);
        const known = await findPersonByEmail(context.sql, body.email);
        if (known !== null && known.id !== id) throw new Problem('email_taken', undefined, { param: 'email' });
        const name = body.name ?? body.email.split('@')[0]!;
        // Stripe first, under a key of our id: what fails here leaves nobody behind.
        const account: AccountFacts = await withStripe(
          () =>
          context.payments.createSellerAccount({ email: body.email, country: body.country, sellerId: id, name }, `${id}:account:0`), // prettier-ignore
        );
        await context.sql.begin(async (tx) => {
          const person = known ?? (await createPerson(tx, { id, email: body.email, name, role: 'seller' }));
          if (person === null) throw new Problem('email_taken', undefined, { param: 'email' });
          await insertSeller(tx, {
            id,
            stripeAccountId: account.id,
            country: body.country,
            transfers: account.transfers,
            requirements: account.requirements,
          });
        });
        return { status: 201, body: await sellerView(context, (await findSeller(context.sql, id))!) };
      }),
  }),
  route({
    method: 'get',
    path: '/v1/sellers/{id}',
    operationId: 'getSeller',
    tag,
    summary: 'Read a seller',
    roles: EVERYBODY,
    params,
    responses: { 200: { description: 'The seller.', schema: schemas.seller } },
    handler: async ({ context, caller, params }) => {
      const seller = await readable(context, caller, params.id);
      if (seller.transfers === 'active') return { status: 200, body: await sellerView(context, seller) };
      // Somebody who waits for Stripe looks here: ask it, and show what we know when it does not answer.
      try {
        const account = await context.payments.retrieveAccount(seller.stripeAccountId);
        await updateSellerCapability(context.sql, seller.id, account.transfers, account.requirements);
        return { status: 200, body: await sellerView(context, (await findSeller(context.sql, seller.id))!) };
      } catch (error) {
        context.logger.warn({ err: error, seller_id: seller.id }, 'account could not be read');
        return { status: 200, body: await sellerView(context, seller) };
      }
    },
  }),
  route({
    method: 'post',
    path: '/v1/sellers/{id}/onboarding-link',
    operationId: 'createOnboardingLink',
    tag,
    summary: 'A link to Stripe’s verification',
    roles: ['seller', 'ops'],
    params,
    body: bodies.onboardingLink,
    responses: {
      201: {
        description: 'The link; it works once and for a few minutes.',
        schema: z.object({ url: z.string(), expires_at: z.iso.datetime() }),
      },
    },
    handler: async ({ context, caller, params, body, key, route }) => {
      const seller = await readable(context, caller, params.id);
      return runOnce(context, { caller, route, key, body }, {}, async () => {
        const home = context.settings.publicUrl;
        const urls = { returnUrl: body.return_url ?? home, refreshUrl: body.refresh_url ?? home };
        const link = await withStripe(() => context.payments.createOnboardingLink(seller.stripeAccountId, urls));
        return { status: 201, body: { url: link.url, expires_at: link.expiresAt.toISOString() } };
      });
    },
  }),
  route({
    method: 'post',
    path: '/v1/sellers/{id}/payout-schedule',
    operationId: 'changePayoutSchedule',
    tag,
    summary: 'Ask for another payout schedule',
    description: 'Where a seller’s money goes and when is what a thief would change first: ops approve it.',
    roles: ['seller', 'ops'],
    params,
    body: bodies.payoutSchedule,
    responses: { 202: { description: 'It waits for approval.', schema: approvalAsked } },
    handler: async ({ context, caller, params, body, key, route }) => {
      const seller = await readable(context, caller, params.id);
      const asked = {
        kind: 'payout_schedule' as const,
        escrowId: null,
        params: {
          seller_id: seller.id,
          stripe_account_id: seller.stripeAccountId,
          interval: body.interval,
          weekly_anchor: body.weekly_anchor ?? null,
          monthly_anchor: body.monthly_anchor ?? null,
        },
      };
      return askSecondPerson(context, { caller, route, key, body }, asked, () => {});
    },
  }),
  route({
    method: 'get',
    path: '/v1/sellers/{id}/balance',
    operationId: 'getSellerBalance',
    tag,
    summary: 'What the ledger holds for a seller, per currency',
    roles: EVERYBODY,
    params,
    responses: {
      200: {
        description: 'The balance.',
        schema: schemas.sellerBalance.extend({ debts: z.array(debt).describe('Open ones.') }),
      },
    },
    handler: async ({ context, caller, params }) => {
      const seller = await readable(context, caller, params.id);
      const [open, totals, debts] = await Promise.all([
        sellerBalances(context.sql, seller.id),
        sellerTotals(context.sql, seller.id),
        listDebts(context.sql, { sellerId: seller.id, status: 'open', limit: 100 }),
      ]);
      const currencies = [...new Set([...open, ...totals].map((row) => row.currency))].sort();
      const balances = currencies.map((currency) => {
        const now = open.find((row) => row.currency === currency);
        const total = totals.find((row) => row.currency === currency);
        return {
          currency,
          held: moneyOf(total?.held ?? 0n, currency),
          payable: moneyOf(now?.payable ?? 0n, currency),
          on_hold: moneyOf(now?.onHold ?? 0n, currency),
          transferred: moneyOf(total?.transferred ?? 0n, currency),
          debt: moneyOf(now?.debt ?? 0n, currency),
        };
      });
      return {
        status: 200,
        body: { object: 'seller_balance', seller_id: seller.id, balances, debts: debts.map(debtView) },
      };
    },
  }),
];
