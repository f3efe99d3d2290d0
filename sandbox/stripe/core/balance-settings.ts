// The balance settings of an account: when its balance is paid out to its bank, and what is kept back. The sandbox keeps them
// and pays nothing out by itself; a new account's schedule is Stripe's own default, daily.
import { integer, isObject, object } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import { array, bool, expand, hash, int, known, map, NONE, oneOf, str } from './params.ts';
import { get, post } from './route.ts';
import type { Route } from './route.ts';
import type { World } from './world.ts';

const DAYS = oneOf(['friday', 'monday', 'thursday', 'tuesday', 'wednesday']);

const INITIAL: JsonObject = {
  debit_negative_balances: null,
  payouts: {
    automatic_transfer_rules_by_currency: null,
    minimum_balance_by_currency: null,
    schedule: { interval: 'daily' },
    statement_descriptor: null,
    status: 'enabled',
  },
  settlement_timing: { delay_days: 2, start_of_day: null },
};

function settingsOf(world: World): JsonObject {
  const stored = world.store.get('balance_settings', `balance_settings_${world.account}`);
  return { object: 'balance_settings', payments: object(stored?._payments ?? INITIAL) };
}

/** A currency whose value is empty is taken out; amounts are whole numbers of minor units. */
function minimums(before: Json | undefined, given: Json | undefined): Json {
  if (given === undefined) return before ?? null;
  if (!isObject(given)) return null;
  const after: JsonObject = { ...object(before ?? {}) };
  for (const [currency, value] of Object.entries(given)) {
    if (value === '' || value === null) delete after[currency];
    else after[currency] = integer(value) ?? Number(value);
  }
  return Object.keys(after).length === 0 ? null : after;
}

function update(world: World, params: JsonObject): JsonObject {
  const before = object(settingsOf(world).payments);
  const given = object(params.payments ?? {});
  const payouts = object(given.payouts ?? {});
  const known = object(before.payouts);
  const after: JsonObject = {
    ...before,
    ...(given.debit_negative_balances === undefined ? {} : { debit_negative_balances: given.debit_negative_balances }),
    payouts: {
      ...known,
      ...(payouts.schedule === undefined ? {} : { schedule: payouts.schedule }),
      ...(payouts.statement_descriptor === undefined ? {} : { statement_descriptor: payouts.statement_descriptor }),
      minimum_balance_by_currency: minimums(known.minimum_balance_by_currency, payouts.minimum_balance_by_currency),
    },
  };
  const id = `balance_settings_${world.account}`;
  world.store.put('balance_settings', { id, object: 'balance_settings', _account: world.account, created: world.now, _payments: after }); // prettier-ignore
  return settingsOf(world);
}

export const balanceSettingsRoutes: Route[] = [
  get('/v1/balance_settings', NONE, ({ world }) => settingsOf(world)),
  post(
    '/v1/balance_settings',
    {
      expand,
      payments: hash({
        debit_negative_balances: bool(),
        payouts: hash({
          automatic_transfer_rules_by_currency: map({ unset: true }),
          minimum_balance_by_currency: map({ unset: true }),
          schedule: hash({
            interval: oneOf(['daily', 'manual', 'monthly', 'weekly']),
            monthly_payout_days: array(int({ min: 1, max: 31 })),
            weekly_payout_days: array(DAYS),
          }),
          statement_descriptor: str(),
        }),
        settlement_timing: known('delay_days_override start_of_day'),
      }),
    },
    ({ world, params }) => update(world, params),
  ),
];
