// The API on a database of its own, with a stand-in where the workflows would be: what it was asked, and what it answers.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import pino from 'pino';
import { type AppDependencies, createApp } from '../../api/app.ts';
import type { CommandContext } from '../../api/commands.ts';
import type { EscrowCommand, EscrowWorkflows, Outcome } from '../../api/workflow-port.ts';
import { loadSettings } from '../../config/settings.ts';
import { connect, type Sql } from '../../db/client.ts';
import { createApiKey } from '../../db/api-keys.ts';
import { createPerson, type Person } from '../../db/people.ts';
import type { EscrowSnapshot, MilestoneState } from '../../domain/escrow-state.ts';
import { stripePayments } from '../../payments/stripe.ts';
import type { EscrowCommands } from '../../workflows/messages.ts';
import { createDatabase } from '../stack/database.ts';

export const WEBHOOK_SECRETS = ['whsec_first', 'whsec_second'] as const;

/** Answers as a workflow that accepts everything would, unless a test says otherwise. */
export class StandInWorkflows implements EscrowWorkflows {
  readonly asked: { command: EscrowCommand; updateId: string }[] = [];
  readonly snapshots = new Map<string, EscrowSnapshot>();
  /** Instead of the usual answer. */
  answer: ((command: EscrowCommand) => Promise<Outcome>) | null = null;

  async execute(command: EscrowCommand, updateId: string): Promise<Outcome> {
    this.asked.push({ command, updateId });
    return this.answer ? this.answer(command) : this.accept(command);
  }

  startReconciliation(): Promise<void> {
    return Promise.resolve();
  }

  /** Nothing runs behind a stand-in. */
  stateOf(): Promise<null> {
    return Promise.resolve(null);
  }

  /** No test here refunds released money: test/recovery does, with the real workflow. */
  askReleasedRefund(): Promise<never> {
    return Promise.reject(new Error('no stand-in for refunds of released money'));
  }

  confirmReleasedRefund(): Promise<never> {
    return this.askReleasedRefund();
  }

  retryFailedRefund(): Promise<never> {
    return Promise.reject(new Error('no stand-in for refunds that came back'));
  }

  failedRefundSettled(): Promise<never> {
    return this.retryFailedRefund();
  }

  accept(command: EscrowCommand): Outcome {
    if (command.name === 'create' && !this.snapshots.has(command.escrowId)) {
      this.snapshots.set(command.escrowId, proposed(command.args as EscrowCommands['create']));
    }
    return { kind: 'done', result: { snapshot: this.snapshots.get(command.escrowId)! } };
  }

  /** Changes what the workflow would answer from now on. */
  change(escrowId: string, patch: Partial<EscrowSnapshot>, milestone: Partial<MilestoneState> = {}): EscrowSnapshot {
    const before = this.snapshots.get(escrowId)!;
    const revision = before.revision + 1;
    const milestones = before.milestones.map((m) => ({ ...m, ...milestone, revision }));
    const after = { ...before, ...patch, revision, headRevision: revision, milestones };
    this.snapshots.set(escrowId, after);
    return after;
  }
}

function proposed({ terms, termsHash, principal }: EscrowCommands['create']): EscrowSnapshot {
  const createdAt = Date.now();
  return {
    id: terms.escrowId,
    termsHash,
    termsVersion: terms.version,
    settlementCurrency: null,
    status: 'proposed',
    revision: 1,
    headRevision: 1,
    createdAt,
    consents: [principal.id],
    agreeUntil: createdAt + terms.policy.agreeMs,
    fundUntil: null,
    frozen: [],
    cardDisputes: [],
    milestones: terms.milestones.map((m) => ({
      id: m.id,
      revision: 1,
      status: 'planned',
      sellerId: m.sellerId,
      title: m.title,
      amount: m.amount,
      accepted: 0,
      refunded: 0,
      funds: null,
      startsAt: null,
      dueAt: null,
      inspectionMs: 1_209_600_000,
      startedAt: null,
      submittedAt: null,
      note: null,
      deliverableSha256: null,
      changesNote: null,
      rounds: 0,
      inspection: null,
      fundBy: null,
      releases: [],
      refunds: [],
      refundRequest: null,
      frozenAt: null,
      dispute: null,
    })),
    payments: [],
    cancelRequest: null,
    amendment: null,
    ending: null,
    events: [
      {
        seq: 1,
        at: createdAt,
        type: 'escrow.proposed',
        actor: { kind: 'person', id: principal.id, role: principal.role },
        milestoneId: null,
        data: {},
      },
    ],
    eventSeq: 1,
  };
}

