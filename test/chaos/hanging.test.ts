// A worker process whose connections to PostgreSQL fall silent while its transfer is at Stripe: it ends itself once the
// database answers others, is started again, and the money has moved and is booked once.
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createSupervisor, type Supervisor } from '../../cli/supervisor.ts';
import { freePorts } from '../../sandbox/ports.ts';
import { type HangingProxy, startHangingProxy } from '../stack/hanging-proxy.ts';
import { until } from '../supervisor/wait.ts';
import { ONE_PART, type StackUnderTest, startStackUnderTest } from './stack-under-test.ts';

let s: StackUnderTest;
let proxy: HangingProxy;
let worker: Supervisor;
const said: string[] = [];

beforeAll(async () => {
  s = await startStackUnderTest(1, 1_000_000, ['postgres', 'temporal', 'stripe', 'bundle', 'migrate', 'seed', 'api']);
  const { env } = s.stack;
  proxy = await startHangingProxy(env['DATABASE_URL']!);
  const [port] = (await freePorts(1)) as [number];
  const own = {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL: proxy.url,
    WORKER_HEALTH_PORT: String(port),
    WORKFLOW_BUNDLE: path.join(env['DATA_DIR']!, 'workflow-bundle.js'),
  };
  const ready = { url: `http://127.0.0.1:${port}/healthz` };
  const part = () => ({ name: 'worker', script: 'worker/main.ts', env: { ...env, ...own }, ready });
  const say = (line: string): void => void said.push(line);
  worker = createSupervisor([[part]], { logDir: path.join(env['DATA_DIR']!, 'logs'), say, maxBackoffMs: 500 });
  await worker.start();
}, 400_000);
afterAll(async () => {
  await worker?.stop();
  await proxy?.stop();
  await s?.stop();
}, 60_000);

test('the transfer whose booking nobody hears is booked by the process that follows, and made once', async () => {
  const deal = s.deal();
  await deal.agreed(ONE_PART);
  await deal.fund();
  await deal.deliver(0);
  await deal.control('faults', { match: { method: 'POST', path: '/v1/transfers' }, kind: 'delay', effect: 'after', delay_ms: 3000, times: 1 }); // prettier-ignore
  await deal.accept(0);
  const { id } = deal.escrow;
  const [first] = Object.values(worker.pids());
  await until(async () => (await s.atStripe(id)).transfers.length === 1, 'Stripe has made the transfer');
  // The answer is on its way, and the next word to the database is lost with all that follow.
  await proxy.hangAfter(0);
  const before = proxy.connections();
  await until(() => proxy.connections() > before, 'it tries a connection of its own', 300_000);
  expect([worker.pids()['worker'], said.filter((line) => line.includes('ended'))]).toEqual([first, []]);
  proxy.heal();
  await until(() => said.some((line) => line.startsWith('worker ended (exit code 1')), 'it ends itself', 300_000);
  expect(said.some((line) => line.includes('the connections to PostgreSQL hang'))).toBe(true);
  proxy.expire();
  await worker.untilReady('worker');
  expect(worker.pids()['worker']).not.toBe(first);

  await deal.until('completed');
  deal.expect({ charged: 10_000, released: 9000, fees: 1000, held: 0 });
  const { payments, transfers } = await s.atStripe(id);
  expect([payments.length, transfers.length]).toEqual([1, 1]);
  const posted =
    await s.sql`SELECT kind FROM movements WHERE escrow_id = ${id} AND kind = 'transfer' AND status = 'succeeded'`;
  expect(posted).toHaveLength(1);
  expect(await s.broken([id], 120_000)).toEqual([]);
}, 1_200_000);
