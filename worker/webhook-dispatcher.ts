// Numbers new events, makes a delivery for each endpoint that wants one, and starts each delivery's workflow. Any number of
// workers may run one each: numbering takes turns, and a workflow is started once by its id.
import { setTimeout as delay } from 'node:timers/promises';
import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Sql } from '../db/client.ts';
import { numberEvents } from '../db/events.ts';
import { fanOut, markStarted, unstartedDeliveries } from '../db/webhooks.ts';
import { WEBHOOK_DELAYS_MS } from '../domain/webhook-schedule.ts';
import { WEBHOOK_DELIVERY_WORKFLOW, type WebhookDeliveryInput, webhookDeliveryWorkflowId } from '../workflows/webhook-delivery-messages.ts'; // prettier-ignore

export interface DispatcherParts {
  sql: Sql;
  client: Client;
  taskQueue: string;
  logger: Pick<Logger, 'error'>;
  /** Tests have no days. */
  delaysMs?: readonly number[];
  pollMs?: number;
  /** The least time between the end of a round and the next one's beginning: under load what comes within it is one batch. */
  pauseMs?: number;
}

export interface Dispatcher {
  /** Ends after the round that runs now. */
  stop(): Promise<void>;
}

const AT_ONCE = 50;

/** One round: what is new is numbered and on its way. Answers how many deliveries it started. */
export async function dispatchEvents({ sql, client, taskQueue, delaysMs = WEBHOOK_DELAYS_MS }: Omit<DispatcherParts, 'logger'>): Promise<number> {
  await numberEvents(sql, fanOut);
  let started = 0;
  for (;;) {
    const waiting = await unstartedDeliveries(sql, AT_ONCE);
    await Promise.all(
      waiting.map(async ({ id, round }) => {
        const input: WebhookDeliveryInput = { deliveryId: id, round, delaysMs };
        try {
          await client.workflow.start(WEBHOOK_DELIVERY_WORKFLOW, {
            workflowId: webhookDeliveryWorkflowId(id, round),
            taskQueue,
            args: [input],
            workflowIdReusePolicy: 'REJECT_DUPLICATE',
          });
        } catch (error) {
          if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
        }
        await markStarted(sql, id, round);
      }),
    );
    started += waiting.length;
    if (waiting.length < AT_ONCE) return started;
  }
} // prettier-ignore

/** Runs when it is notified, and every few seconds in case that was lost. Ready when it listens. */
export async function startDispatcher(parts: DispatcherParts): Promise<Dispatcher> {
  const { sql, logger, pollMs = 5000, pauseMs = 100 } = parts;
  const stopping = new AbortController();
  let due = true;
  let wake = (): void => {};
  const poke = (): void => {
    due = true;
    wake();
  };
  const loop = async (): Promise<void> => {
    for (;;) {
      if (stopping.signal.aborted) return;
      due = false;
      try {
        await dispatchEvents(parts);
      } catch (error) {
        logger.error({ err: error }, 'events could not be dispatched; it is tried again');
      }
      await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pollMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        // What came during the round must not wait for the poll.
        if (stopping.signal.aborted || due) wake();
      });
    }
  };
  const listener = await sql.listen('events', poke, poke);
  const running = loop();
  return {
    stop: async () => {
      stopping.abort();
      wake();
      await running;
      await listener.unlisten();
    },
  };
}
