// Commands to escrow workflows: updates with a deadline, whose outcomes come back as values. Nothing else in the API
// speaks to Temporal.
import { type Client, WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure, defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import type { EscrowState } from '../domain/escrow-state.ts';
import { escrowWorkflowId } from '../domain/ids.ts';
import { plainMoney } from '../domain/money.ts';
import type { Refusal } from '../domain/transitions.ts';
import { chargeMinor, type Terms } from '../domain/terms.ts';
import {
  type CommandResult,
  ESCROW_WORKFLOW,
  type EscrowCommandName,
  type EscrowCommands,
  REFUSED,
} from '../workflows/messages.ts';
import { type FailedRefunds, failedRefunds } from './failed-refund-port.ts';
import { type ReleasedRefunds, releasedRefunds } from './refund-port.ts';
import type { ReconciliationInput } from '../domain/reconciliation.ts';
import { RECONCILIATION_WORKFLOW, reconciliationWorkflowId } from '../workflows/reconciliation-messages.ts';
import { workflowStates } from './workflow-states.ts';
import { isGone, OutcomeUnknown, within } from './update-call.ts';

export interface EscrowCommand {
  escrowId: string;
  name: EscrowCommandName;
  args: EscrowCommands[EscrowCommandName];
}

export type Outcome =
  | { kind: 'done'; result: CommandResult }
  | { kind: 'refused'; refusal: Refusal }
  /** The workflow has ended, or never was. */
  | { kind: 'gone' }
  /** It ran and failed for good. */
  | { kind: 'failed'; message: string };

export { OutcomeUnknown } from './update-call.ts';

export interface EscrowWorkflows extends ReleasedRefunds, FailedRefunds {
  /** Repeating an update id is free. @throws OutcomeUnknown */
  execute(command: EscrowCommand, updateId: string): Promise<Outcome>;
  /** What the escrow's workflow says of itself; null where none runs. */
  stateOf(escrowId: string): Promise<EscrowState | null>;
  /** Starts the run, or finds it running. */
  startReconciliation(input: ReconciliationInput & { runId: string }): Promise<void>;
}

export interface WorkflowPortOptions {
  taskQueue: string;
  deadlineMs?: number;
  /** Tests force continue-as-new after so many commands. */
  continueAfter?: number;
}

const DEADLINE_MS = 10_000;

const attribute = {
  status: defineSearchAttributeKey('EscrowStatus', 'KEYWORD'),
  waitingFor: defineSearchAttributeKey('WaitingFor', 'KEYWORD'),
  buyer: defineSearchAttributeKey('BuyerId', 'KEYWORD'),
  sellers: defineSearchAttributeKey('SellerIds', 'KEYWORD_LIST'),
  currency: defineSearchAttributeKey('Currency', 'KEYWORD'),
  amount: defineSearchAttributeKey('AmountMinor', 'INT'),
};

export function temporalEscrows(client: Client, options: WorkflowPortOptions): EscrowWorkflows {
  const { deadlineMs = DEADLINE_MS, continueAfter } = options;
  const call = async (command: EscrowCommand, updateId: string): Promise<CommandResult> => {
    const workflowId = escrowWorkflowId(command.escrowId);
    if (command.name !== 'create') {
      return client.workflow.getHandle(workflowId).executeUpdate<CommandResult, [typeof command.args]>(command.name, {
        updateId,
        args: [command.args],
      });
    }
    const { terms } = command.args as EscrowCommands['create'];
    const startWorkflowOperation = new WithStartWorkflowOperation(ESCROW_WORKFLOW, {
      workflowId,
      taskQueue: options.taskQueue,
      args: [{ escrowId: command.escrowId, ...(continueAfter === undefined ? {} : { continueAfter }) }],
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      staticSummary: summaryOf(terms),
      typedSearchAttributes: attributesOf(terms),
    });
    return client.workflow.executeUpdateWithStart<never, CommandResult, [typeof command.args]>('create', {
      updateId,
      args: [command.args],
      startWorkflowOperation: startWorkflowOperation as never,
    });
  };
  const joined = (command: EscrowCommand, updateId: string) =>
    client.workflow.getHandle(escrowWorkflowId(command.escrowId)).getUpdateHandle<CommandResult>(updateId).result();

  return {
    ...releasedRefunds(client, options.taskQueue),
    ...failedRefunds(client),
    stateOf: workflowStates(client),
    startReconciliation: async (input) => {
      await within(client, deadlineMs, () =>
        client.workflow.start(RECONCILIATION_WORKFLOW, {
          workflowId: reconciliationWorkflowId(input.runId),
          taskQueue: options.taskQueue,
          args: [input],
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: `reconciliation of ${input.days} days`,
        }),
      );
    },
    async execute(command, updateId) {
      try {
        return { kind: 'done', result: await within(client, deadlineMs, () => call(command, updateId)) };
      } catch (error) {
        if (!isGone(error)) return toOutcome(error);
      }
      // Over already: but perhaps by this very command, whose answer was lost on its way.
      try {
        return { kind: 'done', result: await within(client, deadlineMs, () => joined(command, updateId)) };
      } catch (error) {
        return isGone(error) ? { kind: 'gone' } : toOutcome(error);
      }
    },
  };
}

function toOutcome(error: unknown): Outcome {
  if (!(error instanceof WorkflowUpdateFailedError)) {
    throw new OutcomeUnknown('the workflow did not answer', { cause: error });
  }
  const { cause } = error;
  if (!(cause instanceof ApplicationFailure)) return { kind: 'failed', message: cause?.message ?? error.message };
  if (cause.type === REFUSED) {
    const detail = cause.details?.[0] as Refusal | undefined;
    return { kind: 'refused', refusal: detail ?? { code: 'action_not_available', message: cause.message } };
  }
  // The server's word for an update that was accepted when the workflow ended.
  if (cause.type === 'AcceptedUpdateCompletedWorkflow') return { kind: 'gone' };
  return { kind: 'failed', message: cause.message };
}

/** For the list in Temporal's UI: no title, no name, at most 200 bytes. */
function summaryOf(terms: Terms): string {
  const count = terms.milestones.length;
  const total = plainMoney(chargeMinor(terms.milestones), terms.currency);
  const paid = terms.funding === 'upfront' ? 'paid upfront' : 'paid per milestone';
  return `${total}, ${count} milestone${count === 1 ? '' : 's'}, ${paid}`;
}

function attributesOf(terms: Terms): TypedSearchAttributes {
  return new TypedSearchAttributes([
    { key: attribute.status, value: 'proposed' },
    { key: attribute.waitingFor, value: 'parties' },
    { key: attribute.buyer, value: terms.buyerId },
    { key: attribute.sellers, value: [...new Set(terms.milestones.map((m) => m.sellerId))] },
    { key: attribute.currency, value: terms.currency },
    { key: attribute.amount, value: Number(chargeMinor(terms.milestones)) },
  ]);
}
