// What goes wrong during chaos, and how each is done to the running stack: processes killed, connections cut, Stripe's
// answers spoilt, its webhooks doubled, reordered, lost and late.
import { sandboxControl } from '../demo/sandbox.ts';
import type { Sql } from '../../db/client.ts';
import type { ProcessName, Stack } from '../stack.ts';
import type { Random } from './random.ts';

export type FaultName =
  `kill ${'worker' | 'api' | 'postgres' | 'temporal' | 'stripe'}` | 'cut connections' | 'stripe' | 'webhooks';

/** How often each comes in one pass over all. The deck is shuffled anew for each pass. */
const DECK: Readonly<Record<FaultName, number>> = {
  'kill worker': 3,
  'kill api': 3,
  'kill postgres': 1,
  'kill temporal': 1,
  'kill stripe': 1,
  'cut connections': 2,
  stripe: 6,
  webhooks: 3,
};

export function* shuffledFaults(random: Random): Generator<FaultName, never> {
  const deck = Object.entries(DECK).flatMap(([name, count]) => Array<FaultName>(count).fill(name as FaultName));
  for (;;) yield* random.shuffled(deck);
}

const PATHS = ['/v1/transfers', '/v1/refunds', '/v1/payment_intents'] as const;

const STRIPE_FAULTS: readonly { name: string; fault: Record<string, unknown> }[] = [
  { name: 'drop before', fault: { kind: 'drop_before' } },
  { name: 'drop after', fault: { kind: 'drop_after' } },
  ...[500, 409, 429].flatMap((status) =>
    (['before', 'after'] as const).map((effect) => ({
      name: `${status} ${effect}`,
      fault: { kind: 'status', status, effect },
    })),
  ),
  { name: 'delay before', fault: { kind: 'delay', effect: 'before', delay_ms: 2500 } },
  { name: 'delay after', fault: { kind: 'delay', effect: 'after', delay_ms: 2500 } },
];

const WEBHOOK_FAULTS: readonly { name: string; rates: Record<string, number> }[] = [
  { name: 'duplicate', rates: { duplicate: 0.8 } },
  { name: 'reorder', rates: { reorder: 0.8 } },
  { name: 'lose', rates: { lose: 0.5 } },
  { name: 'delay', rates: { delay_ms: 3000 } },
  { name: 'duplicate and reorder', rates: { duplicate: 0.5, reorder: 0.7 } },
];
const NO_WEBHOOK_FAULTS = { duplicate: 0, reorder: 0, lose: 0, delay_ms: 0 };

export interface Tally {
  kills: Record<string, number>;
  faults: Record<string, number>;
}

const count = (of: Record<string, number>, name: string): void => {
  of[name] = (of[name] ?? 0) + 1;
};

/** Does one fault; answers what it did, or null where it could not be done now. */
export async function strike(
  fault: FaultName,
  on: { stack: Stack; sql: Sql; random: Random; tally: Tally },
): Promise<string | null> {
  const { stack, sql, random, tally } = on;
  switch (fault) {
    case 'kill worker':
    case 'kill api':
    case 'kill postgres':
    case 'kill temporal':
    case 'kill stripe': {
      const part = fault.slice('kill '.length);
      const name = pickRunning(stack, part, random);
      // PostgreSQL dies in both ways: all its processes at once, and by its own immediate shutdown.
      const immediate = part === 'postgres' && random.next() < 0.5;
      if (name === null) return null;
      if (immediate) process.kill(stack.pids()[name]!, 'SIGQUIT');
      else await stack.kill(name);
      count(tally.kills, immediate ? 'postgres immediate' : name);
      return immediate ? 'immediate shutdown of postgres' : `kill -9 ${name}`;
    }
    case 'cut connections': {
      const cut = await sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name LIKE 'tranche-%' AND usename = current_user AND pid <> pg_backend_pid()`.catch(() => []);
      if (cut.length === 0) return null;
      count(tally.faults, 'connections cut');
      return `cut ${cut.length} connections to postgres`;
    }
    case 'stripe': {
      const { name, fault: kind } = random.pick(STRIPE_FAULTS);
      const path = random.pick(PATHS);
      const times = 1 + Math.floor(random.next() * 2);
      const done = await tell(stack, 'faults', { match: { method: 'POST', path }, ...kind, times });
      if (!done) return null;
      count(tally.faults, `stripe ${name}`);
      return `Stripe: ${name} on ${times} × POST ${path}`;
    }
    case 'webhooks': {
      const { name, rates } = random.pick(WEBHOOK_FAULTS);
      const done = await tell(stack, 'webhooks', { ...NO_WEBHOOK_FAULTS, ...rates });
      if (!done) return null;
      count(tally.faults, `webhooks ${name}`);
      return `webhooks: ${name} ${JSON.stringify(rates)}`;
    }
  }
}

/** Ends every fault that stands. The sandbox may just be starting again. */
export async function calm(stack: Stack, until: number): Promise<void> {
  for (;;) {
    if ((await tell(stack, 'faults', { clear: true })) && (await tell(stack, 'webhooks', NO_WEBHOOK_FAULTS))) return;
    if (Date.now() > until) throw new Error('the Stripe sandbox did not come back');
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function tell(stack: Stack, path: string, body: object): Promise<boolean> {
  return sandboxControl(stack.urls.stripeSandbox!, path, body).then(
    () => true,
    () => false,
  );
}

function pickRunning(stack: Stack, part: string, random: Random): ProcessName | null {
  const running = Object.keys(stack.pids()).filter((name) => name === part || name.startsWith(`${part}-`));
  return running.length === 0 ? null : (random.pick(running.sort()) as ProcessName);
}
