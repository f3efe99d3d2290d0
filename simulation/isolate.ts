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
  activate(activation: Activation): Promise<Activated>;
  /** What the handler of a query without arguments answers now, as a copy. */
  query(name: string): unknown;
  dispose(): Promise<void>;
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

export interface Isolate {
  start(start: WorkflowStart, visited: RowVisited | null): Promise<IsolatedWorkflow>;
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
  // By its constructor and not by `create`, which installs promise hooks that cost five sixths of the speed; without a
  // time-out, because one would make a watchdog thread for each call.
  const creator = new ReusableVMWorkflowCreator(
    new vm.Script(code, { filename }),
    bundle,
    undefined as unknown as number,
    new Set(activityNames),
  );
  return {
    async start(start, visited) {
      const workflow = await creator.createWorkflow(optionsOf(start));
      if (visited !== null) watchRows(workflow, visited);
      return {
        async activate(activation) {
          const full = proto.coresdk.workflow_activation.WorkflowActivation.fromObject({
            runId: start.runId,
            ...activation,
          });
          const completion = await workflow.activate(full);
          if (completion.failed) {
            const { message, stackTrace } = completion.failed.failure ?? {};
            throw new Error(`the workflow task failed: ${message}\n${stackTrace}`);
          }
          const { commands, usedInternalFlags } = completion.successful ?? {};
          return { commands: (commands ?? []) as RawCommand[], flags: usedInternalFlags ?? [] };
        },
        query: (name) => {
          const { queryHandlers } = (workflow as unknown as { activator: { queryHandlers: Map<string, { handler: () => unknown }> } }).activator; // prettier-ignore
          const handler = queryHandlers.get(name);
          if (handler === undefined) throw new Error(`the workflow has no query ${name}`);
          return JSON.parse(JSON.stringify(handler.handler() ?? null));
        },
        dispose: () => workflow.dispose(),
      };
    },
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
function watchRows(workflow: unknown, visited: RowVisited): void {
  const { moduleCache } = (workflow as { activator: { moduleCache: Map<string, { exports: unknown }> } }).activator;
  const found = [...moduleCache].find(([id]) => id.endsWith('domain/transitions.ts'));
  if (found === undefined) throw new Error('the bundle has no domain/transitions.ts');
  const table = found[1].exports as Table;
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
