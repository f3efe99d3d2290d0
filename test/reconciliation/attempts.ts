// An activity whose worker dies on its way: the next attempt knows only what the last heartbeat said.
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { PaymentsError } from '../../payments/errors.ts';

/**
 * Runs the activity to its end. It calls `ask` before each question to Stripe or Temporal, and the first attempt ends at
 * question number `dieAt`. Answers what came of it, and the questions that were answered, in order.
 */
export async function attempts<T>(
  activity: (ask: (question: string) => void) => Promise<T>,
  dieAt: number,
): Promise<{ answer: T; asked: string[] }> {
  const asked: string[] = [];
  let heartbeatDetails: unknown;
  for (let left = dieAt; ; left = Infinity) {
    let died = false;
    const ask = (question: string): void => {
      died ||= left === 0;
      if (died) throw new PaymentsError('unknown', 'gone', 'the worker is gone');
      left -= 1;
      asked.push(question);
    };
    const environment = new MockActivityEnvironment(
      { heartbeatDetails },
      { logger: new DefaultLogger('ERROR', () => {}) },
    );
    environment.on('heartbeat', (details: unknown) => {
      heartbeatDetails = details;
    });
    try {
      // By a variable: what `run` answers is not typed.
      let answer: T | undefined;
      await environment.run(async () => {
        answer = await activity(ask);
      });
      return { answer: answer!, asked };
    } catch (error) {
      if (!died) throw error;
    }
  }
}