export type Name = 'buyer' | 'stranger' | 'seller' | 'seller2' | 'ops' | 'auditor';
const ROLES = { buyer: 'buyer', stranger: 'buyer', seller: 'seller', seller2: 'seller', ops: 'ops', auditor: 'auditor' } as const; // prettier-ignore

export interface Reply {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
  text: string;
}

interface Options {
  as?: Name | null;
  key?: string | null;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface ApiUnderTest {
  url: string;
  sql: Sql;
  ownerUrl: string;
  people: Record<Name, Person & { apiKey: string }>;
  workflows: StandInWorkflows;
  commands: CommandContext;
  get(path: string, as?: Name | null, headers?: Record<string, string>): Promise<Reply>;
  delete(path: string, as?: Name | null, headers?: Record<string, string>): Promise<Reply>;
  /** A POST with a fresh Idempotency-Key unless `key` says otherwise. */
  post(path: string, options?: Options): Promise<Reply>;
  /** A body that is valid as it stands. */
  proposal(change?: Record<string, unknown>): Record<string, unknown>;
  /** Proposes and returns its id. */
  propose(change?: Record<string, unknown>): Promise<string>;
  stop(): Promise<void>;
}

let keys = 0;
export const freshKey = () => `key-${++keys}-${process.pid}`;

/** `env`: settings beside the usual ones. `mountPages`: with pages, as web/pages.ts mounts them. */
export async function startApi(
  env: Record<string, string> = {},
  more: Partial<Pick<AppDependencies, 'mountPages' | 'logger' | 'limits'>> = {},
): Promise<ApiUnderTest> {
  const database = await createDatabase();
  const sql = connect(database.appUrl, { max: 10, applicationName: 'api-under-test' });
  const settings = loadSettings(
    {
      DATABASE_URL: database.appUrl,
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      STRIPE_SECRET_KEY: 'sk_test_nobody',
      STRIPE_API_BASE: 'http://127.0.0.1:1',
      STRIPE_WEBHOOK_SECRETS: WEBHOOK_SECRETS.join(','),
      TEMPORAL_UI_URL: 'http://127.0.0.1:8233',
      ...env,
    },
    { joinRunningStack: false },
  );
  const payments = stripePayments(settings.stripe);
  // Without interceptors: the SDK's retries would go on after the connection is closed.
  const connection = Connection.lazy({ address: settings.temporal.address, interceptors: [] });
  const temporal = new Client({ connection });
  const workflows = new StandInWorkflows();
  const logger = pino({ level: 'silent' });
  const { handle } = createApp({ sql, temporal, settings, payments, logger, workflows, ...more });
  const server = createServer(handle).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const people = Object.fromEntries(
    await Promise.all(
      Object.entries(ROLES).map(async ([name, role]) => {
        const person = (await createPerson(sql, { email: `${name}@example.test`, name, role }))!;
        const { key } = await createApiKey(sql, person.id);
        return [name, { ...person, apiKey: key }] as const;
      }),
    ),
  ) as ApiUnderTest['people'];

  const send = async (
    method: string,
    path: string,
    as: Name | null,
    init: { headers?: Record<string, string>; body?: string },
  ): Promise<Reply> => {
    const headers = { ...(as === null ? {} : { Authorization: `Bearer ${people[as].apiKey}` }), ...init.headers };
    const response = await fetch(`${url}${path}`, { ...init, method, headers });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    return { status: response.status, headers: response.headers, text, body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {} }; // prettier-ignore
  };
  const post: ApiUnderTest['post'] = (path, { as = 'buyer', key = freshKey(), body = {}, headers = {} } = {}) =>
    send('POST', path, as, {
      headers: { 'Content-Type': 'application/json', ...(key === null ? {} : { 'Idempotency-Key': key }), ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const proposal: ApiUnderTest['proposal'] = (change = {}) => ({
    title: 'A website',
    currency: 'usd',
    funding: 'upfront',
    milestones: [{ title: 'Design', amount: 10_000, seller_id: people.seller.id, inspection_period: 'P3D' }],
    ...change,
  });
  return {
    url,
    sql,
    ownerUrl: database.ownerUrl,
    people,
    workflows,
    commands: { sql, workflows, payments, settings, logger },
    get: (path, as = 'buyer', headers = {}) => send('GET', path, as, { headers }),
    delete: (path, as = 'buyer', headers = {}) => send('DELETE', path, as, { headers }),
    post,
    proposal,
    propose: async (change) => {
      const reply = await post('/v1/escrows', { body: proposal(change) });
      if (reply.status !== 201) throw new Error(reply.text);
      return reply.body['id'] as string;
    },
    stop: async () => {
      await new Promise((resolve) => server.close(resolve).closeAllConnections());
      await connection.close();
      await sql.end({ timeout: 5 });
      await database.drop();
    },
  };
}
