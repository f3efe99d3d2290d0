// Everything of one escrow that waits on people at this moment, each with whom it waits on and a key that stays the same
// while it is the same thing: what one person was told of once is not told again, what comes anew is.
import {
  type EscrowState,
  type FreezeReason,
  isEscrowEnd,
  type MilestoneState,
  refundForBank,
} from './escrow-state.ts';
import {
  milestoneWaitings,
  requestWaiting,
  type WaitKind,
  type Waiting,
  waitingFor,
  type WaitingState,
} from './waiting.ts';

/** What a person can be waited for while the escrow lives; the rest waits for Stripe, the platform, or nobody. */
export type PersonWaitKind = Exclude<WaitKind, 'bank' | 'settlement' | 'chargeback' | 'transfer' | 'first_release' | 'refund' | 'refund_owed' | 'reversal' | 'closing' | 'ended'>; // prettier-ignore

export interface Wait {
  kind: PersonWaitKind;
  /** Unique within the escrow. */
  key: string;
  /** Ids of people; empty where all of ops are waited for. */
  people: string[];
  ops: boolean;
  waiting: Waiting;
  /** Title of the milestone; null where it is about the whole escrow. */
  milestone: string | null;
}

export function waitsOf(state: WaitingState, buyerId: string): Wait[] {
  const found = new Map<string, Wait>();
  for (const { waiting, m } of openWaitings(state)) {
    const { who } = waiting;
    if (who === 'stripe' || who === 'platform' || who === 'nobody') continue;
    const wait: Wait = {
      kind: waiting.kind as PersonWaitKind,
      key: keyOf(state, waiting, m),
      people: who === 'ops' ? [] : peopleOf(state, buyerId, waiting, m),
      ops: who === 'ops',
      waiting,
      milestone: m?.title ?? null,
    };
    const known = found.get(wait.key);
    // The same thing over several milestones is one thing, of everybody whom it waits on.
    if (known === undefined) found.set(wait.key, wait);
    else known.people = [...new Set([...known.people, ...wait.people])];
  }
  return [...found.values()];
}

function openWaitings(state: WaitingState): { waiting: Waiting; m: MilestoneState | null }[] {
  if (isEscrowEnd(state.status)) return [];
  if (state.status === 'proposed' || state.status === 'settling') return [{ waiting: waitingFor(state), m: null }];
  const request = requestWaiting(state);
  return [
    ...(request === null ? [] : [{ waiting: request, m: null }]),
    ...state.milestones.flatMap((m) => milestoneWaitings(state, m).map((waiting) => ({ waiting, m }))),
  ];
} // prettier-ignore

function peopleOf(state: WaitingState, buyerId: string, { who, kind }: Waiting, m: MilestoneState | null): string[] {
  const sellers = m === null ? [...new Set(state.milestones.map((each) => each.sellerId))] : [m.sellerId];
  const people = who === 'buyer' ? [buyerId] : who === 'seller' ? sellers : [buyerId, ...sellers];
  const done = kind === 'agree' ? state.consents : kind === 'sign_amendment' ? (state.amendment?.consents ?? []) : [];
  return people.filter((id) => !done.includes(id));
}

const FROZEN_BY = {
  settle_dispute: 'in_product_dispute',
  unfreeze: 'ops',
  clear_fraud_warning: 'fraud_warning',
  look_at_risk: 'risk',
  give_stripe_details: 'seller_restricted',
} as const satisfies Partial<Record<PersonWaitKind, FreezeReason>>;

/** Of whose life this thing is one: a second delivery, another dispute or a later freeze has another key. */
function keyOf(state: WaitingState, { kind, milestone_id }: Waiting, m: MilestoneState | null): string {
  const of = (...parts: (string | number | null | undefined)[]) =>
    [kind, ...parts.map((part) => part ?? '-')].join(':');
  switch (kind as PersonWaitKind) {
    case 'agree':
      return of(state.termsHash);
    case 'cancel_request':
      return of(state.cancelRequest?.at);
    case 'sign_amendment':
      return of(state.amendment?.id);
    case 'pay':
      // Paid in one go, asked for once; in steps, each for itself.
      return m?.fundBy === null ? of() : of(milestone_id);
    case 'confirm_payment': {
      const payment = m === null ? undefined : paymentOf(state, m.id);
      return of(payment?.id, payment?.generation);
    }
    case 'deliver':
      return of(m?.sellerId, m?.funds?.paymentId);
    case 'make_changes':
      return of(milestone_id, m?.rounds);
    case 'review':
      return of(milestone_id, m?.submittedAt);
    case 'refund_request':
      return of(milestone_id, m?.refundRequest?.at);
    case 'reply':
    case 'negotiate':
    case 'rule':
    case 'rule_second':
    case 'dispute_suspended':
      return of(m?.dispute?.id ?? milestone_id);
    case 'settle_dispute':
    case 'unfreeze':
    case 'clear_fraud_warning':
    case 'look_at_risk':
    case 'give_stripe_details':
      return of(state.frozen.find((f) => f.reason === FROZEN_BY[kind as keyof typeof FROZEN_BY])?.since);
    case 'refund_by_bank': {
      const owed = state.milestones.find((each) => each.id === milestone_id);
      return of(owed === undefined ? milestone_id : refundForBank(owed)?.id);
    }
    case 'overdue':
    case 'verify':
    case 'top_up':
      return of(milestone_id);
  }
}

const paymentOf = (state: Pick<EscrowState, 'payments'>, milestoneId: string) =>
  state.payments.find((p) => p.status === 'requires_action' && p.milestoneIds.includes(milestoneId));
