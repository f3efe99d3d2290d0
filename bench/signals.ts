// From the webhook's ack to the workflow: how long after it was stored an event stands in its escrow's history.
import { setTimeout as delay } from 'node:timers/promises';
import { defaultPayloadConverter as converter, type Payload } from '@temporalio/common';
import { sandboxControl } from '../cli/demo/sandbox.ts';
import { createClient } from '../client/index.ts';
import type { Bench } from './context.ts';
import type { Section } from './section.ts';
import { below, percentile, rounded } from './statistics.ts';

const PER_SECOND = 5;

export async function signals(bench: Bench): Promise<Section> {
  const { sql, stack } = bench;
  const count = bench.quick ? 15 : 60;
  const worker = await bench.startWorker();
  const escrowIds: string[] = [];
  for (let i = 0; i < count; i++) escrowIds.push(await waitsForDebit(bench));
  const intents = await sql<{ escrow_id: string; stripe_id: string }[]>`
    SELECT escrow_id, stripe_id FROM movements WHERE escrow_id = ANY(${escrowIds}) AND kind = 'payment'`;
  // Whatever the funding brought is settled before the first that counts.
  await quiet(bench);
  for (const { stripe_id } of intents) {
    void sandboxControl(stack.urls.stripeSandbox!, `payment_intents/${stripe_id}`, { settle: 'succeeded' });
    await delay(1000 / PER_SECOND);
  }
  await untilActive(bench, escrowIds);
  const latencies: number[] = [];
  for (const id of escrowIds) latencies.push(...(await signalled(bench, id)));
  await worker.stop();
  bench.say(`${latencies.length} signals of ${count} settled debits`);
  const p99 = rounded(percentile(latencies, 99));
  return {
    name: 'signals',
    title: 'From ack to signal',
    ok: latencies.length >= count,
    says: [
      `${count} escrows whose bank debits settle, ${PER_SECOND} a second: Stripe's sandbox sends the webhook, the API stores it, the pump fetches`,
      "the PaymentIntent again and signals the workflow. Counted from the row's `received_at` (before its ack) to the event",
      'WorkflowExecutionSignaled in the history, on one clock.',
    ],
    table: {
      header: ['signals', 'p50 ms', 'p99 ms', 'most ms'],
      rows: [[latencies.length.toString(), ...[50, 99, 100].map((p) => rounded(percentile(latencies, p)).toString())]],
    },
    goals: { ack_to_signal_p99_ms: below('p99 < 250 ms', p99, 250) },
    figures: { signals: latencies.length },
  };
}

async function waitsForDebit({ people, stack }: Bench): Promise<string> {
  const buyer = createClient({ baseUrl: stack.apiUrls[0]!, apiKey: people['buyer']!.api_key });
  const seller = createClient({ baseUrl: stack.apiUrls[0]!, apiKey: people['seller']!.api_key });
  const milestones = [{ title: 'The work', amount: 10_000, seller_id: people['seller']!.id }];
  const { id } = await buyer.proposeEscrow({ body: { title: 'Paid by debit', currency: 'usd', funding: 'upfront', milestones } }); // prettier-ignore
  await seller.agreeToEscrow({ id });
  await buyer.fundEscrow({ id, body: { payment_method: 'pm_usBankAccount_success' } });
  return id;
}

async function quiet({ sql }: Bench): Promise<void> {
  for (;;) {
    const [due] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM stripe_events WHERE state = 'received'`;
    if (due!.n === 0) return;
    await delay(100);
  }
}

async function untilActive({ sql }: Bench, escrowIds: readonly string[]): Promise<void> {
  const until = Date.now() + 120_000;
  for (;;) {
    const [open] = await sql<{ n: number }[]>`
      SELECT count(*)::int AS n FROM escrows WHERE id = ANY(${[...escrowIds]}) AND status <> 'active'`;
    if (open!.n === 0) return;
    if (Date.now() > until) throw new Error(`${open!.n} escrows were not told that their debit has settled`);
    await delay(100);
  }
}

/** Milliseconds from each success stored in the inbox to its signal in the history. */
async function signalled({ client, sql }: Bench, escrowId: string): Promise<number[]> {
  const { events } = await client.workflow.getHandle(`escrow/${escrowId}`).fetchHistory();
  const told = (events ?? []).flatMap((e) => {
    const [payload] = (e.workflowExecutionSignaledEventAttributes?.input?.payloads ?? []) as Payload[];
    if (!payload || !e.eventTime) return [];
    const { eventId, status } = converter.fromPayload<{ eventId?: string; status?: string }>(payload);
    const at = Number(e.eventTime.seconds) * 1000 + (e.eventTime.nanos ?? 0) / 1e6;
    return eventId === undefined || status !== 'succeeded' ? [] : [{ eventId, at }];
  });
  const latencies: number[] = [];
  for (const { eventId, at } of told) {
    const [row] = await sql<{ received: number }[]>`
      SELECT (extract(epoch FROM received_at) * 1000)::float8 AS received FROM stripe_events WHERE id = ${eventId}`;
    if (row) latencies.push(at - row.received);
  }
  return latencies;
}
