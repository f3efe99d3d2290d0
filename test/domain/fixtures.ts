// Terms and states for the domain's tests: ordinary ones, to be varied by each test.
import type { EscrowState, MilestoneState, MilestoneStatus, Principal } from '../../domain/escrow-state.ts';
import type { FeeSchedule } from '../../domain/fees.ts';
import { DAY_MS } from '../../domain/periods.ts';
import {
  buildTerms,
  type MilestoneProposal,
  type Proposal,
  type Terms,
  type TermsContext,
} from '../../domain/terms.ts';

export const NOW = Date.UTC(2026, 5, 1, 12);

export const BUYER: Principal = { id: 'usr_buyer', role: 'buyer' };
export const SELLER: Principal = { id: 'usr_seller', role: 'seller' };
export const OTHER_SELLER: Principal = { id: 'usr_seller2', role: 'seller' };
export const OPS: Principal = { id: 'usr_ops', role: 'ops' };
export const AUDITOR: Principal = { id: 'usr_auditor', role: 'auditor' };
export const EVERYBODY: readonly Principal[] = [BUYER, SELLER, OTHER_SELLER, OPS, AUDITOR];

export const TEN_PERCENT: FeeSchedule = { id: 'fee_test', vertical: 'general', rateBps: 1000, floor: 0 };

export const context = (more: Partial<TermsContext> = {}): TermsContext => ({
  now: NOW,
  live: false,
  platformCountry: 'US',
  fee: TEN_PERCENT,
  ...more,
});

export const milestone = (more: Partial<MilestoneProposal> = {}): MilestoneProposal => ({
  id: 'ms_1',
  title: 'Part 1',
  amount: 10_000,
  seller_id: SELLER.id,
  ...more,
});

export const proposal = (more: Partial<Proposal> = {}): Proposal => ({
  escrowId: 'esc_1',
  entityId: 'default',
  title: 'A website',
  currency: 'usd',
  vertical: 'general',
  buyerId: BUYER.id,
  funding: 'upfront',
  feePayer: 'seller',
  milestones: [milestone()],
  ...more,
});

/** Two milestones, one for each seller. */
export const twoSellers = (more: Partial<Proposal> = {}): Terms =>
  buildTerms(
    proposal({ milestones: [milestone(), milestone({ id: 'ms_2', title: 'Part 2', seller_id: OTHER_SELLER.id })], ...more }),
    context(),
  ); // prettier-ignore

/** A milestone as it would stand in a status, with what belongs to that status. */
export function milestoneIn(
  status: MilestoneStatus,
  terms: Terms['milestones'][number],
  more: Partial<MilestoneState> = {},
): MilestoneState {
  const unfunded = ['planned', 'awaiting_funding', 'requires_action', 'processing', 'cancelled'].includes(status);
  return {
    id: terms.id,
    revision: 1,
    status,
    sellerId: terms.sellerId,
    title: terms.title,
    amount: terms.amount,
    accepted: 0,
    refunded: 0,
    funds: unfunded ? null : { paymentId: 'pay_1', chargeId: 'ch_1', principal: terms.amount, buyerFee: terms.buyerFee, sellerFee: terms.sellerFee, buyerFeeCharged: terms.buyerFee }, // prettier-ignore
    startsAt: terms.startsAt === null ? null : Date.parse(terms.startsAt),
    dueAt: terms.dueAt === null ? null : Date.parse(terms.dueAt),
    inspectionMs: terms.inspectionMs,
    startedAt: null,
    submittedAt: null,
    note: null,
    deliverableSha256: null,
    changesNote: null,
    rounds: 0,
    inspection:
      status === 'submitted'
        ? { periodMs: 14 * DAY_MS, remainingMs: 14 * DAY_MS, since: NOW, endsAt: NOW + 14 * DAY_MS, reminded: 0, extended: false } // prettier-ignore
        : null,
    fundBy: null,
    releases: [],
    refunds: [],
    refundRequest: null,
    frozenAt: null,
    dispute: null,
    ...more,
  };
}

export function stateOf(terms: Terms, more: Partial<EscrowState> = {}): EscrowState {
  return {
    id: terms.escrowId,
    terms,
    termsHash: 'a'.repeat(64),
    settlementCurrency: null,
    status: 'active',
    revision: 1,
    headRevision: 1,
    createdAt: NOW,
    consents: [BUYER.id],
    agreeUntil: NOW + 7 * DAY_MS,
    fundUntil: NOW + 14 * DAY_MS,
    frozen: [],
    cardDisputes: [],
    milestones: terms.milestones.map((m) => milestoneIn('funded', m)),
    payments: [],
    cancelRequest: null,
    amendment: null,
    ending: null,
    events: [],
    eventSeq: 0,
    ...more,
  };
}
