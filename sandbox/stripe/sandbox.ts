// The running sandbox between machine and shell: the clock (wall + advances), the journal before every answer, the timer
// for what falls due, and the deliveries handed to the webhook sender.
import type { JsonObject } from './core/json.ts';
import { StripeMachine } from './core/machine.ts';
import type { Answer, Effect, Request } from './core/machine.ts';
import type { World } from './core/world.ts';
import type { Journal } from './journal.ts';

export type Logger = { info: (message: string) => void; error: (message: string) => void };
const LONGEST_SLEEP_MS = 3_600_000;

export class Sandbox {
  readonly machine: StripeMachine;
  private readonly journal: Journal | null;
  private timer: NodeJS.Timeout | null = null;
  private closed = false;
  private readonly logger: Logger;
  onDeliveries: (ids: string[]) => void = () => undefined;

  constructor(machine: StripeMachine, journal: Journal | null, logger: Logger) {
    this.machine = machine;
    this.journal = journal;
    this.logger = logger;
  }

  begin(): void {
    this.apply(this.machine.begin(Date.now(), this.journal?.load() ?? []));
  }

  /** The sandbox's moment: wall time plus every advance. */
  now(): number {
    return Date.now() + this.offset();
  }

  offset(): number {
    return this.machine.world.store.get('meta', 'meta')?._offset ?? 0;
  }

  handle(request: Request): Answer {
    try {
      const answer = this.machine.handle(request, this.now());
      this.apply(answer);
      return answer;
    } catch (error) {
      this.machine.abort();
      this.logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
      return {
        status: 500,
        body: { error: { message: `sandbox defect: ${String(error)}`, type: 'api_error' } },
        headers: {},
        events: [],
        deliveries: [],
        changes: [],
      };
    }
  }

  control<T>(work: (world: World) => T): T {
    try {
      const done = this.machine.control(this.now(), work);
      this.apply(done);
      return done.result;
    } catch (error) {
      // What was due before, or what a declined payment leaves, is written although the command was refused.
      this.apply(this.machine.tick(this.now()));
      throw error;
    }
  }

  advance(ms: number): void {
    this.control((world) => world.store.patch('meta', 'meta', { _offset: this.offset() + ms }));
    this.apply(this.machine.tick(this.now()));
  }

  overwriteStored(key: string, account: string | null, status: number, body: JsonObject): void {
    const changes = this.machine.overwriteStored(key, account, status, body);
    this.journal?.append(changes);
  }

  close(): void {
    this.closed = true;
    if (this.timer) clearTimeout(this.timer);
    this.journal?.close();
  }

  private apply(effect: Effect): void {
    this.journal?.append(effect.changes);
    this.journal?.compactIfLarge(this.machine.world.store);
    if (effect.deliveries.length > 0) this.onDeliveries(effect.deliveries);
    this.wakeAtNextDue();
  }

  private tick(): void {
    try {
      this.apply(this.machine.tick(this.now()));
    } catch (error) {
      this.machine.abort();
      this.logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }

  private wakeAtNextDue(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const due = this.machine.nextDue();
    if (due === null || this.closed) return;
    const wait = Math.min(Math.max(due - this.now(), 0) + 1, LONGEST_SLEEP_MS);
    this.timer = setTimeout(() => this.tick(), wait);
    this.timer.unref();
  }
}
