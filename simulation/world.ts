// One escrow's world on virtual time: the workflow in the stand-in for Core, Stripe, banks and the database beside it, and
// between them everything that can be late, doubled, lost or killed, as the seed has it.
import type { EscrowSnapshot, EscrowState } from '../domain/escrow-state.ts';
import type { Terms } from '../domain/terms.ts';
import { type CommandResult, ESCROW_WORKFLOW, QUERIES } from '../workflows/messages.ts';
import { Attempts } from './attempts.ts';
import { Bank } from './bank.ts';
import { Besides } from './besides.ts';
import type { Guards } from './books.ts';
import { Chargebacks } from './chargebacks.ts';
import { Chance, Clock } from './clock.ts';
import { type Command, Execution, type Job } from './core.ts';
import { Crowd } from './crowd.ts';
import { Debts } from './debts.ts';
import { FailedRefunds } from './failed-refunds.ts';
import { BEGIN, DAY, type Fault } from './faults.ts';
import type { Isolate } from './isolate.ts';
import { BUYER, type PersonsCommand, SELLERS } from './people.ts';
import { Recoveries } from './recoveries.ts';
import { type CrashPoint, Store } from './store.ts';
import { SimulatedStripe } from './stripe.ts';
import { termsOf } from './terms.ts';
import { afterTheEnd, scheduleTrouble } from './trouble.ts';
import { StripesWord } from './words.ts';

interface Due {
  what: 'timer' | 'activity' | 'webhook' | 'person' | 'world' | 'beside';
  /** The run that it belongs to; none: whichever runs then. */
  run: number | null;
  jobs: () => Job[];
}

const CHARGEBACK_ACTIVITIES = new Set(['recordDispute', 'planClawback', 'planDisputeLoss', 'settleDisputeLoss', 'noteClawback', 'stageDisputeEvidence', 'submitDisputeEvidence', 'acceptDisputeLoss']); // prettier-ignore
const RECOVERY_ACTIVITIES = new Set(['askRecovery', 'reserveRecovery', 'lapseRecovery', 'takeBack', 'refundReleased', 'recordReleasedRefund', 'payAgain', 'raiseAlert']); // prettier-ignore

export interface WorldOptions {
  seed: number;
  isolate: Isolate;
  guards: Guards;
  /** Told every job and command; for one seed's story. */
  tell: ((line: string) => void) | null;
  visited: (table: 'escrow' | 'milestone', row: string) => void;
  happened: (fault: Fault) => void;
  /** Told each branch of a workflow beside the escrow. */
  went: (branch: string) => void;
}

