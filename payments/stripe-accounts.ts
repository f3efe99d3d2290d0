// Sellers' accounts: made, verified by Stripe, paid out to their banks.
import type { Stripe } from 'stripe';
import type { AccountFacts, Payments } from './port.ts';
import { PAGE, type StripeCalls } from './stripe-calls.ts';
import { balanceTransaction, type Expanded, idOf, perCurrency } from './stripe-facts.ts';

const MOST_OF_A_PAYOUT = 1_000;
const recipient = (): 'configuration.recipient'[] => ['configuration.recipient'];

/** Connected accounts, their balance, payouts and schedules. */
export const sellerAccounts = ({
  stripe,
  guard,
}: StripeCalls): Pick<
  Payments,
  | 'createSellerAccount'
  | 'retrieveAccount'
  | 'createOnboardingLink'
  | 'externalAccounts'
  | 'retrieveConnectedBalance'
  | 'retrievePayout'
  | 'listPayoutTransactions'
  | 'updatePayoutSchedule'
> => ({
  createSellerAccount: (input, key) =>
    guard(async () =>
      accountFacts(
        await stripe.v2.core.accounts.create(
          {
            contact_email: input.email,
            display_name: input.name,
            dashboard: 'express',
            identity: { country: input.country.toLowerCase() },
            configuration: {
              recipient: { capabilities: { stripe_balance: { stripe_transfers: { requested: true } } } },
            },
            defaults: { responsibilities: { fees_collector: 'application', losses_collector: 'application' } },
            metadata: { seller_id: input.sellerId },
            include: ['configuration.recipient', 'identity', 'requirements'],
          },
          { idempotencyKey: key },
        ),
      ),
    ),
  retrieveAccount: (id) =>
    guard(async () =>
      accountFacts(
        await stripe.v2.core.accounts.retrieve(id, { include: [...recipient(), 'identity', 'requirements'] }),
      ),
    ),
  createOnboardingLink: (accountId, urls) =>
    guard(async () => {
      const link = await stripe.v2.core.accountLinks.create({
        account: accountId,
        use_case: {
          type: 'account_onboarding',
          account_onboarding: {
            refresh_url: urls.refreshUrl,
            return_url: urls.returnUrl,
          },
        },
      });
      return { url: link.url, expiresAt: new Date(link.expires_at) };
    }),

  retrieveConnectedBalance: (accountId) =>
    guard(async () => perCurrency(await stripe.balance.retrieve({}, { stripeAccount: accountId }))),

  listPayoutTransactions: (id, accountId) =>
    guard(async () => {
      const found = await stripe.balanceTransactions
        .list({ payout: id, limit: PAGE, expand: ['data.source'] }, { stripeAccount: accountId })
        .autoPagingToArray({ limit: MOST_OF_A_PAYOUT });
      return found.map((bt) => {
        const source = bt.source as Expanded<{ id: string; source_transfer?: Expanded<{ id: string }> }>;
        const transfer = typeof source === 'string' || !source ? null : source.source_transfer;
        return { ...balanceTransaction(bt)!, transferId: idOf(transfer ?? null) };
      });
    }),
  externalAccounts: (accountId) =>
    guard(async () => {
      const found: string[] = [];
      for await (const { fingerprint } of stripe.accounts.listExternalAccounts(accountId, { limit: PAGE })) {
        if (fingerprint) found.push(fingerprint);
      }
      return found;
    }),
  retrievePayout: (id, accountId) =>
    guard(async () => {
      const p = await stripe.payouts.retrieve(id, {}, { stripeAccount: accountId });
      return {
        id: p.id,
        amountMinor: BigInt(p.amount),
        currency: p.currency,
        status: p.status,
        failureCode: p.failure_code,
        failureMessage: p.failure_message,
        arrivesAt: p.arrival_date * 1000,
        createdAt: p.created * 1000,
      };
    }),
  updatePayoutSchedule: (accountId, schedule, key) =>
    guard(async () => {
      const { interval, weeklyAnchor, monthlyAnchor } = schedule;
      await stripe.accounts.update(
        accountId,
        {
          settings: {
            payouts: {
              schedule: {
                interval,
                ...(weeklyAnchor === undefined ? {} : { weekly_anchor: weeklyAnchor }),
                ...(monthlyAnchor === undefined ? {} : { monthly_anchor: monthlyAnchor }),
              },
            },
          },
        },
        { idempotencyKey: key },
      );
    }),
});

function accountFacts(a: Stripe.V2.Core.Account): AccountFacts {
  const status = a.configuration?.recipient?.capabilities?.stripe_balance?.stripe_transfers?.status;
  return {
    id: a.id,
    country: (a.identity?.country ?? '').toUpperCase(),
    // A status that is not known yet is treated as the one that moves no money.
    transfers: status === 'active' ? 'active' : status === 'pending' ? 'pending' : 'inactive',
    requirements: (a.requirements?.entries ?? []).map((e) => e.description),
    metadata: a.metadata ?? {},
  };
}
