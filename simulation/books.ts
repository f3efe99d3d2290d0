// The simulated ledger and the rows that guard it: what stands for each milestone and charge, movements, release parts, and the
// database's own refusals (`charge_not_overdrawn`, `not_overdrawn`).
import type { RefundOrder } from '../activities/contract.ts';

/** Something that must never be: names the invariant. */
export class Broken extends Error {
  override name = 'Broken';
}

/** What a constraint of the database refuses. An activity that does not expect it has broken something. */
export class Overdrawn extends Broken {
  override name = 'Overdrawn';
  readonly constraint: Constraint;

  constructor(constraint: Constraint, message: string) {
    super(message);
    this.constraint = constraint;
  }
}

/** Of a charge's row, and of a balance of the ledger. */
export type Constraint = 'charge_not_overdrawn' | 'not_overdrawn';

/** Guards that a test may take out, to see that the seeds notice. */
export interface Guards {
  /** Activities use the key that the workflow's facts give, not a new one each time. */
  keys: boolean;
  /** Postings are made once per key. */
  postings: boolean;
  /** The projection takes only newer revisions. */
  revisions: boolean;
  /** What was taken back from a seller in vain is paid again. */
  compensations: boolean;
}
export const ALL_GUARDS: Guards = { keys: true, postings: true, revisions: true, compensations: true }; // prettier-ignore

/** Settlement currency. */
export interface HeldMilestone {
  paymentId: string;
  sellerId: string;
  held: number;
  feeUnearned: number;
  payable: number;
  transferred: number;
  refunded: number;
  chargedBack: number;
  fees: number;
  funded: number;
  /** Of what was released: paid debts of the seller instead. */
  setOff: number;
  /** Taken back from the seller and not paid again; on its way to the buyer; what the seller owes. */
  takenBack: number;
  onHold: number;
  owed: number;
  /** Of a debt that turned out to be none, paid by its seller before: it is transferred to them again. */
  paidInVain: number;
  /** Of a loss that the terms leave with the platform. */
  absorbed: number;
}

export interface Movement {
  kind: 'transfer' | 'refund';
  status: 'reserved' | 'pending' | 'succeeded' | 'failed';
  chargeId: string;
  milestoneId: string | null;
  amount: number;
  stripeId: string | null;
  code: string | null;
  /** Of a refund: what it was asked as. */
  order: RefundOrder | null;
  /** Stripe's refusal of the last key; when it was called last. */
  refused: string | null;
  calledAt: number;
  /** Pays a seller again what was taken back for this. */
  recoveryId: string | null;
}

export interface Charge {
  paymentId: string;
  captured: number;
  allocated: boolean;
  transferred: number;
  refunded: number;
  reversed: number;
  /** By banks, less what they gave back. */
  withdrawn: number;
  /** Debts of sellers and losses of the platform: by so much more may leave than came. */
  allowance: number;
  /** What a bank took while nobody has borne it: posted, never refused. */
  observed: number;
}

/** A release part as it was accepted, and what a lost dispute took of it. */
export interface Part {
  milestoneId: string;
  part: number;
  payable: number;
  taken: number;
  /** Paid debts of its seller. */
  setOff: number;
  withdrawn: boolean;
}

export class Books {
  readonly milestones = new Map<string, HeldMilestone>();
  readonly charges = new Map<string, Charge>();
  readonly movements = new Map<string, Movement>();
  /** By the id that its transfer has, or would have. */
  readonly parts = new Map<string, Part>();
  readonly postings = new Set<string>();
  /** Further tables of flat rows that a transaction may write. */
  readonly more: Map<string, object>[] = [];
  /** The world's clock. */
  now: () => number = () => 0;
  protected readonly guards: Guards;
  private attempts = 0;
  /** Keys posted since `atomically` began; null outside of it. */
  private posted: string[] | null = null;

  constructor(guards: Guards) {
    this.guards = guards;
  }

  key(...parts: (string | number)[]): string {
    return parts.join(':') + (this.guards.keys ? '' : `:${++this.attempts}`);
  }

