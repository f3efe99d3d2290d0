// The people of a schedule and the API between them and the workflow: what they do when, and answers that get lost.
import type { EscrowSnapshot } from '../domain/escrow-state.ts';
import type { CommandResult } from '../workflows/messages.ts';
import type { Job } from './core.ts';
import { DAY, HOUR, MINUTE } from './faults.ts';
import { BUYER, command, type PersonsCommand, SELLERS, whatSomebodyDoes } from './people.ts';
import type { World } from './world.ts';

export class Crowd {
  private readonly sent = new Map<string, PersonsCommand>();
  /** Answers that got lost on their way to the API: its sweep asks for them again. */
  private readonly unanswered = new Set<EscrowSnapshot>();
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  schedule(): void {
    const { chance, clock } = this.world;
    let at = 0;
    // Agreement and payment come first in most schedules, so that most have money to move.
    if (chance.happens(0.85)) {
      for (const action of ['agree', 'agree', 'fund', 'fund'] as const) {
        at += chance.below(HOUR);
        for (const principal of action === 'agree' ? SELLERS : [BUYER]) {
          clock.in(at, { what: 'person', run: null, jobs: () => {
            const given = command(this.world.state(), principal, action, null, chance, clock.now, this.world.number());
            return given === null ? [] : [this.update(given)];
          } }); // prettier-ignore
        }
      }
    }
    for (let i = 0; i < 12 + chance.below(40); i++) {
      at += chance.of([0, chance.below(MINUTE), chance.below(HOUR), chance.below(DAY), chance.below(3 * DAY)]);
      clock.in(at, { what: 'person', run: null, jobs: () => this.somebodyActs() });
    }
  }

  private somebodyActs(): Job[] {
    const { chance, clock } = this.world;
    const given = whatSomebodyDoes(this.world.state(), chance, clock.now, this.world.number());
    if (given === null) return [];
    if (given.name === 'freeze') this.world.happened('frozen_by_ops');
    // They decide on what they saw; it may have changed when the command comes.
    const jobs: Job[] = [];
    if (chance.happens(0.15)) this.send(chance.below(2 * HOUR), given);
    else jobs.push(this.update(given));
    if (chance.happens(0.1)) jobs.push(this.update(given));
    return jobs;
  }

  update(command: PersonsCommand): Job {
    const id = `upd_${this.world.number()}`;
    this.sent.set(id, command);
    return { kind: 'update', id, name: command.name, argument: command.argument };
  }

  send(ms: number, command: PersonsCommand): void {
    this.world.clock.in(ms, { what: 'person', run: null, jobs: () => [this.update(command)] });
  }

  /** The API projects the answer; where it died first, the sweep gives the command again. */
  answered(id: string, { snapshot }: CommandResult): void {
    const { chance, clock, store } = this.world;
    const command = this.sent.get(id)!;
    if (this.world.calm || !chance.happens(0.08)) return store.project(snapshot);
    this.world.happened('answer_lost');
    this.unanswered.add(snapshot);
    clock.in(chance.below(20 * MINUTE), {
      what: 'person',
      run: null,
      jobs: () => {
        // Of a closed workflow, and of the same run, the server gives the stored answer.
        this.sweep(snapshot);
        return [this.update(command)];
      },
    });
  }

  /** The workflow has closed: every answer that is missing is asked for again. */
  sweepAll(): void {
    for (const snapshot of this.unanswered) this.sweep(snapshot);
  }

  private sweep(snapshot: EscrowSnapshot): void {
    if (this.unanswered.delete(snapshot)) this.world.store.project(snapshot);
  }
}
