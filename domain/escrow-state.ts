// The one serialisable state of an escrow: what the workflow carries, what the projection stores, what every rule reads.
// Amounts are safe integers here, because this crosses Temporal and JSON; `toMinor` turns them into bigint for arithmetic.
import type { Terms } from './terms.ts';

export type EscrowStatus =
  'proposed' | 'agreed' | 'funding' | 'active' | 'amending' | 'settling' | 'completed' | 'cancelled' | 'expired';

export type MilestoneStatus =
  | 'planned'
  | 'awaiting_funding'
  | 'requires_action'
  | 'processing'
  | 'funded'
  | 'started'
  | 'submitted'
  | 'changes_requested'
  | 'overdue'
  | 'accepted'
  | 'releasing'
  | 'blocked_kyc'
  | 'blocked_funds'
  | 'refunding'
  | 'recovering'
  | 'disputed'
  | 'released'
  | 'refunded'
  | 'cancelled';

export const ESCROW_ENDS: readonly EscrowStatus[] = ['completed', 'cancelled', 'expired'];
export const MILESTONE_ENDS: readonly MilestoneStatus[] = ['released', 'refunded', 'cancelled'];

export type Role = 'buyer' | 'seller' | 'ops' | 'auditor';

/** Who does something: a person with the role in which they act on this escrow. */
export interface Principal {
  id: string;
  role: Role;
}

/** Who or what did something, as the timeline says it. */
export interface Actor {
  kind: 'person' | 'timer' | 'stripe' | 'platform';
  id: string | null;
  role: Role | null;
}

export type FreezeReason =
  'in_product_dispute' | 'card_dispute' | 'fraud_warning' | 'risk' | 'seller_restricted' | 'ops';

export interface Freeze {
  reason: FreezeReason;
  scope: 'milestone' | 'charge' | 'seller' | 'escrow';
  /** Milestone id, charge id, seller id, or the escrow's id. */
  subject: string;
  /** What it is about, for a person: a dispute id, an error code. */
  detail: string;
  since: number;
  /** Of a fraud warning or a risk: when ops must have decided; null once that has passed and they were told again. */
  until?: number | null;
}

/** What a charge brought for one milestone, in the settlement currency. */
export interface SettledFunds {
  paymentId: string;
  chargeId: string;
  principal: number;
  buyerFee: number;
  sellerFee: number;
  /** The buyer's fee as it was charged, terms' currency: terms may change later. */
  buyerFeeCharged: number;
}

/** One accepted part of a milestone on its way to the seller; settlement currency but for `amount`. */
export interface ReleasePart {
  part: number;
  /** Terms' currency. */
  amount: number;
  principal: number;
  sellerFee: number;
  buyerFee: number;
  payable: number;
  /** As it was accepted, where a bank has taken a piece of it since: the ledger has earned these. */
  earned?: { principal: number; sellerFee: number; buyerFee: number };
  status:
    | 'accepted'
    | 'releasing'
    | 'blocked_kyc'
    | 'blocked_funds'
    | 'blocked_ops'
    | 'held_first_release'
    | 'released'
    | 'charged_back'
    | 'withdrawn';
  generation: number;
  transferId: string | null;
  automatic: boolean;
  /** While blocked or held: when it is tried again, or when the seller is reminded. */
  retryAt: number | null;
  nudges: number;
}

/** An accepted part that ops gave back to the buyer after all: what it was, for the posting that undoes it. */
export type WithdrawnPart = Pick<ReleasePart, 'part' | 'principal' | 'sellerFee' | 'buyerFee'>;

/** One refund of what is still held; settlement currency but for `amount` and `chargeAmount`. */
export interface RefundPart {
  id: string;
  part: number;
  /** Principal, terms' currency. */
  amount: number;
  /** What Stripe is asked to refund: principal and returned buyer's fee, terms' currency. */
  chargeAmount: number;
  principal: number;
  buyerFee: number;
  buyerFeeReturned: number;
  /** `charged_back`: never left, because the bank gave the buyer this money first. */
  status: 'asked' | 'pending' | 'succeeded' | 'failed' | 'charged_back';
  generation: number;
  stripeRefundId: string | null;
  reason: string;
  /** Where it goes back to when it fails; `refunding` where nobody can decide over it any more: then it is asked again. */
  before: MilestoneStatus;
  /** It left something undecided. Where all is decided when it fails, it opens nothing again: it is asked again. */
  partial?: true;
  /** Accepted parts that it takes back first. */
  withdrawn?: WithdrawnPart[];
  /** Stripe can make it no more: it waits until two of ops have paid it by bank transfer. */
  needsBank?: true;
  /** Stripe was asked and nobody has its answer: it may be made, so that the bank must not pay it too. */
  unanswered?: true;
  /** Paid by a transfer of the platform's bank, as two of ops have said: Stripe is not asked. */
  bank?: BankTransfer;
}

