// The stand-in for the SDK's Core: jobs in, commands out, and a history from which an evicted workflow is built again.
import { ApplicationFailure, defaultFailureConverter, defaultPayloadConverter, type Payload } from '@temporalio/common';
import type { Isolate, IsolatedWorkflow, RawCommand, RowVisited } from './isolate.ts';
import { fromPayload, toPayload } from './payload.ts';

export type Job =
  | { kind: 'init'; argument: unknown }
  | { kind: 'signal'; name: string; argument: unknown }
  | { kind: 'update'; id: string; name: string; argument: unknown }
  | { kind: 'timer'; seq: number }
  /** `failure`: the activity gave up with this message. */
  | { kind: 'activity'; seq: number; result?: unknown; failure?: string }
  /** A signal to another workflow arrived, or found none. */
  | { kind: 'signalled'; seq: number; told: boolean }
  | { kind: 'cancel' };

export type Command =
  | { kind: 'startTimer'; seq: number; ms: number }
  | { kind: 'cancelTimer'; seq: number }
  | { kind: 'activity'; seq: number; type: string; args: unknown[]; local: boolean }
  | { kind: 'cancelActivity'; seq: number }
  | { kind: 'updateAccepted'; id: string }
  | { kind: 'updateRejected'; id: string; message: string }
  | { kind: 'updateCompleted'; id: string; result: unknown }
  | { kind: 'completed'; result: unknown }
  | { kind: 'failed'; message: string }
  | { kind: 'continueAsNew'; argument: unknown }
  | { kind: 'searchAttributes' }
  | { kind: 'signalExternal'; seq: number; workflowId: string; name: string; argument: unknown };

interface Task {
  now: number;
  jobs: Job[];
  /** A replay must give the same. */
  commands: RawCommand[];
}

export interface ExecutionStart {
  workflowId: string;
  runId: string;
  type: string;
  argument: unknown;
  seed: number;
  /** Told each row that the workflow goes along; null where nobody asks. */
  visited: RowVisited | null;
}

/** A replay that did not give the commands that the history has. */
export class Nondeterminism extends Error {
  override name = 'Nondeterminism';
}

/** Signals and updates run before everything else of their task, as Core orders them. */
const RANK: Record<Job['kind'], number> = {
  init: 0,
  signal: 1,
  update: 1,
  cancel: 2,
  timer: 2,
  activity: 3,
  signalled: 3,
};

/** One run of a workflow. */
export class Execution {
  private readonly isolate: Isolate;
  private readonly start: ExecutionStart;
  private workflow: IsolatedWorkflow | null = null;
  private readonly history: Task[] = [];
  private readonly flags = new Set<number>();
  /** Updates that their validators let through. */
  private readonly accepted = new Set<string>();
  private events = 3;
  /** Tasks built again from history so far. */
  replayed = 0;

  constructor(isolate: Isolate, start: ExecutionStart) {
    this.isolate = isolate;
    this.start = start;
  }

  /** One workflow task. */
  activate(jobs: readonly Job[], now: number): Command[] {
    const workflow = this.workflow ?? this.rebuild(now);
    const ordered = jobs
      .map((job, at) => ({ job, at }))
      .sort((a, b) => RANK[a.job.kind] - RANK[b.job.kind] || a.at - b.at)
      .map(({ job }) => job);
    this.events += 3 + ordered.length;
    const raw = this.run(workflow, ordered, now, false);
    const commands = raw.flatMap((command) => commandOf(command));
    for (const c of commands) if (c.kind === 'updateAccepted') this.accepted.add(c.id);
    // An update that its validator refuses leaves no trace in a history; one that was accepted and then fails does.
    const refused = new Set(commands.flatMap((c) => (c.kind === 'updateRejected' && !this.accepted.has(c.id) ? [c.id] : []))); // prettier-ignore
    const heldJobs = ordered.filter((j) => j.kind !== 'update' || !refused.has(j.id));
    if (heldJobs.length > 0) this.history.push({ now, jobs: heldJobs, commands: this.kept(raw) });
    return commands;
  }

