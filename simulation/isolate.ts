// The SDK's own isolate, without its Core: the one file that touches the SDK's internals. test/simulation/isolate.test.ts
// says what it relies on, so that an upgrade of the SDK that changes them is seen there.
import vm from 'node:vm';
import proto from '@temporalio/proto';
import { ReusableVMWorkflowCreator } from '@temporalio/worker/lib/workflow/reusable-vm.js';

type Creator = ReusableVMWorkflowCreator;
type Options = Parameters<Creator['createWorkflow']>[0];
type Bundle = ConstructorParameters<typeof ReusableVMWorkflowCreator>[1];

export type Activation = Record<string, unknown>;
export type RawCommand = Record<string, unknown>;

/** `flags`: behaviours of the SDK that this task relied on, which a replay must be told. */
export interface Activated {
  commands: RawCommand[];
  flags: number[];
}

/** One workflow in the isolate. */
export interface IsolatedWorkflow {
  /** Runs jobs. @throws Error when the workflow task fails */
  activate(activation: Activation): Activated;
  /** What the handler of a query without arguments answers now. */
  query(name: string): unknown;
  dispose(): void;
}

export interface WorkflowStart {
  runId: string;
  workflowId: string;
  type: string;
  /** Of `Math.random` and `uuid4` in the workflow: the same for a replay. */
  seed: number;
  now: number;
}

/** Told the name of a row of the transition table whenever a workflow moves along it. */
export type RowVisited = (table: 'escrow' | 'milestone', row: string) => void;

/** Everything in it is done when its call answers; only promises that are rejected and never heard show later. */
export interface Isolate {
  start(start: WorkflowStart, visited: RowVisited | null): IsolatedWorkflow;
  /** Looks at all tasks since it was asked last. @throws Error where one left a rejection that nobody hears */
  settled(): Promise<void>;
}

/** Local activities must be known to the worker that asks for them. */
export const LOCAL_ACTIVITIES = ['project'];

/** Loads a worker's bundle. */
export function createIsolate(code: string, activityNames: readonly string[]): Isolate {
  const filename = 'workflow-bundle.js';
  const bundle: Bundle = {
    code,
    filename,
    sourceMap: { version: 3, sources: [], names: [], mappings: '', file: filename } as unknown as Bundle['sourceMap'],
  };
  /** Whose workflow runs just now. */
  let visitor: RowVisited | null = null;
  const script = new vm.Script(code, { filename });
  const prepared = {
    runInContext(context: vm.Context) {
      script.runInContext(context);
      prepare(context, code, (table, row) => visitor?.(table, row));
    },
  } as vm.Script;
  // By its constructor and not by `create`, which installs promise hooks that cost five sixths of the speed; without a
  // time-out, because one would make a watchdog thread for each call.
  const creator = new ReusableVMWorkflowCreator(
    prepared,
    bundle,
    undefined as unknown as number,
    new Set(activityNames),
  );
  const underWay: Promise<unknown>[] = [];
  const answers = (promise: Promise<unknown>) => {
    // Whoever settles hears of it.
    promise.catch(() => {});
    underWay.push(promise);
  };
  return {
    start(start, visited) {
      answers(creator.createWorkflow(optionsOf(start)));
      const workflow = ReusableVMWorkflowCreator.workflowByRunId.get(start.runId) as unknown as Internals | undefined;
      if (workflow === undefined) throw new Error(`workflow ${start.workflowId} of type ${start.type} does not start`);
      const task = watchTasks(workflow);
      return {
        activate(activation) {
          visitor = visited;
          answers(workflow.activate(Activation.fromObject({ runId: start.runId, ...activation })).then(heard));
          visitor = null;
          const { commands, usedInternalFlags } = task().successful ?? {};
          return { commands: (commands ?? []) as RawCommand[], flags: usedInternalFlags ?? [] };
        },
        query: (name) => {
          const handler = workflow.activator.queryHandlers.get(name);
          if (handler === undefined) throw new Error(`the workflow has no query ${name}`);
          return handler.handler() ?? null;
        },
        dispose: () => answers(workflow.dispose()),
      };
    },
    settled: async () => void (await Promise.all(underWay.splice(0))),
  };
}

const { WorkflowActivation: Activation } = proto.coresdk.workflow_activation;

interface Completion {
  failed?: { failure?: { message?: string | null; stackTrace?: string | null } | null } | null;
  successful?: { commands?: unknown[] | null; usedInternalFlags?: number[] | null } | null;
}

/** What is used of the SDK's workflow besides its own interface. */
interface Internals {
  workflowModule: { concludeActivation(): Completion };
  activator: { queryHandlers: Map<string, { handler: () => unknown }>; errorToFailure(error: unknown): unknown };
  activate(activation: unknown): Promise<Completion>;
  dispose(): Promise<void>;
}