  /** Posts once per key. @throws Overdrawn */
  post(key: string, legs: () => void): void {
    if (this.guards.postings && this.postings.has(key)) return;
    this.postings.add(key);
    this.posted?.push(key);
    legs();
    // As the activities write: the charge's row first, then the ledger.
    for (const [id, c] of this.charges) {
      if (c.transferred - c.reversed + c.refunded + c.withdrawn > c.captured + c.allowance + c.observed) throw new Overdrawn('charge_not_overdrawn', `${key} takes more out of ${id} than it brought: ${JSON.stringify(c)}`); // prettier-ignore
    }
    for (const [id, m] of this.milestones) {
      if (m.held < 0 || m.feeUnearned < 0 || m.payable < 0 || m.onHold < 0 || m.takenBack < 0) {
        throw new Overdrawn('not_overdrawn', `${key} leaves ${id} with held ${m.held}, fee ${m.feeUnearned}, payable ${m.payable}, on hold ${m.onHold}`); // prettier-ignore
      }
    }
  }

  /** The constraint at which `atomically` answered null last. */
  refusedBy: Constraint | null = null;

  /** All of `work`, or nothing where a constraint refuses: as one transaction. Null: refused, which only a bank's taking explains. */
  atomically<T>(chargeId: string, work: () => T): T | null {
    const before = [this.milestones, this.charges, this.movements, this.parts, ...this.more].map((table) =>
      copyOf(table),
    );
    this.posted = [];
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Overdrawn) || !this.takenByBank(chargeId)) throw error;
      for (const undo of before) undo();
      for (const key of this.posted) this.postings.delete(key);
      this.refusedBy = error.constraint;
      return null;
    } finally {
      this.posted = null;
    }
  }

  /** A bank has taken money of the charge, now or before. */
  private takenByBank(chargeId: string): boolean {
    return this.banksAt.has(chargeId);
  }
  readonly banksAt = new Set<string>();

  /** Writes the movement's row, or finds it. */
  reserve(id: string, of: Pick<Movement, 'kind' | 'chargeId' | 'milestoneId' | 'amount'> & { recoveryId?: string }): Movement {
    const known = this.movements.get(id);
    if (known) return known;
    const movement: Movement = { status: 'reserved', stripeId: null, code: null, order: null, refused: null, calledAt: this.now(), recoveryId: null, ...of };
    this.movements.set(id, movement);
    return movement;
  } // prettier-ignore

  milestone(id: string): HeldMilestone {
    const m = this.milestones.get(id);
    if (!m) throw new Broken(`money moves for ${id}, which was never paid for`);
    return m;
  }

  /** Accepted and neither transferred, set off nor taken, the last ones first. */
  acceptedParts(milestoneId: string): { part: number; left: number }[] {
    const left = ([id, p]: [string, Part]) => (p.withdrawn || this.movements.get(id)?.status === 'succeeded' ? 0 : p.payable - p.taken - p.setOff); // prettier-ignore
    return [...this.parts]
      .filter(([, p]) => p.milestoneId === milestoneId)
      .map((of) => ({ part: of[1].part, left: left(of) }))
      .filter((p) => p.left > 0)
      .sort((a, b) => b.part - a.part);
  }

  /** Makes the part's transfer smaller, or takes it away. Its posting is the caller's. */
  takeOfPart({ milestoneId, part, minor }: { milestoneId: string; part: number; minor: number }): void {
    const id = transferIdOf(milestoneId, part);
    this.parts.get(id)!.taken += minor;
    const movement = this.movements.get(id);
    if (movement === undefined) return;
    if (movement.amount === minor) movement.status = 'failed';
    else movement.amount -= minor;
    this.charges.get(movement.chargeId)!.transferred -= minor;
  }
}

export const transferIdOf = (milestoneId: string, part: number): string => `trf_${milestoneId.slice(3)}_${part}`;

/** Answers what brings a table of flat rows back to how it is now. */
function copyOf(table: Map<string, object>): () => void {
  const rows = [...table].map(([id, row]) => [id, row, { ...row }] as const);
  return () => {
    table.clear();
    for (const [id, row, before] of rows) table.set(id, Object.assign(row, before));
  };
}
