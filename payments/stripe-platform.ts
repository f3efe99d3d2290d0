// The platform's own balance: what is in it, what fills it up, and that nothing pays it out by itself.
import type { Stripe } from 'stripe';
import type { BalanceSettingsFacts, Payments } from './port.ts';
import { PAGE, type StripeCalls } from './stripe-calls.ts';
import { balanceTransaction, perCurrency } from './stripe-facts.ts';

/** Balance, its transactions and settings, top-ups. */
export const platformBalance = ({
  stripe,
  guard,
}: StripeCalls): Pick<
  Payments,
  'balance' | 'balanceSettings' | 'stopPlatformPayouts' | 'createTopUp' | 'listBalanceTransactions'
> => ({
  balanceSettings: () => guard(async () => balanceSettings(await stripe.balanceSettings.retrieve())),
  stopPlatformPayouts: (key) =>
    guard(async () =>
      balanceSettings(
        await stripe.balanceSettings.update(
          { payments: { payouts: { schedule: { interval: 'manual' } } } },
          { idempotencyKey: key },
        ),
      ),
    ),

  createTopUp: (amountMinor, currency, key) =>
    guard(async () => {
      const topUp = await stripe.topups.create(
        { amount: Number(amountMinor), currency, description: 'Platform float', expand: ['balance_transaction'] },
        { idempotencyKey: key },
      );
      return { id: topUp.id, balanceTransaction: balanceTransaction(topUp.balance_transaction) };
    }),
  async *listBalanceTransactions() {
    for await (const bt of stripe.balanceTransactions.list({ limit: PAGE })) yield balanceTransaction(bt)!;
  },
  balance: () => guard(async () => perCurrency(await stripe.balance.retrieve())),
});

function balanceSettings(s: Stripe.BalanceSettings): BalanceSettingsFacts {
  const { payouts } = s.payments;
  const minimums = Object.entries(payouts?.minimum_balance_by_currency ?? {});
  return {
    interval: payouts?.schedule?.interval ?? null,
    payoutStatus: payouts?.status ?? 'unknown',
    minimumBalances: Object.fromEntries(minimums.map(([currency, amount]) => [currency, BigInt(amount)])),
  };
}
