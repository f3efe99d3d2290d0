// One part's process: spawned with node itself (so that its pid and signals are its own), in a process group of its own,
// logged to a file, watched until it answers.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { REPORT_PREFIX } from '../sandbox/embedded-main.ts';
import type { Report } from '../sandbox/embedded-main.ts';

export interface PartDefinition {
  name: string;
  /** Path from the project's root, or absolute. */
  script: string;
  args?: string[];
  /** Of node itself. */
  nodeArgs?: string[];
  env?: Record<string, string>;
  /** report: it says so itself; exit: a task that is done when it ends well; otherwise a URL that answers 200. */
  ready: 'report' | 'exit' | { url: string };
  /** Without a sign of progress for this long, the start has failed. */
  timeoutMs?: number;
  /** How long it may take to stop before it is ended by force. */
  graceMs?: number;
}

export interface PartProcess {
  pid: number;
  /** The server's own process where the part is a wrapper around one. */
  serverPid: number;
  /** What it reported for the other parts. */
  facts: Record<string, string>;
  /** Resolves with the reason, however it ends. */
  exited: Promise<string>;
  stop(): Promise<void>;
  /** SIGKILL reaches the whole group, as a machine's death would. */
  kill(signal: NodeJS.Signals): void;
}

export interface PartHooks {
  logDir: string;
  /** Aborted when everything is to stop: a start under way is given up. */
  stopSignal: AbortSignal;
  onProgress: (line: string) => void;
  onErrorLine: (line: string) => void;
}

/** Why a part did not become ready, as one line. */
export class PartFailure extends Error {
  override name = 'PartFailure';
}

const root = fileURLToPath(new URL('..', import.meta.url));
const LOG_LIMIT_BYTES = 20_000_000;
// Long, because a part that fails ends by itself: this is for machines that are busy with something else.
const READY_TIMEOUT_MS = 120_000;
const GRACE_MS = 25_000;

export async function startPart(definition: PartDefinition, hooks: PartHooks): Promise<PartProcess> {
  const script = path.resolve(root, definition.script);
  if (!existsSync(script)) throw new PartFailure(`${definition.script} is missing: is this checkout complete?`);
  const log = openLog(hooks.logDir, definition.name);
  const watch = new URL('./parent-watch.js', import.meta.url).href;
  const child = spawn(
    process.execPath,
    [
      '--import',
      import.meta.resolve('tsx'),
      '--import',
      watch,
      ...(definition.nodeArgs ?? []),
      script,
      ...(definition.args ?? []),
    ],
    {
      cwd: root,
      detached: process.platform !== 'win32',
      env: { ...definition.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      windowsHide: true,
    },
  );
  child.stdin.on('error', () => {});

  let facts: Record<string, string> = {};
  let serverPid = child.pid ?? 0;
  let lastSign = Date.now();
  let problem: string | undefined;
  let reported = false;
  const lastErrors: string[] = [];
  const seen = (line: string, isError: boolean) => {
    if (line.startsWith(REPORT_PREFIX)) {
      const message = JSON.parse(line.slice(REPORT_PREFIX.length)) as Report;
      lastSign = Date.now();
      if ('progress' in message) hooks.onProgress(message.progress);
      else if ('problem' in message) problem = message.problem;
      else {
        facts = message.ready;
        serverPid = message.serverPid;
        reported = true;
      }
      return;
    }
    log.write(`${line}\n`);
    if (isError && line.trim() !== '') {
      lastErrors.push(line);
      if (lastErrors.length > 40) lastErrors.shift();
    }
    const shown = errorShown(line);
    if (shown !== undefined) hooks.onErrorLine(shown);
  };
  createInterface({ input: child.stdout }).on('line', (line) => seen(line, false));
  createInterface({ input: child.stderr }).on('line', (line) => seen(line, true));

  let ended: string | undefined;
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    // `close` comes after the last line of its output has been read.
    child.once('close', (code, signal) => resolve(signal === null ? `exit code ${code ?? '?'}` : `signal ${signal}`));
    // Something it has left behind may hold its output open: then its exit has to do.
    child.once('exit', (code, signal) => {
      setTimeout(() => resolve(signal === null ? `exit code ${code ?? '?'}` : `signal ${signal}`), 500);
    });
  }).then((reason) => {
    ended = reason;
    signalGroup(child, 'SIGKILL');
    log.end();
    return reason;
  });
  const part: PartProcess = {
    pid: child.pid ?? 0,
    get serverPid() {
      return serverPid;
    },
    get facts() {
      return facts;
    },
    exited,
    kill: (signal) => {
      if (signal === 'SIGKILL') signalGroup(child, signal);
      else child.kill(signal);
    },
    stop: async () => {
      if (ended === undefined) child.kill('SIGTERM');
      const force = setTimeout(() => signalGroup(child, 'SIGKILL'), definition.graceMs ?? GRACE_MS);
      await exited;
      clearTimeout(force);
    },
  };

  const failure = (reason: string) => {
    const why = problem ?? telling(lastErrors) ?? reason;
    const see = problem === undefined ? `; see ${path.join(hooks.logDir, `${definition.name}.log`)}` : '';
    return new PartFailure(`${why}${see}`);
  };
  const timeoutMs = definition.timeoutMs ?? READY_TIMEOUT_MS;
  for (;;) {
    if (definition.ready === 'exit') {
      if (ended === 'exit code 0') return part;
    } else if (definition.ready === 'report') {
      if (reported) return part;
    } else if (ended === undefined && (await answers(definition.ready.url))) return part;
    if (ended !== undefined) throw failure(`it ended with ${ended}`);
    if (hooks.stopSignal.aborted) {
      await part.stop();
      throw new PartFailure('stopped before it was ready');
    }
    if (Date.now() - lastSign > timeoutMs) {
      part.kill('SIGKILL');
      await exited;
      throw failure(`it did not answer in ${timeoutMs / 1000} s`);
    }
    await Promise.race([delay(50), exited]);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}

function openLog(directory: string, name: string): NodeJS.WritableStream {
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, `${name}.log`);
  if (existsSync(file) && statSync(file).size > LOG_LIMIT_BYTES) renameSync(file, `${file}.1`);
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
  stream.on('error', () => {});
  return stream;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // Nobody of the group is left.
  }
}

/** What of a part's output belongs on the terminal: pino's errors, and lines that call themselves errors. */
function errorShown(line: string): string | undefined {
  if (line.startsWith('{')) {
    try {
      const entry = JSON.parse(line) as { level?: unknown; msg?: unknown; err?: { message?: unknown } };
      if (typeof entry.level !== 'number' || entry.level < 50) return undefined;
      const parts = [entry.msg, entry.err?.message].filter((part) => typeof part === 'string' && part !== '');
      return [...new Set(parts)].join(': ');
    } catch {
      return undefined;
    }
  }
  return /^\w*Error: |\[(ERROR|FATAL)\]/.test(line) ? line : undefined;
}

/** The line of a dying process's last words that says why. */
function telling(lines: string[]): string | undefined {
  const named = lines.findLast((line) => /^\w*(Error|Problem|Failure)\b.*: /.test(line));
  const line = named ?? lines.at(-1);
  return line?.replace(/^\w*(Error|Problem|Failure): /, '').slice(0, 300);
}
