// The workflows beside the escrow, and who asks something of them: refund/<id>, chargeback/<id> and
// failed-refund/<id>.
import { releasedRefundOrder } from '../api/released-refund-order.ts';
import type { Principal } from '../domain/escrow-state.ts';
import { CHARGEBACK_UPDATES, CHARGEBACK_WORKFLOW, type ChargebackInput, type ChargebackWord } from '../workflows/chargeback-messages.ts'; // prettier-ignore
import { DEBT_WORKFLOW, type DebtInput, debtWorkflowId } from '../workflows/debt-messages.ts';
import { FAILED_REFUND_SIGNALS, FAILED_REFUND_UPDATES, FAILED_REFUND_WORKFLOW, type FailedRefundInput, type FailedRefundWord, failedRefundWorkflowId } from '../workflows/failed-refund-messages.ts'; // prettier-ignore
import { REFUND_WORKFLOW, type ReleasedRefundWord, refundWorkflowId } from '../workflows/refund-messages.ts';
import { Beside } from './beside.ts';
import type { Command, Job } from './core.ts';
import { type Debt, openRest } from './debts.ts';
import { DAY, MINUTE } from './faults.ts';
import { BUYER, OPS, SELLERS } from './people.ts';
import { bankComes } from './trouble.ts';
import type { World } from './world.ts';

export class Besides {
  /** The last run of each, by its workflow's id. */
  readonly all = new Map<string, Beside>();
  /** Runs before those. */
  private readonly past: Beside[] = [];
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  get running(): boolean {
    for (const beside of this.all.values()) if (!beside.over) return true;
    return this.underWay > 0;
  }

  get tasks(): number {
    return [...this.past, ...this.all.values()].reduce((sum, beside) => sum + beside.tasks, 0);
  }

  dispose(): void {
    for (const beside of this.all.values()) beside.dispose();
  }

  /** As Temporal's client does it. */
  signalWithStart(workflowId: string, type: string, argument: unknown, signal: Job): void {
    const running = this.all.get(workflowId);
    if (running?.over === false) return running.task([signal]);
    if (running !== undefined) {
      this.past.push(running);
      this.world.went(`${type} started again`);
    }
    const started = this.start(workflowId, type, argument);
    started.task([{ kind: 'init', argument }, signal]);
    if (type === CHARGEBACK_WORKFLOW) this.sellersAnswer(started, (argument as ChargebackInput).disputeId);
    if (type === FAILED_REFUND_WORKFLOW && !this.world.calm) this.cameBack((argument as FailedRefundInput).refundId);
  }

  /** Ops hear of it; the buyer may ask their bank for the same money. */
  private cameBack(refundId: string): void {
    const { world } = this;
    this.opsLookAt(refundId);
    const { chargeId } = world.failedRefunds.asMade(refundId)!.made;
    if (world.chance.happens(0.5)) world.clock.in(world.chance.below(8 * DAY), { what: 'world', run: null, jobs: () => (bankComes(world, chargeId), []) }); // prettier-ignore
  }

  /** Ops try it again, or have the platform's bank pay the buyer; sometimes where that is not possible any more. */
  private opsLookAt(refundId: string): void {
    const { world } = this;
    const { chance, failedRefunds } = world;
    const workflowId = failedRefundWorkflowId(refundId);
    const retry = () => this.all.get(workflowId)!.task([{ kind: 'update', id: `upd_${world.number()}`, name: FAILED_REFUND_UPDATES.retry, argument: {} }]); // prettier-ignore
    const pay = () => {
      if (!failedRefunds.payByBank(refundId)) return world.went('failedRefund bank payment refused');
      this.all.get(workflowId)!.task([{ kind: 'signal', name: FAILED_REFUND_SIGNALS.news, argument: undefined }]);
    };
    for (let i = 0; i < 2; i++) if (chance.happens(0.4)) this.person(chance.below(10 * DAY), retry);
    if (world.calm || chance.happens(0.3)) this.person(chance.below(10 * DAY), pay);
  }