  /** Answers a query; takes no part in the history. */
  query(name: string, now: number): unknown {
    const workflow = this.workflow ?? this.rebuild(now);
    return workflow.query(name);
  }

  /** The worker forgets the workflow, as when it crashes; the next task builds it again. */
  evict(): void {
    this.workflow?.dispose();
    this.workflow = null;
  }

  /** Runs the whole history again. @throws Nondeterminism */
  private rebuild(now: number): IsolatedWorkflow {
    const { runId, workflowId, type, seed, visited } = this.start;
    const first = this.history.length === 0;
    const started = { runId, workflowId, type, seed, now: this.history[0]?.now ?? now };
    const told: RowVisited | null = visited && ((table, row) => void (this.replaying || visited(table, row)));
    const workflow = this.isolate.start(started, told);
    this.workflow = workflow;
    if (first) return workflow;
    this.replaying = true;
    for (const [i, task] of this.history.entries()) {
      const again = this.kept(this.run(workflow, task.jobs, task.now, true, patchesIn(task.commands)));
      if (!same(again, task.commands)) {
        throw new Nondeterminism(`task ${i} of ${this.history.length}: ${textOf(task.commands)} became ${textOf(again)}`); // prettier-ignore
      }
      this.replayed += 1;
    }
    this.replaying = false;
    return workflow;
  }
  private replaying = false;

  /** What of a task's commands a history has. */
  private kept(commands: readonly RawCommand[]): RawCommand[] {
    const leavesNoTrace = (r: RawUpdateResponse | undefined) => r?.rejected != null && !this.accepted.has(r.protocolInstanceId); // prettier-ignore
    return commands.filter((c) => !leavesNoTrace(c['updateResponse'] as RawUpdateResponse | undefined));
  }

  private run(
    workflow: IsolatedWorkflow,
    jobs: readonly Job[],
    now: number,
    replay: boolean,
    patches: readonly unknown[] = [],
  ): RawCommand[] {
    const { commands, flags } = workflow.activate({
      timestamp: timestamp(now),
      isReplaying: replay,
      historyLength: this.events,
      historySizeBytes: 0,
      availableInternalFlags: [...this.flags],
      jobs: [...patches, ...jobs.map((job) => rawJob(job, this.start, replay))],
    });
    for (const flag of flags) this.flags.add(flag);
    return commands;
  }
}

/** The markers of `patched` in a task's history: Core tells them ahead of the task's other jobs. */
const patchesIn = (commands: readonly RawCommand[]) =>
  commands.flatMap((c) => {
    const marker = c['setPatchMarker'] as { patchId: string } | undefined | null;
    return marker ? [{ notifyHasPatch: { patchId: marker.patchId } }] : [];
  });

/** All that a history would hold of them: every field, and payloads byte by byte. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (ArrayBuffer.isView(a)) return ArrayBuffer.isView(b) && Buffer.compare(a as Uint8Array, b as Uint8Array) === 0;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => same((a as RawCommand)[name], (b as RawCommand)[name]));
}

/** For people. */
function textOf(commands: readonly RawCommand[]): string {
  // `this` holds the bytes themselves: a Buffer would come as the array that its toJSON makes.
  function bytes(this: Record<string, unknown>, key: string, value: unknown): unknown {
    const held = this[key];
    return ArrayBuffer.isView(held) ? Buffer.from(held.buffer, held.byteOffset, held.byteLength).toString('utf8') : value; // prettier-ignore
  }
  return JSON.stringify(commands, bytes).slice(0, 600);
}

const timestamp = (ms: number) => ({ seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1_000_000 });

