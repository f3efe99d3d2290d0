// The shape of an embedded part's process: start, report to the supervisor on stdout, stop on a signal, end when the
// server ends. A report is one line, `@tranche {json}`; people who run it by hand can read it too.
import { StartProblem } from './problem.ts';

export const REPORT_PREFIX = '@tranche ';

/** progress: still at it; problem: something a person must do; ready: what the other parts need to know. */
export type Report = { progress: string } | { problem: string } | { ready: Record<string, string>; serverPid: number };

export interface EmbeddedServer {
  pid: number;
  exited: Promise<string>;
  stop(): Promise<void>;
}

export function report(message: Report): void {
  process.stdout.write(`${REPORT_PREFIX}${JSON.stringify(message)}\n`);
}

export async function runEmbedded<T extends EmbeddedServer>(
  start: (onProgress: (line: string) => void) => Promise<T>,
  facts: (server: T) => Record<string, string>,
): Promise<void> {
  let server: T | undefined;
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    // Nothing started yet: whatever is under way ends with this process.
    if (server === undefined) process.exit(0);
    void server.stop().then(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    server = await start((line) => report({ progress: line }));
  } catch (error) {
    if (!(error instanceof StartProblem)) console.error(error);
    report({ problem: error instanceof Error ? error.message : String(error) });
    process.exit(1);
  }
  report({ ready: facts(server), serverPid: server.pid });
  const reason = await server.exited;
  if (stopping) return;
  console.error(`the server ended: ${reason}`);
  process.exit(1);
}
