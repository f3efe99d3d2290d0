// Activities as a worker attempts them: slow, dying at any point, late, given up for good.
import type { EscrowSnapshot } from '../domain/escrow-state.ts';
import type { Job } from './core.ts';
import { HOUR, MINUTE } from './faults.ts';
import { TryAgain } from './recoveries.ts';
import { Crash, type CrashPoint, GivenUp } from './store.ts';
import type { World } from './world.ts';

const CRASH_POINTS: readonly CrashPoint[] = ['before_effect', 'after_effect', 'after_commit'];

/** Tried for as long as it takes; all others are given up after 20 hours. */
const PATIENT = new Set(['project', 'raiseAlert', 'askRecovery', 'reserveRecovery', 'lapseRecovery', 'payAgain', 'recordDispute', 'planClawback', 'planDisputeLoss', 'settleDisputeLoss', 'noteClawback', 'readFailedRefund', 'remindOfDebt']); // prettier-ignore

/** What an attempt came to. */
export type Outcome = { result: unknown } | { failure: string };

export interface Activity {
  type: string;
  args: unknown[];
  /** The run that it belongs to; none: whichever runs then. */
  run: number | null;
  settle: (outcome: Outcome) => Job[];
}

export class Attempts {
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  /** The projection, within the workflow task that asks for it. */
  local(seq: number, snapshot: EscrowSnapshot): Job {
    const { calm, chance, store } = this.world;
    if (calm || !chance.happens(0.05)) {
      store.project(snapshot);
      return { kind: 'activity', seq, result: undefined };
    }
    this.world.happened('local_activity_failed');
    if (chance.happens(0.3)) store.project(snapshot);
    return { kind: 'activity', seq, failure: 'the database did not answer' };
  }

  /** One after the other until one comes through, or until it is given up for good. */
  begin(a: Activity, number = 1): void {
    const { calm, chance, clock } = this.world;
    const givesUp = number === 1 && !calm && !PATIENT.has(a.type) && chance.happens(a.run === null ? 0.04 : 0.015);
    const waitMs = number === 1 ? 0 : Math.min(10_000 * 2 ** (number - 2), 10 * MINUTE);
    const slow = !calm && chance.happens(0.1) ? chance.below(25_000) : 0;
    clock.in(waitMs + 20 + chance.below(2_000) + slow, { what: 'activity', run: a.run, jobs: () => this.attempt(a, number, givesUp) }); // prettier-ignore
  }

  private attempt(a: Activity, number: number, givesUp: boolean): Job[] {
    const { calm, chance } = this.world;
    const mayDie = !calm && (givesUp || chance.happens(number < 5 ? 0.15 : 0));
    const dies = mayDie ? chance.of(CRASH_POINTS) : null;
    try {
      const crash = (at: CrashPoint) => {
        if (at === dies) throw new Crash(at);
      };
      return a.settle({ result: this.world.perform(a.type, a.args, crash) });
    } catch (error) {
      if (error instanceof TryAgain) return (this.begin(a, number + 1), []);
      if (error instanceof GivenUp)
        return (this.world.went('part not withdrawn'), a.settle({ failure: error.message }));
      if (!(error instanceof Crash)) throw error;
      return this.died(a, number, givesUp, error.message as CrashPoint);
    }
  }

  /** Nobody hears what becomes of it. */
  private late(type: string, args: unknown[]): void {
    try {
      this.world.perform(type, args, () => {});
    } catch (error) {
      if (!(error instanceof TryAgain || error instanceof GivenUp)) throw error;
    }
  }

  private died(a: Activity, number: number, givesUp: boolean, at: CrashPoint): Job[] {
    const { chance, clock } = this.world;
    const { type, args, run } = a;
    this.world.happened(`crash_${at}`);
    // The attempt was given up, and its call is still on its way.
    if (at === 'before_effect' && !PATIENT.has(type) && chance.happens(0.2)) {
      this.world.happened('late_attempt');
      clock.in(chance.below(20_000), { what: 'activity', run: null, jobs: () => (this.late(type, args), []) });
    }
    if (givesUp) {
      this.world.happened('activity_gave_up');
      clock.in(20 * HOUR, { what: 'activity', run, jobs: () => a.settle({ failure: 'no answer' }) });
    } else this.begin(a, number + 1);
    return [];
  }
}
