// The banks of a schedule: they ask about a charge, withdraw its money, decide, take a decision back, give a part back, return
// a debit. What they do and when is the seed's; that they come to an end is certain.
import type { Chance } from './clock.ts';
import type { Intent, SimulatedStripe } from './stripe.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A dispute as Stripe has it. */
export interface Dispute {
  /** Ours: its row and its workflow. */
  id: string;
  chargeId: string;
  /** Stripe's own word. */
  status: string;
  /** Of the charge, terms' currency. */
  amount: number;
  named: readonly string[];
  createdAt: number;
  dueAt: number | null;
  submissions: number;
  /** A bank debit that came back: no dispute at Stripe. */
  returned: boolean;
  /** Balance transactions, settlement currency: withdrawn (minus), given back, and the fee of each. */
  money: { id: string; amount: number; fee: number }[];
}

export interface BankWorld {
  now(): number;
  /** Lets time pass until then. */
  after(ms: number, act: () => void): void;
  /** Stripe tells of it. */
  told(dispute: Dispute): void;
}

const FEE = 1500;

export class Bank {
  readonly disputes = new Map<string, Dispute>();
  /** Words that are still to come: the world goes on for them. */
  underWay = 0;
  private readonly stripe: SimulatedStripe;
  private readonly chance: Chance;
  private readonly world: BankWorld;
  /** Settlement units for 100 of the terms' currency, on the day of the dispute. */
  private readonly rate: number;
  private readonly answers = new Set<string>();
  private numbers = 0;

  constructor(stripe: SimulatedStripe, chance: Chance, rate: number, world: BankWorld) {
    this.stripe = stripe;
    this.chance = chance;
    this.world = world;
    this.rate = rate === 100 ? 100 : rate + chance.of([0, -2, 2]);
  }

  /** A bank is at the charge of this intent from now on. `named`: what the buyer names of what was paid. */
  open(intent: Intent, named: readonly string[]): Dispute | null {
    const { chance } = this;
    const chargeId = intent.chargeId!;
    const returned = intent.methodType === 'us_bank_account';
    const inquiry = !returned && chance.happens(0.3);
    const left = this.left(intent, inquiry ? ['pending', 'succeeded'] : ['succeeded']);
    // Some banks do not see what was refunded.
    const blind = !returned && chance.happens(0.15);
    if (!blind && (left <= 0 || (returned && left < intent.amount))) return null;
    // What a bank withdraws while a refund of it waits, that refund does not get.
    if (!inquiry) this.stripe.failPending(chargeId);
    const amount = blind ? intent.amount : returned || chance.happens(0.7) ? left : 1 + chance.below(left);
    const now = this.world.now();
    const id = `dp_d${this.disputes.size + 1}`;
    const dispute: Dispute = { id, chargeId, status: 'needs_response', amount, named: returned ? [] : named, createdAt: now, dueAt: returned ? null : now + chance.of([2, 8, 20]) * DAY, submissions: 0, returned, money: [] }; // prettier-ignore
    this.disputes.set(id, dispute);
    if (returned) {
      this.withdraw(dispute, 0);
      this.say(dispute, 'lost');
    } else if (inquiry) this.inquire(dispute);
    else if (chance.happens(0.08)) this.say(dispute, 'prevented');
    else this.chargeBack(dispute);
    return dispute;
  }

  /** What the buyer has not got back. */
  private left({ id, amount }: Intent, counted: readonly string[] = ['succeeded']): number {
    const refunded = this.stripe.refunds.filter((r) => r.intentId === id && counted.includes(r.status));
    return amount - refunded.reduce((sum, r) => sum + r.amount, 0);
  }

  private intentOf = (d: Dispute): Intent => [...this.stripe.intents.values()].find((i) => i.chargeId === d.chargeId)!;

  /** The key decides; the network takes one submission. */
  submit(key: string, d: Dispute): void {
    if (this.answers.has(key)) return;
    this.answers.add(key);
    if (d.submissions > 0 || !d.status.endsWith('needs_response')) throw new Error(`evidence for ${d.id}, which is ${d.status}, comes too late`); // prettier-ignore
    d.submissions += 1;
    const inquiry = d.status.startsWith('warning');
    this.say(d, inquiry ? 'warning_under_review' : 'under_review');
    this.later(3 * DAY + this.chance.below(40 * DAY), d, () => (inquiry ? this.answerInquiry(d) : this.decide(d)));
  }

  /** The platform accepts the loss. */
  close(key: string, d: Dispute): void {
    if (this.answers.has(key)) return;
    this.answers.add(key);
    if (d.status.startsWith('warning')) return this.say(d, 'warning_closed');
    this.lose(d);
  }

  // ---- what the bank does by itself -------------------------------------------------------------------------------

