// A workflow beside the escrow, on the same clock and over the same books: refund/<id>, chargeback/<id>.
import { type Command, Execution, type Job } from './core.ts';
import type { Isolate } from './isolate.ts';

/** What the world does for it. */
export interface Surroundings {
  now(): number;
  /** Gives the jobs to this workflow after `ms`. */
  later(ms: number, jobs: Job[]): void;
  attempt(seq: number, type: string, args: unknown[]): void;
  /** `delivered`: false where that workflow runs no more. */
  signal(name: string, argument: unknown, delivered: (told: boolean) => void): void;
  /** Told every command, and every signal that found no workflow. */
  visited(command: Command | 'untold'): void;
  tell(arrow: string, what: unknown): void;
  evicts(): boolean;
}

export interface BesideStart {
  workflowId: string;
  runId: string;
  type: string;
  argument: unknown;
  seed: number;
}

export class Beside {
  over = false;
  result: unknown = null;
  tasks = 0;
  readonly type: string;
  private readonly execution: Execution;
  private readonly world: Surroundings;
  private readonly cancelled = new Set<number>();

  constructor(isolate: Isolate, start: BesideStart, world: Surroundings) {
    this.execution = new Execution(isolate, { ...start, visited: null });
    this.world = world;
    this.type = start.type;
  }

  /** One workflow task, and what follows from its commands. Nothing happens to one that has ended. */
  task(jobs: Job[]): void {
    const due = jobs.filter((j) => j.kind !== 'timer' || !this.cancelled.has(j.seq));
    if (this.over || due.length === 0) return;
    // Temporal ends a history of 51,200 events; a task and what follows from it are ten of them.
    if (this.tasks > 3_000) throw new Error(`${this.type} does not come to an end`);
    if (this.world.evicts()) this.execution.evict();
    for (const job of due) this.world.tell('⇒', job);
    const commands = this.execution.activate(due, this.world.now());
    this.tasks += 1;
    for (const command of commands) this.obey(command);
  }

  private obey(c: Command): void {
    this.world.tell('⇐', c);
    this.world.visited(c);
    switch (c.kind) {
      case 'startTimer':
        return this.world.later(c.ms, [{ kind: 'timer', seq: c.seq }]);
      case 'cancelTimer':
        this.cancelled.add(c.seq);
        return;
      case 'activity':
        return this.world.attempt(c.seq, c.type, c.args);
      case 'signalExternal':
        // As Temporal does it: the next step follows when it has arrived, so that two of them never pass each other.
        return this.world.signal(c.name, c.argument, (told) => {
          if (!told) this.world.visited('untold');
          this.world.later(20, [{ kind: 'signalled', seq: c.seq, told }]);
        });
      case 'completed':
        this.over = true;
        this.result = c.result;
        return;
      case 'failed':
        throw new Error(`a workflow beside the escrow failed: ${c.message}`);
      default:
        return;
    }
  }

  dispose = (): void => this.execution.evict();
}
