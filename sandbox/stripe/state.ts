// What stands in the sandbox, for `GET /_sandbox/state` and the page: clock, balances, counts, newest objects, deliveries.
import type { JsonObject } from './core/json.ts';
import type { TableName } from './core/store.ts';
import type { Faults } from './faults.ts';
import type { Sandbox } from './sandbox.ts';
import type { WebhookSender } from './webhooks.ts';

const COUNTED: readonly TableName[] = [
  'account',
  'payment_intent',
  'charge',
  'refund',
  'transfer',
  'transfer_reversal',
  'dispute',
  'payout',
  'topup',
  'balance_transaction',
  'customer',
  'event',
  'delivery',
];

export function describe(parts: { sandbox: Sandbox; faults: Faults; webhooks: WebhookSender }): JsonObject {
  const { store } = parts.sandbox.machine.world;
  const balances: JsonObject = {};
  for (const row of store.all('balance_row')) {
    const account = (balances[row._account] ??= {}) as JsonObject;
    account[row.currency] = { available: row.available, pending: row.pending };
  }
  const deliveries: JsonObject = { pending: 0, delivered: 0, failed: 0, lost: 0 };
  for (const delivery of store.all('delivery')) {
    deliveries[delivery._state] = Number(deliveries[delivery._state] ?? 0) + 1;
  }
  return {
    now: new Date(parts.sandbox.now()).toISOString(),
    offset_ms: parts.sandbox.offset(),
    balances,
    counts: Object.fromEntries(COUNTED.map((table) => [table, store.count(table)])),
    deliveries,
    endpoints: [...store.all('webhook_endpoint')].map((endpoint) => ({
      id: endpoint.id,
      url: endpoint.url,
      status: endpoint.status,
      thin: endpoint._thin,
      enabled_events: endpoint.enabled_events,
    })),
    faults: parts.faults.standing.map((fault) => ({ ...fault })),
    webhooks: { ...parts.webhooks.faults },
  };
}
