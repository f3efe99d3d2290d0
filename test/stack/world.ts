// A whole product in one process for a suite: its own database and task queue, the real worker and API, and a Stripe
// sandbox over HTTP whose webhooks come back to the API. Only the processes are fewer than in production.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import pino from 'pino';
import { createActivities, type ActivityDeps } from '../../activities/index.ts';
import { reconcileActivities } from '../../activities/reconcile.ts';
import { createApp } from '../../api/app.ts';
import { type CommandContext, sweepOpenCommands } from '../../api/commands.ts';
import { temporalEscrows } from '../../api/workflow-port.ts';
import { runningEscrows } from '../../api/workflow-states.ts';
import { dataConverter } from '../../codec/data-converter.ts';
import { loadSettings } from '../../config/settings.ts';
import { connect, type Sql } from '../../db/client.ts';
import { createApiKey } from '../../db/api-keys.ts';
import { createPerson } from '../../db/people.ts';
import { newId } from '../../db/ids.ts';
import { insertSeller } from '../../db/sellers.ts';
import { stripePayments } from '../../payments/stripe.ts';
import type { Payments } from '../../payments/port.ts';
import { startStripeSandbox, type StripeSandbox } from '../../sandbox/stripe/server.ts';
import { escrowSignals } from '../../worker/escrow-signals.ts';
import { handlers } from '../../worker/handlers/index.ts';
import { startPump } from '../../worker/pump.ts';
import { startDispatcher } from '../../worker/webhook-dispatcher.ts';
import { mountPages } from '../../web/pages.ts';
import { bundleWith, workflowBundle } from './bundle.ts';
import { createDatabase } from './database.ts';
import { temporalAddress, temporalNamespace, uniqueTaskQueue } from './temporal.ts';

export interface TestPerson {
  id: string;
  email: string;
  password: string;
  apiKey: string;
}

export type PersonName = 'buyer' | 'buyer2' | 'seller' | 'seller2' | 'seller3' | 'ops' | 'ops2' | 'auditor';

export interface World {
  url: string;
  sandbox: StripeSandbox;
  sql: Sql;
  ownerUrl: string;
  client: Client;
  payments: Payments;
  /** What the worker's sweeps over commands and approvals take. */
  commands: CommandContext;
  people: Record<PersonName, TestPerson>;
  taskQueue: string;
  /** Ends this world's worker and starts another on the same task queue. */
  restartWorker(): Promise<void>;
  stop(): Promise<void>;
}

export interface WorldOptions {
  /** Ends an activity at a named point, once; see activities/stripe-call.ts. */
  crashPoint?: ActivityDeps['crashPoint'];
  /** False: events stay in the inbox until `pump` is started by the test. */
  pump?: boolean;
  pages?: boolean;
  /** Why its steps are not those of a product; see createDatabase. */
  unwatched?: string;
  /** Before each try of a webhook; the product's own schedule without it. */
  webhookDelaysMs?: readonly number[];
  /** Every workflow continues as new after so many commands. */
  continueAfter?: number;
  /** Further settings, as in the environment. */
  settings?: Record<string, string>;
}

const WEBHOOK_SECRET = 'whsec_test_world';
const quiet = pino({ level: process.env['WORLD_LOG'] ?? 'silent' });

