// What lies at Stripe for others must not leave it by the platform's own payouts: its balance settings are read, and where
// what is there is too little already, they are set to manual.
import type { Sql } from '../db/client.ts';
import { raiseAlert } from '../db/movements.ts';
import type { BalanceSettingsFacts, Payments } from '../payments/port.ts';

export interface Cover {
  currency: string;
  atStripe: bigint;
  liabilities: bigint;
}

/** What lies at Stripe, and what of it is owed to buyers, sellers and tax offices, per currency. */
async function coverOf(sql: Sql): Promise<Cover[]> {
  return sql<Cover[]>`
    SELECT currency,
      coalesce(sum(amount) FILTER (WHERE account_class IN ('stripe_pending', 'stripe_available', 'stripe_reserved')), 0)::bigint AS "atStripe",
      coalesce(-sum(amount) FILTER (WHERE account_class IN ('held', 'fee_unearned', 'payable', 'on_hold', 'tax')), 0)::bigint AS liabilities
    FROM ledger_entries GROUP BY currency ORDER BY currency`;
}

/** True where payouts happen by hand alone, or keep back all that is owed. A schedule that is not known here is no promise. */
export function keepsBack(s: BalanceSettingsFacts, { currency, liabilities }: Omit<Cover, 'atStripe'>): boolean {
  if (s.interval === 'manual' || s.payoutStatus === 'disabled') return true;
  return (s.minimumBalances[currency] ?? 0n) >= liabilities;
}

/**
 * Solvency (invariant 13), and that it stays: told once a day per currency. Where it does not hold, automatic payouts of the
 * platform are stopped. Answers how many alerts are new.
 */
export async function watchSolvency(
  sql: Sql,
  payments?: Pick<Payments, 'balanceSettings' | 'stopPlatformPayouts'>,
): Promise<number> {
  const covers = await coverOf(sql);
  let settings = payments === undefined ? null : await payments.balanceSettings();
  const short = covers.filter((c) => c.atStripe < c.liabilities);
  const stop = short.length > 0 && settings !== null && settings.interval !== 'manual';
  if (stop) {
    // A key of its own each time: somebody may have started them again since.
    settings = await payments!.stopPlatformPayouts(`stop-payouts:${Date.now()}`);
  }
  const day = new Date().toISOString().slice(0, 10);
  const before = await alerts(sql);
  for (const c of short) {
    const detail = { currency: c.currency, short_by: Number(c.liabilities - c.atStripe), platform_payouts: settings?.interval ?? null, payouts_stopped: stop ? 'yes' : 'no' }; // prettier-ignore
    await raiseAlert(sql, { kind: 'insolvent', key: `insolvent:${c.currency}:${day}`, detail });
  }
  if (settings !== null) {
    for (const c of covers.filter((x) => x.liabilities > 0n && !keepsBack(settings, x))) {
      const detail = { currency: c.currency, owed_to_others: Number(c.liabilities), minimum_balance: Number(settings.minimumBalances[c.currency] ?? 0n), platform_payouts: settings.interval, what: 'Set payouts of the platform to manual, or its minimum balance to at least what is owed to others.' }; // prettier-ignore
      await raiseAlert(sql, { kind: 'held_money_may_leave', key: `held_money_may_leave:${c.currency}:${day}`, detail });
    }
  }
  return (await alerts(sql)) - before;
}

async function alerts(sql: Sql): Promise<number> {
  const [row] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM alerts WHERE kind IN ('insolvent', 'held_money_may_leave')`; // prettier-ignore
  return row!.n;
}