  /** As the worker's sweep: each open debt has its workflow, once. A sweep that died after the start starts it again, in vain. */
  watch({ id }: Debt): void {
    const { chance, clock, debts } = this.world;
    const argument: DebtInput = { debtId: id };
    const sweep = () => {
      if (debts.find(id)?.status !== 'open' || this.all.has(debtWorkflowId(id))) return;
      this.start(debtWorkflowId(id), DEBT_WORKFLOW, argument).task([{ kind: 'init', argument }]);
    };
    const times = chance.happens(0.1) ? 2 : 1;
    // Some pay what they hear of at once.
    if (!this.world.calm && chance.happens(0.3)) this.person(chance.below(3 * DAY), () => this.repay(id));
    this.underWay += 1;
    for (let i = 1; i <= times; i++) clock.in(chance.below(MINUTE), { what: 'world', run: null, jobs: () => (i === 1 && (this.underWay -= 1), sweep(), []) }); // prettier-ignore
  }
  private underWay = 0;

  /** Its seller was reminded, and repays; or two of ops give it up: asked to, they do it, and the debt has an end. */
  settleDebt({ id, proposed }: Debt): void {
    const { chance, debts, went } = this.world;
    if (chance.happens(0.4)) this.person(chance.below(20 * DAY), () => this.repay(id));
    if (proposed) this.person(chance.below(20 * DAY), () => went(debts.writeOff(id) ? 'debt written off' : 'debt write-off refused')); // prettier-ignore
  }

  private repay(id: string): void {
    const { chance, debts, went } = this.world;
    const debt = debts.find(id);
    // Undone with what made it.
    if (debt === undefined) return;
    const left = () => openRest(debt);
    const amount = chance.of([left(), left(), Math.ceil(left() / 2), left() + 1]);
    const command = `cmd_${this.world.number()}`;
    const took = debts.repay(id, amount, command);
    went(!took ? 'debt repayment refused' : left() > 0 ? 'debt repaid in part' : 'debt repaid');
    // The same command again takes nothing more.
    if (took && left() > 0 && chance.happens(0.5)) debts.repay(id, 1, command);
  }

  private person = (ms: number, act: () => void): void =>
    this.world.clock.in(ms, { what: 'person', run: null, jobs: () => (act(), []) });

  private later(ms: number, beside: Beside, jobs: Job[]): void {
    this.world.clock.in(ms, { what: 'beside', run: null, jobs: () => (beside.task(jobs), []) });
  }

  private start(workflowId: string, type: string, argument: unknown): Beside {
    const { world } = this;
    const beside: Beside = new Beside(
      world.options.isolate,
      { workflowId, runId: `${workflowId}/${process.hrtime.bigint()}`, type, argument, seed: world.options.seed },
      {
        now: () => world.clock.now,
        later: (ms, jobs) => this.later(ms, beside, jobs),
        attempt: (seq, activity, args) =>
          world.attempts.begin({
            type: activity,
            args,
            run: null,
            settle: (outcome) => (beside.task([{ kind: 'activity', seq, ...outcome }]), []),
          }),
        signal: (name, signal, delivered) =>
          world.clock.in(world.chance.below(2_000), {
            what: 'webhook',
            run: null,
            jobs: () => (delivered(!world.over), [{ kind: 'signal', name, argument: signal }]),
          }),
        visited: (c) => this.visited(type, argument, c),
        tell: (arrow, what) => world.options.tell && world.tell(arrow, what as Job),
        evicts: () => !world.calm && world.chance.happens(0.05),
      },
    );
    this.all.set(workflowId, beside);
    return beside;
  }

