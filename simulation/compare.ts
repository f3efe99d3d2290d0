// The stand-in for Core against the real thing: the same seeds on both, step by step the same states.
import { Client, isGrpcDeadlineError, ServiceError, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client'; // prettier-ignore
import type { EscrowState } from '../domain/escrow-state.ts';
import { ESCROW_WORKFLOW, QUERIES } from '../workflows/messages.ts';
import { type Command, Execution, type Job } from './core.ts';
import type { Isolate } from './isolate.ts';
import type { PersonsCommand } from './people.ts';
import { type Engine, live, type Stage, stageOf, type Step } from './story.ts';

/** Of both engines: dates in the terms must lie ahead for a server too. */
const NOW = Date.now();

/** The seed on the isolate, with every activity answered at once. */
export async function onIsolate(isolate: Isolate, seed: number, escrowId: string): Promise<Step[]> {
  const stage = stageOf(seed, escrowId);
  const engine = new IsolateEngine(isolate, stage, seed);
  try {
    return await live(seed, stage, engine, NOW);
  } finally {
    await engine.dispose();
  }
}

class IsolateEngine implements Engine {
  private execution: Execution;
  private begun = false;
  private ended = false;
  private runs = 0;
  private readonly isolate: Isolate;
  private readonly stage: Stage;
  private readonly seed: number;

  constructor(isolate: Isolate, stage: Stage, seed: number) {
    this.isolate = isolate;
    this.stage = stage;
    this.seed = seed;
    this.execution = this.run(this.first);
  }

  private get first() {
    const { escrowId, continueAfter } = this.stage;
    return { escrowId, ...(continueAfter === undefined ? {} : { continueAfter }) };
  }

  private run(argument: unknown): Execution {
    const { escrowId } = this.stage;
    const runId = `compare ${escrowId} ${this.runs++}`;
    return new Execution(this.isolate, { workflowId: `escrow/${escrowId}`, runId, type: ESCROW_WORKFLOW, argument, seed: this.seed, visited: null }); // prettier-ignore
  }

  private tasks(first: Job[]): Command[] {
    const all: Command[] = [];
    let jobs: Job[] = this.begun ? first : [{ kind: 'init', argument: this.first }, ...first];
    this.begun = true;
    while (jobs.length > 0 && !this.ended) {
      const commands = this.execution.activate(jobs, NOW);
      all.push(...commands);
      jobs = [];
      for (const c of commands) {
        if (c.kind === 'activity') {
          jobs.push({ kind: 'activity', seq: c.seq, result: this.stage.store.perform(c.type, c.args[0], () => {}) });
        } else if (c.kind === 'completed') {
          this.ended = true;
        } else if (c.kind === 'continueAsNew') {
          this.execution.evict();
          this.execution = this.run(c.argument);
          jobs = [{ kind: 'init', argument: c.argument }];
        } else if (c.kind === 'failed') throw new Error(`the workflow failed: ${c.message}`);
      }
    }
    return all;
  }

  async update(id: string, { name, argument }: PersonsCommand): Promise<string | null> {
    const commands = this.tasks([{ kind: 'update', id, name, argument }]);
    const refused = commands.find((c) => c.kind === 'updateRejected' && c.id === id);
    return refused?.kind === 'updateRejected' ? refused.message : null;
  }

  async signal(name: string, argument: unknown): Promise<void> {
    if (!this.ended) this.tasks([{ kind: 'signal', name, argument }]);
  }

  settled = async (): Promise<EscrowState> => this.execution.query(QUERIES.state, NOW) as EscrowState;
  over = async (): Promise<boolean> => this.ended;
  dispose = (): Promise<void> => (this.execution.evict(), this.isolate.settled());
}

/** The escrows that live on a server now, for its worker's activities. */
export class Stages {
  private readonly byEscrow = new Map<string, Stage>();

  add = (stage: Stage): void => void this.byEscrow.set(stage.escrowId, stage);

  /** What a worker registers: each activity works on the store of the escrow that its order names. */
  activities(): Record<string, (order: { escrowId?: string; id?: string }) => Promise<unknown>> {
    const names = ['createPayment', 'recordPayment', 'cancelPayment', 'transferToSeller', 'refundToBuyer', 'recordRefund', 'project']; // prettier-ignore
    const perform = (name: string) => async (order: { escrowId?: string; id?: string }) =>
      this.byEscrow.get(order.escrowId ?? order.id ?? '')!.store.perform(name, order, () => {});
    return Object.fromEntries(names.map((name) => [name, perform(name)]));
  }
}

/** The seed on a server with a worker of `stages`' activities. */
export async function onServer(
  { client, taskQueue, stages }: { client: Client; taskQueue: string; stages: Stages },
  seed: number,
  escrowId: string,
): Promise<Step[]> {
  const stage = stageOf(seed, escrowId);
  stages.add(stage);
  const { continueAfter } = stage;
  await client.workflow.start(ESCROW_WORKFLOW, {
    workflowId: `escrow/${escrowId}`,
    taskQueue,
    args: [{ escrowId, ...(continueAfter === undefined ? {} : { continueAfter }) }],
  });
  return live(seed, stage, new ServerEngine(client, escrowId), NOW);
}

const LOOK_EVERY_MS = 50;
const SETTLES_WITHIN_MS = 120_000;

class ServerEngine implements Engine {
  private readonly client: Client;
  private readonly workflowId: string;

  constructor(client: Client, escrowId: string) {
    this.client = client;
    this.workflowId = `escrow/${escrowId}`;
  }

  private get handle() {
    return this.client.workflow.getHandle(this.workflowId);
  }

  async update(updateId: string, { name, argument }: PersonsCommand): Promise<string | null> {
    try {
      await this.handle.executeUpdate<unknown, [unknown]>(name, { updateId, args: [argument] });
      return null;
    } catch (error) {
      if (!(error instanceof WorkflowUpdateFailedError)) throw error;
      return error.cause?.message ?? error.message;
    }
  }

  async signal(name: string, argument: unknown): Promise<void> {
    try {
      await this.handle.signal(name, argument);
      await this.quiet();
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }

  /** No task and no activity under way, at two looks with the same history. */
  private async quiet(): Promise<void> {
    const until = Date.now() + SETTLES_WITHIN_MS;
    for (let before = ''; ;) {
      const { raw } = await this.handle.describe();
      const busy = raw.pendingWorkflowTask != null || (raw.pendingActivities ?? []).length > 0;
      const at = busy ? '' : `${raw.workflowExecutionInfo?.execution?.runId} ${String(raw.workflowExecutionInfo?.historyLength)}`; // prettier-ignore
      if (at !== '' && at === before) return;
      if (Date.now() > until) throw new Error(`${this.workflowId} does not come to rest`);
      before = at;
      await new Promise((resolve) => {
        setTimeout(resolve, LOOK_EVERY_MS);
      });
    }
  }

  async settled(): Promise<EscrowState> {
    await this.quiet();
    // On a busy machine a query may find no worker in time: it changes nothing, so it is asked again.
    for (const until = Date.now() + SETTLES_WITHIN_MS; ;) {
      try {
        return await this.handle.query<EscrowState>(QUERIES.state);
      } catch (error) {
        const late = error instanceof ServiceError && isGrpcDeadlineError(error.cause);
        if (!late || Date.now() > until) throw error;
      }
    }
  }

  async over(): Promise<boolean> {
    await this.quiet();
    return (await this.handle.describe()).status.name !== 'RUNNING';
  }
}