export class World {
  readonly options: WorldOptions;
  readonly chance: Chance;
  readonly clock = new Clock<Due>(BEGIN);
  readonly escrowId: string;
  readonly terms: Terms;
  readonly stripe: SimulatedStripe;
  readonly store: Store;
  readonly debts: Debts;
  readonly recoveries: Recoveries;
  readonly bank: Bank;
  readonly chargebacks: Chargebacks;
  readonly failedRefunds: FailedRefunds;
  readonly attempts = new Attempts(this);
  readonly besides = new Besides(this);
  readonly crowd = new Crowd(this);
  readonly words = new StripesWord(this);
  over = false;
  calm = false;
  result: unknown = null;
  tasks = 0;
  runs = 0;
  private execution: Execution;
  private readonly cancelled = new Set<string>();
  private readonly continueAfter: number | undefined;
  private seen: { tasks: number; state: EscrowState } | null = null;
  private unique = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    const { seed, guards, went } = options;
    const chance = (this.chance = new Chance(seed));
    this.escrowId = `esc_${seed}`;
    this.stripe = new SimulatedStripe(chance, (of) => ('intent' in of ? this.words.intentChanged(of.intent) : 'session' in of ? this.words.sessionChanged(of.session) : this.words.refundChanged(of.refund))); // prettier-ignore
    this.store = new Store(this.stripe, guards, chance.of([100, 100, 91]));
    this.store.now = () => this.clock.now;
    this.debts = new Debts(this.store, went);
    this.debts.opened = (debt) => this.besides.watch(debt);
    this.debts.reminded = (debt) => this.besides.settleDebt(debt);
    this.recoveries = new Recoveries(this.store, this.stripe, guards, this.debts, went);
    this.bank = new Bank(this.stripe, chance, this.store.rate, {
      now: () => this.clock.now,
      after: (ms, act) => this.clock.in(ms, { what: 'world', run: null, jobs: () => (act(), []) }),
      told: (dispute) => this.words.disputeChanged(dispute),
    });
    const { escrowId, store, stripe, recoveries, bank, debts } = this;
    this.chargebacks = new Chargebacks({ escrowId, store, stripe, recoveries, bank, debts, terms: () => this.terms, happened: went }); // prettier-ignore
    this.failedRefunds = new FailedRefunds(store, stripe, went);
    this.failedRefunds.bankHolds = (chargeId) => this.chargebacks.holds(chargeId);
    this.chargebacks.takenFromOwed = (part) => this.failedRefunds.taken(part);
    this.continueAfter = chance.happens(0.4) ? 1 + chance.below(6) : undefined;
    this.terms = termsOf(escrowId, BUYER.id, SELLERS.map((s) => s.id), chance, this.clock.now); // prettier-ignore
    this.execution = this.newRun({ escrowId, continueAfter: this.continueAfter });
  }

  happened = (fault: Fault): void => this.options.happened(fault);
  went = (branch: string): void => this.options.went(branch);

  /** As the workflow's query answers it; asked once between two tasks. */
  state(): EscrowState {
    if (this.seen?.tasks !== this.tasks) {
      const state = this.execution.query(QUERIES.state, this.clock.now) as EscrowState;
      this.seen = { tasks: this.tasks, state };
    }
    return this.seen!.state;
  }

  /** From the proposal until everything that was to happen has happened, or the escrow has ended. */
  live(): void {
    const { escrowId, terms, continueAfter } = this;
    const argument = { commandId: 'cmd_create', principal: BUYER, terms, termsHash: 'hash_1' };
    this.task([{ kind: 'init', argument: { escrowId, continueAfter } }, this.crowd.update({ name: 'create', argument })]); // prettier-ignore
    this.crowd.schedule();
    scheduleTrouble(this);
    this.run();
  }

  /** Faults have stopped; what is under way comes to its end. */
  calmDown(): void {
    this.calm = true;
    this.stripe.calm = true;
    this.stripe.balanceShort = false;
    for (const seller of this.stripe.incapable) this.words.capable(seller);
    this.run();
  }

  /** Gives a command and lets time pass until nothing is due. */
  give(command: PersonsCommand): void {
    this.crowd.send(0, command);
    this.run();
  }

  number(): number {
    return ++this.unique;
  }

  dispose(): void {
    this.besides.dispose();
    this.execution.evict();
  }

  // ---- time -------------------------------------------------------------------------------------------------------

  /** Something goes on, also where the escrow has ended. */
  private get goesOn(): boolean {
    return !this.over || this.words.underWay > 0 || this.bank.underWay > 0 || this.besides.running;
  }

  private run(): void {
    const { chance, clock } = this;
    for (let moments = 0; !clock.empty && this.goesOn; moments++) {
      if (this.tasks > 5_000 || moments > 60_000) throw new Error('this schedule does not come to an end');
      const due = clock.take(!this.calm && chance.happens(0.3) ? 2_000 : 0);
      if (!this.calm) chance.shuffle(due);
      const jobs: Job[] = [];
      for (const d of due) if (d.run === null || d.run === this.runs) jobs.push(...d.jobs());
      // Nothing happens to a closed workflow.
      if (jobs.length === 0 || this.over) continue;
      if (jobs.filter((j) => j.kind === 'update').length > 1) this.happened('simultaneous');
      if (!this.calm && chance.happens(0.025)) {
        this.happened('eviction');
        this.execution.evict();
      }
      this.task(jobs);
    }
  }

  private task(jobs: Job[]): void {
    let next = jobs;
    while (next.length > 0 && !this.over) {
      if (this.options.tell) for (const job of next) this.tell('→', job);
      const commands = this.execution.activate(next, this.clock.now);
      this.tasks += 1;
      next = [];
      for (const command of commands) {
        if (this.options.tell) this.tell('←', command);
        next.push(...this.obey(command));
      }
    }
  }

  tell(arrow: string, what: Job | Command): void {
    const at = ((this.clock.now - BEGIN) / DAY).toFixed(4);
    this.options.tell?.(`${at.padStart(9)}d ${arrow} ${JSON.stringify(what).slice(0, 360)}`);
  }

  private newRun(argument: unknown): Execution {
    return new Execution(this.options.isolate, {
      workflowId: `escrow/${this.escrowId}`,
      runId: `${this.escrowId}/${this.runs}/${process.hrtime.bigint()}`,
      type: ESCROW_WORKFLOW,
      argument,
      seed: this.options.seed,
      visited: this.options.visited,
    });
  }

  /** Replays the whole present run. */
  private replayed(): void {
    this.execution.evict();
    this.execution.query(QUERIES.state, this.clock.now);
  }

  /** Does what a command says; answers the jobs that follow within the same workflow task. */
  private obey(c: Command): Job[] {
    const { clock, runs: run } = this;
    switch (c.kind) {
      case 'startTimer': {
        const timer = `${run}:${c.seq}`;
        clock.in(c.ms, { what: 'timer', run, jobs: () => (this.cancelled.has(timer) ? [] : [{ kind: 'timer', seq: c.seq }]) }); // prettier-ignore
        return [];
      }
      case 'cancelTimer':
        this.cancelled.add(`${run}:${c.seq}`);
        return [];
      case 'activity':
        if (c.local) return [this.attempts.local(c.seq, c.args[0] as EscrowSnapshot)];
        this.attempts.begin({ type: c.type, args: c.args, run, settle: (outcome) => [{ kind: 'activity', seq: c.seq, ...outcome }] }); // prettier-ignore
        return [];
      case 'updateCompleted':
        this.crowd.answered(c.id, c.result as CommandResult);
        return [];
      case 'updateRejected':
        this.happened('command_refused');
        return [];
      case 'completed':
        if (this.chance.happens(0.3)) this.replayed();
        this.over = true;
        this.result = c.result;
        this.crowd.sweepAll();
        this.words.lookAtParked();
        if (!this.calm) afterTheEnd(this);
        return [];
      case 'continueAsNew':
        this.happened('continue_as_new');
        if (this.chance.happens(0.3)) this.replayed();
        this.execution.evict();
        this.runs += 1;
        this.execution = this.newRun(c.argument);
        return [{ kind: 'init', argument: c.argument }];
      case 'signalExternal':
        throw new Error(`the escrow signals ${c.workflowId}`);
      case 'failed':
        throw new Error(`the workflow failed: ${c.message}`);
      case 'cancelActivity':
      case 'updateAccepted':
      case 'searchAttributes':
        return [];
    }
  }

  /** An attempt of the activity of that name. */
  perform(type: string, args: unknown[], crash: (at: CrashPoint) => void): unknown {
    if (CHARGEBACK_ACTIVITIES.has(type)) return this.chargebacks.perform(type, args, crash);
    if (type === 'remindOfDebt') return this.debts.perform(args, crash);
    if (type === 'readFailedRefund' || type === 'refundAgain') return this.failedRefunds.perform(type, args[0] as string, crash); // prettier-ignore
    if (RECOVERY_ACTIVITIES.has(type)) return this.recoveries.perform(type, args[0], crash);
    return this.store.perform(type, args[0], crash);
  }
}
