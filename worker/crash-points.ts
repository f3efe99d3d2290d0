// Ends this worker, as kill -9 would, at named points of named activities: what the crash tests arm, and only the
// sandbox heeds. The file holds one `activity point` a line; a line is taken out before its death, so that it comes once.
import { readFileSync, writeFileSync } from 'node:fs';
import { Context } from '@temporalio/activity';
import type { ActivityInterceptors } from '@temporalio/worker';

export interface CrashPoints {
  /** For ActivityDeps: before_call, after_effect, after_commit. */
  at: (point: string) => void;
  /** Dies between an activity's end and its completion at the server: before_completion. */
  interceptor: () => ActivityInterceptors;
}

export function crashPoints(file: string): CrashPoints {
  const at = (point: string): void => {
    const name = `${Context.current().info.activityType} ${point}`;
    const armed = readFileSync(file, 'utf8').split('\n');
    const index = armed.indexOf(name);
    if (index < 0) return;
    writeFileSync(file, armed.toSpliced(index, 1).join('\n'));
    process.kill(process.pid, 'SIGKILL');
  };
  return {
    at,
    interceptor: () => ({
      inbound: {
        async execute(input, next) {
          const answer: unknown = await next(input);
          at('before_completion');
          return answer;
        },
      },
    }),
  };
}