/**
 * The SDK answers a task after one more turn of the event loop, in which it waits for unheard rejections only: the commands are
 * there before. Answers a function that takes them. @throws Error when the task failed
 */
function watchTasks(workflow: Internals): () => Completion {
  let concluded: Completion | null = null;
  let error: unknown;
  const { workflowModule, activator } = workflow;
  workflow.workflowModule = new Proxy(workflowModule, {
    get: (module, name) =>
      name === 'concludeActivation'
        ? () => (concluded = module.concludeActivation())
        : (Reflect.get(module, name) as unknown),
  });
  const toFailure = activator.errorToFailure.bind(activator);
  activator.errorToFailure = (thrown) => {
    error = thrown;
    return toFailure(thrown);
  };
  return () => {
    const taken = concluded;
    concluded = null;
    if (taken === null) throw new Error(`the workflow task failed: ${String(error)}`, { cause: error });
    heard(taken);
    return taken;
  };
}

function heard({ failed }: Completion): void {
  if (failed) throw new Error(`the workflow task failed: ${failed.failure?.message}\n${failed.failure?.stackTrace}`);
}

/** Before the SDK freezes the modules that all workflows share: the rows tell who goes along them, and text is encoded by Node. */
function prepare(context: vm.Context, code: string, visited: RowVisited): void {
  const { __TEMPORAL__: bundle, __webpack_module_cache__: modules } = context as {
    __TEMPORAL__: { preloadModules(): void };
    __webpack_module_cache__: Record<string, { exports: unknown } | undefined>;
  };
  // Nobody reads the stacks of refused commands here; with source maps each costs more than the refusal.
  vm.runInContext('Error.stackTraceLimit = 0', context);
  const preload = bundle.preloadModules.bind(bundle);
  const exportsOf = (file: string): unknown => {
    const id = new RegExp(`^/\\*{3}/ "([^"]*${file})"$`, 'm').exec(code)?.[1];
    const module = id === undefined ? undefined : modules[id];
    if (module === undefined) throw new Error(`the bundle does not preload ${file}`);
    return module.exports;
  };
  bundle.preloadModules = () => {
    preload();
    watchRows(exportsOf('domain/transitions.ts') as Table, visited);
    encodeNatively(exportsOf('@temporalio/common/lib/encoding.js') as Encoding);
  };
}

function optionsOf({ runId, workflowId, type, seed, now }: WorkflowStart): Options {
  const at = new Date(now);
  return {
    info: {
      workflowId,
      runId,
      workflowType: type,
      namespace: 'default',
      taskQueue: 'simulation',
      attempt: 1,
      startTime: at,
      runStartTime: at,
      firstExecutionRunId: runId,
      originalExecutionRunId: runId,
      searchAttributes: {},
      typedSearchAttributes: undefined,
      historyLength: 3,
      historySize: 0,
      continueAsNewSuggested: false,
      targetWorkerDeploymentVersionChanged: false,
      taskTimeoutMs: 10_000,
      unsafe: { isReplaying: false, isReplayingHistoryEvents: false, now: () => now },
    } as unknown as Options['info'],
    randomnessSeed: Array.from({ length: 8 }, (_, i) => (seed >>> i) & 0xff),
    now,
    showStackTraceSources: false,
    failureExceptionTypeNames: [],
  };
}

interface Table {
  ESCROW_TRANSITIONS: readonly { name: string; to: readonly string[] }[];
  MILESTONE_TRANSITIONS: readonly { name: string; to: readonly string[] }[];
}

/** A move asks its row whether it leads `to` the new status, and nothing else asks that: so each asking is a visit. */
function watchRows(table: Table, visited: RowVisited): void {
  const watch = (of: 'escrow' | 'milestone', rows: Table['ESCROW_TRANSITIONS']) => {
    for (const row of rows) {
      const { to } = row;
      Object.defineProperty(to, 'includes', {
        value: (status: string) => {
          const leads = to.indexOf(status) >= 0;
          if (leads) visited(of, row.name);
          return leads;
        },
      });
    }
  };
  watch('escrow', table.ESCROW_TRANSITIONS);
  watch('milestone', table.MILESTONE_TRANSITIONS);
}

interface Encoding {
  TextEncoder: { prototype: { encode(text: string): Uint8Array } };
  TextDecoder: { prototype: { decode(bytes: Uint8Array): string } };
}

/** The SDK's own is written in JavaScript, for isolates that have none. */
function encodeNatively({ TextEncoder, TextDecoder }: Encoding): void {
  TextEncoder.prototype.encode = (text) => Buffer.from(text, 'utf8');
  TextDecoder.prototype.decode = (bytes) =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