function rawJob(job: Job, start: ExecutionStart, replay: boolean): Record<string, unknown> {
  switch (job.kind) {
    case 'init':
      return { initializeWorkflow: { workflowType: start.type, workflowId: start.workflowId, arguments: [toPayload(job.argument)] } }; // prettier-ignore
    case 'signal':
      return { signalWorkflow: { signalName: job.name, input: [toPayload(job.argument)] } };
    case 'update':
      return { doUpdate: { id: job.id, protocolInstanceId: job.id, name: job.name, input: [toPayload(job.argument)], runValidator: !replay } }; // prettier-ignore
    case 'timer':
      return { fireTimer: { seq: job.seq } };
    case 'activity':
      return { resolveActivity: { seq: job.seq, result: job.failure === undefined ? { completed: { result: toPayload(job.result) } } : { failed: { failure: givenUp(job.failure) } } } }; // prettier-ignore
    case 'signalled':
      return { resolveSignalExternalWorkflow: { seq: job.seq, ...(job.told ? {} : { failure: failureOf('the workflow runs no more') }) } }; // prettier-ignore
    case 'cancel':
      return { cancelWorkflow: {} };
  }
}

/** Without its stack, which is of whoever builds the job: an update that it refuses is compared when it is replayed. */
const failureOf = (message: string) => ({
  ...defaultFailureConverter.errorToFailure(ApplicationFailure.nonRetryable(message), defaultPayloadConverter),
  stackTrace: '',
});

const givenUp = (message: string) => ({
  message: 'Activity task failed',
  activityFailureInfo: { activityType: { name: 'activity' }, activityId: '1', retryState: 2 },
  cause: failureOf(message),
});

interface RawDuration {
  seconds?: { toString(): string } | number | null;
  nanos?: number | null;
}
const millis = (d: RawDuration): number => Number(d.seconds ?? 0) * 1000 + Math.round((d.nanos ?? 0) / 1e6);
const all = (payloads: unknown): unknown[] => ((payloads ?? []) as Payload[]).map((p) => fromPayload(p));
const one = (payloads: unknown): unknown => all(payloads)[0];

interface RawUpdateResponse {
  protocolInstanceId: string;
  accepted?: unknown;
  rejected?: { message?: string; cause?: { message?: string } };
  completed?: Payload;
}

function commandOf(raw: RawCommand): Command[] {
  const name = Object.keys(raw).find((key) => raw[key] !== undefined && raw[key] !== null && key !== 'userMetadata');
  const body = raw[name ?? ''] as Record<string, unknown>;
  const seq = body?.['seq'] as number;
  switch (name) {
    case 'startTimer':
      return [{ kind: 'startTimer', seq, ms: millis(body['startToFireTimeout'] as RawDuration) }];
    case 'cancelTimer':
      return [{ kind: 'cancelTimer', seq }];
    case 'scheduleActivity':
    case 'scheduleLocalActivity':
      return [{ kind: 'activity', seq, type: body['activityType'] as string, args: all(body['arguments']), local: name === 'scheduleLocalActivity' }]; // prettier-ignore
    case 'requestCancelActivity':
    case 'requestCancelLocalActivity':
      return [{ kind: 'cancelActivity', seq }];
    case 'updateResponse': {
      const r = body as unknown as RawUpdateResponse;
      const id = r.protocolInstanceId;
      if (r.accepted) return [{ kind: 'updateAccepted', id }];
      if (r.rejected) return [{ kind: 'updateRejected', id, message: r.rejected.message ?? '' }];
      return [{ kind: 'updateCompleted', id, result: r.completed ? fromPayload(r.completed) : undefined }];
    }
    case 'completeWorkflowExecution':
      return [{ kind: 'completed', result: body['result'] ? fromPayload(body['result'] as Payload) : undefined }]; // prettier-ignore
    case 'failWorkflowExecution':
      return [{ kind: 'failed', message: (body['failure'] as { message?: string } | undefined)?.message ?? '' }];
    case 'continueAsNewWorkflowExecution':
      return [{ kind: 'continueAsNew', argument: one(body['arguments']) }];
    case 'signalExternalWorkflowExecution': {
      const { workflowId } = body['workflowExecution'] as { workflowId: string };
      return [{ kind: 'signalExternal', seq, workflowId, name: body['signalName'] as string, argument: one(body['args']) }]; // prettier-ignore
    }
    // For replays alone, which find it in the history.
    case 'setPatchMarker':
      return [];
    case 'upsertWorkflowSearchAttributes':
      return [{ kind: 'searchAttributes' }];
    default:
      throw new Error(`a command that the simulation does not know: ${name}`);
  }
}
