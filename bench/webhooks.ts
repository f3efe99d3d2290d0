// Webhooks: acknowledged per second and how soon, beside single-row inserts and beside stripe-sync-engine, all on the same
// PostgreSQL and signed bodies; and what is left of what was acknowledged when API and database are killed meanwhile.
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from '../sandbox/ports.ts';
import type { Bench } from './context.ts';
import { call, type Call, closedLoad, connections, type Load, openLoad } from './load.ts';
import type { Section } from './section.ts';
import { atLeast, below, percentile, ratio, rounded } from './statistics.ts';
import { eventMaker, type SignedEvent } from './webhook-events.ts';

const CLIENTS = [1, 8, 32, 128] as const;
const RATE = 1000;
/** Events made ready for each second of a load. */
const STOCK = 2500;
const PATH = '/webhooks/stripe';

const callOf = ({ body, headers }: SignedEvent): Call => ({ method: 'POST', path: PATH, headers, body });

/** Signed before the clock runs: what signs is Stripe's machine, not this one. More are made where a server takes more. */
function stock(make: () => SignedEvent, count: number): () => Call {
  const ready = Array.from({ length: count }, () => callOf(make()));
  return () => ready.pop() ?? callOf(make());
}

export async function webhooks(bench: Bench): Promise<Section> {
  const { stack, say } = bench;
  const [secret] = stack.settings.stripe.webhookSecrets as [string];
  const make = eventMaker(secret);
  const [singlePort, syncPort] = (await freePorts(2)) as [number, number];
  const servers = [
    { name: 'Tranche', url: stack.apiUrls[0]! },
    { name: 'single-row inserts', url: await peer(bench, 'single-row', singlePort) },
    { name: 'stripe-sync-engine', url: await peer(bench, 'sync-engine', syncPort) },
  ] as const;
  const seconds = bench.quick ? 1.5 : 4;
  for (const { url } of servers) await closedLoad(url, 16, seconds / 2, () => callOf(make()));

  const loads = new Map<string, Load>();
  const key = (name: string, clients: number) => `${name} ${clients}`;
  for (const clients of CLIENTS) {
    for (const { name, url } of servers) {
      const load = await closedLoad(url, clients, seconds, stock(make, seconds * STOCK));
      loads.set(key(name, clients), load);
      say(`${name}, ${clients} clients: ${Math.round(load.perSecond)} acks a second`);
    }
  }
  const steadySeconds = bench.quick ? 3 : 8;
  const steady = await openLoad(servers[0].url, RATE, steadySeconds, stock(make, RATE * steadySeconds));
  const steadyP99 = rounded(percentile(steady.latencies, 99));
  say(`${RATE} a second: p99 ${steadyP99} ms, ${steady.failed} failed`);
  const killed = await underKill(bench, secret);
  say(`kill -9: ${killed.acked} acknowledged, ${killed.lost} lost, ${killed.doubled} doubled`);

  const rate = (name: string, clients: number) => loads.get(key(name, clients))!.perSecond;
  const best = (name: string) => Math.max(...CLIENTS.map((clients) => rate(name, clients)));
  const [tranche, single, sync] = servers.map(({ name }) => best(name)) as [number, number, number];
  const failed = [...loads.values()].reduce((sum, load) => sum + load.failed, 0);
  return {
    name: 'webhooks',
    title: 'Webhooks',
    ok: killed.lost === 0 && killed.doubled === 0 && killed.acked > 0 && failed === 0,
    says: [
      'One API process, one client process, one PostgreSQL, no worker. An ack is a 200 after the commit. The peers are Express with',
      'the same verification: one inserts the row by itself; the other hands the body to `@supabase/stripe-sync-engine`. Ratios are of',
      'the best rates. In the row of the fixed rate the time is counted from when the call was due. Under `kill -9`, of the API and then of',
      `PostgreSQL, ${killed.sent} events were delivered until acknowledged: ${killed.lost} lost, ${killed.doubled} doubled.`,
    ],
    table: {
      header: ['server', 'clients', 'acks/s', 'p50 ms', 'p99 ms', 'p99.9 ms'],
      rows: [
        ...servers.flatMap(({ name }) => CLIENTS.map((n) => rowOf(name, String(n), loads.get(key(name, n))!))),
        rowOf('Tranche', `${RATE}/s`, steady),
      ],
    },
    goals: {
      webhook_acks_vs_single_row: atLeast('≥ 2 × single-row inserts', ratio(tranche, single), 2),
      webhook_acks_vs_sync_engine: atLeast('≥ 5 × stripe-sync-engine', ratio(tranche, sync), 5),
      webhook_p99_ms_at_1000_per_second: below('p99 < 20 ms at 1,000/s', steadyP99, 20),
    },
    figures: { webhook_acks_per_second: rounded(tranche), webhook_failed: failed, kill: killed },
  };
}

function rowOf(name: string, clients: string, { perSecond, latencies }: Load): string[] {
  const p = (of: number) => rounded(percentile(latencies, of)).toString();
  return [name, clients, Math.round(perSecond).toString(), p(50), p(99), p(99.9)];
}

async function peer(bench: Bench, name: string, port: number): Promise<string> {
  const url = `http://127.0.0.1:${port}`;
  await bench.start({ name, script: `bench/peers/${name}.ts`, ready: { url: `${url}/healthz` } }, { PEER_PORT: String(port), PEER_DATABASE_URL: bench.superuserUrl }); // prettier-ignore
  return url;
}

interface Killed {
  sent: number;
  acked: number;
  lost: number;
  doubled: number;
}

/** Each event is delivered again until it is acknowledged, as Stripe does, while API and database die under it. */
async function underKill(bench: Bench, secret: string): Promise<Killed> {
  const { stack, sql } = bench;
  const make = eventMaker(secret);
  const api = connections(stack.apiUrls[0]!, 32);
  const sent: string[] = [];
  const acked = new Set<string>();
  const over = { yet: false };
  const client = async () => {
    while (!over.yet) {
      const event = make();
      sent.push(event.id);
      for (;;) {
        const status = await call(api, callOf(event)).catch(() => 0);
        if (status === 200) break;
        await delay(50);
      }
      acked.add(event.id);
    }
  };
  const clients = Promise.all(Array.from({ length: 32 }, client));
  const kill = async (part: 'api' | 'postgres') => {
    const before = acked.size;
    while (acked.size < before + 300) await delay(20);
    await stack.kill(part, 'SIGKILL');
    await stack.untilReady(part);
  };
  bench.expectFaults(true);
  await kill('api');
  await kill('postgres');
  const before = acked.size;
  while (acked.size < before + 300) await delay(20);
  over.yet = true;
  await clients;
  bench.expectFaults(false);
  await api.destroy();
  const rows = await sql<{ id: string }[]>`SELECT id FROM stripe_events WHERE id = ANY(${sent})`;
  const stored = new Set(rows.map(({ id }) => id));
  return {
    sent: sent.length,
    acked: acked.size,
    lost: [...acked].filter((id) => !stored.has(id)).length,
    doubled: rows.length - stored.size,
  };
}
