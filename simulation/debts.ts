// The simulated rows of sellers' debts: opened by a refund's shortfall, a lost dispute or its fees; repaid, written off, cancelled; and
// the activity of workflow debt/<id>.
import { PROPOSE_AFTER } from '../db/debts.ts';
import { Broken } from './books.ts';
import type { CrashPoint, Store } from './store.ts';

export interface Debt {
  id: string;
  kind: 'principal' | 'costs';
  sellerId: string;
  milestoneId: string;
  /** Settlement currency, as the three below. */
  amount: number;
  recovered: number;
  writtenOff: number;
  cancelled: number;
  status: 'open' | 'recovered' | 'repaid' | 'written_off' | 'cancelled';
  reminders: number;
  /** Ops are asked to write it off. */
  proposed: boolean;
}

export type NewDebt = Pick<Debt, 'kind' | 'sellerId' | 'milestoneId' | 'amount'>;

export const openRest = (d: Debt): number => d.amount - d.recovered - d.writtenOff - d.cancelled;

export class Debts {
  /** By the key under which each is opened once. */
  readonly rows = new Map<string, Debt>();
  /** The sweep of the worker, and people, hear of it. */
  opened: (debt: Debt) => void = () => {};
  reminded: (debt: Debt) => void = () => {};
  private readonly store: Store;

  constructor(store: Store, happened: (branch: string) => void) {
    this.store = store;
    store.more.push(this.rows as Map<string, object>);
    store.setOffDebts = (sellerId, payable) => {
      const taken = this.setOff(sellerId, payable);
      if (taken > 0) happened(taken < payable ? 'debt set off' : 'debt set off against a whole part');
      return taken;
    };
  }

  /** Of a part that is about to be paid. */
  private setOff(sellerId: string, payable: number): number {
    let left = payable;
    for (const debt of this.rows.values()) {
      if (debt.sellerId !== sellerId || debt.status !== 'open' || left === 0) continue;
      const minor = Math.min(openRest(debt), left);
      this.change(debt, 'recovered', minor, 'recovered');
      left -= minor;
    }
    return payable - left;
  }

  /** Once per key. */
  open(key: string, of: NewDebt): void {
    if (this.rows.has(key) || of.amount <= 0) return;
    const debt: Debt = { ...of, id: `debt_${this.rows.size + 1}`, recovered: 0, writtenOff: 0, cancelled: 0, status: 'open', reminders: 0, proposed: false }; // prettier-ignore
    this.rows.set(key, debt);
    this.opened(debt);
  }

  find = (id: string): Debt | undefined => [...this.rows.values()].find((d) => d.id === id);

  /** Of the open rest at most so much is owed no more; answers how much. */
  cancel(debt: Debt, atMost: number): number {
    const minor = Math.min(openRest(debt), atMost);
    if (minor > 0) this.change(debt, 'cancelled', minor, 'cancelled');
    return Math.max(0, minor);
  }

  /** The seller has paid by bank transfer; `command` takes it once. False: refused, because nothing is open or not so much. */
  repay(id: string, amount: number, command: string): boolean {
    const debt = this.find(id);
    if (debt === undefined || amount <= 0 || amount > openRest(debt)) return false;
    this.store.post(`debt_repaid:${command}`, () => this.change(debt, 'recovered', amount, 'repaid'));
    return true;
  }

  /** Two of ops give the open rest up. False: nothing is open. */
  writeOff(id: string): boolean {
    const debt = this.find(id);
    if (debt === undefined || openRest(debt) === 0) return false;
    this.store.post(`written_off:${id}`, () => this.change(debt, 'writtenOff', openRest(debt), 'written_off'));
    return true;
  }

  /** The activity `remindOfDebt`: once per number. */
  perform(
    [id, number]: readonly unknown[],
    crash: (at: CrashPoint) => void,
  ): { status: string; proposed: boolean } | null {
    crash('before_effect');
    const debt = this.find(id as string);
    if (debt === undefined) return null;
    if (debt.status === 'open' && debt.reminders < (number as number)) {
      debt.reminders = number as number;
      debt.proposed ||= debt.reminders >= PROPOSE_AFTER;
      this.reminded(debt);
    }
    crash('after_commit');
    return { status: debt.status, proposed: debt.proposed };
  }

  /** The last change closes it, under its own name. */
  private change(
    debt: Debt,
    what: 'recovered' | 'writtenOff' | 'cancelled',
    minor: number,
    closing: Debt['status'],
  ): void {
    debt[what] += minor;
    const left = openRest(debt);
    if (left < 0) throw new Broken(`${debt.id} is paid beyond its amount: ${JSON.stringify(debt)}`);
    if (left === 0) debt.status = closing;
  }
}
