// One call of Temporal's client under a deadline, and its two answers that are no result: no word in time, and no workflow.
import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';

/** No word from the workflow in time: it may still run, and the same update id joins it. */
export class OutcomeUnknown extends Error {
  override name = 'OutcomeUnknown';
}

export const isGone = (error: unknown): boolean =>
  error instanceof WorkflowNotFoundError || error instanceof WorkflowExecutionAlreadyStartedError;

/** The call's own deadline, and a timer behind it: a client that reconnects may outlive the first. */
export async function within<T>(client: Client, ms: number, call: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new OutcomeUnknown(`no answer in ${ms} ms`)), ms + 500);
  });
  try {
    return await Promise.race([client.withDeadline(Date.now() + ms, call), late]);
  } finally {
    clearTimeout(timer);
  }
}
