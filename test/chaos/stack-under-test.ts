// A whole stack of real processes for a test, with the people who act on it and Stripe's own lists to judge it by.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { ChaosDeal, patientCast } from '../../cli/chaos/escrows.ts';
import { type Broken, prove } from '../../cli/chaos/proof.ts';
import type { Cast, Deal, Proposal } from '../../cli/demo/deal.ts';
import { type PartName, type Stack, startStack } from '../../cli/stack.ts';
import { connect, type Sql } from '../../db/client.ts';

export interface StripeObject {
  id: string;
  amount: number;
  status?: string;
  amount_reversed?: number;
  metadata: Record<string, string>;
}

export interface StackUnderTest {
  stack: Stack;
  cast: Cast;
  sql: Sql;
  client: Client;
  /** Names the points at which the next worker that comes there dies. */
  arm(line: string): void;
  /** What the file of armed points holds. */
  crashFile: string;
  /** How often a worker died by SIGKILL. */
  deaths(): number;
  deal(): Deal;
  /** At Stripe, what belongs to an escrow. */
  atStripe(escrowId: string): Promise<Record<'payments' | 'transfers' | 'refunds' | 'reversals', StripeObject[]>>;
  broken(escrowIds: string[], withinMs: number): Promise<Broken[]>;
  stop(): Promise<void>;
}

/** `parts`: only these, for a test that starts the others its own way. */
export async function startStackUnderTest(
  workers: number,
  lastsMs: number,
  parts?: readonly PartName[],
): Promise<StackUnderTest> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'tranche-crash-'));
  chmodSync(dataDir, 0o755);
  const crashFile = path.join(dataDir, 'crash-points');
  writeFileSync(crashFile, '');
  let deaths = 0;
  const stack = await startStack({
    env: { DATA_DIR: dataDir, LOG_LEVEL: 'warn', TRANCHE_CRASH_POINTS: crashFile },
    freePorts: true,
    copies: { worker: workers },
    ...(parts === undefined ? {} : { parts }),
    maxBackoffMs: 500,
    say: (line) => {
      // One that is killed while it comes back is reported as that.
      if (/^worker(-\d+)? (ended \(signal SIGKILL\)|did not come back)/.test(line)) deaths += 1;
    },
  });
  const end = Date.now() + lastsMs;
  const patience = { until: () => end, repeated: () => {} };
  const cast = patientCast(stack, patience);
  const sql = connect(stack.settings.databaseUrl, { max: 2, applicationName: 'crash-test' });
  const connection = await Connection.connect(stack.settings.temporal.connection ?? {});
  const client = new Client({ connection, namespace: stack.settings.temporal.namespace });

  async function listOf(list: string): Promise<StripeObject[]> {
    const answer = await fetch(`${stack.urls.stripeSandbox}/v1/${list}`, {
      headers: { authorization: `Bearer ${stack.settings.stripe.secretKey}` },
    });
    if (!answer.ok) throw new Error(`${list}: ${answer.status} ${await answer.text()}`);
    const { data, has_more: more } = (await answer.json()) as { data: StripeObject[]; has_more: boolean };
    if (more) throw new Error(`${list} holds more than one page`);
    return data;
  }
  return {
    stack,
    cast,
    sql,
    client,
    crashFile,
    arm: (line) => writeFileSync(crashFile, line),
    deaths: () => deaths,
    deal: () => new ChaosDeal('crash', cast, patience),
    atStripe: async (escrowId) => {
      const of = (objects: StripeObject[]) => objects.filter((o) => o.metadata['escrow_id'] === escrowId);
      const transfers = of(await listOf('transfers?limit=100'));
      const reversals = await Promise.all(transfers.map((t) => listOf(`transfers/${t.id}/reversals?limit=100`)));
      return {
        payments: of(await listOf('payment_intents?limit=100')),
        transfers,
        refunds: of(await listOf('refunds?limit=100')),
        reversals: reversals.flat(),
      };
    },
    broken: (escrowIds, withinMs) => prove(stack, escrowIds, Date.now() + withinMs),
    stop: async () => {
      await Promise.all([connection.close(), sql.end({ timeout: 5 })]);
      await stack.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export const ONE_PART: Proposal = {
  policy: { remind: [] },
  milestones: [{ title: 'A piece of work', amount: 10_000, seller: 'seller' }],
};
