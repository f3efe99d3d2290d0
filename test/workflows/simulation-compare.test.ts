// A sample of the simulation's seeds on the real server: after every step the same state as in the stand-in for Core, and the
// same end. The worker keeps two workflows only, so that most tasks are replays from the server's history.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { newId } from '../../db/ids.ts';
import { onIsolate, onServer, Stages } from '../../simulation/compare.ts';
import { createIsolate, type Isolate, LOCAL_ACTIVITIES } from '../../simulation/isolate.ts';
import { workflowBundle } from '../stack/bundle.ts';
import { temporalAddress, temporalNamespace, uniqueTaskQueue } from '../stack/temporal.ts';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const taskQueue = uniqueTaskQueue('compare');
const stages = new Stages();
const ends: (() => Promise<unknown>)[] = [];
let client: Client;
let isolate: Isolate;

beforeAll(async () => {
  Runtime.install({ logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} } });
  isolate = createIsolate(readFileSync(workflowBundle().codePath, 'utf8'), LOCAL_ACTIVITIES);
  const connection = await Connection.connect({ address: temporalAddress() });
  ends.push(() => connection.close());
  client = new Client({ connection, namespace: temporalNamespace });
  const native = await NativeConnection.connect({ address: temporalAddress() });
  ends.push(() => native.close());
  const worker = await Worker.create({
    connection: native,
    namespace: temporalNamespace,
    taskQueue,
    workflowBundle: workflowBundle(),
    activities: stages.activities(),
    maxCachedWorkflows: 2,
    stickyQueueScheduleToStartTimeout: '2s',
  });
  const running = worker.run();
  ends.push(async () => {
    worker.shutdown();
    await running;
  });
});
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

test('eight seeds live through the same steps on the server, and end in the same states', async () => {
  const live = async (seed: number) => {
    const escrowId = newId('escrow');
    return { seed, here: await onIsolate(isolate, seed, escrowId), there: await onServer({ client, taskQueue, stages }, seed, escrowId) }; // prettier-ignore
  };
  const lived: Awaited<ReturnType<typeof live>>[] = [];
  // As many at a time as the worker keeps: more would only wait for each other's replays.
  for (let i = 0; i < SEEDS.length; i += 2) lived.push(...(await Promise.all(SEEDS.slice(i, i + 2).map(live))));
  for (const { seed, here, there } of lived) {
    expect({ seed, steps: there.map((s) => s.what) }).toEqual({ seed, steps: here.map((s) => s.what) });
    expect({ seed, there }).toEqual({ seed, there: here });
  }
  const ended = lived.map(({ there }) => (there.at(-1)!.state as { status: string }).status);
  expect(new Set(ended)).toContain('completed');
  // Not only the shortest ways: together they paid, delivered, refunded and disagreed.
  const steps = lived.flatMap(({ there }) => there.map((s) => s.what));
  for (const name of ['agree', 'fund', 'submit', 'accept']) expect(steps).toContain(name);
});