  private inquire(d: Dispute): void {
    this.say(d, 'warning_needs_response');
    this.later(this.chance.of([DAY, d.dueAt! - d.createdAt]) + this.chance.below(DAY), d, () => this.answerInquiry(d));
  }

  private answerInquiry(d: Dispute): void {
    d.amount = Math.min(d.amount, this.left(this.intentOf(d)));
    if (d.amount <= 0 || this.chance.happens(0.5)) return this.say(d, 'warning_closed');
    this.stripe.failPending(d.chargeId);
    // Whether what was sent to the inquiry counts for the chargeback nobody has written down.
    if (this.chance.happens(0.5)) d.submissions = 0;
    this.chargeBack(d);
  }

  private chargeBack(d: Dispute): void {
    this.withdraw(d, FEE);
    d.dueAt = this.world.now() + this.chance.of([2, 8, 20]) * DAY;
    this.say(d, 'needs_response');
    // Nobody answers, or the bank does not wait for it.
    const waits = this.chance.happens(0.85) ? d.dueAt - this.world.now() + HOUR : this.chance.below(3 * DAY);
    this.later(waits, d, () => this.decide(d));
    if (this.chance.happens(0.05)) this.later(this.chance.below(DAY), d, () => this.unheardOf(d));
  }

  /** A word that nobody here knows yet; then the old one again. */
  private unheardOf(d: Dispute): void {
    const before = d.status;
    this.say(d, 'a_word_of_tomorrow');
    this.later(HOUR + this.chance.below(3 * DAY), d, () => {
      this.say(d, before);
      this.later(5 * DAY + this.chance.below(20 * DAY), d, () => this.decide(d));
    });
  }

  private decide(d: Dispute): void {
    if (this.chance.happens(d.submissions > 0 ? 0.5 : 0.2)) {
      this.giveBack(d, this.taken(d));
      this.say(d, 'won');
      // Taken back: the money is withdrawn again.
      if (this.chance.happens(0.15)) this.later(this.chance.below(20 * DAY), d, () => this.again(d));
      return;
    }
    this.lose(d);
  }

  private lose(d: Dispute): void {
    // Partly: the rest is lost.
    if (this.chance.happens(0.1) && this.taken(d) > 1) this.giveBack(d, 1 + this.chance.below(this.taken(d) - 1));
    this.say(d, 'lost');
    if (this.chance.happens(0.15)) this.later(this.chance.below(20 * DAY), d, () => this.appeal(d));
  }

  private again(d: Dispute): void {
    if (this.left(this.intentOf(d)) < d.amount) return;
    this.stripe.failPending(d.chargeId);
    if (this.chance.happens(0.5)) d.submissions = 0;
    this.chargeBack(d);
  }

  private appeal(d: Dispute): void {
    this.say(d, 'appeal_needs_response');
    this.later(this.chance.below(5 * DAY), d, () => {
      this.say(d, 'appeal_under_review');
      this.later(DAY + this.chance.below(20 * DAY), d, () => {
        if (!this.chance.happens(0.5)) return this.say(d, 'lost');
        this.giveBack(d, this.taken(d));
        this.say(d, 'won');
      });
    });
  }

  // ---- its money --------------------------------------------------------------------------------------------------

  private taken = (d: Dispute): number => -d.money.reduce((sum, bt) => sum + bt.amount, 0);

  private withdraw(d: Dispute, fee: number): void {
    this.stripe.disputed.add(d.chargeId);
    d.money.push({ id: `txn_${d.id}_${++this.numbers}`, amount: -Math.floor((d.amount * this.rate) / 100), fee });
  }

  /** Sometimes with its fee. */
  private giveBack(d: Dispute, amount: number): void {
    d.money.push({ id: `txn_${d.id}_${++this.numbers}`, amount, fee: this.chance.happens(0.5) ? -FEE : 0 });
  }

  private say(d: Dispute, status: string): void {
    d.status = status;
    const holds = !['won', 'lost', 'prevented', 'warning_closed'].includes(status) && !status.startsWith('warning');
    if (holds) this.stripe.disputed.add(d.chargeId);
    else if (![...this.disputes.values()].some((o) => o !== d && o.chargeId === d.chargeId && this.holds(o))) this.stripe.disputed.delete(d.chargeId); // prettier-ignore
    this.world.told(d);
  }

  private holds = ({ status }: Dispute): boolean => !['won', 'lost', 'prevented'].includes(status) && !status.startsWith('warning'); // prettier-ignore

  /** Unless another word came first. */
  private later(ms: number, d: Dispute, act: () => void): void {
    const { status } = d;
    this.underWay += 1;
    this.world.after(ms, () => {
      this.underWay -= 1;
      if (d.status === status) act();
    });
  }
}
