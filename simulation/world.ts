// One escrow's world on virtual time: the workflow in the stand-in for Core, Stripe and the database beside it, and between
// them everything that can be late, doubled, lost or killed, as the seed has it.
import type { EscrowSnapshot, EscrowState } from '../domain/escrow-state.ts';
import { type CommandResult, ESCROW_WORKFLOW, QUERIES, SIGNALS } from '../workflows/messages.ts';
import { releasedRefundOrder } from '../api/released-refund-order.ts';
import { REFUND_WORKFLOW, type ReleasedRefundWord, refundWorkflowId } from '../workflows/refund-messages.ts';
import { Beside } from './beside.ts';
import { Chance, Clock } from './clock.ts';
import { type Command, Execution, type Job } from './core.ts';
import type { Isolate } from './isolate.ts';
import { BUYER, command, OPS, type PersonsCommand, SELLERS, whatSomebodyDoes } from './people.ts';
import { Recoveries, TryAgain } from './recoveries.ts';
import { Crash, type CrashPoint, type Guards, Store } from './store.ts';
import { type Intent, type Session, SimulatedStripe, type StripeRefund } from './stripe.ts';
import { termsOf } from './terms.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const BEGIN = Date.UTC(2026, 0, 1);
const CRASH_POINTS: readonly CrashPoint[] = ['before_effect', 'after_effect', 'after_commit'];

export const FAULTS = ['crash_before_effect', 'crash_after_effect', 'crash_after_commit', 'late_attempt', 'activity_gave_up', 'local_activity_failed', 'eviction', 'continue_as_new', 'signal_duplicate', 'signal_late', 'signal_lost', 'answer_lost', 'command_refused', 'simultaneous', 'seller_incapable', 'balance_short', 'card_dispute_opened', 'card_dispute_lifted', 'card_dispute_lost', 'dispute_reordered', 'refund_failed_late', 'frozen_by_ops', 'shared_party', 'cancel_request_of_temporal', 'refund_refunded', 'refund_undone', 'refund_lapsed', 'refund_refused', 'refund_short', 'checkout_expired'] as const; // prettier-ignore
export type Fault = (typeof FAULTS)[number];

interface Due {
  what: 'timer' | 'activity' | 'webhook' | 'person' | 'world' | 'beside';
  /** The run that it belongs to; none: whichever runs then. */
  run: number | null;
  jobs: () => Job[];
}

/** What an attempt came to. */
type Outcome = { result: unknown } | { failure: string };

interface Activity {
  type: string;
  order: unknown;
  run: number | null;
  settle: (outcome: Outcome) => Job[];
}

/** Tried for as long as it takes. */
const PATIENT = new Set(['project', 'askRecovery', 'reserveRecovery', 'lapseRecovery', 'payAgain', 'raiseAlert']);
const RECOVERY_ACTIVITIES = new Set([...PATIENT, 'takeBack', 'refundReleased', 'recordReleasedRefund'].filter((name) => name !== 'project')); // prettier-ignore

export interface WorldOptions {
  seed: number;
  isolate: Isolate;
  guards: Guards;
  /** Told every job and command; for one seed's story. */
  tell: ((line: string) => void) | null;
  visited: (table: 'escrow' | 'milestone', row: string) => void;
  happened: (fault: Fault) => void;
}

export class World {
  readonly chance: Chance;
  readonly clock = new Clock<Due>(BEGIN);
  readonly stripe: SimulatedStripe;
  readonly store: Store;
  readonly escrowId: string;
  over = false;
  calm = false;
  result: unknown = null;
  tasks = 0;
  runs = 0;
  refunded: StripeRefund[] = [];
  private execution: Execution;
  private readonly options: WorldOptions;
  private readonly cancelled = new Set<string>();
  private readonly sent = new Map<string, PersonsCommand>();
  private readonly continueAfter: number | undefined;
  private seen: { tasks: number; state: EscrowState } | null = null;
  private unique = 0;
  private readonly disputed: string[] = [];
  readonly recoveries: Recoveries;
  /** Workflows refund/<id>, by their workflow's id. */
  readonly besides = new Map<string, Beside>();
  /** Answers that got lost on their way to the API: its sweep asks for them again. */
  private readonly unanswered = new Set<EscrowSnapshot>();

