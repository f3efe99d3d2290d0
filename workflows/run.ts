// One running escrow: its state, how a change is marked and told, and how what an activity will bring is foreseen.
import { condition, log, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { Actor, EscrowSnapshot, EscrowState, MilestoneState, Principal } from '../domain/escrow-state.ts';
import { isEscrowEnd, isMilestoneEnd, snapshotOf } from '../domain/escrow-state.ts';
import { moveEscrow } from '../domain/transitions.ts';
import { currentDetails, searchAttributesOf } from './operator.ts';
import { writeProjection } from './proxies.ts';

export const TIMER: Actor = { kind: 'timer', id: null, role: null };
export const STRIPE: Actor = { kind: 'stripe', id: null, role: null };
export const PLATFORM: Actor = { kind: 'platform', id: null, role: null };
export const person = (p: Principal): Actor => ({ kind: 'person', id: p.id, role: p.role });

type EventData = Record<string, string | number | boolean | null>;

/** A change of the state, told with the numbers that it was given: applied to a copy first, to the state itself later. */
export type Change = (state: EscrowState, mark: Mark) => void;

/** How a change marks what it touched. */
export interface Mark {
  milestone(m: MilestoneState): void;
  head(): void;
  event(type: string, actor: Actor, milestoneId: string | null, data?: EventData): void;
}

/** Numbers set aside for one foreseen change: more than any change uses. */
const RESERVED = 8;

/** Statuses of a payment that may still bring money. */
const OPEN_PAYMENT = new Set(['creating', 'requires_payment_method', 'requires_action', 'processing']);

/** True while a refund of the milestone is asked for or on its way. */
export const hasOpenRefund = (m: MilestoneState): boolean =>
  m.refunds.some((r) => r.status === 'asked' || r.status === 'pending');

/** Why ops look at a milestone: until they have, its refund is neither asked nor read again. */
export const UNANSWERED = 'refund without an answer';

/** An escrow ends when every milestone is at its end, no money is under way and no refund is left `unread`, but for what a bank gave back. */
export function closeIfDone(state: EscrowState, mark: Mark, unread: ReadonlySet<string>): void {
  const atEnd = state.milestones.every(
    (m) => isMilestoneEnd(m.status) && !hasOpenRefund(m) && !m.refunds.some((r) => unread.has(r.id) && r.status !== 'charged_back'), // prettier-ignore
  );
  if ((state.status === 'active' || state.status === 'amending') && atEnd) {
    state.amendment = null;
    moveEscrow(state, 'settle');
    mark.head();
  }
  if (state.status !== 'settling') return;
  const settled =
    atEnd &&
    state.payments.every((p) => !OPEN_PAYMENT.has(p.status) && (p.returned === null || p.returned === 'succeeded'));
  if (!settled) return;
  const end = state.ending ?? 'completed';
  moveEscrow(state, 'end', end);
  mark.head();
  mark.event(`escrow.${end}`, PLATFORM, null);
}

export class EscrowRun {
  state: EscrowState;
  /** Set before continue-as-new: every wait lets go at its next quiet point. */
  handover = false;
  /** Ids of the last commands, so that one repeated after continue-as-new is known. */
  readonly recent: string[];
  /** PaymentIntents and refunds that Stripe spoke of and that are not read again yet. */
  readonly inbox: { payments: string[]; refunds: string[] };
  /** How often each seller was told to be able to receive: an answer that is older than the telling is known by it. */
  readonly activations = new Map<string, number>();
  /** Refunds that are being read again, or could not be: what came through may have come back. */
  readonly unread: Set<string>;
  /** True while a change that a signal brought waits for its projection. */
  unprojected = false;
  private shown = '';

  constructor(state: EscrowState, carried: { recent: string[]; inbox: { payments: string[]; refunds: string[] } }) {
    this.state = state;
    this.recent = carried.recent;
    this.inbox = carried.inbox;
    const looked = state.milestones.filter((m) => state.frozen.some((f) => f.subject === m.id && f.detail === UNANSWERED)); // prettier-ignore
    this.unread = new Set(looked.flatMap((m) => m.refunds.map((r) => r.id)).filter((id) => carried.inbox.refunds.includes(id))); // prettier-ignore
  }

  milestone(id: string): MilestoneState {
    const m = this.state.milestones.find((x) => x.id === id);
    if (!m) throw new Error(`no milestone ${id}`);
    return m;
  }

  /** Applies a change now, with the next numbers. */
  change(change: Change): void {
    const s = this.state;
    const mark = marking(s, () => ++s.revision, () => ++s.eventSeq); // prettier-ignore
    change(s, mark);
    closeIfDone(s, mark, this.unread);
    this.show();
  }

  /** Applies a change that nobody else will project, and projects it. */
  async changeAndProject(change: Change): Promise<void> {
    this.change(change);
    await this.project();
  }

  /** A change that a signal brought: applied now, projected by the `outside` coroutine. */
  later(change: Change): void {
    this.change(change);
    this.unprojected = true;
  }

  /** Projects what signals changed, once for all that came together. */
  async outside(): Promise<void> {
    const over = () => isEscrowEnd(this.state.status);
    while (!this.handover || this.unprojected) {
      await this.until(() => this.unprojected || over());
      if (this.unprojected) {
        this.unprojected = false;
        await this.project();
      } else if (over()) return;
    }
  }

  /**
   * What the state will be when an activity has done its work, for the activity to project in its own transaction. Numbers
   * are reserved now, so that `arrived` gives the same ones, whatever happens meanwhile.
   */
  foresee(change: Change): { after: EscrowSnapshot; arrived: () => Promise<void> } {
    const numbers = { revision: this.state.revision, seq: this.state.eventSeq };
    this.state.revision += RESERVED;
    this.state.eventSeq += RESERVED;
    const apply = (s: EscrowState): ReadonlySet<string> => {
      let revision = numbers.revision;
      let seq = numbers.seq;
      const touched = new Set<string>();
      const mark = marking(s, () => ++revision, () => ++seq, touched); // prettier-ignore
      change(s, mark);
      closeIfDone(s, mark, this.unread);
      return touched;
    };
    const copy = clone(this.state);
    apply(copy);
    const after = snapshotOf(copy);
    return {
      after,
      arrived: async () => {
        const touched = apply(this.state);
        this.stored(after);
        this.show();
        if (!covers(after, snapshotOf(this.state), numbers.revision, touched)) await this.projectNewest();
      },
    };
  }

  /** Projects what stands now. */
  async project(): Promise<void> {
    const snapshot = snapshotOf(this.state);
    await writeProjection(snapshot);
    this.stored(snapshot);
  }

  /** Something changed beside a foreseen change: every part gets a newer number and is written again. */
  private async projectNewest(): Promise<void> {
    const s = this.state;
    s.headRevision = ++s.revision;
    for (const m of s.milestones) m.revision = ++s.revision;
    await this.project();
  }

  /** Events that the projection holds need not travel any longer. */
  private stored(snapshot: EscrowSnapshot): void {
    const known = new Set(snapshot.events.map((e) => e.seq));
    this.state.events = this.state.events.filter((e) => !known.has(e.seq));
  }

  /** Waits until `ready`, at most until `at`; answers whether it became ready. A handover counts as ready. */
  async until(ready: () => boolean, at: number | null = null, summary = ''): Promise<boolean> {
    const free = () => this.handover || ready();
    if (at === null) {
      await condition(free);
      return true;
    }
    return condition(free, Math.max(1, at - Date.now()), { summary });
  }

  /** Tells Temporal UI what this escrow waits for; search attributes only when they changed, because each upsert is billed. */
  private show(): void {
    setCurrentDetails(currentDetails(this.state));
    const wanted = searchAttributesOf(this.state);
    const text = JSON.stringify(wanted.map(({ key, value }) => [key.name, value]));
    if (this.shown === '')
      this.shown = JSON.stringify(searchAttributesOf(initialOf(this.state)).map(({ key, value }) => [key.name, value]));
    if (text === this.shown) return;
    this.shown = text;
    upsertSearchAttributes(wanted);
    log.debug('search attributes', { escrow: this.state.id });
  }

  /** After continue-as-new the attributes stand as they were left. */
  shownAlready(): void {
    this.shown = JSON.stringify(searchAttributesOf(this.state).map(({ key, value }) => [key.name, value]));
    setCurrentDetails(currentDetails(this.state));
  }
}

const initialOf = (s: EscrowState): EscrowState => ({ ...s, status: 'proposed', frozen: [], milestones: [] });

/** The head's name among the parts that a change has touched; the others are milestones' ids. */
const HEAD = 'head';

function marking(
  s: EscrowState,
  nextRevision: () => number,
  nextSeq: () => number,
  touched: Set<string> = new Set(),
): Mark {
  return {
    milestone: (m) => {
      touched.add(m.id);
      m.revision = Math.max(m.revision, nextRevision());
    },
    head: () => {
      touched.add(HEAD);
      s.headRevision = Math.max(s.headRevision, nextRevision());
    },
    event: (type, actor, milestoneId, data = {}) => {
      s.events.push({ seq: nextSeq(), at: Date.now(), type, actor, milestoneId, data });
    },
  };
}

const clone = (s: EscrowState): EscrowState => JSON.parse(JSON.stringify(s)) as EscrowState;

/**
 * True where the projected snapshot holds everything that the foreseen change did. A part that others changed meanwhile has
 * its own way to the projection; a part where both met has not, nor has one that the change touches only now: the end of an
 * escrow whose other releases were overtaken by this one's late answer.
 */
function covers(projected: EscrowSnapshot, now: EscrowSnapshot, base: number, touched: ReadonlySet<string>): boolean {
  const reserved = (revision: number) => revision > base && revision <= base + RESERVED;
  const head = (s: EscrowSnapshot) =>
    JSON.stringify({ ...s, milestones: null, events: null, revision: 0, eventSeq: 0 });
  const ofHead = touched.has(HEAD) || reserved(projected.headRevision) || reserved(now.headRevision);
  if (ofHead && head(projected) !== head(now)) return false;
  return now.milestones.every((m, i) => {
    const p = projected.milestones[i];
    const ofIt = touched.has(m.id) || reserved(m.revision) || (p !== undefined && reserved(p.revision));
    return !ofIt || JSON.stringify(p) === JSON.stringify(m);
  });
}
