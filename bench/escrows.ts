// Whole escrows per second, from the proposal to the last transfer through the public API, beside a bare workflow with the
// same activities and messages on the same servers, and beside one whose activities do nothing.
import { WithStartWorkflowOperation } from '@temporalio/client';
import { createClient } from '../client/index.ts';
import { project } from '../db/projection.ts';
import type { Tx } from '../db/client.ts';
import { freePorts } from '../sandbox/ports.ts';
import type { Bench } from './context.ts';
import { BARE_TASK_QUEUE } from './peers/bare-worker.ts';
import { type Script, scriptsFrom } from './peers/plan.ts';
import type { Section } from './section.ts';
import { atLeast, percentile, ratio, rounded } from './statistics.ts';

const AT_ONCE = 16;

interface Lived {
  perSecond: number;
  /** Milliseconds from the proposal to the end. */
  lives: number[];
  last: string;
}

export async function escrows(bench: Bench): Promise<Section> {
  const { say, client } = bench;
  const count = bench.quick ? 32 : 160;
  const worker = await bench.startWorker();
  const sample = await wholeEscrow(bench);
  await many(AT_ONCE, () => wholeEscrow(bench));
  const product = await many(count, () => wholeEscrow(bench));
  say(`Tranche: ${product.perSecond.toFixed(1)} escrows a second`);
  await worker.stop();

  const script = await scriptsFrom(client, sample);
  const [port] = (await freePorts(1)) as [number];
  const bareWorker = await bench.start({ name: 'bare-worker', script: 'bench/peers/bare-worker.ts', ready: { url: `http://127.0.0.1:${port}/healthz` } }, { PEER_PORT: String(port) }); // prettier-ignore
  const bareRun = async (empty: boolean): Promise<Lived> => {
    const scripts = Array.from({ length: count + AT_ONCE }, () => script(empty));
    if (!empty) for (const s of scripts) await projected(bench, s);
    await many(AT_ONCE, () => bareEscrow(bench, scripts.pop()!));
    return many(count, () => bareEscrow(bench, scripts.pop()!));
  };
  const same = await bareRun(false);
  say(`bare, same activities: ${same.perSecond.toFixed(1)} a second`);
  const nothing = await bareRun(true);
  say(`bare, empty activities: ${nothing.perSecond.toFixed(1)} a second`);
  await bareWorker.stop();

  const row = (name: string, { perSecond, lives }: Lived) => [name, rounded(perSecond).toString(), Math.round(percentile(lives, 50)).toString(), Math.round(percentile(lives, 99)).toString()]; // prettier-ignore
  const [books] = await bench.sql<{ paid: number; released: number }[]>`
    SELECT count(*) FILTER (WHERE kind = 'payment' AND status = 'succeeded')::int AS paid,
           count(*) FILTER (WHERE kind = 'transfer' AND status = 'succeeded')::int AS released FROM movements`;
  return {
    name: 'escrows',
    title: 'Whole escrows',
    // Three transfers for each payment, in the product's escrows and in the bare ones with its activities.
    ok: books!.paid === 1 + 2 * (count + AT_ONCE) && books!.released === 3 * books!.paid,
    says: [
      `${count} escrows of three milestones, ${AT_ONCE} at once: proposed, agreed, paid by card, each milestone submitted, accepted and`,
      'transferred; nine HTTP calls to one API process, one worker, the embedded Temporal on SQLite, the Stripe sandbox and the',
      'client on the same machine. The bare workflow gets the same nine messages from a Temporal client directly, holds the same',
      'timers and calls the same activities (Stripe and ledger) with the payloads of a real escrow, without rules, state,',
      'projection of commands, idempotency rows or HTTP. The last row takes the activities away too: the engine alone.',
    ],
    table: {
      header: ['', 'escrows/s', 'p50 ms', 'p99 ms'],
      rows: [
        row('Tranche', product),
        row('bare workflow, same activities', same),
        row('bare workflow, empty activities', nothing),
      ],
    },
    goals: {
      escrows_vs_bare_workflow: atLeast('≥ 0.8 × the bare workflow with the same activities', ratio(product.perSecond, same.perSecond), 0.8), // prettier-ignore
    },
    figures: {
      escrows_per_second: rounded(product.perSecond),
      escrows_vs_empty_activities: ratio(product.perSecond, nothing.perSecond),
    },
  };
}

async function many(count: number, live: () => Promise<string>): Promise<Lived> {
  const lives: number[] = [];
  let left = count;
  let last = '';
  const began = performance.now();
  await Promise.all(
    Array.from({ length: Math.min(AT_ONCE, count) }, async () => {
      while (left-- > 0) {
        const since = performance.now();
        last = await live();
        lives.push(performance.now() - since);
      }
    }),
  );
  return { perSecond: (count * 1000) / (performance.now() - began), lives, last };
}

/** Through the API, as its two parties; answers its id when its workflow has ended. */
export async function wholeEscrow(bench: Bench): Promise<string> {
  const { people, stack, client } = bench;
  const buyer = createClient({ baseUrl: stack.apiUrls[0]!, apiKey: people['buyer']!.api_key });
  const seller = createClient({ baseUrl: stack.apiUrls[0]!, apiKey: people['seller']!.api_key });
  const milestones = [1, 2, 3].map((n) => ({ title: `Part ${n}`, amount: 10_000, seller_id: people['seller']!.id }));
  const { id, milestones: parts } = await buyer.proposeEscrow({ body: { title: 'A website', currency: 'usd', funding: 'upfront', milestones } }); // prettier-ignore
  await seller.agreeToEscrow({ id });
  await buyer.fundEscrow({ id, body: { payment_method: 'pm_card_visa' } });
  for (const part of parts) await seller.submitMilestone({ id, mid: part.id });
  for (const part of parts) await buyer.acceptMilestone({ id, mid: part.id });
  await client.workflow.getHandle(`escrow/${id}`).result();
  return id;
}

/** What the API writes when a proposal is made: the activities find it there. */
async function projected({ sql }: Bench, { created: { snapshot, terms, termsHash } }: Script): Promise<void> {
  await sql.begin((tx) => project(tx as Tx, snapshot, { terms, hash: termsHash }));
}

async function bareEscrow({ client }: Bench, { escrowId, plan }: Script): Promise<string> {
  const workflowId = `bare/${escrowId}`;
  const startWorkflowOperation = new WithStartWorkflowOperation('bare', {
    workflowId,
    taskQueue: BARE_TASK_QUEUE,
    args: [],
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  await client.workflow.executeUpdateWithStart('create', { args: [plan], startWorkflowOperation });
  const handle = client.workflow.getHandle(workflowId);
  await handle.executeUpdate('agree');
  await handle.executeUpdate('fund');
  for (const n of [0, 1, 2]) await handle.executeUpdate('submit', { args: [n] });
  for (const n of [0, 1, 2]) await handle.executeUpdate('accept', { args: [n] });
  await handle.result();
  return escrowId;
}
