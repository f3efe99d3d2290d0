// Keeps parts running: starts them in order, starts a dead one again with backoff and says so, stops all in reverse.
import { setTimeout as delay } from 'node:timers/promises';
import { PartFailure, startPart } from './part-process.ts';
import type { PartDefinition, PartProcess } from './part-process.ts';

/** What a part needs to know of those before it, for example their addresses. */
export type Facts = Readonly<Record<string, string>>;

/** Parts of one stage start beside each other; the next stage knows their facts. */
export type Stage = ((facts: Facts) => PartDefinition)[];

export interface SupervisorOptions {
  logDir: string;
  /** A line for the person at the terminal. */
  say: (line: string) => void;
  /** An error line of a part. */
  warn?: (line: string) => void;
  /** First wait before a dead part is started again; doubles up to maxBackoffMs. */
  backoffMs?: number;
  maxBackoffMs?: number;
}

export interface Supervisor {
  start(): Promise<Facts>;
  /** Ends one part as a fault would; it is started again. Resolves when it is gone. */
  kill(name: string, signal?: NodeJS.Signals): Promise<void>;
  /** Resolves when the part runs and answers (again). */
  untilReady(name: string): Promise<void>;
  pids(): Record<string, number>;
  stop(): Promise<void>;
  /** Ends everything at once, for a second Ctrl-C. */
  force(): void;
}

interface Supervised {
  definition: PartDefinition;
  process: PartProcess | undefined;
  ready: Promise<void>;
}

/** A part that ran this long was well: its next death starts from the first backoff. */
const HEALTHY_AFTER_MS = 60_000;

export function createSupervisor(stages: Stage[], options: SupervisorOptions): Supervisor {
  const running = new Map<string, Supervised>();
  const starting = new Set<Promise<unknown>>();
  const stopped = new AbortController();
  let stopping: Promise<void> | undefined;
  const warn = options.warn ?? options.say;

  const spawnPart = async (definition: PartDefinition): Promise<PartProcess> => {
    const attempt = startPart(definition, {
      logDir: options.logDir,
      stopSignal: stopped.signal,
      onProgress: (line) => options.say(`${definition.name}: ${line}`),
      onErrorLine: (line) => warn(`${definition.name}: ${line}`),
    });
    starting.add(attempt);
    try {
      return await attempt;
    } finally {
      starting.delete(attempt);
    }
  };

  const supervise = async (part: Supervised): Promise<void> => {
    const { name } = part.definition;
    let backoff = options.backoffMs ?? 500;
    for (;;) {
      const current = part.process;
      if (current === undefined) return;
      const since = Date.now();
      const reason = await current.exited;
      if (stopped.signal.aborted) return;
      let becameReady = () => {};
      part.process = undefined;
      part.ready = new Promise((resolve) => {
        becameReady = resolve;
      });
      options.say(`${name} ended (${reason}): starting it again`);
      if (Date.now() - since > HEALTHY_AFTER_MS) backoff = options.backoffMs ?? 500;
      while (part.process === undefined) {
        await delay(backoff, undefined, { signal: stopped.signal }).catch(() => {});
        if (stopped.signal.aborted) return;
        backoff = Math.min(backoff * 2, options.maxBackoffMs ?? 30_000);
        try {
          part.process = await spawnPart(part.definition);
          options.say(`${name} runs again (process ${part.process.serverPid})`);
          becameReady();
        } catch (error) {
          if (stopped.signal.aborted) return;
          options.say(`${name} did not come back: ${oneLine(error)}; next try in ${(backoff / 1000).toFixed(1)} s`);
        }
      }
    }
  };

  const launch = async (definition: PartDefinition): Promise<Facts> => {
    const process = await spawnPart(definition).catch((error: unknown) => {
      throw new PartFailure(`${definition.name}: ${oneLine(error)}`, { cause: error });
    });
    if (definition.ready === 'exit') return process.facts;
    const part: Supervised = { definition, process, ready: Promise.resolve() };
    running.set(definition.name, part);
    void supervise(part);
    return process.facts;
  };

  const stopAll = async (): Promise<void> => {
    stopped.abort();
    await Promise.allSettled(starting);
    for (const part of [...running.values()].reverse()) await part.process?.stop();
  };

  const find = (name: string): Supervised => {
    const part = running.get(name);
    if (part === undefined) throw new Error(`no part ${name} runs here: ${[...running.keys()].join(', ')}`);
    return part;
  };

  return {
    start: async () => {
      let facts: Facts = {};
      for (const stage of stages) {
        const known = facts;
        const results = await Promise.allSettled(stage.map((define) => launch(define(known))));
        for (const result of results) {
          if (result.status === 'rejected') throw result.reason;
          facts = { ...facts, ...result.value };
        }
        stopped.signal.throwIfAborted();
      }
      return facts;
    },
    kill: async (name, signal = 'SIGKILL') => {
      const { process } = find(name);
      if (process === undefined) return;
      process.kill(signal);
      await process.exited;
      // Let the supervisor notice first, so that untilReady waits for the next one.
      await delay(0);
    },
    untilReady: async (name) => {
      await find(name).ready;
    },
    pids: () => {
      const entries = [...running].flatMap(([name, part]): [string, number][] => {
        return part.process === undefined ? [] : [[name, part.process.serverPid]];
      });
      return Object.fromEntries(entries);
    },
    stop: () => (stopping ??= stopAll()),
    force: () => {
      stopped.abort();
      for (const part of running.values()) part.process?.kill('SIGKILL');
    },
  };
}

export function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();
}