  private visited(type: string, argument: unknown, c: Command | 'untold'): void {
    const { went } = this.world;
    if (c === 'untold') return went(`${type} untold`);
    if (c.kind === 'signalExternal') went(`${type} tells ${(c.argument as { kind?: string }).kind}`);
    if (c.kind === 'updateCompleted' || c.kind === 'updateRejected') went(`${type} update ${c.kind === 'updateRejected' ? 'refused' : 'completed'}`); // prettier-ignore
    if (c.kind === 'activity') went(c.type === 'raiseAlert' ? `${type} alert ${(c.args[0] as { kind: string }).kind}` : `${type} ${c.type}`); // prettier-ignore
    if (type === FAILED_REFUND_WORKFLOW) {
      // Reminded, they look again.
      if (c.kind === 'activity' && c.type === 'raiseAlert') this.opsLookAt((argument as FailedRefundInput).refundId);
      if (c.kind === 'completed') went(`${type} ended ${(c.result as FailedRefundWord).status}`);
    }
    if (type === DEBT_WORKFLOW && c.kind === 'completed') went(`debt ended ${c.result as string}`);
    if (c.kind !== 'completed' || type !== CHARGEBACK_WORKFLOW) return;
    const row = this.world.chargebacks.rows.get((argument as ChargebackInput).disputeId)!;
    const { status } = c.result as ChargebackWord;
    went(`chargeback ended ${status}`);
    if (row.decided!.round > 1) went(`chargeback ended ${status} in another round`);
  }

  /** Sellers and ops answer a bank's question, sometimes those who may not, sometimes too late. */
  private sellersAnswer(beside: Beside, disputeId: string): void {
    const { chance } = this.world;
    if (this.world.calm) return;
    const update = (by: Principal, name: string, more: object = {}) =>
      this.later(chance.below(7 * DAY), beside, [{ kind: 'update', id: `upd_${this.world.number()}`, name, argument: { by, disputeId, ...more } }]); // prettier-ignore
    const seller = chance.of([...SELLERS, OPS, BUYER]);
    for (let i = 0; i < 2; i++) if (chance.happens(0.3)) update(seller, CHARGEBACK_UPDATES.stage, { text: 'delivered as agreed' }); // prettier-ignore
    if (chance.happens(0.25)) update(chance.of([...SELLERS, OPS]), CHARGEBACK_UPDATES.submit);
    if (chance.happens(0.2)) for (const by of chance.happens(0.2) ? [OPS] : SELLERS) update(by, CHARGEBACK_UPDATES.accept); // prettier-ignore
  }

  /** Somebody wants released money back: ops, or one side, whom the other may answer. */
  askReleasedRefund(by?: Principal): void {
    const { world } = this;
    const { chance, recoveries, escrowId } = world;
    const state = world.state();
    const m = state.milestones.find((x) => recoveries.left(x.id).length > 0);
    if (m === undefined) return;
    const refundId = `rfd_r${world.number()}`;
    const left = recoveries.left(m.id).reduce((sum, p) => sum + Number(p.amountMinor), 0);
    const amount = chance.of([left, left, Math.max(1, chance.below(left + 1)), left + 1]);
    if (amount <= 0) return;
    const seller = SELLERS.find((s) => s.id === m.sellerId)!;
    by ??= chance.of([OPS, BUYER, seller]);
    const request = releasedRefundOrder(state, { escrowId, milestoneId: m.id, amount, reason: 'returned' }, by, refundId); // prettier-ignore
    const refund = this.start(refundWorkflowId(refundId), REFUND_WORKFLOW, { refundId });
    refund.task([{ kind: 'init', argument: { refundId } }, { kind: 'update', id: 'ask', name: 'ask', argument: request }]); // prettier-ignore
    if (by !== OPS && chance.happens(0.75)) {
      const confirm = { by: by === BUYER ? seller : BUYER };
      for (let i = 0; i < (chance.happens(0.2) ? 2 : 1); i++)
        this.later(MINUTE + chance.below(3 * DAY), refund, [{ kind: 'update', id: `confirm${i}`, name: 'confirm', argument: confirm }]); // prettier-ignore
    }
  }

  /** How each refund of released money ended, once nothing runs any more. */
  tally(): void {
    for (const [id, { result }] of this.all) {
      if (!id.startsWith(refundWorkflowId(''))) continue;
      const { status } = result as ReleasedRefundWord;
      this.world.happened(`refund_${status as 'refunded' | 'undone' | 'lapsed' | 'refused'}`);
    }
    for (const m of this.world.store.milestones.values()) if (m.owed > 0) this.world.happened('refund_short');
  }
}
