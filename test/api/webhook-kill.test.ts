// kill -9 of an API process under deliveries: what it acknowledged is in the database, and what it did not may come again.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Stripe } from 'stripe';
import { connect, type Sql } from '../../db/client.ts';
import { createDatabase, type TestDatabase } from '../stack/database.ts';
import { freePorts } from '../stack/free-port.ts';
import { temporalAddress } from '../stack/temporal.ts';

const SECRET = 'whsec_kill';
const CLIENTS = 16;
const ACKS_BEFORE_KILL = 200;

let database: TestDatabase;
let sql: Sql;
let dataDir: string;
const processes: ChildProcess[] = [];

beforeAll(async () => {
  database = await createDatabase();
  sql = connect(database.appUrl, { max: 2 });
  dataDir = mkdtempSync(path.join(tmpdir(), 'tranche-kill-'));
});
afterAll(async () => {
  for (const child of processes) child.kill('SIGKILL');
  await sql.end();
  await database.drop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function startApiProcess(): Promise<{ url: string; kill(): Promise<void> }> {
  const [port] = await freePorts(1);
  const child = spawn(process.execPath, ['--import', 'tsx', 'api/main.ts'], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: database.appUrl,
      TEMPORAL_ADDRESS: temporalAddress(),
      STRIPE_SECRET_KEY: 'sk_test_nobody',
      STRIPE_API_BASE: 'http://127.0.0.1:1',
      STRIPE_WEBHOOK_SECRETS: SECRET,
      PORT: String(port),
      DATA_DIR: dataDir,
      LOG_LEVEL: 'fatal',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  processes.push(child);
  const ended = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + 120_000;
  for (;;) {
    const answer = await fetch(`${url}/healthz`).catch(() => null);
    if (answer !== null) break;
    if (child.exitCode !== null) throw new Error(`the API ended with ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error('the API did not start');
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  return {
    url,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function deliver(url: string, id: string): Promise<boolean> {
  const payload = JSON.stringify({ id, object: 'event', type: 'refund.updated', livemode: false, data: { object: { id: 're_1' } } }); // prettier-ignore
  const timestamp = Math.floor(Date.now() / 1000);
  const signature = Stripe.webhooks.generateTestHeaderString({ payload, secret: SECRET, timestamp });
  const answer = await fetch(`${url}/webhooks/stripe`, { method: 'POST', headers: { 'Stripe-Signature': signature }, body: payload }).catch(() => null); // prettier-ignore
  return answer?.status === 200;
}

test('none that was acknowledged is lost, and none that comes again is doubled', async () => {
  const first = await startApiProcess();
  const sent: string[] = [];
  const acked = new Set<string>();
  const killing: Promise<void>[] = [];
  const client = async (c: number) => {
    for (let i = 0; killing.length === 0; i += 1) {
      const id = `evt_${c}_${i}`;
      sent.push(id);
      if (!(await deliver(first.url, id))) return;
      acked.add(id);
      // In the middle of the others' deliveries.
      if (acked.size >= ACKS_BEFORE_KILL) killing.push(first.kill());
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, c) => client(c)));
  await Promise.all(killing);
  expect(acked.size).toBeGreaterThanOrEqual(ACKS_BEFORE_KILL);

  const stored = new Set((await sql<{ id: string }[]>`SELECT id FROM stripe_events`).map((row) => row.id));
  expect([...acked].filter((id) => !stored.has(id))).toEqual([]);

  const second = await startApiProcess();
  const unanswered = sent.filter((id) => !acked.has(id));
  for (const id of [...unanswered, ...[...acked].slice(-CLIENTS)]) expect(await deliver(second.url, id)).toBe(true);
  await second.kill();
  const [row] = await sql<{ rows: bigint; ids: bigint }[]>`SELECT count(*) AS rows, count(DISTINCT id) AS ids FROM stripe_events`; // prettier-ignore
  expect([row!.rows, row!.ids]).toEqual([BigInt(sent.length), BigInt(sent.length)]);
});