  constructor(options: WorldOptions) {
    this.options = options;
    this.chance = new Chance(options.seed);
    this.escrowId = `esc_${options.seed}`;
    this.stripe = new SimulatedStripe(this.chance, (of) => ('intent' in of ? this.intentChanged(of.intent) : 'session' in of ? this.sessionChanged(of.session) : this.refundChanged(of.refund))); // prettier-ignore
    this.store = new Store(this.stripe, options.guards, this.chance.of([100, 100, 91]));
    this.recoveries = new Recoveries(this.store, this.stripe, options.guards);
    this.continueAfter = this.chance.happens(0.4) ? 1 + this.chance.below(6) : undefined;
    this.execution = this.newRun({ escrowId: this.escrowId, continueAfter: this.continueAfter });
  }

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
    const terms = termsOf(this.escrowId, BUYER.id, SELLERS.map((s) => s.id), this.chance, this.clock.now); // prettier-ignore
    const create = {
      name: 'create',
      argument: { commandId: 'cmd_create', principal: BUYER, terms, termsHash: 'hash_1' },
    };
    this.sent.set('create', create);
    this.task([{ kind: 'init', argument: { escrowId: this.escrowId, continueAfter: this.continueAfter } }, { kind: 'update', id: 'create', ...create }]); // prettier-ignore
    this.schedulePeople();
    this.scheduleTrouble();
    this.run();
  }

  /** Faults have stopped; what is under way comes to its end. */
  calmDown(): void {
    this.calm = true;
    this.stripe.calm = true;
    this.stripe.balanceShort = false;
    for (const seller of this.stripe.incapable) this.capable(seller);
    this.run();
  }

  /** Gives a command and lets time pass until nothing is due. */
  give(command: PersonsCommand): void {
    this.send(0, command);
    this.run();
  }

  number(): number {
    return ++this.unique;
  }

  /** Replays the whole present run. */
  replayed(): void {
    this.execution.evict();
    this.execution.query(QUERIES.state, this.clock.now);
  }

  dispose(): void {
    for (const beside of this.besides.values()) beside.dispose();
    this.execution.evict();
  }

  // ---- time -------------------------------------------------------------------------------------------------------

  private run(): void {
    const { chance, clock } = this;
    while (!clock.empty && (!this.over || this.besidesRun)) {
      if (this.tasks > 5_000) throw new Error('this schedule does not come to an end');
      const due = clock.take(!this.calm && chance.happens(0.3) ? 2_000 : 0);
      if (!this.calm) chance.shuffle(due);
      const jobs: Job[] = [];
      for (const d of due) if (d.run === null || d.run === this.runs) jobs.push(...d.jobs());
      // Nothing happens to a closed workflow.
      if (jobs.length === 0 || this.over) continue;
      if (jobs.filter((j) => j.kind === 'update').length > 1) this.options.happened('simultaneous');
      if (!this.calm && chance.happens(0.025)) this.evict();
      this.task(jobs);
    }
  }

  private evict(): void {
    this.options.happened('eviction');
    this.execution.evict();
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

  private tell(arrow: string, what: Job | Command): void {
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
        if (c.local) return [this.localActivity(c.seq, c.argument)];
        this.attempt({
          type: c.type,
          order: c.argument,
          run,
          settle: (outcome) => [{ kind: 'activity', seq: c.seq, ...outcome }],
        });
        return [];
      case 'updateCompleted':
        this.answered(c.id, c.result as CommandResult);
        return [];
      case 'updateRejected':
        this.options.happened('command_refused');
        return [];
      case 'completed':
        if (this.chance.happens(0.3)) this.replayed();
        this.over = true;
        this.result = c.result;
        for (const snapshot of this.unanswered) this.sweep(snapshot);
        // Refunds of released money are asked for after the end as well.
        if (!this.calm && this.chance.happens(0.3)) this.askReleasedRefund();
        return [];
      case 'continueAsNew':
        this.options.happened('continue_as_new');
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

  // ---- activities -------------------------------------------------------------------------------------------------

  private localActivity(seq: number, snapshot: unknown): Job {
    if (!this.calm && this.chance.happens(0.05)) {
      this.options.happened('local_activity_failed');
      if (this.chance.happens(0.3)) this.store.project(snapshot as EscrowSnapshot);
      return { kind: 'activity', seq, failure: 'the database did not answer' };
    }
    this.store.project(snapshot as EscrowSnapshot);
    return { kind: 'activity', seq, result: undefined };
  }

  /** One after the other until one comes through, or until it is given up for good. */
  private attempt(a: Activity, number = 1, mayGiveUp = true): void {
    const { chance, clock } = this;
    const { type, order, run } = a;
    const givesUp = mayGiveUp && number === 1 && !this.calm && !PATIENT.has(type) && chance.happens(0.015);
    const waitMs = number === 1 ? 0 : Math.min(10_000 * 2 ** (number - 2), 10 * MINUTE);
    const slow = !this.calm && chance.happens(0.1) ? chance.below(25_000) : 0;
    clock.in(waitMs + 20 + chance.below(2_000) + slow, {
      what: 'activity',
      run,
      jobs: () => {
        const dies = !this.calm && (givesUp || chance.happens(number < 5 ? 0.15 : 0)) ? chance.of(CRASH_POINTS) : null;
        try {
          const result = this.perform(type, order, (at) => {
            if (at === dies) throw new Crash(at);
          });
          return a.settle({ result });
        } catch (error) {
          if (error instanceof TryAgain) return (this.attempt(a, number + 1), []);
          if (!(error instanceof Crash)) throw error;
          this.options.happened(`crash_${error.message as CrashPoint}`);
          // The attempt was given up, and its call is still on its way.
          if (error.message === 'before_effect' && !PATIENT.has(type) && chance.happens(0.2)) {
            this.options.happened('late_attempt');
            clock.in(chance.below(20_000), { what: 'activity', run: null, jobs: () => (this.perform(type, order, () => {}), []) }); // prettier-ignore
          }
          if (givesUp) {
            this.options.happened('activity_gave_up');
            clock.in(20 * HOUR, { what: 'activity', run, jobs: () => a.settle({ failure: 'no answer' }) });
          } else this.attempt(a, number + 1);
          return [];
        }
      },
    });
  }

  private perform(type: string, order: unknown, crash: (at: CrashPoint) => void): unknown {
    return RECOVERY_ACTIVITIES.has(type) ? this.recoveries.perform(type, order, crash) : this.store.perform(type, order, crash); // prettier-ignore
  }

  // ---- workflows beside the escrow --------------------------------------------------------------------------------

  private get besidesRun(): boolean {
    return [...this.besides.values()].some((beside) => !beside.over);
  }

  /** Gives jobs to a workflow beside the escrow after `ms`. */
  private later(ms: number, beside: Beside, jobs: Job[]): void {
    this.clock.in(ms, { what: 'beside', run: null, jobs: () => (beside.task(jobs), []) });
  }

  private startBeside(workflowId: string, type: string, argument: unknown): Beside {
    const { clock, chance } = this;
    const beside: Beside = new Beside(
      this.options.isolate,
      { workflowId, runId: `${workflowId}/${process.hrtime.bigint()}`, type, argument, seed: this.options.seed },
      {
        now: () => clock.now,
        later: (ms, jobs) => this.later(ms, beside, jobs),
        attempt: (seq, activity, order) =>
          this.attempt({
            type: activity,
            order,
            run: null,
            settle: (outcome) => (beside.task([{ kind: 'activity', seq, ...outcome }]), []),
          }),
        signal: (_to, name, signal) => {
          if (this.over) return false;
          clock.in(chance.below(2_000), { what: 'webhook', run: null, jobs: () => [{ kind: 'signal', name, argument: signal }] }); // prettier-ignore
          return true;
        },
        tell: (arrow, what) => this.options.tell && this.tell(arrow, what as Job),
        evicts: () => !this.calm && chance.happens(0.05),
      },
    );
    this.besides.set(workflowId, beside);
    return beside;
  }

  /** Somebody wants released money back: ops, or one side, whom the other may answer. */
  private askReleasedRefund(): Job[] {
    const { chance } = this;
    const state = this.state();
    const m = state.milestones.find((x) => this.recoveries.left(x.id).length > 0);
    if (m === undefined) return [];
    const refundId = `rfd_r${this.number()}`;
    const left = this.recoveries.left(m.id).reduce((sum, p) => sum + Number(p.amountMinor), 0);
    const amount = chance.of([left, left, Math.max(1, chance.below(left + 1)), left + 1]);
    if (amount <= 0) return [];
    const seller = SELLERS.find((s) => s.id === m.sellerId)!;
    const by = chance.of([OPS, BUYER, seller]);
    const request = releasedRefundOrder(state, { escrowId: this.escrowId, milestoneId: m.id, amount, reason: 'returned' }, by, refundId); // prettier-ignore
    const workflowId = refundWorkflowId(refundId);
    const refund = this.startBeside(workflowId, REFUND_WORKFLOW, { refundId });
    refund.task([{ kind: 'init', argument: { refundId } }, { kind: 'update', id: 'ask', name: 'ask', argument: request }]); // prettier-ignore
    if (by !== OPS && chance.happens(0.75)) {
      const confirm = { by: by === BUYER ? seller : BUYER };
      for (let i = 0; i < (chance.happens(0.2) ? 2 : 1); i++)
        this.later(MINUTE + chance.below(3 * DAY), refund, [{ kind: 'update', id: `confirm${i}`, name: 'confirm', argument: confirm }]); // prettier-ignore
    }
    return [];
  }

  /** How each refund of released money ended, once nothing runs any more. */
  tallyRefunds(): void {
    for (const beside of this.besides.values()) {
      const word = beside.result as ReleasedRefundWord;
      this.options.happened(`refund_${word.status as 'refunded' | 'undone' | 'lapsed' | 'refused'}`);
    }
    for (const m of this.store.milestones.values()) if (m.owed > 0) this.options.happened('refund_short');
  }

  // ---- Stripe's word ----------------------------------------------------------------------------------------------

  /** A webhook: late, twice, or found days later by the sweep. `job` reads the object when it is delivered. */
  private webhook(to: Beside | null, job: () => Job): void {
    const { chance, clock } = this;
    const deliver = (ms: number) =>
      clock.in(ms, { what: 'webhook', run: null, jobs: () => (to === null ? [job()] : (to.task([job()]), [])) }); // prettier-ignore
    if (this.calm) return deliver(chance.below(5_000));
    if (chance.happens(0.1)) {
      this.options.happened('signal_lost');
      return deliver(DAY + chance.below(2 * DAY));
    }
    if (chance.happens(0.3)) this.options.happened('signal_late');
    deliver(chance.of([chance.below(100), chance.below(10_000), chance.below(2 * HOUR)]));
    if (!chance.happens(0.2)) return;
    this.options.happened('signal_duplicate');
    deliver(chance.below(3 * DAY));
  }

  private intentChanged(intent: Intent): void {
    const { chance, clock } = this;
    const eventId = `evt_${this.number()}`;
    this.webhook(null, () => ({ kind: 'signal', name: SIGNALS.stripeEvent, argument: { kind: 'payment_intent', paymentIntentId: intent.id, paymentId: intent.paymentId, status: intent.status, eventId } })); // prettier-ignore
    const { status } = intent;
    const becomes = (ms: number, next: () => void) =>
      clock.in(ms, { what: 'world', run: null, jobs: () => (intent.status === status && next(), []) });
    if (status === 'processing') {
      becomes(DAY + chance.below(5 * DAY), () => {
        intent.declined = chance.happens(0.25);
        this.stripe.set(intent, intent.declined ? 'requires_payment_method' : 'succeeded');
      });
    }
    if (status === 'requires_action' && chance.happens(0.75)) {
      becomes(chance.below(30 * HOUR), () => this.stripe.set(intent, chance.of(['succeeded', 'succeeded', 'processing', 'requires_payment_method']))); // prettier-ignore
    }
  }

  /** The buyer pays there, at once or after a refusal, or leaves it: after a day it is over. */
  private sessionChanged(session: Session): void {
    const { chance, clock } = this;
    const later = (ms: number, run: () => void) => clock.in(ms, { what: 'world', run: null, jobs: () => (run(), []) });
    if (session.status === 'open') {
      for (let i = 0; i < 2; i++) if (chance.happens(0.7)) later(chance.below(30 * HOUR), () => this.stripe.paySession(session, chance.of(['card', 'card', 'card_authentication', 'card_declined', 'debit']))); // prettier-ignore
      later(DAY, () => this.stripe.expireSession(null, session));
      return;
    }
    if (session.status !== 'expired') return;
    this.options.happened('checkout_expired');
    const eventId = `evt_${this.number()}`;
    this.webhook(null, () => ({ kind: 'signal', name: SIGNALS.stripeEvent, argument: { kind: 'checkout_session', sessionId: session.id, paymentId: session.paymentId, status: session.status, eventId } })); // prettier-ignore
  }

  private refundChanged(refund: StripeRefund): void {
    const { chance, clock } = this;
    const eventId = `evt_${this.number()}`;
    const beside = this.besides.get(refundWorkflowId(refund.refundId));
    this.webhook(beside ?? null, () => ({ kind: 'signal', name: SIGNALS.stripeEvent, argument: { kind: 'refund', stripeRefundId: refund.id, refundId: refund.refundId, status: refund.status, eventId } })); // prettier-ignore
    const { status } = refund;
    const becomes = (ms: number, next: 'succeeded' | 'failed') =>
      clock.in(ms, { what: 'world', run: null, jobs: () => (refund.status === status && this.stripe.settleRefund(refund, next), []) }); // prettier-ignore
    if (status === 'pending')
      becomes(HOUR + chance.below(5 * DAY), !this.calm && chance.happens(0.3) ? 'failed' : 'succeeded');
    if (status === 'succeeded' && !this.calm && chance.happens(0.05)) {
      this.options.happened('refund_failed_late');
      becomes(HOUR + chance.below(5 * DAY), 'failed');
    }
  }

  private capable(sellerId: string): void {
    this.stripe.incapable.delete(sellerId);
    this.webhook(null, () => ({
      kind: 'signal',
      name: SIGNALS.sellerChanged,
      argument: { sellerId, transfers: 'active' },
    }));
  }

  // ---- people -----------------------------------------------------------------------------------------------------

  private schedulePeople(): void {
    const { chance, clock } = this;
    let at = 0;
    // Agreement and payment come first in most schedules, so that most have money to move.
    if (chance.happens(0.85)) {
      for (const action of ['agree', 'agree', 'fund', 'fund'] as const) {
        at += chance.below(HOUR);
        for (const principal of action === 'agree' ? SELLERS : [BUYER]) {
          clock.in(at, { what: 'person', run: null, jobs: () => {
            const given = command(this.state(), principal, action, null, chance, clock.now, this.number());
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
    const state = this.state();
    const given = whatSomebodyDoes(state, this.chance, this.clock.now, this.number());
    if (given === null) return [];
    if (given.name === 'freeze') this.options.happened('frozen_by_ops');
    // They decide on what they saw; it may have changed when the command comes.
    const jobs: Job[] = [];
    if (this.chance.happens(0.15)) this.send(this.chance.below(2 * HOUR), given);
    else jobs.push(this.update(given));
    if (this.chance.happens(0.1)) jobs.push(this.update(given));
    return jobs;
  }

  private update(command: PersonsCommand): Job {
    const id = `upd_${this.number()}`;
    this.sent.set(id, command);
    return { kind: 'update', id, name: command.name, argument: command.argument };
  }

  private send(ms: number, command: PersonsCommand): void {
    this.clock.in(ms, { what: 'person', run: null, jobs: () => [this.update(command)] });
  }

  /** The API projects the answer; where it died first, the sweep gives the command again. */
  private answered(id: string, { snapshot }: CommandResult): void {
    const command = this.sent.get(id)!;
    if (this.calm || !this.chance.happens(0.08)) return this.store.project(snapshot);
    this.options.happened('answer_lost');
    this.unanswered.add(snapshot);
    this.clock.in(this.chance.below(20 * MINUTE), {
      what: 'person',
      run: null,
      jobs: () => {
        // Of a closed workflow, and of the same run, the server gives the stored answer.
        this.sweep(snapshot);
        return [this.update(command)];
      },
    });
  }

  private sweep(snapshot: EscrowSnapshot): void {
    if (this.unanswered.delete(snapshot)) this.store.project(snapshot);
  }

  // ---- trouble ----------------------------------------------------------------------------------------------------

  private scheduleTrouble(): void {
    const { chance, clock } = this;
    const later = (ms: number, act: () => void) => clock.in(ms, { what: 'world', run: null, jobs: () => (act(), []) });
    for (const seller of SELLERS) {
      if (!chance.happens(0.25)) continue;
      const from = chance.below(30 * DAY);
      later(from, () => {
        this.options.happened('seller_incapable');
        this.stripe.incapable.add(seller.id);
      });
      later(from + chance.below(90 * DAY), () => this.capable(seller.id));
    }
    if (chance.happens(0.25)) {
      const from = chance.below(30 * DAY);
      later(from, () => {
        this.options.happened('balance_short');
        this.stripe.balanceShort = true;
      });
      later(from + chance.below(3 * DAY), () => (this.stripe.balanceShort = false));
    }
    for (let i = 0; i < 2; i++) if (chance.happens(0.2)) later(DAY + chance.below(40 * DAY), () => this.cardDispute());
    for (let i = 0; i < 3; i++) if (chance.happens(0.2)) clock.in(5 * DAY + chance.below(40 * DAY), { what: 'world', run: null, jobs: () => this.askReleasedRefund() }); // prettier-ignore
    this.scheduleFirstReleases();
    this.scheduleReview();
    if (chance.happens(0.05)) {
      clock.in(chance.below(20 * DAY), { what: 'world', run: null, jobs: () => (this.options.happened('cancel_request_of_temporal'), [{ kind: 'cancel' }]) }); // prettier-ignore
    }
  }

  /** Sellers whom the platform has never paid. By a chance of its own, as reviews: other seeds tell the stories that they told. */
  private scheduleFirstReleases(): void {
    const chance = new Chance(this.options.seed + 0x5e11e7);
    if (!chance.happens(0.15)) return;
    const seller = chance.of(SELLERS).id;
    const at = BEGIN + chance.below(20 * DAY);
    this.store.firstReleaseAt = (id) => (id === seller && this.clock.now < at ? at : null);
  }

  /** Buyer and a seller may be one party. */
  private scheduleReview(): void {
    const chance = new Chance(~this.options.seed);
    if (!chance.happens(0.1)) return;
    const argument = { sellerId: chance.of(SELLERS).id, key: 'card' };
    const told = chance.happens(0.3) ? 2 : 1;
    const signal = (): Job[] => {
      if (!this.over) this.options.happened('shared_party');
      return [{ kind: 'signal', name: SIGNALS.risk, argument }];
    };
    for (let i = 0; i < told; i++) this.clock.in(chance.below(20 * DAY), { what: 'webhook', run: null, jobs: signal });
  }

  private cardDispute(): void {
    const { chance, clock, store } = this;
    // A charge whose booking has had no answer yet is not disputed here.
    const known = new Set(store.head?.payments.flatMap((p) => (p.status === 'succeeded' ? [p.chargeId] : [])));
    const charges = [...store.charges].filter(([id, c]) => c.allocated && known.has(id) && !this.disputed.includes(id));
    if (charges.length === 0) return;
    const [chargeId, charge] = chance.of(charges);
    this.disputed.push(chargeId);
    const disputeId = `dp_${this.number()}`;
    const paid = [...store.milestones].filter(([, m]) => m.paymentId === charge.paymentId).map(([id]) => id);
    const named = chance.happens(0.5) ? [] : paid.filter(() => chance.happens(0.5));
    const signal = (ms: number, argument: () => Record<string, unknown>) =>
      clock.in(ms, { what: 'webhook', run: null, jobs: () => [{ kind: 'signal', name: SIGNALS.cardDispute, argument: { disputeId, ...argument() } }] }); // prettier-ignore
    const opened = () => ({ kind: 'opened', chargeId, milestoneIds: named });
    this.options.happened('card_dispute_opened');
    const lasts = 2 * DAY + chance.below(60 * DAY);
    const lost = chance.happens(0.5);
    if (!lost && chance.happens(0.2)) {
      this.options.happened('dispute_reordered');
      signal(0, () => ({ kind: 'lifted' }));
      signal(chance.below(DAY), opened);
      return;
    }
    // Its own event may be later than the refusal of a refund that speaks of it.
    this.stripe.dispute(chargeId);
    signal(chance.of([0, chance.below(HOUR)]), opened);
    if (chance.happens(0.3)) signal(HOUR + chance.below(2 * lasts), opened);
    this.options.happened(lost ? 'card_dispute_lost' : 'card_dispute_lifted');
    clock.in(lasts, {
      what: 'world',
      run: null,
      jobs: () => {
        this.stripe.disputed.delete(chargeId);
        if (!lost) {
          signal(0, () => ({ kind: 'lifted' }));
          return [];
        }
        const taken = store.loseDispute(disputeId, chargeId, named.length > 0 ? named : paid);
        const refunded = store.refundedOf(chargeId);
        for (let i = 0; i < (chance.happens(0.2) ? 2 : 1); i++)
          signal(chance.below(HOUR), () => ({ kind: 'lost', taken, refunded }));
        return [];
      },
    });
  }
}
