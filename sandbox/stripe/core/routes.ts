// Every route of the sandbox, and the match from a path to its route.
import { accountRoutes } from './accounts.ts';
import { accountLinkRoutes, accountV2Routes } from './accounts-v2.ts';
import { accountSessionRoutes } from './account-sessions.ts';
import { balanceRoutes } from './balance.ts';
import { balanceSettingsRoutes } from './balance-settings.ts';
import { catalogRoutes } from './catalog.ts';
import { chargeRoutes } from './charges.ts';
import { checkoutRoutes } from './checkout.ts';
import { customerRoutes } from './customers.ts';
import { disputeRoutes } from './disputes.ts';
import { eventRoutes, webhookEndpointRoutes } from './events.ts';
import { externalAccountRoutes } from './external-accounts.ts';
import { fileRoutes } from './files.ts';
import { paymentIntentRoutes } from './payment-intents.ts';
import { paymentMethodRoutes } from './payment-methods.ts';
import { payoutRoutes } from './payouts.ts';
import { radarRoutes } from './radar.ts';
import { refundRoutes } from './refunds.ts';
import type { Route } from './route.ts';
import { setupIntentRoutes } from './setup-intents.ts';
import { transferRoutes } from './transfers.ts';

export const ROUTES: readonly Route[] = [
  ...accountRoutes,
  ...accountLinkRoutes,
  ...accountV2Routes,
  ...accountSessionRoutes,
  ...balanceRoutes,
  ...balanceSettingsRoutes,
  ...catalogRoutes,
  ...chargeRoutes,
  ...checkoutRoutes,
  ...customerRoutes,
  ...disputeRoutes,
  ...eventRoutes,
  ...externalAccountRoutes,
  ...fileRoutes,
  ...paymentIntentRoutes,
  ...paymentMethodRoutes,
  ...payoutRoutes,
  ...radarRoutes,
  ...refundRoutes,
  ...setupIntentRoutes,
  ...transferRoutes,
  ...webhookEndpointRoutes,
];

type Compiled = { route: Route; parts: string[] };
const compiled = new Map<string, Compiled[]>();
for (const route of ROUTES) {
  const parts = route.path.split('/').slice(1);
  const key = `${route.method} ${parts.length}`;
  const same = compiled.get(key) ?? [];
  // Literal paths win over those with a name, wherever they stand in the tables.
  if (route.path.includes(':')) same.push({ route, parts });
  else same.unshift({ route, parts });
  compiled.set(key, same);
}

export type Match = { route: Route; names: Map<string, string> };

export function match(method: string, path: string): Match | null {
  const parts = path.split('/').slice(1);
  for (const candidate of compiled.get(`${method} ${parts.length}`) ?? []) {
    const names = new Map<string, string>();
    const fits = candidate.parts.every((part, i) => {
      const given = parts[i] ?? '';
      if (!part.startsWith(':')) return part === given;
      names.set(part.slice(1), decodeURIComponent(given));
      return given !== '';
    });
    if (fits) return { route: candidate.route, names };
  }
  return null;
}