export interface BankTransfer {
  reference: string;
  approvalId: string;
}

/** A request that the other side answers by the same call, or lets lapse. */
export interface PendingRequest {
  by: string;
  role: Role;
  amount: number;
  reason: string;
  at: number;
  expiresAt: number;
}

export interface Inspection {
  periodMs: number;
  /** Active time left at `since`; a freeze stops it. */
  remainingMs: number;
  since: number;
  /** When it ends if nothing freezes it. */
  endsAt: number;
  reminded: number;
  extended: boolean;
}

export type DisputeStatus = 'open' | 'negotiating' | 'mediation' | 'second_arbiter' | 'settled';

/** An in-product dispute over what is left of one milestone. Amounts are the seller's part, terms' currency. */
export interface DisputeState {
  id: string;
  openedBy: string;
  openedRole: 'buyer' | 'seller';
  reason: string;
  /** What is in dispute: all that was neither accepted nor refunded when it was opened. */
  amount: number;
  /** What the seller would get if the claimant wins. */
  claim: number;
  status: DisputeStatus;
  /** Last offer of each side: what it would let the seller have. */
  offers: { buyer: number | null; seller: number | null };
  /** When the present stage ends. */
  until: number;
  /** Status of the milestone before. */
  before: MilestoneStatus;
  outcome: {
    sellerAmount: number;
    how: 'silence' | 'agreed' | 'ruled' | 'default';
    by: string | null;
    reason: string;
    at: number;
  } | null;
}

export interface MilestoneState {
  id: string;
  /** The escrow's revision at this milestone's last change: the projection applies only what is newer. */
  revision: number;
  status: MilestoneStatus;
  sellerId: string;
  title: string;
  amount: number;
  /** Principal accepted or let pass, terms' currency. */
  accepted: number;
  /** Principal refunded or reserved for a refund, terms' currency. */
  refunded: number;
  funds: SettledFunds | null;
  startsAt: number | null;
  dueAt: number | null;
  inspectionMs: number;
  startedAt: number | null;
  submittedAt: number | null;
  note: string | null;
  deliverableSha256: string | null;
  changesNote: string | null;
  rounds: number;
  inspection: Inspection | null;
  /** When an unfunded milestone of a per-milestone escrow is given up. */
  fundBy: number | null;
  releases: ReleasePart[];
  refunds: RefundPart[];
  refundRequest: PendingRequest | null;
  /** Since when something freezes it: its deadlines are moved by that much when the last freeze ends. */
  frozenAt: number | null;
  dispute: DisputeState | null;
}

export type PaymentStatus = 'creating' | 'requires_payment_method' | 'requires_action' | 'processing' | 'succeeded' | 'canceled'; // prettier-ignore

/** One PaymentIntent over one or more milestones. */
export interface PaymentState {
  id: string;
  milestoneIds: string[];
  /** Terms' currency. */
  amount: number;
  status: PaymentStatus;
  /** Attempt to create or confirm: part of the idempotency key. */
  generation: number;
  /** Of a payment by Checkout known from Stripe's first word of it: the session makes it when the buyer confirms. */
  paymentIntentId: string | null;
  /** Paid on Stripe's own page instead of ours; without a session until Stripe has answered. */
  checkout?: { sessionId: string | null };
  /** The buyer pays another way: it is cancelled for that, and nobody is told of a failure. */
  replaced?: true;
  chargeId: string | null;
  methodType: string | null;
  paidAt: number | null;
  declineCode: string | null;
  actionUntil: number | null;
  /** An activity is at work on it: its answer decides over its milestones. */
  busy: boolean;
  /** The buyer left the authentication: the PaymentIntent is being cancelled. */
  abandoned: boolean;
  /** Money that arrived after the escrow was given up goes back whole: its refund's status. */
  returned: Exclude<RefundPart['status'], 'charged_back'> | null;
  returnGeneration: number;
}

/** New terms that wait for signatures. */
export interface AmendmentState {
  id: string;
  by: string;
  role: Role;
  terms: Terms;
  termsHash: string;
  consents: string[];
  until: number;
}

