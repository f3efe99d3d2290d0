// Signals to escrow workflows through Temporal's client.
import { WorkflowNotFoundError } from '@temporalio/client';
import { escrowWorkflowId } from '../domain/ids.ts';
import { CHARGEBACK_SIGNALS, CHARGEBACK_WORKFLOW, chargebackWorkflowId } from '../workflows/chargeback-messages.ts';
import { FAILED_REFUND_SIGNALS, FAILED_REFUND_WORKFLOW, failedRefundWorkflowId } from '../workflows/failed-refund-messages.ts'; // prettier-ignore
import { SIGNALS } from '../workflows/messages.ts';
import {
  REFUND_SENT_BACK_WORKFLOW,
  refundSentBackWorkflowId,
  REFUND_SIGNALS,
  refundWorkflowId,
} from '../workflows/refund-messages.ts';
import type { EscrowSignals } from './handlers/context.ts';

/** The part of Temporal's Client that is used here. */
export interface SignalClient {
  withDeadline<T>(deadline: number, call: () => Promise<T>): Promise<T>;
  workflow: {
    getHandle(workflowId: string): { signal(name: string, ...args: [unknown]): Promise<void> };
    signalWithStart(
      workflow: string,
      options: { workflowId: string; taskQueue: string; args: unknown[]; signal: string; signalArgs: unknown[]; staticSummary?: string }, // prettier-ignore
    ): Promise<unknown>;
  };
}

/** Without a deadline a call waits for a server that is down; the event is tried again instead. */
const DEADLINE_MS = 10_000;

export function escrowSignals(client: SignalClient, taskQueue: string): EscrowSignals {
  const tell = async (workflowId: string, name: string, argument: unknown): Promise<'told' | 'closed'> => {
    try {
      await client.withDeadline(Date.now() + DEADLINE_MS, () =>
        client.workflow.getHandle(workflowId).signal(name, argument),
      );
      return 'told';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'closed';
      throw error;
    }
  };
  return {
    stripeEvent: (escrowId, signal) => tell(escrowWorkflowId(escrowId), SIGNALS.stripeEvent, signal),
    refundEvent: (refundId, signal) => tell(refundWorkflowId(refundId), REFUND_SIGNALS.stripeEvent, signal),
    disputeEvent: async (input, signal) => {
      await client.withDeadline(Date.now() + DEADLINE_MS, () =>
        client.workflow.signalWithStart(CHARGEBACK_WORKFLOW, {
          workflowId: chargebackWorkflowId(input.disputeId),
          taskQueue,
          args: [input],
          signal: CHARGEBACK_SIGNALS.stripeEvent,
          signalArgs: [signal],
          staticSummary: `card dispute over escrow ${input.escrowId}`,
        }),
      );
      return 'told';
    },
    failedRefund: async (input) => {
      await client.withDeadline(Date.now() + DEADLINE_MS, () =>
        client.workflow.signalWithStart(FAILED_REFUND_WORKFLOW, {
          workflowId: failedRefundWorkflowId(input.refundId),
          taskQueue,
          args: [input],
          signal: FAILED_REFUND_SIGNALS.news,
          signalArgs: [],
          staticSummary: `refund of ${input.escrowId} that came back`,
        }),
      );
      return 'told';
    },
    refundSentBack: async ({ refundId, escrowId }, signal) => {
      await client.withDeadline(Date.now() + DEADLINE_MS, () =>
        client.workflow.signalWithStart(REFUND_SENT_BACK_WORKFLOW, {
          workflowId: refundSentBackWorkflowId(refundId),
          taskQueue,
          args: [{ refundId }],
          signal: REFUND_SIGNALS.stripeEvent,
          signalArgs: [signal],
          staticSummary: `refund of released money of ${escrowId} that came back`,
        }),
      );
      return 'told';
    },
    fraudWarning: (escrowId, signal) => tell(escrowWorkflowId(escrowId), SIGNALS.fraudWarning, signal),
    risk: (escrowId, signal) => tell(escrowWorkflowId(escrowId), SIGNALS.risk, signal),
    sellerChanged: (escrowId, signal) => tell(escrowWorkflowId(escrowId), SIGNALS.sellerChanged, signal),
  };
}
