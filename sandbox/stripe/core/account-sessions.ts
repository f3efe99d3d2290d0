// Account sessions: the client secret for Stripe's embedded components, each shown as enabled or not.
import { findAccount } from './external-accounts.ts';
import { isTrue, object, text } from './json.ts';
import type { JsonObject } from './json.ts';
import { bool, expand, hash, required, str } from './params.ts';
import { post } from './route.ts';
import type { Route } from './route.ts';

const PAYMENT = [
  'capture_payments',
  'destination_on_behalf_of_charge_management',
  'dispute_management',
  'refund_management',
  'smart_disputes_management',
];
const PAYOUT = [
  'disable_stripe_user_authentication',
  'edit_payout_schedule',
  'external_account_collection',
  'instant_payouts',
  'standard_payouts',
];
const COLLECTION = ['disable_stripe_user_authentication', 'external_account_collection'];

/** The features of each component, all off unless asked for. */
const COMPONENTS: Record<string, readonly string[]> = {
  account_management: COLLECTION,
  account_onboarding: COLLECTION,
  balance_report: [],
  balances: PAYOUT,
  disputes_list: PAYMENT,
  documents: [],
  financial_account: [...COLLECTION, 'send_money', 'transfer_balance'],
  financial_account_transactions: ['card_spend_dispute_management'],
  instant_payouts_promotion: [...COLLECTION, 'instant_payouts'],
  issuing_card: [
    'card_management',
    'card_spend_dispute_management',
    'cardholder_management',
    'spend_control_management',
  ],
  issuing_cards_list: [
    'card_management',
    'card_spend_dispute_management',
    'cardholder_management',
    'disable_stripe_user_authentication',
    'spend_control_management',
  ],
  notification_banner: COLLECTION,
  payment_details: PAYMENT,
  payment_disputes: PAYMENT.slice(1),
  payment_method_settings: ['disable_stripe_user_authentication'],
  payments: PAYMENT,
  payout_details: [],
  payout_reconciliation_report: [],
  payouts: PAYOUT,
  payouts_list: [],
  reporting_chart: [],
  tax_registrations: [],
  tax_settings: [],
  terminal_hardware_orders: [],
  terminal_hardware_shop: [],
};
const LIFETIME = 3600;
const COMPONENT_SPEC = Object.fromEntries(
  Object.entries(COMPONENTS).map(([name, features]) => [
    name,
    hash({
      enabled: bool(required),
      features: hash(Object.fromEntries(features.map((feature) => [feature, bool()]))),
    }),
  ]),
);

export const accountSessionRoutes: Route[] = [
  post(
    '/v1/account_sessions',
    { account: str(required), components: hash(COMPONENT_SPEC, required), expand },
    ({ world, params }) => {
      const account = findAccount(world, text(params.account) ?? '');
      const asked = object(params.components);
      const components: JsonObject = {};
      for (const [name, features] of Object.entries(COMPONENTS)) {
        const given = object(object(asked[name]).features);
        components[name] = {
          enabled: object(asked[name]).enabled === true,
          features: Object.fromEntries(features.map((feature) => [feature, isTrue(given[feature])])),
        };
      }
      return {
        object: 'account_session',
        account: account.id,
        client_secret: world.ids.token('accs_secret_', 40),
        components,
        expires_at: world.now + LIFETIME,
        livemode: false,
      };
    },
  ),
];