/** One line of the timeline; numbers rise, and a number that was reserved but not needed is left out. */
export interface EscrowEvent {
  seq: number;
  at: number;
  type: string;
  actor: Actor;
  milestoneId: string | null;
  data: Record<string, string | number | boolean | null>;
}

export interface EscrowState {
  id: string;
  terms: Terms;
  termsHash: string;
  settlementCurrency: string | null;
  status: EscrowStatus;
  /** Last revision given out; rises with every change. */
  revision: number;
  /** Revision of the last change above the milestones. */
  headRevision: number;
  createdAt: number;
  consents: string[];
  agreeUntil: number;
  fundUntil: number | null;
  frozen: Freeze[];
  /** Card disputes that this escrow was told of; an ended one stays, because `closed` may come before `created`. */
  cardDisputes: {
    id: string;
    state: 'open' | 'lifted' | 'lost';
    chargeId?: string;
    round?: number;
    taken?: boolean;
    told?: string[];
    returned?: true;
  }[];
  /** Matches of buyer and seller that were frozen once: ops have looked, or look. */
  risks?: string[];
  milestones: MilestoneState[];
  payments: PaymentState[];
  cancelRequest: PendingRequest | null;
  amendment: AmendmentState | null;
  /** Set when the escrow was given up: what is held goes back and the end is `cancelled` or `expired`. */
  ending: 'cancelled' | 'expired' | null;
  /** Events not yet known to be stored; `eventSeq` is the last number given. */
  events: EscrowEvent[];
  eventSeq: number;
}

/** What crosses to the projection: the state without its terms, which are stored once per version. */
export type EscrowSnapshot = Omit<EscrowState, 'terms'> & { termsVersion: number };

export function snapshotOf(state: EscrowState): EscrowSnapshot {
  const { terms, ...rest } = state;
  return { ...rest, termsVersion: terms.version };
}

export const isMilestoneEnd = (status: MilestoneStatus): boolean => MILESTONE_ENDS.includes(status);
export const isEscrowEnd = (status: EscrowStatus): boolean => ESCROW_ENDS.includes(status);

/** Principal neither accepted nor refunded, terms' currency. */
export const openAmount = (m: Pick<MilestoneState, 'amount' | 'accepted' | 'refunded'>): number =>
  m.amount - m.accepted - m.refunded;

/** A refund that Stripe can make no more and that nobody has paid yet: the buyer is owed it by bank transfer. */
export const refundForBank = (m: Pick<MilestoneState, 'refunds'>): RefundPart | null =>
  m.refunds.find((r) => r.status === 'asked' && r.needsBank === true && r.bank === undefined) ?? null;

/** Parts that are the seller's, or on their way there. */
export const standingParts = (m: Pick<MilestoneState, 'releases'>): ReleasePart[] =>
  m.releases.filter((r) => r.status !== 'charged_back' && r.status !== 'withdrawn');

/** Of what counts as refunded: what the buyer's bank took by a dispute or a returned debit, terms' currency. */
export const chargedBackAmount = (m: Pick<MilestoneState, 'refunds' | 'releases'>): number =>
  [
    ...m.refunds.filter((r) => r.status === 'charged_back' || r.id.startsWith('dsp_')),
    ...m.releases.filter((r) => r.status === 'charged_back'),
  ].reduce((sum, part) => sum + part.amount, 0);

/** Accepted for a seller who cannot receive it, terms' currency. */
export const blockedAmount = (m: Pick<MilestoneState, 'releases'>): number =>
  m.releases.reduce((sum, r) => sum + (r.status === 'blocked_kyc' ? r.amount : 0), 0);

/** Ops look whether the money is what it seems. The seller gets nothing meanwhile; ops may give it back to the buyer. */
export const isReview = (f: Pick<Freeze, 'reason'>): boolean => f.reason === 'fraud_warning' || f.reason === 'risk';

/** Freezes that cover a milestone, in any of the four scopes. */
export function freezesOver(state: Pick<EscrowState, 'frozen'>, m: MilestoneState): Freeze[] {
  return state.frozen.filter(
    (f) =>
      f.scope === 'escrow' ||
      (f.scope === 'milestone' && f.subject === m.id) ||
      (f.scope === 'seller' && f.subject === m.sellerId) ||
      (f.scope === 'charge' && m.funds !== null && f.subject === m.funds.chargeId),
  );
}
