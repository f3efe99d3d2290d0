// `npm start` and `npm run …` put npm, a shell and tsx above us, and a SIGTERM to npm ends the shell without ever reaching us. So those
// above are watched: when one of them is gone, whoever started us wants us gone.
import { execFileSync } from 'node:child_process';

const POLL_MS = 500;
const MAX_LEVELS = 6;

/** Calls back once when npm, or what it put between itself and us, has ended. Does nothing when npm did not start us. */
export function whenLauncherEnds(onEnd: () => void, env: NodeJS.ProcessEnv = process.env): void {
  if (env['npm_lifecycle_event'] === undefined) return;
  const launchers = launchersOf(process.ppid);
  const timer = setInterval(() => {
    if (launchers.every(isAlive)) return;
    clearInterval(timer);
    onEnd();
  }, POLL_MS);
  timer.unref();
}

/** Our parent and those above it, up to npm itself; only our parent where `ps` does not tell. */
function launchersOf(parent: number): number[] {
  const chain: number[] = [];
  let pid = parent;
  for (let level = 0; level < MAX_LEVELS && pid > 1; level++) {
    chain.push(pid);
    let line: string;
    try {
      line = execFileSync('ps', ['-o', 'ppid=,args=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    } catch {
      break;
    }
    const [, above = '0', command = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (/^(\S*\/)?(npm|pnpm|yarn)\b|(npm|pnpm|yarn)(-cli)?\.c?js\b/.test(command)) return chain;
    pid = Number(above);
  }
  // npm was not found above us: do not take a shell of the person for one of its processes.
  return chain.slice(0, 1);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
