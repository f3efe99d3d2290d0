// A server binary that never outlives us: a two-line shell watches a pipe that the system closes when this process
// ends in whatever way (also kill -9), and stops the server then. Windows, which has no such shell, spawns it plainly.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, renameSync, statSync } from 'node:fs';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

export interface GuardedOptions {
  /** What asks the server to stop, and what ends it when it does not within graceMs. */
  stopSignal: 'SIGINT' | 'SIGTERM' | 'SIGKILL';
  killSignal: 'SIGQUIT' | 'SIGKILL';
  graceMs: number;
  env: Record<string, string | undefined>;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** Its stdout and stderr are appended here; without it they are dropped. */
  logFile?: string;
}

export interface GuardedProcess {
  /** The server's own process id, not the shell's. */
  pid: number;
  exited: Promise<string>;
  hasExited(): boolean;
  stop(): Promise<void>;
}

// fd 0: the pipe that is never written to. fd 3: tells us the server's pid. The shell takes the server's exit code.
const guardScript = `
signal=$1; grace=$2; shift 2
exec 4<&0
"$@" </dev/null 3>&- 4<&- &
server=$!
echo "$server" >&3
exec 3>&-
( read -r never <&4
  kill -"$signal" "$server"
  i=0; while [ "$i" -lt "$grace" ] && kill -0 "$server"; do sleep 1; i=$((i+1)); done
  kill -KILL "$server" ) >/dev/null 2>&1 &
exec 4<&-
wait "$server"
`;

const LOG_LIMIT_BYTES = 20_000_000;

export async function spawnGuarded(command: string, args: string[], options: GuardedOptions): Promise<GuardedProcess> {
  const log = options.logFile === undefined ? undefined : openLog(options.logFile);
  const output = log ?? 'ignore';
  const identity = { uid: options.uid, gid: options.gid, cwd: options.cwd, env: options.env };
  const plain = process.platform === 'win32';
  const child = plain
    ? spawn(command, args, { ...identity, stdio: ['ignore', output, output], windowsHide: true })
    : spawn(
        '/bin/sh',
        [
          '-c',
          guardScript,
          'guard',
          options.stopSignal.slice(3),
          String(Math.ceil(options.graceMs / 1000)),
          command,
          ...args,
        ],
        { ...identity, stdio: ['pipe', output, output, 'pipe'] },
      );
  if (log !== undefined) closeSync(log);

  let ended = false;
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => {
      resolve(signal === null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`);
    });
  }).then((reason) => {
    ended = true;
    return reason;
  });
  const pid = plain ? (child.pid ?? 0) : await reportedPid(child);
  // The shell itself was killed: the server must not stay behind.
  void exited.then(() => signalQuietly(pid, 'SIGKILL'));

  return {
    pid,
    exited,
    hasExited: () => ended,
    stop: async () => {
      if (ended) return;
      signalQuietly(pid, options.stopSignal);
      const timer = setTimeout(() => signalQuietly(pid, options.killSignal), options.graceMs);
      const lastResort = setTimeout(() => signalQuietly(pid, 'SIGKILL'), options.graceMs + 5000);
      await exited;
      clearTimeout(timer);
      clearTimeout(lastResort);
    },
  };
}

/** One former log is kept, so that a stack which runs for months does not fill the disk at its starts. */
function openLog(file: string): number {
  if (existsSync(file) && statSync(file).size > LOG_LIMIT_BYTES) renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
}

async function reportedPid(child: ChildProcess): Promise<number> {
  const pipe = child.stdio[3] as Readable;
  const [chunk] = (await Promise.race([
    once(pipe, 'data'),
    once(child, 'exit').then(() => {
      throw new Error('the process could not be started');
    }),
  ])) as [Buffer];
  pipe.destroy();
  return Number.parseInt(chunk.toString('utf8'), 10);
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  if (!(pid > 0)) return;
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already, which is what we want.
  }
}

export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