let runtimeInstalled = false;

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  if (!runtimeInstalled) {
    Runtime.install({
      shutdownSignals: [],
      logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} },
    });
    runtimeInstalled = true;
  }
  const ends: (() => Promise<unknown>)[] = [];
  const database = await createDatabase(options.unwatched === undefined ? {} : { unwatched: options.unwatched });
  ends.push(() => database.drop());
  const sql = connect(database.appUrl, { max: 20, applicationName: 'world' });
  ends.push(() => sql.end({ timeout: 5 }));

  // The webhook's address must be known before the sandbox starts, and the sandbox's before the API is made.
  let handle: RequestListener = (_request, response) => void response.writeHead(503).end();
  const server = createServer((request, response) => handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  ends.push(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
  const sandbox = await startStripeSandbox({ port: 0, webhooks: [{ url: `${url}/webhooks/stripe`, secret: WEBHOOK_SECRET }, { url: `${url}/webhooks/stripe`, secret: WEBHOOK_SECRET, thin: true }] }); // prettier-ignore
  ends.push(() => sandbox.close());

  const taskQueue = uniqueTaskQueue();
  const settings = loadSettings(
    {
      DATABASE_URL: database.appUrl,
      TEMPORAL_ADDRESS: temporalAddress(),
      TEMPORAL_NAMESPACE: temporalNamespace,
      TEMPORAL_TASK_QUEUE: taskQueue,
      STRIPE_SECRET_KEY: 'sk_test_sandbox',
      STRIPE_API_BASE: sandbox.url,
      STRIPE_WEBHOOK_SECRETS: WEBHOOK_SECRET,
      PUBLIC_URL: url,
      TRANCHE_EMBEDDED: 'stripe',
      WEBHOOKS_TO_LOOPBACK: 'yes',
      LOG_LEVEL: 'silent',
      ...options.settings,
    },
    { joinRunningStack: false },
  );
  const payments = stripePayments(settings.stripe);
  const converter = dataConverter(settings.temporal.codecKeys);
  const connection = await Connection.connect({ address: temporalAddress() });
  ends.push(() => connection.close());
  const client = new Client({ connection, namespace: temporalNamespace, ...converter });
  const workflows = temporalEscrows(client, {
    taskQueue,
    ...(options.continueAfter === undefined ? {} : { continueAfter: options.continueAfter }),
  });
  ({ handle } = createApp({ sql, temporal: client, workflows, settings, payments, logger: quiet, mountPages }));

  const native = await NativeConnection.connect({ address: temporalAddress() });
  ends.push(() => native.close());
  let worker = await startWorker();
  ends.push(() => worker.stop());
  async function startWorker() {
    const made = await Worker.create({
      connection: native,
      namespace: temporalNamespace,
      taskQueue,
      ...converter,
      // The workflows' side of a codec is part of their bundle.
      workflowBundle:
        converter.dataConverter === undefined ? workflowBundle() : await bundleWith(converter.dataConverter),
      activities: {
        ...createActivities({
          sql,
          payments,
          logger: quiet,
          webhooks: { loopback: true },
          firstReleaseDelayMs: settings.firstReleaseDelayMs,
          ...(options.crashPoint ? { crashPoint: options.crashPoint } : {}),
        }),
        ...reconcileActivities({
          sql,
          payments,
          logger: quiet,
          escrowState: (id) => workflows.stateOf(id),
          runningEscrows: () => runningEscrows(client, taskQueue),
        }),
      },
      stickyQueueScheduleToStartTimeout: '2s',
      shutdownGraceTime: '1s',
      shutdownForceTime: '5s',
    });
    const running = made.run();
    return {
      stop: async () => {
        if (made.getState() === 'RUNNING') made.shutdown();
        await running;
      },
    };
  }
  if (options.pump !== false) {
    const pump = await startPump(
      { sql, stripe: payments, signals: escrowSignals(client, taskQueue), logger: quiet },
      handlers,
    );
    ends.push(() => pump.stop());
    const dispatcher = await startDispatcher({ sql, client, taskQueue, logger: quiet, ...(options.webhookDelaysMs === undefined ? {} : { delaysMs: options.webhookDelaysMs }) }); // prettier-ignore
    ends.push(() => dispatcher.stop());
    const sweep = setInterval(() => {
      sweepOpenCommands({ sql, workflows, payments, settings, logger: quiet }).catch(() => {});
    }, 1000);
    ends.push(async () => clearInterval(sweep));
  }

  const people = await seedPeople(sql, payments, sandbox.url);
  return {
    url,
    sandbox,
    sql,
    ownerUrl: database.ownerUrl,
    client,
    payments,
    commands: { sql, workflows, payments, settings, logger: quiet },
    people,
    taskQueue,
    restartWorker: async () => {
      await worker.stop();
      worker = await startWorker();
    },
    stop: async () => {
      for (const end of ends.reverse()) await end();
    },
  };
}

async function seedPeople(sql: Sql, payments: Payments, sandboxUrl: string): Promise<World['people']> {
  const roles = { buyer: 'buyer', buyer2: 'buyer', seller: 'seller', seller2: 'seller', seller3: 'seller', ops: 'ops', ops2: 'ops', auditor: 'auditor' } as const; // prettier-ignore
  const made = await Promise.all(
    Object.entries(roles).map(async ([name, role]): Promise<[PersonName, TestPerson]> => {
      const email = `${name}@example.test`;
      const password = `correct horse ${name}`;
      const person = await createPerson(sql, { id: newId('person'), email, name, role, password });
      const { key } = await createApiKey(sql, person!.id, { label: 'test' });
      if (role === 'seller') {
        const account = await payments.createSellerAccount(
          { email, country: 'US', sellerId: person!.id, name },
          `account:${person!.id}`,
        );
        await setTransfers(sandboxUrl, account.id, 'active');
        await insertSeller(sql, {
          id: person!.id,
          stripeAccountId: account.id,
          country: 'US',
          transfers: 'active',
          requirements: [],
        });
      }
      return [name as PersonName, { id: person!.id, email, password, apiKey: key }];
    }),
  );
  return Object.fromEntries(made) as World['people'];
}

/** The sandbox's control call that opens or closes a seller's transfers. */
export async function setTransfers(
  sandboxUrl: string,
  accountId: string,
  transfers: 'active' | 'pending' | 'inactive',
): Promise<void> {
  await control(sandboxUrl, `accounts/${accountId}`, { transfers });
}

export async function control(sandboxUrl: string, path: string, body: object): Promise<unknown> {
  const answer = await fetch(`${sandboxUrl}/_sandbox/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`sandbox control ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}
